"""The OpenAPI document of the bodies' interface, from what the code itself works with."""

import json
from functools import cache
from hashlib import sha256
from typing import Any

from litestar import Response
from litestar.di import NamedDependency

from portal.bodies.model import Purpose
from portal.bodies.tokens import TOKEN_PATH
from portal.i18n import Speech
from portal.routes.bodies import (
    centers_described,
    inquiries_described,
    jobs_described,
    notices_described,
    oauth_described,
)
from portal.web.machines import JSON, PUBLIC
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

PATH = "/api/schema"
_RESOURCES = (
    oauth_described.resource,
    inquiries_described.resource,
    centers_described.resource,
    jobs_described.resource,
    notices_described.resource,
)
_PURPOSES = {
    Purpose.CONNECTION: "Whether connecting a utility is lawful",
    Purpose.REGISTRATION: "Before a deed is registered",
    Purpose.VALUATION: "Valuation of a building",
    Purpose.TAXATION: "Property tax",
    Purpose.JUDICIAL: "Courts, prosecution, and reports of violations",
    Purpose.INSURANCE: "Insurance of a building",
    Purpose.SAFETY: "Safety of a building",
}


@cache
def document(speech: Speech, site: str) -> dict[str, Any]:
    """The document; ``speech`` is the language of its examples."""
    resources = [resource(speech, site) for resource in _RESOURCES]
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {PATH: {"get": _OWN}}
    for each in resources:
        paths |= each.paths
        schemas |= each.schemas
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mahalliyat: building permits for outside bodies",
            "version": "1.0.0",
            "license": {"name": "MIT", "identifier": "MIT"},
            "summary": "Ask the register of building permits, and keep a signed answer.",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": site}],
        "tags": [
            {"name": "Tokens", "description": "Who asks: tokens, and the keys of signatures."},
            {"name": "Inquiries", "description": "Questions, answers, and your own log."},
            {"name": "Jobs", "description": "Many questions at once, where that was agreed."},
            {"name": "Notices", "description": "News of what you asked, where that was agreed."},
        ],
        "paths": paths,
        "webhooks": notices_described.webhooks(),
        "components": {
            "schemas": schemas,
            "headers": _HEADERS,
            "securitySchemes": {
                "bodies": {
                    "type": "oauth2",
                    "description": "Client credentials with `private_key_jwt`, ES256.",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": f"{site}{TOKEN_PATH}",
                            "scopes": {p.scope: _PURPOSES[p] for p in Purpose},
                        }
                    },
                }
            },
        },
    }


@get_page(PATH, Access.ANYONE)
def show_document(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The document, for any tool and from any site."""
    portal = visit.portal
    body = _body(portal.languages["en"], portal.settings.public_url)
    etag = f'"{sha256(body).hexdigest()[:20]}"'
    headers = {**PUBLIC, "etag": etag}
    if etag in visit.request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


@cache
def _body(speech: Speech, site: str) -> bytes:
    return json.dumps(document(speech, site), ensure_ascii=False, indent=1).encode()


_DESCRIPTION = """\
An institution whose work depends on building permits (a utility, the real-estate registry, a bank,
a court) asks by machine, for a purpose that was agreed with the governorate. It is told the fields
of that agreement and no more, with a signature that proves the answer to others.

**Way in.** The governorate opens an account, enters your public key (P-256) and your employees'
numbers, and writes down the agreement. With your key you get a token, with the token you ask.

**Errors** are problem documents (RFC 9457) in Arabic, or in English with `Accept-Language: en`.
`errors` names every wrong place at once. The token endpoint answers as RFC 6749 §5.2 says.

**Pace.** Each body has a number of inquiries a minute; `RateLimit` and `RateLimit-Policy` tell it
with every answer.

**Verify** `signed` with any JOSE library: the key that `kid` names in `/.well-known/jwks.json`,
ES256 alone, `typ` permit-answer+jwt, `iss` this server, `aud` your client_id.
"""
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "Its fragment names the kind; there it says more.",
        },
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer (RFC 6901)."},
                    "parameter": {"type": "string"},
                    "header": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["detail"],
            },
        },
    },
    "required": ["type", "status", "title"],
}
_HEADERS: dict[str, Any] = {
    "Location": {
        "description": "Address of the inquiry.",
        "schema": {"type": "string", "format": "uri"},
    },
    "Link": {
        "description": 'The next page, as `rel="next"` (RFC 8288); missing on the last one.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left (`r`) and in how many seconds there is more (`t`), as a "
        "structured field: draft-ietf-httpapi-ratelimit-headers.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "How many (`q`) in how many seconds (`w`).",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "WWW-Authenticate": {"description": "RFC 6750 §3.", "schema": {"type": "string"}},
}
_OWN: dict[str, Any] = {
    "operationId": "showSchema",
    "tags": ["Tokens"],
    "summary": "This document",
    "security": [],
    "responses": {
        "200": {"description": "OpenAPI 3.1.", "content": {JSON: {"schema": {"type": "object"}}}}
    },
}
HANDLERS = [show_document]
