"""Every address is tried by those who may not come, and every answer carries its headers."""

import re
from pathlib import Path

import httpx
import pytest

from portal.routes import HANDLERS
from portal.web.routing import Access
from tests.support.databases import Databases
from tests.support.drafting import COMPLAINT, answer_all, begin, post, upload
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    assert_nothing_inline,
    assert_safe_headers,
    directives,
    leads_to,
    only_the_words,
    page_of,
    raw,
    stranger,
    token,
)
from tests.support.people import Browser, Employee, Page
from tests.support.sandbox import SandboxProcess
from tests.support.world import (
    PAID,
    ROUTES,
    Route,
    World,
    attempt,
    make_world,
    named,
    of,
    of_nobody,
)

# What those do who meet the citizen; the rest is for heads
FRONT = ("/register", "/accept", "/completion", "/{number:str}", "/{document_id:str}")


@pytest.fixture(scope="module")
def world(apart: LocalPortal) -> World:
    return make_world(apart)


def test_every_route_says_who_may_come() -> None:
    for handler in HANDLERS:
        assert isinstance(handler.opt.get("access"), Access), handler.paths
    assert len(ROUTES) > 50


# --- who is nobody here ---


@named(of(Access.CITIZEN, Access.FOLLOWER))
def test_a_page_of_citizens_sends_everyone_else_to_sign_in(world: World, route: Route) -> None:
    before = world.state()
    address = world.address(route[1])
    nobody = world.portal.citizen()
    # an employee of the very center is no citizen either
    for browser, area in ((nobody, "/sign-in"), (world.clerk, "/center/inbox")):
        response = attempt(browser, route, address, token(browser, area))
        assert leads_to(response) == "/sign-in", response.status_code
        assert_safe_headers(response)
    assert world.state() == before


@named(of(Access.STAFF))
def test_a_page_of_staff_sends_everyone_else_to_their_sign_in(world: World, route: Route) -> None:
    before = world.state()
    address = world.address(route[1])
    nobody = Employee(world.portal.url, "")
    for browser in (nobody, world.owner):
        response = attempt(browser, route, address, token(browser, "/center/sign-in"))
        assert leads_to(response) == "/center/sign-in", response.status_code
        assert_safe_headers(response)
    assert world.state() == before


@named(of(Access.ANYONE))
def test_a_page_for_anyone_needs_no_session(world: World, route: Route) -> None:
    nobody = world.portal.citizen()
    response = attempt(nobody, route, world.address(route[1]))
    if route[0] == "POST":
        assert_honest(response, 403)
    elif route[0] == "OPTIONS":
        assert (response.status_code, response.text) == (204, "")
    else:
        assert response.status_code in {200, 303}, response.status_code
        published = route[1].startswith(
            ("/.well-known/", "/api/v1/handoff/schemas/", "/api/schema")
        )
        assert_safe_headers(response, personal=not published)


# --- forged forms ---


@named([route for route in of(Access.CITIZEN) if route[0] == "POST"])
def test_a_form_of_another_site_does_nothing_to_a_citizen(world: World, route: Route) -> None:
    _forge(world, world.owner, route, "/requests")


@named([route for route in of(Access.STAFF) if route[0] == "POST"])
def test_a_form_of_another_site_does_nothing_to_an_employee(world: World, route: Route) -> None:
    _forge(world, world.clerk, route, "/center/inbox")


def _forge(world: World, browser: Browser, route: Route, home: str) -> None:
    before = world.state()
    address = world.address(route[1])
    if route[1].endswith("/approve"):  # only the token shall be missing
        browser = world.portal.employee("department_head")
    mine = token(browser, home)
    of_someone_else = token(world.other, "/requests")
    attempts: list[tuple[str, dict[str, str]]] = [
        ("", {}),
        ("0" * len(mine), {}),
        (mine[:-4] + "AAA=", {}),
        (of_someone_else, {}),
        ("نص", {}),
        (mine, {"sec-fetch-site": "cross-site"}),
    ]
    for proof, headers in attempts:
        response = attempt(browser, route, address, proof, headers=headers)
        assert response.status_code == 403, (proof[:8], response.status_code)
        assert_safe_headers(response)
    assert world.state() == before


# --- what belongs to somebody else ---


