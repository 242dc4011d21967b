"""Payers who ask their bank for the money back: https://docs.stripe.com/disputes.

A dispute takes the sum and a fee out of the balance at once; evidence is judged, and a
dispute that is won gives both back (https://docs.stripe.com/testing#evidence). An
inquiry is a question of the bank and takes nothing unless it becomes a dispute.
"""

from payments.sandbox.cards import BY_NAME
from payments.sandbox.claims import CLAIMS, KIND, Claim, due_by, new_body
from payments.sandbox.clock import token
from payments.sandbox.currencies import exponent
from payments.sandbox.errors import ApiError
from payments.sandbox.evidence import UNCATEGORIZED
from payments.sandbox.recording import emit, emit_change
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import Record, Transaction

FEE = 15
"""In whole units of the currency: https://stripe.com/pricing, 15.00 a dispute."""

JUDGED_AFTER_SECONDS = 3

CLOSED = ("lost", "won", "warning_closed")


def begin(tx: Transaction, charge: Record) -> None:
    """Where the charge's card is one of those whose holders complain at once."""
    card = BY_NAME.get(charge.private.get("card", ""))
    claim = CLAIMS.get(card.later) if card else None
    if claim is not None:
        dispute(tx, charge, claim)


def dispute(tx: Transaction, charge: Record, claim: Claim) -> Record:
    """Open one over all of the charge that was not refunded. Raises if nothing is left."""
    left = int(charge.body["amount"]) - int(charge.body["amount_refunded"])
    taken = charge.body["captured"] and charge.body["status"] == "succeeded"
    if charge.body["disputed"] or not taken or left <= 0:
        raise ApiError(f"Charge {charge.id} cannot be disputed.", code="charge_disputed")
    dispute_id = f"du_{token()}"
    opened = tx.insert(
        Record(
            id=dispute_id,
            account=charge.account,
            kind=KIND,
            created=tx.now,
            parent=charge.id,
            due_at=due_by(tx.now),
            body=new_body(dispute_id, tx.now, charge, claim),
            private={"outcome": "closed" if claim.inquiry else "lost"},
        )
    )
    charge.body |= {"dispute": dispute_id, "disputed": True}
    tx.save(charge)
    emit(tx, "charge.dispute.created", opened)
    if not claim.inquiry:
        _withdraw(tx, opened, charge)
    return opened


def submit(tx: Transaction, opened: Record) -> None:
    """Send the evidence to the bank, which has made up its mind about magic words only."""
    said = opened.body["evidence"][UNCATEGORIZED] or ""
    inquiry = str(opened.body["status"]).startswith("warning_")
    details = opened.body["evidence_details"]
    details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
    opened.body["status"] = "warning_under_review" if inquiry else "under_review"
    outcome = {
        "winning_evidence": "closed" if inquiry else "won",
        "losing_evidence": "closed" if inquiry else "lost",
        "escalate_inquiry_evidence": "escalated" if inquiry else None,
    }.get(said.strip())
    opened.private["outcome"] = outcome
    opened.due_at = tx.now + JUDGED_AFTER_SECONDS if outcome else None


def judge(tx: Transaction, opened: Record) -> None:
    """The bank's answer, or what silence until the last day means."""
    outcome = opened.private["outcome"]
    if outcome == "won":
        _win(tx, opened)
    elif outcome == "escalated":
        _escalate(tx, opened)
    else:
        lose(tx, opened)


def lose(tx: Transaction, opened: Record) -> None:
    """Also what it means to close a dispute: the payer was right."""
    inquiry = str(opened.body["status"]).startswith("warning_")
    _close(tx, opened, "warning_closed" if inquiry else "lost")


def forget(tx: Transaction, charge: Record) -> None:
    """Nothing is left to ask for: all of the charge was given back."""
    for one in tx.select("kind = ? AND parent = ?", (KIND, charge.id)):
        if one.body["status"] in ("warning_needs_response", "warning_under_review"):
            lose(tx, one)


def forbids_refund(tx: Transaction, charge: Record) -> bool:
    """The bank has taken the money already; refunding it would pay twice."""
    found = tx.select("kind = ? AND parent = ?", (KIND, charge.id))
    return any(not one.body["is_charge_refundable"] for one in found)


def _win(tx: Transaction, opened: Record) -> None:
    amount = int(opened.body["amount"])
    _book(tx, opened, amount, -_fee(opened), "dispute_reversal", "Chargeback reversal for")
    opened.body["is_charge_refundable"] = True
    _close(tx, opened, "won")


def _escalate(tx: Transaction, opened: Record) -> None:
    charge = tx.find("charge", opened.body["charge"])
    if charge is None:
        raise LookupError(f"the charge of {opened.id} is gone")
    before = dict(opened.body)
    opened.private["outcome"] = "lost"
    opened.due_at = due_by(tx.now)
    opened.body |= {"is_charge_refundable": False, "status": "needs_response"}
    opened.body["payment_method_details"]["card"]["case_type"] = "chargeback"
    tx.save(opened)
    emit_change(tx, "charge.dispute.updated", opened, before)
    _withdraw(tx, opened, charge)


def _withdraw(tx: Transaction, opened: Record, charge: Record) -> None:
    _book(
        tx,
        opened,
        -int(opened.body["amount"]),
        _fee(opened),
        "dispute",
        "Chargeback withdrawal for",
        available_on=balance_transactions.available_with(tx, charge),
    )
    tx.save(opened)
    emit(tx, "charge.dispute.funds_withdrawn", opened)


def _book(
    tx: Transaction,
    opened: Record,
    amount: int,
    fee: int,
    category: str,
    what: str,
    available_on: int | None = None,
) -> None:
    booked = balance_transactions.record(
        tx,
        opened,
        "adjustment",
        amount,
        fee=fee,
        fee_for="Dispute fee",
        category=category,
        description=f"{what} {opened.body['charge']}",
        available_on=available_on,
    )
    opened.body["balance_transactions"] = [*opened.body["balance_transactions"], booked.body]


def _close(tx: Transaction, opened: Record, status: str) -> None:
    before = dict(opened.body)
    opened.due_at = None
    opened.tag = opened.body["status"] = status
    tx.save(opened)
    if status == "won":
        emit(tx, "charge.dispute.funds_reinstated", opened)
    emit_change(tx, "charge.dispute.closed", opened, before)


def _fee(opened: Record) -> int:
    units: int = 10 ** exponent(str(opened.body["currency"]))
    return FEE * units
