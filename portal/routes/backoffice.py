"""The center's pages: sign-in of staff, the queue, one request and what can be done with it."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from portal.backoffice import folder, reading, stages
from portal.backoffice.acts import (
    FEES_OUTSTANDING,
    Acceptance,
    CompletionAsk,
    GrievanceDecision,
    IssuedOutput,
    Refusal,
    read_payment_order,
)
from portal.backoffice.reading import OpenedRequest
from portal.bodies import searching
from portal.catalogue.identity import read_request_number
from portal.catalogue.model import Document, Text
from portal.identity import held, sessions, staff
from portal.identity.roles import Permission, may
from portal.problems import N_, Conflict, Missing, Problem, TooMany
from portal.requests.inspection import Inspected, Unacceptable, inspect
from portal.requests.uploads import clean_file_name
from portal.routes import center_fees
from portal.routes.center_request import act_as_typed, open_request, request_page
from portal.routes.files import stream_file
from portal.text import is_readable
from portal.web.http_forms import PostedForm
from portal.web.pages import no_news, redirect
from portal.web.routing import Access, get_page, post_files, post_form
from portal.web.visit import Visit
from portal.words import sections

_LARGEST_MARK = 2**31 - 1
_NO_NUMBER = "-"  # of no request: what is searched for and is no number finds nothing
_OUTPUT = Document("output", Text("", ""), formats=("pdf",), max_mb=10, max_pages=100)
_STATES = (
    folder.RECEIVED,
    folder.DOCUMENT_CHECK,
    folder.NEEDS_COMPLETION,
    folder.REFERRED,
    folder.ACCEPTED_PRELIM,
    folder.FEES_PROPOSED,
    folder.FEES_ASSESSED,
    folder.ISSUED,
    folder.REFUSED,
    folder.DEEMED_APPROVED,
    folder.DEEMED_REFUSED,
    folder.GRIEVANCE,
    folder.WITHDRAWN,
    folder.SHELVED,
)


@get_page("/center", Access.ANYONE)
def center(visit: NamedDependency[Visit]) -> Response[bytes]:
    return redirect(visit, "/center/inbox")


@get_page("/center/sign-in", Access.ANYONE)
def show_sign_in(visit: NamedDependency[Visit]) -> Response[bytes]:
    return _sign_in_page(visit, "", [])


def _sign_in_page(
    visit: Visit, username: str, problems: list[Problem], status: int = 200
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit, "backoffice/sign_in.html", status, username=username, problems=problems
    )


@post_form("/center/sign-in", Access.ANYONE)
def sign_in(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    visit.check_form(form)
    portal, now = visit.portal, visit.portal.clock.now()
    username = form.text("username")[:80]
    password = (form.all("password") or [""])[0][:200]
    try:
        account = staff.sign_in(
            portal.database,
            portal.vault,
            username if is_readable(username) else "",
            password,
            visit.network,
            now,
        )
    except TooMany as error:
        text = N_("Too many wrong attempts. {wait}")
        return _sign_in_page(
            visit, username, [Problem("username", text, {"wait": error.wait})], 429
        )
    if account is None or (account.demo and not portal.settings.demo):
        problem = Problem("username", N_("User name or password is not right"))
        return _sign_in_page(visit, username, [problem], 422)
    with portal.database.begin() as db:
        sessions.end(db, visit.browser)  # the one before, if any
        fresh = sessions.begin_staff(db, account.id, now)
        typed = held.hand_over(db, visit.browser, fresh, now, staff_id=account.id)
    visit.give_cookie(fresh)
    return redirect(visit, "/center/sign-in/again" if typed else "/center/inbox")


@post_form("/center/sign-out", Access.ANYONE)
def sign_out(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    visit.check_form(form)
    with visit.portal.database.begin() as db:
        sessions.end(db, visit.browser)
        held.drop(db, visit.browser)
    visit.give_cookie(visit.fresh_token())
    return redirect(visit, "/center/sign-in")


@get_page("/center/inbox", Access.STAFF)
def show_inbox(
    visit: NamedDependency[Visit],
    q: FromQuery[str] = "",
    service: FromQuery[str] = "",
    stage: FromQuery[str] = "",
    page: FromQuery[int] = 1,
) -> Response[bytes]:
    """The queue of the employee's own center, oldest legal deadline first."""
    portal = visit.portal
    number = (read_request_number(q) or _NO_NUMBER) if q.strip() else ""
    with portal.database.read() as db:
        session = visit.staff(db)
        if session.scope not in portal.places.centers or not may(
            session.role, Permission.SEE_INBOX
        ):
            others = sections(session.role, visit.path)
            if others and not may(session.role, Permission.SEE_INBOX):
                return redirect(visit, others[0].address)  # whose work is elsewhere
            return portal.pages.page(visit, "backoffice/no_inbox.html", 403)
        queue = reading.queue(
            db,
            portal.vault,
            session.scope,
            visit.today,
            number=number,
            service=service if service in portal.catalogue.services else "",
            state=stage if stage in _STATES else "",
            page=min(max(page, 1), 10_000),
        )
        newest = reading.newest(db, session.scope)
        searches = (
            searching.pressing(db, [session.scope], visit.today)
            if may(session.role, Permission.ANSWER_SEARCHES)
            else []
        )
    return portal.pages.page(
        visit,
        "backoffice/_part.html" if visit.is_fragment else "backoffice/inbox.html",
        newest=newest,
        queue=queue,
        searches=searches,
        center=portal.places.centers[session.scope],
        catalogue=portal.catalogue,
        states=_STATES,
        chosen={"q": q[:40], "service": service, "stage": stage},
    )


