"""Three quarters of work on the paper backlog of the demo's centers: surveyed, entered, sampled,
scanned; up to when paper counts; and something recorded beside some permits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import BytesIO

from PIL import Image, ImageDraw
from sqlalchemy import Connection, func, select

from portal.clock import cairo_day, public_id
from portal.core import Core
from portal.demo.answers import INVENTED
from portal.files import Stored
from portal.permits import (
    cutoffs,
    lots,
    matters,
    quarters,
    reading,
    registry,
    review,
    scans,
    survey,
)
from portal.permits.backlog_model import PermitScan
from portal.permits.model import BuildingPermit, MatterKind
from portal.permits.numbers import PermitNumber
from portal.permits.quarters import Quarter
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit
from portal.permits.survey import Counted
from portal.permits.validity import Status
from portal.places.model import Center

YEAR = 1988
FIRST_NUMBER = 301
FILES = 50
_OTHERS = (("shop-licensing", 20), ("reconciliation", 10))
# of the files of 1988: as the governorate said of its centers in October 2019 (facts §4.2)
_ENTERED = (47, 50, 48, 50, 50, 50, 50, 49, 46, 31, 24, 40, 18)
_BY_QUARTER = (40, 75, 100)  # percent, added up
_FAILING = 4  # every so many centers one sample fails
_CUTOFF = date(2019, 11, 15)
_CUT_OFF = ("KFS-001", "KFS-002", "KFS-008")
"""Where the demo's permits of today are not entered by hand."""
_SAID = INVENTED["backlog"]
Make = Callable[[int, PermitNumber, date], NewPermit]


@dataclass(frozen=True)
class _Picture:
    id: str
    file_name: str
    media_type: str
    pages: int
    stored: Stored


def load_past(db: Connection, core: Core, center: Center, index: int, make: Make) -> int:
    """The past of the ``index``th center; how many permits. ``make`` invents one."""
    now = core.clock.now()
    clerk, reviewer = f"backlog_entry@{center.code}", f"backlog_reviewer@{center.code}"
    past = _before(quarters.of_day(cairo_day(now)))
    surveyed_at = past[0].begin + timedelta(days=9, hours=10)
    for department, files in (("building-licensing", FILES), *_OTHERS):
        numbers = [str(1 + n) for n in range(files)]
        counted = Counted(department, _SAID["shelf"], YEAR, numbers)
        survey.count(db, center.code, counted, f"archivist@{center.code}", surveyed_at)
    whole, ids = _ENTERED[index % len(_ENTERED)], list[int]()
    for place, (quarter, percent) in enumerate(zip(past, _BY_QUARTER, strict=True)):
        at = quarter.begin + timedelta(days=30, hours=11)
        while len(ids) < whole * percent // 100:
            ids.append(_enter(db, core, make, len(ids), clerk, at))
        fails = place == 1 and index % _FAILING == 1
        _sample(db, core, center.code, clerk, reviewer, at, wrong=int(fails))
    _record(db, core, ids, f"department_officer@{center.code}", now)
    return len(ids)


