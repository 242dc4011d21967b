"""Whether a permit holds: law 119/2008, as the Supreme Administrative Court reads it (facts §6.4).

A permit is good for starting within a year of its issue. A start in time keeps it alive with no
end; without one it is renewed once, for one more year from the end of the first. Whoever has
neither started nor renewed loses it, but never by itself: the nightly round only proposes, an
officer confirms, and a start that is recorded or disputed forbids it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portal.catalogue.deadlines import add_months

_YEAR = 12


class Status(StrEnum):
    """What the register says of a permit (facts §6.2)."""

    VALID_NOT_STARTED = "valid_not_started"
    UNDER_EXECUTION = "under_execution"
    RENEWED = "renewed"
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    COMPLETED = "completed"
    OCCUPIED = "occupied"
    SUPERSEDED = "superseded"
    MANUAL_UNVERIFIED = "manual_unverified"


NOT_STARTED = frozenset({Status.VALID_NOT_STARTED, Status.RENEWED})
RENEWABLE = frozenset({Status.VALID_NOT_STARTED, Status.SUSPENDED, Status.LAPSED})
"""Who asked in time is renewed, though the permit was stopped or called lapsed meanwhile."""


class Verdict(StrEnum):
    """What a reader is told in a word; ``start_over`` is the register's doubt, not its decision."""

    HOLDS = "holds"
    START_OVER = "start_over"
    """The time to start is over and no start is recorded; nobody has decided yet."""
    STARTED = "started"
    DONE = "done"
    STOPPED = "stopped"
    ENDED = "ended"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Term:
    """The dates that decide."""

    issued_on: date
    renewed: bool
    started_on: date | None
    start_disputed: bool

    @property
    def must_start_by(self) -> date:
        """The last day to begin the works (law 119/2008, article 43 and its regulations)."""
        return add_months(self.issued_on, _YEAR * (2 if self.renewed else 1))


_VERDICTS = {
    Status.UNDER_EXECUTION: Verdict.STARTED,
    Status.LAPSED: Verdict.ENDED,
    Status.REVOKED: Verdict.ENDED,
    Status.SUSPENDED: Verdict.STOPPED,
    Status.COMPLETED: Verdict.DONE,
    Status.OCCUPIED: Verdict.DONE,
    Status.SUPERSEDED: Verdict.REPLACED,
    Status.MANUAL_UNVERIFIED: Verdict.UNKNOWN,
}


def verdict(status: Status, term: Term, today: date) -> Verdict:
    """What is told of the permit on this day."""
    if status in NOT_STARTED:
        return Verdict.START_OVER if _unstarted(status, term, today) else Verdict.HOLDS
    return _VERDICTS[status]


def may_lapse(status: Status, term: Term, today: date) -> bool:
    """Whether an officer may say that the permit has lapsed: only for want of any start."""
    return _unstarted(status, term, today) and not term.start_disputed


def _unstarted(status: Status, term: Term, today: date) -> bool:
    return status in NOT_STARTED and term.started_on is None and term.must_start_by < today


def why_not_renewable(
    status: Status, term: Term, asked_on: date, grace_days: int = 0
) -> str | None:
    """Why a renewal is not possible; None where it is: once, before the first year is over.

    ``grace_days`` is a governorate's rule; the law gives none. Codes: ``started``, ``renewed``,
    ``late``, ``status``.
    """
    if term.started_on is not None:
        return "started"
    if status is Status.RENEWED or term.renewed:
        return "renewed"
    if status not in RENEWABLE:
        return "status"
    return "late" if (asked_on - term.must_start_by).days > grace_days else None
