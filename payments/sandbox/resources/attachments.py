"""Payment methods that belong to a customer:
https://docs.stripe.com/api/payment_methods/attach.
"""

from payments.sandbox.cards import BY_NAME, refusal
from payments.sandbox.errors import ApiError
from payments.sandbox.lists import Filter, page
from payments.sandbox.methods import LISTED
from payments.sandbox.objects import Answer, Call, Operation, require
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit
from payments.sandbox.resources.payment_methods import KIND, URL, by_name
from payments.sandbox.spending import refuse_if_spent
from payments.sandbox.store import Record, Transaction

CUSTOMER = "customer"


def attach(call: Call) -> Answer:
    """A test token in the address stands for a new card of that kind."""
    name = call.params.need_text(CUSTOMER)
    customer = require(call.tx, CUSTOMER, name, param=CUSTOMER, tag="live")
    call.params.finish()
    method = method_to_attach(call, call.ids["id"], status=404)
    attach_to(call.tx, method, customer.id)
    return Answer(present(call.tx, method))


def detach(call: Call) -> Answer:
    method = call.the(KIND)
    call.params.finish()
    if method.parent is None:
        raise ApiError(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param=KIND,
            executed=True,
        )
    detach_from(call.tx, method)
    return Answer(present(call.tx, method))


def list_all(call: Call) -> Answer:
    """Those of one customer, or all that are attached to any."""
    name = call.params.text(CUSTOMER)
    if name:
        require(call.tx, CUSTOMER, name, param=CUSTOMER, tag="live")
    return list_of(call, name, URL)


def list_of(call: Call, customer_id: str | None, url: str) -> Answer:
    filters: list[Filter] = [("parent IS NOT NULL", ())]
    if customer_id:
        filters = [("parent = ?", (customer_id,))]
    if kind := call.params.choice("type", LISTED):
        filters.append(("json_extract(body, '$.type') = ?", (kind,)))
    return Answer(page(call, KIND, url, filters))


def method_to_attach(call: Call, name: str, *, status: int) -> Record:
    """Raises for a card its bank would refuse to keep on file."""
    method = by_name(call, name, status=status)
    card = BY_NAME.get(method.private.get("card", ""))
    if card and card.decline and not (card.authenticate or card.attaches):
        raise refusal(card.decline)
    return method


def attach_to(tx: Transaction, method: Record, customer_id: str) -> None:
    if method.parent == customer_id:
        return
    refuse_if_spent(method)
    if method.parent is not None:
        raise ApiError(
            "The payment method you provided has already been attached to a customer.",
            param=KIND,
            executed=True,
        )
    method.parent = method.body[CUSTOMER] = customer_id
    tx.save(method)
    emit(tx, "payment_method.attached", method)


def detach_from(tx: Transaction, method: Record) -> None:
    """Also where it was its customer's default."""
    before = str(method.body[CUSTOMER])
    customer = tx.find(CUSTOMER, before)
    if customer and customer.body["invoice_settings"]["default_payment_method"] == method.id:
        customer.body["invoice_settings"]["default_payment_method"] = None
        tx.save(customer)
    method.parent = method.body[CUSTOMER] = None
    method.private["spent"] = True
    tx.save(method)
    emit(tx, "payment_method.detached", method, {CUSTOMER: before})


def attached(tx: Transaction, customer_id: str) -> list[Record]:
    return tx.select("kind = ? AND parent = ?", (KIND, customer_id))


def the_method(call: Call, customer_id: str) -> Record:
    """The one named in an address below its customer."""
    return require(call.tx, KIND, call.ids["method"], param=KIND, parent=customer_id)


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", f"{URL}/{{id:str}}/attach", attach),
    Operation("POST", f"{URL}/{{id:str}}/detach", detach),
)
