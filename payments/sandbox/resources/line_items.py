"""The lines of a checkout: https://docs.stripe.com/api/checkout/sessions/line_items."""

from decimal import ROUND_HALF_UP, Decimal

from payments.sandbox.clock import token
from payments.sandbox.currencies import MAX_AMOUNT_EGP, check_amount, check_currency
from payments.sandbox.errors import ApiError, Json, invalid, missing, no_such
from payments.sandbox.params import Params, merge_metadata

MAX_ITEMS = 100
MAX_QUANTITY = 999_999


def read(params: Params, now: int) -> tuple[list[Json], list[str | None]]:
    """The items as the API shows them, and the detail under each name on the page."""
    given = params.children("line_items")
    if not given:
        raise missing("line_items")
    if len(given) > MAX_ITEMS:
        raise invalid("line_items", f"at most {MAX_ITEMS} are taken")
    pairs = [_item(one, now) for one in given]
    items = [item for item, _ in pairs]
    if len({item["currency"] for item in items}) > 1:
        raise invalid("line_items", "all prices must use the same currency")
    total = sum(item["amount_total"] for item in items)
    check_amount(total, items[0]["currency"], "line_items")
    return items, [detail for _, detail in pairs]


def _item(params: Params, now: int) -> tuple[Json, str | None]:
    price = params.text("price")
    if price is not None:
        # Prices are given inline only, so there is none with an id.
        raise no_such("price", price, param=params.name("price"), status=400)
    data = params.child("price_data")
    if data is None:
        raise missing(params.name("price_data"))
    currency = check_currency(data.need_text("currency"), data.name("currency"))
    unit = _unit(data)
    data.choice("tax_behavior", ("exclusive", "inclusive", "unspecified"))
    if name := data.text("product"):
        # Products are described inline only, so there is none with an id.
        raise no_such("product", name, param=data.name("product"), status=400)
    product = data.child("product_data")
    if product is None:
        raise missing(data.name("product_data"))
    name = product.need_text("name", 1500)
    detail = product.text("description", 1500)
    product.texts("images")
    product.text("tax_code")
    product.text("unit_label", 50)
    product_metadata = merge_metadata({}, product.metadata(), product.name("metadata"))
    adjustable = params.child("adjustable_quantity")
    if adjustable is not None and adjustable.boolean("enabled"):
        raise invalid(adjustable.name("enabled"), "the page does not change quantities")
    quantity = params.need_integer("quantity", low=1, high=MAX_QUANTITY)
    amount = int((unit * quantity).quantize(Decimal(1), ROUND_HALF_UP))
    item: Json = {
        "id": f"li_{token()}",
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": name,
        "metadata": merge_metadata({}, params.metadata(), params.name("metadata")),
        "price": {
            "id": f"price_{token()}",
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": now,
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": product_metadata,
            "nickname": None,
            "product": f"prod_{token()}",
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": int(unit) if unit == int(unit) else None,
            "unit_amount_decimal": _written(unit),
        },
        "quantity": quantity,
    }
    return item, detail


def _unit(data: Params) -> Decimal:
    """The price of one, whole or in parts of the minor unit; the line is rounded."""
    whole = data.integer("unit_amount", low=0, high=MAX_AMOUNT_EGP)
    parts = data.decimal("unit_amount_decimal")
    if whole is not None and parts is not None:
        raise ApiError(
            "You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
            param=data.name("unit_amount_decimal"),
        )
    if parts is not None:
        return parts
    if whole is None:
        raise missing(data.name("unit_amount"))
    return Decimal(whole)


def _written(unit: Decimal) -> str:
    text = f"{unit:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
