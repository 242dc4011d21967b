"""What was paid for a request, what can go back, and what waits for whom.

Whoever looks sees the requests of his own centers only; another's is as missing as an unknown one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from payments import attempts, cases, disputes, obligations, rebooking, refunds
from payments.cases import OpenCase
from payments.disputes import KnownDispute
from payments.model import Dispute, PaymentCase, Rebooking, Refund
from payments.obligations import Owed
from payments.provider import DisputeStatus
from payments.rebooking import Proposal
from payments.refunds import Asked, Refundable, RefundState
from payments.refunds.reading import asked
from portal.problems import Missing
from portal.refunds.officers import Officer
from portal.requests import reading
from portal.requests.model import ServiceRequest
from portal.requests.reading import FiledRequest

MOST = 50
"""How many rows each list shows."""
_KINDS = (*cases.GIVE_BACK, "refund_failed", "external_refund", "dispute_lost")
_FROM_A_PAYMENT = ("surplus", *cases.MISMATCHES)


@dataclass(frozen=True)
class Payment:
    """A payment that brought money, for one stage of a request."""

    owed: Owed
    can: Refundable
    refunds: Sequence[Asked]

    @property
    def id(self) -> str:
        return self.can.attempt.id


@dataclass(frozen=True)
class Listed:
    """A refund in a list, with the service that it is about."""

    refund: Asked
    service_code: str
    center_code: str


@dataclass(frozen=True)
class ListedCase:
    """A case that money should go back for, or that a refund or a dispute has opened."""

    case: OpenCase
    service_code: str
    gives_back: bool


@dataclass(frozen=True)
class ListedDispute:
    """A dispute with the service that it is about."""

    dispute: KnownDispute
    service_code: str


@dataclass(frozen=True)
class Overview:
    """What waits, and what has happened lately."""

    to_decide: Sequence[Listed]
    under_way: Sequence[Listed]
    ended: Sequence[Listed]
    cases: Sequence[ListedCase]
    disputes: Sequence[ListedDispute]
    proposals: Sequence[Proposal]
    more: Collection[str]
    """Which of these lists leave something out."""


def open_request(db: Connection, officer: Officer, number: str) -> FiledRequest:
    """The request, if it is of one of the officer's centers."""
    request = reading.by_number(db, number)
    if not officer.sees(request.center_code):
        raise Missing("request")
    return request


def open_refund(db: Connection, officer: Officer, refund_id: str) -> tuple[Asked, FiledRequest]:
    found = refunds.find(db, refund_id)
    if found is None:
        raise Missing("refund")
    return found, open_request(db, officer, found.reference)


def payments_of(db: Connection, number: str, sale_only: frozenset[str]) -> list[Payment]:
    """Every payment that brought money for a request, oldest stage first."""
    return [
        Payment(
            owed,
            refunds.refundable(db, attempt, sale_only),
            refunds.of_attempt(db, attempt.id),
        )
        for owed in obligations.of_reference(db, number)
        for attempt in attempts.with_money(db, owed.id)
    ]


def open_payment(
    db: Connection, request: FiledRequest, payment_id: str, sale_only: frozenset[str]
) -> Payment:
    """One of them; a payment of another request is missing."""
    for each in payments_of(db, request.number, sale_only):
        if each.id == payment_id:
            return each
    raise Missing("payment")


def payment_of(db: Connection, refund: Asked, sale_only: frozenset[str]) -> Payment:
    """The payment of a refund, which may have gone to another request since."""
    attempt = attempts.find(db, refund.attempt_id)
    owed = obligations.get(db, attempt.obligation_id) if attempt else None
    if attempt is None or owed is None:
        raise Missing("payment")
    can = refunds.refundable(db, attempt, sale_only)
    return Payment(owed, can, refunds.of_attempt(db, attempt.id))


def open_case(db: Connection, number: str, case_id: int) -> OpenCase | None:
    """The open case of this id, if it is about this request."""
    found = cases.find_open(db, case_id)
    return found if found is not None and found.reference == number else None


