"""The register's acts: enter a permit, tell what became of it, confirm that one has lapsed.

Each act is one row of the permit's history and one guarded update of the permit; of two at once
the second is refused. A permit is never deleted: one that was told of and is wrong is revoked,
with the reason.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from portal.clock import cairo_day, public_id
from portal.db import insert_missing
from portal.permits import reading, validity
from portal.permits.model import (
    CHANGES,
    NOTE,
    OWNER_ID,
    OWNER_MOBILE,
    PEOPLE,
    BuildingPermit,
    PermitAct,
    PermitOwner,
)
from portal.permits.numbers import PermitNumber
from portal.permits.reading import People, Permit
from portal.permits.spellings import spellings
from portal.permits.validity import NOT_STARTED, RENEWABLE, Status, Term
from portal.problems import Conflict
from portal.text import fold_arabic, fold_digits
from portal.vault import Vault

_LONGEST_STREET = 120
# as its index has it, without parameters: a database must see that the index answers
_NOT_STARTED = text("status IN ('valid_not_started', 'renewed')")


LONGEST_NOTE = 2000
"""Of what somebody writes about an act; the owner reads it."""


class PermitAction(StrEnum):
    """What can happen to a permit."""

    ENTER = "enter"
    RENUMBER = "renumber"
    REVIEW = "review"
    START = "start"
    DISPUTE_START = "dispute_start"
    END_DISPUTE = "end_dispute"
    RENEW = "renew"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    COMPLETE = "complete"
    OCCUPY = "occupy"
    SUPERSEDE = "supersede"
    LAPSE = "lapse"
    OPEN_MATTER = "open_matter"
    CLOSE_MATTER = "close_matter"
    # of what nobody has accepted yet: see the review of the backlog
    RETURN = "return"
    CORRECT = "correct"
    RESUBMIT = "resubmit"
    REJECT = "reject"
    # of what is told already
    AMEND = "amend"
    OWNER_MOBILE = "owner_mobile"
    NOTIFY_START = "notify_start"
    # against an act that was wrong, or that a court or the center has undone
    KEEP = "keep"
    REINSTATE = "reinstate"
    TAKE_BACK = "take_back"


@dataclass(frozen=True)
class NewPermit:
    """A permit to be entered. Areas in hundredths of a square metre, height in centimetres."""

    center_code: str
    number: PermitNumber
    permit_type: str
    issued_on: date | None
    source: str
    people: People = field(default_factory=People)
    status: Status = Status.VALID_NOT_STARTED
    legal_regime: str = "119/2008"
    request_number: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Other columns of the register, such as ``street`` and ``floors_above``."""


# works may have begun, or be disputed, before a permit was stopped
_NOT_BEGUN = NOT_STARTED | {Status.SUSPENDED}
_ANY_ALIVE = NOT_STARTED | {Status.UNDER_EXECUTION, Status.SUSPENDED}
_FROM: Mapping[PermitAction, frozenset[Status]] = {
    PermitAction.REVIEW: frozenset({Status.MANUAL_UNVERIFIED}),
    PermitAction.NOTIFY_START: _NOT_BEGUN,
    PermitAction.START: _NOT_BEGUN,
    PermitAction.DISPUTE_START: _NOT_BEGUN,
    PermitAction.END_DISPUTE: _NOT_BEGUN,
    PermitAction.RENEW: RENEWABLE,
    PermitAction.SUSPEND: NOT_STARTED | {Status.UNDER_EXECUTION},
    PermitAction.RESUME: frozenset({Status.SUSPENDED}),
    # what nobody has reviewed is not told of, so there is nothing to revoke in public
    PermitAction.REVOKE: frozenset(Status)
    - {Status.REVOKED, Status.SUPERSEDED, Status.MANUAL_UNVERIFIED},
    PermitAction.COMPLETE: frozenset({Status.UNDER_EXECUTION}),
    PermitAction.OCCUPY: frozenset({Status.UNDER_EXECUTION, Status.COMPLETED}),
    PermitAction.SUPERSEDE: _ANY_ALIVE | {Status.COMPLETED, Status.OCCUPIED},
    PermitAction.LAPSE: NOT_STARTED,
    PermitAction.KEEP: NOT_STARTED,
    PermitAction.REINSTATE: frozenset({Status.LAPSED, Status.REVOKED, Status.SUPERSEDED}),
    PermitAction.TAKE_BACK: frozenset(
        {
            Status.RENEWED,
            Status.SUSPENDED,
            Status.UNDER_EXECUTION,
            Status.COMPLETED,
            Status.OCCUPIED,
        }
    ),
}
_TO: Mapping[PermitAction, Status] = {
    PermitAction.START: Status.UNDER_EXECUTION,
    PermitAction.SUSPEND: Status.SUSPENDED,
    PermitAction.REVOKE: Status.REVOKED,
    PermitAction.COMPLETE: Status.COMPLETED,
    PermitAction.OCCUPY: Status.OCCUPIED,
    PermitAction.SUPERSEDE: Status.SUPERSEDED,
    PermitAction.LAPSE: Status.LAPSED,
}
# the newest first: what is taken back
_STEPS = ("occupied_on", "completed_on", "started_on", "renewed_on")
_DAY_OF: Mapping[PermitAction, str] = {
    PermitAction.START: "started_on",
    PermitAction.RENEW: "renewed_on",
    PermitAction.COMPLETE: "completed_on",
    PermitAction.OCCUPY: "occupied_on",
}


