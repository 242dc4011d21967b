"""How the portal speaks: plural forms, money, dates, digits, and that nothing is untranslated."""

import gettext
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from babel.messages.mofile import write_mo

from portal import words
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Mark, Period, Text, Unit
from portal.i18n import Languages
from portal.notifications import compose
from portal.places.model import load_places
from portal.problems import Problem, TooMany
from tests.support.texts import (
    ARABIC_LETTERS,
    HOUSES,
    PORTAL,
    House,
    forms,
    messages_of,
    places,
)

ARABIC, ENGLISH = Languages().pair

DAYS = {
    0: "اليوم نفسه",
    1: "يوم واحد",
    2: "يومان",
    3: "٣ أيام",
    10: "١٠ أيام",
    11: "١١ يومًا",
    99: "٩٩ يومًا",
    100: "١٠٠ يوم",
    101: "١٠١ يوم",
    102: "١٠٢ يوم",
    103: "١٠٣ أيام",
}
MONTHS = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"
POUNDS = {
    0: "٠ جنيه",
    1: "١ جنيه",
    2: "٢ جنيهان",
    3: "٣ جنيهات",
    10: "١٠ جنيهات",
    11: "١١ جنيهًا",
    99: "٩٩ جنيهًا",
    100: "١٠٠ جنيه",
    101: "١٠١ جنيه",
    102: "١٠٢ جنيه",
    103: "١٠٣ جنيهات",
}


@pytest.mark.parametrize(("n", "text"), DAYS.items())
def test_days_count_in_six_forms(n: int, text: str) -> None:
    assert ARABIC.ngettext("{n} day", "{n} days", n) == text


@pytest.mark.parametrize(("pounds", "text"), POUNDS.items())
def test_pounds_count_as_arabic_grammar_has_it(pounds: int, text: str) -> None:
    assert ARABIC.money(pounds * 100) == text


@pytest.mark.parametrize(
    ("piastres", "arabic", "english"),
    [
        (153550, "١٬٥٣٥٫٥٠ جنيهًا", "EGP 1,535.50"),
        (50, "٠٫٥٠ جنيه", "EGP 0.50"),
        (105, "١٫٠٥ جنيه", "EGP 1.05"),
        (201, "٢٫٠١ جنيهان", "EGP 2.01"),
        (1099, "١٠٫٩٩ جنيهات", "EGP 10.99"),
        (125000000, "١٬٢٥٠٬٠٠٠ جنيه", "EGP 1,250,000"),
        (-75000, "\u061c-٧٥٠ جنيهًا", "EGP -750"),
        (-75050, "\u061c-٧٥٠٫٥٠ جنيهًا", "EGP -750.50"),
    ],
)
def test_money_with_piastres_takes_the_form_of_the_whole_pounds(
    piastres: int, arabic: str, english: str
) -> None:
    assert ARABIC.money(piastres) == arabic
    assert ENGLISH.money(piastres) == english


def test_a_column_of_sums_has_two_decimals() -> None:
    assert ARABIC.amount(125050) == "١٬٢٥٠٫٥٠"
    assert ARABIC.amount(5) == "٠٫٠٥"
    assert ARABIC.amount(-100000) == "\u061c-١٬٠٠٠٫٠٠"
    assert ENGLISH.amount(125050) == "1,250.50"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1250.50"), "١٬٢٥٠٫٥"),
        (Decimal(1000), "١٬٠٠٠"),
        (Decimal("1E+3"), "١٬٠٠٠"),
        (1000, "١٬٠٠٠"),
        (0, "٠"),
        (Decimal("0.050"), "٠٫٠٥"),
        (Decimal("-2.5"), "-٢٫٥"),
    ],
)
def test_a_number_has_arabic_digits_and_no_idle_zeros(value: int | Decimal, text: str) -> None:
    assert ARABIC.number(value) == text


def test_a_year_is_not_grouped() -> None:
    assert ARABIC.number(2026, group=False) == "٢٠٢٦"


@pytest.mark.parametrize(
    ("month", "name"),
    list(enumerate(MONTHS.split(), 1)),
)
def test_months_have_the_names_used_in_egypt(month: int, name: str) -> None:
    assert ARABIC.day(date(2026, month, 5)) == f"٥ {name} ٢٠٢٦"


def test_a_long_date_names_the_day_of_the_week() -> None:
    assert ARABIC.long_date(date(2026, 11, 22)) == "الأحد ٢٢ نوفمبر ٢٠٢٦"
    assert ENGLISH.long_date(date(2026, 11, 22)) == "Sunday 22 November 2026"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 22, 9, 42, tzinfo=UTC), "١١:٤٢ صباحًا"),
        (datetime(2026, 11, 22, 10, 5, tzinfo=UTC), "١٢:٠٥ مساءً"),
        (datetime(2026, 11, 21, 22, 0, tzinfo=UTC), "١٢:٠٠ صباحًا"),
        (datetime(2026, 7, 1, 12, 30, tzinfo=UTC), "٣:٣٠ مساءً"),  # summer time
    ],
)
def test_hours_are_those_of_cairo(at: datetime, text: str) -> None:
    assert ARABIC.time(at) == text


