"""What a case is about in money, and what may be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection, func, select

from payments import attempts, crediting, disputes, ledger, obligations, refunds, strays
from payments.attempts import Try
from payments.cases import DEPOSITS, MISMATCHES, OpenCase
from payments.model import Entry, EntryLine, Rebooking, RebookingLine, Refund, RefundLine
from payments.money import Money
from payments.obligations import Owed
from payments.parts import part_of_lines
from payments.refunds import Refundable
from payments.refunds.reserving import (
    beside,
    currency_of,
    taken_beside,
    taken_by_line,
    taken_of_attempt_by_line,
)

OF_FEES = (*DEPOSITS, "dues_paid_twice")
"""About fee lines, and a person says how much of them: a payment order may keep a part."""
KINDS = (
    "surplus",
    *MISMATCHES,
    "cancelled_in_part",
    "refund_failed",
    "external_refund",
    "dispute_lost",
    *OF_FEES,
)
"""Kinds of case that a booking settles."""


class Choice(StrEnum):
    """What can be done with money that stands where it cannot stay."""

    REQUEST = "request"
    """The payment goes to a request: pays what it owes, and the rest is surplus of it."""
    PAID_OUT = "paid_out"
    """It was given back outside of the provider, by a payment order."""
    DEPOSIT = "deposit"
    """The refund that was made without us was the deposit."""
    LOSS = "loss"
    """Those who had got it bear it, each by its part."""


class Why(StrEnum):
    """Why something cannot be booked."""

    NOTHING = "nothing"
    """It is about no money of ours, or all of it has gone already."""
    TOO_MUCH = "too_much"
    """More was taken than the payment brought."""
    DUE = "due"
    """What was taken had paid a part of what is still due: nobody has got it yet."""
    CHANGED = "changed"
    """Something has happened since it was proposed."""
    WAITS = "waits"
    """Another proposal about it waits for a second person."""
    OWED_NOTHING = "owed_nothing"
    """The request that is named never owed anything."""
    SAME = "same"
    """It is surplus of that request already, and nothing is due."""


@dataclass(frozen=True)
class Taken:
    """An account that money is taken from; ``line`` is the position of a fee line."""

    account: str
    entity: str
    item: str
    line: int | None
    amount: int


@dataclass(frozen=True)
class Matter:
    """The money of a case: by which payment it came, where it stands, what may be done.

    ``sources`` are the accounts that each choice takes it from; the credit is ``account`` where a
    loss is explained. Of one that is ``divisible`` less than all may be taken.
    """

    attempt: Try
    reference: str
    account: str
    left: Money
    choices: tuple[Choice, ...]
    gives_back: bool
    sources: dict[Choice, tuple[Taken, ...]]
    refund_id: str | None = None
    divisible: bool = False

    def part(self, taken: Taken) -> Money:
        """What one source gives."""
        return Money(taken.amount, self.left.currency)

    def of(self, amount: Money) -> "Matter | None":
        """The same about a part of it; None when it is more than is left, or cannot be divided."""
        if not self.divisible or amount.currency != self.left.currency:
            return None
        if not 0 < amount.minor <= self.left.minor:
            return None
        sources = {choice: _up_to(each, amount.minor) for choice, each in self.sources.items()}
        return replace(self, left=amount, sources=sources)


def _up_to(sources: Sequence[Taken], rest: int) -> tuple[Taken, ...]:
    """A sum from the first of the sources."""
    found = []
    for each in sources:
        part = min(each.amount, rest)
        if part > 0:
            found.append(replace(each, amount=part))
            rest -= part
    return tuple(found)


def matter_of(db: Connection, case: OpenCase) -> Matter | Why:
    """What a case is about; or why there is nothing to book."""
    if case.kind in ("surplus", *MISMATCHES):
        attempt = strays.of_payment(db, case.object_id)
        return _aside(db, attempt, case) if attempt else Why.NOTHING
    if case.kind == "cancelled_in_part":
        return _of_cancelled(db, case)
    if case.kind == "refund_failed":
        return _unmade_refund(db, case)
    if case.kind == "external_refund":
        return _refund_without_us(db, case)
    if case.kind == "dispute_lost":
        return _lost(db, case)
    if case.kind in OF_FEES:
        return _of_fees(db, case)
    return Why.NOTHING


def _aside(db: Connection, attempt: Try, case: OpenCase) -> Matter | Why:
    """Money that was set aside: it goes back, or where it belongs."""
    left = refunds.refundable(db, attempt).set_aside
    if not left or disputes.is_taken(db, attempt.id):
        return Why.NOTHING
    whole = left.minor == attempt.amount.minor and attempt.state in {"surplus", "mismatched"}
    ours = case.kind not in {"mismatch_currency", "mismatch_environment"}
    fits = whole and ours and left.currency == attempt.amount.currency
    choices = (Choice.REQUEST, Choice.PAID_OUT) if fits else (Choice.PAID_OUT,)
    source: tuple[Taken, ...] = (Taken(beside(attempt), "", "", None, left.minor),)
    sources = dict.fromkeys(choices, source)
    return Matter(
        attempt, case.reference, beside(attempt), left, choices, gives_back=True, sources=sources
    )


def _of_cancelled(db: Connection, case: OpenCase) -> Matter | Why:
    """One payment after the other: a part can have come by several.

    What did not fit, or came after the closing, has cases of its own.
    """
    for attempt in attempts.that_paid(db, case.object_id):
        found = _aside(db, attempt, case)
        if isinstance(found, Matter):
            return found
    return Why.NOTHING


def _of_fees(db: Connection, case: OpenCase) -> Matter | Why:
    """What of its fees a request gets back, one payment after the other: a form of the refund says
    how much of which line, and what the means cannot take is paid out by a payment order."""
    for owed in obligations.of_reference(db, case.reference):
        for attempt in attempts.that_paid(db, owed.id):
            sources = _that_come_back(refunds.refundable(db, attempt), case)
            if not sources:
                continue
            return Matter(
                attempt,
                case.reference,
                sources[0].account,
                Money(sum(each.amount for each in sources), owed.amount.currency),
                (Choice.PAID_OUT,),
                gives_back=False,
                sources={Choice.PAID_OUT: sources},
                divisible=True,
            )
    return Why.NOTHING


def _that_come_back(can: Refundable, case: OpenCase) -> tuple[Taken, ...]:
    """The lines that the case is about, as far as the payment has paid them and they are left."""
    if can.why is not None:
        return ()
    lines = [
        Taken(
            ledger.REFUNDABLE if each.line.refundable else ledger.REVENUE,
            each.line.entity,
            each.line.item,
            each.position,
            each.left.minor,
        )
        for each in can.lines
        if each.comes_back and (each.line.refundable or case.kind not in DEPOSITS)
    ]
    return _up_to(lines, can.credited.minor)


def _unmade_refund(db: Connection, case: OpenCase) -> Matter | Why:
    """A refund that the provider could not make: its sum is back where it came from."""
    refund = refunds.find(db, case.object_id)
    attempt = attempts.find(db, refund.attempt_id) if refund else None
    if refund is None or attempt is None or disputes.is_taken(db, attempt.id):
        return Why.NOTHING
    owed = obligations.get(db, attempt.obligation_id)
    if owed is None or owed.reference != refund.reference:
        return Why.NOTHING  # the payment has gone to another request since, and its money with it
    # what a refund without us had taken beyond is whose it was before, and so is what did not fit
    # once the payment has been booked where it belongs
    sources = tuple(
        each
        for each in _sources_of(db, refund.id)
        if each.line is not None or each.account == beside(attempt)
    )
    if not sources or not _is_free(db, attempt, sources):
        return Why.NOTHING  # asked for once more, or given back in another way
    return Matter(
        attempt,
        case.reference,
        sources[0].account,
        Money(sum(each.amount for each in sources), refund.amount.currency),
        (Choice.PAID_OUT,),
        gives_back=True,
        sources={Choice.PAID_OUT: sources},
    )


def _sources_of(db: Connection, refund_id: str) -> tuple[Taken, ...]:
    """From where a refund was taken; one without us that was the deposit, from the deposit."""
    deposit = (
        select(RebookingLine.__table__)
        .join(Rebooking, Rebooking.id == RebookingLine.rebooking_id)
        .where(
            Rebooking.refund_id == refund_id,
            Rebooking.choice == Choice.DEPOSIT,
            Rebooking.state == "approved",
        )
        .order_by(RebookingLine.position)
    )
    own = (
        select(RefundLine.__table__)
        .where(RefundLine.refund_id == refund_id)
        .order_by(RefundLine.position)
    )
    rows = db.execute(deposit).all() or db.execute(own).all()
    return tuple(Taken(row.account, row.entity, row.item, row.line, row.amount) for row in rows)


def _is_free(db: Connection, attempt: Try, sources: Sequence[Taken]) -> bool:
    can = refunds.refundable(db, attempt)
    left = {each.position: each.left.minor for each in can.lines}
    of_lines = sum(each.amount for each in sources if each.line is not None)
    return of_lines <= can.credited.minor and all(
        each.amount <= (can.set_aside.minor if each.line is None else left.get(each.line, 0))
        for each in sources
    )


def _refund_without_us(db: Connection, case: OpenCase) -> Matter | Why:
    """What went back beyond what was not owed: it leaves a hole in ``suspense``."""
    refund = db.execute(
        select(Refund.id, Refund.attempt_id, Refund.currency).where(
            Refund.provider_refund == case.object_id
        )
    ).one_or_none()
    attempt = attempts.find(db, refund.attempt_id) if refund else None
    if refund is None or attempt is None or beside(attempt) == ledger.SUSPENSE:
        return Why.NOTHING
    held = _standing(db, case.object_id, ledger.SUSPENSE)
    if held <= 0:
        return Why.NOTHING
    sources = {}
    deposit = _of_deposits(db, attempt, held)
    if deposit:
        sources[Choice.DEPOSIT] = deposit
    shares = _borne(db, attempt, held)
    if not isinstance(shares, Why):
        sources[Choice.LOSS] = shares
    elif not sources:
        return shares
    return Matter(
        attempt,
        case.reference,
        ledger.SUSPENSE,
        Money(held, refund.currency),
        tuple(sources),
        gives_back=False,
        sources=sources,
        refund_id=refund.id,
    )


def _lost(db: Connection, case: OpenCase) -> Matter | Why:
    """What a bank has kept."""
    dispute = next(iter(disputes.by_ids(db, [case.object_id])), None)
    attempt = attempts.find(db, dispute.attempt_id) if dispute else None
    if dispute is None or attempt is None:
        return Why.NOTHING
    held = _standing(db, dispute.id, ledger.DISPUTE_HOLD)
    if held <= 0:
        return Why.NOTHING
    sources = _borne(db, attempt, held)
    if isinstance(sources, Why):
        return sources
    return Matter(
        attempt,
        case.reference,
        ledger.DISPUTE_HOLD,
        Money(held, currency_of(db, attempt)),
        (Choice.LOSS,),
        gives_back=False,
        sources={Choice.LOSS: sources},
    )


def _standing(db: Connection, object_id: str, account: str) -> int:
    """What the entries about an object at the provider hold in an account."""
    found = (
        select(func.coalesce(func.sum(EntryLine.amount), 0))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(
            Entry.provider == ledger.PROVIDER,
            Entry.object_id == object_id,
            EntryLine.account == account,
        )
    )
    return int(db.scalar(found) or 0)


def _fee_lines(db: Connection, obligation_id: str) -> list[Taken]:
    """The frozen lines, as what they brought to whom."""
    lines = crediting.fee_lines(db, [obligation_id])[obligation_id]
    return [Taken(x.account, x.entity, x.item, x.position, x.amount) for x in lines]


def _of_deposits(db: Connection, attempt: Try, amount: int) -> tuple[Taken, ...]:
    """The sum from the deposits of what the payment paid; nothing if they are less.

    Of a stage that is due no deposit is kept yet, and of a closed one none any more.
    """
    owed = obligations.get(db, attempt.obligation_id)
    if owed is None or owed.state != "paid":
        return ()
    taken = taken_by_line(db, attempt.obligation_id)
    found, rest = [], amount
    for line in _fee_lines(db, attempt.obligation_id):
        free = line.amount - taken.get(line.line or 0, 0)
        part = min(rest, free)
        if line.account == ledger.REFUNDABLE and part > 0:
            found.append(replace(line, amount=part))
            rest -= part
    return () if rest else tuple(found)


def _borne(db: Connection, attempt: Try, amount: int) -> tuple[Taken, ...] | Why:
    """The sum from those who got the payment, each by its part.

    What was set aside is nobody's income, so it goes first. What pays a part of a stage that is due
    is nobody's yet: the stage is covered one day, or closed, and then the part is set aside.
    """
    free = max(attempt.set_aside.minor - taken_beside(db, attempt), 0)
    from_aside = min(amount, free)
    rest = amount - from_aside
    owed = obligations.get(db, attempt.obligation_id)
    if rest and (owed is None or owed.state == "due"):
        return Why.DUE
    found = [Taken(beside(attempt), "", "", None, from_aside)] if from_aside else []
    of_lines = _borne_by_lines(db, attempt, rest) if rest else []
    return Why.TOO_MUCH if of_lines is None else (*found, *of_lines)


def _borne_by_lines(db: Connection, attempt: Try, amount: int) -> list[Taken] | None:
    """The sum from the fee lines that the payment paid; None if it paid less.

    Each gives by its part of the payment, but no more than is left of it: a deposit may have gone
    back by this payment beyond its part, and another payment then had paid for the other lines.
    """
    own = attempt.amount.minor - attempt.set_aside.minor
    taken = taken_of_attempt_by_line(db, attempt.id)
    if own - sum(taken.values()) < amount:
        return None
    lines = _fee_lines(db, attempt.obligation_id)
    got = crediting.brought_by(db, attempt.obligation_id, attempt.id)
    of_all = taken_by_line(db, attempt.obligation_id)
    left = [line.amount - of_all.get(position, 0) for position, line in enumerate(lines)]
    # between nothing and what is left, which is below nothing for a discount
    mine = [
        sorted((0, got.get(position, 0) - taken.get(position, 0), most))[1]
        for position, most in enumerate(left)
    ]
    beyond = amount - sum(mine)
    if beyond <= 0:
        parts = part_of_lines(mine, 0, amount)
    else:
        others = [most - part for most, part in zip(left, mine, strict=True)]
        if sum(others) < beyond:
            return None
        more = part_of_lines(others, 0, beyond)
        parts = [part + each for part, each in zip(mine, more, strict=True)]
    return [replace(line, amount=part) for line, part in zip(lines, parts, strict=True) if part]


@dataclass(frozen=True)
class Target:
    """Where a payment goes: the stage, what it pays of it, and what is beyond."""

    owed: Owed
    pays: Money
    beyond: Money


def target_of(db: Connection, matter: Matter, reference: str) -> Target | None:
    """What a payment does for a request: it pays the oldest stage that is due; where nothing is
    due it is surplus of the last one. None when the request never owed anything."""
    stages = obligations.of_reference(db, reference)
    if not stages:
        return None
    owed = obligations.due(db, reference) or stages[-1]
    pays = min(matter.left, owed.remaining)
    return Target(owed, pays, matter.left - pays)


def stays(matter: Matter, target: Target) -> bool:
    """Whether nothing would change: it is surplus of that very request, and nothing is due."""
    same = target.owed.reference == matter.reference
    return matter.account == ledger.SURPLUS and same and not target.pays
