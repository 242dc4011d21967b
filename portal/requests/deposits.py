"""Deposits that go back: what service 22 asks for, and the payment by which it came.

A deposit that was paid through the portal goes back by the means that paid it, so finance is told
as soon as the center has approved it. One that was paid before goes the way of the payment order.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from payments import obligations
from payments.cases import open_case
from payments.obligations import Owed
from portal.catalogue.model import Catalogue, PaymentMode
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
    paid_for = next((each.reference for each in candidates if _has_deposit(db, each)), None)
    return Claim(request.number, receipt, str(values.get("amount") or ""), paid_for)


def _has_deposit(db: Connection, owed: Owed) -> bool:
    return owed.state == "paid" and any(line.refundable for line in obligations.lines(db, owed.id))


def _number(text: str) -> str:
    """«r 26 ٠٠٠٠١٦٩» as receipts are numbered: «R-26-0000169»."""
    folded = compact(text).upper()
    return f"{folded[:1]}-{folded[1:3]}-{folded[3:]}"


def approved(
    db: Connection, vault: Vault, catalogue: Catalogue, request: FiledRequest, at: datetime
) -> None:
    """The center has approved that a deposit goes back: whoever makes refunds is told.

    How much of it the center kept back stands in its payment order, which no message carries; so
    the sum is written by the one who asks for the refund, and seen by the one who approves it.
    """
    claim = claim_of(db, vault, catalogue, request)
    if claim is not None and claim.paid_for is not None:
        detail = f"asked for by {request.number}, receipt {claim.receipt}, {claim.amount} pounds"
        open_case(db, "deposit_due", request.number, claim.paid_for, detail[:300], at)
