"""Words apart, roots, slips, sounds and keyboards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalogue.search.language import arabic
from portal.catalogue.search.slips import Slips, is_slip

LANGUAGE = arabic()


def folded(text: str) -> str:
    return " ".join(word.folded for word in LANGUAGE.words(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("رخصة، مبنى؟", "رخصه مبني"),
        ("دور2", "دور 2"),
        ("119/2008", "119 2008"),
        ("نموذج٨", "نموذج 8"),
        ("owner's house", "owner's house"),
        ("رخـــصة", "رخصه"),
        ("عاااايز", "عايز"),
        ("١١١", "111"),
        ("ma7al", "ma7al"),
        ("؟!-", ""),
    ],
)
def test_a_text_is_taken_apart_into_words(text: str, words: str) -> None:
    assert folded(text) == words


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("الرخصه", "رخص"),
        ("للسقوط", "سقوط"),
        ("بالاخطار", "اخطار"),
        ("اعلانات", "اعلان"),
        ("شاغلين", "شاغل"),
        ("قانون", "قانون"),
        ("تامين", "تامين"),
        ("بالوعه", "بالوع"),
        ("shops", "shop"),
        ("utilities", "utility"),
        ("glass", "glass"),
    ],
)
def test_the_article_and_endings_are_no_part_of_a_root(word: str, root: str) -> None:
    assert LANGUAGE.root(word) == root


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("وبيتنا", "بيت"),
        ("رخصتي", "رخص"),
        ("هبني", "بني"),
        ("نفتح", "افتح"),
        ("بيهدم", "هدم"),
        ("دورين", "دور"),
    ],
)
def test_what_is_glued_to_a_word_is_taken_off_for_trial(word: str, root: str) -> None:
    assert root in LANGUAGE.readings(word)


@pytest.mark.parametrize(
    ("latin", "arabic_word"),
    [
        ("koshk", "كشك"),
        ("ma7al", "محل"),
        ("shakwa", "شكوي"),
        ("tasaloh", "تصالح"),
        ("5at", "خط"),
        ("khat", "خط"),
    ],
)
def test_both_scripts_sound_alike(latin: str, arabic_word: str) -> None:
    assert LANGUAGE.sounds(latin) == LANGUAGE.sounds(arabic_word)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(";a;", "كشك"), ("vowm fkhx", "رخصة بناء"), ("bgg", "لالل"), ("نهخسن", "kiosk")],
)
def test_a_keyboard_in_the_other_language_is_undone(typed: str, meant: str) -> None:
    assert LANGUAGE.other_layout(typed) == meant


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("رخصه", "رخضه", True),
        ("رخصه", "رخص", True),
        ("رخصه", "رخصصه", True),
        ("رخصه", "رصخه", True),
        ("رخصه", "خرصه", True),
        ("رخصه", "رخصه", False),
        ("رخصه", "رصخ", False),
        ("رخصه", "خرهص", False),
        ("اب", "ابجد", False),
        ("", "ا", True),
    ],
)
def test_one_slip_is_told_from_two(one: str, other: str, slip: bool) -> None:
    assert is_slip(one, other) is slip
    assert is_slip(other, one) is slip


@given(st.text("ابتجد", min_size=3, max_size=6), st.lists(st.text("ابتجد", min_size=3, max_size=6)))
def test_the_file_of_slips_finds_what_comparing_all_words_finds(
    typed: str, words: list[str]
) -> None:
    assert Slips(set(words)).near(typed) == {word for word in words if is_slip(typed, word)}
