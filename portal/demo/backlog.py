"""The paper backlog of the demo's centers: a small survey, and entries in every state of review."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from portal.core import Core
from portal.demo.answers import INVENTED
from portal.permits import reading, registry, review, survey
from portal.permits.numbers import PermitNumber
from portal.permits.registry import NewPermit
from portal.permits.review import ACCEPTED, REJECTED, RETURNED
from portal.permits.survey import Counted
from portal.permits.validity import Status
from portal.places.model import Center

YEAR = 1994
FIRST_NUMBER = 78
"""The entries are numbered from here on in ``YEAR``; the first of them was accepted."""
FILES = 12
WAITING = 4
_SAID = INVENTED["backlog"]
Make = Callable[[int, PermitNumber, date], NewPermit]


def load_backlog(
    db: Connection, core: Core, center: Center, make: Make, now: datetime, today: date
) -> int:
    """Count the files and enter some of them; how many permits. ``make`` invents a permit."""
    clerk, reviewer = f"backlog_entry@{center.code}", f"backlog_reviewer@{center.code}"
    for department, count in (("building-licensing", FILES), ("shop-licensing", 5)):
        files = Counted(department, _SAID["shelf"], YEAR, [str(1 + n) for n in range(count)])
        survey.count(db, center.code, files, f"archivist@{center.code}", now)
    ids: list[int] = []
    for index in range(WAITING + 4):
        new = make(index, PermitNumber(FIRST_NUMBER + index, "", YEAR), date(YEAR, 3, 2 + index))
        columns = {**new.columns, "file_no": str(1 + index)}
        status = Status.MANUAL_UNVERIFIED
        new = replace(new, columns=columns, source="backlog", status=status)
        at = now - timedelta(days=9 - index)
        ids.append(registry.enter(db, core.vault, new, clerk, at))
    verdicts = (
        (ACCEPTED, "", ()),
        (RETURNED, _SAID["returned"], ("street", "floors_above")),
        (RETURNED, _SAID["returned"], ("street",)),
        (REJECTED, _SAID["rejected"], ()),
    )
    for permit_id, (verdict, reason, marks) in zip(ids, verdicts, strict=False):
        permit = reading.by_id(db, core.vault, permit_id)
        review.judge(db, core.vault, permit, verdict, reason, marks, reviewer, now, today)
    wrong = reading.by_id(db, core.vault, ids[2])
    right = make(2, wrong.number, date(YEAR, 3, 4))
    columns = {**right.columns, "street": INVENTED["streets"][0], "file_no": "3"}
    columns = {name: value for name, value in columns.items() if name not in _KEPT}
    review.correct(
        db, core.vault, wrong, replace(right, columns=columns), clerk, _SAID["corrected"], now
    )
    return len(ids)


# what a correction leaves as it is
_KEPT = ("footprint_area", "height_cm")
