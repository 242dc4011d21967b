"""A sum of money in words (تفقيط), as receipts print it beside the figures.

Written out, a sum cannot be changed by a stroke of the pen. The words are data
(``locales/ar/amounts.toml``); here is the grammar of counting a masculine noun:

====== =========================================================================================
number the counted noun
====== =========================================================================================
1, 2   singular and dual, with the number behind for emphasis
3–10   plural, in the genitive; the number has its feminine ending
11–99  singular, in the accusative
100 …  singular, in the genitive; a dual before it loses its last letter, an accusative its tanween
x01    the hundreds count the noun, and it is said again: «a hundred pounds and a pound»
====== =========================================================================================

Thousand, million and milliard are counted by the same rules, and in turn count the pound.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_WORDS = Path(__file__).resolve().parent.parent / "locales/ar/amounts.toml"
_SCALES = ((10**9, "milliard"), (10**6, "million"), (10**3, "thousand"))
MOST = 10**14 - 1
"""Piastres: twelve digits of pounds."""


@dataclass(frozen=True)
class _Noun:
    """The forms of a noun that is counted; ``…_of``: when what it counts itself follows."""

    one: str
    two: str
    few: str
    many: str
    hundred: str
    two_of: str = ""
    many_of: str = ""


@dataclass(frozen=True)
class _Words:
    frame: str
    ones: Sequence[str]
    teens: Sequence[str]
    tens: Sequence[str]
    hundreds: Sequence[str]
    two_hundred_of: str
    nouns: Mapping[str, _Noun]


@cache
def _arabic() -> _Words:
    table: dict[str, Any] = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    nouns = {
        name: _Noun(**table.pop(name)) for name in list(table) if isinstance(table[name], dict)
    }
    return _Words(**table, nouns=nouns)


def in_words(piastres: int, *, arabic: bool) -> str:
    """The sum in the reader's language; raises :class:`ValueError` outside 1 … MOST."""
    return in_arabic(piastres) if arabic else in_english(piastres)


def in_arabic(piastres: int) -> str:
    """«فقط ثلاثمائة وخمسون جنيهًا لا غير»."""
    words = _arabic()
    pounds, rest = _parts(piastres)
    sums = ((pounds, "pound"), (rest, "piastre"))
    said = [_counted(words, n, words.nouns[name]) for n, name in sums if n]
    return words.frame.format(sum=_and(said))


def _parts(piastres: int) -> tuple[int, int]:
    if not 1 <= piastres <= MOST:
        raise ValueError(f"no sum to write out: {piastres}")
    return divmod(piastres, 100)


def _and(parts: Sequence[str]) -> str:
    return " \N{ARABIC LETTER WAW}".join(parts)


def _counted(words: _Words, n: int, noun: _Noun, *, counts: bool = False) -> str:
    """``n`` of ``noun``; ``counts`` says that the noun is directly before what it counts itself."""
    last = n % 100
    if n == 1:
        return noun.one
    if n == 2:
        return noun.two_of if counts else noun.two
    if last in {1, 2}:
        return _and((_counted(words, n - last, noun), _counted(words, last, noun, counts=counts)))
    if last == 0:
        form = noun.hundred
    elif last <= 10:
        form = noun.few
    else:
        form = noun.many_of if counts else noun.many
    return f"{_number(words, n)} {form}"


def _number(words: _Words, n: int) -> str:
    """``n`` directly before the noun that it counts."""
    parts = []
    for size, name in _SCALES:
        many, n = divmod(n, size)
        if many:
            parts.append(_counted(words, many, words.nouns[name], counts=n == 0))
    hundreds, n = divmod(n, 100)
    if hundreds:
        of = hundreds == 2 and n == 0
        parts.append(words.two_hundred_of if of else words.hundreds[hundreds])
    if n >= 20:
        ones, tens = n % 10, n // 10
        parts += [word for word in (words.ones[ones], words.tens[tens]) if word]
    elif n:
        parts.append(words.teens[n - 10] if n >= 10 else words.ones[n])
    return _and(parts)


# --- English --------------------------------------------------------------------------------------

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ENGLISH_SCALES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))


def in_english(piastres: int) -> str:
    """“Three hundred and fifty Egyptian pounds only”."""
    pounds, rest = _parts(piastres)
    said = [
        f"{_in_english(n)} {one if n == 1 else many}"
        for n, one, many in (
            (pounds, "Egyptian pound", "Egyptian pounds"),
            (rest, "piastre", "piastres"),
        )
        if n
    ]
    text = " and ".join(said)
    return f"{text[0].upper()}{text[1:]} only"


def _in_english(n: int) -> str:
    parts = []
    for size, name in _ENGLISH_SCALES:
        many, n = divmod(n, size)
        if many:
            parts.append(f"{_below_thousand(many)} {name}")
    if n:
        joined = f"and {_below_thousand(n)}" if parts and n < 100 else _below_thousand(n)
        parts.append(joined)
    return " ".join(parts)


def _below_thousand(n: int) -> str:
    hundreds, rest = divmod(n, 100)
    parts = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        tens, ones = divmod(rest, 10)
        small = _ONES[rest] if rest < 20 else _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
        parts.append(small)
    return " and ".join(parts)
