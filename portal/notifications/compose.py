"""The words of messages to citizens: short, in their language, naming no one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from payments.money import Money
from portal.i18n import Speech
from portal.problems import N_

ONE_TIME_CODE = "one_time_code"
REQUEST_SUBMITTED = "request_submitted"
REQUEST_RECEIVED = "request_received"
REQUEST_REGISTERED = "request_registered"
COMPLETION_REQUESTED = "completion_requested"
REQUEST_COMPLETED = "request_completed"
ACCEPTED_IN_PRINCIPLE = "accepted_in_principle"
FEES_ASSESSED = "fees_assessed"
REQUEST_APPROVED = "request_approved"
OUTPUT_ISSUED = "output_issued"
REQUEST_REFUSED = "request_refused"
DEEMED_APPROVED = "deemed_approved"
DEEMED_ACCEPTED = "deemed_accepted"
DEEMED_REFUSED = "deemed_refused"
REQUEST_EXPIRED = "request_expired"
REQUEST_WITHDRAWN = "request_withdrawn"
REQUEST_SHELVED = "request_shelved"
REQUEST_SHELVED_BY_CENTER = "request_shelved_by_center"
REQUEST_REOPENED = "request_reopened"
INSPECTION_SCHEDULED = "inspection_scheduled"
INSPECTION_MOVED = "inspection_moved"
INSPECTION_MISSED = "inspection_missed"
WAITING_LIST = "waiting_list"
OUTPUT_READY = "output_ready"
OUTPUT_DELIVERED = "output_delivered"
OUTPUT_CORRECTED = "output_corrected"
OUTPUT_SUSPENDED = "output_suspended"
OUTPUT_RENEWED = "output_renewed"
OUTPUT_REVOKED = "output_revoked"
OUTPUT_EXPIRED = "output_expired"
GRIEVANCE_FILED = "grievance_filed"
GRIEVANCE_UPHELD = "grievance_upheld"
GRIEVANCE_REJECTED = "grievance_rejected"
FEES_PAID = "fees_paid"
FEES_EXPIRED = "fees_expired"
WINDOW_LONGER = "window_longer"
GRIEVANCE_LONGER = "grievance_longer"
REFUND_APPROVED = "refund_approved"
REFUND_MADE = "refund_made"
REFUND_FAILED = "refund_failed"

# Codes and numbers are typed or dictated: they stay in Latin digits (design, digits)
_TEXTS = {
    ONE_TIME_CODE: N_(
        "{code} is your code for the local services portal. Valid for 5 minutes. "
        "Give it to no one; no employee asks for it."
    ),
    REQUEST_SUBMITTED: N_("Request {number} is saved. Pay {sum} before {until}: {url}"),
    REQUEST_RECEIVED: N_("We have received request {number}. Follow it here: {url}"),
    REQUEST_REGISTERED: N_(
        "Request {number} is registered at the center as No. {center_number} of {center_year}: "
        "{url}"
    ),
    COMPLETION_REQUESTED: N_(
        "Request {number}: the center asks you to complete it by {until}: {url}"
    ),
    REQUEST_COMPLETED: N_("We have received your completion of request {number}: {url}"),
    ACCEPTED_IN_PRINCIPLE: N_(
        "Request {number} was accepted in principle. The conditions are here: {url}"
    ),
    FEES_ASSESSED: N_(
        "The fees of request {number} were assessed: {sum}. Pay them by {until}: {url}"
    ),
    REQUEST_APPROVED: N_("Request {number} was approved: {url}"),
    OUTPUT_ISSUED: N_("The document of request {number} was issued: {url}"),
    REQUEST_REFUSED: N_(
        "Request {number} was refused. The reason and how to appeal by {until}: {url}"
    ),
    DEEMED_APPROVED: N_(
        "The period of request {number} passed without a decision: by law it counts as approved. "
        "What comes next: {url}"
    ),
    DEEMED_ACCEPTED: N_(
        "The period of request {number} passed without a decision: by law it counts as accepted in "
        "principle. What comes next: {url}"
    ),
    DEEMED_REFUSED: N_(
        "The period of request {number} passed without a decision: by law it counts as refused. "
        "How to appeal by {until}: {url}"
    ),
    REQUEST_EXPIRED: N_(
        "Request {number} was closed because it was not paid in time. You can apply again: {url}"
    ),
    REQUEST_WITHDRAWN: N_("You have given request {number} up: {url}"),
    REQUEST_SHELVED: N_("Request {number} was shelved because it was not completed in time: {url}"),
    REQUEST_SHELVED_BY_CENTER: N_("Request {number} was shelved by the center. The reason: {url}"),
    REQUEST_REOPENED: N_("Request {number} goes on: {url}"),
    INSPECTION_SCHEDULED: N_(
        "The inspection for request {number} is on {day}, between {from} and {to}. Be there or "
        "send someone: {url}"
    ),
    INSPECTION_MOVED: N_(
        "The inspection for request {number} could not be made. It is now on {day}, between "
        "{from} and {to}: {url}"
    ),
    INSPECTION_MISSED: N_(
        "The inspection for request {number} could not be made. You will be told the new day: {url}"
    ),
    WAITING_LIST: N_("Request {number} is on the waiting list: {url}"),
    OUTPUT_READY: N_("The document of request {number} is ready to be collected: {url}"),
    OUTPUT_DELIVERED: N_("The document of request {number} was handed over: {url}"),
    OUTPUT_CORRECTED: N_(
        "The document of request {number} was corrected. Use the new one only: {url}"
    ),
    OUTPUT_SUSPENDED: N_("The document of request {number} was suspended. The reason: {url}"),
    OUTPUT_RENEWED: N_("The document of request {number} was renewed until {until}: {url}"),
    OUTPUT_REVOKED: N_("The document of request {number} was revoked. The reason: {url}"),
    OUTPUT_EXPIRED: N_("The document of request {number} is no longer valid: {url}"),
    GRIEVANCE_FILED: N_("We have received your grievance about request {number}: {url}"),
    GRIEVANCE_UPHELD: N_("Your grievance about request {number} was upheld: {url}"),
    GRIEVANCE_REJECTED: N_(
        "Your grievance about request {number} was rejected. The grounds: {url}"
    ),
    FEES_PAID: N_("We have received the fees of request {number}, {sum}. Follow it here: {url}"),
    REFUND_APPROVED: N_(
        "{sum} of request {number} will be given back to the means of payment: {url}"
    ),
    REFUND_MADE: N_("We have given back {sum} of request {number} to the means of payment: {url}"),
    REFUND_FAILED: N_(
        "{sum} of request {number} could not be given back. The money is with us. What to do: {url}"
    ),
    FEES_EXPIRED: N_("Request {number} was shelved because its fees were not paid in time: {url}"),
    WINDOW_LONGER: N_(
        "The service was out for a while. You now have until {until} for request {number}: {url}"
    ),
    GRIEVANCE_LONGER: N_(
        "The service was out for a while. You can now appeal the refusal of request {number} until "
        "{until}: {url}"
    ),
}


def compose(speech: Speech, kind: str, params: Mapping[str, Any], public_url: str) -> str:
    """The text of a message. ``number`` in ``params`` becomes a link to the request."""
    shown: dict[str, Any] = {name: _typed(value) for name, value in params.items()}
    if "sum" in shown:
        money = Money(int(params["sum"]), str(shown.pop("currency", "EGP")))
        shown["sum"] = speech.sum_of(money)
    for name in ("center_number", "center_year", "from", "to"):
        if name in shown:
            shown[name] = speech.digits(str(params[name]))
    if "number" in shown:
        shown["url"] = f"{public_url}{speech.prefix}/requests/{params['number']}"
        shown["number"] = speech.code(params["number"])
    return speech.gettext(_TEXTS[kind], **shown)


def _typed(value: Any) -> Any:
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value
