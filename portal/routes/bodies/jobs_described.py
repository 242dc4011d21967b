"""Jobs in the OpenAPI document."""

from typing import Any

from portal.bodies.batches import batch_schemas
from portal.bodies.jobs import BASE, MOST_OPEN, STOPPED
from portal.bodies.model import LARGEST_BATCH, Purpose
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

_EXAMPLE_ID = "0123456789abcdefghjk"
_TAGS = ["Jobs"]
_WRONG_PAGE = {
    "wrong": [
        Violation(
            "limit", N_("Write a number from 1 to {n}"), (("n", MOST_LISTED),), place="parameter"
        )
    ]
}


def resource(speech: Speech, site: str) -> Resource:
    """All addresses of jobs."""
    refuse = refusing(speech, site)
    example = _example(site)
    return Resource(
        {
            BASE: {"post": _begin(refuse, example), "get": _list(refuse, example)},
            f"{BASE}/{{id}}": {"get": _one(refuse, example, "showJob", "How far a job is")},
            f"{BASE}/{{id}}/cancel": {
                "post": {
                    **_one(refuse, example, "cancelJob", "Drop what is not answered yet"),
                    "description": "What was answered stays answered, and is still told. A job "
                    "that is finished stays as it is.",
                },
            },
            f"{BASE}/{{id}}/answers": {"get": _answers(refuse, example)},
        },
        {**batch_schemas(), "Job": _JOB, "JobAnswer": _JOB_ANSWER},
    )


def _begin(refuse: Refuse, example: Any) -> dict[str, Any]:
    kinds = (
        *LIMITED,
        "not_json",
        "not_agreed",
        "no_batches",
        "unknown_user",
        "too_large",
        "media_type",
        "content_coding",
        "wrong",
        "key_taken",
        "too_many_jobs",
    )
    wrong = {
        "wrong": [
            Violation("/questions/1/center", N_("There is no such center")),
            Violation("/questions/7/number", N_("This field is missing")),
        ]
    }
    follow = {
        name: {
            "operationId": operation,
            "parameters": {"id": "$response.body#/id"},
            "description": description,
        }
        for name, operation, description in (
            ("show", "showJob", "How far it is."),
            ("answers", "listAnswers", "What is answered by now."),
            ("cancel", "cancelJob", "Drop the rest."),
        )
    }
    return {
        "operationId": "beginJob",
        "tags": _TAGS,
        "summary": "Ask many questions at once",
        "description": f"Up to {LARGEST_BATCH}, where batches were agreed. All lines are looked at "
        "first: either every one is accepted, or none is and `errors` names all that is wrong. "
        "They are answered one after the other at your pace, of which a fifth is left to questions "
        f"that come alone. {MOST_OPEN} jobs at a time. A job ends early (`stopped_reason`) when "
        "the account, the agreement or the user is revoked. When it is finished you are told at "
        "your webhook.",
        "security": ONE_PURPOSE,
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A new text for each batch. Sent again within a day with the same "
                "batch it leads to the same job.",
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
                    "schema": reference("Batch"),
                    "example": {
                        "user": "1042",
                        "reference": "W-2026-200",
                        "purpose": "connection",
                        "questions": [
                            {"center": "KFS-003", "number": "215/2025"},
                            {
                                "center": "KFS-003",
                                "number": {"number": 56, "letter": "م", "year": 1998},
                                "reference": "W-2026-200/2",
                            },
                        ],
                    },
                }
            },
        },
        "responses": {
            "202": {
                **success(
                    "Accepted.",
                    reference("Job"),
                    example,
                    {"Location": {"$ref": "#/components/headers/Location"}, **limit_headers()},
                ),
                "links": follow,
            },
            **refuse(kinds, wrong),
        },
    }


def _one(refuse: Refuse, example: Any, operation: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "tags": _TAGS,
        "summary": summary,
        "security": ANY_PURPOSE,
        "parameters": [_id()],
        "responses": {
            "200": success("The job.", reference("Job"), example, _polled()),
            **refuse((*LIMITED, "unknown_job")),
        },
    }


