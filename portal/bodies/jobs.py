"""Batches: up to 500 questions that are accepted together and answered one after the other.

Each line is an inquiry like one that comes alone: in the log, signed, counted by the body's pace.
A line is answered, written down and dropped from the job in one transaction that holds the job, so
a worker that dies has done a line whole or not at all, and two workers never do one twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)

from portal.bodies import accounts, notices, pacing
from portal.bodies.accounts import Agreement, Body
from portal.bodies.answering import Answering, Question
from portal.bodies.model import QUESTION, BodyJob, BodyJobItem, Purpose
from portal.bodies.notices import NoticeType
from portal.clock import Clock, cairo_day, public_id
from portal.db import Database, UtcDateTime
from portal.loops import one_by_one
from portal.permits.numbers import PermitNumber
from portal.vault import Vault

BASE = "/api/v1/permits/jobs"
MOST_OPEN = 20
"""Jobs of one body that wait or are worked on; whoever has more waits for one of them."""
STOPPED = ("cancelled", "body_revoked", "agreement_over", "user_revoked")
"""Why a job ends before its end."""
_ID_LENGTH = 20
_A_ROUND = 20  # jobs
_A_TURN = 25  # lines of one job before the next job may come
_LEASE = timedelta(seconds=30)
# what a job leaves of a body's pace, so that its employees need not wait for their own batch
_LEFT_TO_OTHERS = 5  # a fifth


@dataclass(frozen=True)
class Job:
    """A batch as its body sees it."""

    id: str
    username: str
    purpose: Purpose
    reference: str
    total: int
    done: int
    created_at: datetime
    finished_at: datetime | None
    stopped_reason: str

    @property
    def state(self) -> str:
        """``running``, ``done``, or ``stopped`` before its end."""
        if self.finished_at is None:
            return "running"
        return "stopped" if self.stopped_reason else "done"


_COLUMNS: tuple[Any, ...] = (
    BodyJob.id,
    BodyJob.username,
    BodyJob.purpose,
    BodyJob.reference,
    BodyJob.total,
    BodyJob.done,
    BodyJob.created_at,
    BodyJob.finished_at,
    BodyJob.stopped_reason,
)


def accept(
    db: Connection,
    vault: Vault,
    body_code: str,
    purpose: Purpose,
    reference: str,
    questions: Sequence[Question],
    at: datetime,
) -> Job:
    """Take up questions, all of one user, which were read and may be asked; the job."""
    job_id, username = public_id(_ID_LENGTH), questions[0].user
    db.execute(
        insert(BodyJob).values(
            id=job_id,
            body_code=body_code,
            username=username,
            purpose=purpose,
            reference=reference,
            total=len(questions),
            next_at=at,
            created_at=at,
        )
    )
    db.execute(
        insert(BodyJobItem),
        [
            {
                "job_id": job_id,
                "position": position,
                "question": vault.seal_json(QUESTION, _written(question)),
            }
            for position, question in enumerate(questions)
        ],
    )
    return Job(job_id, username, purpose, reference, len(questions), 0, at, None, "")


def _written(question: Question) -> dict[str, Any]:
    number = question.number
    return {
        "reference": question.reference,
        "center": question.center,
        "number": [number.number, number.letter, number.year] if number else None,
        "serial": question.serial,
        "owner_name": question.owner_name,
        "consent_code": question.consent_code,
    }


def _read(user: str, written: Mapping[str, Any]) -> Question:
    number = PermitNumber(*written["number"]) if written["number"] else None
    return Question(user, **{**written, "number": number})


def find(db: Connection, body_code: str, job_id: str) -> Job | None:
    """The body's own job, or None: another's looks like none."""
    own = select(*_COLUMNS).where(BodyJob.id == job_id, BodyJob.body_code == body_code)
    row = db.execute(own).one_or_none()
    return None if row is None else _job(row)


def newest(
    db: Connection, body_code: str, *, before: tuple[datetime, str] | None = None, most: int = 20
) -> list[Job]:
    """The body's own jobs, the newest first; ``before`` is the time and id of one: those behind."""
    rows = select(*_COLUMNS).where(BodyJob.body_code == body_code)
    if before is not None:
        bound = tuple_(literal(before[0], UtcDateTime), literal(before[1]))
        rows = rows.where(tuple_(BodyJob.created_at, BodyJob.id) < bound)
    rows = rows.order_by(BodyJob.created_at.desc(), BodyJob.id.desc()).limit(most)
    return [_job(row) for row in db.execute(rows)]


def count_open(db: Connection, body_code: str) -> int:
    """How many of a body's jobs are not finished."""
    return db.scalar(select(func.count()).where(BodyJob.body_code == body_code, _OPEN)) or 0


def cancel(db: Connection, body_code: str, job_id: str, at: datetime) -> Job | None:
    """Drop what is not answered yet; the job, or None where the body has none of this id. One that
    is finished stays as it is."""
    held = select(BodyJob.id).where(BodyJob.id == job_id, BodyJob.body_code == body_code, _OPEN)
    if db.scalar(held.with_for_update()) is not None:
        _finish(db, job_id, "cancelled", at)
    return find(db, body_code, job_id)


