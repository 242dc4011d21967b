"""The paper backlog of a center: how far it is, and the survey of what there is to enter."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.db import LARGEST_ID
from portal.identity.roles import Permission, may
from portal.permits import cutoffs, labels, quarters, rates, survey
from portal.permits.entering import file_number, read_year
from portal.permits.quarters import Quarter
from portal.permits.rates import Rates
from portal.problems import N_, Missing, Problem, Refused
from portal.sheets.writing import MARK, line
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_BASE = "/center/permits/backlog"
_ADMIN = "/center/admin/backlog"
_PAGE = 50
_LONGEST_ASKED = 40
_NATIONAL = "EG"
_EMPTY = dict.fromkeys(survey.FIELDS, "")
_ENTERED = {"": None, "yes": True, "no": False}


def _quarter(db: Connection, code: str) -> tuple[Quarter | None, datetime | None]:
    """The closed quarter that is asked for, and when it was closed; none for today's figures."""
    if not code:
        return None, None
    quarter = quarters.read(code)
    closed_at = quarters.closed_at(db, quarter) if quarter else None
    if closed_at is None:
        raise Missing("quarter")
    return quarter, closed_at


def _of_departments(db: Connection, center: str, quarter: Quarter | None) -> list[Rates]:
    if quarter is None:
        return rates.by_department(db, center)
    return quarters.by_department(db, center, quarter)


@get_page(_BASE, Access.STAFF)
def show_backlog(visit: NamedDependency[Visit], quarter: FromQuery[str] = "") -> Response[bytes]:
    """How far the center is or was, what waits, and where it is done."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        chosen, closed_at = _quarter(db, quarter)
        of_departments = _of_departments(db, employee.center, chosen)
        named = may(employee.role, Permission.SEE_ENTERERS)
        return portal.pages.page(
            visit,
            "backlog/overview.html",
            center=portal.places.centers[employee.center],
            rates=of_departments,
            total=rates.total(of_departments),
            surveyed=survey.size(db, employee.center),
            quarter=chosen,
            closed_at=closed_at,
            closed=[each for each, _ in quarters.closed(db)],
            course=quarters.course(db, [employee.center]),
            pending=rates.pending(db, employee.center),
            marks=rates.marks(db, employee.center),
            enterers=rates.by_enterer(db, employee.center) if named else None,
            departments=portal.catalogue.departments,
            cutoffs=cutoffs.of_centers(db, [employee.center]),
            services=portal.catalogue.services,
            labels=labels,
            may={each.value: may(employee.role, each) for each in Permission},
        )


@get_page(f"{_BASE}/rates", Access.STAFF)
def download_rates(visit: NamedDependency[Visit], quarter: FromQuery[str] = "") -> Response[bytes]:
    """The rates of the center's departments as a file."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        chosen, _ = _quarter(db, quarter)
        of_departments = _of_departments(db, employee.center, chosen)
    names = {code: visit.speech.show(d.title) for code, d in portal.catalogue.departments.items()}
    return _file(visit, of_departments, names, N_("Department"), employee.center, chosen)


def _file(
    visit: Visit,
    of_each: Sequence[Rates],
    names: Mapping[str, str],
    first: str,
    place: str,
    quarter: Quarter | None,
) -> Response[bytes]:
    when = quarter.code if quarter else visit.today
    said = visit.speech.gettext
    headings = [
        said(each)
        for each in (
            first,
            N_("Surveyed files"),
            N_("Entered files"),
            N_("Entry rate, %"),
            N_("Reviewed"),
            N_("Accepted"),
            N_("Quality, %"),
            N_("Files with a scan"),
            N_("Archive rate, %"),
        )
    ]
    rows = rates.as_table(of_each, names, headings)
    return Response(
        MARK + b"".join(line(row) for row in rows),
        media_type="text/csv",
        headers={
            "content-disposition": f'attachment; filename="backlog-{place}-{when}.csv"',
            "cache-control": "private, no-store",
        },
        cookies=visit.new_cookies,
    )


@get_page(f"{_BASE}/survey", Access.STAFF)
def show_survey(
    visit: NamedDependency[Visit],
    department: FromQuery[str] = "",
    entered: FromQuery[str] = "",
    year: FromQuery[str] = "",
    number: FromQuery[str] = "",
    after: FromQuery[int] = 0,
    added: FromQuery[int] = 0,
    known: FromQuery[int] = 0,
) -> Response[bytes]:
    """The files that were counted, and the form to count more."""
    departments = visit.portal.catalogue.departments
    if entered not in _ENTERED or (department and department not in departments):
        raise Missing("filter")
    if not 0 <= after <= LARGEST_ID:
        raise Missing("page")
    with visit.portal.database.read() as db:
        employee = visit.employee(db, Permission.SEE_PERMITS)
        return _survey_page(
            visit,
            db,
            employee,
            department=department,
            entered=entered,
            year=year,
            number=number,
            after=after,
            done=(max(0, added), max(0, known)),
        )


def _survey_page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    typed: Mapping[str, str] = _EMPTY,
    problems: Sequence[Problem] = (),
    status: int = 200,
    *,
    department: str = "",
    entered: str = "",
    year: str = "",
    number: str = "",
    after: int = 0,
    done: tuple[int, int] = (0, 0),
) -> Response[bytes]:
    portal = visit.portal
    of_year, of_number = read_year(year, visit.today.year), file_number(number)
    readable = (of_year is not None or not year.strip()) and of_number is not None
    listed = (
        survey.listed(
            db,
            employee.center,
            department=department,
            entered=_ENTERED[entered],
            year=of_year,
            number=of_number or "",
            after=after,
            most=_PAGE + 1,
        )
        if readable
        else []
    )
    return portal.pages.page(
        visit,
        "backlog/survey.html",
        status,
        center=portal.places.centers[employee.center],
        departments=portal.catalogue.departments,
        files=listed[:_PAGE],
        more=len(listed) > _PAGE,
        department=department,
        entered=entered,
        year=year[:_LONGEST_ASKED],
        number=number[:_LONGEST_ASKED],
        typed=typed,
        problems=problems,
        done=done,
        may_survey=may(employee.role, Permission.SURVEY_BACKLOG),
        may_enter=may(employee.role, Permission.ENTER_PERMITS),
    )


