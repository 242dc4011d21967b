"""Answers for any service, made from its catalogue file and nothing else.

Every question that is asked gets a value within its bounds; ``choose`` decides between choices, so
that conditions are walked both ways. Rules between several answers are met by the values of
``KNOWN``, written by hand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.catalogue.fields import KINDS, Raw
from portal.catalogue.forms import Asked, Evaluation, Lookups, evaluate
from portal.catalogue.model import Field, Service

NATIONAL_ID = "29001018800018"
MOBILE = "01012345678"
Choose = Callable[[str, Sequence[str]], str]


def first(_code: str, values: Sequence[str]) -> str:
    return values[0]


def last(_code: str, values: Sequence[str]) -> str:
    return values[-1]


@dataclass
class Maker:
    """Makes answers for one service at one place."""

    service: Service
    lookups: Lookups
    today: date
    governorate: str = "EG-KFS"
    center: str = "KFS-003"
    choose: Choose = first
    fixed: Mapping[str, Raw] = field(default_factory=dict)
    optional: bool = False
    """Whether questions that need no answer get one as well."""

    def make(self) -> dict[str, Raw]:
        """Raw answers with which the form is complete."""
        raw: dict[str, Raw] = {}
        fixed = {**KNOWN.get(self.service.code, {}), **self.fixed}
        for _ in range(12):
            evaluation = evaluate(self.service, raw, self.today, self.lookups)
            changes = dict(self._missing(evaluation, raw, fixed))
            if not changes:
                break
            raw.update(changes)
        evaluation = evaluate(self.service, raw, self.today, self.lookups)
        assert evaluation.complete, [
            (p.field, p.msgid or p.text) for s in evaluation.steps for p in s.problems
        ]
        return raw

    def _missing(
        self, evaluation: Evaluation, raw: Mapping[str, Raw], fixed: Mapping[str, Any]
    ) -> Sequence[tuple[str, Raw]]:
        found: list[tuple[str, Raw]] = []
        for state in evaluation.steps:
            for asked in state.asked:
                code = asked.field.code
                if code in raw or not asked.field.asked:
                    continue
                if code in fixed:
                    value = fixed[code]
                    found.append((code, value(self.today) if callable(value) else value))
                elif asked.field.required or self.optional or code.endswith(".landmark"):
                    found.append((code, self._value(asked, evaluation.names)))
        return found

    def _value(self, asked: Asked, names: Mapping[str, Any]) -> Raw:
        code = asked.field.code
        if code.endswith(".governorate"):
            return self.governorate
        if code.endswith(".center"):
            return self.center
        return value_for(asked.field, names, self.today, self.choose)


def value_for(  # noqa: C901 - one case for each kind of field
    field: Field, names: Mapping[str, Any], today: date, choose: Choose
) -> Raw:
    """A value within the bounds of ``field``."""
    lowest = field.minimum.value(names) if field.minimum else None
    highest = field.maximum.value(names) if field.maximum else None
    match field.kind:
        case "text" | "textarea":
            return _text(field, int(lowest or 0))
        case "integer" | "decimal" | "money" | "area_m2" | "coordinate":
            return _number(lowest, highest)
        case "date":
            return _date(lowest, highest, today)
        case "time":
            return "18:30"
        case "choice":
            return choose(field.code, [choice.value for choice in field.choices])
        case "multichoice":
            return [choose(field.code, [choice.value for choice in field.choices])]
        case "boolean":
            if field.must_be is not None:
                return "yes" if field.must_be else "no"
            return choose(field.code, ["no", "yes"])
        case "national_id":
            return NATIONAL_ID
        case "mobile":
            return MOBILE
        case "email":
            return "mona@example.com"
        case "iban":
            return "EG380019000500000000263180002"
        case "permit_number":
            return "25/2023"
        case "group":
            return _rows(field, names, today, choose)
    raise AssertionError(field.kind)


def _text(field: Field, least: int) -> str:
    match field.pattern:
        case "arabic_name":
            return "منى السيد عبد الرحمن شلبي"
        case "alnum":
            return "A12345678"
        case "letter":
            return "ب"
        case "tax_number":
            return "123456789"
        case "digits":
            return "1" * max(least, 4)
    text = "نص تجريبي واضح"
    highest = field.maximum.value({}) if field.maximum and not field.maximum.names else 150
    if highest is not None and highest < len(text):
        return "٧" * max(1, int(least))
    return text if len(text) >= least else (text + " ") * (least // len(text) + 1)


def _number(lowest: Any, highest: Any) -> str:
    low = Decimal(lowest if lowest is not None else 1)
    high = Decimal(highest if highest is not None else low + 100)
    middle = low + min((high - low) / 2, Decimal(9))
    whole = middle.to_integral_value()
    return f"{(whole if low <= whole <= high else low):f}"


def _date(lowest: date | None, highest: date | None, today: date) -> str:
    if lowest is not None and highest is not None:
        day = lowest + (highest - lowest) / 2
    elif lowest is not None:
        day = max(lowest, today) + timedelta(days=60)
    elif highest is not None:
        day = min(highest, today) - timedelta(days=10)
    else:
        day = today + timedelta(days=60)
    return f"{day:%d/%m/%Y}"


def _rows(group: Field, names: Mapping[str, Any], today: date, choose: Choose) -> list[Any]:
    if group.rows_by:
        column = next(c for c in group.columns if c.code == group.rows_by)
        fixed: list[dict[str, Raw]] = [{group.rows_by: choice.value} for choice in column.choices]
    else:
        least = int(group.minimum.value(names) or 1) if group.minimum else 1
        fixed = [{} for _ in range(max(1, least))]
    rows = []
    for index, start in enumerate(fixed):
        row = dict(start)
        for column in group.columns:
            if column.code not in row and column.required:
                row[column.code] = value_for(column, names, today, choose)
                if column.kind == "national_id":
                    row[column.code] = _IDS[index % len(_IDS)]
        rows.append(row)
    return rows


_IDS = ("29001018800018", "29001018800026", "29001018800051", "29001018800140")


def _after(days: int) -> Callable[[date], str]:
    return lambda today: f"{today + timedelta(days=days):%d/%m/%Y}"


# Values that rules between several answers need
_OLD_DATE = "01/06/2020"
KNOWN: dict[str, dict[str, Any]] = {
    "building-permit-new": {
        "plot_area": "200",
        "footprint_area": "150",
        "total_built_area": "450",
        "floors_above": "3",
        "basements": "0",
        "floors": [
            {"floor_name": name, "floor_use": "residential", "floor_area": "150", "units": "2"}
            for name in ("الأرضي", "الأول", "الثاني")
        ],
    },
    "building-permit-alteration": {"use_from": "residential", "use_to": "commercial"},
    "building-permit-renewal": {
        "permit": "25/2026",
        "issue_date": _after(-200),
        "works_started": "no",
        "drawings_changed": "no",
    },
    "reconciliation-balance-payment": {"request": "301/2025", "instalment_no": "2"},
    "security-deposit-refund": {"original_request": "501/2025"},
    "shop-licence-by-notification": {"food_handling": "no", "hazardous": "no"},
    "shop-licence-amendment": {"current_area": "40", "new_area": "60"},
    "advertisement-licence-renewal": {"licence": "702/2024", "unchanged": "yes"},
    "event-tent-permit": {"nights": "2", "start_date": _after(12)},
    "state-land-legalisation": {"platform_ref": "123456", "occupation_since": _OLD_DATE},
    "state-property-dues-payment": {"contract_no": "1201/2024"},
}


def as_form(fields: Sequence[Asked], raw: Mapping[str, Raw]) -> dict[str, list[str] | str]:
    """The answers of one page as a browser would post them."""
    posted: dict[str, list[str] | str] = {}
    for asked in fields:
        value = raw.get(asked.field.code)
        if value is None or not asked.field.asked:
            continue
        _put(posted, asked.field, asked.field.code, value)
    return posted


def _put(posted: dict[str, list[str] | str], field: Field, name: str, value: Raw) -> None:
    if field.kind == "group":
        for index, row in enumerate(value):
            for column in field.columns:
                if column.code in row:
                    _put(posted, column, f"{name}.{index}.{column.code}", row[column.code])
    elif field.kind == "date":
        for part, text in zip(("day", "month", "year"), str(value).split("/"), strict=True):
            posted[f"{name}.{part}"] = text
    else:
        posted[name] = value


__all__ = ["KINDS", "KNOWN", "Maker", "as_form", "first", "last", "replace"]
