"""The bridge between requests and payments: start a payment, settle it, let it expire.

Each is transaction, call, transaction: nothing waits for the provider while a row is held. What the
provider says is read again every time; settling is the same code for webhook, return page and
sweep, and doing it twice changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from payments import attempts, obligations, webhooks
from payments.attempts import Try
from payments.cases import open_case
from payments.model import Receipt
from payments.obligations import Owed
from payments.provider import (
    Checkout,
    CheckoutLine,
    CheckoutOrder,
    CheckoutStatus,
    Provider,
    ProviderError,
    ProviderEvent,
    Rejected,
)
from payments.settlement import Outcome, Settlement, settle
from portal.catalogue.model import Stage
from portal.clock import Clock, cairo_time, public_id
from portal.db import Database
from portal.holidays.register import calendar as holiday_calendar
from portal.loops import one_by_one
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.observability import log
from portal.places.model import Places
from portal.problems import Conflict, Missing
from portal.registers import reading as registers
from portal.requests import lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import Act, Actor, Event, State
from portal.requests.model import ServiceRequest
from portal.requests.reading import FiledRequest
from portal.vault import Vault

_SWEEP_BATCH = 20
_LOOK_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Payable:
    """What is to be paid for a request now."""

    owed: Owed
    lines: tuple[obligations.OwedLine, ...]


@dataclass(frozen=True)
class PaidReceipt:
    """A receipt as its page shows it."""

    number: str
    issued_at: datetime
    owed: Owed
    lines: tuple[obligations.OwedLine, ...]
    method: str


class Cashier:
    """Starts and settles the payments of requests through one provider."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        provider: Provider,
        hand_off: HandOff,
        places: Places,
        clock: Clock,
        public_url: str,
        *,
        live: bool,
    ) -> None:
        self._database = database
        self._vault = vault
        self._provider = provider
        self._hand_off = hand_off
        self._places = places
        self._clock = clock
        self._public_url = public_url
        self._live = live

    def start(self, request: FiledRequest, locale: str) -> str:
        """The address of the hosted payment page for what ``request`` owes now.

        Twenty tabs get one checkout. Raises :class:`~portal.problems.Conflict` when nothing is
        due, and :class:`~payments.provider.ProviderError` when the provider does not help.
        """
        now = self._clock.now()
        self._close_late(request, now)
        with self._database.begin() as db:
            found = obligations.find(db, request.number, Stage.SUBMISSION)
            owed = obligations.lock(db, found.id) if found else None
            if owed is None or owed.state != "due":
                raise Conflict("nothing is due")
            attempt = attempts.open_attempt(db, owed, public_id(), self._provider.name, now)
            lines = obligations.lines(db, owed.id)
        if attempt.url:
            return attempt.url
        checkout = self._open(owed, attempt, lines, request, locale)
        with self._database.begin() as db:
            attempts.attach(db, attempt.id, checkout.session, checkout.url)
        return checkout.url

    def _close_late(self, request: FiledRequest, now: datetime) -> None:
        """Nobody can pay twice: a checkout that is about to end is closed before another opens."""
        with self._database.read() as db:
            found = obligations.find(db, request.number, Stage.SUBMISSION)
            attempt = attempts.live(db, found.id) if found else None
        if attempt and attempt.session and attempts.is_late(attempt, now):
            self.settle(self._provider.close_checkout(attempt.session))

    def _open(
        self,
        owed: Owed,
        attempt: Try,
        lines: list[obligations.OwedLine],
        request: FiledRequest,
        locale: str,
    ) -> Checkout:
        prefix = "/en" if locale == "en" else ""
        page = f"{self._public_url}{prefix}/requests/{request.number}/pay"
        order = CheckoutOrder(
            reference=request.number,
            obligation=owed.id,
            attempt=attempt.id,
            lines=tuple(
                CheckoutLine(line.label_en if locale == "en" else line.label_ar, line.amount)
                for line in lines
            ),
            success_url=page + "/return?session_id={CHECKOUT_SESSION_ID}",
            cancel_url=page,
            expires_at=attempt.expires_at,
            locale=locale,
            idempotency_key=attempt.idempotency_key,
        )
        try:
            return self._provider.open_checkout(order)
        except Rejected:
            with self._database.begin() as db:
                attempts.end(db, attempt.id, "failed", self._clock.now())
            raise

    def look(self, session: str) -> Settlement:
        """Read the checkout again and settle what it says; nobody is asked about a foreign one."""
        with self._database.read() as db:
            if attempts.by_session(db, session) is None:
                return Settlement(Outcome.UNKNOWN)
        checkout = self._provider.read_checkout(session)
        return self.settle(checkout)

    def settle(self, checkout: Checkout) -> Settlement:
        """Work in what a checkout says; harmless twice."""
        now = self._clock.now()
        with self._database.begin() as db:
            settlement = settle(db, checkout, live=self._live, year=cairo_time(now).year, at=now)
            if settlement.outcome is Outcome.PAID:
                self._receive(db, settlement, now)
        log.info("payment.settled", request=settlement.reference, outcome=str(settlement.outcome))
        return settlement

    def _receive(self, db: Connection, settlement: Settlement, now: datetime) -> None:
        """A covered filing fee receives the request: state, clock, history, outbox together."""
        request = reading.by_number(db, settlement.reference)
        center = self._places.centers[request.center_code]
        calendar = holiday_calendar(db, center.governorate)
        act = Act(
            Event.PAY_FILING,
            Actor.SYSTEM,
            now,
            data={
                "receipt": settlement.receipt,
                "amount": settlement.amount.minor if settlement.amount else 0,
            },
            values={"received_at": now, "waits_until": None},
        )
        lifecycle.advance(db, self._vault, request.id, act, calendar)
        received = reading.by_id(db, request.id)
        self._hand_off.paid(db, received, public_id(), settlement.receipt, now)
        self._clear_dues(db, received, now)
        to = Recipient(reading.mobile(db, self._vault, request.id), request.locale)
        params = {"number": request.number}
        notifications.put(db, self._vault, to, compose.REQUEST_RECEIVED, params, now)

    def _clear_dues(self, db: Connection, request: FiledRequest, now: datetime) -> None:
        record = reading.answers(db, self._vault, request.id)["record"] or {}
        dues, parts = record.get("due_ids", ()), record.get("parts", 1)
        if dues and not registers.pay(db, dues, request.number, now, parts):
            detail = "dues of the record were paid by another request meanwhile"
            open_case(db, "dues_paid_twice", request.number, request.number, detail, now)

    def keep_event(self, event: ProviderEvent) -> webhooks.Waiting | None:
        """Keep a verified event; what is then to be worked off, or None.

        Raises :class:`~portal.problems.Conflict` for a checkout that carries our reference but is
        not known yet: it must be sent again (facts, webhooks, rule 7).
        """
        now = self._clock.now()
        with self._database.begin() as db:
            if self._is_early(db, event):
                raise Conflict("a checkout of ours that is not stored yet")
            wanted = webhooks.store(db, self._provider.name, event, now)
        if not wanted:
            return None
        return webhooks.Waiting(self._provider.name, event.id, event.session, 0)

    @staticmethod
    def _is_early(db: Connection, event: ProviderEvent) -> bool:
        if event.type not in webhooks.CHECKOUT_EVENTS:
            return False
        if attempts.by_session(db, event.session) is not None:
            return False
        known = select(ServiceRequest.id).where(ServiceRequest.number == event.reference)
        return db.scalar(known) is not None

    def work_off(self, waiting: webhooks.Waiting) -> bool:
        """Look at the checkout of a kept event; whether that succeeded. If not, the worker will."""
        try:
            self.look(waiting.session)
        except Exception as error:  # whatever it is, the event is kept and tried again
            unexpected = None if isinstance(error, ProviderError) else error
            log.warning("webhook.retry", error=type(error).__name__, exc_info=unexpected)
            with self._database.begin() as db:
                webhooks.failed(db, waiting, type(error).__name__, self._clock.now())
            return False
        with self._database.begin() as db:
            webhooks.processed(db, waiting.provider, waiting.event_id, self._clock.now())
        return True

    def work_off_events(self) -> int:
        """Try the kept events again that could not be worked off; how many."""
        with self._database.read() as db:
            waiting = webhooks.waiting(db, self._clock.now(), _SWEEP_BATCH)
        return one_by_one("events", waiting, self.work_off)

    def sweep(self) -> int:
        """Ask about open checkouts of which nothing was heard: a webhook can be lost."""
        now = self._clock.now()
        with self._database.read() as db:
            sessions = attempts.to_look_at(db, now, _SWEEP_BATCH)
            # first, so that one which cannot be read does not come back in every round
        with self._database.begin() as db:
            for session in sessions:
                attempts.looked_at(db, session, now + _LOOK_AGAIN)
        return one_by_one("sweep", sessions, self.look, (ProviderError,))

    def expire_unpaid(self) -> int:
        """Close requests whose time to pay is over; how many.

        The provider's checkout is closed first; if it turns out to be paid, it is settled instead.
        """
        now = self._clock.now()
        over = reading.waited_too_long(self._database, State.AWAITING_FILING_PAYMENT, now)
        return one_by_one("unpaid", over, lambda each: self._expire(each, now), (ProviderError,))

    def _expire(self, request_id: int, now: datetime) -> bool:
        with self._database.read() as db:
            number = reading.by_id(db, request_id).number
            owed = obligations.find(db, number, Stage.SUBMISSION)
            attempt = attempts.live(db, owed.id) if owed else None
        if attempt and attempt.session:
            checkout = self._provider.close_checkout(attempt.session)
            if checkout.status is not CheckoutStatus.EXPIRED:
                self.settle(checkout)
                return False
        with self._database.begin() as db:
            request = reading.by_id(db, request_id)
            if request.state is not State.AWAITING_FILING_PAYMENT or owed is None:
                return False
            if attempt:
                attempts.end(db, attempt.id, "expired", now)
            if not obligations.cancel(db, owed.id, now):
                return False
            center = self._places.centers[request.center_code]
            calendar = holiday_calendar(db, center.governorate)
            act = Act(Event.EXPIRE_UNPAID, Actor.SYSTEM, now, values={"waits_until": None})
            lifecycle.advance(db, self._vault, request.id, act, calendar)
            to = Recipient(reading.mobile(db, self._vault, request.id), request.locale)
            params = {"number": number}
            notifications.put(db, self._vault, to, compose.REQUEST_EXPIRED, params, now)
        return True