@post_form(f"{_BASE}/survey", Access.STAFF)
def count_files(
    visit: NamedDependency[Visit], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Count one file, or all from one number to another."""
    portal = visit.portal
    typed = {name: form.text(name) for name in survey.FIELDS}
    with portal.database.begin() as db:
        employee = visit.employee(db, Permission.SURVEY_BACKLOG)
        counted, problems = survey.read_counted(typed, portal.catalogue.departments, visit.today)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if counted is None or problems:
            return _survey_page(visit, db, employee, typed, problems, 422)
        now = portal.clock.now()
        added = survey.count(db, employee.center, counted, employee.username, now)
    known = len(counted.numbers) - added
    return redirect(visit, f"{_BASE}/survey", added=str(added), known=str(known))


@post_form(f"{_BASE}/survey/{{file_no:int}}/remove", Access.STAFF)
def remove_file(
    visit: NamedDependency[Visit], file_no: FromPath[int], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Take a file out of the survey, as long as nothing of it is entered."""
    if not 0 < file_no <= LARGEST_ID:
        raise Missing("file")
    with visit.portal.database.begin() as db:
        employee = visit.employee(db, Permission.SURVEY_BACKLOG)
        visit.check_form(form)
        if not survey.remove(db, employee.center, file_no):
            text = N_("Something of this file is entered already, so it stays in the survey")
            return _survey_page(visit, db, employee, _EMPTY, [Problem("", text)], 409)
    return redirect(visit, f"{_BASE}/survey")


@get_page(_ADMIN, Access.STAFF)
def show_centers(
    visit: NamedDependency[Visit],
    governorate: FromQuery[str] = "",
    quarter: FromQuery[str] = "",
    department: FromQuery[str] = "",
) -> Response[bytes]:
    """The rates of the centers of a governorate; the ministry chooses which."""
    portal = visit.portal
    with portal.database.read() as db:
        chosen = _governorate(visit, db, governorate)
        when, closed_at = _quarter(db, quarter)
        of_centers = _of_centers(visit, db, chosen, when, department)
        centers = _centers(visit, chosen)
        of_departments: dict[str, list[Rates]] = {}
        for center in centers:
            for each in _of_departments(db, center, when):
                of_departments.setdefault(each.name, []).append(each)
        course = quarters.course(db, centers, department)
        closed = [each for each, _ in quarters.closed(db)]
    return portal.pages.page(
        visit,
        "backlog/centers.html",
        chosen=chosen,
        choose=portal.places.governorates if _is_national(visit) else None,
        rates=of_centers,
        total=rates.total(of_centers),
        by_department=[rates.total(of_departments[name], name) for name in sorted(of_departments)],
        names=portal.places,
        departments=portal.catalogue.departments,
        department=department,
        quarter=when,
        closed_at=closed_at,
        closed=closed,
        course=course,
    )


@get_page(f"{_ADMIN}/rates", Access.STAFF)
def download_centers(
    visit: NamedDependency[Visit],
    governorate: FromQuery[str] = "",
    quarter: FromQuery[str] = "",
    department: FromQuery[str] = "",
) -> Response[bytes]:
    """The same as a file."""
    with visit.portal.database.read() as db:
        chosen = _governorate(visit, db, governorate)
        if not chosen:
            raise Missing("governorate")
        when, _ = _quarter(db, quarter)
        of_centers = _of_centers(visit, db, chosen, when, department)
    centers = visit.portal.places.centers
    names = {each.name: visit.speech.show(centers[each.name]) for each in of_centers}
    place = f"{chosen}-{department}" if department else chosen
    return _file(visit, of_centers, names, N_("Center"), place, when)


def _is_national(visit: Visit) -> bool:
    return visit.session is not None and getattr(visit.session, "scope", "") == _NATIONAL


def _governorate(visit: Visit, db: Connection, asked: str) -> str:
    """Whose centers are looked at; empty while the ministry has not chosen."""
    session = visit.staff(db)
    if not may(session.role, Permission.SEE_BACKLOG):
        raise Refused(f"{session.role} sees no rates of centers")
    if session.scope != _NATIONAL:
        if asked not in {"", session.scope}:
            raise Missing("governorate")
        return session.scope
    if asked and asked not in visit.portal.places.governorates:
        raise Missing("governorate")
    return asked


def _centers(visit: Visit, governorate: str) -> list[str]:
    if not governorate:
        return []
    return [center.code for center in visit.portal.places.centers_of(governorate)]


def _of_centers(
    visit: Visit, db: Connection, governorate: str, quarter: Quarter | None, department: str
) -> list[Rates]:
    if department and department not in visit.portal.catalogue.departments:
        raise Missing("department")
    codes = _centers(visit, governorate)
    if quarter is None:
        return rates.by_center(db, codes, department)
    return quarters.by_center(db, codes, quarter, department)


HANDLERS = [
    show_backlog,
    download_rates,
    show_survey,
    count_files,
    remove_file,
    show_centers,
    download_centers,
]
