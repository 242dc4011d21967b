"""Bodies that ask by machine, put straight into the database, and what they ask about."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from sqlalchemy import insert

from portal.bodies import accounts, purposes
from portal.bodies.accounts import Body
from portal.bodies.model import (
    BodyAgreement,
    BodyKind,
    BodyUser,
    OutsideBody,
    Purpose,
)
from portal.clock import cairo_day
from portal.core import Core
from portal.permits import reading, registry
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit, PermitAction

CENTER, GOVERNORATE = "KFS-003", "EG-KFS"
OWNER = "منى السيد عبد الرحمن شلبي"
USER = "emp-7"
_NUMBERS = count(300_000)
_BODIES = count(1)


def make_body(
    core: Core,
    url: str = "",
    *,
    per_minute: int = 6000,
    fields: Sequence[str] | None = None,
    batches: bool = True,
    notices: bool = True,
) -> Body:
    """An electricity company that may ask whether a connection is lawful."""
    code, now = f"power-{next(_BODIES)}", core.clock.now()
    most = purposes.fields_of(BodyKind.ELECTRICITY, Purpose.CONNECTION)
    with core.database.begin() as db:
        db.execute(
            insert(OutsideBody).values(
                code=code,
                kind=BodyKind.ELECTRICITY,
                name_ar="شركة كهرباء",
                name_en="Power company",
                governorate_code=GOVERNORATE,
                per_minute=per_minute,
                webhook_url=url,
                created_at=now,
            )
        )
        db.execute(insert(BodyUser).values(body_code=code, username=USER, created_at=now))
        db.execute(
            insert(BodyAgreement).values(
                body_code=code,
                purpose=Purpose.CONNECTION,
                fields=list(most if fields is None else fields),
                letter="12/2026",
                valid_until=cairo_day(now) + timedelta(days=400),
                batches=batches,
                notices=notices,
                created_at=now,
            )
        )
        made = accounts.find(db, code, cairo_day(now))
    assert made is not None
    return made


def put_permit(core: Core) -> tuple[int, PermitNumber]:
    """A permit of last month; its id and its number."""
    now = core.clock.now()
    issued_on = cairo_day(now) - timedelta(days=30)
    number = PermitNumber(next(_NUMBERS), "", issued_on.year)
    new = NewPermit(
        CENTER,
        number,
        "new",
        issued_on,
        "manual",
        People([Owner(OWNER)]),
        columns={"street": "شارع الجيش", "building_no": "12", "floors_above": 5},
    )
    with core.database.begin() as db:
        return registry.enter(db, core.vault, new, "test", now), number


def act(core: Core, permit_id: int, action: PermitAction) -> None:
    """An officer does something with it today."""
    now = core.clock.now()
    today = cairo_day(now)
    with core.database.begin() as db:
        permit = reading.by_id(db, core.vault, permit_id)
        registry.act(db, core.vault, permit, action, today, "officer", "سبب", now, today)


def renumber(core: Core, permit_id: int, number: PermitNumber) -> None:
    with core.database.begin() as db:
        permit = reading.by_id(db, core.vault, permit_id)
        assert registry.renumber(db, core.vault, permit, number, "officer", core.clock.now())
