"""Fees tried with anyone's numbers before a request is begun.

A trial is the service cut down to one page: the questions that its fees depend on, through
quantities, conditions, computed values and the conditions of those questions. They are the form's
own fields, so that the page asks, checks and prices as the form does. What would name somebody is
not asked: of a number that only has to exist the trial asks whether there is one, and a sensitive
question is left open. What the center decides is left open as well; where that is one of several
choices, each is tried and the line has a lowest and a highest amount.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from datetime import date
from itertools import product
from math import prod
from typing import Any

from payments.money import Money
from portal.catalogue import fees
from portal.catalogue.expressions import Expression, compile_expression
from portal.catalogue.fields import Raw
from portal.catalogue.form_file import revealing
from portal.catalogue.forms import MOST_ROWS, Asked, Evaluation, NoLookups, evaluate
from portal.catalogue.model import Choice, FeeRule, Field, Rule, Service, Stage, Step, Text, Trial

_MOST_CASES = 200
_NUMBERS = frozenset({"integer", "decimal", "area_m2", "money", "date"})
_CHOICES = frozenset({"choice", "multichoice", "boolean"})
PAGE = "fees"


@dataclass(frozen=True)
class Estimate:
    """One fee line for the numbers that were tried.

    Without amounts, ``waits_for`` says for what: ``answers``, ``register`` or ``center``. With two
    different amounts, ``depends_on`` are the choices that decide between them.
    """

    rule: FeeRule
    lowest: Money | None
    highest: Money | None
    waits_for: str = ""
    depends_on: tuple[Field, ...] = ()

    @property
    def at_least(self) -> bool:
        """Whether the line's own minimum decided."""
        floor = self.rule.minimum
        return floor is not None and self.highest is not None and self.highest == Money.of(floor)

    @property
    def at_most(self) -> bool:
        top = self.rule.maximum
        return top is not None and self.lowest is not None and self.lowest == Money.of(top)


@dataclass(frozen=True)
class StageEstimate:
    """The lines of one stage and what they come to; ``more`` when a line has no amount yet."""

    stage: Stage
    lines: tuple[Estimate, ...]
    lowest: Money
    highest: Money

    @property
    def more(self) -> bool:
        return any(line.lowest is None for line in self.lines)


@dataclass
class _Asking:
    """How the trial asks the form's questions, and which of them in another way."""

    hints: Mapping[str, Text]
    tested: set[str]
    columns: set[str]
    existing: set[str] = attribute(default_factory=set)
    counted: set[str] = attribute(default_factory=set)
    registered: set[str] = attribute(default_factory=set)

    def question(self, field: Field) -> Field | None:
        """The field as it is asked here; None when it would name somebody or is a debt."""
        code = field.code
        if field.from_record:
            if field.kind == "money":
                return None
            self.registered.add(code)
            hint = self.hints["in_register"]
            return replace(field, from_record=False, required=False, hint=hint)
        if field.computed is not None or field.kind in _NUMBERS | _CHOICES:
            return field
        if field.kind == "group":
            used = tuple(c for c in field.columns if f"{code}.{c.code}" in self.columns)
            if used:
                return replace(field, columns=used)
            self.counted.add(code)
            return replace(field, kind="integer", columns=(), hint=self.hints["how_many"])
        if code in self.tested:
            self.existing.add(code)
            return replace(field, kind="boolean", pattern="", hint=self.hints["has_one"])
        return None


def trial_of(service: Service, hints: Mapping[str, Text]) -> Trial | None:
    """The trial of a service, None when its fees do not depend on what can be asked here.

    ``hints`` are those of questions that the trial asks in another way (shared/trial.toml).
    """
    expressions = [part for rule in service.fees for part in fees.expressions(rule)]
    wanted = closure(service, {name for rule in service.fees for name in fees.reads(rule)})
    as_here = _Asking(
        hints,
        _only_tested(service.fees, expressions),
        {c for e in (*expressions, *_computed(service, wanted)) for c in e.columns},
    )
    here = (f for f in _with_conditions(service) if f.code in wanted and not f.sensitive)
    asked = [
        _bounded_here(service, field, wanted)
        for each in here
        if (field := as_here.question(each)) is not None
    ]
    if not any(field.asked for field in asked):
        return None
    page = Step(
        PAGE,
        service.title,
        tuple(asked),
        tuple(_rules(service, asked, as_here.existing | as_here.counted)),
    )
    open_fields = (*service.assessed, *(f for f in service.fields.values() if f.sensitive))
    known = {field.code: field for field in asked}
    return Trial(
        service=replace(service, steps=(page,), record=None),
        existing=frozenset(as_here.existing),
        counted=frozenset(as_here.counted),
        registered=frozenset(as_here.registered),
        decided=tuple(
            field
            for field in (*open_fields, *(known[code] for code in sorted(as_here.registered)))
            if field.code in wanted and _values(field)
        ),
    )


def evaluate_trial(trial: Trial, raw: Mapping[str, Raw], today: date) -> Evaluation:
    """The page as it stands with ``raw``; its names are those that the fees read."""
    evaluation = evaluate(trial.service, raw, today, NoLookups())
    names = dict(evaluation.names)
    for code in trial.existing:
        names[code] = names.get(code) or None  # "no" is: there is none
    for code in trial.counted:
        rows = names.get(code)
        names[code] = None if rows is None else [{}] * min(int(rows), MOST_ROWS)
    return replace(evaluation, names=fees.namespace(trial.service, names, today))


