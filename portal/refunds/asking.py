"""The form that asks for a refund: amounts in pounds, a reason, a note; every slip is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from payments.cases import OpenCase
from payments.money import Money, exponent
from payments.refunds import (
    LONGEST_NOTE,
    NotRefundable,
    Part,
    Refundable,
    RefundableLine,
    RefundReason,
    Why,
)
from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.text import is_readable, parse_number

ASIDE, REASON, NOTE = "aside", "reason", "note"
SHORTEST_NOTE = 10
_LONGEST_AMOUNT = 40
_EXAMPLE = Decimal("150.5")

REASONS: Mapping[RefundReason, str] = {
    RefundReason.SURPLUS: N_("Paid twice, or more than was due"),
    RefundReason.DEPOSIT: N_("A deposit goes back"),
    RefundReason.SUSPENSE: N_("The payment does not fit what was asked for"),
    RefundReason.PAID_TWICE: N_("Dues that were paid by another request meanwhile"),
    RefundReason.EXTERNAL: N_("Made at the provider without us"),
}
CHOICES = tuple(each for each in REASONS if each is not RefundReason.EXTERNAL)

WHY: Mapping[Why, str] = {
    Why.UNPAID: N_("No money came by this payment, so nothing can go back"),
    Why.MEANS: N_(
        "This means of payment cannot give money back. Pay it by cheque or transfer, outside of "
        "the portal"
    ),
    Why.DISPUTED: N_(
        "The payer's bank has taken this money or asks for it. It cannot go back a second time"
    ),
    Why.DUE: N_(
        "This is a part of what is still due. It can go back once the request is closed unpaid"
    ),
    Why.LINE: N_("This fee does not come back"),
    Why.AMOUNT: N_("So much is not left: look at the amounts again"),
}


@dataclass(frozen=True)
class Wish:
    """What somebody wants to give back, as typed; ``problems`` say what is wrong with it."""

    typed: Mapping[str, str]
    parts: Sequence[Part] = ()
    reason: RefundReason = RefundReason.SURPLUS
    note: str = ""
    problems: Sequence[Problem] = field(default=())

    @property
    def total(self) -> Money:
        currency = self.parts[0].amount.currency if self.parts else "EGP"
        return Money.total((part.amount for part in self.parts), currency)


def line_name(position: int) -> str:
    return f"line.{position}"


def suggestion(can: Refundable, case: OpenCase | None) -> Wish:
    """What the form holds at first: what was not owed; for a case what it is about."""
    typed = {}
    reason = RefundReason.SUSPENSE if can.attempt.state == "mismatched" else RefundReason.SURPLUS
    if can.set_aside:
        typed[ASIDE] = written(can.set_aside)
    elif case is not None or any(each.line.refundable for each in can.lines):
        lines = [each for each in can.lines if each.left]
        if case is not None:
            typed |= {line_name(each.position): written(each.left) for each in lines}
        kept = [each for each in lines if not each.line.refundable]
        reason = RefundReason.PAID_TWICE if kept else RefundReason.DEPOSIT
    return Wish({**typed, REASON: reason})


def written(amount: Money) -> str:
    """A sum as it is typed: «1535.50»."""
    return f"{amount.major:.{exponent(amount.currency)}f}"


def read(can: Refundable, values: Mapping[str, str]) -> Wish:
    """The form, checked against what can go back now."""
    typed = {name: values.get(name, "").strip() for name in _names(can)}
    problems: list[Problem] = []
    if can.why is not None:
        problems.append(Problem("", WHY[can.why]))
    parts = []
    for name, line, most in _amounts(can):
        part, problem = _part(name, line, most, typed[name])
        if part is not None:
            parts.append(part)
        if problem is not None:
            problems.append(problem)
    problems += _together(can, parts) if not problems else []
    reason = typed[REASON]
    if reason not in CHOICES:
        problems.append(Problem(REASON, N_("Choose why the money goes back")))
    elif not problems and not _fits(can, parts, RefundReason(reason)):
        problems.append(Problem(REASON, N_("This reason does not fit the money that is chosen")))
    problems += _note_problems(typed[NOTE])
    if problems:
        return Wish(typed, problems=problems)
    return Wish(typed, parts, RefundReason(reason), typed[NOTE])


def _names(can: Refundable) -> list[str]:
    return [*(name for name, _, _ in _amounts(can)), REASON, NOTE]


def _amounts(can: Refundable) -> list[tuple[str, int | None, Money]]:
    """The controls for amounts: name, line, and how much is left of it."""
    found: list[tuple[str, int | None, Money]] = []
    if can.set_aside:
        found.append((ASIDE, None, can.set_aside))
    found += [(line_name(each.position), each.position, each.left) for each in open_lines(can)]
    return found


def open_lines(can: Refundable) -> list[RefundableLine]:
    """The fee lines of which something can still go back."""
    return [each for each in can.lines if each.left]


def _part(
    name: str, line: int | None, most: Money, typed: str
) -> tuple[Part | None, Problem | None]:
    if not typed:
        return None, None
    amount, problem = read_amount(name, most, typed)
    return Part(line, amount) if amount else None, problem


def read_amount(name: str, most: Money, typed: str) -> tuple[Money | None, Problem | None]:
    """A sum in pounds, above zero and no more than there is."""
    number = parse_number(typed[:_LONGEST_AMOUNT]) if len(typed) <= _LONGEST_AMOUNT else None
    if number is None or number != round(number, exponent(most.currency)):
        text = N_("Write the amount in figures, such as {example}")
        return None, Problem(name, text, {"example": _EXAMPLE})
    if number <= 0:
        return None, Problem(name, N_("Write an amount above zero, or leave it empty"))
    if number > most.major:
        text = N_("No more than {most} is left to give back here")
        return None, Problem(name, text, {"most": most.major})
    return Money(int(number.scaleb(exponent(most.currency))), most.currency), None


def _together(can: Refundable, parts: Sequence[Part]) -> list[Problem]:
    if not parts:
        amounts = _amounts(can)
        first = amounts[0][0] if amounts else ""
        return [Problem(first, N_("Write how much goes back"))]
    of_lines = [part for part in parts if part.line is not None]
    if of_lines and Money.total(part.amount for part in of_lines) > can.credited:
        text = N_("Together no more than {most} came by this payment")
        name = line_name(of_lines[0].line or 0)
        return [Problem(name, text, {"most": can.credited.major})]
    return []


def _fits(can: Refundable, parts: Sequence[Part], reason: RefundReason) -> bool:
    beside = RefundReason.SUSPENSE if can.attempt.state == "mismatched" else RefundReason.SURPLUS
    refundable = {each.position: each.line.refundable for each in can.lines}
    reasons = {
        beside
        if part.line is None
        else RefundReason.DEPOSIT
        if refundable[part.line]
        else RefundReason.PAID_TWICE
        for part in parts
    }
    return reason in reasons


def _note_problems(note: str) -> list[Problem]:
    if len(note) < SHORTEST_NOTE:
        text = N_("Write why, so that whoever approves it can see that it is right")
        return [Problem(NOTE, text)]
    if len(note) > LONGEST_NOTE:
        return [Problem(NOTE, N_("The message is too long; shorten it"))]
    return [] if is_readable(note, lines=True) else [Problem(NOTE, HIDDEN_CHARACTERS)]


def rejection_problems(note: str) -> list[Problem]:
    """A rejection tells why."""
    if len(note) < SHORTEST_NOTE:
        return [Problem(NOTE, N_("Write why it is rejected"))]
    if len(note) > LONGEST_NOTE:
        return [Problem(NOTE, N_("The message is too long; shorten it"))]
    return [] if is_readable(note, lines=True) else [Problem(NOTE, HIDDEN_CHARACTERS)]


def refused(error: NotRefundable) -> Problem:
    """What came between the page and its form: another refund, a dispute."""
    if error.why is Why.AMOUNT and error.most is not None:
        text = N_("Meanwhile only {most} is left: another refund was asked for")
        return Problem("", text, {"most": error.most.major})
    return Problem("", WHY[error.why])
