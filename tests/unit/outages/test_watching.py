"""When a center with a system of its own counts as silent, by the counters' hours of Cairo."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from portal.catalogue.deadlines import Calendar, counter_time, counters_from
from portal.clock import CAIRO
from portal.db import Base, Database
from portal.outages import register, watching
from portal.outages.model import Outage
from portal.outages.register import Scope
from portal.outages.watching import Noticed, Seen

CALENDAR = Calendar(frozenset({date(2026, 10, 6)}))
PATIENCE = timedelta(hours=2)
WAITS = Seen("KFS-003", "EG-KFS", CALENDAR, waits=True, acknowledged_at=None, heard_at=None)
IDLE = replace(WAITS, waits=False)
NOTHING = Noticed([], [])
SILENT, HEARD = Noticed(["KFS-003"], []), Noticed([], ["KFS-003"])


def at(text: str) -> datetime:
    """In November 2026: «16 09:30» is a Monday."""
    return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=CAIRO)


class Watched:
    """One center, looked at every four minutes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seen = WAITS

    def look(self, now: datetime) -> Noticed:
        with self.database.begin() as db:
            return watching.look(db, [self.seen], PATIENCE, now)

    def until(self, first: datetime, last: datetime) -> tuple[Noticed, datetime]:
        """The first look that found anything, or the last one, and when it was."""
        now = first
        while (found := self.look(now)) == NOTHING and now < last:
            now = min(now + timedelta(minutes=4), last)
        return found, now

    def outages(self) -> list[tuple[datetime, datetime | None]]:
        query = select(Outage.began_at, Outage.ended_at).order_by(Outage.id)
        with self.database.read() as db:
            return [(row.began_at, row.ended_at) for row in db.execute(query)]


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Watched]:
    database = Database(f"sqlite:///{tmp_path / 'watch.sqlite3'}", durable=False)
    tables = [Base.metadata.tables[name] for name in ("outages", "center_watches")]
    with database.begin() as db:
        Base.metadata.create_all(db, tables=tables)
    yield Watched(database)
    database.close()


def test_a_center_that_answers_nothing_for_its_time_is_out_until_it_is_heard(
    center: Watched,
) -> None:
    found, noticed = center.until(at("16 09:00"), at("16 13:00"))
    assert found == SILENT
    assert noticed == at("16 11:00")
    assert center.outages() == [(at("16 09:00"), None)]
    assert center.look(at("16 11:04")) == NOTHING, "once"
    center.seen = replace(WAITS, heard_at=at("16 11:05"))
    assert center.look(at("16 11:08")) == HEARD
    assert center.outages() == [(at("16 09:00"), at("16 11:05"))]


def test_an_acknowledgement_is_an_answer_whatever_the_broker_s_clock_says(
    center: Watched,
) -> None:
    center.seen = replace(WAITS, acknowledged_at=at("01 08:00"))
    assert center.until(at("16 09:00"), at("16 10:30"))[0] == NOTHING
    center.seen = replace(WAITS, acknowledged_at=at("01 08:01"))
    found, noticed = center.until(at("16 10:34"), at("16 13:30"))
    assert found == SILENT
    assert noticed >= at("16 12:34"), "it is counted from there"
    center.seen = replace(WAITS, acknowledged_at=None)
    assert center.look(noticed + timedelta(minutes=1)) == NOTHING, "the broker has forgotten"
    center.seen = replace(WAITS, acknowledged_at=at("01 08:02"))
    assert center.look(noticed + timedelta(minutes=2)) == HEARD


def test_nobody_is_expected_to_answer_by_night_and_on_days_off(center: Watched) -> None:
    # Thursday afternoon to Sunday
    found, noticed = center.until(at("19 15:00"), at("22 09:59"))
    assert (found, noticed) == (NOTHING, at("22 09:59"))
    assert center.look(at("22 10:00")) == SILENT
    assert center.outages() == [(at("22 08:00"), None)]


