"""The frozen copy of a request: the same words for citizen and center, whatever changes later."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.catalogue.deadlines import Calendar
from portal.catalogue.fees import namespace, quote
from portal.catalogue.forms import evaluate
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Choice, Field, Service, Text
from portal.i18n import Languages
from portal.requests.snapshot import (
    CONTACT_KINDS,
    IDENTITY_DOCUMENTS,
    IDENTITY_SECTIONS,
    for_center,
    hidden_from_departments,
    quote_from_json,
    quote_to_json,
    snapshot,
)
from tests.support.answers import Maker, first, last

CATALOGUE = shipped_catalogue()
SPEECHES = Languages().pair
TODAY = date(2026, 11, 22)
RECORD = {"amount_shown": Decimal("1250.5"), "expires_on": date(2027, 3, 1), "zone": "zone_1"}


class Lists:
    """One value in every list, one record for whoever asks."""

    def choices(self, field: Field, names: Mapping[str, Any]) -> Sequence[Choice]:
        values = {"governorates": "EG-KFS", "centers": "KFS-003", "countries": "SD", "dues": "d1"}
        value = values[field.choices_from]
        return [Choice(value, Text(f"عربي {value}", value))]

    def calendar(self, service: Service, names: Mapping[str, Any]) -> Calendar:
        return Calendar()

    def record(self, service: Service, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {
            **RECORD,
            "area_confirm": Decimal(12),
            "faces": Decimal(1),
            "signs_count": Decimal(1),
            "digital": False,
            "on_public_property": True,
        }


def frozen(code: str, **options: Any) -> dict[str, Any]:
    service = CATALOGUE.services[code]
    raw = Maker(service, Lists(), TODAY, **options).make()
    return snapshot(evaluate(service, raw, TODAY, Lists()), SPEECHES)


def answer(snapped: dict[str, Any], code: str) -> dict[str, Any]:
    answers = [a for section in snapped["sections"] for a in section["answers"]]
    return next(a for a in answers if a["code"] == code)


@pytest.mark.parametrize("choose", [first, last], ids=["first", "last"])
@pytest.mark.parametrize("code", CATALOGUE.services)
def test_every_request_freezes_to_json(code: str, choose: Any) -> None:
    snapped = frozen(code, choose=choose)
    assert json.loads(json.dumps(snapped)) == snapped
    for section in snapped["sections"]:
        assert section["title"]["ar"]
        for each in section["answers"]:
            assert each["label"].keys() == {"ar", "en"}
            assert ("rows" in each) is (each["kind"] == "group")


def test_an_answer_is_kept_with_its_label_in_both_languages() -> None:
    snapped = frozen("site-validity-statement", fixed={"plot_area": "١٬٢٥٠٫٥"})
    area = answer(snapped, "plot_area")
    assert area["label"] == {"ar": "مساحة الأرض", "en": "Plot area"}
    assert area["shown"] == {"ar": "١٬٢٥٠٫٥ م²", "en": "1,250.5 m²"}
    assert snapped["values"]["plot_area"] == "1250.5"
    assert answer(snapped, "current_state")["shown"] == {"ar": "أرض فضاء", "en": "Vacant land"}


def test_the_national_id_is_shown_masked_and_kept_whole_among_the_values() -> None:
    snapped = frozen("site-validity-statement")
    assert answer(snapped, "national_id")["shown"]["ar"] == "***********018"
    assert snapped["values"]["national_id"] == "29001018800018"
    assert "29001018800018" not in json.dumps(snapped["sections"])


def test_rows_are_kept_under_their_columns() -> None:
    group = answer(frozen("site-validity-statement"), "boundaries")
    assert [c["en"] for c in group["columns"]] == ["Side", "Neighbour or street", "Length"]
    assert [row[0]["en"] for row in group["rows"]] == ["North", "South", "East", "West"]


def test_what_the_register_said_is_frozen_as_well() -> None:
    snapped = frozen("state-property-dues-payment")
    assert snapped["record"]["amount_shown"] == "1250.5"
    assert snapped["values"]["amount_shown"] == "1250.5"
    assert answer(snapped, "amount_shown")["shown"]["ar"] == "١٬٢٥٠٫٥٠ جنيهًا"


def test_a_warning_is_told_in_both_languages() -> None:
    snapped = frozen("demolition-permit", fixed={"vacant": "no", "heritage_declared": "yes"})
    [warning] = snapped["warnings"]
    assert warning["field"] == "vacant"
    assert warning["ar"]
    assert warning["en"]


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_the_center_is_told_no_contact_details(code: str) -> None:
    """Back office and citizen never meet: services §3.1."""
    sections = for_center(frozen(code, optional=True))
    text = json.dumps(sections, ensure_ascii=False)
    assert "01012345678" not in text
    assert "+201012345678" not in text
    assert "mona@example.com" not in text
    assert all(section["answers"] for section in sections)
    assert any(a["code"] == "applicant_name" for s in sections for a in s["answers"])


def test_no_group_holds_contact_details() -> None:
    for service in CATALOGUE.services.values():
        for field in service.fields.values():
            assert not {c.kind for c in field.columns} & CONTACT_KINDS, service.code


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_a_quote_comes_back_from_json_as_it_was(code: str) -> None:
    service = CATALOGUE.services[code]
    raw = Maker(service, Lists(), TODAY).make()
    evaluation = evaluate(service, raw, TODAY, Lists())
    priced = quote(service, namespace(service, dict(evaluation.names), TODAY), TODAY)
    kept = json.loads(json.dumps(quote_to_json(priced)))
    assert quote_from_json(kept) == priced


def test_only_a_complaint_hides_who_files_it() -> None:
    hidden = hidden_from_departments(frozen("municipal-complaint"))
    assert hidden["sections"] == list(IDENTITY_SECTIONS)
    assert hidden["documents"] == list(IDENTITY_DOCUMENTS)
    open_one = hidden_from_departments(frozen("site-validity-statement"))
    assert open_one == {"sections": [], "documents": []}


def test_what_is_hidden_is_all_that_every_service_asks_of_the_applicant() -> None:
    services = list(CATALOGUE.services.values())
    steps = {s.code for s in services[0].steps}.intersection(
        *({s.code for s in service.steps} for service in services)
    )
    papers = {d.code for d in services[0].documents}.intersection(
        *({d.code for d in service.documents} for service in services)
    )
    assert set(IDENTITY_SECTIONS) == steps
    assert set(IDENTITY_DOCUMENTS) == papers
