"""Sign-in of citizens: what is refused and why, codes, limits, where it leads."""

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.support.answers import NATIONAL_ID
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_links_lead_to_controls,
    fields,
    leads_to,
    national_id,
    raw,
    stranger,
    token,
    told,
)
from tests.support.signing_in import ask, cookie_of, enter, is_signed_in, plant, wrong

ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")

# --- what is typed ---


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "١٤ رقمًا"),
        ("2900101880001", "١٤ رقمًا"),
        ("290010188000189", "١٤ رقمًا"),
        ("2900101880001x", "١٤ رقمًا"),
        ("2900101\u202e8800018 4", "١٤ رقمًا"),
        ("49001018800018", "٢ أو ٣"),
        ("29013018800018", "تاريخ ميلاد"),
        ("29002308800018", "تاريخ ميلاد"),
        ("39912318800018", "تاريخ ميلاد"),
        ("29001010500018", "محافظة"),
        ("29001019900018", "محافظة"),
    ],
)
def test_a_national_id_that_is_none_is_told_with_the_reason(
    turning: LocalPortal, typed: str, words: str
) -> None:
    page = ask(turning.citizen(typed, "01012345678"))
    assert page.status == 422
    assert words in told(page, "national_id")
    assert [field for field, _ in page.errors()] == ["national_id"]
    control = page.tree.get_element_by_id("national_id")
    assert control.get("value") == typed
    assert control.get("aria-invalid") == "true"
    assert "national_id-error" in control.get("aria-describedby")


@pytest.mark.parametrize(
    "typed",
    ["", "0101234567", "010123456789", "01312345678", "0212345678", "+441012345678", "01o12345678"],
)
def test_a_mobile_that_is_none_of_egypt_is_told_with_the_reason(
    turning: LocalPortal, typed: str
) -> None:
    page = ask(turning.citizen(NATIONAL_ID, typed))
    assert page.status == 422
    assert "١١ رقمًا" in told(page, "mobile")
    assert [field for field, _ in page.errors()] == ["mobile"]
    assert page.tree.get_element_by_id("mobile").get("value") == typed


def test_both_problems_are_told_at_once(turning: LocalPortal) -> None:
    page = ask(turning.citizen("1", "2"))
    assert page.status == 422
    assert {field for field, _ in page.errors()} == {"national_id", "mobile"}
    assert_links_lead_to_controls(page)


def test_an_english_reader_is_told_in_english(turning: LocalPortal) -> None:
    citizen = turning.citizen("1", "2")
    page = citizen.send(
        citizen.get("/en/sign-in"), {"national_id": "1", "mobile": "2"}, "/en/sign-in"
    )
    assert page.status == 422
    assert page.tree.get("lang") == "en"
    assert any("14 digits" in words for _, words in page.errors())


@pytest.mark.parametrize("digits", [ARABIC_INDIC, PERSIAN], ids=["arabic-indic", "persian"])
def test_digits_of_every_script_sign_in(shared: LocalPortal, digits: dict[int, int]) -> None:
    citizen = stranger(shared)
    page = citizen.get("/sign-in")
    typed = {
        "national_id": citizen.national_id.translate(digits),
        "mobile": citizen.mobile.translate(digits),
    }
    page = citizen.send(page, typed, "/sign-in")
    assert page.path == "/sign-in/code"
    code = citizen.last_code()
    page = citizen.send(page, {"code": code.translate(digits)}, "/sign-in/code")
    assert page.path == "/requests"


@pytest.mark.parametrize("form", ["+20{}", "0020{}", "20{}", "{}"])
def test_a_mobile_is_the_same_however_it_is_written(shared: LocalPortal, form: str) -> None:
    first = stranger(shared)
    first.sign_in()
    draft = first.get("/services/municipal-complaint/apply").path
    again = shared.citizen(first.national_id, first.mobile)
    spaced = form.format(f"{first.mobile[1:4]} {first.mobile[4:7]}-{first.mobile[7:]}")
    page = again.send(
        again.get("/sign-in"), {"national_id": again.national_id, "mobile": spaced}, "/sign-in"
    )
    again.send(page, {"code": again.last_code()}, "/sign-in/code")
    assert again.get(draft).status == 200


def test_a_check_digit_that_does_not_fit_keeps_nobody_out(shared: LocalPortal) -> None:
    digit = int(NATIONAL_ID[-1])
    for other in (digit, (digit + 5) % 10):
        citizen = shared.citizen(f"{NATIONAL_ID[:-1]}{other}", f"0100000000{other}")
        assert citizen.sign_in().path == "/requests"


# --- the code ---


