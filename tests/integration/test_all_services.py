"""Every service from its page to its center's inbox, over HTTP, without scripts."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import PaymentMode
from tests.support import crossing
from tests.support.answers import Choose, first, last
from tests.support.databases import ONE, OTHER, Databases
from tests.support.local import LocalPortal
from tests.support.sandbox import SandboxProcess

CATALOGUE = shipped_catalogue()


class Way(NamedTuple):
    """With as few answers as a form takes, or with as many."""

    portal: LocalPortal
    choose: Choose
    optional: bool


def _way(param: tuple[str, Choose, bool]) -> str:
    kind, _, optional = param
    return f"{kind}-{'most' if optional else 'least'}"


# Each service is walked twice: once on each database, for what it is made of is kept alike
@pytest.fixture(scope="module", params=[(ONE, first, False), (OTHER, last, True)], ids=_way)
def way(
    request: pytest.FixtureRequest,
    databases: Databases,
    payment_server: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Way]:
    kind, choose, optional = request.param
    var = tmp_path_factory.mktemp("services")
    portal = LocalPortal(var, databases.loaded(var, kind), payment_server)
    yield Way(portal, choose, optional)
    portal.close()


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_a_request_reaches_the_inbox_of_its_center(way: Way, code: str) -> None:
    local, choose, optional = way
    citizen = local.someone()
    raw = local.answers(code, choose, optional=optional, center="KFS-007")
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
