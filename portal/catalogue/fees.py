"""Fee rules to fee lines.

Every line is computed exactly, rounded half up to whole piastres, then held between its minimum
and maximum; totals add rounded lines (rulings, money). A line that an unanswered question or a
department's assessment decides is *open*: it has no amount yet and says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from payments.money import Money
from portal.catalogue.expressions import Expression, Namespace
from portal.catalogue.model import FeeRule, Mark, Service, Stage, Text


@dataclass(frozen=True)
class FeeLine:
    """One line as it is charged: a copy of what the rule said on that day.

    ``amount`` is None where the center has yet to assess it.
    """

    id: str
    code: str
    label: Text
    stage: Stage
    amount: Money | None
    beneficiary: str
    refundable: bool
    mark: Mark
    explain: Text | None = None
    decision: Text | None = None


@dataclass(frozen=True)
class Quote:
    """What a service costs for given answers, stage by stage."""

    lines: tuple[FeeLine, ...]

    def stage(self, stage: Stage) -> tuple[FeeLine, ...]:
        # a template names the stage by its text, which is equal and not the same object
        return tuple(line for line in self.lines if line.stage == stage)

    @property
    def later(self) -> tuple[FeeLine, ...]:
        """Lines that fall due after filing."""
        return tuple(line for line in self.lines if line.stage is not Stage.SUBMISSION)

    def total(self, stage: Stage) -> Money:
        """The sum of the lines of ``stage`` that have an amount."""
        return total(self.stage(stage))

    @property
    def due_now(self) -> Money:
        return self.total(Stage.SUBMISSION)


def total(lines: Iterable[FeeLine]) -> Money:
    """The sum of the lines that have an amount."""
    return Money.total(line.amount for line in lines if line.amount is not None)


def namespace(service: Service, answers: Mapping[str, Any], today: date) -> dict[str, Any]:
    """What expressions see: answers, parameters, the day, and the computed fields in order."""
    names: dict[str, Any] = {
        "today": today,
        "this_year": Decimal(today.year),
        **service.parameters,
        **answers,
    }
    for field in service.fields.values():
        if field.computed is not None:
            names[field.code] = field.computed.value(names)
    return names


def quote(service: Service, names: Namespace, on: date) -> Quote:
    """Price ``service`` for ``names`` (from :func:`namespace`) under the rules in force ``on``."""
    lines: list[FeeLine] = []
    for rule in service.fees:
        if not in_force(rule, on) or not applies(rule, names):
            continue
        amount = compute(rule, names)
        if amount is not None and not amount:
            continue
        lines.append(
            FeeLine(
                id=rule.id,
                code=rule.code,
                label=rule.label,
                stage=rule.stage,
                amount=amount,
                beneficiary=rule.beneficiary,
                refundable=rule.refundable,
                mark=rule.mark,
                explain=rule.explain,
                decision=rule.decision,
            )
        )
    return Quote(tuple(lines))


def compute(rule: FeeRule, names: Namespace) -> Money | None:
    """The amount of one line, or None while something that it needs is unknown."""
    rate = _rate(rule, names)
    quantity = Decimal(1) if rule.quantity is None else rule.quantity.number(names)
    if rate is None or quantity is None:
        return None
    if rule.basis == "percent_of":
        rate = rate / 100
    exact = rate * quantity
    if rule.plus_rate is not None and rule.plus_quantity is not None:
        more = rule.plus_quantity.number(names)
        if more is None:
            return None
        exact += rule.plus_rate * more
    amount = Money.of(exact)
    if rule.minimum is not None:
        amount = max(amount, Money.of(rule.minimum))
    if rule.maximum is not None:
        amount = min(amount, Money.of(rule.maximum))
    return amount


def expressions(rule: FeeRule) -> list[Expression]:
    """Everything that is worked out for a line."""
    parts = (rule.tier_of, rule.quantity, rule.plus_quantity, rule.when)
    return [part for part in parts if part is not None]


def reads(rule: FeeRule) -> set[str]:
    """The names that a line depends on."""
    return {name for part in expressions(rule) for name in part.names} | ({rule.by} - {""})


def line_from_json(line: Mapping[str, Any]) -> FeeLine:
    """A line as a request and its messages keep it, the sum in piastres."""
    return FeeLine(
        id=line["id"],
        code=line["code"],
        label=_text(line["label"]),
        stage=Stage(line["stage"]),
        amount=None if line["amount"] is None else Money(line["amount"]),
        beneficiary=line["beneficiary"],
        refundable=line["refundable"],
        mark=Mark(line["mark"]),
        explain=_text(line["explain"]) if line["explain"] else None,
        decision=_text(line["decision"]) if line["decision"] else None,
    )


def _text(both: Mapping[str, str]) -> Text:
    return Text(both["ar"], both["en"])


def _rate(rule: FeeRule, names: Namespace) -> Decimal | None:
    if rule.tier_of is not None:
        size = rule.tier_of.number(names)
        key = str(names.get(rule.by) or "") if rule.by else ""
        if size is None:
            return None
        tier = next(t for t in rule.tiers if t.up_to is None or size <= t.up_to)
        return tier.amounts.get(key)
    if rule.rates:
        return rule.rates.get(str(names.get(rule.by) or ""))
    return Decimal(1) if rule.rate is None else rule.rate


def in_force(rule: FeeRule, on: date) -> bool:
    return (rule.valid_from is None or rule.valid_from <= on) and (
        rule.valid_to is None or on <= rule.valid_to
    )


def applies(rule: FeeRule, names: Namespace) -> bool:
    return rule.when is None or rule.when.holds(names)
