"""What an account has: https://docs.stripe.com/api/balance."""

from payments.sandbox import paying_out
from payments.sandbox.currencies import EGP
from payments.sandbox.errors import Json
from payments.sandbox.objects import Answer, Call, Operation


def retrieve(call: Call) -> Answer:
    """Two sums for each currency there ever was money in."""
    found = paying_out.balances(call.tx, call.account)
    rows = [row[1:] for row in found] or [(EGP, 0, 0)]
    return Answer(
        {
            "object": "balance",
            "available": [_sum(currency, amount) for currency, amount, _ in rows],
            "livemode": False,
            "pending": [_sum(currency, amount) for currency, _, amount in rows],
            "refund_and_dispute_prefunding": {
                "available": [_sum(currency, 0) for currency, _, _ in rows],
                "pending": [_sum(currency, 0) for currency, _, _ in rows],
            },
        }
    )


def _sum(currency: str, amount: int) -> Json:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


OPERATIONS = (Operation("GET", "/v1/balance", retrieve),)
