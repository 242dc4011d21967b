"""Rows of CSV that the portal hands out, for any program of tables.

A file begins with :data:`MARK`, or a spreadsheet takes Arabic for something else. What such a
program would take for a formula gets an apostrophe in front (OWASP, CSV injection), full-width
signs too; where a table has ``numbers``, one with a sign stays a number.
"""

import csv
import io
import re
from collections.abc import Sequence

MARK = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_SIGNED = re.compile(r"[+-]\d+(\.\d+)?")


def safe(cell: str, *, numbers: bool = True) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if not cell.startswith(_FORMULA) or (numbers and _SIGNED.fullmatch(cell)):
        return cell
    return f"'{cell}"


def line(cells: Sequence[str], *, numbers: bool = True) -> bytes:
    """One row (RFC 4180) in UTF-8."""
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator="\r\n").writerow(
        [safe(cell, numbers=numbers) for cell in cells]
    )
    return made.getvalue().encode()
