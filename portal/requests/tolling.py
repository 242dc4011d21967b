"""What an outage took is given back: the citizen's time by itself, legal periods when confirmed.

- **Windows** (``waits_until``: to pay, to complete, to meet conditions; ``grievance_until``: to
  challenge a refusal) grow by the time that the outage took of them, to the end of that day in
  Cairo, and end a whole day after it at the earliest. An outage of the portal touches all of them,
  one of the provider those in which something is to be paid, one of a center those in which the
  citizen does what this center has asked for.
- **Legal periods** (``due_on``) grow by a day for each working day on which the outage took an hour
  or more of the counters' hours [G], and only when a person of the governorate answers for it:
  the law's periods bind the administration, and no machine may stretch them by itself. An outage
  of the portal touches all centers, for their inbox stands in it; one of a center its own.

Nothing is ever shortened, and each request is moved once for each outage. One that cannot be moved
holds up no other: it is left behind, tried again in every round, and not closed until then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, insert, or_, select

from portal.catalogue.deadlines import Calendar, counters, due_on
from portal.clock import Clock, cairo_day, end_of_day, public_id
from portal.db import Database, insert_missing
from portal.holidays.register import calendar as holiday_calendar
from portal.loops import one_by_one
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.observability import log
from portal.outages import register
from portal.outages.model import PERIOD, WINDOW, OutageMove
from portal.outages.register import Ended, Scope
from portal.places.model import Places
from portal.requests import lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import (
    FINAL,
    TABLE,
    Act,
    Actor,
    ClockEffect,
    Event,
    State,
    WrongState,
)
from portal.requests.model import ServiceRequest
from portal.requests.owing import PAYABLE
from portal.requests.reading import FiledRequest, PastAct
from portal.vault import SealBroken, Vault

# what the center has asked for: who has a question about it asks there
_ASKED_BY_CENTER = (State.NEEDS_COMPLETION, State.ACCEPTED_PRELIM)
_WAITING = (*PAYABLE, *_ASKED_BY_CENTER)
_REFUSED = TABLE[Event.FILE_GRIEVANCE].sources
_AFTER = timedelta(days=1)
_COUNTS = timedelta(hours=1)
_PAGE = 200


_Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True)
class Touched:
    """What an outage of a center would move: legal periods, by so many working days."""

    requests: int
    days: int


class Toller:
    """Moves what outages touched."""

    def __init__(
        self, database: Database, vault: Vault, hand_off: HandOff, places: Places, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._hand_off = hand_off
        self._places = places
        self._clock = clock

    def run_once(self) -> int:
        """Move what ended outages touched; how many requests were moved."""
        with self._database.read() as db:
            outages = register.to_move(db)
            left_behind = register.failures(db)
        done = sum(self._move(outage) for outage in outages)
        return done + one_by_one("toll", left_behind, lambda each: self._once(*each), (WrongState,))

    def _move(self, outage: Ended) -> int:
        done = 0
        if outage.windows:
            done += self._each(outage, WINDOW, self._windows(outage))
        if outage.periods:
            periods = self._periods(outage.place, outage.began_at, outage.ended_at)
            touched = periods if outage.scope is not Scope.PROVIDER else None
            done += self._each(outage, PERIOD, touched)
        return done

    def touched(
        self, db: Connection, place: str, began_at: datetime, ended_at: datetime | None
    ) -> Touched:
        """What an outage of ``place`` would move; one under way as if it ended now."""
        ended = ended_at or self._clock.now()
        conditions = self._periods(place, began_at, ended)
        count = db.scalar(select(func.count()).select_from(ServiceRequest).where(*conditions))
        governorate = self._places.centers[centers_at(self._places, place)[0]].governorate
        first, last = cairo_day(began_at), cairo_day(ended)
        days = days_lost(began_at, ended, first, last, holiday_calendar(db, governorate))
        return Touched(count or 0, len(days))

    def _each(self, outage: Ended, kind: str, touched: _Conditions | None) -> int:
        """Move all that is ``touched``, and note that it is done."""

        def moved(number: str) -> bool:
            try:
                return self._once(outage, kind, number)
            except Exception:
                with self._database.begin() as db:
                    register.failed(db, outage.id, kind, number, self._clock.now())
                raise

        done = 0
        if touched is not None:
            before = exists().where(
                OutageMove.outage_id == outage.id,
                OutageMove.request_number == ServiceRequest.number,
                OutageMove.kind == kind,
            )
            left = select(ServiceRequest.id, ServiceRequest.number).where(*touched, ~before)
            done = one_by_one("toll", self._pages(left), moved, (WrongState,))
        with self._database.begin() as db:
            register.moved(db, outage.id, kind, self._clock.now())
        return done

    def _once(self, outage: Ended, kind: str, number: str) -> bool:
        """Move one request, if that outage has not moved it yet."""
        move = self._longer_window if kind == WINDOW else self._longer_period
        held = select(ServiceRequest.id).where(ServiceRequest.number == number)
        with self._database.begin() as db:
            # first its row: whoever completes, pays or decides at this moment comes before or after
            db.execute(held.with_for_update(key_share=True))
            request = reading.by_number(db, number)
            register.forget_failure(db, outage.id, kind, number)
            once = insert(OutageMove).values(
                outage_id=outage.id,
                request_number=number,
                kind=kind,
                moved_at=self._clock.now(),
            )
            return insert_missing(db, once) is not None and move(db, outage, request)

    def _pages(self, query: Select[int, str]) -> Iterator[str]:
        last = 0
        while True:
            following = query.where(ServiceRequest.id > last).order_by(ServiceRequest.id)
            with self._database.read() as db:
                page = db.execute(following.limit(_PAGE)).all()
            yield from (row.number for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def _windows(self, outage: Ended) -> _Conditions:
        open_still = ServiceRequest.waits_until > outage.began_at
        match outage.scope:
            case Scope.PROVIDER:
                return ServiceRequest.state.in_(PAYABLE), open_still
            case Scope.CENTER:
                at = ServiceRequest.center_code.in_(centers_at(self._places, outage.place))
                return ServiceRequest.state.in_(_ASKED_BY_CENTER), open_still, at
            case Scope.PORTAL:
                waiting = ServiceRequest.state.in_(_WAITING) & open_still
                refused = ServiceRequest.state.in_(_REFUSED) & (
                    ServiceRequest.grievance_until >= cairo_day(outage.began_at)
                )
                return (or_(waiting, refused),)

    def _periods(self, place: str, began_at: datetime, ended_at: datetime) -> _Conditions:
        return (
            ServiceRequest.due_on >= cairo_day(began_at),
            ServiceRequest.clock_from <= cairo_day(ended_at),
            ServiceRequest.decided_at.is_(None),
            ServiceRequest.state.not_in(FINAL),
            *([ServiceRequest.center_code.in_(centers_at(self._places, place))] if place else []),
        )

    def _longer_window(self, db: Connection, outage: Ended, request: FiledRequest) -> bool:
        refused, ends = request.state in _REFUSED, request.waits_until
        if refused and request.grievance_until is not None:
            ends = end_of_day(request.grievance_until)
        if ends is None:
            return False
        began = max(outage.began_at, reading.waits_since(db, request))
        last = longer_window(ends, began, outage.ended_at)
        if last is None:
            return False
        values: dict[str, Any] = {"waits_until": end_of_day(last)}
        data, kind = {"until": last.isoformat()}, compose.WINDOW_LONGER
        if refused:  # a period of the law, which ends on no day off
            last = self._calendar(db, request).next_working(last)
            values = {"grievance_until": last}
            data, kind = {"grievance_until": last.isoformat()}, compose.GRIEVANCE_LONGER
        self._advance(db, request, self._said(outage, **data), values)
        try:
            to = Recipient(reading.mobile(db, self._vault, request.id), request.locale)
        except SealBroken:  # one telephone that is lost must not hold up everybody's closings
            log.error("toll.untold", request=request.number)
            return True
        params = {"number": request.number, "until": last.isoformat()}
        notifications.put(db, self._vault, to, kind, params, self._clock.now())
        return True

    def _longer_period(self, db: Connection, outage: Ended, request: FiledRequest) -> bool:
        first, last, calendar = request.clock_from, request.due_on, self._calendar(db, request)
        history = reading.history(db, self._vault, request.id)
        lost = to_give_back(request, history, outage.began_at, outage.ended_at, calendar)
        if first is None or last is None or not lost:
            return False
        if request.decided_at is not None or request.state in FINAL:
            return False
        paused = request.paused_days + len(lost)
        period = lifecycle.period_from_json(request.period)
        due = max(last, due_on(first, period, calendar, paused))
        listed = [day.isoformat() for day in sorted(lost)]
        data = self._said(outage, days=len(lost), lost=listed, due_on=due.isoformat())
        self._advance(db, request, data, {"paused_days": paused, "due_on": due})
        moved = reading.by_id(db, request.id)
        self._hand_off.rescheduled(db, moved, public_id(), self._clock.now())
        return True

    def _advance(
        self, db: Connection, request: FiledRequest, data: dict[str, Any], values: dict[str, Any]
    ) -> None:
        act = Act(Event.TOLL, Actor.SYSTEM, self._clock.now(), data=data, values=values)
        lifecycle.advance(db, self._vault, request.id, act, self._calendar(db, request))

    def _calendar(self, db: Connection, request: FiledRequest) -> Calendar:
        return holiday_calendar(db, self._places.centers[request.center_code].governorate)

    @staticmethod
    def _said(outage: Ended, **more: Any) -> dict[str, Any]:
        """What the timeline tells: what was out, when, why, and what it moved."""
        return {
            "outage": outage.id,
            "scope": str(outage.scope),
            "from": outage.began_at.isoformat(),
            "to": outage.ended_at.isoformat(),
            "reason": outage.reason,
            **more,
        }


def centers_at(places: Places, place: str) -> tuple[str, ...]:
    """The centers that an outage at ``place`` touches: one, or all of a governorate."""
    if place in places.governorates:
        return tuple(center.code for center in places.centers_of(place))
    return (place,)


def longer_window(until: datetime, began_at: datetime, ended_at: datetime) -> date | None:
    """The new last day of a window to ``until``; None when the outage took nothing of it."""
    taken = min(until, ended_at) - began_at
    if taken <= timedelta():
        return None
    return cairo_day(max(until + taken, ended_at + _AFTER))


def days_lost(
    began_at: datetime, ended_at: datetime, first: date, last: date, calendar: Calendar
) -> set[date]:
    """Working days of a period that the outage took from the counters.

    The period is from ``first`` to ``last``.
    """
    day, lost = max(first, cairo_day(began_at)), set[date]()
    while day <= min(last, cairo_day(ended_at)):
        opens, closes = counters(day)
        taken = min(closes, ended_at) - max(opens, began_at)
        if calendar.is_working(day) and taken >= _COUNTS:
            lost.add(day)
        day += timedelta(days=1)
    return lost


def to_give_back(
    request: FiledRequest,
    history: Sequence[PastAct],
    began_at: datetime,
    ended_at: datetime,
    calendar: Calendar,
) -> set[date]:
    """Working days by which the outage makes the legal period of a request longer."""
    if request.clock_from is None or request.due_on is None:
        return set()
    lost = days_lost(began_at, ended_at, request.clock_from, request.due_on, calendar)
    return lost - given_back(history) - stood_still(history, request, cairo_day(ended_at))


def given_back(history: Sequence[PastAct]) -> set[date]:
    """Days that another outage took as well: each is given back once."""
    told = (act.data.get("lost", ()) for act in history if act.event == Event.TOLL)
    return {date.fromisoformat(day) for days in told for day in days}


def stood_still(history: Sequence[PastAct], request: FiledRequest, until: date) -> set[date]:
    """Days to ``until`` on which the clock stood still anyway: they are given back as a pause."""
    if request.period["from_filing"]:
        return set()
    still, since = set[date](), None
    for act in history:
        effect = TABLE[Event(act.event)].clock
        if effect is ClockEffect.PAUSE:
            since = cairo_day(act.at)
        elif since is not None and effect is not ClockEffect.NONE:
            still |= _days(since, cairo_day(act.at))
            since = None
    return still | _days(since, until + timedelta(days=1)) if since is not None else still


def _days(first: date, end: date) -> set[date]:
    """From ``first`` to the day before ``end``, as a pause is counted."""
    return {first + timedelta(days=n) for n in range((end - first).days)}
