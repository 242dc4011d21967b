"""Takes messages out of an outbox and delivers them: fair, leased, ordered, retried without end.

A round takes up a batch in which every center that has something due gets its share, so that one
with a hundred thousand waiting does not hold up another's next. A subject's messages go one after
another; one that fails waits longer each time while other subjects pass; one that can never be
taken is parked and holds back only its own subject. When the way itself is closed the relay waits,
and blames no message. A relay that dies leaves a lease that runs out: the message is delivered
again, and the receiver knows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec.json import decode
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    column,
    func,
    select,
    true,
    tuple_,
    update,
)

from portal.clock import Clock, jitter, stopwatch
from portal.db import Database, UtcDateTime
from portal.handoff.messages import BadMessage, message_of
from portal.handoff.model import OutboxColumns
from portal.handoff.outbox import place, unsent, waiting
from portal.handoff.packing import Packing
from portal.handoff.transports import Fate, Outcome, Parcel, Transport, outcome_of
from portal.observability import log, reason_of
from portal.vault import Vault

_LEASE = timedelta(seconds=10)
_FIRST_RETRY_SECONDS = 2.0
_LONGEST_RETRY_SECONDS = 300.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_LONG_SECONDS = 0.4  # for a round: two of them are less than a second
# One behind another of its subject is set free when that one is sent; this is for a subject whose
# first one is parked or fails, so that nobody stumbles over those behind it in every round
_BEHIND = timedelta(minutes=1)
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Claimed:
    """A row that is this relay's until its lease is over."""

    position: int
    id: str
    type: str
    center: str
    subject: str
    payload: bytes
    attempts: int
    replays: int
    until: datetime | None


@dataclass(frozen=True)
class _Candidate:
    center: str
    available_at: datetime
    position: int
    subject: str


