"""The bridge between requests and payments: start a payment, settle it, let it expire.

Each is transaction, call, transaction: nothing waits for the provider while a row is held. What the
provider says is read again every time; settling is the same code for webhook, return page and
sweep, and doing it twice changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from payments import attempts, obligations
from payments.attempts import Channel, Try, Wish
from payments.cases import open_case
from payments.money import Money
from payments.obligations import Owed
from payments.provider import (
    Checkout,
    CheckoutLine,
    CheckoutOrder,
    Provider,
    ProviderError,
    Rejected,
    Unreachable,
    VoucherOrder,
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
from portal.outages import register
from portal.places.model import Places
from portal.problems import Conflict, TooMany
from portal.registers import reading as registers
from portal.requests import lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import Act, Actor, Event, State
from portal.requests.reading import FiledRequest, Opened
from portal.vault import Vault

# A reference that is paid in cash: the payer has to go somewhere, on a day that suits
KIOSK_DAYS = timedelta(days=7)
# A provider's shortest: a request that closes sooner is not given a new reference
_SHORTEST_KIOSK = timedelta(hours=1)
# How often one tab gives way to others that want to pay something else at the same time
_TABS = 20
# Each try costs calls at the provider and ends the checkout of whoever is at it: nobody who wants
# to pay needs so many within an hour through one door
_MOST_TRIES, _TRIES_WITHIN = 30, timedelta(hours=1)


@dataclass(frozen=True)
class Door:
    """The page through which a payer comes, and to which the provider leads back.

    ``path`` is without language; ``name`` keeps the checkouts of owner and stranger apart.
    """

    name: str
    path: str


def owner_door(request: FiledRequest) -> Door:
    return Door("owner", f"/requests/{request.number}/pay")


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

    def start(
        self, request: FiledRequest, door: Door, locale: str, part: Money | None = None
    ) -> str:
        """The address of the hosted payment page for what ``request`` owes now, or ``part`` of it.

        Twenty tabs get one checkout. Raises :class:`~portal.problems.Conflict` when nothing is
        due, and :class:`~payments.provider.ProviderError` when the provider does not help.
        """
        attempt, owed = self._begin(request, Channel.CHECKOUT, door.name, part)
        if attempt.url:
            return attempt.url
        checkout = self._open(owed, attempt, request, door, locale)
        return checkout.url

    def kiosk(self, request: FiledRequest, door: Door) -> Try:
        """The cash reference for what ``request`` owes now: one is live at a time.

        Raises as :meth:`start` does.
        """
        attempt, owed = self._begin(request, Channel.KIOSK, door.name, None)
        if attempt.voucher:
            return attempt
        order = VoucherOrder(
            reference=request.number,
            obligation=owed.id,
            attempt=attempt.id,
            amount=attempt.amount,
            description=request.number,
            expires_at=attempt.expires_at,
            idempotency_key=attempt.idempotency_key,
        )
        try:
            checkout = self._provider.open_voucher(order)
        except Rejected:
            self._fail(attempt)
            raise
        return self._attach(attempt, checkout)

    def _begin(
        self, request: FiledRequest, channel: Channel, door: str, part: Money | None
    ) -> tuple[Try, Owed]:
        """The attempt to go on with, and what it pays."""
        now = self._clock.now()
        for _ in range(_TABS):
            self._check_tries(request, channel, door, part, now)
            self._close_unfitting(request, channel, door, part, now)
            with self._database.begin() as db:
                found = obligations.due(db, request.number)
                owed = obligations.lock(db, found.id) if found else None
                if owed is None or owed.state != "due":
                    raise Conflict("nothing is due")
                wish = self._wish(request, owed, channel, door, part, now)
                live = attempts.live(db, owed.id, channel)
                if live is not None and _is_in_the_way(live, wish, now):
                    continue  # another tab began it in this very moment
                identity, name = public_id(), self._provider.name
                return attempts.open_attempt(db, owed, identity, name, wish, now), owed
        raise Unreachable("too many tabs at once")

    @staticmethod
    def _wish(
        request: FiledRequest,
        owed: Owed,
        channel: Channel,
        door: str,
        part: Money | None,
        now: datetime,
    ) -> Wish:
        amount = owed.remaining if part is None else min(part, owed.remaining)
        ends_at = now + KIOSK_DAYS
        if request.waits_until is not None:
            ends_at = max(min(ends_at, request.waits_until), now + _SHORTEST_KIOSK)
        return Wish(channel, amount, "any" if channel is Channel.KIOSK else door, ends_at)

    def _check_tries(
        self, request: FiledRequest, channel: Channel, door: str, part: Money | None, now: datetime
    ) -> None:
        """Before anything is closed at the provider; raises :class:`~portal.problems.TooMany`."""
        with self._database.read() as db:
            owed = obligations.due(db, request.number)
            if owed is None:
                return
            wish = self._wish(request, owed, channel, door, part, now)
            live = attempts.live(db, owed.id, channel)
            if live is not None and live.fits(wish) and not attempts.is_late(live, now):
                return  # it is offered again
            begun = attempts.begun_since(db, owed.id, wish.door, now - _TRIES_WITHIN)
        if len(begun) >= _MOST_TRIES:
            left = begun[-_MOST_TRIES] + _TRIES_WITHIN - now
            raise TooMany(max(1, -(-int(left.total_seconds()) // 60)))

    def _close_unfitting(
        self, request: FiledRequest, channel: Channel, door: str, part: Money | None, now: datetime
    ) -> None:
        """Nobody can pay twice: a checkout that is about to end, that is for another sum or that
        leads back elsewhere is closed before another opens."""
        with self._database.read() as db:
            owed = obligations.due(db, request.number)
            attempt = attempts.live(db, owed.id, channel) if owed else None
        if owed is None or attempt is None:
            return
        wish = self._wish(request, owed, channel, door, part, now)
        if _is_in_the_way(attempt, wish, now):
            self._close(attempt)

    def _close(self, attempt: Try) -> Settlement:
        """End an attempt at the provider; if it turns out to be paid, that is settled."""
        if attempt.session:
            return self.settle(self._provider.close_checkout(attempt.session))
        if attempt.payment:
            return self.settle(self._provider.close_payment(attempt.payment))
        return Settlement(Outcome.WAITING)

    def _open(
        self, owed: Owed, attempt: Try, request: FiledRequest, door: Door, locale: str
    ) -> Checkout:
        page = f"{self._public_url}{'/en' if locale == 'en' else ''}{door.path}"
        order = CheckoutOrder(
            reference=request.number,
            obligation=owed.id,
            attempt=attempt.id,
            lines=self._lines(owed, attempt, request, locale),
            success_url=page + "/return?session_id={CHECKOUT_SESSION_ID}",
            cancel_url=page,
            expires_at=attempt.expires_at,
            locale=locale,
            idempotency_key=attempt.idempotency_key,
        )
        try:
            checkout = self._provider.open_checkout(order)
        except Rejected:
            self._fail(attempt)
            raise
        self._attach(attempt, checkout)
        return checkout

    def _lines(
        self, owed: Owed, attempt: Try, request: FiledRequest, locale: str
    ) -> tuple[CheckoutLine, ...]:
        """What the payer reads at the provider: the lines, unless only a part is paid.

        A provider's lines cannot be negative: where there is a discount, the sum is one line.
        """
        with self._database.read() as db:
            lines = obligations.lines(db, owed.id)
        if attempt.amount == owed.amount and all(line.amount.minor >= 0 for line in lines):
            return tuple(
                CheckoutLine(line.label_en if locale == "en" else line.label_ar, line.amount)
                for line in lines
                if line.amount
            )
        title = self._hand_off.catalogue.services[request.service_code].title
        return (CheckoutLine(title.en if locale == "en" else title.ar, attempt.amount),)

    def _attach(self, attempt: Try, checkout: Checkout) -> Try:
        """Keep what the attempt is called at the provider.

        If another tab took its place while the provider was asked, it is closed before anybody is
        led to it. Raises :class:`~portal.problems.Conflict` then.
        """
        with self._database.begin() as db:
            # before another tab's look at the attempt, or after it: never in the midst of it
            obligations.lock(db, attempt.obligation_id)
            attempts.attach(db, attempt.id, checkout)
            attached = attempts.find(db, attempt.id) or attempt
        if attached.state != "open":
            self._close(attached)
            raise Conflict("another tab pays in another way")
        return attached

    def _fail(self, attempt: Try) -> None:
        with self._database.begin() as db:
            attempts.end(db, attempt.id, "failed", self._clock.now())

    def look(self, session: str) -> Settlement:
        """Read the checkout again and settle what it says; nobody is asked about a foreign one."""
        with self._database.read() as db:
            if attempts.by_session(db, session) is None:
                return Settlement(Outcome.UNKNOWN)
        return self.settle(self._provider.read_checkout(session))

    def look_at_payment(self, payment: str) -> Settlement:
        """The same for a payment by its own id."""
        with self._database.read() as db:
            if attempts.by_payment(db, payment) is None:
                return Settlement(Outcome.UNKNOWN)
        return self.settle(self._provider.read_payment(payment))

    def look_at(self, attempt: Try) -> Settlement:
        """The same for an attempt of ours."""
        if attempt.session:
            return self.look(attempt.session)
        return self.look_at_payment(attempt.payment or "")

    def settle(self, checkout: Checkout) -> Settlement:
        """Work in what a checkout says; harmless twice."""
        with self._database.begin() as db:
            return self.settle_in(db, checkout)

    def settle_in(self, db: Connection, checkout: Checkout) -> Settlement:
        """The same in the caller's transaction."""
        now = self._clock.now()
        settlement = settle(db, checkout, live=self._live, year=cairo_time(now).year, at=now)
        if settlement.outcome is Outcome.PAID:
            self.stage_covered(db, settlement, now)
        log.info("payment.settled", request=settlement.reference, outcome=str(settlement.outcome))
        return settlement

    def close_unwanted(self, most: int) -> int:
        """Close what nobody should pay any more, such as the cash reference of what a card paid."""
        with self._database.read() as db:
            unwanted = attempts.not_wanted(db, most)
        return one_by_one("unwanted", unwanted, self._close, (ProviderError,))

    def stage_covered(self, db: Connection, paid: Settlement, now: datetime) -> None:
        """A stage is paid: the request goes on, in the same transaction."""
        opened = reading.held(db, self._vault, paid.reference)
        if paid.stage == Stage.SUBMISSION:
            self._receive(db, opened, paid, now)
        else:
            self._go_on(db, opened, paid, now)

    def _receive(self, db: Connection, opened: Opened, paid: Settlement, now: datetime) -> None:
        """A covered filing fee receives the request: state, clock, history, outbox together."""
        act = _paid_by(Event.PAY_FILING, paid, now, received_at=now)
        received = self._move(db, opened.request, act)
        self._hand_off.paid(db, received, opened.answers, public_id(), paid.receipt, now)
        self._clear_dues(db, opened, now)
        self._tell(db, opened, compose.REQUEST_RECEIVED, now)

    def _go_on(self, db: Connection, opened: Opened, paid: Settlement, now: datetime) -> None:
        """Assessed fees are covered: the center goes on with the request."""
        resumed = self._move(db, opened.request, _paid_by(Event.PAY_ASSESSED, paid, now))
        stage, amount = Stage(paid.stage), paid.owed.minor
        self._hand_off.fees_paid(db, resumed, public_id(), paid.receipt, stage, amount, now)
        self._tell(db, opened, compose.FEES_PAID, now, sum=amount)

    def _move(self, db: Connection, request: FiledRequest, act: Act) -> FiledRequest:
        """The request, whose row is held, as it stands after ``act``."""
        center = self._places.centers[request.center_code]
        calendar = holiday_calendar(db, center.governorate)
        return replace(request, **lifecycle.move(db, self._vault, request, act, calendar))

    def _tell(self, db: Connection, opened: Opened, kind: str, now: datetime, **more: int) -> None:
        to = Recipient(opened.mobile, opened.request.locale)
        params = {"number": opened.request.number, **more}
        notifications.put(db, self._vault, to, kind, params, now)

    @staticmethod
    def _clear_dues(db: Connection, opened: Opened, now: datetime) -> None:
        record, number = opened.answers["record"] or {}, opened.request.number
        dues, parts = record.get("due_ids", ()), record.get("parts", 1)
        if dues and not registers.pay(db, dues, number, now, parts):
            detail = "dues of the record were paid by another request meanwhile"
            open_case(db, "dues_paid_twice", number, number, detail, now)

    def expire_unpaid(self) -> int:
        """Close requests whose time to pay is over; how many.

        What is open at the provider is closed first; if it turns out to be paid, it is settled
        instead.
        """
        now = self._clock.now()
        done = 0
        for state in _CLOSING:
            over = reading.waited_too_long(self._database, state, now)
            done += one_by_one(
                "unpaid", over, lambda each: self._expire(each, now), (ProviderError,)
            )
        return done

    def _expire(self, request_id: int, now: datetime) -> bool:
        with self._database.read() as db:
            request = reading.by_id(db, request_id)
            owed = obligations.due(db, request.number)
            grows = register.left_behind(db, request.number)
        if owed is None or grows or not self.close_open(owed):
            return False
        with self._database.begin() as db:
            request = reading.by_id(db, request_id)
            closing = _CLOSING.get(request.state)
            if closing is None or not cancel_debt(db, owed, now):
                return False
            self._end(db, request.number, closing, now)
        return True

    def close_open(self, owed: Owed) -> bool:
        """Close whatever is open at the provider for ``owed``; False when it turns out to be paid,
        which is settled then."""
        with self._database.read() as db:
            live = attempts.all_live(db, owed.id)
        return all(self._close(attempt).outcome is not Outcome.PAID for attempt in live)

    def _end(self, db: Connection, number: str, closing: "_Closing", now: datetime) -> None:
        opened = reading.held(db, self._vault, number)
        data = {"reasons": [_UNPAID]} if closing.event is Event.SHELVE else None
        act = Act(closing.event, Actor.SYSTEM, now, data=data, values={"waits_until": None})
        ended = self._move(db, opened.request, act)
        if closing.event is Event.SHELVE:
            self._hand_off.shelved(db, ended, public_id(), _UNPAID, now)
        self._tell(db, opened, closing.message, now)


