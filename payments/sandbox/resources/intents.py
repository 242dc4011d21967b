"""Payment intents over the API: https://docs.stripe.com/api/payment_intents."""

from payments.sandbox import following, intent_params, paying
from payments.sandbox.currencies import check_currency
from payments.sandbox.errors import ApiError, Json, unexpected_state
from payments.sandbox.intent_rules import (
    check_sum,
    refuse_if_hosted,
    refuse_to_confirm,
    refuse_unless_open,
    take,
)
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.methods import VOUCHERS
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.paying import KIND
from payments.sandbox.presenting import present
from payments.sandbox.resources import payment_methods
from payments.sandbox.spending import refuse_if_spent
from payments.sandbox.store import Record

URL = "/v1/payment_intents"
ONE = f"{URL}/{{id:str}}"

REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
)


def create(call: Call) -> Answer:
    params = call.params
    amount = params.need_integer("amount")
    currency = check_currency(params.need_text("currency"))
    check_sum(amount, currency)
    confirm = params.boolean("confirm") or False
    types = intent_params.types(params, currency)
    fields: Json = {
        "amount": amount,
        "currency": currency,
        "confirmation_method": params.choice("confirmation_method", ("automatic", "manual"))
        or "automatic",
        "metadata": merge_metadata({}, params.metadata()),
        "payment_method_options": intent_params.options(
            params, types["payment_method_types"], call.tx.now
        ),
        **types,
        **intent_params.described(params),
        **intent_params.customer(call),
    }
    return_url, alone = intent_params.confirming(params, allowed=confirm)
    method = payment_methods.from_params(call)
    params.finish()
    intent = paying.open_intent(call.tx, call.account, fields)
    if method is not None:
        take(intent, method)
        call.tx.save(intent)
    return _confirm(call, intent, return_url, alone=alone) if confirm else _shown(call, intent)


def retrieve(call: Call) -> Answer:
    # Publishable keys pass the secret; with a secret key it is allowed and not needed.
    call.params.text("client_secret")
    return _shown(call, call.the(KIND))


def update(call: Call) -> Answer:
    intent = call.the(KIND)
    params = call.params
    metadata = merge_metadata(intent.body["metadata"], params.metadata())
    plain = intent_params.described(params)
    changes = intent_params.customer(call)
    currency = intent.body["currency"]
    if params.given("amount") or params.given("currency"):
        currency = check_currency(params.text("currency") or currency)
        given = params.integer("amount")
        amount = check_sum(intent.body["amount"] if given is None else given, currency)
        changes |= {"amount": amount, "currency": currency}
    if any(params.given(name) for name in TYPE_PARAMS):
        changes |= intent_params.types(params, currency)
    if params.given("payment_method_options"):
        kinds = list({**intent.body, **changes}["payment_method_types"])
        old = intent.body["payment_method_options"]
        changes["payment_method_options"] = intent_params.options(params, kinds, call.tx.now, old)
    if "capture_method" in plain:
        changes["capture_method"] = plain.pop("capture_method")
    method = payment_methods.from_params(call)
    params.finish()
    moved = [name for name in changes if changes[name] != intent.body[name]]
    if moved or method is not None:
        what = moved[0] if moved else "payment_method"
        refuse_unless_open(intent, f"This PaymentIntent's {what} could not be updated", what)
        refuse_if_hosted(intent, "updated")
    intent.body |= {**changes, **plain, "metadata": metadata}
    if method is not None:
        take(intent, method)
    elif {"amount", "currency"} & set(moved) and intent.body["status"] == "requires_action":
        # What was asked of the payer was asked for another sum.
        paying.withdraw(intent)
    call.tx.save(intent)
    return _shown(call, intent)


TYPE_PARAMS = (
    "payment_method_types",
    "allowed_payment_method_types",
    "excluded_payment_method_types",
    "automatic_payment_methods",
)


