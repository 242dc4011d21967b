"""The citizen gives a request up, at any time before its decision (facts §3.3).

What is open at the provider is closed first: transaction, call, transaction, as when nobody pays. A
payment that lands meanwhile wins: then the citizen reads what has changed and confirms once more.
Fees that were paid stay paid (facts §1.3); deposits, and what was paid of a stage in part, go back:
each is put before whoever makes refunds.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from payments import obligations
from payments.cases import open_case
from payments.money import Money
from payments.refunds.reserving import taken_by_line
from portal.clock import Clock, public_id
from portal.db import Database
from portal.holidays.register import calendar as holiday_calendar
from portal.notifications import compose
from portal.notifications import queue as notifications
from portal.notifications.queue import Recipient
from portal.places.model import Places
from portal.problems import Conflict
from portal.requests import lifecycle, reading
from portal.requests.handing_off import HandOff
from portal.requests.lifecycle import TABLE, Act, Actor, Event
from portal.requests.paying import Cashier, cancel_debt
from portal.requests.reading import FiledRequest
from portal.vault import Vault


class Changed(Conflict):
    """It is no longer what the citizen read: money came, or something is to be paid now."""


@dataclass(frozen=True)
class Meaning:
    """What becomes of the money of a request that is given up now.

    ``fees`` were paid and stay paid; ``deposits`` and ``part`` (what was paid of a stage that is
    not covered) go back; ``left`` is not owed any more.
    """

    fees: Money
    deposits: Money
    part: Money
    left: Money

    @property
    def seen(self) -> str:
        """What the confirmation carries: it counts for this and nothing else."""
        sums = (self.fees, self.deposits, self.part, self.left)
        return "-".join(str(each.minor) for each in sums)


def is_possible(request: FiledRequest) -> bool:
    """Whether the request can be given up where it stands."""
    return request.state in TABLE[Event.WITHDRAW].sources


def meaning(db: Connection, number: str) -> Meaning:
    """What giving it up means at this moment."""
    fees, deposits, part, left = Money(0), Money(0), Money(0), Money(0)
    for owed in obligations.of_reference(db, number):
        if owed.state == "due":
            part, left = part + owed.credited, left + owed.remaining
        elif owed.state == "paid":
            taken = taken_by_line(db, owed.id)
            for position, line in enumerate(obligations.lines(db, owed.id)):
                if line.refundable:
                    deposits += line.amount - Money(taken.get(position, 0))
                else:
                    fees += line.amount
    return Meaning(fees, deposits, part, left)


class Withdrawer:
    """Ends requests that their owners give up."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        cashier: Cashier,
        hand_off: HandOff,
        places: Places,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._cashier = cashier
        self._hand_off = hand_off
        self._places = places
        self._clock = clock

    def withdraw(self, number: str, seen: str) -> None:
        """Give up the request, as its owner confirmed after reading :attr:`Meaning.seen`.

        Raises :class:`Changed`, :class:`~portal.requests.lifecycle.WrongState` when it is decided
        or given up already, and :class:`~payments.provider.ProviderError` when what is open there
        cannot be closed now.
        """
        with self._database.read() as db:
            if meaning(db, number).seen != seen:
                raise Changed("before it was closed")
            owed = obligations.due(db, number)
        if owed is not None and not self._cashier.close_open(owed):
            raise Changed("paid meanwhile")
        now = self._clock.now()
        with self._database.begin() as db:
            if owed is not None:
                obligations.lock(db, owed.id)
            if meaning(db, number).seen != seen:
                raise Changed("while it was closed")
            if owed is not None and not cancel_debt(db, owed, now):
                raise Changed("somebody pays")
            self._end(db, number, now)

    def _end(self, db: Connection, number: str, now: datetime) -> None:
        opened = reading.held(db, self._vault, number)
        request = opened.request
        if obligations.due(db, number) is not None:
            raise Changed("fees were assessed")  # in this very moment
        calendar = holiday_calendar(db, self._places.centers[request.center_code].governorate)
        act = Act(Event.WITHDRAW, Actor.CITIZEN, now, values={"waits_until": None})
        lifecycle.move(db, self._vault, request, act, calendar)
        if request.received_at is not None:
            self._hand_off.withdrawn(db, request, public_id(), "", now)
        deposits = meaning(db, number).deposits
        if deposits:
            detail = f"{deposits.major} pounds of deposits"
            open_case(db, "deposit_withdrawn", number, number, detail, now)
        to = Recipient(opened.mobile, request.locale)
        notifications.put(db, self._vault, to, compose.REQUEST_WITHDRAWN, {"number": number}, now)
