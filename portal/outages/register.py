"""The register of outages: noticed, entered, ended, confirmed, withdrawn."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from portal.db import insert_missing
from portal.outages.model import Outage, OutageFailure
from portal.problems import Conflict, Missing


class Scope(StrEnum):
    """What was out."""

    PORTAL = "portal"
    PROVIDER = "provider"
    CENTER = "center"


@dataclass(frozen=True)
class Ended:
    """An outage that is over and has something to move: citizens' windows, legal periods or both.

    Windows move by themselves; periods only when a person answers for the outage.
    """

    id: int
    scope: Scope
    place: str
    began_at: datetime
    ended_at: datetime
    reason: str
    windows: bool
    periods: bool


@dataclass(frozen=True)
class Recorded:
    """An outage as the register has it."""

    id: int
    scope: Scope
    place: str
    began_at: datetime
    ended_at: datetime | None
    source: str
    reason: str
    entered_by: str
    confirmed_by: str | None
    windows_moved_at: datetime | None
    periods_moved_at: datetime | None
    withdrawn_at: datetime | None

    @property
    def noticed(self) -> bool:
        """By itself, and nobody answers for it yet."""
        return self.source == NOTICED and self.confirmed_by is None

    @property
    def moved(self) -> bool:
        return bool(self.windows_moved_at or self.periods_moved_at)


NOTICED, ENTERED = "health", "entered"
"""Where an outage is known from: it was noticed by itself, or a person entered it."""
_COLUMNS = tuple(getattr(Outage, name) for name in Recorded.__dataclass_fields__)
_LONGEST_LIST = 200
_TO_MOVE = (
    Outage.windows_moved_at.is_(None),
    Outage.periods_moved_at.is_(None) & Outage.confirmed_at.is_not(None),
)
_ENDED = (
    Outage.id,
    Outage.scope,
    Outage.place,
    Outage.began_at,
    Outage.ended_at,
    Outage.reason,
    _TO_MOVE[0].label("windows"),
    _TO_MOVE[1].label("periods"),
)


def record(
    db: Connection, scope: Scope, began_at: datetime, ended_at: datetime, at: datetime
) -> None:
    """What was noticed by itself, when it is over."""
    db.execute(
        insert(Outage).values(
            scope=scope, began_at=began_at, ended_at=ended_at, source=NOTICED, recorded_at=at
        )
    )


def notice(db: Connection, center: str, began_at: datetime, at: datetime) -> bool:
    """A center is silent; whether that is news."""
    new = insert(Outage).values(
        scope=Scope.CENTER, place=center, began_at=began_at, source=NOTICED, recorded_at=at
    )
    return insert_missing(db, new) is not None


def noticed_under_way(db: Connection) -> dict[str, tuple[int, datetime]]:
    """The silent centers: which outage, and since when."""
    rows = db.execute(
        select(Outage.place, Outage.id, Outage.began_at).where(
            Outage.scope == Scope.CENTER,
            Outage.source == NOTICED,
            Outage.ended_at.is_(None),
            Outage.withdrawn_at.is_(None),
        )
    )
    return {row.place: (row.id, row.began_at) for row in rows}


def is_under_way(db: Connection, places: Collection[str]) -> bool:
    """Whether one of ``places`` is out by what is recorded, whoever recorded it."""
    query = select(Outage.id).where(
        Outage.place.in_(places), Outage.ended_at.is_(None), Outage.withdrawn_at.is_(None)
    )
    return db.scalar(query.limit(1)) is not None


def closed_at(db: Connection, places: Collection[str]) -> datetime | None:
    """When an outage at one of ``places`` was last ended, or withdrawn."""
    ended, withdrawn = db.execute(
        select(func.max(Outage.ended_at), func.max(Outage.withdrawn_at)).where(
            Outage.place.in_(places)
        )
    ).one()
    return max((at for at in (ended, withdrawn) if at is not None), default=None)


def enter(
    db: Connection,
    scope: Scope,
    place: str,
    began_at: datetime,
    ended_at: datetime | None,
    reason: str,
    by: str,
    at: datetime,
) -> None:
    """What a person enters and answers for; raises :class:`Conflict` when the same is under way,
    or was entered for a time that overlaps."""
    end = ended_at or at
    known = select(Outage.id).where(
        Outage.scope == scope,
        Outage.place == place,
        Outage.withdrawn_at.is_(None),
        Outage.began_at < end,
        or_(Outage.ended_at.is_(None), Outage.ended_at > began_at),
    )
    if db.scalar(known) is not None:
        raise Conflict("an outage of that time is recorded already")
    db.execute(
        insert(Outage).values(
            scope=scope,
            place=place,
            began_at=began_at,
            ended_at=ended_at,
            source=ENTERED,
            reason=reason,
            entered_by=by,
            recorded_at=at,
            confirmed_by=by,  # a person's is confirmed by being entered
            confirmed_at=at,
        )
    )


def end(db: Connection, outage_id: int, at: datetime) -> None:
    """It is over; raises :class:`Conflict` when it was."""
    _change(db, outage_id, Outage.ended_at.is_(None), ended_at=at)


def confirm(db: Connection, outage_id: int, by: str, reason: str, at: datetime) -> None:
    """A person answers for what was noticed by itself; raises :class:`Conflict` when one does."""
    _change(
        db,
        outage_id,
        Outage.confirmed_at.is_(None),
        confirmed_at=at,
        confirmed_by=by,
        reason=reason,
    )


def withdraw(db: Connection, outage_id: int, by: str, at: datetime) -> None:
    """It was none. What it moved stays: nobody's time is ever shortened."""
    _change(db, outage_id, None, withdrawn_at=at, withdrawn_by=by)


