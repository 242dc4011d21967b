"""HTTP to the portal: its keys, documents in both directions, and events where no broker is."""

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from http.client import HTTPException
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from .messages import Document
from .troubles import NotNow, Refused

_SECONDS = 30
_CHUNK = 64 * 1024
_MOST_BYTES = 1_000_000  # of an answer that is no document
# what else is answered an operator mends, or time: a key, a permission, a limit, a server
_NEVER_TAKEN = frozenset({400, 409, 413, 415, 422})
_NEVER_GIVEN = frozenset({400, 404, 410})


class Web:
    """Raises :class:`Refused` for what will never go, :class:`NotNow` for all else."""

    def __init__(self, portal: str) -> None:
        self.portal = portal
        # HTTP and nothing else: no files, and no following to other addresses
        self._opener = OpenerDirector()
        for handler in (
            ProxyHandler,
            HTTPHandler,
            HTTPSHandler,
            HTTPDefaultErrorHandler,
            HTTPErrorProcessor,
            UnknownHandler,
        ):
            self._opener.add_handler(handler())

    def get(self, path: str) -> bytes:
        """What stands at an address of the portal."""
        return self._whole(Request(self.portal + path), frozenset())  # noqa: S310

    def post(self, path: str, content: bytes, headers: Mapping[str, str]) -> bytes:
        """Send ``content``; what was answered."""
        given = {**headers, "Accept-Language": "en"}
        asked = Request(self.portal + path, content, given, method="POST")  # noqa: S310
        return self._whole(asked, _NEVER_TAKEN)

    def fetch(self, document: Document) -> None:
        """Bring a document to its path, whole and as the message told of it."""
        if document.path.exists():
            return  # named by its SHA-256, and written only when that was compared
        part = document.path.with_suffix(".part")
        digest, size = sha256(), 0
        asked = Request(document.href)  # noqa: S310
        with self._opened(asked, _NEVER_GIVEN) as answer, part.open("wb") as file:
            try:
                while (chunk := answer.read(_CHUNK)) and size <= document.size:
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            except (OSError, HTTPException) as error:
                raise NotNow(f"the document {document.code} broke off") from error
            file.flush()
            os.fsync(file.fileno())
        if (digest.hexdigest(), size) != (document.sha256, document.size):
            part.unlink()
            raise Refused(f"the document {document.code} is not the one that the message tells of")
        part.replace(document.path)

    def _whole(self, request: Request, never: frozenset[int]) -> bytes:
        with self._opened(request, never) as answer:
            try:
                return answer.read(_MOST_BYTES)
            except (OSError, HTTPException) as error:
                raise NotNow("the portal's answer broke off") from error

    def _opened(self, request: Request, never: frozenset[int]) -> IO[bytes]:
        try:
            answer: IO[bytes] = self._opener.open(request, timeout=_SECONDS)
        except HTTPError as error:
            with error:
                told = f"HTTP {error.code} {_problem(error)}"
            raise (Refused if error.code in never else NotNow)(told) from error
        except (URLError, OSError, HTTPException, ValueError) as error:
            raise NotNow(f"the portal does not answer ({type(error).__name__})") from error
        return answer


def _problem(error: HTTPError) -> str:
    """What a problem document says: its kind, and which fields."""
    try:
        told = json.loads(error.read(_MOST_BYTES))
        fields = [f"{each['pointer']} {each['detail']}" for each in told.get("errors", [])]
        return "; ".join([str(told["type"]).rpartition(":")[2], *fields])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, HTTPException):
        return ""
