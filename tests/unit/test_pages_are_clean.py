"""What never stands in code, templates and styles: a word in one language only, a physical side,
anything inline.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.texts import (
    ARABIC_LETTERS,
    HOUSES,
    ROOT,
    arabic_in_code,
    constants_outside_of_messages,
    markup_of,
)

_SHIPPED = ("portal", "payments", "bench", "tools")
_LOOSE = ("dev", "Makefile", "Dockerfile", "pyproject.toml")
# Arabic texts are data: of catalogue, places and messages; the days off, the demo's people and
# the columns of paper books too
_DATA = (
    "portal/catalogue/",
    "portal/places/data/",
    "payments/sandbox/locales/",
    "portal/holidays/first_fill.csv",
    "portal/demo/invented.toml",
    "portal/permits/columns.toml",
)
# Letters and words that people type and that code understands: no reader is shown them
_READ = {
    "portal/text.py": "letters that are written in several ways, and names of two words",
    "portal/catalogue/identity.py": "how people write the number of a paper",
    "portal/permits/numbers.py": "how people write a year",
    "portal/permits/checking.py": "units of measure, and of local administration",
    "portal/permits/spellings.py": "how people write a day",
    "portal/sheets/comma.py": "letters by which an encoding is told",
    "portal/bodies/owner_names.py": "titles, and names of two words",
    "portal/bodies/questions.py": "how people write the number of a permit",
    "portal/routes/bodies/inquiries_described.py": "an example of what a body sends",
    "portal/routes/bodies/jobs_described.py": "an example of what a body sends",
    "portal/routes/bodies/centers_described.py": "an example of what a body is told",
}
_COMMENTS = {
    ".css": re.compile(r"/\*.*?\*/", re.DOTALL),
    ".js": re.compile(r"/\*.*?\*/|(?m:(?<!:)//.*$)", re.DOTALL),
    ".svg": re.compile(r"<!--.*?-->", re.DOTALL),
    ".html": re.compile(r"\{#.*?#\}", re.DOTALL),
}
_HASH = re.compile(r"(?m)#.*$")


def _files(*suffixes: str) -> list[Path]:
    found = (path for part in _SHIPPED for path in (ROOT / part).rglob("*"))
    return sorted(path for path in found if path.suffix in suffixes and path.is_file())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


TEMPLATES = [path for house in HOUSES for path in house.templates]
STYLES = _files(".css")
each_template = pytest.mark.parametrize("path", TEMPLATES, ids=map(_name, TEMPLATES))
each_style = pytest.mark.parametrize("path", STYLES, ids=map(_name, STYLES))


# --- Arabic words live in data -------------------------------------------------------------------


def test_no_code_holds_arabic_words() -> None:
    found = [
        (_name(path), line, text)
        for path in _files(".py")
        if _name(path) not in _READ
        for line, text in arabic_in_code(path)
    ]
    assert found == []


def test_what_code_reads_of_people_is_named_here_only_while_it_is_there() -> None:
    assert [name for name in _READ if not list(arabic_in_code(ROOT / name))] == []


def test_nothing_else_that_is_shipped_holds_arabic_words() -> None:
    paths = _files(".html", ".css", ".js", ".svg", ".toml", ".csv", ".json", ".txt", ".mako")
    paths += [ROOT / name for name in _LOOSE]
    found = [
        (_name(path), ARABIC_LETTERS.findall(text)[:5])
        for path in paths
        if not _name(path).startswith(_DATA)
        and ARABIC_LETTERS.search(text := _without_comments(path))
    ]
    assert found == []


def _without_comments(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return _COMMENTS.get(path.suffix, _HASH).sub("", text)


def test_arabic_in_code_is_found_where_it_is_hidden(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text(
        '"""توثيق"""\nA = "نص"  # تعليق\nB = f"{A} نص"\n'
        'def c():\n    "توثيق"\n    return {"نص": 1}\n',
        encoding="utf-8",
    )
    assert [line for line, _ in arabic_in_code(path)] == [2, 3, 6]


# --- no template speaks one language only --------------------------------------------------------

_READ_OUT = {"alt", "aria-description", "aria-label", "aria-roledescription", "aria-valuetext"}
_SHOWN = _READ_OUT | {"content", "label", "placeholder", "summary", "title"}
_NO_WORDS = {
    # values that no reader is shown
    ("meta", "content"): re.compile(
        r"width=device-width, initial-scale=1|#[0-9a-f]{6}|noindex|\{.*\}|…"
        r"|summary(_large_image)?|website"
    ),
}


class _Words(HTMLParser):
    """Texts and attributes of a template that somebody reads or hears."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.inline: list[tuple[int, str]] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.inline.append((line, f"<{tag}>"))
        for name, value in attrs:
            text = value or ""
            if name == "style" or name.startswith(("on", "hx-on")):
                self.inline.append((line, name))
            if re.match(r"\s*(javascript|data|vbscript):", text, re.IGNORECASE):
                self.inline.append((line, text))
            allowed = _NO_WORDS.get((tag, name))
            plain = allowed is not None and allowed.fullmatch(text)
            if name in _SHOWN and _says(text) and not plain:
                self.found.append((line, f"{name}={text}"))
            if tag == "input" and name == "value" and ("type", "submit") in attrs and _says(text):
                self.found.append((line, text))

    def handle_data(self, data: str) -> None:
        if _says(data):
            self.found.append((self.getpos()[0], data.strip()))


