"""Messages against the JSON Schemas of the contract."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

ENVELOPE = "envelope.v1"
_COMMON = "common.v1.json"
_MOST = 5


class Contract:
    """The schemas of one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        common = Resource.from_contents(json.loads((folder / _COMMON).read_text("utf-8")))
        self._registry = Registry().with_resource(_COMMON, common)
        self._types = frozenset(path.name.removesuffix(".json") for path in folder.glob("*.json"))
        self._validator = cache(self._made)

    def knows(self, kind: str) -> bool:
        """Whether this is a type of message."""
        return kind in self._types - {ENVELOPE, _COMMON.removesuffix(".json")}

    def faults(self, name: str, value: Mapping[str, Any]) -> str:
        """Where ``value`` is against a schema and by which rule; what stands there is not told."""
        errors = self._validator(name).iter_errors(value)
        told = sorted({f"{error.json_path} ({error.validator})" for error in errors})
        return ", ".join(told[:_MOST])

    def _made(self, name: str) -> Validator:
        schema = json.loads((self._folder / f"{name}.json").read_text("utf-8"))
        checks = Draft202012Validator.FORMAT_CHECKER
        return Draft202012Validator(schema, registry=self._registry, format_checker=checks)
