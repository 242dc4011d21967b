"""An outside body with a key of its own, and what its system sends."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from joserfc.jwk import ECKey
from sqlalchemy import insert

from portal.bodies.model import BodyAgreement, BodyKey, BodyKind, BodyUser, OutsideBody, Purpose
from portal.bodies.purposes import PURPOSES, fields_of
from portal.bodies.tokens import ASSERTION, GRANT, TOKEN_PATH
from portal.clock import cairo_day
from portal.jws import private_key, thumbprint
from portal.web.parts import Portal
from tests.support.local import LocalPortal
from tests.support.plain import PLAIN

USER = "1042"
INQUIRIES = "/api/v1/permits/inquiries"
_AGREED = timedelta(days=90)
_KEY_HOLDS = timedelta(days=365)


def encoded(octets: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


@dataclass
class BodySystem:
    """The system of a body. ``key`` is its private one."""

    url: str
    portal: Portal
    code: str
    key: ECKey
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"{self.url}{TOKEN_PATH}"

    def claims(self, **others: Any) -> dict[str, Any]:
        """What an assertion says; None leaves a claim out."""
        now = int(self.portal.clock.now().timestamp())
        claims = {
            "iss": self.code,
            "sub": self.code,
            "aud": self.endpoint,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
            **others,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(
        self,
        claims: Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
        key: ECKey | None = None,
    ) -> str:

        head = {"alg": "ES256", "kid": self.key.kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return self.signed(head, json.dumps(self.claims() if claims is None else claims), key)

    def signed(self, header: Mapping[str, Any], said: str, key: ECKey | None = None) -> str:
        """Anything at all with an ES256 signature, whatever the header says of it."""
        text = f"{encoded(json.dumps(header).encode())}.{encoded(said.encode())}"
        signer = private_key((key or self.key).as_der(private=True))
        return f"{text}.{encoded(signer.sign(text.encode()))}"

    def ask_token(self, assertion: str = "", **others: str | None) -> httpx.Response:
        form = {
            "grant_type": GRANT,
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion or self.assertion(),
            **others,
        }
        given = {name: value for name, value in form.items() if value is not None}
        return httpx.post(self.endpoint, data=given, trust_env=False, verify=PLAIN)

    def token(self, scope: str = "") -> str:
        """A token, remembered while it lives."""
        if scope not in self.shown:
            answer = self.ask_token(scope=scope or None)
            assert answer.status_code == 200, answer.text
            self.shown[scope] = answer.json()["access_token"]
        return self.shown[scope]

    def send(
        self, method: str, path: str, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        shown = self.token() if token is None else token
        headers = {"authorization": f"Bearer {shown}"} if shown else {}
        headers |= more.pop("headers", {})
        url = path if path.startswith("http") else f"{self.url}{path}"
        return httpx.request(
            method, url, headers=headers, trust_env=False, verify=PLAIN, timeout=30, **more
        )

    def ask(
        self,
        headers: Mapping[str, str] | None = None,
        /,
        *,
        token: str | None = None,
        **question: Any,
    ) -> httpx.Response:
        """One question; None leaves a member out."""
        asked = {"user": USER, "reference": "W-1", **question}
        asked = {name: value for name, value in asked.items() if value is not None}
        return self.send("POST", INQUIRIES, json=asked, headers=dict(headers or {}), token=token)


def open_body(
    local: LocalPortal,
    kind: BodyKind = BodyKind.WATER,
    *,
    governorate: str = "EG-KFS",
    per_minute: int = 6000,
    purposes: Iterable[Purpose] | None = None,
    fields: Iterable[str] | None = None,
    notices: bool = False,
    batches: bool = True,
    users: Iterable[str] = (USER,),
) -> BodySystem:
    """A body that nobody else has, with all that its kind may be told."""
    code, now = f"body-{uuid4().hex[:12]}", local.clock.now()
    key = ECKey.generate_key("P-256", {"kid": "k1"})
    public = key.as_dict(private=False)
    jwk = {name: str(public[name]) for name in ("kty", "crv", "x", "y")}
    with local.portal.database.begin() as db:
        db.execute(
            insert(OutsideBody).values(
                code=code,
                kind=kind,
                name_ar="جهة",
                name_en="Body",
                governorate_code=governorate,
                per_minute=per_minute,
                created_at=now,
            )
        )
        for purpose in purposes or PURPOSES[kind]:
            told = fields_of(kind, purpose) if fields is None else fields
            db.execute(
                insert(BodyAgreement).values(
                    body_code=code,
                    purpose=purpose,
                    fields=list(told),
                    letter="T-1",
                    valid_until=cairo_day(now) + _AGREED,
                    batches=batches,
                    notices=notices,
                    created_at=now,
                )
            )
        db.execute(
            insert(BodyKey).values(
                body_code=code,
                kid="k1",
                public_key=jwk,
                thumbprint=thumbprint(jwk),
                valid_until=cairo_day(now) + _KEY_HOLDS,
                created_at=now,
            )
        )
        for user in users:
            db.execute(insert(BodyUser).values(body_code=code, username=user, created_at=now))
    return BodySystem(local.url, local.portal, code, key)