def cancel_debt(db: Connection, owed: Owed, now: datetime) -> bool:
    """Nothing is owed any more. False, and the caller does nothing else, when it was paid or
    cancelled before, or when somebody began to pay in this very moment."""
    for attempt in attempts.all_live(db, owed.id):
        if attempt.session or attempt.payment:
            return False
        attempts.end(db, attempt.id, "expired", now)
    return obligations.cancel(db, owed.id, now)


def _paid_by(event: Event, paid: Settlement, now: datetime, **values: datetime) -> Act:
    """What the payment of a stage does to a request: it waits for nothing any more."""
    data = {"receipt": paid.receipt, "amount": paid.owed.minor, "stage": paid.stage}
    return Act(event, Actor.SYSTEM, now, data=data, values={"waits_until": None, **values})


def _is_in_the_way(attempt: Try, wish: Wish, now: datetime) -> bool:
    """Whether somebody may be at this checkout, and it is not the one that is wanted."""
    if not attempt.session and not attempt.payment:
        return False
    return attempts.is_late(attempt, now) or not attempt.fits(wish)


_UNPAID = "unpaid"  # facts, section 3.6


@dataclass(frozen=True)
class _Closing:
    """How a request ends that is not paid in time."""

    event: Event
    message: str


_CLOSING = {
    State.AWAITING_FILING_PAYMENT: _Closing(Event.EXPIRE_UNPAID, compose.REQUEST_EXPIRED),
    State.FEES_ASSESSED: _Closing(Event.SHELVE, compose.FEES_EXPIRED),
}
