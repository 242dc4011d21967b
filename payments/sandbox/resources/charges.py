"""Attempts at taking money: https://docs.stripe.com/api/charges."""

from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit
from payments.sandbox.resources import balance_transactions
from payments.sandbox.store import Record, Transaction

KIND = "charge"
URL = "/v1/charges"

BALANCE_DELAY = "balance_delay_seconds"
"""Setting: how long a charge stays without its balance transaction."""


def settle(tx: Transaction, charge: Record) -> None:
    """Book the charge and say so."""
    charge.due_at = None
    charge.body["balance_transaction"] = balance_transactions.book(tx, charge).id
    tx.save(charge)
    emit(tx, "charge.updated", charge, {"balance_transaction": None})


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    charge = call.the(KIND)
    before = charge.body["metadata"]
    charge.body["metadata"] = merge_metadata(before, call.params.metadata())
    if charge.body["metadata"] != before:
        call.tx.save(charge)
        emit(call.tx, "charge.updated", charge, {"metadata": before})
    return Answer(present(call.tx, charge))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if intent := call.params.text("payment_intent"):
        filters.append(("parent = ?", (intent,)))
    return Answer(page(call, KIND, URL, filters))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
    Operation("POST", f"{URL}/{{id:str}}", update),
)
