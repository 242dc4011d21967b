"""Silence: the legal period has passed without a decision, and the law says what that means.

No machine invents a legal effect. It is applied only where the law itself sets both the period and
what its lapse means (both marked L, neither in doubt), where the answers are none for which it
means nothing, and after the event that it depends on. Who was asked for papers or fees is not
refused by silence. Everything else stays open and overdue.

Nobody is decided on by silence while a decision may be under way: not while an event of the center
waits, and not while an outage is under way, or confirmed and not worked off, that makes the period
longer.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection

from portal.catalogue.deadlines import Calendar, due_on
from portal.catalogue.model import Catalogue, Mark, Service, Silence, SilenceRule
from portal.clock import Clock, cairo_day, cairo_time, public_id
from portal.db import Database
from portal.handoff import inward
from portal.holidays.register import calendar as holiday_calendar
from portal.loops import one_by_one
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.outages import register
from portal.places.model import Places
from portal.requests import lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import TABLE, Act, Actor, Event, State, WrongState
from portal.requests.reading import FiledRequest, Opened
from portal.requests.tolling import to_give_back
from portal.vault import Vault

# What was decided on the last day, late, is still on its way
BEGINS_AT = time(0, 30)
# After an acceptance in principle another period runs, of which no rule of silence speaks
LAPSES_IN = TABLE[Event.LAPSE_SILENCE].sources - {State.ACCEPTED_PRELIM}
# Who has been asked for papers or for fees was answered: that is no silence to be refused by
_ANSWERED = frozenset({Event.REQUEST_COMPLETION, Event.ASSESS_FEES})
_TARGETS = {
    Silence.DEEMED_APPROVED: State.DEEMED_APPROVED,
    Silence.DEEMED_ACCEPTED_PRELIM: State.ACCEPTED_PRELIM,
    Silence.DEEMED_REFUSED: State.DEEMED_REFUSED,
}
_MESSAGES = {
    State.DEEMED_APPROVED: compose.DEEMED_APPROVED,
    State.ACCEPTED_PRELIM: compose.DEEMED_ACCEPTED,
    State.DEEMED_REFUSED: compose.DEEMED_REFUSED,
}


def is_law(rule: SilenceRule) -> bool:
    """Whether the law says what silence means, beyond doubt."""
    return rule.effect in _TARGETS and rule.mark is Mark.LAW and not rule.uncertain


def outcome(
    rule: SilenceRule, period: Mapping[str, Any], values: dict[str, Any], events: Collection[str]
) -> State | None:
    """Where silence leads a request whose period has passed; None where it leads nowhere.

    ``period`` and ``values`` are those of the request, ``events`` what has happened to it.
    """
    if not is_law(rule) or period["mark"] != Mark.LAW:
        return None
    if rule.unless is not None and rule.unless.holds(values):
        return None
    if rule.after and rule.after not in events:
        return None
    if rule.effect is Silence.DEEMED_REFUSED and _ANSWERED & set(events):
        return None
    return _TARGETS[rule.effect]


class Lapser:
    """Applies the rules of silence, by night."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        catalogue: Catalogue,
        hand_off: HandOff,
        places: Places,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._catalogue = catalogue
        self._hand_off = hand_off
        self._places = places
        self._clock = clock

    def run_once(self) -> int:
        """Apply what silence means to every request whose period has passed; how many."""
        now = self._clock.now()
        if cairo_time(now).time() < BEGINS_AT:
            return 0
        services = [s.code for s in self._catalogue.services.values() if is_law(s.silence)]
        over = reading.overdue(self._database, LAPSES_IN, services, cairo_day(now))
        # a wrong state: the center decided in this very moment
        return one_by_one("silence", over, lambda each: self._lapse(each, now), (WrongState,))

    def _lapse(self, number: str, now: datetime) -> bool:
        with self._database.begin() as db:
            opened = reading.held(db, self._vault, number)
            request = opened.request
            service = self._catalogue.services[request.service_code]
            target = self._target(db, opened, service, cairo_day(now))
            if target is None or inward.waits(db, number) or self._grows(db, request, now):
                return False
            if register.left_behind(db, number):
                return False
            data = {"effect": str(service.silence.effect), "due_on": str(request.due_on)}
            until = self._grievance_until(db, request, service, now)
            values: dict[str, Any] = {}
            if target is not State.ACCEPTED_PRELIM:
                values = {"decided_at": now, "waits_until": None}
            if target is State.DEEMED_REFUSED:
                values["grievance_until"] = until
            act = Act(Event.LAPSE_SILENCE, Actor.SYSTEM, now, target, data=data, values=values)
            moved = lifecycle.move(db, self._vault, request, act, self._calendar(db, request))
            self._hand_off.lapsed(db, replace(request, **moved), public_id(), now)
            to = Recipient(opened.mobile, request.locale)
            params = {"number": number, "until": until.isoformat() if until else ""}
            notifications.put(db, self._vault, to, _MESSAGES[target], params, now)
        return True

    def _target(
        self, db: Connection, opened: Opened, service: Service, today: date
    ) -> State | None:
        """Where silence leads the request, whose row is held."""
        request = opened.request
        runs = request.decided_at is None and request.paused_on is None
        if not runs or request.state not in LAPSES_IN:
            return None
        if request.due_on is None or request.due_on >= today:
            return None
        events = {act.event for act in reading.history(db, self._vault, request.id)}
        return outcome(service.silence, request.period, opened.answers["values"], events)

    def _grows(self, db: Connection, request: FiledRequest, now: datetime) -> bool:
        """Whether an outage still has to make the period longer."""
        center = self._places.centers[request.center_code]
        outages = register.periods_to_move(db, [center.code, center.governorate])
        history = reading.history(db, self._vault, request.id) if outages else ()
        calendar = self._calendar(db, request)
        return any(
            to_give_back(request, history, began, ended or now, calendar)
            for began, ended in outages
        )

    def _grievance_until(
        self, db: Connection, request: FiledRequest, service: Service, now: datetime
    ) -> date | None:
        """The last day to challenge a refusal by silence: it counts from the day of the lapse."""
        if service.grievance is None:
            return None
        return due_on(cairo_day(now), service.grievance.period, self._calendar(db, request))

    def _calendar(self, db: Connection, request: FiledRequest) -> Calendar:
        center = self._places.centers[request.center_code]
        return holiday_calendar(db, center.governorate)
