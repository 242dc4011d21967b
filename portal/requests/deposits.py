"""Deposits that go back: what service 22 asks for, and the payment by which it came.

A deposit that was paid through the portal goes back by the means that paid it, so finance is told
as soon as the center has approved it; where the center says what it keeps and why, the refund is
prepared with that. One that was paid before goes the way of the payment order.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from payments import attempts, obligations, refunds
from payments.cases import open_case
from payments.money import Money
from payments.obligations import Owed
from payments.refunds import Part, Refundable, RefundReason
from payments.refunds.reserving import taken_by_line
from portal.catalogue.model import Catalogue, PaymentMode
from portal.clock import public_id
from portal.handoff.messages import BadMessage
from portal.requests import reading
from portal.requests.reading import FiledRequest
from portal.text import compact
from portal.vault import Vault


@dataclass(frozen=True)
class Claim:
    """What a request for a deposit asks for. ``paid_for`` is the request that paid it here."""

    number: str
    receipt: str
    amount: str
    """In pounds, as it was declared."""
    paid_for: str | None
    obligation: str | None = None
    """The stage whose deposit it is."""


@dataclass(frozen=True)
class Order:
    """The payment order of a center: what of the deposit it keeps, and why."""

    deducted: Money
    reasons: str


def read_order(told: Any) -> Order | None:
    """What a message of a center says of a deposit; None where it says nothing of it.

    Raises :class:`~portal.handoff.messages.BadMessage`.
    """
    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise BadMessage("a deposit is an object", "/data/deposit")
    deducted, reasons = told.get("deducted"), str(told.get("reasons", "")).strip()
    if not isinstance(deducted, int) or isinstance(deducted, bool) or deducted < 0:
        raise BadMessage("what is deducted is whole piastres", "/data/deposit/deducted")
    if deducted and not reasons:
        raise BadMessage("a deduction needs its reasons", "/data/deposit/reasons")
    return Order(Money(deducted), reasons)


def claim_of(
    db: Connection, vault: Vault, catalogue: Catalogue, request: FiledRequest
) -> Claim | None:
    """The claim, if the request is one for a deposit."""
    service = catalogue.services[request.service_code]
    if service.payment_mode is not PaymentMode.REFUND:
        return None
    values: dict[str, Any] = reading.answers(db, vault, request.id)["values"]
    receipt = str(values.get("receipt_no") or "")
    named = obligations.of_receipt(db, _number(receipt))
    of_number = obligations.of_reference(db, str(values.get("original_request") or ""))
    candidates = [named] if named is not None else of_number
    paid = next((each for each in candidates if _has_deposit(db, each)), None)
    amount = str(values.get("amount") or "")
    if paid is None:
        return Claim(request.number, receipt, amount, None)
    return Claim(request.number, receipt, amount, paid.reference, paid.id)


def _has_deposit(db: Connection, owed: Owed) -> bool:
    return owed.state == "paid" and any(line.refundable for line in obligations.lines(db, owed.id))


def _number(text: str) -> str:
    """«r 26 ٠٠٠٠١٦٩» as receipts are numbered: «R-26-0000169»."""
    folded = compact(text).upper()
    return f"{folded[:1]}-{folded[1:3]}-{folded[3:]}"


def approved(
    db: Connection,
    vault: Vault,
    catalogue: Catalogue,
    request: FiledRequest,
    at: datetime,
    told: Any,
    sale_only: Collection[str],
) -> None:
    """The center has approved that a deposit goes back: whoever makes refunds is told.

    ``told`` is what the message says of the deposit. With it the refund is prepared, and waits for
    the second person; without it the sum is written by somebody who has the payment order.
    ``sale_only`` are the means of payment that give nothing back.
    """
    order = read_order(told)
    claim = claim_of(db, vault, catalogue, request)
    if claim is None or claim.paid_for is None:
        return
    said = _note(request.number, order) if order else request.number
    detail = f"{said} ({claim.receipt}, {claim.amount})"
    open_case(db, "deposit_due", request.number, claim.paid_for, detail[:300], at)
    if order is not None and claim.obligation is not None:
        prepare(db, claim.obligation, order, said, at, sale_only)


def _note(number: str, order: Order) -> str:
    """What the second person reads beside the sum: the request, what is kept, and why."""
    kept = f" −{order.deducted.major:.2f}" if order.deducted else ""
    reasons = f": {order.reasons}" if order.reasons else ""
    return f"{number}{kept}{reasons}"


def prepare(
    db: Connection,
    obligation: str,
    order: Order,
    note: str,
    at: datetime,
    sale_only: Collection[str],
) -> None:
    """Ask for the deposit less what is kept, by the payments that brought it; of several that paid
    it in parts the first gives first.

    Where one is needed that gives nothing back, nothing is asked for: somebody who sees all of it
    says how much goes which way. The row is held before anything is counted, so that nobody asks
    for the same meanwhile: the center's message counts whatever has become of the deposit.
    """
    obligations.lock(db, obligation)
    taken = taken_by_line(db, obligation)
    deposits = [
        line.amount.minor - taken.get(position, 0)
        for position, line in enumerate(obligations.lines(db, obligation))
        if line.refundable
    ]
    left = sum(deposits) - order.deducted.minor
    found: list[tuple[str, list[Part]]] = []
    all_give = True
    for attempt in attempts.with_money(db, obligation):
        can = refunds.refundable(db, attempt, sale_only)
        all_give = all_give and can.why is None
        parts = _parts(can, left) if can.why is None else []
        left -= sum(part.amount.minor for part in parts)
        found.append((attempt.id, parts))
    if left > 0 and not all_give:
        return
    for attempt_id, parts in found:
        if parts:
            reason, asks = RefundReason.DEPOSIT, refunds.SYSTEM
            refunds.ask(db, public_id(), attempt_id, parts, reason, note, asks, at, sale_only)


def _parts(can: Refundable, wanted: int) -> list[Part]:
    """What one payment gives of the deposits, up to a sum."""
    free = min(wanted, can.credited.minor)
    parts = []
    for each in can.lines:
        part = min(free, each.left.minor) if each.line.refundable else 0
        if part > 0:
            parts.append(Part(each.position, Money(part)))
            free -= part
    return parts
