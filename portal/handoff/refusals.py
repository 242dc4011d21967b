"""Why an event is not taken, in words for those who build the sending system (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal import violations
from portal.i18n import Speech
from portal.problems import N_
from portal.violations import Kind, Violation

TYPE = "urn:mahalliyat:handoff:"


_SIGN = N_("Sign with ES256, and name your key in the header (kid)")
KINDS: Mapping[str, Kind] = {
    "not_jws": Kind(
        400,
        N_("This is no signed message"),
        N_(
            "Send a compact JWS: three parts of base64url without padding, and a header of exactly "
            "alg ES256, kid, and typ handoff+jws"
        ),
    ),
    "not_json": Kind(
        400, N_("What was signed is no JSON"), N_("Send an object in UTF-8, with every name once")
    ),
    "no_token": Kind(401, N_("The permission is missing or wrong"), _SIGN),
    "unknown_key": Kind(
        401, N_("We do not know this key"), N_("Have it registered for the center")
    ),
    "old_key": Kind(401, N_("This key is too old"), N_("Sign with the center's present key")),
    "revoked_key": Kind(401, N_("This key was revoked"), N_("Sign with the center's present key")),
    "bad_signature": Kind(401, N_("The signature is wrong"), _SIGN),
    "wrong_center": Kind(
        403,
        N_("This is another center's"),
        N_("Key, address and envelope name the same center"),
    ),
    "unknown_center": Kind(404, N_("There is no such center"), N_("Look at the address")),
    "unknown_event": Kind(404, N_("There is no such event"), N_("Send it, if you have it")),
    "id_taken": Kind(
        409,
        N_("This id is taken"),
        N_("Ids are unique for ever, over all centers: use UUIDs, and a new one for each event"),
    ),
    "too_large": Kind(413, N_("This is too large"), N_("Send less; documents are uploaded apart")),
    "media_type": Kind(
        415,
        N_("This type of content is not taken here"),
        N_("Look at the content type that this address takes"),
    ),
    "unknown_type": Kind(
        422, N_("We do not know this type of event"), N_("Look at the list of types, and versions")
    ),
    "schema": Kind(
        422,
        N_("The event is not as its schema says"),
        N_("Mend what stands in errors, and send it again with the same id"),
    ),
    "unfit": Kind(
        422,
        N_("The event does not fit its request"),
        N_("Mend what stands in errors, and send it again with the same id"),
    ),
    "no_request": Kind(
        422, N_("The center has no such request"), N_("Look at the subject of the envelope")
    ),
    "unacceptable": Kind(
        422, N_("This document cannot be taken"), N_("Mend it, and send it again")
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

    @property
    def reason(self) -> str:
        """For the operator, in one line."""
        first = next(iter(self.errors), None)
        if first is None:
            return self.kind
        return f"{self.kind}: {first.pointer} {first.msgid.format_map(dict(first.params))}".strip()


def problem(refusal: Refusal, speech: Speech) -> dict[str, Any]:
    """The problem document in one language."""
    return violations.problem(TYPE + refusal.kind, KINDS[refusal.kind], refusal.errors, speech)


def in_both(refusal: Refusal, speeches: Sequence[Speech]) -> dict[str, Any]:
    """The problem document as a message carries it: nobody said a language."""
    kind = KINDS[refusal.kind]
    return {
        "type": TYPE + refusal.kind,
        "status": kind.status,
        "title": {speech.locale: speech.gettext(kind.title) for speech in speeches},
        "detail": {speech.locale: speech.gettext(kind.detail) for speech in speeches},
        "errors": [
            {
                "pointer": each.pointer,
                "detail": {s.locale: s.gettext(each.msgid, **dict(each.params)) for s in speeches},
            }
            for each in refusal.errors
        ],
    }
