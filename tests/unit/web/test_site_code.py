"""The code of a permit's address: drawn as a sum of letters, it is the code that segno draws."""

import re

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.receipts.codes import drawn
from portal.web.site_code import site_code

_STROKE = re.compile(r"([Mm])(-?\d+) (\d+(?:\.5)?)|h(\d+)")


def _squares(svg: str) -> tuple[int, set[tuple[int, int]]]:
    """The width with the white around, and where the path puts ink."""
    x, y, ink = 0, 0.0, set()
    path = svg.partition(' d="')[2].partition('"')[0]
    assert _STROKE.sub("", path) == ""
    for kind, right, down, length in _STROKE.findall(path):
        if kind == "M":
            x, y = int(right), float(down)
        elif kind:
            x, y = x + int(right), y + float(down)
        else:
            ink |= {(x + n, int(y)) for n in range(int(length))}
            x += int(length)
    return int(re.findall(r'viewBox="0 0 (\d+) \1"', svg)[0]), ink


def _of_segno(text: str) -> tuple[int, set[tuple[int, int]]]:
    matrix = segno.make(text, error="m", mask=4, micro=False).matrix
    ink = {(x + 4, y + 4) for y, row in enumerate(matrix) for x, bit in enumerate(row) if bit}
    return len(matrix) + 8, ink


_SITES = ("http://127.0.0.1:8000", "https://mahalliyat.kafr-el-sheikh.gov.eg", "https://m.eg/en")
_LETTERS = ("", "-%D9%85", "-A")


@settings(deadline=None)
@given(
    st.sampled_from(_SITES),
    st.from_regex(r"[A-Z]{3}-[0-9]{3}", fullmatch=True),
    st.integers(1900, 2200),
    st.integers(1, 999_999),
    st.sampled_from(_LETTERS),
)
def test_every_address_of_a_permit_has_the_code_that_segno_draws(
    site: str, center: str, year: int, number: int, letter: str
) -> None:
    address = f"{site}/permits/{center}/{year}/{number}{letter}"
    assert _squares(site_code(address)) == _of_segno(address)


@pytest.mark.parametrize("length", [20, 42, 43, 46, 47, 62, 63, 84, 85, 106, 107, 150, 240])
def test_every_length_has_the_code_that_segno_draws(length: int) -> None:
    address = "https://m.eg/permits/".ljust(length, "0")[:length]
    assert _squares(site_code(address)) == _of_segno(address)


def test_it_looks_like_every_other_code_of_the_portal() -> None:
    address = "https://m.eg/permits/KFS-003/2025/215"
    ours, theirs = (svg.partition(' d="')[0] for svg in (site_code(address), drawn(address)))
    assert ours == theirs
    assert _squares(drawn(address)) == _squares(site_code(address))
