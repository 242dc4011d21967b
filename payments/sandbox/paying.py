"""The life of a payment intent, the same for the API, the hosted page and the clock.

https://docs.stripe.com/payments/paymentintents/lifecycle. An attempt asks for something
(the bank's 3-D Secure, the wallet on a phone, cash at a kiosk) or goes straight to its
outcome: :mod:`payments.sandbox.outcomes`.
"""

from payments.sandbox import charging, outcomes, vouchers
from payments.sandbox.cards import BY_NAME, Decline
from payments.sandbox.clock import token
from payments.sandbox.errors import Json
from payments.sandbox.following import follow
from payments.sandbox.method_options import defaults
from payments.sandbox.methods import VOUCHERS
from payments.sandbox.recording import emit
from payments.sandbox.store import Record, Transaction

KIND = "payment_intent"

OPEN_STATUSES = ("requires_payment_method", "requires_confirmation", "requires_action")

NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "The provided PaymentMethod has failed authentication. You can provide "
    "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)


def open_intent(
    tx: Transaction, account: str, fields: Json, *, session: str | None = None
) -> Record:
    """A new intent; ``fields`` holds at least its amount and currency."""
    intent_id = f"pi_{token()}"
    body: Json = {
        "id": intent_id,
        "object": KIND,
        "allowed_payment_method_types": None,
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
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "hooks": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": defaults("card")},
        "payment_method_types": ["card"],
        "payment_record": None,
        "presentment_details": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        **fields,
    }
    private = {**outcomes.NOTHING_PENDING, "session": session, "return_url": None}
    intent = tx.insert(
        Record(
            id=intent_id,
            account=account,
            kind=KIND,
            created=tx.now,
            body=body,
            private=private,
        )
    )
    emit(tx, "payment_intent.created", intent)
    return intent


def attempt(
    tx: Transaction,
    intent: Record,
    method: Record,
    base_url: str,
    return_url: str | None = None,
    *,
    alone: bool = False,
) -> None:
    """Try to pay ``intent`` with ``method``; its status and error tell what came of it.
    ``alone`` is a payer who is not there to be asked anything."""
    outcomes.rest(intent)
    intent.body |= {"payment_method": method.id, "last_payment_error": None}
    intent.private["return_url"] = return_url
    card = BY_NAME.get(method.private.get("card", ""))
    if method.body["type"] in VOUCHERS:
        vouchers.issue(tx, intent, method, base_url)
    elif intent.private.pop("authenticated", None) == method.id:
        outcomes.charge(tx, intent, method, authenticated=True)
    elif method.body["type"] == "wallet" or (card and card.authenticate):
        if card and alone:
            _decline(tx, intent, method, AUTHENTICATION_REQUIRED)
        else:
            _ask(tx, intent, method, base_url, return_url)
    else:
        outcomes.charge(tx, intent, method)


def withdraw(intent: Record) -> None:
    """Ask nothing more of the payer: the shop changed what is to be paid, or how."""
    outcomes.rest(intent)
    if intent.body["payment_method"]:
        intent.body["status"] = "requires_confirmation"


def authenticate(tx: Transaction, intent: Record, *, approved: bool) -> None:
    """What the payer answered to the bank's question, or on the phone."""
    method = _method(tx, intent)
    if not approved:
        outcomes.fail(tx, intent, method, NOT_AUTHENTICATED, None)
    elif intent.body["confirmation_method"] == "manual":
        # the shop's server confirms once more
        outcomes.rest(intent)
        intent.private["authenticated"] = method.id
        intent.body["status"] = "requires_confirmation"
        tx.save(intent)
    else:
        outcomes.charge(tx, intent, method, authenticated=method.body["type"] == "card")


def capture(tx: Transaction, intent: Record, amount: int) -> None:
    """Take a reserved sum, or a part of it; the rest goes back."""
    outcomes.rest(intent)
    intent.body |= {"amount_capturable": 0, "amount_received": amount, "status": "succeeded"}
    tx.save(intent)
    charging.capture(tx, _charge(tx, intent), amount)
    emit(tx, "payment_intent.succeeded", intent)
    follow(tx, intent, late=False)


def cancel(
    tx: Transaction, intent: Record, reason: str | None, *, released: str = "charge.refunded"
) -> None:
    """For good; a reserved sum goes back, which the event ``released`` tells."""
    reserved = intent.body["status"] == "requires_capture"
    outcomes.rest(intent)
    intent.body |= {
        "amount_capturable": 0,
        "canceled_at": tx.now,
        "cancellation_reason": reason,
        "status": "canceled",
    }
    tx.save(intent)
    if reserved:
        charging.release(tx, _charge(tx, intent), released)
    emit(tx, "payment_intent.canceled", intent)
    follow(tx, intent, late=not reserved)


def on_time(tx: Transaction, intent: Record) -> None:
    """What was planned for this moment."""
    then = intent.private["then"]
    if then == "finish":
        outcomes.finish(tx, intent, _method(tx, intent))
    elif then == "release":
        cancel(tx, intent, "automatic", released="charge.expired")
    elif then == "expire":
        vouchers.expire(tx, intent)
    elif then == "pay":
        voucher = vouchers.find(tx, intent.private["voucher"])
        if voucher is None:
            raise LookupError(f"the voucher of {intent.id} is gone")
        vouchers.settle(tx, intent, voucher)


def _ask(
    tx: Transaction, intent: Record, method: Record, base_url: str, return_url: str | None
) -> None:
    """Send the payer to the bank's page, or to the wallet's on a phone."""
    attempt_id = token()
    intent.private["attempt"] = {"id": attempt_id, "with": _payer(method)}
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


def _decline(tx: Transaction, intent: Record, method: Record, decline: Decline) -> None:
    """A charge the bank refuses to make without its customer."""
    made = charging.record_charge(tx, intent, method, decline=decline)
    intent.body["latest_charge"] = made.id
    charging.announce(tx, made, "automatic")
    outcomes.fail(tx, intent, method, decline, made)


def is_asked(intent: Record, payer: str) -> bool:
    """Whether the same card or wallet is being asked already."""
    waiting = intent.private["attempt"]
    return bool(waiting) and waiting.get("with") == payer


def _payer(method: Record) -> str:
    return str(method.private.get("card") or method.private.get("wallet"))


def _method(tx: Transaction, intent: Record) -> Record:
    method = tx.find("payment_method", intent.body["payment_method"])
    if method is None:
        raise LookupError(f"the payment method of {intent.id} is gone")
    return method


def _charge(tx: Transaction, intent: Record) -> Record:
    charge = tx.find("charge", intent.body["latest_charge"])
    if charge is None:
        raise LookupError(f"the charge of {intent.id} is gone")
    return charge
