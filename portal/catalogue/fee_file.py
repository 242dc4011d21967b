"""The fee lines of a service file, with the bundles that many services share."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.catalogue.expressions import Scope
from portal.catalogue.model import FeeCode, FeeRule, Mark, PaymentMode, Stage, Text, Tier
from portal.catalogue.reading import Table, unique

_RATED = frozenset({"fixed", "per_unit", "per_m2", "per_metre", "per_day", "per_month"})
BASES = _RATED | {"percent_of", "tiered", "table", "from_record", "assessed"}
_STAGES = {
    PaymentMode.FREE: frozenset[Stage](),
    PaymentMode.UPFRONT: frozenset({Stage.SUBMISSION}),
    PaymentMode.UPFRONT_DIFF: frozenset({Stage.SUBMISSION, Stage.BEFORE_DELIVERY}),
    PaymentMode.TWO_STAGE: frozenset({Stage.SUBMISSION, Stage.AFTER_APPROVAL}),
    PaymentMode.THREE_STAGE: frozenset(
        {Stage.SUBMISSION, Stage.AFTER_PRELIM, Stage.AFTER_APPROVAL}
    ),
    PaymentMode.DUES: frozenset({Stage.SUBMISSION}),
    PaymentMode.REFUND: frozenset[Stage](),
}


@dataclass(frozen=True)
class FeeShared:
    codes: Mapping[str, FeeCode]
    bundles: Mapping[str, list[dict[str, Any]]]
    beneficiaries: Mapping[str, Text]


def read_fees(
    table: Table, scope: Scope, shared: FeeShared, mode: PaymentMode
) -> tuple[FeeRule, ...]:
    """Every fee line, bundles opened; stages must fit the service's payment mode."""
    rules: list[FeeRule] = []
    for part in table.tables("fees"):
        bundle = part.optional("bundle", str)
        if bundle is None:
            rules.append(_read_rule(part, scope, shared))
            continue
        if bundle not in shared.bundles:
            raise part.wrong("bundle", f"there is no bundle {bundle!r}")
        stage, when = part.take("stage", str), part.raw("when")
        part.done()
        for line in shared.bundles[bundle]:
            values = {**line, "stage": stage} | ({"when": when} if when else {})
            rules.append(_read_rule(Table(part.file, f"fees[{bundle}]", values), scope, shared))
    unique(rules, lambda r: r.id, lambda i: table.wrong("fees", f"{i!r} stands twice: give ids"))
    for rule in rules:
        if rule.stage not in _STAGES[mode]:
            raise table.wrong(f"fees[{rule.id}].stage", f"{rule.stage} does not fit {mode}")
    if bool(rules) != bool(_STAGES[mode]):
        raise table.wrong("fees", f"{mode} {'has no fees' if rules else 'needs fees'}")
    return tuple(rules)


def _read_rule(table: Table, scope: Scope, shared: FeeShared) -> FeeRule:
    code = table.take("code", str)
    if code not in shared.codes:
        raise table.wrong("code", f"{code!r} is not a fee code")
    known = shared.codes[code]
    by = table.take("by", str, "")
    if (by or table.has("rates")) and by not in scope.choices:
        raise table.wrong("by", f"{by!r} is not a choice of this service")
    rule = FeeRule(
        id=table.take("id", str, code),
        code=code,
        label=table.optional_text("label") or known.label,
        stage=table.choice("stage", Stage),
        basis=table.take("basis", str),
        mark=table.choice("mark", Mark),
        beneficiary=table.take("beneficiary", str, known.beneficiary),
        refundable=table.take("refundable", bool, known.refundable),
        explain=table.optional_text("explain"),
        rate=table.decimal("rate"),
        by=by,
        rates=_read_rates(table, by, scope),
        tier_of=table.number_expression("tier_of", scope),
        tiers=_read_tiers(table, by, scope),
        quantity=table.number_expression("quantity", scope),
        plus_rate=table.decimal("plus_rate"),
        plus_quantity=table.number_expression("plus_quantity", scope),
        minimum=table.decimal("min"),
        maximum=table.decimal("max"),
        law_minimum=table.decimal("law_min"),
        law_maximum=table.decimal("law_max"),
        when=table.expression("when", scope),
        valid_from=table.day("valid_from"),
        valid_to=table.day("valid_to"),
        decision=table.optional_text("decision"),
    )
    table.done()
    _check(table, rule, shared)
    return rule


