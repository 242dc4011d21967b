"""Outside bodies as people see them: keepers, auditors, the archive's desk, owners, anyone."""

import csv
import itertools
import json
import re
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, select, update

from portal import jws
from portal.bodies import accounts, answering, entering, keeping, notices
from portal.bodies.answering import Answered, Question
from portal.bodies.keeping import Keeper, NewAgreement, NewBody
from portal.bodies.model import (
    BodyAct,
    BodyAgreement,
    BodyInquiry,
    BodyKey,
    BodyKind,
    BodyNotice,
    BodyUser,
    OutsideBody,
    Purpose,
)
from portal.bodies.purposes import fields_of
from portal.bodies.refusals import KINDS
from portal.clock import cairo_day
from portal.identity.roles import Permission, Role, may
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.validity import Status
from tests.support.answers import NATIONAL_ID
from tests.support.commands import run_command
from tests.support.local import LocalPortal
from tests.support.looking import raw
from tests.support.people import Browser, Employee, Page
from tests.support.permits import CENTER, put

BASE = "/center/admin/bodies"
DESK = "/center/permits/searches"
KEEPER, AUDITOR, VIEWER = "governorate_admin@EG-KFS", "auditor@EG-KFS", "ministry_viewer@EG"
_CODES = (f"body-{n}" for n in itertools.count(1))
_BOOKS = itertools.count(40_000)


def signed_in(local: LocalPortal, username: str) -> Employee:
    found = Employee(local.url, username)
    found.sign_in()
    return found


@pytest.fixture(scope="module")
def keeper(still: LocalPortal) -> Employee:
    return signed_in(still, KEEPER)


@pytest.fixture(scope="module")
def auditor(still: LocalPortal) -> Employee:
    return signed_in(still, AUDITOR)


@pytest.fixture(scope="module")
def archivist(still: LocalPortal) -> Employee:
    return signed_in(still, f"archivist@{CENTER}")


def opened(
    local: LocalPortal, kind: BodyKind = BodyKind.NOTARY, governorate: str = "EG-KFS"
) -> str:
    """The account of a body with an agreement and a user, without any page."""
    code, now = next(_CODES), local.clock.now()
    purpose = {
        BodyKind.NOTARY: Purpose.REGISTRATION,
        BodyKind.COURT: Purpose.JUDICIAL,
        BodyKind.WATER: Purpose.CONNECTION,
    }[kind]
    agreement = NewAgreement(
        purpose,
        fields_of(kind, purpose),
        "17/2026",
        cairo_day(now) + timedelta(days=300),
        batches=False,
        notices=True,
    )
    with local.portal.database.begin() as db:
        new = NewBody(code, kind, f"جهة {code}", f"Body {code}", governorate, "ص/9")
        keeping.open_body(db, new, "test", now)
        keeping.agree(db, Keeper(code, 0, "test", now), agreement)
        keeping.add_user(db, Keeper(code, 1, "test", now), "u-1")
    return code


def asks(
    local: LocalPortal, code: str, number: PermitNumber, reference: str = "55/2026"
) -> Answered:
    """The body asks for a permit of the center, with a name to be compared."""
    now = local.clock.now()
    with local.portal.database.begin() as db:
        body = accounts.find(db, code, cairo_day(now))
        assert body is not None
        (agreement,) = body.agreements.values()
        question = Question("u-1", reference, CENTER, number, owner_name="حسن مرسي عبد العال")
        return local.portal.answering.answer(db, body, agreement, question, now)


def a_permit(local: LocalPortal, **more: object) -> tuple[int, PermitNumber]:
    permit_id, address = put(local, **more)  # type: ignore[arg-type]
    year, number = address.split("/")[-2:]
    return permit_id, PermitNumber(int(number), "", int(year))


def state(local: LocalPortal, code: str) -> list[object]:
    """Everything that an act on an account could change."""
    tables = (OutsideBody.__table__, BodyAgreement.__table__, BodyKey.__table__, BodyUser.__table__)
    found: list[object] = []
    for table in (*tables, BodyAct.__table__):
        owner = table.c.code if table is OutsideBody.__table__ else table.c.body_code
        found.append([tuple(row) for row in local.rows(select(table).where(owner == code))])
    return found


def jwk() -> dict[str, str]:
    return jws.new_pair()[1]


# --- the account


