"""Typed reading of decoded parameters, with the provider's errors.

Every name that is read is noted, and :meth:`Params.finish` refuses the rest as
unknown, so a parameter the sandbox does not implement is never ignored silently.
"""

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any, NamedTuple

from payments.sandbox.config import is_web_address
from payments.sandbox.errors import (
    ApiError,
    empty,
    invalid,
    invalid_integer,
    missing,
    out_of_range,
    unknown,
)
from payments.sandbox.forms import Items, Tree

MAX_TEXT = 5000
MAX_URL = 5000
MAX_METADATA_KEYS = 50
MAX_METADATA_KEY = 40
MAX_METADATA_VALUE = 500

INTEGER = re.compile(r"-?[0-9]{1,18}\Z")
DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?\Z")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+\Z")
SAFE_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]+\Z")


class Range(NamedTuple):
    """A filter on an instant: SQL comparisons with their bounds."""

    comparisons: tuple[tuple[str, int], ...]


class Params:
    """One level of the parameters; ``path`` is its name as the caller wrote it."""

    def __init__(self, tree: Tree, path: str = "") -> None:
        self._tree = tree
        self._path = path
        self._seen: set[str] = set()
        self._inner: list[Params] = []

    def name(self, key: str) -> str:
        return f"{self._path}[{key}]" if self._path else key

    def given(self, key: str) -> bool:
        return key in self._tree

    def unset(self, key: str) -> bool:
        """Whether an empty value was given, which takes a hash away."""
        if self._tree.get(key) != "":
            return False
        self._seen.add(key)
        return True

    def finish(self) -> None:
        """Raises if there are parameters that nobody asked for."""
        if names := self.unread():
            raise unknown(names)

    def unread(self) -> list[str]:
        own = [self.name(key) for key in self._tree if key not in self._seen]
        return own + [name for inner in self._inner for name in inner.unread()]

    def _raw(self, key: str) -> str | None:
        self._seen.add(key)
        value = self._tree.get(key)
        if isinstance(value, dict):
            raise invalid(self.name(key), "must be a single value")
        return value

    def text(self, key: str, limit: int = MAX_TEXT) -> str | None:
        """``None`` when absent, and when empty: an empty value unsets a field."""
        value = self._raw(key)
        if value is not None and len(value) > limit:
            raise invalid(self.name(key), f"must be at most {limit} characters")
        return value or None

    def is_emptied(self, key: str) -> bool:
        """Whether a hash was given as an empty value, which unsets it."""
        if self._tree.get(key) != "":
            return False
        self._seen.add(key)
        return True

    def need_text(self, key: str, limit: int = MAX_TEXT) -> str:
        value = self.text(key, limit)
        if value is None:
            raise empty(self.name(key)) if self.given(key) else missing(self.name(key))
        return value

    def integer(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        value = self._raw(key)
        if value is None:
            return None
        if value == "":
            raise empty(self.name(key))
        if not INTEGER.match(value):
            raise invalid_integer(self.name(key), value)
        number = int(value)
        if low is not None and number < low:
            raise out_of_range(self.name(key), f"greater than or equal to {low}")
        if high is not None and number > high:
            raise out_of_range(
                self.name(key), f"less than or equal to {high} (it currently is '{number}')"
            )
        return number

    def need_integer(self, key: str, low: int | None = None, high: int | None = None) -> int:
        number = self.integer(key, low, high)
        if number is None:
            raise missing(self.name(key))
        return number

    def decimal(self, key: str) -> Decimal | None:
        """A sum of minor units with up to twelve places behind the point."""
        value = self._raw(key)
        if value is None:
            return None
        if value == "":
            raise empty(self.name(key))
        if not DECIMAL.match(value):
            raise ApiError(f"Invalid decimal: {value[:40]}", param=self.name(key))
        return Decimal(value)

    def boolean(self, key: str) -> bool | None:
        value = self._raw(key)
        if value is None:
            return None
        if value == "":
            raise empty(self.name(key))
        if value not in {"true", "false"}:
            raise ApiError(f"Invalid boolean: {value[:40]}", param=self.name(key))
        return value == "true"

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        value = self.text(key)
        if value is not None and value not in choices:
            raise _not_one_of(self.name(key), choices)
        return value

    def choices(self, key: str, choices: Collection[str]) -> list[str]:
        """The values of a list, each one of ``choices``."""
        values = self.texts(key)
        for place, value in enumerate(values):
            if value not in choices:
                raise _not_one_of(f"{self.name(key)}[{place}]", choices)
        return values

    def url(self, key: str) -> str | None:
        """An absolute web address. Its host is plain ASCII, because it is later named
        in a Content-Security-Policy."""
        value = self.text(key, MAX_URL)
        if value is None:
            return None
        host = value.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
        if not is_web_address(value) or not SAFE_HOST.match(host):
            raise invalid(self.name(key), "not a valid URL", code="url_invalid")
        return value

    def email(self, key: str) -> str | None:
        value = self.text(key, 512)
        if value is not None and not EMAIL.match(value):
            raise ApiError("Invalid email address.", code="email_invalid", param=self.name(key))
        return value

    def child(self, key: str) -> "Params | None":
        self._seen.add(key)
        value = self._tree.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            raise invalid(self.name(key), "must be a hash")
        inner = Params(value, self.name(key))
        self._inner.append(inner)
        return inner

    def children(self, key: str) -> list["Params"]:
        """The hashes of a list, in the order of their indices."""
        outer = self.child(key)
        if outer is None:
            return []
        indices = outer.indices()
        found = [outer.child(index) for index in indices]
        return [inner for inner in found if inner is not None]

    def texts(self, key: str) -> list[str]:
        """The values of a list; an empty value is an empty list."""
        value = self._tree.get(key)
        if isinstance(value, str) and value:
            raise ApiError("Invalid array", param=self.name(key))
        if self.is_emptied(key):
            return []
        outer = self.child(key)
        if outer is None:
            return []
        return [outer.need_text(index) for index in outer.indices()]

    def indices(self) -> list[str]:
        """The keys of a list, in counting order; raises if it is none."""
        for key in self._tree:
            if not (key.isascii() and key.isdigit() and len(key) <= 6):
                raise invalid(self._path, "must be an array")
        return sorted(self._tree, key=int)

    def anything(self, key: str) -> Any:
        """A value as it stands, for what is only repeated: hashes, lists, true and false."""
        self._seen.add(key)
        value = self._tree.get(key)
        return None if value is None or value == "" else _plain(value)

    def metadata(self, key: str = "metadata") -> dict[str, str] | None:
        """What was given, empty values included; ``None`` if nothing was.

        Limits: https://docs.stripe.com/api/metadata.
        """
        self._seen.add(key)
        value = self._tree.get(key)
        if value is None:
            return None
        if value == "":
            return {}
        if isinstance(value, str | Items):
            raise invalid(self.name(key), "must be a hash")
        pairs: dict[str, str] = {}
        for name, text in value.items():
            where = f"{self.name(key)}[{name[:50]}]"
            if isinstance(text, dict):
                raise invalid(where, "values can only be strings")
            if len(name) > MAX_METADATA_KEY:
                raise invalid(where, f"keys can be at most {MAX_METADATA_KEY} characters")
            if len(text) > MAX_METADATA_VALUE:
                raise invalid(where, f"values can be at most {MAX_METADATA_VALUE} characters")
            pairs[name] = text
        return pairs

    def range(self, key: str) -> Range:
        """An exact instant, or ``gt``, ``gte``, ``lt`` and ``lte`` around it."""
        if isinstance(self._tree.get(key), dict):
            bounds = self.child(key)
            signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
            found = [
                (sign, number)
                for name, sign in signs.items()
                if bounds is not None and (number := bounds.integer(name)) is not None
            ]
            return Range(tuple(found))
        exact = self.integer(key)
        return Range(() if exact is None else (("=", exact),))


def _not_one_of(name: str, choices: Collection[str]) -> ApiError:
    *others, last = sorted(choices)
    comma = "," if len(others) > 1 else ""
    listed = f"{', '.join(others)}{comma} or {last}" if others else last
    return invalid(name, f"must be one of {listed}")


def merge_metadata(
    old: dict[str, str], change: dict[str, str] | None, param: str = "metadata"
) -> dict[str, str]:
    """``old`` with ``change`` applied: an empty value deletes its key, an empty
    ``change`` deletes all of them."""
    if change is None:
        return dict(old)
    merged = {**old, **change} if change else {}
    kept = {name: text for name, text in merged.items() if text}
    if len(kept) > MAX_METADATA_KEYS:
        raise invalid(param, f"objects can have at most {MAX_METADATA_KEYS} keys")
    return kept


def _plain(value: Tree | str) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, value)
    if value and all(key.isascii() and key.isdigit() for key in value):
        return [_plain(value[key]) for key in sorted(value, key=int)]
    return {key: _plain(inner) for key, inner in value.items()}
