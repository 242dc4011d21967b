"""The append-only ledger: every entry sums to zero and is booked once.

Accounts: what citizens owe (``receivable``), what the provider holds for us (``clearing``), income
by entity and item (``revenue``), deposits and refunds that are owed back (``refundable``), money
beyond what was due (``surplus``) and money that nobody may touch yet (``suspense``). Corrections
are new entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from payments.model import Entry, EntryLine, Obligation
from payments.money import Money
from payments.storage import insert_missing

PORTAL, PROVIDER = "portal", "provider"
RECEIVABLE, CLEARING, REVENUE = "receivable", "clearing", "revenue"
REFUNDABLE, SURPLUS, SUSPENSE = "refundable", "surplus", "suspense"


class Unbalanced(ValueError):
    """An entry whose lines do not sum to zero; it is a mistake of the program."""


@dataclass(frozen=True)
class Line:
    """One side of an entry; debits are positive."""

    account: str
    amount: int
    entity: str = ""
    item: str = ""


@dataclass(frozen=True)
class Effect:
    """What an entry records: one effect of one object."""

    provider: str
    object_id: str
    name: str
    reference: str


def book(
    db: Connection, effect: Effect, lines: Sequence[Line], currency: str, at: datetime
) -> bool:
    """Book an entry; False, and nothing done, when this effect was booked before."""
    if sum(line.amount for line in lines) != 0 or not lines:
        raise Unbalanced(effect.name)
    if is_booked(db, effect.provider, effect.object_id, effect.name):
        return False
    entry_id = insert_missing(
        db,
        insert(Entry)
        .values(
            provider=effect.provider,
            object_id=effect.object_id,
            effect=effect.name,
            reference=effect.reference,
            currency=currency,
            booked_at=at,
        )
        .returning(Entry.id),
    )
    if entry_id is None:
        return False  # another process booked it between the look and the insert
    db.execute(
        insert(EntryLine),
        [
            {
                "entry_id": entry_id,
                "position": position,
                "account": line.account,
                "entity": line.entity,
                "item": line.item,
                "amount": line.amount,
            }
            for position, line in enumerate(lines)
        ],
    )
    return True


def is_booked(db: Connection, provider: str, object_id: str, effect: str) -> bool:
    """Whether this effect of this object stands in the ledger."""
    known = select(Entry.id).where(
        Entry.provider == provider, Entry.object_id == object_id, Entry.effect == effect
    )
    return db.scalar(known) is not None


def balance(db: Connection, account: str) -> Money:
    """The sum of an account."""
    total = db.scalar(select(func.sum(EntryLine.amount)).where(EntryLine.account == account))
    return Money(int(total or 0))


def unbalanced_entries(db: Connection) -> list[int]:
    """Entries that break the first invariant; there are none."""
    return list(
        db.scalars(
            select(EntryLine.entry_id)
            .group_by(EntryLine.entry_id)
            .having(func.sum(EntryLine.amount) != 0)
        )
    )


def uncovered_obligations(db: Connection) -> list[str]:
    """Obligations that are called paid without a booked payment; there are none."""
    paid = select(Entry.reference, Entry.object_id).where(Entry.effect == "payment").subquery()
    return list(
        db.scalars(
            select(Obligation.id)
            .where(Obligation.state == "paid")
            .where(
                ~select(paid.c.reference).where(paid.c.reference == Obligation.reference).exists()
            )
        )
    )
