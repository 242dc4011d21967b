"""The form of a service file: its steps, fields, rules and the blocks it shares with others."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.catalogue.expressions import Expression, Scope, Type, constant
from portal.catalogue.fields import KINDS
from portal.catalogue.model import Choice, Field, Mark, Rule, Step, Text
from portal.catalogue.patterns import PATTERNS
from portal.catalogue.reading import CatalogueError, Table, unique

# A radio's hidden part opens without a script; a long list is a select, which has no such part
MOST_RADIOS = 7
LISTS = frozenset({"governorates", "centers", "countries", "dues"})
_OF_USE = {"use", "prefix", "step", "when", "lead", "title"}
_CONTEXT: dict[str, Type] = {"today": "date", "this_year": "number"}


@dataclass(frozen=True)
class Shared:
    """What every service file may refer to."""

    choices: Mapping[str, Text]
    blocks: Mapping[str, dict[str, Any]]
    capacities: Mapping[str, Text]


def expand_blocks(file: str, steps: list[dict[str, Any]], shared: Shared) -> list[dict[str, Any]]:
    """Replace each ``use = "block"`` by the block's own steps, its ``{p}`` and ``{s}`` filled."""
    expanded: list[dict[str, Any]] = []
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            raise CatalogueError(f"{file}: steps[{index}]: must be a table")
        if "use" not in step:
            expanded.append(step)
            continue
        name = step["use"]
        for key in step.keys() - _OF_USE:
            raise CatalogueError(f"{file}: steps[{name}].{key}: is not a key that is known here")
        if name not in shared.blocks:
            raise CatalogueError(f"{file}: steps: there is no block {name!r}")
        block = deepcopy(shared.blocks[name])
        prefix = step.get("prefix", block.get("prefix", ""))
        slug = step.get("step", block.get("step", name))
        pages = [_fill(part, {"{p}": prefix, "{s}": slug}) for part in block["steps"]]
        expanded += _renamed(pages, step)
    return expanded


def _renamed(pages: list[dict[str, Any]], use: dict[str, Any]) -> list[dict[str, Any]]:
    """A block's condition is that of every page; its lead opens it, its title is what it is for."""
    if "when" in use:
        pages = [{**page, "when": use["when"]} for page in pages]
    if "lead" in use:
        pages[0] = {**pages[0], "lead": use["lead"]}
    if "title" in use:
        pages[-1] = {**pages[-1], "title": use["title"]}
    return pages


