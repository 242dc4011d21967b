"""The schemas and the AsyncAPI document against the code, and what a schema says of bad data."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from portal.catalogue.loader import shipped_catalogue
from portal.handoff import contract
from portal.handoff.messages import INWARD, OUTWARD, PREFIX
from portal.requests.answering import STEPS

DOCS = Path(__file__).parents[3] / "docs"
TYPES = {*OUTWARD, *INWARD}
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "3f0c8a0e-6a52-4c3b-9a51-0f5f8f1f7a90",
    "source": "center/KFS-003",
    "type": "eg.mahalliyat.request.registered.v1",
    "subject": "26-1503-00015-4",
    "center": "KFS-003",
    "time": "2026-11-21T17:08:23+00:00",
    "datacontenttype": "application/json",
    "data": {"number": 14, "year": 2026},
}


def test_every_type_has_its_schema_and_every_schema_its_type() -> None:
    assert set(contract.names()) == {*TYPES, contract.ENVELOPE, contract.COMMON}


def test_every_type_from_a_center_is_worked_into_requests() -> None:
    assert set(STEPS) == set(INWARD)


@pytest.mark.parametrize("name", contract.names())
def test_a_schema_is_one_and_leads_nowhere_else(name: str) -> None:
    schema = json.loads(contract.text_of(name) or b"")
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["title"]
    assert schema["description"]
    common = json.loads(contract.text_of(contract.COMMON) or b"")["$defs"]
    for target in _references(schema):
        assert target.removeprefix("common.v1.json#/$defs/").removeprefix("#/$defs/") in common


def _references(value: Any) -> list[str]:
    found = []
    if isinstance(value, dict):
        found += [value["$ref"]] if "$ref" in value else []
        found += [each for member in value.values() for each in _references(member)]
    elif isinstance(value, list):
        found += [each for member in value for each in _references(member)]
    return found


def test_the_schemas_know_every_code_of_the_catalogue() -> None:
    catalogue = shipped_catalogue()
    codes = [*catalogue.services, *catalogue.departments, *catalogue.refusal_reasons]
    for code in codes:
        data = {"reasons": [code], "note": "why"}
        assert contract.of_data("request.refused.v1", data) == [], code


def test_the_asyncapi_document_has_the_same_channels_types_and_schemas() -> None:
    told = yaml.safe_load((DOCS / "handoff.asyncapi.yaml").read_text("utf-8"))
    assert told["asyncapi"] == "3.0.0"
    channels, messages = told["channels"], told["components"]["messages"]
    assert channels["out"]["address"] == "handoff.out.{center}"
    assert channels["in"]["address"] == "handoff.in.{center}"
    assert channels["events"]["address"] == "/api/v1/centers/{center}/events"

    def types_of(channel: str) -> list[str]:
        names = [each["$ref"].rpartition("/")[2] for each in channels[channel]["messages"].values()]
        return sorted(messages[name]["name"].removeprefix(PREFIX) for name in names)

    assert types_of("out") == sorted(OUTWARD)
    assert types_of("in") == types_of("events") == sorted(INWARD)
    named = set()
    for reference in _references(told):
        if reference.startswith("#/"):
            place: Any = told
            for part in reference[2:].split("/"):
                place = place[part]
        else:
            path = (DOCS / reference.partition("#")[0]).resolve()
            assert path.exists(), reference
            named.add(path.name.removesuffix(".json"))
    assert named == set(contract.names())


def test_an_envelope_that_is_right_has_no_fault() -> None:
    assert contract.of_envelope(ENVELOPE) == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"id": ""}, "/id"),
        ({"id": "x" * 41}, "/id"),
        ({"id": "a b"}, "/id"),
        ({"id": None}, "/id"),
        ({"specversion": "0.3"}, "/specversion"),
        ({"source": "center/KFS"}, "/source"),
        ({"type": "com.example.x.v1"}, "/type"),
        ({"subject": "x" * 21}, "/subject"),
        ({"subject": "a\0b"}, "/subject"),
        ({"center": "kfs-003"}, "/center"),
        ({"time": "2026"}, "/time"),
        ({"data": []}, "/data"),
        ({"datacontenttype": "text/plain"}, "/datacontenttype"),
    ],
)
def test_a_fault_of_the_envelope_is_told_with_its_place(
    changes: dict[str, Any], pointer: str
) -> None:
    assert pointer in {each.pointer for each in contract.of_envelope({**ENVELOPE, **changes})}


@pytest.mark.parametrize(
    ("kind", "data", "pointer"),
    [
        ("request.registered.v1", {"year": 2026}, "/data/number"),
        ("request.registered.v1", {"number": "7", "year": 2026}, "/data/number"),
        ("request.registered.v1", {"number": 2**31, "year": 2026}, "/data/number"),
        ("request.registered.v1", {"number": 7, "year": 2026, "actor": "x" * 121}, "/data/actor"),
        ("request.registered.v1", {"number": 7, "year": 2026, "actor": "\0"}, "/data/actor"),
        ("request.registered.v1", {"number": 7, "year": 2026, "actor": "\ud800"}, "/data/actor"),
        ("completion.requested.v1", {"items": "sketch"}, "/data/items"),
        ("completion.requested.v1", {"items": ["a", "a"]}, "/data/items"),
        ("completion.requested.v1", {"items": ["\u202e"]}, "/data/items/0"),
        ("completion.requested.v1", {"items": [], "days": 2}, "/data/days"),
        ("request.refused.v1", {"reasons": [], "note": "x"}, "/data/reasons"),
        ("request.refused.v1", {"reasons": ["health"], "note": " "}, "/data/note"),
        ("output.issued.v1", {"documents": [{}]}, "/data/documents/0/sha256"),
        ("inspection.scheduled.v1", {"day": "2026-02-30", "from": "09:00", "to": "x"}, "/data/day"),
        (
            "inspection.scheduled.v1",
            {"day": "2026-12-01", "from": "24:00", "to": "x"},
            "/data/from",
        ),
        ("inspection.missed.v1", {"missed_by": "nobody"}, "/data/missed_by"),
        ("inspection.missed.v1", {"missed_by": "center", "again": {}}, "/data/again/day"),
        ("fees.assessed.v1", {"stage": "submission", "lines": [], "total": 1}, "/data/stage"),
        ("fees.assessed.v1", {"stage": "after_approval", "lines": [], "total": 1.5}, "/data/total"),
        ("period.extended.v1", {"days": 0, "note": "x"}, "/data/days"),
        ("grievance.decided.v1", {"outcome": "maybe", "note": "x"}, "/data/outcome"),
    ],
)
def test_a_fault_of_the_data_is_told_with_its_place(
    kind: str, data: dict[str, Any], pointer: str
) -> None:
    assert pointer in {each.pointer for each in contract.of_data(kind, data)}


def test_what_is_not_known_is_let_pass() -> None:
    data = {"number": 7, "year": 2026, "colour": {"deep": [1, 2, {"x": None}]}}
    assert contract.of_data("request.registered.v1", data) == []


def test_of_many_faults_some_are_told() -> None:
    data = {"items": ["\0"] * 5000}
    assert 0 < len(contract.of_data("completion.requested.v1", data)) <= 20
