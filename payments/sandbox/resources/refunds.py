"""Refunds over the API: https://docs.stripe.com/api/refunds."""

from payments.sandbox import paying, refunding
from payments.sandbox.errors import ApiError
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation, require
from payments.sandbox.params import merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.refund_objects import KIND
from payments.sandbox.resources import charges
from payments.sandbox.store import Record

URL = "/v1/refunds"
ONE = f"{URL}/{{id:str}}"
OF_CHARGE = f"{charges.URL}/{{id:str}}/refunds"


def create(call: Call) -> Answer:
    params = call.params
    amount = params.integer("amount", low=1)
    reason = params.choice("reason", refunding.REASONS)
    metadata = merge_metadata({}, params.metadata())
    email = params.email("instructions_email")
    charge = _charge(call)
    params.finish()
    made = refunding.refund(call.tx, charge, amount, reason=reason, metadata=metadata, email=email)
    return Answer(present(call.tx, made))


def _charge(call: Call) -> Record:
    """The charge to give back, named itself or by its intent."""
    charge_id, intent_id = call.params.text("charge"), call.params.text("payment_intent")
    if intent_id is None:
        if charge_id is None:
            raise ApiError(
                "One of the following params should be provided for this request: "
                "payment_intent or charge."
            )
        # The provider calls the parameter "id", and answers 404 although it is no address.
        return require(call.tx, charges.KIND, charge_id)
    intent = require(call.tx, paying.KIND, intent_id, param="payment_intent")
    wanted = charge_id or intent.body["latest_charge"]
    if wanted is None:
        raise ApiError(
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            executed=True,
        )
    charge = require(call.tx, charges.KIND, wanted)
    if charge.parent != intent.id:
        raise ApiError(
            f"Charge {charge.id} does not belong to PaymentIntent {intent.id}.", param="charge"
        )
    return charge


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    """Of the metadata, and nothing else."""
    made = call.the(KIND)
    before = dict(made.body)
    made.body["metadata"] = merge_metadata(before["metadata"], call.params.metadata())
    call.params.finish()
    call.tx.save(made)
    refunding.tell(call.tx, made, before)
    return Answer(present(call.tx, made))


def cancel(call: Call) -> Answer:
    """Only a refund that waits for the payer to say where the money should go can be
    canceled; no method here makes one that does."""
    call.the(KIND)
    call.params.finish()
    raise ApiError("Canceling this refund is unsupported.", executed=True)


def list_all(call: Call) -> Answer:
    filters: list[Filter] = within("created", call.params.range("created"))
    if charge := call.params.text("charge"):
        filters.append(("parent = ?", (charge,)))
    if intent := call.params.text("payment_intent"):
        filters.append(("json_extract(body, '$.payment_intent') = ?", (intent,)))
    return Answer(page(call, KIND, URL, filters))


def list_of_charge(call: Call) -> Answer:
    charge = require(call.tx, charges.KIND, call.ids["id"], param="charge")
    url = f"{charges.URL}/{charge.id}/refunds"
    return Answer(page(call, KIND, url, [("parent = ?", (charge.id,))]))


def retrieve_of_charge(call: Call) -> Answer:
    charge = require(call.tx, charges.KIND, call.ids["id"], param="charge")
    made = require(call.tx, KIND, call.ids["refund"], param=KIND, parent=charge.id)
    return Answer(present(call.tx, made))


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("POST", f"{ONE}/cancel", cancel),
    Operation("GET", OF_CHARGE, list_of_charge),
    Operation("GET", f"{OF_CHARGE}/{{refund:str}}", retrieve_of_charge),
)
