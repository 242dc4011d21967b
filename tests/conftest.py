"""Fixtures that every kind of test may use. What starts a process lives for the whole session."""

from collections.abc import Iterator

import pytest
import stripe

from tests.support.sandbox import Receiver, SandboxProcess, receiving


@pytest.fixture(scope="session")
def payment_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One payment sandbox for all tests that do not end it; accounts keep them apart."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield process
    process.stop()


@pytest.fixture
def api(payment_server: SandboxProcess) -> stripe.StripeClient:
    """A client of a new account of the sandbox."""
    return payment_server.client()


@pytest.fixture
def webhook_receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
