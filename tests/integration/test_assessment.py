"""Later fees: one employee assesses them, another approves them; they are paid; it goes on."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, BinaryIO

import pytest
from sqlalchemy import func, select

from payments.model import Obligation, ObligationLine
from portal.backoffice.model import CenterAct, CenterAssessment, CenterEvent, CenterRequest
from portal.clock import public_id
from portal.handoff import messages
from portal.handoff.inward import Inward
from portal.handoff.messages import Message, read_message
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.notifications.model import OutgoingMessage
from portal.requests.answering import Answers
from portal.requests.model import HistoryEntry, ServiceRequest
from tests.support.keeping import keep_nothing
from tests.support.local import LocalPortal
from tests.support.looking import raw, token
from tests.support.people import Citizen, Employee, Page

TWO_STAGE = "mobile-food-unit-licence"  # a licence of 3,000 pounds and 110 beside it
SHOP = "shop-licence-new"
CERTIFICATE = "property-data-certificate"
LICENCE, ALL = 300_000, 311_000
WHY = "قررت اللجنة ذلك بعد المعاينة"
CONDITIONS = "تركيب طفاية حريق وتأمين مخرج"


def at_department(local: LocalPortal, service: str, citizen: Citizen | None = None) -> str:
    """The number of a request whose documents are accepted."""
    number = local.filed(service, citizen).hook("request-number")
    clerk = local.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    local.relay()
    return number


def sheet(who: Employee, number: str) -> Page:
    return who.get(f"/center/requests/{number}/assess")


def propose(who: Employee, number: str, **typed: str) -> Page:
    """Fill the sheet in, look at the sum, propose it."""
    values = {name.replace("__", "."): value for name, value in typed.items()}
    page = who.send(sheet(who, number), values, "/assess")
    if page.status == 200 and page.path.endswith("/assess"):
        page = who.send(page, {}, "/assess")
    return page


def assess(local: LocalPortal, number: str, **typed: str) -> None:
    """Proposed by the officer, approved by the head."""
    page = propose(local.employee("department_officer"), number, **typed)
    assert page.path == f"/center/requests/{number}", page.errors()
    page = local.employee("department_head").act(number, "confirm-fees", {})
    assert page.status == 200, page.text
    local.relay()


def pay(local: LocalPortal, citizen: Citizen, number: str) -> Page:
    page = citizen.pay(citizen.get(f"/requests/{number}/pay"))
    local.relay()
    return page


def events(local: LocalPortal, number: str) -> list[str]:
    """The request's history from the acceptance of its documents on."""
    told = (
        select(HistoryEntry.event)
        .join(ServiceRequest, ServiceRequest.id == HistoryEntry.request_id)
        .where(ServiceRequest.number == number)
        .order_by(HistoryEntry.position)
    )
    found = [row[0] for row in local.rows(told)]
    return found[found.index("accept_documents") + 1 :]


def debts(local: LocalPortal, number: str) -> dict[str, tuple[int, str]]:
    """What the request owes, by stage."""
    rows = local.rows(select(Obligation.__table__).where(Obligation.reference == number))
    return {row.stage: (row.amount, row.state) for row in rows}


def time_to_pay(local: LocalPortal, number: str) -> timedelta:
    until = select(ServiceRequest.waits_until).where(ServiceRequest.number == number)
    left: timedelta = local.rows(until)[0][0] - local.clock.now()
    return left


def at_center(local: LocalPortal, number: str) -> Any:
    row = select(CenterRequest.__table__).where(CenterRequest.request_number == number)
    return local.rows(row)[0]


def assessments(local: LocalPortal, number: str) -> list[tuple[str, str, int]]:
    told = (
        select(CenterAssessment.stage, CenterAssessment.state, CenterAssessment.total)
        .join(CenterRequest, CenterRequest.id == CenterAssessment.center_request_id)
        .where(CenterRequest.request_number == number)
        .order_by(CenterAssessment.id)
    )
    return [tuple(row) for row in local.rows(told)]


# --- the whole way


