"""Every service from its page to its center's inbox, over HTTP, without scripts."""

import pytest

from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import PaymentMode
from tests.support import crossing
from tests.support.answers import Choose, first, last
from tests.support.local import LocalPortal

CATALOGUE = shipped_catalogue()
# What is paid once is paid: the second walk takes another record of the register
SECOND_RECORD = {
    "reconciliation-balance-payment": {"request": "302/2025"},
    "security-deposit-refund": {"original_request": "502/2025"},
    "state-property-dues-payment": {"contract_no": "1202/2024"},
}


@pytest.mark.parametrize("code", CATALOGUE.services)
@pytest.mark.parametrize(
    ("choose", "optional"), [(first, False), (last, True)], ids=["least", "most"]
)
def test_a_request_reaches_the_inbox_of_its_center(
    local: LocalPortal, code: str, choose: Choose, optional: bool
) -> None:
    citizen = local.someone()
    record = SECOND_RECORD.get(code) if optional else None
    raw = local.answers(code, choose, record, optional=optional, center="KFS-007")
    check = citizen.check(citizen.upload_all(citizen.fill(code, raw)))
    told = int(next(iter(check.hooks("amount")), 0))
    page = citizen.declare(check)
    if told:
        assert page.hook("amount") == str(told), "another sum than the one before the declaration"
        page = citizen.pay(page)
    assert page.hook("state") == "received", page.text
    number = page.hook("request-number")
    local.soon(lambda: _is_in_inbox(local, number))

    service = CATALOGUE.services[code]
    row = local.rows(
        "SELECT center_code, due_now, due_on FROM service_requests WHERE number = :n", n=number
    )[0]
    assert row.center_code == "KFS-007"
    assert row.due_on is not None
    assert row.due_now == told
    if service.payment_mode in {PaymentMode.FREE, PaymentMode.REFUND}:
        assert told == 0
    opened = local.employee("front_office", "KFS-007").open(number)
    assert opened.status == 200
    assert citizen.mobile not in opened.text
    assert crossing.faults(local.portal, number) == []


def _is_in_inbox(local: LocalPortal, number: str) -> bool:
    return bool(local.rows("SELECT id FROM center_requests WHERE request_number = :n", n=number))