def test_a_keeper_opens_an_account_agrees_enters_key_and_user_and_each_act_is_kept(
    still: LocalPortal, keeper: Employee
) -> None:
    page = keeper.get(f"{BASE}/new")
    typed = {
        "code": "Delta-Notary",
        "kind": "notary",
        "name_ar": "مكتب الشهر العقاري بدسوق",
        "name_en": "",
        "letter": "وارد ٤٤ / ٢٠٢٦",
    }
    page = keeper.send(page, typed, "/new")
    assert page.path == f"{BASE}/delta-notary", page.errors()
    page = keeper.get(f"{page.path}/agree/registration")
    until = (cairo_day(still.clock.now()) + timedelta(days=365)).isoformat()
    chosen = {"fields": ["status", "floors_above"], "letter": "3/2026", "valid_until": until}
    page = keeper.send(page, {**chosen, "notices": "yes"}, "/registration")
    assert page.hooks("agreement") == ["registration"], page.errors()
    key = jwk()
    page = keeper.send(page, {"key": json.dumps({**key, "kid": "k1"})}, "/keys", files={})
    assert jws.thumbprint(key) in page.text
    page = keeper.send(page, {"username": "٧٠٤"}, "/users")
    assert page.hooks("user") == ["704"]
    page = keeper.send(
        page,
        {"per_minute": "٣٠٠", "webhook_url": "https://news.example.com/p", "reason": "طلب الجهة"},
        "/change",
    )
    assert page.hooks("act") == ["change", "add_user", "add_key", "agree", "open"]
    assert "وارد ٤٤ / ٢٠٢٦" in page.text
    with still.portal.database.read() as db:
        today = cairo_day(still.clock.now())
        body = accounts.find(db, "delta-notary", today)
        assert body is not None
        assert (body.per_minute, body.webhook_url) == (300, "https://news.example.com/p")
        agreement = body.agreements[Purpose.REGISTRATION]
        assert agreement.fields == {"status", "floors_above"}
        assert (agreement.batches, agreement.notices) == (False, True)
        assert accounts.keys(db, "delta-notary", today) == {"k1": key}
        assert accounts.has_user(db, "delta-notary", "704")
    page = keeper.send(page, {}, "/ping")
    ((kind,),) = still.rows(select(BodyNotice.type).where(BodyNotice.body_code == "delta-notary"))
    assert kind == "ping.v1"
    assert "delta-notary" in keeper.get(BASE).hooks("body")


def test_everything_wrong_is_said_at_once_and_nothing_is_opened(
    still: LocalPortal, keeper: Employee
) -> None:
    before = still.rows(select(func.count()).select_from(OutsideBody))
    typed = {"code": "ص", "kind": "circus", "name_ar": "", "name_en": "x" * 121, "letter": " "}
    page = keeper.send(keeper.get(f"{BASE}/new"), typed, "/new")
    assert page.status == 422
    assert [field for field, _ in page.errors()] == ["kind", "name_ar", "name_en", "code", "letter"]
    taken = {"code": opened(still), "kind": "bank", "name_ar": "بنك", "letter": "1"}
    page = keeper.send(keeper.get(f"{BASE}/new"), taken, "/new")
    assert (page.status, page.errors()[0][0]) == (409, "code")
    after = still.rows(select(func.count()).select_from(OutsideBody))
    assert after[0][0] == before[0][0] + 1


def test_an_agreement_is_never_wider_than_its_purpose(still: LocalPortal, keeper: Employee) -> None:
    code = opened(still, BodyKind.WATER)
    before = state(still, code)
    page = keeper.get(f"{BASE}/{code}/agree/connection")
    assert "owner_match" not in page.tree.xpath("//input[@name='fields']/@value")
    for wrong in (
        {"fields": ["status", "owner_match"], "valid_until": "2020-01-01", "letter": ""},
        {"fields": [], "valid_until": "2099-01-01", "letter": "ا" * 61},
    ):
        refused = keeper.send(page, wrong, "/connection")
        assert refused.status == 422
        assert [field for field, _ in refused.errors()] == ["fields", "letter", "valid_until"]
    assert keeper.get(f"{BASE}/{code}/agree/judicial").status == 404
    assert state(still, code) == before


def test_agreeing_anew_ends_what_was_agreed_and_keeps_it(
    still: LocalPortal, keeper: Employee
) -> None:
    code = opened(still)
    page = keeper.get(f"{BASE}/{code}/agree/registration")
    page = keeper.send(page, {"fields": ["status"], "letter": "18/2026"}, "/registration")
    rows = still.rows(
        select(BodyAgreement.letter, BodyAgreement.revoked_at.is_(None))
        .where(BodyAgreement.body_code == code)
        .order_by(BodyAgreement.id)
    )
    assert [tuple(row) for row in rows] == [("17/2026", False), ("18/2026", True)]


def test_a_private_key_is_refused_loudly_and_not_shown_again(
    still: LocalPortal, keeper: Employee
) -> None:
    code = opened(still)
    before = state(still, code)
    secret = "c2VjcmV0LW9mLXRoZS1ib2R5LW9mLTQzLWxldHRlcnM"
    page = keeper.get(f"{BASE}/{code}")
    for given in (
        json.dumps({**jwk(), "d": secret}),
        json.dumps({"keys": [{**jwk(), "d": secret}]}),
        f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----",
    ):
        refused = keeper.send(page, {"key": given}, "/keys", files={})
        assert refused.status == 422
        assert "هذا مفتاح خاص" in refused.text
        assert secret not in refused.text
        as_file = keeper.send(page, {}, "/keys", files={"key_file": ("k.json", given)})
        assert "هذا مفتاح خاص" in as_file.text
    assert state(still, code) == before


