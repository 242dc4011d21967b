"""What anyone may ask of the register, how fast, and what is shown (facts §6.3).

A permit is found by number, year and center, by the serial of its QR code, or by its address, which
tells only that there is one. Never by a name. The names in it are shown to their owner alone.

**Pace.** Numbers follow each other, so anybody could ask for all of them. Each asker has some
questions an hour, and after them waits longer and longer. Strangers together have so many different
ones for each center, and after them wait for each other; those who signed in have a limit of their
own. What somebody of them has asked within the hour is known to them all and makes nobody wait. A
serial cannot be guessed and counts only for its asker; wrong ones count together, as if they were
of one more center. What an asker has asked in the same hour costs nothing, and owners never wait
for what is proved to be theirs. Nobody is asked to solve a riddle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    Connection,
    Integer,
    String,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    union_all,
)

from portal.db import Base, take_turns
from portal.permits import owning, reading, registry, validity
from portal.permits.model import ASKER, BuildingPermit, PermitInquiry
from portal.permits.numbers import PermitNumber
from portal.permits.owning import Standing
from portal.permits.reading import Permit
from portal.permits.validity import Status, Verdict
from portal.problems import TooMany
from portal.text import fold_digits
from portal.vault import Vault

HOUR = timedelta(hours=1)
FREE_FOR_STRANGERS = 12
FREE_FOR_CITIZENS = 40
FREE_FOR_ALL = 400
"""Questions of strangers an hour that one center's register answers without any waiting."""
FREE_FOR_ALL_CITIZENS = 1200
"""The same of all who have signed in: whoever has thirty telephones is not thirty people."""
MOST_CLAIMED = 5
"""National IDs of one mobile, as in a family. Whoever has claimed more is told as owner of what has
that mobile recorded and of nothing else: permits are not to be found by a national ID (facts
§6.3)."""
_KEPT_EACH = timedelta(minutes=1)
_FIRST_WAIT = 5
_LONGEST_WAIT = 900
_LONGEST_WAIT_TOGETHER = 60
_STEP_TOGETHER = 25


class AnswerClass(StrEnum):
    """What the log keeps of an answer."""

    FOUND = "found"
    UNVERIFIED = "unverified"
    NOT_FOUND = "not_found"


@dataclass(frozen=True)
class Asker:
    """Who asks: a citizen who has signed in, or a stranger from a network.

    A citizen is counted by the mobile, which a code has proved. The national ID is what he says,
    and with one mobile many can be said.
    """

    network: str
    national_id: str = ""
    mobile: str = ""
    citizen_id: int = 0
    """The account: this national ID with this mobile."""
    doubtful: bool = False
    """Whether the mobile has claimed more national IDs than :data:`MOST_CLAIMED`."""

    @property
    def kind(self) -> str:
        return "citizen" if self.national_id else "anyone"

    def pace_key(self, vault: Vault) -> bytes:
        """Counts this asker's questions without saying who it is."""
        return vault.index("permit_pace", f"{self.kind} {self.mobile or self.network}")


@dataclass(frozen=True)
class Answer:
    """What is told of ``permit``: everything where it is the asker's ``own``, else what is open to
    anyone."""

    kind: AnswerClass
    permit: Permit | None = None
    verdict: Verdict | None = None
    own: bool = False
    owners: tuple[str, ...] = field(default=())
    """Names as this reader may see them."""


