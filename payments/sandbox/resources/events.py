"""What happened, to be asked for later: https://docs.stripe.com/api/events/list."""

import re

from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.lists import Filter, page, within
from payments.sandbox.objects import Answer, Call, Operation
from payments.sandbox.presenting import present

KIND = "event"
URL = "/v1/events"

MAX_TYPES = 20
TYPE = re.compile(r"[a-z0-9_*]+(\.[a-z0-9_*]+)*\Z")

UNDELIVERED = "EXISTS (SELECT 1 FROM deliveries WHERE event = objects.id AND state <> 'delivered')"


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def list_all(call: Call) -> Answer:
    params = call.params
    filters: list[Filter] = within("created", params.range("created"))
    single, several = params.text("type"), params.texts("types")
    if single and several:
        raise ApiError("Only one of type and types can be given.")
    if len(several) > MAX_TYPES:
        raise invalid("types", f"at most {MAX_TYPES} are taken")
    wanted = [single] if single else several
    if wanted:
        filters.append(_of_types(wanted, "type" if single else "types"))
    delivered = params.boolean("delivery_success")
    if delivered is not None:
        # Without endpoints nothing is undelivered; with false, both what is still being
        # retried and what was given up is meant.
        filters.append((f"NOT {UNDELIVERED}" if delivered else UNDELIVERED, ()))
    return Answer(page(call, KIND, URL, filters))


def _of_types(wanted: list[str], param: str) -> Filter:
    """Any of them; a star stands for anything, as in ``charge.*``."""
    conditions, values = [], []
    for event_type in wanted:
        if not TYPE.match(event_type):
            raise invalid(param, "not the name of an event type")
        # GLOB's own star; the pattern above leaves no other special character.
        conditions.append("tag GLOB ?" if "*" in event_type else "tag = ?")
        values.append(event_type)
    return f"({' OR '.join(conditions)})", values


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("GET", f"{URL}/{{id:str}}", retrieve),
)
