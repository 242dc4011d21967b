"""The register at the center: all that a permit holds, its correction, acts and counter acts."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.clock import cairo_day
from portal.permits import leftovers, registry
from portal.permits import reading as register
from portal.permits.filling import fill
from portal.permits.model import BuildingPermit, PermitClaim, PermitLeftover
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, Permit
from portal.permits.registry import NotPossible, PermitAction
from portal.permits.validity import Status
from portal.problems import Conflict
from portal.requests.center_acts import Issued, Outcome
from tests.support.answers import NATIONAL_ID
from tests.support.issuing import issued
from tests.support.local import LocalPortal
from tests.support.people import Browser, Employee, Page
from tests.support.permits import CENTER, NAME, NUMBERS, do, put

_A = PermitAction
FULL = {
    "permit_type": "new",
    "legal_regime": "106/1976",
    "issued_on": "1998-05-12",
    "street": "شارع المحطة",
    "building_no": "7",
    "plot_no": "31",
    "area": "بندر دسوق",
    "building_use": "residential",
    "floors_above": "2",
    "basements": "1",
    "units_count": "3",
    "plot_area": "200",
    "total_built_area": "360",
    "footprint_area": "١٢٠٫٥",
    "height_m": "9.6",
    "roof_rooms": "1",
    "parking_spaces": "2",
    "elevators": "1",
    "structure_system": "concrete_frame",
    "estimated_value": "850,000.50",
    "floors": "الأرضي، تجاري، ١٢٠، ١\nالأول، سكني، 120، 2\nالبدروم\tمخازن\t120\t0",
    "owner": "منى السيد عبد الرحمن",
    "owner_id": "29001018800018",
    "owner_mobile": "01055512345",
    "owner_share": "١/٢",
    "owner_capacity": "co_owner",
    "co_owners": "أحمد علي حسن، 29001018800034، 01055512346، ٦ قراريط، وارث\nسعاد علي حسن، 25%",
    "north": "جار: ورثة حسن",
    "south": "شارع المحطة",
    "east": "قطعة ٣٢",
    "west": "منور",
    "applied_on": "1998-01-10",
    "exam_paid_on": "1998-01-12",
    "approved_on": "1998-05-01",
    "received_on": "1998-05-20",
    "notified_start_on": "1998-06-01",
    "base_permit": "56/م لسنة 1990",
    "site_statement": "12/1997",
    "works_certificate": "A-77",
    "drawings": "م١–م٤، إ١–إ٣",
    "designer": "سمير حنا",
    "designer_no": "12345",
    "supervisor": "كريم عادل",
    "supervisor_no": "54321",
    "supervisor_office": "مكتب النيل",
    "supervisor_register": "889",
    "contractor": "شركة البناء",
    "contractor_no": "7788",
    "insurer": "مصر للتأمين",
    "insurance_policy": "P-1",
    "insured_from": "1998-05-12",
    "insured_until": "2008-05-12",
    "fees_paid": "1,200",
    "receipts": "١١٢، ١١٣",
    "engineer_signed": "م. هالة",
    "manager_signed": "م. فؤاد",
    "head_signed": "اللواء سامي",
}


@pytest.fixture
def head(still: LocalPortal) -> Employee:
    return still.employee("department_head")


def _enter(head: Employee, **typed: str) -> Page:
    values = {**FULL, "number": str(next(NUMBERS)), "year": "1998", **typed}
    return head.send(head.get("/center/permits/new"), values, "/center/permits/new")


def _permit(local: LocalPortal, page: Page | int) -> Permit:
    permit_id = page if isinstance(page, int) else int(page.path.rsplit("/", 1)[1])
    with local.portal.database.read() as db:
        return register.by_id(db, local.portal.vault, permit_id)


def _errors(page: Page) -> list[str]:
    return [where for where, _ in page.errors()]


# --- what a permit holds


def test_all_that_an_old_permit_says_is_entered_kept_and_shown_to_whom_it_is_due(
    still: LocalPortal, head: Employee
) -> None:
    page = _enter(head)
    assert page.status == 200, page.errors()
    permit = _permit(still, page)
    row, people = permit.row, permit.people
    assert (row["footprint_area"], row["height_cm"]) == (12_050, 960)
    assert row["base_permit"] == "56/م/1990"
    assert row["details"]["estimated_value"] == "850000.50"
    assert [each["floor_use"] for each in row["details"]["floors"]] == [
        "commercial",
        "residential",
        "storage",
    ]
    assert people.owners[1] == Owner(
        "أحمد علي حسن", "29001018800034", "+201055512346", "6 قراريط", "heir"
    )
    assert [owner.share for owner in people.owners] == ["1/2", "6 قراريط", "25%"]
    assert people.more["insured_until"] == "2008-05-12"
    shown = set(page.tree.xpath("//*[@data-particular]/@data-particular"))
    assert {"drawings", "fees_paid", "footprint_area"} <= shown
    assert not {"north", "supervisor", "head_signed"} & shown, "names are for who may see them"
    assert "٦٠٫٢" in page.text
    counter = still.employee("front_office").get(page.path)
    assert {"north", "supervisor", "head_signed"} <= set(
        counter.tree.xpath("//*[@data-particular]/@data-particular")
    )
    address = f"/permits/{CENTER}/1998/{permit.number.number}"
    for mobile, national_id in (("01055512345", NATIONAL_ID), ("01055512346", "29001018800034")):
        own = still.signed_in(national_id, mobile).get(address)
        assert "جار: ورثة حسن" in own.text, "each of the owners is told all of it"
    anyone = Browser(still.url).get(address).text
    assert not any(each in anyone for each in ("ورثة حسن", "كريم", "P-1", "هالة", "01055512345"))


def test_what_is_entered_comes_back_as_it_would_be_typed(
    still: LocalPortal, head: Employee
) -> None:
    page = _enter(head)
    form = head.get(f"{page.path}/amend")
    typed = {name: values[0] for name, values in form.values("/amend").items() if values}
    assert {name for name in FULL if not typed.get(name)} == set()
    unchanged = head.send(form, {"note": "لا شيء"}, "/amend")
    assert (unchanged.status, _errors(unchanged)) == (422, ["note"])
    again = head.send(form, {"note": "خطأ في النقل", "street": "شارع البحر"}, "/amend")
    assert again.status == 200, again.errors()
    before, after = _permit(still, page), _permit(still, again)
    assert before.people == after.people
    assert before.row["details"] == after.row["details"]
    assert after.row["street"] == "شارع البحر"


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"footprint_area": "201"}, ["footprint_area"]),
        ({"total_built_area": "100", "floors": ""}, ["total_built_area"]),
        ({"floors": "الأرضي، تجاري، 120، 1"}, ["floors"]),
        ({"floors": "الأرضي، قصر، 120، 1"}, ["floors"]),
        ({"applied_on": "1998-02-01"}, ["exam_paid_on"]),
        ({"approved_on": "1998-05-13"}, ["issued_on"]),
        ({"received_on": "1998-05-11"}, ["received_on"]),
        ({"received_on": "2098-05-11"}, ["received_on"]),
        ({"notified_start_on": "1998-05-11"}, ["notified_start_on"]),
        ({"insured_until": "1997-01-01"}, ["insured_until"]),
        ({"owner_share": "2/3"}, ["co_owners"]),
        ({"owner_share": "نصيب"}, ["owner_share"]),
        ({"owner_share": "1e999999999%"}, ["owner_share"]),
        ({"owner_share": "1/0"}, ["owner_share"]),
        ({"owner_share": "3/2"}, ["owner_share"]),
        ({"owner_id": ""}, ["owner_mobile"]),
        ({"owner_mobile": "0123"}, ["owner_mobile"]),
        ({"owner": "", "owner_id": "", "owner_mobile": ""}, ["owner"]),
        ({"co_owners": "أحمد علي، 01055512346"}, ["co_owners"]),
        ({"co_owners": "أحمد علي، لا أعرف"}, ["co_owners"]),
        ({"co_owners": "29001018800034"}, ["co_owners"]),
        ({"co_owners": "سعاد علي، 29001018800018، 1/2"}, ["co_owners"]),
        ({"base_permit": "قديم"}, ["base_permit"]),
        ({"structure_system": "gold"}, ["structure_system"]),
        ({"elevators": "1.5"}, ["elevators"]),
        ({"estimated_value": "-1"}, ["estimated_value"]),
        ({"supervisor": "كريم\u202e عادل"}, ["supervisor"]),
        ({"drawings": "م" * 201}, ["drawings"]),
    ],
)
def test_what_does_not_fit_is_told_at_its_field_and_nothing_is_kept(
    still: LocalPortal, head: Employee, typed: dict[str, str], fields: list[str]
) -> None:
    count = select(func.count()).select_from(BuildingPermit)
    before = still.rows(count)
    page = _enter(head, **typed)
    assert (page.status, sorted(_errors(page))) == (422, sorted(fields))
    assert page.values("/new")["insurer"] == [FULL["insurer"]], "what was typed is still there"
    assert still.rows(count) == before


def test_staff_find_a_permit_by_its_address_and_by_its_paper_file(
    still: LocalPortal, head: Employee
) -> None:
    number, file_no = next(NUMBERS), str(next(NUMBERS))
    street = f"شارع الجلاء {number}"
    page = _enter(head, number=str(number), street=street, building_no="٧", file_no=file_no)
    here = f"//tr[@data-permit='{number}/1998']"
    for query in (
        f"street=الجلاء {number}",
        f"street=شارع الجلاء {number}&building_no=7",
        f"file_no=0{file_no}",
    ):
        found = head.get(f"/center/permits?{query}")
        assert len(found.tree.xpath("//tr[@data-permit]")) == 1, query
        assert found.tree.xpath(here)
    for query in (f"street=الجلاء {number}&building_no=8", f"file_no={file_no}9"):
        assert not head.get(f"/center/permits?{query}").tree.xpath("//tr[@data-permit]")
    elsewhere = still.employee("department_head", "KFS-004")
    assert not elsewhere.get(f"/center/permits?file_no={file_no}").tree.xpath(here)
    assert page.status == 200


# --- corrections


def test_a_correction_stands_in_the_history_with_its_reason_and_the_owner_reads_it(
    still: LocalPortal, head: Employee
) -> None:
    page = _enter(head)
    form = head.get(f"{page.path}/amend")
    unexplained = head.send(form, {"street": "شارع البحر", "note": " "}, "/amend")
    assert (unexplained.status, _errors(unexplained)) == (422, ["note"])
    head.send(form, {"issued_on": "1998-05-13", "note": "خطأ في النقل"}, "/amend")
    with still.portal.database.read() as db:
        acts = register.history(db, still.portal.vault, _permit(still, page).id)
    assert acts[-1].act == "amend"
    assert acts[-1].changes == {"issued_on": ["1998-05-12", "1998-05-13"]}
    assert _permit(still, page).row["must_start_by"] == date(1999, 5, 13)
    number = _permit(still, page).number.number
    own = still.signed_in(NATIONAL_ID, "01055512345").get(f"/permits/{CENTER}/1998/{number}")
    assert "خطأ في النقل" in own.text
    stale = head.send(form, {"street": "شارع النصر", "note": "تصحيح"}, "/amend")
    assert stale.status == 200, "the newest is what counts; what stood there is in the history"
    assert still.employee("department_officer").get(f"{page.path}/amend").status == 403


def test_a_new_owner_s_permit_is_told_to_the_one_before_no_more(
    still: LocalPortal, head: Employee
) -> None:
    page = _enter(head, owner_mobile="", co_owners="", owner_share="")
    permit = _permit(still, page)
    address = f"/permits/{CENTER}/1998/{permit.number.number}"
    seller = still.signed_in(NATIONAL_ID, "01055512399")
    assert "جار: ورثة حسن" in seller.get(address).text
    sold = {"owner": "هدى سالم", "owner_id": "29001018800042", "note": "عقد بيع مسجل"}
    done = head.send(head.get(f"{page.path}/amend"), sold, "/amend")
    assert done.status == 200, done.errors()
    assert done.hook("status") == permit.status, "a change of owner ends no permit"
    assert "جار: ورثة حسن" not in seller.get(address).text
    claims = select(func.count()).where(PermitClaim.permit_id == permit.id)
    assert still.rows(claims)[0][0] == 0


def test_a_correction_takes_no_number_that_is_another_s(still: LocalPortal, head: Employee) -> None:
    first, second = _enter(head), _enter(head)
    taken = str(_permit(still, first).number.number)
    form = head.get(f"{second.path}/amend")
    refused = head.send(form, {"number": taken, "note": "تصحيح"}, "/amend")
    assert (refused.status, _errors(refused)) == (409, ["number"])


def test_a_correction_can_lapse_nothing_and_make_no_beginning_late(
    still: LocalPortal, head: Employee
) -> None:
    begun, _ = put(still, 300)
    do(still, begun, _A.START, 10)
    lapsed, _ = put(still, 500)
    do(still, lapsed, _A.LAPSE)
    renewed, _ = put(still, 500)
    do(still, renewed, _A.RENEW, 140)
    today = cairo_day(still.clock.now())
    for permit_id, days_ago in ((begun, 380), (begun, 5), (lapsed, 200), (renewed, 510)):
        day = today - timedelta(days=days_ago)
        form = head.get(f"/center/permits/{permit_id}/amend")
        typed = {"issued_on": f"{day}", "year": f"{day.year}", "note": "تصحيح"}
        page = head.send(form, typed, "/amend")
        assert (page.status, _errors(page)) == (422, ["issued_on"]), page.text
    assert _permit(still, begun).status is Status.UNDER_EXECUTION


# --- acts against acts


@pytest.mark.parametrize(
    ("days_ago", "acts", "against", "status"),
    [
        (30, [(_A.REVOKE, 5)], _A.REINSTATE, Status.VALID_NOT_STARTED),
        (500, [(_A.LAPSE, 5)], _A.REINSTATE, Status.VALID_NOT_STARTED),
        (90, [(_A.START, 60), (_A.SUPERSEDE, 5)], _A.REINSTATE, Status.UNDER_EXECUTION),
        (90, [(_A.START, 60), (_A.SUSPEND, 20), (_A.REVOKE, 5)], _A.REINSTATE, Status.SUSPENDED),
        (400, [(_A.RENEW, 50), (_A.SUSPEND, 5)], _A.RESUME, Status.RENEWED),
        (90, [(_A.SUSPEND, 50), (_A.START, 60)], _A.RESUME, Status.UNDER_EXECUTION),
        (90, [(_A.START, 60)], _A.TAKE_BACK, Status.VALID_NOT_STARTED),
        (400, [(_A.RENEW, 50)], _A.TAKE_BACK, Status.VALID_NOT_STARTED),
        (400, [(_A.START, 300), (_A.COMPLETE, 50)], _A.TAKE_BACK, Status.UNDER_EXECUTION),
        (
            400,
            [(_A.START, 300), (_A.COMPLETE, 50), (_A.OCCUPY, 5)],
            _A.TAKE_BACK,
            Status.COMPLETED,
        ),
        (90, [(_A.START, 60), (_A.SUSPEND, 5)], _A.TAKE_BACK, Status.SUSPENDED),
    ],
)
def test_what_was_wrong_is_undone_by_an_act_and_is_what_it_was(
    still: LocalPortal,
    days_ago: int,
    acts: list[tuple[PermitAction, int]],
    against: PermitAction,
    status: Status,
) -> None:
    permit_id, _ = put(still, days_ago)
    for action, ago in acts:
        do(still, permit_id, action, ago)
    do(still, permit_id, against)
    permit = _permit(still, permit_id)
    assert permit.status is status
    with still.portal.database.read() as db:
        last = register.history(db, still.portal.vault, permit_id)[-1]
    assert (last.act, last.actor, last.note) == (against, "test", "سبب")


def test_a_beginning_that_is_taken_back_is_disputed_until_somebody_decides_that_too(
    still: LocalPortal,
) -> None:
    permit_id, _ = put(still, 500)
    do(still, permit_id, _A.START, 400)
    do(still, permit_id, _A.TAKE_BACK)
    assert _permit(still, permit_id).row["start_disputed"]
    with pytest.raises(NotPossible, match="lapse"):
        do(still, permit_id, _A.LAPSE)
    do(still, permit_id, _A.END_DISPUTE)
    do(still, permit_id, _A.LAPSE)


def test_a_lapse_that_an_officer_refused_is_not_proposed_again(still: LocalPortal) -> None:
    permit_id, _ = put(still, 500)
    today = cairo_day(still.clock.now())
    with still.portal.database.begin() as db:
        registry.propose_lapses(db, today)
    do(still, permit_id, _A.KEEP)
    for days in (0, 1, 400):
        with still.portal.database.begin() as db:
            registry.propose_lapses(db, today + timedelta(days=days))
        assert _permit(still, permit_id).row["lapse_proposed_on"] is None


@pytest.mark.parametrize("first", [_A.START, _A.DISPUTE_START])
def test_of_two_officers_at_once_none_lapses_what_the_other_found_begun(
    still: LocalPortal, first: PermitAction
) -> None:
    permit_id, _ = put(still, 500)
    seen = _permit(still, permit_id)
    do(still, permit_id, first, 300 if first is _A.START else 0)
    now, today = still.clock.now(), cairo_day(still.clock.now())
    with pytest.raises(Conflict), still.portal.database.begin() as db:
        registry.act(db, still.portal.vault, seen, _A.LAPSE, today, "test", "سبب", now, today)
    assert _permit(still, permit_id).status is not Status.LAPSED


def test_the_page_offers_counter_acts_to_who_decides_and_wants_a_reason(
    still: LocalPortal, head: Employee
) -> None:
    permit_id, _ = put(still, 90)
    do(still, permit_id, _A.REVOKE)
    path = f"/center/permits/{permit_id}"
    officer = still.employee("department_officer")
    assert not officer.get(path).tree.xpath("//option[@value='reinstate']")
    today = cairo_day(still.clock.now()).isoformat()
    page = head.get(path)
    bare = head.send(page, {"act": "reinstate", "on": today, "note": ""}, path)
    assert (bare.status, _errors(bare)) == (422, ["note"])
    done = head.send(page, {"act": "reinstate", "on": today, "note": "حكم المحكمة"}, path)
    assert done.hook("status") == "valid_not_started"
    assert "حكم المحكمة" in done.text


# --- what centers issue


def _tell(
    local: LocalPortal, service: str, filed: str, output: str, outcome: Outcome, **answers: Any
) -> None:
    now = local.clock.now()
    told = Issued(outcome, service, CENTER, filed, output, answers, "سبب", now, now, now)
    with local.portal.database.begin() as db:
        fill(db, told, vault=local.portal.vault)


_requests = (f"26-1503-{n:05d}-0" for n in range(70_000, 79_000))


def _left(local: LocalPortal, filed: str) -> list[str]:
    rows = local.rows(select(PermitLeftover.why).where(PermitLeftover.request_number == filed))
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    "service",
    [
        "building-permit-alteration",
        "building-permit-strengthening",
        "building-permit-restoration",
        "demolition-permit",
    ],
)
def test_a_paper_that_its_center_issued_is_in_the_register_with_all_that_the_request_holds(
    still: LocalPortal, service: str
) -> None:
    citizen, number = still.someone(), next(NUMBERS)
    filed = issued(still, service, f"{number}/2026", citizen)
    with still.portal.database.read() as db:
        permit = register.by_request(db, still.portal.vault, filed)
    assert permit is not None
    assert permit.number == PermitNumber(number, "", 2026)
    assert permit.people.owners[0].mobile
    assert permit.people.supervisor
    assert permit.people.more["supervisor_no"]
    assert permit.row["details"]["applied_on"]
    listed = citizen.get("/permits").tree.xpath("//section[@aria-labelledby='own']//a/@href")
    assert f"/permits/{CENTER}/2026/{number}" in listed


def test_an_extension_replaces_what_it_extends_and_its_revocation_gives_it_back(
    still: LocalPortal,
) -> None:
    base, address = put(still, 400)
    do(still, base, _A.START, 300)
    named = _permit(still, base).number.canonical
    filed, number = next(_requests), next(NUMBERS)
    service, output = "building-permit-vertical-extension", f"{number}/2026"
    for _ in range(2):  # delivered twice
        _tell(still, service, filed, output, Outcome.ISSUED, base_permit=named)
    assert _permit(still, base).status is Status.SUPERSEDED
    page = Browser(still.url).get(address)
    assert page.hook("verdict") == "replaced"
    assert page.tree.xpath(f"//dd/a[@href='/permits/{CENTER}/2026/{number}']"), "which one"
    assert _left(still, filed) == []
    for _ in range(2):
        _tell(still, service, filed, output, Outcome.REVOKED)
    assert _permit(still, base).status is Status.UNDER_EXECUTION
    with still.portal.database.read() as db:
        acts = [each.act for each in register.history(db, still.portal.vault, base)]
    assert acts == ["enter", "start", "supersede", "reinstate"]


def test_strengthening_replaces_nothing(still: LocalPortal) -> None:
    base, _ = put(still, 90)
    named = _permit(still, base).number.canonical
    service = "building-permit-strengthening"
    output = f"{next(NUMBERS)}/2026"
    _tell(still, service, next(_requests), output, Outcome.ISSUED, base_permit=named)
    assert _permit(still, base).status is Status.VALID_NOT_STARTED


def test_a_number_that_another_entry_has_is_told_to_the_department_and_nothing_is_lost(
    still: LocalPortal,
) -> None:
    there, _ = put(still, 0, source="backlog", status=Status.MANUAL_UNVERIFIED)
    taken, right = _permit(still, there).number, next(NUMBERS)
    service, filed = "building-permit-restoration", next(_requests)
    answers = {"site.street": "شارع السوق", "applicant_name": NAME, "national_id": NATIONAL_ID}
    for _ in range(2):
        _tell(still, service, filed, taken.canonical, Outcome.ISSUED, **answers)
    assert _left(still, filed) == ["taken"]
    assert _permit(still, there).status is Status.MANUAL_UNVERIFIED
    officer = still.employee("department_officer")
    page = officer.get("/center/permits")
    with still.portal.database.read() as db:
        [left] = [e for e in leftovers.of_center(db, CENTER) if e.request_number == filed]
    action = f"/center/permits/leftovers/{left.id}"
    refused = officer.send(page, {"number": taken.canonical}, action)
    assert (refused.status, _errors(refused)) == (409, [f"left-{left.id}"])
    entered = officer.send(page, {"number": f"{right} لسنة 2026"}, action)
    assert entered.status == 200, entered.text
    permit = _permit(still, entered)
    assert (permit.row["street"], permit.row["request_number"]) == ("شارع السوق", filed)
    assert permit.people.owners[0].name == NAME
    assert not officer.get("/center/permits").tree.xpath(f"//form[@action='{action}']")
    for late in ({"number": f"{next(NUMBERS)}/2026"}, {}):  # of another tab
        assert officer.send(page, late, action).status == 409
    clerk = still.employee("front_office")
    proof = clerk.get("/center/permits").values("/of-owner")
    assert clerk.post(action, proof).status == 403


def test_a_paper_that_is_revoked_never_takes_another_request_s_permit_with_it(
    still: LocalPortal,
) -> None:
    service, number = "building-permit-restoration", f"{next(NUMBERS)}/2026"
    right, wrong = next(_requests), next(_requests)
    _tell(still, service, right, number, Outcome.ISSUED)
    _tell(still, service, wrong, number, Outcome.ISSUED)  # a slip of the pen
    _tell(still, service, wrong, number, Outcome.REVOKED)
    with still.portal.database.read() as db:
        permit = register.by_request(db, still.portal.vault, right)
    assert permit is not None
    assert permit.status is Status.VALID_NOT_STARTED
    assert _left(still, wrong) == ["taken", "unknown"]


def test_a_notice_of_the_beginning_is_no_beginning_and_says_who_builds(still: LocalPortal) -> None:
    permit_id, _ = put(still, 30)
    named = _permit(still, permit_id).number.canonical
    told = {"permit": named, "contractor_name": "شركة البناء", "contractor_union_no": "77"}
    for _ in range(2):
        _tell(still, "works-start-notice", next(_requests), "5/2026", Outcome.ISSUED, **told)
    permit = _permit(still, permit_id)
    assert permit.status is Status.VALID_NOT_STARTED
    assert permit.row["details"]["notified_start_on"] == f"{cairo_day(still.clock.now())}"
    assert (permit.people.contractor, permit.people.more["contractor_no"]) == ("شركة البناء", "77")
    assert permit.people.owners == [Owner(NAME)]
    assert permit.row["revision"] == 1


def test_a_notice_that_the_counter_registered_stands_in_the_register(still: LocalPortal) -> None:
    permit_id, _ = put(still, 30)
    named = _permit(still, permit_id).number.canonical
    filed = still.filed("works-start-notice", fixed={"permit": named}).hook("request-number")
    still.employee("front_office").act(filed, "register", {})
    still.relay()
    permit = _permit(still, permit_id)
    assert permit.row["details"]["notified_start_on"] == f"{cairo_day(still.clock.now())}"
    assert permit.people.contractor


@pytest.mark.parametrize(
    ("begun", "partial", "status", "left"),
    [
        (True, False, Status.OCCUPIED, []),
        (True, True, Status.UNDER_EXECUTION, ["partial"]),
        (False, False, Status.VALID_NOT_STARTED, ["not_possible"]),
    ],
)
def test_the_deposit_of_the_certificate_makes_a_building_occupied(
    still: LocalPortal, begun: bool, partial: bool, status: Status, left: list[str]
) -> None:
    permit_id, _ = put(still, 300)
    if begun:
        do(still, permit_id, _A.START, 200)
    permit, filed = _permit(still, permit_id), next(_requests)
    completed = cairo_day(still.clock.now()) - timedelta(days=9)
    answers = {"permit": permit.number.canonical, "partial": partial}
    answers["completion_date"] = completed.isoformat()
    service = "occupancy-certificate-deposit"
    for _ in range(2):
        _tell(still, service, filed, "9/2026", Outcome.ISSUED, **answers)
    permit = _permit(still, permit_id)
    assert (permit.status, _left(still, filed)) == (status, left)
    if status is Status.OCCUPIED:
        assert permit.row["completed_on"] == completed
