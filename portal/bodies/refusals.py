"""Why a body's question is not answered, in words for those who build the asking system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal import violations
from portal.i18n import Speech
from portal.problems import N_
from portal.violations import Kind, Violation

TYPE = "/api/docs#problem-"
"""Behind the portal's address: where people read what a problem means (RFC 9457 §3.1.1)."""
_NEW_TOKEN = N_("Ask for a new token at /api/v1/oauth/token")
KINDS: Mapping[str, Kind] = {
    "not_json": Kind(
        400, N_("This is no JSON"), N_("Send an object in UTF-8, with every name once")
    ),
    "no_token": Kind(
        401, N_("The token is missing"), N_("Send it in the header Authorization, after Bearer")
    ),
    "bad_token": Kind(401, N_("The token is wrong, too old or revoked"), _NEW_TOKEN),
    "not_agreed": Kind(
        403,
        N_("This was not agreed"),
        N_("The token is not for this purpose, or the agreement has ended"),
    ),
    "unknown_user": Kind(
        403,
        N_("We do not know this user"),
        N_("Have the employee registered with the governorate"),
    ),
    "unknown_inquiry": Kind(
        404, N_("There is no such inquiry"), N_("Each body sees its own inquiries only")
    ),
    "no_batches": Kind(
        403,
        N_("Batches were not agreed"),
        N_("Ask one by one, or have batches agreed with the governorate"),
    ),
    "unknown_job": Kind(404, N_("There is no such job"), N_("Each body sees its own jobs only")),
    "too_many_jobs": Kind(
        429,
        N_("Too many jobs at once"),
        N_("Wait until one of your jobs is finished, or cancel one"),
    ),
    "too_large": Kind(413, N_("This is too large"), N_("Send less at once")),
    "media_type": Kind(
        415,
        N_("This type of content is not taken here"),
        N_("Send application/json in UTF-8"),
    ),
    "content_coding": Kind(
        415,
        N_("What is sent must not be compressed"),
        N_("Send it as it is, without Content-Encoding"),
    ),
    "wrong": Kind(
        422, N_("The question cannot be answered as it is"), N_("Mend what stands in errors")
    ),
    "key_taken": Kind(
        422,
        N_("This Idempotency-Key was used for another question"),
        N_("Use a new key for each question, and the same one only to repeat it"),
    ),
    "too_many": Kind(429, N_("Too much at once"), N_("Wait as long as Retry-After says")),
}


@dataclass(frozen=True)
class Refusal:
    """One refusal: its kind, and what is wrong where."""

    kind: str
    errors: Sequence[Violation] = ()

    @property
    def status(self) -> int:
        return KINDS[self.kind].status


class Turned(Exception):
    """It goes no further."""

    def __init__(self, kind: str, *errors: Violation) -> None:
        super().__init__(kind)
        self.refusal = Refusal(kind, errors)


def problem(refusal: Refusal, speech: Speech, site: str) -> dict[str, Any]:
    """The problem document in one language."""
    return violations.problem(
        site + TYPE + refusal.kind, KINDS[refusal.kind], refusal.errors, speech
    )
