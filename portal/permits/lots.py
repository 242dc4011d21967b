"""Lots of entries that a random sample decides about: drawn, judged, released or returned whole.

A lot is what one file brought, or what one person entered on some days, as far as nobody has
reviewed it. Once drawn it stays as it is: its entries are neither corrected nor reviewed one by
one. Every act is one transaction and set-based, so a lot of 10,000 is released in one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from portal.clock import CAIRO, public_id
from portal.permits import reading, review
from portal.permits.backlog_model import JUDGEMENT_NOTE, LOT_NOTE, PermitJudgement, ReviewLot
from portal.permits.model import NOTE, BuildingPermit, PermitAct
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Permit
from portal.permits.registry import NotPossible, PermitAction
from portal.permits.review import ACCEPTED, RETURNED
from portal.permits.sampling import draw, plan_of
from portal.permits.validity import Status
from portal.problems import Conflict, Missing
from portal.vault import Vault

SMALLEST = 2
OPEN, RELEASED, SENT_BACK = "open", "released", "returned"


@dataclass(frozen=True)
class Waiting:
    """Entries that no lot holds yet and nobody has reviewed: of one file, or of one person."""

    import_id: int | None
    enterer: str
    entries: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Lot:
    """A lot and how far its sample is."""

    id: int
    center: str
    kind: str
    import_id: int | None
    enterer: str
    first_day: date | None
    last_day: date | None
    size: int
    sample_size: int
    accept_number: int
    aql: str
    seed: str
    drawn_by: str
    drawn_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    note: str
    judged: int
    wrong: int

    @property
    def failed(self) -> bool:
        """More of the sample are wrong than the plan bears; the rest need not be looked at."""
        return self.wrong > self.accept_number

    @property
    def passed(self) -> bool:
        return self.judged == self.sample_size and not self.failed


@dataclass(frozen=True)
class Sampled:
    """An entry of a sample; ``verdict`` is empty until it is judged."""

    permit_id: int
    position: int
    number: PermitNumber
    street: str
    verdict: str
    judged_by: str


_WAITING = (
    BuildingPermit.status == Status.MANUAL_UNVERIFIED,
    BuildingPermit.review == "",
)


def waiting(db: Connection, center: str) -> list[Waiting]:
    """What a sample could be drawn from, what came in files first."""
    by_hand = case((BuildingPermit.import_id.is_(None), BuildingPermit.entered_by), else_="")
    rows = db.execute(
        select(
            BuildingPermit.import_id,
            by_hand,
            func.count(),
            func.min(BuildingPermit.entered_at),
            func.max(BuildingPermit.entered_at),
        )
        .where(BuildingPermit.center_code == center, BuildingPermit.lot_id.is_(None), *_WAITING)
        .group_by(BuildingPermit.import_id, by_hand)
        .order_by(BuildingPermit.import_id.is_(None), func.min(BuildingPermit.id))
    )
    return [Waiting(*row) for row in rows]


def make(
    db: Connection,
    center: str,
    by: str,
    at: datetime,
    *,
    import_id: int | None = None,
    enterer: str = "",
    days: tuple[date, date] | None = None,
) -> int:
    """Draw the sample of a file (``import_id``), or of what ``enterer`` entered on ``days``.

    Raises :class:`NotPossible`: ``own`` for who entered it, ``few`` when hardly anything waits.
    """
    conditions: list[ColumnElement[bool]] = [
        BuildingPermit.center_code == center,
        BuildingPermit.lot_id.is_(None),
        *_WAITING,
    ]
    if import_id is not None:
        conditions.append(BuildingPermit.import_id == import_id)
    else:
        conditions += [BuildingPermit.import_id.is_(None), BuildingPermit.entered_by == enterer]
    if days is not None:
        begin, end = (datetime.combine(day, time(), CAIRO) for day in days)
        end += timedelta(days=1)
        conditions += [BuildingPermit.entered_at >= begin, BuildingPermit.entered_at < end]
    foreign = and_(BuildingPermit.entered_by != by, BuildingPermit.corrected_by != by)
    ids = list(db.scalars(select(BuildingPermit.id).where(*conditions, foreign)))
    if len(ids) < SMALLEST:
        own = db.scalar(select(func.count()).select_from(BuildingPermit).where(*conditions))
        raise NotPossible("own" if own and own >= SMALLEST else "few")
    plan, seed = plan_of(len(ids)), public_id()
    lot_id: int | None = db.scalar(
        insert(ReviewLot)
        .values(
            center_code=center,
            kind="person" if import_id is None else "import",
            import_id=import_id,
            enterer=enterer,
            first_day=days[0] if days else None,
            last_day=days[1] if days else None,
            size=len(ids),
            sample_size=plan.sample,
            accept_number=plan.accept,
            aql=plan.aql,
            seed=seed,
            drawn_by=by,
            drawn_at=at,
            state=OPEN,
        )
        .returning(ReviewLot.id)
    )
    assert lot_id is not None  # noqa: S101 - RETURNING gives what was inserted
    taken = db.execute(
        update(BuildingPermit).where(*conditions, foreign).values(lot_id=lot_id)
    ).rowcount
    if taken != len(ids):
        raise Conflict("entries were reviewed or corrected meanwhile")
    sampled = draw(ids, plan.sample, seed)
    enterers = dict(
        db.execute(
            select(BuildingPermit.id, BuildingPermit.entered_by).where(
                BuildingPermit.id.in_(sampled)
            )
        ).all()
    )
    db.execute(
        insert(PermitJudgement),
        [
            {
                "permit_id": permit_id,
                "center_code": center,
                "entered_by": enterers[permit_id],
                "lot_id": lot_id,
                "position": position,
            }
            for position, permit_id in enumerate(sampled, 1)
        ],
    )
    return lot_id


def listed(db: Connection, vault: Vault, center: str, most: int = 50) -> list[Lot]:
    """The lots of a center, the newest first."""
    rows = db.execute(
        _lots().where(ReviewLot.center_code == center).order_by(ReviewLot.id.desc()).limit(most)
    )
    return [_lot(vault, row) for row in rows]


def one(db: Connection, vault: Vault, center: str, lot_id: int) -> Lot:
    """Raises :class:`Missing` for a lot of another center, or none."""
    row = db.execute(
        _lots().where(ReviewLot.center_code == center, ReviewLot.id == lot_id)
    ).one_or_none()
    if row is None:
        raise Missing("lot")
    return _lot(vault, row)


def _lots() -> Any:
    of_lot = PermitJudgement.lot_id == ReviewLot.id
    judged = select(func.count(PermitJudgement.verdict)).where(of_lot).scalar_subquery()
    wrong = (
        select(func.count())
        .select_from(PermitJudgement)
        .where(of_lot, PermitJudgement.verdict != ACCEPTED)
        .scalar_subquery()
    )
    return select(*ReviewLot.__table__.columns, judged.label("judged"), wrong.label("wrong"))


def _lot(vault: Vault, row: Any) -> Lot:
    return Lot(
        row.id,
        row.center_code,
        row.kind,
        row.import_id,
        row.enterer,
        row.first_day,
        row.last_day,
        row.size,
        row.sample_size,
        row.accept_number,
        row.aql,
        row.seed,
        row.drawn_by,
        row.drawn_at,
        row.state,
        row.decided_by,
        row.decided_at,
        vault.open(LOT_NOTE, row.note) if row.note else "",
        row.judged,
        row.wrong,
    )


def sample_of(db: Connection, lot_id: int) -> list[Sampled]:
    """The entries of the sample in the order in which they were drawn."""
    rows = db.execute(
        select(
            PermitJudgement.permit_id,
            PermitJudgement.position,
            BuildingPermit.number,
            BuildingPermit.letter,
            BuildingPermit.year,
            BuildingPermit.street,
            PermitJudgement.verdict,
            PermitJudgement.judged_by,
        )
        .join(BuildingPermit, BuildingPermit.id == PermitJudgement.permit_id)
        .where(PermitJudgement.lot_id == lot_id)
        .order_by(PermitJudgement.position)
    )
    return [
        Sampled(
            row.permit_id,
            int(row.position or 0),
            PermitNumber(row.number, row.letter, row.year),
            row.street,
            row.verdict or "",
            row.judged_by or "",
        )
        for row in rows
    ]


def place_of(db: Connection, permit: Permit) -> int | None:
    """The entry's place in the sample of its open lot; None when it is not in it."""
    place: int | None = db.scalar(
        select(PermitJudgement.position).where(
            PermitJudgement.lot_id == permit.row["lot_id"],
            PermitJudgement.permit_id == permit.id,
        )
    )
    return place


