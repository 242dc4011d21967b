"""Proposing a rebooking, and deciding on it: never by the one who proposed it."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from payments import attempts, cases, ledger, obligations, refunds, strays
from payments.attempts import Try
from payments.cases import OpenCase
from payments.crediting import REBOOKED
from payments.model import Attempt, Rebooking, RebookingLine
from payments.money import Money
from payments.obligations import Owed
from payments.rebooking.matter import (
    OF_FEES,
    Choice,
    Matter,
    Taken,
    Target,
    Why,
    matter_of,
    stays,
    target_of,
)
from payments.rebooking.reading import LONGEST_NOTE, Proposal, State, find, lines_of, of_case
from payments.refunds.closing import all_returned, close_cases, parts_returned
from payments.refunds.reading import WAITING
from payments.settlement import Outcome, Settlement, issue_receipt
from payments.storage import insert_missing


class Unbookable(ValueError):
    """This cannot be booked (any more)."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def propose(
    db: Connection,
    rebooking_id: str,
    case: OpenCase,
    choice: Choice,
    target: str,
    note: str,
    by: str,
    at: datetime,
    amount: Money | None = None,
) -> None:
    """Put a rebooking before a second person; raises :class:`Unbookable`.

    ``target`` is the request that the payment goes to, for that choice; ``amount`` is what is taken
    where less than all may be. What is proposed twice at once, under one id, is proposed once.
    """
    if _is_proposed(db, case, rebooking_id):
        return
    matter = _matter(db, case, choice, amount)
    goes_to = _target(db, matter, target) if choice is Choice.REQUEST else None
    strays.keep(db, matter.attempt.payment or "")
    made = insert_missing(
        db,
        insert(Rebooking).values(
            id=rebooking_id,
            case_id=case.id,
            choice=choice,
            attempt_id=matter.attempt.id,
            reference=case.reference,
            obligation_id=goes_to.owed.id if goes_to else None,
            refund_id=matter.refund_id,
            currency=matter.left.currency,
            amount=matter.left.minor,
            pays=goes_to.pays.minor if goes_to else None,
            note=note[:LONGEST_NOTE],
            state=State.PROPOSED,
            proposed_by=by,
            proposed_at=at,
            decided_note="",
        ),
    )
    if made is None:  # somebody was faster
        if not _is_proposed(db, case, rebooking_id):
            raise Unbookable(Why.WAITS)
    elif goes_to is None:
        _keep_lines(db, rebooking_id, matter.sources[choice])


def _is_proposed(db: Connection, case: OpenCase, rebooking_id: str) -> bool:
    """Whether this was proposed before; raises :class:`Unbookable` when something else waits."""
    proposals = of_case(db, case.id)
    if any(each.id == rebooking_id for each in proposals):
        return True
    if any(each.state is State.PROPOSED for each in proposals):
        raise Unbookable(Why.WAITS)
    return False


def _keep_lines(db: Connection, rebooking_id: str, sources: tuple[Taken, ...]) -> None:
    db.execute(
        insert(RebookingLine),
        [
            {
                "rebooking_id": rebooking_id,
                "position": position,
                "account": source.account,
                "entity": source.entity,
                "item": source.item,
                "line": source.line,
                "amount": source.amount,
            }
            for position, source in enumerate(sources)
        ],
    )


def _matter(db: Connection, case: OpenCase, choice: Choice, amount: Money | None) -> Matter:
    found = matter_of(db, case)
    if isinstance(found, Why):
        raise Unbookable(found)
    matter = found.of(amount) if found.divisible and amount is not None else found
    if matter is None or choice not in matter.choices:
        raise Unbookable(Why.CHANGED)
    return matter


def _target(db: Connection, matter: Matter, reference: str) -> Target:
    found = target_of(db, matter, reference)
    if found is None:
        raise Unbookable(Why.OWED_NOTHING)
    if stays(matter, found):
        raise Unbookable(Why.SAME)
    return found


def fits(db: Connection, found: Proposal, matter: Matter, goes_to: Target | None) -> bool:
    """Whether what was proposed is what would be booked now; ``goes_to`` is its request today."""
    if (matter.attempt.id, matter.left) != (found.attempt_id, found.amount):
        return False
    if found.choice is not Choice.REQUEST:
        return tuple(lines_of(db, found.id)) == matter.sources.get(found.choice)
    wanted = (found.obligation_id, found.pays)
    return goes_to is not None and (goes_to.owed.id, goes_to.pays) == wanted


def reject(db: Connection, rebooking_id: str, note: str, by: str, at: datetime) -> bool:
    """False when it was decided before, or by the one who proposed it."""
    return _set(db, rebooking_id, State.REJECTED, note, by, at)


def approve(
    db: Connection, rebooking_id: str, by: str, at: datetime, year: int
) -> Settlement | None:
    """Book it and close the case; None when it was decided before, or by the one who proposed it.

    ``year`` is that of the receipt's number. The outcome tells whether a stage of a request is
    covered now. Raises :class:`Unbookable` when it does not fit any more.
    """
    found = find(db, rebooking_id)
    attempt = attempts.find(db, found.attempt_id) if found else None
    if found is None or attempt is None:
        return None
    # in one order whoever comes, or two that want the same rows wait for each other
    for obligation in sorted({attempt.obligation_id, found.obligation_id or ""} - {""}):
        obligations.lock(db, obligation)
    case = cases.find_open(db, found.case_id)
    if case is None:
        raise Unbookable(Why.CHANGED)
    matter = _matter(db, case, found.choice, found.amount)
    goes_to = _target(db, matter, found.target) if found.choice is Choice.REQUEST else None
    if not fits(db, found, matter, goes_to):
        raise Unbookable(Why.CHANGED)
    if matter.attempt.obligation_id != attempt.obligation_id:  # it went while we waited
        raise Unbookable(Why.CHANGED)
    if not _set(db, rebooking_id, State.APPROVED, "", by, at):
        return None
    if goes_to is not None:
        return _go_to_request(db, found, matter, goes_to, case, by, at, year)
    _book_lines(db, found, matter, at)
    if _is_over(db, case, matter.attempt):
        cases.close(db, case.id, _closing(found), at, by)
    _close_others(db, found, matter.attempt, case, at)
    return Settlement(Outcome.ALREADY, found.reference)


