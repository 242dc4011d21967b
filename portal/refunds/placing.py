"""The page of a case: what it is about, what may be booked, what somebody has typed about that."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from payments import cases, obligations, rebooking
from payments.cases import Closing, OpenCase
from payments.obligations import OwedLine
from payments.rebooking import Choice, Matter, Proposal, State, Target, Why
from payments.settlement import Outcome
from portal.catalogue.identity import read_request_number
from portal.clock import cairo_time
from portal.problems import HIDDEN_CHARACTERS, N_, Missing, Problem
from portal.refunds import asking, reading
from portal.refunds.officers import Officer
from portal.requests.paying import Cashier
from portal.requests.reading import FiledRequest
from portal.text import is_readable

CHOICE, NUMBER, AMOUNT, NOTE = "choice", "number", "amount", "note"
SHORTEST_NOTE = 10
_BOOKED_ONLY = frozenset(rebooking.KINDS) - frozenset(rebooking.OF_FEES)


@dataclass(frozen=True)
class Label:
    """What a choice is called, and when it is right."""

    label: str
    when: str


CHOICES: Mapping[Choice, Label] = {
    Choice.REQUEST: Label(
        N_("It belongs to a request"),
        N_("The payment pays what that request owes. What is beyond that can go back from there."),
    ),
    Choice.PAID_OUT: Label(
        N_("It was paid out by a payment order"),
        N_("The treasury gave it back by cheque or transfer, because the means of payment cannot."),
    ),
    Choice.DEPOSIT: Label(
        N_("What went back was the deposit"),
        N_("The deposit is returned with that and cannot go back again."),
    ),
    Choice.LOSS: Label(
        N_("Those who had got it bear it"),
        N_(
            "Each beneficiary gives up the part that it had got of this payment. What was not owed "
            "goes first."
        ),
    ),
}

WHY: Mapping[Why, str] = {
    Why.NOTHING: N_(
        "Nothing is to be booked about this case. Close it with a note on what was done"
    ),
    Why.TOO_MUCH: N_(
        "More was taken than this payment brought. Find out with the provider what happened"
    ),
    Why.DUE: N_(
        "It had paid a part of what is still due. It can be booked once the rest is paid, or the "
        "request is closed"
    ),
    Why.CHANGED: N_("Something has changed since it was proposed. Reject it and look at it anew"),
    Why.WAITS: N_("A proposal about this case waits for a second person already"),
    Why.OWED_NOTHING: N_("That request never owed anything, so no payment can be of it"),
    Why.SAME: N_("It is kept for that request already, and nothing of it is due. Give it back"),
}


@dataclass(frozen=True)
class Goal:
    """The request that a payment goes to, and what it does there."""

    request: FiledRequest
    target: Target


@dataclass(frozen=True)
class Wish:
    """What somebody wants to have booked, as typed; ``problems`` say what is wrong with it.

    ``matter`` is what of the case is booked.
    """

    typed: Mapping[str, str]
    choice: Choice | None = None
    goal: Goal | None = None
    matter: Matter | None = None
    note: str = ""
    problems: Sequence[Problem] = field(default=())


@dataclass(frozen=True)
class Looked:
    """A case as its page shows it. ``proposal`` waits for a second person; ``fits`` tells that what
    would be booked now is still what was proposed."""

    case: OpenCase
    closing: Closing | None
    request: FiledRequest | None
    matter: Matter | None
    why: Why | None
    proposals: Sequence[Proposal]
    fee_lines: Sequence[OwedLine]
    goal: Goal | None
    fits: bool

    @property
    def is_refund(self) -> bool:
        """Whether the form of a refund settles it first of all: it says which fees go back."""
        return self.case.kind in rebooking.OF_FEES

    @property
    def proposal(self) -> Proposal | None:
        return next((each for each in self.proposals if each.state is State.PROPOSED), None)


def look(db: Connection, officer: Officer, case_id: int) -> Looked:
    """A case that the officer may see; another's is missing."""
    found = cases.find(db, case_id)
    if found is None:
        raise Missing("case")
    case, closing = found
    if not case.reference and officer.centers is not None:
        raise Missing("case")
    request = reading.open_request(db, officer, case.reference) if case.reference else None
    about = rebooking.matter_of(db, case) if closing is None else Why.NOTHING
    matter = about if isinstance(about, Matter) else None
    proposals = rebooking.of_case(db, case_id)
    waits = next((each for each in proposals if each.state is State.PROPOSED), None)
    if matter is not None and waits is not None and matter.divisible:
        matter = matter.of(waits.amount) or matter
    goal = None
    if matter is not None and waits is not None and waits.choice is Choice.REQUEST:
        with suppress(Missing):  # of another governorate: whoever sees both decides
            goal = _goal(db, officer, matter, waits.target)
    return Looked(
        case=case,
        closing=closing,
        request=request,
        matter=matter,
        why=about if isinstance(about, Why) and case.kind in _BOOKED_ONLY else None,
        proposals=proposals,
        fee_lines=obligations.lines(db, matter.attempt.obligation_id) if matter else (),
        goal=goal,
        fits=waits is not None
        and matter is not None
        and rebooking.fits(db, waits, matter, goal.target if goal else None),
    )