class Relay:
    """Delivers the messages of one outbox through one transport."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        outbox: type[OutboxColumns],
        transport: Transport,
        packing: Packing,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._outbox = outbox
        self._transport = transport
        self._packing = packing
        self._clock = clock
        self._size = transport.batch
        self._last_center = ""  # the round after begins behind it
        self._closed = 0  # how often in a row the way was found closed
        self._closed_until: datetime | None = None
        # made once: building a statement costs more than running it on an empty outbox
        self._centers = centers_due(outbox)
        # SQLite has no LATERAL, and nowhere to go to
        self._one_by_one = database.engine.dialect.name == "sqlite"
        self._of_center = due_of_center(outbox) if self._one_by_one else due_of_centers(outbox)

    def run_once(self) -> int:
        """Deliver what is due; how many messages were taken up."""
        now = self._clock.now()
        if self._closed_until and now < self._closed_until:
            return 0
        began = stopwatch()
        claimed = self.claim(now)
        if claimed:
            self.write(list(zip(claimed, self._deliver(claimed), strict=True)))
            self._fit(len(claimed), stopwatch() - began)
        return len(claimed)

    def _fit(self, count: int, seconds: float) -> None:
        """Who comes during a round waits for its end: on a slow machine a round has less."""
        if seconds > _LONG_SECONDS:
            self._size = max(count // 2, 1)
        elif seconds < _LONG_SECONDS / 4:
            self._size = min(self._size * 2, self._transport.batch)

    # --- taking up

    def claim(self, now: datetime) -> Sequence[Claimed]:
        """Lease the next batch, for 10 seconds."""
        while True:
            with self._database.read() as db:
                centers = sorted(db.scalars(self._centers, {"now": now}))
            if not centers:
                return ()
            with self._database.begin() as db:
                candidates = self._candidates(db, centers, now)
                free = self._without_those_behind(db, candidates, now)
                claimed = self._lease(db, free, now)
            if claimed or not candidates:  # else all were behind others: further ones may be free
                return claimed

    def _candidates(
        self, db: Connection, centers: Sequence[str], now: datetime
    ) -> Sequence[_Candidate]:
        """The first due messages of each center in turn, as many as fit into a batch."""
        room = self._size
        after = next((i for i, c in enumerate(centers) if c > self._last_center), 0)
        turn = [*centers[after:], *centers[:after]][:room]
        share = room // len(turn)
        found = self._due(db, dict.fromkeys(turn), now, share)
        # who has little leaves room to who has much
        more = {center: rows[-1] for center, rows in found.items() if len(rows) == share}
        left = room - sum(map(len, found.values()))
        if more and left:
            count = max(left // len(more), 1)
            asked = dict(list(more.items())[: left // count])
            for center, rows in self._due(db, asked, now, count).items():
                found[center] += rows
        self._last_center = turn[-1]
        longest = max(map(len, found.values()))
        return [rows[n] for n in range(longest) for rows in found.values() if n < len(rows)]

    def _due(
        self,
        db: Connection,
        after: Mapping[str, _Candidate | None],
        now: datetime,
        count: int,
    ) -> dict[str, list[_Candidate]]:
        """The next ``count`` messages of each center, after the given one."""
        never = datetime.min.replace(tzinfo=now.tzinfo)
        asked = [
            {
                "center": center,
                "after_at": last.available_at if last else never,
                "after_position": last.position if last else 0,
            }
            for center, last in after.items()
        ]
        found: dict[str, list[_Candidate]] = {center: [] for center in after}
        for values in asked if self._one_by_one else [_columns(asked)]:
            values |= {"now": now, "count": count}
            for row in db.execute(self._of_center, values):
                found[row.center_code].append(_Candidate(*row))
        return found

    def _without_those_behind(
        self, db: Connection, candidates: Sequence[_Candidate], now: datetime
    ) -> list[int]:
        """The positions of those that are the first unsent one of their subject.

        The rows are locked, so whoever sends the one before sets them free after this.
        """
        if not candidates:
            return []
        outbox = self._outbox
        rows = db.execute(
            select(outbox.subject, func.min(outbox.position))
            .where(unsent(outbox), outbox.subject.in_({c.subject for c in candidates}))
            .group_by(outbox.subject)
        )
        first = {row[0]: row[1] for row in rows}
        free = [c.position for c in candidates if first.get(c.subject) == c.position]
        if len(free) < len(candidates):
            behind = {c.position for c in candidates} - set(free)
            db.execute(
                update(outbox).where(outbox.position.in_(behind)).values(available_at=now + _BEHIND)
            )
        return free

    def _lease(self, db: Connection, positions: Sequence[int], now: datetime) -> list[Claimed]:
        if not positions:
            return []
        outbox, until = self._outbox, now + _LEASE
        rows = db.execute(
            update(outbox)
            .where(outbox.position.in_(positions))
            .values(available_at=until, leased_until=until, attempts=outbox.attempts + 1)
            .returning(
                outbox.position,
                outbox.id,
                outbox.type,
                outbox.center_code,
                outbox.subject,
                outbox.payload,
                outbox.attempts,
                outbox.replays,
                outbox.leased_until,
            )
        )
        claimed = {row[0]: Claimed(*row) for row in rows}
        return [claimed[position] for position in positions]

    # --- delivering

    def _deliver(self, claimed: Sequence[Claimed]) -> Sequence[Outcome]:
        """One outcome for each: a message that cannot be packed is not given to the transport."""
        outcomes: dict[int, Outcome] = {}
        parcels: dict[int, Parcel] = {}
        for each in claimed:
            try:
                parcels[each.position] = self._pack(each)
            except Exception as error:  # a broken envelope, a key that is not there
                outcomes[each.position] = outcome_of(error)
        if parcels:
            try:
                done = self._transport.deliver(list(parcels.values()))
            except Exception as error:  # a transport says what happened; this one broke
                log.error("handoff.transport", outbox=self._name, exc_info=error)
                done = [Outcome(Fate.RETURNED, reason_of(error))] * len(parcels)
            outcomes.update(zip(parcels, done, strict=True))
        return [outcomes[each.position] for each in claimed]

    def _pack(self, claimed: Claimed) -> Parcel:
        # written and sealed here: the reader that trusts nobody would take twice as long
        message = message_of(decode(self._vault.open_bytes(place(self._outbox), claimed.payload)))
        if (message.id, message.center) != (claimed.id, claimed.center):
            raise BadMessage("the envelope is of another message")
        return Parcel(
            claimed.id,
            claimed.type,
            claimed.center,
            claimed.subject,
            self._packing.pack(message),
            claimed.replays,
        )

    # --- writing down

    def write(self, results: Sequence[tuple[Claimed, Outcome]]) -> None:
        """Write what became of a batch, in one transaction.

        Only where the lease is still this relay's: one that was too slow says nothing any more.
        """
        now = self._clock.now()
        kept = [claimed for claimed, outcome in results if outcome.fate is Fate.KEPT]
        with self._database.begin() as db:
            self._write_sent(db, kept, now)
            for reason, returned in _returned(results).items():
                self._write_returned(db, returned, reason)
            for claimed, outcome in results:
                if outcome.fate in {Fate.LATER, Fate.NEVER}:
                    self._write_failed(db, claimed, outcome, now)
        for claimed, outcome in results:
            self._tell(claimed, outcome)
        closed = [o for _, o in results if o.fate is Fate.RETURNED and o.reason]
        self._pause(closed[0].reason if closed else "", now)

    def _write_sent(self, db: Connection, kept: Sequence[Claimed], now: datetime) -> None:
        if not kept:
            return
        outbox = self._outbox
        db.execute(
            update(outbox)
            .where(self._mine(kept))
            .values(state="sent", sent_at=now, leased_until=None, last_error="")
        )
        db.execute(
            update(outbox)
            .where(
                waiting(outbox),
                unsent(outbox),  # SQLite sees by this that the index of subjects serves
                outbox.subject.in_({each.subject for each in kept}),
                outbox.available_at > now,
                outbox.leased_until.is_(None),
            )
            .values(available_at=now)
        )

    def _write_returned(self, db: Connection, returned: Sequence[Claimed], reason: str) -> None:
        """They have not failed: they go back to their places."""
        outbox = self._outbox
        values: dict[str, object] = {
            "leased_until": None,
            "available_at": outbox.created_at,
            "attempts": outbox.attempts - 1,
        }
        if reason:
            values["last_error"] = reason[:_LONGEST_REASON]
        db.execute(update(outbox).where(self._mine(returned)).values(**values))

    def _write_failed(
        self, db: Connection, claimed: Claimed, outcome: Outcome, now: datetime
    ) -> None:
        values: dict[str, object] = {
            "leased_until": None,
            "last_error": outcome.reason[:_LONGEST_REASON],
        }
        if outcome.fate is Fate.NEVER:
            values["state"] = "parked"
        else:
            values["available_at"] = now + timedelta(seconds=jitter(_seconds(claimed.attempts)))
        db.execute(update(self._outbox).where(self._mine([claimed])).values(**values))

    def _mine(self, claimed: Sequence[Claimed]) -> ColumnElement[bool]:
        outbox = self._outbox
        return (
            outbox.position.in_([each.position for each in claimed])
            & (outbox.state == "waiting")
            & (outbox.leased_until == claimed[0].until)
        )

    def _tell(self, claimed: Claimed, outcome: Outcome) -> None:
        about = {"outbox": self._name, "type": claimed.type, "request": claimed.subject}
        reason = outcome.reason[:80]
        if outcome.fate is Fate.KEPT:
            log.info("handoff.sent", **about)
        elif outcome.fate is Fate.NEVER:
            log.error("handoff.parked", **about, reason=reason)
        elif outcome.fate is Fate.LATER:
            log.warning(
                "handoff.retry",
                **about,
                attempts=claimed.attempts,
                reason=reason,
                exc_info=outcome.error,
            )

    def _pause(self, reason: str, now: datetime) -> None:
        """A closed way is noticed once, and looked at again later each time."""
        if not reason:
            if self._closed:
                log.info("handoff.open", outbox=self._name, attempts=self._closed)
            self._closed, self._closed_until = 0, None
            return
        if not self._closed:
            log.warning("handoff.closed", outbox=self._name, reason=reason[:80])
        seconds = min(_FIRST_PAUSE_SECONDS * 2 ** min(self._closed, 12), _LONGEST_PAUSE_SECONDS)
        self._closed += 1
        self._closed_until = now + timedelta(seconds=jitter(seconds))

    @property
    def _name(self) -> str:
        return str(self._outbox.__tablename__)  # type: ignore[attr-defined]


def _returned(results: Sequence[tuple[Claimed, Outcome]]) -> dict[str, list[Claimed]]:
    """Those that were not tried, by the reason."""
    found: dict[str, list[Claimed]] = {}
    for claimed, outcome in results:
        if outcome.fate is Fate.RETURNED:
            found.setdefault(outcome.reason, []).append(claimed)
    return found


def _seconds(attempts: int) -> float:
    return min(_FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 12), _LONGEST_RETRY_SECONDS)


def centers_due(outbox: type[OutboxColumns]) -> Select[str]:
    """Centers that have something due: one step in the index for each that waits."""
    now = bindparam("now", type_=UtcDateTime)
    lowest = select(func.min(outbox.center_code).label("code")).where(waiting(outbox))
    centers = lowest.cte("centers", recursive=True)
    following = (
        select(func.min(outbox.center_code))
        .where(waiting(outbox), outbox.center_code > centers.c.code)
        .scalar_subquery()
    )
    centers = centers.union_all(select(following).where(centers.c.code.is_not(None)))
    return select(centers.c.code).where(
        centers.c.code.is_not(None),
        select(outbox.position)
        .where(
            waiting(outbox),
            outbox.center_code == centers.c.code,
            outbox.available_at <= now,
        )
        .exists(),
    )


def due_of_center(outbox: type[OutboxColumns]) -> Select[str, datetime, int, str]:
    """The next messages of one center whose time has come, after the given one."""
    return _due(
        outbox,
        bindparam("center"),
        bindparam("after_at", type_=UtcDateTime),
        bindparam("after_position", type_=BigInteger),
    )


def due_of_centers(outbox: type[OutboxColumns]) -> Select[Any]:
    """The same of many centers in one statement, and locked: others pass over these rows."""
    asked = func.unnest(
        bindparam("center", type_=ARRAY(String)),
        bindparam("after_at", type_=ARRAY(UtcDateTime)),
        bindparam("after_position", type_=ARRAY(BigInteger)),
    ).table_valued(
        column("center", String), column("at", UtcDateTime), column("position", BigInteger)
    )
    asked = asked.render_derived("asked")
    each = _due(outbox, asked.c.center, asked.c.at, asked.c.position)
    found = each.with_for_update(skip_locked=True, of=outbox).lateral("found")
    return select(found).select_from(asked.join(found, true()))


def _due(
    outbox: type[OutboxColumns],
    center: ColumnElement[str],
    after_at: ColumnElement[datetime],
    after_position: ColumnElement[int],
) -> Select[str, datetime, int, str]:
    return (
        select(outbox.center_code, outbox.available_at, outbox.position, outbox.subject)
        .where(
            waiting(outbox),
            outbox.center_code == center,
            outbox.available_at <= bindparam("now", type_=UtcDateTime),
            tuple_(outbox.available_at, outbox.position) > tuple_(after_at, after_position),
        )
        .order_by(outbox.available_at, outbox.position)
        .limit(bindparam("count"))
    )


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Rows turned into arrays, one for each name."""
    return {name: [row[name] for row in rows] for name in rows[0]}
