"""The text of a PDF as a reader gets it out: by the fonts' ToUnicode maps, in logical order."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pikepdf

_PAIR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_CHARS = re.compile(rb"beginbfchar(.*?)endbfchar", re.DOTALL)
_RANGES = re.compile(rb"beginbfrange(.*?)endbfrange", re.DOTALL)


def text_of(pdf: bytes) -> str:
    """Every run of every page, with a blank between runs that stand apart."""
    with pikepdf.open(BytesIO(pdf)) as document:
        return " ".join(" ".join("".join(_page(page)).split()) for page in document.pages)


def _page(page: Any) -> Iterator[str]:
    fonts = {name: _to_unicode(font) for name, font in page.Resources.Font.items()}
    reversed_ = actual = 0
    depth: list[str] = []
    font: dict[int, str] = {}
    run: list[str] = []
    for each in pikepdf.parse_content_stream(page):
        assert isinstance(each, pikepdf.ContentStreamInstruction)
        operands, operator = each.operands, str(each.operator)
        match operator:
            case "BMC" | "BDC":
                kind = str(operands[0])
                said = operands[1].get("/ActualText") if operator == "BDC" else None
                if said is not None:
                    yield str(said)
                    kind = "/Actual"
                depth.append(kind)
                reversed_ += kind == "/ReversedChars"
                actual += kind == "/Actual"
                run = []
            case "EMC":
                kind = depth.pop()
                if not actual:
                    yield "".join(reversed(run) if reversed_ else run)
                run = []
                reversed_ -= kind == "/ReversedChars"
                actual -= kind == "/Actual"
            case "ET":
                yield " "
            case "Tf":
                font = fonts[str(operands[0])]
            case "TJ":
                run += [font[code] for part in operands[0] for code in _codes(part)]
            case "Tj":
                run += [font[code] for code in _codes(operands[0])]


def _codes(shown: Any) -> list[int]:
    if not isinstance(shown, pikepdf.String):
        return []  # how far to move
    octets = bytes(shown)
    return [int.from_bytes(octets[n : n + 2], "big") for n in range(0, len(octets), 2)]


def _to_unicode(font: Any) -> dict[int, str]:
    content = font.ToUnicode.read_bytes()
    found = {}
    for block in _CHARS.findall(content):
        for code, text in _PAIR.findall(block):
            found[int(code, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for block in _RANGES.findall(content):
        for first, last, text in _RANGE.findall(block):
            start = ord(bytes.fromhex(text.decode()).decode("utf-16-be"))
            for offset, code in enumerate(range(int(first, 16), int(last, 16) + 1)):
                found[code] = chr(start + offset)
    return found
