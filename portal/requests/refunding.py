"""Making refunds at the provider: asked for outside of any transaction, settled by what it tells.

What the provider knows of the payment is read before it is asked, so a call whose answer was lost
is found again, even when the provider has long forgotten its idempotency key.
"""

from datetime import datetime

from sqlalchemy import Connection

from payments import attempts, refunds, strays
from payments.provider import Provider, ProviderError, Refunded, Rejected
from payments.refunds import Asked, RefundState
from portal.clock import Clock
from portal.db import Database
from portal.loops import one_by_one
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.observability import log
from portal.problems import Missing
from portal.requests import reading
from portal.vault import Vault

_BATCH = 20
_NEWS = {
    RefundState.APPROVED: compose.REFUND_APPROVED,
    RefundState.SUCCEEDED: compose.REFUND_MADE,
    RefundState.FAILED: compose.REFUND_FAILED,
}


class Refunder:
    """Makes approved refunds, works in what the provider tells, and tells the citizen."""

    def __init__(self, database: Database, vault: Vault, provider: Provider, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._provider = provider
        self._clock = clock

    def make_approved(self) -> int:
        """A round of the worker: what is to be made, and what is not known to have ended."""
        now = self._clock.now()
        with self._database.read() as db:
            waiting = refunds.to_make(db, now, _BATCH)
        return one_by_one("refunds", waiting, self._make, (ProviderError,))

    def _make(self, refund: Asked) -> bool:
        with self._database.begin() as db:
            # first, so that one which cannot be made does not come back in every round
            refunds.looked_at(db, refund, self._clock.now())
            order = refunds.order(db, refund)
        try:
            self.look_at_payment(order.payment)
            with self._database.read() as db:
                asked_already = refunds.get(db, refund.id).state is not RefundState.APPROVED
            if not asked_already:
                self._settle(self._provider.refund(order))
        except Rejected as error:
            self._refuse(refund, str(error))
        with self._database.read() as db:
            return refunds.get(db, refund.id).state is not refund.state

    def _refuse(self, refund: Asked, reason: str) -> None:
        """The provider will never make it."""
        now = self._clock.now()
        with self._database.begin() as db:
            self._tell(db, refund, refunds.refused(db, refund, reason, now), now)

    def look_at_payment(self, payment: str) -> None:
        """Read every refund of a payment at the provider and work in what it says."""
        # those that carry an id of ours first: others may be for the same sum
        told = sorted(self._provider.refunds_of(payment), key=lambda each: not each.refund)
        for each in told:
            self._settle(each)

    def _settle(self, told: Refunded) -> None:
        with self._database.begin() as db:
            self.settle_in(db, told)

    def settle_in(self, db: Connection, told: Refunded) -> None:
        """Work in what the provider tells of a refund, in the caller's transaction."""
        now = self._clock.now()
        attempt = strays.keep(db, told.payment)
        if attempt is not None:
            # held from here on: of two that hear the same news, one tells the citizen
            attempts.hold(db, attempt.id)
        before = {each.id: each for each in self._known(db, told)}
        after = refunds.settle(db, told, now)
        if after is not None:
            self._tell(db, before.get(after.id), after, now)

    @staticmethod
    def _known(db: Connection, told: Refunded) -> list[Asked]:
        attempt = attempts.by_payment(db, told.payment)
        return refunds.of_attempt(db, attempt.id) if attempt else []

    def _tell(self, db: Connection, before: Asked | None, after: Asked, at: datetime) -> None:
        if before is not None and before.state is after.state:
            return
        log.info("refund.settled", request=after.reference, outcome=str(after.state))
        tell(db, self._vault, after, at)


def tell(db: Connection, vault: Vault, refund: Asked, at: datetime) -> None:
    """Tell the citizen what has become of a refund, as far as it is news for him."""
    kind = _NEWS.get(refund.state)
    if kind is None:
        return
    try:
        request = reading.by_number(db, refund.reference)
    except Missing:  # an obligation beside the portal's requests has nobody to tell
        return
    to = Recipient(reading.mobile(db, vault, request.id), request.locale)
    amount = refund.amount
    params = {"number": request.number, "sum": amount.minor, "currency": amount.currency}
    notifications.put(db, vault, to, kind, params, at)


def told(db: Connection, number: str) -> list[Asked]:
    """The refunds that the owner of a request hears of; what is only asked for is no news."""
    return [
        each
        for each in refunds.of_reference(db, number)
        if each.state not in {RefundState.REQUESTED, RefundState.REJECTED}
    ]