def test_fees_are_assessed_by_one_approved_by_another_paid_and_then_the_request_is_approved(
    shared: LocalPortal,
) -> None:
    local, citizen = shared, shared.someone()
    number = at_department(local, TWO_STAGE, citizen)
    officer = local.employee("department_officer")
    page = propose(officer, number)
    assert page.hook("state") == "fees_proposed"
    assert debts(local, number).keys() == {"submission"}, "the portal has not heard of it"

    head = local.employee("department_head")
    page = head.act(number, "confirm-fees", {})
    assert page.hook("state") == "fees_assessed"
    local.relay()
    assert debts(local, number)["after_approval"] == (ALL, "due")
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "fees_assessed"
    assert "٣٬١١٠ جنيهات" in page.text
    assert page.hooks("stage") == ["submission", "after_approval"]
    asked = citizen.get(f"/requests/{number}/pay")
    assert "السداد ٢ من ٢" in asked.text
    assert "نهاية يوم" in asked.text
    kinds = select(OutgoingMessage.kind, OutgoingMessage.params)
    told = [row.kind for row in local.rows(kinds) if row.params.get("number") == number]
    assert told.count("fees_assessed") == 1
    assert timedelta(days=59) < time_to_pay(local, number) < timedelta(days=70)

    pay(local, citizen, number)
    assert debts(local, number)["after_approval"] == (ALL, "paid")
    assert assessments(local, number) == [("after_approval", "settled", ALL)]
    there = at_center(local, number)
    here = local.rows(select(ServiceRequest.__table__).where(ServiceRequest.number == number))[0]
    assert (there.state, there.due_on) == ("referred", here.due_on)
    receipts = select(CenterAssessment.receipt).where(
        CenterAssessment.center_request_id == there.id
    )
    assert local.rows(receipts)[0][0] in head.open(number).text

    head.approve(number)
    local.relay()
    assert citizen.get(f"/requests/{number}").hook("state") == "issued"
    assert events(local, number) == ["assess_fees", "pay_assessed", "approve", "issue"]


def test_a_shop_is_accepted_in_principle_pays_for_the_inspection_gives_notice_and_is_licensed(
    still: LocalPortal,
) -> None:
    local, citizen = still, still.someone()
    number = at_department(local, SHOP, citizen)
    head, officer = local.employee("department_head"), local.employee("department_officer")
    assert sheet(officer, number).path == f"/center/requests/{number}", "not accepted yet"
    head.act(number, "accept-prelim", {"conditions": CONDITIONS})
    local.relay()
    page = citizen.get(f"/requests/{number}")
    assert CONDITIONS in page.text
    assert not page.tree.xpath("//form[contains(@action, '/ready')]"), "not inspected yet"
    assert at_center(local, number).due_on is None, "the next step is the citizen's"

    assess(local, number)
    assert timedelta(days=27) < time_to_pay(local, number) < timedelta(days=40), "a month by law"
    pay(local, citizen, number)
    assert sheet(officer, number).path == f"/center/requests/{number}", "no notice yet"
    page = citizen.get(f"/requests/{number}")
    proof = token(citizen, f"/requests/{number}")
    for _ in range(2):
        raw(citizen, "POST", f"/requests/{number}/ready", data={"_csrf": proof})
    local.relay()
    assert events(local, number).count("ready_notice") == 1
    assert at_center(local, number).due_on is not None, "a month by law"

    assess(local, number, activity_class="A", zone="zone_1")
    assert "approve" not in _acts(head.open(number))
    pay(local, citizen, number)
    head.approve(number)
    local.relay()
    assert events(local, number) == [
        "accept_prelim",
        "assess_fees",
        "pay_assessed",
        "ready_notice",
        "assess_fees",
        "pay_assessed",
        "approve",
        "issue",
    ]


def _acts(page: Page) -> set[str]:
    return {str(a).rsplit("/", 1)[-1] for a in page.tree.xpath("//main//form/@action")}


