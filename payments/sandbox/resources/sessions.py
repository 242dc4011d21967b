"""Checkout sessions, mode ``payment``: https://docs.stripe.com/api/checkout/sessions."""

from payments.sandbox import paying
from payments.sandbox.clock import token
from payments.sandbox.errors import ApiError, Json, invalid, missing
from payments.sandbox.following import customer_details
from payments.sandbox.lists import Filter, page, page_of, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import Params, merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit
from payments.sandbox.resources import line_items
from payments.sandbox.store import Record, Transaction

KIND = "checkout.session"
URL = "/v1/checkout/sessions"
ONE = f"{URL}/{{id:str}}"

SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 3600

STATUSES = ("open", "complete", "expired")

_LOCALES = (
    "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt "
    "nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)
LOCALES = frozenset(_LOCALES.split())
"""The provider's list; it has no Arabic, so ``ar`` would be refused there too. What the pages make
of it: :meth:`payments.sandbox.speech.Languages.of`."""


def create(call: Call) -> Answer:
    params = call.params
    params.choice("mode", ("payment",))
    params.choice("ui_mode", ("hosted", "hosted_page"))
    for name in ("payment_method_types", "allowed_payment_method_types"):
        if any(kind != "card" for kind in params.texts(name)):
            raise invalid(name, "only card is available")
    items, details = line_items.read(params, call.tx.now)
    success_url = params.url("success_url")
    if success_url is None:
        raise missing("success_url")
    email = params.email("customer_email")
    session_id = f"cs_test_{token(40)}"
    body = _body(session_id, call.tx.now) | {
        "amount_subtotal": sum(item["amount_subtotal"] for item in items),
        "amount_total": sum(item["amount_total"] for item in items),
        "cancel_url": params.url("cancel_url"),
        "client_reference_id": params.text("client_reference_id", 200),
        "currency": items[0]["currency"],
        "customer_details": customer_details(email) if email else None,
        "customer_email": email,
        "expires_at": _expires_at(params, call.tx.now),
        "locale": params.choice("locale", LOCALES),
        "metadata": merge_metadata({}, params.metadata()),
        "success_url": success_url,
        "url": f"{call.config.base_url}/c/pay/{session_id}",
    }
    session = Record(
        id=session_id,
        account=call.account,
        kind=KIND,
        created=call.tx.now,
        tag="open",
        due_at=int(body["expires_at"]),
        body=body,
        private={
            "line_items": items,
            "details": details,
            "payment_intent_data": _payment_intent_data(params),
        },
    )
    return Answer(present(call.tx, call.tx.insert(session)))


def _body(session_id: str, now: int) -> Json:
    """A session as it begins, before what the caller chose."""
    return {
        "id": session_id,
        "object": KIND,
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": None,
        "customer_creation": "if_required",
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "expires_at": 0,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
    }


def _expires_at(params: Params, now: int) -> int:
    wanted = params.integer("expires_at")
    if wanted is None:
        return now + LONGEST_SECONDS
    if wanted < now + SHORTEST_SECONDS:
        raise invalid("expires_at", "must be at least 30 minutes from Checkout Session creation")
    if wanted > now + LONGEST_SECONDS:
        raise invalid("expires_at", "must be less than 24 hours from Checkout Session creation")
    return wanted


def _payment_intent_data(params: Params) -> Json:
    data = params.child("payment_intent_data")
    if data is None:
        return {}
    capture = data.choice("capture_method", ("automatic", "automatic_async"))
    return {
        "description": data.text("description", 1000),
        "metadata": merge_metadata({}, data.metadata(), data.name("metadata")),
        "receipt_email": data.email("receipt_email"),
        "capture_method": capture or "automatic_async",
    }


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    session = call.the(KIND)
    session.body["metadata"] = merge_metadata(session.body["metadata"], call.params.metadata())
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
    fields = {
        "amount": session.body["amount_total"],
        "currency": session.body["currency"],
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
