"""Payment intents over the API: https://docs.stripe.com/api/payment_intents."""

from payments.sandbox import paying
from payments.sandbox.currencies import check_amount, check_currency
from payments.sandbox.errors import ApiError, Json, invalid, unexpected_state
from payments.sandbox.lists import page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import Params, merge_metadata
from payments.sandbox.paying import KIND, OPEN_STATUSES
from payments.sandbox.presenting import present
from payments.sandbox.resources import payment_methods
from payments.sandbox.store import Record

URL = "/v1/payment_intents"

REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def create(call: Call) -> Answer:
    params = call.params
    amount = params.need_integer("amount")
    currency = check_currency(params.need_text("currency"))
    check_amount(amount, currency)
    fields: Json = {
        "amount": amount,
        "currency": currency,
        "metadata": merge_metadata({}, params.metadata()),
        **_described(params),
    }
    if automatic := _automatic(params):
        fields["automatic_payment_methods"] = automatic
    confirm = params.boolean("confirm")
    return_url = params.url("return_url")
    if return_url and not confirm:
        raise invalid("return_url", "only taken together with confirm=true")
    method = payment_methods.from_params(call)
    params.finish()
    intent = paying.open_intent(call.tx, call.account, fields)
    if method is not None and not confirm:
        intent.body |= {"payment_method": method.id, "status": "requires_confirmation"}
        call.tx.save(intent)
    return _confirm(call, intent, method, return_url) if confirm else _shown(call, intent)


def retrieve(call: Call) -> Answer:
    # Publishable keys pass the secret; with a secret key it is allowed and not needed.
    call.params.text("client_secret")
    return _shown(call, call.the(KIND))


def update(call: Call) -> Answer:
    intent = call.the(KIND)
    params = call.params
    metadata = merge_metadata(intent.body["metadata"], params.metadata())
    changes = _described(params)
    if params.given("amount") or params.given("currency"):
        currency = check_currency(params.text("currency") or intent.body["currency"])
        amount = params.integer("amount")
        amount = intent.body["amount"] if amount is None else amount
        changes |= {"amount": check_amount(amount, currency), "currency": currency}
    method = payment_methods.from_params(call)
    params.finish()
    if changes or method is not None:
        _refuse_unless_open(intent, "update")
        _refuse_if_hosted(intent, "updated")
    intent.body |= {**changes, "metadata": metadata}
    if method is not None:
        intent.body |= {
            "payment_method": method.id,
            "status": "requires_confirmation",
            "next_action": None,
        }
        intent.private["attempt"] = None
    call.tx.save(intent)
    return _shown(call, intent)


def confirm(call: Call) -> Answer:
    intent = call.the(KIND)
    return_url = call.params.url("return_url")
    email = call.params.email("receipt_email")
    method = payment_methods.from_params(call)
    call.params.finish()
    return _confirm(call, intent, method, return_url, email)


def cancel(call: Call) -> Answer:
    intent = call.the(KIND)
    reason = call.params.choice("cancellation_reason", REASONS)
    call.params.finish()
    _refuse_if_hosted(intent, "canceled")
    if intent.body["status"] not in OPEN_STATUSES:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of "
            f"{intent.body['status']}. Only a PaymentIntent with one of the following statuses "
            f"may be canceled: {', '.join(OPEN_STATUSES)}.",
            present(call.tx, intent),
        )
    paying.cancel(call.tx, intent, reason)
    return _shown(call, intent)


def list_all(call: Call) -> Answer:
    return Answer(page(call, KIND, URL, within("created", call.params.range("created"))))


def declined(intent: Json) -> Answer:
    """The 402 that tells of ``last_payment_error``."""
    return Answer({"error": {**intent["last_payment_error"], "payment_intent": intent}}, 402)


def _confirm(
    call: Call,
    intent: Record,
    method: Record | None,
    return_url: str | None,
    receipt_email: str | None = None,
) -> Answer:
    _refuse_unless_open(intent, "confirm")
    _refuse_if_hosted(intent, "confirmed")
    if method is None and intent.body["payment_method"]:
        method = call.tx.find(payment_methods.KIND, intent.body["payment_method"])
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update "
            "the PaymentIntent with a payment method, or pass one to confirm.",
            present(call.tx, intent),
        )
    if receipt_email:
        intent.body["receipt_email"] = receipt_email
    paying.attempt(call.tx, intent, method, call.config.base_url, return_url)
    if intent.body["last_payment_error"]:
        return declined(present(call.tx, intent))
    return _shown(call, intent)


def _described(params: Params) -> Json:
    """The optional fields of create and update that were given."""
    fields: Json = {}
    if params.given("description"):
        fields["description"] = params.text("description", 1000)
    if params.given("receipt_email"):
        fields["receipt_email"] = params.email("receipt_email")
    if capture := params.choice("capture_method", ("automatic", "automatic_async")):
        fields["capture_method"] = capture
    for name in ("payment_method_types", "allowed_payment_method_types"):
        if any(kind != "card" for kind in params.texts(name)):
            raise invalid(name, "only card is available")
    return fields


def _automatic(params: Params) -> Json | None:
    wanted = params.child("automatic_payment_methods")
    if wanted is None:
        return None
    redirects = wanted.choice("allow_redirects", ("always", "never"))
    return {"allow_redirects": redirects or "always", "enabled": wanted.boolean("enabled")}


def _refuse_unless_open(intent: Record, verb: str) -> None:
    status = intent.body["status"]
    if status not in OPEN_STATUSES:
        why = (
            "it has already succeeded after being previously confirmed"
            if status == "succeeded"
            else f"it has a status of {status}"
        )
        raise unexpected_state(
            f"You cannot {verb} this PaymentIntent because {why}.", dict(intent.body)
        )


def _refuse_if_hosted(intent: Record, verb: str) -> None:
    """Only its Checkout Session may move an intent it made, or both could charge."""
    if intent.private["session"]:
        raise ApiError(
            f"This PaymentIntent belongs to a Checkout Session and cannot be {verb} directly. "
            "Use or expire the Checkout Session instead.",
            code="payment_intent_unexpected_state",
            executed=True,
            payment_intent=dict(intent.body),
        )


def _shown(call: Call, intent: Record) -> Answer:
    return Answer(present(call.tx, intent))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
    Operation("POST", f"{URL}/{{id:str}}", update),
    Operation("POST", f"{URL}/{{id:str}}/confirm", confirm),
    Operation("POST", f"{URL}/{{id:str}}/cancel", cancel),
)