def test_a_moment_falls_on_the_day_in_cairo() -> None:
    shown = ARABIC.moment(datetime(2026, 11, 21, 22, 30, tzinfo=UTC))
    assert shown == "الأحد ٢٢ نوفمبر ٢٠٢٦، ١٢:٣٠ صباحًا"


def test_values_are_shown_in_the_language_of_the_reader() -> None:
    assert (ARABIC.show(True), ENGLISH.show(False)) == ("نعم", "No")
    assert ARABIC.show(Text("أرض", "Land")) == "أرض"
    assert ENGLISH.show(Text("أرض", "Land")) == "Land"
    assert ARABIC.show(Decimal("1234.5")) == "١٬٢٣٤٫٥"
    assert ARABIC.show(date(2026, 1, 7)) == "٧ يناير ٢٠٢٦"
    assert ARABIC.show("26-1315-00042-7") == "26-1315-00042-7"
    assert ARABIC.join(["أ", "ب"]) == "أ، ب"


def test_a_problem_is_told_with_its_label_and_bound() -> None:
    problem = Problem("area", "{label} is at least {bound}", {"label": Text("المساحة", "Area")})
    bound = Problem("area", problem.msgid, {**problem.params, "bound": Decimal(20)})
    assert ENGLISH.problem(bound) == "Area is at least 20"
    told = ARABIC.problem(bound)
    assert "المساحة" in told
    assert "٢٠" in told
    assert ARABIC.problem(Problem("x", text=Text("اكتب", "Write"))) == "اكتب"


@pytest.mark.parametrize(
    ("minutes", "arabic", "english"),
    [
        (1, "دقيقة واحدة", "in 1 minute."),
        (2, "دقيقتين", "in 2 minutes."),
        (5, "٥ دقائق", "in 5 minutes."),
        (15, "١٥ دقيقة", "in 15 minutes."),
    ],
)
def test_a_count_inside_a_problem_takes_its_form(minutes: int, arabic: str, english: str) -> None:
    problem = Problem("code", "Too many wrong attempts. {wait}", {"wait": TooMany(minutes).wait})
    assert arabic in ARABIC.problem(problem)
    assert ENGLISH.problem(problem).endswith(english)


@pytest.mark.parametrize(
    ("amount", "unit", "arabic"),
    [
        (7, Unit.DAYS, "٧ أيام"),
        (30, Unit.DAYS, "٣٠ يومًا"),
        (1, Unit.MONTHS, "شهر واحد"),
        (2, Unit.MONTHS, "شهران"),
        (6, Unit.MONTHS, "٦ أشهر"),
        (12, Unit.MONTHS, "١٢ شهرًا"),
    ],
)
def test_periods_are_told_in_words(amount: int, unit: Unit, arabic: str) -> None:
    assert words.period(Period(amount, unit, Mark.LAW), ARABIC) == arabic


def test_working_days_are_told_apart_from_days() -> None:
    assert "عمل" in words.period(Period(7, Unit.WORKING_DAYS, Mark.ILLUSTRATIVE), ARABIC)
    assert "عمل" in words.period(Period(1, Unit.WORKING_DAYS, Mark.ILLUSTRATIVE), ARABIC)
    assert "عمل" not in words.period(Period(7, Unit.DAYS, Mark.LAW), ARABIC)


def test_what_is_typed_or_dictated_stays_in_latin_digits() -> None:
    code = compose.compose(ARABIC, compose.ONE_TIME_CODE, {"code": "012345"}, "https://x.eg")
    assert "012345" in code
    params = {"number": "26-1315-00042-7", "sum": 153550, "until": "2026-11-29"}
    saved = compose.compose(ARABIC, compose.REQUEST_SUBMITTED, params, "https://x.eg")
    assert "26-1315-00042-7" in saved
    assert "https://x.eg/requests/26-1315-00042-7" in saved
    assert "١٬٥٣٥٫٥٠ جنيهًا" in saved
    assert "٢٩ نوفمبر ٢٠٢٦" in saved


def test_english_pages_have_their_prefix_and_direction() -> None:
    assert (ARABIC.direction, ARABIC.prefix) == ("rtl", "")
    assert (ENGLISH.direction, ENGLISH.prefix) == ("ltr", "/en")


# --- every message has its translation -----------------------------------------------------------

PO = {house: house.catalogue() for house in HOUSES}
each_house = pytest.mark.parametrize("house", HOUSES, ids=[house.name for house in HOUSES])
# names such as WCAG 2.2, and numbers that are typed in Latin digits
_TYPED = re.compile(r"3D Secure 2|[A-Za-z][A-Za-z0-9. ]*|26-1315-00042-7|18:30|25/2023|01[0125]")
PLURALS = [
    pytest.param(house, entry, id=f"{house.name}-{entry.id[0]}")
    for house in HOUSES
    for entry in PO[house]
    if isinstance(entry.id, tuple)
]


