"""The two languages of the hosted pages: words, digits and sums.

Message ids are English; ``locales/ar/LC_MESSAGES/messages.po`` is compiled in memory at the start.
The provider's own list of locales has no Arabic (https://docs.stripe.com/api/checkout/sessions/
create#create_checkout_session-locale), so a shop that wants it leaves ``locale`` out: this is an
Egyptian account, whose pages are Arabic unless the shop or the payer's browser says otherwise.
"""

import gettext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from payments.sandbox.currencies import EGP, exponent

MESSAGES = Path(__file__).parent / "locales" / "ar" / "LC_MESSAGES" / "messages.po"
ARABIC, ENGLISH = "ar", "en"
AUTO = "auto"

CAIRO = ZoneInfo("Africa/Cairo")
_MOMENTS = {ARABIC: ("ar_EG", "EEEE d MMMM y، h:mm a"), ENGLISH: ("en_GB", "EEEE d MMMM y, h:mm a")}

_ARABIC_INDIC = str.maketrans("0123456789,.", "٠١٢٣٤٥٦٧٨٩٬٫")


def N_(msgid: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a text for translation; it is translated only where it is shown."""
    return msgid


@dataclass(frozen=True)
class Speech:
    """One language of the pages."""

    locale: str
    translations: gettext.NullTranslations

    @property
    def arabic(self) -> bool:
        return self.locale == ARABIC

    @property
    def direction(self) -> str:
        return "rtl" if self.arabic else "ltr"

    def gettext(self, msgid: str, /, **params: str) -> str:
        text = self.translations.gettext(msgid)
        return text.format_map(params) if params else text

    def count(self, value: int) -> str:
        """A number that is read."""
        return self._digits(f"{value:,}")

    def number(self, amount: int, currency: str) -> str:
        """A sum of minor units for a column: ``١٬٥٣٥٫٥٠``."""
        digits = exponent(currency)
        whole, part = divmod(amount, 10**digits)
        return self._digits(f"{whole:,}" + (f".{part:0{digits}d}" if digits else ""))

    def money(self, amount: int, currency: str) -> str:
        """A sum in a sentence: ``١٬٥٣٥٫٥٠ جنيهًا``; other currencies keep their code."""
        whole, part = divmod(amount, 10 ** exponent(currency))
        figures = self.number(amount, currency) if part else self._digits(f"{whole:,}")
        if not self.arabic:
            return f"{currency.upper()} {figures}"
        if currency != EGP:
            return f"{figures} {currency.upper()}"
        # the noun follows the whole pounds, also where piastres stand beside them
        return f"{figures} {self.translations.ngettext('pound', 'pounds', whole or 1)}"

    def moment(self, at: int) -> str:
        """A day and an hour in Cairo, in full."""
        locale, pattern = _MOMENTS[self.locale]
        here = datetime.fromtimestamp(at, UTC).astimezone(CAIRO)
        return self._digits(format_datetime(here, pattern, locale=locale))

    def _digits(self, text: str) -> str:
        return text.translate(_ARABIC_INDIC) if self.arabic else text


class Languages:
    """Both languages."""

    def __init__(self) -> None:
        compiled = BytesIO()
        with MESSAGES.open("rb") as file:
            write_mo(compiled, read_po(file))
        compiled.seek(0)
        self.arabic = Speech(ARABIC, gettext.GNUTranslations(compiled))
        self._english = Speech(ENGLISH, gettext.NullTranslations())

    def of(self, locale: str | None, accept_language: str) -> Speech:
        """The language of a page: as the shop says, or the payer's browser where it says AUTO.

        Of the provider's languages this sandbox speaks only English, so the others get that.
        """
        if locale is None:
            return self.arabic
        if locale == AUTO:
            return self._english if prefers_english(accept_language) else self.arabic
        return self._english


@cache
def languages() -> Languages:
    """The messages are read once."""
    return Languages()


def prefers_english(accept_language: str) -> bool:
    """Whether a browser wants English before Arabic (RFC 9110, 12.5.4)."""
    best = {ARABIC: 0.0, ENGLISH: 0.0}
    for entry in accept_language.split(","):
        tag, _, quality = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in best:
            best[language] = max(best[language], _quality(quality))
    return best[ENGLISH] > best[ARABIC]


def _quality(text: str) -> float:
    name, _, value = text.replace(" ", "").partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