class TooSoon(TooMany):
    """This question must wait; ``seconds`` tells how long."""

    def __init__(self, seconds: int, *, together: bool) -> None:
        super().__init__(max(1, -(-seconds // 60)))
        self.seconds = seconds
        self.together = together


@dataclass(frozen=True)
class Question:
    """What is asked, and by which keys."""

    center: str
    keys: str
    guessable: bool
    standing: Standing = Standing.NONE
    """Whether the asker is the owner of what is asked for. Who has proved it never waits."""
    kept: bool = True
    """Whether the log takes it: of one that is repeated within the hour, one a minute."""
    counts: bool = False
    """Whether it is guessable and new to all askers of this kind: it counts for them together."""


def by_number(
    db: Connection,
    vault: Vault,
    center: str,
    number: PermitNumber,
    asker: Asker,
    now: datetime,
    today: date,
) -> Answer:
    """The permit of this name. Raises :class:`TooSoon`."""
    # asked before the register itself: a wait must not tell whether there is such a permit
    how = standing(db, vault, center, number, asker)
    question = Question(center, f"number {number.canonical}", guessable=True, standing=how)
    question = _pace(db, vault, question, asker, now)
    return _answer(db, vault, question, asker, reading.find(db, vault, center, number), now, today)


def by_serial(
    db: Connection, vault: Vault, serial: str, asker: Asker, now: datetime, today: date
) -> Answer:
    """The permit whose QR code was scanned. Raises :class:`TooSoon`."""
    permit = reading.by_serial(db, vault, serial)
    keys = f"code {serial}"[:60]
    if permit is None:
        question = Question("", keys, guessable=True)
    else:
        how = standing(db, vault, permit.center_code, permit.number, asker)
        question = Question(permit.center_code, keys, guessable=False, standing=how)
    question = _pace(db, vault, question, asker, now)
    return _answer(db, vault, question, asker, permit, now, today)


def at_address(
    db: Connection,
    vault: Vault,
    center: str,
    street: str,
    building_no: str,
    asker: Asker,
    now: datetime,
) -> bool:
    """Whether a permit is recorded for this building; nothing else of it. Raises
    :class:`TooSoon`."""
    key, building_no = registry.street_key(street), fold_digits(building_no)
    address = vault.index("permit_address", f"{key}\0{building_no}").hex()
    question = Question(center, f"address {address[:40]}", guessable=True)
    question = _pace(db, vault, question, asker, now)
    found = db.scalar(_AT_ADDRESS, {"center": center, "street": key, "building": building_no})
    kind = AnswerClass.NOT_FOUND if found is None else AnswerClass.FOUND
    _log(db, vault, question, asker, found, kind, now)
    return found is not None


def standing(
    db: Connection, vault: Vault, center: str, number: PermitNumber, asker: Asker
) -> Standing:
    """How ``asker`` stands to the permit of this name."""
    if not asker.national_id:
        return Standing.NONE
    account = 0 if asker.doubtful else asker.citizen_id
    return owning.standing(db, vault, center, number, asker.national_id, asker.mobile, account)


def _answer(
    db: Connection,
    vault: Vault,
    question: Question,
    asker: Asker,
    permit: Permit | None,
    now: datetime,
    today: date,
) -> Answer:
    if permit is None:
        answer = Answer(AnswerClass.NOT_FOUND)
    elif permit.status is Status.MANUAL_UNVERIFIED or permit.term is None:
        answer = Answer(AnswerClass.UNVERIFIED)
    else:
        own = question.standing is not Standing.NONE
        names = tuple(
            owner.name if own else mask_name(owner.name) for owner in permit.people.owners
        )
        verdict = validity.verdict(permit.status, permit.term, today)
        answer = Answer(AnswerClass.FOUND, permit, verdict, own, names)
        if question.standing is Standing.CLAIMED:
            owning.claim(db, permit.id, asker.citizen_id, now)
    _log(db, vault, question, asker, permit.id if permit else None, answer.kind, now)
    return answer


def mask_name(name: str) -> str:
    """The first letter of each of up to four names, three stars behind it (facts §6.3)."""
    return " ".join(f"{part[0]}***" for part in name.split()[:4])


# Statements of every question are put together once: that costs more than asking the database

_LOG = Base.metadata.tables[PermitInquiry.__tablename__]
_NOBODYS = literal_column("NULL", Integer)
_MINE = (
    select(
        _LOG.c["keys"],
        _LOG.c.center_code,
        func.min(_LOG.c.at).label("first"),
        func.max(_LOG.c.at).label("newest"),
        _NOBODYS.label("asked"),
        _NOBODYS.label("known"),
    )
    .where(_LOG.c.pace_key == bindparam("key"), _LOG.c.at > bindparam("since"))
    .group_by(_LOG.c["keys"], _LOG.c.center_code)
)
_OURS = select(
    literal_column("''", String),
    literal_column("''", String),
    func.min(_LOG.c.at),
    func.max(_LOG.c.at),
    func.count(),
    func.coalesce(func.max(case((_LOG.c["keys"] == bindparam("keys"), 1), else_=0)), 0),
).where(
    _LOG.c.center_code == bindparam("center"),
    _LOG.c.asker_kind == bindparam("kind"),
    _LOG.c.at > bindparam("since"),
    _LOG.c.open_to_all.is_(True),
)
_MINE_AND_OURS = union_all(_MINE, _OURS)
"""What this asker has asked, and last, as one row, what all have who share a limit with him."""
_KEEP = insert(_LOG).inline()  # nobody asks for its id
_AT_ADDRESS = (
    select(BuildingPermit.id)
    .where(
        BuildingPermit.center_code == bindparam("center"),
        BuildingPermit.street_key == bindparam("street"),
        BuildingPermit.building_no == bindparam("building"),
        BuildingPermit.status.not_in([Status.MANUAL_UNVERIFIED, Status.REVOKED]),
    )
    .limit(1)
)


def _pace(
    db: Connection, vault: Vault, question: Question, asker: Asker, now: datetime
) -> Question:
    """The question as it is to be kept. Raises :class:`TooSoon`."""
    key, ours = asker.pace_key(vault), None
    asked = {"key": key, "since": now - HOUR}
    if question.guessable and question.standing is not Standing.PROVEN:
        take_turns(db, key, vault.index("permit_pace", f"all {asker.kind} {question.center}"))
        asked |= {"keys": question.keys, "center": question.center, "kind": asker.kind}
        rows = db.execute(_MINE_AND_OURS, asked).all()
        ours = next(row for row in rows if row.asked is not None)
    else:
        take_turns(db, key)
        rows = db.execute(_MINE, asked).all()
    mine = [row for row in rows if row.asked is None]
    for row in mine:
        if (row.keys, row.center_code) == (question.keys, question.center):
            return replace(question, kept=row.newest < now - _KEPT_EACH)
    if question.standing is Standing.PROVEN:
        return question
    free = FREE_FOR_CITIZENS if asker.national_id else FREE_FOR_STRANGERS
    # when each was asked first: looking at one again makes no wait longer
    last = max((row.first for row in mine), default=None)
    _wait(len(mine) - free, _FIRST_WAIT, 1, _LONGEST_WAIT, last, now, together=False)
    if ours is None or ours.known:
        return question
    free = FREE_FOR_ALL_CITIZENS if asker.national_id else FREE_FOR_ALL
    over = ours.asked - free
    _wait(over, 1, _STEP_TOGETHER, _LONGEST_WAIT_TOGETHER, ours.newest, now, together=True)
    return replace(question, counts=True)


def _wait(
    over: int,
    first: int,
    step: int,
    longest: int,
    last: datetime | None,
    now: datetime,
    *,
    together: bool,
) -> None:
    """Doubles with every ``step`` questions over what is free."""
    if over < 0 or last is None:
        return
    wait = min(first * 2 ** min(over // step, 20), longest)
    left = (last + timedelta(seconds=wait) - now).total_seconds()
    if left > 0:
        raise TooSoon(int(left) + 1, together=together)


def _log(
    db: Connection,
    vault: Vault,
    question: Question,
    asker: Asker,
    permit_id: int | None,
    kind: AnswerClass,
    now: datetime,
) -> None:
    if not question.kept:
        return
    told = {
        "at": now,
        "permit_id": permit_id,
        "center_code": question.center,
        "keys": question.keys,
        "asker_kind": asker.kind,
        "asker": vault.seal(ASKER, asker.national_id) if asker.national_id else None,
        "pace_key": asker.pace_key(vault),
        "open_to_all": question.counts,
        "purpose": "public",
        "answer": kind,
    }
    db.execute(_KEEP, told)


def log_search(
    db: Connection, vault: Vault, found: Sequence[Permit], username: str, at: datetime
) -> None:
    """That an employee looked for permits by the card of an owner: the owner sees it."""
    for permit in found:
        told = {
            "at": at,
            "permit_id": permit.id,
            "center_code": permit.center_code,
            "keys": "card",
            "asker_kind": "staff",
            "asker": vault.seal(ASKER, username),
            "pace_key": None,
            "open_to_all": False,
            "purpose": "counter",
            "answer": AnswerClass.FOUND,
        }
        db.execute(_KEEP, told)


@dataclass(frozen=True)
class Asked:
    """One line of the owner's list of who asked."""

    at: datetime
    kind: str
    """``anyone``, ``citizen`` for who had signed in, ``you`` for who reads the list."""
    by: str


def who_asked(
    db: Connection,
    vault: Vault,
    permit_id: int,
    reader: str,
    most: int = 50,
    until: datetime | None = None,
) -> list[Asked]:
    """For the owner: when and from where it was asked about his permit, without names.

    ``reader`` is the national ID of who reads it: else his own looks would seem a stranger's.
    """
    found = select(
        PermitInquiry.at, PermitInquiry.asker_kind, PermitInquiry.keys, PermitInquiry.asker
    ).where(PermitInquiry.permit_id == permit_id)
    if until is not None:
        found = found.where(PermitInquiry.at <= until)
    rows = db.execute(found.order_by(PermitInquiry.at.desc(), PermitInquiry.id.desc()).limit(most))
    return [
        Asked(
            at,
            "you" if asker and vault.open(ASKER, asker) == reader else kind,
            keys.split(" ", 1)[0],
        )
        for at, kind, keys, asker in rows
    ]