def _set(db: Connection, rebooking_id: str, state: State, note: str, by: str, at: datetime) -> bool:
    done = db.execute(
        update(Rebooking)
        .where(
            Rebooking.id == rebooking_id,
            Rebooking.state == State.PROPOSED,
            Rebooking.proposed_by != by,
        )
        .values(state=state, decided_by=by, decided_at=at, decided_note=note[:LONGEST_NOTE])
    )
    return done.rowcount == 1


def _go_to_request(
    db: Connection,
    found: Proposal,
    matter: Matter,
    goes_to: Target,
    case: OpenCase,
    by: str,
    at: datetime,
    year: int,
) -> Settlement:
    owed, pays, beyond = goes_to.owed, goes_to.pays, goes_to.beyond
    lines = [
        ledger.Line(matter.account, matter.left.minor),
        ledger.Line(ledger.RECEIVABLE, -pays.minor),
        ledger.Line(ledger.SURPLUS, -beyond.minor),
    ]
    _book(db, found, owed.reference, [line for line in lines if line.amount], at)
    _move(db, matter.attempt, owed, pays, beyond)
    _close_failed(db, found, at)
    payment = matter.attempt.payment or ""
    if beyond and case.kind == "surplus":
        cases.move(db, case.id, owed.reference, str(beyond.minor))
    else:
        cases.close(db, case.id, _closing(found), at, by)
    if beyond and case.kind != "surplus":
        cases.open_case(db, "surplus", payment, owed.reference, str(beyond.minor), at)
    known = Settlement(Outcome.SURPLUS, owed.reference, owed.stage, owed.id, owed.amount)
    if not pays:
        return known
    if obligations.credit(db, owed, pays, at).state != "paid":
        return replace(known, outcome=Outcome.PARTIAL)
    receipt = issue_receipt(db, owed.id, matter.attempt.id, year, at)
    return replace(known, outcome=Outcome.PAID, receipt=receipt)


def _move(db: Connection, attempt: Try, owed: Owed, pays: Money, beyond: Money) -> None:
    """The payment is one of this stage now, as if it had come for it."""
    values: dict[str, object] = {
        "obligation_id": owed.id,
        "state": "paid" if pays else "surplus",
        "set_aside": beyond.minor,
    }
    if owed.id != attempt.obligation_id:
        last = db.scalar(select(func.max(Attempt.number)).where(Attempt.obligation_id == owed.id))
        values["number"] = (last or 0) + 1
    db.execute(update(Attempt).where(Attempt.id == attempt.id).values(**values))


def _close_failed(db: Connection, found: Proposal, at: datetime) -> None:
    """Refunds of the payment that failed are over: the whole of it has gone where it belongs."""
    for each in refunds.of_attempt(db, found.attempt_id):
        cases.resolve_object(db, ("refund_failed",), each.id, _closing(found), at)


def _book_lines(db: Connection, found: Proposal, matter: Matter, at: datetime) -> None:
    sources = matter.sources[found.choice]
    out = found.choice is Choice.PAID_OUT
    account = ledger.TREASURY_SETTLED if out else matter.account
    lines = [
        *(ledger.Line(each.account, each.amount, each.entity, each.item) for each in sources),
        ledger.Line(account, -found.amount.minor),
    ]
    _book(db, found, found.reference, lines, at)


def _book(
    db: Connection, found: Proposal, reference: str, lines: list[ledger.Line], at: datetime
) -> None:
    effect = ledger.Effect(ledger.PORTAL, found.id, REBOOKED, reference)
    ledger.book(db, effect, lines, found.amount.currency, at)


def _is_over(db: Connection, case: OpenCase, attempt: Try) -> bool:
    """Whether nothing is left of what a case is about.

    What is reserved for a refund that is not made may be free again; and of a request that was
    closed in part several payments may wait, one after the other.
    """
    if case.kind == "cancelled_in_part":
        return parts_returned(db, case.object_id)
    if case.kind in OF_FEES:
        return _are_back(db, case, attempt)
    return case.kind not in {"surplus", *cases.MISMATCHES} or all_returned(db, attempt)


def _are_back(db: Connection, case: OpenCase, attempt: Try) -> bool:
    """Whether no fees of a request are to go back any more, by a refund that is not made or by
    another payment. What is left of this one is kept, as its payment order says."""
    if any(each.state in WAITING for each in refunds.of_reference(db, case.reference)):
        return False
    rest = matter_of(db, case)
    return isinstance(rest, Why) or rest.attempt.id == attempt.id


def _close_others(
    db: Connection, found: Proposal, attempt: Try, case: OpenCase, at: datetime
) -> None:
    """Cases about the same money: nothing is left of it."""
    failed = refunds.find(db, case.object_id) if case.kind == "refund_failed" else None
    close_cases(db, attempt, failed, _closing(found), at)


def _closing(found: Proposal) -> str:
    """What the case says when it is closed."""
    goes_to = f" {found.target}" if found.target else ""
    return f"{found.choice}{goes_to}: {found.note}"[:LONGEST_NOTE]
