"""What centers answer, worked into requests: each event type to one step of the life cycle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from portal.handoff.inward import Apply
from portal.handoff.messages import Message
from portal.problems import Missing
from portal.requests import deciding, issuing, reading, registering, studying
from portal.requests.center_acts import CenterActs, Step
from portal.requests.reading import FiledRequest

STEPS: Mapping[str, Step] = {
    **registering.STEPS,
    **studying.STEPS,
    **deciding.STEPS,
    **issuing.STEPS,
}


@dataclass(frozen=True)
class Answers(CenterActs):
    """Applies the events of centers."""

    def handlers(self) -> Mapping[str, Apply]:
        """The function for each type of event."""
        return {kind: partial(self._apply, step) for kind, step in STEPS.items()}

    def _apply(self, step: Step, db: Connection, message: Message) -> None:
        """A center's clock moves no deadline: what it says happened neither before the request's
        last act nor after now."""
        request = _request(db, message)
        at = min(max(message.at, reading.last_act_at(db, request.id)), self.clock.now())
        step(self, db, request, replace(message, at=at))


def _request(db: Connection, message: Message) -> FiledRequest:
    """The request, which must be one of the center that speaks."""
    request = reading.by_number(db, message.subject)
    if request.center_code != message.center:
        raise Missing(f"{message.center} has no request {message.subject}")
    return request
