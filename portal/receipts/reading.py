"""A receipt as it stands now: lines by beneficiary, payments, and what was given back since.

Everything is read from the tables of payments, so it knows a request's number and no person.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from payments import ledger
from payments.model import (
    Attempt,
    Dispute,
    Obligation,
    ObligationLine,
    Receipt,
    Refund,
    RefundLine,
)
from portal.problems import Missing


class ReceiptState(StrEnum):
    """What a receipt is worth today."""

    VALID = "valid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class Line:
    """What was paid for; piastres."""

    label_ar: str
    label_en: str
    amount: int


@dataclass(frozen=True)
class Share:
    """All that goes to one beneficiary."""

    beneficiary: str
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True)
class Payment:
    """One payment towards the sum; several cards may share it."""

    kind: str
    """``card``, ``wallet``, ``kiosk``, or empty where the provider did not tell."""
    method: str
    """Brand and last four digits, or what else names the means."""
    reference: str
    """The provider's number of the payment, or the kiosk's."""
    amount: int
    paid_at: datetime


@dataclass(frozen=True)
class StoredReceipt:
    """A receipt; sums in piastres."""

    number: str
    issued_at: datetime
    request_number: str
    amount: int
    given_back: int
    shares: tuple[Share, ...]
    payments: tuple[Payment, ...]

    @property
    def state(self) -> ReceiptState:
        return receipt_state(self.amount, self.given_back)


def receipt_state(amount: int, given_back: int) -> ReceiptState:
    """What a receipt over ``amount`` is worth after so much was given back."""
    if given_back <= 0:
        return ReceiptState.VALID
    return ReceiptState.PARTLY_REFUNDED if given_back < amount else ReceiptState.REFUNDED


def find(db: Connection, number: str) -> StoredReceipt:
    """The receipt of this number; raises :class:`~portal.problems.Missing`."""
    row = db.execute(
        select(
            Receipt.number,
            Receipt.issued_at,
            Obligation.id,
            Obligation.reference,
            Obligation.amount,
        )
        .join(Obligation, Obligation.id == Receipt.obligation_id)
        .where(Receipt.number == number)
    ).one_or_none()
    if row is None:
        raise Missing("receipt")
    return StoredReceipt(
        number=row.number,
        issued_at=row.issued_at,
        request_number=row.reference,
        amount=row.amount,
        given_back=_given_back(db, row.id),
        shares=shares_of(_lines(db, row.id)),
        payments=tuple(_payments(db, row.id)),
    )


def shares_of(lines: Iterable[tuple[str, Line]]) -> tuple[Share, ...]:
    """Lines with their beneficiaries, kept apart by them, in the order in which they first come."""
    found: dict[str, list[Line]] = {}
    for beneficiary, line in lines:
        found.setdefault(beneficiary, []).append(line)
    return tuple(Share(beneficiary, tuple(its)) for beneficiary, its in found.items())


def _lines(db: Connection, obligation_id: str) -> list[tuple[str, Line]]:
    rows = db.execute(
        select(ObligationLine.__table__)
        .where(ObligationLine.obligation_id == obligation_id)
        .order_by(ObligationLine.position)
    )
    return [(row.entity, Line(row.label_ar, row.label_en, row.amount)) for row in rows]


def _payments(db: Connection, obligation_id: str) -> list[Payment]:
    rows = db.execute(
        select(Attempt.__table__)
        .where(Attempt.obligation_id == obligation_id, Attempt.state == "paid")
        .order_by(Attempt.settled_at, Attempt.number)
    )
    return [_payment(row) for row in rows]


def _payment(row: Row[Any]) -> Payment:
    return Payment(
        kind=row.kind,
        method=row.method,
        reference=row.voucher or row.payment or "",
        amount=row.amount - row.set_aside,
        paid_at=row.settled_at,
    )


def _given_back(db: Connection, obligation_id: str) -> int:
    """What has left again of the sum: refunds that arrived, and what a payer's bank took back.

    Money that was never owed is given back without touching what the receipt is for. What the
    provider gave back without us stands in suspense, and did pay for it.
    """
    refunded = db.scalar(
        select(func.sum(RefundLine.amount))
        .join(Refund, Refund.id == RefundLine.refund_id)
        .join(Attempt, Attempt.id == Refund.attempt_id)
        .where(
            Attempt.obligation_id == obligation_id,
            Refund.state == "succeeded",
            Attempt.state == "paid",
            RefundLine.account != ledger.SURPLUS,
        )
    )
    taken = db.scalar(
        select(func.sum(Dispute.amount))
        .join(Attempt, Attempt.id == Dispute.attempt_id)
        .where(Attempt.obligation_id == obligation_id, Dispute.state == "lost")
    )
    return int(refunded or 0) + int(taken or 0)
