"""The OpenAPI document for people: rendered here, from the very document that machines read.

No viewer is loaded and no script runs. The document's own words are English; the page says so of
each of them (``lang``, ``dir``), and everything around speaks the reader's language.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from markupsafe import Markup, escape

from portal.bodies.refusals import KINDS
from portal.routes.bodies.schema import PATH, document
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_MARKED = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")
_BOUNDS = {
    "pattern": "{}",
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "items ≥ {}",
    "maxItems": "items ≤ {}",
    "default": "default {}",
}


@dataclass(frozen=True)
class Member:
    """One line of a table: a parameter, or a property of a schema."""

    name: str
    where: str
    kind: Markup
    required: bool
    description: Markup
    bounds: Sequence[str]


@dataclass(frozen=True)
class Sample:
    """Something that is sent or answered, as it looks."""

    name: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """One answer by its status."""

    status: str
    description: Markup
    kind: Markup
    headers: Sequence[str]
    samples: Sequence[Sample]

    @property
    def refuses(self) -> bool:
        return self.status[0] in "45"


@dataclass(frozen=True)
class Operation:
    """What one address does with one method."""

    id: str
    tag: str
    method: str
    path: str
    summary: str
    description: Sequence[Markup]
    scopes: Sequence[str]
    members: Sequence[Member]
    body: Markup
    samples: Sequence[Sample]
    outcomes: Sequence[Outcome]


@get_page("/api/docs", Access.ANYONE)
def show_docs(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Every operation with its fields, examples and errors, then the schemas."""
    portal = visit.portal
    site = portal.settings.public_url
    described = document(visit.speech, site)
    operations = list(_operations(described))
    return portal.pages.shared_page(
        visit,
        "api/docs.html",
        info=described["info"],
        intro=prose(described["info"]["description"]),
        schema_path=PATH,
        tags=[
            (tag["name"], tag["description"], [o for o in operations if o.tag == tag["name"]])
            for tag in described["tags"]
        ],
        schemas=[
            (name, _told(schema), list(_properties(schema)))
            for name, schema in described["components"]["schemas"].items()
        ],
        problems=KINDS,
        scopes=described["components"]["securitySchemes"]["bodies"]["flows"]["clientCredentials"][
            "scopes"
        ],
    )


def prose(text: str) -> list[Markup]:
    """Paragraphs of the document's little Markdown: code between backticks, and what is bold."""
    return [inline(" ".join(part.split())) for part in text.split("\n\n") if part.strip()]


def inline(text: str) -> Markup:
    found, at = Markup(""), 0
    for mark in _MARKED.finditer(text):
        found += escape(text[at : mark.start()])
        code, bold = Markup("<code>{}</code>"), Markup("<b>{}</b>")
        found += code.format(mark[1]) if mark[1] else bold.format(mark[2])
        at = mark.end()
    return found + escape(text[at:])


def _operations(described: Mapping[str, Any]) -> Iterator[Operation]:
    hooks = {f"({name})": each for name, each in described["webhooks"].items()}
    for path, methods in {**described["paths"], **hooks}.items():
        for method, each in methods.items():
            content: dict[str, Any] = each.get("requestBody", {}).get("content", {})
            kind = next(iter(content), "")
            sent = content.get(kind, {})
            body = _kind(sent["schema"]) if sent else Markup("")
            yield Operation(
                each["operationId"],
                each["tags"][0],
                method.upper(),
                path,
                each["summary"],
                prose(each.get("description", "")),
                sorted({s for needed in each.get("security", ()) for s in needed["bodies"]}),
                [_parameter(parameter) for parameter in each.get("parameters", ())],
                Markup("{} — {}").format(kind, body) if body else body,
                list(_samples(sent)),
                [_outcome(described, *answer) for answer in each["responses"].items()],
            )


def _parameter(parameter: Mapping[str, Any]) -> Member:
    return _member(
        parameter["name"],
        parameter["in"],
        parameter["schema"],
        bool(parameter.get("required")),
        parameter.get("description", ""),
    )


def _member(
    name: str, where: str, schema: Mapping[str, Any], required: bool, description: str
) -> Member:
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return Member(name, where, _kind(schema), required, inline(description), bounds)


def _properties(schema: Mapping[str, Any], within: str = "") -> Iterator[Member]:
    """The members of an object, and those of objects in it behind a point."""
    needed = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        text = each.get("description", "")
        yield _member(f"{within}{name}", "", each, name in needed, text)
        yield from _properties(each, f"{within}{name}.")
        yield from _properties(each.get("items", {}), f"{within}{name}[].")


def _told(schema: Mapping[str, Any]) -> list[Markup]:
    """What a schema is, and of which others it is one."""
    told = prose(schema.get("description", ""))
    return [*told, _kind(schema)] if "oneOf" in schema else told


def _kind(schema: Mapping[str, Any]) -> Markup:
    """What a value is, with a link where the document names a schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return Markup('<a href="#schema-{}">{}</a>').format(name, name)
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            return Markup(" | ").join(_kind(each) for each in schema[key])
    if "enum" in schema:
        return Markup(" | ").join(Markup("<code>{}</code>").format(v) for v in schema["enum"])
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    kinds = schema.get("type", "any")
    said = " | ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "format" in schema:
        said = f"{said} ({schema['format']})"
    if "items" in schema:
        return Markup("{} of {}").format(said, _kind(schema["items"]))
    return escape(said)


def _outcome(described: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> Outcome:
    content: Mapping[str, Any] = next(iter(answer.get("content", {}).values()), {})
    return Outcome(
        status,
        inline(answer["description"]),
        _kind(content["schema"]) if content else Markup(""),
        list(answer.get("headers", {})),
        list(_samples(content)),
    )


def _samples(content: Mapping[str, Any]) -> Iterator[Sample]:
    if "example" in content:
        yield Sample("", _as_text(content["example"]))
    for name, each in content.get("examples", {}).items():
        yield Sample(each.get("summary", name), _as_text(each["value"]))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


HANDLERS = [show_docs]
