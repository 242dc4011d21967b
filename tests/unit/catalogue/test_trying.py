"""Fees tried before a request: the sums of the form, and open where it leaves them open."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payments.money import Money
from portal.catalogue import fees
from portal.catalogue.fields import DATE_PARTS, Raw
from portal.catalogue.forms import Evaluation, evaluate, read_step
from portal.catalogue.identity import permit_year, read_permit_number
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Field, PaymentMode, Stage, Text, Trial
from portal.catalogue.trying import (
    StageEstimate,
    arrange,
    estimate,
    evaluate_trial,
    openers_of,
    trial_of,
)
from tests.support.answers import Choose, Maker, as_form, first, last
from tests.support.lists import Lists

CATALOGUE = shipped_catalogue()
TODAY = date(2026, 11, 22)
EXAMPLES_DIR = Path(__file__).parent / "worked_examples"
RECORD = {
    "area_confirm": Decimal(12),
    "faces": Decimal(2),
    "signs_count": Decimal(3),
    "digital": False,
    "on_public_property": True,
    "zone": "zone_2",
    "expires_on": date(2027, 3, 1),
}
PAID = [
    service.code
    for service in CATALOGUE.services.values()
    if service.payment_mode not in {PaymentMode.FREE, PaymentMode.REFUND, PaymentMode.DUES}
]
# Paid services whose fees are the same for everyone
FIXED = {
    "building-permit-renewal",
    "occupants-union-registration",
    "reconciliation-works-completion",
    "shop-licence-by-notification",
    "shop-licence-replacement",
    "mobile-food-unit-licence",
}


LISTS = Lists({**RECORD, "amount_shown": Decimal(1250)})


def tried(code: str, raw: Mapping[str, Raw], on: date = TODAY) -> list[StageEstimate]:
    trial = CATALOGUE.trials[code]
    evaluation = evaluate_trial(trial, raw, on)
    assert evaluation.complete, [p for s in evaluation.steps for p in s.problems]
    return estimate(trial, evaluation, on)


def stage(stages: list[StageEstimate], wanted: Stage) -> StageEstimate:
    return next(each for each in stages if each.stage is wanted)


def lines(found: StageEstimate) -> dict[str, tuple[int | None, int | None]]:
    return {line.rule.id: (_minor(line.lowest), _minor(line.highest)) for line in found.lines}


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor


def typed(value: Any) -> Raw:
    """A value of a register as somebody would type it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case date():
            return f"{value:%d/%m/%Y}"
        case _:
            return str(value)


def same_numbers(trial: Trial, whole: Evaluation, raw: Mapping[str, Raw]) -> dict[str, Raw]:
    """The answers of a whole form, as far as the trial asks for them."""
    found: dict[str, Raw] = {}
    for field in trial.page.fields:
        code = field.code
        if code in trial.existing:
            found[code] = "yes" if raw.get(code) else "no"
        elif code in trial.registered:
            found[code] = typed(RECORD[code])
        elif whole.names.get(code) is not None:
            found[code] = raw.get(code, "")
    return _year_of(raw, trial, found)


def _year_of(given: Mapping[str, Raw], trial: Trial, found: dict[str, Raw]) -> dict[str, Raw]:
    """The trial asks for the year of a permit in place of its number."""
    if "permit_year" in {f.code for f in trial.page.fields} and given.get("permit"):
        number = read_permit_number(given["permit"], TODAY.year)
        found["permit_year"] = str(permit_year(number or ""))
    return found


@pytest.mark.parametrize("code", PAID)
def test_every_paid_service_can_be_tried_unless_its_fees_are_fixed(code: str) -> None:
    assert (code in CATALOGUE.trials) is (code not in FIXED)


def test_free_services_and_those_that_pay_a_known_debt_have_no_trial() -> None:
    assert not CATALOGUE.trials.keys() - set(PAID)


@pytest.mark.parametrize(
    ("choose", "optional"), [(first, False), (last, True)], ids=["least", "most"]
)
@pytest.mark.parametrize("code", CATALOGUE.trials)
def test_the_trial_comes_to_what_the_form_asks_for(
    code: str, choose: Choose, optional: bool
) -> None:
    service, trial = CATALOGUE.services[code], CATALOGUE.trials[code]
    raw = Maker(service, LISTS, TODAY, choose=choose, optional=optional).make()
    whole = evaluate(service, raw, TODAY, LISTS)
    asked = fees.quote(service, fees.namespace(service, dict(whole.names), TODAY), TODAY)
    numbers = same_numbers(trial, whole, raw)
    stages = tried(code, numbers)
    now = next((s for s in stages if s.stage is Stage.SUBMISSION), None)
    assert (now.lowest, now.highest) == (asked.due_now,) * 2 if now else not asked.due_now
    for each in stages:
        known = {line.id: line.amount for line in asked.stage(each.stage) if line.amount}
        for line in each.lines:
            if line.rule.id in known:
                assert line.lowest is not None
                assert line.highest is not None
                assert line.lowest <= known[line.rule.id] <= line.highest
        assert known.keys() <= {line.rule.id for line in each.lines}
    # and so it is when a browser sends it
    page = evaluate_trial(trial, numbers, TODAY).steps[0].asked
    sent = {
        name: value if isinstance(value, list) else [value]
        for name, value in as_form(page, numbers).items()
    }
    assert tried(code, read_step(trial.page, sent)) == stages


