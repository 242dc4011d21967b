"""OAuth 2.0 for bodies: client credentials (RFC 6749 §4.4), shown by a signed assertion
(RFC 7521, 7523), for a short-lived access token (RFC 9068).

ES256 and nothing else in both directions. A token is no more than a reminder of who asked with
which key: body, key and agreement are looked up again at every use, so that revoking acts at once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from portal import jws
from portal.bodies import accounts
from portal.bodies.accounts import Body
from portal.bodies.model import BodyAssertion, BodyKey, Purpose
from portal.bodies.refusals import Turned
from portal.clock import cairo_day, public_id
from portal.db import insert_missing
from portal.jws import Compact, NotCompact, NotThisKey
from portal.signatures import NotSigned, Signatures
from portal.text import is_readable
from portal.violations import NotJson, read_json

GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/api/v1/oauth/token"  # noqa: S105 - an address
KIND = "at+jwt"
LIFE = timedelta(minutes=10)
LONGEST_ASSERTION = timedelta(hours=1)
"""Ahead that an assertion may end: what common libraries write of themselves."""
_CLOCKS_DIFFER = timedelta(minutes=1)
_ASSERTION_BYTES = 4000
_TOKEN_BYTES = 2000
_LONGEST_JTI = 200
_MOST_AUDIENCES = 5


class NoGrant(Exception):
    """No token is given: an error of RFC 6749 §5.2, in English for the log of who asked."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description

    @property
    def status(self) -> int:
        return 401 if self.error == "invalid_client" else 400


@dataclass(frozen=True)
class Grant:
    """A token that was given."""

    token: str
    scopes: tuple[str, ...]
    expires_in: int


@dataclass(frozen=True)
class Bearer:
    """Who shows a token: a body, and the purposes that both token and agreements allow."""

    body: Body
    purposes: frozenset[Purpose]


