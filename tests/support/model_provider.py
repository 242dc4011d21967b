"""A payment provider in memory, as bad as a real one can be.

It takes money, gives it back and loses it to banks; it tells of that late, twice, in any order or
never; it answers too late or not at all. Every movement of money stands in ``book``, so that a
ledger can be held against it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from payments.money import Money
from payments.provider import (
    BadSignature,
    Charged,
    Checkout,
    CheckoutOrder,
    CheckoutStatus,
    Disputed,
    DisputeStatus,
    Payout,
    ProviderEvent,
    Refunded,
    RefundOrder,
    RefundStatus,
    Rejected,
    Transaction,
    Unreachable,
    Voucher,
    VoucherOrder,
)
from portal.clock import SettableClock

T = TypeVar("T")

DISPUTE_FEE = 1500


@dataclass
class Movement:
    """Money that moved at the provider; ``about`` is the object by which it is told."""

    kind: str
    about: str
    payment: str
    amount: Money
    fee: Money


@dataclass
class Paid:
    """A payment that was made, and what became of it."""

    id: str
    amount: Money
    kind: str
    fee: Money | None = None
    refunds: list[Refunded] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)

    @property
    def given_back(self) -> int:
        return sum(
            each.amount.minor for each in self.refunds if each.status is not RefundStatus.FAILED
        )


class ModelProvider:
    """Implements :class:`payments.provider.Provider`."""

    name = "model"

    def __init__(self, clock: SettableClock) -> None:
        self._clock = clock
        self.tries: dict[str, Checkout] = {}
        """Checkouts by session, and cash references by payment."""
        self.payments: dict[str, Paid] = {}
        self.disputes: dict[str, Disputed] = {}
        self.events: list[ProviderEvent] = []
        self.arrived: set[str] = set()
        self.book: list[Movement] = []
        self.trouble: deque[str] = deque()
        """What happens to the next calls: ``before`` the work or ``after`` it the line breaks."""
        self._keys: dict[str, tuple[object, str]] = {}
        self._made = 0

    # what a payer, a bank or somebody at the provider's own desk does

    def open_tries(self) -> list[str]:
        return [key for key, made in self.tries.items() if made.status is CheckoutStatus.OPEN]

    def pay(self, key: str, changes: Mapping[str, object]) -> None:
        """Somebody pays; ``changes`` is what is not as it was asked for."""
        asked = self.tries[key]
        payment = asked.payment or self._new("pi")
        told = replace(asked, **changes)  # type: ignore[arg-type]
        kind = "card" if asked.session else "kiosk"
        self.tries[key] = replace(
            told,
            status=CheckoutStatus.COMPLETE,
            paid=True,
            payment=payment,
            url="",
            kind=kind,
            method=kind,
        )
        self.payments[payment] = Paid(payment, told.amount, kind)
        self._move("charge", payment, payment, told.amount, Money(0, told.amount.currency))
        if asked.session:
            self._tell("checkout.session.completed", "checkout.session", key, told)
        self._tell("payment_intent.succeeded", "payment_intent", payment, told)

    def end(self, key: str) -> None:
        """Its time is over, or its payer gave up."""
        self.tries[key] = replace(self.tries[key], status=CheckoutStatus.EXPIRED, url="")
        kind = "checkout.session" if self.tries[key].session else "payment_intent"
        name = "expired" if self.tries[key].session else "canceled"
        self._tell(f"{kind}.{name}", kind, key, self.tries[key])

    def tell_fee(self, payment: str) -> None:
        paid = self.payments[payment]
        if paid.fee is None:
            paid.fee = Money(paid.amount.minor // 50 + 100, paid.amount.currency)
            self._move("fee", payment, payment, Money(0, paid.amount.currency), paid.fee)
            self._tell("charge.updated", "charge", payment, None)

    def refund_at_the_desk(self, payment: str, amount: int) -> None:
        """Somebody gives money back without us."""
        paid = self.payments[payment]
        wanted = Money(amount, paid.amount.currency)
        self._give_back(paid, wanted, "")

    def end_refund(self, payment: str, index: int, *, well: bool) -> None:
        """What the payer's bank says of a refund in the end; «no» may come after «yes»."""
        paid = self.payments[payment]
        was = paid.refunds[index]
        if was.status is RefundStatus.FAILED or (well and was.status is RefundStatus.SUCCEEDED):
            return
        status = RefundStatus.SUCCEEDED if well else RefundStatus.FAILED
        failure = "" if well else "lost_card"
        paid.refunds[index] = replace(was, status=status, failure=failure, taken=was.taken or well)
        none = Money(0, was.amount.currency)
        if well and not was.taken:
            self._move("refund", was.id, payment, -was.amount, none)
        elif was.taken and not well:
            self._move("refund_failure", was.id, payment, was.amount, none)
        self._tell("refund.updated" if well else "refund.failed", "refund", was.id, None)

    def dispute(self, payment: str, *, inquiry: bool) -> None:
        """The payer's bank takes the money, or only asks about it."""
        paid = self.payments[payment]
        left = paid.amount.minor - paid.given_back
        if paid.disputes or left <= 0:
            return
        key = self._new("du")
        none = Money(0, paid.amount.currency)
        amount = Money(left, paid.amount.currency)
        paid.disputes.append(key)
        self.disputes[key] = Disputed(
            id=key,
            payment=payment,
            amount=amount,
            taken=none,
            fee=none,
            given_back=none,
            fee_back=none,
            status=DisputeStatus.OPEN,
            reason="fraudulent",
        )
        self._tell("charge.dispute.created", "dispute", key, None)
        if not inquiry:
            self.withdraw(key)

    def withdraw(self, key: str) -> None:
        """An inquiry becomes a dispute."""
        was = self.disputes[key]
        if was.taken or was.status is not DisputeStatus.OPEN:
            return
        fee = Money(DISPUTE_FEE, was.amount.currency)
        self.disputes[key] = replace(was, taken=was.amount, fee=fee)
        self._move("dispute", key, was.payment, -was.amount, fee)
        self._tell("charge.dispute.funds_withdrawn", "dispute", key, None)

    def judge(self, key: str, *, won: bool) -> None:
        was = self.disputes[key]
        if was.status is not DisputeStatus.OPEN:
            return
        won = won or not was.taken
        self.disputes[key] = replace(was, status=DisputeStatus.WON if won else DisputeStatus.LOST)
        if won and was.taken:
            self.disputes[key] = replace(self.disputes[key], given_back=was.taken, fee_back=was.fee)
            self._move("dispute_reversal", key, was.payment, was.taken, -was.fee)
        self._tell("charge.dispute.closed", "dispute", key, None)

    def balance(self, currency: str) -> int:
        """What the provider holds for us."""
        return sum(
            each.amount.minor - each.fee.minor
            for each in self.book
            if each.amount.currency == currency
        )

    # what is asked of a provider

    def open_checkout(self, order: CheckoutOrder) -> Checkout:
        def work() -> Checkout:
            known = self._known(order.idempotency_key, order)
            key = known or self._new("cs")
            if not known:
                self._keys[order.idempotency_key] = (order, key)
                self.tries[key] = Checkout(
                    session=key,
                    status=CheckoutStatus.OPEN,
                    paid=False,
                    amount=Money.total(line.amount for line in order.lines),
                    reference=order.reference,
                    obligation=order.obligation,
                    attempt=order.attempt,
                    live=False,
                    url=f"https://pay.test/{key}",
                    payment="",
                    expires_at=order.expires_at,
                )
            return self.tries[key]

        return self._answer(work)

    def open_voucher(self, order: VoucherOrder) -> Checkout:
        def work() -> Checkout:
            known = self._known(order.idempotency_key, order)
            key = known or self._new("pi")
            if not known:
                self._keys[order.idempotency_key] = (order, key)
                self.tries[key] = Checkout(
                    session="",
                    status=CheckoutStatus.OPEN,
                    paid=False,
                    amount=order.amount,
                    reference=order.reference,
                    obligation=order.obligation,
                    attempt=order.attempt,
                    live=False,
                    url="",
                    payment=key,
                    expires_at=order.expires_at,
                    voucher=Voucher(f"{self._made:08d}", order.expires_at),
                )
            return self.tries[key]

        return self._answer(work)

    def read_checkout(self, session: str) -> Checkout:
        return self._answer(lambda: self.now(session))

    def read_payment(self, payment: str) -> Checkout:
        return self._answer(lambda: replace(self.now(self._key_of(payment)), session="", url=""))

    def checkout_of(self, payment: str) -> Checkout | None:
        def work() -> Checkout | None:
            key = self._key_of(payment)
            return self.now(key) if self.tries[key].session else None

        return self._answer(work)

    def close_checkout(self, session: str) -> Checkout:
        def work() -> Checkout:
            if self.tries[session].status is CheckoutStatus.OPEN:
                self.end(session)
            return self.now(session)

        return self._answer(work)

    def close_payment(self, payment: str) -> Checkout:
        return self.close_checkout(payment)

    def refund(self, order: RefundOrder) -> Refunded:
        def work() -> Refunded:
            known = self._known(order.idempotency_key, order)
            if known:
                return next(r for r in self.payments[order.payment].refunds if r.id == known)
            made = self._give_back(self.payments[order.payment], order.amount, order.refund)
            self._keys[order.idempotency_key] = (order, made.id)
            return made

        return self._answer(work)

    def read_refund(self, refund: str) -> Refunded:
        return self._answer(
            lambda: next(r for p in self.payments.values() for r in p.refunds if r.id == refund)
        )

    def refunds_of(self, payment: str) -> list[Refunded]:
        return self._answer(lambda: list(self.payments[payment].refunds))

    def read_dispute(self, dispute: str) -> Disputed:
        return self._answer(lambda: self.disputes[dispute])

    def transactions(self, since: datetime, until: datetime) -> Iterator[Transaction]:
        yield from ()

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        yield from ()

    def undelivered(self, since: datetime) -> Iterator[ProviderEvent]:
        self._answer(lambda: None)
        for event in reversed(list(self.events)):
            if event.id not in self.arrived and event.created_at >= since:
                yield event

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        raise BadSignature("the model tells its news itself and signs nothing")

    # inside

    def now(self, key: str) -> Checkout:
        """The state of a try, with the fee if it is known by now."""
        told = self.tries[key]
        paid = self.payments.get(told.payment)
        if paid is None or paid.fee is None:
            return told
        return replace(told, charged=Charged(f"txn_{paid.id}", paid.fee))

    def _key_of(self, payment: str) -> str:
        return next(key for key, made in self.tries.items() if made.payment == payment)

    def _give_back(self, paid: Paid, amount: Money, ours: str) -> Refunded:
        lost = any(
            self.disputes[key].taken and self.disputes[key].status is not DisputeStatus.WON
            for key in paid.disputes
        )
        if lost or amount.minor <= 0 or paid.given_back + amount.minor > paid.amount.minor:
            raise Rejected("greater than what is left")
        at_once = len(paid.refunds) % 2 == 0  # one is taken when it is made, one when it succeeds
        status = RefundStatus.PENDING
        made = Refunded(self._new("re"), paid.id, amount, status, ours, taken=at_once)
        paid.refunds.append(made)
        if at_once:
            self._move("refund", made.id, paid.id, -amount, Money(0, amount.currency))
        self._tell("refund.created", "refund", made.id, None)
        self._tell("charge.refunded", "charge", paid.id, None)
        return made

    def _known(self, key: str, order: object) -> str:
        if key not in self._keys:
            return ""
        before, made = self._keys[key]
        if before != order:
            raise Rejected("idempotency_error")
        return made

    def _move(self, kind: str, about: str, payment: str, amount: Money, fee: Money) -> None:
        self.book.append(Movement(kind, about, payment, amount, fee))

    def _tell(self, kind: str, object_kind: str, object_id: str, about: Checkout | None) -> None:
        self.events.append(
            ProviderEvent(
                id=self._new("evt"),
                type=kind,
                object_kind=object_kind,
                object_id=object_id,
                reference=about.reference if about else "",
                attempt=about.attempt if about else "",
                created_at=self._clock.now(),
            )
        )

    def _new(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self._made}"

    def _answer(self, work: Callable[[], T]) -> T:
        trouble = self.trouble.popleft() if self.trouble else ""
        if trouble == "before":
            raise Unreachable("timeout")
        told = work()
        if trouble == "after":
            raise Unreachable("connection reset")
        return told
