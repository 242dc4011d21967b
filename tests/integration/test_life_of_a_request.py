"""What the center does with a request, and what the citizen sees of it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select, update

from portal.backoffice.model import CenterDocument, CenterRequest
from portal.requests import completing
from portal.requests.model import ServiceRequest
from portal.requests.reading import FiledRequest
from tests.support.files import pdf
from tests.support.local import LocalPortal
from tests.support.people import Citizen

SERVICE = "address-numbering-certificate"


@pytest.fixture
def filed(local: LocalPortal) -> tuple[Citizen, str]:
    """A citizen with a paid request that waits in the inbox of KFS-003."""
    citizen = local.someone()
    return citizen, local.filed(SERVICE, citizen).hook("request-number")


def _register(local: LocalPortal, number: str) -> None:
    local.employee("front_office").act(number, "register", {})
    local.relay()


def _refer(local: LocalPortal, number: str) -> None:
    _register(local, number)
    local.employee("front_office").act(number, "accept", {})
    local.relay()


def test_the_incoming_number_is_the_next_of_the_center_and_the_citizen_sees_it(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    numbers = [
        local.filed(SERVICE, citizen, center="KFS-011").hook("request-number") for _ in range(2)
    ]
    clerk = local.employee("front_office", "KFS-011")
    year = local.clock.now().year
    for serial, number in enumerate(numbers, start=1):
        before = citizen.get(f"/requests/{number}")
        assert not before.hooks("center-number")
        clerk.act(number, "register", {})
        local.relay()
        after = citizen.get(f"/requests/{number}")
        assert after.hook("center-number") == f"{serial}/{year}"
        assert after.hook("state") == "document_check"


def test_a_request_is_registered_once_however_often_the_button_is_pressed(
    local: LocalPortal, filed: tuple[Citizen, str]
) -> None:
    _citizen, number = filed
    clerk = local.employee("front_office")
    page = clerk.open(number)
    first = clerk.send(page, {}, "/register")
    second = clerk.send(page, {}, "/register")
    local.relay()
    assert first.status == 200
    assert second.status == 409
    events = [
        row.event
        for row in local.rows(
            "SELECT h.event FROM request_history h JOIN service_requests r ON r.id = h.request_id"
            " WHERE r.number = :n ORDER BY h.position",
            n=number,
        )
    ]
    assert events == ["submit", "pay_filing", "register_incoming"]


def test_accepted_documents_lead_to_study_and_an_approval_to_the_issued_document(
    local: LocalPortal, filed: tuple[Citizen, str]
) -> None:
    citizen, number = filed
    _refer(local, number)
    assert citizen.get(f"/requests/{number}").hook("state") == "referred"
    approved = local.employee("department_head").approve(number, "512/2026")
    assert approved.status == 200, approved.errors()
    local.relay()
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "issued"
    assert "512/2026" in page.text
    link = page.tree.xpath("//a[@data-primary]/@href")[0]
    document = citizen.client.get(local.url + link)
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF")


def test_a_refusal_names_its_reasons_and_the_last_day_of_the_grievance(
    local: LocalPortal, filed: tuple[Citizen, str]
) -> None:
    citizen, number = filed
    _refer(local, number)
    head = local.employee("department_head")
    page = head.open(number)
    reason = page.tree.xpath("//input[@name='reasons']/@value")[0]
    head.send(
        page, {"reasons": reason, "refusal_note": "العنوان المكتوب لا يقع في هذا المركز"}, "/refuse"
    )
    local.relay()
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "refused"
    assert "العنوان المكتوب لا يقع في هذا المركز" in page.text
    until = select(ServiceRequest.grievance_until).where(ServiceRequest.number == number)
    assert local.rows(until)[0][0] > local.clock.now().date()
    assert "لك التظلم حتى" in page.text


@pytest.mark.parametrize(
    ("act", "values", "field"),
    [
        ("refuse", {"refusal_note": "سبب مفهوم وواضح"}, "reasons"),
        ("refuse", {"reasons": "other", "refusal_note": "لا"}, "refusal_note"),
        ("completion", {"days": "30"}, "items"),
        ("completion", {"items": "national_id_card", "days": "9999"}, "days"),
        ("approve", {"output_number": ""}, "output_number"),
        ("approve", {"output_number": "12"}, "output"),
    ],
)
def test_an_act_without_what_it_needs_is_refused_beside_its_field_and_changes_nothing(
    local: LocalPortal, act: str, values: dict[str, str], field: str
) -> None:
    citizen = local.someone()
    number = local.filed(SERVICE, citizen).hook("request-number")
    _refer(local, number)
    page = local.employee("department_head").act(number, act, values)
    assert page.status == 422
    assert field in [where for where, _ in page.errors()]
    local.relay()
    assert citizen.get(f"/requests/{number}").hook("state") == "referred"


def test_a_completion_pauses_the_clock_goes_to_the_citizen_and_comes_back(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number = alone.filed(SERVICE, citizen).hook("request-number")
    _refer(alone, number)
    due = _due(alone, number)
    clerk = alone.employee("front_office")
    page = clerk.open(number)
    item = page.tree.xpath("//input[@name='items']/@value")[0]
    ask = {"items": item, "completion_note": "الصورة غير واضحة، أعد تصويرها", "days": "30"}
    clerk.send(page, ask, "/completion")
    alone.relay()

    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "needs_completion"
    assert "الصورة غير واضحة، أعد تصويرها" in page.text
    alone.clock.advance(days=7)
    citizen.sign_in()
    page = citizen.get(f"/requests/{number}/complete")
    empty = citizen.send(page, {"note": "تم"}, "/complete")
    assert empty.status == 422
    assert [where for where, _ in empty.errors()] == [f"document-{item}"]
    name, content, kind = pdf()
    page = citizen.send(empty, {}, f"/complete/{item}", files={"file": (name, content, kind)})
    sent = citizen.send(page, {"note": "أعدت التصوير"}, "/complete")
    assert sent.hook("state") == "referred"
    alone.relay()

    assert _due(alone, number) >= due + timedelta(days=7)
    opened = alone.employee("front_office").open(number)
    assert opened.hook("state") == "referred"
    assert "أعدت التصوير" in opened.text


def _due(portal: LocalPortal, number: str) -> date:
    """The deadline as the portal has it; the center's is the same."""
    here = select(ServiceRequest.due_on).where(ServiceRequest.number == number)
    there = select(CenterRequest.due_on).where(CenterRequest.request_number == number)
    (at_portal,), (at_center,) = portal.rows(here)[0], portal.rows(there)[0]
    assert at_portal == at_center
    assert isinstance(at_portal, date)
    return at_portal