def _says(text: str) -> bool:
    # blocks and macros hand attributes and classes to the tags of another template
    bare = re.sub(r'[\w-]+="[^"]*"[…\s]*(required\b)?|\b[a-z]+--[a-z-]+\b', "", text)
    return re.search("[A-Za-z\u0600-\u06ff]", bare) is not None


@each_template
def test_every_word_of_a_template_is_translated(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert _Words(markup_of(source)).found == []
    # a word in an expression begins with a capital letter or has a blank before a word; names of
    # classes, fields and templates do not
    told = [
        (line, text)
        for line, text in constants_outside_of_messages(source)
        if re.match(r"[A-Z][a-z]+( |$)", text) or re.search("[a-z] [a-z]+ [a-z]", text)
    ]
    assert told == []


@each_template
def test_nothing_in_a_template_is_inline(path: Path) -> None:
    assert _Words(markup_of(path.read_text(encoding="utf-8"))).inline == []


def test_words_and_inline_code_are_found_where_they_are_hidden() -> None:
    source = (
        '<p>{{ _("Fine") }} {# not said #}· 7</p>\n<p title="Close">x</p>\n'
        '<a href="javascript:x" onclick="y" hx-on:click="z" style="a">{{ n }} days</a>\n'
        '<script>1</script><script src="a"></script>\n{{ "Yes" if a else _("No") }}'
    )
    words = _Words(markup_of(source))
    assert [line for line, _ in words.found] == [2, 2, 3]
    assert [line for line, _ in words.inline] == [3, 3, 3, 3, 4]
    assert "Yes" in [text for _, text in constants_outside_of_messages(source)]
    assert "No" not in [text for _, text in constants_outside_of_messages(source)]


def test_scripts_say_nothing_and_style_nothing() -> None:
    """What a script shows comes from the page, in the page's language."""
    for path in _files(".js"):
        if path.name.endswith(".min.js"):
            continue
        script = _without_comments(path)
        assert not re.search(r"\.style\b|cssText|innerHTML|insertAdjacentHTML|\beval\(", script)
        said = [
            text
            for text in re.findall(r'"((?:[^"\\\n]|\\.)*)"|`([^`]*)`', script)
            for text in text
            if re.search("[A-Za-z]{2,} [A-Za-z]{2,}", text) or re.match("[A-Z][a-z]+[ .!?]", text)
        ]
        assert [text for text in said if text != "use strict" and not _selector(text)] == [], path


def _selector(text: str) -> bool:
    return re.search(r"[\[\]#=>]|^[.\w-]+( [.\w-]+)*$", text) is not None and not text.istitle()


def test_pictures_hold_no_style_and_no_script() -> None:
    for path in _files(".svg"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|<script|\bstyle=|\bon\w+=|javascript:", text), path


# --- sides are those of the text, not of the screen ----------------------------------------------

_SIDE = "(?:left|right|top|bottom)"
_PHYSICAL_NAME = re.compile(
    rf"""
    {_SIDE}
    | (?:margin|padding|scroll-margin|scroll-padding|overscroll-behavior)-(?:{_SIDE}|x|y)
    | border-{_SIDE}(?:-\w+)?
    | border-(?:top|bottom)-(?:left|right)-radius
    | (?:min-|max-)?(?:width|height)
    | contain-intrinsic-(?:width|height)
    """,
    re.VERBOSE,
)
_SIDE_VALUE = re.compile(r"\b(?:left|right)\b")
_SIDED = {"text-align", "float", "clear", "caption-side", "transform-origin", "background-position"}
_FOUR = {"margin", "padding", "inset", "border-width", "border-style", "border-color"}
_DECLARATION = re.compile(r"(?<![\w-])([a-z-]+)\s*:\s*([^;{}]+)(?=[;}])")


def _physical(css: str) -> Iterator[tuple[str, str]]:
    """Declarations that mean a side of the screen."""
    # the parts in parentheses of @media name the screen, which has a width and no direction
    plain = re.sub(r"@(?:media|supports|container)[^{]*", "", css)
    for name, value in _DECLARATION.findall(plain):
        parts = _parts(value)
        sided = name in _SIDED and _SIDE_VALUE.search(value)
        turned = re.search(r"to (?:left|right)\b|translateX\(", value)
        uneven = name in _FOUR and len(parts) == 4 and parts[1] != parts[3]
        if name == "border-radius" and len(parts) > 1:
            corners = (parts * 2)[:4] if len(parts) == 2 else (*parts, parts[1])[:4]
            uneven = corners[0] != corners[1] or corners[2] != corners[3]
        if _PHYSICAL_NAME.fullmatch(name) or sided or turned or uneven:
            yield name, value.strip()


def _parts(value: str) -> list[str]:
    """The parts of a value; what stands in parentheses is one."""
    parts, depth, part = [], 0, ""
    for sign in f"{value.strip()} ":
        depth += (sign == "(") - (sign == ")")
        if sign.isspace() and not depth:
            parts += [part] if part else []
            part = ""
        else:
            part += sign
    return parts


@each_style
def test_a_style_names_no_side_of_the_screen(path: Path) -> None:
    assert list(_physical(_without_comments(path))) == []


@pytest.mark.parametrize(
    "declaration",
    [
        "margin-left: 1px",
        "padding-right: 0",
        "border-top: 0",
        "border-left-color: red",
        "border-top-left-radius: 1px",
        "border-radius: 1px 0 0 1px",
        "left: 0",
        "float: right",
        "text-align: left",
        "clear: left",
        "margin: 0 1px 0 calc(1px + 2px)",
        "inset: 0 auto 0 0",
        "width: 1px",
        "max-height: 1px",
        "transform: translateX(1px)",
        "background: linear-gradient(to right, red, blue)",
    ],
)
def test_a_side_of_the_screen_is_seen(declaration: str) -> None:
    assert list(_physical(f"@media (min-width: 1px) {{ a {{ color: red; {declaration}; }} }}"))
    assert list(_physical(f"a{{{declaration}}}"))


def test_a_side_of_the_text_is_none_of_the_screen() -> None:
    css = """@media (max-width: 40rem) { a:hover { margin-inline-start: 1px; inset: 0 1px 0 1px;
      border-radius: 0 0 var(--r) var(--r); text-align: start; inline-size: 1px; inset: 0;
      border-start-start-radius: 1px; margin: 0 auto; padding: 1px calc(2px + 1px) 2px; } }"""
    assert list(_physical(css)) == []
