"""Shops: the citizen says that the conditions of the acceptance in principle are met."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from portal.catalogue.model import Mark, Period, Stage, Unit
from portal.clock import public_id
from portal.holidays.register import calendar as holiday_calendar
from portal.places.model import Places
from portal.requests import completing, lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import Act, Actor, Event, State
from portal.requests.reading import FiledRequest, PastAct
from portal.vault import Vault

# Law 154/2019: the licence is issued within a month of the notice
LICENCE_PERIOD = Period(1, Unit.MONTHS, Mark.LAW)


def is_awaited(request: FiledRequest, past: Sequence[PastAct]) -> bool:
    """Whether the next step is this notice: the inspection fee is settled, and none was given."""
    if request.state is not State.ACCEPTED_PRELIM:
        return False  # in this state nothing that was assessed is unpaid
    inspected = any(
        act.event == Event.ASSESS_FEES and act.data.get("stage") == Stage.AFTER_PRELIM
        for act in past
    )
    return inspected and not any(act.event == Event.READY_NOTICE for act in past)


def give_notice(
    db: Connection,
    vault: Vault,
    hand_off: HandOff,
    places: Places,
    request: FiledRequest,
    at: datetime,
) -> bool:
    """Tell the center, once: the period of the licence runs from now. False when it is not awaited
    (any more)."""
    completing.hold(db, request)
    current = reading.by_id(db, request.id)
    if not is_awaited(current, reading.history(db, vault, request.id)):
        return False
    period = lifecycle.period_to_json(LICENCE_PERIOD, from_filing=False)
    act = Act(Event.READY_NOTICE, Actor.CITIZEN, at, values={"period": period})
    calendar = holiday_calendar(db, places.centers[request.center_code].governorate)
    lifecycle.advance(db, vault, request.id, act, calendar)
    hand_off.conditions_met(db, reading.by_id(db, request.id), public_id(), at)
    return True
