"""What a request owes and has paid, as pages show it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from payments import attempts, obligations
from payments.attempts import Try
from payments.model import Obligation
from payments.money import Money
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
    ended: Try | None
    """The newest cash reference, when it can be paid no more and no other has taken its place."""


def payable(db: Connection, request: FiledRequest, at: datetime) -> Payable | None:
    """What the request owes at this moment; None when nothing is due."""
    owed = obligations.due(db, request.number)
    if owed is None:
        return None
    kiosk = attempts.newest_voucher(db, owed.id)
    # the provider may not have told yet that it is over
    live = kiosk is not None and kiosk.state == "open" and kiosk.expires_at > at
    over = kiosk is not None and not live and kiosk.state in {"open", "expired"}
    return Payable(
        owed,
        tuple(obligations.lines(db, owed.id)),
        tuple(a for a in attempts.with_money(db, owed.id) if a.state == "paid"),
        kiosk if live else None,
        kiosk if over else None,
    )


def paid_meanwhile(db: Connection, vault: Vault, request: FiledRequest) -> bool:
    """Whether another request has paid the dues that this one is about: nothing is owed then."""
    record = reading.answers(db, vault, request.id)["record"] or {}
    dues = record.get("due_ids", ())
    return bool(dues) and not registers.are_unpaid(db, dues)


def left_to_pay(db: Connection, requests: Iterable[FiledRequest]) -> Mapping[str, Money]:
    """What each of these requests owes now, by its number."""
    numbers = [request.number for request in requests if request.state in PAYABLE]
    rows = db.execute(
        select(Obligation.reference, func.sum(Obligation.amount - Obligation.credited))
        .where(Obligation.reference.in_(numbers), Obligation.state == "due")
        .group_by(Obligation.reference)
    )
    return {number: Money(int(left)) for number, left in rows}
