"""Paying: by the owner of a request, and by anybody who was sent a link.

Both doors show the same sum and lead to the same payment; the link's page names the service and
nothing personal. Nothing of a card ever comes here.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from payments import attempts
from payments.attempts import Try
from payments.money import Money
from payments.obligations import Owed
from payments.provider import ProviderError, Rejected
from portal.problems import N_, Conflict, Missing, Problem
from portal.requests import owing, pay_links, paying, reading
from portal.requests.account import Account, account
from portal.requests.paying import Door
from portal.requests.reading import FiledRequest
from portal.text import parse_number
from portal.web.http_forms import PostedForm
from portal.web.pages import leave, no_news, redirect
from portal.web.routing import PROVIDER_THREADS, Access, get_page, post_form
from portal.web.visit import Visit

_SESSION = re.compile("[A-Za-z0-9_]{1,120}")
_OVER = ("paid", "expired", "failed")
# A part below this costs more than it brings, and so would a rest below it
SMALLEST_PART = Money(1000)
_LONGEST_AMOUNT = 40


@dataclass(frozen=True)
class Counter:
    """Where somebody stands who wants to pay."""

    request: FiledRequest
    door: Door
    due: owing.Payable | None
    settled: bool
    """Another request has paid these dues: nothing is owed any more."""
    account: Account | None = None
    """All stages of payment, for the owner alone."""

    @property
    def is_open(self) -> bool:
        return self.due is not None and self.request.state in owing.PAYABLE


def _owner(visit: Visit, db: Connection, number: str) -> Counter:
    citizen = visit.citizen(db)
    request = reading.own(db, citizen.citizen_id, number)
    counter = _counter(visit, db, request, paying.owner_door(request))
    return replace(counter, account=account(db, request))


def _bearer(visit: Visit, db: Connection, link: str) -> tuple[Counter, Owed]:
    owed = pay_links.owed(db, visit.portal.vault, link)
    request = reading.by_number(db, owed.reference)
    counter = _counter(visit, db, request, Door("link", f"/pay/{link}"))
    if counter.due is not None and counter.due.owed.id != owed.id:  # a later stage has its own link
        counter = replace(counter, due=None)
    if counter.due is not None:  # whose card has paid a part is nobody else's business
        paid = tuple(replace(each, kind="", method="") for each in counter.due.paid)
        counter = replace(counter, due=replace(counter.due, paid=paid))
    return counter, owed


def _counter(visit: Visit, db: Connection, request: FiledRequest, door: Door) -> Counter:
    due = owing.payable(db, request, visit.portal.clock.now())
    settled = owing.paid_meanwhile(db, visit.portal.vault, request)
    return Counter(request, door, due, settled)


def _page(
    visit: Visit,
    counter: Counter,
    status: int = 200,
    *,
    trouble: str = "",
    over: bool = False,
    problems: Sequence[Problem] = (),
    typed: str = "",
) -> Response[bytes]:
    """The counter's page. ``trouble`` is ``unreachable`` or ``no_kiosk``.

    ``over`` tells somebody who comes back that the checkout has ended without a payment.
    """
    portal, due = visit.portal, counter.due
    if due is None:
        raise Missing("nothing is due")
    return portal.pages.page(
        visit,
        "paying/pay.html",
        status,
        form_target=portal.settings.payments_checkout_origin,
        request=counter.request,
        service=portal.catalogue.services[counter.request.service_code],
        door=counter.door,
        due=due,
        settled=counter.settled,
        account=counter.account,
        over=over,
        kiosk="kiosk" in portal.settings.payments_methods,
        smallest=SMALLEST_PART,
        link=portal.settings.public_url
        + visit.speech.prefix
        + f"/pay/{pay_links.token(portal.vault, due.owed.id)}",
        trouble=trouble,
        problems=problems,
        typed=typed,
    )


def _start(visit: Visit, counter: Counter, form: PostedForm) -> Response[bytes] | None:
    """Lead to the provider, or to the cash reference; None when there is nothing to pay."""
    due = counter.due
    if due is None or not counter.is_open:
        return None
    if counter.settled:
        return _page(visit, counter, 409)
    if visit.without_provider:
        return _page(visit, counter, 503, trouble="unreachable")
    cashier = visit.portal.cashier
    typed = form.text("amount")
    part, problem = _part(typed, due.owed.remaining)
    if problem is not None:
        return _page(visit, counter, 422, problems=[problem], typed=typed[:_LONGEST_AMOUNT])
    try:
        if form.text("channel") == "kiosk":
            cashier.kiosk(counter.request, counter.door)
            return redirect(visit, f"{counter.door.path}/kiosk")
        address = cashier.start(counter.request, counter.door, visit.speech.locale, part)
    except Conflict:  # paid in this very moment, in another tab
        return None
    except ProviderError as error:
        no_kiosk = isinstance(error, Rejected) and form.text("channel") == "kiosk"
        return _page(visit, counter, 503, trouble="no_kiosk" if no_kiosk else "unreachable")
    return leave(visit, address)


def _part(typed: str, remaining: Money) -> tuple[Money | None, Problem | None]:
    """The part that somebody wants to pay; None for the whole."""
    if not typed.strip():
        return None, None
    number = parse_number(typed) if len(typed.strip()) <= _LONGEST_AMOUNT else None
    if number is None or number != round(number, 2):
        text = N_("Write the amount in figures, such as {example}")
        return None, Problem("amount", text, {"example": Decimal(100)})
    if not SMALLEST_PART.major <= number <= remaining.major:
        text = N_("Write an amount from {least} to {most}")
        bounds = {"least": SMALLEST_PART.major, "most": remaining.major}
        return None, Problem("amount", text, bounds)
    part = Money.of(number)
    rest = remaining - part
    if rest and rest < SMALLEST_PART:
        text = N_("Less than {least} would remain; pay the whole sum, or a smaller part")
        return None, Problem("amount", text, {"least": SMALLEST_PART.major})
    return part, None


@get_page("/requests/{number:str}/pay", Access.CITIZEN)
def show_payment(
    visit: NamedDependency[Visit], number: FromPath[str], over: FromQuery[str] = ""
) -> Response[bytes]:
    with visit.portal.database.read() as db:
        counter = _owner(visit, db, number)
    if not counter.is_open:
        return redirect(visit, f"/requests/{number}")
    return _page(visit, counter, over=bool(over))


@post_form("/requests/{number:str}/pay", Access.CITIZEN, threads=PROVIDER_THREADS)
def start_payment(
    visit: NamedDependency[Visit], number: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    with visit.portal.database.read() as db:
        counter = _owner(visit, db, number)
    visit.check_form(form)
    return _start(visit, counter, form) or redirect(visit, f"/requests/{number}")


@get_page("/requests/{number:str}/pay/kiosk", Access.CITIZEN)
def show_reference(visit: NamedDependency[Visit], number: FromPath[str]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        counter = _owner(visit, db, number)
    return _reference(visit, counter, f"/requests/{number}")


def _reference(visit: Visit, counter: Counter, otherwise: str) -> Response[bytes]:
    """The cash reference, to say and to print."""
    due = counter.due
    if due is None or not counter.is_open or counter.settled or due.voucher is None:
        return redirect(visit, counter.door.path if counter.is_open else otherwise)
    return visit.portal.pages.page(
        visit,
        "paying/kiosk.html",
        door=counter.door,
        request=counter.request,
        service=visit.portal.catalogue.services[counter.request.service_code],
        voucher=due.voucher,
    )


@get_page("/requests/{number:str}/pay/return", Access.ANYONE, threads=PROVIDER_THREADS)
def return_from_payment(
    visit: NamedDependency[Visit], number: FromPath[str], session_id: FromQuery[str] = ""
) -> Response[bytes]:
    """Where the provider leads back to: the checkout is read again, whoever comes.

    It changes only what the provider says, so it needs no session; what it shows does.
    """
    session = _look(visit, session_id)
    with visit.portal.database.read() as db:
        counter = _owner(visit, db, number)
        attempt = attempts.by_session(db, session)
    if not counter.is_open:
        return redirect(visit, f"/requests/{number}")
    return _after(visit, counter, session, attempt)


def _look(visit: Visit, session_id: str) -> str:
    """Have the checkout read again; the session, or nothing when it is none."""
    if not _SESSION.fullmatch(session_id):
        return ""
    # if nobody answers, webhook or sweep will settle it; the page says what is known
    with suppress(ProviderError):
        if not visit.without_provider:
            visit.portal.cashier.look(session_id)
    return session_id


def _after(visit: Visit, counter: Counter, session: str, attempt: Try | None) -> Response[bytes]:
    """Something is still due: a part was paid, or the bank has not told yet.

    Nobody waits for a checkout that is over, that is another's or that there never was.
    """
    due = counter.due
    mine = attempt is not None and due is not None and attempt.obligation_id == due.owed.id
    if attempt is None or not mine or attempt.state in _OVER:
        unpaid = mine and attempt is not None and attempt.state != "paid"
        return redirect(visit, counter.door.path, **({"over": "1"} if unpaid else {}))
    if visit.is_fragment:
        visit.only_looks()
        return no_news(visit)
    return visit.portal.pages.page(
        visit,
        "paying/waiting.html",
        session_id=session,
        door=counter.door,
        request=counter.request,
        service=visit.portal.catalogue.services[counter.request.service_code],
    )


@get_page("/pay/{link:str}", Access.ANYONE)
def show_link(
    visit: NamedDependency[Visit], link: FromPath[str], over: FromQuery[str] = ""
) -> Response[bytes]:
    """What somebody else is asked to pay; open to whoever holds the link."""
    with visit.portal.database.read() as db:
        counter, owed = _bearer(visit, db, link)
    if not counter.is_open or counter.settled:
        return _no_longer(visit, counter, owed)
    return _page(visit, counter, over=bool(over))


def _no_longer(visit: Visit, counter: Counter, owed: Owed) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "paying/nothing_due.html",
        owed=owed,
        service=visit.portal.catalogue.services[counter.request.service_code],
    )


@post_form("/pay/{link:str}", Access.ANYONE, threads=PROVIDER_THREADS)
def start_by_link(
    visit: NamedDependency[Visit], link: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    visit.check_form(form)
    with visit.portal.database.read() as db:
        counter, _owed = _bearer(visit, db, link)
    return _start(visit, counter, form) or redirect(visit, counter.door.path)


@get_page("/pay/{link:str}/kiosk", Access.ANYONE)
def show_reference_by_link(visit: NamedDependency[Visit], link: FromPath[str]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        counter, _owed = _bearer(visit, db, link)
    return _reference(visit, counter, counter.door.path)


@get_page("/pay/{link:str}/return", Access.ANYONE, threads=PROVIDER_THREADS)
def return_by_link(
    visit: NamedDependency[Visit], link: FromPath[str], session_id: FromQuery[str] = ""
) -> Response[bytes]:
    session = _look(visit, session_id)
    with visit.portal.database.read() as db:
        counter, _owed = _bearer(visit, db, link)
        attempt = attempts.by_session(db, session)
    if not counter.is_open:
        return redirect(visit, counter.door.path)
    return _after(visit, counter, session, attempt)


HANDLERS = [
    show_payment,
    start_payment,
    show_reference,
    return_from_payment,
    show_link,
    start_by_link,
    show_reference_by_link,
    return_by_link,
]
