"""A body's question as it is sent: its schema, which is published, and how it is read.

Everything wrong is told at once. What the schema cannot say (a center that exists, a number that
people could have written) is added to what it says.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from portal.bodies import purposes
from portal.bodies.accounts import Body
from portal.bodies.answering import Question
from portal.bodies.model import Purpose
from portal.bodies.purposes import ESTIMATED_VALUE, OWNER_MATCH
from portal.permits.numbers import FIRST_YEAR, PermitNumber, read_number, read_parts
from portal.places.model import Places
from portal.problems import HIDDEN_CHARACTERS, N_
from portal.text import clean, is_readable
from portal.violations import Violation, of_schema

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

NUMBER_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1, "maxLength": 60}
NUMBER_PARTS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "minimum": 1, "maximum": 999_999},
        "letter": {
            "type": "string",
            "pattern": "^[A-Za-z\u0621-\u063a\u0641-\u064a]?$",
            "maxLength": 1,
        },
        "year": {"type": "integer", "minimum": FIRST_YEAR, "maximum": 2200},
    },
    "required": ["number", "year"],
    "additionalProperties": False,
}
ASKED: Mapping[str, Any] = {
    "reference": {
        "type": "string",
        "minLength": 1,
        "maxLength": 60,
        "pattern": r"\S",
        "description": "Your own number of the letter or file for which you ask. It is written "
        "into the log and into the signed answer.",
    },
    "center": {
        "type": "string",
        "pattern": "^[A-Z]{1,3}-[0-9]{3}$",
        "description": "Code of the technology center that issued the permit, of your governorate.",
    },
    "number": {
        **NUMBER_TEXT,
        **NUMBER_PARTS,
        "type": ["string", "object"],
        "description": "The permit's number as people write it, in digits of any script, such as "
        "`215/2025`, `٢٥ لسنة ٢٠٢٣` or `56/م/1998`; or its parts.",
    },
    "serial": {
        "type": "string",
        "pattern": "^[0-9a-z]{20}$",
        "description": "The code on the sign of the site, instead of center and number.",
    },
    "owner_name": {
        "type": "string",
        "minLength": 1,
        "maxLength": 120,
        "description": "A name to be compared with the owners', where that was agreed. It is "
        "answered with `owner_match`, is not kept, and is never told.",
    },
    "consent_code": {
        "type": "string",
        "minLength": 1,
        "maxLength": 40,
        "description": "The code by which the owner lets you know the estimated value, where that "
        "was agreed.",
    },
}
USER: Mapping[str, Any] = {
    "user": {
        "type": "string",
        "minLength": 1,
        "maxLength": 40,
        "description": "The employee who asks, as registered with the governorate.",
    },
    "purpose": {
        "type": "string",
        "enum": [purpose.value for purpose in Purpose],
        "description": "What the answer is for; may be left out when the token is for one purpose.",
    },
}
_SHAPE: Mapping[str, Any] = {
    "type": "object",
    "properties": {**USER, **ASKED},
    "required": ["user", "reference"],
    "additionalProperties": False,
}


_TEXTS = ("user", "reference", "center", "serial", "owner_name", "consent_code")


def published(name: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    """``shape`` as two schemas that exclude each other, by which clients are generated: asked by
    center and number, or by the code of a sign."""

    def naming(suffix: str, description: str, needed: Sequence[str], *left_out: str) -> Any:
        members = {k: v for k, v in shape["properties"].items() if k not in left_out}
        if "number" in members:
            told = members["number"]["description"]
            either = [dict(NUMBER_TEXT), {"$ref": "#/components/schemas/NumberParts"}]
            members["number"] = {"oneOf": either, "description": told}
        required = [*shape.get("required", ()), *needed]
        return {
            f"{name}{suffix}": {
                **shape,
                "description": description,
                "properties": members,
                "required": required,
            }
        }

    return {
        name: {
            "description": "By center and number, or by the code of a sign.",
            "oneOf": [
                {"$ref": f"#/components/schemas/{name}ByNumber"},
                {"$ref": f"#/components/schemas/{name}BySign"},
            ],
        },
        **naming("ByNumber", "By center and number.", ("center", "number"), "serial"),
        **naming("BySign", "By the code of a sign.", ("serial",), "center", "number"),
    }


def question_schemas() -> dict[str, Any]:
    """The schemas of one question (JSON Schema 2020-12), by name."""
    return {**published("Question", _SHAPE), "NumberParts": dict(NUMBER_PARTS)}


@cache
def _validator() -> "Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - dear to import

    return Draft202012Validator(_SHAPE)


def read_question(
    given: Any, places: Places, this_year: int, prefix: str = ""
) -> Question | list[Violation]:
    """The question, or everything that is wrong with it; ``prefix`` is the pointer of where it
    stands in what was sent."""
    wrong = of_schema(_validator(), given, prefix)
    if not isinstance(given, dict):
        return wrong
    pointed = {each.pointer for each in wrong}
    number: PermitNumber | None = None
    if "serial" in given:
        wrong += [
            Violation(f"{prefix}/{name}", N_("Send the code of the sign, or center and number"))
            for name in ("center", "number")
            if name in given
        ]
    else:
        wrong += [
            Violation(f"{prefix}/{name}", N_("This field is missing"))
            for name in ("center", "number")
            if name not in given
        ]
        if "number" in given and not any(p.startswith(f"{prefix}/number") for p in pointed):
            number = _number(given["number"], this_year)
            if number is None:
                told = N_("Write the number and the year as they stand on the permit")
                wrong.append(Violation(f"{prefix}/number", told))
    if f"{prefix}/center" not in pointed and given.get("center", "") not in {"", *places.centers}:
        wrong.append(Violation(f"{prefix}/center", N_("There is no such center")))
    texts = {name: given[name] for name in _TEXTS if name in given}
    wrong += [
        each for each in unkeepable(texts, prefix) if each.pointer not in {w.pointer for w in wrong}
    ]
    if wrong:
        return wrong
    return Question(number=number, **{name: clean(texts.get(name, "")) for name in _TEXTS})


def unkeepable(texts: Mapping[str, Any], prefix: str = "") -> list[Violation]:
    """Texts of one line that the schema takes and that cannot be kept: with controls in them, with
    nothing to be seen, or longer once they are composed (Unicode's NFC)."""
    wrong = []
    for name, text in texts.items():
        most = {**USER, **ASKED}[name].get("maxLength")
        if not isinstance(text, str):
            continue  # the schema says so
        if not is_readable(text):
            wrong.append(Violation(f"{prefix}/{name}", HIDDEN_CHARACTERS))
        elif not clean(text):
            wrong.append(Violation(f"{prefix}/{name}", N_("This field is missing")))
        elif most is not None and len(clean(text)) > most:
            told, limit = N_("This is more than {limit}"), (("limit", str(most)),)
            wrong.append(Violation(f"{prefix}/{name}", told, limit))
    return wrong


def _number(given: Any, this_year: int) -> PermitNumber | None:
    if isinstance(given, str):
        return read_number(given, this_year)
    letter = given.get("letter", "")
    number = f"{int(given['number'])}/{letter}" if letter else str(int(given["number"]))
    return read_parts(number, str(int(given["year"])), this_year)


def unwanted(body: Body, purpose: Purpose, question: Question, prefix: str = "") -> list[Violation]:
    """What the body sent and may not know an answer to: it should not send it at all."""
    agreement = body.agreements[purpose]
    told = agreement.fields.intersection(purposes.fields_of(body.kind, purpose))
    return [
        Violation(f"{prefix}/{name}", N_("This was not agreed for the purpose: leave it out"))
        for name, field, sent in (
            ("owner_name", OWNER_MATCH, question.owner_name),
            ("consent_code", ESTIMATED_VALUE, question.consent_code),
        )
        if sent and field not in told
    ]
