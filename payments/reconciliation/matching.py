"""Setting the ledger beside the provider's book, in SQL.

Entry and line belong together by object and effect, never by the moment at which they were booked:
a payment just before midnight may be settled after it. Each look-up is one in an index, so the time
grows with the number of lines and the memory does not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    and_,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from payments import ledger
from payments.model import Entry, EntryLine
from payments.reconciliation.book import DISPUTE, PAYMENT
from payments.reconciliation.days import Span
from payments.reconciliation.model import BookLine, DayDifference
from payments.reconciliation.store import Store
from payments.settlement import TAKEN

AT_PROVIDER = (ledger.CLEARING, ledger.KIOSK_CLEARING)
"""The accounts that hold what the provider holds for us."""
FEE = "fee"
# What a dispute costs may be told after what it takes
_LATER_FEE = "dispute_fee"
_CHUNK = 1000


class Kind(StrEnum):
    """What can be wrong with a line of the book, an entry of the ledger, or a payout."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROVIDER = "missing_at_provider"
    AMOUNT = "amount"
    FEE = "fee"
    DUPLICATE = "duplicate"
    CURRENCY = "currency"
    PAYOUT_MISSING = "payout_missing"
    PAYOUT_AMOUNT = "payout_amount"
    PAYOUT_CURRENCY = "payout_currency"
    PAYOUT_DUPLICATE = "payout_duplicate"
    PAYOUT_UNKNOWN = "payout_unknown"


SAME = "same"
FEE_UNTOLD = "fee_untold"
"""Nothing is wrong but that the fee is not booked yet."""


def compare(store: Store, day: date) -> None:
    """Fill in what the ledger says of every line of a day, and what that makes of it.

    Some hundred lines at a time, so that no payment waits long for the database.
    """
    for first, last in _chunks(store, day):
        with store.begin() as db:
            weigh(db, BookLine.day == day, BookLine.id >= first, BookLine.id <= last)


def _chunks(store: Store, day: date) -> Iterator[tuple[str, str]]:
    last = ""
    while True:
        with store.read() as db:
            ids = db.scalars(
                select(BookLine.id)
                .where(BookLine.day == day, BookLine.id > last)
                .order_by(BookLine.id)
                .limit(_CHUNK)
            ).all()
        if not ids:
            return
        yield ids[0], ids[-1]
        last = ids[-1]


def weigh(db: Connection, *which: ColumnElement[bool]) -> None:
    """The same for some lines."""
    fees = and_(Entry.object_id == BookLine.id, Entry.effect == FEE)
    db.execute(
        update(BookLine)
        .where(*which)
        .values(
            entries=case((_has_twin(), 0), else_=_count(_belongs())),
            fee_entries=_count(fees),
            booked=case((_has_twin(), 0), else_=_moved(_belongs(later_fees=True))),
            booked_fee=-_moved(fees),
            booked_currency=func.coalesce(_entry(func.min(Entry.currency), _belongs()), ""),
            reference=func.coalesce(
                _entry(func.min(Entry.reference), _belongs()), BookLine.reference
            ),
        )
    )
    db.execute(update(BookLine).where(*which).values(verdict=_verdict()))


def _belongs(*, later_fees: bool = False) -> ColumnElement[bool]:
    """The entries of a line; a payment has come into the ledger by one of three effects."""
    effects = [
        Entry.effect == BookLine.effect,
        and_(BookLine.effect == PAYMENT, Entry.effect.in_(TAKEN)),
    ]
    if later_fees:
        effects.append(and_(BookLine.effect == DISPUTE, Entry.effect == _LATER_FEE))
    return and_(Entry.object_id == BookLine.object_id, or_(*effects))


def _entry(what: ColumnElement[str], how: ColumnElement[bool]) -> ScalarSelect[str]:
    return (
        select(what)
        .where(Entry.provider == ledger.PROVIDER, how)
        .correlate(BookLine)
        .scalar_subquery()
    )


def _currency(how: ColumnElement[bool]) -> ColumnElement[str]:
    """That of the entries, or of the line if there are none."""
    return func.coalesce(_entry(func.min(Entry.currency), how), BookLine.currency)


def has_entry() -> ColumnElement[bool]:
    """Whether the ledger knows of a line, as it is now."""
    return (
        select(Entry.id)
        .where(Entry.provider == ledger.PROVIDER, _belongs())
        .correlate(BookLine)
        .exists()
    )


def _count(how: ColumnElement[bool]) -> ScalarSelect[int]:
    return (
        select(func.count(Entry.id))
        .where(Entry.provider == ledger.PROVIDER, how)
        .correlate(BookLine)
        .scalar_subquery()
    )


def _moved(how: ColumnElement[bool]) -> ScalarSelect[int]:
    """What the entries moved at the provider."""
    return (
        select(func.coalesce(func.sum(EntryLine.amount), 0))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(Entry.provider == ledger.PROVIDER, how, _at_provider())
        .correlate(BookLine)
        .scalar_subquery()
    )


def _at_provider() -> ColumnElement[bool]:
    # not as a plain column: all lines of the account would be gone through for each entry
    return func.coalesce(EntryLine.account, "").in_(AT_PROVIDER)


def _has_twin() -> ColumnElement[bool]:
    """Whether an earlier line of the book says the same: the entry belongs to that one."""
    other = aliased(BookLine)
    return (
        select(other.id)
        .where(
            other.object_id == BookLine.object_id,
            other.effect == BookLine.effect,
            or_(
                other.created_at < BookLine.created_at,
                and_(other.created_at == BookLine.created_at, other.id < BookLine.id),
            ),
        )
        .correlate(BookLine)
        .exists()
    )