@pytest.mark.parametrize("difference", ["0", "٧٥٫٥٠"])
def test_a_difference_is_paid_before_delivery_if_the_registers_show_one(
    still: LocalPortal, difference: str
) -> None:
    local, citizen = still, still.someone()
    number = at_department(local, CERTIFICATE, citizen)
    head = local.employee("department_head")
    assert {"approve"} <= _acts(head.open(number)), "nothing forces a difference"
    assess(local, number, register_difference=difference)
    if difference == "0":
        assert debts(local, number).keys() == {"submission"}
    else:
        assert debts(local, number)["before_delivery"] == (7_550, "due")
        pay(local, citizen, number)
    head.approve(number)
    local.relay()
    assert events(local, number) == ["assess_fees", "pay_assessed", "approve", "issue"]


# --- two people


def test_nobody_approves_fees_that_he_assessed(shared: LocalPortal) -> None:
    local = shared
    number = at_department(local, TWO_STAGE)
    head = local.employee("department_head")
    page = propose(head, number)
    assert "confirm-fees" not in _acts(page)
    identity = page.form("/return-fees").fields["assessment"]
    proof = {"_csrf": token(head, "/center/inbox"), "assessment": identity}
    response = raw(head, "POST", f"/center/requests/{number}/confirm-fees", data=proof)
    assert response.status_code == 403
    assert assessments(local, number) == [("after_approval", "proposed", ALL)]
    local.employee("unit_head").act(number, "confirm-fees", {})
    assert assessments(local, number) == [("after_approval", "approved", ALL)]


def test_fees_are_approved_once_however_many_press_at_the_same_time(shared: LocalPortal) -> None:
    local = shared
    number = at_department(local, TWO_STAGE)
    propose(local.employee("department_officer"), number)
    people = [local.employee(role) for role in ("department_head", "unit_head") for _ in range(3)]
    pages = [(who, who.open(number)) for who in people]

    def press(each: tuple[Employee, Page]) -> int:
        return each[0].send(each[1], {}, "/confirm-fees").status

    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(press, pages))
    assert said == [200, 409, 409, 409, 409, 409]
    local.relay()
    assert debts(local, number)["after_approval"] == (ALL, "due")
    told = select(func.count()).where(
        CenterEvent.subject == number, CenterEvent.type == messages.FEES_ASSESSED
    )
    assert local.rows(told)[0][0] == 1


@pytest.mark.parametrize(
    ("role", "act", "status"),
    [
        ("front_office", "assess", 403),
        ("unit_head", "assess", 403),
        ("department_officer", "confirm-fees", 403),
        ("department_officer", "return-fees", 403),
        ("department_officer", "accept-prelim", 403),
        ("department_head", "confirm-fees", 409),
    ],
)
def test_each_role_does_only_its_part(
    still: LocalPortal, waiting: str, role: str, act: str, status: int
) -> None:
    who = still.employee(role)
    data = {"_csrf": token(who, "/center/inbox"), "assessment": "0"}
    response = raw(who, "POST", f"/center/requests/{waiting}/{act}", data=data)
    assert response.status_code == status
    assert at_center(still, waiting).state == "fees_proposed"


@pytest.fixture(scope="module")
def waiting(still: LocalPortal) -> str:
    """A request whose fees wait for a second person."""
    number = at_department(still, TWO_STAGE)
    propose(still.employee("department_officer"), number)
    return number


def test_what_is_returned_is_corrected_and_both_stay_on_record(still: LocalPortal) -> None:
    local = still
    number = at_department(local, TWO_STAGE)
    officer, head = local.employee("department_officer"), local.employee("department_head")
    propose(officer, number, amount__licence="٢٥٠٠", reason__licence=WHY)
    seen = head.open(number)
    assert WHY in seen.text
    page = head.send(seen, {"return_note": "لا"}, "/return-fees")
    assert [field for field, _ in page.errors()] == ["return_note"]
    head.send(seen, {"return_note": "الرسم ٣٠٠٠ جنيه بالقرار"}, "/return-fees")
    page = sheet(officer, number)
    assert "الرسم ٣٠٠٠ جنيه بالقرار" in page.text
    values = page.values("/assess")
    assert (values["amount.licence"], values["reason.licence"]) == (["2500.00"], [WHY])
    page = propose(officer, number, amount__licence="")
    late = head.send(seen, {}, "/confirm-fees")
    assert late.status == 409, "the head has not seen the corrected one"
    head.act(number, "confirm-fees", {})
    assert assessments(local, number) == [
        ("after_approval", "returned", ALL - 50_000),
        ("after_approval", "approved", ALL),
    ]
    acts = select(CenterAct.act).join(CenterRequest).where(CenterRequest.request_number == number)
    kept = [row[0] for row in local.rows(acts.order_by(CenterAct.id))]
    assert kept[-4:] == ["propose_fees", "return_fees", "propose_fees", "assess_fees"]


