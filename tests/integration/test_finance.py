"""The page of the day's money: who sees and closes what, and the files of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree
from sqlalchemy import select

from payments.model import PaymentCase
from payments.reconciliation.model import Day
from portal.clock import cairo_day
from tests.support.commands import run_command
from tests.support.local import LocalPortal
from tests.support.looking import fields
from tests.support.paying import at_checkout, pay_without_coming_back, unpaid
from tests.support.people import Employee, Page
from tests.support.plain import PLAIN


def today(local: LocalPortal) -> Any:
    return cairo_day(local.clock.now())


def open_cases(local: LocalPortal) -> dict[str, str]:
    """Kind by object."""
    rows = local.rows(
        select(PaymentCase.object_id, PaymentCase.kind).where(PaymentCase.closed_at.is_(None))
    )
    return {row.object_id: row.kind for row in rows}


def officer(local: LocalPortal, role: str, place: str) -> Employee:
    made = Employee(local.url, f"{role}@{place}")
    made.sign_in()
    return made


def stranger(local: LocalPortal, method: str = "pm_card_visa") -> Any:
    """A payment that somebody made in our account without us."""
    params: Any = {
        "amount": 70_000,
        "currency": "egp",
        "payment_method": method,
        "payment_method_types": ["card"],
        "confirm": True,
    }
    return local.stripe.v1.payment_intents.create(params)


def paid_unheard(local: LocalPortal) -> str:
    """A request that was paid while no news of it comes through."""
    citizen = local.someone()
    number, page = unpaid(local, citizen)
    pay_without_coming_back(at_checkout(citizen, page))
    return number


@pytest.fixture
def silence(local: LocalPortal) -> Any:
    """The provider's events are lost."""
    local.sandbox.control("/webhooks", {"mode": "lose", "count": 500})
    yield
    local.sandbox.control("/webhooks", method="DELETE")


# --- the page


@pytest.mark.parametrize(
    ("role", "place", "sees"),
    [
        ("finance_officer", "EG-KFS", True),
        ("governorate_admin", "EG-KFS", True),
        ("auditor", "EG-KFS", True),
        ("auditor", "EG", True),
        ("ministry_viewer", "EG", True),
        ("front_office", "KFS-003", False),
        ("followup_member", "EG-KFS", False),
    ],
)
def test_money_is_seen_by_those_who_may(
    local: LocalPortal, role: str, place: str, sees: bool
) -> None:
    page = officer(local, role, place).get("/center/finance")
    assert (page.status == 200) == sees


def html(page: Page) -> str:
    return str(etree.tostring(page.tree, encoding="unicode"))


def case_of(local: LocalPortal, object_id: str) -> int:
    rows = local.rows(select(PaymentCase.id).where(PaymentCase.object_id == object_id))
    return int(rows[0][0])


def test_a_governorate_sees_and_closes_the_cases_of_its_own_requests(
    local: LocalPortal, silence: None
) -> None:
    paid_unheard(local)
    (intent,) = local.stripe.v1.payment_intents.list({"limit": 1}).data
    local.portal.reconciling.run(today(local))
    refund = local.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 1_000})
    strange = stranger(local)
    local.portal.reconciling.run(today(local))
    own = case_of(local, refund.id)
    charge = local.stripe.v1.charges.retrieve(str(strange.latest_charge))
    foreign = case_of(local, str(charge.balance_transaction))

    kfs = officer(local, "finance_officer", "EG-KFS")
    page = kfs.get("/center/finance")
    assert f"/cases/{own}/close" in html(page)
    assert f"/cases/{foreign}/close" not in html(page)
    elsewhere = officer(local, "finance_officer", "EG-QAL").get("/center/finance")
    assert f"/cases/{own}/close" not in html(elsewhere)
    national = officer(local, "finance_officer", "EG").get("/center/finance")
    assert f"/cases/{foreign}/close" in html(national)

    without = kfs.send(page, {"note": " "}, f"/cases/{own}/close")
    assert without.status == 422
    assert open_cases(local)[refund.id] == "external_refund"
    done = kfs.send(page, {"note": "رده البنك"}, f"/cases/{own}/close")
    assert done.path == "/center/finance"
    closed = local.rows(
        select(PaymentCase.closed_by, PaymentCase.closed_note).where(PaymentCase.id == own)
    )
    assert tuple(closed[0]) == ("finance_officer@EG-KFS", "رده البنك")


def test_who_may_only_look_closes_nothing(local: LocalPortal, silence: None) -> None:
    strange = stranger(local)
    local.portal.reconciling.run(today(local))
    charge = local.stripe.v1.charges.retrieve(str(strange.latest_charge))
    case = case_of(local, str(charge.balance_transaction))
    auditor = officer(local, "auditor", "EG")
    page = auditor.get("/center/finance")
    assert 'data-case="reconcile_missing_in_ledger"' in html(page)
    assert f"/cases/{case}/close" not in html(page)


