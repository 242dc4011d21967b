"""Payouts over the API: https://docs.stripe.com/api/payouts."""

from payments.sandbox import paying_out
from payments.sandbox.currencies import check_currency
from payments.sandbox.errors import Json, no_such
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.paying_out import KIND
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit_change

URL = "/v1/payouts"
ONE = f"{URL}/{{id:str}}"

STATUSES = ("canceled", "failed", "in_transit", "paid", "pending")


def create(call: Call) -> Answer:
    params = call.params
    amount = params.need_integer("amount", low=1)
    currency = check_currency(params.need_text("currency"))
    destination = paying_out.bank_account(call.account)
    wanted = params.text("destination")
    if wanted not in {None, destination}:
        raise no_such("external account", str(wanted), param="destination", status=400)
    params.choice("source_type", ("bank_account", "card", "fpx"))
    fields: Json = {
        "metadata": merge_metadata({}, params.metadata()),
        "method": params.choice("method", ("instant", "standard")) or "standard",
        "statement_descriptor": params.text("statement_descriptor", 22),
    }
    if description := params.text("description"):
        fields["description"] = description
    params.finish()
    payout = paying_out.send(call.tx, call.account, amount, currency, fields)
    return Answer(present(call.tx, payout))


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    """Of the metadata, and nothing else."""
    payout = call.the(KIND)
    before = dict(payout.body)
    payout.body["metadata"] = merge_metadata(before["metadata"], call.params.metadata())
    call.params.finish()
    call.tx.save(payout)
    emit_change(call.tx, "payout.updated", payout, before)
    return Answer(present(call.tx, payout))


def cancel(call: Call) -> Answer:
    payout = call.the(KIND)
    call.params.finish()
    paying_out.cancel(call.tx, payout)
    return Answer(present(call.tx, payout))


def reverse(call: Call) -> Answer:
    payout = call.the(KIND)
    metadata = merge_metadata({}, call.params.metadata())
    call.params.finish()
    return Answer(present(call.tx, paying_out.reverse(call.tx, payout, metadata)))


def list_all(call: Call) -> Answer:
    params = call.params
    filters: list[Filter] = [
        *within("created", params.range("created")),
        *within("json_extract(body, '$.arrival_date')", params.range("arrival_date")),
    ]
    if status := params.choice("status", STATUSES):
        filters.append(("tag = ?", (status,)))
    if destination := params.text("destination"):
        filters.append(("json_extract(body, '$.destination') = ?", (destination,)))
    return Answer(page(call, KIND, URL, filters))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("POST", f"{ONE}/cancel", cancel),
    Operation("POST", f"{ONE}/reverse", reverse),
)
