"""Later fees: which lines may be charged at a stage, for how much, and how that is worked out.

Both sides of the wall read the same rules. A center fills in a :class:`Sheet`: the department's own
answers (``[[assessed]]`` of the service file) and the quantities that it measured otherwise than
declared, line by line what follows from them, and where it departs from that, for which reason. The
portal holds what comes back against :func:`chargeable` and :func:`wrong_amount` again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from payments.money import Money
from portal.catalogue import fees
from portal.catalogue.fees import FeeLine
from portal.catalogue.fields import KINDS, Context, Form, Invalid
from portal.catalogue.forms import Asked, evaluate_apart, from_json, to_json
from portal.catalogue.model import FeeCode, FeeRule, Field, Mark, Service, Stage, Step, Text
from portal.catalogue.trying import closure
from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.text import is_readable

LATER = (Stage.AFTER_PRELIM, Stage.AFTER_APPROVAL, Stage.BEFORE_DELIVERY)
"""The stages that a department assesses, in the order in which they fall due."""
DIFFERENCE, DISCOUNT = "difference", "discount"
LARGEST = Money(100_000_000_000)  # a billion pounds: beyond every fee, within every column
SHORTEST_REASON, LONGEST_REASON = 5, 500
_MEASURED = frozenset({"integer", "decimal", "area_m2", "money"})
_CROSSING = _MEASURED | {"choice", "multichoice", "boolean", "date"}
# «checked_area or area»: what the department found, or else what was declared
_FALLBACK = re.compile(r"\b(\w+) or (\w+)\b")


@dataclass(frozen=True)
class Chargeable:
    """A line that may stand in an assessment, with the bounds of its amount."""

    id: str
    code: str
    label: Text
    beneficiary: str
    refundable: bool
    mark: Mark
    explain: Text | None = None
    lowest: Money | None = None
    highest: Money | None = None
    by_law: bool = False
    """The law sets the least amount: the line cannot be waived."""
    promised: Money | None = None
    """The amount that the request was filed with: no later change of the rules forbids it."""


@dataclass(frozen=True)
class Question:
    """A quantity that the department answers. ``declared`` is what the applicant said, if he did;
    ``asked`` holds the control's state."""

    asked: Asked
    declared: Any = None


@dataclass(frozen=True)
class SheetLine:
    """One line as it was filled in; ``amount`` is None while something that it needs is missing."""

    of: Chargeable
    computed: Money | None
    amount: Money | None
    typed: str
    reason: str
    extra: bool = False
    """One that does not follow from the answers and may be added."""


@dataclass(frozen=True)
class Sheet:
    """An assessment as it stands on its page."""

    stage: Stage
    questions: Sequence[Question]
    lines: Sequence[SheetLine]
    problems: Sequence[Problem]

    @property
    def total(self) -> Money | None:
        """The sum, None while a line has no amount."""
        amounts = [line.amount for line in self.charged]
        known = [amount for amount in amounts if amount is not None]
        return Money.total(known) if len(known) == len(amounts) else None

    @property
    def charged(self) -> Sequence[SheetLine]:
        """The lines that the assessment consists of: all but those that nobody added."""
        return [line for line in self.lines if not line.extra or line.amount is not None]


def chargeable(
    service: Service,
    codes: Mapping[str, FeeCode],
    stage: Stage,
    frozen: Iterable[FeeLine],
    filed_on: date,
) -> dict[str, Chargeable]:
    """Every line that may be charged at ``stage``, by its id.

    They are those that the request was filed with (``frozen``), those of the service's rules that
    were in force then, and the difference that the registers show.
    """
    found = {
        rule.id: _of_rule(rule)
        for rule in service.fees
        if rule.stage is stage and fees.in_force(rule, filed_on)
    }
    for line in frozen:
        if line.stage is stage:
            known = found.get(line.id) or _unbound(line.id, line.code, line.mark)
            found[line.id] = replace(
                known,
                code=line.code,
                label=line.label,
                beneficiary=line.beneficiary,
                refundable=line.refundable,
                mark=line.mark,
                explain=line.explain,
                promised=line.amount,
            )
    if found and not any(line.code == DIFFERENCE for line in found.values()):
        of = codes[DIFFERENCE]
        found[DIFFERENCE] = replace(
            _unbound(DIFFERENCE, DIFFERENCE, Mark.ILLUSTRATIVE),
            label=of.label,
            beneficiary=of.beneficiary,
            refundable=of.refundable,
        )
    return found


