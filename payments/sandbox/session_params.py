"""Reading the parameters of a Checkout Session:
https://docs.stripe.com/api/checkout/sessions/create.
"""

from collections.abc import Mapping

from payments.sandbox import intent_params, method_options
from payments.sandbox.errors import ApiError, Json, invalid, missing
from payments.sandbox.following import customer_details
from payments.sandbox.methods import default_types, read_types
from payments.sandbox.objects import Call
from payments.sandbox.params import Params, merge_metadata
from payments.sandbox.resources import line_items

SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 3600
LEEWAY_SECONDS = 30
"""Callers reckon with their own clock, and a request takes a while."""

_LOCALES = (
    "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt "
    "nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)
LOCALES = frozenset(_LOCALES.split())
"""The provider's list; it has no Arabic, so ``ar`` would be refused there too. What the pages make
of it: :meth:`payments.sandbox.speech.Languages.of`."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "billing_address_collection": ("auto", "required"),
    "customer_creation": ("always", "if_required"),
    "payment_method_collection": ("always", "if_required"),
    "submit_type": ("auto", "book", "donate", "pay", "subscribe"),
}

REPEATED = (
    "adaptive_pricing",
    "after_expiration",
    "branding_settings",
    "consent_collection",
    "custom_fields",
    "custom_text",
    "customer_update",
    "integration_identifier",
    "name_collection",
    "origin_context",
    "permissions",
    "phone_number_collection",
    "saved_payment_method_options",
    "shipping_address_collection",
    "wallet_options",
)
"""What would change the look of the page or ask the payer for more. It is shown again as it
was given, and the page stays as it is."""

SWITCHES = ("automatic_tax", "invoice_creation", "managed_payments", "tax_id_collection")
"""What would change the sum or make more objects; taken only when it is off."""


def blank(session_id: str, now: int) -> Json:
    """A session as it begins, before what the caller chose."""
    nothing = (
        "after_expiration allow_promotion_codes allowed_payment_method_types branding_settings "
        "billing_address_collection cancel_url client_reference_id client_secret "
        "collected_information consent consent_collection currency currency_conversion customer "
        "customer_account customer_details customer_email excluded_payment_method_types "
        "integration_identifier invoice locale managed_payments name_collection origin_context "
        "payment_intent payment_link payment_method_configuration_details permissions "
        "presentment_details recovered_from redirect_on_completion return_url "
        "saved_payment_method_options setup_intent shipping_address_collection shipping_cost "
        "submit_type subscription success_url tax_id_collection url wallet_options"
    )
    return {
        **dict.fromkeys(nothing.split()),
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": now,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer_creation": "if_required",
        "discounts": [],
        "expires_at": now + LONGEST_SECONDS,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "metadata": {},
        "mode": "payment",
        "optional_items": [],
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": [],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }


def read(call: Call) -> tuple[Json, Json]:
    """What is shown of the session, and what the hosted page needs to know besides."""
    params, now = call.params, call.tx.now
    params.choice("mode", ("payment",))
    params.choice("ui_mode", ("hosted", "hosted_page"))
    items, details = line_items.read(params, now)
    currency = items[0]["currency"]
    if (wanted := params.text("currency")) and wanted.lower() != currency:
        raise invalid("currency", "must be that of the line items")
    success_url = params.url("success_url")
    if success_url is None:
        raise missing("success_url")
    payer = _payer(call)
    named = read_types(params, currency)
    intent_data = _payment_intent_data(params)
    types = _types(named, currency, intent_data)
    fields: Json = {
        **_chosen(params),
        **payer,
        "allow_promotion_codes": params.boolean("allow_promotion_codes"),
        "allowed_payment_method_types": named,
        "amount_subtotal": sum(item["amount_subtotal"] for item in items),
        "amount_total": sum(item["amount_total"] for item in items),
        "cancel_url": params.url("cancel_url"),
        "client_reference_id": params.text("client_reference_id", 200),
        "currency": currency,
        "expires_at": _expires_at(params, now),
        "locale": params.choice("locale", LOCALES),
        "metadata": merge_metadata({}, params.metadata()),
        "payment_method_options": method_options.read(params, types, now),
        "payment_method_types": types,
        "success_url": success_url,
    }
    private: Json = {
        "line_items": items,
        "details": details,
        "payment_intent_data": intent_data,
    }
    return fields, private


def _types(named: list[str] | None, currency: str, intent_data: Json) -> list[str]:
    """Only cards can be reserved first."""
    if intent_data.get("capture_method") != "manual":
        return named or default_types(currency)
    if named and named != ["card"]:
        raise invalid("payment_intent_data[capture_method]", "only cards can be reserved first")
    return ["card"]


def _chosen(params: Params) -> Json:
    chosen: Json = {}
    for name, choices in CHOICES.items():
        if value := params.choice(name, choices):
            chosen[name] = value
    for name in REPEATED:
        if (value := params.anything(name)) is not None:
            chosen[name] = value
    for name in SWITCHES:
        switch = params.child(name)
        if switch is not None and switch.boolean("enabled"):
            raise invalid(f"{name}[enabled]", "this sandbox has it switched off")
    return chosen


def _payer(call: Call) -> Json:
    """A customer or an address, not both."""
    email = call.params.email("customer_email")
    chosen = intent_params.customer(call)
    if not chosen.get("customer"):
        return {
            "customer": None,
            "customer_details": customer_details(email) if email else None,
            "customer_email": email,
        }
    if email:
        raise ApiError(
            "You may only specify one of these parameters: customer, customer_email.",
            param="customer",
        )
    customer = call.tx.find("customer", chosen["customer"])
    known = customer.body if customer else {}
    return chosen | {
        "customer_creation": None,
        "customer_details": customer_details(known.get("email"), known.get("name")),
    }


def _expires_at(params: Params, now: int) -> int:
    wanted = params.integer("expires_at")
    if wanted is None:
        return now + LONGEST_SECONDS
    if wanted < now + SHORTEST_SECONDS - LEEWAY_SECONDS:
        raise invalid("expires_at", "must be at least 30 minutes from Checkout Session creation")
    if wanted > now + LONGEST_SECONDS + LEEWAY_SECONDS:
        raise invalid("expires_at", "must be less than 24 hours from Checkout Session creation")
    return wanted


def _payment_intent_data(params: Params) -> Json:
    data = params.child("payment_intent_data")
    if data is None:
        return {}
    metadata = merge_metadata({}, data.metadata(), data.name("metadata"))
    return {"metadata": metadata, **intent_params.described(data)}
