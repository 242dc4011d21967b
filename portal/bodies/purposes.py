"""What each kind of body may ask for, and what it is told: the field sets of facts §6.5, as tables.

An agreement narrows the set of its purpose and never widens it. What the register does not hold of
a permit is told as unknown: nothing is guessed. That nothing is recorded beside a permit of paper
books is no answer, for it came into the register late.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.bodies.model import BodyKind, Purpose
from portal.permits import matters, validity
from portal.permits.labels import REGIMES, TYPES, USES
from portal.permits.matters import OUTCOMES, Matter
from portal.permits.model import MatterKind
from portal.permits.reading import Permit
from portal.permits.validity import Status, Verdict

PURPOSES: Mapping[BodyKind, frozenset[Purpose]] = {
    BodyKind.ELECTRICITY: frozenset({Purpose.CONNECTION}),
    BodyKind.WATER: frozenset({Purpose.CONNECTION}),
    BodyKind.GAS: frozenset({Purpose.CONNECTION}),
    BodyKind.TELECOM: frozenset({Purpose.CONNECTION}),
    BodyKind.NOTARY: frozenset({Purpose.REGISTRATION}),
    BodyKind.BANK: frozenset({Purpose.VALUATION}),
    BodyKind.PROPERTY_TAX: frozenset({Purpose.TAXATION}),
    BodyKind.COURT: frozenset({Purpose.JUDICIAL}),
    BodyKind.INSURANCE: frozenset({Purpose.INSURANCE}),
    BodyKind.CIVIL_DEFENCE: frozenset({Purpose.SAFETY}),
    BodyKind.UTILITIES_POLICE: frozenset({Purpose.JUDICIAL}),
}
"""What may be agreed with a body of each kind."""

OWNER_MATCH, ESTIMATED_VALUE = "owner_match", "estimated_value"

_BASIC = (
    "permit_type",
    "legal_regime",
    "issued_on",
    "status",
    "status_on",
    "validity",
    "must_start_by",
    "building_use",
    "floors_above",
    "basements",
    "units_count",
    "occupancy",
)
_UTILITY = (*_BASIC, "form_8", "dues_block")
_SITE = ("street", "building_no", "plot_no", "plot_area")
_AREAS = ("footprint_area", "total_built_area", "height")
_DEED = (*_UTILITY, OWNER_MATCH, *_SITE, "violations_count", "reconciliation_status")
_SETS: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.CONNECTION: _UTILITY,
    Purpose.REGISTRATION: _DEED,
    Purpose.VALUATION: (*_UTILITY, *_SITE, *_AREAS, ESTIMATED_VALUE),
    Purpose.TAXATION: (*_BASIC, *_SITE, *_AREAS),
    Purpose.JUDICIAL: (*_DEED, *_AREAS),
    Purpose.INSURANCE: (*_BASIC, *_SITE, *_AREAS),
    Purpose.SAFETY: (*_BASIC, *_SITE, *_AREAS),
}
# A policeman is told what he can hold against the building, and nothing of its owner
_NARROWED: Mapping[BodyKind, frozenset[str]] = {
    BodyKind.UTILITIES_POLICE: frozenset({OWNER_MATCH, "dues_block", "reconciliation_status"})
}


def fields_of(kind: BodyKind, purpose: Purpose) -> tuple[str, ...]:
    """The most that may be agreed, in the order of an answer; nothing for a purpose that a body of
    this kind has not."""
    if purpose not in PURPOSES[kind]:
        return ()
    without = _NARROWED.get(kind, frozenset())
    return tuple(name for name in _SETS[purpose] if name not in without)


@dataclass(frozen=True)
class Sight:
    """A permit on a day, with what a question adds to it."""

    permit: Permit
    today: date
    matters: Sequence[Matter] = ()
    owner_match: str | None = None
    consented: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the register saw all of the permit's life: one of paper books came late."""
        return bool(self.permit.row["source"] == "system")


@dataclass(frozen=True)
class Field:
    """One thing that is told: its schema, and how the register knows it (None: it does not)."""

    schema: Mapping[str, Any]
    known: Callable[[Sight], Any]


def _text(column: str, description: str) -> Field:
    return Field(
        {"type": "string", "description": description},
        lambda sight: sight.permit.row[column] or None,
    )


def _choice(column: str, values: Mapping[str, Any], description: str) -> Field:
    return Field(
        {"type": "string", "enum": list(values), "description": description},
        lambda sight: sight.permit.row[column] or None,
    )


def _count(column: str, description: str) -> Field:
    return Field(
        {"type": "integer", "minimum": 0, "description": description},
        lambda sight: sight.permit.row[column],
    )


def _hundredths(column: str, description: str) -> Field:
    def known(sight: Sight) -> float | None:
        value = sight.permit.row[column]
        return None if value is None else value / 100

    return Field({"type": "number", "minimum": 0, "description": description}, known)


def _day(column: str, description: str) -> Field:
    def known(sight: Sight) -> str | None:
        day = sight.permit.row[column]
        return day.isoformat() if day else None

    return Field({"type": "string", "format": "date", "description": description}, known)


