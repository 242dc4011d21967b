"""A customer as it begins: https://docs.stripe.com/api/customers/object."""

from payments.sandbox.clock import token
from payments.sandbox.errors import Json
from payments.sandbox.store import Record

KIND = "customer"


def new_customer(account: str, now: int) -> Record:
    """Of whom nothing is known yet; not stored."""
    customer_id = f"cus_{token(14)}"
    body: Json = {
        "id": customer_id,
        "object": KIND,
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    return Record(customer_id, account, KIND, now, body, tag="live")