@pytest.mark.parametrize(
    "given",
    ["", "{", "[]", '{"kty": "RSA"}', json.dumps({**jwk(), "kid": "مفتاح"}), "x" * 4001],
    ids=["nothing", "half", "list", "rsa", "arabic name", "long"],
)
def test_what_is_no_public_key_is_told_why(given: str) -> None:
    key, problems = entering.read_key(given, "2026-12-31", date(2026, 11, 23))
    assert key is None
    assert [problem.field for problem in problems] == ["key"]


def test_a_key_is_taken_as_programs_write_it(still: LocalPortal, keeper: Employee) -> None:
    code, today = opened(still), cairo_day(still.clock.now())
    pair = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = pair.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    in_set = json.dumps({"keys": [{**jwk(), "kid": "of-a-set"}]})
    page = keeper.get(f"{BASE}/{code}")
    for given in (pem, in_set):
        page = keeper.send(page, {"key": given}, "/keys", files={})
        assert page.status == 200, page.errors()
    with still.portal.database.read() as db:
        keys = accounts.keys(db, code, today)
    assert set(keys) == {"of-a-set", *(jws.thumbprint(each) for each in keys.values())} - {
        jws.thumbprint(keys["of-a-set"])
    }
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    wrong = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for given in (wrong, pem.replace("A", "B"), pem[:80]):
        refused = keeper.send(page, {"key": given}, "/keys", files={})
        assert (refused.status, refused.errors()[0][0]) == (422, "key")


def test_a_key_has_its_last_day_and_the_month_before_it_is_seen(
    still: LocalPortal, keeper: Employee
) -> None:
    code, today = opened(still), cairo_day(still.clock.now())
    page, key = keeper.get(f"{BASE}/{code}"), {"key": json.dumps({**jwk(), "kid": "short"})}
    for days in (-1, 800):
        until = (today + timedelta(days=days)).isoformat()
        refused = keeper.send(page, {**key, "key_until": until}, "/keys", files={})
        assert (refused.status, refused.errors()[0][0]) == (422, "key_until")
    soon = today + timedelta(days=20)
    page = keeper.send(page, {**key, "key_until": soon.isoformat()}, "/keys", files={})
    assert page.tree.xpath("//*[@data-key='short']//*[@data-ends-soon]")
    listed = keeper.get(BASE).tree.xpath(f"//*[@data-body='{code}']//*[@data-key-ends]")
    assert len(listed) == 1
    with still.portal.database.read() as db:
        assert accounts.has_key(db, code, "short", soon)
        assert not accounts.has_key(db, code, "short", soon + timedelta(days=1))
        assert accounts.keys(db, code, soon + timedelta(days=1)) == {}


def test_a_key_from_a_file_is_read_and_its_name_stands_for_it_for_ever(
    still: LocalPortal, keeper: Employee
) -> None:
    code, key = opened(still), jwk()
    page = keeper.get(f"{BASE}/{code}")
    files = {"key_file": ("k.json", json.dumps({**key, "kid": "one"}).encode())}
    page = keeper.send(page, {}, "/keys", files=files)
    assert page.hooks("key") == ["one"], page.errors()
    page = keeper.get(f"{BASE}/{code}/end?act=revoke_key&of=one")
    page = keeper.send(page, {"reason": "ضاع الحاسب"}, "/end")
    with still.portal.database.read() as db:
        assert not accounts.has_key(db, code, "one", cairo_day(still.clock.now()))
    page = keeper.send(page, {"key": json.dumps({**jwk(), "kid": "one"})}, "/keys", files={})
    assert (page.status, page.errors()[0][0]) == (409, "key")
    again = keeper.get(f"{BASE}/{code}")
    page = keeper.send(again, {"key": json.dumps({**key, "kid": "two"})}, "/keys", files={})
    assert (page.status, page.errors()[0][0]) == (409, "key"), "revoked, whatever it is called"


@pytest.mark.parametrize(
    "address",
    [
        "http://news.example.com/",
        "https://10.0.0.7/",
        "https://localhost/",
        "https://me:secret@news.example.com/",
        "https://news.example.com:8080/",
        "https://[::1]/",
        "https://news.example.com/" + "x" * 300,
        "javascript:alert(1)",
    ],
)
def test_news_go_only_to_the_public_network(address: str) -> None:
    typed = {"per_minute": "120", "webhook_url": address, "reason": "سبب"}
    changed, problems = entering.read_change(typed)
    assert changed is None
    assert [problem.field for problem in problems] == ["webhook_url"]


def test_pace_address_and_reason_are_refused_together(still: LocalPortal, keeper: Employee) -> None:
    code = opened(still)
    before = state(still, code)
    typed = {"per_minute": "6001", "webhook_url": "ftp://x", "reason": ""}
    page = keeper.send(keeper.get(f"{BASE}/{code}"), typed, "/change")
    assert page.status == 422
    assert [field for field, _ in page.errors()] == ["per_minute", "webhook_url", "reason"]
    page = keeper.send(keeper.get(f"{BASE}/{code}"), {"username": "لا"}, "/users")
    assert (page.status, page.errors()[0][0]) == (422, "username")
    assert state(still, code) == before


