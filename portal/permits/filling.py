"""Permits that centers issue through the portal come into the register by themselves.

Services 02 to 07 bring a new permit, 08 renews one, 09 tells that works will begin, and 10 that the
occupancy certificate is deposited. A number that cannot be read, or that is taken already, is left
to the center: the request is issued all the same, and an officer enters it from what is kept
(:mod:`portal.permits.leftovers`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, String
from sqlalchemy.exc import DataError, IntegrityError

from portal.clock import cairo_day
from portal.observability import log
from portal.permits import leftovers, owning, reading, registry
from portal.permits.leftovers import Leftover, Why
from portal.permits.model import BuildingPermit
from portal.permits.numbers import PermitNumber, read_number
from portal.permits.particulars import BY_NAME, CAPACITIES
from portal.permits.reading import Owner, People, Permit
from portal.permits.registry import NewPermit, NotPossible, PermitAction
from portal.permits.spellings import read_day
from portal.permits.validity import Status
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

    What does not fit the register is left to the center, which is told of it: the request goes on
    all the same. Raises :class:`Conflict` when somebody changed the permit in this instant: it is
    tried again.
    """
    way = _ways(issued)
    if way is None:
        return
    try:
        with db.begin_nested():
            way(db, vault, issued)
    except _UNFIT as error:
        log.error("permits.failed", request=issued.request_number, error=type(error).__name__)
        _left(db, vault, issued, Why.FAILED)


_Way = Callable[[Connection, Vault, Issued], None]


def _ways(issued: Issued) -> _Way | None:
    if issued.service_code in _TYPES:
        return _OUTCOMES[issued.outcome]
    return _OF_OTHERS.get(issued.service_code) if issued.outcome == "issued" else None


def _left(
    db: Connection, vault: Vault, issued: Issued, why: Why, new: NewPermit | None = None
) -> None:
    """The center is told, and nothing of it is lost."""
    leftovers.keep(
        db,
        vault,
        Leftover(
            issued.center_code,
            issued.request_number,
            issued.service_code,
            why,
            issued.output_number[: leftovers.LONGEST_NUMBER],
            issued.at,
        ),
        new,
        issued.citizen_id,
    )


def _enter(db: Connection, vault: Vault, issued: Issued) -> None:
    if reading.by_request(db, vault, issued.request_number) is not None:
        return  # told twice
    this_year = cairo_day(issued.at).year
    number = read_number(issued.output_number, this_year)
    new = _new(db, vault, issued, number or PermitNumber(0, "", this_year))
    if number is None:
        log.warning("permits.unread", request=issued.request_number)
        _left(db, vault, issued, Why.UNREAD, new)
        return
    try:
        permit_id = registry.enter(db, vault, new, ACTOR, issued.at)
    except Conflict:
        log.warning("permits.taken", request=issued.request_number)
        _left(db, vault, issued, Why.TAKEN, new)
        return
    if issued.citizen_id is not None:  # an attorney's, too, whose mobile is not the owner's
        owning.claim(db, permit_id, issued.citizen_id, issued.at)
    supersede_base(db, vault, new, ACTOR, issued.at)


def _new(db: Connection, vault: Vault, issued: Issued, number: PermitNumber) -> NewPermit:
    columns = _columns(issued.answers)
    base = _named(db, vault, issued.center_code, columns.get("base_permit", ""), number.year)
    if base is not None:
        columns["base_permit"] = base.number.canonical
    applied = {"applied_on": cairo_day(issued.filed_at).isoformat()}
    return NewPermit(
        center_code=issued.center_code,
        number=number,
        permit_type=_type(issued),
        issued_on=cairo_day(issued.issued_at),
        source="system",
        people=_people(issued.answers),
        request_number=issued.request_number,
        columns={**columns, "details": {**columns["details"], **applied}},
    )


def _named(db: Connection, vault: Vault, center: str, named: str, this_year: int) -> Permit | None:
    """A permit by its number, or by the request that brought it."""
    number = read_number(named, this_year)
    if number is not None:
        return reading.find(db, vault, center, number)
    return reading.by_request(db, vault, named) if named else None


