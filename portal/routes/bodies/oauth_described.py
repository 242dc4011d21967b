"""Tokens in the OpenAPI document."""

from typing import Any

from portal.bodies.tokens import ASSERTION, GRANT, LIFE, TOKEN_PATH
from portal.i18n import Speech
from portal.routes.bodies.describing import Refuse, Resource, reference, refusing, success
from portal.routes.bodies.oauth import FORM, METADATA_PATH

_KEYS_PATH = "/.well-known/jwks.json"


def resource(speech: Speech, site: str) -> Resource:
    """The token endpoint, and what is public beside it."""
    refuse = refusing(speech, site)
    return Resource(
        {
            TOKEN_PATH: {"post": _token(refuse, site)},
            METADATA_PATH: {
                "get": _public(
                    "showMetadata",
                    "Where tokens are given (RFC 8414)",
                    "application/json",
                    "Metadata",
                )
            },
            _KEYS_PATH: {
                "get": _public(
                    "showKeys",
                    "The portal's public keys (RFC 7517)",
                    "application/jwk-set+json",
                    "Keys",
                )
            },
        },
        {
            "TokenRequest": _request(),
            "Token": _TOKEN,
            "TokenError": _ERROR,
            "Keys": _KEYS,
            "Metadata": _METADATA,
        },
    )


def _token(refuse: Refuse, site: str) -> dict[str, Any]:
    def error(status: str, description: str, code: str, told: str) -> dict[str, Any]:
        example = {"error": code, "error_description": told}
        headers = {"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}}
        shown = headers if status == "401" else {}
        return {status: success(description, reference("TokenError"), example, shown)}

    return {
        "operationId": "giveToken",
        "tags": ["Tokens"],
        "summary": "Get an access token",
        "description": "OAuth 2.0 client credentials (RFC 6749 §4.4). Instead of a secret you show "
        "a JWT that your own key has signed (RFC 7523, `private_key_jwt`): `iss` and `sub` are "
        f"your client_id, `aud` is `{site}{TOKEN_PATH}`, `exp` is at most an hour ahead, `jti` is "
        "new each time, the header names your key (`kid`), the signature is ES256. A token "
        f"lives for {int(LIFE.total_seconds()) // 60} minutes and ends at once when your "
        "account, key or agreement is revoked.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {
                FORM: {
                    "schema": reference("TokenRequest"),
                    "example": {
                        "grant_type": GRANT,
                        "client_assertion_type": ASSERTION,
                        "client_assertion": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.e30.c2ln",
                        "scope": "permits:connection",
                    },
                }
            },
        },
        "responses": {
            "200": success(
                "A token.",
                reference("Token"),
                {
                    "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln",
                    "token_type": "Bearer",
                    "expires_in": 600,
                    "scope": "permits:connection",
                },
                {},
            ),
            **error(
                "400",
                "`invalid_request`, `unsupported_grant_type` or `invalid_scope`.",
                "invalid_scope",
                "no agreement allows this scope today",
            ),
            **error(
                "401",
                "`invalid_client`.",
                "invalid_client",
                "unknown client, unknown key or wrong signature",
            ),
            **refuse(["too_many"]),
        },
    }


def _public(operation: str, summary: str, kind: str, schema: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "tags": ["Tokens"],
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": summary, "content": {kind: {"schema": reference(schema)}}}
        },
    }


def _request() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "grant_type": {"type": "string", "const": GRANT},
            "client_assertion_type": {"type": "string", "const": ASSERTION},
            "client_assertion": {"type": "string", "maxLength": 4000},
            "scope": {
                "type": "string",
                "description": "Scopes, separated by spaces; without it, all that was agreed.",
            },
            "client_id": {"type": "string", "description": "May be left out."},
        },
        "required": ["grant_type", "client_assertion_type", "client_assertion"],
    }


_TOKEN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "access_token": {"type": "string", "description": "A JWT (RFC 9068)."},
        "token_type": {"type": "string", "const": "Bearer"},
        "expires_in": {"type": "integer", "description": "Seconds."},
        "scope": {"type": "string"},
    },
    "required": ["access_token", "token_type", "expires_in", "scope"],
}
_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "string",
            "enum": [
                "invalid_request",
                "invalid_client",
                "invalid_scope",
                "unsupported_grant_type",
            ],
        },
        "error_description": {"type": "string"},
    },
    "required": ["error", "error_description"],
}
_KEYS: dict[str, Any] = {
    "type": "object",
    "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
    "required": ["keys"],
}
_METADATA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "issuer": {"type": "string", "format": "uri"},
        "token_endpoint": {"type": "string", "format": "uri"},
        "jwks_uri": {"type": "string", "format": "uri"},
    },
    "required": ["issuer", "token_endpoint", "jwks_uri"],
}
