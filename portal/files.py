"""Stored files: sealed, under random names, outside the web root.

A file is sealed in parts of 1 MiB, each bound to its place in the file and to whether it is the
last one, so that no part can be cut, swapped or moved to another file unnoticed.
"""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from portal.clock import public_id
from portal.problems import Missing
from portal.vault import Vault

_PART_BYTES = 1 << 20
_LENGTH_BYTES = 4
_KEY_LENGTH = 26
_BATCH = 500


@dataclass(frozen=True)
class Stored:
    """A file that was put away."""

    key: str
    size_bytes: int
    sha256: str


class FileStore:
    """A folder of sealed files. Keys are random; nothing of a name or an owner is in them."""

    def __init__(self, directory: Path, vault: Vault) -> None:
        self._directory = directory
        self._vault = vault

    def put(self, source: BinaryIO) -> Stored:
        """Seal and keep ``source`` from where it stands; on disk when this returns."""
        return self._write(public_id(_KEY_LENGTH), source)

    def seal_anew(self, key: str) -> bool:
        """Seal a file with the first key; False when it is already, or gone meanwhile."""
        try:
            with self._path(key).open("rb") as file:
                if self._vault.is_current(self._sealed(file)):
                    return False
            self._write(key, self.open(key))
        except (FileNotFoundError, Missing):
            return False
        return True

    def _write(self, key: str, source: BinaryIO) -> Stored:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, size = sha256(), 0
        temporary = path.with_suffix(".part")
        try:
            # a rotation that was killed may have left its own half: it is written over
            with temporary.open("wb") as target:
                part, index = source.read(_PART_BYTES), 0
                while part or index == 0:
                    following = source.read(_PART_BYTES)
                    sealed = self._vault.seal_bytes(_place(key, index, not following), part)
                    target.write(len(sealed).to_bytes(_LENGTH_BYTES) + sealed)
                    digest.update(part)
                    size += len(part)
                    part, index = following, index + 1
                target.flush()
                os.fsync(target.fileno())
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return Stored(key, size, digest.hexdigest())

    def parts(self, key: str) -> Iterator[bytes]:
        """The file, part by part; raises :class:`Missing`."""
        try:
            source = self._path(key).open("rb")
        except FileNotFoundError:
            raise Missing(f"file {key}") from None
        with source:
            index, part = 0, self._sealed(source)
            while part or index == 0:  # even an empty file has one sealed part
                following = self._sealed(source)
                yield self._vault.open_bytes(_place(key, index, not following), part)
                part, index = following, index + 1

    def read(self, key: str) -> bytes:
        return b"".join(self.parts(key))

    def open(self, key: str) -> BinaryIO:
        """The file as something to read from; raises :class:`Missing`."""
        return io.BufferedReader(_Parts(self.parts(key)))

    def drop(self, key: str) -> None:
        """Forget a file; one that is gone already stays gone."""
        self._path(key).unlink(missing_ok=True)

    def drop_unknown(self, before: datetime, known: Callable[[list[str]], set[str]]) -> int:
        """Drop files written before ``before`` that ``known`` does not name; how many.

        A power cut between the file and its row leaves one, and so does one between the row's end
        and the file's.
        """
        dropped, oldest = 0, before.timestamp()
        for half in self._directory.glob("??/*.part"):
            if half.stat().st_mtime < oldest:
                half.unlink(missing_ok=True)
                dropped += 1
        old = (key for key in self.keys() if self._path(key).stat().st_mtime < oldest)
        while batch := list(islice(old, _BATCH)):
            for key in set(batch) - known(batch):
                self.drop(key)
                dropped += 1
        return dropped

    def keys(self) -> Iterator[str]:
        """Every file that is stored."""
        for path in self._directory.glob("??/*"):
            if not path.suffix:
                yield path.parent.name + path.name

    @staticmethod
    def _sealed(source: BinaryIO) -> bytes:
        length = source.read(_LENGTH_BYTES)
        return source.read(int.from_bytes(length)) if length else b""

    def _path(self, key: str) -> Path:
        if len(key) != _KEY_LENGTH or not key.isalnum():
            raise Missing(f"file {key}")
        return self._directory / key[:2] / key[2:]


class _Parts(io.RawIOBase):
    """An iterator of parts as a raw stream."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = next(parts, b"")  # opens the file now: a missing one is told at once

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._parts, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _place(key: str, index: int, last: bool) -> str:
    return f"file/{key}/{index}/{'last' if last else 'more'}"
