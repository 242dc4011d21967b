"""What tests of payments do again and again, and what must hold after each of them."""

from typing import Any

import httpx
from sqlalchemy import func, select

from payments import ledger
from payments.model import (
    Attempt,
    Entry,
    EntryLine,
    Obligation,
    Receipt,
)
from portal.requests.model import HistoryEntry, ServiceRequest
from tests.support.local import LocalPortal
from tests.support.people import CARD, Citizen, Page
from tests.support.plain import PLAIN

SERVICE = "address-numbering-certificate"


def unpaid(local: LocalPortal, citizen: Citizen) -> tuple[str, Page]:
    """A submitted request that waits for its payment, on its payment page."""
    raw = local.answers(SERVICE)
    page = citizen.submit(citizen.upload_all(citizen.fill(SERVICE, raw)))
    assert page.path.endswith("/pay")
    return page.path.split("/")[-2], page


def state_of(local: LocalPortal, number: str) -> str:
    return str(
        local.rows(select(ServiceRequest.state).where(ServiceRequest.number == number))[0][0]
    )


def session_of(local: LocalPortal, number: str) -> str:
    """The session of the last attempt to pay for a request."""
    found = local.rows(
        select(Attempt.session)
        .join(Obligation, Obligation.id == Attempt.obligation_id)
        .where(Obligation.reference == number)
        .order_by(Attempt.number.desc())
    )
    return str(found[0][0])


def booked_for(local: LocalPortal, number: str) -> dict[str, int]:
    """What the ledger holds for a request, by account."""
    rows = local.rows(
        select(EntryLine.account, func.sum(EntryLine.amount))
        .join(Entry, Entry.id == EntryLine.entry_id)
        .where(Entry.reference == number)
        .group_by(EntryLine.account)
    )
    return {account: int(total) for account, total in rows if total}


def held(booked: dict[str, int]) -> int:
    """What the provider took from payers: what waits there, and what it keeps as its fee."""
    return booked[ledger.CLEARING] + booked.get(ledger.PROVIDER_FEES, 0)


def assert_settled_once(local: LocalPortal, number: str) -> None:
    owed = local.rows(select(Obligation).where(Obligation.reference == number))[0]
    assert owed.state == "paid"
    booked = booked_for(local, number)
    assert held(booked) == owed.amount
    assert owed.credited == owed.amount
    assert ledger.RECEIVABLE not in booked
    assert sum(booked.values()) == 0
    receipts = select(Receipt.number).where(Receipt.obligation_id == owed.id)
    assert len(local.rows(receipts)) == 1
    paid = (
        select(HistoryEntry.event)
        .join(ServiceRequest, ServiceRequest.id == HistoryEntry.request_id)
        .where(ServiceRequest.number == number, HistoryEntry.event == "pay_filing")
    )
    assert len(local.rows(paid)) == 1
    messages = "SELECT position FROM outbox_messages WHERE subject = :n"
    assert len(local.rows(messages, n=number)) == 1


def at_checkout(citizen: Citizen, page: Page) -> Page:
    """From the payment page to the provider's."""
    checkout = citizen.send(page, {}, "/pay")
    assert checkout.tree.xpath("//input[@name='card_number']"), checkout.text
    return checkout


def pay_without_coming_back(checkout: Page) -> None:
    """The payer closes the browser right after the provider took the card."""
    action = checkout.form().get("action") or checkout.url
    target = httpx.URL(checkout.url).join(action)
    answer = httpx.post(target, data=CARD, trust_env=False, verify=PLAIN)
    assert answer.status_code == 303


def checkout_beside_ours(local: LocalPortal, owed: Any, changes: dict[str, Any]) -> Any:
    """A checkout that somebody opened in our account without us."""
    return local.stripe.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "client_reference_id": changes.get("reference", owed.reference),
            "success_url": "http://127.0.0.1:9/",
            "metadata": changes["metadata"],
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": changes.get("currency", "egp"),
                        "unit_amount": owed.amount + changes.get("amount", 0),
                        "product_data": {"name": "رسم"},
                    },
                }
            ],
        }
    )
