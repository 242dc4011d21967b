"""The picture of a day, for those who may see money: all of it, or that of some centers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, case, func, select

from payments import ledger
from payments.cases import OpenCase
from payments.model import Attempt, PaymentCase
from payments.money import Money
from payments.reconciliation import book, treasury
from payments.reconciliation.model import BookLine, Day, DayDifference, DayTotal
from payments.reconciliation.result import DayResult, result_of
from payments.reconciliation.sharing import Share, kept_shares
from payments.reconciliation.totals import FEE_ROW, sums
from portal.finance.units import is_of
from portal.problems import Missing

CURRENCY = "EGP"
_CHART_DAYS = 14
_MOST_CASES = 100
_ORDER = (book.PAYMENT, FEE_ROW, book.REFUND, book.DISPUTE, book.PAYOUT, book.OTHER)


@dataclass(frozen=True)
class ThreeWay:
    """One row: what moved by the provider's book, by the ledger, by the treasury's statements."""

    row: str
    count: int
    provider: int
    ledger: int
    treasury: int | None
    """None where the treasury says nothing of such movements."""

    @property
    def difference(self) -> int:
        return self.provider - self.ledger


@dataclass(frozen=True)
class Bar:
    """One day of the chart."""

    day: date
    collected: int


@dataclass(frozen=True)
class ShareRow:
    """What of the day belongs to one beneficiary and revenue item."""

    account: str
    entity: str
    item: str
    share: Share


@dataclass(frozen=True)
class Sums:
    """What provider and ledger, or provider and treasury, say of one thing."""

    provider: Money
    other: Money
    of_treasury: bool


@dataclass(frozen=True)
class Picture:
    """A day as the finance page shows it."""

    day: date
    result: DayResult | None
    rows: tuple[ThreeWay, ...]
    foreign: bool
    """Whether there is money in another currency too, which the table leaves out."""
    shares: tuple[ShareRow, ...]
    ways: Mapping[str, int]
    """What was collected by each way to pay: ``card``, ``wallet``, ``kiosk``; others as card."""
    differences: int
    """What did not agree in one's scope when the day was compared."""
    bars: tuple[Bar, ...]
    in_transit: Money | None
    cases: tuple[OpenCase, ...]
    more_cases: int
    """Cases in one's scope that the list leaves out."""
    elsewhere: int
    """Open cases of no request: those of the ministry."""
    sums: Mapping[str, "Sums"]
    """What each side says of a difference, by the object of its case."""

    def moved(self, row: str) -> int:
        """What a row of the provider's book moved."""
        return sum(each.provider for each in self.rows if each.row == row)

    @property
    def net(self) -> int:
        return sum(each.provider for each in self.rows if each.row != book.PAYOUT)


def picture(db: Connection, day: date, centers: Sequence[str] | None) -> Picture:
    """A day, of some centers or (None) of all."""
    result = result_of(db, day)
    totals = _totals(db, day, centers) if result else {}
    listed, more = _cases(db, centers)
    return Picture(
        day=day,
        result=result,
        rows=tuple(
            sorted(
                (row for (currency, _), row in totals.items() if currency == CURRENCY),
                key=lambda row: _ORDER.index(row.row) if row.row in _ORDER else len(_ORDER),
            )
        ),
        foreign=any(currency != CURRENCY for currency, _ in totals),
        shares=_shares(db, day, centers),
        ways=_ways(db, day, centers) if result else {},
        differences=_differences(db, day, centers),
        bars=_bars(db, day, centers),
        in_transit=ledger.balance(db, ledger.TREASURY_IN_TRANSIT) if centers is None else None,
        cases=listed,
        more_cases=more,
        elsewhere=_count(db, PaymentCase.reference == "") if centers is not None else 0,
        sums=_sums(db, listed),
    )


def newest_day(db: Connection, today: date) -> date:
    """The day that is shown first: the newest that was compared, or yesterday."""
    return db.scalar(select(func.max(Day.day)).where(Day.day <= today)) or today - timedelta(days=1)


def _totals(
    db: Connection, day: date, centers: Sequence[str] | None
) -> Mapping[tuple[str, str], ThreeWay]:
    if centers is None:
        rows = db.execute(select(DayTotal.__table__).where(DayTotal.day == day))
        return {
            (row.currency, row.row): ThreeWay(
                row.row,
                row.provider_count,
                row.provider_amount,
                row.ledger_amount,
                # as it is now: a payout arrives when its day may be closed
                -treasury.arrived(db, day, row.currency)[1] if row.row == book.PAYOUT else None,
            )
            for row in rows
        }
    found = sums(db, day, *is_of(BookLine.reference, centers))
    return {
        (currency, row): ThreeWay(
            row, total.provider_count, total.provider_amount, total.ledger_amount, None
        )
        for (currency, row), total in found.items()
    }


