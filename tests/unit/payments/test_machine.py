"""Any order of payments, news, retries, power cuts and lies keeps the ledger true.

A state machine (Hypothesis) does what payers, banks, staff, the network and the power company can
do, against the portal's own settling over a real database and a provider in memory. After every
step everything that can be proved is proved; when at last all news has come, every sum at the
provider stands in the ledger.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, func, select

from payments import attempts, ledger, obligations, refunds
from payments.attempts import Try
from payments.model import (
    Attempt,
    Dispute,
    Entry,
    EntryLine,
    Obligation,
    PaymentCase,
    Refund,
    SeenEvent,
)
from payments.money import Money
from payments.obligations import Owed, OwedLine
from payments.proof import prove
from payments.provider import Checkout, CheckoutLine, ProviderError, Rejected
from payments.refunds import NotRefundable, Part, RefundReason
from payments.settlement import Settlement
from portal import loops
from portal.clock import SettableClock, public_id
from portal.db import Database
from portal.migrations.running import upgrade
from portal.problems import Conflict
from portal.requests import paying, payment_news, refunding
from portal.requests.paying import Cashier, Door
from portal.requests.payment_news import PaymentNews
from portal.requests.refunding import Refunder
from tests.support.databases import BOTH, ONE, Databases
from tests.support.model_provider import ModelProvider

START = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
MOST_REFERENCES = 3
EXAMPLES = 24
PHASES = (Phase.generate, Phase.shrink)

which = st.integers(0, 40)
pounds = st.integers(10, 60).map(lambda whole: whole * 100)


class Listening:
    """In place of the log: what nobody expected is no line in a file here, it fails the test."""

    def info(self, *_: object, **__: object) -> None: ...

    def warning(self, *_: object, exc_info: BaseException | None = None, **__: object) -> None:
        if exc_info is not None:
            raise AssertionError("not expected") from exc_info

    error = warning


class PowerCut(BaseException):
    """The process ends here; nothing catches this."""


class Till(Cashier):
    """The portal's cashier without the rest of the portal: a covered stage is only written down."""

    def __init__(self, database: Database, provider: ModelProvider, clock: SettableClock) -> None:
        none = cast("Any", None)
        super().__init__(
            database, none, provider, none, none, clock, "https://portal.test", live=False
        )
        self.covered: Counter[str] = Counter()

    def _lines(self, owed: Owed, attempt: Try, *_: object) -> tuple[CheckoutLine, ...]:
        return (CheckoutLine(owed.reference, attempt.amount),)

    def stage_covered(self, db: Any, settlement: Settlement, now: datetime) -> None:
        self.covered[settlement.obligation] += 1


