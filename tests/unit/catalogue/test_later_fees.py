"""Later fees: what they are worked out from, what may be charged otherwise, within what bounds."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from payments.money import Money
from portal.catalogue import assessment
from portal.catalogue.assessment import (
    DIFFERENCE,
    LARGEST,
    LATER,
    Chargeable,
    Sheet,
    basis,
    chargeable,
    fill_in,
    wrong_amount,
)
from portal.catalogue.fees import FeeLine
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Mark, Stage, Text

CATALOGUE = shipped_catalogue()
DAY = date(2026, 11, 22)
SHOP, BUILDING, CERTIFICATE, LAND = (
    "shop-licence-new",
    "building-permit-new",
    "property-data-certificate",
    "state-land-legalisation",
)
WHY = "عاين المهندس الموقع ووجد غير ذلك"
BUILT = {"building_use": "residential", "total_built_area": "900", "estimated_value": "1000000"}


def sheet(
    service: str,
    stage: Stage,
    known: Mapping[str, Any] | None = None,
    *,
    frozen: tuple[FeeLine, ...] = (),
    on: date = DAY,
    **typed: Any,
) -> Sheet:
    """A sheet filled in; ``__`` in a name stands for the point."""
    form = {name.replace("__", "."): [value] for name, value in typed.items()}
    of = CATALOGUE.services[service]
    return fill_in(of, CATALOGUE.fee_codes, stage, frozen, known, on, form)


def amounts(of: Sheet) -> dict[str, int | None]:
    return {line.of.id: line.amount.minor if line.amount else None for line in of.charged}


def wrong(of: Sheet) -> list[str]:
    return [problem.field for problem in of.problems]


def pounds(amount: str) -> int:
    return int(float(amount) * 100)


# --- worked out from what was declared


def test_a_fee_that_depends_on_declared_values_alone_stands_there_computed() -> None:
    found = sheet(SHOP, Stage.AFTER_PRELIM, {"shop_area": "30"})
    assert amounts(found) == {"inspection": 50_000}
    assert (found.total, wrong(found)) == (Money(50_000), [])


def test_what_the_department_found_takes_the_place_of_what_was_declared() -> None:
    found = sheet(SHOP, Stage.AFTER_PRELIM, {"shop_area": "30"}, shop_area="٥١٫٥")
    assert amounts(found) == {"inspection": 75_000}
    (question,) = found.questions
    assert (question.asked.field.code, question.declared) == ("shop_area", 30)


def test_a_checked_area_is_asked_once_and_shows_the_declared_one() -> None:
    found = sheet(BUILDING, Stage.AFTER_APPROVAL, BUILT)
    asked = {each.asked.field.code: each.declared for each in found.questions}
    assert asked["checked_built_area"] == 900
    assert "total_built_area" not in asked
    checked = sheet(
        BUILDING,
        Stage.AFTER_APPROVAL,
        BUILT,
        checked_built_area="1,000",
        missing_parking_spaces="0",
    )
    assert amounts(checked)["licence"] == pounds("10000")
    assert wrong(checked) == []


def test_an_open_question_is_the_only_complaint_about_what_it_leaves_open() -> None:
    found = sheet(SHOP, Stage.AFTER_APPROVAL, {"shop_area": "80"}, zone="zone_2")
    assert wrong(found) == ["activity_class"]
    assert found.total is None


def test_the_rules_are_those_of_the_day_of_filing() -> None:
    answers: dict[str, Any] = {"activity_class": "A", "zone": "zone_1"}
    known = {"shop_area": "40"}
    before = sheet(SHOP, Stage.AFTER_APPROVAL, known, on=date(2026, 6, 30), **answers)
    assert wrong(before) == ["discount_percent"], "the discount was in force until then"
    after = sheet(SHOP, Stage.AFTER_APPROVAL, known, on=date(2026, 7, 1), **answers)
    assert wrong(after) == []


def test_a_discount_is_taken_off_and_may_be_typed_with_or_without_its_minus() -> None:
    answers: dict[str, Any] = {"activity_class": "A", "zone": "zone_1", "discount_percent": "50"}
    known, on = {"shop_area": "40"}, date(2026, 6, 1)
    found = sheet(SHOP, Stage.AFTER_APPROVAL, known, on=on, **answers)
    assert amounts(found)["discount"] == -50_000
    for typed in ("300", "-300", "−٣٠٠"):
        other: dict[str, Any] = {"amount__discount": typed, "reason__discount": WHY}
        found = sheet(SHOP, Stage.AFTER_APPROVAL, known, on=on, **answers, **other)
        assert (amounts(found)["discount"], wrong(found)) == (-30_000, [])


def test_a_discount_takes_no_more_than_there_is() -> None:
    answers: dict[str, Any] = {"activity_class": "A", "zone": "zone_1", "discount_percent": "50"}
    other: dict[str, Any] = {"amount__discount": "9999", "reason__discount": WHY}
    found = sheet(
        SHOP, Stage.AFTER_APPROVAL, {"shop_area": "40"}, on=date(2026, 6, 1), **answers, **other
    )
    assert wrong(found) == ["amount.discount"]


def test_a_difference_is_what_the_registers_show_and_may_be_nothing() -> None:
    for typed, due in (("0", 0), ("٣٢٥٫٥٠", 32_550)):
        filed = FeeLine(
            DIFFERENCE,
            DIFFERENCE,
            Text("فرق", "Difference"),
            Stage.BEFORE_DELIVERY,
            None,
            "local_unit",
            refundable=False,
            mark=Mark.ILLUSTRATIVE,
        )
        found = sheet(
            CERTIFICATE, Stage.BEFORE_DELIVERY, {}, frozen=(filed,), register_difference=typed
        )
        assert (found.total, wrong(found)) == (Money(due), [])


# --- departing from it


def test_another_amount_needs_a_reason() -> None:
    known = {"shop_area": "30"}
    for reason, expected in (("", ["reason.inspection"]), ("لا", ["reason.inspection"]), (WHY, [])):
        typed: dict[str, Any] = {"amount__inspection": "٤٠٠", "reason__inspection": reason}
        assert wrong(sheet(SHOP, Stage.AFTER_PRELIM, known, **typed)) == expected
    same: dict[str, Any] = {"amount__inspection": "500.00"}
    assert wrong(sheet(SHOP, Stage.AFTER_PRELIM, known, **same)) == []


@pytest.mark.parametrize("reason", ["س" * 501, f"سبب{chr(0x202E)}مقلوب هنا"])
def test_a_reason_that_cannot_be_shown_is_refused(reason: str) -> None:
    typed: dict[str, Any] = {"amount__inspection": "400", "reason__inspection": reason}
    assert wrong(sheet(SHOP, Stage.AFTER_PRELIM, {"shop_area": "30"}, **typed)) == [
        "reason.inspection"
    ]


@pytest.mark.parametrize("typed", ["مجانا", "1e9", "10.005", "NaN", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩", "-1"])
def test_what_is_no_sum_of_money_is_refused_at_its_line(typed: str) -> None:
    found = sheet(
        SHOP,
        Stage.AFTER_PRELIM,
        {"shop_area": "30"},
        amount__inspection=typed,
        reason__inspection=WHY,
    )
    assert wrong(found) == ["amount.inspection"]


def test_a_line_of_the_service_may_be_waived_with_a_reason_but_not_one_that_the_law_sets() -> None:
    waived: dict[str, Any] = {"amount__inspection": "0", "reason__inspection": WHY}
    found = sheet(SHOP, Stage.AFTER_PRELIM, {"shop_area": "30"}, **waived)
    assert (found.total, wrong(found)) == (Money(0), [])
    answers: dict[str, Any] = {"activity_class": "A", "zone": "zone_1"}
    licence: dict[str, Any] = {"amount__licence": "0", "reason__licence": WHY}
    found = sheet(SHOP, Stage.AFTER_APPROVAL, {"shop_area": "30"}, **answers, **licence)
    assert wrong(found) == ["amount.licence"]


def test_a_difference_may_be_added_and_nothing_that_the_service_does_not_have() -> None:
    known = {"shop_area": "30"}
    added: dict[str, Any] = {"amount__difference": "100", "reason__difference": WHY}
    found = sheet(SHOP, Stage.AFTER_PRELIM, known, **added)
    assert amounts(found) == {"inspection": 50_000, "difference": 10_000}
    alone = sheet(SHOP, Stage.AFTER_PRELIM, known, reason__difference=WHY)
    assert wrong(alone) == ["amount.difference"]
    foreign = sheet(SHOP, Stage.AFTER_PRELIM, known, amount__deposit="5", reason__deposit=WHY)
    assert amounts(foreign) == {"inspection": 50_000}


def test_without_the_declared_values_the_department_sets_what_is_open_and_says_why() -> None:
    filed = FeeLine(
        "price",
        "price",
        Text("ثمن", "Price"),
        Stage.AFTER_APPROVAL,
        None,
        "treasury",
        refundable=False,
        mark=Mark.ILLUSTRATIVE,
    )
    found = sheet(LAND, Stage.AFTER_APPROVAL, None, frozen=(filed,))
    assert wrong(found) == ["amount.price"]
    typed: dict[str, Any] = {"amount__price": "70000", "reason__price": WHY}
    found = sheet(LAND, Stage.AFTER_APPROVAL, None, frozen=(filed,), **typed)
    assert (found.total, wrong(found)) == (Money(7_000_000), [])


def test_what_a_request_was_filed_with_is_charged_whatever_the_rules_became() -> None:
    filed = FeeLine(
        "inspection",
        "inspection",
        Text("معاينة", "Inspection"),
        Stage.AFTER_PRELIM,
        Money(120_000),  # above what the rules allow today
        "treasury",
        refundable=False,
        mark=Mark.LAW,
    )
    found = sheet(SHOP, Stage.AFTER_PRELIM, None, frozen=(filed,))
    assert (amounts(found), wrong(found)) == ({"inspection": 120_000}, [])
    (line,) = found.charged
    assert (line.of.beneficiary, line.of.label.ar) == ("treasury", "معاينة")


# --- bounds

LICENCE = chargeable(CATALOGUE.services[SHOP], CATALOGUE.fee_codes, Stage.AFTER_APPROVAL, (), DAY)[
    "licence"
]


@pytest.mark.parametrize(
    ("amount", "fits"),
    [
        (-1, False),
        (0, False),
        (99_999, False),
        (100_000, True),
        (10_000_000, True),
        (10_000_001, False),
    ],
)
def test_the_licence_of_a_shop_lies_between_the_bounds_of_its_law(amount: int, fits: bool) -> None:
    assert (wrong_amount(LICENCE, Money(amount)) is None) is fits


@pytest.mark.parametrize(("amount", "fits"), [(100_000, True), (100_001, False), (0, True)])
def test_the_inspection_of_a_shop_is_a_thousand_pounds_at_most(amount: int, fits: bool) -> None:
    of = CATALOGUE.services[SHOP]
    lines = chargeable(of, CATALOGUE.fee_codes, Stage.AFTER_PRELIM, (), DAY)
    assert (wrong_amount(lines["inspection"], Money(amount)) is None) is fits


def test_only_a_discount_is_less_than_nothing_and_it_adds_nothing() -> None:
    plain = Chargeable("x", "rent", Text("س", "x"), "treasury", refundable=False, mark=Mark.LAW)
    discount = replace(plain, code="discount")
    assert wrong_amount(plain, Money(-1)) is not None
    assert wrong_amount(discount, Money(-1)) is None
    assert wrong_amount(discount, Money(1)) is not None


def test_no_line_is_beyond_every_fee() -> None:
    plain = Chargeable("x", "rent", Text("س", "x"), "treasury", refundable=False, mark=Mark.LAW)
    assert wrong_amount(plain, LARGEST) is None
    assert wrong_amount(plain, LARGEST + Money(1)) is not None


def test_a_sum_that_no_column_holds_is_refused_and_not_kept() -> None:
    found = sheet(LAND, Stage.AFTER_APPROVAL, {}, committee_price="999999999999999999")
    assert wrong(found) == ["amount.price"]


# --- what crosses the wall


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_a_center_gets_numbers_and_choices_and_nobodys_name(code: str) -> None:
    service = CATALOGUE.services[code]
    plain = {f.code: "1" for f in service.fields.values() if f.kind != "group"}
    groups = {
        f.code: [{column.code: "1" for column in f.columns}]
        for f in service.fields.values()
        if f.kind == "group"
    }
    told = basis(service, plain | groups)
    later = any(rule.stage in LATER for rule in service.fees)
    assert later or not told
    for name, value in told.items():
        field = service.fields[name]
        columns = {column.code: column.kind for column in field.columns}
        kinds = [columns[c] for c in value[0]] if field.kind == "group" else [field.kind]
        assert not {"text", "textarea", "mobile", "email", "national_id", "iban"} & set(kinds)


def test_every_service_with_later_fees_can_be_worked_out_at_a_center() -> None:
    """Whatever its fees read is declared and told, or asked of the department."""
    for service in CATALOGUE.services.values():
        rules = [rule for rule in service.fees if rule.stage in LATER]
        read = assessment._reads(service, rules)
        told = basis(service, dict.fromkeys(service.fields, "1") | _groups(service.fields))
        known = {*told, *service.parameters, *(field.code for field in service.assessed)}
        computed = {f.code for f in service.fields.values() if f.computed is not None}
        assert read <= known | computed | {"today", "this_year"}, service.code


@pytest.mark.parametrize("code", [s.code for s in CATALOGUE.services.values() if s.fees])
@pytest.mark.parametrize("known", [None, {}])
def test_the_sheet_of_every_service_opens_with_little_known(
    code: str, known: Mapping[str, Any] | None
) -> None:
    for stage in LATER:
        found = sheet(code, stage, known)
        asked = {each.asked.field.code for each in found.questions}
        complaints = {where.removeprefix("amount.") for where in wrong(found)}
        assert complaints <= asked | {line.of.id for line in found.lines}


def _groups(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {code: [] for code, field in fields.items() if field.kind == "group"}