def judge(
    db: Connection,
    vault: Vault,
    permit: Permit,
    verdict: str,
    reason: str,
    marks: Sequence[str],
    actor: str,
    at: datetime,
) -> None:
    """Say what was found of a sampled entry; until the lot is decided it may be said anew.

    Raises :class:`NotPossible`.
    """
    refusal = review.why_not_judge(db, permit, actor)
    if refusal is not None:
        raise NotPossible(refusal)
    if verdict == ACCEPTED and permit.term is None:
        raise NotPossible("issued_on")
    lot = _held(db, permit.center_code, permit.row["lot_id"])
    judgement = db.scalar(
        update(PermitJudgement)
        .where(PermitJudgement.lot_id == lot, PermitJudgement.permit_id == permit.id)
        .values(
            verdict=verdict,
            judged_by=actor,
            judged_at=at,
            note=vault.seal(JUDGEMENT_NOTE, reason) if reason else None,
        )
        .returning(PermitJudgement.id)
    )
    if judgement is None:
        raise NotPossible("in_lot")
    review.mark(db, judgement, marks)


def release(
    db: Connection, vault: Vault, center: str, lot_id: int, actor: str, at: datetime, today: date
) -> int:
    """Accept every entry of a lot whose sample has passed; how many.

    Those that the sample found wrong go back one by one, and those without a day of issue, or that
    the actor had a hand in, wait for themselves. Raises :class:`NotPossible`.
    """
    _held(db, center, lot_id)
    lot = one(db, vault, center, lot_id)
    if not lot.passed:
        raise NotPossible("sample")
    _turn_down_judged(db, vault, lot, actor, at)
    row = BuildingPermit
    standing = case(
        (row.occupied_on.is_not(None), Status.OCCUPIED),
        (row.completed_on.is_not(None), Status.COMPLETED),
        (row.started_on.is_not(None), Status.UNDER_EXECUTION),
        (row.renewed_on.is_not(None), Status.RENEWED),
        else_=Status.VALID_NOT_STARTED,
    )
    accepted = db.execute(
        update(BuildingPermit)
        .where(
            row.lot_id == lot_id,
            *_WAITING,
            row.issued_on.is_not(None),
            row.entered_by != actor,
            row.corrected_by != actor,
            ~_had_a_hand_in(actor),
        )
        .values(status=standing, status_on=today, reviewed_by=actor, revision=row.revision + 1)
    ).rowcount
    _record_all(db, lot_id, PermitAction.REVIEW, today, actor, at, None)
    db.execute(update(BuildingPermit).where(row.lot_id == lot_id, *_WAITING).values(lot_id=None))
    _decide(db, lot_id, RELEASED, actor, at, None)
    return accepted


