"""Bodies and addresses that make no sense are told so: never a 500, never half a change."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.web.routing import Access
from tests.support.drafting import answer_all, begin, ready_to_send, upload
from tests.support.files import pdf
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    assert_links_lead_to_controls,
    assert_safe_headers,
    fields,
    leads_to,
    page_of,
    raw,
    token,
    told,
)
from tests.support.people import Employee
from tests.support.typist import FORM, NUL, OVERRIDE, Typist, at_page, encoded, regular
from tests.support.world import MARKED, PAID, ROUTES

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


NOWHERE = [
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
]


def test_what_is_not_there_is_told_in_arabic(shared: LocalPortal) -> None:
    citizen = regular(shared)
    for path in NOWHERE:
        response = raw(citizen, "GET", path)
        assert response.status_code == 404, path
        assert_honest(response, 404)


UNREADABLE = ["%00", "a%00b", "%E2%80%AE", "%FF", "%ED%A0%80", "%0d%0aX-Evil:%201", "%09", "%7F"]


def test_an_address_that_nobody_can_type_is_as_missing(shared: LocalPortal) -> None:
    citizen = regular(shared)
    for text in UNREADABLE:
        for path in _missing(text):
            response = raw(citizen, "GET", path)
            assert response.status_code == 404, (path, response.status_code)
            assert "x-evil" not in response.headers
        for path in ("/services?q=", "/track?number=", "/sign-in?next="):
            assert raw(citizen, "GET", path + text).status_code == 200, path + text


def _missing(text: str) -> Sequence[str]:
    return (
        f"/{text}",
        f"/services/{text}",
        f"/services/{text}/apply",
        f"/requests/{text}",
        f"/requests/{text}/pay",
        f"/requests/{text}/receipts/{text}",
        f"/requests/{text}/receipts/{text}.pdf",
        f"/verify/{text}",
        f"/requests/{text}/files/{text}",
        f"/requests/{text}/pay/return?session_id={text}",
        f"/drafts/{text}",
        f"/drafts/{text}/applicant",
        f"/drafts/{text}/check",
        f"/drafts/{text}/files/{text}",
        f"/centers?governorate={text}",
        f"/requests?show={text}",
    )


def test_a_form_sent_to_an_address_that_is_not_there_is_told_so(shared: LocalPortal) -> None:
    one = at_page(shared, "details")
    assert upload(one.citizen, one.draft, "papers", [pdf()]).status_code == 303
    (file,) = shared.rows("SELECT id FROM attachments WHERE draft_id = :d", d=one.draft)
    proof = {"_csrf": token(one.citizen, "/requests")}
    for text in (*UNREADABLE, "%D8%AE%D8%AF%D9%85%D8%A9"):
        for path in (
            f"/services/{text}/apply",
            f"/drafts/{text}/discard",
            f"/drafts/{text}/applicant",
            f"/requests/{text}/pay",
            f"/requests/{text}/complete",
            f"/drafts/{one.draft}/{text}",
            f"/drafts/{one.draft}/documents/{text}",
            f"/drafts/{one.draft}/documents/{text}/{file.id}/remove",
        ):
            response = raw(one.citizen, "POST", path, data=proof)
            assert response.status_code == 404, (path, response.status_code)
            assert "x-evil" not in response.headers


def test_staff_may_type_nonsense_as_well(shared: LocalPortal) -> None:
    clerk = shared.employee("front_office")
    proof = {"_csrf": token(clerk, "/center/inbox")}
    for text in UNREADABLE:
        for path in (f"/center/inbox?q={text}", f"/center/inbox?service={text}&stage={text}"):
            assert raw(clerk, "GET", path).status_code == 200, path
        for path in (
            f"/center/requests/{text}",
            f"/center/requests/{text}/documents/{text}",
            f"/center/{text}",
        ):
            assert raw(clerk, "GET", path).status_code == 404, path
        for act in ("register", "accept"):
            response = raw(clerk, "POST", f"/center/requests/{text}/{act}", data=proof)
            assert response.status_code == 404, text


@pytest.mark.parametrize(
    ("page", "status"),
    [("abc", 400), ("1.5", 400), ("1e9", 200), ("-1", 200), ("0", 200), ("9" * 30, 200)],
)
def test_a_page_number_that_is_none_is_no_failure(
    still: LocalPortal, page: str, status: int
) -> None:
    clerk = still.employee("front_office")
    response = raw(clerk, "GET", f"/center/inbox?page={page}")
    assert response.status_code == status
    if status == 400:
        assert_honest(response, 400)


def test_a_name_of_staff_that_is_none_is_simply_wrong(shared: LocalPortal) -> None:
    nobody = Employee(shared.url, "")
    for text in (NUL, f"front{NUL}office", OVERRIDE, "\ud7ff\uffff", "ن" * 5000):
        values = fields(nobody, "/center/sign-in", username=text, password=text)
        response = raw(nobody, "POST", "/center/sign-in", data=values)
        assert response.status_code == 422, (text[:20], response.status_code)
        assert told(page_of(response), "username")


def test_a_request_number_that_is_none_is_told(shared: LocalPortal) -> None:
    nobody = shared.citizen()
    for number in (
        *(NUL, f"26-1315{OVERRIDE}-00042-7", "26\t1315", "26-1315-00042-8"),
        *("x" * 5000, "", "\x85", "٠"),
    ):
        values = fields(nobody, "/track", number=number, mobile="01012345678")
        page = page_of(raw(nobody, "POST", "/track", data=values))
        assert page.status == 422, (number[:20], page.status)
        assert told(page, "number")
        assert_links_lead_to_controls(page)


def test_a_return_from_payment_with_a_made_up_checkout_is_as_if_there_was_none(
    shared: LocalPortal,
) -> None:
    citizen = shared.someone()
    draft = begin(citizen, PAID)
    answer_all(shared, citizen, draft, PAID, shared.answers(PAID))
    page = citizen.submit(citizen.upload_all(citizen.get(f"/drafts/{draft}/documents")))
    number = page.hook("request-number")
    for text in (*UNREADABLE, "cs_test_nothing", "a" * 5000, ""):
        response = raw(citizen, "GET", f"/requests/{number}/pay/return?session_id={text}")
        assert response.status_code == 303, (text[:20], response.status_code)
        assert leads_to(response) == f"/requests/{number}/pay"
    assert citizen.get(f"/requests/{number}").hook("state") == "awaiting_filing_payment"


def test_another_method_is_told_with_those_that_work(still: LocalPortal) -> None:
    citizen = regular(still)
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
    citizen = regular(still)
    head, full = raw(citizen, "HEAD", path), raw(citizen, "GET", path)
    assert head.status_code == full.status_code
    assert head.content == b""
    assert head.headers["content-type"] == full.headers["content-type"]
    assert head.headers.get("etag") == full.headers.get("etag")
    assert_safe_headers(head)


# --- every address, whatever is asked of it ---

OPEN = sorted(
    {path for method, path, access in ROUTES if method == "GET" and access is Access.ANYONE}
)
KNOWN = {"slug": "shop-licence-new", "code": "KFS-003"}


MACHINES = ("/health", "/.well-known", "/api/")


def opened() -> list[str]:
    """The addresses that anyone may open, with what really stands at some of them."""
    filled = [MARKED.sub(lambda mark: KNOWN.get(mark[1], "nothing"), path) for path in OPEN]
    return [path for path in filled if not path.startswith((*MACHINES, "/sandbox"))]


@pytest.mark.parametrize(
    "path", ["/services?q=", "/centers?q=", "/track?number=", "/?q=", "/help?"]
)
@pytest.mark.parametrize("text", ["a", "%D8%A7", "+", "%25", "&q=", "=", "%00", "%FF", ";"])
def test_a_query_of_ten_thousand_characters_is_answered(
    still: LocalPortal, path: str, text: str
) -> None:
    query = (text * 10_000)[:10_000]
    for prefix in ("", "/en"):
        response = still.citizen().client.get(f"{still.url}{prefix}{path}{query}")
        assert response.status_code in {200, 400, 404}, response.status_code
        assert page_of(response).tree.xpath("//main//h1")
        assert len(response.content) < 120_000  # what was sent is not sent back in full


def test_unknown_methods_are_refused_with_those_that_work(still: LocalPortal) -> None:
    citizen = regular(still)
    for path in (*opened(), "/requests", "/drafts/nothing/applicant", "/center/inbox"):
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "MOVE"):
            response = raw(citizen, method, path)
            assert response.status_code == 405, (method, path, response.status_code)
            assert_honest(response, 405)
            assert "GET" in response.headers["allow"], path
        options = raw(citizen, "OPTIONS", path)
        assert (options.status_code, options.content) == (204, b""), path
        assert "GET" in options.headers["allow"]
    interface = raw(citizen, "PUT", "/api/v1/handoff/schemas/request.paid.v1.json")
    assert (interface.status_code, interface.headers["allow"]) == (405, "GET, OPTIONS")
    assert interface.json()["status"] == 405
    for path in ("/nothing", "/en/nothing", "/services/a/b/c"):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            assert raw(citizen, method, path).status_code == 404, (method, path)


def test_odd_headers_change_nothing(still: LocalPortal) -> None:
    odd: list[dict[str, Any]] = [
        {"accept-language": "xx-invalid;q=abc,,;;"},
        {"accept-language": "a" * 20_000},
        {"accept-encoding": "br;q=, gzip;;q=1, *;q=zz"},
        {"accept-encoding": "compress, exi;q=1"},
        {"accept": "application/json"},
        {"if-none-match": '"' + "x" * 5000},
        {"if-none-match": "*, W/"},
        {"range": "bytes=5-1"},
        {"content-type": "multipart/form-data; boundary="},
        {"cookie": "sid=" + "a" * 6000 + "; ;=; sid=b"},
        {"x-forwarded-for": "not an address, ,,"},
        {"hx-request": "true", "hx-target": "<script>"},
        {"host": "evil.example"},
        {"forwarded": 'for="[::"', "x-forwarded-host": "evil.example"},
    ]
    for path in ("/", "/services?q=shop", "/sign-in", "/help"):
        plain = raw(still.citizen(), "GET", path).status_code
        for headers in odd:
            response = raw(still.citizen(), "GET", path, headers=headers)
            assert response.status_code == plain, (path, headers, response.status_code)
            assert "evil.example" not in response.text


def test_the_same_name_twice_is_no_failure(still: LocalPortal) -> None:
    citizen = regular(still)
    for path in (
        *("/services?q=a&q=b", "/services?family=shops&family=nothing", "/track?number=1&number=2"),
        *("/requests?show=all&show=ended", "/sign-in?next=/a&next=//evil.example"),
    ):
        assert raw(citizen, "GET", path).status_code in {200, 404}, path
    one = at_page(still, "details")
    body = encoded(one, description="أول") + b"&description=" + "ثان".encode() + b"&_csrf=second"
    response = one.send(body)
    assert response.status_code in {303, 403, 422}


NAMES = st.sampled_from(["q", "family", "governorate", "page", "number", "next", "back", "show"])
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(["", "0", "-1", "1e9", "true", "null", "[]", "../..", "{{7*7}}", "' OR 1=1"]),
)


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=st.sampled_from(opened()), query=st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_no_query_of_any_open_page_is_a_failure(
    still: LocalPortal, path: str, query: list[tuple[str, str]]
) -> None:
    address = f"{path}?{httpx.QueryParams([(n, _sendable(v)) for n, v in query])}"
    response = raw(still.citizen(), "GET", address)
    assert response.status_code in {200, 303, 400, 404, 422}, (address, response.status_code)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# --- a page sent again ---


def test_a_form_that_was_sent_already_leads_to_what_it_became(still: LocalPortal) -> None:
    citizen = still.someone()
    draft = begin(citizen, PAID)
    step = citizen.get(f"/drafts/{draft}/applicant")
    answer_all(still, citizen, draft, PAID, still.answers(PAID))
    check = citizen.check(citizen.upload_all(citizen.get(f"/drafts/{draft}/documents")))
    pay = citizen.declare(check)
    number = pay.hook("request-number")
    for page, values in ((step, {}), (check, {"declaration": "yes"})):
        again = citizen.send(page, values)
        assert again.status == 200
        assert again.hook("request-number") == number
    paid = citizen.pay(pay)
    assert paid.hook("state") == "received"
    again = citizen.send(pay, {}, "/pay")
    assert (again.status, again.path) == (200, f"/requests/{number}")
    assert len(still.rows("SELECT * FROM service_requests WHERE draft_id = :d", d=draft)) == 1


def test_a_declaration_for_what_another_tab_has_changed_is_asked_for_again(
    still: LocalPortal,
) -> None:
    citizen = still.someone()
    draft = ready_to_send(still, citizen)
    check = citizen.get(f"/drafts/{draft}/check")
    step = citizen.get(f"/drafts/{draft}/details")
    citizen.send(step, {"description": "وصف آخر كُتب في صفحة أخرى"})
    again = citizen.send(check, {"declaration": "yes"})
    assert again.status == 422
    assert "وصف آخر كُتب في صفحة أخرى" in again.text
    assert citizen.send(again, {"declaration": "yes"}).hook("request-number")
