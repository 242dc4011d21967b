"""Takes notices to bodies: each body by itself, in order, again and again until they are taken.

A worker leases a body, not a notice: so its news keep their order, and a receiver that is down is
asked by one worker, later each time. Bodies are served by threads of their own, so that a slow one
delays no other. A worker that dies leaves a lease that runs out; what it had sent and not written
down is sent again under the same id.
"""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Update,
    and_,
    bindparam,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from portal.bodies import notices
from portal.bodies.model import BodyDelivery, BodyNotice, OutsideBody
from portal.bodies.notices import KIND, OPEN
from portal.bodies.posting import TOTAL_SECONDS, NotReached, Post, Reply, trust
from portal.clock import Clock, cairo_day, jitter, public_id, stopwatch
from portal.db import Database, UtcDateTime, insert_missing
from portal.observability import log
from portal.settings import Proxy

_AT_ONCE = 16  # bodies
_A_TURN = 50  # notices of one body before the next body may come
_TURN_SECONDS = 20.0
_LEASE = timedelta(seconds=4 * TOTAL_SECONDS)  # renewed with every notice
_PATIENCE_SECONDS = 0.3  # so long does a round wait for its turns: most are over by then
_FIRST_RETRY_SECONDS = 5.0
_LONGEST_RETRY_SECONDS = 3600.0
_WHEN_GONE = timedelta(days=1)
_GONE = 410
_WELL = {"failures": 0, "failing_since": None, "gone_at": None, "last_error": ""}
# what one notice is refused for; anything else says that the way itself is closed
_OF_THIS_NOTICE = frozenset({400, 409, 413, 415, 422})


@dataclass(frozen=True)
class _Turn:
    """That a body is this worker's."""

    body_code: str
    url: str
    lease: str


@dataclass(frozen=True)
class _Failure:
    """What became of a notice that was not taken."""

    reason: str
    of_this_notice: bool = False
    gone: bool = False
    wait: timedelta | None = None


class Courier:
    """Delivers what waits for bodies."""

    def __init__(
        self,
        database: Database,
        sign: Callable[[str, bytes], bytes],
        clock: Clock,
        authority: Path | None = None,
        *,
        proxy: Proxy | None = None,
        loopback: bool = False,
    ) -> None:
        """``sign`` signs with the portal's key; certificates of ``authority`` are believed beside
        those of the machine's; ``proxy`` is the way out if there is no other; ``loopback`` lets
        webhooks be on this machine, for demos and tests."""
        self._database = database
        self._sign = sign
        self._clock = clock
        self._authority = authority
        self._proxy = proxy
        self._loopback = loopback
        self._turns: dict[str, threading.Thread] = {}
        self._stopping = threading.Event()

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return trust(self._authority)

    def run_once(self) -> int:
        """Begin the turns of bodies that something is due for; how many. Waits a moment for them:
        a turn that takes longer goes on by itself."""
        self._turns = {code: each for code, each in self._turns.items() if each.is_alive()}
        free = _AT_ONCE - len(self._turns)
        now = self._clock.now()
        begun = 0
        with self._database.read() as db:
            due = db.scalars(bodies_due(), {"now": now}).all() if free else ()
        for code in [code for code in due if code not in self._turns][:free]:
            turn = self._lease(code, now)
            if turn is not None:
                thread = threading.Thread(target=self._serve, args=(turn,), daemon=True)
                self._turns[code] = thread
                thread.start()
                begun += 1
        self.rest(_PATIENCE_SECONDS)
        return begun

    def rest(self, seconds: float) -> bool:
        """Wait for the turns under way; whether all are over."""
        until = stopwatch() + seconds
        for thread in self._turns.values():
            thread.join(max(until - stopwatch(), 0))
        return not any(thread.is_alive() for thread in self._turns.values())

    def close(self) -> None:
        """No turn begins another notice."""
        self._stopping.set()

    def _lease(self, code: str, now: datetime) -> _Turn | None:
        """Take a body up for some seconds, and end what it may no longer be told."""
        lease, way = public_id(), BodyDelivery
        with self._database.begin() as db:
            url = db.scalar(select(OutsideBody.webhook_url).where(OutsideBody.code == code)) or ""
            first = {"body_code": code, "url": url, "next_at": now}
            insert_missing(db, insert(way).values(**first))
            taken = db.execute(
                update(way)
                .where(
                    way.body_code == code, _is_free(now), or_(way.next_at <= now, way.url != url)
                )
                .values(lease=lease, leased_until=now + _LEASE)
            )
            if not taken.rowcount:
                return None
            moved = update(way).where(way.body_code == code, way.url != url)
            db.execute(
                moved.values(
                    url=url,
                    failures=0,
                    failing_since=None,
                    gone_at=None,
                    last_error="",
                    next_at=now,
                )
            )
            notices.give_up(db, code, cairo_day(now), now)
        return _Turn(code, url, lease)

    def _serve(self, turn: _Turn) -> None:
        try:
            self._deliver(turn)
        except Exception as error:  # the lease runs out, and then it is tried again
            log.error("worker.failed", kind="notices", error=type(error).__name__, exc_info=error)

    def _deliver(self, turn: _Turn) -> None:
        began, sent = stopwatch(), 0
        with Post(self._trusted, proxy=self._proxy, loopback=self._loopback) as post:
            while sent < _A_TURN and stopwatch() - began < _TURN_SECONDS:
                if self._stopping.is_set():
                    break
                with self._database.read() as db:
                    notice = _next_notice(db, turn, self._clock.now())
                if notice is None or not self._try(post, turn, notice):
                    break
                sent += 1
        with self._database.begin() as db:
            db.execute(_mine(turn).values(leased_until=None))

    def _try(self, post: Post, turn: _Turn, notice: RowMapping) -> bool:
        """Send one; whether the next one may be tried."""
        failure = self._post(post, turn, notice)
        now = self._clock.now()
        with self._database.begin() as db:
            if failure is None:
                mine = _write_taken(db, turn, notice, now)
            else:
                mine = _write_failed(db, turn, notice, failure, now)
        about = {
            "type": notice["type"],
            "body_code": turn.body_code,
            "attempts": notice["attempts"] + 1,
        }
        if failure is None:
            log.info("notice.taken", **about)
        elif failure.gone:
            log.error("notice.gone", **about, reason=failure.reason)
        else:
            log.warning("notice.retry", **about, reason=failure.reason)
        return mine and (failure is None or failure.of_this_notice)

    def _post(self, post: Post, turn: _Turn, notice: RowMapping) -> _Failure | None:
        try:
            reply = post.send(turn.url, self._sign(KIND, notices.envelope(notice)))
        except NotReached as error:
            return _Failure(error.reason)
        return _failure_of(reply)


