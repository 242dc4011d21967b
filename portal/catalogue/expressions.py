"""The small language of conditions, bounds, rules and quantities in the service files.

Python's own grammar is parsed and a closed list of nodes is compiled to closures, so a service
file can compute but can never run code. Numbers are ``Decimal``; dates take whole days
(``today + 14``). Names are field codes, dotted inside a block (``site.center``).

What was not answered is *unknown*: arithmetic and comparisons on it are unknown too, and an
unknown condition is false (:meth:`Expression.holds`), an unknown rule says nothing.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import cache
from typing import Any, Literal

from portal.catalogue.identity import age_on, permit_year

Type = Literal["number", "text", "boolean", "date", "list", "group", "any"]
Namespace = Mapping[str, Any]
Closure = Callable[[Namespace], Any]

NUMBER: Type = "number"
# Under this name a namespace holds the way to the days off of the place that the answers name
CALENDAR = " calendar"
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_LARGEST = 10**15


class BadExpression(ValueError):
    """An expression that cannot be read, or that names or mixes what it must not."""


class Unanswered(Exception):
    """An operand has no answer yet, so the value cannot be known."""


@dataclass(frozen=True)
class Scope:
    """What an expression may name: each code's type, its choices and, for a group, its columns."""

    types: Mapping[str, Type]
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    columns: Mapping[str, "Scope"] = field(default_factory=dict)

    def inside(self, group: str) -> "Scope":
        """The scope of one row of ``group``: its own columns before the outer fields."""
        row = self.columns[group]
        return Scope(
            {**self.types, **row.types}, {**self.choices, **row.choices}, dict(self.columns)
        )


@dataclass(frozen=True)
class Expression:
    """A compiled expression.

    ``names`` are the outer field codes that it reads, ``tested`` those of them of which it only
    asks whether they are answered, ``columns`` what it reads of a group's rows
    (``{"segments.length_m"}``).
    """

    source: str
    type: Type
    names: frozenset[str]
    _run: Closure
    tested: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()

    def value(self, namespace: Namespace) -> Any:
        """The value, or None where an operand has no answer."""
        try:
            return self._run(namespace)
        except Unanswered:
            return None

    def holds(self, namespace: Namespace) -> bool:
        """Whether the condition is known to be true."""
        return bool(self.value(namespace))

    def fails(self, namespace: Namespace) -> bool:
        """Whether the condition is known to be false: an unknown one is not."""
        value = self.value(namespace)
        return value is not None and not value

    def number(self, namespace: Namespace) -> Decimal | None:
        """The value as a number, or None where an operand has no answer."""
        value = self.value(namespace)
        return None if value is None else Decimal(value)


@cache
def constant(number: Decimal) -> Expression:
    """A plain number: most bounds are one, and it needs no parser."""
    return Expression(str(number), NUMBER, frozenset(), lambda _: number)


def compile_expression(source: str, scope: Scope) -> Expression:
    """Compile ``source``; raises :class:`BadExpression` with the reason in plain words."""
    if _NUMBER.fullmatch(source):
        return constant(Decimal(source))
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise BadExpression(f"cannot read {source[:80]!r}") from error
    except (RecursionError, MemoryError) as error:
        raise BadExpression(f"too deep: {source[:80]!r}") from error
    compiler = _Compiler(scope)
    try:
        kind, run = compiler.compile(tree)
    except RecursionError as error:
        raise BadExpression(f"too deep: {source[:80]!r}") from error
    return Expression(
        source,
        kind,
        frozenset(compiler.names),
        run,
        frozenset(compiler.names - compiler.read),
        frozenset(compiler.columns),
    )


def months_inclusive(start: date, end: date) -> int:
    """Calendar months from the month of ``start`` to that of ``end``, both counted."""
    return (end.year - start.year) * 12 + end.month - start.month + 1


