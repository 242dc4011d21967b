"""What payments are made with: https://docs.stripe.com/api/payment_methods."""

import hashlib
import time

from payments.sandbox.cards import BY_TOKEN, Card
from payments.sandbox.clock import token
from payments.sandbox.errors import ApiError, Json, missing
from payments.sandbox.methods import Described, read_description
from payments.sandbox.objects import Answer, Call, Operation, require
from payments.sandbox.params import Params, merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit_change
from payments.sandbox.store import Record, Transaction

KIND = "payment_method"
URL = "/v1/payment_methods"
ONE = f"{URL}/{{id:str}}"

TOKEN_EXPIRY_YEARS = 5

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
REDISPLAY = ("always", "limited", "unspecified")


def year_and_month(now: int) -> tuple[int, int]:
    """Of an instant, in the way cards expire (anywhere on Earth is near enough)."""
    moment = time.gmtime(now)
    return moment.tm_year, moment.tm_mon


def record_method(
    tx: Transaction, account: str, described: Described, billing: Json, **changes: object
) -> Record:
    """``billing`` fills some of the billing details, ``changes`` other fields."""
    method_id = f"pm_{token()}"
    card = described.card
    shown = _card(card, described.expiry) if card else described.shown
    return tx.insert(
        Record(
            id=method_id,
            account=account,
            kind=KIND,
            created=tx.now,
            body={
                "id": method_id,
                "object": KIND,
                "allow_redisplay": "unspecified",
                "billing_details": {
                    "address": dict.fromkeys(ADDRESS),
                    "email": None,
                    "name": None,
                    "phone": None,
                    "tax_id": None,
                    **billing,
                },
                described.kind: shown,
                "created": tx.now,
                "customer": None,
                "customer_account": None,
                "livemode": False,
                "metadata": {},
                "radar_options": {},
                "type": described.kind,
                **changes,
            },
            private={"card": card.name} if card else dict(described.private),
        )
    )


def _card(card: Card, expiry: tuple[int, int]) -> Json:
    """``expiry`` is month and year. Of the number only the last four digits are kept."""
    month, year = expiry
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": fingerprint(card),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def fingerprint(card: Card) -> str:
    """The same for the same number, and made of its name here, not of the number."""
    return hashlib.sha256(card.name.encode()).hexdigest()[:16]


def from_params(call: Call) -> Record | None:
    """The method a request names (a token or an id) or describes, if any."""
    named = call.params.text("payment_method")
    described = call.params.child("payment_method_data")
    if named is not None and described is not None:
        raise ApiError(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method",
        )
    if described is not None:
        return _described(call, described)
    return None if named is None else by_name(call, named)


def by_name(call: Call, name: str, *, param: str = "payment_method", status: int = 400) -> Record:
    """The method of an id, or a new one for a test token."""
    card = BY_TOKEN.get(name)
    if card is None:
        return require(call.tx, KIND, name, param=param, status=status)
    year, _ = year_and_month(call.tx.now)
    described = Described("card", {}, card=card, expiry=(12, year + TOKEN_EXPIRY_YEARS))
    return record_method(call.tx, call.account, described, {})


def _described(call: Call, params: Params) -> Record:
    billing = read_billing(params)
    metadata = merge_metadata({}, params.metadata(), params.name("metadata"))
    redisplay = params.choice("allow_redisplay", REDISPLAY) or "unspecified"
    radar = params.child("radar_options")
    if radar is not None:
        radar.text("session")
    described = read_description(params, year_and_month(call.tx.now), TOKEN_EXPIRY_YEARS)
    if params is not call.params:
        params.finish()
    return record_method(
        call.tx, call.account, described, billing, metadata=metadata, allow_redisplay=redisplay
    )


def read_billing(params: Params) -> Json:
    """The billing details that were given; an empty value unsets one."""
    given = params.child("billing_details")
    if given is None:
        return {}
    found: Json = {}
    for name in ("name", "phone", "tax_id"):
        if given.given(name):
            found[name] = given.text(name)
    if given.given("email"):
        found["email"] = given.email("email")
    address = given.child("address")
    if address is not None:
        found["address"] = {name: address.text(name) for name in ADDRESS}
    return found


def create(call: Call) -> Answer:
    if not call.params.given("type"):
        raise missing("type")
    method = _described(call, call.params)
    return Answer(present(call.tx, method))


def retrieve(call: Call) -> Answer:
    """A test token in the address stands for a new card of that kind."""
    return Answer(present(call.tx, by_name(call, call.ids["id"], status=404)))


def update(call: Call) -> Answer:
    method = call.the(KIND)
    if method.parent is None:
        raise ApiError("You must save this PaymentMethod to a customer before you can update it.")
    params = call.params
    before = dict(method.body)
    changes: Json = {
        "billing_details": {**method.body["billing_details"], **read_billing(params)},
        "metadata": merge_metadata(method.body["metadata"], params.metadata()),
    }
    if redisplay := params.choice("allow_redisplay", REDISPLAY):
        changes["allow_redisplay"] = redisplay
    card = params.child("card") if method.body["type"] == "card" else None
    if card is not None:
        month = card.integer("exp_month", low=1, high=12)
        year = card.integer("exp_year", low=2000, high=2099)
        given = {"exp_month": month, "exp_year": year}
        changed = {name: value for name, value in given.items() if value is not None}
        changes["card"] = {**method.body["card"], **changed}
    params.finish()
    method.body |= changes
    call.tx.save(method)
    emit_change(call.tx, "payment_method.updated", method, before)
    return Answer(present(call.tx, method))


OPERATIONS = (
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
)
