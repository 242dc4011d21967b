"""Bad input is told honestly, bad luck too: never a 500, never half a change, never a lost word."""

import re
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tests.support.drafting import (
    COMPLAINT,
    begin,
    declare,
    post,
    ready_to_send,
    save,
    upload,
)
from tests.support.files import pdf, photo
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    assert_links_lead_to_controls,
    assert_safe_headers,
    fields,
    leads_to,
    page_of,
    quiet_logs,
    raw,
    token,
    told,
)
from tests.support.people import Citizen, Employee, Page
from tests.support.sandbox import SandboxProcess

NUL, OVERRIDE, ISOLATE = "\x00", "\u202e", "\u2066"
FORM = "application/x-www-form-urlencoded"
HIDDEN = "رموز غير ظاهرة"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_logs():
        yield


@pytest.fixture(scope="module")
def still(
    payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal for what is decided before any database is asked."""
    var = tmp_path_factory.mktemp("still")
    portal = LocalPortal(var, f"sqlite:///{var / 'portal.sqlite3'}", payment_server)
    yield portal
    portal.close()


@dataclass(frozen=True)
class Typist:
    """A citizen at a page of a form."""

    citizen: Citizen
    draft: str
    step: str

    @property
    def path(self) -> str:
        return f"/drafts/{self.draft}/{self.step}"

    def type(self, **values: str) -> Page:
        return save(self.citizen, self.draft, self.step, values)

    def send(self, body: bytes, kind: str = FORM, **headers: str) -> httpx.Response:
        """A body as it is."""
        sent = {"content-type": kind, **headers} if kind else headers
        return raw(self.citizen, "POST", self.path, content=body, headers=sent)

    def shown(self, field: str) -> Any:
        return self.citizen.get(self.path).form().fields[field]


def at_page(portal: LocalPortal, step: str, service: str = COMPLAINT) -> Typist:
    citizen = portal.someone()
    return Typist(citizen, begin(citizen, service), step)


def encoded(typist: Typist, **values: str) -> bytes:
    pairs = fields(typist.citizen, "/requests", **values)
    return str(httpx.QueryParams(pairs)).encode()


# --- bodies that cannot be read ---


def test_a_body_that_is_too_large_is_refused(still: LocalPortal) -> None:
    one = at_page(still, "details")
    page = assert_honest(one.send(encoded(one, description="ن" * 90_000)), 413)
    assert "كبير جدًا" in page.text
    assert one.shown("description") == ""


def test_a_body_that_says_it_is_huge_is_not_waited_for(still: LocalPortal) -> None:
    one = at_page(still, "details")
    for path in (one.path, f"/drafts/{one.draft}/documents/papers"):
        head = _head(one, path, 300_000_000, "multipart/form-data; boundary=x")
        answer = _talk(still, head)
        assert answer.startswith(b"HTTP/1.1 413"), answer[:100]
        assert "الحجم كبير جدًا".encode() in answer


def _head(one: Typist, path: str, length: int, kind: str = FORM) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n"
        f"Cookie: sid={one.citizen.client.cookies['sid']}\r\n"
        f"Content-Type: {kind}\r\nConnection: close\r\n\r\n"
    ).encode()


def _talk(portal: LocalPortal, sent: bytes) -> bytes:
    """What comes back for these very bytes."""
    where = urlsplit(portal.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
            if b"</html>" in received:
                break
    return received


def test_thousands_of_fields_are_refused(still: LocalPortal) -> None:
    one = at_page(still, "details")
    many = b"&".join(b"f%d=1" % n for n in range(5000))
    assert_honest(one.send(encoded(one, description="x") + b"&" + many), 413)
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(5000)
    )
    response = one.send(parts + b"--b--\r\n", "multipart/form-data; boundary=b")
    assert response.status_code in {400, 413}
    assert_honest(response, response.status_code)
    # as many as the longest form has are taken
    some = b"&".join(b"f%d=1" % n for n in range(1000))
    assert one.send(encoded(one, description="قصير") + b"&" + some).status_code == 422
    assert one.shown("description") == "قصير"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "text/plain",
        "text/html; charset=utf-8",
        "application/xml",
        "multipart/form-data",
        "multipart/mixed; boundary=b",
        "nonsense",
        ";;;",
        "",
    ],
)
def test_a_body_of_another_kind_is_refused(still: LocalPortal, kind: str) -> None:
    one = at_page(still, "details")
    page = assert_honest(one.send(encoded(one, description="نص"), kind), 415)
    assert "تقبل هذه الصفحة نموذجها فقط" in page.text
    assert one.shown("description") == ""


@pytest.mark.parametrize(
    "body",
    [
        b"description=%FF%FE",
        b"description=%C3%28",
        b"description=%ED%A0%80",
        b"description=\xff\xfe",
        b"%FF=1",
        b"description=%E2%80",
    ],
)
def test_text_that_is_no_utf8_is_refused(still: LocalPortal, body: bytes) -> None:
    one = at_page(still, "details")
    page = assert_honest(one.send(encoded(one) + b"&" + body), 400)
    assert "لا يمكن قراءة ما أرسلته" in page.text
    assert_honest(one.send(encoded(one, description="a"), f"{FORM}; charset=windows-1256"), 400)
    assert one.shown("description") == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1",
        b"--b\r\n\r\n1\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        b"\r\n" * 50,
        b"--b\r\n" + b"X-Header: " + b"a" * 100_000 + b"\r\n\r\n1\r\n--b--\r\n",
    ],
    ids=["empty", "cut", "open", "nameless", "no UTF-8", "blank", "endless header"],
)
def test_a_broken_multipart_form_is_told(still: LocalPortal, body: bytes) -> None:
    one = at_page(still, "details")
    response = one.send(body, "multipart/form-data; boundary=b")
    assert response.status_code in {400, 413}
    assert_honest(response, response.status_code)


def test_a_form_may_come_as_multipart_as_well(still: LocalPortal) -> None:
    one = at_page(still, "details")
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields(one.citizen, "/requests", description="وصف قصير").items()
    )
    response = one.send(f"{body}--b--\r\n".encode(), "multipart/form-data; boundary=b")
    assert response.status_code == 422
    assert one.shown("description") == "وصف قصير"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: \xff=\xfe; sid=\xff\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_hardly_http_does_no_harm(still: LocalPortal, head: bytes) -> None:
    answer = b""
    with suppress(OSError):  # the server may hang up on what is no request at all
        answer = _talk(still, head)
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
    assert raw(still.citizen(), "GET", "/health/live").status_code == 200


# --- addresses ---


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/services/nothing",
        "/services/nothing/apply",
        "/services/خدمة",
        "/services?family=nothing",
        "/centers?governorate=XX",
        "/requests/26-1315-00042-7",
        "/requests/26-1315-00042-7/pay",
        "/requests/26-1315-00042-7/files/x",
        "/requests/26-1315-00042-7/receipts/1",
        "/requests/26-1315-00042-7/complete",
        "/requests/طلب",
        "/requests?show=nothing",
        "/drafts/nothing",
        "/drafts/nothing/applicant",
        "/drafts/nothing/check",
        "/drafts/nothing/documents",
        "/drafts/" + "0" * 3000,
        "/static/nothing.css",
        "/static/../portal.sqlite3",
        "/static/%2e%2e/settings.py",
        "/drafts/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    ],
)
def test_what_is_not_there_is_told_in_arabic(local: LocalPortal, path: str) -> None:
    citizen = _regular(local)
    assert_honest(raw(citizen, "GET", path), 404)


_regulars: dict[str, Citizen] = {}


def _regular(portal: LocalPortal) -> Citizen:
    """One signed-in citizen of a portal, for tests that only look."""
    if portal.url not in _regulars:
        _regulars[portal.url] = portal.someone()
    return _regulars[portal.url]


UNREADABLE = ["%00", "a%00b", "%E2%80%AE", "%FF", "%ED%A0%80", "%0d%0aX-Evil:%201", "%09", "%7F"]


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_address_that_nobody_can_type_is_as_missing(local: LocalPortal, text: str) -> None:
    citizen = _regular(local)
    for path in (
        f"/{text}",
        f"/services/{text}",
        f"/services/{text}/apply",
        f"/requests/{text}",
        f"/requests/{text}/pay",
        f"/requests/{text}/receipts/{text}",
        f"/requests/{text}/files/{text}",
        f"/requests/{text}/pay/return?session_id={text}",
        f"/drafts/{text}",
        f"/drafts/{text}/applicant",
        f"/drafts/{text}/check",
        f"/drafts/{text}/files/{text}",
        f"/centers?governorate={text}",
        f"/requests?show={text}",
    ):
        response = raw(citizen, "GET", path)
        assert response.status_code == 404, (path, response.status_code)
        assert "x-evil" not in response.headers
    for path in ("/services?q=", "/track?number=", "/sign-in?next="):
        assert raw(citizen, "GET", path + text).status_code == 200, path


@pytest.mark.parametrize("text", [*UNREADABLE, "%D8%AE%D8%AF%D9%85%D8%A9"])
def test_a_form_sent_to_an_address_that_is_not_there_is_told_so(
    local: LocalPortal, text: str
) -> None:
    citizen = _regular(local)
    one = at_page(local, "details")
    for who, path in (
        (citizen, f"/services/{text}/apply"),
        (citizen, f"/drafts/{text}/discard"),
        (citizen, f"/drafts/{text}/applicant"),
        (citizen, f"/requests/{text}/pay"),
        (citizen, f"/requests/{text}/complete"),
        (one.citizen, f"/drafts/{one.draft}/{text}"),
        (one.citizen, f"/drafts/{one.draft}/documents/{text}"),
        (one.citizen, f"/drafts/{one.draft}/documents/{text}/{text}/remove"),
    ):
        response = post(who, path)
        assert "x-evil" not in response.headers
        assert response.status_code in {303, 404}, (path, response.status_code)
        assert re.fullmatch("[!-~]*", response.headers.get("location", ""))


@pytest.mark.parametrize("text", UNREADABLE)
def test_staff_may_type_nonsense_as_well(local: LocalPortal, text: str) -> None:
    clerk = local.employee("front_office")
    for path in (
        f"/center/inbox?q={text}",
        f"/center/inbox?service={text}&stage={text}",
        f"/center/requests/{text}",
        f"/center/requests/{text}/documents/{text}",
        f"/center/{text}",
    ):
        response = raw(clerk, "GET", path)
        assert response.status_code in {200, 404}, (path, response.status_code)
    proof = {"_csrf": token(clerk, "/center/inbox")}
    for act in ("register", "accept"):
        response = raw(clerk, "POST", f"/center/requests/{text}/{act}", data=proof)
        assert response.status_code == 404


@pytest.mark.parametrize("page", ["abc", "-1", "0", "1e9", "9" * 30, "1.5", "٢"])
def test_a_page_number_that_is_none_is_no_failure(local: LocalPortal, page: str) -> None:
    clerk = local.employee("front_office")
    response = raw(clerk, "GET", f"/center/inbox?page={page}")
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert_honest(response, 400)


@pytest.mark.parametrize("text", [NUL, f"front{NUL}office", OVERRIDE, "\ud7ff\uffff", "ن" * 5000])
def test_a_name_of_staff_that_is_none_is_simply_wrong(local: LocalPortal, text: str) -> None:
    employee = Employee(local.url, text)
    values = fields(employee, "/center/sign-in", username=text, password=text)
    response = raw(employee, "POST", "/center/sign-in", data=values)
    assert response.status_code == 422, response.status_code
    assert told(page_of(response), "username")


@pytest.mark.parametrize(
    "number",
    [NUL, f"26-1315{OVERRIDE}-00042-7", "26\t1315", "26-1315-00042-8", "x" * 5000, "", "\x85", "٠"],
)
def test_a_request_number_that_is_none_is_told(local: LocalPortal, number: str) -> None:
    nobody = local.citizen()
    values = fields(nobody, "/track", number=number, mobile="01012345678")
    page = page_of(raw(nobody, "POST", "/track", data=values))
    assert page.status == 422, page.status
    assert told(page, "number")
    assert_links_lead_to_controls(page)


def test_another_method_is_told_with_those_that_work(still: LocalPortal) -> None:
    citizen = _regular(still)
    for method, path, allowed in (
        ("DELETE", "/requests", "GET"),
        ("PUT", "/sign-in", "POST"),
        ("PATCH", "/", "GET"),
        ("POST", "/help", "GET"),
        ("GET", "/sign-out", "POST"),
        ("GET", "/sign-in/resend", "POST"),
    ):
        response = raw(citizen, method, path)
        assert_honest(response, 405)
        assert allowed in response.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/services", "/sign-in", "/help", "/nothing", "/requests"])
def test_head_is_a_page_without_its_body(still: LocalPortal, path: str) -> None:
    citizen = _regular(still)
    head, full = raw(citizen, "HEAD", path), raw(citizen, "GET", path)
    assert head.status_code == full.status_code
    assert head.content == b""
    assert head.headers["content-type"] == full.headers["content-type"]
    assert_safe_headers(head)


# --- values ---


def refused(page: Page, field: str, words: str = "") -> None:
    """The page again, the reason beside the field, what was typed still there."""
    assert page.status == 422, page.path
    said = told(page, field)
    assert words in said, said
    assert_links_lead_to_controls(page)


@pytest.mark.parametrize(
    "name",
    [
        f"منى{OVERRIDE} السيد عبد الرحمن",
        f"منى{ISOLATE} السيد عبد الرحمن",
        f"منى{NUL} السيد عبد الرحمن",
        "منى\x1b السيد عبد الرحمن",
        "منى\ue000 السيد عبد الرحمن",
    ],
    ids=["override", "isolate", "NUL", "escape", "private use"],
)
def test_hidden_characters_in_a_name_are_refused_with_the_reason(
    local: LocalPortal, name: str
) -> None:
    one = at_page(local, "applicant")
    page = one.type(
        applicant_capacity="self",
        applicant_name=name,
        is_foreigner="no",
        national_id=one.citizen.national_id,
    )
    refused(page, "applicant_name", HIDDEN)


@pytest.mark.parametrize("hidden", [OVERRIDE, ISOLATE, NUL, "\x1b"])
@pytest.mark.parametrize(
    ("step", "field", "text"),
    [
        ("details", "description", "حفرة{} كبيرة في وسط الطريق منذ أسبوع"),
        ("details", "related_request", "25{}/2023"),
        ("site-address", "site.street", "شارع{} البحر"),
        ("contact", "email", "mo{}na@example.com"),
    ],
)
def test_hidden_characters_are_refused_in_every_kind_of_text(
    local: LocalPortal, step: str, field: str, text: str, hidden: str
) -> None:
    one = at_page(local, step)
    category = "delay" if field == "related_request" else "waste"
    post(one.citizen, f"/drafts/{one.draft}/category", {"category": category, "urgent": "no"})
    post(one.citizen, f"/drafts/{one.draft}/site-place", {"site.governorate": "EG-KFS"})
    page = one.type(**{field: text.format(hidden)})
    refused(page, field)
    # and the draft can still be opened, mended and gone on with
    assert one.citizen.get(f"/drafts/{one.draft}").status == 200
    assert field not in dict(one.type(**{field: text.format("")}).errors())


@pytest.mark.parametrize("typed", ["25 \t2023", "25/2023\n", "25/2023\r\n26", "25\u2028/2023"])
def test_a_licence_number_that_was_pasted_does_not_break_the_draft(
    local: LocalPortal, typed: str
) -> None:
    one = at_page(local, "details")
    post(one.citizen, f"/drafts/{one.draft}/category", {"category": "delay", "urgent": "no"})
    assert one.type(related_request=typed).status == 422
    for path in ("", "/details", "/check"):
        assert one.citizen.get(f"/drafts/{one.draft}{path}").status == 200


@pytest.mark.parametrize(
    "typed",
    [
        *("-1", "NaN", "Infinity", "-inf", "1e999", "0x10", "1_000", "1,2,3", "--5", "5-", "²"),
        *("٣١٫١٫٢", "31..5", "1/2", "واحد", "9" * 400, "0." + "1" * 50, "½", "٪", "1e-7", "+"),
    ],
)
def test_a_number_that_is_none_is_told(still: LocalPortal, typed: str) -> None:
    one = _site(still)
    page = one.type(**{"site.lat": typed, "site.lon": "30.9"})
    refused(page, "site.lat")
    assert page.form().fields["site.lat"] == typed


@pytest.mark.parametrize("typed", ["٣١٫١٣", "۳۱٫۱۳", "31.13", "31,13", "٣١,١٣", " 31.13 ", "٣١.١٣"])
def test_a_number_is_understood_as_it_is_written_here(still: LocalPortal, typed: str) -> None:
    one = _site(still)
    page = one.type(**{"site.lat": typed, "site.lon": "30.9"})
    assert "site.lat" not in dict(page.errors())


def _site(portal: LocalPortal) -> Typist:
    citizen = _regular(portal)
    for link in citizen.get("/requests").tree.xpath("//main//a/@href"):
        if link.startswith("/drafts/"):
            return Typist(citizen, link.split("/")[2], "site-address")
    draft = begin(citizen)
    post(citizen, f"/drafts/{draft}/category", {"category": "waste", "urgent": "no"})
    post(citizen, f"/drafts/{draft}/site-place", {"site.governorate": "EG-KFS"})
    return Typist(citizen, draft, "site-address")


@pytest.mark.parametrize(
    ("day", "month", "year"),
    [
        ("31", "2", "2026"),
        ("29", "2", "2025"),
        ("0", "1", "2026"),
        ("1", "13", "2026"),
        ("1", "1", "0"),
        ("1", "1", "99999"),
        ("-1", "1", "2026"),
        ("1", "", "2026"),
        ("", "", "2026"),
        ("أول", "يناير", "٢٠٢٦"),
        ("1.5", "1", "2026"),
        ("1/2", "3/4", "2026"),
        ("9" * 50, "9" * 50, "9" * 50),
        (NUL, NUL, NUL),
        ("1", "1", "2099"),
    ],
)
def test_a_day_that_never_was_is_told(still: LocalPortal, day: str, month: str, year: str) -> None:
    one = Typist(_regular(still), _site(still).draft, "category")
    page = one.type(
        category="waste",
        urgent="no",
        **{"happened_on.day": day, "happened_on.month": month, "happened_on.year": year},
    )
    refused(page, "happened_on")


@pytest.mark.parametrize("value", ["atlantis", NUL, OVERRIDE, "waste ", "WASTE", "' OR 1=1", "[]"])
def test_a_choice_that_was_not_offered_is_told(still: LocalPortal, value: str) -> None:
    one = Typist(_regular(still), _site(still).draft, "category")
    wanted = value.strip() == "waste"  # a blank around it is no other answer
    page = one.type(category=value, urgent="maybe" if not wanted else "no")
    if wanted:
        assert "category" not in dict(page.errors())
        return
    refused(page, "category")
    refused(page, "urgent")


def test_an_answer_given_twice_counts_once(still: LocalPortal) -> None:
    one = Typist(_regular(still), _site(still).draft, "category")
    body = encoded(one, urgent="no") + b"&category=waste&category=noise"
    assert one.send(body).status_code == 303
    assert one.shown("category") == "waste"


@pytest.mark.parametrize(
    ("step", "field", "most"),
    [("details", "description", 2000), ("site-address", "site.street", 150)],
)
def test_a_text_that_is_too_long_is_told_and_kept(
    still: LocalPortal, step: str, field: str, most: int
) -> None:
    draft = _site(still).draft
    one = Typist(_regular(still), draft, step)
    refused(one.type(**{field: "ن" * (most + 1)}), field, "النص طويل")
    assert one.shown(field) == "ن" * (most + 1)
    long = "ن" * 60_000
    refused(one.type(**{field: long}), field, "النص طويل")
    assert one.shown(field) == long
    assert field not in dict(one.type(**{field: "ن" * most}).errors())


def test_what_is_typed_is_never_markup(still: LocalPortal) -> None:
    draft = _site(still).draft
    one = Typist(_regular(still), draft, "details")
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}${7*7}'
    page = one.type(description=hostile)
    for shown in (page, one.citizen.get(one.path), one.citizen.get(f"/drafts/{draft}/check")):
        assert not shown.tree.xpath("//script[not(@src)]")
        assert not shown.tree.xpath("//img[@onerror]")
    assert one.shown("description") == hostile


@pytest.mark.parametrize("button", ["_add", "_remove"])
@pytest.mark.parametrize(
    "value", ["هذا", "x\r\nX-Evil: 1", NUL, "a" * 9000, "../..", "frontages.x"]
)
def test_a_button_that_is_not_on_the_page_does_no_harm(
    still: LocalPortal, button: str, value: str
) -> None:
    one = at_page(still, "frontages", "building-line-statement")
    response = post(one.citizen, one.path, {button: value})
    assert response.status_code in {303, 400, 422}, response.status_code
    assert "x-evil" not in response.headers
    assert response.headers.get("location", "").isascii()
    fragment = raw(
        one.citizen,
        "POST",
        one.path,
        data=fields(one.citizen, "/requests", **{button: value}),
        headers={"hx-request": "true"},
    )
    assert fragment.status_code < 500


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "check\r\nX-Evil: 1", NUL, "<b>"]
)
def test_the_way_back_of_a_page_is_only_ever_the_check(still: LocalPortal, back: str) -> None:
    one = Typist(_regular(still), _site(still).draft, "category")
    response = post(one.citizen, one.path, {"category": "waste", "urgent": "no", "_back": back})
    assert leads_to(response) == f"/drafts/{one.draft}/site-place"
    page = raw(one.citizen, "GET", f"{one.path}?{httpx.QueryParams(back=back)}")
    assert page.status_code == 200
    assert not page_of(page).tree.xpath("//form//b")


PAGES = [
    (COMPLAINT, "applicant"),
    (COMPLAINT, "contact"),
    (COMPLAINT, "category"),
    (COMPLAINT, "details"),
    (COMPLAINT, "power-of-attorney"),
    (COMPLAINT, "site-address"),
    ("excavation-permit", "segments"),
    ("occupants-union-registration", "union"),
    ("event-tent-permit", "time"),
    ("building-permit-new", "areas"),
    ("road-occupation-permit", "occupation"),
    ("reconciliation-balance-payment", "request"),
    ("building-permit-alteration", "works"),
]
NASTY = st.sampled_from(
    [
        *("", " ", NUL, OVERRIDE, "\t", "\n", "NaN", "-0", "1e400", "٣٫٥", "25/2023", "31/2/2026"),
        *("yes", "no", "[]", "{}", "0", "9" * 40, "a\x85b", "\u2028", "٢٥ لسنة ٢٠٢٣", "%s", "{0}"),
    ]
)
TYPED = st.one_of(
    NASTY,
    st.text(max_size=40),
    st.text(st.sampled_from("0123456789٠١٢٣۱/-.,٫٬ \t\u202eلسنة+:@EGeg"), max_size=20),
)


class Desk:
    """A citizen with a draft of each service whose pages are tried."""

    def __init__(self, portal: LocalPortal) -> None:
        self._citizen = portal.someone()
        services = dict.fromkeys(service for service, _ in PAGES)
        self._drafts = {service: begin(self._citizen, service) for service in services}
        for draft in self._drafts.values():
            asked_more = {"applicant_capacity": "attorney", "is_foreigner": "no"}
            post(self._citizen, f"/drafts/{draft}/applicant", asked_more)
        self.complain("delay")

    def complain(self, of: str) -> None:
        """What the complaint is about decides what its other pages ask."""
        values = {"category": of, "urgent": "no"}
        post(self._citizen, f"/drafts/{self._drafts[COMPLAINT]}/category", values)

    def at(self, place: tuple[str, str]) -> Typist:
        return Typist(self._citizen, self._drafts[place[0]], place[1])


@pytest.fixture(scope="module")
def desk(local: LocalPortal) -> Desk:
    return Desk(local)


@pytest.mark.parametrize("place", PAGES, ids=["/".join(page) for page in PAGES])
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_typed_a_page_answers(
    desk: Desk, place: tuple[str, str], data: st.DataObject
) -> None:
    one = desk.at(place)
    if place == (COMPLAINT, "site-address"):
        desk.complain("waste")
    elif place == (COMPLAINT, "details"):
        desk.complain("delay")
    page = one.citizen.get(one.path)
    assert (page.status, page.path) == (200, one.path)
    names = sorted({str(n) for n in page.form().xpath(".//@name") if not n.startswith("_")})
    typed = {name: data.draw(TYPED, label=name) for name in names}
    saved = post(one.citizen, one.path, typed)
    assert saved.status_code in {303, 422}, saved.status_code
    for path in ("", "/check"):
        opened = raw(one.citizen, "GET", f"/drafts/{one.draft}{path}")
        assert opened.status_code in {200, 303}, (path, opened.status_code)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=TYPED, second=TYPED, path=st.sampled_from(["/sign-in", "/track", "/center/sign-in"]))
def test_whatever_is_typed_at_the_door_it_answers(
    local: LocalPortal, first: str, second: str, path: str
) -> None:
    nobody = local.citizen()
    values = dict.fromkeys(("national_id", "number", "username"), first)
    values |= dict.fromkeys(("mobile", "password"), second)
    response = raw(nobody, "POST", path, data=fields(nobody, path, **values))
    assert response.status_code in {422, 429}, response.status_code


# --- bad luck ---


@contextmanager
def impatient(portal: LocalPortal, *pragmas: str) -> Iterator[None]:
    """SQLite as it is set for this portal, but with these settings on every connection."""

    def prepare(connection: Any, _record: Any, _proxy: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    engine = portal.portal.database.engine
    event.listen(engine, "checkout", prepare)
    try:
        yield
    finally:
        event.remove(engine, "checkout", prepare)
        engine.dispose()


def _file_of(portal: LocalPortal) -> Path:
    return Path(portal.portal.settings.database_url.removeprefix("sqlite:///"))


@contextmanager
def locked(portal: LocalPortal) -> Iterator[None]:
    """Somebody else writes and does not come to an end."""
    with closing(sqlite3.connect(_file_of(portal), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with impatient(portal, "busy_timeout=50"):
            yield
        other.execute("ROLLBACK")


def state_of(portal: LocalPortal) -> list[list[Any]]:
    tables = (
        *("drafts", "attachments", "service_requests", "request_history", "outbox"),
        *("obligations", "notifications", "one_time_codes", "sign_ins", "request_serials"),
    )
    known = {row[0] for row in portal.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"drafts", "attachments", "service_requests", "request_history"} <= known
    return [
        [tuple(row) for row in portal.rows(f"SELECT * FROM {table}")]
        for table in tables
        if table in known
    ]


def files_of(portal: LocalPortal) -> list[Path]:
    return [p for p in portal.portal.settings.files_dir.rglob("*") if p.is_file()]


def test_a_locked_database_is_an_honest_page_and_nothing_is_half_written(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    draft = ready_to_send(alone, citizen)
    proof = {"_csrf": token(citizen, "/requests")}
    before, kept = state_of(alone), files_of(alone)
    send = partial(raw, citizen, "POST")
    with locked(alone):
        attempts = [
            send(f"/drafts/{draft}/category", data={**proof, "category": "noise", "urgent": "no"}),
            send(f"/drafts/{draft}/category", data={**proof, "_autosave": "1", "category": "x"}),
            send(f"/drafts/{draft}/documents/papers", data=proof, files={"file": pdf()}),
            send(f"/drafts/{draft}/check", data={**proof, "declaration": "yes"}),
            send(f"/drafts/{draft}/discard", data=proof),
            raw(citizen, "GET", "/services/waste-fee-clearance/apply"),
            _ask_for_a_code(alone),
        ]
        # what only reads goes on
        assert raw(citizen, "GET", f"/drafts/{draft}/check").status_code == 200
        assert raw(citizen, "GET", "/requests").status_code == 200
    for response in attempts:
        page = assert_honest(response, 503)
        assert "لم يتغير شيء" in page.text or "الخدمة مشغولة" in page.text
        assert response.headers["retry-after"].isdigit()
    assert state_of(alone) == before
    assert files_of(alone) == kept
    # and the same again, once it is free
    assert leads_to(declare(citizen, draft)).startswith("/requests/")


def _ask_for_a_code(portal: LocalPortal) -> httpx.Response:
    nobody = portal.citizen("29001018800026", "01222222222")
    typed = {"national_id": nobody.national_id, "mobile": nobody.mobile}
    return raw(nobody, "POST", "/sign-in", data=fields(nobody, **typed))


def test_a_page_is_shown_though_that_it_was_seen_cannot_be_written(alone: LocalPortal) -> None:
    citizen = alone.someone()
    alone.clock.advance(minutes=10)
    with locked(alone):
        for _ in range(3):
            assert raw(citizen, "GET", "/requests").status_code == 200
    assert raw(citizen, "GET", "/requests").status_code == 200


def test_staff_are_told_as_honestly(alone: LocalPortal) -> None:
    number = alone.filed(COMPLAINT).hook("request-number")
    clerk = alone.employee("front_office")
    proof = {"_csrf": token(clerk, "/center/inbox")}
    with locked(alone):
        response = raw(clerk, "POST", f"/center/requests/{number}/register", data=proof)
        assert_honest(response, 503)
        assert raw(clerk, "GET", f"/center/requests/{number}").status_code == 200
    (row,) = alone.rows("SELECT state, incoming_number FROM center_requests")
    assert (row.state, row.incoming_number) == ("received", None)
    assert clerk.act(number, "register", {}).status == 200
    (row,) = alone.rows("SELECT incoming_number FROM center_requests")
    assert row.incoming_number == 1


def test_postgresql_does_not_wait_for_a_lock_without_end(local: LocalPortal) -> None:
    if local.portal.database.engine.dialect.name != "postgresql":
        assert local.rows("PRAGMA busy_timeout")[0][0] > 0
        return
    assert local.rows("SHOW lock_timeout")[0][0] != "0"


def test_a_full_disk_under_the_database_is_told_and_nothing_is_half_written(
    alone: LocalPortal,
) -> None:
    citizen = alone.someone()
    draft = ready_to_send(alone, citizen)
    before = state_of(alone)
    long = {"description": "ن" * 60_000}
    # no page more than there is: what SQLite says then is what it says of a full disk
    with impatient(alone, "max_page_count=1"):
        response = post(citizen, f"/drafts/{draft}/details", long)
        assert_honest(response, 503)
        assert raw(citizen, "GET", f"/drafts/{draft}/details").status_code == 200
    assert state_of(alone) == before
    assert post(citizen, f"/drafts/{draft}/details", long).status_code == 422


def test_no_room_for_files_is_told_and_nothing_is_half_written(
    alone: LocalPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = alone.someone()
    draft = begin(citizen)
    folder = alone.portal.settings.files_dir
    folder.mkdir(parents=True, exist_ok=True)
    in_the_way = folder / "portal"
    in_the_way.write_text("a file where the folder should be")
    for file in (pdf(), photo()):
        assert_honest(upload(citizen, draft, "papers", [file]), 503)
    assert not alone.rows("SELECT id FROM attachments")
    in_the_way.unlink()
    # nor when there is none for what is still under way
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert_honest(upload(citizen, draft, "papers", [pdf()]), 503)
    assert not alone.rows("SELECT id FROM attachments")
    assert files_of(alone) == []
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert upload(citizen, draft, "papers", [pdf()]).status_code == 303
    assert len(files_of(alone)) == 1


def test_a_failure_is_logged_under_the_reference_that_the_page_shows(alone: LocalPortal) -> None:
    citizen = alone.someone()
    draft = begin(citizen)
    secret = "سر لا يعرفه أحد"
    with quiet_logs() as lines, locked(alone):
        typed = {"description": secret, "_csrf": token(citizen, "/requests")}
        response = raw(citizen, "POST", f"/drafts/{draft}/details", data=typed)
    assert_honest(response, 503)
    reference = response.headers["x-request-id"]
    mine = [line for line in lines if line.get("request_id") == reference]
    assert any(line["event"] == "database" for line in mine)
    for line in lines:
        for each in (secret, citizen.mobile, citizen.national_id, draft):
            assert each not in str({k: v for k, v in line.items() if k != "exc_info"})