def _list(refuse: Refuse, example: Any) -> dict[str, Any]:
    return {
        "operationId": "listJobs",
        "tags": _TAGS,
        "summary": "Your jobs, the newest first",
        "security": ANY_PURPOSE,
        "parameters": paged(),
        "responses": {
            "200": success(
                "A page of jobs.",
                _page("jobs", "Job", {}),
                {"jobs": [example], "next": None},
                {"Link": {"$ref": "#/components/headers/Link"}, **limit_headers()},
            ),
            **refuse((*LIMITED, "wrong"), _WRONG_PAGE),
        },
    }


def _answers(refuse: Refuse, example: Any) -> dict[str, Any]:
    running = {**example, "state": "running", "done": 0, "finished_at": None}
    return {
        "operationId": "listAnswers",
        "tags": _TAGS,
        "summary": "The answers of a job, in the order of its questions",
        "description": "As far as there are any. `next` is null only when no more will come; while "
        "the job runs it leads to those that come next, so it can be asked for again after a "
        "while. The header `Link` is there when more can be read at once.",
        "security": ANY_PURPOSE,
        "parameters": [_id(), *paged()],
        "responses": {
            "200": success(
                "A page of answers.",
                _page("answers", "JobAnswer", {"job": reference("Job")}),
                {"job": running, "answers": [], "next": "AXr0"},
                {"Link": {"$ref": "#/components/headers/Link"}, **_polled()},
            ),
            **refuse((*LIMITED, "unknown_job", "wrong"), _WRONG_PAGE),
        },
    }


def _polled() -> dict[str, Any]:
    """Headers of a job, which while it runs tell when to look again."""
    return {"Retry-After": {"$ref": "#/components/headers/Retry-After"}, **limit_headers()}


def _id() -> dict[str, Any]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "Number of the job.",
        "schema": {"type": "string", "pattern": ID_PATTERN},
        "example": _EXAMPLE_ID,
    }


def _page(name: str, of: str, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            **more,
            name: {"type": "array", "items": reference(of)},
            "next": {"type": ["string", "null"]},
        },
        "required": [*more, name, "next"],
        "additionalProperties": False,
    }


_JOB: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": ID_PATTERN, "description": "Number of the job."},
        "state": {"type": "string", "enum": ["running", "done", "stopped"]},
        "stopped_reason": {
            "type": ["string", "null"],
            "enum": [*STOPPED, None],
            "description": "Why it ended before its end.",
        },
        "user": {"type": "string"},
        "purpose": {"type": "string", "enum": [purpose.value for purpose in Purpose]},
        "reference": {"type": "string", "description": "Your own number of the batch."},
        "total": {"type": "integer", "minimum": 1, "maximum": LARGEST_BATCH},
        "done": {"type": "integer", "minimum": 0, "description": "Lines that are answered."},
        "created_at": {"type": "string", "format": "date-time"},
        "finished_at": {"type": ["string", "null"], "format": "date-time"},
        "answers_at": {"type": "string", "format": "uri"},
    },
    "required": [
        "id",
        "state",
        "stopped_reason",
        "user",
        "purpose",
        "reference",
        "total",
        "done",
        "created_at",
        "finished_at",
        "answers_at",
    ],
    "additionalProperties": False,
}
_JOB_ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "position": {
            "type": "integer",
            "minimum": 0,
            "description": "Place of the question in the batch, from 0.",
        },
        "inquiry": reference("Inquiry"),
    },
    "required": ["position", "inquiry"],
    "additionalProperties": False,
}


def _example(site: str) -> dict[str, Any]:
    return {
        "id": _EXAMPLE_ID,
        "state": "done",
        "stopped_reason": None,
        "user": "1042",
        "purpose": "connection",
        "reference": "W-2026-200",
        "total": 2,
        "done": 2,
        "created_at": "2026-11-22T09:30:00+00:00",
        "finished_at": "2026-11-22T09:30:02+00:00",
        "answers_at": f"{site}{BASE}/{_EXAMPLE_ID}/answers",
    }
