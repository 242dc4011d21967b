"""What can be said against a dispute:
https://docs.stripe.com/api/disputes/evidence_object.
"""

from payments.sandbox.errors import Json, invalid, no_such
from payments.sandbox.params import Params

UNCATEGORIZED = "uncategorized_text"

TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    UNCATEGORIZED,
)

FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)

NO_EVIDENCE: Json = {**dict.fromkeys((*TEXTS, *FILES)), "enhanced_evidence": {}}

MAX_TEXT = 20_000
MAX_ALL = 150_000


def read(params: Params, before: Json) -> Json | None:
    """``before`` with what was given, an empty text taking its field away; ``None`` if
    nothing was given."""
    given = params.child("evidence")
    if given is None:
        return None
    said = dict(before)
    for name in TEXTS:
        if given.given(name):
            said[name] = given.text(name, MAX_TEXT)
    for name in FILES:
        if file := given.text(name):
            # No file can be uploaded here, so none is known.
            raise no_such("file upload", file, param=given.name(name), status=400)
    if sum(len(said[name] or "") for name in TEXTS) > MAX_ALL:
        raise invalid("evidence", f"must be at most {MAX_ALL} characters together")
    return said
