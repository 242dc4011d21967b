"""Who gets what of a day's money: by unit, beneficiary (entity) and revenue item.

Everything is taken from what is never changed: the provider's book as it was compared, entries of
the ledger, frozen fee lines. A part of a sum is spread over all fee lines, so that the parts of all
payments together are the lines to the piastre; the provider's fee of a payment is spread over what
the payment brought, by the largest remainder.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from payments import crediting, ledger
from payments.crediting import REBOOKED, UNDONE, FeeLine
from payments.model import Attempt, Entry, EntryLine, Rebooking, Refund, RefundLine
from payments.parts import spread
from payments.reconciliation import book
from payments.reconciliation.days import Span
from payments.reconciliation.matching import FEE_UNTOLD, SAME, Kind
from payments.reconciliation.model import BookLine, Day, DayShare
from payments.settlement import TAKEN

UNMATCHED = "unmatched"
"""What the provider has booked and the ledger does not explain (yet)."""
UnitOf = Callable[[Connection, Sequence[str]], Mapping[str, str]]
"""To which unit references belong, as far as they do."""
_AGREED = (SAME, FEE_UNTOLD, Kind.FEE)
_CHUNK = 500


@dataclass(frozen=True)
class Key:
    """One row of the export."""

    currency: str
    unit: str
    account: str
    entity: str
    item: str


@dataclass
class Share:
    """Sums of one row, in minor units."""

    count: int = 0
    gross: int = 0
    moved: int = 0
    refund: int = 0
    fee: int = 0

    @property
    def net(self) -> int:
        return self.gross + self.moved - self.refund - self.fee


@dataclass(frozen=True)
class Part:
    """A part of a sum, and the row that it belongs to."""

    account: str
    entity: str
    item: str
    amount: int


@dataclass
class _Sheet:
    """The rows as they grow."""

    unit_of: UnitOf
    rows: dict[Key, Share] = field(default_factory=lambda: defaultdict(Share))

    def row(self, currency: str, unit: str, part: Part) -> Share:
        return self.rows[Key(currency, unit, part.account, part.entity, part.item)]


def shares_of(db: Connection, when: Span, unit_of: UnitOf) -> dict[Key, Share]:
    """The export of a day, as the comparison of it stands."""
    sheet = _Sheet(unit_of)
    for lines in _lines(db, when.day):
        units = unit_of(db, sorted({line.reference for line in lines if line.reference}))
        brought = _brought(db, [x.payment for x in lines if x.effect == book.PAYMENT])
        given = _given(db, [x.object_id for x in lines if x.effect in _REFUNDS])
        for line in lines:
            _count_line(sheet, line, units.get(line.reference, ""), brought, given)
    _count_late(db, sheet, when)
    _count_cancelled(db, sheet, when)
    _count_rebooked(db, sheet, when)
    return {key: share for key, share in sheet.rows.items() if share != Share()}


_REFUNDS = (book.REFUND, book.REFUND_FAILED)
_TRANSFERS = (book.PAYOUT, book.PAYOUT_FAILED)


def _lines(db: Connection, day: date) -> Iterator[Sequence[Row[Any]]]:
    return _in_parts(db, select(BookLine.__table__).where(BookLine.day == day), BookLine.id)


def _count_line(
    sheet: _Sheet,
    line: Row[Any],
    unit: str,
    brought: Mapping[str, Sequence[Part]],
    given: Mapping[str, Sequence[Part]],
) -> None:
    if line.effect in _TRANSFERS:
        if line.fee:
            sheet.row(line.currency, unit, Part(book.PAYOUT, "", "", 0)).fee += line.fee
        return
    agreed = line.verdict in _AGREED
    parts = _parts(line, brought, given) if agreed else [Part(UNMATCHED, "", "", line.amount)]
    fees = spread(line.fee, [abs(part.amount) for part in parts])
    for part, fee in zip(parts, fees, strict=True):
        share = sheet.row(line.currency, unit, part)
        share.fee += fee
        if line.effect == book.PAYMENT or not agreed:
            share.gross += part.amount
            share.count += 1
        else:
            share.refund -= part.amount


def _parts(
    line: Row[Any], brought: Mapping[str, Sequence[Part]], given: Mapping[str, Sequence[Part]]
) -> Sequence[Part]:
    """Whose money a line moved; the parts sum to its amount."""
    if line.effect == book.PAYMENT:
        found = brought.get(line.payment, ())
        account = ledger.SUSPENSE
    elif line.effect in _REFUNDS:
        sign = -1 if line.effect == book.REFUND else 1
        found = [
            Part(part.account, part.entity, part.item, sign * part.amount)
            for part in given.get(line.object_id, ())
        ]
        account = ledger.SUSPENSE
    else:
        found, account = (), ledger.DISPUTE_HOLD
    rest = line.amount - sum(part.amount for part in found)
    return [*found, Part(account, "", "", rest)] if rest or not found else found


def _brought(db: Connection, payments: Iterable[str]) -> dict[str, list[Part]]:
    """What payments brought, by payment, as they were booked."""
    wanted = sorted(set(payments))
    if not wanted:
        return {}
    booked = db.execute(
        select(Entry.id, Entry.object_id, EntryLine.account, EntryLine.amount)
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id.in_(wanted),
            Entry.effect.in_(TAKEN),
            EntryLine.account.in_((ledger.RECEIVABLE, ledger.SURPLUS, ledger.SUSPENSE)),
        )
        .order_by(Entry.id, EntryLine.position)
    ).all()
    rows = db.execute(
        select(Attempt.payment, Attempt.obligation_id).where(Attempt.payment.in_(wanted))
    )
    obligation_of = {str(row.payment): row.obligation_id for row in rows}
    lines = crediting.fee_lines(db, sorted(set(obligation_of.values())))
    credited = crediting.credited(db, sorted(set(obligation_of.values())))
    parts: dict[str, list[Part]] = defaultdict(list)
    for row in booked:
        credit = -row.amount
        obligation = obligation_of.get(row.object_id, "")
        if row.account != ledger.RECEIVABLE or obligation not in lines:
            parts[row.object_id].append(Part(row.account, "", "", credit))
            continue
        before = crediting.before(credited[obligation], row.id)
        parts[row.object_id] += _parts_of(lines[obligation], before, before + credit)
    return parts


def _parts_of(lines: Sequence[FeeLine], before: int, after: int) -> list[Part]:
    """What of its lines is paid between two sums."""
    return [
        Part(line.account, line.entity, line.item, line.amount)
        for line in crediting.between(lines, before, after)
    ]


# Not as a plain column: every entry of a provider would be gone through where those of a day have
# an index


def _booked_on(when: Span, provider: str) -> tuple[ColumnElement[bool], ...]:
    return (
        func.coalesce(Entry.provider, "") == provider,
        Entry.booked_at >= when.begins,
        Entry.booked_at < when.ends,
    )


def _given(db: Connection, refunds: Iterable[str]) -> dict[str, list[Part]]:
    """From where refunds were taken, by the provider's id."""
    found: dict[str, list[Part]] = defaultdict(list)
    rows = db.execute(
        select(
            Refund.provider_refund,
            RefundLine.account,
            RefundLine.entity,
            RefundLine.item,
            RefundLine.amount,
        )
        .join(RefundLine, RefundLine.refund_id == Refund.id)
        .where(Refund.provider_refund.in_(sorted(set(refunds))))
        .order_by(Refund.provider_refund, RefundLine.position)
    )
    for row in rows:
        part = Part(row.account, row.entity, row.item, row.amount)
        found[str(row.provider_refund)].append(part)
    return found


