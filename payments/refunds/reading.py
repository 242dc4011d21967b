"""Refunds as they stand."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from payments.model import Refund, RefundLine
from payments.money import Money

LONGEST_NOTE = 300


class RefundState(StrEnum):
    """The life of a refund."""

    REQUESTED = "requested"
    """Asked for; its sum is reserved."""
    APPROVED = "approved"
    """Promised; the provider is asked to make it."""
    SENT = "sent"
    """The provider is making it."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


LIVE = (RefundState.REQUESTED, RefundState.APPROVED, RefundState.SENT, RefundState.SUCCEEDED)
"""The states in which a refund takes, or is to take, a part of what was paid."""
PROMISED = (RefundState.APPROVED, RefundState.SENT)
WAITING = (RefundState.REQUESTED, *PROMISED)
"""Those that wait for a person or for the provider, and may still come to nothing."""


class RefundReason(StrEnum):
    """Why money goes back."""

    SURPLUS = "surplus"
    """Paid twice, or more than was due, or after the request was closed."""
    DEPOSIT = "deposit"
    """A deposit whose purpose is fulfilled."""
    SUSPENSE = "suspense"
    """Money that did not fit what was asked for."""
    PAID_TWICE = "paid_twice"
    """Dues that another request paid meanwhile."""
    EXTERNAL = "external"
    """Made at the provider without us."""


STAFF, PROVIDER = "staff", "provider"
"""Who began a refund: we, or the provider (its own staff, or ours in the provider's pages)."""
SYSTEM = "system"
"""Who asks for one where a center's payment order tells the sum: nobody of the staff."""


@dataclass(frozen=True)
class Asked:
    """A refund as it stands."""

    id: str
    attempt_id: str
    reference: str
    origin: str
    reason: str
    note: str
    amount: Money
    state: RefundState
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_note: str
    provider_refund: str | None
    failure: str
    settled_at: datetime | None

    @property
    def lapsed(self) -> bool:
        """Nobody rejected it: the provider had given the money back before it was decided."""
        return self.state is RefundState.REJECTED and self.decided_by == PROVIDER


def get(db: Connection, refund_id: str) -> Asked:
    """A refund; raises NoResultFound when there is none."""
    return asked(db.execute(select(Refund.__table__).where(Refund.id == refund_id)).one())


def find(db: Connection, refund_id: str) -> Asked | None:
    found = _all(db, Refund.id == refund_id)
    return found[0] if found else None


def of_reference(db: Connection, reference: str) -> list[Asked]:
    """The refunds of a reference, oldest first."""
    return _all(db, Refund.reference == reference)


def of_attempt(db: Connection, attempt_id: str) -> list[Asked]:
    """The refunds of one payment, oldest first."""
    return _all(db, Refund.attempt_id == attempt_id)


def unended(db: Connection) -> list[Asked]:
    """Every refund that waits for a decision or for the provider, oldest first."""
    return _all(db, Refund.state.in_(WAITING))


def _all(db: Connection, *conditions: ColumnElement[bool]) -> list[Asked]:
    rows = db.execute(
        select(Refund.__table__).where(*conditions).order_by(Refund.requested_at, Refund.id)
    )
    return [asked(row) for row in rows]


@dataclass(frozen=True)
class TakenFrom:
    """A part of a refund: from a fee line by its position, or from an account beside them."""

    account: str
    line: int | None
    amount: Money


def parts_of(db: Connection, refund: Asked) -> list[TakenFrom]:
    """What a refund is made of."""
    rows = db.execute(
        select(RefundLine.__table__)
        .where(RefundLine.refund_id == refund.id)
        .order_by(RefundLine.position)
    )
    currency = refund.amount.currency
    return [TakenFrom(row.account, row.line, Money(row.amount, currency)) for row in rows]


def asked(row: Row[Any]) -> Asked:
    """A row of the table."""
    return Asked(
        id=row.id,
        attempt_id=row.attempt_id,
        reference=row.reference,
        origin=row.origin,
        reason=row.reason,
        note=row.note,
        amount=Money(row.amount, row.currency),
        state=RefundState(row.state),
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decided_note=row.decided_note,
        provider_refund=row.provider_refund,
        failure=row.failure,
        settled_at=row.settled_at,
    )
