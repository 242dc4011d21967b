"""Whole forms: what is asked, what is wrong, and what old answers are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.catalogue.expressions import CALENDAR
from portal.catalogue.fees import namespace, quote
from portal.catalogue.forms import (
    Evaluation,
    StepState,
    answers,
    evaluate,
    read_step,
    reveals,
    rows_of,
    to_json,
)
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Choice, Field, Service
from portal.problems import Problem
from tests.support.answers import Maker, first, last
from tests.support.lists import Lists

CATALOGUE = shipped_catalogue()
TODAY = date(2026, 11, 22)


RECORD = {
    "amount_shown": Decimal(1250),
    "area_confirm": Decimal(12),
    "faces": Decimal(1),
    "signs_count": Decimal(1),
    "digital": False,
    "on_public_property": True,
    "zone": "zone_1",
    "expires_on": date(2027, 3, 1),
}


def service_of(code: str) -> Service:
    return CATALOGUE.services[code]


def evaluated(code: str, **raw: Any) -> Evaluation:
    return evaluate(service_of(code), raw, TODAY, Lists())


def page(evaluation: Evaluation, code: str) -> StepState:
    state = evaluation.state(code)
    assert state is not None
    return state


def fields_of(state: StepState) -> list[str]:
    return [asked.field.code for asked in state.asked]


def problems_of(state: StepState) -> list[tuple[str, str]]:
    return [(p.field, p.msgid) for p in state.problems]


def complete(code: str, **options: Any) -> dict[str, Any]:
    return Maker(service_of(code), Lists(RECORD), TODAY, **options).make()


LAND = {
    "plot_area": "450",
    "street_width_m": "6",
    "inside_urban_boundary": "yes",
    "current_state": "vacant",
}


# --- branches -------------------------------------------------------------------------------------


def test_a_question_of_a_branch_that_was_not_chosen_is_not_asked() -> None:
    state = page(evaluated("site-validity-statement", **LAND), "land")
    assert "existing_floors" not in fields_of(state)
    assert [asked.field.code for asked in state.dormant] == ["existing_floors"]
    assert state.complete


def test_an_old_answer_of_that_branch_counts_for_nothing_and_is_not_lost() -> None:
    evaluation = evaluated("site-validity-statement", **LAND, existing_floors="abc")
    state = page(evaluation, "land")
    assert state.complete
    assert "existing_floors" not in evaluation.names
    assert state.dormant[0].raw == "abc"


def test_the_branch_that_was_chosen_is_asked_and_checked() -> None:
    chosen = {**LAND, "current_state": "building"}
    missing = page(evaluated("site-validity-statement", **chosen), "land")
    assert problems_of(missing) == [("existing_floors", "Write {label}")]
    wrong = page(evaluated("site-validity-statement", **chosen, existing_floors="61"), "land")
    assert problems_of(wrong) == [("existing_floors", "{label} is at most {bound}")]
    right = evaluated("site-validity-statement", **chosen, existing_floors="٦٠")
    assert page(right, "land").complete
    assert right.names["existing_floors"] == 60


def test_a_page_of_a_branch_that_was_not_chosen_is_not_there() -> None:
    owner = evaluated("site-validity-statement", applicant_capacity="owner", principal_name="x")
    codes = [state.step.code for state in owner.steps]
    assert not {"principal", "power-of-attorney", "company"} & set(codes)
    assert "principal_name" not in owner.names
    attorney = evaluated("site-validity-statement", applicant_capacity="attorney")
    assert [s.step.code for s in attorney.steps][3:5] == ["principal", "power-of-attorney"]
    guardian = evaluated("site-validity-statement", applicant_capacity="guardian")
    assert guardian.state("principal") is not None
    assert guardian.state("power-of-attorney") is None


def test_a_choice_that_another_applicant_has_is_not_taken() -> None:
    state = page(evaluated("kiosk-licence", applicant_capacity="neighbour"), "applicant")
    assert ("applicant_capacity", "Choose {label} from the list") in problems_of(state)


def test_a_controls_hidden_parts_are_listed_under_its_answers() -> None:
    opened = reveals(page(evaluated("site-validity-statement"), "applicant"))
    assert opened.keys() == {"is_foreigner"}
    found = {k: [a.field.code for a in v] for k, v in opened["is_foreigner"].items()}
    assert found == {"no": ["national_id"], "yes": ["passport_number", "nationality"]}


def without_calendar(names: Mapping[str, Any]) -> dict[str, Any]:
    """The answers: the way to the days off is another object in every evaluation."""
    return {code: value for code, value in names.items() if code != CALENDAR}


@pytest.mark.parametrize("choose", [first, last], ids=["first", "last"])
@pytest.mark.parametrize("code", CATALOGUE.services)
def test_garbage_left_in_branches_that_are_not_asked_changes_nothing(
    code: str, choose: Any
) -> None:
    raw = complete(code, choose=choose)
    service, lookups = service_of(code), Lists(RECORD)
    clean = evaluate(service, raw, TODAY, lookups)
    asked = {a.field.code for state in clean.steps for a in state.asked}
    garbage = {
        f.code: [{"x": "y"}] if f.kind == "group" else ["z"] if f.kind == "multichoice" else "9,9,9"
        for f in service.fields.values()
        if f.code not in asked or not f.asked
    }
    dirty = evaluate(service, {**raw, **garbage}, TODAY, lookups)
    assert dirty.complete
    assert without_calendar(dirty.names) == without_calendar(clean.names)
    names = namespace(service, dict(dirty.names), TODAY)
    expected = namespace(service, dict(clean.names), TODAY)
    assert quote(service, names, TODAY) == quote(service, expected, TODAY)


# --- problems -------------------------------------------------------------------------------------


def test_every_problem_of_a_page_is_told_at_once_and_in_order() -> None:
    state = page(
        evaluated(
            "site-validity-statement",
            plot_area="abc",
            street_width_m="500",
            current_state="swamp",
        ),
        "land",
    )
    assert problems_of(state) == [
        ("plot_area", "Write {label} in figures, such as {example}"),
        ("street_width_m", "{label} is at most {bound}"),
        ("inside_urban_boundary", "Choose {label}"),
        ("current_state", "Choose {label} from the list"),
    ]


def test_an_empty_form_asks_for_everything_that_needs_an_answer() -> None:
    evaluation = evaluated("site-validity-statement")
    missing = [p.field for state in evaluation.steps for p in state.problems]
    asked = [a.field for state in evaluation.steps for a in state.asked]
    wanted = [f.code for f in asked if f.required and f.kind != "group"]
    assert set(wanted) <= set(missing)
    assert not evaluation.complete
    assert evaluation.first_incomplete() is evaluation.steps[0]


@pytest.mark.parametrize(
    ("code", "step", "field", "good", "bad", "message"),
    [
        ("site-validity-statement", "land", "plot_area", "20", "19.99", "at least"),
        ("site-validity-statement", "land", "plot_area", "1000000", "1000000.01", "at most"),
        ("site-validity-statement", "land", "street_width_m", "1", "0.999", "at least"),
        ("site-validity-statement", "land", "street_width_m", "200", "200.001", "at most"),
        ("state-land-legalisation", "land", "area_input", "0.001", "0", "at least"),
        ("shop-licence-new", "shop", "floor", "-3", "-4", "at least"),
        ("demolition-permit", "building", "adjoining_buildings", "0", "-1", "at least"),
        ("demolition-permit", "building", "build_year", "2026", "2027", "at most"),
        ("demolition-permit", "building", "build_year", "1800", "1799", "at least"),
        ("demolition-permit", "demolition", "planned_start", "07/01/2027", "06/01/2027", "before"),
        ("municipal-complaint", "details", "description", "ش" * 20, "ش" * 19, "too short"),
        ("municipal-complaint", "details", "description", "ش" * 2000, "ش" * 2001, "too long"),
        ("municipal-complaint", "category", "happened_on", "22/11/2026", "23/11/2026", "after"),
        (
            "elevator-operation-licence-renewal",
            "safety",
            "last_inspection_date",
            "23/10/2026",
            "22/10/2026",
            "before",
        ),
        (
            "elevator-operation-licence-renewal",
            "lifts",
            "contract_end",
            "22/12/2026",
            "21/12/2026",
            "before",
        ),
        (
            "address-numbering-certificate",
            "request",
            "electric_meter_no",
            "1234",
            "123",
            "too short",
        ),
        ("building-works-road-occupation", "occupation", "days", "180", "181", "at most"),
        (
            "building-works-road-occupation",
            "occupation",
            "start_date",
            "08/12/2026",
            "07/12/2026",
            "before",
        ),
        (
            "reconciliation-request",
            "violation",
            "violation_date",
            "22/11/2026",
            "23/11/2026",
            "aft",
        ),
    ],
)
def test_bounds_hold_at_both_edges(
    code: str, step: str, field: str, good: str, bad: str, message: str
) -> None:
    taken = page(evaluated(code, **{field: good}), step)
    assert field not in {p.field for p in taken.problems}
    refused = evaluated(code, **{field: bad})
    told = {p.field: p.msgid for p in page(refused, step).problems}
    assert message in told[field]
    assert refused.names[field] is None


@pytest.mark.parametrize(
    ("lat", "lon", "wrong"),
    [
        ("21.7", "24.6", set()),
        ("31.8", "37", set()),
        ("21.69", "24.6", {"site.lat"}),
        ("31.81", "37.0", {"site.lat"}),
        ("31", "24.59", {"site.lon"}),
        ("21.5", "37.01", {"site.lat", "site.lon"}),
    ],
)
def test_a_point_lies_in_egypt(lat: str, lon: str, wrong: set[str]) -> None:
    raw = {"site.lat": lat, "site.lon": lon}
    state = page(evaluated("site-validity-statement", **raw), "site-address")
    assert {p.field for p in state.problems} & raw.keys() == wrong


def test_a_bound_may_be_another_answer() -> None:
    areas = {"plot_area": "200", "footprint_area": "200.01", "total_built_area": "200"}
    state = page(evaluated("building-permit-new", **areas), "areas")
    told = {p.field: p for p in state.problems}
    assert told["footprint_area"].msgid == "{label} is at most {bound}"
    assert told["footprint_area"].params["bound"] == 200
    smaller = {**areas, "footprint_area": "150", "total_built_area": "149"}
    state = page(evaluated("building-permit-new", **smaller), "areas")
    assert {p.field for p in state.problems} & {"footprint_area", "total_built_area"} == {
        "total_built_area"
    }


def test_a_bound_that_is_not_known_yet_bounds_nothing() -> None:
    state = page(evaluated("building-permit-new", footprint_area="900000"), "areas")
    assert "footprint_area" not in {p.field for p in state.problems}


@pytest.mark.parametrize(
    ("kind", "most"), [("wedding", 7), ("mourning", 3), ("celebration", 7), ("campaign", 7)]
)
def test_the_nights_of_a_tent_depend_on_the_event(kind: str, most: int) -> None:
    for nights, fine in ((most, True), (most + 1, False)):
        state = page(evaluated("event-tent-permit", event_kind=kind, nights=str(nights)), "time")
        assert ("nights" not in {p.field for p in state.problems}) is fine


def test_what_must_be_confirmed_lets_no_one_go_on_without() -> None:
    code = "shop-licence-by-notification"
    no = page(evaluated(code, conditions_declared="no"), "manager")
    assert ("conditions_declared", "You can go on only after confirming: {label}") in problems_of(
        no
    )
    yes = page(evaluated(code, conditions_declared="yes"), "manager")
    assert "conditions_declared" not in {p.field for p in yes.problems}


def test_a_doubtful_national_id_is_a_warning_of_its_page() -> None:
    raw = {"is_foreigner": "no", "national_id": "29001018800019"}
    state = page(evaluated("site-validity-statement", **raw), "applicant")
    assert "national_id" not in {p.field for p in state.problems}
    assert [w.field for w in state.warnings] == ["national_id"]


# --- groups ---------------------------------------------------------------------------------------


def _segment(**changes: str) -> dict[str, str]:
    row = {
        "street": "شارع الجيش",
        "from_point": "أمام العقار",
        "to_point": "خط المياه",
        "length_m": "10",
        "width_m": "0.5",
        "depth_m": "1",
        "surface": "asphalt",
    }
    return {**row, **changes}


def test_blank_rows_are_ignored() -> None:
    rows = [{}, _segment(), {"street": "", "surface": ""}, _segment(surface="tiles")]
    evaluation = evaluated("excavation-permit", segments=rows)
    assert page(evaluation, "segments").complete
    assert [row["surface"] for row in evaluation.names["segments"]] == ["asphalt", "tiles"]


def test_a_problem_of_a_row_is_named_by_group_row_and_column() -> None:
    rows = [{}, _segment(length_m="0.4"), _segment(surface="mud", street="")]
    evaluation = evaluated("excavation-permit", segments=rows)
    assert problems_of(page(evaluation, "segments")) == [
        ("segments.1.length_m", "{label} is at least {bound}"),
        ("segments.2.street", "Write {label}"),
        ("segments.2.surface", "Choose {label} from the list"),
    ]
    assert evaluation.names["segments"] is None


def test_a_group_without_a_row_is_missing() -> None:
    nothing: tuple[Any, ...] = ([], [{}], "", "x")
    for rows in nothing:
        state = page(evaluated("excavation-permit", segments=rows), "segments")
        assert problems_of(state) == [("segments", "Add at least one row to {label}")]


def test_a_group_that_needs_several_rows_says_how_many_from_the_start() -> None:
    missing = page(evaluated("occupants-union-registration"), "members")
    assert problems_of(missing) == [("members", "{label} needs at least this many rows: {bound}")]


def test_a_group_has_so_many_rows_at_least_and_at_most() -> None:
    most = page(evaluated("excavation-permit", segments=[_segment()] * 30), "segments")
    assert most.complete
    more = page(evaluated("excavation-permit", segments=[_segment()] * 31), "segments")
    assert problems_of(more) == [("segments", "{label} takes at most this many rows: {bound}")]
    members = [
        {"name": "منى", "national_id": "29001018800018", "unit_no": "1", "capacity": "owner"},
        {"name": "علي", "national_id": "29001018800026", "unit_no": "2", "capacity": "tenant"},
    ]
    fewer = page(evaluated("occupants-union-registration", members=members), "members")
    assert problems_of(fewer) == [("members", "{label} needs at least this many rows: {bound}")]


def test_a_group_with_fixed_rows_has_one_for_each_choice() -> None:
    rows = [
        {"side": "west", "neighbour": "شارع", "length_m": "4"},
        {"side": "north", "neighbour": "جار", "length_m": "12"},
    ]
    group = service_of("site-validity-statement").fields["boundaries"]
    assert [r["side"] for r in rows_of(group, rows)] == ["north", "south", "east", "west"]
    state = page(evaluated("site-validity-statement", boundaries=rows), "boundaries")
    assert problems_of(state) == [
        ("boundaries.1.neighbour", "Write {label}"),
        ("boundaries.1.length_m", "Write {label}"),
        ("boundaries.2.neighbour", "Write {label}"),
        ("boundaries.2.length_m", "Write {label}"),
    ]


def test_a_form_with_rows_is_read_by_their_numbers() -> None:
    step = service_of("excavation-permit").step("segments")
    assert step is not None
    form = {
        "segments.0.street": ["أ"],
        "segments.7.street": ["ب"],
        "segments.07.street": ["ج"],
        "segments.x.street": ["د"],
        "segments.9999.street": ["ه"],
        "segments.-1.street": ["و"],
        "segments.²  .street": ["ز"],
        "segmentsx.3.street": ["ح"],
        "segments.2.unknown": ["ط"],
    }
    rows = read_step(step, form)["segments"]
    assert [row["street"] for row in rows] == ["أ", "", "ب"]
    assert set(rows[0]) == {c.code for c in step.fields[0].columns}


def test_a_page_reads_only_its_own_controls() -> None:
    step = service_of("site-validity-statement").step("land")
    assert step is not None
    form = {"plot_area": [" 450 "], "national_id": ["29001018800018"], "current_state": ["vacant"]}
    raw = read_step(step, form)
    assert raw == {
        "plot_area": "450",
        "street_width_m": "",
        "inside_urban_boundary": "",
        "current_state": "vacant",
        "existing_floors": "",
    }


def test_a_computed_value_cannot_be_posted() -> None:
    step = service_of("building-permit-new").step("value")
    assert step is not None
    raw = read_step(step, {"estimated_value": ["10000"], "insurance_required": ["no"]})
    assert raw == {"estimated_value": "10000"}


# --- rules ----------------------------------------------------------------------------------------


def _floor(area: str) -> dict[str, str]:
    return {"floor_name": "الأرضي", "floor_use": "residential", "floor_area": area, "units": "1"}


@pytest.mark.parametrize(
    ("total", "fits"), [("450", True), ("454.5", True), ("455", False), ("445.54", False)]
)
def test_the_floors_sum_to_the_total_within_one_percent(total: str, fits: bool) -> None:
    areas = {"plot_area": "200", "footprint_area": "150", "total_built_area": total}
    floors = [_floor("150")] * 3
    state = page(evaluated("building-permit-new", **areas, floors=floors), "floors")
    assert state.complete is fits
    if not fits:
        assert state.problems[0].field == "floors"
        assert state.problems[0].text is not None


def test_a_rule_on_something_unanswered_or_wrong_says_nothing() -> None:
    no_total = page(evaluated("building-permit-new", floors=[_floor("150")]), "floors")
    assert no_total.complete
    areas = {"plot_area": "200", "footprint_area": "150", "total_built_area": "450"}
    bad_row = page(evaluated("building-permit-new", **areas, floors=[_floor("x")]), "floors")
    assert [p.field for p in bad_row.problems] == ["floors.0.floor_area"]


def test_a_rule_may_send_to_another_service() -> None:
    code = "shop-licence-by-notification"
    state = page(evaluated(code, food_handling="yes", hazardous="no"), "activity")
    told = [p for p in state.problems if p.field == "food_handling"]
    assert [p.refer for p in told] == ["shop-licence-new"]
    fine = page(evaluated(code, food_handling="no", hazardous="no"), "activity")
    assert not {"food_handling", "hazardous"} & {p.field for p in fine.problems}


def test_a_warning_lets_the_citizen_go_on() -> None:
    raw = complete("demolition-permit", fixed={"vacant": "no", "heritage_declared": "yes"})
    evaluation = evaluate(service_of("demolition-permit"), raw, TODAY, Lists())
    assert evaluation.complete
    warned = [w.field for state in evaluation.steps for w in state.warnings]
    assert warned == ["vacant"]


def test_an_address_needs_one_of_three() -> None:
    site = {
        "site.governorate": "EG-KFS",
        "site.center": "KFS-003",
        "site.shiakha_or_village": "بندر دسوق",
        "site.street": "شارع الجيش",
    }
    bare = page(evaluated("site-validity-statement", **site), "site-address")
    assert [p.field for p in bare.problems] == ["site.building_no"]
    for code in ("site.building_no", "site.plot_no", "site.landmark"):
        named = page(evaluated("site-validity-statement", **site, **{code: "١٢"}), "site-address")
        assert named.complete
    half = page(
        evaluated("site-validity-statement", **site, **{"site.plot_no": "1", "site.lat": "31"}),
        "site-address",
    )
    assert [p.field for p in half.problems] == ["site.lat"]


@pytest.mark.parametrize(
    ("emergency", "start", "taken"),
    [
        ("no", "09/12/2026", True),  # filing + 17 days (rulings)
        ("no", "08/12/2026", False),
        ("yes", "21/11/2026", True),  # emergency: not before yesterday
        ("yes", "20/11/2026", False),
    ],
)
def test_digging_begins_when_its_permit_can_be_there(
    emergency: str, start: str, taken: bool
) -> None:
    state = page(evaluated("excavation-permit", emergency=emergency, start_date=start), "schedule")
    assert ("start_date" not in {p.field for p in state.problems}) is taken


# --- computed values and records ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "floors", "required"),
    [
        ("999999.99", "3", False),
        ("1000000", "3", True),
        ("10000", "4", True),
        ("10000", "1", False),
    ],
)
def test_insurance_of_a_new_building_follows_article_46(
    value: str, floors: str, required: bool
) -> None:
    raw = {"estimated_value": value, "floors_above": floors, "basements": "2"}
    evaluation = evaluated("building-permit-new", **raw)
    assert evaluation.names["insurance_required"] is required
    asked = fields_of(page(evaluation, "certificates"))
    assert ("insurance_policy_no" in asked) is required


@pytest.mark.parametrize(
    ("floors", "value", "first_one", "required"),
    [
        ("1", "200000", "yes", False),
        ("1", "200000.01", "yes", True),
        ("2", "200000", "yes", True),
        ("1", "200000", "no", True),
    ],
)
def test_one_small_first_extension_needs_no_insurance(
    floors: str, value: str, first_one: str, required: bool
) -> None:
    raw = {"added_floors": floors, "estimated_value": value, "first_extension": first_one}
    evaluation = evaluated("building-permit-vertical-extension", **raw)
    assert evaluation.names["insurance_required"] is required


def test_what_is_computed_from_something_missing_is_unknown() -> None:
    evaluation = evaluated("building-permit-vertical-extension", added_floors="1")
    assert evaluation.names["insurance_required"] is None


@pytest.mark.parametrize(
    ("unit", "area", "square_metres"),
    [("m2", "500", "500"), ("qirat", "2", "350.0694"), ("feddan", "1", "4200.833")],
)
def test_land_is_measured_in_the_units_of_the_country(
    unit: str, area: str, square_metres: str
) -> None:
    evaluation = evaluated("state-land-legalisation", area_unit_input=unit, area_input=area)
    assert evaluation.names["area"] == Decimal(square_metres)


def test_a_complaint_always_hides_who_complains() -> None:
    evaluation = evaluated("municipal-complaint", hide_identity_from_department="no")
    assert evaluation.names["hide_identity_from_department"] is True


def test_a_value_of_the_record_is_known_and_not_asked() -> None:
    code = "reconciliation-balance-payment"
    raw = {"request": "301/2025", "plan": "full", "amount_shown": "1"}
    record = {"amount_shown": Decimal("1250.5")}
    evaluation = evaluate(service_of(code), raw, TODAY, Lists(record))
    assert evaluation.names["amount_shown"] == Decimal("1250.5")
    assert evaluation.record == {"amount_shown": Decimal("1250.5")}
    assert page(evaluation, "request").complete


def test_a_required_record_that_is_missing_is_told_at_the_field_that_names_it() -> None:
    state = page(evaluated("reconciliation-balance-payment", request="301/2025"), "request")
    assert [p.field for p in state.problems] == ["request"]
    assert state.problems[0].text == service_of("reconciliation-balance-payment").record.missing  # type: ignore[union-attr]
    unnamed = page(evaluated("reconciliation-balance-payment"), "request")
    assert problems_of(unnamed) == [("request", "Write {label}")]


def test_a_record_that_is_only_useful_may_be_missing() -> None:
    raw = complete("security-deposit-refund")
    evaluation = evaluate(service_of("security-deposit-refund"), raw, TODAY, Lists(None))
    assert evaluation.complete
    assert evaluation.record is None


# --- the whole ------------------------------------------------------------------------------------


def test_pages_follow_each_other() -> None:
    evaluation = evaluated("works-start-notice", applicant_capacity="owner")
    codes = [s.step.code for s in evaluation.steps]
    assert codes[:3] == ["applicant", "contact", "residence"]
    following = evaluation.after("applicant")
    assert following is not None
    assert following.step.code == "contact"
    assert evaluation.after(codes[-1]) is None
    assert evaluation.after("company") is None
    assert evaluation.state("company") is None


def test_a_page_is_begun_with_its_first_answer() -> None:
    evaluation = evaluated("site-validity-statement", plot_area="450")
    assert page(evaluation, "land").begun
    assert not page(evaluation, "purpose").begun


def test_the_center_is_that_of_the_first_place_that_is_asked() -> None:
    place = {"site.governorate": "EG-KFS", "site.center": "KFS-003"}
    assert evaluated("site-validity-statement").center is None
    assert evaluated("site-validity-statement", **place).center == "KFS-003"
    complaint = {"place.governorate": "EG-KFS", "place.center": "KFS-003", "category": "staff"}
    assert evaluated("municipal-complaint", **complaint).center == "KFS-003"


def test_answers_are_those_that_were_asked_and_given() -> None:
    evaluation = evaluated("site-validity-statement", **LAND, existing_floors="4")
    given = {answer.field.code: answer.value for _, answer in answers(evaluation)}
    assert given == {
        "plot_area": Decimal(450),
        "street_width_m": Decimal(6),
        "inside_urban_boundary": "yes",
        "current_state": "vacant",
    }


def test_values_are_kept_in_json_without_rounding() -> None:
    value = {"a": Decimal("1E+3"), "b": [date(2026, 1, 7), Decimal("0.10")], "c": True, "d": None}
    assert to_json(value) == {"a": "1000", "b": ["2026-01-07", "0.10"], "c": True, "d": None}


def test_the_list_of_a_place_is_asked_with_what_is_known() -> None:
    class Watching(Lists):
        seen: list[Any] = []  # noqa: RUF012 - of this test alone

        def choices(self, field: Field, names: Mapping[str, Any]) -> Sequence[Choice]:
            if field.code == "site.center":
                self.seen.append(names["site.governorate"])
            return super().choices(field, names)

    service = service_of("site-validity-statement")
    evaluate(service, {"site.governorate": "EG-KFS"}, TODAY, Watching())
    assert Watching.seen == ["EG-KFS"]


_PRINTABLE = st.text("0123456789٠١٢٣٤٥٦٧٨٩/.-, yesnoاخترنص😀²१", max_size=14)
_RAW = st.one_of(
    _PRINTABLE,
    st.sampled_from(["yes", "no", "none", "other", "owner", "attorney", "EG-KFS", "KFS-003"]),
    st.sampled_from(["0", "1", "-1", "9" * 18, "0.01", "22/11/2026", "31/12/2200", "01/01/1800"]),
)


@st.composite
def _forms(draw: st.DrawFn) -> tuple[Service, dict[str, Any]]:
    service = draw(st.sampled_from(list(CATALOGUE.services.values())))
    raw: dict[str, Any] = {}
    for field in service.fields.values():
        values = [c.value for c in field.choices]
        one = st.one_of(_RAW, st.sampled_from(values)) if values else _RAW
        if field.kind == "multichoice":
            raw[field.code] = draw(st.lists(one, max_size=2))
        elif field.kind == "group":
            row = st.fixed_dictionaries({c.code: _RAW for c in field.columns})
            raw[field.code] = draw(st.lists(row, max_size=2))
        else:
            raw[field.code] = draw(one)
    return service, raw


@given(_forms())
@settings(max_examples=40, derandomize=True, deadline=None)
def test_whatever_is_posted_is_evaluated_and_priced(form: tuple[Service, dict[str, Any]]) -> None:
    service, raw = form
    evaluation = evaluate(service, raw, TODAY, Lists())
    asked = {a.field.code for state in evaluation.steps for a in state.asked}
    known = {"today", "this_year", CALENDAR, *service.parameters}
    assert evaluation.names.keys() - known == asked
    for state in evaluation.steps:
        for problem in state.problems:
            assert isinstance(problem, Problem)
            assert problem.field.split(".")[0] in {c.split(".")[0] for c in asked}
    quote(service, namespace(service, dict(evaluation.names), TODAY), TODAY)


def test_choices_of_a_field_stay_those_of_the_catalogue() -> None:
    field = service_of("site-validity-statement").fields["current_state"]
    assert replace(field, choices=()).choice("vacant") is None
    found = field.choice("vacant")
    assert found is not None
    assert found.label.ar == "أرض فضاء"


@pytest.mark.parametrize(
    ("today", "start", "taken"),
    [
        (date(2026, 11, 22), "25/11/2026", True),  # Sunday; Monday, Tuesday, Wednesday
        (date(2026, 11, 25), "28/11/2026", False),  # Wednesday; Friday and Saturday do not count
        (date(2026, 11, 25), "30/11/2026", True),
        (date(2026, 11, 26), "29/11/2026", False),
    ],
)
def test_a_wedding_tent_is_filed_three_working_days_before(
    today: date, start: str, taken: bool
) -> None:
    answers = {"event_kind": "wedding", "start_date": start}
    evaluation = evaluate(service_of("event-tent-permit"), answers, today, Lists())
    state = evaluation.state("time")
    assert state is not None
    assert ("start_date" not in {p.field for p in state.problems}) is taken


def test_a_page_that_hangs_on_an_unanswered_question_is_not_asked_yet() -> None:
    assert evaluated("municipal-complaint").state("site-place") is None
