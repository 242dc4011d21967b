"""What crosses the wall between the portal and a center's back office.

Envelopes are CloudEvents 1.0 in JSON with versioned types. ``subject`` is the request number and
``center`` an extension attribute. Neither side reads the other's tables: everything that is needed
stands in ``data``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.observability import reason_of

PREFIX = "eg.mahalliyat."
SOURCE_PORTAL = "portal"

# outward: portal to center
REQUEST_PAID = "request.paid.v1"
REQUEST_COMPLETED = "request.completed_by_citizen.v1"
REQUEST_SHELVED = "request.shelved.v1"
REQUEST_RESCHEDULED = "request.rescheduled.v1"
CONDITIONS_MET = "conditions.met.v1"
FEES_PAID = "fees.paid.v1"

# inward: center to portal
REQUEST_REGISTERED = "request.registered.v1"
NOTICE_REGISTERED = "notice.registered.v1"
DOCUMENTS_ACCEPTED = "documents.accepted.v1"
COMPLETION_REQUESTED = "completion.requested.v1"
ACCEPTED_IN_PRINCIPLE = "request.accepted_in_principle.v1"
FEES_ASSESSED = "fees.assessed.v1"
REQUEST_APPROVED = "request.approved.v1"
REQUEST_REFUSED = "request.refused.v1"
OUTPUT_ISSUED = "output.issued.v1"


class BadMessage(ValueError):
    """An envelope or its data that cannot be understood; trying again does not help."""


@dataclass(frozen=True)
class Message:
    """One event about one request."""

    id: str
    type: str
    center: str
    subject: str
    source: str
    at: datetime
    data: Mapping[str, Any]

    def to_json(self) -> str:
        return json.dumps(
            {
                "specversion": "1.0",
                "id": self.id,
                "source": self.source,
                "type": PREFIX + self.type,
                "subject": self.subject,
                "center": self.center,
                "time": self.at.isoformat(),
                "datacontenttype": "application/json",
                "data": self.data,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


def read_message(text: str) -> Message:
    """The message of an envelope; raises :class:`BadMessage`."""
    try:
        envelope = json.loads(text)
        message = Message(
            id=envelope["id"],
            type=envelope["type"].removeprefix(PREFIX),
            center=envelope["center"],
            subject=envelope["subject"],
            source=envelope["source"],
            at=datetime.fromisoformat(envelope["time"]),
            data=dict(envelope["data"]),
        )
        ours = envelope["specversion"] == "1.0" and envelope["type"].startswith(PREFIX)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadMessage(reason_of(error)) from error
    if not ours:
        raise BadMessage("not an envelope of this contract")
    names: tuple[Any, ...] = (message.id, message.center, message.subject, message.source)
    if not all(isinstance(name, str) and name for name in names):
        raise BadMessage("id, center, subject and source are texts")
    if message.at.tzinfo is None:
        raise BadMessage("time without zone")
    return message