def test_a_revoked_body_may_nothing_until_it_is_opened_again(
    still: LocalPortal, keeper: Employee
) -> None:
    code, today = opened(still), cairo_day(still.clock.now())
    old = keeper.get(f"{BASE}/{code}")
    asked = keeper.get(f"{BASE}/{code}/end?act=revoke")
    refused = keeper.send(asked, {"reason": " "}, "/end")
    assert (refused.status, refused.errors()[0][0]) == (422, "reason")
    page = keeper.send(asked, {"reason": "انتهى البروتوكول"}, "/end")
    assert page.hooks("revoked")
    with still.portal.database.read() as db:
        assert accounts.find(db, code, today) is None
    before = state(still, code)
    late = keeper.send(old, {"username": "u-2", "revision": page.hook("revision")}, "/users")
    assert late.status == 409
    assert state(still, code) == before
    page = keeper.get(f"{BASE}/{code}/end?act=reopen")
    page = keeper.send(page, {"reason": "جُدّد البروتوكول"}, "/end")
    with still.portal.database.read() as db:
        assert accounts.find(db, code, today) is not None
    assert page.hooks("act")[:2] == ["reopen", "revoke"]


def test_an_agreement_and_a_user_are_revoked_for_a_reason(
    still: LocalPortal, keeper: Employee
) -> None:
    code, today = opened(still), cairo_day(still.clock.now())
    for act, of in (("revoke_user", "u-1"), ("end_agreement", "registration")):
        page = keeper.get(f"{BASE}/{code}/end?act={act}&of={of}")
        keeper.send(page, {"reason": "طلبت الجهة ذلك"}, "/end")
    with still.portal.database.read() as db:
        assert not accounts.has_user(db, code, "u-1")
        body = accounts.find(db, code, today)
        assert body is not None
        assert body.scopes == frozenset()
    page = keeper.send(keeper.get(f"{BASE}/{code}"), {"username": "u-1"}, "/users")
    with still.portal.database.read() as db:
        assert accounts.has_user(db, code, "u-1")
    for wrong in ("act=revoke_user&of=u-2", "act=open", "act=revoke&of=u-1", "of=u-1"):
        assert keeper.get(f"{BASE}/{code}/end?{wrong}").status == 404


def test_of_two_tabs_the_second_is_told_and_keeps_what_was_typed(
    still: LocalPortal, keeper: Employee
) -> None:
    code = opened(still)
    one, two = keeper.get(f"{BASE}/{code}"), keeper.get(f"{BASE}/{code}")
    keeper.send(one, {"username": "first"}, "/users")
    before = state(still, code)
    page = keeper.send(two, {"username": "second"}, "/users")
    assert page.status == 409
    assert "عُدّلت بيانات هذه الجهة" in page.text
    assert page.values("/users")["username"] == ["second"]
    assert state(still, code) == before
    page = keeper.send(page, {}, "/users")
    assert sorted(page.hooks("user")) == ["first", "second", "u-1"]


# --- who may


@pytest.mark.parametrize("role", Role)
def test_only_the_governorate_keeps_bodies_and_auditors_and_ministry_see(role: Role) -> None:
    keeps = role is Role.GOVERNORATE_ADMIN
    assert may(role, Permission.KEEP_BODIES) is keeps
    sees = keeps or role in {Role.AUDITOR, Role.MINISTRY_VIEWER}
    assert may(role, Permission.SEE_BODIES) is sees
    looks = {Role.ARCHIVIST, Role.DEPARTMENT_OFFICER, Role.DEPARTMENT_HEAD}
    assert may(role, Permission.ANSWER_SEARCHES) is (role in looks)


@pytest.mark.parametrize("username", [AUDITOR, VIEWER, "auditor@EG"])
def test_who_only_sees_is_shown_no_form_and_changes_nothing(
    still: LocalPortal, keeper: Employee, username: str
) -> None:
    code = opened(still)
    looker = signed_in(still, username)
    page = looker.get(f"{BASE}/{code}")
    assert page.status == 200
    assert not page.tree.xpath("//main//form[@method='post'] | //main//a[contains(@href, '/end')]")
    before = state(still, code)
    token = {"_csrf": page.tree.xpath("//input[@name='_csrf']/@value")[0], "revision": "2"}
    for path, values in (
        ("users", {"username": "x"}),
        ("change", {"per_minute": "1", "reason": "x"}),
        ("keys", {"key": json.dumps(jwk())}),
        ("end", {"act": "revoke", "reason": "x"}),
        ("agree/registration", {"fields": "status", "letter": "1", "valid_until": "2027-01-01"}),
        ("ping", {}),
    ):
        assert looker.post(f"{BASE}/{code}/{path}", {**token, **values}).status == 403, path
    assert looker.post(f"{BASE}/new", token).status == 403
    for path in ("end?act=revoke", "agree/registration"):
        assert looker.get(f"{BASE}/{code}/{path}").status == 403
    assert state(still, code) == before