def _goal(db: Connection, officer: Officer, matter: Matter, number: str) -> Goal | None:
    """What the payment does for a request; raises :class:`~portal.problems.Missing`."""
    request = reading.open_request(db, officer, number)
    target = rebooking.target_of(db, matter, number)
    return Goal(request, target) if target else None


def read(db: Connection, officer: Officer, seen: Looked, values: Mapping[str, str]) -> Wish:
    """The form, checked against what can be booked now; the number is looked up."""
    typed = {name: values.get(name, "").strip() for name in (CHOICE, NUMBER, AMOUNT, NOTE)}
    problems: list[Problem] = []
    matter = seen.matter
    choice = (
        next((each for each in matter.choices if each == typed[CHOICE]), None) if matter else None
    )
    if matter is None or seen.proposal is not None:
        problems.append(Problem("", WHY[Why.WAITS if seen.proposal else seen.why or Why.NOTHING]))
    elif choice is None:
        problems.append(Problem(CHOICE, N_("Choose what is to be booked")))
    goal = None
    if matter is not None and choice is Choice.REQUEST:
        goal, problem = _looked_up(db, officer, matter, typed[NUMBER])
        problems += [problem] if problem else []
    if matter is not None and matter.divisible:
        amount, problem = asking.read_amount(AMOUNT, matter.left, typed[AMOUNT])
        matter = matter.of(amount) if amount else None
        problems += [problem] if problem else []
    problems += _note_problems(typed[NOTE])
    return Wish(typed, choice, goal, matter, typed[NOTE], problems)


def _looked_up(
    db: Connection, officer: Officer, matter: Matter, typed: str
) -> tuple[Goal | None, Problem | None]:
    number = read_request_number(typed)
    if number is None:
        return None, Problem(NUMBER, N_("Write the whole number of the request"))
    try:
        goal = _goal(db, officer, matter, number)
    except Missing:
        text = N_("There is no such request here. Look at the number again")
        return None, Problem(NUMBER, text)
    if goal is None:
        return None, Problem(NUMBER, WHY[Why.OWED_NOTHING])
    if rebooking.stays(matter, goal.target):
        return None, Problem(NUMBER, WHY[Why.SAME])
    return goal, None


def _note_problems(note: str) -> list[Problem]:
    if len(note) < SHORTEST_NOTE:
        text = N_("Write why, so that whoever approves it can see that it is right")
        return [Problem(NOTE, text)]
    if len(note) > rebooking.LONGEST_NOTE:
        return [Problem(NOTE, N_("The message is too long; shorten it"))]
    return [] if is_readable(note, lines=True) else [Problem(NOTE, HIDDEN_CHARACTERS)]


def approve(db: Connection, cashier: Cashier, rebooking_id: str, by: str, at: datetime) -> bool:
    """Book it and close the case; a request whose stage is covered with it goes on.

    False when it was decided before, or by the one who proposed it. Raises
    :class:`~payments.rebooking.Unbookable`, and nothing is done.
    """
    with db.begin_nested():
        done = rebooking.approve(db, rebooking_id, by, at, cairo_time(at).year)
    if done is not None and done.outcome is Outcome.PAID:
        cashier.stage_covered(db, done, at)
    return done is not None
