"""The words and signs for states, events and marks: one table for citizen's and staff's pages."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from payments.attempts import Try
from payments.money import Money
from payments.refunds import Refundable
from portal.catalogue.fields import KINDS, Raw
from portal.catalogue.forms import Asked, StepState, from_json, rows_of
from portal.catalogue.model import (
    Document,
    FeeRule,
    Field,
    PaymentMode,
    Period,
    Service,
    Stage,
    Text,
    Unit,
)
from portal.clock import cairo_day, cairo_time
from portal.i18n import Speech
from portal.identity.roles import Permission, may
from portal.problems import N_, Problem


@dataclass(frozen=True)
class Word:
    """A label with the tone and the icon that go with it, never colour alone."""

    label: str
    tone: str = ""
    icon: str = "clock"


@dataclass(frozen=True)
class Section:
    """A part of the staff's pages."""

    address: str
    name: str
    here: bool


def sections(role: str, path: str) -> list[Section]:
    """The parts of the staff's pages that a role may look at, and which of them ``path`` is in."""
    found: list[tuple[str, str]] = []
    if may(role, Permission.SEE_INBOX):
        found.append(("/center/inbox", N_("Inbox")))
    if may(role, Permission.SEE_PERMITS):
        found.append(("/center/permits", N_("Building permits")))
    if may(role, Permission.ANSWER_SEARCHES):
        found.append(("/center/permits/searches", N_("Searches")))
    if may(role, Permission.SEE_FINANCE):
        found.append(("/center/finance", N_("Money")))
    if may(role, Permission.SEE_REFUNDS):
        found.append(("/center/finance/refunds", N_("Refunds")))
    if may(role, Permission.SEE_HANDOFF):
        found.append(("/center/admin/handoff", N_("Hand-off")))
    if may(role, Permission.SEE_BACKLOG):
        found.append(("/center/admin/backlog", N_("Paper backlog")))
    if may(role, Permission.KEEP_CUTOFFS):
        found.append(("/center/admin/cutoffs", N_("Cut-off days")))
    if may(role, Permission.KEEP_OUTAGES):
        found.append(("/center/admin/outages", N_("Outages")))
    if may(role, Permission.SEE_BODIES):
        found.append(("/center/admin/bodies", N_("Outside bodies")))
    fitting = [address for address, _ in found if path.startswith(address)]
    if not fitting and path.startswith("/center/finance"):  # a case, for who sees refunds alone
        fitting = ["/center/finance/refunds"]
    here = max(fitting, key=len, default="/center/inbox")
    return [Section(address, name, address == here) for address, name in found]


STATES = {
    "draft": Word(N_("Draft")),
    "awaiting_filing_payment": Word(N_("Waiting for payment"), "is-warn", "card"),
    "expired_unpaid": Word(N_("Closed: not paid in time"), "is-bad", "x"),
    "received": Word(N_("Received"), "is-info", "inbox"),
    "document_check": Word(N_("Documents being checked"), "is-info", "doc"),
    "needs_completion": Word(N_("Needs completion"), "is-warn", "alert"),
    "referred": Word(N_("With the department"), "is-info", "build"),
    "under_study": Word(N_("Under study"), "is-info", "build"),
    "inspection_scheduled": Word(N_("Inspection scheduled"), "is-info", "pin"),
    "inspected": Word(N_("Inspected"), "is-info", "pin"),
    "awaiting_external_opinion": Word(N_("Waiting for an opinion"), "is-info", "talk"),
    "waiting_list": Word(N_("On the waiting list"), "is-info"),
    "accepted_prelim": Word(N_("Accepted in principle"), "is-ok", "check"),
    "fees_assessed": Word(N_("Fees assessed: waiting for payment"), "is-warn", "card"),
    "approved": Word(N_("Approved"), "is-ok", "check"),
    "issued": Word(N_("Issued"), "is-ok", "cert"),
    "ready_for_delivery": Word(N_("Ready for delivery"), "is-ok", "cert"),
    "delivered": Word(N_("Delivered"), "is-ok", "check"),
    "refused": Word(N_("Refused, with reasons"), "is-bad", "x"),
    "deemed_approved": Word(N_("Approved by lapse of the period"), "is-ok", "check"),
    "deemed_refused": Word(N_("Refused by lapse of the period"), "is-bad", "x"),
    "grievance_filed": Word(N_("Grievance filed"), "is-info", "scale"),
    "grievance_upheld": Word(N_("Grievance upheld"), "is-ok", "scale"),
    "grievance_rejected": Word(N_("Grievance rejected"), "is-bad", "scale"),
    "withdrawn": Word(N_("Withdrawn"), "", "x"),
    "shelved": Word(N_("Shelved"), "", "pause"),
    "revoked": Word(N_("Revoked"), "is-bad", "x"),
    "expired": Word(N_("Expired"), "", "clock"),
}

