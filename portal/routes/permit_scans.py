"""Scans of the paper files, for the center's staff who work with the paper."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy import Connection

from portal.backoffice.acts import Employee
from portal.identity.roles import Permission, may
from portal.permits import reading, scans
from portal.permits.reading import Permit
from portal.problems import Problem
from portal.requests.uploads import NewFile
from portal.routes.files import stream_file, take_files
from portal.web.http_forms import PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_files, post_form
from portal.web.visit import Visit

_BASE = "/center/permits/{permit_id:int}/scans"


def _allowed(
    visit: Visit, db: Connection, permit_id: int, permission: Permission
) -> tuple[Employee, Permit]:
    employee = visit.employee(db, permission)
    return employee, reading.of_center(db, visit.portal.vault, employee.center, permit_id)


@get_page(_BASE, Access.STAFF)
def show_scans(visit: NamedDependency[Visit], permit_id: FromPath[int]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        employee, permit = _allowed(visit, db, permit_id, Permission.SEE_SCANS)
        return _page(visit, db, employee, permit)


def _page(
    visit: Visit,
    db: Connection,
    employee: Employee,
    permit: Permit,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "backlog/scans.html",
        status,
        permit=permit,
        center=visit.portal.places.centers[permit.center_code],
        scans=scans.of_permit(db, visit.portal.vault, permit.id),
        document=scans.SCAN,
        may_keep=may(employee.role, Permission.KEEP_SCANS),
        me=employee.username,
        problems=problems,
    )


@post_files(_BASE, Access.STAFF)
def add_scans(
    visit: NamedDependency[Visit],
    permit_id: FromPath[int],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Take the files that are good, say what is wrong with the others."""
    portal = visit.portal
    with portal.database.read() as db:
        employee, permit = _allowed(visit, db, permit_id, Permission.KEEP_SCANS)
        have = len(scans.of_permit(db, portal.vault, permit.id))
    visit.check_form(upload_form)

    def attach(db: Connection, file: NewFile) -> None:
        now = portal.clock.now()
        scans.attach(db, portal.vault, permit.id, file, employee.username, now)

    problems = take_files(visit, scans.SCAN, upload_form.files, attach, have)
    if problems:
        with portal.database.read() as db:
            return _page(visit, db, employee, permit, tuple(problems), 422)
    return redirect(visit, f"/center/permits/{permit_id}/scans")


@get_page(f"{_BASE}/{{scan_id:str}}", Access.STAFF)
def show_scan(
    visit: NamedDependency[Visit], permit_id: FromPath[int], scan_id: FromPath[str]
) -> Stream:
    with visit.portal.database.read() as db:
        _, permit = _allowed(visit, db, permit_id, Permission.SEE_SCANS)
        scan = scans.one(db, visit.portal.vault, permit.id, scan_id)
    return stream_file(visit.portal.files.parts(scan.storage_key), scan.media_type, scan.id)


@post_form(f"{_BASE}/{{scan_id:str}}/remove", Access.STAFF)
def remove_scan(
    visit: NamedDependency[Visit],
    permit_id: FromPath[int],
    scan_id: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Take back what one added oneself; what somebody else added stays."""
    with visit.portal.database.begin() as db:
        employee, permit = _allowed(visit, db, permit_id, Permission.KEEP_SCANS)
        visit.check_form(form)
        key = scans.detach(db, permit.id, scan_id, employee.username)
    visit.portal.files.drop(key)
    return redirect(visit, f"/center/permits/{permit_id}/scans")


HANDLERS = [show_scans, add_scans, show_scan, remove_scan]
