"""Reading the parameters of payment intents:
https://docs.stripe.com/api/payment_intents/create.
"""

from payments.sandbox import method_options
from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.methods import default_types, read_types
from payments.sandbox.objects import Call, require
from payments.sandbox.params import Params
from payments.sandbox.resources.payment_methods import ADDRESS

CAPTURE = ("automatic", "automatic_async", "manual")
TEXTS = {
    "description": 1000,
    "statement_descriptor": 22,
    "statement_descriptor_suffix": 22,
    "transfer_group": 255,
}


def described(params: Params) -> Json:
    """The plain fields that were given; an empty value unsets one."""
    fields: Json = {
        name: params.text(name, limit) for name, limit in TEXTS.items() if params.given(name)
    }
    if params.given("receipt_email"):
        fields["receipt_email"] = params.email("receipt_email")
    if params.given("setup_future_usage"):
        fields["setup_future_usage"] = params.choice(
            "setup_future_usage", ("off_session", "on_session")
        )
    if params.given("shipping"):
        fields["shipping"] = _shipping(params)
    if capture := params.choice("capture_method", CAPTURE):
        fields["capture_method"] = capture
    return fields


def _shipping(params: Params) -> Json | None:
    if params.is_emptied("shipping"):
        return None
    given = params.child("shipping")
    if given is None:
        return None
    address = given.child("address")
    return {
        "address": {name: address.text(name) if address else None for name in ADDRESS},
        "carrier": given.text("carrier"),
        "name": given.text("name"),
        "phone": given.text("phone"),
        "tracking_number": given.text("tracking_number"),
    }


def customer(call: Call) -> Json:
    """The customer, if one was given; there has to be such a one."""
    if not call.params.given("customer"):
        return {}
    name = call.params.text("customer")
    if name:
        require(call.tx, "customer", name, param="customer", status=400, tag="live")
    return {"customer": name}


def types(params: Params, currency: str) -> Json:
    """Which methods the intent takes: those named, or those the account has switched on."""
    automatic = _automatic(params)
    named = read_types(params, currency)
    explicit = params.given("payment_method_types") or params.given("allowed_payment_method_types")
    if automatic and automatic["enabled"] and params.given("payment_method_types"):
        raise ApiError(
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            param="automatic_payment_methods",
        )
    if automatic is None and not explicit:
        automatic = {"allow_redirects": "always", "enabled": True}
    taken = named or default_types(currency)
    return {
        "allowed_payment_method_types": taken if explicit else None,
        "automatic_payment_methods": None if explicit else automatic,
        "excluded_payment_method_types": params.texts("excluded_payment_method_types") or None,
        "payment_method_types": taken,
    }


def _automatic(params: Params) -> Json | None:
    wanted = params.child("automatic_payment_methods")
    if wanted is None:
        return None
    enabled = wanted.boolean("enabled")
    if enabled is None:
        raise ApiError(
            f"Missing required param: {wanted.name('enabled')}.",
            code="parameter_missing",
            param=wanted.name("enabled"),
        )
    redirects = wanted.choice("allow_redirects", ("always", "never"))
    return {"allow_redirects": redirects or "always", "enabled": enabled}


def options(params: Params, kinds: list[str], now: int, old: Json | None = None) -> Json:
    return method_options.read(params, kinds, now, old)


def confirming(params: Params, *, allowed: bool) -> tuple[str | None, bool]:
    """Where the payer returns to, and whether there is none to be asked anything.

    ``allowed`` is false where the request does not confirm.
    """
    return_url = params.url("return_url")
    alone = _off_session(params)
    stop = params.boolean("error_on_requires_action")
    mandate = params.child("mandate_data")
    if mandate is not None:
        _read_mandate(mandate)
    params.text("mandate")
    params.boolean("use_stripe_sdk")
    for name in ("return_url", "off_session", "error_on_requires_action", "mandate_data"):
        if params.given(name) and not allowed:
            raise invalid(name, "this parameter can only be used with confirm=true")
    return return_url, alone or bool(stop)


def _off_session(params: Params) -> bool:
    """A boolean, or how the payer's absence came about."""
    value = params.choice("off_session", ("false", "one_off", "recurring", "true"))
    return value not in {None, "false"}


def _read_mandate(mandate: Params) -> None:
    """The agreement to a debit; read so that a misspelt one is found, and not kept."""
    acceptance = mandate.child("customer_acceptance")
    if acceptance is None:
        raise ApiError(
            "Missing required param: mandate_data[customer_acceptance].",
            code="parameter_missing",
            param="mandate_data[customer_acceptance]",
        )
    acceptance.choice("type", ("offline", "online"))
    acceptance.integer("accepted_at")
    acceptance.child("offline")
    online = acceptance.child("online")
    if online is not None:
        online.text("ip_address")
        online.text("user_agent")
