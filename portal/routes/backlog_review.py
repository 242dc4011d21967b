"""The second person: entries accepted, returned, rejected, corrected; lots by their sample."""

from collections.abc import Mapping, Sequence

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from portal import notes
from portal.backoffice.acts import Employee
from portal.db import LARGEST_ID
from portal.identity.roles import Permission, may
from portal.permits import (
    cutoffs,
    entering,
    labels,
    lots,
    particulars,
    reading,
    registry,
    review,
    scans,
)
from portal.permits.lots import Lot
from portal.permits.reading import Permit
from portal.permits.registry import NotPossible
from portal.problems import N_, Conflict, Missing, Problem, Refused
from portal.text import parse_day
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_PERMITS = "/center/permits"
_LOTS = "/center/permits/backlog/lots"
_FIELDS = (*entering.FIELDS, *entering.FILE_FIELDS, *particulars.NAMES)
TAKEN = N_("The register has a permit under this number already; look it up")
_REFUSALS = {
    **labels.REFUSALS,
    "status": N_("Nothing is to be reviewed here any more"),
    "few": N_("Too few entries wait there for a sample; review them one by one"),
    "sample": N_("The sample does not say so: look at its numbers"),
    "decided": N_("The lot was decided meanwhile"),
}


# --- one entry


@get_page(f"{_PERMITS}/{{permit_id:int}}/review", Access.STAFF)
def show_review(visit: NamedDependency[Visit], permit_id: FromPath[int]) -> Response[bytes]:
    """The entry field by field beside its scans, to be held against the paper."""
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.REVIEW_PERMITS)
        permit = reading.of_center(db, visit.portal.vault, employee.center, permit_id)
        return _review_page(visit, db, employee, permit)


def _review_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    permit: Permit,
    typed: tuple[str, str, Sequence[str]] = ("", "", ()),
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    why_not = review.why_not_judge(db, permit, employee.username)
    place = None
    if why_not is None and permit.row["lot_id"] is not None:
        place = lots.place_of(db, permit)
        why_not = None if place is not None else "in_lot"
    acts = reading.history(db, portal.vault, permit.id)
    return portal.pages.page(
        visit,
        "backlog/review.html",
        status,
        permit=permit,
        center=portal.places.centers[permit.center_code],
        shown=entering.typed_of(permit),
        changes=next((each for each in reversed(acts) if each.act == "correct"), None),
        judgements=review.judgements(db, portal.vault, permit.id),
        scans=scans.of_permit(db, portal.vault, permit.id),
        why_not=_REFUSALS[why_not] if why_not else "",
        place=place,
        typed=typed,
        problems=problems,
        labels=labels,
        departments=portal.catalogue.departments,
    )