# --- amounts


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount.licence": "٥٠٠٠٫٠١", "reason.licence": WHY}, "amount.licence"),
        ({"amount.licence": "-1", "reason.licence": WHY}, "amount.licence"),
        ({"amount.licence": "كثير", "reason.licence": WHY}, "amount.licence"),
        ({"amount.licence": "4000"}, "reason.licence"),
        ({"amount.difference": "12.345", "reason.difference": WHY}, "amount.difference"),
        ({"reason.difference": WHY}, "amount.difference"),
    ],
)
def test_a_wrong_amount_is_told_at_its_line_and_nothing_is_proposed(
    still: LocalPortal, referred: str, typed: Mapping[str, str], field: str
) -> None:
    officer = still.employee("department_officer")
    page = officer.send(sheet(officer, referred), typed, "/assess")
    assert (page.status, [where for where, _ in page.errors()]) == (422, [field])
    assert page.tree.xpath(f"//*[@id='{field}']")
    for name, value in typed.items():
        assert page.form("/assess").fields[name] == value, "what was typed stands there still"
    assert at_center(still, referred).state == "referred"


@pytest.fixture(scope="module")
def referred(still: LocalPortal) -> str:
    return at_department(still, TWO_STAGE)


def test_no_sum_is_proposed_that_was_not_on_the_page(still: LocalPortal, referred: str) -> None:
    officer = still.employee("department_officer")
    page = sheet(officer, referred)
    assert page.hook("amount") == str(ALL)
    other = {"amount.licence": "٤٬٠٠٠", "reason.licence": WHY}
    page = officer.send(page, other, "/assess")
    assert (page.status, page.hook("amount")) == (200, str(ALL + 100_000))
    assert at_center(still, referred).state == "referred"


def test_where_all_is_waived_nothing_is_owed_and_the_request_goes_on(still: LocalPortal) -> None:
    local, citizen = still, still.someone()
    number = at_department(local, TWO_STAGE, citizen)
    lines = ("licence", "resource_dev", "fund")
    waived = {f"amount__{line}": "0" for line in lines}
    assess(local, number, **waived, **{f"reason__{line}": WHY for line in lines})
    assert debts(local, number).keys() == {"submission"}
    assert assessments(local, number) == [("after_approval", "settled", 0)]
    assert events(local, number) == ["assess_fees", "pay_assessed"]
    assert WHY in citizen.get(f"/requests/{number}").text
    local.employee("department_head").approve(number)
    local.relay()
    assert citizen.get(f"/requests/{number}").hook("state") == "issued"


def test_nothing_is_approved_before_its_fees_are_paid(still: LocalPortal, waiting: str) -> None:
    number = at_department(still, TWO_STAGE)
    head = still.employee("department_head")
    assert "approve" not in _acts(head.open(number))
    for each in (number, waiting):
        data = {"_csrf": token(head, "/center/inbox"), "output_number": "1/2026"}
        files = {"output": ("x.pdf", b"%PDF-", "application/pdf")}
        response = raw(head, "POST", f"/center/requests/{each}/approve", data=data, files=files)
        assert response.status_code == 422
        assert "لم تُسدد بعد" in response.text
        assert at_center(still, each).closed_at is None


# --- what crosses the wall


def _door(local: LocalPortal) -> Inward:
    """The door as the existing system of a center uses it."""

    def fetch(_link: str) -> BinaryIO:
        raise AssertionError("nothing to fetch")

    portal = local.portal
    known = (portal.vault, portal.catalogue, portal.places, portal.files)
    answers = Answers(*known, fetch, portal.clock, portal.hand_off, frozenset(), keep_nothing)
    speeches = portal.languages.pair
    return Inward(portal.database, portal.vault, answers.handlers(), speeches, portal.clock)


