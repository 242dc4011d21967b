"""Who speaks: what a center has signed with a key that is registered for it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from portal import jws
from portal.clock import Clock
from portal.handoff.keys import CenterKeys
from portal.handoff.packing import KIND
from portal.handoff.refusals import Refusal
from portal.jws import Compact, NotCompact, NotThisKey
from portal.text import is_readable
from portal.violations import Violation

MOST_BYTES = 256_000
"""Of a signed event."""
LONGEST_TOKEN = timedelta(minutes=5)
_AHEAD = timedelta(minutes=1)  # clocks differ
_TOKEN_BYTES = 2000
_TOKEN_KIND = "JWT"  # noqa: S105 - the header's typ
_LONGEST_JTI = 64


class Turned(Exception):
    """It goes no further."""

    def __init__(self, kind: str, *errors: Violation) -> None:
        super().__init__(kind)
        self.refusal = Refusal(kind, errors)


class Authentic:
    """Verifies what is said in a center's name."""

    def __init__(self, keys: CenterKeys, clock: Clock, audience: str) -> None:
        """``audience`` is the portal's public address: what a permission must name."""
        self._keys = keys
        self._clock = clock
        self._audience = audience

    def event(self, body: bytes, center: str) -> bytes:
        """The envelope that was signed for ``center``; raises :class:`Turned`."""
        if len(body) > MOST_BYTES:
            raise Turned("too_large")
        try:
            compact = jws.read(KIND, body, MOST_BYTES)
        except NotCompact as error:
            raise Turned("not_jws") from error
        return self._verified(compact, center)

    def permission(self, token: str, center: str) -> str:
        """The name (``jti``) of a short-lived permission of ``center`` (a JWT after RFC 7523 §3:
        ``iss`` and ``sub`` are the center's code); raises :class:`Turned`."""
        try:
            compact = jws.read(_TOKEN_KIND, token.encode("ascii", "replace"), _TOKEN_BYTES)
        except NotCompact as error:
            raise Turned("no_token") from error
        try:
            claims = json.loads(self._verified(compact, center))
        except (ValueError, RecursionError) as error:
            raise Turned("no_token") from error
        if not isinstance(claims, dict) or not self._holds(claims, center):
            raise Turned("no_token")
        return str(claims["jti"])

    def _holds(self, claims: dict[str, Any], center: str) -> bool:
        if claims.get("iss") != center or claims.get("sub") != center:
            return False
        if claims.get("aud") not in (self._audience, [self._audience]):
            return False
        jti, exp = claims.get("jti"), claims.get("exp")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI or not is_readable(jti):
            return False
        if isinstance(exp, bool) or not isinstance(exp, int | float):
            return False
        try:
            ends = datetime.fromtimestamp(exp, UTC)
        except (OverflowError, OSError, ValueError):
            return False
        now = self._clock.now()
        return now - _AHEAD <= ends <= now + LONGEST_TOKEN + _AHEAD

    def _verified(self, compact: Compact, center: str) -> bytes:
        """The payload of what a present key of ``center`` signed."""
        key = self._keys.find(compact.kid)
        if key is None:
            raise Turned("unknown_key")
        if key.revoked_at is not None:
            raise Turned("revoked_key")
        if key.is_too_old(self._clock.now()):
            raise Turned("old_key")
        try:
            payload = jws.verify(compact, key.key)
        except NotThisKey as error:
            raise Turned("bad_signature") from error
        if not key.speaks_for(center):
            raise Turned("wrong_center")
        return payload
