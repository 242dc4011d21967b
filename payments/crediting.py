"""What payments brought to whom: the fee lines of a stage, in the order in which it was credited.

That order is the ledger's own, whoever asks: the export of a day, or the part that somebody bears
of a loss. The times of payments do not tell it: two can have come in one instant, and a payment
that was put where it belongs has come before it was credited there.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, func, select

from payments import ledger
from payments.model import Attempt, Entry, EntryLine, ObligationLine, Rebooking
from payments.parts import part_of_lines

REBOOKED = "rebooked"
"""The effect of an entry that puts money where it belongs."""
UNDONE = "rebooked_back"
"""The effect of one that takes this back, because the refund that it explained has failed."""


@dataclass(frozen=True)
class FeeLine:
    """A fee line, or a part of one, with the account and the beneficiary that it belongs to."""

    position: int
    account: str
    entity: str
    item: str
    amount: int


@dataclass(frozen=True)
class Credit:
    """What one entry credited to an obligation, and the attempt whose money that was."""

    entry: int
    attempt: str
    amount: int


def fee_lines(db: Connection, obligations: Sequence[str]) -> dict[str, list[FeeLine]]:
    """The frozen lines of obligations."""
    found: dict[str, list[FeeLine]] = defaultdict(list)
    rows = db.execute(
        select(ObligationLine.__table__)
        .where(ObligationLine.obligation_id.in_(obligations))
        .order_by(ObligationLine.obligation_id, ObligationLine.position)
    )
    for row in rows:
        account = ledger.REFUNDABLE if row.refundable else ledger.REVENUE
        line = FeeLine(row.position, account, row.entity, row.item, row.amount)
        found[row.obligation_id].append(line)
    return found


def between(lines: Sequence[FeeLine], before: int, after: int) -> list[FeeLine]:
    """What of its lines is paid between two sums."""
    amounts = part_of_lines([line.amount for line in lines], before, after)
    return [
        replace(line, amount=amount) for line, amount in zip(lines, amounts, strict=True) if amount
    ]


def credited(db: Connection, obligations: Sequence[str]) -> dict[str, list[Credit]]:
    """What was credited to obligations, entry by entry, the oldest first."""
    brought = select(Attempt.payment, Attempt.obligation_id, Attempt.id).where(
        Attempt.obligation_id.in_(obligations), Attempt.payment.is_not(None)
    )
    put = select(Rebooking.id, Rebooking.obligation_id, Rebooking.attempt_id).where(
        Rebooking.obligation_id.in_(obligations)
    )
    found: dict[str, list[Credit]] = defaultdict(list)
    for provider, effect, objects in (
        (ledger.PROVIDER, "payment", brought),
        (ledger.PORTAL, REBOOKED, put),
    ):
        # first their ids: in one statement SQLite goes through all entries of the provider
        of_object = {str(name): (to, attempt) for name, to, attempt in db.execute(objects)}
        rows = db.execute(
            select(Entry.object_id, Entry.id, EntryLine.amount)
            .join(EntryLine, EntryLine.entry_id == Entry.id)
            .where(
                Entry.provider == provider,
                Entry.object_id.in_(sorted(of_object)),
                Entry.effect == effect,
                of_account(ledger.RECEIVABLE),
            )
        )
        for row in rows:
            obligation, attempt = of_object[row.object_id]
            found[obligation].append(Credit(row.id, attempt, -row.amount))
    for each in found.values():
        each.sort(key=lambda credit: credit.entry)
    return found


def of_account(account: str) -> ColumnElement[bool]:
    """A line of this account, found by its entry.

    Not as a plain column: every line of the account would be gone through where those of a payment
    or of a day have an index.
    """
    return func.coalesce(EntryLine.account, "") == account


def before(known: Sequence[Credit], entry: int) -> int:
    """What had been credited before an entry."""
    return sum(each.amount for each in known if each.entry < entry)


def brought_by(db: Connection, obligation: str, attempt: str) -> dict[int, int]:
    """What one payment brought to each fee line of the stage that it pays, by position."""
    lines, known = fee_lines(db, [obligation])[obligation], credited(db, [obligation])[obligation]
    found: dict[int, int] = defaultdict(int)
    for each in known:
        if each.attempt == attempt:
            earlier = before(known, each.entry)
            for part in between(lines, earlier, earlier + each.amount):
                found[part.position] += part.amount
    return found
