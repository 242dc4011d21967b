"""What the values of a workbook mean: columns by letters, numbers, days."""

from datetime import date, timedelta
from functools import lru_cache

from portal.sheets.table import NotATable, Why


@lru_cache(1024)
def column_of(letters: str) -> int:
    """``A`` is 0; raises :class:`NotATable`."""
    if not 0 < len(letters) <= 3 or not (letters.isascii() and letters.isupper()):
        raise NotATable(Why.BROKEN)
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def plain_number(text: str) -> str:
    """A number as people would write it: 215 for 215.0, 15 digits as a spreadsheet shows them."""
    if len(text) < 16 and text.isascii() and text.isdigit():
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return format(value, ".15g")


def day_of(text: str, *, epoch_1904: bool) -> str | None:
    """The day that a spreadsheet counts as so many, as ``1998-03-15``; None when it is none.

    In the system of 1900 there is a 29th of February 1900, which never was (18.17.4).
    """
    whole = text.partition(".")[0]
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 7):
        return None
    count = int(whole)
    if epoch_1904:
        first = date(1904, 1, 1)
    elif count in {0, 60}:
        return None
    else:
        first = date(1899, 12, 31) if count < 60 else date(1899, 12, 30)
    try:
        return (first + timedelta(days=count)).isoformat()
    except OverflowError:
        return None
