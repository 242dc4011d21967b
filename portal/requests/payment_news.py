"""What the provider tells, and what is asked when it tells nothing.

News are only a reason to look. An event is kept before it is acknowledged and worked off until that
succeeds; open attempts are asked about; events that could not be delivered are fetched.
"""

from datetime import timedelta

from sqlalchemy import Connection, select

from payments import attempts, disputes, refunds, webhooks
from payments.provider import Provider, ProviderError, ProviderEvent
from portal.clock import Clock
from portal.db import Database
from portal.loops import one_by_one
from portal.observability import log
from portal.problems import Conflict
from portal.requests.model import ServiceRequest
from portal.requests.paying import Cashier

_BATCH = 20
_LOOK_AGAIN = timedelta(minutes=10)
# How far back lost events are asked for: longer than any outage of ours, and the list is short
_CATCH_UP = timedelta(days=3)


class PaymentNews:
    """Takes the provider's events and asks for those that never came."""

    def __init__(
        self, database: Database, provider: Provider, cashier: Cashier, clock: Clock
    ) -> None:
        self._database = database
        self._provider = provider
        self._cashier = cashier
        self._clock = clock

    def keep(self, event: ProviderEvent) -> webhooks.Waiting | None:
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
        return webhooks.Waiting(
            self._provider.name, event.id, event.type, event.object_kind, event.object_id, 0
        )

    @staticmethod
    def _is_early(db: Connection, event: ProviderEvent) -> bool:
        if event.type not in webhooks.WANTED_EVENTS:
            return False
        if event.object_kind == "payment_intent":
            attempt = attempts.find(db, event.attempt)
            return attempt is not None and not attempt.session and not attempt.payment
        if event.object_kind != "checkout.session":
            return False
        if attempts.by_session(db, event.object_id) is not None:
            return False
        known = select(ServiceRequest.id).where(ServiceRequest.number == event.reference)
        return db.scalar(known) is not None

    def work_off(self, waiting: webhooks.Waiting) -> bool:
        """Look at the object of a kept event; whether that succeeded. If not, the worker will."""
        try:
            self._look(waiting)
        except Exception as error:  # whatever it is, the event is kept and tried again
            unexpected = None if isinstance(error, ProviderError) else error
            log.warning("webhook.retry", error=type(error).__name__, exc_info=unexpected)
            with self._database.begin() as db:
                webhooks.failed(db, waiting, type(error).__name__, self._clock.now())
            return False
        with self._database.begin() as db:
            webhooks.processed(db, waiting.provider, waiting.event_id, self._clock.now())
        return True

    def _look(self, waiting: webhooks.Waiting) -> None:
        match waiting.object_kind:
            case "checkout.session":
                self._cashier.look(waiting.object_id)
            case "payment_intent":
                self._cashier.look_at_payment(waiting.object_id)
            case "charge":
                self._cashier.look_at_payment(waiting.object_id)
                self._look_at_refunds(waiting.object_id)
            case "refund":
                self._settle_refund(waiting.object_id)
            case "dispute":
                self._settle_dispute(waiting.object_id)

    def _look_at_refunds(self, payment: str) -> None:
        with self._database.read() as db:
            if attempts.by_payment(db, payment) is None:
                return
        told = self._provider.refunds_of(payment)
        with self._database.begin() as db:
            for refund in told:
                refunds.settle(db, refund, self._clock.now())

    def _settle_refund(self, refund_id: str) -> None:
        told = self._provider.read_refund(refund_id)
        with self._database.begin() as db:
            refunds.settle(db, told, self._clock.now())

    def _settle_dispute(self, dispute_id: str) -> None:
        told = self._provider.read_dispute(dispute_id)
        with self._database.begin() as db:
            disputes.settle(db, told, self._clock.now())

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
