"""What makes a cell of the text that a sheet has in it, by its kind and its style."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from portal.sheets.table import LONGEST_CELL, Flaw, Flawed, told
from portal.sheets.texts import SharedTexts, unescaped
from portal.sheets.values import day_of, plain_number

Reader = Callable[[str], str]
TRUE = {"1", "true"}


class Readers:
    """The readers of one workbook."""

    def __init__(self, texts: SharedTexts, day_styles: frozenset[str], *, epoch_1904: bool) -> None:
        self._shared, self._days, self._epoch_1904 = texts.get, day_styles, epoch_1904
        self._day = lru_cache(16_384)(self._counted)  # the days of forty years

    def of(self, kind: str | None, style: str | None) -> Reader:
        if kind == "s":
            return self._shared
        if kind is None or kind == "n":
            return self._day if style in self._days else _number
        return _OTHERS.get(kind, _text)

    def _counted(self, text: str) -> str:
        number = _number(text)
        return day_of(number, epoch_1904=self._epoch_1904) or number


def computed(text: str) -> str:
    """What a formula has made of itself."""
    return Flawed(text[:LONGEST_CELL] or "=", Flaw.FORMULA)


def _text(text: str) -> str:
    return told(unescaped(text))


def _number(text: str) -> str:
    return text if len(text) < 16 and text.isdecimal() else _other_number(text)


@lru_cache(4096)
def _other_number(text: str) -> str:
    return told(plain_number(text))


def _error(text: str) -> str:
    return Flawed(text[:LONGEST_CELL], Flaw.ERROR)


def _truth(text: str) -> str:
    return "TRUE" if text in TRUE else "FALSE"


def _day(text: str) -> str:
    return text[:10]


_OTHERS: Mapping[str, Reader] = {"e": _error, "b": _truth, "d": _day}
