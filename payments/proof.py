"""The invariants of the ledger, proved over everything there is.

Each proof names what breaks it; an empty list is the proof. The database refuses most of these by
itself (constraints of :mod:`payments.model`, triggers of the migrations); what is proved here needs
more than one table.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, and_, case, func, null, select, union_all

from payments import ledger
from payments.model import Attempt, Entry, EntryLine, Obligation, ObligationLine, Receipt
from payments.rebooking.proof import wrong_rebookings
from payments.refunds.proof import broken_promises, wrong_reservations


def unbalanced_entries(db: Connection) -> list[str]:
    """Entries that do not sum to zero, or have no lines."""
    lines = (
        select(EntryLine.entry_id, func.sum(EntryLine.amount).label("total"))
        .group_by(EntryLine.entry_id)
        .subquery()
    )
    found = (
        select(Entry.id)
        .outerjoin(lines, lines.c.entry_id == Entry.id)
        .where(func.coalesce(lines.c.total, 1) != 0)
    )
    return [f"entry {identity}" for identity in db.scalars(found)]


def wrong_obligations(db: Connection) -> list[str]:
    """Obligations whose lines are not their sum, or whose credit is not what was booked."""
    total = (
        select(ObligationLine.obligation_id, func.sum(ObligationLine.amount).label("total"))
        .group_by(ObligationLine.obligation_id)
        .subquery()
    )
    frozen = (
        select(Obligation.id)
        .outerjoin(total, total.c.obligation_id == Obligation.id)
        .where(func.coalesce(total.c.total, 0) != Obligation.amount)
    )
    taken = (
        select(
            Attempt.obligation_id,
            func.sum(Attempt.amount - Attempt.set_aside).label("credited"),
        )
        .where(Attempt.state.in_(("paid", "surplus", "mismatched")))
        .group_by(Attempt.obligation_id)
        .subquery()
    )
    credited = (
        select(Obligation.id)
        .outerjoin(taken, taken.c.obligation_id == Obligation.id)
        .where(func.coalesce(taken.c.credited, 0) != Obligation.credited)
    )
    return [
        *(f"obligation {identity}: its lines are not its sum" for identity in db.scalars(frozen)),
        *(f"obligation {identity}: credit without payment" for identity in db.scalars(credited)),
    ]


def unbooked_payments(db: Connection) -> list[str]:
    """Payments that were taken and do not stand in the ledger with their sum.

    Both sides are put under each other and summed up, instead of joined: a database that was never
    analysed takes either of them for a few rows, and goes through one for each row of the other.
    For the same reason the account is no plain column: its index leads to every payment there is.
    """
    taken = select(
        func.coalesce(Attempt.payment, Attempt.id).label("payment"),
        Attempt.id.label("attempt"),
        Attempt.amount.label("amount"),
    ).where(Attempt.state.in_(("paid", "surplus")))
    booked = (
        select(Entry.object_id, null(), -EntryLine.amount)
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.effect.in_(("payment", "surplus", "suspense")),
            func.coalesce(EntryLine.account, "").in_((ledger.CLEARING, ledger.KIOSK_CLEARING)),
        )
    )
    both = union_all(taken, booked).subquery()
    found = (
        select(func.max(both.c.attempt))
        .group_by(both.c.payment)
        .having(func.max(both.c.attempt).is_not(None), func.sum(both.c.amount) != 0)
    )
    return [f"attempt {identity}" for identity in db.scalars(found)]


def wrong_debts(db: Connection) -> list[str]:
    """References whose debt in the ledger is not what their obligations leave to pay."""
    owed = (
        select(
            Obligation.reference,
            func.sum(
                case((Obligation.state == "due", Obligation.amount - Obligation.credited), else_=0)
            ).label("owed"),
        )
        .group_by(Obligation.reference)
        .subquery()
    )
    booked = (
        select(Entry.reference, func.sum(EntryLine.amount).label("booked"))
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(EntryLine.account == ledger.RECEIVABLE)
        .group_by(Entry.reference)
        .subquery()
    )
    found = (
        select(owed.c.reference)
        .outerjoin(booked, booked.c.reference == owed.c.reference)
        .where(func.coalesce(booked.c.booked, 0) != owed.c.owed)
    )
    return list(db.scalars(found))


def missing_receipts(db: Connection) -> list[str]:
    """Covered obligations without a receipt, and receipts of what is not covered."""
    found = (
        select(Obligation.id)
        .outerjoin(Receipt, Receipt.obligation_id == Obligation.id)
        .where(
            and_(Obligation.state == "paid", Receipt.number.is_(None))
            | and_(Obligation.state != "paid", Receipt.number.is_not(None))
        )
    )
    return [f"obligation {identity}" for identity in db.scalars(found)]


PROOFS: Mapping[str, Callable[[Connection], Sequence[str]]] = {
    "every entry sums to zero": unbalanced_entries,
    "every obligation is its lines, and its credit is what was paid": wrong_obligations,
    "every payment that was taken is booked with its sum": unbooked_payments,
    "the debt in the ledger is what is left to pay": wrong_debts,
    "every covered obligation has its receipt, and no other": missing_receipts,
    "what is reserved for refunds is what they say": wrong_reservations,
    "a refund that is promised is owed, and no other": broken_promises,
    "what two people put elsewhere is booked once, with its sum": wrong_rebookings,
}


def prove(db: Connection) -> dict[str, Sequence[str]]:
    """Every invariant with what breaks it."""
    return {invariant: proof(db) for invariant, proof in PROOFS.items()}
