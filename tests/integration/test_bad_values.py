"""Wrong values are told beside their field and kept as they were typed: never a 500."""

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.drafting import (
    COMPLAINT,
    begin,
    post,
)
from tests.support.files import pdf
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_links_lead_to_controls,
    fields,
    leads_to,
    page_of,
    raw,
    token,
    told,
)
from tests.support.people import Page
from tests.support.typist import ISOLATE, NUL, OVERRIDE, Typist, at_page, encoded, regular

HIDDEN = "رموز غير ظاهرة"


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
    shared: LocalPortal, name: str
) -> None:
    one = at_page(shared, "applicant")
    page = one.type(
        applicant_capacity="self",
        applicant_name=name,
        is_foreigner="no",
        national_id=one.citizen.national_id,
    )
    refused(page, "applicant_name", HIDDEN)


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
    shared: LocalPortal, step: str, field: str, text: str
) -> None:
    one = at_page(shared, step)
    category = "delay" if field == "related_request" else "waste"
    post(one.citizen, f"/drafts/{one.draft}/category", {"category": category, "urgent": "no"})
    post(one.citizen, f"/drafts/{one.draft}/site-place", {"site.governorate": "EG-KFS"})
    # round a number that was copied an isolate is no trick (rulings): there it is stripped
    for hidden in (OVERRIDE, NUL, "\x1b", *([] if field == "related_request" else [ISOLATE])):
        refused(one.type(**{field: text.format(hidden)}), field)
    # and the draft can still be opened, mended and gone on with
    assert one.citizen.get(f"/drafts/{one.draft}").status == 200
    assert field not in dict(one.type(**{field: text.format("")}).errors())


def test_a_number_that_was_copied_may_bring_its_marks_along(still: LocalPortal) -> None:
    one = at_page(still, "details")
    post(one.citizen, f"/drafts/{one.draft}/category", {"category": "delay", "urgent": "no"})
    page = one.type(related_request=f"{ISOLATE}25/2023\u2069\u200f")
    assert "related_request" not in dict(page.errors())


def test_a_licence_number_that_was_pasted_does_not_break_the_draft(still: LocalPortal) -> None:
    one = at_page(still, "details")
    post(one.citizen, f"/drafts/{one.draft}/category", {"category": "delay", "urgent": "no"})
    for typed in ("25 \t2023", "25/2023\n", "25/2023\r\n26", "25\u2028/2023"):
        assert one.type(related_request=typed).status == 422, typed
        for path in ("", "/details", "/check"):
            assert one.citizen.get(f"/drafts/{one.draft}{path}").status == 200, typed


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
    citizen = regular(portal)
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
    one = Typist(regular(still), _site(still).draft, "category")
    page = one.type(
        category="waste",
        urgent="no",
        **{"happened_on.day": day, "happened_on.month": month, "happened_on.year": year},
    )
    refused(page, "happened_on")


@pytest.mark.parametrize("value", ["atlantis", NUL, OVERRIDE, "waste ", "WASTE", "' OR 1=1", "[]"])
def test_a_choice_that_was_not_offered_is_told(still: LocalPortal, value: str) -> None:
    one = Typist(regular(still), _site(still).draft, "category")
    wanted = value.strip() == "waste"  # a blank around it is no other answer
    page = one.type(category=value, urgent="maybe" if not wanted else "no")
    if wanted:
        assert "category" not in dict(page.errors())
        return
    refused(page, "category")
    refused(page, "urgent")


def test_an_answer_given_twice_counts_once(still: LocalPortal) -> None:
    one = Typist(regular(still), _site(still).draft, "category")
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
    one = Typist(regular(still), draft, step)
    refused(one.type(**{field: "ن" * (most + 1)}), field, "اختصر النص")
    assert one.shown(field) == "ن" * (most + 1)
    long = "ن" * 60_000
    refused(one.type(**{field: long}), field, "اختصر النص")
    assert one.shown(field) == long
    assert field not in dict(one.type(**{field: "ن" * most}).errors())


def test_what_is_typed_is_never_markup(still: LocalPortal) -> None:
    draft = _site(still).draft
    one = Typist(regular(still), draft, "details")
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}${7*7}'
    page = one.type(description=hostile)
    for shown in (page, one.citizen.get(one.path), one.citizen.get(f"/drafts/{draft}/check")):
        assert not shown.tree.xpath("//script[not(@src)]")
        assert not shown.tree.xpath("//img[@onerror]")
    assert one.shown("description") == hostile


