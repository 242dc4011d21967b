"""The append-only ledger: every entry sums to zero and is booked once.

Accounts: what citizens owe (``receivable``); what the provider holds for us, paid by card or wallet
(``clearing``) and in cash at a kiosk (``kiosk_clearing``); income by entity and item (``revenue``);
deposits, owed back one day (``refundable``); refunds that are promised and not yet made
(``refunds_payable``); money beyond what was due (``surplus``); money that nobody may touch yet
(``suspense``); money that a payer's bank took back (``dispute_hold``); what the provider keeps
(``provider_fees``); payouts on their way (``treasury_in_transit``) and arrived
(``treasury_settled``). Corrections are new entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select

from payments.model import Entry, EntryLine
from payments.money import Money
from payments.storage import UnlessThere

PORTAL, PROVIDER = "portal", "provider"
RECEIVABLE, REVENUE = "receivable", "revenue"
CLEARING, KIOSK_CLEARING = "clearing", "kiosk_clearing"
REFUNDABLE, REFUNDS_PAYABLE = "refundable", "refunds_payable"
SURPLUS, SUSPENSE, DISPUTE_HOLD = "surplus", "suspense", "dispute_hold"
PROVIDER_FEES = "provider_fees"
TREASURY_IN_TRANSIT, TREASURY_SETTLED = "treasury_in_transit", "treasury_settled"


def clearing_of(kind: str) -> str:
    """The account in which money of a kind of means waits at the provider."""
    return KIOSK_CLEARING if kind == "kiosk" else CLEARING


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


_ENTRY = insert(Entry).ext(UnlessThere()).returning(Entry.id)
_LINES = insert(EntryLine)
_BOOKED = select(Entry.id).where(
    Entry.provider == bindparam("provider"),
    Entry.object_id == bindparam("object_id"),
    Entry.effect == bindparam("effect"),
)


def book(
    db: Connection, effect: Effect, lines: Sequence[Line], currency: str, at: datetime
) -> bool:
    """Book an entry; False, and nothing done, when this effect was booked before."""
    if sum(line.amount for line in lines) != 0 or not lines:
        raise Unbalanced(effect.name)
    entry = {
        "provider": effect.provider,
        "object_id": effect.object_id,
        "effect": effect.name,
        "reference": effect.reference,
        "currency": currency,
        "booked_at": at,
    }
    entry_id = db.scalar(_ENTRY, entry)
    if entry_id is None:
        return False
    db.execute(
        _LINES,
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
    named = {"provider": provider, "object_id": object_id, "effect": effect}
    return db.scalar(_BOOKED, named) is not None


def balance(db: Connection, account: str) -> Money:
    """The sum of an account."""
    total = db.scalar(select(func.sum(EntryLine.amount)).where(EntryLine.account == account))
    return Money(int(total or 0))
