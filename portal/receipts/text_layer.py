"""The text of a PDF that typst set, in an order that readers get Arabic out of as it was written.

typst draws an Arabic line as one piece for each word, the words from left to right. Programs that
go by what is seen (Chrome, pdftotext) turn the line round themselves; Firefox takes piece after
piece, and whoever goes by the tags hears the words backwards. Here each line becomes one piece:

- of one direction: one reversed string, as ISO 32000 has it (``ReversedChars``);
- of Arabic and figures: from left to right, and its element tells its text (``ActualText``).

Nothing moves on the page. What was measured is in ``docs/receipts.md``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

import pikepdf
from pikepdf import ContentStreamInstruction as Instruction
from pikepdf import Name, Operator

# A line of a font's ToUnicode map: the code of a glyph, and what it stands for
_MEANING = re.compile(rb"^<([0-9A-F]{4})> <((?:[0-9A-F]{4})+)>$", re.MULTILINE)
# There, an alef and the tanween on it, which are one glyph. Firefox takes it for a mark alone
_TANWEEN = re.compile(rb"(?<=> )<0627064B>")
_RIGHT_TO_LEFT = re.compile("[\u060c-\u065f\u066e-\u06ef]")  # all of Arabic but its figures
_UPRIGHT = [1, 0, 0, -1]  # typst measures from the top

_Meanings = Mapping[int, str]


@dataclass(frozen=True)
class _Run:
    """What stands between a BDC and its EMC, where that is text and nothing else."""

    block: Sequence[Instruction]
    element: Any
    """The tagged element whose text it is; None at the foot of a page."""
    y: float
    style: tuple[Instruction, ...]
    """Colour and font."""
    shown: tuple[tuple[float, Instruction], ...]
    """Strings of glyphs, and where on the line each begins."""
    reverse: bool
    said: str
    """In the order of speech."""

    @property
    def line(self) -> tuple[object, ...]:
        """Neighbours that agree in this are one line."""
        style = pikepdf.unparse_content_stream(self.style)
        return self.element and self.element.objgen, round(self.y, 2), style


@dataclass
class _Speech:
    """What an element says, line by line."""

    element: Any
    lines: list[str]
    mixed: bool


def legible(pdf: bytes) -> bytes:
    """``pdf`` with its text in order; it looks the same."""
    with pikepdf.open(BytesIO(pdf)) as document:
        preferences = document.Root.ViewerPreferences
        if "/Direction" in preferences:
            # Chrome takes it for the direction of every line, also of a code
            del preferences["/Direction"]
        tags = pikepdf.NumberTree(document.Root.StructTreeRoot.ParentTree)
        speeches: dict[tuple[int, int], _Speech] = {}
        fonts: dict[tuple[int, int], Any] = {}
        for page in document.pages:
            fonts |= {font.objgen: font for font in page.Resources.Font.values()}
            elements = list(tags[int(page.StructParents)])
            content = pikepdf.unparse_content_stream(list(_ordered(page, elements, speeches)))
            page.Contents = document.make_stream(content)
        for speech in speeches.values():
            if speech.mixed:
                speech.element.ActualText = " ".join(" ".join(speech.lines).split())
        for font in fonts.values():
            meanings = font.ToUnicode.read_bytes()
            font.ToUnicode = document.make_stream(_TANWEEN.sub(b"<0627>", meanings))
        out = BytesIO()
        document.save(out, deterministic_id=True)
    return out.getvalue()


def _ordered(
    page: pikepdf.Page, elements: Sequence[Any], speeches: dict[tuple[int, int], _Speech]
) -> Iterator[Instruction]:
    """The content of ``page``, line by line; ``speeches`` gets what is said on it."""
    fonts = {name: _meanings(font) for name, font in page.Resources.Font.items()}
    line: list[_Run] = []
    for block in [*_blocks(page), []]:
        runs = _runs(block, elements, fonts)
        for run in runs:
            if line and run.line != line[0].line:
                yield from _finished(line, speeches)
                line = []
            line.append(run)
        if not runs:
            yield from _finished(line, speeches)
            yield from block
            line = []


def _finished(
    line: Sequence[_Run], speeches: dict[tuple[int, int], _Speech]
) -> Iterator[Instruction]:
    """The line as it is drawn, when its element was told what it says."""
    if not line:
        return
    if (element := line[0].element) is not None:
        speech = speeches.setdefault(element.objgen, _Speech(element, [], mixed=False))
        speech.lines.append("".join(run.said for run in line))
        speech.mixed |= len(line) > 1
    yield from _drawn(line)


def _blocks(page: pikepdf.Page) -> Iterator[list[Instruction]]:
    """What the page is drawn with, one marked part after the other."""
    block: list[Instruction] = []
    depth = 0
    for each in pikepdf.parse_content_stream(page):
        if not isinstance(each, Instruction):
            raise TypeError("typst puts no picture among the instructions")
        block.append(each)
        depth += {"BDC": 1, "BMC": 1, "EMC": -1}.get(str(each.operator), 0)
        if not depth:
            yield block
            block = []


def _runs(
    block: Sequence[Instruction], elements: Sequence[Any], fonts: Mapping[str, _Meanings]
) -> list[_Run]:
    """``block`` as text; nothing for a drawing, or for text that stands in another way."""
    if not block or str(block[0].operator) != "BDC":
        return []
    opening, *inner = block[:-1]
    starts = [n for n, each in enumerate(inner) if str(each.operator) == "q"] + [len(inner)]
    parts = [inner[start:end] for start, end in pairwise(starts)]
    number = opening.operands[1].get("/MCID")
    if number is not None and len(parts) != 1:
        return []
    element = None if number is None else elements[int(number)]
    runs = [_run([opening, *part, _do("EMC")], element, fonts) for part in parts]
    return [run for run in runs if run] if all(runs) else []


def _run(block: list[Instruction], element: Any, fonts: Mapping[str, _Meanings]) -> _Run | None:
    x0 = y0 = x = y = 0.0
    style: dict[str, Instruction] = {}
    shown: list[tuple[float, Instruction]] = []
    glyphs: list[str] = []
    for each in block[1:-1]:
        operands = list(each.operands)
        match operator := str(each.operator):
            case "q" | "Q" | "BT" | "ET" | "BMC" | "EMC":
                continue
            case "cm" if operands[:4] == _UPRIGHT:
                x0, y0 = float(operands[4]), float(operands[5])
            case "Tm" if operands[:4] == _UPRIGHT:
                x, y = x0 + float(operands[4]), y0 - float(operands[5])
            case "cs" | "scn" | "Tr" | "Tf":
                style[operator] = each
            case "TJ" | "Tj":
                shown.append((x, each))
                meanings = fonts[str(style["Tf"].operands[0])]
                glyphs += [meanings[code] for part in _parts(each) for code in _codes(part)]
            case _:
                return None
    reverse = any(_RIGHT_TO_LEFT.search(glyph) for glyph in glyphs)
    said = "".join(reversed(glyphs) if reverse else glyphs)
    return _Run(block, element, y, tuple(style.values()), tuple(shown), reverse, said)


def _drawn(line: Sequence[_Run]) -> Iterator[Instruction]:
    """A line as one piece. The numbers of its further runs stay, with nothing in them."""
    first, *others = line
    if not others and not first.reverse:
        yield from first.block
        return
    strings = sorted((each for run in line for each in run.shown), key=lambda each: each[0])
    yield first.block[0]
    yield from (_do("q"), _do("BT"), *first.style)
    if others:
        for x, string in strings:
            yield from (_do("Tm", 1, 0, 0, 1, round(x, 3), round(first.y, 3)), string)
    else:
        together = pikepdf.Array([part for _, string in strings for part in _parts(string)])
        place = _do("Tm", 1, 0, 0, 1, round(strings[0][0], 3), round(first.y, 3))
        yield from (_do("BMC", Name.ReversedChars), place, _do("TJ", together), _do("EMC"))
    yield from (_do("ET"), _do("Q"), _do("EMC"))
    for run in others:
        if run.element is not None:
            yield from (run.block[0], _do("EMC"))


def _do(operator: str, *operands: Any) -> Instruction:
    return Instruction(operands, Operator(operator))


def _parts(shown: Instruction) -> list[Any]:
    """What an instruction shows: strings, and distances between them."""
    (operand,) = shown.operands
    return list(operand) if isinstance(operand, pikepdf.Array) else [operand]


def _codes(part: Any) -> Iterator[int]:
    if isinstance(part, pikepdf.String):
        octets = bytes(part)
        for n in range(0, len(octets), 2):
            yield int.from_bytes(octets[n : n + 2], "big")


def _meanings(font: Any) -> _Meanings:
    """What each glyph of a font stands for."""
    return {
        int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
        for code, text in _MEANING.findall(font.ToUnicode.read_bytes())
    }
