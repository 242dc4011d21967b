"""What is owed: obligations with frozen lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from payments import ledger
from payments.cases import open_case
from payments.model import Attempt, Obligation, ObligationLine, Receipt
from payments.money import Money


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
    db.execute(
        insert(Obligation).values(
            id=obligation_id,
            reference=reference,
            stage=stage,
            currency=amount.currency,
            amount=amount.minor,
            credited=0,
            state="due",
            revision=0,
            created_at=at,
        )
    )
    db.execute(
        insert(ObligationLine),
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
    row = db.execute(
        select(Obligation.__table__).where(
            Obligation.reference == reference, Obligation.stage == stage
        )
    ).one_or_none()
    return None if row is None else _owed(row)


def due(db: Connection, reference: str) -> Owed | None:
    """What ``reference`` owes now: the oldest stage that is not covered."""
    row = db.execute(
        select(Obligation.__table__)
        .where(Obligation.reference == reference, Obligation.state == "due")
        .order_by(Obligation.created_at)
        .limit(1)
    ).one_or_none()
    return None if row is None else _owed(row)


def of_reference(db: Connection, reference: str) -> list[Owed]:
    """Every stage of ``reference``, oldest first."""
    rows = db.execute(
        select(Obligation.__table__)
        .where(Obligation.reference == reference)
        .order_by(Obligation.created_at)
    )
    return [_owed(row) for row in rows]


def get(db: Connection, obligation_id: str) -> Owed | None:
    row = db.execute(
        select(Obligation.__table__).where(Obligation.id == obligation_id)
    ).one_or_none()
    return None if row is None else _owed(row)


def of_receipt(db: Connection, number: str) -> Owed | None:
    """What a receipt was issued for."""
    row = db.execute(
        select(Obligation.__table__)
        .join(Receipt, Receipt.obligation_id == Obligation.id)
        .where(Receipt.number == number)
    ).one_or_none()
    return None if row is None else _owed(row)


def lock(db: Connection, obligation_id: str) -> Owed | None:
    """Take the row for this transaction; whoever comes second waits and sees the outcome."""
    done = db.execute(
        update(Obligation)
        .where(Obligation.id == obligation_id)
        .values(revision=Obligation.revision + 1)
    )
    return get(db, obligation_id) if done.rowcount else None


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
    values: dict[str, Any] = {"credited": owed.credited.minor + amount.minor}
    if covered:
        values |= {"state": "paid", "paid_at": at}
    db.execute(update(Obligation).where(Obligation.id == owed.id).values(**values))
    return replace(
        owed,
        credited=owed.credited + amount,
        state="paid" if covered else "due",
        paid_at=at if covered else None,
    )


def cancel(db: Connection, obligation_id: str, at: datetime) -> bool:
    """Nothing is owed any more; False when it was covered or cancelled before.

    What was paid of it in part becomes surplus, so that it can be given back.
    """
    owed = lock(db, obligation_id)
    if owed is None or owed.state != "due":
        return False
    db.execute(
        update(Obligation)
        .where(Obligation.id == obligation_id)
        .values(state="cancelled", credited=0, cancelled_at=at)
    )
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


def _owed(row: Row[Any]) -> Owed:
    amount, credited = Money(row.amount, row.currency), Money(row.credited, row.currency)
    return Owed(row.id, row.reference, row.stage, amount, credited, row.state, row.paid_at)
