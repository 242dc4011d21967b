"""The kinds of question: how each is read from a form, checked, kept and shown.

Three forms of one answer: *raw* (strings as typed, kept in the draft so that nothing typed is
lost), *value* (checked and typed: what conditions and fees compute with) and *shown* (words).
Numbers are ``Decimal``; a group's value is a list of ``{column: value}``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from portal.catalogue.expressions import Type
from portal.catalogue.identity import (
    local_mobile,
    mask_national_id,
    read_iban,
    read_mobile,
    read_national_id,
    read_permit_number,
)
from portal.catalogue.model import Choice, Field
from portal.catalogue.patterns import PATTERNS
from portal.i18n import Speech
from portal.problems import N_
from portal.text import Unreadable, clean, fold_digits, parse_number

Form = Mapping[str, Sequence[str]]
Raw = Any  # str, list[str] or list[dict[str, Raw]]: what JSON holds

YES, NO = "yes", "no"
DATE_PARTS = ("day", "month", "year")
_DATE_SHAPE = re.compile(r"([0-9]{1,2})\W+([0-9]{1,2})\W+([0-9]{4})|([0-9]{2})([0-9]{2})([0-9]{4})")
_ISO_SHAPE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,250}[A-Za-z0-9])?")
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])")
_TRUE = frozenset({YES, "true", "1", "on"})
_FALSE = frozenset({NO, "false", "0", "off"})


@dataclass(frozen=True)
class Context:
    """What checking an answer needs to know beside the answer."""

    today: date
    choices: Sequence[Choice] = ()
    warnings: list[str] = field(default_factory=list)


class Invalid(Exception):
    """The answer cannot be taken; the message names the field through ``{label}``."""

    def __init__(self, msgid: str, **params: Any) -> None:
        super().__init__(msgid)
        self.msgid = msgid
        self.params = params


class Kind:
    """A kind of question with one text control; the base of the others."""

    control = "text"
    type: Type = "text"
    numeric = False
    missing = N_("Write {label}")
    lengths: tuple[int | None, int | None] = (None, None)

    def read(self, form: Form, name: str) -> Raw:
        """The typed string or strings; empty when the form does not hold the control."""
        return (form.get(name) or [""])[0].strip()

    def empty(self, raw: Raw) -> bool:
        return not raw

    def parse(self, field: Field, raw: Raw, context: Context) -> Any:
        """The value, here as it was typed; raises :class:`Invalid`."""
        return raw

    def show(self, field: Field, value: Any, speech: Speech) -> str:
        return str(value)

    def measure(self, value: Any) -> Any:
        """What ``minimum`` and ``maximum`` bound."""
        return value


def _cleaned(raw: str, *, lines: bool = False) -> str:
    try:
        return clean(raw, lines=lines)
    except Unreadable:
        raise Invalid(N_("Remove the hidden characters from {label} and type it again")) from None


class TextKind(Kind):
    """One line; bounds count its characters."""

    lengths = (2, 150)
    lines = False

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        text = _cleaned(raw, lines=self.lines)
        if field.pattern:
            pattern = PATTERNS[field.pattern]
            text = pattern.prepare(text)
            if not pattern.accepts(text):
                raise Invalid(pattern.msgid)
        return text

    def measure(self, value: str) -> int:
        return len(value)


class TextareaKind(TextKind):
    """Several lines."""

    control = "textarea"
    lengths = (0, 1000)
    lines = True


class NumberKind(Kind):
    """A number, in any of the three families of digits."""

    control = "number"
    type: Type = "number"
    numeric = True
    places = 3

    def parse(self, field: Field, raw: Raw, context: Context) -> Decimal:
        number = parse_number(raw)
        if number is None:
            raise Invalid(
                N_("Write {label} in figures, such as {example}"), example=self.example(field)
            )
        if number != round(number, self.places):
            if self.places == 0:
                raise Invalid(N_("Write {label} as a whole number, without a fraction"))
            raise Invalid(
                N_("Write {label} with at most {places} digits after the point"),
                places=self.places,
            )
        return number.normalize() if number else Decimal(0)

    def example(self, field: Field) -> Decimal:
        return parse_number(field.example) or Decimal(32)

    def show(self, field: Field, value: Decimal, speech: Speech) -> str:
        text = speech.number(value, group=not field.pattern)
        if field.unit is None:
            return text
        if value and value == int(value):  # these words change with their number; «m» does not
            match field.unit.en:
                case "days":
                    return speech.ngettext(N_("{n} day"), N_("{n} days"), int(value))
                case "months":
                    return speech.ngettext(N_("{n} month"), N_("{n} months"), int(value))
        return f"{text} {speech.show(field.unit)}"


class IntegerKind(NumberKind):
    """A whole number; with the pattern ``plain`` it identifies and is not grouped."""

    places = 0


class CoordinateKind(NumberKind):
    """Degrees, WGS 84."""

    places = 7

    def example(self, field: Field) -> Decimal:
        return Decimal("31.13259")


class MoneyKind(NumberKind):
    """Egyptian pounds, with piastres after the point."""

    places = 2

    def example(self, field: Field) -> Decimal:
        return Decimal(250000)

    def show(self, field: Field, value: Decimal, speech: Speech) -> str:
        return speech.money(int(value * 100))


class AreaKind(NumberKind):
    """Square metres."""

    places = 2

    def show(self, field: Field, value: Decimal, speech: Speech) -> str:
        return f"{speech.number(value)} {speech.gettext(N_('m²'))}"


class DateKind(Kind):
    """A day, in three boxes; one whole date under the field's own name is understood as well."""

    control = "date"
    type: Type = "date"
    missing = N_("Write the day, month and year of {label}")

    def read(self, form: Form, name: str) -> Raw:
        whole = super().read(form, name)
        if whole:
            return whole
        parts = [super(DateKind, self).read(form, f"{name}.{part}") for part in DATE_PARTS]
        return "/".join(parts) if any(parts) else ""

    def parse(self, field: Field, raw: Raw, context: Context) -> date:
        day = read_date(raw)
        if day is None:
            raise Invalid(N_("{label} must be a real date, such as 31 12 2026"))
        return day

    def show(self, field: Field, value: date, speech: Speech) -> str:
        return speech.day(value)


