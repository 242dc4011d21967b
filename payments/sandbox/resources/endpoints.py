"""Who is told of events: https://docs.stripe.com/api/webhook_endpoints."""

import hashlib

from payments.sandbox import deliveries
from payments.sandbox.clock import token
from payments.sandbox.errors import Json, invalid, missing
from payments.sandbox.event_types import EVENT_TYPES
from payments.sandbox.lists import page
from payments.sandbox.objects import VERSION, Answer, Call, Operation
from payments.sandbox.params import Params, merge_metadata
from payments.sandbox.presenting import present
from payments.sandbox.store import Record, Transaction

KIND = "webhook_endpoint"
URL = "/v1/webhook_endpoints"
ONE = f"{URL}/{{id:str}}"

MAX_ENDPOINTS = 16


def create(call: Call) -> Answer:
    params = call.params
    url = params.url("url")
    if url is None:
        raise missing("url")
    wanted = _enabled_events(params)
    if not wanted:
        raise missing("enabled_events")
    if len(call.tx.select("kind = ?", (KIND,))) >= MAX_ENDPOINTS:
        raise invalid("url", f"an account has at most {MAX_ENDPOINTS} webhook endpoints")
    endpoint = _record(
        f"we_{token()}",
        call.account,
        call.tx.now,
        url=url,
        secret=f"whsec_{token(32)}",
        enabled_events=wanted,
    )
    endpoint.body |= {
        "api_version": _version(params),
        "description": params.text("description"),
        "metadata": merge_metadata({}, params.metadata()),
    }
    call.tx.insert(endpoint)
    # The only answer that ever shows the secret.
    return Answer({**present(call.tx, endpoint), "secret": endpoint.private["secret"]})


def retrieve(call: Call) -> Answer:
    return Answer(present(call.tx, call.the(KIND)))


def update(call: Call) -> Answer:
    endpoint = call.the(KIND)
    params = call.params
    if url := params.url("url"):
        endpoint.body["url"] = url
    if wanted := _enabled_events(params):
        endpoint.body["enabled_events"] = wanted
    if params.given("description"):
        endpoint.body["description"] = params.text("description")
    disabled = params.boolean("disabled")
    if disabled is not None:
        endpoint.tag = endpoint.body["status"] = "disabled" if disabled else "enabled"
    endpoint.body["metadata"] = merge_metadata(endpoint.body["metadata"], params.metadata())
    call.tx.save(endpoint)
    return Answer(present(call.tx, endpoint))


def delete(call: Call) -> Answer:
    endpoint = call.the(KIND)
    call.tx.delete(endpoint)
    deliveries.drop(call.tx, endpoint.id)
    return Answer({"id": endpoint.id, "object": KIND, "deleted": True})


def list_all(call: Call) -> Answer:
    return Answer(page(call, KIND, URL))


def ensure(tx: Transaction, account: str, url: str, secret: str) -> None:
    """The one endpoint an operator configured for ``account``, and no earlier one.

    Harmless to repeat. A portal that moved to another port would otherwise leave its
    old address behind, to be retried for ever.
    """
    digest = hashlib.sha256(f"{account} {url}".encode()).hexdigest()[:24]
    endpoint_id = f"we_{digest}"
    for old in tx.select("account = ? AND kind = ?", (account, KIND)):
        if old.private.get("configured") and old.id != endpoint_id:
            tx.delete(old)
            deliveries.drop(tx, old.id)
    endpoint = tx.find(KIND, endpoint_id)
    if endpoint is None:
        endpoint = tx.insert(
            _record(endpoint_id, account, tx.now, url=url, secret=secret, enabled_events=["*"])
        )
    endpoint.private = {"secret": secret, "configured": True}
    tx.save(endpoint)


def _record(
    endpoint_id: str, account: str, now: int, *, url: str, secret: str, enabled_events: list[str]
) -> Record:
    body: Json = {
        "id": endpoint_id,
        "object": KIND,
        "api_version": None,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    return Record(
        id=endpoint_id,
        account=account,
        kind=KIND,
        created=now,
        tag="enabled",
        body=body,
        private={"secret": secret},
    )


def _enabled_events(params: Params) -> list[str]:
    wanted = params.texts("enabled_events")
    for place, name in enumerate(wanted):
        if name != "*" and name not in EVENT_TYPES:
            raise invalid(
                f"enabled_events[{place}]", f"{name[:50]} is not the name of an event type"
            )
    return wanted


def _version(params: Params) -> str | None:
    version = params.text("api_version")
    if version and not VERSION.match(version):
        raise invalid("api_version", f"{version[:40]} is not a version of the API")
    return version


OPERATIONS = (
    Operation("GET", URL, list_all),
    Operation("POST", URL, create),
    Operation("GET", ONE, retrieve),
    Operation("POST", ONE, update),
    Operation("DELETE", ONE, delete),
)
