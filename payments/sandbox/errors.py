"""Refusals in the provider's shape: https://docs.stripe.com/api/errors."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

CODES_PAGE = "https://docs.stripe.com/error-codes#"


class ApiError(Exception):
    """A request that cannot be done.

    ``executed`` tells that the operation had begun: the provider then keeps the
    answer under the idempotency key, while a refused parameter leaves the key free
    (https://docs.stripe.com/api/idempotent_requests).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.executed = executed
        self.facts = facts

    def body(self) -> Json:
        """The error as it is sent; what is not known is left out, as the provider does."""
        fields = {
            "code": self.code,
            "doc_url": f"{CODES_PAGE}{self.code.replace('_', '-')}" if self.code else None,
            "message": self.message,
            "param": self.param,
            "type": self.kind,
            **self.facts,
        }
        return {"error": {name: value for name, value in fields.items() if value is not None}}


def missing(param: str) -> ApiError:
    return ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(params: Sequence[str]) -> ApiError:
    """All of them are told at once; ``param`` is the first."""
    names = [param[:200] for param in params[:20]]
    noun = "parameter" if len(names) == 1 else "parameters"
    return ApiError(
        f"Received unknown {noun}: {', '.join(names)}", code="parameter_unknown", param=names[0]
    )


def empty(param: str) -> ApiError:
    return ApiError(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{param}' cannot be unset.",
        code="parameter_invalid_empty",
        param=param,
    )


def invalid_integer(param: str, value: str) -> ApiError:
    return ApiError(f"Invalid integer: {value[:40]}", code="parameter_invalid_integer", param=param)


def out_of_range(param: str, wanted: str) -> ApiError:
    return ApiError(f"This value must be {wanted}.", code="parameter_invalid_integer", param=param)


def invalid(param: str, why: str, *, code: str | None = None) -> ApiError:
    return ApiError(f"Invalid {param}: {why}", code=code, param=param)


def no_such(noun: str, object_id: str, *, param: str = "id", status: int = 404) -> ApiError:
    """``status`` is 404 for an id in the address and 400 for one among the parameters."""
    return ApiError(
        f"No such {noun}: '{object_id[:100]}'",
        status=status,
        code="resource_missing",
        param=param,
    )


def unrecognized(method: str, path: str) -> ApiError:
    """The advice is the provider's: most often an id was empty."""
    return ApiError(
        f"Unrecognized request URL ({method}: {path[:200]}). If you are trying to list objects, "
        "remove the trailing slash. If you are trying to retrieve an object, make sure you passed "
        "a valid (non-empty) identifier in your code.",
        status=404,
    )


def unexpected_state(message: str, payment_intent: Json, param: str | None = None) -> ApiError:
    return ApiError(
        message,
        code="payment_intent_unexpected_state",
        param=param,
        executed=True,
        payment_intent=payment_intent,
    )


def unauthenticated(message: str) -> ApiError:
    return ApiError(message, status=401)


def no_access(account: str) -> ApiError:
    """There are no connected accounts, so a key never reaches another one."""
    return ApiError(
        f"The provided key does not have access to account '{account[:100]}' (or that account "
        "does not exist). Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def too_many() -> ApiError:
    return ApiError("Request rate limit exceeded.", status=429, code="rate_limit")


def unavailable(message: str, status: int) -> ApiError:
    return ApiError(message, status=status, kind="api_error")


def card_refused(
    message: str, *, code: str, param: str | None = None, decline_code: str | None = None
) -> ApiError:
    """A card that was refused before anything was charged."""
    return ApiError(
        message, status=402, kind="card_error", code=code, param=param, decline_code=decline_code
    )