def _failure_of(reply: Reply) -> _Failure | None:
    if 200 <= reply.status < 300:
        return None
    return _Failure(
        f"status_{reply.status}",
        of_this_notice=reply.status in _OF_THIS_NOTICE,
        gone=reply.status == _GONE,
        wait=reply.wait,
    )


def _is_free(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    return or_(BodyDelivery.leased_until.is_(None), BodyDelivery.leased_until <= now)


def bodies_due() -> Select[str]:
    """Bodies that something waits for and whose webhook may be tried, the longest due first.

    Few bodies, and one step in an index for each: what waits for one is not counted.
    """
    now, way = bindparam("now", type_=UtcDateTime), BodyDelivery
    waits = select(BodyNotice.id).where(
        OPEN, BodyNotice.body_code == OutsideBody.code, BodyNotice.next_at <= now, ~_behind()
    )
    return (
        select(OutsideBody.code)
        .outerjoin(way, way.body_code == OutsideBody.code)
        .where(
            or_(
                way.body_code.is_(None),
                and_(_is_free(now), or_(way.next_at <= now, way.url != OutsideBody.webhook_url)),
            ),
            waits.exists(),
        )
        .order_by(way.next_at, OutsideBody.code)
    )


def _behind() -> ColumnElement[bool]:
    """Whether an earlier one of the same permit is still to be taken."""
    earlier = aliased(BodyNotice, name="earlier")
    still_open: ColumnElement[bool] = literal_column("earlier.ended_at IS NULL")
    return (
        select(earlier.position)
        .where(
            still_open,
            earlier.body_code == BodyNotice.body_code,
            earlier.permit_id == BodyNotice.permit_id,
            earlier.position < BodyNotice.position,
        )
        .correlate(BodyNotice)
        .exists()
    )


def _next_notice(db: Connection, turn: _Turn, now: datetime) -> RowMapping | None:
    """The oldest one that is due and not behind another of its permit; None, too, when the body
    was revoked or its address changed since the turn began."""
    found = (
        select(*BodyNotice.__table__.columns)
        .join(OutsideBody, OutsideBody.code == BodyNotice.body_code)
        .where(
            OPEN,
            BodyNotice.body_code == turn.body_code,
            BodyNotice.next_at <= now,
            OutsideBody.revoked_at.is_(None),
            OutsideBody.webhook_url == turn.url,
            ~_behind(),
        )
        .order_by(BodyNotice.position)
        .limit(1)
    )
    return db.execute(found).mappings().one_or_none()


def _mine(turn: _Turn) -> Update:
    return update(BodyDelivery).where(
        BodyDelivery.body_code == turn.body_code, BodyDelivery.lease == turn.lease
    )


def _write_taken(db: Connection, turn: _Turn, notice: RowMapping, now: datetime) -> bool:
    """It was taken, whoever holds the lease now; whether the turn is still this worker's."""
    db.execute(
        update(BodyNotice)
        .where(BodyNotice.id == notice["id"], OPEN)
        .values(ended_at=now, taken=True, attempts=BodyNotice.attempts + 1, last_error="")
    )
    well = _mine(turn).values(
        leased_until=now + _LEASE,
        next_at=now,
        taken_at=now,
        **_WELL,
    )
    return bool(db.execute(well).rowcount)


def _write_failed(
    db: Connection, turn: _Turn, notice: RowMapping, failure: _Failure, now: datetime
) -> bool:
    held = db.execute(
        _mine(turn)
        .values(leased_until=now + _LEASE)
        .returning(BodyDelivery.failures, BodyDelivery.failing_since, BodyDelivery.gone_at)
    ).one_or_none()
    if held is None:
        return False
    tried: dict[str, Any] = {
        "attempts": BodyNotice.attempts + 1,
        "last_error": failure.reason,
    }
    if failure.of_this_notice:
        tried["next_at"] = now + _later(notice["attempts"])
    else:
        wait = _WHEN_GONE if failure.gone else max(_later(held.failures), failure.wait or _NO_TIME)
        db.execute(
            _mine(turn).values(
                failures=held.failures + 1,
                failing_since=held.failing_since or now,
                gone_at=(held.gone_at or now) if failure.gone else None,
                last_error=failure.reason,
                next_at=now + wait,
            )
        )
    db.execute(update(BodyNotice).where(BodyNotice.id == notice["id"], OPEN).values(**tried))
    return True


_NO_TIME = timedelta()


def _later(failures: int) -> timedelta:
    """How long to wait after so many failures before this one: doubling, and never in step."""
    seconds = min(_FIRST_RETRY_SECONDS * 2.0 ** min(failures, 12), _LONGEST_RETRY_SECONDS)
    return timedelta(seconds=jitter(seconds))