def _examples() -> list[Any]:
    found = []
    for path in sorted(EXAMPLES_DIR.glob("*.toml")):
        if path.stem in CATALOGUE.trials:
            examples = tomllib.loads(path.read_text(encoding="utf-8"))["examples"]
            found += [pytest.param(path.stem, e, id=f"{path.stem}: {e['name']}") for e in examples]
    return found


@pytest.mark.parametrize(("code", "example"), _examples())
def test_a_worked_example_lies_within_its_trial(code: str, example: dict[str, Any]) -> None:
    trial = CATALOGUE.trials[code]
    given = {**example.get("answers", {}), **example.get("record", {})}
    raw = {f.code: given[f.code] for f in trial.page.fields if f.asked and f.code in given}
    raw |= {code: "yes" for code in trial.existing if given.get(code)}
    _year_of(given, trial, raw)
    # an example gives the numbers that matter to it: the trial may ask for more, and sums the rest
    stages = estimate(trial, evaluate_trial(trial, raw, example["on"]), example["on"])
    for name, expected in example["expected"].items():
        found = lines(stage(stages, Stage(name))) if expected else {}
        for line, amount in expected.items():
            lowest, highest = found[line]
            if lowest is None:
                assert example.get("assessed"), f"{line} is open although nobody decides it"
            elif not example.get("assessed"):
                assert lowest <= amount <= (highest or 0)
    if not example.get("assessed") and example["expected"].get("submission"):
        expected = Money(sum(example["expected"]["submission"].values()))
        assert stage(stages, Stage.SUBMISSION).highest == expected


def test_only_what_the_fees_depend_on_is_asked() -> None:
    def asked(code: str) -> list[str]:
        return [field.code for field in CATALOGUE.trials[code].page.fields if field.asked]

    assert asked("site-validity-statement") == ["plot_area"]
    assert asked("excavation-permit") == ["segments", "duration_days", "reinstatement_by"]
    segments = CATALOGUE.trials["excavation-permit"].page.fields[0]
    assert [c.code for c in segments.columns] == ["length_m", "width_m", "surface"]
    # conditions and the conditions of what they ask for
    assert asked("building-permit-alteration") == [
        "alteration_kinds",
        "altered_area",
        "wall_length_m",
        "facade_area",
    ]


def test_nothing_that_names_anybody_is_asked() -> None:
    kinds = {f.kind for t in CATALOGUE.trials.values() for f in t.page.fields for f in _whole(f)}
    assert kinds <= {
        *("integer", "decimal", "area_m2", "money", "date"),
        *("choice", "multichoice", "boolean", "group"),
    }
    assert not any(f.sensitive for t in CATALOGUE.trials.values() for f in t.page.fields)
    # the discount for persons with disabilities is told as a range instead of asked for
    kiosk = tried("kiosk-licence", {"area": "4", "months": "12"})
    later = stage(kiosk, Stage.AFTER_APPROVAL)
    assert lines(later)["discount"] == (-240000, 0)
    assert later.highest.minor - later.lowest.minor == 240000


def _whole(field: Field) -> list[Field]:
    return [field, *field.columns]


def test_no_condition_reads_a_question_that_is_asked_in_another_way() -> None:
    for trial in CATALOGUE.trials.values():
        altered = trial.existing | trial.counted
        for field in trial.page.fields:
            for part in (field.when, field.computed, field.minimum, field.maximum):
                assert part is None or not part.names & altered, field.code


def test_what_the_center_decides_is_a_range_or_left_open() -> None:
    road = stage(tried("road-occupation-permit", {"area": "2", "months": "3"}), _AFTER)
    use = next(line for line in road.lines if line.rule.code == "use_charge")
    assert (use.lowest, use.highest) == (Money(4800), Money(36000))  # 2 × 3 × 8 to 60
    assert [field.code for field in use.depends_on] == ["road_class"]
    building = tried("building-permit-new", BUILDING)
    parking = next(e for e in stage(building, _AFTER).lines if e.rule.code == "parking_shortfall")
    assert (parking.lowest, parking.waits_for) == (None, "center")
    assert stage(building, _AFTER).more


_AFTER = Stage.AFTER_APPROVAL
BUILDING = {
    "building_use": "residential",
    "total_built_area": "450",
    "estimated_value": "900000",
}


