"""A message of the portal: from signed bytes to what a program works with."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .contract import ENVELOPE, Contract
from .keys import PortalKeys, verified
from .troubles import Refused

PREFIX = "eg.mahalliyat."
_SOURCE = "portal"
_MOST_BYTES = 1_000_000
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Document:
    """A file of the citizen, fetched and compared with its SHA-256."""

    code: str
    name: str
    media_type: str
    size: int
    sha256: str
    href: str
    path: Path
    """The center's copy; it stays there."""


@dataclass(frozen=True)
class Message:
    """One event. ``subject`` is the request's number, ``data`` what the type's schema says."""

    id: str
    type: str
    subject: str
    at: datetime
    data: Mapping[str, Any]
    documents: tuple[Document, ...] = ()


class Reader:
    """Reads what is signed by the portal, meant for this center, and as the contract says."""

    def __init__(self, center: str, keys: PortalKeys, contract: Contract, files: Path) -> None:
        self._center = center
        self._keys = keys
        self._contract = contract
        self._files = files

    def read(self, body: bytes) -> Message:
        """Raises :class:`Refused`, or ``NotNow`` where the keys cannot be read."""
        if len(body) > _MOST_BYTES:
            raise Refused("too large for a message")
        try:
            envelope = json.loads(verified(body, self._keys), object_pairs_hook=_named_once)
        except (ValueError, RecursionError) as error:
            raise Refused("what was signed is no JSON") from error
        if not isinstance(envelope, dict):
            raise Refused("what was signed is no object")
        self._check(ENVELOPE, envelope)
        if (envelope["center"], envelope["source"]) != (self._center, _SOURCE):
            raise Refused("not from the portal to this center")
        kind = envelope["type"].removeprefix(PREFIX)
        if not self._contract.knows(kind):
            raise Refused("no type of these schemas; are they the portal's present ones?")
        self._check(kind, envelope["data"])
        try:
            return Message(
                id=envelope["id"],
                type=kind,
                subject=envelope["subject"],
                at=datetime.fromisoformat(envelope["time"]),
                data=envelope["data"],
                documents=tuple(map(self._document, envelope["data"].get("documents", ()))),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("the time or a document is not written as the contract says") from error

    def _check(self, schema: str, value: Mapping[str, Any]) -> None:
        faults = self._contract.faults(schema, value)
        if faults:
            raise Refused(f"against the schema {schema}: {faults}")

    def _document(self, told: Mapping[str, Any]) -> Document:
        if not _SHA256.fullmatch(told["sha256"]):
            raise ValueError("sha256")  # it becomes the name of a file
        names = ("code", "name", "media_type", "size", "sha256", "href")
        return Document(**{name: told[name] for name in names}, path=self._files / told["sha256"])


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