def _verdict() -> ColumnElement[str]:
    net = BookLine.amount - BookLine.fee
    return case(
        (or_(_has_twin(), BookLine.entries > 1), Kind.DUPLICATE.value),
        (BookLine.entries == 0, Kind.MISSING_IN_LEDGER.value),
        (BookLine.booked_currency != BookLine.currency, Kind.CURRENCY.value),
        (BookLine.booked - BookLine.booked_fee == net, SAME),
        (and_(BookLine.booked == BookLine.amount, BookLine.fee_entries == 0), FEE_UNTOLD),
        (BookLine.booked == BookLine.amount, Kind.FEE.value),
        else_=Kind.AMOUNT.value,
    )


def with_verdict(store: Store, day: date, *verdicts: str) -> Iterator[Sequence[Row[Any]]]:
    """The lines of a day with one of these verdicts, some hundred at a time."""
    last = ""
    while True:
        with store.read() as db:
            found = db.execute(
                select(BookLine.__table__)
                .where(BookLine.day == day, BookLine.verdict.in_(verdicts), BookLine.id > last)
                .order_by(BookLine.id)
                .limit(_CHUNK)
            ).all()
        if not found:
            return
        yield found
        last = found[-1].id


@dataclass(frozen=True)
class Unbacked:
    """An entry that moved money at the provider, of which the book knows nothing."""

    object_id: str
    effect: str
    reference: str
    currency: str
    amount: int


def unbacked(store: Store, when: Span) -> Iterator[Unbacked]:
    """The entries of a day that no line of the book belongs to."""
    booked = and_(
        # not as a plain column: every entry of the provider would be gone through for it, where
        # those of one day have an index
        func.coalesce(Entry.provider, "") == ledger.PROVIDER,
        Entry.booked_at >= when.begins,
        Entry.booked_at < when.ends,
    )
    with store.read() as db:
        first = db.scalar(select(func.min(Entry.id)).where(booked))
        last = db.scalar(select(func.max(Entry.id)).where(booked))
    if first is None or last is None:
        return
    for begin in range(first, last + 1, _CHUNK):
        with store.read() as db:
            found = _unbacked(db, booked, Entry.id >= begin, Entry.id < begin + _CHUNK)
        yield from found


def effect_of_entry(effect: str) -> str:
    """The effect of the line that an entry belongs to."""
    return PAYMENT if effect in TAKEN else DISPUTE if effect == _LATER_FEE else effect


def _unbacked(db: Connection, *which: ColumnElement[bool]) -> list[Unbacked]:
    effect = case(
        (Entry.effect.in_(TAKEN), PAYMENT),
        (Entry.effect == _LATER_FEE, DISPUTE),
        else_=Entry.effect,
    )
    line = (
        select(BookLine.id)
        .where(BookLine.object_id == Entry.object_id, BookLine.effect == effect)
        .correlate(Entry)
        .exists()
    )
    fee_line = select(BookLine.id).where(BookLine.id == Entry.object_id).correlate(Entry).exists()
    moved = (
        select(func.coalesce(func.sum(EntryLine.amount), 0))
        .where(EntryLine.entry_id == Entry.id, EntryLine.account.in_(AT_PROVIDER))
        .correlate(Entry)
        .scalar_subquery()
    )
    rows = db.execute(
        select(
            Entry.object_id,
            Entry.effect,
            Entry.reference,
            Entry.currency,
            moved.label("amount"),
        )
        .where(
            *which,
            moved != 0,
            or_(and_(Entry.effect == FEE, ~fee_line), and_(Entry.effect != FEE, ~line)),
        )
        .order_by(Entry.id)
    )
    return [Unbacked(r.object_id, r.effect, r.reference, r.currency, int(r.amount)) for r in rows]


def excess(db: Connection) -> dict[str, int]:
    """By how much the provider's book is more than the ledger, as comparisons know it; by currency.

    Of what agrees it is nothing. The rest is asked of the ledger as it is now: it may have learnt
    of lines of closed days since. Each side is counted in the currency that it names.
    """
    fees = and_(Entry.object_id == BookLine.id, Entry.effect == FEE)
    entries = _belongs(later_fees=True)
    lines = (
        select(
            BookLine.currency.label("told"),
            (BookLine.amount - BookLine.fee).label("net"),
            _currency(entries).label("booked_in"),
            case((_has_twin(), 0), else_=_moved(entries)).label("booked"),
            _currency(fees).label("fee_in"),
            _moved(fees).label("fee"),
        )
        .where(BookLine.verdict != SAME)
        .subquery()
    )
    found: Counter[str] = Counter()
    for name, sum_, sign in (
        (lines.c.told, lines.c.net, 1),
        (lines.c.booked_in, lines.c.booked, -1),
        (lines.c.fee_in, lines.c.fee, -1),
    ):
        sums = db.execute(select(name, func.sum(sum_)).group_by(name))
        for row in sums:
            found[row[0]] += sign * int(row[1])
    line = (
        select(BookLine.id)
        .where(
            or_(
                BookLine.id == DayDifference.object_id,
                BookLine.object_id == DayDifference.object_id,
            )
        )
        .correlate(DayDifference)
        .exists()
    )
    ghosts = db.execute(
        select(DayDifference.currency, func.sum(DayDifference.ledger_amount).label("more"))
        .where(DayDifference.kind == Kind.MISSING_AT_PROVIDER, ~line)
        .group_by(DayDifference.currency)
    )
    for row in ghosts:
        found[row.currency] -= int(row.more)
    return dict(found)