# A center's own, of which the portal does not hear
CENTER_STATES = {
    **STATES,
    "fees_proposed": Word(N_("Fee assessment waiting for approval"), "is-warn", "scale"),
}

REFUND_STATES = {
    "requested": Word(N_("Waits for a second person"), "is-warn", "scale"),
    "approved": Word(N_("Approved: on its way to the provider"), "is-info", "clock"),
    "sent": Word(N_("The bank is making it"), "is-info", "clock"),
    "succeeded": Word(N_("The money has gone back"), "is-ok", "check"),
    "failed": Word(N_("Could not be made"), "is-bad", "x"),
    "rejected": Word(N_("Rejected"), "", "x"),
}


@dataclass(frozen=True)
class Told:
    """What has happened, and what that means or asks for."""

    label: str
    todo: str


CITIZEN_REFUNDS = {
    "approved": Told(
        N_("Approved: on its way"), N_("It goes back to the card, wallet or kiosk that paid.")
    ),
    "sent": Told(N_("The bank is making it"), N_("Your bank decides when it appears.")),
    "succeeded": Told(
        N_("Given back to the means that paid"), N_("Your bank decides when it appears.")
    ),
    "failed": Told(
        N_("Could not be given back"),
        N_(
            "The means of payment did not take it. The money is kept with us: ask at the center "
            "for another way, with the number of your receipt."
        ),
    ),
}

_FIND_OUT = N_("Find out who paid and for what; book it to that request, or give it back")
_GIVE_BACK = N_("Give it back, once you know who paid")

REFUND_CASES = {
    "surplus": Told(N_("Paid twice, or more than was due"), N_("Give back what was not due")),
    "cancelled_in_part": Told(
        N_("Closed after a part was paid"), N_("Give back the part that was paid")
    ),
    "dues_paid_twice": Told(
        N_("Dues that were paid by another request meanwhile"), N_("Give back one of the payments")
    ),
    "deposit_due": Told(
        N_("The center has approved that a deposit goes back"),
        N_(
            "Give it back, less what the payment order deducts. If a part is kept and this stays "
            "open, close it with a note"
        ),
    ),
    "deposit_withdrawn": Told(
        N_("The request was given up after its deposit was paid"), N_("Give the deposit back")
    ),
    "mismatch_currency": Told(N_("Paid in another currency"), _GIVE_BACK),
    "mismatch_amount": Told(N_("Another sum was paid than was asked for"), _FIND_OUT),
    "mismatch_obligation": Told(N_("The payment names other fees"), _FIND_OUT),
    "mismatch_reference": Told(N_("The payment names another request"), _FIND_OUT),
    "mismatch_environment": Told(
        N_("Test money and real money are mixed up"),
        N_("Tell those who run the portal before anything else"),
    ),
    "refund_failed": Told(
        N_("An approved refund could not be made"),
        N_("Find another way with the payer; once it was paid out, have that booked"),
    ),
    "external_refund": Told(
        N_("Given back at the provider without us"),
        N_("Ask who did it and why, then have it booked as what it was"),
    ),
    "dispute_lost": Told(
        N_("A bank has kept the money"), N_("Have the loss booked to those who bear it")
    ),
}

DISPUTE_STATES = {
    "open": Word(N_("Disputed by the payer's bank"), "is-warn", "alert"),
    "won": Word(N_("Decided for us: the money is back"), "is-ok", "check"),
    "lost": Word(N_("Decided for the payer: the money is gone"), "is-bad", "x"),
}

