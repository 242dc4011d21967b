"""A few hundred building permits for the centers of the demo's governorate, of every state."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from portal.core import Core
from portal.demo.answers import INVENTED
from portal.demo.backlog import load_backlog
from portal.demo.past_backlog import load_cutoffs, load_past
from portal.permits import reading, registry, review
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit, PermitAction
from portal.permits.validity import Status
from portal.places.model import Center

GOVERNORATE = "EG-KFS"
OWNED_AT = "KFS-003"
EACH = 28
OWNER_ID = "29001018800018"
"""The citizen of the README: whoever signs in with it sees permits of his own in full."""
FIRST_NUMBER = 201
_USES = ("residential", "residential", "mixed", "commercial", "residential", "administrative")
_TYPES = ("new", "new", "vertical_extension", "new", "alteration", "boundary_wall", "demolition")
_LETTER = INVENTED["permit_letter"]
_A = PermitAction
# What happened after so many days; told in turn of one permit after the other
_LIVES: tuple[tuple[int, tuple[tuple[int, PermitAction], ...]], ...] = (
    (40, ()),
    (620, ((90, _A.START),)),
    (500, ((350, _A.RENEW),)),
    (900, ((60, _A.START), (500, _A.COMPLETE), (560, _A.OCCUPY))),
    (430, ()),  # the year is over and nobody knows of a beginning
    (700, ((120, _A.START), (300, _A.SUSPEND))),
    (300, ((30, _A.REVOKE),)),
    (800, ((370, _A.LAPSE),)),
    (450, ((380, _A.DISPUTE_START),)),
    (1000, ((200, _A.START), (700, _A.COMPLETE))),
)


def load_permits(db: Connection, core: Core, now: datetime, today: date) -> int:
    """Enter the permits of every center of the governorate; how many."""
    done = 0
    for index, center in enumerate(core.places.centers_of(GOVERNORATE)):
        if center.takes_sites:
            make = partial(_permit, center, legal_regime="106/1976")
            done += load_past(db, core, center, index, make)
            for new, acts in _permits_of(center, today):
                _live(db, core, new, acts, now, today)
                done += 1
            done += load_backlog(db, core, center, make, now, today)
    load_cutoffs(db, now)
    return done


def issued_on(index: int, today: date) -> date:
    """When the permit of this index, numbered ``FIRST_NUMBER + index``, was issued."""
    days, _ = _LIVES[index % len(_LIVES)]
    return today - timedelta(days=days + index)


def _permits_of(
    center: Center, today: date
) -> Iterator[tuple[NewPermit, tuple[tuple[int, PermitAction], ...]]]:
    for index in range(EACH):
        _, acts = _LIVES[index % len(_LIVES)]
        day = issued_on(index, today)
        number = PermitNumber(FIRST_NUMBER + index, "", day.year)
        yield _permit(center, index, number, day), acts
    old = date(1998, 5, 12)
    yield (
        _permit(
            center,
            EACH,
            PermitNumber(56, _LETTER, 1998),
            old,
            legal_regime="106/1976",
            source="backlog",
            status=Status.MANUAL_UNVERIFIED,
        ),
        ((200, _A.START), (900, _A.OCCUPY)),
    )
    yield (
        _permit(
            center,
            EACH + 1,
            PermitNumber(77, "", 1994),
            None,
            legal_regime="106/1976",
            source="backlog",
            status=Status.MANUAL_UNVERIFIED,
        ),
        (),
    )


def _permit(
    center: Center, index: int, number: PermitNumber, day: date | None, **more: Any
) -> NewPermit:
    names, streets = INVENTED["names"], INVENTED["streets"]
    floors = 1 + index % 6
    footprint = 12_000 + 700 * (index % 9)
    owned = center.code == OWNED_AT and index % 14 == 1
    owner = Owner(names[index % len(names)], OWNER_ID if owned else "")
    return NewPermit(
        center_code=center.code,
        number=number,
        permit_type=_TYPES[index % len(_TYPES)],
        issued_on=day,
        people=People([owner], supervisor=names[(index + 3) % len(names)]),
        **{"source": "manual", **more},
        columns={
            "area": f"{INVENTED['town']} {center.place_ar}",
            "street": streets[index % len(streets)],
            "building_no": str(3 + index),
            "building_use": _USES[index % len(_USES)],
            "floors_above": floors,
            "basements": int(index % 5 == 4),
            "units_count": 2 * floors,
            "plot_area": footprint + 5_500,
            "footprint_area": footprint,
            "total_built_area": footprint * floors,
            "height_cm": 320 * floors,
        },
    )


def _live(
    db: Connection,
    core: Core,
    new: NewPermit,
    acts: tuple[tuple[int, PermitAction], ...],
    now: datetime,
    today: date,
) -> None:
    """Enter a permit, have a second person accept what comes from paper, and do its acts."""
    permit_id = registry.enter(db, core.vault, new, "demo", now)
    if new.source == "backlog" and acts:
        permit, reviewer = reading.by_id(db, core.vault, permit_id), "demo reviewer"
        review.judge(
            db, core.vault, permit, review.ACCEPTED, "", (), reviewer, now, today, new.issued_on
        )
    for days, action in acts:
        permit = reading.by_id(db, core.vault, permit_id)
        if new.issued_on is not None:
            on = new.issued_on + timedelta(days=days)
            registry.act(db, core.vault, permit, action, on, "demo", "", now, on)
