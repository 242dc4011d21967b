"""Signed, short-lived links to one stored file, for the other side of the wall.

A link says which file until when, and nothing else; who has it may fetch that file once or twice
while it lives, and checks what came against the message's SHA-256.
"""

from datetime import UTC, datetime, timedelta

from portal.problems import Missing
from portal.vault import Vault

_LIFE = timedelta(days=14)  # a center may be off for a week and still fetch what waited for it


class DocumentLinks:
    """Signs and reads links like ``attachment.1764000000.3f…``."""

    def __init__(self, vault: Vault, side: str) -> None:
        """``side`` is whose files the links lead to: one side's links open nothing of the other."""
        self._vault = vault
        self._purpose = f"document link of {side}"

    def sign(self, file_id: str, at: datetime) -> str:
        body = f"{file_id}.{int((at + _LIFE).timestamp())}"
        return f"{body}.{self._vault.sign(self._purpose, body)}"

    def read(self, link: str, at: datetime) -> str:
        """The file's id; raises :class:`Missing` for a link that is broken or too old."""
        body, _, signature = link.rpartition(".")
        file_id, _, until = body.partition(".")
        if not until.isdigit() or not self._vault.is_signed(self._purpose, body, signature):
            raise Missing("link")
        if datetime.fromtimestamp(int(until), UTC) < at:
            raise Missing("link")
        return file_id
