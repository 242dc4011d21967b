"""From "the provider says it is paid" to "it is paid": one transaction, harmless twice.

Webhook, return page and sweep all come here with the object as read from the provider. Amount,
currency, environment and obligation are compared first; a difference goes to suspense with a case
for a person, and nothing is called paid.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, update

from payments import attempts, ledger, obligations
from payments.cases import open_case
from payments.model import Obligation, Receipt, ReceiptSerial
from payments.money import Money
from payments.provider import Checkout, CheckoutStatus
from payments.storage import insert_missing


class Outcome(StrEnum):
    """What a look at a checkout led to."""

    PAID = "paid"
    """The obligation was covered now, by this."""
    ALREADY = "already"
    """This payment had been settled before."""
    SURPLUS = "surplus"
    """The money came, but nothing was due any more."""
    SUSPENSE = "suspense"
    """The money does not fit what was asked for."""
    WAITING = "waiting"
    """Not paid yet."""
    EXPIRED = "expired"
    """The checkout ended without a payment."""
    UNKNOWN = "unknown"
    """No attempt of ours has this checkout."""


@dataclass(frozen=True)
class Settlement:
    """The outcome, for the one who keeps the reference's state."""

    outcome: Outcome
    reference: str = ""
    stage: str = ""
    obligation: str = ""
    amount: Money | None = None
    receipt: str = ""


def settle(
    db: Connection, checkout: Checkout, *, live: bool, year: int, at: datetime
) -> Settlement:
    """Work the state of ``checkout`` into obligation, attempt and ledger.

    ``live`` says which environment we are: a payment of the other one is never taken. ``year`` is
    that of the receipt's number.
    """
    attempt = attempts.by_session(db, checkout.session)
    if attempt is None:
        return Settlement(Outcome.UNKNOWN)
    owed = obligations.lock(db, attempt.obligation_id)
    if owed is None:
        return Settlement(Outcome.UNKNOWN)
    known = Settlement(Outcome.WAITING, owed.reference, owed.stage, owed.id, checkout.amount)
    if not checkout.paid:
        if checkout.status is CheckoutStatus.EXPIRED:
            attempts.end(db, attempt.id, "expired", at)
            return _with(known, Outcome.EXPIRED)
        return known
    wrong = _difference(checkout, attempt, owed, live)
    if wrong:
        return _suspend(db, known, attempt, checkout, wrong, at)
    if owed.state != "due":
        return _surplus(db, known, attempt, checkout, at)
    if not _book(db, checkout, owed.reference, "payment", ledger.RECEIVABLE, at):
        return _with(known, Outcome.ALREADY)
    db.execute(update(Obligation).where(Obligation.id == owed.id).values(state="paid", paid_at=at))
    attempts.paid(db, attempt.id, "paid", at, checkout.method)
    number = _next_receipt(db, year)
    db.execute(
        insert(Receipt).values(
            number=number, obligation_id=owed.id, attempt_id=attempt.id, issued_at=at
        )
    )
    return _with(known, Outcome.PAID, number)


def _difference(
    checkout: Checkout, attempt: attempts.Try, owed: obligations.Owed, live: bool
) -> str:
    """What does not fit, in a word, or nothing."""
    if checkout.amount.currency != owed.amount.currency:
        return "currency"
    if checkout.amount != attempt.amount:
        return "amount"
    if checkout.obligation != owed.id or checkout.attempt != attempt.id:
        return "obligation"
    if checkout.reference != owed.reference:
        return "reference"
    return "" if checkout.live == live else "environment"


def _suspend(
    db: Connection,
    known: Settlement,
    attempt: attempts.Try,
    checkout: Checkout,
    wrong: str,
    at: datetime,
) -> Settlement:
    _book(db, checkout, known.reference, "suspense", ledger.SUSPENSE, at)
    attempts.paid(db, attempt.id, "mismatched", at, checkout.method)
    open_case(db, f"mismatch_{wrong}", checkout.payment, known.reference, checkout.session, at)
    return _with(known, Outcome.SUSPENSE)


def _surplus(
    db: Connection, known: Settlement, attempt: attempts.Try, checkout: Checkout, at: datetime
) -> Settlement:
    if ledger.is_booked(db, ledger.PROVIDER, checkout.payment, "payment"):
        return _with(known, Outcome.ALREADY)
    if not _book(db, checkout, known.reference, "surplus", ledger.SURPLUS, at):
        return _with(known, Outcome.ALREADY)
    attempts.paid(db, attempt.id, "surplus", at, checkout.method)
    open_case(db, "surplus", checkout.payment, known.reference, checkout.session, at)
    return _with(known, Outcome.SURPLUS)


def _book(
    db: Connection, checkout: Checkout, reference: str, effect: str, account: str, at: datetime
) -> bool:
    minor = checkout.amount.minor
    return ledger.book(
        db,
        ledger.Effect(ledger.PROVIDER, checkout.payment, effect, reference),
        [ledger.Line(ledger.CLEARING, minor), ledger.Line(account, -minor)],
        checkout.amount.currency,
        at,
    )


def _next_receipt(db: Connection, year: int) -> str:
    """«R-26-0000042»: serial of the year."""
    raised = (
        update(ReceiptSerial)
        .where(ReceiptSerial.year == year)
        .values(last=ReceiptSerial.last + 1)
        .returning(ReceiptSerial.last)
    )
    serial = db.scalar(raised)
    if serial is None:
        ensure_receipt_year(db, year)
        serial = db.scalar(raised)
    return f"R-{year % 100:02d}-{serial:07d}"


def ensure_receipt_year(db: Connection, year: int) -> None:
    """Make the counter of ``year``; two that try at once make one."""
    insert_missing(db, insert(ReceiptSerial).values(year=year, last=0))


def _with(known: Settlement, outcome: Outcome, receipt: str = "") -> Settlement:
    return Settlement(
        outcome, known.reference, known.stage, known.obligation, known.amount, receipt
    )
