"""Inquiries in the OpenAPI document: schemas are those that questions are held against and answers
are made from."""

from typing import Any

from portal.bodies import purposes
from portal.bodies.answering import BASE, REMARKS
from portal.bodies.model import BodyAnswer, Purpose
from portal.bodies.questions import ASKED, question_schemas
from portal.bodies.repeats import LONGEST_KEY
from portal.i18n import Speech
from portal.problems import N_
from portal.routes.bodies.describing import (
    ANY_PURPOSE,
    ID_PATTERN,
    LIMITED,
    ONE_PURPOSE,
    Refuse,
    Resource,
    limit_headers,
    paged,
    reference,
    refusing,
    success,
)
from portal.routes.bodies.paging import MOST_LISTED
from portal.violations import Violation

_DAY = {"type": ["string", "null"], "format": "date"}
_NUMBER = "215/2025"
_EXAMPLE_ID = "0123456789abcdefghjk"


def resource(speech: Speech, site: str) -> Resource:
    """Both addresses of inquiries."""
    refuse = refusing(speech, site)
    example = _example(site)
    wrong = {
        "wrong": [Violation("/center", N_("There is no such center"))],
    }
    show_one = {
        "operationId": "showInquiry",
        "tags": ["Inquiries"],
        "summary": "One of your inquiries",
        "description": "The answer as it was given. While the center looks into its paper books "
        "the class is `needs_manual_search`; ask again after `search_due`, and the same number "
        "has its final answer.",
        "security": ANY_PURPOSE,
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "Number of the inquiry.",
                "schema": {"type": "string", "pattern": ID_PATTERN},
                "example": _EXAMPLE_ID,
            }
        ],
        "responses": {
            "200": success("The inquiry.", reference("Inquiry"), example, limit_headers()),
            **refuse((*LIMITED, "unknown_inquiry")),
        },
    }
    return Resource(
        {
            BASE: {"post": _ask(refuse, example, wrong), "get": _list(refuse, example)},
            f"{BASE}/{{id}}": {"get": show_one},
        },
        {**question_schemas(), "Inquiry": _INQUIRY, "Answer": _ANSWER},
    )


def _ask(refuse: Refuse, example: Any, wrong: Any) -> dict[str, Any]:
    kinds = (
        *LIMITED,
        "not_json",
        "not_agreed",
        "unknown_user",
        "too_large",
        "media_type",
        "content_coding",
        "wrong",
        "key_taken",
    )
    return {
        "operationId": "ask",
        "tags": ["Inquiries"],
        "summary": "Ask about a building permit",
        "description": "By center and number, or by the code on the sign of the site. A permit of "
        "another governorate is answered like one that does not exist. Each question is written "
        "into a log that the governorate reads; the owner sees that you asked and for what "
        "purpose, a judicial one excepted.",
        "security": ONE_PURPOSE,
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A new text for each question, such as a UUID. Sent again within a "
                "day with the same question, it is answered the same, and nothing is logged or "
                "counted twice: so a question whose answer was lost is safely repeated.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": LONGEST_KEY,
                    "pattern": "^[!-~]+$",
                },
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": reference("Question"),
                    "examples": {
                        "number": {
                            "summary": "By center and number",
                            "value": {
                                "user": "1042",
                                "reference": "ص/٢٠٢٦/١١٨",
                                "center": "KFS-003",
                                "number": "٢١٥ لسنة ٢٠٢٥",
                            },
                        },
                        "sign": {
                            "summary": "By the code on the sign",
                            "value": {
                                "user": "1042",
                                "reference": "W-2026-118",
                                "serial": _EXAMPLE_ID,
                                "purpose": "connection",
                            },
                        },
                    },
                }
            },
        },
        "responses": {
            "201": {
                **success(
                    "Answered.",
                    reference("Inquiry"),
                    example,
                    {"Location": {"$ref": "#/components/headers/Location"}, **limit_headers()},
                ),
                "links": {
                    "show": {
                        "operationId": "showInquiry",
                        "parameters": {"id": "$response.body#/id"},
                        "description": "The same answer, whenever it is needed.",
                    }
                },
            },
            **refuse(kinds, wrong),
        },
    }


def _list(refuse: Refuse, example: Any) -> dict[str, Any]:
    wrong = {
        "wrong": [
            Violation(
                "limit",
                N_("Write a number from 1 to {n}"),
                (("n", MOST_LISTED),),
                place="parameter",
            )
        ]
    }
    return {
        "operationId": "listInquiries",
        "tags": ["Inquiries"],
        "summary": "Your own log",
        "description": "All inquiries of the body, the newest first. The header `Link` leads to "
        "the next page; no page shows one twice while others are added.",
        "security": ANY_PURPOSE,
        "parameters": [
            *paged(),
            {
                "name": "reference",
                "in": "query",
                "required": False,
                "description": "Only what was asked under this number of yours.",
                "schema": dict(ASKED["reference"]),
            },
        ],
        "responses": {
            "200": success(
                "A page of inquiries.",
                {
                    "type": "object",
                    "properties": {
                        "inquiries": {"type": "array", "items": reference("Inquiry")},
                        "next": {"type": ["string", "null"]},
                    },
                    "required": ["inquiries", "next"],
                    "additionalProperties": False,
                },
                {"inquiries": [example], "next": None},
                {"Link": {"$ref": "#/components/headers/Link"}, **limit_headers()},
            ),
            **refuse((*LIMITED, "wrong"), wrong),
        },
    }