@named([r for r in of(Access.CITIZEN, Access.FOLLOWER) if "{draft_id" in r[1] or "{number" in r[1]])
def test_what_is_of_another_citizen_is_as_missing_as_what_never_was(
    world: World, route: Route
) -> None:
    before = world.state()
    proof = token(world.other, "/requests")
    unknown = {**world.ids, **of_nobody(world.ids)}
    theirs = attempt(world.other, route, world.address(route[1]), proof)
    nothing = attempt(world.other, route, world.address(route[1], unknown), proof)
    assert_honest(theirs, 404)
    assert_honest(nothing, 404)
    own = (*world.ids.values(), world.file_of_request, *unknown.values())
    assert only_the_words(theirs, *own) == only_the_words(nothing, *own)
    assert world.state() == before


@named([route for route in of(Access.STAFF) if "{number" in route[1]])
def test_a_request_of_another_center_is_as_missing_as_what_never_was(
    world: World, route: Route
) -> None:
    before = world.state()
    unknown = {**world.ids, **of_nobody(world.ids)}
    # one who may do it in a center of their own
    role = "front_office" if route[1].endswith(FRONT) else "department_head"
    if route[1].startswith("/center/finance"):
        role = "cashier"
    elsewhere = world.portal.employee(role, "KFS-007")
    proof = token(elsewhere, "/center/inbox")
    theirs = attempt(elsewhere, route, world.address(route[1]), proof)
    nothing = attempt(elsewhere, route, world.address(route[1], unknown), proof)
    assert_honest(theirs, 404)
    own = (*world.ids.values(), *unknown.values())
    assert only_the_words(theirs, *own) == only_the_words(nothing, *own)
    assert world.state() == before
    assert world.ids["number"] not in raw(elsewhere, "GET", "/center/inbox").text


def test_an_employee_of_no_center_sees_no_inbox(world: World) -> None:
    viewer = Employee(world.portal.url, "ministry_viewer@EG")
    viewer.sign_in()
    assert leads_to(raw(viewer, "GET", "/center/inbox")) == "/center/finance"
    assert_honest(raw(viewer, "GET", f"/center/requests/{world.ids['number']}"), 404)
    member = Employee(world.portal.url, "committee_member@KFS-003")
    member.sign_in()
    response = raw(member, "GET", "/center/inbox")
    assert response.status_code == 403
    assert world.ids["number"] not in response.text


@pytest.mark.parametrize(
    ("account", "first"),
    [
        ("backlog_entry@KFS-003", "/center/permits"),
        ("backlog_reviewer@KFS-003", "/center/permits"),
        ("followup_member@EG-KFS", "/center/admin/backlog"),
        ("auditor@EG-KFS", "/center/finance"),
    ],
)
def test_who_has_no_inbox_begins_where_the_work_is(world: World, account: str, first: str) -> None:
    employee = Employee(world.portal.url, account)
    page = employee.sign_in()
    assert (page.status, page.path) == (200, first)
    assert not page.tree.xpath("//nav//a[@href='/center/inbox']")


@named([route for route in of(Access.STAFF) if route[0] == "POST" and "{number" in route[1]])
def test_a_role_that_may_only_look_changes_nothing(world: World, route: Route) -> None:
    before = world.state()
    archivist = world.portal.employee("archivist")
    opened = raw(archivist, "GET", f"/center/requests/{world.ids['number']}")
    assert opened.status_code == 200
    assert page_of(opened).tree.xpath("//main//form[@method='post']") == []
    proof = token(archivist, "/center/inbox")
    assert_honest(attempt(archivist, route, world.address(route[1]), proof), 403)
    assert world.state() == before


def test_one_who_follows_a_request_sees_that_request_alone(world: World) -> None:
    number = world.ids["number"]
    follower = world.portal.citizen(mobile=world.owner.mobile)
    page = follower.get("/track")
    page = follower.send(page, {"number": number, "mobile": follower.mobile}, "/track")
    page = follower.send(page, {"code": follower.last_code()}, "/sign-in/code")
    assert page.path == f"/requests/{number}"
    assert page.hook("state")
    assert "29001018800018" not in page.text
    for route in of(Access.CITIZEN):
        proof = token(follower, f"/requests/{number}")
        response = attempt(follower, route, world.address(route[1]), proof)
        assert leads_to(response) == "/sign-in", route


