"""What workers do for outside bodies: news are told once and in order, batches answered once."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from portal import jws
from portal.bodies import buckets, courier, jobs, notices, posting, watching
from portal.bodies.buckets import Buckets
from portal.bodies.model import (
    BodyAgreement,
    BodyBucket,
    BodyInquiry,
    BodyJob,
    BodyJobItem,
    BodyNotice,
    BodyUser,
    BodyWatch,
    OutsideBody,
    Purpose,
)
from portal.bodies.notices import KIND
from portal.bodies.watching import watch
from portal.clock import SettableClock, SystemClock, cairo_day, public_id
from portal.permits.model import PermitAct
from portal.permits.numbers import PermitNumber
from portal.permits.registry import PermitAction
from tests.support.asked import CENTER, OWNER, act, put_permit, renumber
from tests.support.databases import Databases
from tests.support.plans import plans_of
from tests.support.sandbox import eventually
from tests.support.telling import Office, courier_of, open_office

SUSPEND, RESUME, REVOKE = PermitAction.SUSPEND, PermitAction.RESUME, PermitAction.REVOKE
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def office(
    database_kind: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    var = tmp_path_factory.mktemp("office")
    with open_office(var, databases.empty(var, database_kind)) as made:
        yield made


# --- what is told, and to whom


def test_a_body_is_told_of_each_change_in_order_signed_and_of_no_person(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, number = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    act(office.core, permit_id, RESUME)
    other = replace(number, number=number.number + 500_000)
    renumber(office.core, permit_id, other)
    office.deliver()
    told = [(each["data"]["changed"], each["data"]["status"]) for each in hook.events]
    suspended, resumed = ("status", "suspended"), ("status", "valid_not_started")
    assert told == [suspended, resumed, ("number", "valid_not_started")]
    first, _, last = hook.events
    assert first["specversion"] == "1.0"
    assert (first["source"], first["body"]) == ("portal", body.code)
    assert first["type"] == "eg.mahalliyat.permit.changed.v1"
    assert first["subject"] == f"{CENTER}/{other.canonical}", "as it is called when it is told"
    assert first["data"]["reference"] == "2026/881"
    assert first["data"]["permit"]["href"].endswith(
        f"/permits/{CENTER}/{other.year}/{other.number}"
    )
    assert last["data"]["permit"]["formerly"] == number.canonical
    assert len({each["id"] for each in hook.events}) == 3
    assert set(hook.media_types) == {"application/jose"}
    for signed in hook.taken:
        assert OWNER.encode() not in jws.read(KIND, signed, 10_000).payload
        compact = jws.read(KIND, signed, 10_000)
        key = office.core.signatures.trusted(compact.kid)
        assert key is not None
        jws.verify(compact, key)
    office.later(days=2)
    office.deliver()
    assert len(hook.taken) == 3, "what was taken is not told again"


def test_only_who_asked_under_a_living_agreement_with_notices_is_told(office: Office) -> None:
    hook = office.webhook()
    agreed, silent, stranger = (office.body(hook.url, notices=n) for n in (True, False, True))
    permit_id, _ = office.watched(agreed, silent)
    over = office.body(hook.url)
    office.ask(over, _)
    with office.core.database.begin() as db:
        now = office.clock.now()
        ended = update(BodyAgreement).where(BodyAgreement.body_code == over.code)
        db.execute(ended.values(revoked_at=now))
    act(office.core, permit_id, SUSPEND)
    office.deliver()
    assert [each["body"] for each in hook.events] == [agreed.code]
    assert office.waiting(stranger) == 0


def test_what_the_agreement_does_not_name_is_not_told(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url, fields=["floors_above"])
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.deliver()
    (event,) = hook.events
    assert event["data"]["changed"] == "status"
    assert "status" not in event["data"]


def test_an_act_that_changes_nothing_that_is_told_is_no_news(office: Office) -> None:
    hook = office.webhook()
    permit_id, _ = office.watched(office.body(hook.url))
    act(office.core, permit_id, PermitAction.DISPUTE_START)
    office.deliver()
    assert hook.taken == []
    left = office.rows(select(func.count()).where(PermitAct.announced.is_(False)))
    assert left[0][0] == 0


def test_a_change_between_the_answer_and_the_watch_is_told(office: Office) -> None:
    """The body read the state before the act; it was announced while nobody was known to watch."""
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = put_permit(office.core)
    act(office.core, permit_id, SUSPEND)
    office.announce()
    with office.core.database.begin() as db:
        watch(db, body.code, permit_id, 0, Purpose.CONNECTION, "7", office.clock.now())
    office.deliver()
    office.deliver()
    assert [each["data"]["status"] for each in hook.events] == ["suspended"]


def test_what_the_newest_answer_told_is_no_news(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, number = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.ask(body, number, "2026/900")
    act(office.core, permit_id, RESUME)
    office.deliver()
    (event,) = hook.events
    assert event["data"]["status"] == "valid_not_started"
    assert event["data"]["reference"] == "2026/900"


def test_a_body_is_told_when_the_paper_books_were_searched(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    asked = office.ask(body, PermitNumber(7, "", 1990))
    with office.core.database.begin() as db:
        agreement, now = body.agreements[Purpose.CONNECTION], office.clock.now()
        office.core.answering.searched(db, asked.id, body, agreement, "clerk", now)
    office.deliver()
    (event,) = hook.events
    assert event["type"] == "eg.mahalliyat.inquiry.searched.v1"
    assert event["data"]["href"].endswith(f"/api/v1/permits/inquiries/{asked.id}")
    assert event["data"]["reference"] == "2026/881"


# --- nothing lost, nothing doubled


def test_workers_together_announce_each_act_once_and_of_a_permit_in_order(office: Office) -> None:
    body = office.body("https://127.0.0.1:9/")
    permits = [office.watched(body)[0] for _ in range(25)]
    for action in (SUSPEND, RESUME, REVOKE):
        for permit_id in permits:
            act(office.core, permit_id, action)
    workers = [threading.Thread(target=office.announce) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    office.announce()  # what one held when the others looked
    told = (
        select(BodyNotice.permit_id, BodyNotice.act_id)
        .where(BodyNotice.body_code == body.code)
        .order_by(BodyNotice.position)
    )
    acts = [tuple(row) for row in office.rows(told)]
    assert len(acts) == len(set(acts)) == 75
    for permit_id in permits:
        own = [act_id for told_of, act_id in acts if told_of == permit_id]
        assert own == sorted(own)


def test_a_worker_that_is_killed_while_it_tells_has_lost_nothing(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    act(office.core, permit_id, RESUME)
    office.announce()
    hook.open.clear()
    code = (
        "import os; from portal.clock import SystemClock;"
        "from portal.settings import read_settings;"
        "from portal.core import build_core; from portal.bodies.courier import Courier;"
        "core = build_core(read_settings(os.environ), SystemClock()); s = core.settings;"
        "c = Courier(core.database, core.signatures.sign_bytes, core.clock, s.webhooks_ca,"
        " loopback=True); c.run_once(); c.rest(60)"
    )
    ahead = office.clock.ahead
    office.clock.ahead = timedelta()
    with office.core.database.begin() as db:
        due = update(BodyNotice).where(BodyNotice.body_code == body.code)
        db.execute(due.values(next_at=office.clock.now()))
    worker = subprocess.Popen([sys.executable, "-c", code], env=dict(office.environment), cwd=ROOT)
    eventually(lambda: len(hook.taken) == 1, 30)
    worker.kill()
    worker.wait()
    hook.open.set()
    office.deliver()
    assert len(hook.taken) == 1, "the body is still the dead worker's"
    office.clock.ahead = ahead
    office.later(minutes=2)
    office.deliver()
    first, again, last = (each["id"] for each in hook.events)
    assert first == again != last
    assert office.waiting(body) == 0


def test_two_workers_do_not_tell_a_body_at_the_same_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TOTAL_SECONDS", 60.0)  # however busy the machine is
    hook = office.webhook()
    body = office.body(hook.url)
    permits = [office.watched(body)[0] for _ in range(3)]
    for permit_id in permits:
        act(office.core, permit_id, SUSPEND)
    office.announce()
    hook.open.clear()
    office.courier.run_once()
    eventually(lambda: len(hook.taken) == 1, 30)
    second = courier_of(office.core, office.authority)
    assert second.run_once() == 0
    hook.open.set()
    assert office.courier.rest(60)
    assert len(hook.taken) == 3


# --- an end


@pytest.mark.parametrize("what", ["body", "agreement", "address"])
def test_what_may_no_longer_be_told_is_given_up(office: Office, what: str) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.announce()
    assert office.waiting(body) == 1
    with office.core.database.begin() as db:
        now, of_body = office.clock.now(), OutsideBody.code == body.code
        if what == "body":
            db.execute(update(OutsideBody).where(of_body).values(revoked_at=now))
        elif what == "address":
            db.execute(update(OutsideBody).where(of_body).values(webhook_url=""))
        else:
            own = BodyAgreement.body_code == body.code
            db.execute(update(BodyAgreement).where(own).values(revoked_at=now))
    office.deliver()
    assert hook.taken == []
    assert office.waiting(body) == 0
    ((taken,),) = office.rows(select(BodyNotice.taken).where(BodyNotice.body_code == body.code))
    assert taken is False


def test_a_watch_ends_a_year_after_the_newest_question(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = office.watched(body)
    with office.core.database.begin() as db:
        ended = update(BodyWatch).where(BodyWatch.body_code == body.code)
        db.execute(ended.values(until=cairo_day(office.clock.now()) - timedelta(days=1)))
    act(office.core, permit_id, SUSPEND)
    office.deliver()
    assert hook.taken == []


# --- batches


def _answered(office: Office, job_id: str) -> list[int | None]:
    """The lines that stand in the log, in the order in which they were answered."""
    of_job = BodyInquiry.job_id == job_id
    rows = select(BodyInquiry.position).where(of_job).order_by(BodyInquiry.at, BodyInquiry.position)
    return [row[0] for row in office.rows(rows)]


def test_workers_together_answer_each_line_once(office: Office) -> None:
    bodies = [office.body("") for _ in range(3)]
    batches = [office.batch(body, 40) for body in bodies]
    workers = [threading.Thread(target=office.work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    office.later(seconds=31)  # one that another held may have been passed over
    office.work()
    for body, batch in zip(bodies, batches, strict=True):
        assert sorted(filter(None, _answered(office, batch.id))) == list(range(1, 40))
        job = office.job(body, batch.id)
        assert (job.state, job.done) == ("done", 40)
    assert office.rows(select(func.count()).select_from(BodyJobItem))[0][0] == 0


def test_a_worker_that_is_killed_in_a_batch_has_done_each_line_whole_or_not(
    office: Office,
) -> None:
    body = office.body("")
    batch = office.batch(body, 6)
    code = (
        "import os, sys, time; from portal.clock import SystemClock;"
        "from portal.settings import read_settings; from portal.core import build_core;"
        "from portal.bodies.jobs import Jobs; from portal.bodies.answering import Answering\n"
        "truly = Answering.answer\n"
        "def answer(*given, position, **more):\n"
        "    found = truly(*given, position=position, **more)\n"
        "    if position == 3:\n"
        "        print('in the middle', flush=True); time.sleep(60)\n"
        "    return found\n"
        "Answering.answer = answer\n"
        "core = build_core(read_settings(os.environ), SystemClock())\n"
        "Jobs(core.database, core.vault, core.answering, core.clock).run_once()"
    )
    with office.core.database.begin() as db:
        due = update(BodyJob).where(BodyJob.id == batch.id)
        db.execute(due.values(next_at=SystemClock().now() - timedelta(seconds=1)))
    worker = subprocess.Popen(
        [sys.executable, "-c", code],
        env=dict(office.environment),
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"in the middle\n"
    worker.kill()
    worker.wait()
    worker.stdout.close()
    assert office.job(body, batch.id).done == 3
    office.later(seconds=31)
    office.work()
    assert sorted(each for each in _answered(office, batch.id) if each is not None) == [*range(6)]
    assert office.job(body, batch.id).state == "done"


def test_a_batch_keeps_the_pace_and_leaves_a_fifth_to_questions_that_come_alone(
    office: Office,
) -> None:
    body = office.body("", per_minute=10)
    batch = office.batch(body, 20)
    _, number = put_permit(office.core)
    office.work()
    assert office.job(body, batch.id).done == 8
    office.ask(body, number)
    office.later(seconds=61)
    office.work()
    assert office.job(body, batch.id).done == 16
    office.later(seconds=61)
    office.work()
    assert office.job(body, batch.id).state == "done"
    assert _answered(office, batch.id) == list(range(20))


@pytest.mark.parametrize("what", ["body_revoked", "agreement_over", "user_revoked"])
def test_a_batch_ends_when_who_asks_may_no_longer(office: Office, what: str) -> None:
    hook = office.webhook()
    body = office.body(hook.url, per_minute=5)
    batch = office.batch(body, 20)
    office.work()
    with office.core.database.begin() as db:
        table: Any = {
            "body_revoked": OutsideBody,
            "agreement_over": BodyAgreement,
            "user_revoked": BodyUser,
        }[what]
        own = (table.code if table is OutsideBody else table.body_code) == body.code
        db.execute(update(table).where(own).values(revoked_at=office.clock.now()))
    office.later(seconds=61)
    office.work()
    job = office.job(body, batch.id)
    assert (job.state, job.stopped_reason, job.done) == ("stopped", what, 4)
    items = select(func.count()).where(BodyJobItem.job_id == batch.id)
    assert office.rows(items)[0][0] == 0, "what it asked is kept no longer"
    office.deliver()
    told = [(each["subject"], each["data"]["stopped_reason"]) for each in hook.events]
    assert told == ([] if what == "body_revoked" else [(batch.id, what)])


# --- with much of it


def test_what_is_due_is_found_by_an_index_however_much_is_done(office: Office) -> None:
    """Workers look twice a second: they step over nothing that is told or answered."""
    now = office.clock.now()

    def look(db: Connection) -> None:
        db.scalars(watching.next_acts(), {}).all()
        db.scalars(courier.bodies_due(), {"now": now}).all()
        db.scalars(jobs.due(now)).all()
        notices.figures(db, now)
        jobs.backlog(db)

    body = office.body("https://127.0.0.1:9/")
    permit_id, _ = put_permit(office.core)
    past = {"act": "suspend", "status": "suspended", "actor": "x", "at": now, "announced": True}
    told = {"type": "ping.v1", "subject": "x", "data": {}, "ended_at": now, "taken": True}
    with office.core.database.begin() as db:
        numbers = range(1000, 3000)
        acts = [{"permit_id": permit_id, "revision": n, **past} for n in numbers]
        db.execute(insert(PermitAct), acts)
        of_body = {"body_code": body.code, "next_at": now, "created_at": now}
        db.execute(insert(BodyNotice), [{"id": f"old {n}", **of_body, **told} for n in numbers])
        if db.dialect.name == "postgresql":
            db.execute(text("ANALYZE"))
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.announce()
    found = "\n".join(plan.text for plan in plans_of(office.core.database, look, small=True))
    partial = ("permit_acts_to_announce", "body_notices_(?:due|permit)", "body_jobs_open")
    assert all(re.search(rf"\bix_{name}\b", found) for name in partial), found
    tables = "(?:permit_acts|body_notices|body_jobs|earlier)"
    whole = rf"SCAN {tables}$|Seq Scan on {tables}"
    assert not re.search(whole, found, re.MULTILINE), found


# --- how fast a body may come at all


def test_processes_together_let_a_body_come_no_faster_than_one(office: Office) -> None:
    database, clock = office.core.database, SettableClock(office.clock.now())
    doors = [Buckets(database, clock) for _ in range(3)]
    name = f"body {public_id()}"

    def come(times: int) -> int:
        """As many at once as there are processes, one after the other; how many came in."""
        taken = [0] * len(doors)

        def knock(which: int) -> None:
            taken[which] = sum(doors[which].allows(name) for _ in range(times))

        threads = [threading.Thread(target=knock, args=(n,)) for n in range(len(doors))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(taken)

    assert come(buckets.BURST) == buckets.BURST
    assert come(10) == 0
    clock.at += timedelta(seconds=3)
    assert come(buckets.BURST) == 3 * buckets.A_SECOND
    assert doors[0].allows(f"body {public_id()}"), "another one has its own"


def test_a_bucket_that_is_full_again_is_forgotten_and_no_other(office: Office) -> None:
    clock = SettableClock(office.clock.now())
    door, idle, busy = Buckets(office.core.database, clock), public_id(), public_id()
    assert door.allows(idle)
    clock.at += timedelta(minutes=1)
    assert door.allows(busy)
    with office.core.database.begin() as db:
        buckets.forget_full(db, clock.now())
        left = set(db.scalars(select(BodyBucket.name).where(BodyBucket.name.in_([idle, busy]))))
    assert left == {busy}
