"""What can be told of a customer: https://docs.stripe.com/api/customers/create."""

from payments.sandbox.errors import Json, missing
from payments.sandbox.params import Params, merge_metadata

TEXTS = {
    "business_name": 150,
    "description": 5000,
    "individual_name": 150,
    "name": 256,
    "phone": 20,
}
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
EXEMPTIONS = ("exempt", "none", "reverse")
MAX_BALANCE = 10**12


def described(params: Params, body: Json) -> Json:
    """The fields that were given; ``body`` is what they change."""
    fields: Json = {
        name: params.text(name, limit) for name, limit in TEXTS.items() if params.given(name)
    }
    if params.given("email"):
        fields["email"] = params.email("email")
    if params.given("address"):
        fields["address"] = _address(params, "address")
    if params.given("shipping"):
        fields["shipping"] = _shipping(params)
    if params.given("preferred_locales"):
        fields["preferred_locales"] = params.texts("preferred_locales")
    if exempt := params.choice("tax_exempt", EXEMPTIONS):
        fields["tax_exempt"] = exempt
    balance = params.integer("balance", low=-MAX_BALANCE, high=MAX_BALANCE)
    if balance is not None:
        fields["balance"] = balance
    fields["metadata"] = merge_metadata(body["metadata"], params.metadata())
    return fields


def _address(params: Params, key: str) -> Json | None:
    if params.unset(key):
        return None
    given = params.child(key)
    if given is None:
        raise missing(params.name(key))
    return {name: given.text(name) for name in ADDRESS}


def _shipping(params: Params) -> Json | None:
    if params.unset("shipping"):
        return None
    given = params.child("shipping")
    if given is None:
        raise missing("shipping")
    return {
        "address": _address(given, "address"),
        "name": given.need_text("name"),
        "phone": given.text("phone"),
    }


def default_method(params: Params) -> str | None:
    """The card that is taken unless another is named."""
    settings = params.child("invoice_settings")
    return settings.text("default_payment_method") if settings else None