@pytest.mark.parametrize("button", ["_add", "_remove"])
def test_a_button_that_is_not_on_the_page_does_no_harm(still: LocalPortal, button: str) -> None:
    one = at_page(still, "frontages", "building-line-statement")
    proof = token(one.citizen, "/requests")
    for value in ("هذا", "x\r\nX-Evil: 1", NUL, "a" * 9000, "../..", "frontages.x"):
        for headers in ({}, {"hx-request": "true"}):
            data = {"_csrf": proof, button: value}
            response = raw(one.citizen, "POST", one.path, data=data, headers=headers)
            assert response.status_code == (200 if headers else 303), value[:20]
            assert "x-evil" not in response.headers
            led_to = response.headers["hx-redirect" if headers else "location"]
            assert led_to.split("#")[0] == one.path


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "check\r\nX-Evil: 1", NUL, "<b>"]
)
def test_the_way_back_of_a_page_is_only_ever_the_check(still: LocalPortal, back: str) -> None:
    one = Typist(regular(still), _site(still).draft, "category")
    response = post(one.citizen, one.path, {"category": "waste", "urgent": "no", "_back": back})
    assert leads_to(response) == f"/drafts/{one.draft}/site-place"
    page = raw(one.citizen, "GET", f"{one.path}?{httpx.QueryParams(back=back)}")
    assert page.status_code == 200
    assert not page_of(page).tree.xpath("//form//b")


def test_what_staff_and_citizen_write_to_each_other_is_read_as_strictly(
    shared: LocalPortal,
) -> None:
    citizen = shared.someone()
    number = shared.filed(COMPLAINT, citizen).hook("request-number")
    clerk, head = shared.employee("front_office"), shared.employee("department_head")
    clerk.act(number, "register", {})
    for act, field, more in (
        ("completion", "completion_note", {"items": "national_id_card", "days": "7"}),
        ("refuse", "refusal_note", {"reasons": "incomplete"}),
    ):
        for hidden in (OVERRIDE, NUL):
            page = head.act(number, act, {**more, field: f"السبب{hidden} واضح تمامًا"})
            refused(page, field, HIDDEN)
    sent = clerk.act(number, "completion", {"completion_note": "اكتب العنوان", "days": "7"})
    assert sent.status == 200
    shared.relay()
    page = citizen.get(f"/requests/{number}/complete")
    answer = f"العنوان{OVERRIDE} الصحيح"
    page = citizen.send(page, {"note": answer}, "/complete")
    refused(page, "note", HIDDEN)
    assert page.form("/complete").fields["note"] == answer
    assert citizen.send(page, {"note": "شارع البحر"}, "/complete").path == f"/requests/{number}"
    shared.relay()
    clerk.act(number, "accept", {})
    _, content, kind = pdf()
    wrong = {"output_number": f"7{OVERRIDE}7", "approval_note": f"مع{NUL} التحية"}
    page = head.act(number, "approve", wrong, files={"output": ("x.pdf", content, kind)})
    for field in wrong:
        refused(page, field, HIDDEN)
    # what is too long is told, not cut
    page = head.act(
        number, "approve", {"output_number": "7" * 61}, files={"output": ("x.pdf", content, kind)}
    )
    refused(page, "output_number", "٦٠")


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
OPENED_BY: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    (COMPLAINT, "power-of-attorney"): (
        "applicant",
        {"applicant_capacity": "attorney", "is_foreigner": "no"},
    ),
    (COMPLAINT, "site-address"): ("category", {"category": "waste", "urgent": "no"}),
    (COMPLAINT, "details"): ("category", {"category": "delay", "urgent": "no"}),
}
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

    def at(self, place: tuple[str, str]) -> Typist:
        """The page, asked for by the pages before it whatever was typed there last."""
        service, step = place
        draft = self._drafts[service]
        opening = OPENED_BY.get(place)
        if opening is not None:
            post(self._citizen, f"/drafts/{draft}/{opening[0]}", opening[1])
        return Typist(self._citizen, draft, step)


@pytest.fixture(scope="module")
def desk(shared: LocalPortal) -> Desk:
    return Desk(shared)


@pytest.mark.parametrize("place", PAGES, ids=["/".join(page) for page in PAGES])
@settings(
    max_examples=8,
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
    shared: LocalPortal, first: str, second: str, path: str
) -> None:
    nobody = shared.citizen()
    values = dict.fromkeys(("national_id", "number", "username"), first)
    values |= dict.fromkeys(("mobile", "password"), second)
    response = raw(nobody, "POST", path, data=fields(nobody, path, **values))
    assert response.status_code in {422, 429}, response.status_code
