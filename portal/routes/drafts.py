"""The form: begin, pages, documents, check, submit. For its owner alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from portal.catalogue.fields import Raw
from portal.catalogue.forms import (
    Evaluation,
    StepState,
    change_rows,
    evaluate,
    read_step,
    reveals,
)
from portal.catalogue.identity import local_mobile
from portal.catalogue.model import Service
from portal.clock import public_id
from portal.problems import Missing, Problem
from portal.requests import drafts, submission, uploads
from portal.requests.drafts import AlreadySubmitted, ChangedMeanwhile, OpenDraft
from portal.requests.snapshot import snapshot
from portal.requests.submission import Filing, Ids, Incomplete
from portal.requests.uploads import Attached
from portal.web import blanks
from portal.web.blanks import Sheet
from portal.web.http_forms import ADD_ROW, REMOVE_ROW, PostedForm
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_form
from portal.web.visit import BlankVisit, Forged, Visit

SAVE_ONLY, LATER, BACK = "_autosave", "_later", "_back"


@dataclass(frozen=True)
class OpenForm:
    """A draft with its service and what its answers mean."""

    draft: OpenDraft
    service: Service
    evaluation: Evaluation
    attached: list[Attached]


def open_form(visit: Visit, draft_id: str, *, files: bool = True) -> OpenForm:
    """The citizen's own draft, evaluated; with its ``files`` where the page is about them too."""
    portal = visit.portal
    with portal.database.read() as db:
        draft = visit.own_draft(db, draft_id)
        service = portal.catalogue.services.get(draft.service_code)
        if service is None:
            raise Missing("service")
        lookups = portal.lookups(db)
        evaluation = evaluate(service, draft.raw, visit.today, lookups)
        attached = uploads.of_draft(db, portal.vault, draft_id) if files else []
    return OpenForm(draft, service, evaluation, attached)


@get_page("/services/{slug:str}/apply", Access.CITIZEN)
def apply(visit: NamedDependency[Visit], slug: FromPath[str]) -> Response[bytes]:
    """Begin a request, or offer the one that is begun already."""
    portal = visit.portal
    service = portal.catalogue.services.get(slug)
    if service is None:
        raise Missing("service")
    if not submission.check_window(service, visit.today):
        return redirect(visit, f"/services/{slug}")
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        known = drafts.open_of(db, portal.vault, citizen.citizen_id, slug)
        if known is None:
            prefilled: dict[str, Raw] = {
                "national_id": citizen.national_id,
                "mobile": local_mobile(citizen.mobile),
            }
            draft_id = drafts.begin(
                db,
                portal.vault,
                citizen.citizen_id,
                service,
                public_id(),
                prefilled,
                portal.clock.now(),
            )
    if known is not None:
        return portal.pages.page(visit, "drafts/offer.html", service=service, draft=known)
    return redirect(visit, f"/drafts/{draft_id}/{service.steps[0].code}")


