"""What citizens type leads to the service that they need."""

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.search.finder import MOST_HITS, Found, ServiceFinder
from portal.catalogue.search.index import Part

CATALOGUE = shipped_catalogue()
FINDER = ServiceFinder(CATALOGUE)
DATA = Path(__file__).parent / "data"


def codes(query: str, family: str = "") -> list[str]:
    return [hit.service.code for hit in FINDER.find(query, family).hits]


def asked(name: str) -> Iterator[tuple[str, frozenset[str]]]:
    for case in tomllib.loads((DATA / name).read_text(encoding="utf-8"))["asked"]:
        for query in case["queries"]:
            yield query, frozenset(case["services"])


@pytest.mark.parametrize("name", ["queries.toml", "queries_held_out.toml"])
def test_nineteen_of_twenty_find_their_service_among_the_first_three(name: str) -> None:
    queries = list(asked(name))
    missed = {
        query: codes(query)[:3] for query, wanted in queries if not wanted & {*codes(query)[:3]}
    }
    assert len(missed) <= len(queries) * 0.05, missed


def test_every_service_is_asked_for_and_every_expected_one_exists() -> None:
    expected = [
        code
        for name in ("queries.toml", "queries_held_out.toml")
        for _, w in asked(name)
        for code in w
    ]
    assert set(expected) == set(CATALOGUE.services)
    assert min(expected.count(code) for code in CATALOGUE.services) >= 4


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_a_service_is_the_first_for_its_own_title_in_both_languages(code: str) -> None:
    title = CATALOGUE.services[code].title
    assert codes(title.ar)[0] == code
    assert codes(title.en)[0] == code


@pytest.mark.parametrize("code", CATALOGUE.families)
def test_a_family_is_named_by_its_title_in_both_languages(code: str) -> None:
    family = CATALOGUE.families[code]
    assert family in FINDER.find(family.title.ar).families
    assert family in FINDER.find(family.title.en).families


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("رخصة بناء", "رخصه بنا"),
        ("أشغال طريق", "اشغال طريق"),
        ("شكوى", "شكوي"),
        ("إعلان", "الإعلانات"),
        ("مَـحَـلّ", "محل"),
        ("للمحل", "المحل"),
        ("والمصاعد", "مصعد"),
        ("بالسوق", "سوق"),
        ("رخصتي", "رخصة"),
        ("نموذج ٨", "نموذج 8"),
        ("نموذج ۸", "نموذج 8"),
        ("قانون ١٨٧ لسنة ٢٠٢٣", "187/2023"),
        ("ترمييييم", "ترميم"),
        ("KIOSK", "kiosk"),
        ("shops", "shop"),
        ("عايز لو سمحت رخصة محل", "رخصة محل"),
        ("رخصة، محل؟!", "رخصة محل"),
        ("ﻛﺸﻚ", "كشك"),
        ("كش\u200cك", "كشك"),
    ],
)
def test_what_is_written_in_two_ways_finds_the_same(one: str, other: str) -> None:
    assert codes(one)[:5] == codes(other)[:5]
    assert codes(one)


@pytest.mark.parametrize(
    ("typed", "understood", "code"),
    [
        ("رخضة محل", "رخصة محل", "shop-licence-new"),  # another letter
        ("تصلح مخالفات", "تصالح مخالفات", "reconciliation-request"),  # one dropped
        ("سرداق", "سرادق", "event-tent-permit"),  # two swapped
        ("اسانسيير", "أسانسير", "elevator-installation-licence"),  # one doubled
        ("exavation", "excavation", "excavation-permit"),
        ("رخصةمحل", "رخصة محل", "shop-licence-new"),  # the space forgotten
        (";a;", "كشك", "kiosk-licence"),  # the keyboard in English
    ],
)
def test_a_slip_is_corrected_and_told(typed: str, understood: str, code: str) -> None:
    found = FINDER.find(typed)
    assert found.understood == understood
    assert found.hits[0].service.code == code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("koshk", "kiosk-licence"),
        ("tasaloh", "reconciliation-request"),
        ("tarmim", "building-permit-restoration"),
    ],
)
def test_arabic_in_latin_letters_is_heard(typed: str, code: str) -> None:
    assert codes(typed)[0] == code


def test_what_is_still_being_typed_is_completed() -> None:
    for typed in ("كش", "الكش", "كشك"):
        assert "kiosk-licence" in codes(typed)[:3], typed
    assert "elevator-installation-licence" in codes("اسان")


def test_one_or_the_other_family_may_be_asked_alone() -> None:
    found = codes("ترخيص", "advertising")
    assert set(found) == {"advertisement-licence-new", "advertisement-licence-renewal"}
    assert codes("كشك", "shops") == []


def test_it_is_told_by_what_a_service_was_found_when_its_title_does_not_tell() -> None:
    by_document = FINDER.find("شهادة الهيئة القومية لسلامة الغذاء").hits[0]
    assert by_document.part is Part.DOCUMENT
    assert by_document.by in [d.title for d in by_document.service.documents]
    by_word = FINDER.find("يافطة").hits[0]
    assert by_word.part is None or by_word.part is Part.WORDS
    by_title = FINDER.find("ترخيص كشك").hits[0]
    assert by_title.part is None


@pytest.mark.parametrize(
    "nothing",
    ["", "  ", "؟!،", "...", "عايز", "how to", "\x00", "ـــ", "ققققق", "zzzzzz", "𞸀𞸁", "١" * 300],
)
def test_what_says_nothing_finds_nothing(nothing: str) -> None:
    assert FINDER.find(nothing) == Found() or not FINDER.find(nothing).hits


def test_a_long_query_is_read_up_to_its_bounds() -> None:
    assert codes("كشك " + "ق" * 10_000) == codes("كشك")
    assert codes("كشك " * 3_000)[0] == "kiosk-licence"
    began = time.process_time()
    codes("".join(map(chr, range(0x621, 0x64B))) * 240)
    assert time.process_time() - began < 0.5


@given(st.text(max_size=200) | st.text("ابتثجحخدرزسشصضطعغفقكلمنهويةىءأإآؤئ \u064b٠9a", max_size=60))
@settings(max_examples=150, deadline=None)
def test_whatever_is_typed_is_answered(text: str) -> None:
    found = FINDER.find(text)
    assert len(found.hits) <= MOST_HITS
    assert len({hit.service.code for hit in found.hits}) == len(found.hits)


def test_the_pieces_of_a_text_are_the_text() -> None:
    for service in CATALOGUE.services.values():
        for text in (service.title.ar, service.summary.ar, service.title.en):
            assert "".join(piece for piece, _ in FINDER.segments(text)) == text
            assert text.isprintable()  # pages mark with what is not
    marked = [
        piece
        for piece, term in FINDER.segments("ترخيص كشك")
        if term in FINDER.find("الأكشاك").terms
    ]
    assert marked == ["كشك"]
