"""Notices in the OpenAPI document: the webhook of a body, and the list of what it was told."""

from typing import Any

from portal.bodies.notices import NoticeType
from portal.bodies.posting import MEDIA_TYPE
from portal.i18n import Speech
from portal.problems import N_
from portal.routes.bodies.describing import (
    ANY_PURPOSE,
    LIMITED,
    Resource,
    limit_headers,
    paged,
    reference,
    refusing,
    success,
)
from portal.routes.bodies.notices import BASE
from portal.routes.bodies.paging import MOST_LISTED
from portal.violations import Violation

_TAGS = ["Notices"]
_ID = "3rk6s0v9c1m2n4p5q7t8w0x2y4"
_SIGNED = "eyJhbGciOiJFUzI1NiIsInR5cCI6Im5vdGljZStqd3MifQ.e30.c2ln"


def resource(speech: Speech, site: str) -> Resource:
    """The list of notices."""
    refuse = refusing(speech, site)
    wrong = Violation(
        "limit", N_("Write a number from 1 to {n}"), (("n", MOST_LISTED),), place="parameter"
    )
    example = {"id": _ID, "taken": False, "event": _event(site), "signed": _SIGNED}
    listed = {
        "type": "object",
        "properties": {
            "notices": {"type": "array", "items": reference("Notice")},
            "next": {"type": ["string", "null"]},
        },
        "required": ["notices", "next"],
        "additionalProperties": False,
    }
    describing = {
        "operationId": "listNotices",
        "tags": _TAGS,
        "summary": "What you were told, once more",
        "description": "The newest first, with those that your webhook has not taken yet. After an "
        "outage read back until you meet an `id` that you have. What an agreement allowed that "
        "has ended is not told any more.",
        "security": ANY_PURPOSE,
        "parameters": paged(),
        "responses": {
            "200": success(
                "A page of notices.",
                listed,
                {"notices": [example], "next": None},
                {"Link": {"$ref": "#/components/headers/Link"}, **limit_headers()},
            ),
            **refuse((*LIMITED, "wrong"), {"wrong": [wrong]}),
        },
    }
    return Resource({BASE: {"get": describing}}, {"Notice": _NOTICE, "Event": _EVENT})


def webhooks() -> dict[str, Any]:
    """What a body's own server is called with, where notices were agreed."""
    return {
        "notice": {
            "post": {
                "operationId": "takeNotice",
                "tags": _TAGS,
                "summary": "Your webhook is told something",
                "description": "The body is a compact JWS (RFC 7515): verify it with the key that "
                "`kid` names in `/.well-known/jwks.json`, ES256 alone, `typ` notice+jws. Its "
                "payload is an `Event`, whose `body` must be your client_id. Keep the `id`: the "
                "same notice may come again. No redirect is followed, and ten seconds are waited.",
                "security": [],
                "requestBody": {
                    "required": True,
                    "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _SIGNED}},
                },
                "responses": {
                    "204": {"description": "You have kept it. Any 2xx will do."},
                    "400": {
                        "description": "You will not have this one: it is told again later, and "
                        "only news of its permit wait. So with 409, 413, 415 and 422."
                    },
                    "410": {"description": "Your address is no more: it is tried once a day."},
                    "503": {
                        "description": "Later: 5 seconds at first, then twice as long each time, "
                        "an hour at the most; `Retry-After` is heeded. So with everything else."
                    },
                },
            }
        }
    }


_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvent (1.0).",
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "description": "The notice's; the same at every attempt."},
        "source": {"type": "string"},
        "type": {
            "type": "string",
            "enum": [f"eg.mahalliyat.{each.value}" for each in NoticeType],
        },
        "subject": {"type": "string", "description": "The permit, the inquiry, or the job."},
        "body": {"type": "string", "description": "Your client_id."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "const": "application/json"},
        "data": {"type": "object", "description": "By its type; nothing of a person."},
    },
    "required": [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "body",
        "time",
        "datacontenttype",
        "data",
    ],
    "additionalProperties": False,
}
_NOTICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "taken": {"type": "boolean", "description": "Whether your webhook has taken it."},
        "event": reference("Event"),
        "signed": {"type": "string", "description": "The same event as your webhook gets it."},
    },
    "required": ["id", "taken", "event", "signed"],
    "additionalProperties": False,
}


def _event(site: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": _ID,
        "source": "portal",
        "type": f"eg.mahalliyat.{NoticeType.PERMIT_CHANGED.value}",
        "subject": "KFS-003/215/2025",
        "body": "kfs-water",
        "time": "2026-11-22T09:30:00+00:00",
        "datacontenttype": "application/json",
        "data": {
            "permit": {
                "center": "KFS-003",
                "number": "215/2025",
                "href": f"{site}/permits/KFS-003/2025/215",
            },
            "changed": "status",
            "status": "suspended",
            "status_on": "2026-11-22",
            "revision": 4,
            "purpose": "connection",
            "reference": "W-2026-118",
        },
    }
