"""From what was typed to answers: which questions are asked, what is wrong, what it all means.

The whole form is evaluated in order, because a condition may look back at any page. Nothing is
lost on the way: raw answers of questions that are not asked now stay in the draft and count for
nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from portal.catalogue.deadlines import Calendar
from portal.catalogue.expressions import CALENDAR
from portal.catalogue.fields import KINDS, Context, Form, Invalid, Kind, Raw
from portal.catalogue.form_file import revealing
from portal.catalogue.model import Choice, Field, Rule, Service, Step
from portal.problems import N_, Problem

MOST_ROWS = 300


class Lookups(Protocol):
    """What a form needs from outside the catalogue."""

    def choices(self, field: Field, names: Mapping[str, Any]) -> Sequence[Choice]:
        """The choices of a field that takes them from a list."""

    def calendar(self, service: Service, names: Mapping[str, Any]) -> Calendar:
        """The days off of the place that the answers name, or those of the whole country."""

    def record(self, service: Service, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The values of the register's record that the answers name, or None."""


class NoLookups:
    """For pages that have no place and look nothing up."""

    def choices(self, field: Field, names: Mapping[str, Any]) -> Sequence[Choice]:
        return ()

    def calendar(self, service: Service, names: Mapping[str, Any]) -> Calendar:
        return Calendar()

    def record(self, service: Service, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None


@dataclass(frozen=True)
class Asked:
    """A question that is asked now, with what was answered."""

    field: Field
    raw: Raw
    value: Any
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepState:
    """A page of the form as it stands."""

    step: Step
    asked: tuple[Asked, ...]
    dormant: tuple[Asked, ...]
    """Fields of the page that another answer on it would open."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        return not self.problems

    @property
    def begun(self) -> bool:
        return any(not _kind(a.field).empty(a.raw) for a in self.asked)


@dataclass(frozen=True)
class Evaluation:
    """The whole form: its pages that are asked, and every known value by code."""

    service: Service
    steps: tuple[StepState, ...]
    names: Mapping[str, Any]
    record: Mapping[str, Any] | None

    @property
    def complete(self) -> bool:
        return all(state.complete for state in self.steps)

    def state(self, code: str) -> StepState | None:
        return next((s for s in self.steps if s.step.code == code), None)

    def first_incomplete(self) -> StepState | None:
        return next((s for s in self.steps if not s.complete), None)

    def after(self, code: str) -> StepState | None:
        """The page that comes after ``code``, None when it is the last."""
        codes = [s.step.code for s in self.steps]
        position = codes.index(code) + 1 if code in codes else len(codes)
        return self.steps[position] if position < len(codes) else None

    @property
    def center(self) -> str | None:
        """The center that the named place belongs to."""
        for place in self.service.routing:
            code = self.names.get(f"{place}.center")
            if code:
                return str(code)
        return None


@dataclass
class _Walk:
    """One evaluation under way."""

    service: Service
    raw: Mapping[str, Raw]
    today: date
    lookups: Lookups
    names: dict[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None


def evaluate(service: Service, raw: Mapping[str, Raw], today: date, lookups: Lookups) -> Evaluation:
    """Check every answer of ``raw``; see the module's text."""
    walk = _Walk(service, raw, today, lookups)
    walk.names.update(today=today, this_year=Decimal(today.year), **service.parameters)
    walk.names[CALENDAR] = lambda: lookups.calendar(service, walk.names)
    # in order: whether a step is asked depends on the answers of those before it
    steps = [
        _evaluate_step(walk, step)
        for step in service.steps
        if step.when is None or step.when.holds(walk.names)
    ]
    return Evaluation(service, tuple(steps), walk.names, walk.record)


def evaluate_apart(
    service: Service, step: Step, raw: Mapping[str, Raw], today: date, names: Mapping[str, Any]
) -> tuple[StepState, Mapping[str, Any]]:
    """A page that stands apart from the form, such as a department's; and all that is known then.

    ``names`` is what is known before.
    """
    walk = _Walk(service, raw, today, NoLookups(), dict(names))
    return _evaluate_step(walk, step), walk.names


def _evaluate_step(walk: _Walk, step: Step) -> StepState:
    asked: list[Asked] = []
    dormant: list[Asked] = []
    for each in step.fields:
        if each.when is not None and not each.when.holds(walk.names):
            if each.when.names & step.codes:
                dormant.append(_dormant(walk, each))
            continue
        if each.computed is not None:
            walk.names[each.code] = each.computed.value(walk.names)
            asked.append(Asked(each, "", walk.names[each.code]))
        elif each.from_record:
            # looked up anew each time: what is due depends on the answers so far
            walk.record = walk.lookups.record(walk.service, walk.names)
            value = (walk.record or {}).get(each.code)
            walk.names[each.code] = value
            asked.append(Asked(each, "", value))
        else:
            answer = _answer(walk, each)
            walk.names[each.code] = answer.value
            asked.append(answer)
    asked = [
        _bounded(walk, answer) if answer.field.minimum or answer.field.maximum else answer
        for answer in asked
    ]
    for each in step.fields:  # what is computed from answers of this page
        if each.computed is not None:
            walk.names[each.code] = each.computed.value(walk.names)
    problems = [p for answer in asked for p in answer.problems]
    problems += _record_problems(walk, asked)
    bad = {p.field.split(".")[0] for p in problems} | {p.field for p in problems}
    broken = [
        rule for rule in step.rules if rule.check.fails(walk.names) and not bad & rule.check.names
    ]
    problems += [_of_rule(rule, asked) for rule in broken if not rule.warning]
    warnings = [_of_rule(rule, asked) for rule in broken if rule.warning]
    warnings += [
        Problem(a.field.code, msgid, {"label": a.field.label})
        for a in asked
        for msgid in a.warnings
    ]
    return StepState(step, tuple(asked), tuple(dormant), tuple(problems), tuple(warnings))


def _of_rule(rule: Rule, asked: Sequence[Asked]) -> Problem:
    """A rule speaks at the first of its fields that stands on the page."""
    here = {answer.field.code for answer in asked}
    code = next((code for code in rule.fields if code in here), rule.fields[0])
    return Problem(code, text=rule.message, refer=rule.refer)


def _dormant(walk: _Walk, sleeping: Field) -> Asked:
    return Asked(_with_choices(walk, sleeping), walk.raw.get(sleeping.code, ""), None)


def _with_choices(walk: _Walk, asked: Field) -> Field:
    if asked.choices_from and not asked.choices:
        return asked.with_choices(tuple(walk.lookups.choices(asked, walk.names)))
    return asked


def _answer(walk: _Walk, asked: Field) -> Asked:
    asked = _with_choices(walk, asked)
    raw = walk.raw.get(asked.code, "")
    if asked.kind == "group":
        return _group(walk, asked, raw)
    value, problems, warnings = _single(walk, asked, raw, asked.code)
    return Asked(asked, raw, value, problems, warnings)


def _single(
    walk: _Walk, asked: Field, raw: Raw, name: str
) -> tuple[Any, tuple[Problem, ...], tuple[str, ...]]:
    kind = _kind(asked)
    if kind.empty(raw):
        if not asked.required:
            return None, (), ()
        return None, (Problem(name, kind.missing, {"label": asked.label}),), ()
    context = Context(walk.today, asked.choices)
    try:
        value = kind.parse(asked, raw, context)
    except Invalid as error:
        return None, (Problem(name, error.msgid, {"label": asked.label, **error.params}),), ()
    if asked.must_be is not None and value is not asked.must_be:
        msgid = N_("You can go on only after confirming: {label}")
        return value, (Problem(name, msgid, {"label": asked.label}),), ()
    return value, (), tuple(context.warnings)


def _group(walk: _Walk, asked: Field, raw: Raw) -> Asked:
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    warnings: list[str] = []
    for index, row in enumerate(rows_of(asked, raw)):
        if not asked.rows_by and is_blank(row):
            continue
        values: dict[str, Any] = {}
        for column in asked.columns:
            name = f"{asked.code}.{index}.{column.code}"
            value, wrong, suspect = _single(walk, column, row.get(column.code, ""), name)
            values[column.code] = value
            problems += wrong or _out_of_bounds(column, value, {**walk.names, **values}, name)
            warnings += suspect
        rows.append(values)
    if not rows and asked.required:
        missing = Problem(asked.code, _kind(asked).missing, {"label": asked.label})
        several = asked.minimum is not None and asked.minimum.value(walk.names) != 1
        few = _out_of_bounds(asked, rows, walk.names, asked.code) if several else []
        problems += few or [missing]
    # a group with a bad row is unknown to rules and fees, as any other unanswered field
    value = rows if rows and not problems else None
    return Asked(asked, raw, value, tuple(problems), tuple(warnings))


def _bounded(walk: _Walk, answer: Asked) -> Asked:
    if answer.problems or answer.value is None or not answer.field.asked:
        return answer
    wrong = _out_of_bounds(answer.field, answer.value, walk.names, answer.field.code)
    if wrong:
        walk.names[answer.field.code] = None
        return replace(answer, value=None, problems=tuple(wrong))
    return answer


_BOUNDS = {
    "text": (
        N_("{label} is too short: write at least {bound} characters"),
        N_("{label} is too long: write at most {bound} characters"),
    ),
    "group": (
        N_("{label} needs at least this many rows: {bound}"),
        N_("{label} takes at most this many rows: {bound}"),
    ),
    "date": (N_("{label} may not be before {bound}"), N_("{label} may not be after {bound}")),
    "multichoice": (
        N_("Choose at least {bound} of {label}"),
        N_("Choose at most {bound} of {label}"),
    ),
    "number": (N_("{label} is at least {bound}"), N_("{label} is at most {bound}")),
}


def _out_of_bounds(asked: Field, value: Any, names: Mapping[str, Any], name: str) -> list[Problem]:
    if value is None:
        return []
    kind = _kind(asked)
    measured = kind.measure(value)
    below, above = _BOUNDS.get(asked.kind, _BOUNDS["number" if kind.numeric else "text"])
    lowest = asked.minimum.value(names) if asked.minimum else None
    highest = asked.maximum.value(names) if asked.maximum else None
    if lowest is not None and measured < lowest:
        return [Problem(name, below, {"label": asked.label, "bound": lowest})]
    if highest is not None and measured > highest:
        return [Problem(name, above, {"label": asked.label, "bound": highest})]
    return []


def _record_problems(walk: _Walk, asked: Sequence[Asked]) -> list[Problem]:
    """A required record that is not there is told at the field that names it."""
    record = walk.service.record
    if record is None or all(answer.field.code != record.key for answer in asked):
        return []
    if walk.names.get(record.key) is None:
        return []
    walk.record = walk.lookups.record(walk.service, walk.names)
    if walk.record is None and record.required:
        return [Problem(record.key, text=record.missing)]
    return []


def _kind(asked: Field) -> Kind:
    return KINDS[asked.kind]


def rows_of(group: Field, raw: Raw) -> list[dict[str, Raw]]:
    """The raw rows of a group; with ``rows_by`` one for each choice, in their order."""
    rows = [dict(row) for row in raw if isinstance(row, dict)] if isinstance(raw, list) else []
    if not group.rows_by:
        return rows[:MOST_ROWS]
    column = next(c for c in group.columns if c.code == group.rows_by)
    by_value = {row.get(group.rows_by): row for row in rows}
    return [
        {**by_value.get(choice.value, {}), group.rows_by: choice.value} for choice in column.choices
    ]


def change_rows(step: Step, raw: Mapping[str, Raw], add: str, remove: str) -> dict[str, Raw]:
    """The answers with an empty row more in the group ``add``, and without the row ``remove``.

    A row is named by its group and place: ``segments.1``. Neither need exist.
    """
    changed = dict(raw)
    shrinking, _, index = remove.partition(".")
    for each in step.fields:
        if each.kind != "group" or each.rows_by:
            continue
        rows = rows_of(each, changed.get(each.code))
        if each.code == add:
            rows.append({})
        if each.code == shrinking and index in map(str, range(len(rows))):
            rows.pop(int(index))
        changed[each.code] = rows
    return changed


def is_blank(row: Mapping[str, Raw]) -> bool:
    return not any(row.values())


def read_step(step: Step, form: Form) -> dict[str, Raw]:
    """The raw answers of one page, as its form posted them."""
    raw: dict[str, Raw] = {}
    for each in step.fields:
        if each.asked:
            raw[each.code] = _read_group(each, form) if each.kind == "group" else _read(each, form)
    return raw


def _read(asked: Field, form: Form, name: str = "") -> Raw:
    return _kind(asked).read(form, name or asked.code)


def _read_group(group: Field, form: Form) -> list[dict[str, Raw]]:
    prefix = f"{group.code}."
    indexes = sorted(
        {
            int(part)
            for name in form
            if name.startswith(prefix)
            and (part := name[len(prefix) :].split(".", 1)[0]).isascii()
            and part.isdigit()
            and len(part) < 4
        }
    )
    return [
        {
            column.code: _read(column, form, f"{group.code}.{index}.{column.code}")
            for column in group.columns
        }
        for index in indexes[:MOST_ROWS]
    ]


def reveals(state: StepState) -> dict[str, dict[str, list[Asked]]]:
    """For each control of a page, which fields open under which of its answers."""
    found: dict[str, dict[str, list[Asked]]] = {}
    fields = {each.code: each for each in state.step.fields}
    shown = {answer.field.code: answer for answer in (*state.asked, *state.dormant)}
    for each in state.step.fields:
        for name in each.when.names & fields.keys() if each.when else ():
            for answer in revealing(each, fields[name]):
                found.setdefault(name, {}).setdefault(answer, []).append(shown[each.code])
    return found


def to_json(value: Any) -> Any:
    """A value as JSON keeps it: numbers and dates as texts, so that nothing is rounded."""
    match value:
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case list():
            return [to_json(item) for item in value]
        case dict():
            return {key: to_json(item) for key, item in value.items()}
        case _:
            return value


def from_json(field: Field, kept: Any) -> Any:
    """The value of ``field`` as :func:`to_json` wrote it."""
    if kept is None:
        return None
    if field.kind == "group":
        columns = {column.code: column for column in field.columns}
        return [
            {code: from_json(columns[code], cell) for code, cell in row.items() if code in columns}
            for row in kept
        ]
    if field.kind == "date":
        return date.fromisoformat(kept)
    return Decimal(kept) if _kind(field).numeric else kept


def answers(evaluation: Evaluation) -> Iterator[tuple[StepState, Asked]]:
    """Every question that is asked and answered."""
    for state in evaluation.steps:
        for answer in state.asked:
            if answer.value is not None:
                yield state, answer
