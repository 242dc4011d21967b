"""What is owed: obligations with frozen lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from payments import ledger
from payments.cases import open_case
from payments.model import Attempt, Obligation, ObligationLine, Receipt
from payments.money import Money
from payments.provider import Checkout


@dataclass(frozen=True)
class OwedLine:
    """A line to freeze."""

    item: str
    entity: str
    label_ar: str
    label_en: str
    amount: Money
    refundable: bool


@dataclass(frozen=True)
class Owed:
    """An obligation as it stands."""

    id: str
    reference: str
    stage: str
    amount: Money
    credited: Money
    state: str
    paid_at: datetime | None

    @property
    def remaining(self) -> Money:
        """What is still to be paid."""
        return self.amount - self.credited if self.state == "due" else Money(0)


_READ = select(Obligation.__table__)
_BY_ID = _READ.where(Obligation.id == bindparam("id"))
_BY_STAGE = _READ.where(
    Obligation.reference == bindparam("reference"), Obligation.stage == bindparam("stage")
)
_BY_RECEIPT = _READ.join(Receipt, Receipt.obligation_id == Obligation.id).where(
    Receipt.number == bindparam("number")
)
_OLDEST_FIRST = _READ.where(Obligation.reference == bindparam("reference")).order_by(
    Obligation.created_at
)
_DUE = _OLDEST_FIRST.where(Obligation.state == "due").limit(1)
# The strength of an UPDATE: a row that only points here does not wait
_HELD = _BY_ID.with_for_update(key_share=True)
_HELD_BY_ATTEMPT = _READ.join(Attempt, Attempt.obligation_id == Obligation.id).with_for_update(
    of=Obligation, key_share=True
)
_HELD_BY_SESSION = _HELD_BY_ATTEMPT.where(Attempt.session == bindparam("session"))
_HELD_BY_PAYMENT = _HELD_BY_ATTEMPT.where(Attempt.payment == bindparam("payment"))
_NEW = insert(Obligation)
_NEW_LINES = insert(ObligationLine)
_ONE = (
    update(Obligation)
    .where(Obligation.id == bindparam("of"))
    .values(revision=Obligation.revision + 1)
)


def create(
    db: Connection,
    obligation_id: str,
    reference: str,
    stage: str,
    lines: Sequence[OwedLine],
    at: datetime,
) -> None:
    """Freeze ``lines`` as what ``reference`` owes for ``stage``, and book the debt."""
    amount = Money.total(line.amount for line in lines)
    row = {
        "id": obligation_id,
        "reference": reference,
        "stage": stage,
        "currency": amount.currency,
        "amount": amount.minor,
        "credited": 0,
        "state": "due",
        "revision": 0,
        "created_at": at,
    }
    db.execute(_NEW, row)
    db.execute(
        _NEW_LINES,
        [
            {
                "obligation_id": obligation_id,
                "position": position,
                "item": line.item,
                "entity": line.entity,
                "label_ar": line.label_ar,
                "label_en": line.label_en,
                "amount": line.amount.minor,
                "refundable": line.refundable,
                "refunded": 0,
            }
            for position, line in enumerate(lines)
        ],
    )
    effect = ledger.Effect(ledger.PORTAL, obligation_id, "assessed", reference)
    ledger.book(db, effect, _debt(lines), amount.currency, at)


def find(db: Connection, reference: str, stage: str) -> Owed | None:
    return _one(db, _BY_STAGE, reference=reference, stage=stage)


def due(db: Connection, reference: str) -> Owed | None:
    """What ``reference`` owes now: the oldest stage that is not covered."""
    return _one(db, _DUE, reference=reference)


def of_reference(db: Connection, reference: str) -> list[Owed]:
    """Every stage of ``reference``, oldest first."""
    return [_owed(row) for row in db.execute(_OLDEST_FIRST, {"reference": reference})]


def get(db: Connection, obligation_id: str) -> Owed | None:
    return _one(db, _BY_ID, id=obligation_id)


def of_receipt(db: Connection, number: str) -> Owed | None:
    """What a receipt was issued for."""
    return _one(db, _BY_RECEIPT, number=number)


def lock(db: Connection, obligation_id: str) -> Owed | None:
    """Take the row for this transaction; whoever comes second waits and sees the outcome."""
    return _one(db, _HELD, id=obligation_id)


def lock_of(db: Connection, checkout: Checkout) -> Owed | None:
    """The same for what a checkout of the provider pays."""
    if checkout.session:
        return _one(db, _HELD_BY_SESSION, session=checkout.session)
    return _one(db, _HELD_BY_PAYMENT, payment=checkout.payment)


def lines(db: Connection, obligation_id: str) -> list[OwedLine]:
    rows = db.execute(
        select(ObligationLine.__table__)
        .where(ObligationLine.obligation_id == obligation_id)
        .order_by(ObligationLine.position)
    )
    return [
        OwedLine(
            row.item, row.entity, row.label_ar, row.label_en, Money(row.amount), row.refundable
        )
        for row in rows
    ]


def credit(db: Connection, owed: Owed, amount: Money, at: datetime) -> Owed:
    """Count ``amount``, which is not more than what remains, as paid; the caller holds the row."""
    covered = amount == owed.remaining
    after = replace(
        owed,
        credited=owed.credited + amount,
        state="paid" if covered else "due",
        paid_at=at if covered else None,
    )
    changed = {"credited": after.credited.minor, "state": after.state, "paid_at": after.paid_at}
    db.execute(_ONE, {"of": owed.id, **changed})
    return after


def cancel(db: Connection, obligation_id: str, at: datetime) -> bool:
    """Nothing is owed any more; False when it was covered or cancelled before.

    What was paid of it in part becomes surplus, so that it can be given back.
    """
    owed = lock(db, obligation_id)
    if owed is None or owed.state != "due":
        return False
    ended = {"state": "cancelled", "credited": 0, "cancelled_at": at}
    db.execute(_ONE, {"of": obligation_id, **ended})
    reversal = [
        ledger.Line(line.account, -line.amount, line.entity, line.item)
        for line in _debt(lines(db, obligation_id))
    ]
    if owed.credited:
        paid = owed.credited.minor
        reversal += [ledger.Line(ledger.RECEIVABLE, paid), ledger.Line(ledger.SURPLUS, -paid)]
        db.execute(
            update(Attempt)
            .where(Attempt.obligation_id == obligation_id, Attempt.state == "paid")
            .values(set_aside=Attempt.amount)
        )
        open_case(db, "cancelled_in_part", owed.id, owed.reference, str(paid), at)
    effect = ledger.Effect(ledger.PORTAL, obligation_id, "cancelled", owed.reference)
    ledger.book(db, effect, reversal, owed.amount.currency, at)
    return True


def _debt(owed_lines: Sequence[OwedLine]) -> list[ledger.Line]:
    """The citizen's debt against the income, or the deposit, of each line."""
    due = sum(line.amount.minor for line in owed_lines)
    return [
        ledger.Line(ledger.RECEIVABLE, due),
        *(
            ledger.Line(
                ledger.REFUNDABLE if line.refundable else ledger.REVENUE,
                -line.amount.minor,
                entity=line.entity,
                item=line.item,
            )
            for line in owed_lines
            if line.amount
        ),
    ]


def _one(db: Connection, wanted: Select[Any], **named: str) -> Owed | None:
    row = db.execute(wanted, named).one_or_none()
    return None if row is None else _owed(row)


def _owed(row: Row[Any]) -> Owed:
    amount, credited = Money(row.amount, row.currency), Money(row.credited, row.currency)
    return Owed(row.id, row.reference, row.stage, amount, credited, row.state, row.paid_at)