def _line(identity: str, amount: Any, **changes: Any) -> dict[str, Any]:
    line = {
        "id": identity,
        "code": identity,
        "amount": amount,
        "beneficiary": {"resource_dev": "treasury", "fund": "local_fund"}.get(
            identity, "local_unit"
        ),
        "refundable": False,
        "reason": "",
    }
    return {**line, **changes}


def _assessed(local: LocalPortal, number: str, **changes: Any) -> Message:
    data = {
        "stage": "after_approval",
        "lines": [_line("licence", LICENCE), _line("resource_dev", 1_000), _line("fund", 10_000)],
        "total": ALL,
        **changes,
    }
    return _answer(local, number, messages.FEES_ASSESSED, **data)


def _answer(local: LocalPortal, subject: str, kind: str, /, **data: Any) -> Message:
    at = local.clock.now()
    return Message(public_id(), kind, "KFS-003", subject, "center/KFS-003", at, data)


def _became(local: LocalPortal, message: Message) -> tuple[str, str]:
    kept = select(InwardEvent.state, InwardEvent.reason).where(InwardEvent.id == message.id)
    row = local.rows(kept)[0]
    return row.state, row.reason


@pytest.fixture(scope="module")
def foreign(still: LocalPortal) -> str:
    """A request at a center whose system we do not know."""
    number = still.filed(TWO_STAGE).hook("request-number")
    door = _door(still)
    door.deliver(_answer(still, number, messages.REQUEST_REGISTERED, number=9042, year=2026))
    door.deliver(_answer(still, number, messages.DOCUMENTS_ACCEPTED))
    return number


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stage": "submission"}, "no fees fall due"),
        ({"stage": "after_prelim"}, "no fees fall due"),
        ({"stage": "sometime"}, "ValueError"),
        ({"lines": []}, "short list"),
        ({"lines": "all"}, "short list"),
        ({"lines": [_line("deposit", 5)], "total": 5}, "a line that the service does not have"),
        ({"lines": [_line("licence", 5)] * 2, "total": 10}, "stands twice"),
        ({"lines": [_line("licence", 500_001)], "total": 500_001}, "out of bounds"),
        ({"lines": [_line("licence", -5)], "total": -5}, "out of bounds"),
        ({"lines": [_line("licence", 5.5)], "total": 5.5}, "whole piastres"),
        ({"lines": [_line("licence", True)], "total": 1}, "whole piastres"),
        ({"lines": [_line("licence", "5")], "total": 5}, "whole piastres"),
        ({"lines": [_line("licence", 10**30)], "total": 10**30}, "out of bounds"),
        ({"lines": [_line("licence", 5, beneficiary="me")], "total": 5}, "another purpose"),
        ({"lines": [_line("licence", 5, refundable=True)], "total": 5}, "another purpose"),
        ({"lines": [_line("licence", 5, code="deposit")], "total": 5}, "another purpose"),
        ({"lines": [_line("licence", 5, reason="س" * 501)], "total": 5}, "cannot be shown"),
        ({"lines": [_line("licence", 5, reason="\u202e5")], "total": 5}, "cannot be shown"),
        ({"lines": [{"id": "licence"}], "total": 5}, "KeyError"),
        ({"lines": ["licence"], "total": 5}, "TypeError"),
        ({"total": ALL - 1}, "not the sum"),
        ({"total": None}, "whole piastres"),
        ({"answers": ["منى"]}, "values of the service's fields"),
        ({"answers": {"applicant_name": "منى"}}, "no quantity"),
    ],
)
def test_fees_that_no_center_may_ask_for_are_parked_and_nobody_owes_them(
    still: LocalPortal, foreign: str, changes: dict[str, Any], reason: str
) -> None:
    message = _assessed(still, foreign, **changes)
    _door(still).deliver(message)
    state, said = _became(still, message)
    assert (state, reason in said) == ("parked", True), said
    assert "منى" not in said
    assert debts(still, foreign).keys() == {"submission"}
    assert events(still, foreign) == []


