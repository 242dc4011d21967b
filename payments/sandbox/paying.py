"""The life of a payment intent, the same for the API and for the hosted page.

https://docs.stripe.com/payments/paymentintents/lifecycle. The order of events of
one attempt is: ``requires_action`` where the card asks for 3-D Secure, then
``processing``, then the charge's and the intent's result. Cards often skip
``processing`` at the provider; here they never do, so that a receiver which takes
it for a result is found out.
"""

from payments.sandbox.cards import BY_NAME, Decline
from payments.sandbox.charging import announce, record_charge
from payments.sandbox.clock import token
from payments.sandbox.errors import CODES_PAGE, Json
from payments.sandbox.recording import emit
from payments.sandbox.store import Record, Transaction

KIND = "payment_intent"

OPEN_STATUSES = ("requires_payment_method", "requires_confirmation", "requires_action")

NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "The provided PaymentMethod has failed authentication. You can provide "
    "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
)


def open_intent(
    tx: Transaction, account: str, fields: Json, *, session: str | None = None
) -> Record:
    """A new intent; ``fields`` holds at least its amount and currency."""
    intent_id = f"pi_{token()}"
    body: Json = {
        "id": intent_id,
        "object": KIND,
        "amount": 0,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{token()}",
        "confirmation_method": "automatic",
        "created": tx.now,
        "currency": "",
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        **fields,
    }
    intent = tx.insert(
        Record(
            id=intent_id,
            account=account,
            kind=KIND,
            created=tx.now,
            body=body,
            private={"session": session, "attempt": None, "return_url": None},
        )
    )
    emit(tx, "payment_intent.created", intent)
    return intent


def attempt(
    tx: Transaction, intent: Record, method: Record, base_url: str, return_url: str | None = None
) -> None:
    """Try to pay ``intent`` with ``method``; its status and error tell what came of it."""
    card = BY_NAME[method.private["card"]]
    intent.body |= {"payment_method": method.id, "last_payment_error": None, "next_action": None}
    intent.private["return_url"] = return_url
    if not card.authenticate:
        _charge(tx, intent, method, authenticated=False)
        return
    attempt_id = token()
    intent.private["attempt"] = {"id": attempt_id, "card": card.name}
    intent.body |= {
        "status": "requires_action",
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "url": f"{base_url}/c/authenticate/{intent.id}/{attempt_id}",
                "return_url": return_url,
            },
        },
    }
    tx.save(intent)
    emit(tx, "payment_intent.requires_action", intent)


def authenticate(tx: Transaction, intent: Record, *, approved: bool) -> None:
    """What the payer answered to the bank's 3-D Secure question."""
    method = tx.find("payment_method", intent.body["payment_method"])
    if method is None:
        raise LookupError(f"the payment method of {intent.id} is gone")
    if approved:
        _charge(tx, intent, method, authenticated=True)
    else:
        _fail(tx, intent, method, NOT_AUTHENTICATED, None)


def cancel(tx: Transaction, intent: Record, reason: str | None) -> None:
    intent.private["attempt"] = None
    intent.body |= {
        "status": "canceled",
        "canceled_at": tx.now,
        "cancellation_reason": reason,
        "next_action": None,
    }
    tx.save(intent)
    emit(tx, "payment_intent.canceled", intent)


def _charge(tx: Transaction, intent: Record, method: Record, *, authenticated: bool) -> None:
    intent.private["attempt"] = None
    intent.body |= {"status": "processing", "next_action": None}
    tx.save(intent)
    emit(tx, "payment_intent.processing", intent)
    decline = BY_NAME[method.private["card"]].decline
    charge = record_charge(tx, intent, method, decline=decline, authenticated=authenticated)
    intent.body["latest_charge"] = charge.id
    if decline is not None:
        announce(tx, charge, intent.body["capture_method"])
        _fail(tx, intent, method, decline, charge)
        return
    intent.body |= {
        "status": "succeeded",
        "amount_received": intent.body["amount"],
    }
    tx.save(intent)
    announce(tx, charge, intent.body["capture_method"])
    emit(tx, "payment_intent.succeeded", intent)


def _fail(
    tx: Transaction, intent: Record, method: Record, decline: Decline, charge: Record | None
) -> None:
    error: Json = {
        "charge": charge.id if charge else None,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": CODES_PAGE + decline.code.replace("_", "-"),
        "message": decline.message,
        "param": decline.param,
        "payment_method": method.body,
        "type": "card_error" if charge else "invalid_request_error",
    }
    intent.private["attempt"] = None
    intent.body |= {
        "status": "requires_payment_method",
        "last_payment_error": {name: value for name, value in error.items() if value is not None},
        "payment_method": None,
        "next_action": None,
    }
    tx.save(intent)
    emit(tx, "payment_intent.payment_failed", intent)
