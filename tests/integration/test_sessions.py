"""Sessions of citizens and staff: cookies, how long they live, how they end."""

import re
from hashlib import sha256
from pathlib import Path

from portal.identity import staff
from tests.support.databases import Databases
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_links_lead_to_controls,
    assert_safe_headers,
    fields,
    leads_to,
    on_another_phone,
    only_the_words,
    page_of,
    raw,
    stranger,
    told,
)
from tests.support.sandbox import SandboxProcess
from tests.support.signing_in import (
    ask,
    clerk,
    cookie_of,
    enter,
    is_signed_in,
    pass_minutes,
    plant,
    set_cookie,
    staff_page,
)

ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")

# --- of citizens ---


def test_the_cookie_is_opaque_and_no_script_reads_it(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    ask(citizen)
    response = enter(citizen, citizen.last_code())
    name, value, attributes = set_cookie(response)
    assert name == "sid"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", value)
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(each.startswith("domain") for each in attributes)
    kept = [bytes(r.token_hash) for r in shared.rows("SELECT token_hash FROM sign_ins")]
    assert sha256(value.encode()).digest() in kept
    assert value.encode() not in b"".join(kept)


def test_behind_https_the_cookie_never_leaves_it(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> None:
    settings = {"PORTAL_PUBLIC_URL": "https://portal.example"}
    url = databases.loaded(tmp_path)
    portal = LocalPortal(tmp_path, url, payment_server, settings)
    try:
        for area, name in (("/sign-in", "__Host-sid"), ("/center/sign-in", "__Host-staff")):
            response = raw(portal.citizen(), "GET", area)
            given, _, attributes = set_cookie(response)
            assert given == name
            assert {"secure", "httponly", "path=/"} <= attributes
            assert int(response.headers["strict-transport-security"].split("=")[1].split(";")[0])
    finally:
        portal.close()


def test_a_planted_cookie_is_not_the_one_that_signs_in(shared: LocalPortal) -> None:
    planted = "A" * 43
    victim, attacker = stranger(shared), shared.citizen()
    for browser in (victim, attacker):
        plant(browser, planted)
    ask(victim)
    assert leads_to(enter(victim, victim.last_code())) == "/requests"
    assert cookie_of(victim) != planted
    assert is_signed_in(victim)
    assert not is_signed_in(attacker)


def test_every_sign_in_has_a_cookie_of_its_own(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    citizen.sign_in()
    first = cookie_of(citizen)
    citizen.sign_in()
    assert cookie_of(citizen) != first


def test_signing_out_ends_the_session_on_the_server(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    citizen.sign_in()
    old = cookie_of(citizen)
    other_phone = on_another_phone(shared, citizen)
    assert raw(citizen, "POST", "/sign-out").status_code in {403, 415}
    assert is_signed_in(citizen)
    assert leads_to(raw(citizen, "POST", "/sign-out", data=fields(citizen, "/requests"))) == "/"
    assert cookie_of(citizen) != old
    assert not is_signed_in(citizen)
    thief = shared.citizen()
    plant(thief, old)
    assert leads_to(raw(thief, "GET", "/requests")) == "/sign-in"
    assert is_signed_in(other_phone)


def test_a_session_ends_after_an_hour_without_a_sign_of_life(turning: LocalPortal) -> None:
    citizen = turning.someone()
    pass_minutes(turning, citizen, 59)
    pass_minutes(turning, citizen, 59)
    turning.clock.advance(minutes=60)
    assert leads_to(raw(citizen, "GET", "/requests")) == "/sign-in"


def test_a_session_ends_after_twelve_hours_however_busy(turning: LocalPortal) -> None:
    citizen = turning.someone()
    for _ in range(14):
        pass_minutes(turning, citizen, 50)
    turning.clock.advance(minutes=20)
    assert leads_to(raw(citizen, "GET", "/requests")) == "/sign-in"


# --- of staff ---


def test_an_employee_signs_in_with_a_password(shared: LocalPortal) -> None:
    employee = clerk(shared)
    assert leads_to(raw(employee, "GET", "/center/inbox")) == "/center/sign-in"
    response = staff_page(employee, "demo")
    assert leads_to(response) == "/center/inbox"
    name, value, attributes = set_cookie(response)
    assert name == "staff"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", value)
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert raw(employee, "GET", "/center/inbox").status_code == 200


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(shared: LocalPortal) -> None:
    names = ("inspector@KFS-003", "nobody@KFS-003")
    answers = [staff_page(clerk(shared, name), "wrong") for name in names]
    assert [answer.status_code for answer in answers] == [422, 422]
    first, second = (only_the_words(a, n) for a, n in zip(answers, names, strict=True))
    assert first == second
    page = page_of(answers[0])
    assert "غير صحيحة" in told(page, "username")
    assert_links_lead_to_controls(page)
    assert 'value="wrong"' not in answers[0].text


def test_wrong_passwords_shut_an_account_for_a_quarter_of_an_hour(turning: LocalPortal) -> None:
    # an unknown name as well: the limit must not tell which names there are
    for name in ("archivist@KFS-003", "nobody@KFS-003"):
        assert [guess(turning, name) for _ in range(10)] == [422] * 10
        refused = staff_page(clerk(turning, name), "demo")
        assert refused.status_code == 429, name
        assert "حاول مرة أخرى بعد ١٥ دقيقة" in told(page_of(refused), "username")
    assert leads_to(staff_page(clerk(turning), "demo")) == "/center/inbox"
    # and many accounts from one address shut the address out
    assert [guess(turning, f"guess{n}@KFS-003") for n in range(30)] == [422] * 30
    assert staff_page(clerk(turning), "demo").status_code == 429
    turning.clock.advance(minutes=15, seconds=1)
    assert leads_to(staff_page(clerk(turning, "archivist@KFS-003"), "demo")) == "/center/inbox"


def guess(portal: LocalPortal, username: str) -> int:
    return staff_page(clerk(portal, username), "wrong").status_code


def test_an_employee_session_ends_after_half_an_hour_without_a_sign_of_life(
    turning: LocalPortal,
) -> None:
    employee = turning.employee("front_office")
    pass_minutes(turning, employee, 29, "/center/inbox")
    pass_minutes(turning, employee, 29, "/center/inbox")
    turning.clock.advance(minutes=31)
    assert leads_to(raw(employee, "GET", "/center/inbox")) == "/center/sign-in"


def test_an_employee_signs_out_on_the_server(shared: LocalPortal) -> None:
    employee = shared.employee("front_office")
    old = cookie_of(employee, "staff")
    values = fields(employee, "/center/inbox")
    assert leads_to(raw(employee, "POST", "/center/sign-out", data=values)) == "/center/sign-in"
    thief = clerk(shared)
    plant(thief, old, "staff")
    assert leads_to(raw(thief, "GET", "/center/inbox")) == "/center/sign-in"


def test_a_closed_account_is_out_at_once(alone: LocalPortal) -> None:
    employee = alone.employee("front_office")
    with alone.portal.database.begin() as db:
        assert staff.disable(db, "front_office@KFS-003", alone.clock.now())
    assert leads_to(raw(employee, "GET", "/center/inbox")) == "/center/sign-in"
    assert staff_page(clerk(alone), "demo").status_code == 422


def test_a_new_password_ends_the_sessions_of_the_old_one(alone: LocalPortal) -> None:
    thief, other = alone.employee("front_office"), alone.employee("department_head")
    with alone.portal.database.begin() as db:
        fresh = staff.hash_password("a password of her own")
        assert staff.set_password(db, "front_office@KFS-003", fresh)
    assert leads_to(raw(thief, "GET", "/center/inbox")) == "/center/sign-in"
    assert raw(other, "GET", "/center/inbox").status_code == 200
    assert leads_to(staff_page(clerk(alone), "a password of her own")) == "/center/inbox"


def test_signing_in_again_gives_up_the_session_before(shared: LocalPortal) -> None:
    citizen, employee = stranger(shared), clerk(shared)
    citizen.sign_in()
    staff_page(employee, "demo")
    old, old_staff = cookie_of(citizen), cookie_of(employee, "staff")
    citizen.sign_in()
    staff_page(employee, "demo")
    thief = shared.citizen()
    plant(thief, old)
    plant(thief, old_staff, "staff")
    assert leads_to(raw(thief, "GET", "/requests")) == "/sign-in"
    assert leads_to(raw(thief, "GET", "/center/inbox")) == "/center/sign-in"


def test_one_session_is_not_the_other(shared: LocalPortal) -> None:
    citizen, employee = shared.someone(), shared.employee("front_office")
    assert leads_to(raw(citizen, "GET", "/center/inbox")) == "/center/sign-in"
    assert leads_to(raw(employee, "GET", "/requests")) == "/sign-in"
    # nor does its cookie become one under the other's name
    as_staff, as_citizen = clerk(shared), shared.citizen()
    plant(as_staff, cookie_of(citizen), "staff")
    plant(as_citizen, cookie_of(employee, "staff"))
    assert leads_to(raw(as_staff, "GET", "/center/inbox")) == "/center/sign-in"
    assert leads_to(raw(as_citizen, "GET", "/requests")) == "/sign-in"


def test_pages_of_sign_in_are_kept_by_no_cache(turning: LocalPortal) -> None:
    citizen = stranger(turning)
    answers = [raw(citizen, "GET", "/sign-in"), raw(citizen, "GET", "/center/sign-in")]
    ask(citizen)
    answers += [raw(citizen, "GET", "/sign-in/code"), enter(citizen, citizen.last_code())]
    for answer in answers:
        assert_safe_headers(answer)