def test_to_follow_a_request_one_needs_the_mobile_it_was_filed_with(world: World) -> None:
    guess = stranger(world.portal)
    known = guess.send(
        guess.get("/track"), {"number": world.ids["number"], "mobile": guess.mobile}, "/track"
    )
    # the answer tells nothing, and no message goes out
    assert known.path == "/sign-in/code"
    assert known.status == 200
    with pytest.raises(AssertionError, match="no code"):
        guess.last_code()
    for code in ("000000", "123456"):
        assert guess.send(known, {"code": code}, "/sign-in/code").status == 422
    assert leads_to(raw(guess, "GET", f"/requests/{world.ids['number']}")) == "/sign-in"


# --- headers and markup ---


@pytest.fixture(scope="module")
def way(world: World) -> list[httpx.Response]:
    """Every kind of page on the way of a citizen and of an employee, some with problems."""
    ids, owner, nobody = world.ids, world.owner, stranger(world.portal)
    steps = world.portal.portal.catalogue.services[COMPLAINT].steps
    open_pages = [
        *(
            "/",
            "/services",
            "/services?family=shops",
            f"/services/{COMPLAINT}",
            f"/services/{PAID}",
        ),
        *("/centers", "/centers?governorate=EG-KFS", "/help", "/privacy", "/accessibility"),
        *("/sign-in", "/track", "/sandbox/messages", "/nothing", "/en", "/en/services"),
    ]
    draft, number = f"/drafts/{ids['draft_id']}", f"/requests/{ids['number']}"
    own_pages = [
        *(
            "/requests",
            f"/services/{COMPLAINT}/apply",
            draft,
            f"{draft}/documents",
            f"{draft}/check",
        ),
        *(f"{draft}/{step.code}" for step in steps),
        *(number, f"{number}/receipts/{ids['receipt_number']}", "/requests/1", "/drafts/1"),
    ]
    clerk = world.clerk
    found = [raw(nobody, "GET", path) for path in open_pages]
    found += [raw(owner, "GET", path) for path in own_pages]
    found += [
        raw(owner, "GET", number, headers={"hx-request": "true"}),
        post(owner, f"{draft}/contact", {"mobile": "1"}),
        post(owner, f"{draft}/check", {"declaration": "yes"}),
        upload(owner, ids["draft_id"], "papers", [("x", b"x", "x/x")]),
        raw(owner, "POST", f"{draft}/applicant", data={"applicant_name": "من"}),
        raw(nobody, "GET", "/center/sign-in"),
        raw(clerk, "GET", "/center/inbox"),
        raw(clerk, "GET", f"/center/requests/{ids['number']}"),
        raw(clerk, "GET", "/center/requests/1"),
        raw(nobody, "POST", "/sign-in", data={"_csrf": token(nobody), "national_id": "1"}),
        raw(nobody, "POST", "/sign-in", content=b"{}", headers={"content-type": "text/json"}),
        raw(nobody, "DELETE", "/requests"),
    ]
    return found


def test_every_answer_carries_the_headers(way: list[httpx.Response]) -> None:
    for response in way:
        assert_safe_headers(response)
        assert response.headers["content-type"].count("charset") <= 1
    assert {r.status_code for r in way} >= {200, 303, 403, 404, 405, 415, 422}


def test_no_page_holds_a_script_or_a_style_of_its_own(way: list[httpx.Response]) -> None:
    pages: list[Page] = [
        page_of(r) for r in way if r.headers["content-type"].startswith("text/html")
    ]
    assert len(pages) > 30
    for page in pages:
        assert_nothing_inline(page)


def test_what_a_page_loads_comes_from_the_portal_itself(
    world: World, way: list[httpx.Response]
) -> None:
    loaded = {
        str(address).split("#")[0]
        for response in way
        for address in page_of(response).tree.xpath(
            "//script/@src | //img/@src | //*[name()='use']/@href"
            " | //link[not(@rel='alternate' or @rel='canonical')]/@href"
        )
    }
    assert loaded
    for address in loaded:
        assert address.startswith("/static/"), address
        asset = raw(world.owner, "GET", address)
        assert asset.status_code == 200
        assert asset.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in asset.headers["cache-control"]
        assert "set-cookie" not in asset.headers


def test_a_form_may_lead_only_here_and_to_the_payment_page(
    world: World, way: list[httpx.Response]
) -> None:
    for response in way:
        policy = directives(response.headers["content-security-policy"])
        assert policy["form-action"] == ["'self'"], response.url
        assert policy["base-uri"] == ["'none'"]
    citizen = world.portal.someone()
    draft = begin(citizen, PAID)
    answer_all(world.portal, citizen, draft, PAID, world.portal.answers(PAID))
    page = citizen.submit(citizen.upload_all(citizen.get(f"/drafts/{draft}/documents")))
    assert page.path.endswith("/pay")
    paying = raw(citizen, "GET", page.path)
    assert_safe_headers(paying)
    assert_nothing_inline(page_of(paying))
    policy = directives(paying.headers["content-security-policy"])
    assert policy["form-action"] == ["'self'", world.portal.sandbox.url]


