"""From "the provider says it is paid" to "it is paid": one transaction, harmless twice.

Webhook, return page and sweep all come here with the object as read from the provider. Amount,
currency, environment and obligation are compared first; a difference goes to suspense with a case
for a person, and nothing is called paid.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from payments import attempts, ledger, obligations
from payments.cases import open_case
from payments.model import Entry, Receipt, ReceiptSerial
from payments.money import Money
from payments.provider import Checkout, CheckoutStatus
from payments.storage import UnlessThere

TAKEN = ("payment", "surplus", "suspense")
"""The effects by which a payment can have come into the ledger; one of them, once."""


class Outcome(StrEnum):
    """What a look at a checkout led to."""

    PAID = "paid"
    """The obligation was covered now, by this."""
    PARTIAL = "partial"
    """A part of the obligation was paid now; the rest is still due."""
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


_NOTHING = Money(0)
_TAKEN_BY = (
    select(Entry.id)
    .where(
        Entry.provider == ledger.PROVIDER,
        Entry.object_id == bindparam("payment"),
        or_(*(Entry.effect == effect for effect in TAKEN)),
    )
    .limit(1)
)
_NEW_RECEIPT = insert(Receipt)
_NEW_YEAR = insert(ReceiptSerial).ext(UnlessThere())
_NEXT_SERIAL = (
    update(ReceiptSerial)
    .where(ReceiptSerial.year == bindparam("of"))
    .values(last=ReceiptSerial.last + 1)
    .returning(ReceiptSerial.last)
)


@dataclass(frozen=True)
class Settlement:
    """The outcome, for the one who keeps the reference's state."""

    outcome: Outcome
    reference: str = ""
    stage: str = ""
    obligation: str = ""
    owed: Money = _NOTHING
    """The sum of the stage, which may have been paid in parts."""
    receipt: str = ""


def settle(
    db: Connection, checkout: Checkout, *, live: bool, year: int, at: datetime
) -> Settlement:
    """Work the state of ``checkout`` into obligation, attempt and ledger.

    ``live`` says which environment we are: a payment of the other one is never taken. ``year`` is
    that of the receipt's number.
    """
    owed = obligations.lock_of(db, checkout)
    # as it is now that nobody else changes it
    attempt = attempts.of_checkout(db, checkout) if owed else None
    if attempt is None or owed is None:
        return Settlement(Outcome.UNKNOWN)
    known = Settlement(Outcome.WAITING, owed.reference, owed.stage, owed.id, owed.amount)
    if not checkout.paid:
        if checkout.status is CheckoutStatus.EXPIRED:
            attempts.end(db, attempt.id, "expired", at)
            return _with(known, Outcome.EXPIRED)
        return known
    if _is_taken(db, checkout.payment):
        book_fee(db, checkout, owed.reference, at)
        return _with(known, Outcome.ALREADY)
    wrong = _difference(checkout, attempt, owed, live)
    if wrong:
        outcome = _suspend(db, owed, attempt, checkout, wrong, at)
    else:
        outcome = _take(db, owed, attempt, checkout, at)
    book_fee(db, checkout, owed.reference, at)
    if outcome is not Outcome.PAID:
        return _with(known, outcome)
    receipt = issue_receipt(db, owed.id, attempt.id, year, at)
    return _with(known, Outcome.PAID, receipt)


def _is_taken(db: Connection, payment: str) -> bool:
    return db.scalar(_TAKEN_BY, {"payment": payment}) is not None


def _take(
    db: Connection,
    owed: obligations.Owed,
    attempt: attempts.Try,
    checkout: Checkout,
    at: datetime,
) -> Outcome:
    """Credit what is still due; the rest was not owed and is kept as surplus."""
    credit = min(checkout.amount, owed.remaining)
    surplus = checkout.amount - credit
    lines = [ledger.Line(ledger.clearing_of(checkout.kind), checkout.amount.minor)]
    if credit:
        lines.append(ledger.Line(ledger.RECEIVABLE, -credit.minor))
    if surplus:
        lines.append(ledger.Line(ledger.SURPLUS, -surplus.minor))
        open_case(db, "surplus", checkout.payment, owed.reference, str(surplus.minor), at)
    _book(db, checkout, owed.reference, "payment" if credit else "surplus", lines, at)
    attempts.paid(db, attempt, "paid" if credit else "surplus", checkout, surplus, at)
    if not credit:
        return Outcome.SURPLUS
    after = obligations.credit(db, owed, credit, at)
    return Outcome.PAID if after.state == "paid" else Outcome.PARTIAL


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
    if attempt.payment not in {None, checkout.payment}:
        return "obligation"  # this checkout has brought another payment already
    if checkout.reference != owed.reference:
        return "reference"
    return "" if checkout.live == live else "environment"


def _suspend(
    db: Connection,
    owed: obligations.Owed,
    attempt: attempts.Try,
    checkout: Checkout,
    wrong: str,
    at: datetime,
) -> Outcome:
    minor = checkout.amount.minor
    lines = [
        ledger.Line(ledger.clearing_of(checkout.kind), minor),
        ledger.Line(ledger.SUSPENSE, -minor),
    ]
    _book(db, checkout, owed.reference, "suspense", lines, at)
    if attempt.state not in attempts.BROUGHT_MONEY:
        attempts.paid(db, attempt, "mismatched", checkout, checkout.amount, at)
    what = checkout.session or checkout.payment
    open_case(db, f"mismatch_{wrong}", checkout.payment, owed.reference, what, at)
    return Outcome.SUSPENSE


def book_fee(db: Connection, checkout: Checkout, reference: str, at: datetime) -> bool:
    """Book what the provider keeps of a payment, once it has told it."""
    charged = checkout.charged
    if charged is None or not charged.fee:
        return False
    fee = charged.fee.minor
    lines = [
        ledger.Line(ledger.PROVIDER_FEES, fee),
        ledger.Line(ledger.clearing_of(checkout.kind), -fee),
    ]
    effect = ledger.Effect(ledger.PROVIDER, charged.transaction, "fee", reference)
    return ledger.book(db, effect, lines, charged.fee.currency, at)


def _book(
    db: Connection,
    checkout: Checkout,
    reference: str,
    name: str,
    lines: list[ledger.Line],
    at: datetime,
) -> None:
    effect = ledger.Effect(ledger.PROVIDER, checkout.payment, name, reference)
    ledger.book(db, effect, lines, checkout.amount.currency, at)


def issue_receipt(
    db: Connection, obligation_id: str, attempt_id: str, year: int, at: datetime
) -> str:
    """Make the receipt of a stage that is covered now; its number."""
    number = _next_receipt(db, year)
    receipt = {
        "number": number,
        "obligation_id": obligation_id,
        "attempt_id": attempt_id,
        "issued_at": at,
    }
    db.execute(_NEW_RECEIPT, receipt)
    return number


def _next_receipt(db: Connection, year: int) -> str:
    """«R-26-0000042»: serial of the year."""
    serial = db.scalar(_NEXT_SERIAL, {"of": year})
    if serial is None:
        ensure_receipt_year(db, year)
        serial = db.scalar(_NEXT_SERIAL, {"of": year})
    return f"R-{year % 100:02d}-{serial:07d}"


def ensure_receipt_year(db: Connection, year: int) -> None:
    """Make the counter of ``year``; two that try at once make one."""
    db.execute(_NEW_YEAR, {"year": year, "last": 0})


def _with(known: Settlement, outcome: Outcome, receipt: str = "") -> Settlement:
    return replace(known, outcome=outcome, receipt=receipt)