def test_the_extractor_sees_code_templates_and_both_arms_of_a_condition() -> None:
    texts = {message.msgid for message in messages_of(PORTAL)}
    assert {"Yes", "No", "{n} kB", "pound", "{n} working day", "Choose", "Draft"} <= texts
    assert len(texts) > 300
    for house in HOUSES:
        assert any(".html:" in message.where for message in messages_of(house))
        assert any(".py:" in message.where for message in messages_of(house))


@each_house
def test_every_message_of_code_and_templates_has_an_arabic_translation(house: House) -> None:
    missing = []
    for message in messages_of(house):
        entry = PO[house].get(message.msgid)
        texts = entry.string if entry is not None else ""
        translated = forms(texts)
        plural = isinstance(texts, tuple)
        if not all(translated) or bool(message.plural) != plural or len(translated) not in {1, 6}:
            missing.append((message.where, message.msgid))
    assert missing == []


@each_house
def test_no_translation_is_left_over(house: House) -> None:
    used = {message.msgid for message in messages_of(house)}
    assert {forms(entry.id)[0] for entry in PO[house] if entry.id} - used == set()


@each_house
def test_the_two_forms_of_a_plural_are_always_the_same_two(house: House) -> None:
    known: dict[str, set[str]] = {}
    for message in messages_of(house):
        known.setdefault(message.msgid, set()).add(message.plural)
    assert {msgid: plurals for msgid, plurals in known.items() if len(plurals) > 1} == {}


@each_house
def test_every_placeholder_of_a_message_stands_in_its_translation(house: House) -> None:
    wrong = []
    for entry in PO[house]:
        if not entry.id:
            continue
        translated = forms(entry.string)
        wanted = set().union(*map(places, forms(entry.id)))
        for index, form in enumerate(translated):
            # «يوم واحد», «يومان»: the words for none, one and two say the number themselves
            needed = wanted - {"n"} if len(translated) == 6 and index < 3 else wanted
            if not needed <= places(form) <= wanted:
                wrong.append((entry.id, index, form))
    assert wrong == []


@each_house
def test_every_placeholder_is_filled_in_where_the_message_is_said(house: House) -> None:
    empty = [
        (message.where, message.msgid)
        for message in messages_of(house)
        if message.given is not None
        and not places(message.msgid) | places(message.plural) <= message.given
    ]
    assert empty == []


@each_house
def test_translations_are_arabic(house: House) -> None:
    for entry in PO[house]:
        for form in forms(entry.string) if entry.id else ():
            bare = _TYPED.sub("", re.sub(r"\{\w+\}", "", form))
            assert not re.search("[0-9]", bare), form
            assert ARABIC_LETTERS.search(bare) or not re.search("[A-Za-z]", bare), form
            assert not re.search("[,;?]", bare), f"punctuation of Latin script: {form}"
            assert form == form.strip() or entry.id in {", "}, form
            assert not entry.fuzzy, form


@pytest.mark.parametrize(("house", "entry"), PLURALS)
def test_a_count_takes_the_form_that_arabic_grammar_has_for_it(house: House, entry: Any) -> None:
    """None, one, two, 3–10 (plural), 11–99 (singular, accusative), 100–102 (singular)."""
    one, many = entry.id
    compiled = BytesIO()
    write_mo(compiled, PO[house])
    compiled.seek(0)
    translations = gettext.GNUTranslations(compiled)
    said = {n: translations.ngettext(one, many, n) for n in (0, 1, 2, 3, 10, 11, 99, 100, 102, 103)}
    assert tuple(said[n] for n in (0, 1, 2, 3, 11, 100)) == tuple(entry.string)
    assert said[10] == said[3] == said[103]
    assert said[99] == said[11]
    assert said[102] == said[100]
    counted = "n" in places(many)
    for n in (3, 11, 100):
        assert ("{n}" in said[n]) == counted, said[n]
    # what is counted changes its form, unless it is no noun of this sentence («بعد ٣ ك.ب»)
    assert said[3] != said[11] or said[3] == said[100], one
    assert said[2] != said[3], one


def test_every_text_of_the_catalogue_and_of_places_stands_in_both_languages() -> None:
    found = list(_texts([shipped_catalogue(), load_places()]))
    assert len(found) > 1500
    for text in found:
        assert text.ar.strip(), text
        assert text.en.strip(), text
        assert not ARABIC_LETTERS.search(text.en), text


def test_names_of_places_have_the_digits_of_their_language() -> None:
    for center in load_places().centers.values():
        assert not re.search("[0-9]", center.ar + center.place_ar), center
        assert not re.search("[٠-٩]", center.en + center.place_en), center


def _texts(value: Any) -> Iterator[Text]:
    match value:
        case Text():
            yield value
        case Mapping():
            yield from _texts(list(value.values()))
        case Sequence() | set() | frozenset() if not isinstance(value, str | bytes):
            for each in value:
                yield from _texts(each)
        case _ if is_dataclass(value):
            yield from _texts([getattr(value, each.name) for each in fields(value)])