def test_the_code_is_six_digits_and_comes_by_message(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    page = ask(citizen)
    assert page.path == "/sign-in/code"
    assert citizen.mobile not in page.text
    assert citizen.mobile[-3:] in page.text
    assert re.fullmatch("[0-9]{6}", citizen.last_code())
    assert leads_to(enter(citizen, citizen.last_code())) == "/requests"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12 34"])
def test_what_is_no_code_is_told_and_costs_no_try(turning: LocalPortal, typed: str) -> None:
    citizen = stranger(turning)
    page = ask(citizen)
    for _ in range(6):
        page = citizen.send(page, {"code": typed}, "/sign-in/code")
        assert page.status == 422
        assert "الستة" in told(page, "code")
    assert leads_to(enter(citizen, citizen.last_code())) == "/requests"


def test_a_code_dies_with_the_fifth_wrong_try(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    page = ask(citizen)
    right = citizen.last_code()
    said = []
    for _ in range(5):
        page = citizen.send(page, {"code": wrong(right)}, "/sign-in/code")
        assert page.status == 422
        said.append(told(page, "code"))
    assert [f"الباقية: {n}" in words for n, words in zip("٤٣٢١", said, strict=False)] == [True] * 4
    assert "لا يمكن استخدام هذا الكود" in said[-1]
    after = enter(citizen, right)
    assert after.status_code == 422
    assert not is_signed_in(citizen)


def test_a_code_lives_for_five_minutes(turning: LocalPortal) -> None:
    quick, late = stranger(turning), stranger(turning)
    ask(quick)
    ask(late)
    # the page stays open meanwhile: an expired code is told, not hidden behind another page
    open_page = late.get("/sign-in/code")
    turning.clock.advance(minutes=4, seconds=50)
    assert leads_to(enter(quick, quick.last_code())) == "/requests"
    turning.clock.advance(seconds=10)
    page = late.send(open_page, {"code": late.last_code()}, "/sign-in/code")
    assert page.status == 422
    assert "انتهت صلاحية الكود" in told(page, "code")
    assert not is_signed_in(late)


def test_a_used_code_is_worth_nothing(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    ask(citizen)
    code = citizen.last_code()
    before, proof = cookie_of(citizen), token(citizen, "/sign-in/code")
    assert leads_to(enter(citizen, code)) == "/requests"
    thief = shared.citizen()
    plant(thief, before)
    again = raw(thief, "POST", "/sign-in/code", data={"_csrf": proof, "code": code})
    assert again.status_code == 422
    assert not is_signed_in(thief)


def test_a_code_works_only_in_the_browser_that_asked(shared: LocalPortal) -> None:
    citizen, thief = stranger(shared), stranger(shared)
    ask(thief)
    thiefs_own = thief.last_code()
    ask(citizen)
    code = citizen.last_code()
    if code != thiefs_own:
        assert enter(thief, code).status_code == 422
    nobody = shared.citizen()
    values = fields(nobody, code=code)
    assert raw(nobody, "POST", "/sign-in/code", data=values).status_code == 422
    assert not is_signed_in(thief)
    assert leads_to(enter(citizen, code)) == "/requests"


def test_asking_again_makes_the_last_code_void(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    ask(citizen)
    old = citizen.last_code()
    page = citizen.get("/sign-in/code")
    resent = raw(citizen, "POST", "/sign-in/resend", data=page.values("/sign-in/code"))
    assert leads_to(resent) == "/sign-in/code"
    new = citizen.last_code()
    if old != new:
        assert enter(citizen, old).status_code == 422
    assert leads_to(enter(citizen, new)) == "/requests"


def test_a_new_code_can_be_sent_when_the_tries_are_over(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    page = ask(citizen, "/services/municipal-complaint/apply")
    right = citizen.last_code()
    for _ in range(5):
        page = citizen.send(page, {"code": wrong(right)}, "/sign-in/code")
    raw(citizen, "POST", "/sign-in/resend", data=page.values("/sign-in/code"))
    # where the citizen wanted to go is not forgotten on the way
    assert leads_to(enter(citizen, citizen.last_code())) == "/services/municipal-complaint/apply"


def test_nothing_is_sent_again_to_a_browser_that_never_asked(shared: LocalPortal) -> None:
    citizen = shared.citizen()
    sent = shared.rows("SELECT count(*) AS n FROM one_time_codes")[0].n
    assert leads_to(raw(citizen, "POST", "/sign-in/resend", data=fields(citizen))) == "/sign-in"
    assert leads_to(raw(citizen, "GET", "/sign-in/code")) == "/sign-in"
    assert shared.rows("SELECT count(*) AS n FROM one_time_codes")[0].n == sent


def test_the_database_holds_neither_code_nor_number_in_the_clear(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    ask(citizen)
    kept = [
        bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
        for row in shared.rows("SELECT * FROM one_time_codes ORDER BY id DESC LIMIT 1")
        for value in row
    ]
    for secret in (citizen.last_code(), citizen.national_id, citizen.mobile, citizen.mobile[1:]):
        assert not [value for value in kept if secret.encode() in value]


# --- limits ---


def test_a_sixth_code_within_half_an_hour_is_refused(turning: LocalPortal) -> None:
    citizen = stranger(turning)
    for _ in range(5):
        assert ask(turning.citizen(national_id(9000), citizen.mobile)).path == "/sign-in/code"
        turning.clock.advance(minutes=1)
    other_id = turning.citizen(national_id(9001), citizen.mobile)
    page = ask(other_id)
    assert page.status == 429
    assert "حاول مرة أخرى بعد ٢٥ دقيقة" in told(page, "mobile")
    assert page.tree.get_element_by_id("mobile").get("value") == citizen.mobile
    assert_links_lead_to_controls(page)
    turning.clock.advance(minutes=25)
    assert ask(other_id).path == "/sign-in/code"


def test_an_id_is_limited_on_any_mobile(shared: LocalPortal) -> None:
    whose = stranger(shared).national_id
    phones = [stranger(shared).mobile for _ in range(6)]
    pages = [ask(shared.citizen(whose, mobile)) for mobile in phones]
    assert [page.status for page in pages] == [200] * 5 + [429]
    # somebody who only knows the number of another shuts out no one else
    assert stranger(shared).sign_in().path == "/requests"


def test_an_address_is_limited_whoever_asks(turning: LocalPortal) -> None:
    browser = turning.citizen()
    values = fields(browser, mobile="", national_id="")

    def asked(n: int, **more: Any) -> int:
        who = {"national_id": national_id(n), "mobile": f"0122{n:07d}"}
        return raw(browser, "POST", "/sign-in", data={**values, **who}, **more).status_code

    turning.clock.advance(minutes=31)
    assert [asked(n) for n in range(60)] == [303] * 60
    assert asked(60) == 429
    # a header that anyone can write is no other address
    assert asked(61, headers={"x-forwarded-for": "203.0.113.7"}) == 429
    turning.clock.advance(minutes=31)
    assert asked(62) == 303


def test_one_who_uses_the_codes_meets_no_limit(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    for _ in range(7):
        assert citizen.sign_in().path == "/requests"


def test_sending_again_counts_as_asking(shared: LocalPortal) -> None:
    citizen = stranger(shared)
    page = ask(citizen)
    for _ in range(4):
        page = citizen.post("/sign-in/resend", page.values("/sign-in/code"))
        assert page.path == "/sign-in/code", page.text
    page = citizen.post("/sign-in/resend", page.values("/sign-in/code"))
    assert page.status == 429
    assert "حاول مرة أخرى بعد" in told(page, "code")
    # the last one that was sent is still good
    assert leads_to(enter(citizen, citizen.last_code())) == "/requests"


# --- where it leads ---


@pytest.mark.parametrize(
    "evil",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example/requests",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "/x\r\nset-cookie: a=b",
        "/" + "a" * 400,
        "",
    ],
)
def test_nobody_is_led_off_the_site_after_sign_in(turning: LocalPortal, evil: str) -> None:
    citizen = stranger(turning)
    page = citizen.get(f"/sign-in?{httpx.QueryParams(next=evil)}")
    citizen.send(
        page,
        {"national_id": citizen.national_id, "mobile": citizen.mobile, "next": evil},
        "/sign-in",
    )
    response = enter(citizen, citizen.last_code())
    assert response.status_code == 303
    led_to = _origin_in_a_browser(turning.url, response.headers["location"])
    assert led_to == urlsplit(turning.url)[:2]


def _origin_in_a_browser(base: str, location: str) -> tuple[str, str]:
    """Where a browser goes: it takes tabs and newlines out and a backslash for a slash."""
    plain = re.sub("[\t\r\n]", "", location).strip().replace("\\", "/")
    scheme, host = urlsplit(urljoin(base, plain))[:2]
    return scheme, host


@pytest.mark.parametrize(
    "wanted",
    [
        "/services/municipal-complaint/apply",
        "/requests?show=ended",
        "/requests/26-1315-00042-7",
        "/en/requests",
    ],
)
def test_sign_in_leads_to_where_one_wanted_to_go(turning: LocalPortal, wanted: str) -> None:
    citizen = stranger(turning)
    page = citizen.get(wanted)
    assert page.path.endswith("/sign-in")
    page = citizen.send(
        page, {"national_id": citizen.national_id, "mobile": citizen.mobile}, "/sign-in"
    )
    values = {**page.values("/sign-in/code"), "code": citizen.last_code()}
    response = raw(citizen, "POST", urlsplit(page.url).path, data=values)
    assert response.headers["location"] == wanted


def test_the_way_back_may_hold_arabic_letters(turning: LocalPortal) -> None:
    citizen = stranger(turning)
    page = citizen.get("/requests/طلب")
    page = citizen.send(
        page, {"national_id": citizen.national_id, "mobile": citizen.mobile}, "/sign-in"
    )
    response = enter(citizen, citizen.last_code())
    assert response.status_code == 303, response.text[:200]
    assert is_signed_in(citizen)