def _unbound(line_id: str, code: str, mark: Mark) -> Chargeable:
    return Chargeable(line_id, code, Text("", ""), "", refundable=False, mark=mark)


def _of_rule(rule: FeeRule) -> Chargeable:
    floors = [Money.of(each) for each in (rule.minimum, rule.law_minimum) if each is not None]
    tops = [Money.of(each) for each in (rule.maximum, rule.law_maximum) if each is not None]
    return Chargeable(
        rule.id,
        rule.code,
        rule.label,
        rule.beneficiary,
        rule.refundable,
        rule.mark,
        rule.explain,
        max(floors) if floors else None,
        min(tops) if tops else None,
        rule.law_minimum is not None,
    )


def wrong_amount(line: Chargeable, amount: Money) -> Problem | None:
    """Why ``line`` cannot be charged with ``amount``, or None. Nothing may be charged with
    nothing, unless the law sets a least amount; only a discount is less than nothing."""
    name, label = f"amount.{line.id}", {"label": line.label}
    if amount == line.promised:
        return None
    if line.code == DISCOUNT:
        if -LARGEST <= amount <= Money(0):
            return None
        return Problem(name, N_("{label} lessens the fees: it cannot add to them"), label)
    if amount < Money(0):
        return Problem(name, N_("{label} cannot be less than nothing"), label)
    waived = not amount and not line.by_law
    if line.lowest is not None and amount < line.lowest and not waived:
        return Problem(name, N_("{label} is at least {sum}"), {**label, "sum": line.lowest})
    highest = LARGEST if line.highest is None else line.highest
    if highest < amount:
        return Problem(name, N_("{label} is at most {sum}"), {**label, "sum": highest})
    return None


def too_small(total: Money) -> Problem | None:
    """A discount takes no more than there is."""
    if total < Money(0):
        return Problem(f"amount.{DISCOUNT}", N_("The discount is more than the fees themselves"))
    return None


