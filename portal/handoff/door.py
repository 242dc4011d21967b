"""The one door through which events of centers come in, whatever carries them.

First who speaks (:mod:`portal.handoff.authentic`), then what is said: the envelope and the schema
of its type. What is authentic is kept, also when it is wrong; what nobody known has signed is not.
The portal's own back office comes through here exactly as an existing system would.
"""

import re
from typing import Any

from portal.clock import public_id
from portal.handoff import contract
from portal.handoff.authentic import Authentic, Turned
from portal.handoff.inward import IdTaken, Inward, Outcome, Sender
from portal.handoff.messages import (
    INWARD,
    PREFIX,
    BadMessage,
    Message,
    message_of,
    read_json,
    source_of,
)
from portal.handoff.pace import Pace
from portal.handoff.refusals import Refusal
from portal.observability import handoff_refused
from portal.problems import N_
from portal.violations import Violation

_ID = re.compile("[A-Za-z0-9._:-]{1,40}")
_NAME = re.compile("[A-Za-z0-9._-]{1,60}")
_ID_LENGTH = 26


class Door:
    """Lets in what a center has signed and what its schema allows."""

    def __init__(self, authentic: Authentic, inward: Inward, pace: Pace) -> None:
        self._authentic = authentic
        self._inward = inward
        self._pace = pace

    def take(self, body: bytes, center: str, *, answered: bool = False) -> Outcome:
        """Take what came for ``center``.

        What is authentic is kept whatever becomes of it; of what is parked at most the first 4000
        characters. What is ``refused`` is not: the caller tells the sender, or keeps it.

        ``answered``: the carrier hands the outcome back to the sender. Where it does not, the
        center is told by ``event.rejected.v1``.
        """
        try:
            payload = self._authentic.event(body, center)
        except Turned as turned:
            refusal = _counted(turned.refusal)
            return Outcome("", "refused", refusal.reason, refusal=refusal)
        # a broker has its own pace; whoever is answered can wait
        if answered and not self._pace.allows(center):
            refusal = _counted(Refusal("too_many"))
            return Outcome("", "refused", refusal.reason, refusal=refusal)
        text = payload.decode("utf-8", "replace")
        try:
            envelope = _envelope(payload)
        except Turned as turned:
            return self._park({}, center, text, turned.refusal, answered=answered)
        try:
            message = _message(envelope, center)
        except Turned as turned:
            return self._park(envelope, center, text, turned.refusal, answered=answered)
        try:
            return self._inward.deliver(message, answered=answered)
        except IdTaken:
            return self._park({}, center, text, Refusal("id_taken"), answered=answered)

    def _park(
        self,
        envelope: dict[str, Any],
        center: str,
        text: str,
        refusal: Refusal,
        *,
        answered: bool,
    ) -> Outcome:
        """Keep it under its id, or under one of ours where it has none that can stand."""
        event_id = _as(envelope.get("id"), _ID)
        kind = _as(envelope.get("type"), _NAME).removeprefix(PREFIX)
        sender = Sender(
            event_id or public_id(_ID_LENGTH),
            kind,
            center,
            _as(envelope.get("subject"), _NAME)[:20],
        )
        _counted(refusal)
        try:
            return self._inward.park(sender, text, refusal, answered=answered)
        except IdTaken:
            return self._park({}, center, text, Refusal("id_taken"), answered=answered)


def _envelope(payload: bytes) -> dict[str, Any]:
    try:
        envelope = read_json(payload.decode())
    except (UnicodeDecodeError, BadMessage) as error:
        raise Turned("not_json") from error
    if not isinstance(envelope, dict):
        raise Turned("not_json")
    return envelope


def _message(envelope: dict[str, Any], center: str) -> Message:
    """The message, as the contract has it and for the center that signed."""
    wrong = contract.of_envelope(envelope)
    if wrong:
        raise Turned("schema", *wrong)
    try:
        message = message_of(envelope)
    except BadMessage as error:
        bad = Violation(error.pointer or "/time", N_("This is not written as the schema says"))
        raise Turned("schema", bad) from error
    if message.center != center:
        raise Turned("wrong_center", Violation("/center", N_("This is another center's")))
    if message.source != source_of(center):
        raise Turned("schema", Violation("/source", N_("This is another center's")))
    if message.type not in INWARD:
        raise Turned("unknown_type", contract.of_type(message.type))
    wrong = contract.of_data(message.type, message.data)
    if wrong:
        raise Turned("schema", *wrong)
    return message


def _as(value: Any, shape: re.Pattern[str]) -> str:
    """A text of the sender that may stand in a column, or nothing."""
    return value if isinstance(value, str) and shape.fullmatch(value) else ""


def _counted(refusal: Refusal) -> Refusal:
    handoff_refused.labels(refusal.kind).inc()
    return refusal