_BEFORE_WORKS = frozenset(
    {
        PermitAction.NOTIFY_START,
        PermitAction.START,
        PermitAction.DISPUTE_START,
        PermitAction.END_DISPUTE,
    }
)


class NotPossible(Conflict):
    """The law or the register does not allow this act; ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


ACTS = frozenset(_FROM)
"""What an officer may tell, in the right state; the rest comes of other pages."""


def possible(permit: Permit, today: date) -> list[PermitAction]:
    """What an officer may do with a permit on this day."""
    return [act for act in _FROM if _why_not(permit, act, today) is None]


def enter(db: Connection, vault: Vault, new: NewPermit, actor: str, at: datetime) -> int:
    """Enter a permit; its id. Raises :class:`Conflict` when the number is taken already."""
    term = Term(new.issued_on, False, None, False) if new.issued_on else None
    columns = dict(new.columns)
    columns["street_key"] = street_key(str(columns.get("street", "")))
    columns["building_no"] = fold_digits(str(columns.get("building_no", "")))
    row = insert(BuildingPermit).values(
        serial=public_id(),
        center_code=new.center_code,
        year=new.number.year,
        number=new.number.number,
        letter=new.number.letter,
        permit_type=new.permit_type,
        legal_regime=new.legal_regime,
        request_number=new.request_number,
        source=new.source,
        status=new.status,
        status_on=new.issued_on or cairo_day(at),
        people=vault.seal_json(PEOPLE, asdict(new.people)),
        issued_on=new.issued_on,
        must_start_by=term.must_start_by if term else None,
        entered_at=at,
        entered_by=actor,
        **columns,
    )
    permit_id: int | None = insert_missing(db, row.returning(BuildingPermit.id))
    if permit_id is None:
        raise Conflict("this number is in the register already")
    keep_owners(db, vault, permit_id, new.people)
    record(db, vault, permit_id, 0, PermitAction.ENTER, new.status, new.issued_on, actor, "", at)
    return permit_id


def street_key(street: str) -> str:
    """A street as it is compared; a letter may unfold to many."""
    return fold_arabic(street)[:_LONGEST_STREET]


def street_keys(street: str) -> list[str]:
    """The ways in which a street may stand in the register: with «شارع» before it and without."""
    key, word = street_key(street), f"{spellings().terms['street'][0]} "
    bare = key.removeprefix(word)
    return list(dict.fromkeys([key, bare, word + bare])) if bare else [key]


def keep_owners(db: Connection, vault: Vault, permit_id: int, people: People) -> None:
    """Whose national IDs find the permit, and the mobiles that prove them; in place of those that
    were kept before."""
    db.execute(delete(PermitOwner).where(PermitOwner.permit_id == permit_id))
    known: dict[str, str] = {}
    for owner in people.owners:
        if owner.national_id:
            known[owner.national_id] = known.get(owner.national_id) or owner.mobile
    if known:
        db.execute(
            insert(PermitOwner),
            [
                {
                    "permit_id": permit_id,
                    "position": position,
                    "national_id": vault.seal(OWNER_ID, national_id),
                    "national_id_index": vault.index("national_id", national_id),
                    "mobile": vault.seal(OWNER_MOBILE, mobile) if mobile else None,
                    "mobile_index": vault.index("mobile", mobile) if mobile else None,
                }
                for position, (national_id, mobile) in enumerate(known.items())
            ],
        )


def act(
    db: Connection,
    vault: Vault,
    permit: Permit,
    action: PermitAction,
    on: date,
    actor: str,
    note: str,
    at: datetime,
    today: date,
    *,
    people: People | None = None,
) -> None:
    """Do one act, which happened ``on`` that day; a renewal, on the day it was asked for.

    Raises :class:`NotPossible`, and :class:`Conflict` when somebody came before.
    """
    reason = _why_not(permit, action, today) or _why_not_on(permit, action, on, today)
    if reason is not None:
        raise NotPossible(reason)
    values = _values(permit, action, on)
    changes = {name: [str(permit.row[name]), ""] for name in _STEPS if values.get(name, on) is None}
    if action is PermitAction.REVIEW:
        if actor in {permit.row["entered_by"], permit.row["corrected_by"]}:
            raise NotPossible("own")
        values["reviewed_by"] = actor
    if action is PermitAction.REINSTATE:
        status = _before(db, permit)
    else:
        status = _target(permit, action, values)
    if status is not permit.status:
        # a renewal is for the day it was asked for, and holds from the day it was granted
        since = today if action is PermitAction.RENEW else on
        values |= {"status": status, "status_on": since}
    if status not in NOT_STARTED:
        values["lapse_proposed_on"] = None
    if people is not None:  # who builds, as a notice tells it; the owners are the same
        values["people"] = vault.seal_json(PEOPLE, asdict(people))
    revision = permit.row["revision"] + 1
    guarded(db, permit, revision=revision, **values)
    record(db, vault, permit.id, revision, action, status, on, actor, note, at, changes)


def _values(permit: Permit, action: PermitAction, on: date) -> dict[str, Any]:
    """What an act changes beside the state."""
    values: dict[str, Any] = {_DAY_OF[action]: on} if action in _DAY_OF else {}
    match action:
        case PermitAction.START:
            values["start_disputed"] = False
        case PermitAction.OCCUPY if permit.row["completed_on"] is None:
            values["completed_on"] = on
        case PermitAction.NOTIFY_START:
            values["details"] = {**permit.row["details"], "notified_start_on": on.isoformat()}
        case PermitAction.DISPUTE_START:
            values |= {"start_disputed": True, "lapse_proposed_on": None}
        case PermitAction.END_DISPUTE:
            values["start_disputed"] = False
        case PermitAction.RENEW if permit.term is not None:
            renewed = replace(permit.term, renewed=True)
            values |= {"must_start_by": renewed.must_start_by, "lapse_proposed_on": None}
            values["lapse_refused_on"] = None
        case PermitAction.KEEP:
            values |= {"lapse_proposed_on": None, "lapse_refused_on": on}
        case PermitAction.REINSTATE if permit.status is Status.LAPSED:
            values["lapse_refused_on"] = on
        case PermitAction.TAKE_BACK:
            values |= _taken_back(permit)
    return values


def renumber(
    db: Connection, vault: Vault, permit: Permit, number: PermitNumber, actor: str, at: datetime
) -> bool:
    """Correct a wrong number; False, and no change, when another permit has the right one."""
    if reading.find(db, vault, permit.center_code, number) is not None:
        return False
    revision = permit.row["revision"] + 1
    named = {"number": number.number, "letter": number.letter, "year": number.year}
    guarded(db, permit, revision=revision, **named)
    note = f"{permit.number.canonical} > {number.canonical}"
    record(
        db, vault, permit.id, revision, PermitAction.RENUMBER, permit.status, None, actor, note, at
    )
    return True


def remark(
    db: Connection,
    vault: Vault,
    permit: Permit,
    action: PermitAction,
    on: date,
    actor: str,
    note: str,
    at: datetime,
) -> None:
    """Write into the permit's history what leaves the permit itself as it is.

    Raises :class:`Conflict` when somebody came before.
    """
    revision = permit.row["revision"] + 1
    guarded(db, permit, revision=revision)
    record(db, vault, permit.id, revision, action, permit.status, on, actor, note, at)


def guarded(db: Connection, permit: Permit, **values: Any) -> None:
    """Change a permit as it was read; raises :class:`Conflict` when somebody came before."""
    done = db.execute(
        update(BuildingPermit)
        .where(BuildingPermit.id == permit.id, BuildingPermit.revision == permit.row["revision"])
        .values(**values)
    )
    if not done.rowcount:
        raise Conflict("somebody changed this permit meanwhile")


def _target(permit: Permit, action: PermitAction, values: Mapping[str, Any]) -> Status:
    if action in {PermitAction.RESUME, PermitAction.REVIEW}:
        return by_dates(permit.row)
    stopped = permit.status is Status.SUSPENDED
    if action is PermitAction.TAKE_BACK and not stopped:
        return by_dates({**permit.row, **values})
    if stopped and action in {PermitAction.RENEW, PermitAction.START}:
        return Status.SUSPENDED
    return Status.RENEWED if action is PermitAction.RENEW else _TO.get(action, permit.status)


def _taken_back(permit: Permit) -> dict[str, Any]:
    """The permit without its last step. Who takes a beginning back has not shown that there was
    none: it counts as disputed until somebody decides that too."""
    step = next(name for name in _STEPS if permit.row[name])
    values: dict[str, Any] = {step: None}
    if step == "started_on":
        values["start_disputed"] = True
    if step == "renewed_on" and permit.term is not None:
        values["must_start_by"] = replace(permit.term, renewed=False).must_start_by
    return values


def _before(db: Connection, permit: Permit) -> Status:
    """What the permit was before it lapsed, was revoked or replaced."""
    earlier = db.scalar(
        select(PermitAct.status)
        .where(PermitAct.permit_id == permit.id, PermitAct.status != permit.status)
        .order_by(PermitAct.revision.desc())
        .limit(1)
    )
    stopped = earlier == Status.SUSPENDED
    return Status.SUSPENDED if stopped else by_dates(permit.row)


def by_dates(row: Mapping[str, Any]) -> Status:
    """Where a permit stands by its dates alone."""
    if row["occupied_on"]:
        return Status.OCCUPIED
    if row["completed_on"]:
        return Status.COMPLETED
    if row["started_on"]:
        return Status.UNDER_EXECUTION
    return Status.RENEWED if row["renewed_on"] else Status.VALID_NOT_STARTED


def _why_not(permit: Permit, action: PermitAction, today: date) -> str | None:
    if permit.status not in _FROM[action]:
        return "status"
    disputed = permit.row["start_disputed"]
    if action is PermitAction.DISPUTE_START and disputed:
        return "status"
    if action is PermitAction.END_DISPUTE and not disputed:
        return "status"
    if action is PermitAction.KEEP and permit.row["lapse_proposed_on"] is None:
        return "status"
    begun = permit.row["started_on"] is not None
    if begun and permit.status is Status.SUSPENDED and action in _BEFORE_WORKS:
        return "started"
    if action is PermitAction.TAKE_BACK and not any(permit.row[name] for name in _STEPS):
        return "status"
    if action is PermitAction.REVIEW:
        if permit.row["review"] or permit.row["lot_id"] is not None:
            return "status"
        return "issued_on" if permit.term is None else None
    if action is PermitAction.LAPSE:
        term = permit.term
        may = term is not None and validity.may_lapse(permit.status, term, today)
        return None if may else "lapse"
    if action is PermitAction.RENEW:
        if permit.term is None:
            return "issued_on"
        return "renewed" if permit.term.renewed else None
    return None


def _why_not_on(permit: Permit, action: PermitAction, on: date, today: date) -> str | None:
    """Why it cannot have happened on that day."""
    if on > today:
        return "future"
    row, term = permit.row, permit.term
    if action in _DAY_OF or action is PermitAction.NOTIFY_START:
        before = row["completed_on"] or row["started_on"] or row["issued_on"]
    else:
        before = row["issued_on"] if action is PermitAction.REVIEW else row["status_on"]
    if before is not None and on < before:
        return "too_early"
    if action is PermitAction.LAPSE and term is not None and on <= term.must_start_by:
        return "too_early"
    if action is PermitAction.START and term is not None and on > term.must_start_by:
        return "late_start"
    if action is PermitAction.RENEW and term is not None:
        return validity.why_not_renewable(permit.status, term, on)
    return None


def record(
    db: Connection,
    vault: Vault,
    permit_id: int,
    revision: int,
    action: PermitAction,
    status: Status,
    on: date | None,
    actor: str,
    note: str,
    at: datetime,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """One line of a permit's history; ``changes`` are those of a correction."""
    db.execute(
        insert(PermitAct).values(
            permit_id=permit_id,
            revision=revision,
            act=action,
            status=status,
            on=on,
            actor=actor,
            at=at,
            note=vault.seal(NOTE, note) if note else None,
            announced=action is PermitAction.ENTER,  # nobody can have asked about it yet
            changes=vault.seal_json(CHANGES, dict(changes)) if changes else None,
        )
    )


def propose_lapses(db: Connection, today: date) -> int:
    """Mark what an officer should look at: not started in time, and no dispute (facts §6.4, 5)."""
    overdue = (
        update(BuildingPermit)
        .where(
            _NOT_STARTED,
            BuildingPermit.must_start_by < today,
            BuildingPermit.started_on.is_(None),
            BuildingPermit.start_disputed.is_(False),
            BuildingPermit.lapse_proposed_on.is_(None),
            BuildingPermit.lapse_refused_on.is_(None),
        )
        .values(lapse_proposed_on=today)
    )
    return db.execute(overdue).rowcount
