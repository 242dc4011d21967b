"""Disputes over the API: https://docs.stripe.com/api/disputes."""

from payments.sandbox import disputing, evidence
from payments.sandbox.claims import KIND
from payments.sandbox.errors import ApiError
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.params import merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit_change
from payments.sandbox.store import Record

URL = "/v1/disputes"
ONE = f"{URL}/{{id:str}}"


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    """Evidence goes to the bank at once unless ``submit`` is false."""
    opened = call.the(KIND)
    params = call.params
    said = evidence.read(params, opened.body["evidence"])
    wanted = params.boolean("submit")
    metadata = merge_metadata(opened.body["metadata"], params.metadata())
    params.finish()
    _refuse_if_closed(opened)
    before = {**opened.body, "evidence_details": dict(opened.body["evidence_details"])}
    opened.body["metadata"] = metadata
    if said is not None:
        opened.body["evidence"] = said
        has_evidence = any(said[name] for name in evidence.TEXTS)
        opened.body["evidence_details"]["has_evidence"] = has_evidence
    if (said is not None) if wanted is None else wanted:
        disputing.submit(call.tx, opened)
    call.tx.save(opened)
    emit_change(call.tx, "charge.dispute.updated", opened, before)
    return Answer(present(call.tx, opened))


def close(call: Call) -> Answer:
    """Give in."""
    opened = call.the(KIND)
    call.params.finish()
    _refuse_if_closed(opened)
    disputing.lose(call.tx, opened)
    return Answer(present(call.tx, opened))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if charge := call.params.text("charge"):
        filters.append(("parent = ?", (charge,)))
    if intent := call.params.text("payment_intent"):
        filters.append(("json_extract(body, '$.payment_intent') = ?", (intent,)))
    return Answer(page(call, KIND, URL, filters))


def _refuse_if_closed(opened: Record) -> None:
    if opened.body["status"] in disputing.CLOSED:
        raise ApiError("This dispute is already closed", executed=True)


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("POST", f"{ONE}/close", close),
)
