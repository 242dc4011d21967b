"""What comes of an attempt: succeeded, reserved, processing or failed.

https://docs.stripe.com/payments/paymentintents/lifecycle. Every attempt passes through
``processing``; cards often skip it at the provider, here they never do, so that a
receiver which takes it for a result is found out.
"""

from payments.sandbox import charging
from payments.sandbox.cards import BY_NAME, Decline
from payments.sandbox.errors import CODES_PAGE, Json
from payments.sandbox.following import follow
from payments.sandbox.method_details import RESERVED_SECONDS
from payments.sandbox.payers import account_of_iban, wallet_of
from payments.sandbox.recording import emit
from payments.sandbox.spending import spend
from payments.sandbox.store import Record, Transaction

NOTHING_PENDING: Json = {"attempt": None, "then": None, "voucher": None}


def rest(intent: Record) -> None:
    """Nothing more happens to an intent by itself, and nobody is asked for anything."""
    intent.due_at = None
    intent.private |= NOTHING_PENDING
    intent.body["next_action"] = None


def plan(intent: Record, then: str, at: int) -> None:
    """At this moment :func:`payments.sandbox.paying.on_time` does ``then``."""
    intent.due_at, intent.private["then"] = at, then


def charge(tx: Transaction, intent: Record, method: Record, *, authenticated: bool = False) -> None:
    """Take the money, or fail as the method's test number says."""
    decline, seconds = verdict(method)
    _process(tx, intent)
    if seconds is not None:
        _wait(tx, intent, method, seconds)
        return
    reserve = is_manual(intent, method)
    made = charging.record_charge(
        tx, intent, method, decline=decline, authenticated=authenticated, captured=not reserve
    )
    intent.body["latest_charge"] = made.id
    if decline is not None:
        charging.announce(tx, made, "automatic")
        fail(tx, intent, method, decline, made)
    elif reserve:
        _reserve(tx, intent, method, made)
    else:
        _succeed(tx, intent, method, made)


def finish(tx: Transaction, intent: Record, method: Record) -> None:
    """The bank or the wallet's operator has made up its mind."""
    made = tx.find("charge", intent.body["latest_charge"])
    if made is None:
        raise LookupError(f"the charge of {intent.id} is gone")
    decline, _ = verdict(method)
    rest(intent)
    if decline is None:
        _mark_paid(intent)
        tx.save(intent)
        charging.finish(tx, made, None)
        _told(tx, intent, method)
    else:
        charging.finish(tx, made, decline)
        fail(tx, intent, method, decline, made)


def pay_voucher(tx: Transaction, intent: Record, method: Record) -> None:
    """Somebody paid in cash."""
    made = charging.record_charge(tx, intent, method)
    intent.body |= {
        "canceled_at": None,
        "cancellation_reason": None,
        "last_payment_error": None,
        "latest_charge": made.id,
        "payment_method": method.id,
    }
    _succeed(tx, intent, method, made)


def fail(
    tx: Transaction, intent: Record, method: Record, decline: Decline, made: Record | None
) -> None:
    error: Json = {
        "charge": made.id if made else None,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": CODES_PAGE + decline.code.replace("_", "-"),
        "message": decline.message,
        "param": decline.param,
        "payment_method": method.body,
        "type": "card_error" if made and method.body["type"] == "card" else INVALID,
    }
    rest(intent)
    intent.body |= {
        "last_payment_error": {name: value for name, value in error.items() if value is not None},
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    tx.save(intent)
    emit(tx, "payment_intent.payment_failed", intent)
    follow(tx, intent)


INVALID = "invalid_request_error"


def verdict(method: Record) -> tuple[Decline | None, int | None]:
    """How an attempt with this method ends, and after how many seconds (``None``: at once)."""
    known = method.private
    if "card" in known:
        return BY_NAME[known["card"]].decline, None
    if "iban" in known:
        account = account_of_iban(known["iban"])
        return (account.decline, account.seconds) if account else (None, 0)
    wallet = wallet_of(known.get("wallet", ""))
    return (wallet.decline, wallet.seconds or None) if wallet else (None, None)


def is_manual(intent: Record, method: Record) -> bool:
    """Whether the sum is only reserved: for the intent, or for cards alone."""
    options = intent.body["payment_method_options"].get(method.body["type"], {})
    return "manual" in {intent.body["capture_method"], options.get("capture_method")}


def _process(tx: Transaction, intent: Record) -> None:
    rest(intent)
    intent.body["status"] = "processing"
    tx.save(intent)
    emit(tx, "payment_intent.processing", intent)


def _wait(tx: Transaction, intent: Record, method: Record, seconds: int) -> None:
    made = charging.record_charge(tx, intent, method, pending=True)
    intent.body["latest_charge"] = made.id
    plan(intent, "finish", tx.now + seconds)
    tx.save(intent)
    emit(tx, "charge.pending", made)
    follow(tx, intent)


def _reserve(tx: Transaction, intent: Record, method: Record, made: Record) -> None:
    spend(tx, method)
    intent.body |= {"amount_capturable": intent.body["amount"], "status": "requires_capture"}
    plan(intent, "release", tx.now + RESERVED_SECONDS)
    tx.save(intent)
    charging.announce(tx, made, "manual")
    emit(tx, "payment_intent.amount_capturable_updated", intent)
    follow(tx, intent)


def _succeed(tx: Transaction, intent: Record, method: Record, made: Record) -> None:
    rest(intent)
    _mark_paid(intent)
    tx.save(intent)
    charging.announce(tx, made, intent.body["capture_method"])
    _told(tx, intent, method)


def _mark_paid(intent: Record) -> None:
    intent.body |= {"amount_received": intent.body["amount"], "status": "succeeded"}


def _told(tx: Transaction, intent: Record, method: Record) -> None:
    _keep(tx, intent, method)
    spend(tx, method)
    emit(tx, "payment_intent.succeeded", intent)
    follow(tx, intent)


def _keep(tx: Transaction, intent: Record, method: Record) -> None:
    """What was asked to be kept for later stays with the customer."""
    customer = intent.body["customer"]
    wanted = intent.body["setup_future_usage"] and customer and method.body["type"] == "card"
    if wanted and method.parent is None:
        method.parent = method.body["customer"] = customer
        tx.save(method)
        emit(tx, "payment_method.attached", method)
