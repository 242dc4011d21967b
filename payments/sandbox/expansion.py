"""Replacing ids by their objects: https://docs.stripe.com/api/expanding_objects."""

from payments.sandbox.errors import ApiError, Json
from payments.sandbox.lists import listed
from payments.sandbox.presenting import present
from payments.sandbox.store import Transaction

MAX_DEPTH = 4

LINKS = {
    "checkout.session": {"payment_intent": "payment_intent"},
    "payment_intent": {"latest_charge": "charge", "payment_method": "payment_method"},
    "charge": {"balance_transaction": "balance_transaction", "payment_intent": "payment_intent"},
    "balance_transaction": {"source": "charge"},
}
"""By object: which field holds the id of what."""

ALWAYS_EMPTY = {
    "checkout.session": {"customer", "invoice", "payment_link", "setup_intent", "subscription"},
    "payment_intent": {"customer", "on_behalf_of", "review"},
    "charge": {"customer", "on_behalf_of", "review", "transfer"},
}
"""Fields the provider expands that are always null here."""


def expand(tx: Transaction, body: Json, paths: list[str]) -> None:
    """Expands ``body`` in place; raises for a path that leads nowhere."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise ApiError(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. "
                f"Property: {path[:200]}",
                param="expand",
            )
        _follow(tx, body, steps, path)


def _follow(tx: Transaction, body: Json, steps: list[str], path: str) -> None:
    head, rest = steps[0], steps[1:]
    kind = str(body.get("object", ""))
    if kind == "list":
        if head != "data" or not rest:
            raise _cannot(path)
        for item in body["data"]:
            _follow(tx, item, rest, path)
        return
    if kind == "checkout.session" and head == "line_items" and not rest:
        body["line_items"] = _line_items(tx, body["id"])
        return
    if head in ALWAYS_EMPTY.get(kind, ()):
        return
    target = LINKS.get(kind, {}).get(head)
    if target is None:
        raise _cannot(path)
    _replace(tx, body, head, target)
    if rest and isinstance(body[head], dict):
        _follow(tx, body[head], rest, path)


def _replace(tx: Transaction, body: Json, field: str, kind: str) -> None:
    value = body.get(field)
    if isinstance(value, str):
        record = tx.find(kind, value)
        if record is not None:
            body[field] = present(tx, record)


def _line_items(tx: Transaction, session_id: str) -> Json:
    record = tx.find("checkout.session", session_id)
    items = record.private["line_items"] if record else []
    url = f"/v1/checkout/sessions/{session_id}/line_items"
    return listed(items, url, more=False)


def _cannot(path: str) -> ApiError:
    return ApiError(f"This property cannot be expanded ({path[:200]}).", param="expand")