@pytest.mark.parametrize("role", ["front_office", "department_head", "archivist", "unit_head"])
def test_a_center_sees_no_bodies(still: LocalPortal, role: str) -> None:
    employee = still.employee(role)
    for path in (BASE, f"{BASE}/new", f"{BASE}/log", f"{BASE}/log/export"):
        assert employee.get(path).status == 403


def test_a_body_of_another_governorate_is_as_missing_as_none(
    still: LocalPortal, keeper: Employee, auditor: Employee
) -> None:
    code = opened(still, governorate="EG-GH")
    for path in (code, f"{code}/end?act=revoke", f"{code}/agree/registration", "no-such-body"):
        assert keeper.get(f"{BASE}/{path}").status == 404
    own = keeper.get(f"{BASE}/{opened(still)}")
    before = state(still, code)
    for path in ("users", "change", "keys", "end", "ping", "agree/registration"):
        values = {**own.values("/users"), "username": "x", "act": "revoke", "reason": "x"}
        assert keeper.post(f"{BASE}/{code}/{path}", values).status == 404
    assert state(still, code) == before
    assert code not in keeper.get(BASE).hooks("body")
    assert auditor.get(f"{BASE}/log?of={code}").status == 404
    assert code in signed_in(still, VIEWER).get(BASE).hooks("body")


# --- the log


def test_the_log_tells_who_asked_for_what_and_filters(
    still: LocalPortal, auditor: Employee
) -> None:
    code = opened(still)
    _, number = a_permit(still)
    found = asks(still, code, number, "أ/12")
    other = asks(still, code, PermitNumber(next(_BOOKS), "", 1991))
    page = auditor.get(f"{BASE}/log?of={code}")
    assert set(page.hooks("inquiry")) == {found.id, other.id}
    assert "أ/12" in page.text
    assert "u-1" in page.text
    assert "حسن مرسي" not in page.text
    assert not page.tree.xpath("//main//form[@method='post']")
    today = cairo_day(still.clock.now())
    for query, ids in (
        ("answer=confirmed", [found.id]),
        ("answer=needs_manual_search&purpose=registration", [other.id]),
        ("purpose=judicial", []),
        (f"first={today}&last={today}", [other.id, found.id]),
        (f"last={today - timedelta(days=1)}", []),
    ):
        assert auditor.get(f"{BASE}/log?of={code}&{query}").hooks("inquiry") == ids, query
    wrong = auditor.get(f"{BASE}/log?first=x&last=2026-13-01")
    assert wrong.status == 422
    assert [field for field, _ in wrong.errors()] == ["first", "last"]
    for query in ("purpose=x", "answer=x", "of=x"):
        assert auditor.get(f"{BASE}/log?{query}").status == 404


def test_the_log_is_searched_by_the_bodys_reference_and_by_the_answers_number(
    still: LocalPortal, auditor: Employee
) -> None:
    code = opened(still)
    _, number = a_permit(still)
    one, other = (asks(still, code, number, f"ص/٢٠٢٦/{code}/{n}") for n in range(2))
    elsewhere = asks(still, opened(still, governorate="EG-GZ"), number, f"ص/٢٠٢٦/{code}/1")
    found = auditor.get(f"{BASE}/log?q={quote(f'  ص/٢٠٢٦/{code}/1 ')}")
    assert found.hooks("inquiry") == [other.id], "and none of another governorate"
    assert auditor.get(f"{BASE}/log?q={one.id}").hooks("inquiry") == [one.id]
    assert auditor.get(f"{BASE}/log?q={elsewhere.id}").hooks("inquiry") == []
    exported = raw(auditor, "GET", f"{BASE}/log/export?q={one.id}").text
    assert len(exported.splitlines()) == 2


def test_pages_of_the_log_show_each_line_once_while_others_are_added(
    still: LocalPortal, auditor: Employee
) -> None:
    code = opened(still)
    _, number = a_permit(still)
    ids = [asks(still, code, number).id for _ in range(52)]
    page = auditor.get(f"{BASE}/log?of={code}")
    (onward,) = page.tree.xpath("//a[@rel='next']/@href")
    asks(still, code, number)
    rest = auditor.get(onward)
    assert sorted(page.hooks("inquiry") + rest.hooks("inquiry")) == sorted(ids)
    assert not rest.tree.xpath("//a[@rel='next']")


def test_the_file_of_the_log_is_no_formula_for_any_program_of_tables(
    still: LocalPortal, auditor: Employee
) -> None:
    code = opened(still)
    _, number = a_permit(still)
    for reference in ("=HYPERLINK(1)", "+1", "-1", "@SUM", '12,"3"', "عادي"):
        asks(still, code, number, reference)
    answer = raw(auditor, "GET", f"{BASE}/log/export?of={code}")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    told = [row["reference"] for row in rows]
    assert sorted(told) == sorted(["'=HYPERLINK(1)", "'+1", "'-1", "'@SUM", '12,"3"', "عادي"])
    assert {row["class"] for row in rows} == {"confirmed"}
    assert not any("حسن" in cell for row in rows for cell in row.values())


