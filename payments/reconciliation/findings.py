"""What does not agree: written down with the day, and put before a person as a case.

A case closes by itself when a later comparison agrees, and is opened again when one after that does
not; one that a person has closed stays closed.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, literal, or_, select, update

from payments import cases
from payments.model import PaymentCase
from payments.reconciliation import matching
from payments.reconciliation.matching import FEE_UNTOLD, Kind, Unbacked
from payments.reconciliation.model import BookLine, Day, DayDifference
from payments.reconciliation.store import Store
from payments.reconciliation.treasury import CASE, Difference

_SOLVED = "a later comparison of the day agrees"
_EXPLAINED = "the ledger has it now"
_OF_LINES = (
    Kind.MISSING_IN_LEDGER,
    Kind.AMOUNT,
    Kind.FEE,
    Kind.DUPLICATE,
    Kind.CURRENCY,
    FEE_UNTOLD,
)
_BATCH = 200


def keep(
    db: Connection, day: date, unbacked: Iterable[Unbacked], payouts: Sequence[Difference]
) -> int:
    """Write down what differs on a day, in place of what did; how many there are."""
    db.execute(delete(DayDifference).where(DayDifference.day == day))
    _keep_lines(db, day)
    _keep_found(db, day, (*_of_entries(unbacked), *payouts))
    found = select(func.count()).select_from(DayDifference).where(DayDifference.day == day)
    return db.scalar(found) or 0


def _keep_lines(db: Connection, day: date) -> None:
    """Set by set: there may be as many as lines."""
    of_fee = BookLine.verdict.in_((Kind.FEE, FEE_UNTOLD))
    db.execute(
        insert(DayDifference).from_select(
            [
                "day",
                "kind",
                "object_id",
                "reference",
                "currency",
                "provider_amount",
                "ledger_amount",
                "treasury_amount",
            ],
            select(
                BookLine.day,
                # a fee that could not be booked is one that we booked otherwise
                case((of_fee, Kind.FEE.value), else_=BookLine.verdict),
                BookLine.id,
                BookLine.reference,
                BookLine.currency,
                case((of_fee, -BookLine.fee), else_=BookLine.amount),
                case((of_fee, -BookLine.booked_fee), else_=BookLine.booked),
                literal(0),
            ).where(BookLine.day == day, BookLine.verdict.in_(_OF_LINES)),
        )
    )


def _of_entries(unbacked: Iterable[Unbacked]) -> Iterator[Difference]:
    """One for each object, however many of its entries have no line."""
    found: dict[str, Difference] = {}
    for entry in unbacked:
        before = found.get(entry.object_id)
        amount = entry.amount + (before.ledger_amount if before else 0)
        found[entry.object_id] = Difference(
            Kind.MISSING_AT_PROVIDER,
            entry.object_id,
            entry.reference,
            entry.currency,
            0,
            amount,
            0,
        )
    yield from found.values()


def _keep_found(db: Connection, day: date, found: Iterable[Difference]) -> None:
    told = iter(found)
    while batch := list(islice(told, _BATCH)):
        db.execute(
            insert(DayDifference),
            [
                {
                    "day": day,
                    "kind": each.kind,
                    "object_id": each.object_id,
                    "reference": each.reference,
                    "currency": each.currency,
                    "provider_amount": each.provider_amount,
                    "ledger_amount": each.ledger_amount,
                    "treasury_amount": each.treasury_amount,
                }
                for each in batch
            ],
        )


def close_solved(db: Connection, day: date, now: datetime) -> None:
    """Cases of an earlier comparison of the day whose difference is gone, and those of closed days
    that the ledger explains by now."""
    still = (
        select(DayDifference.day)
        .where(
            DayDifference.day == day,
            DayDifference.object_id == PaymentCase.object_id,
            PaymentCase.kind == literal(CASE) + DayDifference.kind,
        )
        .correlate(PaymentCase)
        .exists()
    )
    of_day = PaymentCase.kind.startswith(CASE, autoescape=True) & PaymentCase.detail.startswith(
        f"{day}:"
    )
    _close(db, of_day & ~still, _SOLVED, now)
    explained = (
        select(BookLine.id)
        .join(Day, Day.day == BookLine.day)
        .where(BookLine.id == PaymentCase.object_id, Day.state == "closed", matching.has_entry())
        .correlate(PaymentCase)
        .exists()
    )
    late = PaymentCase.kind == CASE + Kind.MISSING_IN_LEDGER
    _close(db, late & explained, _EXPLAINED, now)


def _close(db: Connection, which: Any, note: str, now: datetime) -> None:
    db.execute(
        update(PaymentCase)
        .where(PaymentCase.closed_at.is_(None), which)
        .values(closed_at=now, closed_note=note)
    )


def open_cases(store: Store, day: date, now: datetime) -> None:
    """A case for each difference of a day; some at a time, for there may be many."""
    last = ("", "")
    while True:
        with store.begin() as db:
            found = _differences_after(db, day, last)
            for each in found:
                kind = CASE + each.kind
                cases.open_again(db, kind, each.object_id, _SOLVED)
                cases.open_case(db, kind, each.object_id, each.reference, _detail(each), now)
        if not found:
            return
        last = (found[-1].kind, found[-1].object_id)


def _differences_after(db: Connection, day: date, last: tuple[str, str]) -> Sequence[Row[Any]]:
    return db.execute(
        select(DayDifference.__table__, BookLine.booked_currency)
        .outerjoin(BookLine, BookLine.id == DayDifference.object_id)
        .where(
            DayDifference.day == day,
            or_(
                DayDifference.kind > last[0],
                (DayDifference.kind == last[0]) & (DayDifference.object_id > last[1]),
            ),
        )
        .order_by(DayDifference.kind, DayDifference.object_id)
        .limit(_BATCH)
    ).all()


def _detail(found: Row[Any]) -> str:
    booked = found.booked_currency or found.currency
    return (
        f"{found.day}: provider {found.provider_amount} {found.currency}, "
        f"ledger {found.ledger_amount} {booked}"
    )
