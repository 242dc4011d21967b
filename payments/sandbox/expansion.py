"""Replacing ids by their objects: https://docs.stripe.com/api/expanding_objects."""

from payments.sandbox import products
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.lists import DEFAULT_LIMIT, listed
from payments.sandbox.presenting import present
from payments.sandbox.store import Transaction

MAX_DEPTH = 4

LINKS: dict[str, dict[str, tuple[str, ...]]] = {
    "balance_transaction": {"source": ("charge", "refund", "dispute", "payout")},
    "charge": {
        "balance_transaction": ("balance_transaction",),
        "customer": ("customer",),
        "dispute": ("dispute",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
        "refunds": ("refund",),
    },
    "checkout.session": {
        "customer": ("customer",),
        "line_items": ("item",),
        "payment_intent": ("payment_intent",),
    },
    "customer": {"invoice_settings.default_payment_method": ("payment_method",)},
    "dispute": {
        "balance_transactions": ("balance_transaction",),
        "charge": ("charge",),
        "payment_intent": ("payment_intent",),
    },
    "item": {"price.product": ("product",)},
    "payment_intent": {
        "customer": ("customer",),
        "latest_charge": ("charge",),
        "payment_method": ("payment_method",),
    },
    "payment_method": {"customer": ("customer",)},
    "payout": {
        "balance_transaction": ("balance_transaction",),
        "failure_balance_transaction": ("balance_transaction",),
        "original_payout": ("payout",),
        "reversed_by": ("payout",),
    },
    "refund": {
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "customer": ("customer",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
        "payment_method": ("payment_method",),
    },
}
"""By object: which field leads to what; of several kinds, to one of them."""

INLINE = ("line_items", "refunds")
"""Fields that are lists of their own, and not shown unless asked for."""

UNFILLED = {
    "charge": (
        "application", "application_fee", "on_behalf_of", "review", "source_transfer", "transfer",
        "transfer_data.destination",
    ),
    "checkout.session": (
        "invoice", "payment_link", "setup_intent", "subscription", "after_expiration",
        "shipping_cost.shipping_rate", "total_details.breakdown",
    ),
    "customer": ("default_source", "sources", "subscriptions", "tax", "tax_ids", "test_clock"),
    "payment_intent": (
        "application", "on_behalf_of", "processing", "review", "source",
        "transfer_data.destination",
    ),
    "payout": ("application_fee", "destination"),
    "refund": ("source_transfer_reversal", "transfer_reversal"),
}  # fmt: skip
"""Fields the provider expands, and that hold nothing here that could be."""

EMPTY = ("sources", "subscriptions", "tax_ids")
"""Of a customer: lists that are shown when asked for, and empty."""

LISTS = {
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "line_items": "item",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "refunds": "refund",
    "sessions": "checkout.session",
    "webhook_endpoints": "webhook_endpoint",
}
"""By the last part of a list's address: what it lists."""


def expand(tx: Transaction, body: Json, paths: list[str]) -> None:
    """Expands ``body`` in place; raises for a path that leads nowhere, also where there
    is nothing to follow it to."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise ApiError(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. "
                f"Property: {path[:200]}",
                param="expand",
            )
        if body.get("object") == "list":
            kind = LISTS.get(str(body["url"]).rpartition("/")[2], "")
            if steps[0] != "data":
                raise _cannot(path, f"data.{path}" if _leads((kind,), steps) else "")
            if len(steps) == 1 or not _leads((kind,), steps[1:]):
                raise _cannot(path)
            for item in body["data"]:
                _follow(tx, item, steps[1:])
            continue
        if not _leads((str(body.get("object")),), steps):
            raise _cannot(path)
        _follow(tx, body, steps)


def _step(kind: str, steps: list[str]) -> tuple[str, tuple[str, ...] | None]:
    """The field the first steps name, which may be two (a field inside a hash), and the
    kinds it leads to: none for a field that is never filled, ``None`` if it cannot be
    expanded."""
    for field in (steps[0], ".".join(steps[:2])):
        if field in LINKS.get(kind, {}):
            return field, LINKS[kind][field]
        if field in UNFILLED.get(kind, ()):
            return field, ()
    return steps[0], None


def _leads(kinds: tuple[str, ...], steps: list[str]) -> bool:
    """Whether an object of one of these kinds has such a path."""
    for kind in kinds:
        field, targets = _step(kind, steps)
        if targets is None:
            continue
        rest = steps[field.count(".") + 1 :]
        if not rest or not targets:
            return True
        if field in INLINE:
            if rest[0] != "data":
                continue
            rest = rest[1:]
        if not rest or _leads(targets, rest):
            return True
    return False


def _follow(tx: Transaction, body: Json, steps: list[str]) -> None:
    """Along a path that is known to lead somewhere, as far as this object goes."""
    kind = str(body.get("object"))
    field, targets = _step(kind, steps)
    if not targets:
        if field in EMPTY and "deleted" not in body:
            body[field] = listed([], f"/v1/customers/{body['id']}/{field}", more=False)
        return
    rest = steps[field.count(".") + 1 :]
    holder, _, name = field.rpartition(".")
    inside = body
    if holder:
        if holder not in body:
            return  # what was deleted shows three fields only
        inside = body[holder] = dict(body[holder])
    if field in INLINE:
        if field not in inside:
            inside[field] = _inline(tx, inside, field)
        rest = rest[1:]
    elif field == "price.product":
        inside[name] = products.of_item(body)
    elif isinstance(inside.get(name), str):
        inside[name] = _found(tx, targets, inside[name])
    if rest:
        value = inside[field]["data"] if field in INLINE else inside.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                _follow(tx, one, rest)


def _found(tx: Transaction, kinds: tuple[str, ...], object_id: str) -> Json | str:
    for kind in kinds:
        if record := tx.find(kind, object_id):
            return present(tx, record)
    return object_id


def _inline(tx: Transaction, body: Json, field: str) -> Json:
    if field == "line_items":
        session = tx.find("checkout.session", body["id"])
        items = session.private["line_items"] if session else []
        return listed(items, f"/v1/checkout/sessions/{body['id']}/line_items", more=False)
    found = tx.select("kind = 'refund' AND parent = ?", (body["id"],), limit=DEFAULT_LIMIT + 1)
    shown = [present(tx, record) for record in found[:DEFAULT_LIMIT]]
    return listed(shown, f"/v1/charges/{body['id']}/refunds", more=len(found) > DEFAULT_LIMIT)


def _cannot(path: str, meant: str = "") -> ApiError:
    hint = f" You may want to try expanding '{meant[:200]}' instead." if meant else ""
    return ApiError(f"This property cannot be expanded ({path[:200]}).{hint}", param="expand")
