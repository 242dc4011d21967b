"""What a second person says of an entry from paper, and its correction by who enters.

Nobody reviews what he entered or corrected himself: the acts refuse it, and so do the tables. An
entry that nobody accepted is told to nobody. One is accepted, returned with the fields that are
wrong and then corrected, or rejected: it keeps its history and gives its number back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, delete, insert, select

from portal import notes
from portal.permits import correcting, registry
from portal.permits.backlog_model import JUDGEMENT_NOTE, JudgementMark, PermitJudgement, ReviewLot
from portal.permits.labels import FIELDS
from portal.permits.model import PermitAct
from portal.permits.reading import Permit
from portal.permits.registry import NewPermit, NotPossible, PermitAction
from portal.permits.validity import Status
from portal.problems import N_, Problem
from portal.vault import Vault

ACCEPTED, RETURNED, REJECTED = "accepted", "returned", "rejected"
VERDICTS = (ACCEPTED, RETURNED, REJECTED)
_ENTERED = (PermitAction.ENTER, PermitAction.CORRECT, PermitAction.RESUBMIT)


@dataclass(frozen=True)
class Judged:
    """What a reviewer said: ``marks`` are the fields that are wrong."""

    verdict: str
    by: str
    at: datetime
    reason: str
    marks: Sequence[str] = field(default=())


def read_verdict(
    verdict: str, reason: str, marks: Collection[str]
) -> tuple[str, list[str], list[Problem]]:
    """The reason, the marked fields and what is wrong with them."""
    problems: list[Problem] = []
    reason = reason.strip()
    known = [name for name in FIELDS if name in marks]
    if verdict not in VERDICTS:
        problems.append(Problem("verdict", N_("Choose what you found")))
    if verdict == ACCEPTED and known:
        text = N_("Fields are marked as wrong: return the entry, or take the marks away")
        problems.append(Problem("marks", text))
    if verdict == RETURNED and not known:
        problems.append(Problem("marks", N_("Mark at least one field that is wrong")))
    missing = notes.REASON if verdict in {RETURNED, REJECTED} else ""
    problems += notes.problems_of_reason("reason", reason, registry.LONGEST_NOTE, missing)
    return reason, known, problems


def why_not_judge(db: Connection, permit: Permit, person: str) -> str | None:
    """Why this person cannot review the entry now: ``status``, ``own``; None where he can."""
    if permit.status is not Status.MANUAL_UNVERIFIED or permit.row["review"]:
        return "status"
    mine = select(PermitAct.id).where(
        PermitAct.permit_id == permit.id,
        PermitAct.actor == person,
        PermitAct.act.in_(_ENTERED),
    )
    own = person in {permit.row["entered_by"], permit.row["corrected_by"]}
    return "own" if own or db.scalar(mine.limit(1)) is not None else None


def judge(
    db: Connection,
    vault: Vault,
    permit: Permit,
    verdict: str,
    reason: str,
    marks: Sequence[str],
    actor: str,
    at: datetime,
    today: date,
    on: date | None = None,
) -> None:
    """Accept, return or reject one entry that waits by itself.

    Raises :class:`NotPossible`, and :class:`Conflict` when somebody came before.
    """
    refusal = why_not_judge(db, permit, actor)
    if refusal is None and permit.row["lot_id"] is not None:
        refusal = "in_lot"
    if refusal is not None:
        raise NotPossible(refusal)
    if verdict == ACCEPTED:
        when = on or today
        registry.act(db, vault, permit, PermitAction.REVIEW, when, actor, reason, at, today)
    else:
        turn_down(db, vault, permit, verdict, reason, actor, at)
    judgement = db.scalar(
        insert(PermitJudgement)
        .values(
            permit_id=permit.id,
            center_code=permit.center_code,
            entered_by=permit.row["entered_by"],
            verdict=verdict,
            judged_by=actor,
            judged_at=at,
            note=vault.seal(JUDGEMENT_NOTE, reason) if reason else None,
        )
        .returning(PermitJudgement.id)
    )
    assert judgement is not None  # noqa: S101 - RETURNING gives what was inserted
    mark(db, judgement, marks)


def turn_down(
    db: Connection,
    vault: Vault,
    permit: Permit,
    verdict: str,
    reason: str,
    actor: str,
    at: datetime,
) -> None:
    """Write into the register that an entry is returned, or rejected."""
    action = PermitAction.REJECT if verdict == REJECTED else PermitAction.RETURN
    revision = permit.row["revision"] + 1
    registry.guarded(db, permit, revision=revision, review=verdict, lot_id=None)
    registry.record(db, vault, permit.id, revision, action, permit.status, None, actor, reason, at)


def mark(db: Connection, judgement: int, marks: Sequence[str]) -> None:
    """Keep which fields were wrong; what was marked before is forgotten."""
    db.execute(delete(JudgementMark).where(JudgementMark.judgement_id == judgement))
    if marks:
        db.execute(
            insert(JudgementMark),
            [{"judgement_id": judgement, "field": name} for name in marks],
        )


def judgements(db: Connection, vault: Vault, permit_id: int) -> list[Judged]:
    """What reviewers said of the entry, the newest first. What a sample found counts, and is told,
    when its lot is decided."""
    rows = db.execute(
        select(
            PermitJudgement.id,
            PermitJudgement.verdict,
            PermitJudgement.judged_by,
            PermitJudgement.judged_at,
            PermitJudgement.note,
        )
        .join(ReviewLot, ReviewLot.id == PermitJudgement.lot_id, isouter=True)
        .where(
            PermitJudgement.permit_id == permit_id,
            PermitJudgement.verdict.is_not(None),
            ReviewLot.id.is_(None) | (ReviewLot.state != "open"),
        )
        .order_by(PermitJudgement.judged_at.desc(), PermitJudgement.id.desc())
    ).all()
    marked: dict[int, list[str]] = {}
    for judgement, name in db.execute(
        select(JudgementMark.judgement_id, JudgementMark.field).where(
            JudgementMark.judgement_id.in_([row.id for row in rows])
        )
    ):
        marked.setdefault(judgement, []).append(name)
    return [
        Judged(
            str(row.verdict),
            str(row.judged_by),
            row.judged_at,
            vault.open(JUDGEMENT_NOTE, row.note) if row.note else "",
            [name for name in FIELDS if name in marked.get(row.id, ())],
        )
        for row in rows
    ]


def can_correct(permit: Permit) -> bool:
    """Whether the entry may be corrected: nobody accepted it, and no sample is being looked at."""
    if permit.status is not Status.MANUAL_UNVERIFIED or permit.row["review"] == REJECTED:
        return False
    return permit.row["review"] == RETURNED or permit.row["lot_id"] is None


def correct(
    db: Connection,
    vault: Vault,
    permit: Permit,
    new: NewPermit,
    actor: str,
    note: str,
    at: datetime,
) -> None:
    """Write an entry anew as it should be; it waits for a second person again.

    Raises :class:`NotPossible`, and :class:`Conflict` when the number is another permit's or
    somebody came before.
    """
    if not can_correct(permit):
        raise NotPossible("status")
    waiting = {"corrected_by": actor, "review": "", "lot_id": None}
    correcting.rewrite(db, vault, permit, new, PermitAction.CORRECT, actor, note, at, **waiting)
