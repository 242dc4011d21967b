"""Checkout sessions, mode ``payment``: https://docs.stripe.com/api/checkout/sessions."""

from payments.sandbox import paying, session_params
from payments.sandbox.clock import token
from payments.sandbox.errors import ApiError
from payments.sandbox.lists import Filter, page, page_of, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit
from payments.sandbox.store import Record, Transaction

KIND = "checkout.session"
URL = "/v1/checkout/sessions"
ONE = f"{URL}/{{id:str}}"

STATUSES = ("open", "complete", "expired")


def create(call: Call) -> Answer:
    params = call.params
    session_id = f"cs_test_{token(40)}"
    fields, private = session_params.read(call)
    body = session_params.blank(session_id, call.tx.now) | fields
    body["url"] = f"{call.config.base_url}/c/pay/{session_id}"
    params.finish()
    session = Record(
        id=session_id,
        account=call.account,
        kind=KIND,
        created=call.tx.now,
        tag="open",
        due_at=int(body["expires_at"]),
        body=body,
        private=private,
    )
    return Answer(present(call.tx, call.tx.insert(session)))


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    session = call.the(KIND)
    session.body["metadata"] = merge_metadata(session.body["metadata"], call.params.metadata())
    call.params.finish()
    call.tx.save(session)
    return Answer(present(call.tx, session))


def expire_now(call: Call) -> Answer:
    session = call.the(KIND)
    call.params.finish()
    if session.tag != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session.tag}.",
            executed=True,
        )
    expire(call.tx, session)
    return Answer(present(call.tx, session))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if intent := call.params.text("payment_intent"):
        filters.append(("parent = ?", (intent,)))
    if status := call.params.choice("status", STATUSES):
        filters.append(("tag = ?", (status,)))
    if customer := call.params.text("customer"):
        filters.append(("json_extract(body, '$.customer') = ?", (customer,)))
    details = call.params.child("customer_details")
    if details is not None:
        email = details.need_text("email")
        filters.append(("json_extract(body, '$.customer_details.email') = ?", (email,)))
    return Answer(page(call, KIND, URL, filters))


def list_line_items(call: Call) -> Answer:
    session = call.the(KIND)
    return Answer(page_of(call, session.private["line_items"], f"{URL}/{session.id}/line_items"))


def intent_of(tx: Transaction, session: Record) -> Record | None:
    intent_id = session.body["payment_intent"]
    return tx.find(paying.KIND, intent_id) if intent_id else None


def begin_payment(tx: Transaction, session: Record) -> Record:
    """The session's intent; made when the first payment is tried, as the provider does."""
    intent = intent_of(tx, session)
    if intent is not None:
        return intent
    shown = session.body
    types = shown["payment_method_types"]
    options = {kind: shown["payment_method_options"].get(kind, {}) for kind in types}
    fields = {
        "amount": shown["amount_total"],
        "currency": shown["currency"],
        "customer": shown["customer"],
        "payment_method_options": options,
        "payment_method_types": types,
        **session.private["payment_intent_data"],
    }
    intent = paying.open_intent(tx, session.account, fields, session=session.id)
    session.parent = intent.id
    session.body["payment_intent"] = intent.id
    tx.save(session)
    return intent


def expire(tx: Transaction, session: Record) -> None:
    """Close the page for good, and with it the intent somebody may be paying."""
    session.tag, session.due_at = "expired", None
    session.body |= {"status": "expired", "url": None}
    tx.save(session)
    intent = intent_of(tx, session)
    if intent is not None and intent.body["status"] in paying.OPEN_STATUSES:
        paying.cancel(tx, intent, "expired")
    emit(tx, "checkout.session.expired", session)


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("POST", f"{ONE}/expire", expire_now),
    Operation("GET", f"{ONE}/line_items", list_line_items),
)
