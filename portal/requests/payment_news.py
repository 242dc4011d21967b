"""What the provider tells, and what is asked when it tells nothing.

News are only a reason to look. An event is kept before it is acknowledged and worked off until that
succeeds; open attempts are asked about; events that could not be delivered are fetched.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, select

from payments import attempts, disputes, webhooks
from payments.attempts import BROUGHT_MONEY
from payments.provider import Checkout, Provider, ProviderError, ProviderEvent, Refunded
from portal.clock import Clock
from portal.db import Database
from portal.loops import one_by_one
from portal.observability import log
from portal.problems import Conflict
from portal.requests.model import ServiceRequest
from portal.requests.paying import Cashier
from portal.requests.refunding import Refunder

_BATCH = 20
_LOOK_AGAIN = timedelta(minutes=10)
# How far back lost events are asked for: longer than any outage of ours, and the list is short
_CATCH_UP = timedelta(days=3)

Settle = Callable[[Connection], object]
"""Works in what the provider has told, in the transaction that is given."""


class PaymentNews:
    """Takes the provider's events and asks for those that never came."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        cashier: Cashier,
        refunder: Refunder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._provider = provider
        self._cashier = cashier
        self._refunder = refunder
        self._clock = clock

    def keep(self, event: ProviderEvent) -> webhooks.Waiting | None:
        """Keep a verified event; what is then to be worked off, or None.

        Raises :class:`~portal.problems.Conflict` for a checkout that carries our reference but is
        not known yet: it must be sent again (facts, webhooks, rule 7).
        """
        now = self._clock.now()
        wanted = event.type in webhooks.WANTED_EVENTS
        with self._database.begin() as db:
            foreign = wanted and self._is_foreign(db, event)
            if wanted and self._is_early(db, event, foreign):
                raise Conflict("a checkout of ours that is not stored yet")
            wanted = wanted and not foreign
            new = webhooks.store(db, self._provider.name, event, now, wanted=wanted)
        if not new or not wanted:
            return None
        return webhooks.Waiting(
            self._provider.name, event.id, event.type, event.object_kind, event.object_id, 0
        )

    @staticmethod
    def _is_early(db: Connection, event: ProviderEvent, foreign: bool) -> bool:
        if event.object_kind == "payment_intent":
            attempt = attempts.find(db, event.attempt)
            return attempt is not None and not attempt.session and not attempt.payment
        if not foreign:
            return False
        known = select(ServiceRequest.id).where(ServiceRequest.number == event.reference)
        return db.scalar(known) is not None

    @staticmethod
    def _is_foreign(db: Connection, event: ProviderEvent) -> bool:
        """Whether it is about a checkout that no attempt of ours has."""
        if event.object_kind != "checkout.session":
            return False
        return attempts.by_session(db, event.object_id) is None

    def work_off(self, waiting: webhooks.Waiting) -> bool:
        """Look at the object of a kept event; whether that succeeded. If not, the worker will.

        What the provider tells and that the event is worked off is written in one transaction.
        """
        try:
            told = self._ask(waiting)
            with self._database.begin() as db:
                for settle in told:
                    settle(db)
                webhooks.processed(db, waiting, self._clock.now())
        except Exception as error:  # whatever it is, the event is kept and tried again
            unexpected = None if isinstance(error, ProviderError) else error
            log.warning("webhook.retry", error=type(error).__name__, exc_info=unexpected)
            with self._database.begin() as db:
                webhooks.failed(db, waiting, type(error).__name__, self._clock.now())
            return False
        return True

    def _ask(self, waiting: webhooks.Waiting) -> Sequence[Settle]:
        """Ask the provider, outside of any transaction; what is to be done with its answers."""
        match waiting.object_kind:
            case "checkout.session":
                return [self._checkout(self._provider.read_checkout(waiting.object_id))]
            case "payment_intent":
                return self._payment(waiting.object_id)
            case "charge":
                told = self._payment(waiting.object_id)
                if told:
                    made = self._provider.refunds_of(waiting.object_id)
                    told = [*told, *(self._refund(each) for each in made)]
                return told
            case "refund":
                refund = self._provider.read_refund(waiting.object_id)
                return [*self._before(refund.payment), self._refund(refund)]
            case "dispute":
                dispute = self._provider.read_dispute(waiting.object_id)
                settle = partial(disputes.settle, told=dispute, at=self._clock.now())
                return [*self._before(dispute.payment), settle]
        return []

    def _checkout(self, told: Checkout) -> Settle:
        return partial(self._cashier.settle_in, checkout=told)

    def _refund(self, told: Refunded) -> Settle:
        return partial(self._refunder.settle_in, told=told)

    def _payment(self, payment: str) -> Sequence[Settle]:
        """A payment of ours as it is now. One that is not known yet is told by its checkout."""
        with self._database.read() as db:
            attempt = attempts.by_payment(db, payment)
        if attempt is None:
            return []
        if attempt.session:
            return [self._checkout(self._provider.read_checkout(attempt.session))]
        return [self._checkout(self._provider.read_payment(payment))]

    def _before(self, payment: str) -> Sequence[Settle]:
        """What befell a payment may be told before the payment itself: that is settled first."""
        with self._database.read() as db:
            attempt = attempts.by_payment(db, payment)
        if attempt is not None and attempt.state in BROUGHT_MONEY:
            return []
        if attempt is not None:
            return self._payment(payment)
        found = self._provider.checkout_of(payment) if payment else None
        return [self._checkout(found)] if found else []

    def work_off_events(self) -> int:
        """Try the kept events again that could not be worked off; how many."""
        with self._database.read() as db:
            waiting = webhooks.waiting(db, self._clock.now(), _BATCH)
        return one_by_one("events", waiting, self.work_off)

    def sweep(self) -> int:
        """Ask about open attempts of which nothing was heard: a webhook can be lost."""
        now = self._clock.now()
        with self._database.read() as db:
            silent = attempts.to_look_at(db, now, _BATCH)
        if silent:
            # first, so that one which cannot be read does not come back in every round
            with self._database.begin() as db:
                attempts.looked_at(db, [each.id for each in silent], now + _LOOK_AGAIN)
        asked = one_by_one("sweep", silent, self._cashier.look_at, (ProviderError,))
        return asked + self._cashier.close_unwanted(_BATCH)

    def catch_up(self) -> int:
        """Fetch the events that the provider could not deliver; how many were new.

        An early one is left for the next round.
        """
        since = self._clock.now() - _CATCH_UP

        def take(event: ProviderEvent) -> bool:
            waiting = self.keep(event)
            return waiting is not None and self.work_off(waiting)

        try:
            undelivered = list(self._provider.undelivered(since))
        except ProviderError as error:
            log.warning("worker.retry", kind="catch_up", error=type(error).__name__)
            return 0
        # oldest first, as they happened
        return one_by_one("catch_up", reversed(undelivered), take, (Conflict,))