@dataclass(frozen=True)
class Backlog:
    """What an operator looks at."""

    open: int
    due_since: datetime | None
    """Since when the next line of one of them is due."""


def backlog(db: Connection) -> Backlog:
    return Backlog(*db.execute(select(func.count(), func.min(BodyJob.next_at)).where(_OPEN)).one())


# Written out and not bound: only so does a partial index serve a prepared statement.
_OPEN: ColumnElement[bool] = literal_column("body_jobs.finished_at IS NULL")


def _job(row: Row[Any]) -> Job:
    values: tuple[Any, ...] = tuple(row)
    job_id, username, purpose, *others = values
    return Job(job_id, username, Purpose(purpose), *others)


def _finish(db: Connection, job_id: str, stopped_reason: str, at: datetime) -> None:
    """The caller holds the job."""
    db.execute(delete(BodyJobItem).where(BodyJobItem.job_id == job_id))
    row = db.execute(
        update(BodyJob)
        .where(BodyJob.id == job_id)
        .values(finished_at=at, stopped_reason=stopped_reason)
        .returning(BodyJob.body_code, BodyJob.done, BodyJob.total, BodyJob.reference)
    ).one()
    told = {
        "job": job_id,
        "reference": row.reference,
        "done": row.done,
        "total": row.total,
        "stopped_reason": stopped_reason or None,
    }
    notices.add(db, row.body_code, NoticeType.JOB_FINISHED, job_id, told, at)


def due(now: datetime) -> Select[str]:
    """Jobs whose next line may be answered, the longest due first."""
    return (
        select(BodyJob.id)
        .where(_OPEN, BodyJob.next_at <= now)
        .order_by(BodyJob.next_at)
        .limit(_A_ROUND)
    )


class Jobs:
    """Works on what was accepted: a few lines of each job in turn."""

    def __init__(
        self, database: Database, vault: Vault, answering: Answering, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._answering = answering
        self._clock = clock

    def run_once(self) -> int:
        """A turn of each job that is due; of how many."""
        with self._database.read() as db:
            found = db.scalars(due(self._clock.now())).all()
        return one_by_one("jobs", found, self._turn)

    def _turn(self, job_id: str) -> bool:
        now = self._clock.now()
        with self._database.begin() as db:
            leased = db.execute(
                update(BodyJob)
                .where(BodyJob.id == job_id, _OPEN, BodyJob.next_at <= now)
                .values(next_at=now + _LEASE)
            )
        if not leased.rowcount:
            return False  # another worker has it
        for line in range(1, _A_TURN + 1):
            with self._database.begin() as db:
                if not self._line(db, job_id, last=line == _A_TURN):
                    break
        return True

    def _line(self, db: Connection, job_id: str, *, last: bool) -> bool:
        """Answer the next line; whether the one after it may be answered now."""
        now = self._clock.now()
        job = db.execute(
            select(BodyJob).where(BodyJob.id == job_id, _OPEN).with_for_update()
        ).one_or_none()
        if job is None:
            return False
        found = _still_agreed(db, job, now)
        if isinstance(found, str):
            _finish(db, job_id, found, now)
            return False
        body, agreement = found
        pacing.take_turn(db, body.code)
        allowed = pacing.allowance(db, body, now)
        if allowed.left <= body.per_minute // _LEFT_TO_OTHERS:
            wait = timedelta(seconds=max(allowed.seconds, 1))
            db.execute(update(BodyJob).where(BodyJob.id == job_id).values(next_at=now + wait))
            return False
        item = db.execute(
            select(BodyJobItem.position, BodyJobItem.question)
            .where(BodyJobItem.job_id == job_id)
            .order_by(BodyJobItem.position)
            .limit(1)
        ).one()
        question = _read(job.username, self._vault.open_json(QUESTION, item.question))
        self._answering.answer(
            db, body, agreement, question, now, job_id=job_id, position=item.position
        )
        db.execute(
            delete(BodyJobItem).where(
                BodyJobItem.job_id == job_id, BodyJobItem.position == item.position
            )
        )
        # with its last line of this turn the job goes behind the others
        next_at = now if last else now + _LEASE
        done = update(BodyJob).where(BodyJob.id == job_id)
        db.execute(done.values(done=BodyJob.done + 1, next_at=next_at))
        if job.done + 1 == job.total:
            _finish(db, job_id, "", now)
            return False
        return True


def _still_agreed(db: Connection, job: Row[Any], now: datetime) -> tuple[Body, Agreement] | str:
    """Who asks and what was agreed, as both stand now; or why the job ends here."""
    body = accounts.find(db, job.body_code, cairo_day(now))
    if body is None:
        return "body_revoked"
    agreement = body.agreements.get(Purpose(job.purpose))
    if agreement is None or not agreement.batches:
        return "agreement_over"
    if not accounts.has_user(db, body.code, job.username):
        return "user_revoked"
    return body, agreement
