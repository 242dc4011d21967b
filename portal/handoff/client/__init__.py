"""A client of the hand-off for the system of a center: what ``docs/handoff.md`` says, in Python.

It takes the center's messages from NATS JetStream, checks them, fetches their documents, and gives
them to a function of yours, each once; what that function answers is signed and sent, and sent
again until the portal has it. Nothing here knows the portal's code: this folder and ``schemas``
beside it are all of it, to be copied as they are. It needs nats-py, python-jose[cryptography] and
jsonschema.

::

    def take(turn: Turn, message: Message) -> None:
        if message.type == "request.paid.v1":
            turn.answer(message.subject, "request.registered.v1", {"number": 14, "year": 2026})

    Client(Settings.read(Path("center.toml")), take).run()

``examples/center.py`` is a whole program.
"""

from .journal import Paper, Turn
from .messages import Document, Message
from .program import Client
from .settings import Settings
from .troubles import NotNow, Refused

__all__ = ["Client", "Document", "Message", "NotNow", "Paper", "Refused", "Settings", "Turn"]
