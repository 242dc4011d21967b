"""Later fees at a center: worked out and proposed by one employee, approved by another."""

from dataclasses import replace

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.backoffice import assessing, stages
from portal.backoffice.acts import Employee
from portal.backoffice.reading import OpenedRequest
from portal.catalogue.assessment import Question, Sheet
from portal.catalogue.fields import KINDS
from portal.catalogue.forms import Asked
from portal.catalogue.model import Text
from portal.db import LARGEST_ID
from portal.identity.roles import Permission
from portal.problems import N_, Conflict, Problem
from portal.routes.center_request import act_as_typed, open_request
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import Visit

_ADDRESS = "/center/requests/{number:str}"


@get_page(f"{_ADDRESS}/assess", Access.STAFF)
def show_assessment(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    """The sheet of the stage that is to be assessed now; after a return as it was proposed."""
    portal = visit.portal
    with portal.database.read() as db:
        employee = visit.employee(db)
        employee.must(Permission.ASSESS)
        opened = open_request(db, portal.vault, employee, number)
    stage = stages.next_stage(opened)
    if stage is None:  # proposed meanwhile, or settled
        return redirect(visit, f"/center/requests/{number}")
    returned = assessing.last_returned(opened, stage)
    form = assessing.form_of(returned) if returned else {}
    sheet = assessing.sheet_of(portal.catalogue, opened, stage, form)
    # an empty page is nobody's mistake
    return _sheet_page(visit, employee, opened, replace(sheet, problems=()))


def _sheet_page(
    visit: Visit,
    employee: Employee,
    opened: OpenedRequest,
    sheet: Sheet,
    status: int = 200,
    *,
    changed: bool = False,
) -> Response[bytes]:
    portal = visit.portal
    back = [act for act in opened.acts if act.act == "return_fees"]
    returned = assessing.last_returned(opened, sheet.stage)
    whole = sheet.total is not None and all(_answered(each) for each in sheet.questions)
    return portal.pages.page(
        visit,
        "backoffice/assess.html",
        status,
        line=opened.line,
        center=portal.places.centers[employee.center],
        sheet=sheet,
        questions=[_shown(visit, each) for each in sheet.questions],
        lines=[line for line in sheet.lines if not line.extra],
        extras=[line for line in sheet.lines if line.extra],
        returned=back[-1] if back and returned else None,
        seen=_seen(sheet) if whole and not sheet.problems else "",
        changed=changed,
        problems=sheet.problems,
        errors={problem.field: problem for problem in sheet.problems},
    )


def _answered(question: Question) -> bool:
    return question.asked.value is not None or not question.asked.field.required


def _shown(visit: Visit, question: Question) -> Asked:
    """The question with what was declared, as a hint beside its own."""
    asked, speech = question.asked, visit.speech
    if question.declared is None:
        return asked
    declared = KINDS[asked.field.kind].show(asked.field, question.declared, speech)
    said = speech.gettext(N_("Declared: {value}. Leave it empty if that is right"), value=declared)
    if asked.field.hint is not None:
        said = f"{speech.show(asked.field.hint)}. {said}"
    return replace(asked, field=replace(asked.field, hint=Text(said, said)))


def _seen(sheet: Sheet) -> str:
    """A mark of the amounts that a page showed: nothing is proposed that nobody has seen."""
    amounts = [(line.of.id, line.amount) for line in sheet.charged]
    return ",".join(f"{of}={amount.minor if amount else 0}" for of, amount in amounts)


@post_form(f"{_ADDRESS}/assess", Access.STAFF)
def propose_fees(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Work the sheet out; propose it when these very amounts were on the page that was sent."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db)
        employee.must(Permission.ASSESS)
        opened = open_request(db, portal.vault, employee, number)
        stage = stages.next_stage(opened)
        if stage is None:
            visit.check_form(form)
            raise Conflict("no fees are to be assessed now")
        sheet = assessing.sheet_of(portal.catalogue, opened, stage, form.values)
        if not is_own(visit, form):
            stale = replace(sheet, problems=[Problem("", STALE)])
            return _sheet_page(visit, employee, opened, stale, 403)
        changed = bool(form.text("again")) or form.text("seen") != _seen(sheet)
        if not sheet.problems and not changed:
            proposal = assessing.proposal_of(sheet, portal.languages.pair)
            now = portal.clock.now()
            assessing.propose(portal.desk, db, employee, number, proposal, now)
    if sheet.problems:
        return _sheet_page(visit, employee, opened, sheet, 422)
    if changed:
        return _sheet_page(visit, employee, opened, sheet, changed=True)
    return redirect(visit, f"/center/requests/{number}")


@post_form(f"{_ADDRESS}/confirm-fees", Access.STAFF)
def confirm_fees(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Approve what somebody else proposed."""
    portal = visit.portal
    with portal.database.begin() as db:
        employee = visit.employee(db)
        employee.must(Permission.APPROVE_ASSESSMENT)
        open_request(db, portal.vault, employee, number)
        visit.check_form(form)
        now = portal.clock.now()
        assessing.approve(portal.desk, db, employee, number, _proposal_id(form), now)
    return redirect(visit, f"/center/requests/{number}")


@post_form(f"{_ADDRESS}/return-fees", Access.STAFF)
def return_fees(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Return a proposal, with what has to be corrected."""
    portal, proposal = visit.portal, _proposal_id(form)
    returned = assessing.Return(form.text("return_note").replace("\r\n", "\n"))
    return act_as_typed(
        visit,
        number,
        form,
        Permission.APPROVE_ASSESSMENT,
        "return_note",
        lambda _: returned.problems(),
        lambda db, employee, now: assessing.send_back(
            portal.desk, db, employee, number, proposal, returned, now
        ),
    )


def _proposal_id(form: PostedForm) -> int:
    """The proposal that the page showed; 0 of none."""
    text = form.text("assessment")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0
    return number if number <= LARGEST_ID else 0


HANDLERS = [
    show_assessment,
    propose_fees,
    confirm_fees,
    return_fees,
]