def basis(service: Service, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the later fees are worked out from: those of a request's values (as JSON) and no other.

    Of a group only the columns that are numbers, days or choices: no name and no number of anybody.
    """
    found: dict[str, Any] = {}
    for code in _reads(service, [rule for rule in service.fees if rule.stage in LATER]):
        field, kept = service.fields.get(code), values.get(code)
        if field is None or kept is None:
            continue
        if field.kind == "group":
            columns = [c.code for c in field.columns if c.kind in _CROSSING]
            found[code] = [{c: row[c] for c in columns if c in row} for row in kept]
        elif field.kind in _CROSSING:
            found[code] = kept
    return found


def _reads(service: Service, rules: Iterable[FeeRule]) -> set[str]:
    return closure(service, {name for rule in rules for name in fees.reads(rule)})


def fill_in(
    service: Service,
    codes: Mapping[str, FeeCode],
    stage: Stage,
    frozen: Sequence[FeeLine],
    known: Mapping[str, Any] | None,
    filed_on: date,
    form: Form,
) -> Sheet:
    """The sheet of ``stage`` with what ``form`` says of it.

    ``known`` are the values that the fees are worked out from (see :func:`basis`), None where
    nobody told them: then a line without an amount of its own is the department's to set. The
    rules are those of the day of filing, as the applicant read them.
    """
    declared = {
        code: from_json(service.fields[code], kept)
        for code, kept in (known or {}).items()
        if code in service.fields
    }
    rules = {
        rule.id: rule
        for rule in service.fees
        if rule.stage is stage and fees.in_force(rule, filed_on)
    }
    questions: list[Question] = []
    names: Mapping[str, Any] = {}
    if known is not None:
        questions, names = _ask(service, list(rules.values()), declared, filed_on, form)
    problems = [problem for each in questions for problem in each.asked.problems]
    open_questions = bool(problems)
    filed_with = {line.id: line for line in frozen if line.stage is stage}
    lines: list[SheetLine] = []
    extras: list[SheetLine] = []
    allowed = chargeable(service, codes, stage, frozen, filed_on)
    for line_id, line in allowed.items():
        rule, filed = rules.get(line_id), filed_with.get(line_id)
        if rule is None or known is None:
            computed = filed.amount if filed else Money(0)
        else:
            computed = fees.compute(rule, names) if fees.applies(rule, names) else Money(0)
        stands = filed is not None or computed is None or bool(computed)
        read, wrong = _read_line(line, computed if stands else None, form, extra=not stands)
        unanswered = stands and computed is None and open_questions
        if not (unanswered and not read.typed):  # the question itself is what is missing
            problems += wrong
        (lines if stands else extras).append(read)
    here = {line.of.code for line in lines}
    extras = [line for line in extras if line.of.code not in here or line.typed or line.reason]
    sheet = Sheet(stage, questions, [*lines, *extras], problems)
    small = too_small(sheet.total) if sheet.total is not None and not problems else None
    return replace(sheet, problems=[*problems, small]) if small else sheet


def _ask(
    service: Service,
    rules: Sequence[FeeRule],
    declared: Mapping[str, Any],
    filed_on: date,
    form: Form,
) -> tuple[list[Question], Mapping[str, Any]]:
    """What ``rules`` depend on and the department knows, and all names with its answers."""
    wanted = _reads(service, rules)
    instead = _instead(service, rules)
    start = fees.namespace(service, declared, filed_on)
    own = [
        field
        for field in service.assessed
        if field.code in wanted and (field.when is None or field.when.holds(start))
    ]
    measured = [
        replace(field, required=False, hint=None, when=None)
        for field in service.fields.values()
        if field.code in wanted - set(instead.values())
        and field.asked
        and field.kind in _MEASURED
        and declared.get(field.code) is not None
    ]
    raw = {field.code: KINDS[field.kind].read(form, field.code) for field in (*own, *measured)}
    answered = tuple(f for f in (*own, *measured) if f in own or raw[f.code])
    page = Step("assessment", service.title, answered)
    # what was measured is held against the bounds that it would have had in the form
    state, found = evaluate_apart(service, page, raw, filed_on, start)
    here = {asked.field.code: asked for asked in state.asked}
    questions = [
        Question(
            here.get(field.code) or Asked(field, "", None),
            declared.get(instead.get(field.code, field.code)),
        )
        for field in (*own, *measured)
    ]
    answers = {code: value for code, value in found.items() if value is not None}
    return questions, fees.namespace(service, {**declared, **answers}, filed_on)


def _instead(service: Service, rules: Iterable[FeeRule]) -> dict[str, str]:
    """Assessed fields that stand for declared ones: the latter are not asked a second time."""
    assessed = {field.code for field in service.assessed}
    return {
        found: said
        for rule in rules
        for part in fees.expressions(rule)
        for found, said in _FALLBACK.findall(part.source)
        if found in assessed and said in service.fields
    }


def _read_line(
    line: Chargeable, computed: Money | None, form: Form, *, extra: bool
) -> tuple[SheetLine, list[Problem]]:
    """A line as it was typed: left empty, it is as computed."""
    name = f"amount.{line.id}"
    typed = KINDS["money"].read(form, name)
    reason = KINDS["textarea"].read(form, f"reason.{line.id}").replace("\r\n", "\n")
    problems: list[Problem] = []
    amount = computed
    if typed:
        try:
            amount = _read_amount(line, typed)
        except Invalid as error:
            wrong = Problem(name, error.msgid, {"label": line.label, **error.params})
            return SheetLine(line, computed, None, typed, reason, extra), [wrong]
    if amount is None:
        if not extra or reason:
            problems.append(Problem(name, N_("Write the amount of {label}"), {"label": line.label}))
    elif wrong_one := wrong_amount(line, amount):
        problems.append(wrong_one)
    problems += _wrong_reason(line, reason, needed=amount is not None and amount != computed)
    return SheetLine(line, computed, amount, typed, reason, extra), problems


def _read_amount(line: Chargeable, typed: str) -> Money:
    """Pounds in any digits; a discount may be written with its minus or without."""
    pounds = KINDS["money"].parse(Field(line.id, "money", line.label), typed, Context(date.min))
    amount = Money.of(pounds)
    return -amount if line.code == DISCOUNT and Money(0) < amount else amount


def _wrong_reason(line: Chargeable, reason: str, *, needed: bool) -> list[Problem]:
    name, label = f"reason.{line.id}", {"label": line.label}
    if needed and len(reason) < SHORTEST_REASON:
        msgid = N_("Write why {label} is not as computed, so that the citizen understands it")
        return [Problem(name, msgid, label)]
    if len(reason) > LONGEST_REASON:
        return [Problem(name, N_("The reason is too long; shorten it"))]
    if not is_readable(reason, lines=True):
        return [Problem(name, HIDDEN_CHARACTERS)]
    return []


def answers_to_json(sheet: Sheet) -> dict[str, Any]:
    """What the department answered, by the code of the field."""
    return {
        each.asked.field.code: to_json(each.asked.value)
        for each in sheet.questions
        if each.asked.value is not None
    }
