"""Where texts for people come from: message ids of code and templates, and what they are in Arabic.

The portal and the payment sandbox are two houses: each has its code, its templates and its own
catalogue of messages.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parent.parent.parent
MARKED = frozenset({"N_", "_", "gettext", "ngettext", "Count"})
_PAIRS = {"ngettext": 0, "Count": 1}  # where the two forms of a plural stand
ARABIC_LETTERS = re.compile("[\u0620-\u064a\u066e-\u06d3\ufb50-\ufdff\ufe70-\ufefc]")
_PLACE = re.compile(r"\{(\w*)[^}]*\}")


@dataclass(frozen=True)
class House:
    """A program with its own messages."""

    name: str
    code: Path
    po: Path

    @property
    def templates(self) -> list[Path]:
        return sorted(self.code.rglob("*.html"))

    def catalogue(self) -> Catalog:
        with self.po.open("rb") as file:
            return read_po(file)


PORTAL = House("portal", ROOT / "portal", ROOT / "locales/ar/LC_MESSAGES/messages.po")
SANDBOX = House(
    "sandbox",
    ROOT / "payments/sandbox",
    ROOT / "payments/sandbox/locales/ar/LC_MESSAGES/messages.po",
)
HOUSES = (PORTAL, SANDBOX)


@dataclass(frozen=True)
class Message:
    """A text that code or a template says to people."""

    where: str
    msgid: str
    plural: str = ""
    given: frozenset[str] | None = None
    """The names of what is filled in; None where that cannot be seen, or happens elsewhere."""


def places(text: str) -> set[str]:
    """The names in braces."""
    return set(_PLACE.findall(text))


def forms(text: object) -> list[str]:
    """The forms of an id or a translation: one, or those of a plural."""
    return [str(form) for form in text] if isinstance(text, tuple | list) else [str(text)]


@cache
def messages_of(house: House) -> list[Message]:
    found = [each for path in sorted(house.code.rglob("*.py")) for each in _in_code(path)]
    for path in house.templates:
        found += _in_template(path)
    return found


# --- code ---


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts that an argument may be: ``N_("a" if x else "b")`` names two."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _constants(body)
            yield from _constants(orelse)
        case ast.Call(args=[argument], func=ast.Name(id="N_")):
            yield from _constants(argument)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _in_code(path: Path) -> Iterator[Message]:
    inside: set[ast.expr] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        # breadth first: a call comes before what stands inside it
        name = _name(node.func) if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or name not in MARKED or node in inside:
            continue
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        keywords = [keyword.arg for keyword in node.keywords]
        known = name != "N_" and None not in keywords
        given = frozenset(str(keyword) for keyword in keywords) if known else None
        if name in _PAIRS:
            pair = node.args[_PAIRS[name] :][:2]
            inside.update(pair)
            for one, many in zip(*map(_constants, pair), strict=True):
                yield Message(where, one, many, None if given is None else given | {"n"})
        elif node.args:
            inside.add(node.args[0])
            for text in _constants(node.args[0]):
                yield Message(where, text, given=given)


def arabic_in_code(path: Path) -> Iterator[tuple[int, str]]:
    """Texts with Arabic letters; comments and docstrings may name a term of the field."""
    source = path.read_bytes()
    if not ARABIC_LETTERS.search(source.decode()):
        return
    documents = {
        (node.value.lineno, node.value.col_offset)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for token in tokenize.tokenize(BytesIO(source).readline):
        if token.type == tokenize.COMMENT or not ARABIC_LETTERS.search(token.string):
            continue
        line = source.splitlines()[token.start[0] - 1].decode()
        column = len(line[: token.start[1]].encode())
        if (token.start[0], column) not in documents:
            yield token.start[0], token.string


# --- templates ---

_ENVIRONMENT = Environment(autoescape=True)


def _template_constants(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Const(value=str(text)):
            yield text
        case nodes.CondExpr(expr1=first, expr2=second):
            yield from _template_constants(first)
            if second is not None:
                yield from _template_constants(second)


def _called(call: nodes.Call) -> str:
    return str(getattr(call.node, "attr", "") or getattr(call.node, "name", ""))


def _in_template(path: Path) -> Iterator[Message]:
    for call in _ENVIRONMENT.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
        name, where = _called(call), f"{path.relative_to(ROOT)}:{call.lineno}"
        if name not in MARKED or not call.args:
            continue
        given = frozenset(keyword.key for keyword in call.kwargs)
        if name == "ngettext":
            for one, many in zip(*map(_template_constants, call.args[:2]), strict=True):
                yield Message(where, one, many, given | {"n"})
        else:
            for text in _template_constants(call.args[0]):
                yield Message(where, text, given=None if call.dyn_kwargs else given)


def constants_outside_of_messages(source: str) -> Iterator[tuple[int, str]]:
    """Texts of a template's expressions that are not translated."""
    tree = _ENVIRONMENT.parse(source)
    marked = {
        id(constant)
        for call in tree.find_all(nodes.Call)
        if _called(call) in MARKED
        for constant in call.find_all(nodes.Const)
    }
    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, str) and id(constant) not in marked:
            yield constant.lineno, constant.value


def markup_of(source: str) -> str:
    """A template as HTML: expressions become a sign, statements and comments nothing."""
    kept, inside = [], ""
    for _, kind, text in _ENVIRONMENT.lex(source):
        if kind.endswith("_begin"):
            inside = kind
            if kind == "variable_begin":
                kept.append("\u2026")
        elif kind.endswith("_end"):
            inside = ""
        elif not inside and kind == "data":
            kept.append(text)
    return "".join(kept)
