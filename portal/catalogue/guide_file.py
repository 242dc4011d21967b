"""The guides of ``guides/``: two or three questions that lead to the right service.

Checked at the start: the questions of a guide are a tree. Each is led to by exactly one answer, so
that every screen has one way back, there is no circle, and each answer ends at a service that
exists and that the guide describes.
"""

from collections.abc import Container, Mapping
from dataclasses import replace
from pathlib import Path

from portal.catalogue.model import Answer, Guide, Question
from portal.catalogue.reading import Table, read_toml, unique

UNSURE = "unsure"
"""The address of the way out, where a question's code would stand."""


def read_guides(directory: Path, numbers: Mapping[str, int]) -> dict[str, Guide]:
    """Every guide by its code; raises :class:`~portal.catalogue.reading.CatalogueError`.

    ``numbers`` are those of the services: a guide stands where the first of its services does.
    """
    guides = [read_guide(path, numbers) for path in sorted(directory.glob("*.toml"))]
    guides.sort(key=lambda guide: min(numbers[code] for code in guide.services))
    return {guide.code: guide for guide in guides}


def read_guide(path: Path, services: Container[str]) -> Guide:
    """The guide of one file, named by it."""
    table = read_toml(path)
    described = table.table("services")
    guide = Guide(
        code=path.stem,
        title=table.text("title"),
        summary=table.text("summary"),
        services={code: described.text(code) for code in described.keys()},  # noqa: SIM118
        questions=_read_questions(table),
    )
    table.done()
    for code in guide.services:
        if code not in services:
            raise table.wrong(f"services.{code}", "there is no such service")
    named = {a.service for q in guide.questions.values() for a in q.answers if a.service}
    for code in sorted(named ^ guide.services.keys()):
        reason = "is not described" if code in named else "no answer leads there"
        raise table.wrong(f"services.{code}", reason)
    return guide


def _read_questions(table: Table) -> dict[str, Question]:
    questions: dict[str, Question] = {}
    for part in table.tables("questions"):
        question = _read_question(part)
        if question.code in {UNSURE, *questions}:
            raise part.wrong("code", f"{question.code!r} is taken")
        questions[question.code] = question
    if not questions:
        raise table.wrong("questions", "a guide asks something")
    return _tree(table, questions)


def _read_question(table: Table) -> Question:
    answers = []
    for part in table.tables("answers"):
        answers.append(
            Answer(
                code=part.take("code", str),
                label=part.text("label"),
                question=part.take("question", str, ""),
                service=part.take("service", str, ""),
            )
        )
        part.done()
        if bool(answers[-1].question) == bool(answers[-1].service):
            raise part.wrong("service", "an answer leads to a service or to a question")
    question = Question(
        code=table.take("code", str),
        text=table.text("text"),
        hint=table.optional_text("hint"),
        answers=tuple(answers),
    )
    table.done()
    if len(answers) < 2:
        raise table.wrong("answers", "a question has at least two")
    unique(answers, lambda a: a.code, lambda code: table.wrong("answers", f"{code!r} stands twice"))
    return question


def _tree(table: Table, questions: dict[str, Question]) -> dict[str, Question]:
    """The same questions, each knowing the one answer that leads to it."""
    reached = [next(iter(questions))]
    for code in reached:
        for answer in questions[code].answers:
            if not answer.question:
                continue
            where = f"questions[{code}].answers[{answer.code}]"
            if answer.question not in questions:
                raise table.wrong(where, f"there is no question {answer.question!r}")
            if answer.question in reached:
                raise table.wrong(where, f"{answer.question!r} is asked already on another way")
            reached.append(answer.question)
            questions[answer.question] = replace(
                questions[answer.question], asked_by=(code, answer.code)
            )
    for code in questions.keys() - set(reached):
        raise table.wrong(f"questions[{code}]", "no answer leads here")
    return questions