def send_back(
    db: Connection, vault: Vault, center: str, lot_id: int, actor: str, reason: str, at: datetime
) -> int:
    """Return every entry of a lot whose sample has failed; how many.

    Raises :class:`NotPossible`.
    """
    _held(db, center, lot_id)
    lot = one(db, vault, center, lot_id)
    if not lot.failed:
        raise NotPossible("sample")
    _turn_down_judged(db, vault, lot, actor, at, keep_lot=True)
    returned = db.execute(
        update(BuildingPermit)
        .where(BuildingPermit.lot_id == lot_id, *_WAITING)
        .values(review=RETURNED, revision=BuildingPermit.revision + 1)
    ).rowcount
    # one sealed text serves all: it says the same of each
    _record_all(db, lot_id, PermitAction.RETURN, None, actor, at, vault.seal(NOTE, reason))
    _decide(db, lot_id, SENT_BACK, actor, at, vault.seal(LOT_NOTE, reason))
    return returned


def left_to_compare(db: Connection, lot_id: int) -> tuple[int, int]:
    """Of a returned lot: the entries that may be submitted again as they are, and those that the
    sample found wrong and nobody has corrected."""
    back = (BuildingPermit.lot_id == lot_id, BuildingPermit.review == RETURNED)
    count = select(func.count()).select_from(BuildingPermit).where(*back)
    wrong = db.scalar(count.where(_found_wrong(lot_id))) or 0
    return (db.scalar(count) or 0) - wrong, wrong


