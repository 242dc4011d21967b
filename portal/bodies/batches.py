"""A batch as it is sent: its schema, which is published, and how it is read.

All lines are looked at before one is accepted, and everything wrong with any of them is told at
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from portal.bodies.answering import Question
from portal.bodies.model import LARGEST_BATCH
from portal.bodies.questions import ASKED, USER, published, read_question, unkeepable
from portal.places.model import Places
from portal.problems import N_
from portal.text import clean
from portal.violations import Violation, of_schema

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_OF_ALL = tuple(USER)
_REFERENCE = ASKED["reference"]
_LINE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        **ASKED,
        "reference": {
            **_REFERENCE,
            "description": "Your own number of this line; without it, the batch's.",
        },
    },
    "additionalProperties": False,
}
_SHAPE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        **USER,
        "reference": _REFERENCE,
        "questions": {
            "type": "array",
            "minItems": 1,
            "maxItems": LARGEST_BATCH,
            "items": {"type": "object"},
            "description": "Answered in this order.",
        },
    },
    "required": ["user", "reference", "questions"],
    "additionalProperties": False,
}


def batch_schemas() -> dict[str, Any]:
    """The schemas of a batch and of its lines (JSON Schema 2020-12), by name."""
    lines = {**_SHAPE["properties"]["questions"], "items": {"$ref": "#/components/schemas/Line"}}
    batch = {**_SHAPE, "properties": {**_SHAPE["properties"], "questions": lines}}
    return {"Batch": batch, **published("Line", _LINE)}


# stands in for what is wrong above the lines, so that each line is still looked at
_ANY = {"user": "any", "reference": "any"}


@dataclass(frozen=True)
class Batch:
    """A batch that was read; its questions in order."""

    reference: str
    questions: tuple[Question, ...]


@cache
def _validator() -> "Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - dear to import

    return Draft202012Validator(_SHAPE)


def read_batch(given: Any, places: Places, this_year: int) -> Batch | list[Violation]:
    """The batch, or everything that is wrong with it."""
    if not isinstance(given, dict):
        return of_schema(_validator(), given)
    lines = given.get("questions")
    # hidden characters and the like within a line are told with the line
    bare = [{} for _ in lines] if isinstance(lines, list) else lines
    above = {**given, "questions": bare} if "questions" in given else given
    wrong = of_schema(_validator(), above)
    own = {name: given[name] for name in _ANY if name in given}
    pointed = {each.pointer for each in wrong}
    wrong += [each for each in unkeepable(own) if each.pointer not in pointed]
    shared = _ANY if any(each.pointer[1:] in _ANY for each in wrong) else own
    questions: list[Question] = []
    for index, line in enumerate(lines[:LARGEST_BATCH] if isinstance(lines, list) else ()):
        read = _read_line(line, shared, places, this_year, f"/questions/{index}")
        if isinstance(read, list):
            wrong += read
        else:
            questions.append(read)
    return wrong or Batch(clean(given["reference"]), tuple(questions))


def _read_line(
    line: Any, shared: Mapping[str, str], places: Places, this_year: int, prefix: str
) -> Question | list[Violation]:
    if not isinstance(line, dict):
        return read_question(line, places, this_year, prefix)
    told = N_("Say this once, above the lines")
    wrong = [Violation(f"{prefix}/{name}", told) for name in _OF_ALL if name in line]
    own = {name: value for name, value in line.items() if name not in _OF_ALL}
    read = read_question({**shared, **own}, places, this_year, prefix)
    if wrong and isinstance(read, Question):
        return wrong
    return wrong + read if isinstance(read, list) else read
