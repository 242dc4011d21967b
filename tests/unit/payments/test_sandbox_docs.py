"""docs/sandbox.md against the sandbox: every endpoint, number, control and fault, and no other."""

import re

from payments.sandbox import deliveries, faults, forging
from payments.sandbox.__main__ import read_config
from payments.sandbox.app import CONTROL, OPERATIONS
from payments.sandbox.cards import CARDS, Card
from payments.sandbox.clock import Clock
from payments.sandbox.config import RETRY_SECONDS
from payments.sandbox.control import Control
from payments.sandbox.faults import Faults
from payments.sandbox.method_options import LIFETIMES
from payments.sandbox.methods import TYPES
from payments.sandbox.objects import API_VERSION
from payments.sandbox.payers import ACCOUNTS, EMAILS, LONG_SECONDS, WALLETS
from payments.sandbox.vouchers import LONGEST, SHORTEST
from tests.unit.test_docs import column, table, text_of

PAGE = "docs/sandbox.md"

LATER = {
    "dispute": "disputed as fraudulent",
    "dispute_not_received": "disputed as not received",
    "inquiry": "the bank inquires",
    "available": "available at once",
    "refund_pending": "a refund is pending first",
    "refund_fails": "a refund fails",
}


def test_every_endpoint_is_told_with_its_methods() -> None:
    served: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        served.setdefault(operation.path.replace(":str", ""), set()).add(operation.method)
    told = {row[0]: set(row[1].split(", ")) for row in table(PAGE, "## What is covered")}
    assert told == served


def does(card: Card) -> str:
    if card.mistyped:
        return "refused at entry: incorrect_number"
    told = "succeeds"
    if card.decline:
        told = ", ".join(filter(None, (card.decline.code, card.decline.decline_code)))
    if card.later:
        told += f"; {LATER[card.later]}"
    if card.attaches:
        told = f"attaches, then {told}"
    return f"3-D Secure, then {told}" if card.authenticate else told


def test_every_card_is_told_with_its_tokens_and_its_end() -> None:
    cards = [[card.number, ", ".join(card.tokens) or "none", does(card)] for card in CARDS]
    assert table(PAGE, "### Test cards") == cards


def test_every_other_number_is_told() -> None:
    assert column(PAGE, "### Test wallets") == [wallet.number for wallet in WALLETS]
    assert column(PAGE, "### Test bank accounts") == [account.iban for account in ACCOUNTS]
    assert column(PAGE, "### Test vouchers") == list(EMAILS)
    assert LONG_SECONDS == 3 * 60


def test_every_way_to_pay_is_told() -> None:
    assert sorted(column(PAGE, "## Ways to pay")) == sorted(TYPES)
    kiosk = LIFETIMES["kiosk"]
    said = text_of(PAGE)
    assert f"{SHORTEST} to {LONGEST} digits" in said
    assert f"It lives {kiosk.default} days" in said
    assert f"({kiosk.shortest} to {kiosk.longest})" in said


def test_every_control_and_fault_is_told() -> None:
    control = Control(store=None, clock=Clock(), faults=Faults())  # type: ignore[arg-type]
    calls = {f"{method} {CONTROL}{path}" for method, path in control.calls}
    assert set(column(PAGE, "## Controls")) == calls
    modes = [*faults.MODES, *deliveries.TROUBLES]
    assert column(PAGE, "### Faults") == modes
    assert all(f"`{one}`" in text_of(PAGE) for one in forging.SIGNATURES)


def test_options_version_and_retries_are_told() -> None:
    said = text_of(PAGE)
    assert f"`{API_VERSION}`" in said
    for name in read_config([]).__dataclass_fields__:
        option = f"`--{name.replace('_', '-')}`"
        assert option in said or name == "retry_seconds"
    waits = (1, 5, 30, *[120] * 3, *[300] * 12)
    assert waits == RETRY_SECONDS
    assert re.search("after 1, 5 and 30 seconds, three times after 2 minutes", said)