def supersede_base(db: Connection, vault: Vault, new: NewPermit, actor: str, at: datetime) -> None:
    """What is extended or altered is changed by the later permit (facts §6.2)."""
    if new.permit_type not in _REPLACING:
        return
    today = cairo_day(at)
    named = str(new.columns.get("base_permit", ""))
    base = _named(db, vault, new.center_code, named, today.year)
    if base is not None and PermitAction.SUPERSEDE in registry.possible(base, today):
        note = new.number.canonical
        registry.act(db, vault, base, PermitAction.SUPERSEDE, today, actor, note, at, today)


def _correct(db: Connection, vault: Vault, issued: Issued) -> None:
    """A wrong number was written; the permit is the same."""
    number = read_number(issued.output_number, cairo_day(issued.at).year)
    permit = reading.by_request(db, vault, issued.request_number)
    if permit is None:
        _enter(db, vault, issued)  # its first number could not be read
    elif permit.number != number and (
        number is None or not registry.renumber(db, vault, permit, number, ACTOR, issued.at)
    ):
        log.warning("permits.not_corrected", request=issued.request_number)
        _left(db, vault, issued, Why.NOT_CORRECTED)


def _known(db: Connection, vault: Vault, issued: Issued) -> Permit | None:
    """The permit of the request: by itself, or as an officer has entered it."""
    permit = reading.by_request(db, vault, issued.request_number)
    if permit is None:
        number = read_number(issued.output_number, cairo_day(issued.at).year)
        permit = reading.find(db, vault, issued.center_code, number) if number else None
        if permit is not None and permit.row["request_number"] is not None:
            permit = None  # that of another request, whose number was written here by mistake
    if permit is None:
        log.warning("permits.unknown", request=issued.request_number)
        _left(db, vault, issued, Why.UNKNOWN)
    return permit


def _told(action: PermitAction, db: Connection, vault: Vault, issued: Issued) -> None:
    permit = _known(db, vault, issued)
    if permit is None:
        return
    _act(db, vault, permit, action, cairo_day(issued.at), issued)
    if action is PermitAction.REVOKE:
        _restore_base(db, vault, permit, issued)


def _restore_base(db: Connection, vault: Vault, permit: Permit, issued: Issued) -> None:
    """What a revoked permit had changed is what it was, unless another has changed it too."""
    today = cairo_day(issued.at)
    base = _named(db, vault, permit.center_code, permit.row["base_permit"], today.year)
    if permit.row["permit_type"] not in _REPLACING or base is None:
        return
    if base.status is Status.SUPERSEDED and not reading.later(db, base):
        _act(db, vault, base, PermitAction.REINSTATE, today, issued)


def _act(
    db: Connection,
    vault: Vault,
    permit: Permit,
    action: PermitAction,
    on: date,
    issued: Issued,
    people: People | None = None,
) -> None:
    today, at = cairo_day(issued.at), issued.at
    try:
        registry.act(db, vault, permit, action, on, ACTOR, issued.note, at, today, people=people)
    except NotPossible as error:
        log.warning("permits.not_possible", request=issued.request_number, reason=error.reason)
        if not _is_there_already(permit, action):
            _left(db, vault, issued, Why.NOT_POSSIBLE)


def _is_there_already(permit: Permit, action: PermitAction) -> bool:
    """Whether the permit is what the act would make of it: told twice."""
    made = {PermitAction.REVOKE: Status.REVOKED, PermitAction.SUSPEND: Status.SUSPENDED}
    renewed = action is PermitAction.RENEW and permit.row["renewed_on"] is not None
    return renewed or made.get(action) is permit.status


def _of_request(db: Connection, vault: Vault, issued: Issued) -> Permit | None:
    """The permit that a request for something else names."""
    named, this_year = str(issued.answers.get("permit", "")), cairo_day(issued.at).year
    permit = _named(db, vault, issued.center_code, named, this_year)
    if permit is None:
        log.warning("permits.unknown", request=issued.request_number)
        _left(db, vault, issued, Why.UNKNOWN)
    return permit