def _count_late(db: Connection, sheet: _Sheet, when: Span) -> None:
    """What was booked on this day for lines of days that were closed before: it moves from
    "unmatched", where those days left it, to whom it belongs."""
    effect = or_(
        Entry.effect == BookLine.effect,
        and_(BookLine.effect == book.PAYMENT, Entry.effect.in_(TAKEN)),
    )
    found = (
        select(BookLine.__table__, Entry.reference.label("booked_for"))
        .join(Entry, and_(Entry.object_id == BookLine.object_id, effect))
        .join(Day, Day.day == BookLine.day)
        .where(
            *_booked_on(when, ledger.PROVIDER),
            BookLine.verdict == Kind.MISSING_IN_LEDGER,
            BookLine.day < when.day,
            Day.state == "closed",
            BookLine.effect.not_in(_TRANSFERS),
        )
    )
    for late in _in_parts(db, found, BookLine.id):
        references = {name for line in late for name in (line.reference, line.booked_for)}
        units = sheet.unit_of(db, sorted(references))
        brought = _brought(db, [line.payment for line in late if line.effect == book.PAYMENT])
        given = _given(db, [line.object_id for line in late if line.effect in _REFUNDS])
        for line in late:
            then, now = units.get(line.reference, ""), units.get(line.booked_for, "")
            sheet.row(line.currency, then, Part(UNMATCHED, "", "", 0)).moved -= line.amount
            for part in _parts(line, brought, given):
                sheet.row(line.currency, now, part).moved += part.amount


