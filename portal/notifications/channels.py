"""How a text reaches a phone: an SMS gateway over HTTP, or the demo's own page."""

import json
from typing import Protocol
from urllib.request import Request, urlopen

from sqlalchemy import insert

from portal.clock import Clock
from portal.db import Database
from portal.notifications.model import SandboxMessage
from portal.vault import Vault

_TIMEOUT_SECONDS = 10


class Channel(Protocol):
    """Sends one text to one mobile; raises when it cannot be known to have been taken."""

    def send(self, mobile: str, text: str) -> None: ...


class SandboxChannel:
    """Demo mode: the message is shown at ``/sandbox/messages``."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    def send(self, mobile: str, text: str) -> None:
        with self._database.begin() as db:
            db.execute(
                insert(SandboxMessage).values(
                    channel="sms",
                    recipient=self._vault.seal("sandbox_messages.recipient", mobile),
                    body=self._vault.seal("sandbox_messages.body", text),
                    sent_at=self._clock.now(),
                )
            )


class HttpGateway:
    """An SMS gateway that takes ``{"to", "text"}`` as JSON and answers 2xx when it has it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, mobile: str, text: str) -> None:
        request = Request(  # noqa: S310 - the operator's own address, http(s) by the settings
            self._url,
            data=json.dumps({"to": mobile, "text": text}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            response.read()


def make_channel(url: str, database: Database, vault: Vault, clock: Clock) -> Channel:
    """The channel that a setting names."""
    if url == "sandbox:":
        return SandboxChannel(database, vault, clock)
    return HttpGateway(url)