EVENTS = {
    "submit": N_("Request submitted"),
    "pay_filing": N_("Filing fee paid"),
    "expire_unpaid": N_("Closed because it was not paid in time"),
    "register_incoming": N_("Registered at the center"),
    "register_notice": N_("Notice registered"),
    "accept_documents": N_("Documents accepted"),
    "request_completion": N_("Completion requested"),
    "complete": N_("Completed by the citizen"),
    "refer": N_("Referred to the department"),
    "assign": N_("Assigned to an officer"),
    "schedule_inspection": N_("Inspection scheduled"),
    "inspect": N_("Inspected"),
    "inspection_missed": N_("Inspection could not be made"),
    "ask_opinion": N_("Opinion asked for"),
    "receive_opinion": N_("Opinion received"),
    "notify_authority": N_("National authority notified"),
    "put_on_waiting_list": N_("Put on the waiting list"),
    "accept_prelim": N_("Accepted in principle"),
    "ready_notice": N_("Notice that conditions are met"),
    "assess_fees": N_("Fees assessed"),
    "pay_assessed": N_("Assessed fees paid"),
    "approve": N_("Approved"),
    "refuse": N_("Refused"),
    "issue": N_("Document issued"),
    "make_ready": N_("Ready for delivery"),
    "deliver": N_("Delivered"),
    "lapse_silence": N_("Period lapsed without a decision"),
    "file_grievance": N_("Grievance filed"),
    "decide_grievance": N_("Grievance decided"),
    "reopen": N_("Reopened"),
    "withdraw": N_("Withdrawn by the citizen"),
    "shelve": N_("Shelved"),
    "extend": N_("Internal target extended"),
    "revoke": N_("Revoked"),
    "suspend": N_("Suspended"),
    "renew": N_("Renewed"),
    "expire": N_("Expired"),
    "correct_output": N_("Document corrected"),
    "toll": N_("More time because of an outage"),
    "propose_fees": N_("Fee assessment proposed"),
    "return_fees": N_("Fee assessment returned for correction"),
    "receive": N_("Received in the inbox"),
    "register": N_("Registered at the center"),
}

# Acts of centers whose note is written for the citizen
CITIZEN_READS = frozenset(
    {
        "schedule_inspection",
        "inspection_missed",
        "put_on_waiting_list",
        "extend",
        "shelve",
        "reopen",
        "decide_grievance",
        "make_ready",
        "correct_output",
        "suspend",
        "renew",
        "revoke",
        "expire",
    }
)

OUTAGES = {
    "portal": N_("The portal"),
    "provider": N_("Electronic payment"),
    "center": N_("The technology center"),
}

MARKS = {
    "L": N_("By law"),
    "P": N_("From an official statement; not checked against the law's text"),
    "K": N_("Professional practice; not checked against the law's text"),
    "G": N_("Illustrative figure; the governorate sets its own"),
}

SILENCE = {
    "none": N_(
        "If the period passes without a decision, the request stays open and is followed up"
    ),
    "deemed_approved": N_(
        "If the period passes without a decision, the request counts as approved"
    ),
    "deemed_accepted_prelim": N_(
        "If the period passes without a decision, the request counts as accepted in principle"
    ),
    "deemed_refused": N_(
        "If the period passes without a decision, the request counts as refused, and you may appeal"
    ),
}

STAGES = {
    "submission": N_("Due now, with the request"),
    "after_prelim": N_("Due after acceptance in principle"),
    "after_approval": N_("Due after approval, before the document is issued"),
    "before_delivery": N_("Due before delivery, if the registers show a difference"),
}

FEES_OF = {
    "submission": N_("Fees at filing"),
    "after_prelim": N_("Fees after acceptance in principle"),
    "after_approval": N_("Fees before the document is issued"),
    "before_delivery": N_("Fee difference before delivery"),
}

STATIONS = {
    "pay": N_("Payment of the filing fee"),
    "check": N_("Registration and check of the documents"),
    "complete": N_("Completion by you"),
    "study": N_("Study by the department in charge"),
    "decide": N_("Decision"),
    "issue": N_("Issue of the document"),
}

