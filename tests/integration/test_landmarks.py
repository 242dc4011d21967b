"""Every page by its structure: one heading above all, no level left out, everything has a name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.support.drafting import COMPLAINT, begin
from tests.support.local import LocalPortal
from tests.support.looking import raw, stranger
from tests.support.people import Browser, Citizen, Employee, Page
from tests.support.world import PAID

PUBLIC = (
    *("/", "/services", "/services?q=رخصة", "/services?q=zzz", "/services?family=shops"),
    *("/services/shop-licence-new", "/services/municipal-complaint", "/centers", "/centers/all"),
    *("/centers?governorate=EG-KFS", "/centers/KFS-003", "/track", "/help", "/privacy"),
    *("/accessibility", "/sign-in", "/center/sign-in", "/sign-in/time", "/sandbox/messages"),
)
_UNLABELLED = {"hidden", "submit", "button"}


@dataclass(frozen=True)
class People:
    """Somebody who has filed and somebody who works on it, with what they look at."""

    citizen: Citizen
    clerk: Employee
    number: str
    draft: str


@pytest.fixture(scope="module")
def people(still: LocalPortal) -> People:
    citizen = still.someone()
    number = still.filed(PAID, citizen).hook("request-number")
    draft = begin(citizen, COMPLAINT)
    return People(citizen, still.employee("front_office"), number, draft)


def own(people: People) -> Iterator[tuple[Browser, str]]:
    """The pages of somebody's own, and those of a center."""
    citizen, clerk, number, draft = people.citizen, people.clerk, people.number, people.draft
    for path in (
        *("/requests", "/requests?show=ended", f"/requests/{number}", "/sign-in/time"),
        *(f"/drafts/{draft}", f"/drafts/{draft}/applicant", f"/drafts/{draft}/details"),
        *(f"/drafts/{draft}/documents", f"/drafts/{draft}/check"),
        *(f"/services/{COMPLAINT}/apply", "/requests/nothing"),
    ):
        yield citizen, path
    for path in ("/center/inbox", "/center/inbox?q=x", f"/center/requests/{number}"):
        yield clerk, path
    yield clerk, "/center/requests/nothing"
    yield clerk, "/center/sign-in/time"


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_every_public_page_is_well_built_and_has_a_title_of_its_own(
    still: LocalPortal, prefix: str
) -> None:
    anyone, titles = stranger(still), dict[str, str]()
    for path in (*PUBLIC, "/nothing"):
        page = anyone.get(prefix + path)
        assert page.status == (404 if path == "/nothing" else 200), path
        assert_well_built(page, "en" if prefix else "ar")
        title = page.tree.xpath("string(//title)")
        assert title not in titles, (path, titles.get(title))
        titles[title] = path


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_every_page_of_ones_own_is_well_built(people: People, prefix: str) -> None:
    for browser, path in own(people):
        page = browser.get(prefix + path)
        assert_well_built(page, "en" if prefix else "ar")


def test_a_page_with_problems_says_so_in_its_title(people: People, still: LocalPortal) -> None:
    citizen = people.citizen
    page = citizen.send(citizen.get(f"/drafts/{people.draft}/details"), {})
    for each in (page, still.citizen().send(still.citizen().get("/track"), {}, "/track")):
        assert each.status in {403, 422}
        assert each.tree.xpath("string(//title)").startswith("خطأ:"), each.path
        assert_well_built(each, "ar")
    assert raw(citizen, "GET", "/nothing").text.count("<title>خطأ:") == 1


def assert_well_built(page: Page, locale: str) -> None:
    tree, where = page.tree, f"{page.path} ({locale})"
    assert tree.get("lang") == locale, where
    assert tree.get("dir") == ("rtl" if locale == "ar" else "ltr"), where
    assert len(tree.xpath("string(//title)").split(" — ")[0].strip()) > 2, where
    assert_headings(page, where)
    assert len(tree.xpath("//main")) == 1, where
    assert tree.xpath("//main/@id") == ["main"], where
    assert tree.xpath("//body/*[1]/@href") == ["#main"], where
    for kind in ("nav", "aside", "section[@aria-label or @aria-labelledby]"):
        names = [name_of(page, each) for each in tree.xpath(f"//{kind}")]
        assert all(names), (where, kind)
        assert len(names) == len(set(names)), (where, kind, names)
    ids = [str(each) for each in tree.xpath("//@id")]
    assert len(ids) == len(set(ids)), (where, [i for i in ids if ids.count(i) > 1])
    for attribute in ("aria-describedby", "aria-labelledby", "aria-controls", "for", "form"):
        for value in tree.xpath(f"//@{attribute}"):
            assert set(str(value).split()) <= set(ids), (where, attribute, value)
    for href in tree.xpath("//a/@href[starts-with(., '#')]"):
        assert str(href)[1:] in ids, (where, href)
    assert_named(page, where)


def assert_headings(page: Page, where: str) -> None:
    levels = [int(each.tag[1]) for each in page.tree.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    assert levels.count(1) == 1, (where, levels)
    # the summary of errors stands before the page's own heading and is one of level two
    after = levels[levels.index(1) :]
    for before, level in pairwise(after):
        assert level <= before + 1, (where, levels)


def assert_named(page: Page, where: str) -> None:
    """Links, buttons, controls and pictures have words."""
    for each in page.tree.xpath("//a[@href] | //button"):
        assert name_of(page, each), (where, each.get("href") or each.get("name"))
    for image in page.tree.xpath("//img"):
        assert image.get("alt") is not None, (where, image.get("src"))
    for control in page.tree.xpath("//input | //select | //textarea"):
        if control.get("type") in _UNLABELLED:
            continue
        labels = page.tree.xpath("//label[@for=$id]", id=control.get("id") or "-")
        named = any(
            each.text_content().strip() for each in (*labels, *control.xpath("ancestor::label"))
        )
        assert named or name_of(page, control), (where, control.get("name"))


def name_of(page: Page, element: object) -> str:
    get, tree = element.get, page.tree  # type: ignore[attr-defined]
    if get("aria-label"):
        return str(get("aria-label")).strip()
    if get("aria-labelledby"):
        texts = [tree.xpath("string(//*[@id=$id])", id=i) for i in get("aria-labelledby").split()]
        return re.sub(r"\s+", " ", " ".join(texts)).strip()
    if element.tag in {"a", "button"}:  # type: ignore[attr-defined]
        return str(element.text_content()).strip()  # type: ignore[attr-defined]
    return ""
