"""Whatever shops, payers, kiosks and the clock do in whatever order: the sums stay right."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import stripe

from tests.support.sandbox import SandboxProcess, web

STEPS = 120

CARDS = (
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_threeDSecure2Required",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
)
EMAILS = ("succeed_immediately@example.com", "expire_immediately@example.com", "a@example.com")
IBANS = ("DE89370400440532013000", "DE62370400440532013001", "DE08370400440532013003")


class Walk:
    """Random acts on the intents of one account; a refusal of the API is an answer too."""

    def __init__(self, seed: int, server: SandboxProcess) -> None:
        self.chance = random.Random(seed)
        self.server = server
        self.api = server.client()
        self.intents: list[str] = []
        self.references: list[str] = []
        self.acts: tuple[Callable[[], Any], ...] = (
            self.create, self.create, self.confirm, self.capture, self.cancel,
            self.change, self.answer, self.pay_in_cash, self.wait,
        )  # fmt: skip

    def go(self) -> None:
        for _ in range(STEPS):
            act = self.chance.choice(self.acts) if self.intents else self.create
            with suppress(stripe.CardError, stripe.InvalidRequestError):
                act()

    def method(self) -> Any:
        kind = self.chance.choice(("card", "kiosk", "wallet", "oxxo", "sepa_debit"))
        if kind == "card":
            return {"payment_method": self.chance.choice(CARDS)}
        data: Any = {"type": kind}
        if kind == "wallet":
            data["wallet"] = {"phone": f"0100000000{self.chance.randint(1, 5)}"}
        elif kind == "sepa_debit":
            data["sepa_debit"] = {"iban": self.chance.choice(IBANS)}
        else:
            data["billing_details"] = {"email": self.chance.choice(EMAILS)}
        return {"payment_method_data": data}

    def create(self) -> None:
        params: Any = {"amount": 5000, "currency": "egp", **self.method()}
        params["capture_method"] = self.chance.choice(("automatic", "automatic", "manual"))
        try:
            intent: Any = self.api.v1.payment_intents.create(params)
        except stripe.InvalidRequestError:  # what cannot be reserved
            return
        self.intents.append(intent.id)
        if self.chance.random() < 0.8:
            self.api.v1.payment_intents.confirm(intent.id)

    def one(self) -> Any:
        intent: Any = self.api.v1.payment_intents.retrieve(self.chance.choice(self.intents))
        if intent.next_action and intent.next_action.type == "kiosk_display_details":
            self.references.append(intent.next_action.kiosk_display_details.reference)
        return intent

    def confirm(self) -> None:
        self.api.v1.payment_intents.confirm(self.one().id, self.method())

    def capture(self) -> None:
        part = {"amount_to_capture": self.chance.choice((100, 5000, 6000))}
        self.api.v1.payment_intents.capture(self.one().id, part)  # type: ignore[arg-type]

    def cancel(self) -> None:
        self.api.v1.payment_intents.cancel(self.one().id)

    def change(self) -> None:
        self.api.v1.payment_intents.update(
            self.one().id, {"amount": self.chance.randint(100, 9000)}
        )

    def answer(self) -> None:
        asked = self.one().next_action
        if asked and asked.type == "redirect_to_url":
            decision = self.chance.choice(("approve", "approve", "deny"))
            web.post(asked.redirect_to_url.url, data={"decision": decision})

    def pay_in_cash(self) -> None:
        self.one()
        if self.references:
            body = {
                "reference": self.chance.choice(self.references),
                "late": self.chance.random() < 0.5,
            }
            url = f"{self.server.url}/sandbox/control/kiosk"
            assert web.post(url, json=body).status_code in {200, 400}

    def wait(self) -> None:
        seconds = self.chance.choice((200, 100_000, 700_000))
        self.server.control("/clock", {"advance": seconds})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sums_are_right_after_any_walk(payment_server: SandboxProcess, seed: int) -> None:
    walk = Walk(seed, payment_server)
    try:
        walk.go()
        charged = 0
        for intent_id in walk.intents:
            charged += check(walk.api, intent_id)
    finally:
        payment_server.control("/clock", {"reset": True})
    booked = walk.api.v1.balance_transactions.list({"type": "charge", "limit": 100})
    assert sum(one.amount for one in booked.auto_paging_iter()) == charged
    succeeded = walk.api.v1.events.list({"type": "payment_intent.succeeded", "limit": 100}).data
    assert len({event.data.object["id"] for event in succeeded}) == len(succeeded)


def check(api: stripe.StripeClient, intent_id: str) -> int:
    """What was taken for one intent, if all that is said about it agrees."""
    intent = api.v1.payment_intents.retrieve(intent_id)
    charges = api.v1.charges.list({"payment_intent": intent_id, "limit": 100}).data
    paid = [charge for charge in charges if charge.status == "succeeded" and charge.captured]
    taken = sum(charge.amount_captured for charge in paid)
    assert len(paid) == (intent.status == "succeeded")
    assert taken == intent.amount_received
    assert (intent.status == "requires_action") == (intent.next_action is not None)
    assert (intent.status == "requires_capture") == (intent.amount_capturable > 0)
    assert intent.last_payment_error is None or intent.status != "succeeded"
    for charge in charges:
        assert (charge.balance_transaction is not None) == (charge in paid)
    return taken