class TimeKind(Kind):
    """An hour of the day, ``HH:MM`` by 24."""

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        match = _TIME.fullmatch(fold_digits(raw).replace(" ", ""))
        if not match:
            raise Invalid(N_("Write {label} as hour and minutes, such as 18:30"))
        return f"{int(match[1]):02d}:{match[2]}"

    def show(self, field: Field, value: str, speech: Speech) -> str:
        return speech.digits(value)


class ChoiceKind(Kind):
    """One of several."""

    control = "choice"
    missing = N_("Choose {label}")

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        if raw not in {choice.value for choice in context.choices}:
            raise Invalid(N_("Choose {label} from the list"))
        return str(raw)

    def show(self, field: Field, value: str, speech: Speech) -> str:
        choice = field.choice(value)
        return speech.show(choice.label) if choice else value


class MultiChoiceKind(Kind):
    """Any of several; bounds count the ticks."""

    control = "multichoice"
    type: Type = "list"
    missing = N_("Choose at least one of {label}")

    def read(self, form: Form, name: str) -> Raw:
        return [value for value in form.get(name, ()) if value]

    def parse(self, field: Field, raw: Raw, context: Context) -> list[str]:
        offered = [choice.value for choice in context.choices]
        if not set(raw) <= set(offered):
            raise Invalid(N_("Choose {label} from the list"))
        chosen = [value for value in offered if value in raw]
        if "none" in chosen and len(chosen) > 1:
            raise Invalid(N_("In {label}, choose either “none” or the others"))
        return chosen

    def show(self, field: Field, value: list[str], speech: Speech) -> str:
        labels = [choice.label for choice in field.choices if choice.value in value]
        return speech.join(speech.show(label) for label in labels)

    def measure(self, value: list[str]) -> int:
        return len(value)


class BooleanKind(Kind):
    """Yes or no, both to be chosen: silence is not a no."""

    control = "boolean"
    type: Type = "boolean"
    missing = N_("Answer “{label}” with yes or no")

    def parse(self, field: Field, raw: Raw, context: Context) -> bool:
        text = str(raw).lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise Invalid(self.missing)

    def show(self, field: Field, value: bool, speech: Speech) -> str:
        return speech.show(value)