def _read_rates(table: Table, by: str, scope: Scope) -> Mapping[str, Decimal]:
    part = table.optional_table("rates")
    if part is None:
        return {}
    return _read_amounts(part, by, scope)


def _read_tiers(table: Table, by: str, scope: Scope) -> tuple[Tier, ...]:
    tiers: list[Tier] = []
    for part in table.tables("tiers"):
        up_to = part.decimal("up_to")
        amounts = _read_amounts(part, by, scope) if by else {"": part.required_decimal("amount")}
        part.done()
        tiers.append(Tier(up_to, amounts))
    ends = [tier.up_to for tier in tiers]
    if tiers and ends.pop() is not None:
        raise table.wrong("tiers", "the last tier has no up_to: it is for all above")
    rising = [end for end in ends if end is not None]
    if len(rising) != len(ends) or rising != sorted(set(rising)):
        raise table.wrong("tiers", "every tier but the last has an up_to, and they rise")
    return tuple(tiers)


def _read_amounts(table: Table, by: str, scope: Scope) -> dict[str, Decimal]:
    """An amount for every choice of ``by``: none may be left without a price."""
    amounts = {key: table.required_decimal(key) for key in table.keys()}  # noqa: SIM118
    for key in sorted(scope.choices[by] ^ amounts.keys()):
        reason = "has no amount" if key in scope.choices[by] else f"is no choice of {by!r}"
        raise table.wrong(key, reason)
    return amounts


def _check(table: Table, rule: FeeRule, shared: FeeShared) -> None:
    if rule.basis not in BASES:
        raise table.wrong("basis", f"{rule.basis!r} is not a basis")
    if rule.beneficiary not in shared.beneficiaries:
        raise table.wrong("beneficiary", f"{rule.beneficiary!r} is not a beneficiary")
    rates = [rule.rate is not None, bool(rule.rates), bool(rule.tiers)]
    wanted = 0 if rule.basis in {"from_record", "assessed"} else 1
    if sum(rates) != wanted:
        raise table.wrong("rate", "give one of rate, rates with by, tiers with tier_of")
    if rule.tiers and rule.tier_of is None:
        raise table.wrong("tier_of", "is missing")
    if rule.basis != "fixed" and not rule.tiers and rule.quantity is None:
        raise table.wrong("quantity", f"{rule.basis} needs the number that it multiplies")
    simple = rule.basis in _RATED and rule.rate is not None and rule.plus_rate is None
    if not simple and rule.explain is None:
        raise table.wrong("explain", "tell in words how this line is computed")
    if rule.valid_from and rule.valid_to and rule.valid_to < rule.valid_from:
        raise table.wrong("valid_to", "is before valid_from")
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        raise table.wrong("min", f"{rule.minimum} is above max")
    _check_law(table, rule)


def _check_law(table: Table, rule: FeeRule) -> None:
    """No amount that stands in the line is outside of what the law allows."""
    amounts = [rule.rate, rule.minimum, rule.maximum, *rule.rates.values()]
    amounts += [amount for tier in rule.tiers for amount in tier.amounts.values()]
    for amount in amounts:
        if amount is None:
            continue
        if rule.law_maximum is not None and amount > rule.law_maximum:
            raise table.wrong("law_max", f"{amount} is above what the law allows")
        if rule.law_minimum is not None and amount < rule.law_minimum:
            raise table.wrong("law_min", f"{amount} is below what the law allows")