def confirm(call: Call) -> Answer:
    intent = call.the(KIND)
    params = call.params
    changes = intent_params.described(params)
    params.text("client_secret")
    kinds = list(intent.body["payment_method_types"])
    if params.given("payment_method_types"):
        changes |= intent_params.types(params, intent.body["currency"])
        kinds = changes["payment_method_types"]
    if params.given("payment_method_options"):
        old = intent.body["payment_method_options"]
        changes["payment_method_options"] = intent_params.options(params, kinds, call.tx.now, old)
    return_url, alone = intent_params.confirming(params, allowed=True)
    method = payment_methods.from_params(call)
    params.finish()
    refuse_to_confirm(call, intent)
    intent.body |= changes
    if method is not None:
        take(intent, method)
    return _confirm(call, intent, return_url, alone=alone)


def capture(call: Call) -> Answer:
    intent = call.the(KIND)
    params = call.params
    wanted = params.integer("amount_to_capture")
    metadata = merge_metadata(intent.body["metadata"], params.metadata())
    texts = ("statement_descriptor", "statement_descriptor_suffix")
    changes = {name: params.text(name, 22) for name in texts if params.given(name)}
    params.boolean("final_capture")
    params.finish()
    status, most = intent.body["status"], intent.body["amount_capturable"]
    if status != "requires_capture":
        why = (
            "it has already been captured"
            if status == "succeeded"
            else f"it has a status of {status}. Only a PaymentIntent with one of the following "
            "statuses may be captured: requires_capture"
        )
        raise unexpected_state(
            f"This PaymentIntent could not be captured because {why}.",
            present(call.tx, intent),
        )
    amount = most if wanted is None else wanted
    if amount < 1:
        raise ApiError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_to_capture",
        )
    if amount > most:
        raise ApiError(
            f"The amount to capture ({amount}) is greater than the amount that can be captured "
            f"({most}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    intent.body |= {**changes, "metadata": metadata}
    paying.capture(call.tx, intent, amount)
    return _shown(call, intent)


def cancel(call: Call) -> Answer:
    intent = call.the(KIND)
    reason = call.params.choice("cancellation_reason", REASONS)
    call.params.finish()
    if intent.body["status"] not in CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of "
            f"{intent.body['status']}. Only a PaymentIntent with one of the following statuses "
            f"may be canceled: {', '.join(CANCELABLE)}.",
            present(call.tx, intent),
        )
    session = following.session_of(call.tx, intent)
    if session is not None and session.tag == "open":
        refuse_if_hosted(intent, "canceled")
    paying.cancel(call.tx, intent, reason)
    return _shown(call, intent)


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if name := call.params.text("customer"):
        filters.append(("json_extract(body, '$.customer') = ?", (name,)))
    return Answer(page(call, KIND, URL, filters))


def declined(intent: Json) -> Answer:
    """The 402 that tells of ``last_payment_error``."""
    return Answer({"error": {**intent["last_payment_error"], "payment_intent": intent}}, 402)


def _confirm(call: Call, intent: Record, return_url: str | None, *, alone: bool) -> Answer:
    name = intent.body["payment_method"]
    method = call.tx.find(payment_methods.KIND, name) if name else None
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You "
            "can either update the PaymentIntent with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method.",
            present(call.tx, intent),
        )
    refuse_if_spent(method)
    paying.attempt(
        call.tx, intent, method, call.config.base_url, return_url,
        alone=alone and method.body["type"] not in VOUCHERS,
    )  # fmt: skip
    if intent.body["last_payment_error"]:
        return declined(present(call.tx, intent))
    return _shown(call, intent)


def _shown(call: Call, intent: Record) -> Answer:
    return Answer(present(call.tx, intent))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("POST", f"{ONE}/confirm", confirm),
    Operation("POST", f"{ONE}/capture", capture),
    Operation("POST", f"{ONE}/cancel", cancel),
)
