"""Whatever happens in whatever order, the sandbox's money adds up."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from payments.sandbox import disputing, housekeeping, paying_out, refunding
from payments.sandbox.cards import BY_NAME
from payments.sandbox.claims import KIND as DISPUTE
from payments.sandbox.clock import Clock, token
from payments.sandbox.errors import ApiError
from payments.sandbox.refund_objects import KIND as REFUND
from payments.sandbox.resources import balance_transactions, charges
from payments.sandbox.store import PAYOUT_OF, Record, Store, Transaction
from tests.support.sandbox import SandboxProcess

ACCOUNT = "acct_1"
CARDS = ["visa", "refund_pending", "refund_fails", "disputed", "inquiry", "available"]
EVIDENCE = ["winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "x"]

pick = st.integers(min_value=0, max_value=99)
sums = st.integers(min_value=100, max_value=50_000)


def charged(tx: Transaction, card: str, amount: int) -> Record:
    """A charge as a payment leaves it, without the payment around it."""
    charge_id = f"ch_{token()}"
    body = {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": None,
        "captured": True,
        "currency": "egp",
        "customer": None,
        "description": None,
        "dispute": None,
        "disputed": False,
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
        "refunded": False,
        "status": "succeeded",
    }
    private = {"card": BY_NAME[card].name}
    charge = Record(charge_id, ACCOUNT, charges.KIND, tx.now, body, private)
    charges.settle(tx, tx.insert(charge))
    return charge


class Money(RuleBasedStateMachine):
    """Payments, refunds, disputes, payouts and days, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.data = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.store = Store(self.data, self.clock)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.data)

    def all_of(self, tx: Transaction, kind: str) -> list[Record]:
        return tx.select("kind = ?", (kind,))

    @rule(card=st.sampled_from(CARDS), amount=sums)
    def pay(self, card: str, amount: int) -> None:
        with self.store.transaction() as tx:
            charged(tx, card, amount)

    @rule(which=pick, amount=st.none() | sums)
    def refund(self, which: int, amount: int | None) -> None:
        with contextlib.suppress(ApiError), self.store.transaction() as tx:
            if found := self.all_of(tx, charges.KIND):
                refunding.refund(tx, found[which % len(found)], amount)

    @rule(which=pick, said=st.sampled_from(EVIDENCE))
    def answer_a_dispute(self, which: int, said: str) -> None:
        with self.store.transaction() as tx:
            open_ones = [
                one
                for one in self.all_of(tx, DISPUTE)
                if one.body["status"] not in disputing.CLOSED
            ]
            if open_ones:
                opened = open_ones[which % len(open_ones)]
                opened.body["evidence"]["uncategorized_text"] = said
                disputing.submit(tx, opened)
                tx.save(opened)

    @rule(seconds=st.sampled_from([5, 3600, 24 * 3600, 3 * 24 * 3600, 10 * 24 * 3600]))
    def wait(self, seconds: int) -> None:
        self.clock.move(self.clock.offset + seconds)
        with self.store.transaction() as tx:
            housekeeping.run_due(tx)

    @rule(amount=sums)
    def send_to_the_bank(self, amount: int) -> None:
        with contextlib.suppress(ApiError), self.store.transaction() as tx:
            paying_out.send(tx, ACCOUNT, amount, "egp", {})

    @rule()
    def pay_out(self) -> None:
        with self.store.transaction() as tx:
            for payout in paying_out.pay_out(tx):
                inside = tx.select(f"{PAYOUT_OF} = ?", (payout.id,))
                assert sum(one.body["net"] for one in inside) == 0
                assert payout.body["amount"] > 0
            assert all(row[2] <= 0 for row in paying_out.balances(tx))

    @invariant()
    def no_charge_gives_back_more_than_it_took(self) -> None:
        with self.store.connected() as tx:
            given = {charge.id: 0 for charge in self.all_of(tx, charges.KIND)}
            for refund in self.all_of(tx, REFUND):
                if refund.body["status"] != "failed":
                    given[str(refund.parent)] += refund.body["amount"]
            for charge in self.all_of(tx, charges.KIND):
                assert charge.body["amount_refunded"] == given[charge.id] <= charge.body["amount"]
                assert charge.body["refunded"] == (given[charge.id] == charge.body["amount"])

    @invariant()
    def every_line_is_its_amount_less_its_fee(self) -> None:
        with self.store.connected() as tx:
            lines = [one.body for one in self.all_of(tx, balance_transactions.KIND)]
            assert all(line["net"] == line["amount"] - line["fee"] for line in lines)
            assert all(
                line["fee"] == sum(part["amount"] for part in line["fee_details"]) for line in lines
            )
            assert sum(line["net"] for line in lines) == sum(
                available + pending for _, _, available, pending in paying_out.balances(tx)
            )

    @invariant()
    def a_dispute_took_what_it_says(self) -> None:
        with self.store.connected() as tx:
            for opened in self.all_of(tx, DISPUTE):
                status = opened.body["status"]
                given_back = status == "won" or status.startswith("warning_")
                taken = 0 if given_back else opened.body["amount"] + disputing.FEE * 100
                lines = tx.select("kind = ? AND parent = ?", (balance_transactions.KIND, opened.id))
                assert sum(line.body["net"] for line in lines) == -taken


TestMoney = Money.TestCase
TestMoney.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_what_waits_survives_a_kill(tmp_path: Path) -> None:
    process = SandboxProcess(tmp_path / "data")
    api = process.client("sk_test_killed")
    slow = api.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "egp",
            "confirm": True,
            "payment_method": "pm_card_pendingRefund",
        }
    )
    refund = api.v1.refunds.create({"payment_intent": slow.id})
    process.kill()
    process.start()
    try:
        assert api.v1.refunds.retrieve(refund.id).status == "pending"
        process.control("/clock", {"advance": 60})
        assert api.v1.refunds.retrieve(refund.id).status == "succeeded"
        (total,) = api.v1.balance.retrieve().pending
        assert total.amount == -balance_transactions.fee_of(5000)
    finally:
        process.stop()
