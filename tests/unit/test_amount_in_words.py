"""Sums in words: every boundary of the grammar by hand, all others read back by another reader."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.amount_in_words import MOST, in_arabic, in_english, in_words

POUNDS = {
    1: "جنيه واحد",
    2: "جنيهان اثنان",
    3: "ثلاثة جنيهات",
    4: "أربعة جنيهات",
    5: "خمسة جنيهات",
    6: "ستة جنيهات",
    7: "سبعة جنيهات",
    8: "ثمانية جنيهات",
    9: "تسعة جنيهات",
    10: "عشرة جنيهات",
    11: "أحد عشر جنيهًا",
    12: "اثنا عشر جنيهًا",
    13: "ثلاثة عشر جنيهًا",
    18: "ثمانية عشر جنيهًا",
    19: "تسعة عشر جنيهًا",
    20: "عشرون جنيهًا",
    21: "واحد وعشرون جنيهًا",
    22: "اثنان وعشرون جنيهًا",
    23: "ثلاثة وعشرون جنيهًا",
    30: "ثلاثون جنيهًا",
    58: "ثمانية وخمسون جنيهًا",
    80: "ثمانون جنيهًا",
    99: "تسعة وتسعون جنيهًا",
    100: "مائة جنيه",
    101: "مائة جنيه وجنيه واحد",
    102: "مائة جنيه وجنيهان اثنان",
    103: "مائة وثلاثة جنيهات",
    110: "مائة وعشرة جنيهات",
    111: "مائة وأحد عشر جنيهًا",
    199: "مائة وتسعة وتسعون جنيهًا",
    200: "مائتا جنيه",
    201: "مائتا جنيه وجنيه واحد",
    203: "مائتان وثلاثة جنيهات",
    250: "مائتان وخمسون جنيهًا",
    300: "ثلاثمائة جنيه",
    350: "ثلاثمائة وخمسون جنيهًا",
    800: "ثمانمائة جنيه",
    999: "تسعمائة وتسعة وتسعون جنيهًا",
    1000: "ألف جنيه",
    1001: "ألف جنيه وجنيه واحد",
    1002: "ألف جنيه وجنيهان اثنان",
    1003: "ألف وثلاثة جنيهات",
    1100: "ألف ومائة جنيه",
    1102: "ألف ومائة جنيه وجنيهان اثنان",
    1200: "ألف ومائتا جنيه",
    1535: "ألف وخمسمائة وخمسة وثلاثون جنيهًا",
    2000: "ألفا جنيه",
    2001: "ألفا جنيه وجنيه واحد",
    2005: "ألفان وخمسة جنيهات",
    2200: "ألفان ومائتا جنيه",
    3000: "ثلاثة آلاف جنيه",
    3250: "ثلاثة آلاف ومائتان وخمسون جنيهًا",
    10_000: "عشرة آلاف جنيه",
    11_000: "أحد عشر ألف جنيه",
    11_500: "أحد عشر ألفًا وخمسمائة جنيه",
    12_000: "اثنا عشر ألف جنيه",
    12_012: "اثنا عشر ألفًا واثنا عشر جنيهًا",
    20_000: "عشرون ألف جنيه",
    22_000: "اثنان وعشرون ألف جنيه",
    99_999: "تسعة وتسعون ألفًا وتسعمائة وتسعة وتسعون جنيهًا",
    100_000: "مائة ألف جنيه",
    100_005: "مائة ألف وخمسة جنيهات",
    101_000: "مائة ألف وألف جنيه",
    102_000: "مائة ألف وألفا جنيه",
    102_500: "مائة ألف وألفان وخمسمائة جنيه",
    103_000: "مائة وثلاثة آلاف جنيه",
    111_000: "مائة وأحد عشر ألف جنيه",
    200_000: "مائتا ألف جنيه",
    200_200: "مائتا ألف ومائتا جنيه",
    1_000_000: "مليون جنيه",
    1_000_001: "مليون جنيه وجنيه واحد",
    1_001_000: "مليون وألف جنيه",
    2_000_000: "مليونا جنيه",
    2_000_500: "مليونان وخمسمائة جنيه",
    2_002_000: "مليونان وألفا جنيه",
    3_000_000: "ثلاثة ملايين جنيه",
    10_000_000: "عشرة ملايين جنيه",
    11_000_000: "أحد عشر مليون جنيه",
    11_000_100: "أحد عشر مليونًا ومائة جنيه",
    101_000_000: "مائة مليون ومليون جنيه",
    200_000_000: "مائتا مليون جنيه",
    10**9: "مليار جنيه",
    2 * 10**9: "مليارا جنيه",
    3 * 10**9: "ثلاثة مليارات جنيه",
    12 * 10**9 + 5: "اثنا عشر مليارًا وخمسة جنيهات",
    10**12 - 1: (
        "تسعمائة وتسعة وتسعون مليارًا وتسعمائة وتسعة وتسعون مليونًا"
        " وتسعمائة وتسعة وتسعون ألفًا وتسعمائة وتسعة وتسعون جنيهًا"
    ),
}
PIASTRES = {
    1: "قرش واحد",
    2: "قرشان اثنان",
    3: "ثلاثة قروش",
    10: "عشرة قروش",
    11: "أحد عشر قرشًا",
    25: "خمسة وعشرون قرشًا",
    50: "خمسون قرشًا",
    99: "تسعة وتسعون قرشًا",
    101: "جنيه واحد وقرش واحد",
    150: "جنيه واحد وخمسون قرشًا",
    202: "جنيهان اثنان وقرشان اثنان",
    310: "ثلاثة جنيهات وعشرة قروش",
    1075: "عشرة جنيهات وخمسة وسبعون قرشًا",
    10_005: "مائة جنيه وخمسة قروش",
    10_150: "مائة جنيه وجنيه واحد وخمسون قرشًا",
    20_050: "مائتا جنيه وخمسون قرشًا",
    153_550: "ألف وخمسمائة وخمسة وثلاثون جنيهًا وخمسون قرشًا",
}
ENGLISH = {
    1: "One piastre only",
    2: "Two piastres only",
    100: "One Egyptian pound only",
    150: "One Egyptian pound and fifty piastres only",
    2100: "Twenty-one Egyptian pounds only",
    10_000: "One hundred Egyptian pounds only",
    35_000: "Three hundred and fifty Egyptian pounds only",
    100_100: "One thousand and one Egyptian pounds only",
    153_550: "One thousand five hundred and thirty-five Egyptian pounds and fifty piastres only",
    200_000_000: "Two million Egyptian pounds only",
    100_000_000_000: "One billion Egyptian pounds only",
}


@pytest.mark.parametrize(("pounds", "words"), POUNDS.items())
def test_pounds_are_counted_as_grammar_has_it(pounds: int, words: str) -> None:
    assert in_arabic(pounds * 100) == f"فقط {words} لا غير"


@pytest.mark.parametrize(("piastres", "words"), PIASTRES.items())
def test_piastres_follow_the_pounds(piastres: int, words: str) -> None:
    assert in_arabic(piastres) == f"فقط {words} لا غير"


@pytest.mark.parametrize(("piastres", "words"), ENGLISH.items())
def test_english_sums(piastres: int, words: str) -> None:
    assert in_english(piastres) == words
    assert in_words(piastres, arabic=False) == words


@pytest.mark.parametrize("piastres", [0, -1, MOST + 1])
def test_what_is_no_sum_is_refused(piastres: int) -> None:
    with pytest.raises(ValueError, match="no sum"):
        in_arabic(piastres)
    with pytest.raises(ValueError, match="no sum"):
        in_english(piastres)


# --- read back ------------------------------------------------------------------------------------

_ONES = ["صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة", "عشرة"]
_TENS = ["عشرون", "ثلاثون", "أربعون", "خمسون", "ستون", "سبعون", "ثمانون", "تسعون"]
_HUNDREDS = ["ثلاثمائة", "أربعمائة", "خمسمائة", "ستمائة", "سبعمائة", "ثمانمائة", "تسعمائة"]
VALUES = {
    **{word: n for n, word in enumerate(_ONES) if n},
    **{word: 20 + 10 * n for n, word in enumerate(_TENS)},
    **{word: 300 + 100 * n for n, word in enumerate(_HUNDREDS)},
    "أحد": 1,
    "اثنا": 2,
    "عشر": 10,
    "مائة": 100,
    "مائتان": 200,
    "مائتا": 200,
}
NOUNS = {
    100: (("جنيه", "جنيهات", "جنيهًا"), ("جنيهان",)),
    1: (("قرش", "قروش", "قرشًا"), ("قرشان",)),
    10**3: (("ألف", "آلاف", "ألفًا"), ("ألفان", "ألفا")),
    10**6: (("مليون", "ملايين", "مليونًا"), ("مليونان", "مليونا")),
    10**9: (("مليار", "مليارات", "مليارًا"), ("ملياران", "مليارا")),
}
SCALE_OF = {
    word: (size, factor)
    for size, forms in NOUNS.items()
    for factor, words in zip((1, 2), forms, strict=True)
    for word in words
}


def read_back(text: str) -> int:
    """The piastres that a reader adds up word by word: numbers wait for the noun behind them."""
    body = re.fullmatch("فقط (.+) لا غير", text)
    assert body is not None
    said = re.sub(r"(جنيه|قرش) واحد\b|(جنيهان|قرشان) اثنان\b", r"\1\2", body[1]).split()
    total = scaled = waiting = 0
    for spelled in said:
        word = spelled if spelled in VALUES or spelled in SCALE_OF else spelled.removeprefix("و")
        if word in VALUES:
            waiting += VALUES[word]
            continue
        size, factor = SCALE_OF[word]
        if size >= 1000:
            scaled += (waiting or factor) * size
        else:
            total += (scaled + waiting or factor) * size
            scaled = 0
        waiting = 0
    return total


@given(st.integers(1, MOST))
def test_another_reader_understands_the_same_sum(piastres: int) -> None:
    assert read_back(in_arabic(piastres)) == piastres


@pytest.mark.parametrize("step", [1, 100, 100_000])
def test_so_does_every_sum_of_three_digits(step: int) -> None:
    for n in range(1, 1000):
        assert read_back(in_arabic(n * step)) == n * step


@given(st.integers(1, MOST))
def test_a_word_never_stands_alone_or_twice(piastres: int) -> None:
    for text in (in_arabic(piastres), in_english(piastres)):
        assert text == " ".join(text.split())
        assert not any(a == b for a, b in pairwise(text.split()))
