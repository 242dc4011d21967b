"""Controls: the clock, faults, and what belongs to the process."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import stripe

from payments.sandbox import housekeeping
from payments.sandbox.clock import Clock
from payments.sandbox.config import ConfigError, SandboxConfig
from payments.sandbox.resources import sessions
from payments.sandbox.store import Record, Store
from tests.support.sandbox import (
    SandboxProcess,
    event_types,
    free_port,
    open_session,
    web,
)


def test_sessions_expire_when_the_clock_passes_their_end(payment_server: SandboxProcess) -> None:
    client = payment_server.client()
    session = open_session(client, expires_at=int(time.time()) + 31 * 60)
    longer = open_session(client)
    try:
        moved = payment_server.control("/clock", {"advance": 32 * 60})
        assert moved["offset"] == 32 * 60
        expired = client.v1.checkout.sessions.retrieve(session.id)
        assert (expired.status, expired.url) == ("expired", None)
        assert client.v1.checkout.sessions.retrieve(longer.id).status == "open"
        assert event_types(client) == ["checkout.session.expired"]
        event = client.v1.events.list().data[0]
        assert abs(event.created - moved["now"]) <= 2
        assert web.get(str(session.url)).status_code == 410
    finally:
        payment_server.control("/clock", {"reset": True})


def test_a_page_of_another_name_controls_nothing(payment_server: SandboxProcess) -> None:
    """Its name may have been made to mean this machine: then its browser calls it our origin."""
    address = f"{payment_server.url}/sandbox/control"
    port = payment_server.port
    before = web.get(address).json()["faults"]
    for origin in (f"http://evil.example:{port}", "null", f"http://127.0.0.1:{port + 1}", ""):
        said = {"origin": origin, "host": f"evil.example:{port}"}
        fault = {"mode": "down", "count": 100}
        assert web.post(f"{address}/faults", json=fault, headers=said).status_code == 403
        assert web.delete(f"{address}/faults", headers=said).status_code == 403
    assert web.get(address).json()["faults"] == before
    own = web.post(f"{address}/balance", json={"delay": 0}, headers={"origin": payment_server.url})
    assert own.status_code == 200


def test_the_clock_can_be_set_and_reset(payment_server: SandboxProcess) -> None:
    try:
        moved = payment_server.control("/clock", {"now": 1_900_000_000})
        assert abs(moved["now"] - 1_900_000_000) <= 1
    finally:
        reset = payment_server.control("/clock", {"reset": True})
    assert reset["offset"] == 0


def test_requests_can_be_made_to_fail_and_then_work_again(
    payment_server: SandboxProcess,
) -> None:
    client = payment_server.client()
    payment_server.control(
        "/faults", {"mode": "down", "count": 2, "method": "POST", "path": "/v1/checkout"}
    )
    client.v1.checkout.sessions.list()
    for _ in range(2):
        with pytest.raises(stripe.APIError) as down:
            open_session(client)
        assert down.value.http_status == 503
        assert down.value.request_id is not None
    assert open_session(client).status == "open"


def test_the_sdk_survives_an_outage_by_retrying(payment_server: SandboxProcess) -> None:
    client = payment_server.client(retries=2)
    payment_server.control("/faults", {"mode": "down", "path": "/v1/checkout"})
    assert open_session(client).status == "open"


def test_too_many_requests_are_told_as_such(payment_server: SandboxProcess) -> None:
    client = payment_server.client()
    payment_server.control("/faults", {"mode": "busy", "path": "/v1/charges"})
    with pytest.raises(stripe.RateLimitError) as busy:
        client.v1.charges.list()
    assert (busy.value.http_status, "rate_limit" in str(busy.value.http_body)) == (429, True)
    assert client.v1.charges.list().data == []


def test_a_slow_request_takes_its_time(payment_server: SandboxProcess) -> None:
    client = payment_server.client()
    payment_server.control("/faults", {"mode": "slow", "seconds": 0.4, "path": "/v1/charges"})
    began = time.monotonic()
    client.v1.charges.list()
    assert time.monotonic() - began >= 0.4


def test_work_can_be_done_although_the_answer_is_an_error(
    payment_server: SandboxProcess,
) -> None:
    client = payment_server.client()
    payment_server.control("/faults", {"mode": "error_after_work", "path": "/v1/checkout"})
    with pytest.raises(stripe.APIError) as failed:
        open_session(client)
    assert failed.value.http_status == 500
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_faults_can_be_ended(payment_server: SandboxProcess) -> None:
    payment_server.control("/faults", {"mode": "down", "count": 50})
    state = payment_server.control("/faults", method="DELETE")
    assert state["faults"] == []
    assert payment_server.client().v1.charges.list().data == []


def test_a_balance_transaction_can_be_made_to_wait(payment_server: SandboxProcess) -> None:
    client = payment_server.client()

    def charge() -> Any:
        return client.v1.charges.list({"expand": ["data.balance_transaction"]}).data[0]

    payment_server.control("/balance", {"delay": 60})
    try:
        client.v1.payment_intents.create(
            {"amount": 700, "currency": "egp", "confirm": True, "payment_method": "pm_card_visa"}
        )
        assert charge().balance_transaction is None
        payment_server.control("/clock", {"advance": 61})
        assert charge().balance_transaction.net == 586
    finally:
        payment_server.control("/balance", {"delay": 0})
        payment_server.control("/clock", {"reset": True})
    assert event_types(client)[-1] == "charge.updated"


def test_what_is_due_happens_without_anybody_asking(payment_server: SandboxProcess) -> None:
    client = payment_server.client()
    payment_server.control("/balance", {"delay": 1})
    try:
        client.v1.payment_intents.create(
            {"amount": 700, "currency": "egp", "confirm": True, "payment_method": "pm_card_visa"}
        )
        time.sleep(2.5)
    finally:
        payment_server.control("/balance", {"delay": 0})
    event = client.v1.events.list({"type": "charge.updated"}).data[0]
    assert event.request is not None
    assert event.request.id is None


def test_what_happens_by_itself_names_no_request(tmp_path: Path) -> None:
    store = Store(tmp_path, Clock())
    with store.transaction("acct_asking", request_id="req_1", idempotency_key="k") as tx:
        session = Record("cs_1", "acct_other", sessions.KIND, tx.now, {"payment_intent": None})
        session.due_at = tx.now
        tx.insert(session)
        housekeeping.run_due(tx)
    with store.connected() as tx:
        event = tx.select("kind = 'event'")[0]
    store.close()
    assert (event.account, event.tag) == ("acct_other", "checkout.session.expired")
    assert event.body["request"] == {"id": None, "idempotency_key": None}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clock", {}),
        ("/clock", {"advance": "soon"}),
        ("/clock", {"advance": 10**30}),
        ("/clock", {"advance": 1, "reset": True}),
        ("/faults", {"mode": "sideways"}),
        ("/faults", {"mode": "down", "count": 0}),
        ("/faults", {"mode": "slow", "seconds": -1}),
        ("/faults", {"mode": "down", "cuont": 1}),
        ("/webhooks", {"mode": "lose", "type": "\ud800"}),
        ("/webhooks", {}),
        ("/balance", {}),
        ("/webhooks/send", {"event": 5}),
        ("/clock", [1]),
        ("/clock", None),
    ],
)
def test_a_control_call_that_makes_no_sense_is_refused(
    payment_server: SandboxProcess, path: str, body: Any
) -> None:
    answer = web.post(
        f"{payment_server.url}/sandbox/control{path}",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_foreign_page_cannot_use_the_controls(payment_server: SandboxProcess) -> None:
    # What a browser sends across origins without asking first.
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = web.post(
            f"{payment_server.url}/sandbox/control/faults",
            content='{"mode": "down"}',
            headers={"Content-Type": content_type},
        )
        assert answer.status_code == 400
    assert payment_server.control("", method="GET")["faults"] == []


def run_second(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "payments.sandbox", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_second_sandbox_on_the_same_data_does_not_start(
    payment_server: SandboxProcess,
) -> None:
    second = run_second("--data", str(payment_server.data), "--port", str(free_port()))
    assert second.returncode == 1
    assert "another sandbox is using" in second.stderr


def test_a_second_sandbox_on_the_same_port_does_not_start(
    payment_server: SandboxProcess, tmp_path: Path
) -> None:
    second = run_second("--data", str(tmp_path), "--port", str(payment_server.port))
    assert second.returncode == 1
    assert "in use" in second.stderr


@pytest.mark.parametrize(
    "options",
    [
        {"port": 0},
        {"public_url": "portal"},
        {"webhook_url": "http://127.0.0.1:8000/webhooks/payments"},
        {"webhook_url": "x", "webhook_secret": "s", "account_key": "sk_test_a"},
        {"webhook_url": "http://h/", "webhook_secret": "s", "account_key": "sk_live_a"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(tmp_path: Path, options: Any) -> None:
    with pytest.raises(ConfigError):
        SandboxConfig(tmp_path, **options)


def test_the_public_address_stands_in_links(tmp_path: Path) -> None:
    process = SandboxProcess(tmp_path, "--public-url", "https://pay.example/")
    try:
        url = str(open_session(process.client()).url)
    finally:
        process.stop()
    assert url.startswith("https://pay.example/c/pay/cs_test_")


def test_the_sandbox_is_one_small_process(payment_server: SandboxProcess) -> None:
    status = Path(f"/proc/{payment_server.pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    children = Path(f"/proc/{payment_server.pid}/task/{payment_server.pid}/children")
    assert children.read_text() == ""
    assert int(resident.split()[1]) < 80 * 1024
