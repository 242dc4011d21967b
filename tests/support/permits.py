"""Permits of their own for tests: each has a number that no other test uses."""

from datetime import timedelta

from portal.clock import cairo_day
from portal.permits import reading as register
from portal.permits import registry
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit, PermitAction
from tests.support.local import LocalPortal

CENTER = "KFS-003"
NAME = "منى السيد عبد الرحمن شلبي"
NUMBERS = iter(range(5000, 900_000))


def put(local: LocalPortal, days_ago: int = 30, **more: object) -> tuple[int, str]:
    """A permit of its own for one test; its id and its address."""
    now = local.clock.now()
    issued_on = cairo_day(now) - timedelta(days=days_ago)
    number = PermitNumber(next(NUMBERS), "", issued_on.year)
    columns = {"street": "شارع الجيش", "building_no": "12", "floors_above": 5, "plot_area": 17_500}
    values: dict[str, object] = {
        "center_code": CENTER,
        "number": number,
        "permit_type": "new",
        "issued_on": issued_on,
        "source": "manual",
        "people": People([Owner(NAME)], supervisor="كريم عادل"),
        "columns": columns,
    }
    with local.portal.database.begin() as db:
        new = NewPermit(**{**values, **more})  # type: ignore[arg-type]
        permit_id = registry.enter(db, local.portal.vault, new, "test", now)
    return permit_id, f"/permits/{CENTER}/{number.year}/{number.in_address}"


def do(local: LocalPortal, permit_id: int, action: PermitAction, days_ago: int = 0) -> None:
    now = local.clock.now()
    on = cairo_day(now) - timedelta(days=days_ago)
    with local.portal.database.begin() as db:
        permit = register.by_id(db, local.portal.vault, permit_id)
        registry.act(db, local.portal.vault, permit, action, on, "test", "سبب", now, on)
