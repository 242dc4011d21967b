"""What a request costs from its filing to its end, stage by stage, as its owner looks at it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select

from payments import attempts, ledger, obligations
from payments.cases import GIVE_BACK
from payments.model import Obligation, PaymentCase, Receipt, RefundLine
from payments.money import Money
from payments.obligations import Owed
from payments.refunds import RefundState
from payments.refunds.reserving import left_beside
from portal.catalogue.model import Stage
from portal.requests import assessing
from portal.requests.lifecycle import FINAL, State
from portal.requests.reading import FiledRequest


class Standing(StrEnum):
    """Where a stage of payment stands."""

    PAID = "paid"
    DUE = "due"
    AHEAD = "ahead"
    """Has fees, which the center has not assessed yet."""
    PERHAPS = "perhaps"
    """Costs something only if the registers show a difference."""
    NOTHING = "nothing"
    """Assessed, and nothing was to be paid."""
    CLOSED = "closed"
    """Was not paid, and is not owed any more."""


_PROMISED = (RefundState.APPROVED, RefundState.SENT, RefundState.SUCCEEDED)
_OWED = {"paid": Standing.PAID, "due": Standing.DUE, "cancelled": Standing.CLOSED}


@dataclass(frozen=True)
class PaymentStage:
    """One stage; ``amount`` and ``left`` are zero as long as nothing is owed for it."""

    stage: Stage
    standing: Standing
    amount: Money
    left: Money
    paid_at: datetime | None
    receipt: str


@dataclass(frozen=True)
class Account:
    """The stages in their order, and ``kept``: money beyond them that nobody has promised back."""

    stages: tuple[PaymentStage, ...]
    kept: Money

    @property
    def current(self) -> PaymentStage | None:
        """The stage that is to be paid now."""
        return next((each for each in self.stages if each.standing is Standing.DUE), None)


def account(db: Connection, request: FiledRequest) -> Account:
    """What was, is and will be to be paid for a request."""
    owed = {each.stage: each for each in obligations.of_reference(db, request.number)}
    receipts = _receipts(db, request.number)
    assessed = assessing.assessed_stages(db, request.id)
    stages = []
    for stage in Stage:
        debt = owed.get(stage)
        standing = _standing(request, stage, debt, assessed)
        if standing is not None:
            amount, left = (debt.amount, debt.remaining) if debt else (Money(0), Money(0))
            receipt = receipts.get(debt.id, "") if debt else ""
            at = debt.paid_at if debt else None
            stages.append(PaymentStage(stage, standing, amount, left, at, receipt))
    return Account(tuple(stages), kept(db, request.number))


def _standing(
    request: FiledRequest, stage: Stage, debt: Owed | None, assessed: set[Stage]
) -> Standing | None:
    if debt is not None:
        return _OWED[debt.state]
    if not request.quote.stage(stage):
        return None
    if stage is Stage.SUBMISSION or stage in assessed:
        return Standing.NOTHING
    # approved by silence, later fees are still to be assessed
    by_silence = State.DEEMED_APPROVED in {request.state, request.resume_state}
    if request.state in FINAL or (request.decided_at is not None and not by_silence):
        return None
    return Standing.PERHAPS if stage is Stage.BEFORE_DELIVERY else Standing.AHEAD


def _receipts(db: Connection, number: str) -> dict[str, str]:
    rows = db.execute(
        select(Receipt.obligation_id, Receipt.number)
        .join(Obligation, Obligation.id == Receipt.obligation_id)
        .where(Obligation.reference == number)
    )
    return {row.obligation_id: row.number for row in rows}


def kept(db: Connection, number: str) -> Money:
    """What came beyond what was due and waits for somebody to give it back.

    What could not go back is told as that, and not once more as this.
    """
    waits = select(PaymentCase.id).where(
        PaymentCase.reference == number,
        PaymentCase.kind.in_(GIVE_BACK),
        PaymentCase.closed_at.is_(None),
    )
    if db.execute(waits.limit(1)).first() is None:
        return Money(0)
    left = sum(
        left_beside(db, attempt, _PROMISED)
        for each in obligations.of_reference(db, number)
        for attempt in attempts.with_money(db, each.id)
        # one that does not fit is nobody's yet, and may be in another currency
        if attempt.state != "mismatched"
    )
    return Money(max(left - _failed(db, number), 0))


def _failed(db: Connection, number: str) -> int:
    """What of it should have gone back, could not, and waits for another way."""
    found = (
        select(func.coalesce(func.sum(RefundLine.amount), 0))
        .join(PaymentCase, PaymentCase.object_id == RefundLine.refund_id)
        .where(
            PaymentCase.kind == "refund_failed",
            PaymentCase.reference == number,
            PaymentCase.closed_at.is_(None),
            RefundLine.account == ledger.SURPLUS,
            RefundLine.line.is_(None),
        )
    )
    return int(db.scalar(found) or 0)
