"""The guides: one question a screen, each answer an address, at the end the service; for anyone."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from portal.catalogue.guide_file import UNSURE
from portal.catalogue.model import Guide, Question
from portal.problems import Missing
from portal.web.pages import redirect
from portal.web.routing import Access, get_page
from portal.web.visit import Visit


@get_page("/guides", Access.ANYONE)
def guides(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Every guide."""
    catalogue = visit.portal.catalogue
    return visit.portal.pages.shared_page(visit, "guides/list.html", catalogue=catalogue)


@get_page("/guides/{guide_code:str}", Access.ANYONE)
def first_question(visit: NamedDependency[Visit], guide_code: FromPath[str]) -> Response[bytes]:
    guide = _guide(visit, guide_code)
    return _question_page(visit, guide, guide.first)


@get_page("/guides/{guide_code:str}/{question_code:str}", Access.ANYONE)
def question(
    visit: NamedDependency[Visit], guide_code: FromPath[str], question_code: FromPath[str]
) -> Response[bytes]:
    """A later question, or the way out: every service of the guide side by side."""
    guide = _guide(visit, guide_code)
    if question_code == UNSURE:
        return visit.portal.pages.shared_page(
            visit, "guides/unsure.html", guide=guide, catalogue=visit.portal.catalogue
        )
    asked = _question(guide, question_code)
    if asked is guide.first:
        return redirect(visit, f"/guides/{guide_code}")
    return _question_page(visit, guide, asked)


@get_page("/guides/{guide_code:str}/{question_code:str}/{answer_code:str}", Access.ANYONE)
def answer(
    visit: NamedDependency[Visit],
    guide_code: FromPath[str],
    question_code: FromPath[str],
    answer_code: FromPath[str],
) -> Response[bytes]:
    """The service that the answers lead to, and why."""
    guide = _guide(visit, guide_code)
    asked = _question(guide, question_code)
    given = asked.answer(answer_code)
    if given is None:
        raise Missing("answer")
    if given.question:
        return redirect(visit, f"/guides/{guide_code}/{given.question}")
    catalogue = visit.portal.catalogue
    return visit.portal.pages.shared_page(
        visit,
        "guides/answer.html",
        guide=guide,
        way=[*guide.way(asked), (asked, given)],
        service=catalogue.services[given.service],
        catalogue=catalogue,
    )


def _question_page(visit: Visit, guide: Guide, asked: Question) -> Response[bytes]:
    return visit.portal.pages.shared_page(
        visit,
        "guides/question.html",
        guide=guide,
        question=asked,
        way=guide.way(asked),
    )


def _guide(visit: Visit, code: str) -> Guide:
    guide = visit.portal.catalogue.guides.get(code)
    if guide is None:
        raise Missing("guide")
    return guide


def _question(guide: Guide, code: str) -> Question:
    found = guide.questions.get(code)
    if found is None:
        raise Missing("question")
    return found


HANDLERS = [guides, first_question, question, answer]