def test_the_page_of_a_body_shows_what_it_was_told_and_why_something_waits(
    still: LocalPortal, keeper: Employee
) -> None:
    code, now = opened(still), still.clock.now()
    page = keeper.get(f"{BASE}/{code}")
    address = {"per_minute": "60", "webhook_url": "https://news.example.com/", "reason": "طلب"}
    keeper.send(page, address, "/change")
    with still.portal.database.begin() as db:
        taken, waits, dropped = (notices.ping(db, code, now) for _ in range(3))
        for notice, state in (
            (taken, {"ended_at": now, "taken": True}),
            (waits, {"attempts": 3, "last_error": "status_503"}),
            (dropped, {"ended_at": now, "last_error": "agreement_over"}),
        ):
            db.execute(update(BodyNotice).where(BodyNotice.id == notice).values(**state))
    page = keeper.get(f"{BASE}/{code}")
    assert page.hooks("notice") == [dropped, waits, taken]
    shown = [each.text_content() for each in page.tree.xpath("//*[@data-notice]")]
    assert "انتهى الاتفاق" in shown[0]
    assert "بعد 3 محاولات" in shown[1].translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789"))
    assert "استلمتها الجهة" in shown[2]


# --- searches in the archive


def wanted(local: LocalPortal, code: str) -> tuple[Answered, PermitNumber]:
    number = PermitNumber(next(_BOOKS), "", 1991)
    return asks(local, code, number), number


def class_of(local: LocalPortal, answer: Answered) -> str:
    with local.portal.database.read() as db:
        found = answering.find(db, local.portal.vault, answer.body_code, answer.id)
    assert found is not None
    return found.kind.value


def test_the_desk_lists_searches_with_their_day_and_marks_the_late(
    still: LocalPortal, archivist: Employee
) -> None:
    code = opened(still)
    late, _ = wanted(still, code)
    fresh, _ = wanted(still, code)
    yesterday = cairo_day(still.clock.now()) - timedelta(days=1)
    with still.portal.database.begin() as db:
        db.execute(
            update(BodyInquiry).where(BodyInquiry.id == late.id).values(search_due=yesterday)
        )
    page = archivist.get(DESK)
    listed = page.hooks("search")
    assert listed.index(late.id) < listed.index(fresh.id)
    assert int(page.hook("late")) >= 1
    (row,) = page.tree.xpath(f"//tr[@data-search='{late.id}']")
    assert "late" in row.get("class")
    assert "حسن مرسي" not in page.text + archivist.get(f"{DESK}/{late.id}").text
    assert "portal_body_searches_late" in raw(archivist, "GET", "/metrics").text


def test_who_may_search_is_told_in_the_inbox_what_is_late_and_the_governorate_which_centers_are(
    still: LocalPortal, archivist: Employee, keeper: Employee
) -> None:
    code, today = opened(still), cairo_day(still.clock.now())

    def told(who: Employee) -> list[int]:
        shown = who.get("/center/inbox").tree.xpath("//main//*[@data-searches]/@data-searches")
        return [int(n) for n in shown[0].split()] if shown else [0, 0]

    late, soon = told(archivist)
    for days in (-1, 1, 2):
        asked, _ = wanted(still, code)
        due = today + timedelta(days=days)
        with still.portal.database.begin() as db:
            mine = update(BodyInquiry).where(BodyInquiry.id == asked.id)
            db.execute(mine.values(search_due=due))
    assert told(archivist) == [late + 1, soon + 1]
    assert told(still.employee("cashier")) == [0, 0]
    shown = keeper.get(BASE).tree.xpath("//*[@data-late]//@data-center")
    assert shown == [CENTER]


def test_what_is_found_is_entered_reviewed_named_and_told_to_the_body(
    still: LocalPortal, keeper: Employee, archivist: Employee
) -> None:
    code = opened(still)
    keeper.send(
        keeper.get(f"{BASE}/{code}"),
        {"webhook_url": "https://news.example.com/x", "reason": "اتفاق"},
        "/change",
    )
    asked, number = wanted(still, code)
    page = archivist.get(f"{DESK}/{asked.id}")
    missing = archivist.send(page, {"found": "yes", "number": f"{number.number}/1991"}, asked.id)
    assert (missing.status, missing.errors()[0][0]) == (422, "number")
    put(still, number=number, source="backlog", status=Status.MANUAL_UNVERIFIED)
    unreviewed = archivist.send(page, {"found": "yes", "number": number.canonical}, asked.id)
    assert (unreviewed.status, unreviewed.errors()[0][0]) == (409, "number")
    assert class_of(still, asked) == "needs_manual_search"
    other_id, other = a_permit(still)
    done = archivist.send(page, {"found": "yes", "number": other.canonical}, asked.id)
    assert done.path == DESK, done.errors()
    assert class_of(still, asked) == "confirmed"
    row = still.rows(select(BodyInquiry).where(BodyInquiry.id == asked.id))[0]
    assert (row.permit_id, row.searched_by) == (other_id, f"archivist@{CENTER}")
    ((kind, subject, data),) = still.rows(
        select(BodyNotice.type, BodyNotice.subject, BodyNotice.data).where(
            BodyNotice.body_code == code, BodyNotice.type == "inquiry.searched.v1"
        )
    )
    assert (kind, subject) == ("inquiry.searched.v1", asked.id)
    assert (data["inquiry"], data["reference"]) == (asked.id, "55/2026")
    assert archivist.get(f"{DESK}/{asked.id}").status == 404, "it waits no more"