INSPECTION = {
    "yes": N_("The site is inspected"),
    "no": N_("No inspection"),
    "later": N_("Inspected after the licence"),
    "maybe": N_("Inspected if needed"),
}


def show_value(field: Field, value: Any, speech: Speech) -> str:
    """A checked value in words."""
    return KINDS[field.kind].show(field, value, speech)


def rows_to_show(group: Field, raw: Raw) -> list[dict[str, Raw]]:
    """The rows that a page shows: never none, so that there is something to fill in."""
    rows = rows_of(group, raw)
    least = 1
    if group.minimum is not None and group.minimum.names == frozenset():
        least = int(group.minimum.value({}) or 1)
    return rows + [{} for _ in range(min(least, 4) - len(rows))]


def row_title(group: Field, row: Mapping[str, Raw], speech: Speech) -> str:
    """The fixed choice that a row stands for."""
    column = next(c for c in group.columns if c.code == group.rows_by)
    choice = column.choice(str(row.get(group.rows_by, "")))
    return speech.show(choice.label) if choice else ""


def cell(column: Field, row: Mapping[str, Raw]) -> Asked:
    """One question of a row."""
    return Asked(column, row.get(column.code, ""), None)


_ACCEPT = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png", "dwg": ".dwg"}


def accept(document: Document) -> str:
    """What the file chooser of a phone offers."""
    return ",".join(_ACCEPT[each] for each in document.formats)


def formats(document: Document) -> str:
    """«PDF JPG PNG»."""
    return " ".join(document.formats).upper()


def on_page(state: StepState) -> list[Asked]:
    """The questions that stand on the page itself; the others open under an answer of these."""
    here = {each.code for each in state.step.fields}
    nested = {f.code for f in state.step.fields if f.when is not None and f.when.names & here}
    return [answer for answer in state.asked if answer.field.code not in nested]


def grouped(number: str) -> str:
    """A number to be read aloud, in groups of three: «123 456 789»; others as they are."""
    if not number.isdigit() or len(number) < 5:
        return number
    first = len(number) % 3 or 3
    rest = [number[at : at + 3] for at in range(first, len(number), 3)]
    return " ".join([number[:first], *rest])


def isolated(number: str) -> str:
    """A number in groups inside a sentence: on one line and in its own direction."""
    return _ISOLATED.format(number.replace(" ", "\u00a0"))


def by_field(problems: Iterable[Problem]) -> dict[str, Problem]:
    """Each field's problem, for the place beside it."""
    return {problem.field: problem for problem in problems}


def labels(codes: Iterable[str], texts: Mapping[str, Text], speech: Speech) -> list[str]:
    return [speech.show(texts[code]) for code in codes]


def period(period: Period, speech: Speech) -> str:
    """«٣٠ يومًا», «٧ أيام عمل», «شهر»."""
    n = period.amount
    match period.unit:
        case Unit.DAYS if n == 0:
            return speech.gettext(N_("the same day"))
        case Unit.DAYS:
            return speech.ngettext(N_("{n} day"), N_("{n} days"), n)
        case Unit.WORKING_DAYS:
            return speech.ngettext(N_("{n} working day"), N_("{n} working days"), n)
        case Unit.MONTHS:
            return speech.ngettext(N_("{n} month"), N_("{n} months"), n)


_PER = {
    "per_unit": N_("{rate} for each"),
    "per_m2": N_("{rate} for each m²"),
    "per_metre": N_("{rate} for each metre"),
    "per_day": N_("{rate} for each day"),
    "per_month": N_("{rate} for each month"),
}


def fee_text(rule: FeeRule, speech: Speech) -> str:
    """How a fee line is computed, in words."""
    if rule.explain is not None:
        return speech.show(rule.explain)
    rate = _pounds(rule.rate or Decimal(0), speech)
    text = speech.gettext(_PER[rule.basis], rate=rate) if rule.basis in _PER else rate
    if rule.minimum is not None:
        text = speech.join(
            (text, speech.gettext(N_("at least {sum}"), sum=_pounds(rule.minimum, speech)))
        )
    if rule.maximum is not None:
        text = speech.join(
            (text, speech.gettext(N_("at most {sum}"), sum=_pounds(rule.maximum, speech)))
        )
    return text