def test_a_day_that_is_none_is_told_and_one_to_come_too(local: LocalPortal) -> None:
    who = officer(local, "finance_officer", "EG-KFS")
    for wrong in ("2026-13-01", "x", "2099-01-01", "0001-01-01"):
        assert who.get(f"/center/finance?day={wrong}").status == 422
    assert who.get("/center/finance?day=2020-01-01").status == 200
    assert who.get("/center/finance/export?first=x").status == 404


def test_no_day_of_old_is_put_before_those_that_wait_to_be_closed(
    local: LocalPortal, silence: None
) -> None:
    """Days are closed in their order: one that stood open before them would hold up all."""
    paid_unheard(local)
    local.portal.reconciling.run(today(local))
    kfs = officer(local, "finance_officer", "EG-KFS")
    shown = kfs.get("/center/finance?day=2019-05-03")
    assert not shown.tree.xpath("//form[contains(@action, '/compare')]")
    forged = fields(kfs, "/center/finance")
    refused = kfs.post("/center/finance/days/2019-05-03/compare", forged)
    assert refused.status == 422
    assert local.rows(select(Day.day).where(Day.day < date(2020, 1, 1))) == []
    code, said = run_command(local.portal.settings, "reconcile", "run", "--day", "2019-05-03")
    assert (code, "before the first payment" in said) == (1, True)


def test_a_day_is_closed_by_the_ministry_and_its_export_is_the_same_again(
    local: LocalPortal, silence: None
) -> None:
    paid_unheard(local)
    # somebody else's payment on our account
    local.stripe.v1.payment_intents.create(
        {"amount": 700, "currency": "egp", "payment_method": "pm_card_visa", "confirm": True}
    )
    day = today(local)
    local.portal.reconciling.run(day)
    local.clock.advance(days=1, hours=4)
    kfs = officer(local, "finance_officer", "EG-KFS")
    ministry = officer(local, "finance_officer", "EG")
    shown = ministry.get(f"/center/finance?day={day}")
    after = ministry.send(shown, {}, f"/days/{day}/compare")
    assert after.status == 200
    assert kfs.get(f"/center/finance/days/{day}/close").status == 403
    assert kfs.get(f"/center/finance/export?first={day}").status == 409
    asked = ministry.get(f"/center/finance/days/{day}/close")
    assert ministry.send(asked, {"note": ""}, "/close").status == 422  # it has differences
    pressed = {**asked.values("/close"), "note": "payments of a test"}
    address = f"{local.url}/center/finance/days/{day}/close"
    cookies = dict(ministry.client.cookies)

    def press(_: int) -> int:
        return httpx.post(
            address, data=pressed, cookies=cookies, trust_env=False, verify=PLAIN, timeout=30
        ).status_code

    with ThreadPoolExecutor(6) as tabs:
        assert sorted(tabs.map(press, range(6))) == [303] + [422] * 5
    assert 'data-day-state="closed"' in html(ministry.get(f"/center/finance?day={day}"))
    files = [
        who.client.get(f"{local.url}/center/finance/export?first={day}")
        for who in (ministry, ministry, kfs)
    ]
    assert files[0].content == files[1].content
    assert b"sha256," in files[0].content
    assert files[0].headers["content-type"].startswith("text/csv")
    assert re.search(rb"line,KFS-003,", files[2].content)
    assert b"line,,," not in files[2].content
    # what a spreadsheet would take for a formula: a minus stands before figures alone
    assert not re.search(rb"(?m)(?:^|,)\"?(?:[=+@\t]|-[^0-9])", files[0].content)


def test_the_commands_compare_tell_and_export_what_is_closed(
    local: LocalPortal, tmp_path: Path
) -> None:
    """After the test above: its day is closed."""
    settings = local.portal.settings
    day = cairo_day(local.clock.now() - timedelta(days=1, hours=4)).isoformat()
    code, said = run_command(settings, "reconcile", "status", "--days", "3")
    assert (code, "closed" in said, "broken" in said) == (0, True, False)
    files = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for file in files:
        assert run_command(settings, "reconcile", "export", day, "--output", str(file))[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert run_command(settings, "reconcile", "export", "2020-01-01")[0] == 1
    assert "closed already" in run_command(settings, "reconcile", "close", "--day", day)[1]
    statement = tmp_path / "statement.csv"
    statement.write_text("value_date,payout,amount,currency\n2026-01-01,po_x,1.5,EGP\n")
    code, said = run_command(settings, "reconcile", "import", str(statement))
    assert (code, "line 2" in said, "nothing was imported" in said) == (1, True, True)
