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

from portal.problems import HIDDEN_CHARACTERS, N_
from portal.text import Unreadable, clean_number, fold_arabic

_BETWEEN = re.compile(r"[\W_]+")
_STROKE = r"\s*[/\\.\-,،\s]\s*"
_NUMBERED = re.compile(rf"(\d{{1,4}}){_STROKE}(\d{{1,2}}){_STROKE}(\d{{1,4}})", re.ASCII)
_NAME = r"[^\W\d_]+(?: [^\W\d_]+)?"
_NAMED = re.compile(rf"(\d{{1,2}})(?:st|nd|rd|th)?[\s/.\-,،]*({_NAME})[\s/.\-,،]*(\d{{4}})")
_NAME_FIRST = re.compile(rf"({_NAME})\s*(\d{{1,2}})(?:st|nd|rd|th)?\s*[,،]\s*(\d{{4}})")
# the hour does not matter, unless it is that of another place: then it may be of another day
_TIME = re.compile(
    r"(?:[T ]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:[صم]|AM|PM))?|T00:00:00(?:\.0+)?Z)$",
    re.ASCII | re.IGNORECASE,
)
_ERA = re.compile("\\s*\u0645\\.?$")
_HIJRI = re.compile(
    "هـ?$|هجري|محرم|صفر|ربيع|جماد|رجب|شعبان|رمضان|شوال|ذو|ذي|(?<!\\d)1[34]\\d\\d(?!\\d)"
)
_SHORT_YEAR = re.compile(rf"\d{{1,2}}{_STROKE}(?:\d{{1,2}}|{_NAME}){_STROKE}\d{{2}}")


@dataclass(frozen=True)
class Spellings:
    """Codes by what people write for them, folded."""

    headings: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    """From Monday, 0."""
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
        {word: int(day) for word, day in _turned(known["weekdays"]).items()},
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
    plain, numbered = text, _NUMBERED.fullmatch(text)  # nearly always
    try:
        if numbered is None:
            plain = _ERA.sub("", _TIME.sub("", clean_number(text)))
            numbered = _NUMBERED.fullmatch(plain)
        if numbered:
            first, month, last = (int(each) for each in numbered.groups())
            if len(numbered[1]) == 4 and len(numbered[3]) <= 2:
                return date(first, month, last)
            if len(numbered[3]) == 4 and len(numbered[1]) <= 2:
                return date(last, month, first)
            return None
        return _named_day(plain)
    except (ValueError, KeyError):  # Unreadable is a ValueError
        return None


def _named_day(plain: str) -> date | None:
    """Raises ``ValueError`` and ``KeyError`` where there is no such day, or no such month."""
    weekday, _, rest = plain.partition(" ")
    said = spellings().weekdays.get(fold(weekday))
    if said is not None:
        plain = rest
    named, turned = _NAMED.fullmatch(plain), _NAME_FIRST.fullmatch(plain)
    if named:
        day, month, year = named.groups()
    elif turned:
        month, day, year = turned.groups()
    else:
        return None
    found = date(int(year), spellings().months[fold(month)], int(day))
    return found if said in {None, found.weekday()} else None


def problem_of_day(text: str) -> str:
    """Why :func:`read_day` finds no day in a text, or none of the common calendar."""
    try:
        plain = clean_number(text)
    except Unreadable:
        return HIDDEN_CHARACTERS
    if _HIJRI.search(plain):
        return N_("This looks like a hijri day: write the one of the common calendar")
    if _SHORT_YEAR.fullmatch(plain):
        return N_("Write the year in four digits, such as 1998")
    whole = (_NUMBERED, _NAMED, _NAME_FIRST)
    if any(pattern.fullmatch(plain) for pattern in whole):
        return N_("There is no such day")
    return N_("Write the whole day, such as 15/3/1998")