def _shares(db: Connection, day: date, centers: Sequence[str] | None) -> tuple[ShareRow, ...]:
    """By beneficiary and item, the largest first, as the day was compared or closed."""
    shares = kept_shares(db, day, CURRENCY, centers)
    rows_ = [ShareRow(part.account, part.entity, part.item, each) for part, each in shares.items()]
    return tuple(sorted(rows_, key=lambda row: (-row.share.gross, row.entity, row.item)))


def _ways(db: Connection, day: date, centers: Sequence[str] | None) -> Mapping[str, int]:
    """The payments of the provider's book by the way they were made, as our attempts know it."""
    way = case((Attempt.kind.in_(("wallet", "kiosk")), Attempt.kind), else_="card")
    rows = db.execute(
        select(way, func.sum(BookLine.amount))
        .join(Attempt, Attempt.payment == BookLine.payment, isouter=True)
        .where(
            BookLine.day == day,
            BookLine.effect == book.PAYMENT,
            BookLine.currency == CURRENCY,
            *is_of(BookLine.reference, centers),
        )
        .group_by(way)
    )
    return {name: int(total) for name, total in rows}


def _differences(db: Connection, day: date, centers: Sequence[str] | None) -> int:
    mine = is_of(DayDifference.reference, centers)
    found = select(func.count()).select_from(DayDifference)
    return db.scalar(found.where(DayDifference.day == day, *mine)) or 0


def _bars(db: Connection, day: date, centers: Sequence[str] | None) -> tuple[Bar, ...]:
    """What was collected on each of the days up to ``day``, oldest first."""
    first = day - timedelta(days=_CHART_DAYS - 1)
    rows = db.execute(
        select(BookLine.day, func.sum(BookLine.amount).label("total"))
        .where(
            BookLine.day >= first,
            BookLine.day <= day,
            BookLine.effect == book.PAYMENT,
            BookLine.currency == CURRENCY,
            *is_of(BookLine.reference, centers),
        )
        .group_by(BookLine.day)
    )
    collected = {row.day: int(row.total) for row in rows}
    days = [first + timedelta(days=number) for number in range(_CHART_DAYS)]
    return tuple(Bar(each, collected.get(each, 0)) for each in days)


def _cases(db: Connection, centers: Sequence[str] | None) -> tuple[tuple[OpenCase, ...], int]:
    """The oldest open cases that one may see, and how many more there are."""
    mine = is_of(PaymentCase.reference, centers)
    rows = db.execute(
        select(
            PaymentCase.id,
            PaymentCase.kind,
            PaymentCase.object_id,
            PaymentCase.reference,
            PaymentCase.detail,
            PaymentCase.opened_at,
        )
        .where(PaymentCase.closed_at.is_(None), *mine)
        .order_by(PaymentCase.opened_at, PaymentCase.id)
        .limit(_MOST_CASES)
    )
    listed = tuple(OpenCase(*row) for row in rows)
    return listed, _count(db, *mine) - len(listed)


def _sums(db: Connection, listed: Sequence[OpenCase]) -> Mapping[str, Sums]:
    rows = db.execute(
        select(DayDifference.__table__, BookLine.booked_currency)
        .outerjoin(BookLine, BookLine.id == DayDifference.object_id)
        .where(DayDifference.object_id.in_([each.object_id for each in listed]))
        .order_by(DayDifference.day)
    )
    found = {}
    for row in rows:
        of_treasury = row.kind.startswith("payout_")
        provider = Money(row.provider_amount, row.currency)
        # the ledger may have another currency: that is a difference as well
        ours = Money(row.ledger_amount, row.booked_currency or row.currency)
        other = Money(row.treasury_amount, row.currency) if of_treasury else ours
        found[row.object_id] = Sums(provider, other, of_treasury)
    return found


def _count(db: Connection, *conditions: ColumnElement[bool]) -> int:
    found = select(func.count()).select_from(PaymentCase)
    return db.scalar(found.where(PaymentCase.closed_at.is_(None), *conditions)) or 0


def open_case(db: Connection, case_id: int, centers: Sequence[str] | None) -> OpenCase:
    """An open case that one may see; raises :class:`~portal.problems.Missing`."""
    row = db.execute(
        select(
            PaymentCase.id,
            PaymentCase.kind,
            PaymentCase.object_id,
            PaymentCase.reference,
            PaymentCase.detail,
            PaymentCase.opened_at,
        ).where(
            PaymentCase.id == case_id,
            PaymentCase.closed_at.is_(None),
            *is_of(PaymentCase.reference, centers),
        )
    ).one_or_none()
    if row is None:
        raise Missing("case")
    return OpenCase(*row)
