"""Webhooks: signed, at least once, retried, and on disk until they arrived."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.support.sandbox import (
    SECRET,
    Receiver,
    SandboxProcess,
    eventually,
    free_port,
    open_session,
    pay_page,
)

KEY = "sk_test_configured"


@pytest.fixture
def own_server(tmp_path: Path, webhook_receiver: Receiver) -> Iterator[SandboxProcess]:
    """A process that may be killed, with an endpoint configured at its start."""
    process = SandboxProcess(
        tmp_path / "data",
        "--webhook-url", webhook_receiver.url,
        "--webhook-secret", SECRET,
        "--account-key", KEY,
    )  # fmt: skip
    yield process
    process.stop()


def listen(
    client: stripe.StripeClient, receiver: Receiver, events: list[str] | None = None
) -> stripe.WebhookEndpoint:
    params: Any = {"url": receiver.url, "enabled_events": events or ["*"]}
    return client.v1.webhook_endpoints.create(params)


def pay(client: stripe.StripeClient) -> stripe.checkout.Session:
    session = open_session(client)
    pay_page(session.url)
    return session


def test_events_arrive_with_a_signature_over_the_exact_bytes(
    api: stripe.StripeClient, webhook_receiver: Receiver
) -> None:
    endpoint = listen(api, webhook_receiver)
    secret = str(endpoint.secret)
    session = pay(api)
    eventually(lambda: webhook_receiver.count("checkout.session.completed", secret) == 1)
    eventually(lambda: len(webhook_receiver.received) == 6)
    assert set(webhook_receiver.types(secret)) == {
        "payment_intent.created",
        "payment_intent.processing",
        "charge.succeeded",
        "charge.updated",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    received = webhook_receiver.received[0]
    timestamp, signature = (part.split("=")[1] for part in received.signature.split(","))
    signed = timestamp.encode() + b"." + received.body
    assert hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == signature
    completed = next(
        event
        for event in webhook_receiver.events(secret)
        if event.type == "checkout.session.completed"
    )
    assert completed.data.object["id"] == session.id
    assert completed.data.object["payment_status"] == "paid"
    assert completed.pending_webhooks == 1
    eventually(lambda: api.v1.events.retrieve(completed.id).pending_webhooks == 0)
    with pytest.raises(stripe.SignatureVerificationError):
        received.event("whsec_other")


def test_the_secret_is_shown_once(api: stripe.StripeClient, webhook_receiver: Receiver) -> None:
    endpoint = listen(api, webhook_receiver)
    assert str(endpoint.secret).startswith("whsec_")
    assert "secret" not in api.v1.webhook_endpoints.retrieve(endpoint.id).to_dict()
    assert "secret" not in api.v1.webhook_endpoints.list().data[0].to_dict()


def test_endpoints_can_be_changed_disabled_and_deleted(
    api: stripe.StripeClient, webhook_receiver: Receiver
) -> None:
    endpoint = listen(api, webhook_receiver, ["charge.failed"])
    changed = api.v1.webhook_endpoints.update(
        endpoint.id,
        {
            "enabled_events": ["checkout.session.completed"],
            "disabled": True,
            "description": "portal",
            "metadata": {"a": "b"},
        },
    )
    assert (changed.status, changed.enabled_events, changed.description) == (
        "disabled",
        ["checkout.session.completed"],
        "portal",
    )
    pay(api)
    api.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
    pay(api)
    eventually(lambda: len(webhook_receiver.received) == 1)
    assert webhook_receiver.types(str(endpoint.secret)) == ["checkout.session.completed"]
    deleted: Any = api.v1.webhook_endpoints.delete(endpoint.id)
    assert deleted.deleted is True
    pay(api)
    assert api.v1.webhook_endpoints.list().data == []
    assert len(webhook_receiver.received) == 1


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": "ftp://x/", "enabled_events": ["*"]}, "url"),
        ({"url": "http://127.0.0.1/"}, "enabled_events"),
        ({"url": "http://127.0.0.1/", "enabled_events": ["everything"]}, "enabled_events[0]"),
        ({"url": "http://127.0.0.1:99999/", "enabled_events": ["*"]}, "url"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(
    api: stripe.StripeClient, params: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.webhook_endpoints.create(params)
    assert refused.value.param == param


@pytest.mark.parametrize("status", [500, 302, 404])
def test_an_answer_that_is_not_2xx_is_retried_after_a_second(
    api: stripe.StripeClient, webhook_receiver: Receiver, status: int
) -> None:
    listen(api, webhook_receiver, ["checkout.session.completed"])
    webhook_receiver.statuses = [status]
    pay(api)
    eventually(lambda: len(webhook_receiver.received) == 1)
    undelivered = api.v1.events.list({"delivery_success": False}).data
    assert [event.type for event in undelivered] == ["checkout.session.completed"]
    eventually(lambda: len(webhook_receiver.received) == 2)
    first, second = webhook_receiver.received
    assert first.body == second.body
    assert second.at - first.at >= 0.9
    eventually(lambda: api.v1.events.list({"delivery_success": False}).data == [])
    delivered = api.v1.events.list({"delivery_success": True, "limit": 1}).data
    assert [event.type for event in delivered] == ["checkout.session.completed"]


def test_an_endpoint_that_does_not_listen_is_retried(
    payment_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = payment_server.client()
    endpoint = client.v1.webhook_endpoints.create(
        {
            "url": f"http://127.0.0.1:{free_port()}/",
            "enabled_events": ["checkout.session.completed"],
        }
    )
    pay(client)
    eventually(lambda: client.v1.events.list({"delivery_success": False}).data != [])
    client.v1.webhook_endpoints.update(endpoint.id, {"url": webhook_receiver.url})
    eventually(lambda: len(webhook_receiver.received) == 1)


def test_a_kill_between_event_and_delivery_loses_nothing(
    own_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = own_server.client(KEY)
    webhook_receiver.statuses = [500] * 6
    session = pay(client)
    eventually(lambda: len(webhook_receiver.received) == 6)
    own_server.kill()
    assert webhook_receiver.statuses == []
    webhook_receiver.received.clear()
    own_server.start()
    eventually(lambda: len(set(webhook_receiver.types())) == 6)
    assert webhook_receiver.count("checkout.session.completed") == 1
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    eventually(lambda: client.v1.events.list({"delivery_success": False}).data == [])


def test_idempotency_keys_and_clock_outlive_a_kill(own_server: SandboxProcess) -> None:
    client = own_server.client(KEY)

    def create() -> str:
        return client.v1.payment_intents.create(
            {"amount": 5000, "currency": "egp"}, {"idempotency_key": "k"}
        ).id

    own_server.control("/clock", {"advance": 3600})
    first = create()
    own_server.kill()
    own_server.start()
    assert create() == first
    assert own_server.control("", method="GET")["clock"]["offset"] == 3600


def test_the_configured_endpoint_is_there_once_however_often_it_starts(
    own_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = own_server.client(KEY)
    first = client.v1.webhook_endpoints.list().data
    own_server.stop()
    own_server.start()
    again = client.v1.webhook_endpoints.list().data
    assert [one.url for one in first] == [webhook_receiver.url]
    assert [one.id for one in first] == [one.id for one in again]


def test_a_moved_configured_endpoint_replaces_the_former_one(
    tmp_path: Path, webhook_receiver: Receiver
) -> None:
    def urls(url: str) -> list[str]:
        options = ("--webhook-secret", SECRET, "--account-key", KEY)
        process = SandboxProcess(tmp_path / "data", "--webhook-url", url, *options)
        try:
            return [one.url for one in process.client(KEY).v1.webhook_endpoints.list().data]
        finally:
            process.stop()

    assert urls("http://127.0.0.1:9/old") == ["http://127.0.0.1:9/old"]
    assert urls(webhook_receiver.url) == [webhook_receiver.url]


def test_signatures_keep_to_the_time_of_the_machine(
    payment_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = payment_server.client()
    secret = str(listen(client, webhook_receiver, ["checkout.session.completed"]).secret)
    try:
        for days in (-3, 6):
            payment_server.control("/clock", {"advance": days * 24 * 3600})
            pay(client)
    finally:
        payment_server.control("/clock", {"reset": True})
    eventually(lambda: len(webhook_receiver.received) == 2)
    created = sorted(event.created for event in webhook_receiver.events(secret))
    assert created[1] - created[0] >= 6 * 24 * 3600
    for received in webhook_receiver.received:
        assert abs(int(received.signature.split(",")[0][2:]) - time.time()) < 60


def test_a_lost_webhook_is_found_among_the_undelivered_events(
    payment_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = payment_server.client()
    endpoint = listen(client, webhook_receiver, ["checkout.session.completed"])
    payment_server.control("/webhooks", {"mode": "lose", "type": "checkout.session.completed"})
    lost, told = pay(client), pay(client)
    secret = str(endpoint.secret)
    eventually(lambda: len(webhook_receiver.received) == 1)
    assert webhook_receiver.events(secret)[0].data.object["id"] == told.id
    undelivered = client.v1.events.list({"delivery_success": False}).data
    assert [event.data.object["id"] for event in undelivered] == [lost.id]
    sent = payment_server.control("/webhooks/send", {"event": undelivered[0].id})
    assert sent == {"sent": 1}
    eventually(lambda: len(webhook_receiver.received) == 2)
    eventually(lambda: client.v1.events.list({"delivery_success": False}).data == [])


def test_a_webhook_can_be_repeated(
    payment_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = payment_server.client()
    listen(client, webhook_receiver, ["checkout.session.completed"])
    payment_server.control("/webhooks", {"mode": "repeat", "times": 3})
    pay(client)
    eventually(lambda: len(webhook_receiver.received) == 3)
    assert len({json.loads(one.body)["id"] for one in webhook_receiver.received}) == 1
    pay(client)
    eventually(lambda: len(webhook_receiver.received) == 4)


def test_a_delayed_webhook_arrives_after_a_later_one(
    payment_server: SandboxProcess, webhook_receiver: Receiver
) -> None:
    client = payment_server.client()
    listen(client, webhook_receiver, ["payment_intent.created", "checkout.session.completed"])
    payment_server.control(
        "/webhooks", {"mode": "delay", "seconds": 0.6, "type": "payment_intent.created"}
    )
    pay(client)
    eventually(lambda: len(webhook_receiver.received) == 2)
    assert [json.loads(one.body)["type"] for one in webhook_receiver.received] == [
        "checkout.session.completed",
        "payment_intent.created",
    ]