@dataclass(frozen=True)
class Tokens:
    """Gives tokens and reads them; ``site`` is the portal's public address."""

    signatures: Signatures
    site: str

    @property
    def audience(self) -> str:
        """For whom a token is."""
        return f"{self.site}/api/v1"

    def grant(self, db: Connection, form: Mapping[str, list[str]], now: datetime) -> Grant:
        """A token for who shows a good assertion; raises :class:`NoGrant`."""
        given = _once(form)
        if given.get("grant_type", "") != GRANT:
            missing = not given.get("grant_type")
            raise NoGrant(
                "invalid_request" if missing else "unsupported_grant_type",
                f"grant_type must be {GRANT}",
            )
        if given.get("client_assertion_type", ASSERTION) != ASSERTION:
            raise NoGrant("invalid_client", f"client_assertion_type must be {ASSERTION}")
        body, kid = self._client(db, given, now)
        scopes = _scopes(given.get("scope", ""), body)
        claims = {
            "iss": self.site,
            "sub": body.code,
            "client_id": body.code,
            "aud": self.audience,
            "scope": " ".join(scopes),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFE).timestamp()),
            "jti": public_id(),
            "client_kid": kid,
        }
        payload = json.dumps(claims, separators=(",", ":")).encode()
        token = self.signatures.sign_within(db, KIND, payload).decode("ascii")
        return Grant(token, scopes, int(LIFE.total_seconds()))

    def _client(self, db: Connection, given: Mapping[str, str], now: datetime) -> tuple[Body, str]:
        """Who has signed the assertion, and with which key."""
        try:
            compact = jws.read_foreign(
                given.get("client_assertion", "").encode("ascii", "replace"), _ASSERTION_BYTES
            )
            claims = read_json(compact.payload.decode())
        except (NotCompact, NotJson, UnicodeDecodeError) as error:
            raise NoGrant("invalid_client", "client_assertion must be a JWT of ES256") from error
        code = claims.get("iss") if isinstance(claims, dict) else None
        if not isinstance(code, str) or not is_readable(code) or claims.get("sub") != code:
            raise NoGrant("invalid_client", "iss and sub must be your client_id")
        if given.get("client_id", code) != code:
            raise NoGrant("invalid_client", "client_id is not the one in client_assertion")
        body = accounts.find(db, code, cairo_day(now))
        kid = _verified_by(compact, accounts.keys(db, code, cairo_day(now))) if body else None
        if body is None or kid is None:
            raise NoGrant("invalid_client", "unknown client, unknown key or wrong signature")
        self._check(db, code, claims, now)
        used = update(BodyKey).where(BodyKey.body_code == code, BodyKey.kid == kid)
        db.execute(used.values(used_at=now))
        return body, kid

    def _check(self, db: Connection, code: str, claims: Mapping[str, Any], now: datetime) -> None:
        """Whether what the body has signed is for here, for now, and for once."""
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        ours = (self.site, f"{self.site}{TOKEN_PATH}")  # no set: what was sent may have no hash
        if len(named) > _MOST_AUDIENCES or not any(each in ours for each in named):
            raise NoGrant("invalid_client", f"aud must be {self.site}{TOKEN_PATH}")
        ends, begins = _instant(claims.get("exp")), _instant(claims.get("nbf", 0))
        if ends is None or begins is None or _instant(claims.get("iat", 0)) is None:
            raise NoGrant("invalid_client", "exp is missing, or a time is no number")
        if ends <= now.timestamp() - _CLOCKS_DIFFER.total_seconds():
            raise NoGrant("invalid_client", "client_assertion has expired")
        longest = (LONGEST_ASSERTION + _CLOCKS_DIFFER).total_seconds()
        if ends > now.timestamp() + longest:
            raise NoGrant("invalid_client", "exp may be an hour ahead at most")
        if begins > now.timestamp() + _CLOCKS_DIFFER.total_seconds():
            raise NoGrant("invalid_client", "client_assertion is not valid yet")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI or not is_readable(jti):
            raise NoGrant("invalid_client", "jti must be a text that is new each time")
        forget_old(db, now)
        row = insert(BodyAssertion).values(
            body_code=code,
            jti=sha256(jti.encode()).digest(),
            forget_at=now + LONGEST_ASSERTION + 3 * _CLOCKS_DIFFER,
        )
        if insert_missing(db, row.returning(BodyAssertion.body_code)) is None:
            raise NoGrant("invalid_client", "this jti was used before")

    def read(self, token: str, now: datetime) -> Mapping[str, Any]:
        """The claims of a token that was signed here and has not ended; raises :class:`Turned`."""
        if not token:
            raise Turned("no_token")
        try:
            claims = json.loads(self.signatures.open_bytes(KIND, token, _TOKEN_BYTES))
        except NotSigned as error:
            raise Turned("bad_token") from error
        right = claims["iss"] == self.site and claims["aud"] == self.audience
        if not right or claims["exp"] <= now.timestamp():
            raise Turned("bad_token")
        return dict(claims)

    @staticmethod
    def bearer(db: Connection, claims: Mapping[str, Any], now: datetime) -> Bearer:
        """Who shows a token with these claims, as everything stands now; raises :class:`Turned`."""
        code = claims["client_id"]
        today = cairo_day(now)
        body = accounts.find(db, code, today)
        if body is None or not accounts.has_key(db, code, claims["client_kid"], today):
            raise Turned("bad_token")
        scopes = set(claims["scope"].split())
        return Bearer(body, frozenset(p for p in body.agreements if p.scope in scopes))

    def metadata(self) -> dict[str, Any]:
        """What a client may read of this server (RFC 8414)."""
        return {
            "issuer": self.site,
            "token_endpoint": f"{self.site}{TOKEN_PATH}",
            "jwks_uri": f"{self.site}/.well-known/jwks.json",
            "scopes_supported": [purpose.scope for purpose in Purpose],
            "response_types_supported": [],
            "grant_types_supported": [GRANT],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": [jws.ALGORITHM],
            "service_documentation": f"{self.site}/api/docs",
            "ui_locales_supported": ["ar", "en"],
        }


def forget_old(db: Connection, now: datetime) -> int:
    """Forget assertions that are too old to be shown again; how many."""
    return db.execute(delete(BodyAssertion).where(BodyAssertion.forget_at < now)).rowcount


def _once(form: Mapping[str, list[str]]) -> dict[str, str]:
    """RFC 6749 §3.2: no parameter twice, and an empty one is as if it were not there."""
    if any(len(values) > 1 for values in form.values()):
        raise NoGrant("invalid_request", "a parameter stands twice")
    return {name: values[0] for name, values in form.items() if values[0]}


def _scopes(asked: str, body: Body) -> tuple[str, ...]:
    """What is granted: what was asked for, or else all that was agreed."""
    wanted = set(asked.split(" ")) - {""} if asked else set(body.scopes)
    if not wanted or not wanted <= body.scopes:
        raise NoGrant("invalid_scope", "no agreement allows this scope today")
    return tuple(sorted(wanted))


def _verified_by(compact: Compact, keys: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The body's key that made the signature: the one that it names, or else any."""
    tried = [compact.kid] if compact.kid else list(keys)
    for kid in tried:
        if kid in keys:
            try:
                jws.verify(compact, jws.public_key(keys[kid]))
            except NotThisKey:
                continue
            return kid
    return None


def _instant(value: Any) -> float | None:
    """Seconds since 1970; None for what is no number, and for one that no clock shows."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None