def test_who_has_nothing_to_answer_is_not_silent(center: Watched) -> None:
    center.seen = IDLE
    assert center.until(at("16 08:00"), at("16 14:00"))[0] == NOTHING
    center.seen = WAITS
    assert center.until(at("17 08:00"), at("17 09:56"))[0] == NOTHING, "it counts from then"
    assert center.look(at("17 10:00")) == SILENT
    center.seen = IDLE
    assert center.look(at("17 10:04")) == HEARD
    assert center.outages() == [(at("17 08:00"), at("17 10:04"))]


def test_silence_that_nobody_watched_is_counted_anew(center: Watched) -> None:
    assert center.until(at("16 08:00"), at("16 09:56"))[0] == NOTHING
    found, noticed = center.until(at("16 10:30"), at("16 13:30"))
    assert found == SILENT
    assert noticed == at("16 12:30")
    # what is recorded stays until something is heard
    assert center.look(at("16 13:59")) == NOTHING
    assert center.outages() == [(at("16 10:30"), None)]


def test_what_a_person_says_counts_for_this_silence(center: Watched) -> None:
    assert center.until(at("16 08:00"), at("16 11:00"))[0] == SILENT
    with center.database.begin() as db:
        ((outage, _),) = register.noticed_under_way(db).values()
        register.withdraw(db, outage, "admin", at("16 10:10"))
    found, noticed = center.until(at("16 10:04"), at("16 13:00"))
    assert found == SILENT
    assert noticed >= at("16 12:10"), "counted anew from there"
    assert center.outages()[1][0] == at("16 10:10")


def test_what_somebody_has_entered_is_not_noticed_once_more(center: Watched) -> None:
    with center.database.begin() as db:
        began = at("16 07:30")
        register.enter(db, Scope.CENTER, "EG-KFS", began, None, "reason", "admin", at("16 08:00"))
    assert center.until(at("16 08:00"), at("16 12:00"))[0] == NOTHING
    with center.database.begin() as db:
        register.end(db, 1, at("16 12:00"))
    found, noticed = center.until(at("16 12:04"), at("17 09:00"))
    assert found == SILENT
    assert noticed >= at("16 14:00")
    assert center.outages()[1][0] == at("16 12:00"), "no hour is counted twice"


def test_a_center_that_goes_over_to_the_portal_s_back_office_is_out_no_more(
    center: Watched,
) -> None:
    assert center.until(at("16 08:00"), at("16 11:00"))[0] == SILENT
    with center.database.begin() as db:
        assert watching.look(db, [], PATIENCE, at("16 11:30")) == HEARD
    assert center.outages() == [(at("16 08:00"), at("16 11:30"))]


@pytest.mark.parametrize(
    ("began", "ended", "minutes"),
    [
        ("2026-11-16 09:00", "2026-11-16 11:30", 150),
        ("2026-11-16 07:00", "2026-11-16 15:00", 360),
        ("2026-11-16 13:00", "2026-11-17 09:00", 120),
        ("2026-11-19 13:00", "2026-11-22 09:00", 120),  # Friday and Saturday between
        ("2026-10-05 13:00", "2026-10-07 09:00", 120),  # a holiday between
        ("2026-11-16 15:00", "2026-11-17 07:00", 0),
    ],
)
def test_time_of_the_counters_is_counted(began: str, ended: str, minutes: int) -> None:
    first, last = (datetime.fromisoformat(each).replace(tzinfo=CAIRO) for each in (began, ended))
    assert counter_time(first, last, CALENDAR) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("16 09:30", "16 09:30"),
        ("16 06:00", "16 08:00"),
        ("16 14:00", "17 08:00"),
        ("19 20:00", "22 08:00"),
        ("20 10:00", "22 08:00"),
    ],
)
def test_an_outage_begins_when_the_center_should_have_answered(moment: str, opens: str) -> None:
    assert counters_from(at(moment), CALENDAR) == at(opens)