@post_form(f"{_PERMITS}/{{permit_id:int}}/review", Access.STAFF)
def judge(
    visit: NamedDependency[Visit], permit_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Say what was found; of a sampled entry it is kept with its lot."""
    portal, now = visit.portal, visit.portal.clock.now()
    verdict = form.text("verdict")
    reason, marks, problems = review.read_verdict(verdict, form.text("reason"), form.all("marks"))
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.REVIEW_PERMITS)
        permit = reading.of_center(db, visit.portal.vault, employee.center, permit_id)
        typed = (verdict, reason, marks)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if problems:
            return _review_page(visit, db, employee, permit, typed, problems, 422)
        lot, actor, vault = permit.row["lot_id"], employee.username, portal.vault
        try:
            if permit.row["review"] == "" and lot is not None:
                lots.judge(db, vault, permit, verdict, reason, marks, actor, now)
            else:
                today = visit.today
                review.judge(db, vault, permit, verdict, reason, marks, actor, now, today)
        except NotPossible as error:
            if error.reason in {"own", "in_lot"}:
                raise Refused(error.reason) from error
            problem = Problem("verdict", _REFUSALS[error.reason])
            return _review_page(visit, db, employee, permit, typed, [problem], 409)
    return redirect(visit, f"{_LOTS}/{lot}" if lot is not None else f"{_PERMITS}/{permit_id}")


@get_page(f"{_PERMITS}/{{permit_id:int}}/correct", Access.STAFF)
def show_correction(visit: NamedDependency[Visit], permit_id: FromPath[int]) -> Response[bytes]:
    """The entry as it was typed, with what the reviewer marked."""
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        permit = _correctable(visit, db, employee, permit_id)
        return _correction_page(visit, db, permit, entering.typed_of(permit) | {"note": ""})


def _correctable(visit: Visit, db: Connection, employee: Employee, permit_id: int) -> Permit:
    permit = reading.of_center(db, visit.portal.vault, employee.center, permit_id)
    if not review.can_correct(permit):
        raise Conflict("nothing is to be corrected here")
    return permit


def _correction_page(
    visit: Visit,
    db: Connection,
    permit: Permit,
    typed: Mapping[str, str],
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    judged = review.judgements(db, portal.vault, permit.id)
    return portal.pages.page(
        visit,
        "backlog/correct.html",
        status,
        permit=permit,
        last=judged[0] if judged and permit.row["review"] else None,
        typed=typed,
        problems=problems,
        center=portal.places.centers[permit.center_code],
        cutoffs=cutoffs.of_centers(db, [permit.center_code]),
        services=portal.catalogue.services,
        departments=portal.catalogue.departments,
        labels=labels,
    )


@post_form(f"{_PERMITS}/{{permit_id:int}}/correct", Access.STAFF)
def correct(
    visit: NamedDependency[Visit], permit_id: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Write the entry anew; it waits for a second person again."""
    portal, now = visit.portal, visit.portal.clock.now()
    typed = {name: form.text(name) for name in (*_FIELDS, "note")}
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        permit = _correctable(visit, db, employee, permit_id)
        source = permit.row["source"]
        entry = entering.read_entry(typed, employee.center, visit.today, source=source)
        about_note = notes.problems_of_reason("note", typed["note"], registry.LONGEST_NOTE)
        problems = [*entry.problems, *about_note]
        problems += department_problems(visit, typed)
        before = entering.typed_of(permit)
        if not problems and not typed["note"] and all(typed[n] == before[n] for n in _FIELDS):
            text = N_("Nothing is changed. If all is right as it stands, write that here.")
            problems.append(Problem("note", text))
        if entry.permit is not None:
            days = cutoffs.in_force(db, employee.center)
            late = cutoffs.problem(days, entry.permit.permit_type, entry.permit.issued_on)
            problems += [late] if late else []
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if entry.permit is None or problems:
            return _correction_page(visit, db, permit, typed, problems, 422)
        try:
            review.correct(
                db, portal.vault, permit, entry.permit, employee.username, typed["note"], now
            )
        except NotPossible:
            raise
        except Conflict:
            return _correction_page(visit, db, permit, typed, [Problem("number", TAKEN)], 409)
    return redirect(visit, f"{_PERMITS}/{permit_id}")


def department_problems(visit: Visit, typed: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the department whose file it is said to be."""
    known = visit.portal.catalogue.departments
    if typed["file_department"] and typed["file_department"] not in known:
        return [Problem("file_department", N_("Choose the department whose file it is"))]
    return []


# --- lots


@get_page(_LOTS, Access.STAFF)
def show_lots(visit: NamedDependency[Visit]) -> Response[bytes]:
    """What a sample could be drawn from, and the lots that were."""
    with visit.portal.database.read() as db:
        return _lots_page(visit, db, visit.employee(db, Permission.SEE_PERMITS))


def _lots_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "backlog/lots.html",
        status,
        center=portal.places.centers[employee.center],
        waiting=lots.waiting(db, employee.center),
        lots=lots.listed(db, portal.vault, employee.center),
        may_review=may(employee.role, Permission.REVIEW_PERMITS),
        me=employee.username,
        smallest=lots.SMALLEST,
        problems=problems,
    )


@post_form(_LOTS, Access.STAFF)
def draw(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    """Draw the sample of one file, or of what one person entered in a time."""
    portal, now = visit.portal, visit.portal.clock.now()
    of_import = form.text("import_id")
    import_id = int(of_import) if of_import.isascii() and of_import.isdigit() else None
    enterer = form.text("enterer")
    days = parse_day(form.text("first_day")), parse_day(form.text("last_day"))
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.REVIEW_PERMITS)
        visit.check_form(form)
        known = any(
            each.import_id == import_id and (import_id is not None or each.enterer == enterer)
            for each in lots.waiting(db, employee.center)
        )
        begin, end = days
        problem = None
        if not known:
            problem = Problem("", _REFUSALS["few"])
        elif import_id is None and (begin is None or end is None or begin > end):
            problem = Problem("", N_("Choose the first and the last day on which it was entered"))
        if problem is not None:
            return _lots_page(visit, db, employee, [problem], 422)
        try:
            lot_id = lots.make(
                db,
                employee.center,
                employee.username,
                now,
                import_id=import_id,
                enterer="" if import_id is not None else enterer,
                days=(begin, end) if import_id is None and begin and end else None,
            )
        except NotPossible as error:
            problem = Problem("", _REFUSALS[error.reason])
            return _lots_page(visit, db, employee, [problem], 409)
    return redirect(visit, f"{_LOTS}/{lot_id}")


@get_page(f"{_LOTS}/{{lot:int}}", Access.STAFF)
def show_lot(visit: NamedDependency[Visit], lot: FromPath[int]) -> Response[bytes]:
    """The sample, what was found of it, and what follows."""
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        return _lot_page(visit, db, employee, _own_lot(visit, db, employee, lot))


def _own_lot(visit: Visit, db: Connection, employee: Employee, lot: int) -> Lot:
    if not 0 < lot <= LARGEST_ID:
        raise Missing("lot")
    return lots.one(db, visit.portal.vault, employee.center, lot)


def _lot_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    lot: Lot,
    typed: str = "",
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    portal = visit.portal
    return portal.pages.page(
        visit,
        "backlog/lot.html",
        status,
        lot=lot,
        center=portal.places.centers[lot.center],
        sample=lots.sample_of(db, lot.id),
        left=lots.left_to_compare(db, lot.id) if lot.state == lots.SENT_BACK else (0, 0),
        may_review=may(employee.role, Permission.REVIEW_PERMITS),
        may_enter=may(employee.role, Permission.ENTER_PERMITS),
        typed=typed,
        problems=problems,
    )


@post_form(f"{_LOTS}/{{lot:int}}/release", Access.STAFF)
def release(
    visit: NamedDependency[Visit], lot: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """The sample has passed: the whole lot is accepted in one act."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.REVIEW_PERMITS)
        visit.check_form(form)
        mine = _own_lot(visit, db, employee, lot)
        now, today = portal.clock.now(), visit.today
        try:
            lots.release(db, portal.vault, mine.center, lot, employee.username, now, today)
        except NotPossible as error:
            problem = Problem("", _REFUSALS[error.reason])
            return _lot_page(visit, db, employee, mine, "", [problem], 409)
    return redirect(visit, f"{_LOTS}/{lot}")


@post_form(f"{_LOTS}/{{lot:int}}/return", Access.STAFF)
def send_back(
    visit: NamedDependency[Visit], lot: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """The sample has failed: the whole lot goes back with its errors."""
    portal, reason = visit.portal, form.text("reason")
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.REVIEW_PERMITS)
        mine = _own_lot(visit, db, employee, lot)
        problems = notes.problems_of_reason("reason", reason, registry.LONGEST_NOTE, notes.REASON)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if problems:
            return _lot_page(visit, db, employee, mine, reason, problems, 422)
        now = portal.clock.now()
        try:
            lots.send_back(db, portal.vault, mine.center, lot, employee.username, reason, now)
        except NotPossible as error:
            problem = Problem("", _REFUSALS[error.reason])
            return _lot_page(visit, db, employee, mine, reason, [problem], 409)
    return redirect(visit, f"{_LOTS}/{lot}")


@post_form(f"{_LOTS}/{{lot:int}}/submit", Access.STAFF)
def submit_again(
    visit: NamedDependency[Visit], lot: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Every entry of a returned lot was held against its paper: it may be sampled again."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.ENTER_PERMITS)
        visit.check_form(form)
        mine = _own_lot(visit, db, employee, lot)
        if not form.text("compared"):
            text = N_("Confirm that every entry was held against its paper")
            problem = Problem("compared", text)
            return _lot_page(visit, db, employee, mine, "", [problem], 422)
        try:
            lots.resubmit(db, mine.center, lot, employee.username, portal.clock.now())
        except NotPossible as error:
            problem = Problem("", _REFUSALS[error.reason])
            return _lot_page(visit, db, employee, mine, "", [problem], 409)
    return redirect(visit, f"{_LOTS}/{lot}")


HANDLERS = [
    show_review,
    judge,
    show_correction,
    correct,
    show_lots,
    draw,
    show_lot,
    release,
    send_back,
    submit_again,
]
