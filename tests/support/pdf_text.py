"""The text of a PDF, in the two ways in which it is read: by its tags, and as it is seen."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pikepdf

_MEANING = re.compile(rb"^<([0-9A-F]{4})> <((?:[0-9A-F]{4})+)>$", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """What stands between a BDC and its EMC."""

    glyphs: tuple[str, ...]
    """From left to right."""
    reverse: bool
    """It says of itself that it stands in reverse."""

    @property
    def said(self) -> str:
        return "".join(reversed(self.glyphs) if self.reverse else self.glyphs)


def text_of(pdf: bytes) -> str:
    """As it is read out: what each element says, in the order of the tags, a line for each."""
    with pikepdf.open(BytesIO(pdf)) as document:
        pieces = {
            (page.obj.objgen, number): piece
            for page in document.pages
            for number, piece in _pieces(page)
        }
        return "\n".join(_said(document.Root.StructTreeRoot, pieces))


def lines_seen(pdf: bytes) -> list[str]:
    """Each piece of text as it stands on paper, from left to right."""
    with pikepdf.open(BytesIO(pdf)) as document:
        pieces = [piece for page in document.pages for _, piece in _pieces(page)]
        return ["".join(piece.glyphs).strip() for piece in pieces if piece.glyphs]


def _said(element: Any, pieces: dict[Any, Piece]) -> Iterator[str]:
    if "/ActualText" in element:
        yield str(element.ActualText)
        return
    kids = element.get("/K", [])
    own = "".join(pieces[element.Pg.objgen, kid].said for kid in kids if isinstance(kid, int))
    if own.strip():
        yield own.strip()
    for kid in kids:
        if isinstance(kid, pikepdf.Dictionary):
            yield from _said(kid, pieces)


def _pieces(page: pikepdf.Page) -> Iterator[tuple[int | None, Piece]]:
    fonts = {name: _meanings(font) for name, font in page.Resources.Font.items()}
    font: dict[int, str] = {}
    open_marks: list[str] = []
    number: int | None = None
    glyphs: list[str] = []
    reverse = False
    for each in pikepdf.parse_content_stream(page):
        match str(each.operator):
            case "BDC" | "BMC" as operator:
                if not open_marks:
                    glyphs, reverse = [], False
                    number = None
                    if operator == "BDC" and "/MCID" in each.operands[1]:
                        number = int(each.operands[1].MCID)
                open_marks.append(str(each.operands[0]))
                reverse |= open_marks[-1] == "/ReversedChars"
            case "EMC":
                open_marks.pop()
                if not open_marks:
                    yield number, Piece(tuple(glyphs), reverse)
            case "Tf":
                font = fonts[str(each.operands[0])]
            case "TJ":
                glyphs += [font[code] for part in each.operands[0] for code in _codes(part)]
            case "Tj":
                glyphs += [font[code] for code in _codes(each.operands[0])]


def _codes(shown: Any) -> list[int]:
    if not isinstance(shown, pikepdf.String):
        return []  # how far to move
    octets = bytes(shown)
    return [int.from_bytes(octets[n : n + 2], "big") for n in range(0, len(octets), 2)]


def _meanings(font: Any) -> dict[int, str]:
    return {
        int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
        for code, text in _MEANING.findall(font.ToUnicode.read_bytes())
    }