def test_what_the_books_do_not_hold_is_answered_once_and_the_log_tells_by_whom(
    still: LocalPortal, archivist: Employee, auditor: Employee
) -> None:
    asked, _ = wanted(still, opened(still))
    page = archivist.get(f"{DESK}/{asked.id}")
    for typed, field in (({}, "found"), ({"found": "yes", "number": "x"}, "number")):
        wrong = archivist.send(page, typed, asked.id)
        assert (wrong.status, wrong.errors()[0][0]) == (422, field)
    assert class_of(still, asked) == "needs_manual_search"
    assert archivist.send(page, {"found": "no"}, asked.id).path == DESK
    assert class_of(still, asked) == "not_found"
    assert archivist.send(page, {"found": "no"}, asked.id).status == 404
    assert f"archivist@{CENTER}" in auditor.get(f"{BASE}/log?q={asked.id}").text
    line = raw(auditor, "GET", f"{BASE}/log/export?q={asked.id}").text.splitlines()[1]
    assert line.endswith(f",archivist@{CENTER}")


def test_nothing_is_not_found_while_the_register_has_it(
    still: LocalPortal, archivist: Employee
) -> None:
    asked, number = wanted(still, opened(still))
    put(still, number=number)
    page = archivist.send(archivist.get(f"{DESK}/{asked.id}"), {"found": "no"}, asked.id)
    assert (page.status, page.errors()[0][0]) == (409, "number")
    assert class_of(still, asked) == "needs_manual_search"


def test_a_search_is_its_centers_and_waits_only_for_a_body_that_may_be_told(
    still: LocalPortal, keeper: Employee, archivist: Employee
) -> None:
    code = opened(still)
    asked, _ = wanted(still, code)
    elsewhere = signed_in(still, "archivist@KFS-001")
    assert elsewhere.get(f"{DESK}/{asked.id}").status == 404
    assert asked.id not in elsewhere.get(DESK).hooks("search")
    assert still.employee("front_office").get(DESK).status == 403
    page = keeper.get(f"{BASE}/{code}/end?act=revoke")
    keeper.send(page, {"reason": "انتهى"}, "/end")
    assert asked.id not in archivist.get(DESK).hooks("search")
    assert archivist.get(f"{DESK}/{asked.id}").status == 404


# --- whoever holds an answer


def test_whoever_holds_an_answers_number_sees_that_the_portal_gave_it_and_nothing_more(
    still: LocalPortal,
) -> None:
    code = opened(still)
    _, number = a_permit(still, people=People([Owner("منى السيد عبد الرحمن شلبي")]))
    given = asks(still, code, number, "سري/9")
    visitor = Browser(still.url)
    response = raw(visitor, "GET", f"/verify/permits/{given.id}")
    page = visitor.get(f"/verify/permits/{given.id}")
    assert page.hook("given") == "yes"
    assert page.hook("class") == "confirmed"
    assert f"جهة {code}" in page.text
    assert given.id in page.text
    for hidden in ("سري/9", "u-1", "منى", "شارع الجيش", "حسن"):
        assert hidden not in page.text
    assert page.tree.xpath("//*[contains(@class, 'qr')]")
    assert b"htmx.min" not in response.content
    assert response.headers["x-robots-tag"] == "noindex"
    for wrong in (given.id[:-1] + "i", given.id.upper(), "x", "x" * 300):
        missing = visitor.get(f"/verify/permits/{wrong}")
        assert (missing.status, missing.hook("given")) == (404, "no")


# --- the owner


def test_the_owner_sees_which_bodies_asked_but_no_court(still: LocalPortal) -> None:
    permit_id, number = a_permit(still, people=People([Owner("منى", NATIONAL_ID)]))
    notary, court = opened(still), opened(still, BodyKind.COURT)
    asks(still, notary, number)
    asks(still, court, number)
    address = f"/permits/{CENTER}/{number.year}/{number.in_address}"
    owner = still.someone().get(address)
    assert _told(owner) == [f"جهة {notary}"]
    assert "الغرض: تسجيل عقد" in owner.text
    stranger = Browser(still.url).get(address)
    assert _told(stranger) == []
    head = still.employee("department_head").get(f"/center/permits/{permit_id}")
    assert _told(head) == [f"جهة {notary}"]
    clerk = still.employee("front_office").get(f"/center/permits/{permit_id}")
    assert "الجهات التي استعلمت" not in clerk.text
    assert re.search("الجهات التي استعلمت", head.text)