def due_now(service: Service, speech: Speech) -> str:
    """What filing costs, as far as it is known before any answer."""
    if service.payment_mode in {PaymentMode.FREE, PaymentMode.REFUND}:
        return speech.gettext(N_("free"))
    rules = [r for r in service.fees if r.stage is Stage.SUBMISSION]
    fixed = [r for r in rules if r.basis == "fixed" and r.when is None and r.rate is not None]
    least = sum((r.rate or Decimal(0) for r in fixed), Decimal(0))
    least += sum(
        (r.minimum or Decimal(0) for r in rules if r not in fixed and not r.when), Decimal(0)
    )
    if not least:
        return speech.gettext(N_("by your answers"))
    if len(fixed) == len(rules):
        return _pounds(least, speech)
    return speech.gettext(N_("from {sum}"), sum=_pounds(least, speech))


def _pounds(amount: Decimal, speech: Speech) -> str:
    return speech.money(int(amount * 100))


def found(service: Service, answers: Mapping[str, str], speech: Speech) -> list[str]:
    """What a department found, as «question: answer»."""
    fields = {field.code: field for field in (*service.fields.values(), *service.assessed)}
    return [
        f"{speech.show(field.label)}: {show_value(field, from_json(field, kept), speech)}"
        for code, kept in answers.items()
        if (field := fields.get(code)) is not None
    ]


def fee_stages(stages: Iterable[str], speech: Speech) -> list[str]:
    """The fees of these stages, by name."""
    return [speech.gettext(FEES_OF[stage]) for stage in stages]


def day_of(at: datetime) -> date:
    """The day of an instant, in Cairo."""
    return cairo_day(at)


def until(at: datetime, speech: Speech) -> str:
    """The end of a time to pay: a moment, or the last day where it ends with a day of Cairo."""
    local = cairo_time(at)
    if (local.hour, local.minute) != (0, 0):
        return speech.moment(at)
    return speech.gettext(N_("the end of {day}"), day=cairo_day(at - timedelta(minutes=1)))


def last_day(end: datetime) -> date:
    """The day in Cairo on which a window ends: its end is the first instant of the next one."""
    return cairo_day(end - timedelta(microseconds=1))


def instant(text: str) -> datetime:
    """The instant of a history entry, which keeps it as a text."""
    return datetime.fromisoformat(text)


def iso_day(text: str) -> date:
    """The day of a history entry, which keeps it as a text."""
    return date.fromisoformat(text)


_LINK = re.compile(r"https?://[^\s<>\"]+")


def with_links(text: str) -> Markup:
    """A message with its addresses as links, as a phone shows it."""
    escaped = str(escape(text))
    linked = _LINK.sub(lambda m: f'<a href="{m[0]}" dir="ltr">{m[0]}</a>', escaped)
    return Markup(linked)  # noqa: S704 - escaped one line above


_ARABIC_LETTER = re.compile("[\u0620-\u064a]")


_ISOLATED = "\u2066{}\u2069"  # left to right, whatever stands around it
_MEANS = {"kiosk": N_("Cash at a kiosk"), "wallet": N_("Mobile wallet")}


def means_of(attempt: Try, speech: Speech) -> str:
    """By what somebody paid: «Card Visa •••• 4242»."""
    name = speech.gettext(_MEANS.get(attempt.kind, N_("Card")))
    # on one line, or it is read in reverse
    return f"{name} {isolated(attempt.method)}" if attempt.method else name


def paid_sum(can: Refundable) -> Money:
    """What a payment brought, in the currency in which it came."""
    return Money(can.attempt.amount.minor, can.set_aside.currency)


def sum_of(money: Money, speech: Speech) -> str:
    """A sum in words of its currency: one that does not fit may be in another than ours."""
    return speech.sum_of(money)


def language(text: str) -> str:
    """The language of a text that was written elsewhere: for a screen reader's voice."""
    return "ar" if _ARABIC_LETTER.search(text) else "en"
