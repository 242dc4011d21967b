"""How the portal speaks: messages, numbers, money and dates in Arabic and in English.

Message ids are English; ``locales/<locale>/LC_MESSAGES/messages.po`` is compiled in memory at the
start. Arabic is read with Arabic-Indic digits (design: what is read, not what is typed) and counts
in six plural forms.
"""

import gettext
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from payments.money import Money
from portal.clock import cairo_time
from portal.problems import N_, Count, Problem

LOCALES_DIR = Path(__file__).resolve().parent.parent / "locales"
_LEFT_TO_RIGHT = "\u200e"
_ARABIC_INDIC = str.maketrans("0123456789,.%", "٠١٢٣٤٥٦٧٨٩٬٫٪")


def load_catalogue(locale: str) -> gettext.NullTranslations:
    """The messages of ``locale``; English is the message ids themselves."""
    path = LOCALES_DIR / locale / "LC_MESSAGES" / "messages.po"
    if locale == "en" or not path.exists():
        return gettext.NullTranslations()
    with path.open("rb") as file:
        messages = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@dataclass(frozen=True)
class Speech:
    """One language: translates messages and writes values for its readers."""

    locale: str
    translations: gettext.NullTranslations

    @property
    def arabic(self) -> bool:
        return self.locale == "ar"

    @property
    def direction(self) -> str:
        return "rtl" if self.arabic else "ltr"

    @cached_property
    def own_name(self) -> str:
        """What the language calls itself."""
        return str(Locale(self.locale).language_name)

    @property
    def prefix(self) -> str:
        """What stands before every path of this language."""
        return "" if self.arabic else "/en"

    def digits(self, text: str) -> str:
        return text.translate(_ARABIC_INDIC) if self.arabic else text

    def code(self, text: str) -> str:
        """A number to type or dictate, where no markup can isolate it: in a title, a message.

        Between Arabic words its parts would be shown in reverse.
        """
        return f"{_LEFT_TO_RIGHT}{text}" if self.arabic else text

    def gettext(self, msgid: str, /, **params: Any) -> str:
        text = self.translations.gettext(msgid)
        return text.format_map(self._shown(params)) if params else text

    def ngettext(self, singular: str, plural: str, n: int, /, **params: Any) -> str:
        text = self.translations.ngettext(singular, plural, n)
        return text.format_map(self._shown({"n": n, **params}))

    def _shown(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {name: self.show(value) for name, value in params.items()}

    def show(self, value: Any) -> str:
        """Any value that a message or a page may carry, in words of this language."""
        match value:
            case bool():
                return self.gettext(N_("Yes") if value else N_("No"))
            case int() | Decimal():
                return self.number(value)
            case datetime():
                return self.moment(value)
            case date():
                return self.day(value)
            case Money(minor=minor):
                return self.money(minor)
            case Count(n=n, one=one, many=many):
                return self.ngettext(one, many, n)
            case Problem():
                return self.problem(value)
            case _ if hasattr(value, "ar") and hasattr(value, "en"):
                return str(value.ar if self.arabic else value.en)
            case _:
                return str(value)

    def problem(self, problem: Problem) -> str:
        if problem.text is not None:
            return self.show(problem.text)
        return self.gettext(problem.msgid, **dict(problem.params))

    def number(self, value: int | Decimal, *, group: bool = True) -> str:
        """``1250.50`` → «١٬٢٥٠٫٥»; no trailing zeros."""
        text = f"{value:,f}" if group else f"{value:f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return self.digits(text)

    def hundredths(self, value: int) -> str:
        """Whole hundredths of something: 17550 → «١٧٥٫٥»."""
        return self.number(Decimal(value) / 100)

    def amount(self, piastres: int) -> str:
        """Pounds with two decimals, for columns: «١٬٢٥٠٫٥٠»."""
        # between right-to-left words the sign would stand behind the number (CLDR marks it so too)
        minus = "\u061c-" if self.arabic else "-"
        sign = minus if piastres < 0 else ""
        pounds, rest = divmod(abs(piastres), 100)
        return self.digits(f"{sign}{pounds:,}.{rest:02d}")

    def money(self, piastres: int) -> str:
        """A sum inside a sentence, with the right form of «جنيه» (rulings, identity and text)."""
        pounds, rest = divmod(abs(piastres), 100)
        figures = self.amount(piastres)
        if not rest:
            figures = figures[:-3]  # without the piastres
        if not self.arabic:
            return f"EGP {figures}"
        return f"{figures} {self.translations.ngettext('pound', 'pounds', pounds or 1)}"

    def sum_of(self, money: Money) -> str:
        """A sum in whatever currency it is: what does not fit may be in another than ours."""
        if money.currency == "EGP":
            return self.money(money.minor)
        return f"{self.number(money.major)} {money.currency}"

    @cached_property
    def _names(self) -> tuple[Mapping[int, str], Mapping[int, str]]:
        babel = Locale("ar", "EG") if self.arabic else Locale("en")
        return babel.months["format"]["wide"], babel.days["format"]["wide"]

    def join(self, parts: Iterable[str]) -> str:
        """Parts of a list, with the comma of the language."""
        return self.gettext(N_(", ")).join(parts)

    def day(self, day: date, *, weekday: bool = False) -> str:
        months, days = self._names
        text = self.digits(f"{day.day} {months[day.month]} {day.year}")
        return f"{days[day.weekday()]} {text}" if weekday else text

    def long_date(self, day: date) -> str:
        """«الأحد ٢٢ نوفمبر ٢٠٢٦»."""
        return self.day(day, weekday=True)

    def time(self, at: datetime) -> str:
        """The hour in Cairo: «١١:٤٢ صباحًا»."""
        local = cairo_time(at)
        hour = local.hour % 12 or 12
        half = N_("am") if local.hour < 12 else N_("pm")
        return f"{self.digits(f'{hour}:{local.minute:02d}')} {self.gettext(half)}"

    def moment(self, at: datetime) -> str:
        """Day and hour in Cairo."""
        return self.join((self.long_date(cairo_time(at).date()), self.time(at)))

    def size(self, octets: int) -> str:
        if octets < 1_000_000:
            return self.gettext(N_("{n} kB"), n=max(1, round(octets / 1000)))
        return self.gettext(N_("{n} MB"), n=(Decimal(octets) / 1_000_000).quantize(Decimal("0.1")))


class Languages:
    """Every language of the portal, made once at the start."""

    def __init__(self) -> None:
        self._speeches = {code: Speech(code, load_catalogue(code)) for code in ("ar", "en")}

    def __getitem__(self, locale: str) -> Speech:
        return self._speeches[locale]

    @property
    def pair(self) -> tuple[Speech, Speech]:
        """Arabic and English, in this order."""
        return self._speeches["ar"], self._speeches["en"]
