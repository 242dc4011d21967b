"""TOML tables read with care: every complaint names the file, the key and the reason."""

import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from portal.catalogue.expressions import BadExpression, Expression, Scope, compile_expression
from portal.catalogue.model import Text

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class CatalogueError(Exception):
    """A service file that cannot be loaded: it stops the start."""


class Table:
    """One table of a file. Keys are taken one by one; :meth:`done` complains of any left over."""

    def __init__(self, file: str, key: str, values: dict[str, Any]) -> None:
        self.file = file
        self.key = key
        self._values = dict(values)

    def wrong(self, key: str, reason: str) -> CatalogueError:
        path = ".".join(part for part in (self.key, key) if part)
        return CatalogueError(f"{self.file}: {path}: {reason}")

    def has(self, key: str) -> bool:
        return key in self._values

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of ``key``, which must be of ``kind``; required when there is no default."""
        if key not in self._values:
            if default is None:
                raise self.wrong(key, "is missing")
            return default
        value = self._values.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, f"must be of type {kind.__name__}, not {value!r}")
        return value

    def optional(self, key: str, kind: type[T]) -> T | None:
        return self.take(key, kind) if key in self._values else None

    def strings(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        values = self.take(key, list, None if default is None else list(default))
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(key, "must be a list of texts")
        return tuple(values)

    def choice(self, key: str, kind: type[E], default: E | None = None) -> E:
        value = self.take(key, str, str(default) if default is not None else None)
        try:
            return kind(value)
        except ValueError:
            raise self.wrong(key, f"{value!r} is none of {[str(v) for v in kind]}") from None

    def optional_choice(self, key: str, kind: type[E]) -> E | None:
        return self.choice(key, kind) if key in self._values else None

    def decimal(self, key: str) -> Decimal | None:
        """A decimal number, written as a text or as a whole number so that nothing is rounded."""
        if key not in self._values:
            return None
        value = self._values.pop(key)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.wrong(key, f"must be a number in quotes, not {value!r}")
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise self.wrong(key, f"{value!r} is not a number")
        return number

    def required_decimal(self, key: str) -> Decimal:
        number = self.decimal(key)
        if number is None:
            raise self.wrong(key, "is missing")
        return number

    def day(self, key: str) -> date | None:
        return self.optional(key, date)

    def text(self, key: str) -> Text:
        table = self.table(key)
        text = Text(table.take("ar", str).strip(), table.take("en", str).strip())
        table.done()
        if not any("\u0621" <= c <= "\u064a" for c in text.ar):
            raise self.wrong(f"{key}.ar", f"has no Arabic letter: {text.ar!r}")
        if any("\u0621" <= c <= "\u064a" for c in text.en):
            raise self.wrong(f"{key}.en", f"has Arabic letters: {text.en!r}")
        if not text.en:
            raise self.wrong(f"{key}.en", "is empty")
        return text

    def optional_text(self, key: str) -> Text | None:
        return self.text(key) if key in self._values else None

    def expression(self, key: str, scope: Scope) -> Expression | None:
        """A condition or a quantity; plain numbers are allowed for bounds."""
        if key not in self._values:
            return None
        value = self._values.pop(key)
        if isinstance(value, date):
            raise self.wrong(key, "write a date bound with today, or as a rule")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.wrong(key, f"must be an expression, not {value!r}")
        if isinstance(value, float) and not isfinite(value):
            raise self.wrong(key, f"{value!r} is not a number")
        try:
            return compile_expression(str(value), scope)
        except BadExpression as error:
            raise self.wrong(key, str(error)) from None

    def number_expression(self, key: str, scope: Scope) -> Expression | None:
        """An expression that must be a number: what a fee multiplies."""
        expression = self.expression(key, scope)
        if expression is not None and expression.type not in {"number", "any"}:
            raise self.wrong(
                key, f"{expression.source!r} is a {expression.type}, a fee needs a number"
            )
        return expression

    def table(self, key: str) -> "Table":
        return Table(self.file, self._path(key), self.take(key, dict))

    def optional_table(self, key: str) -> "Table | None":
        return self.table(key) if key in self._values else None

    def tables(self, key: str) -> Iterator["Table"]:
        """The tables of an array; each is named by its code, or by its place."""
        for index, values in enumerate(self.take(key, list, [])):
            if not isinstance(values, dict):
                raise self.wrong(f"{key}[{index}]", "must be a table")
            name = values.get("id") or values.get("code") or index
            yield Table(self.file, f"{self._path(key)}[{name}]", values)

    def raw(self, key: str) -> Any:
        return self._values.pop(key, None)

    def keys(self) -> list[str]:
        return list(self._values)

    def done(self) -> None:
        if self._values:
            raise self.wrong(next(iter(self._values)), "is not a key that is known here")

    def _path(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key else key


def read_toml(path: Path) -> Table:
    """The whole file as one table."""
    try:
        return Table(path.name, "", tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: is not TOML: {error}") from None


def unique(
    tables: list[T], name: Callable[[T], str], complain: Callable[[str], CatalogueError]
) -> None:
    """Raise through ``complain`` at the first name that stands twice."""
    seen: set[str] = set()
    for table in tables:
        if name(table) in seen:
            raise complain(name(table))
        seen.add(name(table))
