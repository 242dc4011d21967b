"""The guides lead to the right service in two or three questions, and never in a circle."""

from pathlib import Path

import pytest

from portal.catalogue.guide_file import read_guide
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Guide
from portal.catalogue.reading import CatalogueError

CATALOGUE = shipped_catalogue()
GOOD = """
title = { ar = "أي طلب", en = "Which" }
summary = { ar = "سؤال", en = "A question" }

[services]
one = { ar = "الأول", en = "The first" }
two = { ar = "الثاني", en = "The second" }

[[questions]]
code = "start"
text = { ar = "ما هو؟", en = "What is it?" }

[[questions.answers]]
code = "this"
label = { ar = "هذا", en = "This" }
service = "one"

[[questions.answers]]
code = "that"
label = { ar = "ذاك", en = "That" }
question = "more"

[[questions]]
code = "more"
text = { ar = "وماذا أيضًا؟", en = "What else?" }

[[questions.answers]]
code = "here"
label = { ar = "هنا", en = "Here" }
service = "two"

[[questions.answers]]
code = "there"
label = { ar = "هناك", en = "There" }
service = "one"
"""


def read(tmp_path: Path, text: str) -> Guide:
    path = tmp_path / "which.toml"
    path.write_text(text, encoding="utf-8")
    return read_guide(path, {"one", "two", "three"})


def test_a_guide_knows_the_way_to_each_question(tmp_path: Path) -> None:
    guide = read(tmp_path, GOOD)
    assert guide.first.code == "start"
    assert guide.way(guide.first) == []
    way = guide.way(guide.questions["more"])
    assert [(question.code, answer.code) for question, answer in way] == [("start", "that")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('question = "more"', 'question = "nothing"', "there is no question 'nothing'"),
        ('service = "two"', 'question = "start"', "'start' is asked already on another way"),
        ('service = "two"', 'question = "more"', "'more' is asked already on another way"),
        ('service = "two"', 'service = "four"', "services.four: is not described"),
        ('service = "two"', 'service = "one"', "services.two: no answer leads there"),
        ("two = { ar", "four = { ar", "services.four: there is no such service"),
        ('question = "more"', 'service = "two"', "questions[more]: no answer leads here"),
        ('service = "two"\n', "", "leads to a service or to a question"),
        (
            'question = "more"',
            'question = "more"\nservice = "one"',
            "to a service or to a question",
        ),
        ('code = "that"', 'code = "this"', "'this' stands twice"),
        ('code = "more"', 'code = "start"', "'start' is taken"),
        ('code = "more"', 'code = "unsure"', "'unsure' is taken"),
        ("summary =", "lead =", "summary: is missing"),
        ("title =", 'icon = "x"\ntitle =', "icon: is not a key that is known here"),
    ],
)
def test_a_guide_that_leads_nowhere_stops_the_start(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(caught.value).startswith("which.toml: ")
    assert reason in str(caught.value)


def test_a_question_has_at_least_two_answers(tmp_path: Path) -> None:
    cut = GOOD.rpartition("[[questions.answers]]")[0]
    with pytest.raises(CatalogueError, match="at least two"):
        read(tmp_path, cut)
    with pytest.raises(CatalogueError, match="a guide asks something"):
        read(tmp_path, GOOD.partition("[[questions]]")[0])


def test_no_way_is_longer_than_three_questions() -> None:
    for guide in CATALOGUE.guides.values():
        for question in guide.questions.values():
            assert len(guide.way(question)) < 3, (guide.code, question.code)


# (guide, answers in order) → the service that facts §2.3 to §2.10 name for the case
CASES = [
    ("building-works", ["new"], "building-permit-new"),
    ("building-works", ["existing", "floors"], "building-permit-vertical-extension"),
    ("building-works", ["existing", "change"], "building-permit-alteration"),
    ("building-works", ["existing", "strengthen"], "building-permit-strengthening"),
    ("building-works", ["existing", "repair"], "building-permit-restoration"),
    ("building-works", ["demolish", "sound"], "demolition-permit"),
    ("building-works", ["demolish", "danger"], "dilapidated-building-inspection"),
    ("building-works", ["unstarted"], "building-permit-renewal"),
    ("building-works", ["done"], "reconciliation-request"),
    ("after-permit", ["before", "soon"], "works-start-notice"),
    ("after-permit", ["complete"], "occupancy-certificate-deposit"),
    ("shop-licence", ["none", "risky"], "shop-licence-new"),
    ("shop-licence", ["none", "harmless"], "shop-licence-by-notification"),
    ("shop-licence", ["licensed", "amend"], "shop-licence-amendment"),
    ("shop-licence", ["licensed", "holder"], "shop-licence-transfer"),
    ("shop-licence", ["licensed", "copy"], "shop-licence-replacement"),
    ("shop-licence", ["licensed", "move"], "shop-licence-new"),
    ("reconciliation", ["none", "private"], "reconciliation-request"),
    ("reconciliation", ["none", "state"], "state-land-legalisation"),
    ("reconciliation", ["accepted"], "reconciliation-balance-payment"),
    ("reconciliation", ["form"], "reconciliation-works-completion"),
    ("street", ["shop"], "road-occupation-permit"),
    ("street", ["works"], "building-works-road-occupation"),
    ("street", ["event"], "event-tent-permit"),
    ("street", ["selling", "kiosk"], "kiosk-licence"),
    ("street", ["selling", "mobile"], "mobile-food-unit-licence"),
    ("street", ["selling", "stall"], "market-stall-licence"),
    ("advertisement", ["valid", "unchanged"], "advertisement-licence-renewal"),
    ("advertisement", ["valid", "changed"], "advertisement-licence-new"),
    ("lift", ["none"], "elevator-installation-licence"),
    ("lift", ["licensed"], "elevator-operation-licence-renewal"),
    ("property-papers", ["permit", "data"], "property-data-certificate"),
    ("property-papers", ["use", "yes"], "utilities-connection-letter"),
    ("state-property", ["contract"], "state-property-dues-payment"),
]


@pytest.mark.parametrize(("code", "given", "service"), CASES)
def test_the_answers_lead_to_the_service_of_the_case(
    code: str, given: list[str], service: str
) -> None:
    guide = CATALOGUE.guides[code]
    question = guide.first
    for each in given[:-1]:
        answer = question.answer(each)
        assert answer is not None
        question = guide.questions[answer.question]
    last = question.answer(given[-1])
    assert last is not None
    assert last.service == service


def test_every_service_that_is_easily_mistaken_is_in_a_guide() -> None:
    found = {code for guide in CATALOGUE.guides.values() for code in guide.services}
    for family in ("building-permits", "reconciliation", "shops", "advertising"):
        assert {s.code for s in CATALOGUE.family_services(family)} <= found
    assert {s.code for s in CATALOGUE.family_services("occupations-markets")} <= found


def test_neighbours_are_those_that_the_same_questions_tell_apart() -> None:
    guide = CATALOGUE.guides["shop-licence"]
    assert guide.neighbours("shop-licence-by-notification") == ["shop-licence-new"]
    assert guide.neighbours("shop-licence-amendment") == [
        "shop-licence-transfer",
        "shop-licence-replacement",
        "shop-licence-new",
    ]
    nearest = CATALOGUE.guides["reconciliation"].neighbours("reconciliation-request")
    assert nearest == [
        "state-land-legalisation",
        "reconciliation-balance-payment",
        "reconciliation-works-completion",
    ]
