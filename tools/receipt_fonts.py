"""Makes the two fonts of receipts: ``python tools/receipt_fonts.py FOLDER`` with fontTools 4.60.

FOLDER holds the unpacked npm packages ``@fontsource/almarai``, ``@fontsource/noto-sans-arabic``
and ``@fontsource/noto-sans`` 5.3.0, as ``npm install`` leaves them in ``node_modules/@fontsource``.

Letters are Almarai's, figures and Latin are Noto's, all in one font: typst cuts a line wherever the
font changes. And each letter is one glyph, so that text is taken out of a PDF as it was put in,
whichever way a reader turns it round: lam and alef are drawn by the alef with the lam left empty,
an alef and its tanween by one glyph; the ligatures of whole words are left out.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.merge import Merger
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

OUT = Path(__file__).parents[1] / "portal" / "receipts" / "fonts"
FAMILY = "Mahalli Receipt"
ALEFS = (0x0622, 0x0623, 0x0625, 0x0627)
LAM, FATHATAN = 0x0644, 0x064B
ARABIC = (
    {0x060C, 0x061B, 0x061F, FATHATAN, 0x0671, 0x067E, 0x0686, 0x06A4, 0x06A9, 0x06AF, 0x06CC}
    | set(range(0x0621, 0x063B))
    | set(range(0x0640, 0x064B))
)
FIGURES = set(range(0x0660, 0x066D)) | set(range(0x06F0, 0x06FA))
LATIN = (
    set(range(0x20, 0x7F))
    | {0xA0, 0xA9, 0xAB, 0xB7, 0xBB, 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026}
    | set(range(0xC0, 0x100))
)
ALEF_PART = 0.45  # of what lam and alef take together
TANWEEN_GAP = 60  # thousandths of the font's size


def main(folder: Path) -> None:
    for weight, style in ((400, "Regular"), (700, "Bold")):
        letters = _letters(folder / f"almarai/files/almarai-arabic-{weight}-normal.woff")
        figures = _part(
            folder / f"noto-sans-arabic/files/noto-sans-arabic-arabic-{weight}-normal.woff", FIGURES
        )
        latin = _part(folder / f"noto-sans/files/noto-sans-latin-{weight}-normal.woff", LATIN)
        with tempfile.TemporaryDirectory() as scratch:
            parts = [letters, latin, figures]
            names = [str(Path(scratch) / f"{n}.ttf") for n in range(len(parts))]
            for part, name in zip(parts, names, strict=True):
                part.save(name)
            font = Merger().merge(names)
        font["name"].names = []
        for number, text in (
            (0, "Copyright 2019 by Almarai; 2022 The Noto Project Authors. SIL OFL 1.1"),
            (1, FAMILY),
            (2, style),
            (4, f"{FAMILY} {style}"),
            (6, f"{FAMILY.replace(' ', '')}-{style}"),
        ):
            font["name"].setName(text, number, 3, 1, 0x409)
        font["OS/2"].usWeightClass = weight
        # the same packages make the same file
        font["head"].created = font["head"].modified = letters["head"].created
        font.recalcTimestamp = False
        font.save(OUT / f"receipt-{style.lower()}.ttf")


def _part(source: Path, letters: set[int], *, forms: bool = False) -> TTFont:
    """What ``source`` has of ``letters``, with its forms of them if those are wanted."""
    font = TTFont(source)
    options = Options()
    options.layout_features = (
        ["init", "medi", "fina", "rlig", "liga", "kern"] if forms else ["kern"]
    )
    options.hinting = False
    options.drop_tables += ["GSUB", "GDEF", "STAT"] if not forms else ["STAT"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = None
    return font


def _letters(source: Path) -> TTFont:
    """Almarai's letters, one glyph for each."""
    font = _part(source, ARABIC, forms=True)
    by_feature = {
        record.FeatureTag: [
            font["GSUB"].table.LookupList.Lookup[n] for n in record.Feature.LookupListIndex
        ]
        for record in font["GSUB"].table.FeatureList.FeatureRecord
    }
    forms = {name: by_feature[name][0].SubTable[0].mapping for name in ("init", "medi", "fina")}
    names, final = font.getBestCmap(), forms["fina"]
    lams = {forms["init"][names[LAM]], forms["medi"][names[LAM]]}
    alefs = {final[names[alef]] for alef in ALEFS}
    joined = {
        (lam, each.Component[0]): each.LigGlyph
        for lookup in by_feature["liga"]
        for table in lookup.SubTable
        for lam, found in table.ligatures.items()
        for each in found
        if lam in lams and len(each.Component) == 1 and each.Component[0] in alefs
    }
    rules = _lam_alef(font, joined)
    plain = names[ALEFS[-1]]
    under = [f"{both}.alef" for (_, alef), both in joined.items() if alef == final[plain]]
    rules += _tanween(font, names[FATHATAN], [plain, final[plain], *under])
    for name, pairs in forms.items():
        subs = " ".join(f"sub {plain} by {form};" for plain, form in pairs.items())
        rules.insert(0, f"feature {name} {{ {subs} }} {name};")
    del font["GSUB"]
    addOpenTypeFeaturesFromString(font, "\n".join(rules), tables=["GSUB"])
    return font


def _lam_alef(font: TTFont, joined: dict[tuple[str, str], str]) -> list[str]:
    """The ligature is drawn where the alef is, which is left; the lam has the rest of its width."""
    lams, alefs = [], []
    for (lam, alef), both in joined.items():
        width = font["hmtx"][both][0]
        left = round(width * ALEF_PART)
        drawn, empty = f"{both}.alef", f"{both}.lam"
        _add(font, drawn, left, [(both, 0, 0)])
        _add(font, empty, width - left, [])
        lams.append(f"sub {lam}' {alef} by {empty};")
        alefs.append(f"sub {empty} {alef}' by {drawn};")
    # a mark between them does not part them
    return [
        f"lookup {name} {{ lookupflag IgnoreMarks; {' '.join(rules)} }} {name};"
        f"feature rlig {{ lookup {name}; }} rlig;"
        for name, rules in (("lams", lams), ("alefs", alefs))
    ]


def _tanween(font: TTFont, mark: str, alefs: Sequence[str]) -> list[str]:
    """An alef under its tanween, as one glyph."""
    sign = font["glyf"][mark]
    rules = []
    for alef in alefs:
        letter, width = font["glyf"][alef], font["hmtx"][alef][0]
        right = round((width - sign.xMin - sign.xMax) / 2)
        up = max(0, letter.yMax + TANWEEN_GAP - sign.yMin)
        _add(font, f"{alef}.tanween", width, [(alef, 0, 0), (mark, right, up)])
        rules.append(f"sub {alef} {mark} by {alef}.tanween;")
    return [f"feature rlig {{ {' '.join(rules)} }} rlig;"]


def _add(font: TTFont, name: str, width: int, parts: list[tuple[str, int, int]]) -> None:
    """A glyph drawn from others, each moved."""
    glyphs = font.getGlyphSet()
    pen = TTGlyphPen(glyphs)
    for part, right, up in parts:
        glyphs[part].draw(TransformPen(pen, (1, 0, 0, 1, right, up)))
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    font["glyf"][name] = glyph = pen.glyph()
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (width, getattr(glyph, "xMin", 0))
    font["GDEF"].table.GlyphClassDef.classDefs[name] = 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
