"""Payments that can go back, made without forms; staff who ask and decide; what must hold after."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import func, insert, select

from payments import attempts, disputes, obligations, refunds
from payments.attempts import Channel, Try, Wish
from payments.model import Attempt, Entry, EntryLine, PaymentCase, Refund
from payments.money import Money
from payments.obligations import OwedLine
from payments.proof import prove
from payments.provider import VoucherOrder
from payments.refunds import Part, RefundReason
from payments.settlement import settle
from portal.catalogue.identity import read_request_number
from portal.clock import public_id
from portal.requests.model import Draft, ServiceRequest
from tests.support.local import LocalPortal
from tests.support.people import Employee, Page
from tests.support.plain import PLAIN

DEPOSIT = Money(50_000)
FEE = Money(30_000)
LINES = (
    OwedLine("use_charge", "local_unit", "مقابل إشغال", "Use charge", FEE, refundable=False),
    OwedLine("deposit", "local_unit", "تأمين", "Deposit", DEPOSIT, refundable=True),
)
SALE_ONLY = "01000000003"
"""A wallet of the sandbox that takes nothing back."""
NOTE = "إذن صرف رقم ١٢ لسنة ٢٠٢٦"


@dataclass(frozen=True)
class Paid:
    """A request of which a stage was paid, and the payment."""

    number: str
    obligation: str
    attempt: str
    payment: str


class Books:
    """One portal's payments."""

    def __init__(self, local: LocalPortal, original: str, serial: int = 90_000) -> None:
        """``original`` is a filed request, of which others are copies, numbered from ``serial``."""
        self.local = local
        self.core = local.portal
        self._original = original
        self._serial = serial

    def request(self, **changes: Any) -> str:
        """Another request, as if it had been filed."""
        self._serial += 1
        stem = f"{self._original[:8]}{self._serial}-"
        number = next(n for k in range(10) if (n := read_request_number(f"{stem}{k}")))
        with self.core.database.begin() as db:
            wanted = ServiceRequest.number == self._original
            row = db.execute(select(ServiceRequest.__table__).where(wanted)).one()
            draft = db.execute(select(Draft.__table__).where(Draft.id == row.draft_id)).one()
            draft_id = public_id()
            db.execute(insert(Draft).values({**draft._mapping, "id": draft_id}))
            values = {**row._mapping, "number": number, "draft_id": draft_id, **changes}
            values.pop("id")
            db.execute(insert(ServiceRequest).values(values))
        return number

    def paid(
        self,
        card: str = "pm_card_visa",
        *,
        wallet: str = "",
        number: str = "",
        lines: tuple[OwedLine, ...] = LINES,
    ) -> Paid:
        """A request whose later fees are paid by card or wallet."""
        number = number or self.request()
        obligation, amount = self.owed(number, lines)
        return self.pay(number, obligation, amount, card, wallet)

    def owed(self, number: str, lines: tuple[OwedLine, ...] = LINES) -> tuple[str, Money]:
        """Later fees of a request: the obligation and its sum."""
        obligation = public_id()
        with self.core.database.begin() as db:
            now = self.core.clock.now()
            obligations.create(db, obligation, number, "after_approval", lines, now)
        return obligation, Money.total(line.amount for line in lines)

    def charged(self, of: Paid, attempt: str, minor: int, currency: str = "egp") -> str:
        """A card is charged at the provider, and nobody here has heard of it; the payment's id."""
        named = {"reference": of.number, "obligation": of.obligation, "attempt": attempt}
        params: Any = {
            "amount": minor,
            "currency": currency,
            "confirm": True,
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "metadata": named,
        }
        return str(self.local.stripe.v1.payment_intents.create(params).id)

    def paid_again(self, paid: Paid, card: str = "pm_card_visa", *, wallet: str = "") -> Paid:
        """The same sum once more: nothing of it is owed."""
        amount = Money.total(line.amount for line in LINES)
        return self.pay(paid.number, paid.obligation, amount, card, wallet)

    def surplus(self, card: str = "pm_card_visa", *, wallet: str = "") -> Paid:
        return self.paid_again(self.paid(), card, wallet=wallet)

    def pay(self, number: str, obligation: str, amount: Money, card: str, wallet: str) -> Paid:
        attempt = self.attempt(obligation, amount)
        means: dict[str, Any] = {"payment_method": card, "payment_method_types": ["card"]}
        if wallet:
            data = {"type": "wallet", "wallet": {"phone": wallet}}
            means = {"payment_method_data": data, "payment_method_types": ["wallet"]}
            means["return_url"] = "http://127.0.0.1:9/back"
        params: Any = {
            "amount": amount.minor,
            "currency": "egp",
            "confirm": True,
            "metadata": {"reference": number, "obligation": obligation, "attempt": attempt.id},
            **means,
        }
        intent = self.local.stripe.v1.payment_intents.create(params)
        if intent.status == "requires_action":  # its owner agrees on the phone
            page = str(intent.next_action.redirect_to_url.url)  # type: ignore[union-attr]
            httpx.post(page, data={"decision": "approve"}, trust_env=False, verify=PLAIN)
        told = self.core.provider.read_payment(intent.id)
        now = self.core.clock.now()
        with self.core.database.begin() as db:
            attempts.attach(db, attempt.id, replace(told, session=""))
            settle(db, told, live=False, year=now.year, at=now)
        return Paid(number, obligation, attempt.id, intent.id)

    def paid_in_cash(self) -> Paid:
        """A request whose later fees are paid at a kiosk."""
        number, obligation, amount = self.request(), public_id(), DEPOSIT + FEE
        now = self.core.clock.now()
        with self.core.database.begin() as db:
            obligations.create(db, obligation, number, "after_approval", LINES, now)
        attempt = self.attempt(obligation, amount, Channel.KIOSK)
        order = VoucherOrder(
            number, obligation, attempt.id, amount, number, attempt.expires_at, public_id()
        )
        issued = self.core.provider.open_voucher(order)
        assert issued.voucher is not None
        with self.core.database.begin() as db:
            attempts.attach(db, attempt.id, issued)
        self.local.sandbox.control("/kiosk", {"reference": issued.voucher.number})
        told = self.core.provider.read_payment(issued.payment)
        with self.core.database.begin() as db:
            settle(db, told, live=False, year=now.year, at=now)
        return Paid(number, obligation, attempt.id, issued.payment)

    def attempt(self, obligation: str, amount: Money, channel: Channel = Channel.CHECKOUT) -> Try:
        """A try to pay, that the provider has not heard of."""
        with self.core.database.begin() as db:
            owed = obligations.get(db, obligation)
            assert owed is not None
            now = self.core.clock.now()
            wish = Wish(channel, amount, ends_at=now + timedelta(days=2))
            return attempts.open_attempt(db, owed, public_id(), "stripe", wish, now)

    def ask(self, paid: Paid, amount: Money, line: int | None = None) -> str:
        """Somebody asks for a refund, without the form."""
        refund_id = public_id()
        reason = RefundReason.SURPLUS if line is None else RefundReason.DEPOSIT
        with self.core.database.begin() as db:
            parts = [Part(line, amount)]
            now = self.core.clock.now()
            refunds.ask(db, refund_id, paid.attempt, parts, reason, NOTE, "cashier@KFS-003", now)
        return refund_id

    def approved(self, paid: Paid, amount: Money, line: int | None = None) -> str:
        """A refund that two people agreed on."""
        refund_id = self.ask(paid, amount, line)
        now = self.core.clock.now()
        with self.core.database.begin() as db:
            by = "finance_officer@EG-KFS"
            assert refunds.decide(db, refund_id, approved=True, note="", by=by, at=now)
        return refund_id

    def make(self) -> None:
        """A round of the worker that makes refunds, now that their time has come."""
        self.core.refunder.make_approved()

    def state(self, refund_id: str) -> str:
        return str(self.local.rows(select(Refund.state).where(Refund.id == refund_id))[0][0])

    def hear_of_dispute(self, paid: Paid) -> str:
        """Work in how the dispute about a payment stands at the provider; its id."""
        told = self.local.stripe.v1.disputes.list({"payment_intent": paid.payment}).data[0]
        with self.core.database.begin() as db:
            read = self.core.provider.read_dispute(told.id)
            assert disputes.settle(db, read, self.core.clock.now())
        return told.id

    def refunds_of(self, paid: Paid) -> list[Any]:
        """What the provider knows to have gone back of a payment."""
        return list(self.local.stripe.v1.refunds.list({"payment_intent": paid.payment}).data)

    def cases(self, number: str) -> list[str]:
        """The open cases about a request."""
        wanted = (PaymentCase.reference == number, PaymentCase.closed_at.is_(None))
        rows = self.local.rows(select(PaymentCase.kind).where(*wanted).order_by(PaymentCase.id))
        return [row[0] for row in rows]

    def booked(self, number: str) -> dict[str, int]:
        """What the ledger holds for a request, by account."""
        rows = self.local.rows(
            select(EntryLine.account, func.sum(EntryLine.amount))
            .join(Entry, Entry.id == EntryLine.entry_id)
            .where(Entry.reference == number)
            .group_by(EntryLine.account)
        )
        return {account: int(total) for account, total in rows if total}

    def reserved(self, paid: Paid) -> int:
        found = self.local.rows(select(Attempt.refunded).where(Attempt.id == paid.attempt))
        return int(found[0][0])

    def told(self, number: str) -> list[str]:
        """The kinds of message that the owner of a request was sent."""
        sent = "SELECT kind, params FROM outgoing_messages ORDER BY id"
        return [kind for kind, params in self.local.rows(sent) if number in str(params)]

    def proved(self) -> None:
        """Whatever happened, the ledger stands."""
        with self.core.database.read() as db:
            assert {what: broken for what, broken in prove(db).items() if broken} == {}


def form_of(paid: Paid) -> str:
    return f"/center/finance/refunds/of/{paid.number}/{paid.attempt}"


def fill_in(employee: Employee, paid: Paid, **typed: str) -> Page:
    """The form with something typed into it, sent to be looked at once more."""
    names = {"line1": "line.1", "line0": "line.0"}
    values = {names.get(name, name): value for name, value in typed.items()}
    page = employee.get(form_of(paid))
    return employee.send(page, {"note": NOTE, **values}, paid.attempt)
