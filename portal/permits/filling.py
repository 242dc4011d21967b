"""Permits that centers issue through the portal come into the register by themselves.

Services 02 to 07 bring a new permit, 08 renews one. A number that cannot be read, or that is taken
already, is left to the center: the request is issued all the same, and an officer enters the permit
by hand.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, String
from sqlalchemy.exc import DataError, IntegrityError

from portal.clock import cairo_day
from portal.observability import log
from portal.permits import owning, reading, registry
from portal.permits.model import BuildingPermit
from portal.permits.numbers import read_number
from portal.permits.reading import Owner, People, Permit
from portal.permits.registry import NewPermit, NotPossible, PermitAction
from portal.problems import Conflict
from portal.vault import Vault

ACTOR = "portal"
_TYPES = {
    "building-permit-new": "new",
    "building-permit-vertical-extension": "vertical_extension",
    "building-permit-alteration": "alteration",
    "building-permit-strengthening": "strengthening",
    "building-permit-restoration": "restoration",
    "demolition-permit": "demolition",
}
_RENEWAL = "building-permit-renewal"
# A permit for one of these alone is called after it; for several it is an alteration
_ALONE = {
    "extension": "extension",
    "boundary_wall": "boundary_wall",
    "external_finish": "external_finish",
    "use_change": "use_change",
}
_TEXTS = {
    "site.shiakha_or_village": "area",
    "site.street": "street",
    "site.building_no": "building_no",
    "site.plot_no": "plot_no",
    "building_use": "building_use",
    "use_to": "building_use",
    "base_permit": "base_permit",
    "permit_number_existing": "base_permit",
}
# areas in hundredths of a square metre, the height in centimetres
_HUNDREDTHS = {
    "plot_area": "plot_area",
    "footprint_area": "footprint_area",
    "total_built_area": "total_built_area",
    "building_height_m": "height_cm",
    "final_height_m": "height_cm",
}
_COUNTS = {
    "floors_above": "floors_above",
    "basements": "basements",
    "units_count": "units_count",
}
_DETAILS = (
    "floors",
    "parking_spaces",
    "elevators_count",
    "structure_system",
    "estimated_value",
    "site_statement_number",
    "works_validity_certificate_no",
    "alteration_kinds",
    "added_area",
    "altered_area",
    # of what a demolition takes away: nothing of it is permitted to be built
    "demolished_area",
    "floors_count",
)
_WIDTHS = {
    column.name: column.type.length
    for column in BuildingPermit.__table__.columns
    if isinstance(column.type, String) and column.type.length is not None
}
# What a value of a kind that nobody foresaw may raise; a database that is away is none of these
_UNFIT = (DataError, IntegrityError, ArithmeticError, ValueError, KeyError, TypeError)


class Issued(Protocol):
    """What became of a document that a center issued: the number that it wrote, and the answers
    that the request was filed with."""

    @property
    def outcome(self) -> str:
        """``issued``, ``corrected``, ``revoked``, ``suspended`` or ``renewed``."""

    @property
    def service_code(self) -> str: ...

    @property
    def center_code(self) -> str: ...

    @property
    def request_number(self) -> str: ...

    @property
    def output_number(self) -> str: ...

    @property
    def answers(self) -> Mapping[str, Any]: ...

    @property
    def note(self) -> str: ...

    @property
    def filed_at(self) -> datetime: ...

    @property
    def issued_at(self) -> datetime: ...

    @property
    def at(self) -> datetime: ...

    @property
    def citizen_id(self) -> int | None:
        """The account that filed the request, if one did."""


def fill(db: Connection, issued: Issued, *, vault: Vault) -> None:
    """Take what became of a building permit into the register; other documents are none of it.

    What does not fit the register is left to the center: the request goes on all the same. Raises
    :class:`Conflict` when somebody changed the permit in this instant: it is tried again.
    """
    try:
        with db.begin_nested():
            if issued.service_code == _RENEWAL and issued.outcome == "issued":
                _renew(db, vault, issued)
            elif issued.service_code in _TYPES:
                _OUTCOMES[issued.outcome](db, vault, issued)
    except _UNFIT as error:
        log.error("permits.failed", request=issued.request_number, error=type(error).__name__)


def _enter(db: Connection, vault: Vault, issued: Issued) -> None:
    number = read_number(issued.output_number, cairo_day(issued.at).year)
    if number is None:
        log.warning("permits.unread", request=issued.request_number)
        return
    new = NewPermit(
        center_code=issued.center_code,
        number=number,
        permit_type=_type(issued),
        issued_on=cairo_day(issued.issued_at),
        source="system",
        people=_people(issued.answers),
        request_number=issued.request_number,
        columns=_columns(issued.answers),
    )
    try:
        permit_id = registry.enter(db, vault, new, ACTOR, issued.at)
    except Conflict:
        log.warning("permits.taken", request=issued.request_number)
        return
    if issued.citizen_id is not None:  # an attorney's, too, whose mobile is not the owner's
        owning.claim(db, permit_id, issued.citizen_id, issued.at)


def _correct(db: Connection, vault: Vault, issued: Issued) -> None:
    """A wrong number was written; the permit is the same."""
    number = read_number(issued.output_number, cairo_day(issued.at).year)
    permit = reading.by_request(db, vault, issued.request_number)
    if permit is None:
        _enter(db, vault, issued)  # its first number could not be read
    elif number is None or not registry.renumber(db, vault, permit, number, ACTOR, issued.at):
        log.warning("permits.not_corrected", request=issued.request_number)


def _known(db: Connection, vault: Vault, issued: Issued) -> Permit | None:
    """The permit of the request: by itself, or as an officer has entered it."""
    permit = reading.by_request(db, vault, issued.request_number)
    if permit is None:
        number = read_number(issued.output_number, cairo_day(issued.at).year)
        permit = reading.find(db, vault, issued.center_code, number) if number else None
    if permit is None:
        log.warning("permits.unknown", request=issued.request_number)
    return permit


def _told(action: PermitAction, db: Connection, vault: Vault, issued: Issued) -> None:
    permit = _known(db, vault, issued)
    if permit is not None:
        _act(db, vault, permit, action, cairo_day(issued.at), issued)


def _act(
    db: Connection,
    vault: Vault,
    permit: Permit,
    action: PermitAction,
    on: date,
    issued: Issued,
) -> None:
    today = cairo_day(issued.at)
    try:
        registry.act(db, vault, permit, action, on, ACTOR, issued.note, issued.at, today)
    except NotPossible as error:
        log.warning("permits.not_possible", request=issued.request_number, reason=error.reason)


def _renew(db: Connection, vault: Vault, issued: Issued) -> None:
    """In time is who asked in time, however long the center took."""
    named = str(issued.answers.get("permit", ""))
    number = read_number(named, cairo_day(issued.at).year)
    if number is None:  # it may be named by the request that brought it
        permit = reading.by_request(db, vault, named)
    else:
        permit = reading.find(db, vault, issued.center_code, number)
    if permit is None:
        log.warning("permits.unknown", request=issued.request_number)
        return
    _act(db, vault, permit, PermitAction.RENEW, cairo_day(issued.filed_at), issued)


_OUTCOMES: Mapping[str, Callable[[Connection, Vault, Issued], None]] = {
    "issued": _enter,
    "corrected": _correct,
    "revoked": partial(_told, PermitAction.REVOKE),
    "suspended": partial(_told, PermitAction.SUSPEND),
    "renewed": partial(_told, PermitAction.RENEW),
}


def _type(issued: Issued) -> str:
    kinds = issued.answers.get("alteration_kinds")
    if isinstance(kinds, Sequence) and len(kinds) == 1:
        return _ALONE.get(str(kinds[0]), _TYPES[issued.service_code])
    return _TYPES[issued.service_code]


def _columns(answers: Mapping[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        column: str(answers[code])[: _WIDTHS[column]]
        for code, column in _TEXTS.items()
        if answers.get(code)
    }
    for code, column in _HUNDREDTHS.items():
        if answers.get(code) is not None:
            columns[column] = int(Decimal(str(answers[code])) * 100)
    for code, column in _COUNTS.items():
        if answers.get(code) is not None:
            columns[column] = int(Decimal(str(answers[code])))
    if answers.get("existing_floors") is not None and answers.get("added_floors") is not None:
        both = Decimal(str(answers["existing_floors"])) + Decimal(str(answers["added_floors"]))
        columns["floors_above"] = int(both)
    columns["details"] = {code: answers[code] for code in _DETAILS if answers.get(code) is not None}
    return columns


def _people(answers: Mapping[str, Any]) -> People:
    """The owner is who applies, or whom an attorney applies for."""

    def text(code: str) -> str:
        return str(answers.get(code) or "")

    if text("principal_name"):
        owner = Owner(text("principal_name"), text("principal_national_id"))
    elif text("company_name"):
        owner = Owner(text("company_name"))
    else:
        owner = Owner(text("applicant_name"), text("national_id"), text("mobile"))
    return People(
        owners=[owner] if owner.name else [],
        designer=text("designer_name"),
        supervisor=text("supervisor_name"),
        contractor=text("demolition_contractor"),
        insurance_policy=text("insurance_policy_no"),
    )