def estimate(trial: Trial, evaluation: Evaluation, on: date) -> list[StageEstimate]:
    """What each stage comes to, in the order in which the stages fall due."""
    names = dict(evaluation.names)
    free = [field for field in trial.decided if names.get(field.code) is None]
    if prod(len(_values(field)) for field in free) > _MOST_CASES:
        free = []
    cases = [
        fees.quote(
            trial.service,
            fees.namespace(trial.service, {**names, **dict(case)}, on),
            on,
        )
        for case in product(*([(field.code, value) for value in _values(field)] for field in free))
    ]
    found: list[StageEstimate] = []
    for stage in Stage:
        lines = [
            _line(trial, rule, [_amount(case, rule) for case in cases], names, free)
            for rule in trial.service.fees
            if rule.stage is stage and any(rule.id == line.id for c in cases for line in c.lines)
        ]
        totals = [case.total(stage) for case in cases]
        if lines:
            found.append(StageEstimate(stage, tuple(lines), min(totals), max(totals)))
    return found


def arrange(trial: Trial, evaluation: Evaluation) -> tuple[list[Asked], dict[str, Any], set[str]]:
    """How the page shows its questions.

    Those that stand on it, those that open under an answer as on a page of the form, and the codes
    of those that stand on it although only some answers need them: the form asks them on a later
    page, because more than one answer opens them.
    """
    state = evaluation.steps[0]
    fields = {field.code: field for field in trial.page.fields}
    shown = {each.field.code: each for each in (*state.asked, *state.dormant)}
    standing: list[Asked] = []
    reveals: dict[str, dict[str, list[Asked]]] = {}
    loose: set[str] = set()
    for field in trial.page.fields:
        if field.code not in shown:
            continue
        openers = _openers(field, fields)
        if len(openers) == 1:
            control, answer = openers[0]
            reveals.setdefault(control, {}).setdefault(answer, []).append(shown[field.code])
            continue
        if openers:
            loose.add(field.code)
        standing.append(shown[field.code])
    return standing, reveals, loose


def openers_of(trial: Trial, code: str) -> list[Choice]:
    """The answers that make a loose question matter."""
    fields = {field.code: field for field in trial.page.fields}
    found = (fields[control].choice(answer) for control, answer in _openers(fields[code], fields))
    return [choice for choice in found if choice is not None]


def _openers(field: Field, fields: Mapping[str, Field]) -> list[tuple[str, str]]:
    names = field.when.names & fields.keys() if field.when else frozenset[str]()
    return [(name, answer) for name in names for answer in revealing(field, fields[name])]


def _amount(case: fees.Quote, rule: FeeRule) -> Money | None:
    """The line's amount; nothing when the case has no such line, None when it is open."""
    return next((line.amount for line in case.lines if line.id == rule.id), Money(0))


def _line(
    trial: Trial,
    rule: FeeRule,
    amounts: list[Money | None],
    names: Mapping[str, Any],
    free: Sequence[Field],
) -> Estimate:
    reads = closure(trial.service, fees.reads(rule))
    known = [amount for amount in amounts if amount is not None]
    if len(known) == len(amounts):
        lowest, highest = min(known), max(known)
        decide = tuple(f for f in free if f.code in reads) if lowest != highest else ()
        return Estimate(rule, lowest, highest, depends_on=decide)
    return Estimate(rule, None, None, _waits_for(trial, reads, names))


def _waits_for(trial: Trial, reads: set[str], names: Mapping[str, Any]) -> str:
    missing = {code for code in reads if names.get(code) is None}
    asked = {field.code for field in trial.page.fields if field.asked} - trial.registered
    if missing & asked:
        return "answers"
    return "register" if missing & trial.registered else "center"


def _values(field: Field) -> list[Any]:
    """Every answer that a question can have, none when they cannot be counted."""
    match field.kind:
        case "boolean":
            return [True, False]
        case "choice":
            return [choice.value for choice in field.choices]
        case _:
            return []


def _keys(rules: Iterable[FeeRule]) -> set[str]:
    return {rule.by for rule in rules if rule.by}


def closure(service: Service, names: set[str]) -> set[str]:
    """With the names that conditions and computed values of these fields read, and so on."""
    parts = {
        field.code: (step.when, field.when, field.computed)
        for step in service.steps
        for field in step.fields
    }
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        code = waiting.pop()
        found.add(code)
        for part in parts.get(code, ()):
            waiting |= (part.names if part else frozenset()) - found
    return found


def _computed(service: Service, wanted: set[str]) -> Iterator[Expression]:
    for field in service.fields.values():
        if field.code in wanted and field.computed is not None:
            yield field.computed


def _with_conditions(service: Service) -> Iterator[Field]:
    """Every field with the condition of its page joined to its own."""
    for step in service.steps:
        for field in step.fields:
            if step.when is None:
                yield field
                continue
            source = step.when.source
            if field.when is not None:
                source = f"({source}) and ({field.when.source})"
            yield replace(field, when=compile_expression(source, service.scope))


def _only_tested(rules: Iterable[FeeRule], expressions: Sequence[Expression]) -> set[str]:
    """Names of which the fees only ask whether they are answered."""
    read = {name for part in expressions for name in part.names - part.tested} | _keys(rules)
    return {name for part in expressions for name in part.tested} - read


def _bounded_here(service: Service, field: Field, wanted: set[str]) -> Field:
    """The field with a least that is known here: of an answer that is not asked, its own least."""
    least = field.minimum
    while least is not None and least.source in service.fields and least.source not in wanted:
        least = service.fields[least.source].minimum
    return replace(field, minimum=least)


def _rules(service: Service, asked: Sequence[Field], altered: set[str]) -> Iterator[Rule]:
    """The form's own rules that speak of nothing but what is asked here as it is there."""
    here = {field.code for field in asked} - altered | {"today", "this_year", *service.parameters}
    for step in service.steps:
        for rule in step.rules:
            if rule.check.names <= here and not rule.warning:
                yield rule