@get_page("/center/inbox/new", Access.STAFF)
def tell_of_new(visit: NamedDependency[Visit], after: FromQuery[int] = 0) -> Response[bytes]:
    """A line that leads to what has come since the inbox was shown; asked for by the inbox."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db)
        employee.must(Permission.SEE_INBOX)
        mark = min(max(after, 0), _LARGEST_MARK)
        count = reading.come_since(db, employee.center, mark)
    if not visit.is_fragment:
        return redirect(visit, "/center/inbox")
    visit.only_looks()
    tag = f'W/"{count}"'
    if not count or visit.request.headers.get("if-none-match") == tag:
        return no_news(visit)
    response = portal.pages.page(visit, "backoffice/_fresh.html", count=count)
    response.headers["etag"] = tag
    return response


@get_page("/center/requests/{number:str}", Access.STAFF)
def show_request(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db)
        employee.must(Permission.SEE_INBOX)
        opened = open_request(db, portal.vault, employee, number)
    return request_page(visit, employee, opened)


@get_page("/center/requests/{number:str}/documents/{document_id:str}", Access.STAFF)
def show_document(
    visit: NamedDependency[Visit], number: FromPath[str], document_id: FromPath[str]
) -> Stream:
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db)
        employee.must(Permission.SEE_INBOX)
        found = reading.document(
            db,
            portal.vault,
            employee.center,
            number,
            document_id,
            identity=may(employee.role, Permission.SEE_IDENTITY),
        )
    return stream_file(portal.center_files.parts(found.storage_key), found.media_type, found.id)


@post_form("/center/requests/{number:str}/register", Access.STAFF)
def register(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db)
        visit.check_form(form)
        portal.desk.register(db, employee, number, portal.clock.now())
    return redirect(visit, f"/center/requests/{number}")


@post_form("/center/requests/{number:str}/accept", Access.STAFF)
def accept_documents(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db)
        visit.check_form(form)
        portal.desk.accept_documents(db, employee, number, portal.clock.now())
    return redirect(visit, f"/center/requests/{number}")


@post_form("/center/requests/{number:str}/completion", Access.STAFF)
def request_completion(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    portal, days = visit.portal, form.text("days")
    ask = CompletionAsk(
        form.all("items"),
        form.text("completion_note").replace("\r\n", "\n"),
        int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 0,
    )
    return act_as_typed(
        visit,
        number,
        form,
        Permission.REQUEST_COMPLETION,
        "completion_note",
        lambda opened: ask.problems(_known_documents(opened)),
        lambda db, employee, now: portal.desk.request_completion(db, employee, number, ask, now),
    )


def _known_documents(opened: OpenedRequest) -> list[str]:
    return [document["code"] for document in opened.payload["expected_documents"]]


@post_form("/center/requests/{number:str}/refuse", Access.STAFF)
def refuse(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    portal = visit.portal
    refusal = Refusal(form.all("reasons"), form.text("refusal_note").replace("\r\n", "\n"))
    return act_as_typed(
        visit,
        number,
        form,
        Permission.DECIDE,
        "refusal_note",
        lambda _: refusal.problems(list(portal.catalogue.refusal_reasons)),
        lambda db, employee, now: portal.desk.refuse(db, employee, number, refusal, now),
    )


@post_form("/center/requests/{number:str}/grievance", Access.STAFF)
def decide_grievance(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Write down the decision on a grievance."""
    portal = visit.portal
    decision = GrievanceDecision(form.text("outcome"), form.text("grounds").replace("\r\n", "\n"))
    return act_as_typed(
        visit,
        number,
        form,
        Permission.DECIDE,
        "grounds",
        lambda _: decision.problems(),
        lambda db, employee, now: portal.desk.decide_grievance(db, employee, number, decision, now),
    )


