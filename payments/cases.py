"""What a person must look at: money that does not fit is never settled silently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from payments.model import PaymentCase
from payments.storage import insert_missing

GUIDE: Mapping[str, str] = {
    "mismatch_currency": "find out with the provider who paid, and give it back",
    "mismatch_amount": "find out with the provider why the sum differs; book it where it belongs, "
    "or give it back",
    "mismatch_obligation": "find out who made the checkout; book it where it belongs, or give it "
    "back",
    "mismatch_reference": "it names another request: book it where it belongs, or give it back",
    "mismatch_environment": "keys of test and production are mixed up: stop payments and mend that",
    "surplus": "nothing of it was due: give it back, or book it to another request of the payer",
    "cancelled_in_part": "the request was closed after a part was paid: give the part back",
    "external_refund": "ask who refunded it at the provider, and have it booked as what it was",
    "refund_failed": "ask the payer for another way; once it was paid out, have that booked",
    "dispute": "answer it at the provider before its time is over",
    "dispute_lost": "have the loss booked to those who bear it",
    "deposit_due": "the center has approved that a deposit goes back: give it back; if the payment "
    "order keeps a part, and the case stays open then, close it with a note",
    "deposit_withdrawn": "the request was given up after its deposit was paid: give it back",
    "dues_paid_twice": "dues were paid by another request meanwhile: give one of the payments back",
    "reconcile_missing_in_ledger": "find out at the provider who paid and for what",
    "reconcile_missing_at_provider": "find out how the entry came about; correct it by a new one",
    "reconcile_amount": "compare both documents with the provider",
    "reconcile_fee": "ask the provider why it kept another fee",
    "reconcile_duplicate": "if the payer was charged twice, give one back",
    "reconcile_currency": "find out with the provider in what currency was paid, give it back",
    "reconcile_payout_missing": "ask the bank where the payout is",
    "reconcile_payout_amount": "ask the bank what was deducted from the payout",
    "reconcile_payout_currency": "ask the bank why it came in another currency",
    "reconcile_payout_duplicate": "ask the treasury which line of its statement is right",
    "reconcile_payout_unknown": "look whether the number is mistyped, else ask the treasury",
}
"""What to do about each kind of case."""

MISMATCHES = tuple(kind for kind in GUIDE if kind.startswith("mismatch_"))
DEPOSITS = ("deposit_due", "deposit_withdrawn")
GIVE_BACK = ("surplus", "cancelled_in_part", "dues_paid_twice", *DEPOSITS, *MISMATCHES)
"""Kinds of case that a refund settles."""


def what_to_do(kind: str) -> str:
    return GUIDE.get(kind, "find out with the provider what happened")


def page_of(case_id: int) -> str:
    """Where staff look at a case, and have booked what is to be booked."""
    return f"/center/finance/cases/{case_id}"


@dataclass(frozen=True)
class OpenCase:
    """A case that nobody has closed."""

    id: int
    kind: str
    object_id: str
    reference: str
    detail: str
    opened_at: datetime


def open_case(
    db: Connection, kind: str, object_id: str, reference: str, detail: str, at: datetime
) -> None:
    """Put something before a person; the same thing is put there once."""
    insert_missing(
        db,
        insert(PaymentCase).values(
            kind=kind, object_id=object_id, reference=reference, detail=detail, opened_at=at
        ),
    )


def open_again(db: Connection, kind: str, object_id: str, note: str) -> None:
    """Open a case once more that had closed by itself with this note; a person's word stands."""
    db.execute(
        update(PaymentCase)
        .where(
            PaymentCase.kind == kind,
            PaymentCase.object_id == object_id,
            PaymentCase.closed_note == note,
            PaymentCase.closed_by.is_(None),
        )
        .values(closed_at=None, closed_note=None)
    )


def open_cases(db: Connection) -> Sequence[OpenCase]:
    """What waits for a person, oldest first."""
    rows = db.execute(
        select(
            PaymentCase.id,
            PaymentCase.kind,
            PaymentCase.object_id,
            PaymentCase.reference,
            PaymentCase.detail,
            PaymentCase.opened_at,
        )
        .where(PaymentCase.closed_at.is_(None))
        .order_by(PaymentCase.opened_at)
    )
    return [OpenCase(*row) for row in rows]


@dataclass(frozen=True)
class Closing:
    """That a case was closed; ``by`` is empty where it closed by itself."""

    at: datetime
    note: str
    by: str


def find(db: Connection, case_id: int) -> tuple[OpenCase, Closing | None] | None:
    """A case as it was opened, and how it was closed."""
    row = db.execute(select(PaymentCase.__table__).where(PaymentCase.id == case_id)).one_or_none()
    if row is None:
        return None
    opened = OpenCase(row.id, row.kind, row.object_id, row.reference, row.detail, row.opened_at)
    if row.closed_at is None:
        return opened, None
    return opened, Closing(row.closed_at, row.closed_note or "", row.closed_by or "")


def find_open(db: Connection, case_id: int) -> OpenCase | None:
    """The case, if nobody has closed it."""
    found = find(db, case_id)
    return found[0] if found is not None and found[1] is None else None


def move(db: Connection, case_id: int, reference: str, detail: str) -> None:
    """The case is about another reference from now on."""
    db.execute(
        update(PaymentCase)
        .where(PaymentCase.id == case_id)
        .values(reference=reference, detail=detail)
    )


def close(db: Connection, case_id: int, note: str, at: datetime, by: str = "") -> bool:
    """Close a case, saying what was done and who says so; False when no such case is open."""
    done = db.execute(
        update(PaymentCase)
        .where(PaymentCase.id == case_id, PaymentCase.closed_at.is_(None))
        .values(closed_at=at, closed_note=note, closed_by=by)
    )
    return done.rowcount == 1


def resolve(db: Connection, kinds: Sequence[str], reference: str, note: str, at: datetime) -> None:
    """Close the open cases of these kinds about a reference: they have settled themselves."""
    _close(db, PaymentCase.kind.in_(kinds), PaymentCase.reference == reference, note=note, at=at)


def resolve_object(
    db: Connection, kinds: Sequence[str], object_id: str, note: str, at: datetime
) -> None:
    """The same for the cases about one object."""
    _close(db, PaymentCase.kind.in_(kinds), PaymentCase.object_id == object_id, note=note, at=at)


def _close(db: Connection, *conditions: ColumnElement[bool], note: str, at: datetime) -> None:
    db.execute(
        update(PaymentCase)
        .where(PaymentCase.closed_at.is_(None), *conditions)
        .values(closed_at=at, closed_note=note)
    )


def count_open(db: Connection) -> int:
    found = select(func.count()).select_from(PaymentCase).where(PaymentCase.closed_at.is_(None))
    return db.scalar(found) or 0
