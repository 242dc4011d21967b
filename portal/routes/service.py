"""The page of one service, its fees tried and its documents to tick; open to anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.catalogue import fees
from portal.catalogue.checklist import checklist
from portal.catalogue.fields import Raw
from portal.catalogue.forms import Asked, Evaluation, change_rows, read_step
from portal.catalogue.model import Field, PaymentMode, Service, Text, Trial
from portal.catalogue.trying import arrange, estimate, evaluate_trial, openers_of
from portal.problems import N_, Missing, Problem
from portal.requests.submission import check_window
from portal.web.http_forms import ADD_ROW, REMOVE_ROW, PostedForm, read_query
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

FILLING_IN = "_filling"
"""Marks an address whose rows were changed: what is missing in it is no mistake yet."""


@get_page("/services/{slug:str}", Access.ANYONE)
def service(visit: NamedDependency[Visit], slug: FromPath[str]) -> Response[bytes]:
    found = _service(visit, slug)
    catalogue = visit.portal.catalogue
    trial = catalogue.trials.get(slug)
    return visit.portal.pages.shared_page(
        visit,
        "services/show.html",
        **_about(visit, found),
        family=catalogue.families[found.family],
        department=catalogue.departments[found.department],
        following=catalogue.following(slug),
        neighbours={
            code: guide.services[code]
            for guide in catalogue.guides_of(slug)
            for code in guide.neighbours(slug)
        },
        guides=catalogue.guides_of(slug),
        is_open=check_window(found, visit.today),
        **(_form(visit, trial, evaluate_trial(trial, {}, visit.today)) if trial else {}),
    )


@get_page("/services/{slug:str}/documents", Access.ANYONE)
def documents(visit: NamedDependency[Visit], slug: FromPath[str]) -> Response[bytes]:
    """The list to print: documents with boxes, fees, period, and what must be ready first."""
    found = _service(visit, slug)
    return visit.portal.pages.shared_page(
        visit,
        "services/documents.html",
        **_about(visit, found),
        address=visit.portal.settings.public_url + visit.url(f"/services/{slug}"),
    )


@get_page("/services/{slug:str}/fees", Access.ANYONE)
def try_fees(visit: NamedDependency[Visit], slug: FromPath[str]) -> Response[bytes]:
    """What the fees come to for the numbers in the address, which belong to nobody."""
    found = _service(visit, slug)
    trial = visit.portal.catalogue.trials.get(slug)
    if trial is None:
        raise Missing("trial")
    form = read_query(visit.request)
    if form.text(ADD_ROW) or form.text(REMOVE_ROW):
        return _with_rows(visit, trial, form)
    evaluation = evaluate_trial(trial, read_step(trial.page, form.values), visit.today)
    begun = bool(form.values) and not form.text(FILLING_IN)
    problems = evaluation.steps[0].problems if begun else ()
    part = visit.is_fragment  # while somebody types: what is missing is no mistake yet
    return visit.portal.pages.page(
        visit,
        "services/_result.html" if part else "services/fees.html",
        422 if problems and not part else 200,
        service=found,
        stages=estimate(trial, evaluation, visit.today) if begun and not problems else [],
        problems=problems,
        **_form(visit, trial, evaluation, problems),
    )


def _service(visit: Visit, slug: str) -> Service:
    found = visit.portal.catalogue.services.get(slug)
    if found is None:
        raise Missing("service")
    return found


def _about(visit: Visit, found: Service) -> dict[str, Any]:
    """What the page of a service and its printed list both tell."""
    catalogue = visit.portal.catalogue
    fixed = None
    if found.code not in catalogue.trials and found.payment_mode is not PaymentMode.DUES:
        names = fees.namespace(found, {}, visit.today)
        fixed = fees.quote(found, names, visit.today)  # the same for everyone
    return {
        "service": found,
        "catalogue": catalogue,
        "papers": checklist(found),
        "required_services": [
            (link, [catalogue.services[code] for code in link.services]) for link in found.requires
        ],
        "fixed": fixed,
    }


def _form(
    visit: Visit, trial: Trial, evaluation: Evaluation, problems: Sequence[Problem] = ()
) -> dict[str, Any]:
    """The questions of the trial as the page shows them."""
    standing, reveals, loose = arrange(trial, evaluation)
    return {
        "trial": trial,
        "questions": [
            _told_when(visit, trial, each) if each.field.code in loose else each
            for each in standing
        ],
        "reveals": reveals,
        "errors": {problem.field: problem for problem in problems},
    }


def _told_when(visit: Visit, trial: Trial, asked: Asked) -> Asked:
    """A question that only some answers need says which: no script opens it."""
    openers = [choice.label for choice in openers_of(trial, asked.field.code)]
    words = (
        speech.gettext(N_("Only for: {answers}"), answers=speech.join(map(speech.show, openers)))
        for speech in visit.portal.languages.pair
    )
    return replace(asked, field=replace(asked.field, hint=Text(*words)))


def _with_rows(visit: Visit, trial: Trial, form: PostedForm) -> Response[bytes]:
    """To the address of the same numbers with a row more or less, at the group that changed."""
    add, remove = form.text(ADD_ROW), form.text(REMOVE_ROW)
    rows = change_rows(trial.page, read_step(trial.page, form.values), add, remove)
    groups = {field.code: field for field in trial.page.fields if field.kind == "group"}
    kept: list[tuple[str, str]] = [
        (name, value)
        for name, values in form.values.items()
        for value in values
        if name not in {ADD_ROW, REMOVE_ROW, FILLING_IN} and name.split(".")[0] not in groups
    ]
    for group in groups.values():
        kept += _pairs(group, rows[group.code])
    changed = (add or remove).split(".")[0]
    address = visit.url(f"/services/{trial.service.code}/fees")
    query = urlencode([*kept, (FILLING_IN, "1")])
    at_group = f"#{changed}" if changed in groups else ""
    return Response(b"", status_code=303, headers={"location": f"{address}?{query}{at_group}"})


def _pairs(group: Field, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [
        (f"{group.code}.{index}.{column.code}", each)
        for index, row in enumerate(rows)
        for column in group.columns
        for each in _texts(row.get(column.code, ""))
    ]


def _texts(raw: Raw) -> list[str]:
    return raw if isinstance(raw, list) else [raw]


HANDLERS = [service, documents, try_fees]
