"""Attempts at taking money: https://docs.stripe.com/api/charges."""

from payments.sandbox import disputing
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit, emit_change
from payments.sandbox.resources import balance_transactions, customers
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
    disputing.begin(tx, charge)


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    charge = call.the(KIND)
    params = call.params
    before = dict(charge.body)
    customer = customers.from_params(call)
    if customer is not None:
        charge.body["customer"] = customer.id
    if params.given("description"):
        charge.body["description"] = params.text("description", 1000)
    if params.given("receipt_email"):
        charge.body["receipt_email"] = params.email("receipt_email")
    if fraud := params.child("fraud_details"):
        report = fraud.choice("user_report", ("fraudulent", "safe"))
        charge.body["fraud_details"] = {"user_report": report} if report else {}
    charge.body["metadata"] = merge_metadata(before["metadata"], params.metadata())
    params.finish()
    call.tx.save(charge)
    emit_change(call.tx, "charge.updated", charge, before)
    return Answer(present(call.tx, charge))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if intent := call.params.text("payment_intent"):
        filters.append(("parent = ?", (intent,)))
    if customer := call.params.text("customer"):
        filters.append(("json_extract(body, '$.customer') = ?", (customer,)))
    return Answer(page(call, KIND, URL, filters))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
    Operation("POST", f"{URL}/{{id:str}}", update),
)
