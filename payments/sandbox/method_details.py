"""The ``payment_method_details`` of a charge, by method:
https://docs.stripe.com/api/charges/object#charge_object-payment_method_details.
"""

from payments.sandbox.cards import Decline
from payments.sandbox.errors import Json
from payments.sandbox.store import Record

RESERVED_SECONDS = 7 * 24 * 3600
"""How long a card's bank keeps a sum reserved:
https://docs.stripe.com/payments/place-a-hold-on-a-payment-method."""

_SHOWN = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")


def details(
    method: Record,
    decline: Decline | None,
    *,
    amount: int,
    authenticated: bool,
    now: int,
    captured: bool,
) -> Json:
    """``kiosk`` and the vouchers tell the number that was paid, which the method carries
    from the moment it was given."""
    kind = str(method.body["type"])
    if kind == "card":
        shown = _card(method.body["card"], decline, authenticated=authenticated)
        shown["overcapture"] = {"maximum_amount_capturable": amount, "status": "unavailable"}
        if not captured and not decline:
            shown["capture_before"] = now + RESERVED_SECONDS
        return {"card": shown, "type": "card"}
    return {kind: {**method.body[kind], **method.private.get("shown", {})}, "type": kind}


def _card(card: Json, decline: Decline | None, *, authenticated: bool) -> Json:
    wrong_cvc = decline is not None and decline.code == "incorrect_cvc"
    three_d_secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    return {
        **{name: card[name] for name in _SHOWN},
        "amount_authorized": None,
        "authorization_code": None,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "fail" if wrong_cvc else "pass",
        },
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": three_d_secure if authenticated else None,
        "wallet": None,
    }
