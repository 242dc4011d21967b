"""What a payer says against a charge, and the dispute it opens:
https://docs.stripe.com/api/disputes/object.
"""

from dataclasses import dataclass

from payments.sandbox.errors import Json
from payments.sandbox.evidence import NO_EVIDENCE
from payments.sandbox.store import Record

KIND = "dispute"

DAY = 24 * 3600
DAYS_TO_ANSWER = 8


@dataclass(frozen=True, slots=True)
class Claim:
    """What a payer says, and its number at the card network."""

    reason: str
    code: str
    inquiry: bool = False


CLAIMS = {
    "dispute": Claim("fraudulent", "10.4"),
    "dispute_not_received": Claim("product_not_received", "13.1"),
    "inquiry": Claim("fraudulent", "10", inquiry=True),
}
"""By what a test card says comes later."""


def due_by(now: int) -> int:
    """The last second of the day, Greenwich time."""
    return (now // DAY + DAYS_TO_ANSWER + 1) * DAY - 1


def new_body(dispute_id: str, now: int, charge: Record, claim: Claim) -> Json:
    """A dispute as it begins: over all of the charge that was not refunded."""
    brand = charge.body["payment_method_details"].get("card", {}).get("brand", "unknown")
    return {
        "id": dispute_id,
        "object": KIND,
        "amount": int(charge.body["amount"]) - int(charge.body["amount_refunded"]),
        "balance_transactions": [],
        "charge": charge.id,
        "created": now,
        "currency": charge.body["currency"],
        "customer": charge.body["customer"],
        "enhanced_eligibility_types": [],
        "evidence": dict(NO_EVIDENCE),
        "evidence_details": {
            "due_by": due_by(now),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": claim.inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": claim.code,
        "payment_intent": charge.body["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if claim.inquiry else "chargeback",
                "network": brand,
                "network_reason_code": claim.code,
            },
            "type": "card",
        },
        "reason": claim.reason,
        "status": "warning_needs_response" if claim.inquiry else "needs_response",
    }