def payment_of_case(db: Connection, payments: Sequence[Payment], case: OpenCase) -> Payment | None:
    """The payment that a case is about, where it is one."""
    if case.kind in _FROM_A_PAYMENT:
        fitting = [each for each in payments if each.can.attempt.payment == case.object_id]
    elif case.kind == "refund_failed":
        failed = refunds.find(db, case.object_id)
        fitting = [each for each in payments if failed and each.id == failed.attempt_id]
    elif case.kind == "cancelled_in_part":
        of_it = [each for each in payments if each.owed.id == case.object_id]
        fitting = [each for each in of_it if each.can.attempt.state == "paid" and each.can.most]
    elif case.kind in cases.DEPOSITS:
        fitting = [
            each
            for each in payments
            if any(line.line.refundable and line.left for line in each.can.lines)
        ]
    else:
        fitting = [each for each in payments if each.can.most]
    return fitting[0] if len(fitting) == 1 else None


def overview(db: Connection, officer: Officer) -> Overview:
    """Everything that the officer has to look at."""
    under_way = (RefundState.APPROVED, RefundState.SENT)
    ended = (RefundState.SUCCEEDED, RefundState.FAILED, RefundState.REJECTED)
    found: dict[str, list[Any]] = {
        "to_decide": _refunds(db, officer, (RefundState.REQUESTED,), newest_first=False),
        "under_way": _refunds(db, officer, under_way, newest_first=False),
        "ended": _refunds(db, officer, ended, newest_first=True),
        "cases": _cases(db, officer),
        "disputes": _disputes(db, officer),
        "proposals": _proposals(db, officer),
    }
    more = {name for name, rows in found.items() if len(rows) > MOST}
    return Overview(**{name: rows[:MOST] for name, rows in found.items()}, more=more)


def _of_centers(officer: Officer) -> list[ColumnElement[bool]]:
    if officer.centers is None:
        return []
    return [ServiceRequest.center_code.in_(officer.centers)]


def _refunds(
    db: Connection, officer: Officer, states: Sequence[RefundState], *, newest_first: bool
) -> list[Listed]:
    at = Refund.requested_at
    rows = db.execute(
        select(Refund.__table__, ServiceRequest.service_code, ServiceRequest.center_code)
        .join(ServiceRequest, ServiceRequest.number == Refund.reference)
        .where(Refund.state.in_(states), *_of_centers(officer))
        .order_by(at.desc() if newest_first else at)
        .limit(MOST + 1)
    )
    return [Listed(asked(row), row.service_code, row.center_code) for row in rows]


def _cases(db: Connection, officer: Officer) -> list[ListedCase]:
    rows = db.execute(
        select(
            PaymentCase.id,
            PaymentCase.kind,
            PaymentCase.object_id,
            PaymentCase.reference,
            PaymentCase.detail,
            PaymentCase.opened_at,
            ServiceRequest.service_code,
        )
        .join(ServiceRequest, ServiceRequest.number == PaymentCase.reference)
        .where(PaymentCase.closed_at.is_(None), PaymentCase.kind.in_(_KINDS), *_of_centers(officer))
        .order_by(PaymentCase.opened_at)
        .limit(MOST + 1)
    )
    gives_back = {*cases.GIVE_BACK, "refund_failed"}
    return [
        ListedCase(OpenCase(*row[:6]), row.service_code, row.kind in gives_back) for row in rows
    ]


def _disputes(db: Connection, officer: Officer) -> list[ListedDispute]:
    rows = db.execute(
        select(Dispute.id, ServiceRequest.service_code)
        .join(ServiceRequest, ServiceRequest.number == Dispute.reference)
        .where(
            or_(Dispute.state == DisputeStatus.OPEN, Dispute.closed_at.is_not(None)),
            *_of_centers(officer),
        )
        .order_by(Dispute.closed_at.is_not(None), Dispute.opened_at.desc())
        .limit(MOST + 1)
    ).all()
    known = {each.id: each for each in disputes.by_ids(db, [row.id for row in rows])}
    return [ListedDispute(known[row.id], row.service_code) for row in rows]


def _proposals(db: Connection, officer: Officer) -> list[Proposal]:
    """Bookings that wait for a second person, about requests of the officer's centers."""
    ids = db.scalars(
        select(Rebooking.id)
        .join(ServiceRequest, ServiceRequest.number == Rebooking.reference)
        .where(Rebooking.state == rebooking.State.PROPOSED, *_of_centers(officer))
        .order_by(Rebooking.proposed_at, Rebooking.id)
        .limit(MOST + 1)
    )
    return rebooking.by_ids(db, ids.all())