class Payments(RuleBasedStateMachine):
    """What can happen. ``fresh`` gives an empty database."""

    fresh: Callable[[], Database]

    def __init__(self) -> None:
        super().__init__()
        self.database = type(self).fresh()
        self.clock = SettableClock(START)
        self.provider = ModelProvider(self.clock)
        self.till = Till(self.database, self.provider, self.clock)
        self.refunder = Refunder(self.database, cast("Any", None), self.provider, self.clock)
        self.news = PaymentNews(self.database, self.provider, self.till, self.refunder, self.clock)
        self.shown: set[str] = set()
        """What a payer was led to, and can pay."""
        self.heard: list[Checkout] = []
        """Answers of the provider that are still under way."""
        self.references = 0
        self._cut_after: int | None = None
        self._statements_left: int | None = None
        self._changed = False
        event.listen(self.database.engine, "before_cursor_execute", self._maybe_cut)
        event.listen(self.database.engine, "commit", self._note_change)

    def _note_change(self, *_: object) -> None:
        self._changed = True

    def _maybe_cut(self, *_: object) -> None:
        if self._statements_left is None:
            return
        self._statements_left -= 1
        if self._statements_left < 0:
            self._statements_left = None
            raise PowerCut

    @contextmanager
    def _life(self) -> Iterator[None]:
        """Where processes may end and providers may fail; nobody may fail in another way."""
        self._statements_left, self._cut_after = self._cut_after, None
        with suppress(PowerCut, ProviderError, Conflict):
            yield
        self._statements_left = None

    def _rows(self, statement: Any) -> list[Any]:
        with self.database.read() as db:
            return list(db.execute(statement))

    def _pick(self, found: list[Any], index: int) -> Any:
        return found[index % len(found)]

    def _request(self, index: int) -> Any:
        number = f"26-1503-{index % self.references:05d}-1"
        return SimpleNamespace(number=number, waits_until=None)

    # what the portal's people do

    @initialize(
        all_sums=st.lists(
            st.lists(pounds, min_size=1, max_size=3), min_size=2, max_size=MOST_REFERENCES
        ),
        deposit=st.booleans(),
    )
    def file(self, all_sums: list[list[int]], deposit: bool) -> None:
        """Two or three requests; money is on its way for some of them already."""
        for number, sums in enumerate(all_sums):
            self._owe(f"26-1503-{number:05d}-1", "submission", sums, deposit)
        self.references = len(all_sums)
        for number, sums in enumerate(all_sums[1:]):
            self.somebody_pays(number, None, cash=len(sums) == 3)

    @rule(index=which, sums=st.lists(pounds, min_size=1, max_size=2))
    def assess(self, index: int, sums: list[int]) -> None:
        """The center names fees once those of the filing are paid."""
        number = self._request(index).number
        with self.database.read() as db:
            stages = obligations.of_reference(db, number)
        if [each.state for each in stages] == ["paid"]:
            self._owe(number, "assessment", sums, deposit=True)

    def _owe(self, number: str, stage: str, sums: list[int], deposit: bool) -> None:
        lines = [
            OwedLine(f"item{n}", "local_unit", "رسم", "Fee", Money(minor), deposit and n == 0)
            for n, minor in enumerate(sums)
        ]
        with self._life(), self.database.begin() as db:
            obligations.create(db, public_id(), number, stage, lines, self.clock.now())

    @rule(index=which, part=st.none() | pounds, door=st.sampled_from(["owner", "link"]))
    def go_to_pay(self, index: int, part: int | None, door: str) -> None:
        with self._life():
            amount = None if part is None else Money(part)
            address = self.till.start(self._request(index), Door(door, "/pay"), "ar", amount)
            self.shown.add(address.rsplit("/", 1)[1])

    @rule(index=which)
    def ask_for_a_cash_reference(self, index: int) -> None:
        with self._life():
            attempt = self.till.kiosk(self._request(index), Door("owner", "/pay"))
            self.shown.add(str(attempt.payment))

    @rule(index=which)
    def close_the_request(self, index: int) -> None:
        """Harsher than the portal, which closes what is open at the provider first."""
        with self._life(), self.database.begin() as db:
            owed = obligations.due(db, self._request(index).number)
            if owed is not None:
                obligations.cancel(db, owed.id, self.clock.now())

    # what payers do

    @rule(index=which, part=st.none() | pounds, cash=st.booleans())
    def somebody_pays(self, index: int, part: int | None, cash: bool) -> None:
        """The whole way, as most do; what comes of it is told later."""
        if cash:
            self.ask_for_a_cash_reference(index)
        else:
            self.go_to_pay(index, part, "owner")
        if self._payable():
            self.provider.pay(self._payable()[-1], {})

    @precondition(lambda self: self._payable())
    @rule(index=which)
    def pay(self, index: int) -> None:
        self.provider.pay(self._pick(self._payable(), index), {})

    @precondition(lambda self: self._payable())
    @rule(
        index=which,
        changes=st.sampled_from(
            [
                {"amount": Money(1234)},
                {"amount": Money(999_999)},
                {"amount": Money(5000, "USD")},
                {"obligation": "another"},
                {"attempt": ""},
                {"reference": "26-1503-00001-1"},
                {"live": True},
            ]
        ),
    )
    def pay_what_does_not_fit(self, index: int, changes: dict[str, Any]) -> None:
        self.provider.pay(self._pick(self._payable(), index), changes)

    def _payable(self) -> list[str]:
        return sorted(self.shown.intersection(self.provider.open_tries()))

    @precondition(lambda self: self._over())
    @rule(index=which)
    def pay_late_in_cash(self, index: int) -> None:
        self.provider.pay(self._pick(self._over(), index), {})

    def _over(self) -> list[str]:
        """Cash references that are over and not paid."""
        return sorted(
            key
            for key in self.shown
            if not self.provider.tries[key].session
            and not self.provider.tries[key].paid
            and key not in self.provider.open_tries()
        )

    @precondition(lambda self: self._payable())
    @rule(index=which)
    def let_it_end(self, index: int) -> None:
        self.provider.end(self._pick(self._payable(), index))

    # what the provider and the banks do

    @precondition(lambda self: self.provider.payments)
    @rule(index=which)
    def the_fee_is_told(self, index: int) -> None:
        self.provider.tell_fee(self._pick(list(self.provider.payments), index))

    @precondition(lambda self: self.provider.payments)
    @rule(index=which, share=st.sampled_from([1, 2, 3]))
    def somebody_refunds_at_the_provider(self, index: int, share: int) -> None:
        paid = self._pick(list(self.provider.payments.values()), index)
        with suppress(Rejected):
            self.provider.refund_at_the_desk(paid.id, paid.amount.minor // share)

    @precondition(lambda self: any(p.refunds for p in self.provider.payments.values()))
    @rule(index=which, well=st.booleans())
    def a_refund_ends(self, index: int, well: bool) -> None:
        made = [(p.id, n) for p in self.provider.payments.values() for n in range(len(p.refunds))]
        payment, number = self._pick(made, index)
        self.provider.end_refund(payment, number, well=well)

    @precondition(lambda self: self.provider.payments)
    @rule(index=which, inquiry=st.booleans())
    def a_payer_complains(self, index: int, inquiry: bool) -> None:
        self.provider.dispute(self._pick(list(self.provider.payments), index), inquiry=inquiry)

    @precondition(lambda self: self.provider.disputes)
    @rule(index=which, what=st.sampled_from(["withdraw", "won", "lost"]))
    def a_complaint_goes_on(self, index: int, what: str) -> None:
        key = self._pick(list(self.provider.disputes), index)
        if what == "withdraw":
            self.provider.withdraw(key)
        else:
            self.provider.judge(key, won=what == "won")

    # what staff does

    @precondition(lambda self: self.provider.payments)
    @rule(index=which, line=st.none() | st.integers(0, 2), minor=pounds, whole=st.booleans())
    def ask_for_a_refund(self, index: int, line: int | None, minor: int, whole: bool) -> None:
        with_money = self._rows(
            select(Attempt.id).where(Attempt.state.in_(("paid", "surplus", "mismatched")))
        )
        if not with_money:
            return
        identity = self._pick(with_money, index)[0]
        with self._life(), suppress(NotRefundable), self.database.begin() as db:
            attempt = attempts.find(db, identity)
            assert attempt is not None
            can = refunds.refundable(db, attempt)
            most = can.set_aside if line is None else attempt.amount
            part = Part(line, most if whole else Money(minor, most.currency))
            reason = RefundReason.SURPLUS if line is None else RefundReason.DEPOSIT
            refunds.ask(db, public_id(), identity, [part], reason, "", "one", self.clock.now())

    @rule(index=which, approved=st.booleans(), by=st.sampled_from(["one", "two", "two"]))
    def decide_on_a_refund(self, index: int, approved: bool, by: str) -> None:
        asked = self._rows(select(Refund.id).where(Refund.state == "requested"))
        if not asked:
            return
        identity = self._pick(asked, index)[0]
        # one whose money a bank has taken meanwhile is not approved
        with self._life(), suppress(NotRefundable), self.database.begin() as db:
            done = refunds.decide(
                db, identity, approved=approved, note="", by=by, at=self.clock.now()
            )
            assert done == (by == "two")

    @rule()
    def make_refunds(self) -> None:
        with self._life():
            self.refunder.make_approved()

    # what the network, the worker and the power company do

    @precondition(lambda self: self.provider.events)
    @rule(index=which, times=st.sampled_from([1, 1, 2]))
    def an_event_comes(self, index: int, times: int) -> None:
        told = self._pick(self.provider.events, index)
        for _ in range(times):
            with self._life():
                self._take(told)

    def _take(self, told: Any) -> None:
        waiting = self.news.keep(told)
        self.provider.arrived.add(told.id)
        if waiting is not None:
            self.news.work_off(waiting)

    @rule()
    def the_worker_works(self) -> None:
        with self._life():
            self.news.work_off_events()
            self.news.sweep()

    @rule()
    def lost_events_are_fetched(self) -> None:
        with self._life():
            self.news.catch_up()

    @precondition(lambda self: self.shown)
    @rule(index=which)
    def an_answer_is_long_under_way(self, index: int) -> None:
        self.heard.append(self.provider.now(self._pick(sorted(self.shown), index)))

    @precondition(lambda self: self.heard)
    @rule(index=which)
    def an_old_answer_arrives(self, index: int) -> None:
        with self._life():
            self.till.settle(self._pick(self.heard, index))

    @rule(ways=st.lists(st.sampled_from(["", "before", "after"]), min_size=1, max_size=3))
    def the_line_is_bad(self, ways: list[str]) -> None:
        self.provider.trouble.extend(ways)

    @rule(statements=st.integers(0, 14))
    def the_power_will_be_cut(self, statements: int) -> None:
        self._cut_after = statements

    @rule(hours=st.sampled_from([0.2, 1, 22.9, 24, 100]))
    def time_goes_by(self, hours: float) -> None:
        self.clock.at += timedelta(hours=hours)

    # what always holds

    @invariant()
    def everything_is_proved(self) -> None:
        if not self._changed:
            return
        self._changed = False
        with self.database.read() as db:
            broken = {name: found for name, found in prove(db).items() if found}
        assert not broken
        for row in self._rows(select(Obligation.__table__)):
            assert 0 <= row.credited <= row.amount
            assert (row.state == "paid") == (row.credited == row.amount)
            assert row.state != "paid" or self.till.covered[row.id] >= 1
        for row in self._rows(select(Attempt.__table__)):
            assert 0 <= row.refunded <= row.amount
        self._nothing_is_booked_that_did_not_happen()

    def _nothing_is_booked_that_did_not_happen(self) -> None:
        booked = self._rows(
            select(
                Entry.object_id,
                Entry.effect,
                Entry.currency,
                func.sum(EntryLine.amount).label("total"),
            )
            .join(EntryLine, EntryLine.entry_id == Entry.id)
            .where(
                Entry.provider == ledger.PROVIDER,
                EntryLine.account.in_((ledger.CLEARING, ledger.KIOSK_CLEARING)),
            )
            .group_by(Entry.id, Entry.object_id, Entry.effect, Entry.currency)
        )
        real = {
            (_object_of(each.kind, each.about), _EFFECTS[each.kind]): (
                each.amount.minor - each.fee.minor,
                each.amount.currency,
            )
            for each in self.provider.book
        }
        for row in booked:
            effect = "payment" if row.effect in {"surplus", "suspense"} else row.effect
            assert real[row.object_id, effect] == (int(row.total), row.currency), row

    def teardown(self) -> None:
        """All news comes at last, some of it twice, the newest first: nothing is missing."""
        try:
            self.provider.trouble.clear()
            self._end_everything()
            self.everything_is_proved()
            self._every_sum_is_in_the_ledger()
        finally:
            event.remove(self.database.engine, "before_cursor_execute", self._maybe_cut)
            event.remove(self.database.engine, "commit", self._note_change)
            self.database.close()

    def _end_everything(self) -> None:
        for payment in list(self.provider.payments):
            self.provider.tell_fee(payment)
        self.clock.at += timedelta(minutes=16)
        self.refunder.make_approved()
        for paid in self.provider.payments.values():
            for number in range(len(paid.refunds)):
                self.provider.end_refund(paid.id, number, well=True)
        for told in [*reversed(self.provider.events), *self.provider.events]:
            with suppress(Conflict):
                self._take(told)
        self.clock.at += timedelta(minutes=16)
        self.news.work_off_events()
        for _ in range(3):
            self.clock.at += timedelta(minutes=16)
            self.news.sweep()
        assert not self._rows(select(SeenEvent.event_id).where(SeenEvent.state == "received"))

    def _every_sum_is_in_the_ledger(self) -> None:
        accounts: Counter[tuple[str, str]] = Counter()
        for account, currency, total in self._rows(
            select(EntryLine.account, Entry.currency, func.sum(EntryLine.amount))
            .join(Entry, Entry.id == EntryLine.entry_id)
            .group_by(EntryLine.account, Entry.currency)
        ):
            accounts[account, currency] = int(total)
        for currency in ("EGP", "USD"):
            held = accounts[ledger.CLEARING, currency] + accounts[ledger.KIOSK_CLEARING, currency]
            assert held == self.provider.balance(currency)
            fees = sum(m.fee.minor for m in self.provider.book if m.fee.currency == currency)
            assert accounts[ledger.PROVIDER_FEES, currency] == fees
            taken = sum(
                each.taken.minor - each.given_back.minor
                for each in self.provider.disputes.values()
                if each.amount.currency == currency
            )
            assert accounts[ledger.DISPUTE_HOLD, currency] == taken
            assert accounts[ledger.REFUNDS_PAYABLE, currency] == 0
        states = {row.id: row.state for row in self._rows(select(Dispute.id, Dispute.state))}
        assert states == {key: str(told.status) for key, told in self.provider.disputes.items()}
        self._what_was_not_owed_has_a_case()

    def _what_was_not_owed_has_a_case(self) -> None:
        kept = self._rows(
            select(Attempt.payment).where(Attempt.set_aside > 0, Attempt.state != "paid")
        )
        cases = {row[0] for row in self._rows(select(PaymentCase.object_id))}
        assert {row[0] for row in kept} <= cases


_EFFECTS = {
    "charge": "payment",
    "fee": "fee",
    "refund": "refund",
    "refund_failure": "refund_failed",
    "dispute": "dispute",
    "dispute_reversal": "dispute_won",
}


def _object_of(kind: str, about: str) -> str:
    return f"txn_{about}" if kind == "fee" else about


@pytest.fixture(autouse=True)
def _nothing_goes_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (loops, paying, payment_news, refunding):
        monkeypatch.setattr(module, "log", Listening())


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        derandomize=True,
        phases=PHASES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def _machine(fresh: Callable[[], Database]) -> type[Payments]:
    return type("Machine", (Payments,), {"fresh": staticmethod(fresh)})


@pytest.mark.parametrize("kind", BOTH)
def test_the_money_is_right_whatever_happens(
    databases: Databases, tmp_path: Path, kind: str
) -> None:
    template, used = databases.empty(tmp_path, kind), list[str]()
    made = Database(template, durable=False)
    upgrade(made)
    made.close()

    def fresh() -> Database:
        while used:
            databases.forget(used.pop())
        used.append(databases.copy(template, tmp_path))
        return Database(used[0], durable=False, pool_size=2)

    examples = EXAMPLES if kind == ONE else EXAMPLES // 8
    run_state_machine_as_test(_machine(fresh), settings=_settings(examples))
