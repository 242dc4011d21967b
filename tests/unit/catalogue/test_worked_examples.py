"""Fees of every paid service against sums worked out by hand from the fee rules."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.catalogue.fees import namespace, quote
from portal.catalogue.fields import KINDS, Context
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Catalogue, Choice, Field, PaymentMode, Service, Stage, Text

EXAMPLES_DIR = Path(__file__).parent / "worked_examples"
CATALOGUE = shipped_catalogue()


def _examples() -> list[Any]:
    found = []
    for path in sorted(EXAMPLES_DIR.glob("*.toml")):
        examples = tomllib.loads(path.read_text(encoding="utf-8"))["examples"]
        found += [pytest.param(path.stem, e, id=f"{path.stem}: {e['name']}") for e in examples]
    return found


def _value(field: Field, raw: Any, on: date) -> Any:
    if field.kind == "group":
        columns = {column.code: column for column in field.columns}
        return [{code: _value(columns[code], v, on) for code, v in row.items()} for row in raw]
    choices = field.choices
    if field.choices_from:  # lists from outside the catalogue: whatever the example names
        names = raw if isinstance(raw, list) else [raw]
        choices = tuple(Choice(name, Text(name, name)) for name in names)
    return KINDS[field.kind].parse(field, raw, Context(on, choices))


def _names(service: Service, example: dict[str, Any]) -> dict[str, Any]:
    assessed = {field.code: field for field in service.assessed}
    values: dict[str, Any] = {}
    for code, raw in example.get("answers", {}).items():
        values[code] = _value(service.fields[code], raw, example["on"])
    for code, raw in example.get("assessed", {}).items():
        values[code] = _value(assessed[code], raw, example["on"])
    for code, raw in example.get("record", {}).items():
        values[code] = _value(service.fields[code], raw, example["on"])
    return namespace(service, values, example["on"])


@pytest.mark.parametrize(("code", "example"), _examples())
def test_a_worked_example_prices_as_computed_by_hand(code: str, example: dict[str, Any]) -> None:
    service = CATALOGUE.services[code]
    priced = quote(service, _names(service, example), example["on"])
    for stage, expected in example["expected"].items():
        lines = {line.id: line.amount.minor for line in priced.stage(Stage(stage)) if line.amount}
        assert lines == expected


def _paid(catalogue: Catalogue) -> list[str]:
    free = {PaymentMode.FREE, PaymentMode.REFUND}
    return [s.code for s in catalogue.services.values() if s.payment_mode not in free]


@pytest.mark.parametrize("code", _paid(CATALOGUE))
def test_every_paid_service_has_at_least_two_worked_examples(code: str) -> None:
    examples = tomllib.loads((EXAMPLES_DIR / f"{code}.toml").read_text(encoding="utf-8"))
    assert len(examples["examples"]) >= 2
