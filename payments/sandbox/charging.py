"""Making charges, and what becomes of them: https://docs.stripe.com/api/charges/object.

A charge is ``succeeded`` at once, ``failed`` because of a decline, ``pending`` where the
payer's bank or wallet takes its time, or succeeded but not captured, where the shop wanted
to reserve the sum first.
"""

from payments.sandbox import disputing
from payments.sandbox.cards import Decline
from payments.sandbox.clock import token
from payments.sandbox.errors import Json
from payments.sandbox.method_details import details
from payments.sandbox.recording import emit
from payments.sandbox.resources import balance_transactions
from payments.sandbox.resources.charges import BALANCE_DELAY, KIND, settle
from payments.sandbox.store import Record, Transaction


def record_charge(
    tx: Transaction,
    intent: Record,
    method: Record,
    *,
    decline: Decline | None = None,
    authenticated: bool = False,
    captured: bool = True,
    pending: bool = False,
) -> Record:
    """A charge of the whole intent; failed if there is a ``decline``."""
    charge_id = f"ch_{token()}"
    amount = int(intent.body["amount"])
    taken = captured and not decline and not pending
    status = "failed" if decline else "pending" if pending else "succeeded"
    body: Json = {
        "id": charge_id,
        "object": KIND,
        "amount": amount,
        "amount_captured": amount if taken else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": None,
        "balance_transaction": None,
        "billing_details": method.body["billing_details"],
        "calculated_statement_descriptor": None,
        "captured": captured and not decline,
        "created": tx.now,
        "currency": intent.body["currency"],
        "customer": intent.body["customer"],
        "description": intent.body["description"],
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent.body["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": status == "succeeded",
        "payment_intent": intent.id,
        "payment_method": method.id,
        "payment_method_details": details(
            method,
            decline,
            amount=amount,
            authenticated=authenticated,
            now=tx.now,
            captured=captured,
        ),
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent.body["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent.body["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent.body["statement_descriptor"],
        "statement_descriptor_suffix": intent.body["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }
    if decline:
        body |= _failure(decline)
    return tx.insert(
        Record(
            id=charge_id,
            account=intent.account,
            kind=KIND,
            created=tx.now,
            tag=status,
            parent=intent.id,
            body=body,
            # what the method's number says about refunds and disputes to come
            private=dict(method.private),
        )
    )


def announce(tx: Transaction, charge: Record, capture_method: str) -> None:
    """The events of a charge, and its balance transaction.

    With ``automatic_async``, the default, the charge is told of before its balance
    transaction exists and ``charge.updated`` brings it:
    https://docs.stripe.com/payments/payment-intents/asynchronous-capture.
    """
    if charge.body["status"] != "succeeded":
        emit(tx, f"charge.{charge.body['status']}", charge)
        return
    if capture_method == "automatic":
        charge.body["balance_transaction"] = balance_transactions.book(tx, charge).id
        tx.save(charge)
        emit(tx, "charge.succeeded", charge)
        disputing.begin(tx, charge)
        return
    emit(tx, "charge.succeeded", charge)
    if charge.body["captured"]:
        _settle_in_time(tx, charge)


def finish(tx: Transaction, charge: Record, decline: Decline | None) -> None:
    """A pending charge ends."""
    status = charge.tag = "failed" if decline else "succeeded"
    charge.body |= {"status": status, "paid": decline is None, "outcome": _outcome(decline)}
    if decline:
        charge.body |= _failure(decline) | {"captured": False}
    else:
        charge.body["amount_captured"] = charge.body["amount"]
    tx.save(charge)
    announce(tx, charge, "automatic_async")


def capture(tx: Transaction, charge: Record, amount: int) -> None:
    """Take ``amount`` of what is reserved; the rest goes back at once."""
    charge.body |= {
        "amount_captured": amount,
        "amount_refunded": int(charge.body["amount"]) - amount,
        "captured": True,
    }
    tx.save(charge)
    emit(tx, "charge.captured", charge)
    _settle_in_time(tx, charge)


def release(tx: Transaction, charge: Record, event: str) -> None:
    """Give a reserved sum back without taking any of it."""
    charge.body |= {"amount_refunded": charge.body["amount"], "refunded": True}
    tx.save(charge)
    emit(tx, event, charge)


def _settle_in_time(tx: Transaction, charge: Record) -> None:
    delay = int(tx.setting(BALANCE_DELAY) or 0)
    if delay:
        charge.due_at = tx.now + delay
        tx.save(charge)
    else:
        settle(tx, charge)


def _failure(decline: Decline) -> Json:
    return {"failure_code": decline.code, "failure_message": decline.message}


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