def _fill(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case str():
            for placeholder, text in names.items():
                value = value.replace(placeholder, text)
            return value
        case list():
            return [_fill(item, names) for item in value]
        case dict():
            return {_fill(key, names): _fill(item, names) for key, item in value.items()}
        case _:
            return value


def scope_of(
    file: str,
    fields: list[dict[str, Any]],
    shared: Shared,
    numbers: tuple[str, ...] = (),
) -> Scope:
    """What the expressions of a file may name: its fields, its parameters, and the day."""
    types: dict[str, Type] = {**_CONTEXT, **dict.fromkeys(numbers, "number")}
    choices: dict[str, frozenset[str]] = {}
    columns: dict[str, Scope] = {}
    for values in fields:
        code, kind = values.get("code"), values.get("kind")
        if not isinstance(code, str) or not code:
            raise CatalogueError(f"{file}: a field has no code")
        if kind not in KINDS:
            raise CatalogueError(f"{file}: {code}.kind: {kind!r} is not a kind of field")
        if code in types:
            raise CatalogueError(f"{file}: {code}: this code stands twice")
        types[code] = KINDS[kind].type
        if values.get("choices_from") == "capacities":
            choices[code] = frozenset(shared.capacities)
        elif values.get("choices"):
            choices[code] = frozenset(_choice_value(choice) for choice in values["choices"])
        if kind == "group":
            columns[code] = scope_of(f"{file}: {code}", values.get("columns", []), shared)
    return Scope(types, choices, columns)


def _choice_value(choice: Any) -> str:
    return str(choice.get("value")) if isinstance(choice, dict) else str(choice)


def all_fields(file: str, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The fields of every page as they stand in the file, each with a code."""
    for step in steps:
        for index, field in enumerate(step.get("fields", [])):
            if not isinstance(field, dict) or not field.get("code"):
                where = f"steps[{step.get('code')}].fields[{index}]"
                raise CatalogueError(f"{file}: {where}: a field is a table with a code")
            yield field


def read_steps(
    table: Table,
    scope: Scope,
    shared: Shared,
    capacities: tuple[str, ...],
    constants: Iterable[str] = (),
) -> tuple[Step, ...]:
    """Every page of the form, checked against each other; ``constants`` need no answer."""
    steps: list[Step] = []
    known: set[str] = {*_CONTEXT, *constants}
    for part in table.tables("steps"):
        step = _read_step(part, scope, shared, capacities)
        _check_order(part, step, known)
        known.update(field.code for field in step.fields)
        steps.append(step)
    unique(steps, lambda s: s.code, lambda code: table.wrong("steps", f"{code!r} stands twice"))
    return tuple(steps)


def _read_step(table: Table, scope: Scope, shared: Shared, capacities: tuple[str, ...]) -> Step:
    step = Step(
        code=table.take("code", str),
        title=table.text("title"),
        lead=table.optional_text("lead"),
        when=table.expression("when", scope),
        fields=tuple(
            read_field(part, scope, shared, capacities) for part in table.tables("fields")
        ),
        rules=tuple(_read_rule(part, scope) for part in table.tables("rules")),
    )
    table.done()
    if not step.fields:
        raise table.wrong("fields", "a step asks at least one thing")
    return step


def read_field(
    table: Table, scope: Scope, shared: Shared, capacities: tuple[str, ...] = ()
) -> Field:
    """One field; its bounds must be of the type that its kind measures."""
    code = table.take("code", str)
    kind = table.take("kind", str)
    columns: tuple[Field, ...] = ()
    if kind == "group":
        columns = tuple(
            read_field(part, scope.inside(code), shared) for part in table.tables("columns")
        )
        if not columns:
            raise table.wrong("columns", "a group has at least one column")
    lowest, highest = KINDS[kind].lengths
    source = table.take("choices_from", str, "")
    field = Field(
        code=code,
        kind=kind,
        label=table.text("label"),
        hint=table.optional_text("hint"),
        required=table.take("required", bool, True),
        when=table.expression("when", scope),
        minimum=_bound(table, "min", scope, kind, lowest),
        maximum=_bound(table, "max", scope, kind, highest),
        choices=_read_choices(table, shared, capacities if source == "capacities" else ()),
        choices_from=source,
        columns=columns,
        rows_by=table.take("rows_by", str, ""),
        pattern=table.take("pattern", str, ""),
        unit=table.optional_text("unit"),
        must_be=table.optional("must_be", bool),
        computed=table.expression("computed", scope),
        from_record=table.take("from_record", bool, False),
        mark=table.optional_choice("mark", Mark),
        sensitive=table.take("sensitive", bool, False),
        example=table.take("example", str, ""),
    )
    table.done()
    _check_field(table, field)
    return field


def _bound(
    table: Table, key: str, scope: Scope, kind: str, default: int | None
) -> Expression | None:
    bound = table.expression(key, scope)
    if bound is None and default is not None:
        return constant(Decimal(default))
    wanted = "date" if kind == "date" else "number"
    if bound is not None and bound.type not in {wanted, "any"}:
        raise table.wrong(key, f"{bound.source!r} is a {bound.type}, a {wanted} is needed")
    return bound


def _read_choices(table: Table, shared: Shared, capacities: tuple[str, ...]) -> tuple[Choice, ...]:
    choices: list[Choice] = []
    for item in table.take("choices", list, []):
        if isinstance(item, str):
            if item not in shared.choices:
                raise table.wrong("choices", f"no shared label for {item!r}: give ar and en")
            choices.append(Choice(item, shared.choices[item]))
            continue
        part = Table(table.file, f"{table.key}.choices", {"label": item})
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, str) or not value:
            raise table.wrong("choices", f"{item!r} has no value")
        label = {k: v for k, v in item.items() if k != "value"}
        part = Table(table.file, f"{table.key}.choices[{value}]", {"label": label})
        choices.append(Choice(value, part.text("label")))
    if capacities:
        choices = [Choice(code, shared.capacities[code]) for code in capacities]
    unique(choices, lambda c: c.value, lambda v: table.wrong("choices", f"{v!r} stands twice"))
    return tuple(choices)


def _check_field(table: Table, field: Field) -> None:
    if field.kind in {"choice", "multichoice"}:
        lists = LISTS | {"capacities"}
        if not field.choices and field.choices_from not in lists and field.computed is None:
            raise table.wrong("choices", "a choice needs choices")
    elif field.choices or field.choices_from:
        raise table.wrong("choices", f"a {field.kind} has no choices")
    if field.pattern and field.pattern not in PATTERNS:
        raise table.wrong("pattern", f"{field.pattern!r} is not a pattern")
    if field.sensitive and field.hint is None:
        raise table.wrong("hint", "a sensitive question tells why it is asked")
    if field.must_be is not None and field.kind != "boolean":
        raise table.wrong("must_be", "is for a boolean")
    if field.rows_by:
        column = next((c for c in field.columns if c.code == field.rows_by), None)
        if column is None or not column.choices:
            raise table.wrong("rows_by", "must name a choice among the columns")


def _read_rule(table: Table, scope: Scope) -> Rule:
    check = table.expression("check", scope)
    if check is None or check.type != "boolean":
        raise table.wrong("check", "must be a condition")
    rule = Rule(
        check=check,
        fields=table.strings("fields"),
        message=table.text("message"),
        warning=table.take("warning", bool, False),
        refer=table.take("refer", str, ""),
    )
    table.done()
    for code in rule.fields:
        if code not in scope.types:
            raise table.wrong("fields", f"no field named {code!r}")
    return rule


def _check_order(table: Table, step: Step, known: set[str]) -> None:
    """A condition looks back, and on its own page only at what can open a part without a script."""
    here: dict[str, Field] = {}
    for name in step.when.names - known if step.when else ():
        raise table.wrong("when", f"{name!r} is not asked on an earlier page")
    for field in step.fields:
        for name in field.when.names - known if field.when else ():
            control = here.get(name)
            if control is None:
                raise table.wrong(f"fields[{field.code}].when", f"{name!r} is not asked before")
            _check_reveal(table, field, control, known)
        here[field.code] = field


def _check_reveal(table: Table, field: Field, control: Field, known: set[str]) -> None:
    where = f"fields[{field.code}].when"
    assert field.when is not None  # noqa: S101 - called only then
    if control.computed is not None or control.from_record:
        raise table.wrong(where, f"{control.code!r} is known only on the next page")
    if len(field.when.names - known) > 1:
        raise table.wrong(where, "on its own page a field may depend on one other: use a step")
    if control.kind == "choice" and len(control.choices) > MOST_RADIOS:
        raise table.wrong(where, f"{control.code!r} is a long list: ask this on a later step")
    if len(revealing(field, control)) != 1:
        raise table.wrong(
            where, f"must hold for exactly one answer of {control.code!r}: use a later step"
        )


def revealing(field: Field, control: Field) -> list[str]:
    """The answers of ``control`` under which ``field`` opens, on the same page."""
    if field.when is None or control.code not in field.when.names:
        return []
    match control.kind:
        case "boolean":
            answers: list[tuple[str, Any]] = [("yes", True), ("no", False)]
        case "choice":
            answers = [(choice.value, choice.value) for choice in control.choices]
        case "multichoice":
            answers = [(choice.value, [choice.value]) for choice in control.choices]
        case _:
            return []
    return [name for name, value in answers if field.when.holds({control.code: value})]
