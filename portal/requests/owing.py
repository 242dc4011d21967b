"""What a request owes and has paid, as pages show it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from payments import attempts, obligations
from payments.attempts import Channel, Try
from payments.model import Obligation, Receipt
from payments.obligations import Owed
from portal.registers import reading as registers
from portal.requests import reading
from portal.requests.lifecycle import State
from portal.requests.reading import FiledRequest
from portal.vault import Vault

PAYABLE = (State.AWAITING_FILING_PAYMENT, State.FEES_ASSESSED)
"""States in which something is to be paid."""


@dataclass(frozen=True)
class Payable:
    """What is to be paid for a request now, and what of it was paid already."""

    owed: Owed
    lines: tuple[obligations.OwedLine, ...]
    paid: tuple[Try, ...]
    voucher: Try | None
    """The cash reference that can be paid now."""


@dataclass(frozen=True)
class IssuedReceipt:
    """A receipt as the request's page lists it."""

    number: str
    issued_at: datetime


def payable(db: Connection, request: FiledRequest) -> Payable | None:
    """What the request owes now; None when nothing is due."""
    owed = obligations.due(db, request.number)
    if owed is None:
        return None
    kiosk = attempts.live(db, owed.id, Channel.KIOSK)
    return Payable(
        owed,
        tuple(obligations.lines(db, owed.id)),
        tuple(a for a in attempts.with_money(db, owed.id) if a.state == "paid"),
        kiosk if kiosk is not None and kiosk.voucher else None,  # the number may not be known yet
    )


def paid_meanwhile(db: Connection, vault: Vault, request: FiledRequest) -> bool:
    """Whether another request has paid the dues that this one is about: nothing is owed then."""
    record = reading.answers(db, vault, request.id)["record"] or {}
    dues = record.get("due_ids", ())
    return bool(dues) and not registers.are_unpaid(db, dues)


def receipts(db: Connection, request: FiledRequest) -> list[IssuedReceipt]:
    """The receipts of a request, a stage after the other."""
    rows = db.execute(
        select(Receipt.number, Receipt.issued_at)
        .join(Obligation, Obligation.id == Receipt.obligation_id)
        .where(Obligation.reference == request.number)
        .order_by(Receipt.issued_at)
    )
    return [IssuedReceipt(*row) for row in rows]
