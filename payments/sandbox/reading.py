"""Reading a control call: a small JSON object, checked name by name."""

import json
from collections.abc import Callable

from payments.sandbox.errors import ApiError, Json, invalid, missing, unknown

Calls = dict[tuple[str, str], Callable[[Json], Json]]
"""By method and path below ``/sandbox/control``."""

MAX_COUNT = 100_000
MAX_SECONDS = 600.0


def decoded(content_type: str, body: bytes) -> Json:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ApiError("Control calls are taken as application/json only.")
    try:
        decoded = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError("The body is not JSON.") from None
    if not isinstance(decoded, dict):
        raise ApiError("The body is not a JSON object.")
    return decoded


def only(wanted: Json, *names: str) -> None:
    for name in wanted:
        if name not in names:
            raise unknown([name])


def integer(wanted: Json, name: str) -> int:
    value = wanted[name]
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**40:
        raise invalid(name, "must be an integer")
    return value


def count(wanted: Json, name: str, default: int) -> int:
    if name not in wanted:
        return default
    value = integer(wanted, name)
    if not 1 <= value <= MAX_COUNT:
        raise invalid(name, f"must be between 1 and {MAX_COUNT}")
    return value


def seconds(wanted: Json, name: str, default: float | None) -> float:
    value = wanted.get(name, default)
    if value is None:
        raise missing(name)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not 0 <= value <= MAX_SECONDS:
        raise invalid(name, f"must be between 0 and {MAX_SECONDS:g}")
    return float(value)


def text(wanted: Json, name: str) -> str:
    value = wanted.get(name, "")
    if not isinstance(value, str) or len(value) > 200 or not value.isascii():
        raise invalid(name, "must be a short ASCII string")
    return value


def choice(wanted: Json, name: str, choices: tuple[str, ...]) -> str:
    if name not in wanted:
        raise missing(name)
    value = text(wanted, name)
    if value not in choices:
        raise invalid(name, f"must be one of {', '.join(choices)}")
    return value


def flag(wanted: Json, name: str) -> bool:
    value = wanted.get(name, False)
    if not isinstance(value, bool):
        raise invalid(name, "must be true or false")
    return value


def need_text(wanted: Json, name: str) -> str:
    value = text(wanted, name)
    if not value:
        raise missing(name)
    return value
