"""Centers in the OpenAPI document."""

from typing import Any

from portal.i18n import Speech
from portal.routes.bodies.centers import BASE
from portal.routes.bodies.describing import (
    ANY_PURPOSE,
    LIMITED,
    Resource,
    limit_headers,
    reference,
    refusing,
    success,
)


def resource(speech: Speech, site: str) -> Resource:
    """The one address of centers."""
    refuse = refusing(speech, site)
    example = {
        "code": "KFS-003",
        "name_ar": "المركز التكنولوجي بدسوق",
        "name_en": "Technology Center of Desouk",
    }
    listed = {
        "type": "object",
        "properties": {"centers": {"type": "array", "items": reference("Center")}},
        "required": ["centers"],
        "additionalProperties": False,
    }
    describing = {
        "operationId": "listCenters",
        "tags": ["Inquiries"],
        "summary": "Technology centers of your governorate",
        "description": "The codes that questions name. None changes, and seldom is one added.",
        "security": ANY_PURPOSE,
        "responses": {
            "200": success("All of them.", listed, {"centers": [example]}, limit_headers()),
            **refuse(LIMITED),
        },
    }
    return Resource({BASE: {"get": describing}}, {"Center": _CENTER})


_CENTER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "pattern": "^[A-Z]{1,3}-[0-9]{3}$"},
        "name_ar": {"type": "string"},
        "name_en": {"type": "string"},
    },
    "required": ["code", "name_ar", "name_en"],
    "additionalProperties": False,
}