def verdict(sight: Sight) -> Verdict | None:
    """What anyone would be told of the permit in a word; None without a day of issue."""
    term = sight.permit.term
    return validity.verdict(sight.permit.status, term, sight.today) if term else None


def _occupancy(sight: Sight) -> dict[str, Any]:
    on = sight.permit.row["occupied_on"]
    return {"deposited": on is not None, "on": on.isoformat() if on else None}


def _value(sight: Sight) -> str | None:
    if not sight.consented:
        return None
    try:
        value = Decimal(str(sight.permit.row["details"].get("estimated_value", "")))
    except InvalidOperation:
        return None
    return f"{value:.2f}" if value.is_finite() and value >= 0 else None


def _recorded(kind: MatterKind) -> Callable[[Sight], bool | None]:
    """Whether it is recorded; that it is not says something only of a permit issued here."""

    def known(sight: Sight) -> bool | None:
        return matters.is_recorded(sight.matters, kind) or (False if sight.is_whole else None)

    return known


def _violations(sight: Sight) -> int | None:
    return matters.violations(sight.matters) or (0 if sight.is_whole else None)


def _reconciliation(sight: Sight) -> str | None:
    status = matters.reconciliation(sight.matters)
    return None if status == "none" and not sight.is_whole else status


FIELDS: Mapping[str, Field] = {
    "permit_type": _choice("permit_type", TYPES, "What was permitted."),
    "legal_regime": _choice("legal_regime", REGIMES, "The law under which it was issued."),
    "issued_on": _day("issued_on", "The day of issue."),
    "status": Field(
        {
            "type": "string",
            "enum": [s.value for s in Status if s is not Status.MANUAL_UNVERIFIED],
            "description": "What the register says of the permit.",
        },
        lambda sight: sight.permit.status.value,
    ),
    "status_on": _day("status_on", "Since when it says so."),
    "validity": Field(
        {
            "type": "string",
            "enum": [v.value for v in Verdict if v is not Verdict.UNKNOWN],
            "description": "Whether it holds today, by law 119 of 2008. `start_over`: the time to "
            "begin the works is over and no beginning is recorded; only the center decides "
            "whether the permit has lapsed.",
        },
        lambda sight: found.value if (found := verdict(sight)) else None,
    ),
    "must_start_by": _day("must_start_by", "The last day to begin the works."),
    "building_use": _choice("building_use", USES, "The use that was permitted."),
    "floors_above": _count("floors_above", "Floors permitted, the ground floor among them."),
    "basements": _count("basements", "Basements permitted."),
    "units_count": _count("units_count", "Units permitted."),
    "occupancy": Field(
        {
            "type": "object",
            "description": "Whether the certificate of fitness for occupancy was deposited with "
            "the center, and when.",
            "properties": {
                "deposited": {"type": "boolean"},
                "on": {"type": ["string", "null"], "format": "date"},
            },
            "required": ["deposited", "on"],
            "additionalProperties": False,
        },
        _occupancy,
    ),
    "form_8": Field(
        {"type": "boolean", "description": "Whether Form 8 for connecting utilities was issued."},
        _recorded(MatterKind.FORM_8),
    ),
    "dues_block": Field(
        {"type": "boolean", "description": "Whether dues are owed that forbid a connection."},
        _recorded(MatterKind.DUES),
    ),
    OWNER_MATCH: Field(
        {
            "type": "string",
            "enum": ["match", "no_match"],
            "description": "Whether the name that was sent is that of an owner. The register's own "
            "names are never told.",
        },
        lambda sight: sight.owner_match,
    ),
    "street": _text("street", "The street of the site."),
    "building_no": _text("building_no", "The number of the building."),
    "plot_no": _text("plot_no", "The number of the plot."),
    "plot_area": _hundredths("plot_area", "Area of the plot, in square metres."),
    "footprint_area": _hundredths("footprint_area", "Built area of the ground floor, in m²."),
    "total_built_area": _hundredths("total_built_area", "Built area of all floors, in m²."),
    "height": _hundredths("height_cm", "Height of the building, in metres."),
    ESTIMATED_VALUE: Field(
        {
            "type": "string",
            "pattern": r"^[0-9]+\.[0-9]{2}$",
            "description": "Estimated value of the works, in Egyptian pounds. Told only with a "
            "code by which the owner consents.",
        },
        _value,
    ),
    "violations_count": Field(
        {
            "type": "integer",
            "minimum": 0,
            "description": "Reports of violations on the building, settled ones among them; "
            "without those that were cancelled or in which a court found none.",
        },
        _violations,
    ),
    "reconciliation_status": Field(
        {
            "type": "string",
            "enum": ["none", "requested", *OUTCOMES[MatterKind.RECONCILIATION]],
            "description": "What became of the newest request for reconciliation.",
        },
        _reconciliation,
    ),
}


def told(names: tuple[str, ...], sight: Sight) -> tuple[dict[str, Any], list[str]]:
    """The values of ``names`` that the register knows, and the names of those it does not."""
    values = {name: FIELDS[name].known(sight) for name in names}
    known = {name: value for name, value in values.items() if value is not None}
    return known, [name for name in names if name not in known]
