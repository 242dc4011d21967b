"""The fixtures of the sandbox's tests.

A plugin that each test module names, and no ``conftest``: folders of tests are not
packages, so two files of that name would be one module to the type checker.
"""

from collections.abc import Iterator

import pytest
import stripe
from sandbox_process import Receiver, SandboxProcess, receiving


@pytest.fixture(scope="session")
def payment_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One process for all tests that do not end it; accounts keep them apart."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield process
    process.stop()


@pytest.fixture
def api(payment_server: SandboxProcess) -> stripe.StripeClient:
    """A client of a new account."""
    return payment_server.client()


@pytest.fixture
def webhook_receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