def resubmit(db: Connection, center: str, lot_id: int, actor: str, at: datetime) -> int:
    """Who enters has held every entry of a returned lot against its paper: those that nobody found
    wrong wait for a new sample; how many. Raises :class:`NotPossible`."""
    state = db.scalar(
        select(ReviewLot.state)
        .where(ReviewLot.id == lot_id, ReviewLot.center_code == center)
        .with_for_update()
    )
    if state != SENT_BACK:
        raise NotPossible("status")
    again = db.execute(
        update(BuildingPermit)
        .where(
            BuildingPermit.lot_id == lot_id,
            BuildingPermit.review == RETURNED,
            ~_found_wrong(lot_id),
        )
        .values(review="", corrected_by=actor, revision=BuildingPermit.revision + 1)
    ).rowcount
    _record_all(db, lot_id, PermitAction.RESUBMIT, None, actor, at, None)
    mine = (BuildingPermit.lot_id == lot_id, *_WAITING)
    db.execute(update(BuildingPermit).where(*mine).values(lot_id=None))
    return again


def _found_wrong(lot_id: int) -> ColumnElement[bool]:
    return exists().where(
        PermitJudgement.lot_id == lot_id,
        PermitJudgement.permit_id == BuildingPermit.id,
        PermitJudgement.verdict != ACCEPTED,
    )


def _had_a_hand_in(actor: str) -> ColumnElement[bool]:
    return exists().where(
        PermitAct.permit_id == BuildingPermit.id,
        PermitAct.actor == actor,
        PermitAct.act.in_((PermitAction.CORRECT, PermitAction.RESUBMIT)),
    )


def _held(db: Connection, center: str, lot_id: int) -> int:
    """An open lot, for this transaction; of two that decide at once the second is refused."""
    state = db.scalar(
        select(ReviewLot.state)
        .where(ReviewLot.id == lot_id, ReviewLot.center_code == center)
        .with_for_update()
    )
    if state is None:
        raise Missing("lot")
    if state != OPEN:
        raise NotPossible("decided")
    return lot_id


def _turn_down_judged(
    db: Connection, vault: Vault, lot: Lot, actor: str, at: datetime, *, keep_lot: bool = False
) -> None:
    """What the sample found wrong is returned or rejected, each with its reviewer's reason."""
    found = db.execute(
        select(PermitJudgement.permit_id, PermitJudgement.verdict, PermitJudgement.note).where(
            PermitJudgement.lot_id == lot.id, PermitJudgement.verdict != ACCEPTED
        )
    ).all()
    for permit_id, verdict, note in found:
        permit = reading.by_id(db, vault, permit_id)
        reason = vault.open(JUDGEMENT_NOTE, note) if note else ""
        review.turn_down(db, vault, permit, str(verdict), reason, actor, at)
        if keep_lot and verdict == RETURNED:
            db.execute(
                update(BuildingPermit).where(BuildingPermit.id == permit_id).values(lot_id=lot.id)
            )


def _record_all(
    db: Connection,
    lot_id: int,
    action: PermitAction,
    on: date | None,
    actor: str,
    at: datetime,
    note: bytes | None,
) -> None:
    """One line of history for every entry of the lot whose newest revision has none yet."""
    written = exists().where(
        PermitAct.permit_id == BuildingPermit.id, PermitAct.revision == BuildingPermit.revision
    )
    columns = PermitAct.__table__.c
    source = select(
        BuildingPermit.id,
        BuildingPermit.revision,
        literal(str(action)),
        BuildingPermit.status,
        literal(on, columns.happened_on.type),
        literal(actor),
        literal(at, columns.at.type),
        literal(note, columns.note.type),
    ).where(BuildingPermit.lot_id == lot_id, ~written)
    names = ["permit_id", "revision", "act", "status", "happened_on", "actor", "at", "note"]
    db.execute(insert(PermitAct).from_select(names, source))


def _decide(
    db: Connection, lot_id: int, state: str, actor: str, at: datetime, note: bytes | None
) -> None:
    db.execute(
        update(ReviewLot)
        .where(ReviewLot.id == lot_id)
        .values(state=state, decided_by=actor, decided_at=at, note=note)
    )
