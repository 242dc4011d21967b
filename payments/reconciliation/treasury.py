"""The third side: what arrived at the treasury, by its statements.

A statement is CSV in UTF-8 with the columns ``value_date`` (2026-11-22), ``payout`` (the provider's
id), ``amount`` (whole piastres) and ``currency``, separated by commas. It is read whole or not at
all, and reading it again adds nothing.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from payments import cases
from payments.money import EXPONENTS, Money
from payments.reconciliation.book import PAYOUT_FAILED
from payments.reconciliation.matching import Kind
from payments.reconciliation.model import BookLine, KnownPayout, Statement, StatementLine

COLUMNS = ("value_date", "payout", "amount", "currency")
CASE = "reconcile_"
"""What stands before a kind of difference in the kind of its case."""
_LARGEST = 10**15
_LARGEST_FILE = 20_000_000
# How long after its day of arrival a payout may appear in a statement
GRACE = timedelta(days=2)
_OF_PAYOUTS = tuple(kind for kind in Kind if kind.startswith("payout_"))
_GONE = ("failed", "canceled")
_AGREED = "the treasury's statements agree now"
_BATCH = 500


class BadStatement(ValueError):
    """A statement that cannot be read: the line, counted from 1, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why = why


@dataclass(frozen=True)
class Arrival:
    """One line of a statement."""

    value_on: date
    payout: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Imported:
    """What reading a statement led to."""

    known: bool
    """This very file was read before."""
    lines: int
    fresh: int
    differences: int


@dataclass(frozen=True)
class Difference:
    """What does not agree."""

    kind: Kind
    object_id: str
    reference: str
    currency: str
    provider_amount: int
    ledger_amount: int
    treasury_amount: int


