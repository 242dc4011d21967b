"""The public contract as data: one JSON Schema (draft 2020-12) for each type of message.

The files under ``schemas/`` are what other teams work with; the door holds every event against
them, and tests every message that the portal sends. What they cannot say, such as an order or a
sum, is said where an event is applied.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.problems import HIDDEN_CHARACTERS, N_
from portal.text import is_readable, without_hidden

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

SCHEMAS = Path(__file__).resolve().parent / "schemas"
ENVELOPE, COMMON = "envelope.v1", "common.v1"
_MOST = 20
_MOST_VALUES = 12


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: where in the envelope (RFC 6901), and what, as a message id."""

    pointer: str
    msgid: str
    params: tuple[tuple[str, Any], ...] = ()


def names() -> list[str]:
    """The schemas, by name."""
    return sorted(path.name.removesuffix(".json") for path in SCHEMAS.glob("*.json"))


@cache
def text_of(name: str) -> bytes | None:
    """A schema as it is published, or None."""
    path = SCHEMAS / f"{name}.json"
    return path.read_bytes() if name in names() else None


def of_envelope(envelope: Any) -> list[Violation]:
    """What is wrong with the attributes of an envelope."""
    return _violations(ENVELOPE, envelope, "")


def of_data(kind: str, data: Mapping[str, Any]) -> list[Violation]:
    """What is wrong with the data of a message of a type of the contract."""
    return _violations(kind, data, "/data")


def of_type(kind: str) -> Violation:
    """The type itself is none of the contract."""
    return Violation("/type", N_("{type} is no type that a center sends"), (("type", kind),))


def _violations(name: str, instance: Any, prefix: str) -> list[Violation]:
    found = [
        Violation(prefix + _pointer(path), HIDDEN_CHARACTERS)
        for path, text in _texts(instance)
        if not is_readable(text, lines=True)
    ]
    for error in _validator(name).iter_errors(instance):
        found += [
            Violation(prefix + each.pointer, each.msgid, each.params) for each in _told(error)
        ]
    return sorted(set(found), key=lambda each: (each.pointer, each.msgid))[:_MOST]


def _told(error: "ValidationError") -> Iterator[Violation]:
    path, rule = list(error.absolute_path), str(error.validator)
    limit: Any = error.validator_value
    given: Any = error.instance
    here = _pointer(path)
    match rule:
        case "required":
            for name in limit:
                if name not in given:
                    yield Violation(_pointer([*path, name]), N_("This field is missing"))
        case "type":
            kinds = " | ".join(limit) if isinstance(limit, list) else str(limit)
            yield Violation(here, N_("This must be of the type {type}"), (("type", kinds),))
        case "enum" | "const":
            values = limit[:_MOST_VALUES] if rule == "enum" else [limit]
            told = ", ".join(str(value) for value in values)
            yield Violation(here, N_("This must be one of: {values}"), (("values", told),))
        case "maxLength" | "maxItems" | "maximum" | "maxProperties":
            yield Violation(here, N_("This is more than {limit}"), (("limit", str(limit)),))
        case "minLength" | "minItems" | "minimum":
            yield Violation(here, N_("This is less than {limit}"), (("limit", str(limit)),))
        case "uniqueItems":
            yield Violation(here, N_("Something stands in this list twice"))
        case _:
            yield Violation(here, N_("This is not written as the schema says"))


def _texts(value: Any) -> Iterator[tuple[list[str | int], str]]:
    """Every text in ``value`` with its path; the names of an object's members are texts too."""
    waiting: list[tuple[list[str | int], Any]] = [([], value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, str):
            yield path, each
        elif isinstance(each, dict):
            yield from ((path, name) for name in each)
            waiting += [([*path, name], member) for name, member in each.items()]
        elif isinstance(each, list):
            waiting += [([*path, index], member) for index, member in enumerate(each)]


def _pointer(path: list[str | int]) -> str:
    parts = (without_hidden(str(part))[:60] for part in path)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


@cache
def _validator(name: str) -> "Validator":
    # dear to import, and most processes never look at a message
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    common = json.loads(text_of(COMMON) or b"")["$defs"]
    schema = _inlined(json.loads(text_of(name) or b""), common)
    checks = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator(schema, format_checker=checks)


def _inlined(value: Any, common: Mapping[str, Any]) -> Any:
    """The schema with the common parts in the place of their names: following them for every event
    anew takes as long as all the rest. What stands beside a name is a description only."""
    if isinstance(value, list):
        return [_inlined(each, common) for each in value]
    if not isinstance(value, dict):
        return value
    part = common[value["$ref"].rpartition("/")[2]] if "$ref" in value else {}
    whole = {**part, **value}
    return {
        key: _inlined(each, common)
        for key, each in whole.items()
        if key not in {"$ref", "$id", "$schema"}
    }
