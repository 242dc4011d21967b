"""Open legal periods and a holiday that is announced later: they grow, they never shrink."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from portal.catalogue.deadlines import due_on
from portal.clock import public_id
from portal.holidays.register import calendar as holiday_calendar
from portal.places.model import Places
from portal.requests import reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import FINAL, period_from_json
from portal.requests.model import ServiceRequest


def lengthen_open_periods(db: Connection, hand_off: HandOff, places: Places, at: datetime) -> int:
    """Count every open period again by the present calendar; how many became longer.

    The centers of those are told.
    """
    rows = db.execute(
        select(
            ServiceRequest.id,
            ServiceRequest.center_code,
            ServiceRequest.period,
            ServiceRequest.clock_from,
            ServiceRequest.paused_days,
            ServiceRequest.due_on,
        ).where(
            ServiceRequest.due_on.is_not(None),
            ServiceRequest.decided_at.is_(None),
            ServiceRequest.state.not_in(FINAL),
        )
    ).all()
    calendars = {
        code: holiday_calendar(db, code)
        for code in {places.centers[row.center_code].governorate for row in rows}
    }
    moved = 0
    for row in rows:
        calendar = calendars[places.centers[row.center_code].governorate]
        period = period_from_json(row.period)
        due = due_on(row.clock_from, period, calendar, row.paused_days)
        if due > row.due_on:
            db.execute(update(ServiceRequest).where(ServiceRequest.id == row.id).values(due_on=due))
            hand_off.rescheduled(db, reading.by_id(db, row.id), public_id(), at)
            moved += 1
    return moved
