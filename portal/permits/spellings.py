"""How people spell the headings, choices and days of paper books, in both languages.

``columns.toml`` has the spellings; they are compared folded.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

from portal.text import Unreadable, clean_number, fold_arabic

_BETWEEN = re.compile(r"[\W_]+")
_NUMBERED = re.compile(r"(\d{1,4})\s*[/.\-\s]\s*(\d{1,2})\s*[/.\-\s]\s*(\d{1,4})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[\s/.\-]*([^\W\d_]+(?: [^\W\d_]+)?)[\s/.\-,،]*(\d{4})")
_TIME = re.compile(r"[T ]0{1,2}:00(:00(\.0+)?)?$")
_ERA = re.compile("\\s*\u0645\\.?$")


@dataclass(frozen=True)
class Spellings:
    """Codes by what people write for them, folded."""

    headings: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    months: Mapping[str, int]
    template: Mapping[str, Sequence[str]]
    words: Mapping[str, Mapping[str, str]]
    """Of each code of a choice the word that is written for it first."""
    terms: Mapping[str, Sequence[str]]
    """Words inside what is typed, folded."""


@cache
def spellings() -> Spellings:
    with (Path(__file__).parent / "columns.toml").open("rb") as file:
        known = tomllib.load(file)
    return Spellings(
        _turned(known["headings"]),
        {field: _turned(words) for field, words in known["values"].items()},
        {word: int(month) for word, month in _turned(known["months"]).items()},
        known["template"],
        {
            field: {code: spelled[0] for code, spelled in words.items()}
            for field, words in known["values"].items()
        },
        {name: [fold(each) for each in words] for name, words in known["terms"].items()},
    )


def _turned(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {fold(each): code for code, spelled in words.items() for each in (*spelled, code)}


def fold(text: str) -> str:
    return _BETWEEN.sub(" ", fold_arabic(text)).strip()


@lru_cache(4096)
def read_day(text: str) -> date | None:
    """A day as people write it: 1998-03-15, 15/3/1998, 1998/3/15, 15 March 1998; None for no day.

    The day stands before the month, as in all Egypt; the year has four digits.
    """
    try:
        plain = _ERA.sub("", _TIME.sub("", clean_number(text)))
    except Unreadable:
        return None
    numbered = _NUMBERED.fullmatch(plain)
    named = None if numbered else _NAMED.fullmatch(plain)
    try:
        if numbered:
            first, month, last = (int(each) for each in numbered.groups())
            if len(numbered[1]) == 4 and len(numbered[3]) <= 2:
                return date(first, month, last)
            if len(numbered[3]) == 4 and len(numbered[1]) <= 2:
                return date(last, month, first)
        elif named:
            return date(int(named[3]), spellings().months[fold(named[2])], int(named[1]))
    except (ValueError, KeyError):
        return None
    return None
