"""The rates of a quarter that is over: written down once, and the same at any time."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from portal.clock import CAIRO, cairo_day
from portal.db import Database
from portal.migrations.running import upgrade
from portal.permits import lots, quarters, rates, reading, registry, review, survey
from portal.permits.backlog_model import BacklogFile, BacklogQuarter, BacklogQuarterRates
from portal.permits.model import BuildingPermit
from portal.permits.numbers import PermitNumber
from portal.permits.quarters import Quarter
from portal.permits.rates import Rates
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit
from portal.permits.survey import Counted
from portal.permits.validity import Status
from portal.vault import Vault
from tests.support.commands import run_command
from tests.support.databases import Databases
from tests.support.local import LocalPortal
from tests.support.people import Employee

CENTER, CLERK, REVIEWER = "KFS-003", "clerk@KFS-003", "reviewer@KFS-003"
BUILDING = "building-licensing"
IN_Q1 = datetime(2026, 2, 10, 9, tzinfo=UTC)
IN_Q2 = datetime(2026, 5, 10, 9, tzinfo=UTC)
IN_Q3 = datetime(2026, 8, 10, 9, tzinfo=UTC)
_Q1, _Q2 = Quarter(2026, 1), Quarter(2026, 2)


class Shelves:
    """A backlog whose days are those that a test says."""

    def __init__(self, url: str) -> None:
        self.database, self.vault = Database(url), Vault(["a key for this test"])
        self._numbers = iter(range(1, 1000))

    def count(self, at: datetime, *numbers: str, department: str = BUILDING) -> None:
        with self.database.begin() as db:
            survey.count(db, CENTER, Counted(department, "١", 1998, numbers), CLERK, at)

    def enter(self, at: datetime, file_no: str) -> int:
        new = NewPermit(
            center_code=CENTER,
            number=PermitNumber(next(self._numbers), "", 1998),
            permit_type="new",
            issued_on=date(1998, 3, 4),
            source="backlog",
            status=Status.MANUAL_UNVERIFIED,
            people=People([Owner("منى السيد")]),
            columns={"street": "شارع المحطة", "file_no": file_no},
        )
        with self.database.begin() as db:
            return registry.enter(db, self.vault, new, CLERK, at)

    def judge(self, at: datetime, permit_id: int, verdict: str) -> None:
        marks = [] if verdict == review.ACCEPTED else ["street"]
        with self.database.begin() as db:
            permit = reading.by_id(db, self.vault, permit_id)
            review.judge(db, self.vault, permit, verdict, "سبب", marks, REVIEWER, at, cairo_day(at))

    def of(self, quarter: Quarter) -> list[Rates]:
        with self.database.read() as db:
            return quarters.by_department(db, CENTER, quarter)


@pytest.fixture
def shelves(database_kind: str, databases: Databases, tmp_path: Path) -> Iterator[Shelves]:
    made = Shelves(databases.empty(tmp_path, database_kind))
    upgrade(made.database)
    yield made
    made.database.close()


def test_a_quarter_is_closed_as_it_stood_at_its_end_and_stays_so(shelves: Shelves) -> None:
    shelves.count(IN_Q1, "1", "2", "3", "4")
    first, second = shelves.enter(IN_Q1, "1"), shelves.enter(IN_Q1, "2")
    shelves.judge(IN_Q1, first, review.ACCEPTED)
    shelves.judge(IN_Q2, second, review.RETURNED)
    shelves.enter(IN_Q2, "3")
    assert quarters.close_due(shelves.database, _Q1.end - timedelta(seconds=1)) == 0
    assert quarters.close_due(shelves.database, IN_Q3) == 1, "late, and the oldest first"
    assert shelves.of(_Q1) == [Rates(BUILDING, 4, 2, 0, 1, 1)], "what came later is not in it"
    assert quarters.close_due(shelves.database, IN_Q3) == 1
    assert quarters.close_due(shelves.database, IN_Q3) == 0
    assert shelves.of(_Q2) == [Rates(BUILDING, 4, 3, 0, 1, 0)]
    with shelves.database.begin() as db:
        db.execute(update(BuildingPermit).values(file_no="99"))
        db.execute(delete(BacklogFile).where(BacklogFile.file_no == "4"))
    assert shelves.of(_Q1) == [Rates(BUILDING, 4, 2, 0, 1, 1)], "whatever becomes of the files"
    with shelves.database.read() as db:
        course = quarters.course(db, [CENTER])
        assert rates.by_department(db, CENTER)[0].surveyed == 3, "today is today"
    assert [(each, of.entry.tenths) for each, of in course] == [(_Q1, 500), (_Q2, 750)]


def test_a_quarter_ends_at_midnight_in_cairo(shelves: Shelves) -> None:
    last = datetime(2026, 3, 31, 23, 59, 59, tzinfo=CAIRO).astimezone(UTC)
    shelves.count(last, "1")
    shelves.count(last + timedelta(seconds=1), "2")
    quarters.close_due(shelves.database, IN_Q3)
    assert shelves.of(_Q1) == [Rates(BUILDING, 1)]


def test_what_a_sample_found_counts_when_its_lot_is_decided(shelves: Shelves) -> None:
    ids = [shelves.enter(IN_Q1, str(n)) for n in range(1, 4)]
    shelves.count(IN_Q1, "1", "2", "3")
    days = (cairo_day(IN_Q1), cairo_day(IN_Q1))
    with shelves.database.begin() as db:
        lot = lots.make(db, CENTER, REVIEWER, IN_Q1, enterer=CLERK, days=days)
        for permit_id in ids:
            permit = reading.by_id(db, shelves.vault, permit_id)
            lots.judge(db, shelves.vault, permit, review.ACCEPTED, "", [], REVIEWER, IN_Q1)
    with shelves.database.begin() as db:
        lots.release(db, shelves.vault, CENTER, lot, REVIEWER, IN_Q2, cairo_day(IN_Q2))
    for _ in range(2):
        quarters.close_due(shelves.database, IN_Q3)
    assert shelves.of(_Q1) == [Rates(BUILDING, 3, 3)]
    assert shelves.of(_Q2) == [Rates(BUILDING, 3, 3, 0, 3, 3)]


def test_nothing_is_closed_before_anything_was_counted(shelves: Shelves) -> None:
    assert quarters.close_due(shelves.database, IN_Q3) == 0


def test_the_database_changes_no_closed_quarter(shelves: Shelves) -> None:
    shelves.count(IN_Q1, "1")
    quarters.close_due(shelves.database, IN_Q3)
    for statement in (
        update(BacklogQuarterRates).values(entered=1),
        delete(BacklogQuarterRates),
        update(BacklogQuarter).values(closed_at=IN_Q3),
        delete(BacklogQuarter),
    ):
        with pytest.raises(DatabaseError), shelves.database.begin() as db:
            db.execute(statement)
    assert shelves.of(_Q1) == [Rates(BUILDING, 1)]


@pytest.mark.parametrize("code", ["2026-0", "2026-5", "26-1", "2026-1 ", "٢٠٢٦-١", "x", "2026-11"])
def test_what_is_no_quarter_is_none(code: str) -> None:
    assert quarters.read(code) is None


@pytest.mark.parametrize(
    ("day", "code"),
    [((2026, 1, 1), "2026-1"), ((2026, 9, 30), "2026-3"), ((2026, 12, 31), "2026-4")],
)
def test_a_day_lies_in_its_quarter(day: tuple[int, int, int], code: str) -> None:
    quarter = quarters.of_day(date(*day))
    assert quarter.code == code
    assert quarter.begin.date() <= date(*day) < quarter.end.date()


def test_pages_and_files_say_a_past_quarter_as_it_was(still: LocalPortal) -> None:
    local = still
    last = quarters.of_day(cairo_day(local.clock.now() - timedelta(days=92)))
    while quarters.close_due(local.portal.database, local.clock.now()):
        pass
    with local.portal.database.read() as db:
        known = {each.code for each, _ in quarters.closed(db)}
    assert last.code in known
    head = local.employee("department_head", "KFS-009")
    path = "/center/permits/backlog"
    now = head.get(path)
    assert not now.hooks("quarter"), "today, as long as nothing else is asked for"
    then = head.get(f"{path}?quarter={last.code}")
    assert then.hook("quarter") == last.code
    assert then.tree.xpath("//svg[@role='img']"), "a picture of the course"
    assert any(each.startswith(last.code) for each in then.hooks("course"))
    answer = head.client.get(f"{head.base_url}{path}/rates?quarter={last.code}")
    assert f"backlog-KFS-009-{last.code}.csv" in answer.headers["content-disposition"]
    with local.portal.database.read() as db:
        kept = quarters.by_department(db, "KFS-009", last)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]
    assert [(row[1], row[2]) for row in rows] == [
        (str(each.surveyed), str(each.entered)) for each in kept
    ]
    for wrong in ("2001-1", "2099-4", "x", f"{last.code}'--"):
        assert head.get(f"{path}?quarter={wrong}").status == 404, wrong
    code, said = run_command(
        local.portal.settings, "permits", "backlog", "KFS-009", "--quarter", last.code
    )
    assert (code, "entered" in said) == (0, True)
    assert (
        run_command(local.portal.settings, "permits", "backlog", "KFS-009", "--quarter", "2001-1")[
            0
        ]
        == 2
    )


def test_the_governorate_compares_centers_and_departments_of_a_quarter(
    still: LocalPortal,
) -> None:
    while quarters.close_due(still.portal.database, still.clock.now()):
        pass
    with still.portal.database.read() as db:
        (last, _), *_ = quarters.closed(db)
        of_center = rates.total(quarters.by_department(db, "KFS-009", last))
    admin = Employee(still.url, "followup_member@EG-KFS")
    admin.sign_in()
    path = f"/center/admin/backlog?quarter={last.code}"
    page = admin.get(path)
    (row,) = page.tree.xpath("//tr[@data-rates='KFS-009']")
    assert row.get("data-entry") == f"{of_center.entered}/{of_center.surveyed}"
    assert page.tree.xpath(f"//tr[@data-rates='{BUILDING}']"), "departments beside centers"
    shops = admin.get(f"{path}&department=shop-licensing")
    entry = shops.tree.xpath("//tr[@data-rates='KFS-009']/@data-entry")
    assert entry != [row.get("data-entry")]
    assert not shops.tree.xpath(f"//tr[@data-rates='{BUILDING}']")
    assert admin.get(f"{path}&department=castle").status == 404
    assert admin.get(f"{path}&governorate=EG-C").status == 404
    rows = still.rows(select(BacklogQuarterRates.center_code).distinct())
    assert {each[0] for each in rows} <= set(still.portal.places.centers)
