"""The existing system of a center, as its team would write it from the documents alone.

It knows addresses, its own key and python-jose; nothing of the portal's code.
"""

import json
import uuid
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws

from tests.support.plain import PLAIN

EVENT = {"content-type": "application/jose"}


class CenterSystem:
    """Signs events and calls the door."""

    def __init__(self, url: str, center: str, kid: str = "") -> None:
        self.url = url
        self.center = center
        self.kid = kid or uuid.uuid4().hex
        pair = ec.generate_private_key(ec.SECP256R1())
        point = pair.public_key().public_numbers()
        self.public = {"kty": "EC", "crv": "P-256", "x": _b64(point.x), "y": _b64(point.y)}
        self._key = jwk.construct(pair, "ES256")  # type: ignore[arg-type]
        self.http = httpx.Client(base_url=url, trust_env=False, verify=PLAIN, timeout=30)

    def envelope(self, kind: str, subject: str, **data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"center/{self.center}",
            "type": f"eg.mahalliyat.{kind}",
            "subject": subject,
            "center": self.center,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }

    def signed(self, said: Any, **header: Any) -> bytes:
        """``said`` as a compact JWS; text goes as it is."""
        payload = said if isinstance(said, bytes) else json.dumps(said).encode()
        headers = {"kid": self.kid, "typ": "handoff+jws", **header}
        return str(jws.sign(payload, self._key, headers, "ES256")).encode()

    def post(
        self, body: bytes, center: str = "", language: str = "en", **headers: str
    ) -> httpx.Response:
        address = f"/api/v1/centers/{center or self.center}/events"
        sent = {**EVENT, "accept-language": language, **headers}
        return self.http.post(address, content=body, headers=sent)

    def send(self, kind: str, subject: str, **data: Any) -> httpx.Response:
        return self.post(self.signed(self.envelope(kind, subject, **data)))

    def token(self, audience: str = "", **claims: Any) -> str:
        said = {
            "iss": self.center,
            "sub": self.center,
            "aud": audience or self.url,
            "exp": int((datetime.now(UTC) + timedelta(minutes=4)).timestamp()),
            "jti": str(uuid.uuid4()),
            **claims,
        }
        kept = {name: value for name, value in said.items() if value is not None}
        return self.signed(kept, typ="JWT").decode()

    def state_of(self, event_id: str, token: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {token or self.token()}", "accept-language": "en"}
        return self.http.get(f"/api/v1/centers/{self.center}/events/{event_id}", headers=headers)

    def upload(
        self, content: bytes, media_type: str = "application/pdf", token: str = ""
    ) -> httpx.Response:
        headers = {
            "authorization": f"Bearer {token or self.token()}",
            "content-type": media_type,
            "accept-language": "en",
        }
        address = f"/api/v1/centers/{self.center}/documents"
        return self.http.post(address, content=content, headers=headers)


def _b64(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