def test_fees_that_come_twice_are_owed_once_and_a_stage_is_assessed_once(
    shared: LocalPortal,
) -> None:
    local, door, citizen = shared, _door(shared), shared.someone()
    number = local.filed(TWO_STAGE, citizen).hook("request-number")
    registered = _answer(local, number, messages.REQUEST_REGISTERED, number=9043, year=2026)
    accepted = _answer(local, number, messages.DOCUMENTS_ACCEPTED)
    assessed, again = _assessed(local, number), _assessed(local, number)
    approved = _answer(local, number, messages.REQUEST_APPROVED, note="")
    for message in (approved, assessed, registered, accepted, assessed, again, approved):
        door.deliver(message)
    assert _became(local, assessed)[0] == "applied", "it waited for what makes it fit"
    assert _became(local, again)[0] == "parked"
    assert _became(local, approved)[0] == "waiting", "its fees are not paid"
    assert debts(local, number)["after_approval"] == (ALL, "due")
    lines = select(func.count()).select_from(ObligationLine).join(Obligation)
    lines = lines.where(Obligation.reference == number, Obligation.stage == "after_approval")
    assert local.rows(lines)[0][0] == 3
    assert events(local, number) == ["assess_fees"]
    local.loops.door.try_again()
    assert _became(local, approved)[0] == "waiting", "nothing has changed"
    pay(local, citizen, number)
    local.loops.door.try_again()
    assert _became(local, approved)[0] == "applied", "the approval came first and fits now"
    assert events(local, number) == ["assess_fees", "pay_assessed", "approve"]


def test_a_shop_at_a_foreign_center_takes_its_steps_in_the_order_of_the_law(
    still: LocalPortal,
) -> None:
    local, door = still, _door(still)
    number = local.filed(SHOP).hook("request-number")
    inspection = {"lines": [_line("inspection", 25_000)], "total": 25_000}
    fees = _assessed(local, number, stage="after_prelim", **inspection)
    licence = _assessed(local, number, lines=[_line("licence", 100_000)], total=100_000)
    silent = _answer(local, number, messages.ACCEPTED_IN_PRINCIPLE, note=" ")
    accepted = _answer(local, number, messages.ACCEPTED_IN_PRINCIPLE, note=CONDITIONS)
    for message in (
        _answer(local, number, messages.REQUEST_REGISTERED, number=9044, year=2026),
        _answer(local, number, messages.DOCUMENTS_ACCEPTED),
        licence,
        fees,
        silent,
    ):
        door.deliver(message)
    assert [_became(local, each)[0] for each in (licence, fees, silent)] == [
        "waiting",
        "waiting",
        "parked",
    ]
    door.deliver(accepted)
    assert _became(local, fees)[0] == "applied"
    assert _became(local, licence)[0] == "waiting", "the inspection is not paid"
    assert debts(local, number).keys() == {"submission", "after_prelim"}


def test_a_service_that_knows_no_acceptance_in_principle_gets_none(
    still: LocalPortal, foreign: str
) -> None:
    accepted = _answer(still, foreign, messages.ACCEPTED_IN_PRINCIPLE, note=CONDITIONS)
    _door(still).deliver(accepted)
    assert _became(still, accepted)[0] == "parked"
    assert "accept_prelim" not in _acts(still.employee("department_head").open(foreign))


def test_the_center_hears_that_fees_are_paid_and_nothing_of_who_paid_or_how(
    still: LocalPortal,
) -> None:
    local, citizen = still, still.someone()
    number = at_department(local, TWO_STAGE, citizen)
    assess(local, number)
    pay(local, citizen, number)
    kept = select(OutboxMessage.payload).where(
        OutboxMessage.subject == number, OutboxMessage.type == messages.FEES_PAID
    )
    (row,) = local.rows(kept)
    data = read_message(local.portal.vault.open("outbox_messages.payload", row[0])).data
    assert data.keys() == {"stage", "amount", "receipt", "clock"}
    assert (data["stage"], data["amount"]) == ("after_approval", ALL)