@post_form("/services/{slug:str}/apply", Access.CITIZEN)
def begin_anew(
    visit: NamedDependency[Visit], slug: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Drop the draft that was offered and begin another."""
    portal, files = visit.portal, []
    if slug not in portal.catalogue.services:
        raise Missing("service")
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        visit.check_form(form)
        known = drafts.open_of(db, portal.vault, citizen.citizen_id, slug)
        if known is not None:
            drafts.discard(db, citizen.citizen_id, known.id)
            files = uploads.forget(db, [known.id])
    for key in files:
        portal.files.drop(key)
    return redirect(visit, f"/services/{slug}/apply")


@post_form("/drafts/{draft_id:str}/discard", Access.CITIZEN)
def discard(
    visit: NamedDependency[Visit], draft_id: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    portal = visit.portal
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        visit.check_form(form)
        drafts.discard(db, citizen.citizen_id, draft_id)
        files = uploads.forget(db, [draft_id])
    for key in files:
        portal.files.drop(key)
    return redirect(visit, "/requests")


@get_page("/drafts/{draft_id:str}", Access.CITIZEN)
def show_tasks(visit: NamedDependency[Visit], draft_id: FromPath[str]) -> Response[bytes]:
    """The parts of the form and how far each is: where one goes on later."""
    try:
        opened = open_form(visit, draft_id)
    except AlreadySubmitted:
        return _to_request(visit, draft_id)
    wanted = uploads.wanted(opened.service, opened.evaluation.names)
    return visit.portal.pages.page(
        visit,
        "drafts/tasks.html",
        opened=opened,
        missing=uploads.missing(wanted, opened.attached),
        wanted=wanted,
        quote=submission.price(opened.evaluation, visit.today),
    )


@get_page("/drafts/{draft_id:str}/{step_code:str}", Access.CITIZEN)
def show_step(
    visit: NamedDependency[Visit],
    draft_id: FromPath[str],
    step_code: FromPath[str],
    back: FromQuery[str] = "",
) -> Response[bytes]:
    try:
        opened = open_form(visit, draft_id, files=False)
    except AlreadySubmitted:
        return _to_request(visit, draft_id)
    state = opened.evaluation.state(step_code)
    if state is None:
        if opened.service.step(step_code) is None:
            raise Missing("step")
        return redirect(visit, f"/drafts/{draft_id}")  # not asked with these answers
    if visit.request.scope["query_string"]:
        return _step_page(visit, opened, state, back)
    return _plain_step(visit, opened, state)


def _step_page(
    visit: Visit,
    opened: OpenForm,
    state: StepState,
    back: str,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
    *,
    stale: bool = False,
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "drafts/step.html",
        status,
        opened=opened,
        state=state,
        reveals=reveals(state),
        problems=problems,
        errors={problem.field: problem for problem in problems},
        back=back,
        stale=stale,
        **_position(opened, state),
    )


def _position(opened: OpenForm, state: StepState) -> dict[str, Any]:
    """Which page of how many; documents and check are the last two."""
    codes = [each.step.code for each in opened.evaluation.steps]
    return {"position": codes.index(state.step.code) + 1, "count": len(codes) + 2}


def _plain_step(visit: Visit, opened: OpenForm, state: StepState) -> Response[bytes]:
    """The page of a step as most visits see it, at its own address and with nothing to tell."""
    form, position = blanks.shape(state), _position(opened, state)
    if form is None:
        return _step_page(visit, opened, state, "")
    step, draft = state.step, opened.draft
    texts = {
        "draft": draft.id,
        "csrf": visit.csrf_token,
        "until": visit.signed_in_until,
        "warned_in": visit.warned_in,
    }

    def context(sheet: Sheet) -> Mapping[str, Any]:
        blank, draft_id = blanks.blank_state(state, sheet), sheet.text("draft")
        path = f"/drafts/{draft_id}/{step.code}"
        return {
            "visit": BlankVisit(visit, path, {name: sheet.text(name) for name in texts}),
            "session": True,  # somebody's, and the page may say no more of it
            "opened": replace(opened, draft=replace(draft, id=draft_id, raw={})),
            "state": blank,
            "reveals": reveals(blank),
            "problems": (),
            "errors": {},
            "back": "",
            "stale": False,
            **position,
        }

    return visit.portal.pages.filled_page(
        visit,
        "drafts/step.html",
        (opened.service.code, step.code, *position.values(), form),
        context,
        blanks.fill_in(state, texts),
    )


@post_form("/drafts/{draft_id:str}/{step_code:str}", Access.CITIZEN)
def save_step(
    visit: NamedDependency[Visit],
    draft_id: FromPath[str],
    step_code: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Keep what was typed, right or wrong; then tell every problem at once, or go on."""
    try:
        opened = _save(visit, draft_id, step_code, form)
    except AlreadySubmitted:
        return _to_request(visit, draft_id)
    except Forged:
        return _unsaved(visit, draft_id, step_code, form)
    if form.text(SAVE_ONLY):
        return Response(b"", status_code=204)
    state = opened.evaluation.state(step_code)
    if form.text(ADD_ROW) or form.text(REMOVE_ROW):
        group = (form.text(ADD_ROW) or form.text(REMOVE_ROW)).split(".")[0]
        # the page again, at the group whose rows changed
        at_group = f"#{group}" if group in opened.service.fields else ""
        return redirect(visit, f"/drafts/{draft_id}/{step_code}{at_group}")
    if state is not None and state.problems:
        if form.text(LATER):
            return redirect(visit, f"/drafts/{draft_id}")
        return _step_page(visit, opened, state, form.text(BACK), state.problems, 422)
    return _next(visit, opened, step_code, form)


def _save(visit: Visit, draft_id: str, step_code: str, form: PostedForm) -> OpenForm:
    portal = visit.portal
    with portal.database.begin() as db:
        known = visit.own_draft(db, draft_id, hold=True)
        visit.check_form(form)
        service = portal.catalogue.services.get(known.service_code)
        step = service.step(step_code) if service else None
        if service is None or step is None:
            raise Missing("step")
        typed = read_step(step, form.values)
        changes = change_rows(step, typed, form.text(ADD_ROW), form.text(REMOVE_ROW))
        saved = drafts.save(db, portal.vault, known, changes, portal.clock.now())
    with portal.database.read() as db:
        lookups = portal.lookups(db)
        evaluation = evaluate(service, saved.raw, visit.today, lookups)
    return OpenForm(saved, service, evaluation, [])


def _unsaved(visit: Visit, draft_id: str, step_code: str, form: PostedForm) -> Response[bytes]:
    """A page of an older session: nothing is saved, nothing typed is lost; send it again."""
    opened = open_form(visit, draft_id)
    step = opened.service.step(step_code)
    if step is None:
        raise Missing("step")
    typed: Mapping[str, Any] = {**opened.draft.raw, **read_step(step, form.values)}
    portal = visit.portal
    with portal.database.read() as db:
        lookups = portal.lookups(db)
        evaluation = evaluate(opened.service, typed, visit.today, lookups)
    shown = OpenForm(opened.draft, opened.service, evaluation, [])
    state = evaluation.state(step_code)
    if state is None:
        raise Missing("step")
    return _step_page(visit, shown, state, form.text(BACK), (), 403, stale=True)


def _next(visit: Visit, opened: OpenForm, step_code: str, form: PostedForm) -> Response[bytes]:
    draft_id = opened.draft.id
    if form.text(LATER):
        return redirect(visit, f"/drafts/{draft_id}")
    if form.text(BACK) == "check" and opened.evaluation.complete:
        return redirect(visit, f"/drafts/{draft_id}/check")
    following = opened.evaluation.after(step_code)
    if following is not None:
        return redirect(visit, f"/drafts/{draft_id}/{following.step.code}")
    return redirect(visit, f"/drafts/{draft_id}/documents")


def _to_request(visit: Visit, draft_id: str) -> Response[bytes]:
    """A draft that was submitted leads to its request: back button, second tab, double tap."""
    with visit.portal.database.read() as db:
        citizen = visit.citizen(db)
        number = submission.number_of_draft(db, citizen.citizen_id, draft_id)
    if number is None:
        raise Missing("draft")
    return redirect(visit, f"/requests/{number}")


@get_page("/drafts/{draft_id:str}/check", Access.CITIZEN)
def show_check(visit: NamedDependency[Visit], draft_id: FromPath[str]) -> Response[bytes]:
    try:
        opened = open_form(visit, draft_id)
    except AlreadySubmitted:
        return _to_request(visit, draft_id)
    return _check_page(visit, opened, ())


def _check_page(
    visit: Visit, opened: OpenForm, problems: tuple[Problem, ...], status: int = 200
) -> Response[bytes]:
    wanted = uploads.wanted(opened.service, opened.evaluation.names)
    portal = visit.portal
    center = opened.evaluation.center
    return portal.pages.page(
        visit,
        "drafts/check.html",
        status,
        opened=opened,
        sections=snapshot(opened.evaluation, portal.languages.pair)["sections"],
        wanted=wanted,
        quote=submission.price(opened.evaluation, visit.today),
        center=portal.places.centers.get(center or ""),
        problems=problems,
        errors={problem.field: problem for problem in problems},
    )


@post_form("/drafts/{draft_id:str}/check", Access.CITIZEN)
def submit(
    visit: NamedDependency[Visit], draft_id: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Declare and submit; a second tap leads to the same request."""
    try:
        opened = open_form(visit, draft_id)
    except AlreadySubmitted:
        return _to_request(visit, draft_id)
    visit.check_form(form)
    if form.text("declaration") not in {"yes", "on", "true", "1"}:
        problem = Problem("declaration", submission.DECLARE)
        return _check_page(visit, opened, (problem,), 422)
    try:
        number = _submit(visit, opened, form.text("revision"))
    except AlreadySubmitted:
        return _to_request(visit, draft_id)
    except ChangedMeanwhile:
        changed = Problem("declaration", submission.CHANGED)
        return _check_page(visit, open_form(visit, draft_id), (changed,), 422)
    except Incomplete as error:
        return _check_page(visit, opened, tuple(error.problems), 422)
    paid_later = submission.price(opened.evaluation, visit.today).due_now
    return redirect(visit, f"/requests/{number}{'/pay' if paid_later else ''}")


def _submit(visit: Visit, opened: OpenForm, shown_revision: str) -> str:
    """The number of the request; the declaration is for what the page showed, no more."""
    portal = visit.portal
    missing = submission.missing_parts(opened.evaluation, opened.attached)
    center = portal.places.centers.get(opened.evaluation.center or "")
    if missing or center is None:
        raise Incomplete(missing)
    if shown_revision != str(opened.draft.revision):
        raise ChangedMeanwhile(opened.draft.id)
    with portal.database.begin() as db:
        citizen = visit.citizen(db)
        filing = Filing(
            citizen_id=citizen.citizen_id,
            draft_id=opened.draft.id,
            mobile=citizen.mobile,
            locale=visit.speech.locale,
            evaluation=opened.evaluation,
            revision=opened.draft.revision,
            center=center,
            sections=snapshot(opened.evaluation, portal.languages.pair),
        )
        ids, now = Ids(public_id(), public_id()), portal.clock.now()
        number = submission.submit(db, portal.vault, portal.hand_off, filing, ids, now)
        unasked = uploads.forget(db, [opened.draft.id])
    for key in unasked:
        portal.files.drop(key)
    return number


HANDLERS = [
    apply,
    begin_anew,
    discard,
    show_tasks,
    show_step,
    save_step,
    show_check,
    submit,
]
