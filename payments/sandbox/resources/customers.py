"""Whom payments belong to: https://docs.stripe.com/api/customers."""

from payments.sandbox import customer_params
from payments.sandbox.customer_objects import KIND, new_customer
from payments.sandbox.errors import invalid
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation, require
from payments.sandbox.presenting import present
from payments.sandbox.recording import emit, emit_change
from payments.sandbox.resources import attachments
from payments.sandbox.store import Record

URL = "/v1/customers"
ONE = f"{URL}/{{id:str}}"


def create(call: Call) -> Answer:
    params = call.params
    customer = new_customer(call.account, call.tx.now)
    customer.body |= customer_params.described(params, customer.body)
    method_name = params.text("payment_method")
    default = customer_params.default_method(params)
    params.finish()
    call.tx.insert(customer)
    if method_name:
        method = attachments.method_to_attach(call, method_name, status=400)
        attachments.attach_to(call.tx, method, customer.id)
    _choose_default(call, customer, default)
    call.tx.save(customer)
    emit(call.tx, "customer.created", customer)
    return Answer(present(call.tx, customer))


def retrieve(call: Call) -> Answer:
    """A deleted customer is shown too, as three fields that say so."""
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    customer = living(call, call.ids["id"])
    before = dict(customer.body)
    customer.body |= customer_params.described(call.params, before)
    default = customer_params.default_method(call.params)
    call.params.finish()
    _choose_default(call, customer, default)
    call.tx.save(customer)
    emit_change(call.tx, "customer.updated", customer, before)
    return Answer(present(call.tx, customer))


def delete(call: Call) -> Answer:
    """For good: its cards are detached and it cannot be used again."""
    customer = living(call, call.ids["id"])
    for method in attachments.attached(call.tx, customer.id):
        attachments.detach_from(call.tx, method)
    customer.tag = "deleted"
    emit(call.tx, "customer.deleted", customer)
    customer.body = {"id": customer.id, "object": KIND, "deleted": True}
    call.tx.save(customer)
    return Answer(present(call.tx, customer))


def list_all(call: Call) -> Answer:
    filters: list[Filter] = [("tag = 'live'", ()), *within("created", call.params.range("created"))]
    if email := call.params.text("email"):
        filters.append(("json_extract(body, '$.email') = ?", (email,)))
    return Answer(page(call, KIND, URL, filters))


def living(call: Call, customer_id: str, *, param: str = "id", status: int = 404) -> Record:
    """The customer of this id; one that was deleted is as good as none."""
    return require(call.tx, KIND, customer_id, param=param, status=status, tag="live")


def from_params(call: Call) -> Record | None:
    """The one a request names as its ``customer``, if any."""
    named = call.params.text("customer")
    return living(call, named, param="customer", status=400) if named else None


def list_methods(call: Call) -> Answer:
    customer = living(call, call.ids["id"])
    return attachments.list_of(call, customer.id, f"{URL}/{customer.id}/payment_methods")


def retrieve_method(call: Call) -> Answer:
    customer = living(call, call.ids["id"])
    return Answer(present(call.tx, attachments.the_method(call, customer.id)))


def _choose_default(call: Call, customer: Record, method_id: str | None) -> None:
    if method_id is None:
        return
    if method_id not in {method.id for method in attachments.attached(call.tx, customer.id)}:
        raise invalid(
            "invoice_settings[default_payment_method]",
            "the payment method must be attached to the customer first",
        )
    customer.body["invoice_settings"] = {
        **customer.body["invoice_settings"],
        "default_payment_method": method_id,
    }


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("DELETE", ONE, delete),
    Operation("GET", f"{ONE}/payment_methods", list_methods),
    Operation("GET", f"{ONE}/payment_methods/{{method:str}}", retrieve_method),
)
