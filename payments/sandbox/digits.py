"""Digits as payers type them: Latin, Arabic-Indic or Persian, with whatever stands between."""

import re

_TO_LATIN = {
    zero + value: str(value)
    for zero in (0x0660, 0x06F0)  # Arabic-Indic, Persian
    for value in range(10)
}

# Spaces of any kind, hyphens and dashes, and the marks phones insert around digits.
_SEPARATORS = re.compile(r"[\s\u00ad\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2066-\u2069-]")


def latin_digits(text: str) -> str:
    """Arabic-Indic and Persian digits as Latin ones; the rest unchanged."""
    return text.translate(_TO_LATIN)


def only_digits(text: str) -> str:
    """``text`` without spaces, dashes and direction marks, its digits Latin."""
    return _SEPARATORS.sub("", latin_digits(text))