class NationalIdKind(Kind):
    """Fourteen digits; a check digit that does not fit is a warning, never a refusal."""

    control = "code"

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        answer = read_national_id(raw, context.today)
        if isinstance(answer, str):
            raise Invalid(NATIONAL_ID_PROBLEMS[answer])
        if answer.suspect:
            context.warnings.append(N_("Look at {label} again: one digit may be wrong"))
        return answer.digits

    def show(self, field: Field, value: str, speech: Speech) -> str:
        return mask_national_id(value)


NATIONAL_ID_PROBLEMS = {
    "length": N_("{label} has 14 digits; write it as it stands on the card"),
    "century": N_("{label} begins with 2 or 3; write it as it stands on the card"),
    "date": N_("{label} holds no real date of birth; write it as it stands on the card"),
    "governorate": N_("{label} holds no known governorate; write it as it stands on the card"),
}
MOBILE_PROBLEM = N_("{label} has 11 digits and begins with 010, 011, 012 or 015")


class MobileKind(Kind):
    """An Egyptian mobile, kept as ``+201XXXXXXXXX``."""

    control = "code"

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        mobile = read_mobile(raw)
        if mobile is None:
            raise Invalid(MOBILE_PROBLEM)
        return mobile

    def show(self, field: Field, value: str, speech: Speech) -> str:
        return local_mobile(value)


class EmailKind(Kind):
    """An e-mail address; only its shape is checked."""

    control = "email"

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        address = _cleaned(raw)
        if not _EMAIL.fullmatch(address) or ".." in address or "." not in address.split("@")[1]:
            raise Invalid(N_("Write {label} in full, such as name@example.com"))
        return address


class PermitNumberKind(Kind):
    """Number and year of a licence, statement, contract or decision, or a request number."""

    control = "permit"

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        number = read_permit_number(raw, context.today.year)
        if number is None:
            raise Invalid(N_("Write {label} as number and year, such as 25/2023"))
        return number

    def show(self, field: Field, value: str, speech: Speech) -> str:
        return show_permit_number(value, speech)


class IbanKind(Kind):
    """An Egyptian IBAN."""

    control = "code"

    def parse(self, field: Field, raw: Raw, context: Context) -> str:
        iban = read_iban(raw)
        if iban is None:
            raise Invalid(N_("{label} is EG and 27 digits; copy it from your bank"))
        return iban


class GroupKind(Kind):
    """Rows of the same questions; bounds count the rows. Checked row by row in ``forms``."""

    control = "group"
    type: Type = "group"
    missing = N_("Add at least one row to {label}")

    def measure(self, value: list[Any]) -> int:
        return len(value)


KINDS: dict[str, Kind] = {
    "text": TextKind(),
    "textarea": TextareaKind(),
    "integer": IntegerKind(),
    "decimal": NumberKind(),
    "coordinate": CoordinateKind(),
    "money": MoneyKind(),
    "area_m2": AreaKind(),
    "date": DateKind(),
    "time": TimeKind(),
    "choice": ChoiceKind(),
    "multichoice": MultiChoiceKind(),
    "boolean": BooleanKind(),
    "national_id": NationalIdKind(),
    "mobile": MobileKind(),
    "email": EmailKind(),
    "permit_number": PermitNumberKind(),
    "iban": IbanKind(),
    "group": GroupKind(),
}


def read_date(text: str) -> date | None:
    """A day written as day, month, year with anything between, or as ISO 8601."""
    folded = fold_digits(text).strip()
    iso = _ISO_SHAPE.fullmatch(folded)
    match = _DATE_SHAPE.fullmatch(folded)
    if iso:
        year, month, day = (int(part) for part in iso.groups())
    elif match:
        day, month, year = (int(part) for part in match.groups() if part)
    else:
        return None
    try:
        return date(year, month, day) if 1800 <= year <= 2200 else None
    except ValueError:
        return None


def show_permit_number(number: str, speech: Speech) -> str:
    """«رقم ٢٥ لسنة ٢٠٢٣»: the parts of 25/2023 would change places in an Arabic line."""
    if "/" not in number:
        return number
    head, year = number.rsplit("/", 1)
    return speech.gettext(
        N_("No. {number} of {year}"), number=speech.digits(head), year=speech.digits(year)
    )
