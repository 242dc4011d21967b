"""The public contract as data: one JSON Schema (draft 2020-12) for each type of message.

The files under ``schemas/`` are what other teams work with; the door holds every event against
them, and tests every message that the portal sends. What they cannot say, such as an order or a
sum, is said where an event is applied.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.problems import N_
from portal.violations import Violation, of_schema

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

SCHEMAS = Path(__file__).resolve().parent / "schemas"
ENVELOPE, COMMON = "envelope.v1", "common.v1"


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
    return of_schema(_validator(name), instance, prefix)


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