@post_form("/center/requests/{number:str}/accept-prelim", Access.STAFF)
def accept_prelim(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Accept in principle, with the conditions."""
    portal = visit.portal
    accepted = Acceptance(form.text("conditions").replace("\r\n", "\n"))
    return act_as_typed(
        visit,
        number,
        form,
        Permission.DECIDE,
        "conditions",
        lambda _: accepted.problems(),
        lambda db, employee, now: portal.desk.accept_prelim(db, employee, number, accepted, now),
    )


@post_files("/center/requests/{number:str}/approve", Access.STAFF)
def approve(
    visit: NamedDependency[Visit], number: FromPath[str], upload_form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Approve with the issued document."""
    portal, form = visit.portal, upload_form
    with portal.database.read() as db:
        employee = visit.employee(db)
        employee.must(Permission.DECIDE)
        opened = open_request(db, portal.vault, employee, number)
    visit.check_form(form)
    file = next((f for f in form.files if f.name == "output"), None)
    issued = IssuedOutput(
        form.text("output_number"), form.text("approval_note").replace("\r\n", "\n")
    )
    problems = issued.problems(file_given=file is not None)
    order = None
    if opened.payload["service"].get("returns_deposit"):
        reasons = form.text("deduction_reasons").replace("\r\n", "\n")
        order, wrong = read_payment_order(form.text("deducted"), reasons)
        problems += wrong
    if stages.outstanding(opened.payload, opened.assessments):
        problems.insert(0, Problem("", FEES_OUTSTANDING))
    inspected: Inspected | None = None
    if file is not None:
        try:
            inspected = inspect(file.path, _OUTPUT)
        except Unacceptable as error:
            problems.append(Problem("output", error.msgid, error.params))
    if problems or inspected is None or file is None:
        return request_page(visit, employee, opened, form, problems, 422)
    with inspected.content:
        stored = portal.center_files.put(inspected.content)
    named = IssuedOutput(
        issued.output_number,
        issued.note,
        clean_file_name(file.file_name) or "output.pdf",
        inspected.media_type,
        inspected.pages,
        stored,
        order,
    )
    try:
        with portal.database.begin() as db:
            portal.desk.approve(db, employee, number, named, portal.clock.now())
    except (Conflict, Missing):
        portal.center_files.drop(stored.key)
        raise
    return redirect(visit, f"/center/requests/{number}")


HANDLERS = [
    center,
    show_sign_in,
    sign_in,
    sign_out,
    show_inbox,
    tell_of_new,
    show_request,
    show_document,
    register,
    accept_documents,
    request_completion,
    refuse,
    accept_prelim,
    approve,
    decide_grievance,
    *center_fees.HANDLERS,
]
