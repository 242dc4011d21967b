"""Attempts at taking money: https://docs.stripe.com/api/charges."""

from payments.sandbox.cards import Decline
from payments.sandbox.clock import token
from payments.sandbox.errors import Json
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import Record, Transaction

KIND = "charge"
URL = "/v1/charges"

BALANCE_DELAY = "balance_delay_seconds"
"""Setting: how long a charge stays without its balance transaction."""


def record_charge(
    tx: Transaction,
    intent: Record,
    method: Record,
    *,
    decline: Decline | None,
    authenticated: bool,
) -> Record:
    """A charge that succeeded, or failed because of ``decline``."""
    charge_id = f"ch_{token()}"
    amount = int(intent.body["amount"])
    billing = method.body["billing_details"]
    body: Json = {
        "id": charge_id,
        "object": KIND,
        "amount": amount,
        "amount_captured": 0 if decline else amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": billing,
        "calculated_statement_descriptor": None,
        "captured": decline is None,
        "created": tx.now,
        "currency": intent.body["currency"],
        "customer": None,
        "description": intent.body["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent.body["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent.id,
        "payment_method": method.id,
        "payment_method_details": _details(method, decline, authenticated=authenticated),
        "receipt_email": intent.body["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
    return tx.insert(
        Record(
            id=charge_id,
            account=intent.account,
            kind=KIND,
            created=tx.now,
            tag=body["status"],
            parent=intent.id,
            body=body,
        )
    )


def announce(tx: Transaction, charge: Record, capture_method: str) -> None:
    """The events of a charge, and its balance transaction.

    With ``automatic_async``, the default, the charge is told of before its balance
    transaction exists and ``charge.updated`` brings it:
    https://docs.stripe.com/payments/payment-intents/asynchronous-capture.
    """
    if charge.body["status"] == "failed":
        emit(tx, "charge.failed", charge)
        return
    if capture_method == "automatic":
        charge.body["balance_transaction"] = balance_transactions.book(tx, charge).id
        tx.save(charge)
        emit(tx, "charge.succeeded", charge)
        return
    emit(tx, "charge.succeeded", charge)
    delay = int(tx.setting(BALANCE_DELAY) or 0)
    if delay:
        charge.due_at = tx.now + delay
        tx.save(charge)
    else:
        settle(tx, charge)


def settle(tx: Transaction, charge: Record) -> None:
    """Book the charge and say so."""
    charge.due_at = None
    charge.body["balance_transaction"] = balance_transactions.book(tx, charge).id
    tx.save(charge)
    emit(tx, "charge.updated", charge, {"balance_transaction": None})


def _outcome(decline: Decline | None) -> Json:
    """https://docs.stripe.com/api/charges/object#charge_object-outcome"""
    outcome: Json = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline is not None:
        outcome |= {
            "network_status": "declined_by_network",
            "reason": decline.decline_code or decline.code,
            "seller_message": "The bank declined the payment.",
            "type": "issuer_declined",
        }
    return outcome


def _details(method: Record, decline: Decline | None, *, authenticated: bool) -> Json:
    card = method.body["card"]
    three_d_secure = {
        "authentication_flow": "challenge",
        "result": "authenticated",
        "result_reason": None,
        "version": "2.2.0",
    }
    return {
        "card": {
            **{
                name: card[name]
                for name in ("brand", "country", "exp_month", "exp_year", "funding", "last4")
            },
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "fail" if decline and decline.code == "incorrect_cvc" else "pass",
            },
            "network": card["brand"],
            "three_d_secure": three_d_secure if authenticated else None,
            "wallet": None,
        },
        "type": "card",
    }


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    charge = call.the(KIND)
    before = charge.body["metadata"]
    charge.body["metadata"] = merge_metadata(before, call.params.metadata())
    if charge.body["metadata"] != before:
        call.tx.save(charge)
        emit(call.tx, "charge.updated", charge, {"metadata": before})
    return Answer(present(call.tx, charge))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if intent := call.params.text("payment_intent"):
        filters.append(("parent = ?", (intent,)))
    return Answer(page(call, KIND, URL, filters))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
    Operation("POST", f"{URL}/{{id:str}}", update),
)