def _change(
    db: Connection, outage_id: int, condition: ColumnElement[bool] | None, **values: object
) -> None:
    conditions = [Outage.id == outage_id, Outage.withdrawn_at.is_(None)]
    if condition is not None:
        conditions.append(condition)
    if not db.execute(update(Outage).where(*conditions).values(**values)).rowcount:
        raise Conflict("the outage is no longer so")


def one(db: Connection, outage_id: int) -> Recorded:
    """Raises :class:`Missing`."""
    row = db.execute(select(*_COLUMNS).where(Outage.id == outage_id)).one_or_none()
    if row is None:
        raise Missing("outage")
    return _recorded(row)


def newest(db: Connection, places: Collection[str] | None) -> Sequence[Recorded]:
    """The newest, those of ``places`` and of everybody; None is every place."""
    query = select(*_COLUMNS).order_by(Outage.began_at.desc()).limit(_LONGEST_LIST)
    if places is not None:
        query = query.where(Outage.place.in_(["", *places]))
    return [_recorded(row) for row in db.execute(query)]


def to_move(db: Connection) -> Sequence[Ended]:
    """Those that are over and have not moved yet what they touched."""
    rows = db.execute(
        select(*_ENDED)
        .where(Outage.ended_at.is_not(None), Outage.withdrawn_at.is_(None), or_(*_TO_MOVE))
        .order_by(Outage.id)
    )
    return [_ended(row) for row in rows]


def periods_to_move(
    db: Connection, places: Collection[str]
) -> Sequence[tuple[datetime, datetime | None]]:
    """From when to when, or until now, the confirmed outages at these places were that have not
    moved every legal period yet."""
    rows = db.execute(
        select(Outage.began_at, Outage.ended_at).where(
            Outage.withdrawn_at.is_(None),
            Outage.scope != Scope.PROVIDER,
            Outage.place.in_(["", *places]),
            Outage.confirmed_at.is_not(None),
            Outage.periods_moved_at.is_(None),
        )
    )
    return [(row.began_at, row.ended_at) for row in rows]


def holds_up(db: Connection, scopes: Collection[Scope]) -> bool:
    """Whether one of ``scopes`` is out, or was and has not moved yet the time that it touched.

    As long as that is so, such time may not be ended.
    """
    query = select(Outage.id).where(
        Outage.withdrawn_at.is_(None),
        Outage.scope.in_(scopes),
        or_(Outage.ended_at.is_(None), Outage.windows_moved_at.is_(None)),
    )
    return db.scalar(query.limit(1)) is not None


def holds_up_at(db: Connection, places: Collection[str]) -> bool:
    """The same of a center: by itself, or with all of its governorate."""
    query = select(Outage.id).where(
        Outage.withdrawn_at.is_(None),
        Outage.place.in_(places),
        or_(Outage.ended_at.is_(None), Outage.windows_moved_at.is_(None)),
    )
    return db.scalar(query.limit(1)) is not None


def moved(db: Connection, outage_id: int, kind: str, at: datetime) -> None:
    """Note that every ``window``, or every ``period``, that it touched was moved."""
    db.execute(update(Outage).where(Outage.id == outage_id).values({f"{kind}s_moved_at": at}))


def failed(db: Connection, outage_id: int, kind: str, number: str, at: datetime) -> None:
    """Note that a request which it touched could not be moved."""
    row = {"outage_id": outage_id, "kind": kind, "request_number": number, "failed_at": at}
    insert_missing(db, insert(OutageFailure).values(**row))


def forget_failure(db: Connection, outage_id: int, kind: str, number: str) -> None:
    db.execute(
        delete(OutageFailure).where(
            OutageFailure.request_number == number,
            OutageFailure.outage_id == outage_id,
            OutageFailure.kind == kind,
        )
    )


def failures(db: Connection) -> Sequence[tuple[Ended, str, str]]:
    """What is to be tried again: the outage, the kind of move, and the request's number."""
    rows = db.execute(
        select(*_ENDED, OutageFailure.kind, OutageFailure.request_number)
        .join(OutageFailure, OutageFailure.outage_id == Outage.id)
        .where(Outage.withdrawn_at.is_(None))
        .order_by(OutageFailure.failed_at)
    ).all()
    return [(_ended(row), row.kind, row.request_number) for row in rows]


def left_behind(db: Connection, number: str) -> bool:
    """Whether an outage has yet to give back to a request what it took: nothing of it is closed."""
    known = (
        select(OutageFailure.outage_id)
        .join(Outage, Outage.id == OutageFailure.outage_id)
        .where(OutageFailure.request_number == number, Outage.withdrawn_at.is_(None))
    )
    return db.scalar(known.limit(1)) is not None


def _ended(row: Any) -> Ended:
    values = {name: getattr(row, name) for name in Ended.__dataclass_fields__}
    return Ended(**values | {"scope": Scope(row.scope)})


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(**row._asdict() | {"scope": Scope(row.scope)})
