"""A Checkout Session follows the intent it made.

https://docs.stripe.com/payments/checkout/fulfill-orders: a session is complete as soon
as its payer is done; a voucher or a debit is paid or fails afterwards, which
``async_payment_succeeded`` and ``async_payment_failed`` tell.
"""

from payments.sandbox.customer_objects import new_customer
from payments.sandbox.errors import Json
from payments.sandbox.recording import emit
from payments.sandbox.store import Record, Transaction

KIND = "checkout.session"

PAYER_IS_DONE = ("succeeded", "processing", "requires_capture")


def session_of(tx: Transaction, intent: Record) -> Record | None:
    session_id = intent.private["session"]
    return tx.find(KIND, session_id) if session_id else None


def follow(tx: Transaction, intent: Record, *, late: bool = True) -> None:
    """After each change of an intent; not ``late`` where the shop itself decided, by
    capturing or releasing a reserved sum."""
    session = session_of(tx, intent)
    if session is None:
        return
    status = intent.body["status"]
    if session.tag == "open":
        if status in PAYER_IS_DONE or intent.private.get("voucher"):
            _complete(tx, session, intent)
        return
    if session.body["payment_status"] == "paid" or session.tag != "complete":
        return
    if status == "succeeded":
        session.body["payment_status"] = "paid"
        tx.save(session)
        if late:
            emit(tx, "checkout.session.async_payment_succeeded", session)
    elif status in {"requires_payment_method", "canceled"} and late:
        emit(tx, "checkout.session.async_payment_failed", session)


def _complete(tx: Transaction, session: Record, intent: Record) -> None:
    """The page is closed."""
    session.tag, session.due_at = "complete", None
    known = session.body["customer_details"] or {}
    name = session.private.get("payer") or known.get("name")
    if session.body["customer_creation"] == "always":
        session.body["customer"] = _new_customer(tx, intent, known.get("email"), name)
    session.body |= {
        "customer_details": customer_details(known.get("email"), name),
        "payment_status": "paid" if intent.body["status"] == "succeeded" else "unpaid",
        "status": "complete",
        "url": None,
    }
    tx.save(session)
    emit(tx, "checkout.session.completed", session)


def _new_customer(tx: Transaction, intent: Record, email: str | None, name: str | None) -> str:
    """The payer, kept as a customer because the shop asked for it."""
    customer = new_customer(intent.account, tx.now)
    customer.body |= {"email": email, "name": name}
    tx.insert(customer)
    emit(tx, "customer.created", customer)
    intent.body["customer"] = customer.id
    tx.save(intent)
    return customer.id


def customer_details(email: str | None, name: str | None = None) -> Json:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": name,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