def test_no_personal_number_stands_in_an_address_of_a_page(
    world: World, way: list[httpx.Response]
) -> None:
    personal = (world.owner.national_id, world.owner.mobile, world.owner.mobile[1:])
    for response in way:
        page = page_of(response)
        for address in (*page.tree.xpath("//@href"), *page.tree.xpath("//@action")):
            assert not [each for each in personal if each in address], (page.path, address)


def test_no_page_leads_off_the_site_by_its_address(world: World) -> None:
    """The link to the other language is made of the address, which anyone may have written."""
    for path in (
        "/en//evil.example/x",
        "//evil.example/x",
        "/en/\\evil.example",
        "/en/%5Cevil.example",
    ):
        response = world.owner.client.send(
            world.owner.client.build_request("GET", f"{world.portal.url}{path}")
        )
        for address in page_of(response).tree.xpath("//@href | //@action | //@src"):
            assert not re.match(r"[\\/]{2}", address), (path, address)


# --- operators and machines ---


def test_metrics_are_for_this_machine(world: World) -> None:
    nobody = world.portal.citizen()
    here = raw(nobody, "GET", "/metrics")
    assert here.status_code == 200
    assert "portal_http_requests" in here.text
    assert_safe_headers(here)
    # not even through a proxy that stands on this machine
    for header in ("x-forwarded-for", "X-Forwarded-For"):
        refused = raw(nobody, "GET", "/metrics", headers={header: "127.0.0.1"})
        assert (refused.status_code, refused.text) == (404, "not found\n")


def test_metrics_name_nobody(world: World) -> None:
    text = raw(world.portal.citizen(), "GET", "/metrics").text
    # a permit's small numbers are no name, and may stand in any figure
    ids = [each for name, each in world.ids.items() if not name.startswith("permit_")]
    for each in (*ids, world.owner.mobile, world.owner.national_id):
        if each not in {COMPLAINT, "applicant", "papers"}:
            assert each not in text


def test_metrics_of_another_machine_need_the_operators_token(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> None:
    settings = {"PORTAL_METRICS_TOKEN": "operators-own"}
    url = databases.loaded(tmp_path)
    portal = LocalPortal(tmp_path, url, payment_server, settings)
    try:
        nobody = portal.citizen()
        for given in ("", "Bearer", "Bearer wrong", "Basic operators-own"):
            answer = raw(nobody, "GET", "/metrics", headers={"authorization": given})
            assert (answer.status_code, answer.text) == (404, "not found\n")
        allowed = {"authorization": "Bearer operators-own"}
        assert raw(nobody, "GET", "/metrics", headers=allowed).status_code == 200
    finally:
        portal.close()


def test_health_is_told_in_one_word(world: World) -> None:
    for path in ("/health/live", "/health/ready"):
        response = raw(world.portal.citizen(), "GET", path)
        assert (response.status_code, response.text) == (200, "ok")
        assert_safe_headers(response)


@named(of(Access.BODY))
def test_without_a_token_of_a_body_nothing_is_told_or_done(world: World, route: Route) -> None:
    before = world.state()
    address = world.address(route[1])
    for browser in (world.portal.citizen(), world.owner, world.clerk):
        for headers in (
            {},
            {"authorization": "Bearer e30.e30.e30"},
            {"authorization": "Basic e30"},
        ):
            response = raw(browser, route[0], address, content=b"{}", headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert response.json()["type"].startswith(f"{world.portal.url}/api/docs#problem-")
            assert_safe_headers(response)
    assert world.state() == before


@named(of(Access.SIGNATURE))
def test_a_message_without_a_signature_is_refused(world: World, route: Route) -> None:
    before = world.state()
    body = b'{"id": "evt_1", "type": "checkout.session.completed"}'
    for headers in ({}, {"stripe-signature": "t=1,v1=00"}, {"stripe-signature": "نص".encode()}):
        response = raw(world.portal.citizen(), "POST", route[1], content=body, headers=headers)
        assert response.status_code == 400
        assert_safe_headers(response)
    assert world.state() == before
