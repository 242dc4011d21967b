"""What people type, made plain: digits folded, invisible marks stripped, names cleaned.

Rules: facts §7.2–7.4 and the rulings on identity, numbers and text. Nothing here changes what a
text means; a character that could deceive a reader (a direction override) is refused, not dropped.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal, InvalidOperation

_DAY = re.compile(r"(?:19|2[01])\d\d-\d\d-\d\d", re.ASCII)
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
# left by keyboards and by copying: they carry no meaning and would break comparisons
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufeff\u00ad"))
_DIRECTION = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
# round a number that was copied they are harmless; the override to the right turns it about
_ROUND_NUMBERS = {mark: None for mark in _DIRECTION if mark != ord("\u202e")}
_TASHKEEL = re.compile("[\u064b-\u0652\u0670\u0640]")
_NAME_LETTERS = str.maketrans({"ٱ": "ا", "ی": "ي", "ک": "ك"})
# what most answers consist of: in it there is nothing to strip and nothing to refuse
_PLAIN = re.compile("[ -~\u0621-\u063a\u0641-\u064a\u0660-\u0669]*")
# for comparing only: what hands write for one another (facts §7.3)
_LIKE_LETTERS = str.maketrans("أإآٱىیکةؤئ", "ااااييكهوي")
_FINAL_HAMZA = re.compile(r"ء+\b")
_MARKS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_SERVANT_OF = re.compile(r"\bعبد (?=ال)")
_SEPARATORS = re.compile(r"[\s\-‐-―_.()/\\]+")
# [0-9], not \d: digits of scripts that nobody here writes are a slip or a trick
_THOUSANDS = re.compile(r"^-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$")
_NUMBER = re.compile(r"^-?[0-9]{1,18}(\.[0-9]{1,12})?$")


class Unreadable(ValueError):
    """A text holds characters that have no place in it."""


def fold_digits(text: str) -> str:
    """Arabic-Indic and Persian digits as Latin ones."""
    return text.translate(_DIGITS)


def clean(text: str, *, lines: bool = False) -> str:
    """Strip invisible marks and outer spaces; raises :class:`Unreadable` on controls.

    Direction overrides are refused because they make a name read as another one.
    """
    if _PLAIN.fullmatch(text):
        return text.strip() if lines else " ".join(text.split())
    text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs", "Co"} and not (
            lines and character in "\n\t"
        ):
            raise Unreadable
        if ord(character) in _DIRECTION:
            raise Unreadable
    if lines:
        return text.strip()
    return " ".join(text.split())


def compact(text: str) -> str:
    """For numbers that identify: digits folded; spaces, dashes and invisible marks stripped."""
    if text.isascii() and text.isalnum():
        return text
    text = fold_digits(text.translate(_INVISIBLE).translate(_ROUND_NUMBERS))
    return _SEPARATORS.sub("", text)


def clean_number(text: str) -> str:
    """For numbers with words or strokes in them: digits folded, marks of direction stripped.

    Raises :class:`Unreadable` on controls.
    """
    return clean(text if text.isascii() else fold_digits(text.translate(_ROUND_NUMBERS)))


def is_readable(text: str, *, lines: bool = False) -> bool:
    """Whether what stands in ``text`` is what is seen of it: no control, no override."""
    try:
        clean(text, lines=lines)
    except Unreadable:
        return False
    return True


def without_hidden(text: str) -> str:
    """What is seen of a text: for what is only looked for and shown again, never kept."""
    if not text.isprintable():
        kinds = ((character, unicodedata.category(character)) for character in text)
        text = "".join(
            " " if kind == "Cc" else character
            for character, kind in kinds
            if kind not in {"Cf", "Cs", "Co"}
        )
    return " ".join(text.split())


def clean_name(text: str) -> str:
    """An Arabic name without tashkeel and tatweel, Persian letters made Arabic."""
    if _PLAIN.fullmatch(text):
        return " ".join(text.split())
    return clean(_TASHKEEL.sub("", clean(text).translate(_NAME_LETTERS)))


def fold_arabic(text: str) -> str:
    """A text as it is compared in a search, never as it is shown (facts §7.3).

    Letters that are written for one another become one, tashkeel, tatweel and invisible marks go,
    digits are Latin, spaces single, Latin letters small: «أَسْوَان» and «اسوان» are equal then.
    """
    text = text.translate(_INVISIBLE).translate(_DIRECTION)
    # NFKC also undoes the shapes of letters that are copied from PDF files
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _MARKS.sub("", text).translate(_LIKE_LETTERS)
    text = _FINAL_HAMZA.sub("", fold_digits(text))
    return _SERVANT_OF.sub("عبد", " ".join(text.split()))


def is_arabic_name(text: str) -> bool:
    """Whether only Arabic letters U+0621–064A and single spaces stand in it."""
    return (
        re.fullmatch("[\u0621-\u063a\u0641-\u064a]+( [\u0621-\u063a\u0641-\u064a]+)*", text)
        is not None
    )


def parse_day(text: str) -> date | None:
    """A day as a control of type ``date`` sends it (``2026-11-22``), in any digits, or None; of
    the years 1900 to 2199, for a register knows no others."""
    plain = fold_digits(text.strip())
    try:
        return date.fromisoformat(plain) if _DAY.fullmatch(plain) else None
    except ValueError:
        return None


def parse_number(text: str) -> Decimal | None:
    """A number as people write it, or None.

    ``٬`` groups thousands and ``٫`` begins the fraction; a comma of either script groups thousands
    when threes follow it and otherwise begins the fraction (``12,5``).
    """
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return Decimal(text)
    text = fold_digits(text.translate(_INVISIBLE)).replace("−", "-").replace(" ", "")
    text = text.replace("\u00a0", "").replace("\u202f", "")
    text = text.replace("٬", "").replace("٫", ".").replace("،", ",")
    if "," in text:
        if _THOUSANDS.match(text):
            text = text.replace(",", "")
        elif text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
    if not _NUMBER.match(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
