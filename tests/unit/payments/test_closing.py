"""Closing a day, who gets what of it, the export, and the treasury's statements."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from payments import obligations
from payments.export import Export, NotClosed, export
from payments.money import Money
from payments.parts import part_of_lines, spread
from payments.reconciliation import closing
from payments.reconciliation.closing import NotClosable, changed_days
from payments.reconciliation.model import BookLine, Day, DayShare
from payments.reconciliation.sharing import kept_shares
from payments.reconciliation.treasury import (
    BadStatement,
    Imported,
    enter,
    read_statement,
)
from portal.clock import CAIRO
from portal.db import Database
from tests.support.books import AMOUNT, FEE, Desk, in_desouk
from tests.support.databases import Databases

NOON = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def desk(databases: Databases, tmp_path: Path) -> Iterator[Desk]:
    url = databases.loaded(tmp_path)
    database = Database(url, durable=False)
    yield Desk(database, NOON)
    database.close()
    databases.forget(url)


def close(desk: Desk, day: date = DAY, *, note: str = "", runs: int | None = None) -> str:
    known = desk.reconciler.result(day)
    return closing.close(
        desk.database,
        day,
        runs if runs is not None else known.runs if known else 0,
        in_desouk,
        zone=CAIRO,
        by="finance_officer@EG",
        note=note,
        at=desk.clock.now(),
    )


def exported(desk: Desk, first: date = DAY, last: date | None = None) -> Export:
    with desk.database.read() as db:
        return export(db, first, last or first)


def rows(made: Export) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """Gross, moved, refund and fee by account and item."""
    return {(e.account, e.item): (e.gross, e.moved, e.refund, e.fee) for e in made.lines}


# --- sums that do not divide


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (10, [0, 5, 0], [0, 10, 0]),
        (10, [0, 0], [10, 0]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_a_sum_is_spread_by_the_largest_remainder(
    amount: int, weights: list[int], parts: list[int]
) -> None:
    assert spread(amount, weights) == parts


@pytest.mark.parametrize("lines", [[10_000, 500], [333, 333, 334], [1_000, -100, 7], [1]])
@pytest.mark.parametrize("step", [1, 7, 100, 10_000])
def test_parts_of_a_sum_together_are_its_lines(lines: list[int], step: int) -> None:
    total = sum(lines)
    cuts = [*range(0, total, step), total]
    parts = [part_of_lines(lines, a, b) for a, b in pairwise(cuts)]
    assert [sum(column) for column in zip(*parts, strict=True)] == lines
    assert [sum(p) for p in parts] == [b - a for a, b in pairwise(cuts)]


# --- the export


def test_the_export_gives_each_line_its_own_and_spreads_the_fee(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk)
    made = exported(desk)
    # items are the entities of these lines: (item, entity) as the test's ledger has them
    assert {e.unit for e in made.lines} == {"KFS-003"}
    assert sorted((e.gross, e.fee) for e in made.lines) == [(500, 15), (10_000, 295)]
    assert made.totals() == {
        "EGP": {
            "count": 2,
            "gross": AMOUNT,
            "moved": 0,
            "refund": 0,
            "fee": FEE,
            "net": AMOUNT - FEE,
        }
    }


def test_parts_paid_on_two_days_are_exported_on_both_and_together_are_the_lines(
    desk: Desk,
) -> None:
    owed = desk.owe("26-0001")
    desk.pay("26-0001", owed=owed, amount=3_333)
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk)
    desk.pay("26-0001", owed=owed)
    desk.next_morning()
    desk.reconciler.run(NEXT)
    close(desk, NEXT)
    both = exported(desk, DAY, NEXT)
    assert sorted(e.gross for e in both.lines) == [500, 10_000]
    assert sum(e.gross for e in exported(desk).lines) == 3_333


def test_what_the_ledger_does_not_explain_is_exported_as_that_and_moves_when_it_is(
    desk: Desk,
) -> None:
    payment = desk.pay("26-0001", booked=False, told=False)
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk, note="asked the provider")
    assert rows(exported(desk)) == {("unmatched", ""): (AMOUNT, 0, 0, FEE)}
    desk._settle(desk.book.checkouts[payment])
    desk.next_morning()
    desk.reconciler.run(NEXT)
    close(desk, NEXT)
    moved = {(e.account, e.moved) for e in exported(desk, NEXT).lines}
    assert moved == {("unmatched", -AMOUNT), ("revenue", 10_000), ("revenue", 500)}
    assert desk.cases() == []  # of the closed day: the ledger has it now
    assert exported(desk, DAY, NEXT).totals()["EGP"]["net"] == AMOUNT - FEE


def test_a_part_of_a_request_that_was_closed_moves_from_income_to_surplus(desk: Desk) -> None:
    owed = desk.owe("26-0001")
    desk.pay("26-0001", owed=owed, amount=2_100)
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk)
    with desk.database.begin() as db:
        obligations.cancel(db, owed, desk.clock.now())
    first = exported(desk).to_csv()
    desk.next_morning()
    desk.reconciler.run(NEXT)
    close(desk, NEXT)
    moved = {(e.account, e.moved) for e in exported(desk, NEXT).lines}
    assert moved == {("surplus", 2_100), ("revenue", -2_000), ("revenue", -100)}
    assert exported(desk).to_csv() == first


def test_the_net_of_the_export_is_what_the_provider_moved(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.pay("26-0002", kind="kiosk", booked=False)
    desk.add("txn_odd", "charge", 777, 33, payment="pi_odd")
    desk.add("txn_disp", "adjustment", -1_000, 1_500, source="du_1")
    desk.pay_out("po_1", 5_000)
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk, note="known")
    net = sum(line.net.minor for line in desk.book.lines if line.kind != "payout")
    assert exported(desk).totals()["EGP"]["net"] == net


def test_an_export_made_again_is_the_same_to_the_byte_and_carries_its_hash(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk)
    made = exported(desk)
    content = made.to_csv()
    assert content == exported(desk).to_csv()
    assert made.to_json() == exported(desk).to_json()
    above, _, last = content.rstrip(b"\r\n").rpartition(b"\r\n")
    assert last == b"sha256," + hashlib.sha256(above + b"\r\n").hexdigest().encode()
    assert json.loads(made.to_json())["sha256"] == made.digest
    kinds = [row[0] for row in csv.reader(io.StringIO(content.decode()))]
    assert kinds == ["record", "format", "day", "line", "line", "total", "sha256"]


def test_who_gets_what_of_an_open_day_is_known_when_it_is_compared(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.reconciler.run(DAY)
    with desk.database.read() as db:
        before = kept_shares(db, DAY, "EGP")
        assert kept_shares(db, DAY, "EGP", ["KFS-003"]) == before
        assert kept_shares(db, DAY, "EGP", ["KFS-001"]) == kept_shares(db, DAY, "USD") == {}
    assert sorted((each.gross, each.fee) for each in before.values()) == [(500, 15), (10_000, 295)]
    desk.pay("26-0002")
    desk.next_morning()
    desk.reconciler.run(DAY)
    with desk.database.read() as db:
        compared = kept_shares(db, DAY, "EGP")
    close(desk)
    with desk.database.read() as db:
        assert kept_shares(db, DAY, "EGP") == compared
    assert sum(each.gross for each in compared.values()) == 2 * AMOUNT


def test_only_closed_days_are_exported(desk: Desk) -> None:
    with pytest.raises(NotClosed):
        exported(desk)
    desk.next_morning()
    desk.reconciler.run(DAY)
    with pytest.raises(NotClosed, match="2026-11-20 is not closed"):
        exported(desk)


# --- closing


def test_a_day_is_closed_when_it_is_over_compared_and_its_turn(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.reconciler.run(DAY)
    with pytest.raises(NotClosable, match="unknown"):
        close(desk)
    desk.clock.at = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
    desk.reconciler.run(DAY)
    with pytest.raises(NotClosable, match="early"):
        close(desk)
    desk.next_morning(2)
    desk.reconciler.run(NEXT)
    with pytest.raises(NotClosable, match="order") as refused:
        close(desk, NEXT)
    assert refused.value.day == DAY
    with pytest.raises(NotClosable, match="changed"):
        close(desk, runs=1)
    close(desk)
    with pytest.raises(NotClosable, match="closed"):
        close(desk)
    close(desk, NEXT)


def test_a_day_with_differences_is_closed_with_a_note_only(desk: Desk) -> None:
    desk.add("txn_x", "charge", 700, 20, payment="pi_x")
    desk.next_morning()
    desk.reconciler.run(DAY)
    with pytest.raises(NotClosable, match="note"):
        close(desk, note="  ")
    close(desk, note="a test of the provider")
    assert len(desk.cases()) == 1


def test_the_database_refuses_every_change_of_a_closed_day(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk)
    line = {"id": "txn_new", "day": DAY, "kind": "charge", "effect": "payment", "object_id": "p"}
    line |= {"payment": "p", "currency": "EGP", "amount": 1, "fee": 0, "reference": ""}
    for statement in (
        update(Day).where(Day.day == DAY).values(state="open", digest=None),
        delete(Day).where(Day.day == DAY),
        update(BookLine).values(amount=1),
        delete(BookLine),
        insert(BookLine).values(created_at=NOON, **line),
        update(DayShare).values(gross=1),
        delete(DayShare),
    ):
        with pytest.raises(IntegrityError, match="closed"), desk.database.begin() as db:
            db.execute(statement)
    with desk.database.read() as db:
        assert changed_days(db) == []


def test_a_closed_day_is_not_compared_again(desk: Desk) -> None:
    desk.pay("26-0001")
    desk.next_morning()
    desk.reconciler.run(DAY)
    close(desk)
    before = desk.reconciler.result(DAY)
    desk.book.lines = [replace(line, amount=Money(1)) for line in desk.book.lines]
    assert desk.reconciler.run(DAY) == before


def test_a_day_changed_past_its_guards_is_found(desk: Desk) -> None:
    for day in (DAY, NEXT):
        desk.pay(f"26-{day.day}")
        desk.next_morning()
        desk.reconciler.run(day)
        close(desk, day)
    with desk.database.begin() as db:
        guard = {
            "sqlite": "reconciliation_shares_no_update",
            "postgresql": "reconciliation_shares_guard ON reconciliation_shares",
        }
        db.exec_driver_sql(f"DROP TRIGGER {guard[db.dialect.name]}")
        db.execute(update(DayShare).where(DayShare.day == DAY).values(gross=1))
    with desk.database.read() as db:
        assert changed_days(db) == [f"day {DAY}"]
        assert db.scalar(select(Day.previous).where(Day.day == NEXT)) is not None


# --- the treasury's statements

HEAD = "value_date,payout,amount,currency\n"


def statement(desk: Desk, text: str) -> Imported:
    content = (HEAD + text).encode()
    found = read_statement(content, desk.clock.now().date())
    with desk.database.begin() as db:
        return enter(db, content, found, "tester", desk.clock.now())


@pytest.fixture
def paid_out(desk: Desk) -> Desk:
    """A desk with a payout that has arrived."""
    desk.pay("26-0001")
    desk.pay_out("po_1", 5_000, "paid")
    desk.next_morning()
    desk.reconciler.run(DAY)
    desk.next_morning(5)
    return desk


def test_a_payout_that_the_statement_has_agrees(paid_out: Desk) -> None:
    done = statement(paid_out, "2026-11-21,po_1,5000,EGP\n")
    assert (done.fresh, done.differences) == (1, 0)
    assert paid_out.cases() == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026-11-21,po_1,4990,EGP\n", "reconcile_payout_amount"),
        ("2026-11-21,po_1,5000,USD\n", "reconcile_payout_currency"),
        ("2026-11-21,po_1,5000,EGP\n2026-11-21,po_1,5000,EGP\n", "reconcile_payout_duplicate"),
    ],
)
def test_a_payout_that_arrived_otherwise_is_a_case(paid_out: Desk, text: str, kind: str) -> None:
    statement(paid_out, text)
    assert paid_out.cases() == [(kind, "po_1", "")]


def test_a_payout_that_no_statement_has_is_a_case_until_one_has_it(paid_out: Desk) -> None:
    statement(paid_out, "2026-11-25,po_9,100,EGP\n")
    assert paid_out.cases() == [
        ("reconcile_payout_missing", "po_1", ""),
        ("reconcile_payout_unknown", "po_9", ""),
    ]
    statement(paid_out, "2026-11-21,po_1,5000,EGP\n")
    assert paid_out.cases() == [("reconcile_payout_unknown", "po_9", "")]


def test_a_statement_read_again_or_overlapping_adds_nothing(paid_out: Desk) -> None:
    one = "2026-11-21,po_1,5000,EGP\n"
    statement(paid_out, one)
    assert statement(paid_out, one).known
    assert statement(paid_out, one + "2026-11-22,po_2,70,EGP\n").fresh == 1
    assert paid_out.cases() == [("reconcile_payout_unknown", "po_2", "")]


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "columns"),
        (b"value_date;payout;amount;currency\n", 1, "columns"),
        (HEAD.encode(), 1, "no line"),
        (HEAD.encode() + b"2026-11-21,po_1,5000\n", 2, "3 columns"),
        (HEAD.encode() + b"2026-11-21,po_1,5000,EGP\n21/11/2026,po_1,1,EGP\n", 3, "no date"),
        (HEAD.encode() + b"2026-12-01,po_1,1,EGP\n", 2, "not in the past"),
        (HEAD.encode() + b"2026-11-21,,1,EGP\n", 2, "payout"),
        (HEAD.encode() + "2026-11-21,دفعة,1,EGP\n".encode(), 2, "payout"),
        (HEAD.encode() + b"2026-11-21,po_1,0,EGP\n", 2, "above 0"),
        (HEAD.encode() + b"2026-11-21,po_1,-5,EGP\n", 2, "above 0"),
        (HEAD.encode() + b"2026-11-21,po_1,12.50,EGP\n", 2, "whole number"),
        (HEAD.encode() + b"2026-11-21,po_1,99999999999999999,EGP\n", 2, "whole number"),
        (HEAD.encode() + "2026-11-21,po_1,٥٠٠٠,EGP\n".encode(), 2, "whole number"),
        (HEAD.encode() + b"2026-11-21,po_1,1,XXX\n", 2, "currency"),
        (HEAD.encode() + b'2026-11-21,"po_1,1,EGP\n', 2, ""),
        (HEAD.encode() + b"2026-11-21,po_\xff,1,EGP\n", 2, "UTF-8"),
    ],
)
def test_a_statement_that_is_not_right_is_refused_by_its_line(
    content: bytes, line: int, why: str
) -> None:
    with pytest.raises(BadStatement) as refused:
        read_statement(content, date(2026, 11, 26))
    assert refused.value.line == line
    assert why in refused.value.why


def test_a_statement_with_a_byte_order_mark_and_windows_lines_is_read() -> None:
    content = b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b"2026-11-21,po_1,5,EGP\r\n"
    assert len(read_statement(content, date(2026, 11, 26))) == 1
