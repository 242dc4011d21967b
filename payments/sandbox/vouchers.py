"""Numbers that are paid in cash: the kiosk reference, and the provider's own vouchers.

An intent with a voucher waits in ``requires_action``; its ``next_action`` shows the
number. A number is never given twice, not even after its intent ended.
https://docs.stripe.com/payments/vouchers
"""

from payments.sandbox import outcomes
from payments.sandbox.clock import digits, one_of
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.following import follow
from payments.sandbox.method_options import defaults, expiry
from payments.sandbox.payers import EXPIRED, plan_of
from payments.sandbox.recording import emit
from payments.sandbox.store import Record, Transaction

KIND = "voucher"
INTENT = "payment_intent"

SHORTEST, LONGEST = 6, 9
"""Digits of a kiosk reference. They differ on purpose: nobody may count on a length."""

_LENGTHS = {"oxxo": 14, "boleto": 47, "konbini": 8}
_STORES = ("familymart", "lawson", "ministop", "seicomart")

OPEN = ("requires_action",)
PAID = ("succeeded", "requires_capture", "processing")


def issue(tx: Transaction, intent: Record, method: Record, base_url: str) -> None:
    """Give the intent a new number; an earlier one of it ends."""
    kind = str(method.body["type"])
    options = {**defaults(kind), **intent.body["payment_method_options"].get(kind, {})}
    ends = expiry(kind, options, tx.now)
    number = _new_number(tx, kind)
    tx.insert(
        Record(
            id=_id(number),
            account=intent.account,
            kind=KIND,
            created=tx.now,
            parent=intent.id,
            tag=kind,
            body={"number": number, "type": kind, "expires_at": ends, "method": method.id},
        )
    )
    confirmation = options.get("confirmation_number")
    intent.private["voucher"] = number
    intent.body |= {
        "next_action": _shown(kind, number, ends, f"{base_url}/c/kiosk/{intent.id}/{number}",
                              confirmation),
        "status": "requires_action",
    }  # fmt: skip
    email = method.body["billing_details"]["email"] or intent.body["receipt_email"]
    by_itself = plan_of(kind, email, confirmation)
    outcomes.plan(intent, "expire", ends)
    if by_itself.then:
        outcomes.plan(intent, by_itself.then, min(tx.now + by_itself.seconds, ends))
    tx.save(intent)
    emit(tx, "payment_intent.requires_action", intent)
    follow(tx, intent)


def pay(tx: Transaction, number: str, *, late: bool = False, kind: str = "kiosk") -> Record:
    """Somebody paid this number; gives the intent. ``late`` also pays one that ended."""
    voucher = find(tx, number)
    intent = tx.find(INTENT, voucher.parent) if voucher and voucher.parent else None
    if voucher is None or intent is None or voucher.tag != kind:
        raise ApiError(
            f"No such {kind} reference: '{number[:40]}'",
            status=404,
            code="resource_missing",
            param="reference",
        )
    if intent.body["status"] in PAID:
        raise ApiError(
            f"The payment of this reference has a status of {intent.body['status']}.",
            param="reference",
        )
    if not late and not is_open(intent, voucher):
        raise ApiError(
            "This reference has expired, or its payment was canceled or changed. "
            "With late=true it is paid nevertheless.",
            param="reference",
        )
    settle(tx, intent, voucher)
    return intent


def settle(tx: Transaction, intent: Record, voucher: Record) -> None:
    method = tx.find("payment_method", voucher.body["method"])
    if method is None:
        raise LookupError(f"the payment method of {intent.id} is gone")
    name = "reference" if voucher.tag == "kiosk" else "number"
    method.private["shown"] = {name: voucher.body["number"]}
    if voucher.tag == "konbini":
        method.private["shown"] = {"store": {"chain": "lawson"}}
    elif voucher.tag == "boleto":
        method.private["shown"] = {}
    outcomes.pay_voucher(tx, intent, method)


def expire(tx: Transaction, intent: Record) -> None:
    method = tx.find("payment_method", intent.body["payment_method"])
    if method is None:
        raise LookupError(f"the payment method of {intent.id} is gone")
    outcomes.fail(tx, intent, method, EXPIRED, None)


def find(tx: Transaction, number: str) -> Record | None:
    return tx.find(KIND, _id(number)) if number.isascii() and number.isdigit() else None


def is_open(intent: Record, voucher: Record) -> bool:
    """Whether this number, and no later one, is what the intent waits for."""
    return bool(
        intent.body["status"] in OPEN and intent.private["voucher"] == voucher.body["number"]
    )


def _new_number(tx: Transaction, kind: str) -> str:
    while True:
        number = digits(_LENGTHS.get(kind) or one_of(SHORTEST, LONGEST))
        # Looked for among all accounts', as the kiosks' network is one.
        taken = tx.sql("SELECT 1 FROM objects WHERE id = ?", (_id(number),)).fetchone()
        if taken is None:
            return number


def _id(number: str) -> str:
    return f"voucher_{number}"


def _shown(kind: str, number: str, ends: int, url: str, confirmation: str | None) -> Json:
    details: Json = {"hosted_voucher_url": url}
    if kind == "kiosk":
        details |= {"reference": number, "expires_at": ends}
    elif kind == "oxxo":
        details |= {"number": number, "expires_after": ends}
    elif kind == "boleto":
        details |= {"number": number, "expires_at": ends, "pdf": None}
    else:
        store = {"confirmation_number": confirmation, "payment_code": number}
        details |= {"expires_at": ends, "stores": {name: dict(store) for name in _STORES}}
    name = f"{kind}_display_details"
    return {"type": name, name: details}
