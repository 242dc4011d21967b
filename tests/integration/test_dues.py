"""What a register says is owed, and what a payment leaves of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from portal.registers.model import RegisterDue, RegisterRecord
from portal.registers.reading import equal_parts
from tests.support.local import LocalPortal
from tests.support.people import CARD

SERVICE = "reconciliation-balance-payment"
CENTER = "KFS-005"
TOTAL = 6 * 1_250_000 + 2 * (5_000 + 10_000)  # six instalments of the demo's register


def _dues(local: LocalPortal, number: str) -> Sequence[Any]:
    return local.rows(
        select(RegisterDue.position, RegisterDue.amount, RegisterDue.due_on, RegisterDue.paid_by)
        .join(RegisterRecord, RegisterRecord.id == RegisterDue.record_id)
        .where(RegisterRecord.center_code == CENTER, RegisterRecord.number == number)
        .where(RegisterRecord.kind == "reconciliation_dues")
        .order_by(RegisterDue.position)
    )


def _pay(local: LocalPortal, number: str, **plan: str) -> tuple[str, int]:
    """File and pay; the request's number and the sum that was asked for."""
    citizen = local.someone()
    raw = local.answers(SERVICE, fixed={"request": number, **plan}, center=CENTER)
    check = citizen.check(citizen.upload_all(citizen.fill(SERVICE, raw)))
    asked = int(check.hook("amount"))
    page = citizen.pay(citizen.declare(check))
    assert page.hook("state") == "received", page.text
    return page.hook("request-number"), asked


def test_equal_parts_make_the_whole() -> None:
    assert equal_parts(100, 1) == [100]
    assert equal_parts(100, 3) == [34, 33, 33]
    assert equal_parts(2, 3) == [1, 1, 0]
    assert sum(equal_parts(7_530_001, 60)) == 7_530_001


def test_a_new_plan_takes_the_place_of_what_was_owed(local: LocalPortal) -> None:
    first, asked = _pay(local, "301/2025", plan="instalments", instalments_count="7")
    parts = equal_parts(TOTAL, 7)
    assert asked == parts[0]
    dues = _dues(local, "301/2025")
    assert [due.amount for due in dues] == parts
    assert [due.position for due in dues] == [1, 2, 3, 4, 5, 6, 7]
    assert [due.paid_by for due in dues] == [first, *[None] * 6]
    months = [(due.due_on.year * 12 + due.due_on.month) for due in dues]
    assert [month - months[0] for month in months] == list(range(7))

    second, asked = _pay(local, "301/2025", plan="single_instalment", instalment_no="2")
    assert asked == parts[1]
    assert [due.paid_by for due in _dues(local, "301/2025")][:3] == [first, second, None]

    last, asked = _pay(local, "301/2025", plan="full")
    assert asked == sum(parts[2:])
    assert {due.paid_by for due in _dues(local, "301/2025")[2:]} == {last}


def test_dues_that_were_paid_meanwhile_are_not_asked_for_again(local: LocalPortal) -> None:
    slow = local.someone()
    raw = local.answers(SERVICE, fixed={"request": "303/2025", "plan": "full"}, center=CENTER)
    waiting = slow.submit(slow.upload_all(slow.fill(SERVICE, raw)))
    _pay(local, "303/2025", plan="full")
    shown = slow.get(waiting.path)
    assert "بطلب آخر" in shown.text
    assert not shown.tree.xpath("//main//form")
    pressed = slow.send(waiting, {}, "/pay")
    assert pressed.status == 409
    assert "بطلب آخر" in pressed.text


def test_a_plan_for_what_was_paid_meanwhile_changes_nothing_and_is_put_before_a_person(
    local: LocalPortal,
) -> None:
    slow = local.someone()
    raw = local.answers(
        SERVICE,
        fixed={"request": "302/2025", "plan": "instalments", "instalments_count": "3"},
        center=CENTER,
    )
    waiting = slow.submit(slow.upload_all(slow.fill(SERVICE, raw)))
    checkout = slow.send(waiting, {}, "/pay")
    quick, _ = _pay(local, "302/2025", plan="full")
    page = slow.send(checkout, CARD)
    assert page.hook("state") == "received"
    assert {due.paid_by for due in _dues(local, "302/2025")} == {quick}
    cases = "SELECT kind FROM payment_cases WHERE reference = :n"
    number = page.hook("request-number")
    assert [row.kind for row in local.rows(cases, n=number)] == ["dues_paid_twice"]
