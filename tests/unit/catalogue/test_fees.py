"""Fee lines: exact, rounded half up to piastres, bounded after rounding, added rounded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.money import Money
from portal.catalogue.expressions import Scope, compile_expression
from portal.catalogue.fees import FeeLine, Quote, compute, namespace, quote, total
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import FeeRule, Mark, Service, Stage, Text, Tier

CATALOGUE = shipped_catalogue()
TODAY = date(2026, 11, 22)
SCOPE = Scope(
    {"area": "number", "days": "number", "kind": "text", "paid": "boolean"},
    {"kind": frozenset({"city", "village"})},
)
LABEL = Text("رسم", "Fee")


def money(pounds: str) -> Money:
    return Money(int(Decimal(pounds) * 100))


def expression(source: str) -> Any:
    return compile_expression(source, SCOPE)


def rule(**attributes: Any) -> FeeRule:
    for key in ("rate", "plus_rate", "minimum", "maximum"):
        if key in attributes:
            attributes[key] = Decimal(attributes[key])
    for key in ("quantity", "plus_quantity", "tier_of", "when"):
        if key in attributes:
            attributes[key] = expression(attributes[key])
    base: dict[str, Any] = {
        "id": "fee",
        "code": "exam",
        "label": LABEL,
        "stage": Stage.SUBMISSION,
        "basis": "fixed",
        "mark": Mark.ILLUSTRATIVE,
        "beneficiary": "local_unit",
        "refundable": False,
    }
    return FeeRule(**{**base, **attributes})


@pytest.mark.parametrize(
    ("rate", "area", "amount"),
    [
        ("2", "450", "900"),
        ("2.00", "10.25", "20.50"),
        ("0.01", "0.5", "0.01"),  # half a piastre goes up
        ("0.01", "0.49", "0"),
        ("1.5", "0.33", "0.50"),  # 49.5 piastres
        ("0.25", "0.1", "0.03"),  # 2.5 piastres: not to the even one
        ("0.35", "0.1", "0.04"),
        ("900", "0.000001", "0"),
        ("0.1", "0.3", "0.03"),
    ],
)
def test_a_line_is_rounded_half_up_to_whole_piastres(rate: str, area: str, amount: str) -> None:
    line = compute(rule(basis="per_m2", rate=rate, quantity="area"), {"area": Decimal(area)})
    assert line == money(amount)


def test_a_percentage_is_of_its_quantity() -> None:
    stamp = rule(basis="percent_of", rate="0.1", quantity="area", minimum="100", maximum="5000")
    assert compute(stamp, {"area": Decimal(1234500)}) == money("1234.50")
    assert compute(stamp, {"area": Decimal("123455")}) == money("123.46")  # 123.455
    assert compute(stamp, {"area": Decimal(99_999)}) == money("100")
    assert compute(stamp, {"area": Decimal(5_000_001)}) == money("5000")


@pytest.mark.parametrize(
    ("area", "amount"),
    [
        ("1", "300"),
        ("149.99", "300"),
        ("150", "300"),
        ("150.01", "300.02"),
        ("450", "900"),
        ("4999.99", "9999.98"),
        ("5000", "10000"),
        ("5000.01", "10000"),
        ("1000000", "10000"),
    ],
)
def test_a_line_is_held_between_its_minimum_and_maximum(area: str, amount: str) -> None:
    survey = rule(basis="per_m2", rate="2", quantity="area", minimum="300", maximum="10000")
    assert compute(survey, {"area": Decimal(area)}) == money(amount)


def test_bounds_apply_after_rounding() -> None:
    tight = rule(basis="per_m2", rate="1", quantity="area", minimum="10.01", maximum="10.02")
    assert compute(tight, {"area": Decimal("10.005")}) == money("10.01")
    assert compute(tight, {"area": Decimal("10.0249")}) == money("10.02")


def test_a_second_part_is_added_before_rounding() -> None:
    tent = rule(
        basis="per_day", rate="300", quantity="days", plus_rate="2", plus_quantity="area * days"
    )
    assert compute(tent, {"days": Decimal(2), "area": Decimal(80)}) == money("920")
    halves = rule(basis="per_m2", rate="0.01", quantity="area", plus_rate="0.01", plus_quantity="1")
    assert compute(halves, {"area": Decimal("0.4")}) == money("0.01")


TIERS = (
    Tier(Decimal(25), {"": Decimal(250)}),
    Tier(Decimal(50), {"": Decimal(500)}),
    Tier(None, {"": Decimal(1000)}),
)


@pytest.mark.parametrize(
    ("area", "amount"),
    [("0", "250"), ("25", "250"), ("25.01", "500"), ("50", "500"), ("50.01", "1000")],
)
def test_a_tier_holds_up_to_and_including_its_bound(area: str, amount: str) -> None:
    tiered = rule(basis="tiered", tier_of="area", tiers=TIERS)
    assert compute(tiered, {"area": Decimal(area)}) == money(amount)


def test_a_tier_may_depend_on_a_choice() -> None:
    tiers = (
        Tier(Decimal(250), {"city": Decimal(500), "village": Decimal(125)}),
        Tier(None, {"city": Decimal(5000), "village": Decimal(5000)}),
    )
    table = rule(basis="table", by="kind", tier_of="area", tiers=tiers)
    assert compute(table, {"area": Decimal(250), "kind": "village"}) == money("125")
    assert compute(table, {"area": Decimal(250), "kind": "city"}) == money("500")
    assert compute(table, {"area": Decimal(251), "kind": "village"}) == money("5000")
    assert compute(table, {"area": Decimal(250)}) is None


def test_a_rate_may_depend_on_a_choice() -> None:
    by_kind = rule(
        basis="per_m2",
        by="kind",
        rates={"city": Decimal(10), "village": Decimal("2.5")},
        quantity="area",
    )
    assert compute(by_kind, {"area": Decimal(3), "kind": "village"}) == money("7.50")
    assert compute(by_kind, {"area": Decimal(3)}) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"basis": "per_m2", "rate": "2", "quantity": "area", "minimum": "300"},
        {"basis": "tiered", "tier_of": "area", "tiers": TIERS},
        {
            "basis": "per_m2",
            "rate": "1",
            "quantity": "1",
            "plus_rate": "1",
            "plus_quantity": "area",
        },
    ],
)
def test_a_line_with_an_unknown_part_has_no_amount(attributes: dict[str, Any]) -> None:
    assert compute(rule(**attributes), {}) is None


def _service(*rules: FeeRule) -> Service:
    """A service with other fees."""
    return replace(CATALOGUE.services["site-validity-statement"], fees=rules)


def test_an_open_line_stands_in_the_quote_and_adds_nothing() -> None:
    service = _service(
        rule(id="one", rate="50"), rule(id="two", basis="per_m2", rate="2", quantity="area")
    )
    priced = quote(service, {}, TODAY)
    assert [(line.id, line.amount) for line in priced.lines] == [
        ("one", money("50")),
        ("two", None),
    ]
    assert priced.due_now == money("50")


def test_a_line_whose_condition_is_not_known_to_hold_is_not_charged() -> None:
    service = _service(rule(rate="50", when="paid"))
    assert quote(service, {}, TODAY).lines == ()
    assert quote(service, {"paid": False}, TODAY).lines == ()
    assert quote(service, {"paid": True}, TODAY).due_now == money("50")


def test_a_line_of_nothing_is_left_out() -> None:
    service = _service(rule(basis="per_unit", rate="50", quantity="days"))
    assert quote(service, {"days": Decimal(0)}, TODAY).lines == ()


@pytest.mark.parametrize(
    ("on", "charged"),
    [
        (date(2025, 9, 30), False),
        (date(2025, 10, 1), True),
        (date(2026, 6, 30), True),
        (date(2026, 7, 1), False),
    ],
)
def test_a_dated_line_is_in_force_from_its_first_to_its_last_day(on: date, charged: bool) -> None:
    dated = rule(rate="-10", valid_from=date(2025, 10, 1), valid_to=date(2026, 6, 30))
    assert bool(quote(_service(dated), {}, on).lines) is charged


def test_a_line_is_a_copy_of_what_the_rule_said() -> None:
    told = rule(
        rate="500",
        stage=Stage.AFTER_APPROVAL,
        code="deposit",
        refundable=True,
        beneficiary="deposits",
        mark=Mark.LAW,
        explain=LABEL,
        decision=LABEL,
    )
    [line] = quote(_service(told), {}, TODAY).lines
    assert line == FeeLine(
        "fee",
        "deposit",
        LABEL,
        Stage.AFTER_APPROVAL,
        money("500"),
        "deposits",
        True,
        Mark.LAW,
        LABEL,
        LABEL,
    )


def test_stages_are_added_apart() -> None:
    service = _service(
        rule(id="a", rate="50"),
        rule(id="b", rate="1000", stage=Stage.AFTER_PRELIM),
        rule(id="c", rate="3000", stage=Stage.AFTER_APPROVAL),
    )
    priced = quote(service, {}, TODAY)
    assert priced.due_now == money("50")
    assert priced.total(Stage.AFTER_PRELIM) == money("1000")
    assert priced.total(Stage.BEFORE_DELIVERY) == Money(0)
    assert [line.id for line in priced.later] == ["b", "c"]


def test_totals_add_rounded_lines() -> None:
    thirds = [rule(id=str(n), basis="per_m2", rate="0.335", quantity="1") for n in range(3)]
    priced = quote(_service(*thirds), {}, TODAY)
    assert priced.due_now == money("1.02")  # not 1.01, the rounded sum


@given(st.lists(st.integers(-(10**9), 10**12), max_size=12))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_a_total_is_the_sum_of_its_lines(piastres: list[int]) -> None:
    [line] = quote(_service(rule(rate="1")), {}, TODAY).lines
    lines = [_with(line, amount) for amount in piastres]
    assert total([*lines, _with(line, None)]).minor == sum(piastres)
    assert Quote(tuple(lines)).due_now.minor == sum(piastres)


def _with(line: FeeLine, minor: int | None) -> FeeLine:
    return replace(line, amount=None if minor is None else Money(minor))


def _rules() -> Iterator[tuple[str, FeeRule]]:
    for service in CATALOGUE.services.values():
        for each in service.fees:
            yield f"{service.code}: {each.id}", each


RULES = dict(_rules())
_AMOUNTS = st.decimals("0.01", 10**6, places=2, allow_nan=False)


def _names(each: FeeRule, data: st.DataObject) -> dict[str, Any]:
    """Numbers for all that the rule names, and a choice where it asks for one."""
    named = {each.by} if each.by else set()
    for part in (each.quantity, each.plus_quantity, each.tier_of):
        named |= part.names if part is not None else frozenset()
    keys = sorted(each.rates or (each.tiers[0].amounts if each.tiers else {}))
    return {
        name: data.draw(st.sampled_from(keys)) if name == each.by else data.draw(_AMOUNTS)
        for name in sorted(named)
    }


def _plain(each: FeeRule) -> bool:
    """Whether the rule computes with numbers alone, so that any will do."""
    parts = (each.quantity, each.plus_quantity, each.tier_of)
    words = ("pick(", "sum(", "count(", "year(", "months(")
    return not any(word in part.source for part in parts if part is not None for word in words)


BOUNDED = [name for name, r in RULES.items() if _plain(r) and (r.minimum or r.maximum)]
PER_M2 = [
    name
    for name, r in RULES.items()
    if r.basis == "per_m2" and r.quantity is not None and len(r.quantity.names) == 1 and _plain(r)
]


def test_there_are_bounded_lines_and_lines_by_area() -> None:
    assert len(BOUNDED) > 20
    assert {name.split(":")[0] for name in PER_M2} >= {
        "site-validity-statement",
        "building-permit-alteration",
        "demolition-permit",
    }


@pytest.mark.parametrize("name", BOUNDED)
@given(data=st.data())
@settings(max_examples=15, derandomize=True, deadline=None)
def test_no_line_of_the_catalogue_leaves_its_bounds(name: str, data: st.DataObject) -> None:
    each = RULES[name]
    amount = compute(each, _names(each, data))
    assert amount is not None
    if each.minimum is not None:
        assert amount >= Money.of(each.minimum)
    if each.maximum is not None:
        assert amount <= Money.of(each.maximum)


@pytest.mark.parametrize("name", PER_M2)
@given(data=st.data())
@settings(max_examples=15, derandomize=True, deadline=None)
def test_a_larger_area_never_costs_less(name: str, data: st.DataObject) -> None:
    each = RULES[name]
    assert each.quantity is not None
    [area] = each.quantity.names
    names = _names(each, data)
    larger = {**names, area: names[area] + data.draw(_AMOUNTS)}
    small, large = compute(each, names), compute(each, larger)
    assert small is not None
    assert large is not None
    assert small <= large


def priced(code: str, **answers: Any) -> dict[str, int]:
    """Lines due at submission, in pounds."""
    service = CATALOGUE.services[code]
    values = {
        key: Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for key, value in answers.items()
    }
    lines = quote(service, namespace(service, values, TODAY), TODAY).stage(Stage.SUBMISSION)
    return {line.id: line.amount.minor // 100 for line in lines if line.amount is not None}


B0 = {"consideration": 25, "stamp": 5, "e_service": 20}


@pytest.mark.parametrize(("area", "survey"), [(100, 300), (450, 900), (6000, 10000)])
def test_a_site_statement_costs_b0_a_certificate_and_the_survey(area: int, survey: int) -> None:
    assert priced("site-validity-statement", plot_area=area) == {
        **B0,
        "certificate": 300,
        "survey": survey,
    }


def test_a_mourning_tent_is_free_and_a_wedding_is_not() -> None:
    tent = {"nights": 2, "area": 80}
    assert priced("event-tent-permit", event_kind="mourning", **tent) == {}
    wedding = priced("event-tent-permit", event_kind="wedding", **tent)
    assert wedding == {**B0, "use_charge": 920, "deposit": 500}


@pytest.mark.parametrize(
    ("place", "area", "exam", "seriousness"),
    [
        ("city", 250, 500, 3125),
        ("village", 250, 125, 3125),
        ("hamlet", 500, 250, 6250),
        ("city", 4001, 5000, 50012),
        ("village", 4000, 3500, 50000),
    ],
)
def test_a_reconciliation_costs_its_exam_and_its_seriousness(
    place: str, area: int, exam: int, seriousness: int
) -> None:
    lines = priced("reconciliation-request", location_class=place, violation_area=area)
    assert lines == {**B0, "exam": exam, "seriousness": seriousness}


def test_who_filed_under_the_old_law_pays_no_new_exam_fee() -> None:
    lines = priced(
        "reconciliation-request",
        location_class="city",
        violation_area=100,
        earlier_request_no="120/2020",
    )
    assert "exam" not in lines


def test_dues_are_paid_as_the_record_says() -> None:
    assert priced("state-property-dues-payment", amount_shown=1250) == {"dues": 1250}


def test_free_services_and_refunds_cost_nothing() -> None:
    for code in ("works-start-notice", "dilapidated-building-inspection", "municipal-complaint"):
        assert priced(code) == {}
    assert priced("security-deposit-refund", amount=5000) == {}
