"""The QR code of a permit's address, drawn for every answer: one in fifteen of the usual time.

A QR code is a sum without carries: its letters, the octets that correct errors, and the mask are
XORed. So what a letter changes in the squares of a code of some size depends on its place, and on
no letter beside it. What each changes is found out once, by two codes drawn the slow way; a code is
then the sum over its letters. Addresses of permits are alike, so there are few to find out.
"""

import re
from functools import lru_cache

import segno
from markupsafe import Markup

_LEAST = "m"  # 15 % of the code may be dirty or folded; more where there is room for it
_MASK = 4  # one for all: else squares of two codes could not be added
_QUIET_MODULES = 4  # ISO/IEC 18004 asks for so much white around
_ANY = "a"  # the letter that the others are compared with
_PIECE = 12  # squares whose path is remembered


def site_code(address: str) -> Markup:
    """The code as an SVG without a size of its own. ``address`` is ASCII with small letters."""
    version, level, width, squares = _of_any(len(address))
    for place, letter in enumerate(address):
        squares ^= _changed(version, level, place, letter)
    bits = f"{squares:0{width * width}b}"
    rows = (_row(bits[at : at + width]) for at in range(0, width * width, width))
    size, begin = width + 2 * _QUIET_MODULES, f"M{_QUIET_MODULES} {_QUIET_MODULES}.5"
    return Markup(  # noqa: S704 - numbers and letters of our own
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" class="qr">'
        f'<path stroke="#000" d="{begin}{f"m-{width} 1".join(rows)}"/></svg>\n'
    )


def _row(bits: str) -> str:
    """The path of one row, whose pen ends behind its last square."""
    return "".join([_path(bits[at : at + _PIECE]) for at in range(0, len(bits), _PIECE)])


@lru_cache(8192)
def _path(bits: str) -> str:
    return re.sub("0+|1+", lambda run: _STROKE[run[0][0]].format(len(run[0])), bits)


_STROKE = {"0": "m{} 0", "1": "h{}"}


@lru_cache(64)
def _of_any(length: int) -> tuple[int, str, int, int]:
    """Version and level of a text of this length; width and squares of the one with the same letter
    everywhere."""
    made = segno.make(_ANY * length, error=_LEAST, mask=_MASK, mode="byte", micro=False)
    return int(made.version), str(made.error), len(made.matrix), _squares(made)


@lru_cache(8192)
def _changed(version: int, level: str, place: int, letter: str) -> int:
    """The squares that turn when ``letter`` stands at ``place``."""
    return _begun(version, level, place, letter) ^ _begun(version, level, place, _ANY)


@lru_cache(8192)
def _begun(version: int, level: str, place: int, last: str) -> int:
    """The squares of a text that ends with ``last`` at ``place``."""
    text = _ANY * place + last
    made = segno.make(
        text, version=version, error=level, boost_error=False, mask=_MASK, mode="byte"
    )
    return _squares(made)


def _squares(code: segno.QRCode) -> int:
    return int("".join(str(bit) for row in code.matrix for bit in row), 2)
