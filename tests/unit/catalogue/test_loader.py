"""The catalogue against the facts: the summary table and the sheets of all 42 services."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.catalogue.forms import evaluate
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Service, Text
from tests.support.answers import Maker, first, last
from tests.support.lists import Lists

CATALOGUE = shipped_catalogue()
SHEETS = tomllib.loads((Path(__file__).parent / "sheets.toml").read_text(encoding="utf-8"))
TODAY = date(2026, 11, 22)

# number, id, name, department, deadline, mark, silence, payment, inspection: services §1.7 and
# §2.1; 25 and 28 as the rulings read them (one month where the sheet says so). d = calendar days,
# wd = working days, m = months.
SUMMARY = """
01|site-validity-statement|بيان صلاحية الموقع للبناء|building-licensing|7 d|K|none|UPFRONT|yes
02|building-permit-new|ترخيص بناء جديد|building-licensing|30 d|L|deemed_approved|TWO_STAGE|yes
03|building-permit-vertical-extension|ترخيص تعلية|building-licensing|30 d|L|deemed_approved|TWO_STAGE|yes
04|building-permit-alteration|ترخيص تعديل أو توسعة أو سور أو تشطيبات خارجية|building-licensing|30 d|L|deemed_approved|TWO_STAGE|yes
05|building-permit-strengthening|ترخيص تدعيم|building-licensing|30 d|L|deemed_approved|TWO_STAGE|yes
06|building-permit-restoration|ترخيص ترميم|building-licensing|30 d|L|deemed_approved|TWO_STAGE|yes
07|demolition-permit|ترخيص هدم|building-licensing|30 d|G|none|TWO_STAGE|yes
08|building-permit-renewal|تجديد ترخيص بناء|building-licensing|14 d|G|none|UPFRONT|no
09|works-start-notice|إخطار ببدء تنفيذ الأعمال المرخص بها|building-licensing|1 wd|G|none|FREE|no
10|occupancy-certificate-deposit|إيداع شهادة صلاحية المبنى للإشغال|building-licensing|14 d|L|none|UPFRONT|yes
11|building-line-statement|بيان خط التنظيم وحد الطريق|building-licensing|7 wd|G|none|UPFRONT|yes
12|building-permit-certified-copy|صورة رسمية من ترخيص بناء أو رسوماته|building-licensing|3 wd|G|none|UPFRONT|no
13|property-data-certificate|شهادة بيانات عن منشأة سكنية أو تجارية|building-licensing|7 wd|G|none|UPFRONT_DIFF|no
14|address-numbering-certificate|شهادة ترقيم عقار|building-licensing|10 wd|G|none|UPFRONT|yes
15|dilapidated-building-inspection|طلب معاينة منشأة آيلة للسقوط|housing|7 d|G|none|FREE|yes
16|occupants-union-registration|قيد اتحاد شاغلين|housing|30 d|G|none|UPFRONT|no
17|reconciliation-request|طلب تصالح في مخالفة بناء وتقنين أوضاعها|reconciliation|90 d|P|none|TWO_STAGE|yes
18|reconciliation-balance-payment|سداد باقي مقابل التصالح أو قسط منه|reconciliation|1 wd|G|none|DUES|no
19|reconciliation-works-completion|تصريح استكمال أعمال بعد التصالح|reconciliation|15 wd|G|none|UPFRONT|yes
20|utilities-connection-letter|خطاب توصيل المرافق|utilities-roads|14 d|L|none|UPFRONT|no
21|excavation-permit|تصريح حفر وقطع طريق|utilities-roads|15 d|L|deemed_refused|TWO_STAGE|yes
22|security-deposit-refund|طلب رد تأمين|utilities-roads|30 d|G|none|REFUND|yes
23|elevator-installation-licence|ترخيص تركيب مصعد|electromechanical|30 d|L|none|TWO_STAGE|yes
24|elevator-operation-licence-renewal|تجديد ترخيص تشغيل مصعد|electromechanical|15 d|G|none|UPFRONT|yes
25|shop-licence-new|ترخيص محل عام|shop-licensing|60 d|L|deemed_accepted_prelim|THREE_STAGE|yes
26|shop-licence-by-notification|ترخيص محل عام بالإخطار|shop-licensing|15 d|G|none|UPFRONT|later
27|shop-licence-amendment|تعديل ترخيص محل عام|shop-licensing|30 d|G|none|TWO_STAGE|yes
28|shop-licence-transfer|التنازل عن ترخيص محل عام أو نقله للورثة|shop-licensing|1 m|L|deemed_approved|TWO_STAGE|no
29|shop-licence-replacement|بدل فاقد أو تالف لرخصة محل عام|shop-licensing|3 wd|G|none|UPFRONT|no
30|advertisement-licence-new|ترخيص إعلان أو لافتة|advertising|60 d|L|deemed_approved|TWO_STAGE|yes
31|advertisement-licence-renewal|تجديد ترخيص إعلان أو لافتة|advertising|60 d|L|deemed_approved|UPFRONT|no
32|road-occupation-permit|ترخيص إشغال طريق|street-occupations|15 d|L|deemed_refused|TWO_STAGE|yes
33|building-works-road-occupation|تصريح إشغال طريق بمواد بناء أو سقالات|street-occupations|15 d|L|deemed_refused|TWO_STAGE|yes
34|event-tent-permit|تصريح إقامة سرادق (فرح/عزاء/احتفال)|street-occupations|2 wd|G|deemed_refused|UPFRONT|no
35|kiosk-licence|ترخيص كشك|street-occupations|15 d|L|deemed_refused|TWO_STAGE|yes
36|mobile-food-unit-licence|ترخيص وحدة طعام متنقلة|street-occupations|30 d|G|none|TWO_STAGE|yes
37|market-stall-licence|تخصيص باكية بسوق عام|markets|30 wd|G|none|TWO_STAGE|no
38|state-land-legalisation|تقنين وضع يد على أرض أملاك دولة|state-properties|90 d|G|none|TWO_STAGE|yes
39|state-property-dues-payment|سداد مستحقات أملاك (إيجار/مقابل انتفاع/أقساط)|state-properties|1 wd|G|none|DUES|no
40|waste-fee-clearance|شهادة سداد رسم المخلفات (النظافة)|environment-cleanliness|3 wd|G|none|UPFRONT|no
41|cemetery-permit|ترخيص انتفاع أو أعمال بمدفن|cemeteries|15 wd|G|none|TWO_STAGE|yes
42|municipal-complaint|شكوى أو بلاغ محلي|citizen-service|7 wd|G|none|FREE|maybe
"""  # noqa: E501 - a row of the table is a line
ROWS = [line.split("|") for line in SUMMARY.split("\n") if line]
UNITS = {"d": "days", "wd": "working_days", "m": "months"}
FAMILIES = {
    "building-permits": ("تراخيص البناء", range(1, 11)),
    "engineering-certificates": ("البيانات والشهادات الهندسية", range(11, 17)),
    "reconciliation": ("التصالح في مخالفات البناء", range(17, 20)),
    "utilities-works": ("المرافق والحفر والمصاعد", range(20, 25)),
    "shops": ("المحال العامة", range(25, 30)),
    "advertising": ("الإعلانات", range(30, 32)),
    "occupations-markets": ("الإشغالات والأسواق", range(32, 38)),
    "state-properties": ("أملاك الدولة", range(38, 40)),
    "environment-community": ("النظافة والجبانات وخدمة المواطنين", range(40, 43)),
}


class Registers(Lists):
    """Registers that know whatever number is looked for."""

    def record(self, service: Service, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if service.record is None or not names.get(service.record.key):
            return None
        return {
            "amount_shown": 125000,
            "area_confirm": 12,
            "faces": 1,
            "signs_count": 1,
            "digital": False,
            "on_public_property": True,
            "zone": "zone_1",
            "expires_on": date(2027, 3, 1),
        }


def service_of(code: str) -> Service:
    return CATALOGUE.services[code]


def test_there_are_42_services_numbered_in_order() -> None:
    assert [s.number for s in CATALOGUE.services.values()] == list(range(1, 43))
    assert list(CATALOGUE.services) == [row[1] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_a_service_is_what_the_summary_table_says(row: list[str]) -> None:
    number, code, name, department, deadline, mark, silence, mode, inspection = row
    service = service_of(code)
    amount, unit = deadline.split()
    period = service.deadline.standard
    assert service.number == int(number)
    # the table shortens the official names of 01 and 32 and lists with strokes
    assert service.title.ar.startswith(name.replace("/", " أو ").removesuffix(")"))
    assert service.department == department
    assert (period.amount, period.unit, period.mark) == (int(amount), UNITS[unit], mark)
    assert service.silence.effect == silence
    assert service.payment_mode == mode
    assert service.inspection == inspection


def test_the_official_names_are_those_of_the_sheets() -> None:
    assert service_of("site-validity-statement").title.ar == (
        "بيان صلاحية الموقع للبناء من الناحية التخطيطية والاشتراطات البنائية"
    )
    assert {s.title.ar for s in CATALOGUE.services.values() if s.title.ar.endswith(")")} == {
        "ترخيص إشغال طريق (فاترينة أو مقاعد أو مظلة)",
        "تصريح إقامة سرادق (فرح أو عزاء أو احتفال)",
        "سداد مستحقات أملاك (إيجار أو مقابل انتفاع أو أقساط)",
        "شهادة سداد رسم المخلفات (النظافة)",
    }


def test_payment_modes_are_distributed_as_in_the_facts() -> None:
    assert Counter(str(s.payment_mode) for s in CATALOGUE.services.values()) == {
        "FREE": 3,
        "UPFRONT": 15,
        "UPFRONT_DIFF": 1,
        "TWO_STAGE": 19,
        "THREE_STAGE": 1,
        "DUES": 2,
        "REFUND": 1,
    }


def test_the_nine_families_hold_their_services_in_order() -> None:
    assert list(CATALOGUE.families) == list(FAMILIES)
    for code, (title, numbers) in FAMILIES.items():
        assert CATALOGUE.families[code].title.ar == title
        assert [s.number for s in CATALOGUE.family_services(code)] == list(numbers)


@pytest.mark.parametrize(
    ("code", "condition", "amount", "unit", "rolls"),
    [
        ("building-permit-certified-copy", "paper_only", 10, "working_days", True),
        ("dilapidated-building-inspection", "urgent", 1, "days", False),
        ("municipal-complaint", "urgent", 1, "days", False),
        ("event-tent-permit", "event_kind == 'mourning'", 0, "days", False),
    ],
)
def test_a_deadline_has_the_variant_of_its_sheet(
    code: str, condition: str, amount: int, unit: str, rolls: bool
) -> None:
    [variant] = service_of(code).deadline.variants
    assert variant.when is not None
    assert variant.when.source == condition
    assert (variant.amount, variant.unit, variant.rolls) == (amount, unit, rolls)


def test_only_these_services_count_from_filing() -> None:
    counted = {s.number for s in CATALOGUE.services.values() if s.deadline.from_filing}
    assert counted == {21, 28, 32, 33, 34, 35}


def test_what_the_facts_call_uncertain_is_marked_so() -> None:
    assert service_of("reconciliation-request").deadline.standard.uncertain
    for code in ("reconciliation-request", "elevator-installation-licence"):
        assert service_of(code).silence.uncertain


@pytest.mark.parametrize(
    ("numbers", "days"),
    [
        ({1, 2, 3, 4, 5, 6, 8, 10, 11}, 30),
        ({15}, 15),
        ({17, 18, 19}, 30),
        ({7, 9, 12, 13, 14, 16, *range(20, 43)}, 60),
    ],
)
def test_a_refusal_can_be_challenged_within_its_period(numbers: set[int], days: int) -> None:
    for service in CATALOGUE.services.values():
        if service.number in numbers:
            assert service.grievance is not None
            assert service.grievance.period.amount == days
            assert service.grievance.period.unit == "days"


def test_attorney_and_guardian_may_always_apply() -> None:
    for service in CATALOGUE.services.values():
        assert {"attorney", "guardian"} <= set(service.applicants), service.code


# --- the sheets, field by field -------------------------------------------------------------------

LINE = re.compile(
    r"(?P<code>[\w./-]+) (?P<kind>\w+?)(?P<mark>[!?]?)"
    r"(?: (?P<low>[\w.+-]*?)\.\.(?P<high>[\w.+-]*))?"
    r"(?: (?P<choices>\w+(?:\|\w+)+))?"
    r"(?P<flags>(?: [@=^])*)"
)


def _expected(text: str, prefix: str = "") -> Iterator[tuple[str, re.Match[str]]]:
    for line in text.strip().splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        yield prefix + match["code"], match


def _source(bound: Any) -> str:
    return bound.source.replace(" ", "") if bound is not None else ""


def _complaints(service: Service, code: str, line: re.Match[str]) -> Iterator[str]:
    """How the field of ``service`` differs from its line in the sheets."""
    steps = {f.code: step for step in service.steps for f in step.fields}
    group, _, column = code.partition("/")
    outer = next((f for f in service.assessed if f.code == group), service.fields.get(group))
    found = outer
    if column and outer is not None:
        found = next((c for c in outer.columns if c.code == column), None)
    if found is None:
        yield "is missing"
        return
    flags = set(line["flags"].split())
    if found.kind != line["kind"]:
        yield f"is a {found.kind}"
    if line["mark"] and found.asked and found.required is not (line["mark"] == "!"):
        yield f"required is {found.required}"
    if found.asked is not ("=" not in flags):
        yield f"asked is {found.asked}"
    if (group in {f.code for f in service.assessed}) is not ("^" in flags):
        yield "is set by the wrong one"
    step = steps.get(group)
    conditional = found.when is not None or bool(step and step.when)
    if conditional is not ("@" in flags) and not column and "=" not in flags:
        yield f"condition {found.when and found.when.source!r}"
    if line["low"] and _source(found.minimum) != line["low"]:
        yield f"minimum {_source(found.minimum)!r}"
    if line["high"] and _source(found.maximum) != line["high"]:
        yield f"maximum {_source(found.maximum)!r}"
    if line["choices"] and {c.value for c in found.choices} != set(line["choices"].split("|")):
        yield f"choices {[c.value for c in found.choices]}"


def test_every_service_has_its_sheet() -> None:
    assert {*SHEETS} - {"blocks"} == {*CATALOGUE.services}


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_a_service_asks_what_its_sheet_asks(code: str) -> None:
    service, sheet = service_of(code), SHEETS[code]
    wrong = [
        (name, complaint)
        for name, line in _expected(sheet["fields"])
        for complaint in _complaints(service, name, line)
    ]
    assert wrong == []


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_a_service_holds_the_blocks_of_its_sheet(code: str) -> None:
    service = service_of(code)
    for prefix in SHEETS[code]["blocks"]:
        block = (
            "engineer" if prefix.endswith("_") else "place" if prefix == "place." else "location"
        )
        for name, line in _expected(SHEETS["blocks"][block]["fields"], prefix):
            differing = [c for c in _complaints(service, name, line) if "condition" not in c]
            assert differing == [], name


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_every_service_begins_with_the_applicant(code: str) -> None:
    service = service_of(code)
    wrong = [
        (name, complaint)
        for name, line in _expected(SHEETS["blocks"]["applicant"]["fields"])
        for complaint in _complaints(service, name, line)
    ]
    assert wrong == []
    assert [c.value for c in service.fields["applicant_capacity"].choices] == list(
        service.applicants
    )


def test_the_sections_of_a_cemetery_are_sensitive_and_asked_for_allocation_only() -> None:
    field = service_of("cemetery-permit").fields["religion_section"]
    assert field.sensitive
    assert field.when is not None
    assert field.when.source == "request_kind == 'allocation'"


# --- the whole catalogue --------------------------------------------------------------------------


@pytest.mark.parametrize("choose", [first, last], ids=["first", "last"])
@pytest.mark.parametrize("code", CATALOGUE.services)
def test_every_service_can_be_filled_in_and_leads_to_a_center(code: str, choose: Any) -> None:
    service = service_of(code)
    raw = Maker(service, Registers(), TODAY, choose=choose).make()
    evaluation = evaluate(service, raw, TODAY, Registers())
    assert evaluation.complete
    assert evaluation.center == "KFS-003"


def _texts(value: Any, where: str) -> Iterator[tuple[str, Text]]:
    """Every text inside a frozen value, with the way to it."""
    if isinstance(value, Text):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{where}.{key}")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{getattr(item, 'code', index)}]")
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            if name != "scope":
                yield from _texts(getattr(value, name), f"{where}.{name}")


TEXTS = list(_texts(CATALOGUE, "catalogue"))
LEAKS = re.compile(r"\[[LPKG]\]|!|\bD-[A-Z]+\b|\bB[01]\b|§|\{|\}|uncertain|TODO|\?\?|<|>")


def test_the_texts_of_the_catalogue_are_many() -> None:
    assert len(TEXTS) > 3000


def test_every_arabic_text_has_arabic_letters_and_no_latin_digits() -> None:
    assert [w for w, t in TEXTS if not re.search("[\u0621-\u064a]", t.ar)] == []
    # only an example of what is typed in Latin digits
    digits = [t.ar for _, t in TEXTS if re.search("[0-9]", t.ar)]
    assert {d for d in digits if "مثل" not in d} == set()


def test_every_english_text_has_letters_and_none_of_them_arabic() -> None:
    assert {t.en for _, t in TEXTS if not re.search("[A-Za-z]", t.en)} == {"%"}  # a unit
    assert [w for w, t in TEXTS if re.search("[\u0621-\u064a]", t.en)] == []


def test_no_mark_or_sign_of_the_notes_leaked_into_a_text() -> None:
    assert [(w, t.ar) for w, t in TEXTS if LEAKS.search(t.ar)] == []
    assert [(w, t.en) for w, t in TEXTS if LEAKS.search(t.en)] == []


def test_texts_are_trimmed_and_hold_no_invisible_characters() -> None:
    for where, text in TEXTS:
        for one in (text.ar, text.en):
            assert one == one.strip(), where
            assert "  " not in one, where
            assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u0640]", one), (
                where
            )


def test_every_table_of_rates_names_every_choice_of_its_field() -> None:
    """A rate that is missing would leave a line without an amount for ever."""
    for service in CATALOGUE.services.values():
        fields = {**service.fields, **{f.code: f for f in service.assessed}}
        for rule in service.fees:
            tables = [rule.rates] if rule.rates else [t.amounts for t in rule.tiers if rule.by]
            wanted = {c.value for c in fields[rule.by].choices} if rule.by else set()
            for table in tables:
                assert set(table) == wanted, f"{service.code}: {rule.id}"


def test_every_fee_line_of_the_law_says_its_bounds() -> None:
    """Legal ceilings of the facts: 17 exam, 25 and 27 inspection, 28, 36, 38 (services §2)."""
    ceilings = {
        ("reconciliation-request", "exam"): 5000,
        ("shop-licence-new", "inspection"): 1000,
        ("shop-licence-new", "licence"): 100000,
        ("shop-licence-amendment", "inspection"): 1000,
        ("shop-licence-transfer", "licence"): 10000,
        ("mobile-food-unit-licence", "licence"): 5000,
        ("state-land-legalisation", "exam"): 10000,
    }
    for (code, line), ceiling in ceilings.items():
        rules = [r for r in service_of(code).fees if r.id == line]
        assert [r.law_maximum for r in rules] == [ceiling], code
        for rule in rules:
            amounts = [*rule.rates.values(), *(a for t in rule.tiers for a in t.amounts.values())]
            assert max([rule.rate or 0, *amounts]) <= ceiling


def test_b0_is_charged_wherever_something_is_paid_but_for_dues() -> None:
    with_b0 = {s.number for s in CATALOGUE.services.values() if "consideration" in _lines(s)}
    assert with_b0 == set(range(1, 43)) - {9, 15, 42} - {18, 39} - {22}
    for service in CATALOGUE.services.values():
        if service.number in with_b0:
            assert {"consideration", "stamp", "e_service"} <= _lines(service)


def test_b1_is_charged_only_where_the_sheet_names_it() -> None:
    with_b1 = {s.number for s in CATALOGUE.services.values() if "fund" in _lines(s)}
    assert with_b1 == {2, 3, 4, 5, 6, 7, 21, 23, 25, 26, 30, 32, 33, 35, 36, 37, 41}
    assert with_b1 == {s.number for s in CATALOGUE.services.values() if "resource_dev" in _lines(s)}


def test_every_deposit_and_nothing_else_is_refundable() -> None:
    for service in CATALOGUE.services.values():
        for rule in service.fees:
            assert rule.refundable is (rule.code == "deposit"), f"{service.code}: {rule.id}"


def test_a_line_that_comes_back_says_so_in_its_name() -> None:
    for service in CATALOGUE.services.values():
        for rule in service.fees:
            assert rule.refundable == ("يُرد" in rule.label.ar), (service.code, rule.id)
            assert rule.refundable == ("efundable" in rule.label.en), (service.code, rule.id)


def _lines(service: Service) -> set[str]:
    return {rule.code for rule in service.fees}


def test_no_page_of_a_form_has_the_address_of_another_page_of_the_draft() -> None:
    taken = {"check", "documents", "discard", "files"}
    for service in CATALOGUE.services.values():
        codes = {step.code for step in service.steps}
        assert not codes & taken, service.code
        assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in codes), service.code


def test_departments_are_those_of_the_facts() -> None:
    working = {row[3] for row in ROWS}
    supporting = {
        "front-office",
        "treasury",
        "revenues",
        "legal-affairs",
        "spatial-changes",
        "urban-planning",
        "archive",
        "follow-up",
    }
    assert set(CATALOGUE.departments) == working | supporting
    for service in CATALOGUE.services.values():
        assert set(service.assisting) <= set(CATALOGUE.departments)


def test_refusal_reasons_are_those_of_the_facts() -> None:
    expected = (
        "incomplete not_entitled ownership_dispute plan_conflict building_rules outside_boundary "
        "heritage unsafe works_started outstanding_dues existing_violation traffic public_order "
        "health civil_defence duplicate out_of_window wrong_authority false_data unpaid "
        "no_show"
    )
    assert set(CATALOGUE.refusal_reasons) == set(expected.split())