def _told(page: Page) -> list[str]:
    return [each.text_content() for each in page.tree.xpath("//*[@data-asked-by-body]")]


# --- the interface, for people


def test_the_interface_is_shown_to_people_from_the_document_that_machines_read(
    still: LocalPortal,
) -> None:
    visitor = Browser(still.url)
    document = raw(visitor, "GET", "/api/schema").json()
    page = visitor.get("/api/docs")
    described = [*document["paths"].values(), *document["webhooks"].values()]
    operations = {each["operationId"]: each for path in described for each in path.values()}
    assert set(page.hooks("operation")) == set(operations)
    assert set(page.hooks("schema")) == set(document["components"]["schemas"])
    for name, each in operations.items():
        (shown,) = page.tree.xpath(f"//*[@data-operation='{name}']")
        assert shown.xpath(".//@data-status") == list(each["responses"])
        assert each["summary"] in shown.text_content()
    links = {str(href) for href in page.tree.xpath("//main//a/@href") if href.startswith("#")}
    ids = {f"#{each}" for each in page.tree.xpath("//@id")}
    assert links <= ids
    question = document["components"]["schemas"]["QuestionByNumber"]["properties"]
    (schema,) = page.tree.xpath("//*[@data-schema='QuestionByNumber']")
    named = {each.text_content() for each in schema.xpath(".//th//code")}
    assert set(question) <= named
    assert not page.tree.xpath("//main//script")
    assert visitor.get("/en/api/docs").text.count("required") > 3


def test_the_type_of_every_problem_leads_to_where_it_says_what_it_means(
    still: LocalPortal,
) -> None:
    visitor = Browser(still.url)
    refused = raw(visitor, "GET", "/api/v1/permits/inquiries").json()
    address, _, fragment = refused["type"].partition("#")
    assert address == f"{still.url}/api/docs"
    page = visitor.get("/api/docs")
    assert page.hooks("problem") == list(KINDS)
    (meant,) = page.tree.xpath(f"//*[@id='{fragment}']")
    assert refused["title"] in meant.text_content()
    assert "The token is missing" in visitor.get("/en/api/docs").text


def test_the_demos_bodies_have_asked_and_two_searches_wait(
    still: LocalPortal, auditor: Employee
) -> None:
    rows = still.rows(
        select(BodyInquiry.answer_class, func.count())
        .where(BodyInquiry.body_code.like("kfs-%"))
        .group_by(BodyInquiry.answer_class)
    )
    counted = {row[0]: row[1] for row in rows}
    assert counted["needs_manual_search"] == 2
    assert counted["confirmed"] > counted["not_found"] > 5
    assert counted["confirmed_with_remarks"] > 5
    assert "kfs-notary" in auditor.get(BASE).hooks("body")


def test_the_operator_lists_bodies_and_stops_one(still: LocalPortal) -> None:
    code, settings = opened(still), still.portal.settings
    done, listed = run_command(settings, "bodies", "list")
    assert (done, f"{code}  EG-KFS  registration" in listed) == (0, True)
    revoke = ("bodies", "revoke", code, "--reason", "key stolen")
    assert run_command(settings, *revoke)[0] == 0
    with still.portal.database.read() as db:
        assert accounts.find(db, code, cairo_day(still.clock.now())) is None
    assert "closed" in run_command(settings, *revoke)[1]
    assert run_command(settings, "bodies", "revoke", "none", "--reason", "x")[0] == 1


def test_the_operator_sees_all_of_a_body_and_changes_its_keys(
    still: LocalPortal, tmp_path: Path
) -> None:
    code, settings = opened(still), still.portal.settings
    key, file = jwk(), tmp_path / "key.json"
    file.write_text(json.dumps({**key, "kid": "new"}), encoding="utf-8")
    done, told = run_command(settings, "bodies", "add-key", code, str(file))
    assert (done, jws.thumbprint(key) in told) == (0, True)
    done, told = run_command(settings, "bodies", "show", code)
    assert done == 0
    for each in ("17/2026", "floors_above", "key new: until", "never used", "user u-1: stands"):
        assert each in told
    assert "same_key" in run_command(settings, "bodies", "add-key", code, str(file))[1]
    file.write_text(json.dumps({**key, "d": key["x"]}), encoding="utf-8")
    assert "private key" in run_command(settings, "bodies", "add-key", code, str(file))[1]
    revoke = ("bodies", "revoke-key", code, "new", "--reason", "lost")
    assert run_command(settings, *revoke)[0] == 0
    assert "key new: revoked" in run_command(settings, "bodies", "show", code)[1]
    assert "ended" in run_command(settings, *revoke)[1]
    assert run_command(settings, "bodies", "show", "none")[0] == 1
