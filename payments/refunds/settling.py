"""Making refunds at the provider, and working in what it tells of them: harmless twice.

The provider is asked with one idempotency key for each refund, and what it knows of the payment is
read first: so an answer that was lost, however long ago, is found instead of asked for again.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from payments import attempts, cases, ledger, obligations, strays
from payments.attempts import Try
from payments.cases import open_case
from payments.model import Refund
from payments.provider import Refunded, RefundOrder, RefundStatus
from payments.refunds.closing import close_cases
from payments.refunds.reading import (
    PROMISED,
    PROVIDER,
    STAFF,
    Asked,
    RefundReason,
    RefundState,
    asked,
    get,
    of_attempt,
)
from payments.refunds.reserving import (
    Source,
    beside,
    book_promise,
    keep_sources,
    recount,
    sources_of,
    taken_beside,
    taken_of_lines,
    undo_explanation,
)

_SHORTEST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=15)
_ENDED = (RefundState.FAILED, RefundState.REJECTED)


def to_make(db: Connection, at: datetime, most: int) -> list[Asked]:
    """Approved refunds that are not made yet, and those whose outcome is not known."""
    rows = db.execute(
        select(Refund.__table__)
        .where(Refund.state.in_(PROMISED), Refund.look_again_at <= at)
        .order_by(Refund.look_again_at)
        .limit(most)
    )
    return [asked(row) for row in rows]


def looked_at(db: Connection, refund: Asked, at: datetime) -> None:
    """Look at it again later: each time as much later as it waits already, without an end."""
    waited = at - (refund.decided_at or refund.requested_at)
    wait = min(max(waited, _SHORTEST_WAIT), _LONGEST_WAIT)
    db.execute(update(Refund).where(Refund.id == refund.id).values(look_again_at=at + wait))


def order(db: Connection, refund: Asked) -> RefundOrder:
    """What to ask the provider for."""
    attempt = attempts.find(db, refund.attempt_id)
    assert attempt is not None and attempt.payment  # noqa: S101, PT018 - reserved with it
    return RefundOrder(attempt.payment, refund.amount, refund.id, f"refund-{refund.id}")


def refused(db: Connection, refund: Asked, reason: str, at: datetime) -> Asked:
    """The provider will not make it: the promise is taken back and a person is told."""
    if attempts.hold(db, refund.attempt_id) is None:
        return refund
    now = get(db, refund.id)
    if now.state is RefundState.APPROVED:
        _fail(db, now, reason, at)
    return get(db, refund.id)


def settle(db: Connection, told: Refunded, at: datetime) -> Asked | None:
    """Work the state of a refund at the provider into ours and the ledger.

    One that nobody here asked for is recorded too, with a case. None when its payment is not ours.
    """
    found = strays.keep(db, told.payment)
    held = attempts.hold(db, found.id) if found else None
    if held is None:
        return None
    attempt, _ = held
    known = _known(db, attempt, told) or _record_external(db, attempt, told, at)
    if known.state in _ENDED:
        return known  # a failure is the end: what was read earlier comes too late
    failed = told.status is RefundStatus.FAILED
    taken = told.taken or told.status is RefundStatus.SUCCEEDED
    if taken:
        _book(db, known, attempt, told, at, back=False)
    if failed:
        if ledger.is_booked(db, ledger.PROVIDER, told.id, "refund"):
            _book(db, known, attempt, told, at, back=True)
        _set(db, known.id, known.state, told, None)
        _fail(db, known, told.failure or "failed", at)
    elif told.status is RefundStatus.SUCCEEDED and known.state is not RefundState.SUCCEEDED:
        _set(db, known.id, RefundState.SUCCEEDED, told, at)
        note = f"given back by refund {known.id}"
        close_cases(db, attempt, get(db, known.id), note, at)
    elif known.state is RefundState.APPROVED:
        _set(db, known.id, RefundState.SENT, told, None)
    return get(db, known.id)


def _known(db: Connection, attempt: Try, told: Refunded) -> Asked | None:
    """The refund of ours that this is.

    It carries our id, or it is for what was approved and not asked for yet: somebody has made that
    at the provider. What claims to be ours and is for another sum or payment is a stranger's.
    """
    for each in of_attempt(db, attempt.id):
        if each.provider_refund == told.id:
            return each
    for each in of_attempt(db, attempt.id):
        waits = each.state is RefundState.APPROVED and each.provider_refund is None
        if waits and each.amount == told.amount and told.refund in {"", each.id}:
            return each
    return None


def _record_external(db: Connection, attempt: Try, told: Refunded, at: datetime) -> Asked:
    """Money goes back without us: from what was set aside first, for that was not owed.

    Requests of ours that it leaves nothing for lapse.
    """
    owed = obligations.get(db, attempt.obligation_id)
    reference = owed.reference if owed else ""
    refund_id = told.id[-32:]
    db.execute(
        insert(Refund).values(
            id=refund_id,
            attempt_id=attempt.id,
            reference=reference,
            origin=PROVIDER,
            reason=RefundReason.EXTERNAL,
            note="",
            currency=told.amount.currency,
            amount=told.amount.minor,
            state=RefundState.SENT,
            requested_by="",
            requested_at=at,
            decided_note="",
            provider_refund=told.id,
            failure="",
            look_again_at=at + _SHORTEST_WAIT,
        )
    )
    _lapse(db, attempt, told.amount.minor, at)
    keep_sources(db, refund_id, _external_sources(db, attempt, told.amount.minor))
    recount(db, attempt.id)
    open_case(db, "external_refund", told.id, reference, str(told.amount.minor), at)
    return get(db, refund_id)


def _external_sources(db: Connection, attempt: Try, amount: int) -> list[Source]:
    free = max(attempt.set_aside.minor - taken_beside(db, attempt), 0)
    from_aside = min(free, amount)
    sources = [Source(beside(attempt), "", "", None, from_aside)]
    if amount > from_aside:
        sources.append(Source(ledger.SUSPENSE, "", "", None, amount - from_aside))
    return [source for source in sources if source.amount]


def _lapse(db: Connection, attempt: Try, amount: int, at: datetime) -> None:
    """Requests that nobody decided on and that are more than is left, the latest first."""
    taken = taken_beside(db, attempt) + taken_of_lines(db, attempt)
    over = taken + amount - attempt.amount.minor
    for each in reversed(of_attempt(db, attempt.id)):
        if over > 0 and each.state is RefundState.REQUESTED:
            over -= each.amount.minor
            db.execute(
                update(Refund)
                .where(Refund.id == each.id)
                .values(state=RefundState.REJECTED, decided_by=PROVIDER, decided_at=at)
            )


def _book(
    db: Connection, refund: Asked, attempt: Try, told: Refunded, at: datetime, *, back: bool
) -> None:
    """The money leaves the provider, or is there again. Nobody has promised an external refund."""
    sign = -1 if back else 1
    if refund.origin == STAFF:
        given = [ledger.Line(ledger.REFUNDS_PAYABLE, sign * told.amount.minor)]
    else:
        given = [
            ledger.Line(each.account, sign * each.amount, each.entity, each.item)
            for each in sources_of(db, refund.id)
        ]
    clearing = ledger.clearing_of(attempt.kind)
    lines = [*given, ledger.Line(clearing, -sign * told.amount.minor)]
    name = "refund_failed" if back else "refund"
    effect = ledger.Effect(ledger.PROVIDER, told.id, name, refund.reference)
    ledger.book(db, effect, lines, told.amount.currency, at)


def _fail(db: Connection, refund: Asked, reason: str, at: datetime) -> None:
    db.execute(
        update(Refund)
        .where(Refund.id == refund.id)
        .values(state=RefundState.FAILED, failure=reason[:60], settled_at=at)
    )
    if refund.origin == STAFF:
        book_promise(db, refund, at, back=True)
    else:
        undo_explanation(db, refund, at)
        note = "the refund failed: the money is where it was"
        cases.resolve_object(db, ("external_refund",), refund.provider_refund or "", note, at)
    recount(db, refund.attempt_id)
    open_case(db, "refund_failed", refund.id, refund.reference, reason[:60], at)


def _set(
    db: Connection, refund_id: str, state: RefundState, told: Refunded, settled_at: datetime | None
) -> None:
    db.execute(
        update(Refund)
        .where(Refund.id == refund_id)
        .values(state=state, provider_refund=told.id, settled_at=settled_at)
    )
