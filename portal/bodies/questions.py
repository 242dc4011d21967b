"""A body's question as it is sent: its schema, which is published, and how it is read.

Everything wrong is told at once. What the schema cannot say (a center that exists, a number that
people could have written) is added to what it says.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from portal.bodies import purposes
from portal.bodies.accounts import Body
from portal.bodies.answering import Question
from portal.bodies.model import Purpose
from portal.bodies.purposes import ESTIMATED_VALUE, OWNER_MATCH
from portal.permits.numbers import FIRST_YEAR, PermitNumber, read_number, read_parts
from portal.places.model import Places
from portal.problems import N_
from portal.text import clean
from portal.violations import Violation, of_schema

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_ASKED: Mapping[str, Any] = {
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
        "type": ["string", "object"],
        "minLength": 1,
        "maxLength": 60,
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
_USER: Mapping[str, Any] = {
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
    "properties": {**_USER, **_ASKED},
    "required": ["user", "reference"],
    "additionalProperties": False,
}
_BY: list[dict[str, Any]] = [
    {"required": ["center", "number"], "not": {"required": ["serial"]}},
    {
        "required": ["serial"],
        "not": {"anyOf": [{"required": ["center"]}, {"required": ["number"]}]},
    },
]
QUESTION: Mapping[str, Any] = {**_SHAPE, "oneOf": _BY}
"""The schema of one question (JSON Schema 2020-12)."""


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
    if wrong:
        return wrong
    texts = ("user", "reference", "center", "serial", "owner_name", "consent_code")
    return Question(number=number, **{name: clean(given.get(name, "")) for name in texts})


def _number(given: Any, this_year: int) -> PermitNumber | None:
    if isinstance(given, str):
        return read_number(given, this_year)
    letter = given.get("letter", "")
    number = f"{int(given['number'])}/{letter}" if letter else str(int(given["number"]))
    return read_parts(number, str(int(given["year"])), this_year)


def unwanted(body: Body, purpose: Purpose, question: Question) -> list[Violation]:
    """What the body sent and may not know an answer to: it should not send it at all."""
    agreement = body.agreements[purpose]
    told = agreement.fields.intersection(purposes.fields_of(body.kind, purpose))
    return [
        Violation(f"/{name}", N_("This was not agreed for the purpose: leave it out"))
        for name, field, sent in (
            ("owner_name", OWNER_MATCH, question.owner_name),
            ("consent_code", ESTIMATED_VALUE, question.consent_code),
        )
        if sent and field not in told
    ]
