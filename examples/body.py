"""The system of an outside body, as small as it can be: a token, one question, a proven answer.

``python examples/body.py http://127.0.0.1:8000 kfs-water examples/body.demo-key.json 1042 KFS-003
201/2025``; docs/bodies.md says how. OAuth is Authlib's, nothing of it is changed.
"""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jws
from joserfc.jwk import ECKey, KeySet


def connect(site: str, client_id: str, key: ECKey) -> OAuth2Client:
    """A client that shows who it is by signing with its own key, and asks for a token."""
    client = OAuth2Client(client_id, key, token_endpoint_auth_method="private_key_jwt")
    endpoint = f"{site}/api/v1/oauth/token"
    client.register_client_auth_method(
        PrivateKeyJWT(endpoint, headers={"kid": key.kid}, alg="ES256")
    )
    client.fetch_token(endpoint, grant_type="client_credentials")
    return client


def ask(client: OAuth2Client, site: str, question: dict[str, str]) -> dict[str, Any]:
    """One question; sent again with the same key it would be answered the same."""
    answer = client.post(
        f"{site}/api/v1/permits/inquiries",
        json=question,
        headers={"Idempotency-Key": str(uuid4()), "Accept-Language": "en"},
    )
    if answer.status_code != 201:
        raise SystemExit(answer.text)
    return dict(answer.json())


def proven(client: OAuth2Client, site: str, client_id: str, signed: str) -> dict[str, Any]:
    """The answer that the portal has signed for this body, by the keys that it publishes."""
    keys = KeySet.import_key_set(client.get(f"{site}/.well-known/jwks.json").json())
    signature = jws.deserialize_compact(signed, keys, algorithms=["ES256"])
    claims = json.loads(signature.payload)
    if signature.protected.get("typ") != "permit-answer+jwt":
        raise SystemExit("this signature is for something else")
    if (claims["iss"], claims["aud"]) != (site, client_id):
        raise SystemExit("this answer is from or for somebody else")
    return dict(claims)


def main(site: str, client_id: str, key_file: str, user: str, center: str, number: str) -> None:
    key = ECKey.import_key(json.loads(Path(key_file).read_text(encoding="utf-8")))
    with connect(site, client_id, key) as client:
        question = {"user": user, "reference": "EXAMPLE-1", "center": center, "number": number}
        inquiry = ask(client, site, question)
        answer = proven(client, site, client_id, inquiry["signed"])
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
