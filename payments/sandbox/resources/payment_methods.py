"""The cards payments are made with: https://docs.stripe.com/api/payment_methods."""

import hashlib
import time

from payments.sandbox.cards import BY_TOKEN, Card, entered
from payments.sandbox.clock import token
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.objects import Answer, Call, Operation, require
from payments.sandbox.params import Params
from payments.sandbox.presenting import present
from payments.sandbox.store import Record, Transaction

KIND = "payment_method"
URL = "/v1/payment_methods"

TOKEN_EXPIRY_YEARS = 5


def year_and_month(now: int) -> tuple[int, int]:
    """Of an instant, in the way cards expire (anywhere on Earth is near enough)."""
    moment = time.gmtime(now)
    return moment.tm_year, moment.tm_mon


def fingerprint(card: Card) -> str:
    """The same for the same number, and made of its name here, not of the number."""
    return hashlib.sha256(card.name.encode()).hexdigest()[:16]


def record_method(
    tx: Transaction, account: str, card: Card, expiry: tuple[int, int], billing: Json
) -> Record:
    """``expiry`` is month and year. Of the number only the last four digits are kept."""
    method_id = f"pm_{token()}"
    month, year = expiry
    return tx.insert(
        Record(
            id=method_id,
            account=account,
            kind=KIND,
            created=tx.now,
            body={
                "id": method_id,
                "object": KIND,
                "allow_redisplay": "unspecified",
                "billing_details": {
                    "address": dict.fromkeys(
                        ("city", "country", "line1", "line2", "postal_code", "state")
                    ),
                    "email": None,
                    "name": None,
                    "phone": None,
                    **billing,
                },
                "card": {
                    "brand": card.brand,
                    "checks": {
                        "address_line1_check": None,
                        "address_postal_code_check": None,
                        "cvc_check": "unchecked",
                    },
                    "country": "US",
                    "display_brand": card.brand,
                    "exp_month": month,
                    "exp_year": year,
                    "fingerprint": fingerprint(card),
                    "funding": card.funding,
                    "last4": card.last4,
                    "generated_from": None,
                    "networks": {"available": [card.brand], "preferred": None},
                    "regulated_status": "unregulated",
                    "three_d_secure_usage": {"supported": True},
                    "wallet": None,
                },
                "created": tx.now,
                "customer": None,
                "livemode": False,
                "metadata": {},
                "type": "card",
            },
            private={"card": card.name},
        )
    )


def from_params(call: Call) -> Record | None:
    """The method a request names (a token or an id) or describes, if any."""
    named = call.params.text("payment_method")
    described = call.params.child("payment_method_data")
    if named is not None and described is not None:
        raise ApiError("Only one of payment_method and payment_method_data can be given.")
    if described is not None:
        return _described(call, described)
    return None if named is None else by_name(call, named)


def by_name(call: Call, name: str, *, param: str = "payment_method", status: int = 400) -> Record:
    """The method of an id, or a new one for a test token."""
    card = BY_TOKEN.get(name)
    if card is None:
        return require(call.tx, KIND, name, param=param, status=status)
    year, _ = year_and_month(call.tx.now)
    return record_method(call.tx, call.account, card, (12, year + TOKEN_EXPIRY_YEARS), {})


def _described(call: Call, params: Params) -> Record:
    params.choice("type", ("card",))
    card_params = params.child("card")
    if card_params is None:
        raise ApiError(
            "Missing required param: payment_method_data[card].",
            code="parameter_missing",
            param="payment_method_data[card]",
        )
    number = card_params.need_text("number")
    month = card_params.need_integer("exp_month")
    year = card_params.need_integer("exp_year", low=0, high=9999)
    year += 2000 if year < 100 else 0
    cvc = card_params.text("cvc")
    billing = params.child("billing_details")
    details = {name: billing.text(name) for name in ("email", "name", "phone")} if billing else {}
    # Unknown names are refused before the card is: they may be a misspelt cvc.
    params.finish()
    card = entered(number, month, year, cvc, year_and_month(call.tx.now))
    return record_method(call.tx, call.account, card, (month, year), details)


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


OPERATIONS = (Operation("GET", f"{URL}/{{id:str}}", retrieve),)
