"""Payments without a portal and without a provider: what the provider would tell is said here.

For questions of bookkeeping alone, which need no page and no process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from payments import attempts, cases, disputes, obligations, rebooking, refunds
from payments.attempts import Channel, Try, Wish
from payments.cases import OpenCase
from payments.model import Attempt, Base, Entry, EntryLine, Obligation, PaymentCase
from payments.money import Money
from payments.obligations import OwedLine
from payments.provider import (
    Checkout,
    CheckoutStatus,
    Disputed,
    DisputeStatus,
    Refunded,
    RefundStatus,
)
from payments.rebooking import Choice, Matter, Taken
from payments.reconciliation.days import span
from payments.reconciliation.sharing import shares_of
from payments.refunds import Asked, Part, Refundable, RefundReason
from payments.settlement import Settlement, settle
from portal.clock import CAIRO, public_id
from portal.db import Database

AT = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
FEE, DEPOSIT = 30_000, 50_000
LINES = (
    OwedLine("use_charge", "local_unit", "مقابل إشغال", "Use charge", Money(FEE), False),
    OwedLine("deposit", "local_unit", "تأمين", "Deposit", Money(DEPOSIT), True),
)
ONE, TWO = "one", "two"
"""Who asks or proposes, and who decides."""


HERE, THERE = "26-1503-00001-1", "26-1503-00002-1"
"""Two requests."""


@contextmanager
def opened(folder: Path) -> Iterator[Connection]:
    """Empty tables, without the triggers that keep a ledger from being changed."""
    database = Database(f"sqlite:///{folder / 'desk.sqlite3'}", durable=False)
    with database.begin() as db:
        Base.metadata.create_all(db)
        yield db
    database.close()


@contextmanager
def undone(db: Connection) -> Iterator[None]:
    """What happens meanwhile has not happened afterwards: many tests share one database."""
    point = db.begin_nested()
    try:
        yield
    finally:
        point.rollback()


class Desk:
    """What happens with money, in one transaction."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def owe(self, reference: str, lines: tuple[OwedLine, ...] = LINES) -> str:
        """A stage of a request; the obligation's id."""
        obligation = public_id()
        obligations.create(self.db, obligation, reference, "submission", lines, AT)
        return obligation

    def begin(self, obligation: str, minor: int) -> Try:
        """A try to pay, that the provider has not heard of."""
        owed = obligations.get(self.db, obligation)
        assert owed is not None
        wish = Wish(Channel.CHECKOUT, Money(minor))
        return attempts.open_attempt(self.db, owed, public_id(), "stripe", wish, AT)

    def pay(self, obligation: str, minor: int, **unlike: Any) -> Try:
        """A payment that has come; ``unlike`` is what does not fit about it."""
        attempt = self.begin(obligation, minor)
        owed = obligations.get(self.db, obligation)
        assert owed is not None
        told: dict[str, Any] = {
            "session": f"cs_{attempt.id}",
            "status": CheckoutStatus.COMPLETE,
            "paid": True,
            "amount": Money(minor),
            "reference": owed.reference,
            "obligation": obligation,
            "attempt": attempt.id,
            "live": False,
            "url": "",
            "payment": f"pi_{attempt.id}",
            "expires_at": AT,
            **unlike,
        }
        checkout = Checkout(**told)
        attempts.attach(self.db, attempt.id, checkout)
        settle(self.db, checkout, live=False, year=2026, at=AT)
        return self.now(attempt)

    def now(self, attempt: Try) -> Try:
        """The attempt as it stands."""
        found = attempts.find(self.db, attempt.id)
        assert found is not None
        return found

    def cancel(self, obligation: str) -> None:
        assert obligations.cancel(self.db, obligation, AT)

    # --- refunds

    def can(self, attempt: Try) -> Refundable:
        """What can still go back of a payment."""
        return refunds.refundable(self.db, self.now(attempt))

    def told(
        self,
        attempt: Try,
        minor: int,
        identity: str,
        status: RefundStatus = RefundStatus.SUCCEEDED,
        of: str = "",
    ) -> Asked:
        """The provider tells of a refund; one without ``of`` was made on its own pages."""
        said = Refunded(identity, attempt.payment or "", Money(minor), status, of, taken=True)
        found = refunds.settle(self.db, said, AT)
        assert found is not None
        return found

    def ask(
        self,
        attempt: Try,
        minor: int,
        line: int | None = None,
        by: str = ONE,
        why: RefundReason | None = None,
    ) -> str:
        """Somebody asks for a refund; its id."""
        refund = public_id()
        reason = why or (RefundReason.SURPLUS if line is None else RefundReason.DEPOSIT)
        part = Part(line, Money(minor))
        refunds.ask(self.db, refund, attempt.id, [part], reason, "", by, AT)
        return refund

    def decide(self, refund: str, *, approved: bool = True) -> None:
        assert refunds.decide(self.db, refund, approved=approved, note="", by=TWO, at=AT)

    def made(self, refund: str, status: RefundStatus = RefundStatus.SUCCEEDED) -> None:
        """The provider has made an approved refund; or will not."""
        asked = refunds.get(self.db, refund)
        attempt = attempts.find(self.db, asked.attempt_id)
        assert attempt is not None
        self.told(attempt, asked.amount.minor, f"re_{refund}", status, refund)

    def give_back(self, attempt: Try, minor: int, line: int | None = None) -> str:
        """A refund from the question to its end."""
        refund = self.ask(attempt, minor, line)
        self.decide(refund)
        self.made(refund)
        return refund

    # --- disputes

    def lose(self, attempt: Try, minor: int) -> str:
        """A bank takes money back and keeps it; the dispute's id."""
        dispute, nothing = f"dp_{public_id()}", Money(0)
        told = Disputed(
            dispute,
            attempt.payment or "",
            Money(minor),
            Money(minor),
            nothing,
            nothing,
            nothing,
            DisputeStatus.LOST,
            "fraudulent",
        )
        assert disputes.settle(self.db, told, AT)
        return dispute

    # --- cases

    def case(self, kind: str, object_id: str) -> OpenCase:
        """A case, whether open or not."""
        wanted = (PaymentCase.kind == kind, PaymentCase.object_id == object_id)
        identity = self.db.scalars(select(PaymentCase.id).where(*wanted)).one()
        found = cases.find(self.db, identity)
        assert found is not None
        return found[0]

    def open_case(self, kind: str, reference: str) -> None:
        """One that the portal opens, about a whole request."""
        cases.open_case(self.db, kind, reference, reference, "", AT)

    def closed_by(self, kind: str, object_id: str) -> str:
        """Whose act closed a case; nobody's where it closed by itself, or is open."""
        found = cases.find(self.db, self.case(kind, object_id).id)
        return found[1].by if found and found[1] else ""

    def open_cases(self) -> list[str]:
        return sorted(each.kind for each in cases.open_cases(self.db))

    def matter(self, case: OpenCase) -> Matter:
        found = rebooking.matter_of(self.db, case)
        assert isinstance(found, Matter), found
        return found

    def propose(self, case: OpenCase, choice: Choice, target: str = "") -> str:
        """Somebody proposes what is to be booked; the proposal's id."""
        proposal = public_id()
        rebooking.propose(self.db, proposal, case, choice, target, "as agreed", ONE, AT)
        return proposal

    def approve(self, proposal: str) -> Settlement:
        done = rebooking.approve(self.db, proposal, TWO, AT, 2026)
        assert done is not None
        return done

    def book(self, case: OpenCase, choice: Choice, target: str = "") -> str:
        """Proposed by one and approved by another; the proposal's id."""
        proposal = self.propose(case, choice, target)
        self.approve(proposal)
        return proposal

    def taken(self, case: OpenCase) -> list[Taken]:
        """From where the last proposal about a case takes."""
        return rebooking.lines_of(self.db, rebooking.of_case(self.db, case.id)[-1].id)

    # --- what stands

    def stands(self, reference: str) -> dict[str, int]:
        """What the ledger holds for a reference, by account."""
        rows = self.db.execute(
            select(EntryLine.account, func.sum(EntryLine.amount))
            .join(Entry, Entry.id == EntryLine.entry_id)
            .where(Entry.reference == reference)
            .group_by(EntryLine.account)
        )
        return {account: int(total) for account, total in rows if total}

    def moved(self) -> dict[str, int]:
        """What the day gives to one account and takes from another, without a payment."""
        found: dict[str, int] = {}
        day = span(AT.astimezone(CAIRO).date(), CAIRO)
        for key, share in shares_of(
            self.db, day, lambda _, names: dict.fromkeys(names, "")
        ).items():
            found[key.account] = found.get(key.account, 0) + share.moved
        return found

    def numbers(self, obligation: str) -> list[int]:
        """The numbers of the attempts of a stage."""
        wanted = select(Attempt.number).where(Attempt.obligation_id == obligation)
        return sorted(self.db.scalars(wanted))

    def state(self, obligation: str) -> str:
        wanted = select(Obligation.state).where(Obligation.id == obligation)
        return str(self.db.scalars(wanted).one())