def payable(db: Connection, request: FiledRequest) -> Payable | None:
    """What the request owes for its filing, paid or not; None when it was free."""
    owed = obligations.find(db, request.number, Stage.SUBMISSION)
    if owed is None:
        return None
    return Payable(owed, tuple(obligations.lines(db, owed.id)))


def paid_meanwhile(db: Connection, vault: Vault, request: FiledRequest) -> bool:
    """Whether another request has paid the dues that this one is about: nothing is owed then."""
    record = reading.answers(db, vault, request.id)["record"] or {}
    dues = record.get("due_ids", ())
    return bool(dues) and not registers.are_unpaid(db, dues)


def receipts(db: Connection, request: FiledRequest) -> list[PaidReceipt]:
    """The receipts of a request."""
    found = payable(db, request)
    if found is None or found.owed.state != "paid":
        return []
    rows = db.execute(
        select(Receipt.number, Receipt.issued_at, Receipt.attempt_id).where(
            Receipt.obligation_id == found.owed.id
        )
    )
    result = []
    for row in rows:
        attempt = attempts.find(db, row.attempt_id)
        result.append(
            PaidReceipt(
                row.number,
                row.issued_at,
                found.owed,
                found.lines,
                attempt.method if attempt else "",
            )
        )
    return result


def receipt(db: Connection, request: FiledRequest, number: str) -> PaidReceipt:
    """One receipt of the request; raises :class:`~portal.problems.Missing`."""
    found = next((r for r in receipts(db, request) if r.number == number), None)
    if found is None:
        raise Missing(f"receipt {number}")
    return found