def read_statement(content: bytes, today: date) -> list[Arrival]:
    """Every line of a statement; raises :class:`BadStatement` for the first that is not right."""
    if len(content) > _LARGEST_FILE:
        raise BadStatement(1, f"the file is larger than {_LARGEST_FILE // 1_000_000} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadStatement(line, "is not UTF-8") from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Arrival] = []
    try:
        head = next(lines, [])
        if tuple(cell.strip() for cell in head) != COLUMNS:
            raise BadStatement(1, f"the columns must be {','.join(COLUMNS)}")
        found += [_read_line(cells, lines.line_num, today) for cells in lines if cells]
    except csv.Error as error:
        raise BadStatement(max(lines.line_num, 1), str(error)) from error
    if not found:
        raise BadStatement(1, "there is no line under the head")
    return found


def _read_line(cells: list[str], number: int, today: date) -> Arrival:
    values = [cell.strip() for cell in cells]
    if len(values) != len(COLUMNS):
        raise BadStatement(number, f"has {len(values)} columns and not {len(COLUMNS)}")
    value_date, payout, amount, currency = values
    try:
        value_on = date.fromisoformat(value_date)
    except ValueError:
        raise BadStatement(
            number, f"value_date {value_date[:20]!r} is no date like 2026-11-22"
        ) from None
    if not date(2000, 1, 1) <= value_on <= today:
        raise BadStatement(number, f"value_date {value_date[:20]} is not in the past")
    if not re.fullmatch(r"[!-~]{1,120}", payout):
        raise BadStatement(number, "payout is no id of at most 120 letters and digits")
    if not re.fullmatch(r"[0-9]{1,16}", amount, re.ASCII) or not 0 < int(amount) <= _LARGEST:
        raise BadStatement(number, f"amount {amount[:20]!r} is no whole number of piastres above 0")
    if currency not in EXPONENTS:
        raise BadStatement(
            number, f"currency {currency[:20]!r} is not one of {', '.join(EXPONENTS)}"
        )
    return Arrival(value_on, payout, int(amount), currency)


def enter(
    db: Connection, content: bytes, rows: Sequence[Arrival], by: str, at: datetime
) -> Imported:
    """Keep the lines of a statement and compare the payouts that it names; in one transaction."""
    digest = hashlib.sha256(content).hexdigest()
    if db.scalar(select(Statement.lines).where(Statement.digest == digest)) is not None:
        return Imported(known=True, lines=len(rows), fresh=0, differences=0)
    fresh = _enter_lines(db, rows, by, at)
    db.execute(
        insert(Statement).values(
            digest=digest,
            last_on=max(row.value_on for row in rows),
            lines=len(rows),
            imported_at=at,
            imported_by=by,
        )
    )
    found = check(db, sorted({row.payout for row in rows}), at)
    found += check(db, _overdue(db), at)
    return Imported(known=False, lines=len(rows), fresh=fresh, differences=len(found))


def _enter_lines(db: Connection, rows: Sequence[Arrival], by: str, at: datetime) -> int:
    """Equal lines are counted: the second of one statement is another, that of the next is not."""
    seen: Counter[Arrival] = Counter()
    fresh = []
    for row in rows:
        seen[row] += 1
        key = {
            "payout_id": row.payout,
            "value_on": row.value_on,
            "currency": row.currency,
            "amount": row.amount,
            "occurrence": seen[row],
        }
        if db.execute(select(StatementLine.occurrence).filter_by(**key)).first() is None:
            fresh.append({**key, "imported_at": at, "imported_by": by})
    for begin in range(0, len(fresh), _BATCH):
        db.execute(insert(StatementLine), fresh[begin : begin + _BATCH])
    return len(fresh)


def _overdue(db: Connection) -> list[str]:
    """Payouts that a statement should have by now, and has not."""
    until = covered_until(db)
    if until is None:
        return []
    line = select(StatementLine.payout_id).where(StatementLine.payout_id == KnownPayout.id).exists()
    return list(
        db.scalars(
            select(KnownPayout.id)
            .where(
                KnownPayout.status == "paid",
                KnownPayout.amount > 0,  # one that was taken back is in no list of arrivals
                KnownPayout.arrives_on <= until - GRACE,
                ~line,
            )
            .order_by(KnownPayout.id)
        )
    )


def covered_until(db: Connection) -> date | None:
    """The last day that a statement speaks of."""
    return db.scalar(select(func.max(Statement.last_on)))


def check(db: Connection, payouts: Sequence[str], at: datetime) -> list[Difference]:
    """Compare payouts with the treasury's statements; each difference is a case.

    A case whose difference is gone is closed: a later statement has settled it.
    """
    found: list[Difference] = []
    for payout in payouts:
        difference = _difference(db, payout)
        gone = [
            CASE + kind for kind in _OF_PAYOUTS if difference is None or kind != difference.kind
        ]
        cases.resolve_object(db, gone, payout, _AGREED, at)
        if difference is None:
            continue
        found.append(difference)
        detail = (
            f"provider {difference.provider_amount}, treasury {difference.treasury_amount} "
            f"{difference.currency}"
        )
        cases.open_again(db, CASE + difference.kind, payout, _AGREED)
        cases.open_case(db, CASE + difference.kind, payout, "", detail, at)
    return found


def _difference(db: Connection, payout: str) -> Difference | None:
    known = db.execute(select(KnownPayout.__table__).where(KnownPayout.id == payout)).one_or_none()
    rows = db.execute(
        select(StatementLine.currency, StatementLine.amount).where(
            StatementLine.payout_id == payout
        )
    )
    lines = [Money(row.amount, row.currency) for row in rows]
    arrived = sum(line.minor for line in lines)
    currency = known.currency if known else lines[0].currency if lines else ""
    sent = known.amount if known and known.status not in _GONE else 0
    kind = _kind_of(db, known, lines, sent, arrived)
    if kind is None:
        return None
    return Difference(kind, payout, "", currency, -sent, -sent, -arrived)


def _kind_of(
    db: Connection, known: Row[Any] | None, lines: Sequence[Money], sent: int, arrived: int
) -> Kind | None:
    if known is None:
        return Kind.PAYOUT_UNKNOWN if lines else None
    if not lines:
        until = covered_until(db)
        late = until is not None and known.arrives_on <= until - GRACE
        missing = late and known.status == "paid" and known.amount > 0
        return Kind.PAYOUT_MISSING if missing else None
    if any(line.currency != known.currency for line in lines):
        return Kind.PAYOUT_CURRENCY
    if len(lines) > 1 and any(line.minor == sent for line in lines):
        return Kind.PAYOUT_DUPLICATE
    return None if arrived == sent else Kind.PAYOUT_AMOUNT


def of_day(db: Connection, day: date) -> list[str]:
    """The payouts that were made on a day."""
    return list(
        db.scalars(select(KnownPayout.id).where(KnownPayout.day == day).order_by(KnownPayout.id))
    )


def returned_on(db: Connection, day: date) -> list[str]:
    """The payouts whose money the provider had back on a day."""
    return list(
        db.scalars(
            select(KnownPayout.id)
            .distinct()
            .join(BookLine, BookLine.object_id == KnownPayout.id)
            .where(BookLine.day == day, BookLine.effect == PAYOUT_FAILED)
            .order_by(KnownPayout.id)
        )
    )


def unknown_on(db: Connection, day: date) -> list[str]:
    """What a statement names on a day and no provider has sent."""
    known = select(KnownPayout.id).where(KnownPayout.id == StatementLine.payout_id).exists()
    return list(
        db.scalars(
            select(StatementLine.payout_id)
            .distinct()
            .where(StatementLine.value_on == day, ~known)
            .order_by(StatementLine.payout_id)
        )
    )


def arrived(db: Connection, day: date, currency: str) -> tuple[int, int]:
    """How many statement lines, and what in sum, belong to the payouts of a day."""
    count, total = db.execute(
        select(func.count(), func.coalesce(func.sum(StatementLine.amount), 0))
        .select_from(StatementLine)
        .join(KnownPayout, KnownPayout.id == StatementLine.payout_id)
        .where(KnownPayout.day == day, StatementLine.currency == currency)
    ).one()
    return int(count), int(total)
