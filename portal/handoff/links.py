"""Signed, short-lived links to one stored file, for the other side of the wall.

A link is a JSON Web Token (RFC 7519) that says which file of whose until when, and nothing else;
who has it may fetch that file while it lives, and checks what came against the message's SHA-256.
One algorithm, named on both sides, and keys that are never PEM. What outsiders verify is signed in
:mod:`portal.signatures`.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jose import jwt
from jose.exceptions import JWTError

from portal.handoff.messages import BadMessage, Message
from portal.problems import Missing
from portal.vault import Vault

_LIFE = timedelta(days=14)  # counted from when the message leaves: a receiver may queue it
_ALGORITHM = "HS256"
# the expiry is compared here, with the portal's clock and not the library's
_CHECKS = {"verify_exp": False, "require_exp": True, "require_aud": True, "require_sub": True}


class DocumentLinks:
    """Makes and reads links to the files of one side."""

    def __init__(self, vault: Vault, side: str, address: str = "") -> None:
        """``side`` is whose files the links lead to: one side's links open nothing of the other.

        ``address`` is what stands before each, where they can be fetched over HTTP.
        """
        self._side = side
        self._address = address
        self._keys = [key.hex() for key in vault.signing_keys("document links")]

    def sign(self, file_id: str, at: datetime) -> str:
        claims = {"sub": file_id, "aud": self._side, "exp": int((at + _LIFE).timestamp())}
        return self._address + str(jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM))

    def linked(self, message: Message, at: datetime) -> Message:
        """``message`` with a fresh link beside each document: it leaves now, whenever it was made.

        Raises :class:`~portal.handoff.messages.BadMessage`.
        """
        documents = message.data.get("documents")
        if not documents:
            return message
        try:
            signed = [{**each, "href": self.sign(str(each["id"]), at)} for each in documents]
        except (KeyError, TypeError) as error:
            raise BadMessage("documents are a list of objects with an id") from error
        return replace(message, data={**message.data, "documents": signed})

    def renewed(self, message: Message, since: datetime, at: datetime) -> Message:
        """``message``, which came at ``since``: its links that held then are fresh at ``at``."""
        named = self.named(message, since)
        if not named:
            return message
        documents = [
            {**each, "href": self.sign(named[index], at)} if index in named else each
            for index, each in enumerate(message.data["documents"])
        ]
        return replace(message, data={**message.data, "documents": documents})

    def named(self, message: Message, at: datetime) -> dict[int, str]:
        """The files of this side that ``message`` links to, by their place in the list."""
        documents = message.data.get("documents")
        found: dict[int, str] = {}
        for index, each in enumerate(documents if isinstance(documents, list) else ()):
            with suppress(Missing, KeyError, TypeError):
                found[index] = self.read(str(each["href"]), at)
        return found

    def read(self, link: str, at: datetime) -> str:
        """The file's id; raises :class:`Missing` for a link that is broken or too old."""
        if not link.startswith(self._address):
            raise Missing("link")
        return self.read_signed(link.removeprefix(self._address), at)

    def read_signed(self, signed: str, at: datetime) -> str:
        """The same of what stands behind the address."""
        for key in self._keys:
            try:
                claims = jwt.decode(
                    signed, key, algorithms=[_ALGORITHM], audience=self._side, options=_CHECKS
                )
            except JWTError:
                continue
            if datetime.fromtimestamp(claims["exp"], UTC) >= at:
                return str(claims["sub"])
        raise Missing("link")