def _renew(db: Connection, vault: Vault, issued: Issued) -> None:
    """In time is who asked in time, however long the center took."""
    permit = _of_request(db, vault, issued)
    if permit is not None:
        _act(db, vault, permit, PermitAction.RENEW, cairo_day(issued.filed_at), issued)


def _notify(db: Connection, vault: Vault, issued: Issued) -> None:
    """The works will begin: who builds and who supervises stands in the notice."""
    permit = _of_request(db, vault, issued)
    if permit is None:
        return
    on, people = cairo_day(issued.filed_at), _builders(permit.people, issued.answers)
    if permit.row["details"].get("notified_start_on") != on.isoformat():
        _act(db, vault, permit, PermitAction.NOTIFY_START, on, issued, people)


def _builders(people: People, answers: Mapping[str, Any]) -> People:
    return replace(
        people,
        supervisor=str(answers.get("supervisor_name") or people.supervisor),
        contractor=str(answers.get("contractor_name") or people.contractor),
        more={**people.more, **_more(answers)},
    )


def _occupy(db: Connection, vault: Vault, issued: Issued) -> None:
    """The certificate is deposited; of a part of the building an officer decides what it means."""
    permit = _of_request(db, vault, issued)
    if permit is None or permit.row["occupied_on"] is not None:
        return
    if issued.answers.get("partial"):
        _left(db, vault, issued, Why.PARTIAL)
        return
    completed = read_day(str(issued.answers.get("completion_date", "")))
    today = cairo_day(issued.at)
    if completed is not None and completed <= today and permit.status is Status.UNDER_EXECUTION:
        _act(db, vault, permit, PermitAction.COMPLETE, completed, issued)
        permit = reading.by_id(db, vault, permit.id)
    _act(db, vault, permit, PermitAction.OCCUPY, today, issued)


_OUTCOMES: Mapping[str, _Way] = {
    "issued": _enter,
    "corrected": _correct,
    "revoked": partial(_told, PermitAction.REVOKE),
    "suspended": partial(_told, PermitAction.SUSPEND),
    "renewed": partial(_told, PermitAction.RENEW),
}
_OF_OTHERS: Mapping[str, _Way] = {
    "building-permit-renewal": _renew,
    "works-start-notice": _notify,
    "occupancy-certificate-deposit": _occupy,
}
_REPLACING = frozenset({"vertical_extension", "alteration", "extension", "use_change"})
"""Kinds of permits that change what an earlier one allows."""


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


# by what they are called in the register; a consultant answers for an extension's design
_MORE = {
    "designer_no": ("designer_syndicate_no", "consultant_syndicate_no"),
    "supervisor_no": ("supervisor_syndicate_no",),
    "supervisor_office": ("supervisor_office_name",),
    "supervisor_register": ("supervisor_office_register_no",),
    "contractor_no": ("contractor_register_no", "contractor_union_no"),
}


def _more(answers: Mapping[str, Any]) -> dict[str, str]:
    """What stands beside the people, as far as the request says it."""
    found: dict[str, str] = {}
    for name, codes in _MORE.items():
        said = next((answers[code] for code in codes if answers.get(code)), None)
        if said is not None:
            found[name] = str(said)[: BY_NAME[name].most]
    return found


def _people(answers: Mapping[str, Any]) -> People:
    """The owner is who applies, or whom an attorney applies for."""

    def text(code: str) -> str:
        return str(answers.get(code) or "")

    said = text("applicant_capacity")
    capacity = said if said in CAPACITIES else ""
    if text("principal_name"):
        owner = Owner(text("principal_name"), text("principal_national_id"))
    elif text("company_name"):
        owner = Owner(text("company_name"), capacity=capacity)
    else:
        owner = Owner(
            text("applicant_name"), text("national_id"), text("mobile"), capacity=capacity
        )
    return People(
        owners=[owner] if owner.name else [],
        designer=text("designer_name") or text("consultant_name"),
        supervisor=text("supervisor_name"),
        contractor=text("demolition_contractor"),
        insurance_policy=text("insurance_policy_no"),
        more=_more(answers),
    )
