"""What is owed: obligations with frozen lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from payments import ledger
from payments.model import Obligation, ObligationLine
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
    state: str
    paid_at: datetime | None


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


def get(db: Connection, obligation_id: str) -> Owed | None:
    row = db.execute(
        select(Obligation.__table__).where(Obligation.id == obligation_id)
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


def cancel(db: Connection, obligation_id: str, at: datetime) -> bool:
    """Nothing is owed any more; False when it was paid or cancelled before."""
    done = db.execute(
        update(Obligation)
        .where(Obligation.id == obligation_id, Obligation.state == "due")
        .values(state="cancelled")
    )
    if not done.rowcount:
        return False
    owed = get(db, obligation_id)
    if owed is None:
        return False
    reversal = [
        ledger.Line(line.account, -line.amount, line.entity, line.item)
        for line in _debt(lines(db, obligation_id))
    ]
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
    amount = Money(row.amount, row.currency)
    return Owed(row.id, row.reference, row.stage, amount, row.state, row.paid_at)