_INQUIRY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": ID_PATTERN, "description": "Number of the inquiry."},
        "asked_at": {"type": "string", "format": "date-time"},
        "class": {"type": "string", "enum": [kind.value for kind in BodyAnswer]},
        "answer": reference("Answer"),
        "signed": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
            "description": "The same answer as a compact JWS (RFC 7515): `alg` ES256, `typ` "
            "permit-answer+jwt, `kid` a key of /.well-known/jwks.json. Keep this with your file.",
        },
        "verify_at": {
            "type": "string",
            "format": "uri",
            "description": "Where anyone who has the number sees whether the answer is genuine.",
        },
    },
    "required": ["id", "asked_at", "class", "answer", "signed", "verify_at"],
    "additionalProperties": False,
}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "description": "What was signed, member by member.",
    "properties": {
        "iss": {"type": "string", "format": "uri", "description": "The portal."},
        "aud": {"type": "string", "description": "Your client_id: the answer is for you."},
        "sub": {"type": "string", "pattern": ID_PATTERN, "description": "Number of the inquiry."},
        "iat": {"type": "integer", "description": "When it was answered, in seconds since 1970."},
        "asked_at": {
            "type": "string",
            "format": "date-time",
            "description": "When it was asked, where a search in paper books came between.",
        },
        "reference": {"type": "string", "description": "Your own number."},
        "purpose": {"type": "string", "enum": [purpose.value for purpose in Purpose]},
        "asked": {
            "type": "object",
            "description": "By what you asked.",
            "properties": {
                "center": {"type": "string"},
                "number": {"type": "string"},
                "serial": {"type": "string"},
            },
            "additionalProperties": False,
        },
        "class": {
            "type": "string",
            "enum": [kind.value for kind in BodyAnswer],
            "description": "`confirmed`: the register has it. `confirmed_with_remarks`: it has it, "
            "and you should read `remarks`. `not_found`: there is none for you. "
            "`needs_manual_search`: it may stand in a paper book, or the entry was not reviewed; "
            "the center looks until `search_due`.",
        },
        "remarks": {
            "type": "array",
            "items": {"type": "string", "enum": list(REMARKS)},
            "description": " ".join(f"`{code}`: {text}" for code, text in REMARKS.items()),
        },
        "search_due": {
            **_DAY,
            "description": "The last day of the search in the paper archive (5 working days).",
        },
        "permit": {
            "type": ["object", "null"],
            "properties": {"center": {"type": "string"}, "number": {"type": "string"}},
            "required": ["center", "number"],
            "additionalProperties": False,
        },
        "fields": {
            "type": "object",
            "description": "What the register knows, of the fields that were agreed.",
            "properties": {name: dict(field.schema) for name, field in purposes.FIELDS.items()},
            "additionalProperties": False,
        },
        "unknown": {
            "type": "array",
            "items": {"type": "string", "enum": list(purposes.FIELDS)},
            "description": "Fields that were agreed and that the register does not hold, at all or "
            "of this permit. Unknown is never no.",
        },
        "revision": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "State of the permit's entry: it counts up with each change.",
        },
    },
    "required": [
        "iss",
        "aud",
        "sub",
        "iat",
        "reference",
        "purpose",
        "asked",
        "class",
        "remarks",
        "search_due",
        "permit",
        "fields",
        "unknown",
        "revision",
    ],
    "additionalProperties": False,
}


def _example(site: str) -> dict[str, Any]:
    return {
        "id": _EXAMPLE_ID,
        "asked_at": "2026-11-22T09:30:00+00:00",
        "class": "confirmed",
        "answer": {
            "iss": site,
            "aud": "kfs-water",
            "sub": _EXAMPLE_ID,
            "iat": 1795339800,
            "reference": "W-2026-118",
            "purpose": "connection",
            "asked": {"center": "KFS-003", "number": _NUMBER},
            "class": "confirmed",
            "remarks": [],
            "search_due": None,
            "permit": {"center": "KFS-003", "number": _NUMBER},
            "fields": {
                "permit_type": "new",
                "status": "under_execution",
                "validity": "started",
                "occupancy": {"deposited": False, "on": None},
            },
            "unknown": ["form_8", "dues_block"],
            "revision": 1,
        },
        "signed": "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl",
        "verify_at": f"{site}/verify/permits/{_EXAMPLE_ID}",
    }