def test_what_the_register_knows_may_be_left_out_and_is_said_so() -> None:
    empty = stage(tried("advertisement-licence-renewal", {"months": "12"}), Stage.SUBMISSION)
    assert {line.waits_for for line in empty.lines if line.lowest is None} == {"register"}
    assert empty.more


def test_before_every_question_is_answered_a_line_waits_for_answers() -> None:
    trial = CATALOGUE.trials["site-validity-statement"]
    evaluation = evaluate_trial(trial, {}, TODAY)
    assert not evaluation.complete
    survey = next(
        line
        for each in estimate(trial, evaluation, TODAY)
        for line in each.lines
        if line.rule.code == "survey"
    )
    assert (survey.lowest, survey.waits_for) == (None, "answers")


@pytest.mark.parametrize(
    ("area", "least", "most"), [("20", True, False), ("200", False, False), ("900000", False, True)]
)
def test_a_minimum_or_maximum_that_decided_is_told(area: str, least: bool, most: bool) -> None:
    survey = next(
        line
        for line in stage(
            tried("site-validity-statement", {"plot_area": area}), Stage.SUBMISSION
        ).lines
        if line.rule.code == "survey"
    )
    assert (survey.at_least, survey.at_most) == (least, most)


@pytest.mark.parametrize("code", CATALOGUE.trials)
def test_no_sum_is_worked_out_for_less_than_nothing(code: str) -> None:
    """A bound may hang on an answer that is not asked here, or be the register's own care."""
    for field in CATALOGUE.trials[code].page.fields:
        for column in field.columns or (field,):
            if column.asked and column.kind in {"integer", "decimal", "area_m2", "money"}:
                assert column.minimum is not None, column.code
                lowest = column.minimum.value({"today": TODAY})
                assert lowest is not None, column.code
                assert lowest >= 0, column.code


def test_a_number_that_only_has_to_exist_becomes_yes_or_no() -> None:
    numbers = {"location_class": "city", "violation_area": "100", "instalments_wanted": "no"}
    new = tried("reconciliation-request", numbers)
    old = tried("reconciliation-request", {**numbers, "earlier_request_no": "yes"})
    again = tried("reconciliation-request", {**numbers, "earlier_request_no": "no"})
    assert new == again
    assert "exam" in lines(stage(new, Stage.SUBMISSION))
    assert "exam" not in lines(stage(old, Stage.SUBMISSION))


def test_questions_open_under_the_one_answer_that_needs_them() -> None:
    trial = CATALOGUE.trials["building-permit-alteration"]
    standing, reveals, loose = arrange(trial, evaluate_trial(trial, {}, TODAY))
    assert [each.field.code for each in standing] == ["alteration_kinds", "altered_area"]
    assert reveals["alteration_kinds"].keys() == {"boundary_wall", "external_finish"}
    # two answers need this one: it stands open and says which
    assert loose == {"altered_area"}
    assert len(openers_of(trial, "altered_area")) == 2


def test_a_question_that_does_not_matter_is_not_missed_and_counts_for_nothing() -> None:
    wall = {"alteration_kinds": ["boundary_wall"], "wall_length_m": "20"}
    assert tried("building-permit-alteration", wall) == tried(
        "building-permit-alteration", {**wall, "altered_area": "5000", "facade_area": "900"}
    )
    trial = CATALOGUE.trials["building-permit-alteration"]
    evaluation = evaluate_trial(trial, {"alteration_kinds": ["internal"]}, TODAY)
    assert [p.field for p in evaluation.steps[0].problems] == ["altered_area"]


def test_the_rules_of_the_form_hold_for_the_trial() -> None:
    trial = CATALOGUE.trials["waste-fee-clearance"]
    raw = {
        "unit_category": "dwelling",
        "place_class": "town",
        "period_from": "01/01/2010",
        "period_to": "01/10/2026",
        "already_collected": "no",
    }
    evaluation = evaluate_trial(trial, raw, TODAY)
    assert [p.field for p in evaluation.steps[0].problems] == ["period_to"]


def test_a_group_of_which_only_the_rows_count_is_asked_as_a_number() -> None:
    service = CATALOGUE.services["elevator-installation-licence"]
    by_row = [
        replace(r, plus_rate=None, plus_quantity=None) if r.code == "licence" else r
        for r in service.fees
    ]
    hints = {key: Text("تلميح", key) for key in ("has_one", "how_many", "in_register")}
    trial = trial_of(replace(service, fees=tuple(by_row)), hints)
    assert trial is not None
    assert trial.counted == {"elevators"}
    stages = estimate(trial, evaluate_trial(trial, {"elevators": "3"}, TODAY), TODAY)
    assert lines(stage(stages, _AFTER))["licence"] == (150000, 150000)


def test_dates_are_typed_in_three_boxes() -> None:
    trial = CATALOGUE.trials["waste-fee-clearance"]
    sent = {f"period_from.{part}": [text] for part, text in zip(DATE_PARTS, "123", strict=True)}
    assert read_step(trial.page, sent)["period_from"] == "1/2/3"
