"""What people type, made plain (services §7.3–7.4, rulings on text)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.text import (
    Unreadable,
    clean,
    clean_name,
    clean_number,
    compact,
    fold_arabic,
    fold_digits,
    is_arabic_name,
    is_readable,
    parse_day,
    parse_number,
)


def test_the_three_families_of_digits_become_latin_ones() -> None:
    assert fold_digits("٠١٢٣٤٥٦٧٨٩") == "0123456789"
    assert fold_digits("۰۱۲۳۴۵۶۷۸۹") == "0123456789"
    assert fold_digits("رقم ٢٥") == "رقم 25"


def test_cleaning_strips_what_has_no_meaning() -> None:
    assert clean("  شارع \u200f ") == "شارع"
    assert clean("a\u200bb\ufeffc\u00add") == "abcd"
    assert clean("شارع   ٢٣\u00a0 يوليو") == "شارع ٢٣ يوليو"


def test_cleaning_composes_letters_that_were_typed_in_parts() -> None:
    assert clean("ا\u0654") == "أ"
    assert clean("e\u0301") == "é"


@pytest.mark.parametrize("character", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_a_direction_override_is_refused_not_dropped(character: str) -> None:
    with pytest.raises(Unreadable):
        clean(f"شارع {character}الجيش")


def test_a_number_that_was_copied_loses_its_marks_but_is_never_turned_about() -> None:
    for marks in ("\u2066{}\u2069", "\u202a{}\u202c", "\u202d{}\u202c", "\u200e{}\u200f"):
        assert compact(marks.format("010 1234")) == "0101234"
        assert clean_number(marks.format("25/2023")) == "25/2023"
    # what was seen as 321 is not taken for 123
    assert compact("\u202e123") != "123"
    with pytest.raises(Unreadable):
        clean_number("\u202e25/2023")


@pytest.mark.parametrize("text", ["", "شارع الجيش", "applicant", "26-1315-00042-7", "a b"])
def test_what_can_be_seen_can_be_a_name(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\u202e", "a\r\nb", "\t", "\x7f", "\ud800"])
def test_what_hides_can_not(text: str) -> None:
    assert not is_readable(text)
    assert is_readable(text, lines=True) == (text in {"a\r\nb", "\t"})


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\ue000", "\ud800"])
def test_controls_and_private_characters_are_refused(character: str) -> None:
    with pytest.raises(Unreadable):
        clean(f"شارع{character}")
    with pytest.raises(Unreadable):
        clean(f"شارع{character}", lines=True)


def test_lines_are_kept_only_where_lines_are_asked_for() -> None:
    assert clean("a\r\nb\rc\n", lines=True) == "a\nb\nc"
    assert clean("a\tb", lines=True) == "a\tb"
    with pytest.raises(Unreadable):
        clean("a\nb")


@example("e\u200b\u0301")  # what was apart only by an invisible character grows together
@given(st.text(max_size=60))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    for lines in (False, True):
        try:
            once = clean(text, lines=lines)
        except Unreadable:
            continue
        assert clean(once, lines=lines) == once


def test_a_number_that_identifies_loses_its_spaces_and_dashes() -> None:
    assert compact(" ٢-٩٠ 0101.(88)/00018\u200f") == "29001018800018"
    assert compact("010–1234—5678‐9") == "010123456789"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("مُحَمَّدٌ", "محمد"),
        ("مـحـمـد", "محمد"),
        ("رحمٰن", "رحمن"),
        ("ٱلله", "الله"),
        ("علی", "علي"),
        ("کمال", "كمال"),
        ("آية  الله", "آية الله"),
        ("أبو بكر الصديق", "أبو بكر الصديق"),
        ("هناء مؤمن شيئًا", "هناء مؤمن شيئا"),
    ],
)
def test_names_lose_tashkeel_tatweel_and_persian_letters(typed: str, name: str) -> None:
    assert clean_name(typed) == name
    assert is_arabic_name(name)


@pytest.mark.parametrize(
    "text", ["", " ", "Mona", "منى1", "منى ١", "منى-السيد", "منى  السيد", " منى", "چاد", "مـنى"]
)
def test_only_arabic_letters_and_single_spaces_make_a_name(text: str) -> None:
    assert not is_arabic_name(text)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1250.50", "1250.50"),
        ("١٬٢٥٠٫٥٠", "1250.50"),
        ("1,250.50", "1250.50"),
        ("1,250", "1250"),
        ("١،٢٥٠", "1250"),
        ("12,5", "12.5"),
        ("12,50", "12.50"),
        ("0,5", "0.5"),
        ("1,234,567", "1234567"),
        ("1 250", "1250"),
        ("1\u00a0250", "1250"),
        ("1\u202f250", "1250"),
        ("\u200e-5", "-5"),
    ],
)
def test_numbers_are_read_as_people_write_them(typed: str, number: str) -> None:
    assert parse_number(typed) == Decimal(number)


@pytest.mark.parametrize(
    "typed",
    ["", "-", "x", "1,2,3", "1,23,456", "12,34.5", "1.2.3", "+5", "5-", "1e3", "٣٪", "½", "1/2"],
)
def test_what_is_not_one_number_is_none(typed: str) -> None:
    assert parse_number(typed) is None


_ARABIC = str.maketrans("0123456789.,", "٠١٢٣٤٥٦٧٨٩٫٬")
_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=2))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_a_number_reads_back_in_every_script(number: Decimal) -> None:
    plain, grouped = f"{number:f}", f"{number:,f}"
    for text in (plain, plain.translate(_ARABIC), plain.translate(_PERSIAN)):
        assert parse_number(text) == number
    for text in (grouped, grouped.translate(_ARABIC)):
        assert parse_number(text) == number


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("أحمد إبراهيم آدم ٱلله", "احمد ابراهيم ادم الله"),
        ("رخصة مبنى", "رخصه مبني"),
        ("مسؤول شئون بناء مائة", "مسوول شيون بنا مايه"),
        ("جزء من بناءات", "جز من بناءات"),
        ("مَـحَـلٌّ", "محل"),
        ("عبد الرحمن", "عبدالرحمن"),
        ("  شارع\u00a0 ٢٣ ۷ \u200f", "شارع 23 7"),
        ("Kafr  EL-Sheikh", "kafr el-sheikh"),
        ("\u202eدسوق\u202c", "دسوق"),
        ("ﻛﻔﺮ", "كفر"),
        ("", ""),
    ],
)
def test_what_hands_write_for_one_another_is_compared_as_one(typed: str, folded: str) -> None:
    assert fold_arabic(typed) == folded


@given(st.text(max_size=60) | st.text("ءأآاٱىةؤئ \u064b\u0654\u0655\u0640عبدل\u200f", max_size=20))
@example("ءء")
@example("ا\u064b\u0654")
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = fold_arabic(text)
    assert " ".join(once.split()) == once
    assert fold_arabic(once) == once


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-11-22", date(2026, 11, 22)),
        (" ٢٠٢٦-١١-٢٢ ", date(2026, 11, 22)),
        ("20261122", None),
        ("2026-W47-7", None),
        ("2026-02-30", None),
        ("1899-12-31", None),
        ("9999-12-31", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_a_control_sends_it_and_in_no_other_spelling(
    typed: str, day: date | None
) -> None:
    assert parse_day(typed) == day