def test_what_is_not_completed_in_time_is_shelved_and_the_center_is_told(
    alone: LocalPortal,
) -> None:
    citizen = alone.signed_in()
    number = alone.filed(SERVICE, citizen).hook("request-number")
    _register(alone, number)
    alone.employee("front_office").act(
        number, "completion", {"completion_note": "أرسل رقم العداد من فضلك", "days": "7"}
    )
    alone.relay()
    alone.clock.advance(days=12)
    alone.loops.shelver.run_once()
    alone.relay()
    citizen.sign_in()
    assert citizen.get(f"/requests/{number}").hook("state") == "shelved"
    assert alone.employee("front_office").open(number).hook("state") == "shelved"
    assert any("حُفظ" in text for text in _messages(alone, citizen))


def _messages(portal: LocalPortal, citizen: Citizen) -> list[str]:
    portal.relay()
    page = citizen.get("/sandbox/messages")
    articles = [" ".join(a.text_content().split()) for a in page.tree.xpath("//article")]
    return [text for text in articles if citizen.mobile in text]


def test_a_notice_is_registered_and_that_is_its_outcome(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number = local.filed("works-start-notice", citizen).hook("request-number")
    registered = local.employee("front_office").act(number, "register", {})
    assert not registered.tree.xpath("//main//aside//form")
    assert not local.employee("unit_head").open(number).tree.xpath("//main//aside//form")
    local.relay()
    page = citizen.get(f"/requests/{number}")
    assert page.hook("state") == "issued"
    assert page.hook("center-number") == registered.hook("center-number")
    events = page.tree.xpath("//ol[contains(@class,'timeline')]/li[contains(@class,'done')]")
    assert len(events) == len({e.text_content() for e in events})


def test_the_citizen_hears_of_every_step_by_message(local: LocalPortal) -> None:
    citizen = local.someone()
    number = local.filed(SERVICE, citizen).hook("request-number")
    _refer(local, number)
    local.employee("department_head").approve(number)
    texts = _messages(local, citizen)
    assert len([text for text in texts if number in text]) >= 4
    assert not [text for text in texts if citizen.national_id in text]


def test_the_queue_shows_the_oldest_deadline_first_and_only_its_own_center(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    slow = local.filed("building-permit-new", citizen, center="KFS-012").hook("request-number")
    fast = local.filed(SERVICE, citizen, center="KFS-012").hook("request-number")
    page = local.employee("front_office", "KFS-012").get("/center/inbox")
    shown = [n for n in page.hooks("request-number") if n in {slow, fast}]
    due = select(CenterRequest.due_on).where(CenterRequest.center_code == "KFS-012")
    by_due = local.rows(due.order_by(CenterRequest.due_on, CenterRequest.id))
    assert len(by_due) == len(shown) == 2
    numbers = select(CenterRequest.request_number).where(CenterRequest.center_code == "KFS-012")
    ordered = local.rows(numbers.order_by(CenterRequest.due_on, CenterRequest.id))
    assert shown == [row[0] for row in ordered]
    elsewhere = local.employee("front_office", "KFS-001")
    assert slow not in elsewhere.get("/center/inbox").text
    assert elsewhere.open(slow).status == 404


def test_who_complains_is_known_to_the_center_and_not_to_its_departments(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    number = local.filed("municipal-complaint", citizen).hook("request-number")
    _refer(local, number)
    name, card = local.answers("municipal-complaint")["applicant_name"], "national_id_card"
    desk = local.employee("front_office")
    known = desk.open(number)
    assert str(name) in known.text
    documents = select(CenterDocument.code, CenterDocument.id).join(
        CenterRequest, CenterRequest.id == CenterDocument.center_request_id
    )
    ids = dict(local.rows(documents.where(CenterRequest.request_number == number)))
    address = f"/center/requests/{number}/documents/{ids[card]}"
    assert desk.client.get(f"{local.url}{address}").status_code == 200
    for role in ("department_officer", "department_head", "inspector", "cashier"):
        other = local.employee(role)
        page = other.open(number)
        assert page.status == 200
        assert str(name) not in page.text, role
        assert citizen.national_id[-3:] not in page.text, role
        assert ids[card] not in page.text, role
        assert other.client.get(f"{local.url}{address}").status_code == 404
        queue = other.get(f"/center/inbox?q={number}")
        assert number in queue.text
        assert str(name) not in queue.text


def test_someone_without_account_follows_by_number_and_mobile(local: LocalPortal) -> None:
    owner = local.someone()
    number = local.filed(SERVICE, owner).hook("request-number")
    stranger = local.citizen(mobile=owner.mobile)
    page = stranger.get("/track")
    page = stranger.send(page, {"number": number, "mobile": owner.mobile}, "/track")
    page = stranger.send(page, {"code": stranger.last_code()}, "/sign-in/code")
    assert page.hook("request-number") == number
    assert stranger.get("/requests").path.endswith("/sign-in")


def test_who_follows_with_a_wrong_mobile_is_told_nothing(local: LocalPortal) -> None:
    number = local.filed(SERVICE).hook("request-number")
    stranger = local.citizen(mobile="01099999999")
    page = stranger.send(
        stranger.get("/track"), {"number": number, "mobile": stranger.mobile}, "/track"
    )
    assert page.path.endswith("/sign-in/code")
    assert not [text for text in _messages(local, stranger) if stranger.mobile in text]


@pytest.mark.parametrize("role", ["inspector", "archivist", "cashier", "backlog_entry"])
def test_a_role_without_the_permission_has_no_button_and_cannot_act(
    local: LocalPortal, role: str
) -> None:
    number = local.filed(SERVICE).hook("request-number")
    other = local.employee(role)
    page = other.get("/center/inbox")
    assert other.open(number).tree.xpath("//main//form") == []
    token = page.tree.xpath("//input[@name='_csrf']/@value")[0]
    answer = other.post(f"/center/requests/{number}/register", {"_csrf": token})
    assert answer.status == 403
    events = select(CenterRequest.state).where(CenterRequest.request_number == number)
    assert local.rows(events)[0][0] == "received"


def test_an_answer_that_comes_just_after_the_request_was_shelved_finds_nothing_to_complete(
    still: LocalPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = still.someone()
    number = still.filed("municipal-complaint", citizen).hook("request-number")
    clerk = still.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "completion", {"completion_note": "اكتب العنوان", "days": "7"})
    still.relay()
    page = citizen.get(f"/requests/{number}/complete")
    hold = completing.hold

    def hold_after_the_worker(db: Connection, request: FiledRequest) -> None:
        hold(db, request)
        shelved = update(ServiceRequest).where(ServiceRequest.id == request.id)
        db.execute(shelved.values(state="shelved"))

    monkeypatch.setattr(completing, "hold", hold_after_the_worker)
    late = citizen.send(page, {"note": "شارع البحر"}, "/complete")
    assert (late.status, late.path) == (200, f"/requests/{number}")
    assert late.hook("state") == "shelved"