def _known(value: Any) -> Any:
    if value is None or value == "":
        raise Unanswered
    return value


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class _Compiler:
    """One walk over the tree: infers each node's type and builds its closure."""

    def __init__(self, scope: Scope, rows: frozenset[str] = frozenset()) -> None:
        self.scope = scope
        self.rows = rows  # columns of the row being looked at: not outer names
        self.names: set[str] = set()
        self.read: set[str] = set()  # names whose value counts, not only that there is one
        self.columns: set[str] = set()

    def compile(self, node: ast.expr) -> tuple[Type, Closure]:
        match node:
            case ast.Constant(value=value):
                return self._constant(value)
            case ast.Name() | ast.Attribute():
                return self._name(_dotted(node))
            case ast.BoolOp(op=op, values=values):
                return self._logic(isinstance(op, ast.And), values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                kind, run = self.compile(operand)
                if kind == "boolean":
                    return "boolean", lambda ns: not _known(run(ns))
                return "boolean", lambda ns: not _truth(run, ns)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                run = self._expect(operand, NUMBER)
                return NUMBER, lambda ns: -_known(run(ns))
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(left, op, right)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._comparison(left, ops, comparators)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(name, args, keywords)
            case _:
                raise BadExpression(f"not allowed here: {ast.unparse(node)}")

    def _constant(self, value: object) -> tuple[Type, Closure]:
        match value:
            case bool():
                return "boolean", lambda _: value
            case int() | float():
                if not -_LARGEST <= value <= _LARGEST:
                    raise BadExpression(f"no number is greater than {_LARGEST}")
                number = Decimal(str(value))
                return NUMBER, lambda _: number
            case str():
                return "text", lambda _: value
            case _:
                raise BadExpression(f"not allowed here: {value!r}")

    def _name(self, code: str) -> tuple[Type, Closure]:
        if code not in self.scope.types:
            raise BadExpression(f"no field named {code!r}")
        if code in self.rows:
            self.columns.add(code)
        else:
            self.names.add(code)
            self.read.add(code)
        return self.scope.types[code], lambda ns: ns.get(code)

    def _expect(self, node: ast.expr, kind: Type) -> Closure:
        found, run = self.compile(node)
        if found not in {kind, "any"}:
            raise BadExpression(f"{ast.unparse(node)!r} is a {found}, a {kind} is needed")
        return run

    def _logic(self, conjunction: bool, values: list[ast.expr]) -> tuple[Type, Closure]:
        parts = [self.compile(value) for value in values]
        kinds = {kind for kind, _ in parts}
        runs = [run for _, run in parts]
        if conjunction:
            return "boolean", lambda ns: _three_valued(parts, ns, deciding=False)
        # ``a or b`` is also "the first one that was answered" when both are of one type
        if len(kinds) == 1 and kinds != {"boolean"}:
            return kinds.pop(), lambda ns: next(_answers(runs, ns), None)
        return "boolean", lambda ns: _three_valued(parts, ns, deciding=True)

    def _arithmetic(
        self, left: ast.expr, op: ast.operator, right: ast.expr
    ) -> tuple[Type, Closure]:
        if type(op) not in _ARITHMETIC:
            raise BadExpression(f"not an operation of this language: {ast.unparse(left)}")
        apply = _ARITHMETIC[type(op)]
        kind, first = self.compile(left)
        second = self._expect(right, NUMBER)
        if kind == "date":
            if not isinstance(op, ast.Add | ast.Sub):
                raise BadExpression(f"{ast.unparse(left)!r} is a date: only days can be added")
            return "date", lambda ns: apply(_known(first(ns)), timedelta(int(_known(second(ns)))))
        if kind not in {NUMBER, "any"}:
            raise BadExpression(f"{ast.unparse(left)!r} is a {kind}, a number is needed")
        return NUMBER, lambda ns: apply(_known(first(ns)), _known(second(ns)))

    def _comparison(
        self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]
    ) -> tuple[Type, Closure]:
        tests: list[Closure] = []
        for op, right in zip(ops, comparators, strict=True):
            tests.append(self._compare(left, op, right))
            left = right
        return "boolean", lambda ns: all(test(ns) for test in tests)

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Closure:
        match op:
            case ast.In() | ast.NotIn():
                contains = self._membership(left, right)
                return contains if isinstance(op, ast.In) else lambda ns: not contains(ns)
            case ast.Eq() | ast.NotEq():
                kinds = self.compile(left), self.compile(right)
                (kind, first), (other, second) = kinds
                if kind != other and "any" not in {kind, other}:
                    raise BadExpression(f"{ast.unparse(left)!r} is a {kind}, not a {other}")
                self._check_choice(left, right)
                if isinstance(op, ast.Eq):
                    return lambda ns: bool(_known(first(ns)) == _known(second(ns)))
                return lambda ns: bool(_known(first(ns)) != _known(second(ns)))
            case _ if type(op) in _ORDER:
                return self._order(left, _ORDER[type(op)], right)
            case _:
                raise BadExpression("not a comparison of this language")

    def _order(self, left: ast.expr, apply: Callable[[Any, Any], bool], right: ast.expr) -> Closure:
        kind, first = self.compile(left)
        if kind not in {NUMBER, "date"}:
            raise BadExpression(f"{ast.unparse(left)!r} is a {kind}: it has no order")
        second = self._expect(right, kind)
        return lambda ns: apply(_known(first(ns)), _known(second(ns)))

    def _membership(self, left: ast.expr, right: ast.expr) -> Closure:
        first = self._expect(left, "text")
        if isinstance(right, ast.List | ast.Tuple):
            values = [item.value for item in right.elts if isinstance(item, ast.Constant)]
            if len(values) != len(right.elts):
                raise BadExpression("a list holds only constants")
            for item in right.elts:
                self._check_choice(left, item)
            allowed = frozenset(str(value) for value in values)
            return lambda ns: _known(first(ns)) in allowed
        second = self._expect(right, "list")
        self._check_choice(right, left)
        return lambda ns: _known(first(ns)) in _known(second(ns))

    def _check_choice(self, named: ast.expr, constant: ast.expr) -> None:
        """A comparison with a value that the field never has is a slip of the pen."""
        if isinstance(named, ast.Constant):
            named, constant = constant, named
        if not isinstance(named, ast.Name | ast.Attribute) or not isinstance(
            constant, ast.Constant
        ):
            return
        choices = self.scope.choices.get(_dotted(named))
        if choices is not None and constant.value not in choices:
            raise BadExpression(f"{_dotted(named)!r} has no choice {constant.value!r}")

    def _call(
        self, name: str, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> tuple[Type, Closure]:
        if name in {"sum", "all", "distinct"}:
            return self._over_rows(name, args)
        if name == "pick":
            return self._pick(args, keywords)
        if keywords:
            raise BadExpression(f"{name}() takes no named values")
        if name in {"min", "max"}:
            if not args:
                raise BadExpression(f"{name}() of nothing")
            runs = [self._expect(arg, NUMBER) for arg in args]
            choose = min if name == "min" else max
            return NUMBER, lambda ns: choose(_known(run(ns)) for run in runs)
        if len(args) == 2 and name == "months":
            start, end = (self._expect(arg, "date") for arg in args)
            return NUMBER, lambda ns: Decimal(months_inclusive(_known(start(ns)), _known(end(ns))))
        if len(args) == 2 and name == "age":
            person, day = self._expect(args[0], "text"), self._expect(args[1], "date")
            return NUMBER, lambda ns: Decimal(age_on(_known(person(ns)), _known(day(ns))))
        if len(args) == 2 and name == "workdays":
            first, count = self._expect(args[0], "date"), self._expect(args[1], NUMBER)
            return "date", lambda ns: _known(ns.get(CALENDAR))().add_working(
                _known(first(ns)), int(_known(count(ns)))
            )
        if len(args) != 1 or name not in _UNARY:
            raise BadExpression(f"no function {name}() of {len(args)} values")
        return self._unary(name, args[0])

    def _unary(self, name: str, argument: ast.expr) -> tuple[Type, Closure]:
        takes, gives, function = _UNARY[name]
        read = set(self.read)
        kind, run = self.compile(argument)
        if name == "answered":
            self.read = read
        if takes and kind not in {*takes, "any"}:
            raise BadExpression(f"{name}() cannot take a {kind}: {ast.unparse(argument)}")
        if name in {"answered", "count"}:
            return gives, lambda ns: function(_quiet(run, ns))
        return gives, lambda ns: function(_known(run(ns)))

    def _over_rows(self, name: str, args: list[ast.expr]) -> tuple[Type, Closure]:
        if len(args) != 2 or not isinstance(args[0], ast.Name):
            raise BadExpression(f"{name}() takes a group and an expression over its rows")
        code = args[0].id
        if self.scope.types.get(code) != "group":
            raise BadExpression(f"{code!r} is not a group")
        self.names.add(code)
        self.read.add(code)
        inner = _Compiler(self.scope.inside(code), frozenset(self.scope.columns[code].types))
        kind, run = inner.compile(args[1])
        self.names |= inner.names
        self.read |= inner.read
        self.columns |= {f"{code}.{column}" for column in inner.columns}
        if name == "sum" and kind != NUMBER:
            raise BadExpression(f"{ast.unparse(args[1])!r} is a {kind}, a number is needed")

        def values(ns: Namespace) -> Iterable[Any]:
            return (run({**ns, **row}) for row in _known(ns.get(code)))

        if name == "sum":
            return NUMBER, lambda ns: sum((_known(v) for v in values(ns)), Decimal(0))
        if name == "all":
            return "boolean", lambda ns: all(values(ns))
        return "boolean", lambda ns: len(set(v := list(values(ns)))) == len(v)

    def _pick(self, args: list[ast.expr], keywords: list[ast.keyword]) -> tuple[Type, Closure]:
        if len(args) != 1:
            raise BadExpression("pick() takes one field and a value for each of its choices")
        run = self._expect(args[0], "text")
        table: dict[str, Closure] = {}
        kinds: set[Type] = set()
        for keyword in keywords:
            choice = str(keyword.arg)
            self._check_choice(args[0], ast.Constant(choice))
            kind, table[choice] = self.compile(keyword.value)
            kinds.add(kind)
        if len(kinds) != 1:
            raise BadExpression("the values of pick() must be of one type")

        def look_up(ns: Namespace) -> Any:
            key = _known(run(ns))
            if key not in table:
                raise Unanswered
            return table[key](ns)

        return kinds.pop(), look_up


def _ceiling(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_CEILING)


_UNARY: dict[str, tuple[set[Type], Type, Callable[[Any], Any]]] = {
    "abs": ({NUMBER}, NUMBER, abs),
    "ceil": ({NUMBER}, NUMBER, _ceiling),
    "count": ({"list", "group"}, NUMBER, lambda value: Decimal(len(value or ()))),
    "answered": (set(), "boolean", lambda value: value not in (None, "", [])),
    "year": ({"text"}, NUMBER, lambda value: Decimal(permit_year(value))),
    "year_of": ({"date"}, NUMBER, lambda value: Decimal(value.year)),
}


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
        case _:
            raise BadExpression(f"not a field: {ast.unparse(node)}")


def _answers(runs: Iterable[Closure], ns: Namespace) -> Iterator[Any]:
    """The values that are known: zero is an answer, an empty text is none."""
    return (value for run in runs if (value := _quiet(run, ns)) not in (None, ""))


def _quiet(run: Closure, ns: Namespace) -> Any:
    try:
        return run(ns)
    except Unanswered:
        return None


def _three_valued(parts: list[tuple[Type, Closure]], ns: Namespace, *, deciding: bool) -> bool:
    """Kleene's ``and`` and ``or``: one operand may decide although another is unknown."""
    unknown = False
    for kind, run in parts:
        value = _quiet(run, ns)
        if value is None and kind == "boolean":
            unknown = True
        elif bool(value) is deciding:
            return deciding
    if unknown:
        raise Unanswered
    return not deciding


def _truth(run: Closure, ns: Namespace) -> bool:
    return bool(_quiet(run, ns))
