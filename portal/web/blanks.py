"""Pages of forms with blanks: what is the same for everyone is put together once.

A page of questions differs from visitor to visitor in what was typed and in little else. It is
rendered once with a :class:`Blank` wherever something of one visitor would stand, cut there, and
then filled in for each visit. Pages with errors are rendered as any other page: they are few.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from markupsafe import escape

from portal import words
from portal.catalogue.fields import DATE_PARTS, Raw
from portal.catalogue.forms import Asked, StepState
from portal.catalogue.model import Field
from portal.clock import public_id
from portal.i18n import Speech

Path = tuple[str | int, ...]
"""Where an answer belongs: a field's code, in a group with row and column."""


@dataclass(frozen=True)
class Filling:
    """What one visit puts into the blanks."""

    texts: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[Path, Raw] = field(default_factory=dict)
    values: Mapping[Path, Any] = field(default_factory=dict)


Slot = Callable[[Filling], str]


class Blank(str):
    """The mark of a blank, in place of a text of the visitor, or of a value shown as one."""

    __slots__ = ("path", "sheet")
    sheet: "Sheet"
    path: Path

    def through(self, show: Callable[[Any], str]) -> str:
        """A blank that is filled in with what ``show`` makes of the value."""
        path = self.path
        return self.sheet.mark(lambda filling: escape(show(filling.values[path])))

    def isoformat(self) -> str:
        """Of a day or an instant."""
        return self.through(lambda known: str(known.isoformat()))


@dataclass(frozen=True)
class BlankPage:
    """A page cut at its blanks: ``texts`` is one longer than ``slots``."""

    texts: tuple[str, ...]
    slots: tuple[Slot, ...]

    def fill(self, filling: Filling) -> str:
        parts = [self.texts[0]]
        for slot, text in zip(self.slots, self.texts[1:], strict=True):
            parts += (slot(filling), text)
        return "".join(parts)


class Sheet:
    """One page that is being made with blanks."""

    def __init__(self) -> None:
        # letters and digits: neither HTML nor an address would escape them; and nobody's guess
        self._mark = f"b{public_id()}n"
        self._slots: list[Slot] = []

    def text(self, name: str) -> Blank:
        """A text of the visit that is no answer."""
        return self._blank((name,), lambda filling: escape(filling.texts[name]))

    def answer(self, path: Path) -> Blank:
        """An answer as it was typed."""
        return self._blank(path, lambda filling: escape(filling.raw[path]))

    def value(self, path: Path) -> Blank:
        """An answer that was computed; shown through :func:`shown`."""
        return self._blank(path, lambda filling: escape(filling.values[path]))

    def cut(self, html: str) -> BlankPage:
        """The rendered page as texts and blanks, in the order in which they stand."""
        parts = re.split(rf"{self._mark}(\d+)e", html)
        return BlankPage(tuple(parts[::2]), tuple(self._slots[int(n)] for n in parts[1::2]))

    def mark(self, slot: Slot) -> str:
        """A blank that is filled in with what ``slot`` says."""
        self._slots.append(slot)
        return f"{self._mark}{len(self._slots) - 1}e"

    def _blank(self, path: Path, slot: Slot) -> Blank:
        blank = Blank(self.mark(slot))
        blank.sheet, blank.path = self, path
        return blank


class BlankSpeech(Speech):
    """A language that speaks of blanks as of the values that will stand there."""

    def ngettext(self, singular: str, plural: str, n: Any, /, **params: Any) -> str:
        say = super().ngettext
        if isinstance(n, Blank):
            return n.through(lambda known: say(singular, plural, known, **params))
        return say(singular, plural, n, **params)

    def show(self, value: Any) -> str:
        return _said(super().show, value)

    def digits(self, text: str) -> str:
        return _said(super().digits, text)

    def hundredths(self, value: int) -> str:
        return _said(super().hundredths, value)

    def day(self, day: date, *, weekday: bool = False) -> str:
        return _said(partial(super().day, weekday=weekday), day)

    def moment(self, at: datetime) -> str:
        return _said(super().moment, at)


def _said(say: Callable[[Any], str], value: Any) -> str:
    return value.through(say) if isinstance(value, Blank) else say(value)


def picked(raw: Raw, value: str, word: str) -> str:
    """``word`` when ``value`` is what was chosen, or among it."""
    if isinstance(raw, Blank):
        path = raw.path
        return raw.sheet.mark(lambda filling: picked(filling.raw[path], value, word))
    return word if (value in raw if isinstance(raw, list) else value == raw) else ""


def date_part(raw: Raw, index: int) -> str:
    """What stands in a date's box: a part of three, or in the first box all that was typed."""
    if isinstance(raw, Blank):
        path = raw.path
        return raw.sheet.mark(lambda filling: escape(date_part(filling.raw[path], index)))
    parts = str(raw or "").split("/")
    if len(parts) != len(DATE_PARTS):
        parts = [str(raw or ""), "", ""]
    return parts[index]


def shown(field: Field, value: Any, speech: Speech) -> str:
    """A checked value in words."""
    if isinstance(value, Blank):
        path = value.path
        return value.sheet.mark(
            lambda filling: escape(words.show_value(field, filling.values[path], speech))
        )
    return words.show_value(field, value, speech)


TEMPLATE_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "picked": picked,
    "date_part": date_part,
    "shown": shown,
}


def shape(state: StepState) -> tuple[object, ...] | None:
    """What decides which blanks a page has; None when too much of it is one visitor's own."""
    found: list[object] = []
    for asked in (*state.asked, None, *state.dormant):
        if asked is None:
            found.append(None)
            continue
        each = asked.field
        detail: object = None
        if each.kind == "group":
            detail = len(words.rows_to_show(each, asked.raw))
        elif not each.asked:
            detail = asked.value is None
        elif each.choices_from == "dues":
            return None  # the list of one contract
        elif each.choices_from:
            detail = id(each.choices)  # these lists live as long as the portal
        found.append((each.code, detail))
    return tuple(found)


def blank_state(state: StepState, sheet: Sheet) -> StepState:
    """The same page with blanks for answers, and nothing wrong with them."""
    return replace(
        state,
        asked=tuple(_blank(asked, sheet) for asked in state.asked),
        dormant=tuple(_blank(asked, sheet) for asked in state.dormant),
        problems=(),
        warnings=(),
    )


def _blank(asked: Asked, sheet: Sheet) -> Asked:
    each = asked.field
    if not each.asked:
        return Asked(each, "", None if asked.value is None else sheet.value((each.code,)))
    if each.kind != "group":
        return Asked(each, sheet.answer((each.code,)), None)
    rows = [
        {
            column.code: row[column.code]
            if column.code == each.rows_by
            else sheet.answer((each.code, index, column.code))
            for column in each.columns
        }
        for index, row in enumerate(words.rows_to_show(each, asked.raw))
    ]
    return Asked(each, rows, None)


def fill_in(state: StepState, texts: Mapping[str, str]) -> Filling:
    """What a visit puts into the blanks of :func:`blank_state`."""
    raw: dict[Path, Raw] = {}
    values: dict[Path, Any] = {}
    for asked in _questions(state):
        each = asked.field
        if not each.asked:
            values[each.code,] = asked.value
        elif each.kind == "group":
            for index, row in enumerate(words.rows_to_show(each, asked.raw)):
                for column in each.columns:
                    raw[each.code, index, column.code] = row.get(column.code, "")
        else:
            raw[each.code,] = asked.raw
    return Filling(texts, raw, values)


def _questions(state: StepState) -> Iterable[Asked]:
    return (*state.asked, *state.dormant)