def _before(quarter: Quarter) -> list[Quarter]:
    """The three quarters before this one, the oldest first."""
    number = quarter.year * 4 + quarter.number - 1
    return [Quarter(n // 4, n % 4 + 1) for n in range(number - 3, number)]


def _enter(db: Connection, core: Core, make: Make, index: int, clerk: str, at: datetime) -> int:
    day = date(YEAR, 1 + index % 12, 1 + index % 28)
    new = make(index, PermitNumber(FIRST_NUMBER + index, "", YEAR), day)
    columns = {
        **new.columns,
        "file_no": str(1 + index),
        "building_no": str(300 + index),
        "started_on": day + timedelta(days=90),
        "completed_on": day + timedelta(days=600),
        "occupied_on": day + timedelta(days=660),
    }
    new = replace(
        new,
        columns=columns,
        people=People([Owner(new.people.owners[0].name)]),
        source="backlog",
        status=Status.MANUAL_UNVERIFIED,
    )
    return registry.enter(db, core.vault, new, clerk, at)


def _sample(
    db: Connection, core: Core, center: str, clerk: str, reviewer: str, at: datetime, wrong: int
) -> None:
    """Draw a lot of all that waits, judge its sample, and decide: released, or back and again."""
    vault, drawn_at = core.vault, at + timedelta(days=7)
    days = (cairo_day(at - timedelta(days=200)), cairo_day(at))
    lot = lots.make(db, center, reviewer, drawn_at, enterer=clerk, days=days)
    for place, each in enumerate(lots.sample_of(db, lot)):
        permit = reading.by_id(db, vault, each.permit_id)
        verdict, reason, marks = review.ACCEPTED, "", list[str]()
        if place < wrong:
            verdict, reason, marks = review.RETURNED, _SAID["wrong"], ["issued_on"]
        lots.judge(db, vault, permit, verdict, reason, marks, reviewer, drawn_at)
    decided_at = drawn_at + timedelta(days=1)
    if wrong:
        lots.send_back(db, vault, center, lot, reviewer, _SAID["sent_back"], decided_at)
        lots.resubmit(db, center, lot, clerk, decided_at + timedelta(days=3))
    else:
        lots.release(db, vault, center, lot, reviewer, decided_at, cairo_day(decided_at))


def load_scans(core: Core) -> None:
    """Attach a sheet to some entries of each center, once. Not with the rest: the tests' databases
    are copies, and have no files beside them."""
    paper = _paper()
    last = _before(quarters.of_day(cairo_day(core.clock.now())))[-1]
    at = last.begin + timedelta(days=50, hours=12)
    with core.database.begin() as db:
        if db.scalar(select(func.count()).select_from(PermitScan)):
            return
        for index, center in enumerate(core.places.centers_of("EG-KFS")):
            ids = db.scalars(
                select(BuildingPermit.id)
                .where(BuildingPermit.center_code == center.code, BuildingPermit.year == YEAR)
                .order_by(BuildingPermit.id)
                .limit(12 + 3 * (index % 5))
            )
            for number, permit_id in enumerate(ids, 1):
                name = _SAID["scan"].format(number=number, year=YEAR)
                stored = core.files.put(BytesIO(paper))
                picture = _Picture(public_id(), name, "image/png", 1, stored)
                scans.attach(db, core.vault, permit_id, picture, f"archivist@{center.code}", at)


def _paper() -> bytes:
    """A sheet of lines: nothing is to be read on it."""
    sheet = Image.new("L", (420, 594), 236)
    pen = ImageDraw.Draw(sheet)
    for line in range(80, 540, 26):
        pen.line((50, line, 370 - line % 90, line), fill=120, width=3)
    made = BytesIO()
    sheet.save(made, "PNG")
    return made.getvalue()


def _record(db: Connection, core: Core, ids: Sequence[int], by: str, now: datetime) -> None:
    """What stands beside a few of them: connections allowed, a violation, one reconciled."""
    today = cairo_day(now)
    for place, kind, reference, days in (
        (0, MatterKind.FORM_8, "118/1991", 0),
        (1, MatterKind.FORM_8, "119/1991", 0),
        (2, MatterKind.VIOLATION, "42/2024", 400),
        (3, MatterKind.RECONCILIATION, "77/2025", 200),
        (4, MatterKind.DUES, "9/2026", 60),
    ):
        permit = reading.by_id(db, core.vault, ids[place])
        opened = today - timedelta(days=days) if days else date(1991, 6, 3)
        matters.record(db, core.vault, permit, kind, reference, opened, by, now)


def load_cutoffs(db: Connection, now: datetime) -> None:
    """Since 2019 only what the system issues counts at some centers (facts §4.2)."""
    by = "governorate_admin@EG-KFS"
    cutoffs.enter(db, _CUT_OFF, list(cutoffs.KINDS), _CUTOFF, _SAID["cutoff"], by, now)
