"""Parts of the OpenAPI document that every resource uses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from portal.bodies.model import Purpose
from portal.bodies.refusals import KINDS, Refusal, problem
from portal.i18n import Speech
from portal.routes.bodies.paging import LISTED, MOST_LISTED
from portal.violations import Violation
from portal.web.machines import JSON, PROBLEM

Described = dict[str, Any]
Refuse = Callable[..., Described]
ANY_PURPOSE: list[Mapping[str, list[str]]] = [{"bodies": []}]
"""Security of an operation for which any token will do."""
ONE_PURPOSE: list[Mapping[str, list[str]]] = [{"bodies": [p.scope]} for p in Purpose]
"""Security of an operation for which the token must be for the purpose that is asked for."""
LIMITED: tuple[str, ...] = ("no_token", "bad_token", "too_many")
"""Refusals that every operation with a token knows."""
ID_PATTERN = "^[0-9a-z]{20}$"


@dataclass(frozen=True)
class Resource:
    """Some addresses, and the schemas that only they use."""

    paths: Mapping[str, Any]
    schemas: Mapping[str, Any]


def reference(name: str) -> dict[str, str]:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def limit_headers() -> Described:
    """Headers that tell what is left to ask."""
    return {
        name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")
    }


def paged() -> list[Described]:
    """The parameters of a list that comes page by page."""
    return [
        {
            "name": "cursor",
            "in": "query",
            "required": False,
            "description": "`next` of the page before, as it is.",
            "schema": {"type": "string", "maxLength": 300},
        },
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "How many on a page.",
            "schema": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_LISTED,
                "default": LISTED,
            },
        },
    ]


def success(
    description: str, schema: Mapping[str, Any], example: Any, headers: Mapping[str, Any]
) -> Described:
    """A good answer in JSON."""
    return {
        "description": description,
        "headers": dict(headers),
        "content": {JSON: {"schema": schema, "example": example}},
    }


def refusing(speech: Speech, site: str) -> Refuse:
    """What makes the answers that refuse, by status, each kind with an example as it is really
    told."""
    return partial(_refusals, speech, site)


def _refusals(
    speech: Speech,
    site: str,
    kinds: Iterable[str],
    wrong: Mapping[str, Iterable[Violation]] | None = None,
) -> Described:
    by_status = sorted(kinds, key=lambda kind: (KINDS[kind].status, kind))
    found: Described = {}
    for status, group in groupby(by_status, key=lambda kind: KINDS[kind].status):
        names = list(group)
        examples = {
            kind: {"value": problem(Refusal(kind, list((wrong or {}).get(kind, ()))), speech, site)}
            for kind in names
        }
        found[str(status)] = {
            "description": "; ".join(f"`{kind}`: {KINDS[kind].title}" for kind in names),
            "headers": _headers_of(status),
            "content": {PROBLEM: {"schema": reference("Problem"), "examples": examples}},
        }
    return found


def _headers_of(status: int) -> Described:
    return {
        401: {"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}},
        429: {"Retry-After": {"$ref": "#/components/headers/Retry-After"}, **limit_headers()},
    }.get(status, {})