def _in_parts(
    db: Connection, found: Select[*tuple[Any, ...]], key: InstrumentedAttribute[str]
) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a query, some hundred at a time by their ``key``."""
    last = ""
    while rows := db.execute(found.where(key > last).order_by(key).limit(_CHUNK)).all():
        yield rows
        last = getattr(rows[-1], key.key)


def _count_cancelled(db: Connection, sheet: _Sheet, when: Span) -> None:
    """Requests that were closed after a part was paid: the part is no income, but surplus."""
    found = (
        select(
            Entry.object_id,
            Entry.reference,
            Entry.currency,
            func.sum(-EntryLine.amount).label("part"),
        )
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(
            *_booked_on(when, ledger.PORTAL),
            Entry.effect == "cancelled",
            crediting.of_account(ledger.SURPLUS),
        )
        .group_by(Entry.object_id, Entry.reference, Entry.currency)
    )
    for cancelled in _in_parts(db, found, Entry.object_id):
        units = sheet.unit_of(db, sorted({row.reference for row in cancelled}))
        lines = crediting.fee_lines(db, sorted(row.object_id for row in cancelled))
        for row in cancelled:
            unit, part = units.get(row.reference, ""), int(row.part)
            sheet.row(row.currency, unit, Part(ledger.SURPLUS, "", "", 0)).moved += part
            for each in _parts_of(lines[row.object_id], 0, part):
                sheet.row(row.currency, unit, each).moved -= each.amount


def _count_rebooked(db: Connection, sheet: _Sheet, when: Span) -> None:
    """Money that two people put where it belongs: from the rows where it stood to others."""
    rows = db.execute(
        select(
            Entry.id,
            Entry.currency,
            Entry.reference.label("then_of"),
            Rebooking.reference.label("once_of"),
            Rebooking.obligation_id,
            EntryLine.account,
            EntryLine.entity,
            EntryLine.item,
            EntryLine.amount,
        )
        .join(Rebooking, Rebooking.id == Entry.object_id)
        .join(EntryLine, EntryLine.entry_id == Entry.id)
        .where(
            *_booked_on(when, ledger.PORTAL),
            Entry.effect.in_((REBOOKED, UNDONE)),
        )
        .order_by(Entry.id, EntryLine.position)
    ).all()
    units = sheet.unit_of(db, sorted({name for row in rows for name in (row.then_of, row.once_of)}))
    targets = sorted({row.obligation_id for row in rows if row.obligation_id})
    lines, credited = crediting.fee_lines(db, targets), crediting.credited(db, targets)
    for row in rows:
        unit = units.get(row.once_of if row.amount > 0 else row.then_of, "")
        parts = [Part(row.account, row.entity, row.item, -row.amount)]
        if row.account == ledger.RECEIVABLE:
            before = crediting.before(credited[row.obligation_id], row.id)
            parts = _parts_of(lines[row.obligation_id], before, before - row.amount)
        for part in parts:
            sheet.row(row.currency, unit, part).moved += part.amount


def keep(db: Connection, day: date, shares: Mapping[Key, Share]) -> None:
    """Write the shares of a day down, in place of what they were; a closed day's are its own."""
    rows = [
        {
            "day": day,
            "currency": key.currency,
            "unit": key.unit,
            "account": key.account,
            "entity": key.entity,
            "item": key.item,
            **vars(share),
        }
        for key, share in shares.items()
    ]
    db.execute(delete(DayShare).where(DayShare.day == day))
    for begin in range(0, len(rows), _CHUNK):
        db.execute(insert(DayShare), rows[begin : begin + _CHUNK])


def kept_shares(
    db: Connection, day: date, currency: str, units: Sequence[str] | None = None
) -> dict[Part, Share]:
    """Who gets what of a day as it was compared last: of all units, or of some together.

    The parts have no amount: the share says it.
    """
    of_units = () if units is None else (DayShare.unit.in_(units),)
    rows = db.execute(
        select(
            DayShare.account,
            DayShare.entity,
            DayShare.item,
            func.sum(DayShare.count).label("payments"),
            func.sum(DayShare.gross).label("gross"),
            func.sum(DayShare.moved).label("moved"),
            func.sum(DayShare.refund).label("refund"),
            func.sum(DayShare.fee).label("fee"),
        )
        .where(DayShare.day == day, DayShare.currency == currency, *of_units)
        .group_by(DayShare.account, DayShare.entity, DayShare.item)
    )
    return {
        Part(row.account, row.entity, row.item, 0): Share(
            int(row.payments), int(row.gross), int(row.moved), int(row.refund), int(row.fee)
        )
        for row in rows
    }
