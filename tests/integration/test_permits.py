"""The building-permit inquiry: what anyone may know, how fast, and what the owner sees."""

import json
from contextlib import suppress
from datetime import date, timedelta
from urllib.parse import quote, unquote, urlencode

import pytest
from sqlalchemy import func, insert, select, update

from portal.clock import cairo_day
from portal.demo.permits import FIRST_NUMBER
from portal.permits import inquiry, registry
from portal.permits import reading as register
from portal.permits.filling import fill
from portal.permits.model import BuildingPermit, PermitInquiry
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import PermitAction
from portal.permits.validity import Status
from portal.problems import Conflict
from portal.requests import reading
from portal.requests.center_acts import Issued, Outcome
from portal.text import fold_digits
from tests.support.answers import NATIONAL_ID
from tests.support.commands import run_command
from tests.support.local import LocalPortal
from tests.support.people import Browser, Page
from tests.support.permits import CENTER, NAME, NUMBERS, do, put


def log_of(local: LocalPortal, permit_id: int) -> list[tuple[str, str, str]]:
    """What the log keeps of who asked for a permit: kind, keys, answer."""
    rows = local.rows(
        select(PermitInquiry.asker_kind, PermitInquiry.keys, PermitInquiry.answer)
        .where(PermitInquiry.permit_id == permit_id)
        .order_by(PermitInquiry.id)
    )
    return [(row[0], row[1].split(" ")[0], row[2]) for row in rows]


@pytest.fixture
def local(still: LocalPortal) -> LocalPortal:
    """Strangers of one address have so many questions an hour: each test has its own hour."""
    with still.portal.database.begin() as db:
        earlier = still.clock.now() - timedelta(hours=2)
        db.execute(update(PermitInquiry).values(at=earlier))
    return still


@pytest.fixture
def visitor(local: LocalPortal) -> Browser:
    return Browser(local.url)


# --- what anyone may know


def test_a_visitor_finds_a_permit_by_place_number_and_year_and_sees_what_it_allows(
    local: LocalPortal, visitor: Browser
) -> None:
    permit_id, address = put(local)
    _, _, center, year, number = address.split("/")
    page = visitor.get(f"/permits?center={center}&number={number}&year={year}")
    assert page.path == address
    assert (page.status, page.hook("answer"), page.hook("verdict")) == (200, "found", "holds")
    assert page.hook("floors") == "5"
    assert "شارع الجيش" in page.text
    assert "١٧٥ م²" in page.text
    assert log_of(local, permit_id) == [("anyone", "number", "found")]


def test_every_state_is_told_with_what_it_means_for_works_and_for_a_buyer(
    local: LocalPortal, visitor: Browser
) -> None:
    told = set()
    for acts in (
        (),
        (PermitAction.START,),
        (PermitAction.START, PermitAction.SUSPEND),
        (PermitAction.START, PermitAction.COMPLETE),
        (PermitAction.REVOKE,),
        (PermitAction.SUPERSEDE,),
    ):
        permit_id, address = put(local)
        for action in acts:
            do(local, permit_id, action)
        page = visitor.get(address)
        advice = page.tree.xpath("//section[@aria-labelledby='advice']")[0].text_content()
        assert "الأعمال:" in advice
        assert "قبل الشراء أو الإيجار:" in advice
        assert page.tree.xpath(f"//main//a[@href='/centers/{CENTER}']")
        told.add(advice)
    assert len(told) == 6
    _, over = put(local, 400)
    in_doubt = visitor.get(over).text
    assert "لا تدفع شيئًا" in in_doubt
    assert "سارٍ" not in in_doubt, "nobody has decided that it is"


@pytest.mark.parametrize(
    ("typed", "first", "several"),
    [("دسوق", "KFS-003", False), ("desouq", "KFS-003", False), ("شرق", "PTS-001", True)],
)
def test_the_place_may_be_typed_instead_of_looked_for_in_a_list(
    local: LocalPortal, visitor: Browser, typed: str, first: str, *, several: bool
) -> None:
    page = visitor.get(f"/permits?place={quote(typed)}&governorate=")
    chosen = [each for each in page.tree.xpath("//select[@id='center']/option/@value") if each]
    assert chosen[0] == first
    assert (len(chosen) > 1) == several
    form = page.tree.xpath("//main//form[.//input[@name='number']]")[0]
    form.fields["number"], form.fields["year"] = "x", "2025"
    if several:
        form.fields["center"] = first
    again = visitor.get("/permits?" + urlencode(form.form_values()))
    assert [where for where, _ in again.errors()] == ["number"]
    kept_list = [each for each in again.tree.xpath("//select[@id='center']/option/@value") if each]
    assert kept_list == chosen, "the list is still there when something else was wrong"
    assert again.tree.xpath("//select[@id='center']/option[@selected]/@value") == [first]


@pytest.mark.parametrize(
    ("query", "status"),
    [("place=&governorate=", 422), ("place=4711", 422), ("place=&governorate=EG-KFS", 200)],
)
def test_a_place_that_names_nothing_is_asked_for_again(
    visitor: Browser, query: str, status: int
) -> None:
    page = visitor.get(f"/permits?{query}")
    assert page.status == status
    assert [where for where, _ in page.errors()] == (["place"] if status == 422 else [])


def test_names_are_masked_for_everyone_but_the_owner(local: LocalPortal, visitor: Browser) -> None:
    _, address = put(local)
    text = visitor.get(address).text
    assert "م*** ا*** ع*** ا***" in text
    assert NAME not in text
    assert "كريم عادل" not in text
    citizen = local.someone()
    signed_in = citizen.get(address).text
    assert NAME not in signed_in
    assert "كريم عادل" in signed_in, "the engineer is told to who has signed in"


def test_the_owner_sees_all_of_it_and_who_asked(local: LocalPortal, visitor: Browser) -> None:
    owners = People([Owner(NAME, NATIONAL_ID)])
    _, address = put(local, people=owners)
    visitor.get(address)
    page = local.someone().get(address)
    assert NAME in page.text
    assert "من استعلم عنه" in page.text
    assert "زائر، برقم الترخيص" in page.text
    assert "أنت، برقم الترخيص" in page.text, "his own look is no stranger's"
    assert "زائر سجل دخوله" not in page.text
    stranger = local.signed_in("29001018800026", "01088800026").get(address)
    assert NAME not in stranger.text
    assert "من استعلم عنه" not in stranger.text


def test_the_owner_reads_every_question_page_by_page_and_nobody_else_does(
    local: LocalPortal, visitor: Browser
) -> None:
    permit_id, address = put(local, people=People([Owner(NAME, NATIONAL_ID)]))
    owner = local.someone()
    owner.get(address)
    now = local.clock.now()
    with local.portal.database.begin() as db:
        rows = [
            {
                # in groups of 60, more than a page, that came at one moment
                "at": now - timedelta(hours=3 + n // 60),
                "permit_id": permit_id,
                "center_code": CENTER,
                "keys": f"{'code' if n % 2 else 'number'} {n}",
                "asker_kind": "anyone",
                "open_to_all": False,
                "purpose": "public",
                "answer": "found",
            }
            for n in range(130)
        ]
        db.execute(insert(PermitInquiry), rows)
    page = owner.get(address)
    assert len(page.tree.xpath("//section[@aria-labelledby='asked']//li")) == 10
    assert f"{address}/asked" in page.tree.xpath("//main//a/@href")
    page, seen = owner.get(f"{address}/asked"), []
    while True:
        seen += [each.text_content() for each in page.tree.xpath("//main//ul[@class='list']/li")]
        older = page.tree.xpath("//main//a[contains(@href, 'older=')]/@href")
        if not older:
            break
        page = owner.get(older[0])
    assert len(seen) == 131
    assert sum("بالرمز الذي على اللافتة" in line for line in seen) == 65
    for odd in (
        "x",
        "2026-01-01~1",
        "2026-01-01T00:00:00+00:00~-5",
        "~",
        "9" * 400,
        "0001-01-01T00:00:00+14:00~1",
    ):
        assert owner.get(f"{address}/asked?older={quote(odd)}").status == 200
    stranger = local.signed_in("29001018800026", "01088800026")
    assert stranger.get(f"{address}/asked").status == 404
    assert stranger.get(f"/permits/{CENTER}/2013/7/asked").status == 404
    assert visitor.get(f"{address}/asked").path == "/sign-in"


def test_the_code_on_the_sign_leads_to_the_permit_and_cannot_be_guessed(
    local: LocalPortal, visitor: Browser
) -> None:
    permit_id, _ = put(local)
    ((serial,),) = local.rows(select(BuildingPermit.serial).where(BuildingPermit.id == permit_id))
    assert len(serial) >= 20
    page = visitor.get(f"/permits/{serial}")
    assert page.hook("answer") == "found"
    assert log_of(local, permit_id) == [("anyone", "code", "found")]
    other = "1" if serial.endswith("0") else "0"
    assert visitor.get(f"/permits/{serial[:-1]}{other}").status == 404


def test_the_code_of_a_sign_may_be_typed_as_people_type_it(
    local: LocalPortal, visitor: Browser
) -> None:
    permit_id, _ = put(local)
    ((serial,),) = local.rows(select(BuildingPermit.serial).where(BuildingPermit.id == permit_id))
    groups = " ".join(serial[at : at + 5] for at in range(0, len(serial), 5))
    for typed in (serial, groups.upper(), f"{local.url}/permits/{serial}"):
        page = visitor.get(f"/permits/scan?code={quote(typed)}")
        assert page.path == f"/permits/{serial}"
        assert page.hook("answer") == "found"
    for typed in ("", "215", serial[:-3], f"https://example.com/permits/{serial}", "../sign-out"):
        page = visitor.get(f"/permits/scan?code={quote(typed)}")
        assert (page.status, page.path) == (422, "/permits/scan")
        assert [where for where, _ in page.errors()] == ["code"]


def test_only_the_page_that_scans_may_ask_for_the_camera(
    local: LocalPortal, visitor: Browser
) -> None:
    _, address = put(local)
    may = {
        path: "camera=(self)" in visitor.client.get(local.url + path).headers["permissions-policy"]
        for path in ("/", "/permits", "/permits/kept", "/permits/scan", "/en/permits/scan", address)
    }
    assert {path for path, asks in may.items() if asks} == {"/permits/scan", "/en/permits/scan"}


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_worker_brings_all_of_one_version_and_holds_no_answer(
    local: LocalPortal, visitor: Browser, prefix: str
) -> None:
    """What it keeps is named by content, and the page that it shows is the one of the portal."""
    answer = visitor.client.get(f"{local.url}{prefix}/permits-worker.js")
    shell, _ = json.JSONDecoder().raw_decode(answer.text.removeprefix("const SHELL="))
    served = visitor.client.get(f"{local.url}{prefix}/permits/kept")
    assert shell["page"] == served.text
    assert "set-cookie" not in served.headers
    for address in shell["files"]:
        assert (
            visitor.client.get(local.url + address).headers["cache-control"].endswith("immutable")
        )
        assert address in served.text or "icons" in address
    policy = served.headers["content-security-policy"]
    assert shell["headers"]["content-security-policy"] == policy
    assert "worker-src 'self'" in policy
    elsewhere = visitor.client.get(f"{local.url}{prefix}/help").headers
    assert "worker-src" not in elsewhere["content-security-policy"]


def test_by_its_address_only_its_existence_is_told(local: LocalPortal, visitor: Browser) -> None:
    street = "شارع الإسكندرية"
    put(local, columns={"street": street, "building_no": "7"})
    # another spelling of the same letters
    page = visitor.get(f"/permits?center={CENTER}&street=شارع الاسكندريه&building_no=7")
    assert page.hook("recorded") == "yes"
    arabic = visitor.get(f"/permits?center={CENTER}&street={street}&building_no=٧")
    assert arabic.hook("recorded") == "yes", "whichever digits it is written in"
    assert NAME[:3] not in page.tree.xpath("//main")[0].text_content()
    assert (
        visitor.get(f"/permits?center={CENTER}&street={street}&building_no=8").hook("recorded")
        == "no"
    )


def test_data_that_nobody_reviewed_are_not_told(local: LocalPortal, visitor: Browser) -> None:
    permit_id, address = put(local, status=Status.MANUAL_UNVERIFIED, source="backlog")
    page = visitor.get(address)
    assert (page.status, page.hook("answer")) == (200, "unverified")
    assert "شارع الجيش" not in page.text
    assert "توجد بيانات غير مراجعة" in page.text
    assert log_of(local, permit_id) == [("anyone", "number", "unverified")]


def test_an_old_number_with_a_letter_has_an_address_of_its_own(
    local: LocalPortal, visitor: Browser
) -> None:
    letter = PermitNumber(next(NUMBERS), "م", 1998)
    put(local, number=letter, issued_on=date(1998, 4, 5), legal_regime="106/1976")
    page = visitor.get(f"/permits?center={CENTER}&number={letter.number}/م&year=١٩٩٨")
    assert page.url.endswith(quote(f"/1998/{letter.number}-م"))
    assert page.hook("answer") == "found"
    plain = visitor.get(f"/permits/{CENTER}/1998/{letter.number}")
    assert plain.hook("answer") == "not_found", "without its letter it is another permit"


@pytest.mark.parametrize(
    "path",
    [
        f"/permits/{CENTER}/2025/999999",
        f"/permits/{CENTER}/1899/5",
        "/permits/XXX-000/2025/5",
        f"/permits/{CENTER}/2025/5-مم",
        "/permits/aaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_what_is_not_there_is_404_in_the_reader_s_language(visitor: Browser, path: str) -> None:
    page = visitor.get(path)
    assert page.status == 404
    assert page.tree.xpath("//h1")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("governorate=EG-KFS&number=215&year=2025", "center"),
        (f"center={CENTER}&number=abc&year=2025", "number"),
        (f"center={CENTER}&number=215", "year"),
        (f"center={CENTER}&number=215&year=25", "year"),
        (f"center={CENTER}&number=215&year=2099", "year"),
        (f"center={CENTER}&number=215/2024&year=2025", "year"),
        (f"center={CENTER}&number=&year=2025", "number"),
        (f"center={CENTER}&street=x", "building_no"),
        (f"center={CENTER}&building_no=5", "street"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_control(
    visitor: Browser, query: str, field: str
) -> None:
    page = visitor.get(f"/permits?{query}")
    assert page.status == 422
    assert [where for where, _ in page.errors()] == [field]


@pytest.mark.parametrize(
    ("number", "year", "said"),
    [
        ("215", "١٤٤٦", "هجرية"),
        ("215 لسنة 1446", "", "هجرية"),
        ("215", "2099", "لا يمكن أن يصدر"),
        ("215", "25", "أربعة أرقام"),
        ("215", "", "أيضًا"),
        ("215/2024", "2025", "تخالف"),
        ("٥٦ مكرر", "1998", "حرف واحد"),
        ("", "2025", "الرقم والسنة"),
    ],
)
def test_a_visitor_is_told_what_is_wrong_with_a_number_and_not_only_that_it_is(
    visitor: Browser, number: str, year: str, said: str
) -> None:
    page = visitor.get(f"/permits?center={CENTER}&number={quote(number)}&year={quote(year)}")
    ((_, text),) = page.errors()
    assert said in text


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("governorate=EG-KFS&center=&number=&year=", ["center", "number"]),
        ("governorate=EG-KFS&center=&street=&building_no=", ["center", "street", "building_no"]),
    ],
)
def test_an_empty_form_keeps_its_place_and_says_what_is_missing(
    visitor: Browser, query: str, fields: list[str]
) -> None:
    page = visitor.get(f"/permits?{query}")
    assert page.status == 422
    assert [where for where, _ in page.errors()] == fields
    for field in fields:
        assert len(page.tree.xpath(f"//*[@id='{field}']")) == 1, "each error leads to one control"
    assert page.tree.xpath("//select[@id='center']/option[@value='KFS-003']")


# --- what the register says


@pytest.mark.parametrize(
    ("days_ago", "acts", "verdict"),
    [
        (30, [], "holds"),
        (380, [], "start_over"),
        (380, [(PermitAction.RENEW, 20)], "holds"),
        (380, [(PermitAction.START, 100)], "started"),
        (4000, [(PermitAction.START, 3900)], "started"),
        (900, [(PermitAction.START, 800), (PermitAction.COMPLETE, 100)], "done"),
        (380, [(PermitAction.LAPSE, 0)], "ended"),
        (30, [(PermitAction.REVOKE, 0)], "ended"),
        (30, [(PermitAction.SUSPEND, 0)], "stopped"),
        (30, [(PermitAction.SUSPEND, 5), (PermitAction.RESUME, 0)], "holds"),
    ],
)
def test_the_answer_follows_the_law_and_the_acts(
    local: LocalPortal,
    visitor: Browser,
    days_ago: int,
    acts: list[tuple[PermitAction, int]],
    verdict: str,
) -> None:
    permit_id, address = put(local, days_ago)
    for action, ago in acts:
        do(local, permit_id, action, ago)
    assert visitor.get(address).hook("verdict") == verdict


def test_no_permit_lapses_by_itself_the_round_only_proposes(
    local: LocalPortal, visitor: Browser
) -> None:
    overdue, address = put(local, 380)
    begun, _ = put(local, 380)
    do(local, begun, PermitAction.START, 100)
    disputed, _ = put(local, 380)
    do(local, disputed, PermitAction.DISPUTE_START)
    today = cairo_day(local.clock.now())
    with local.portal.database.begin() as db:
        registry.propose_lapses(db, today)
    proposed = dict(
        local.rows(
            select(BuildingPermit.id, BuildingPermit.lapse_proposed_on).where(
                BuildingPermit.id.in_([overdue, begun, disputed])
            )
        )
    )
    assert proposed == {overdue: today, begun: None, disputed: None}
    assert visitor.get(address).hook("verdict") == "start_over"
    for permit_id in (begun, disputed):
        with pytest.raises(registry.NotPossible):
            do(local, permit_id, PermitAction.LAPSE)


def test_of_two_acts_at_once_the_second_is_refused(local: LocalPortal) -> None:
    permit_id, _ = put(local)
    now, today = local.clock.now(), cairo_day(local.clock.now())
    vault = local.portal.vault
    with local.portal.database.read() as db:
        seen = register.by_id(db, vault, permit_id)
    do(local, permit_id, PermitAction.SUSPEND)
    with pytest.raises(Conflict), local.portal.database.begin() as db:
        registry.act(db, vault, seen, PermitAction.REVOKE, today, "test", "", now, today)


def test_the_command_line_lists_and_shows_permits_and_names_nobody(local: LocalPortal) -> None:
    _, address = put(local, 380)
    with local.portal.database.begin() as db:
        registry.propose_lapses(db, cairo_day(local.clock.now()))
    year, number = address.split("/")[3:]
    settings = local.portal.settings
    told, listed = run_command(settings, "permits", "list", CENTER, "--only", "lapsing")
    assert (told, f"{number}/{year}  new  valid_not_started" in listed) == (0, True)
    told, shown = run_command(settings, "permits", "show", CENTER, f"{number}/{year}")
    assert (told, "enter" in shown) == (0, True)
    assert NAME not in listed + shown
    assert run_command(settings, "permits", "show", CENTER, "999999/2025")[0] == 1
    assert run_command(settings, "permits", "show", "XXX", "5/2025")[0] == 2


# --- how fast


def asked(local: LocalPortal) -> int:
    count = select(func.count()).select_from(PermitInquiry)
    return int(local.rows(count)[0][0])


def ask_on(visitor: Browser, first: int, count: int) -> list[Page]:
    return [visitor.get(f"/permits/{CENTER}/2019/{first + n}") for n in range(count)]


def test_guessing_one_number_after_the_other_is_slowed_down_more_and_more(
    local: LocalPortal, visitor: Browser
) -> None:
    free = inquiry.FREE_FOR_STRANGERS
    pages = ask_on(visitor, 100, free + 3)
    assert [page.status for page in pages] == [404] * free + [429] * 3
    waits = [int(page.hook("wait")) for page in pages[free:]]
    assert all(0 < wait <= 5 for wait in waits)
    before = asked(local)
    assert visitor.get(f"/permits/{CENTER}/2019/100").status == 404, "what was asked is known"
    assert asked(local) == before, "and a repeated look is no news within a minute"
    answer = visitor.client.get(f"{local.url}/permits/{CENTER}/2019/990")
    assert 0 < int(answer.headers["retry-after"]) <= 5


def test_after_a_wait_the_same_question_is_asked_again_without_scripts_and_without_typing(
    local: LocalPortal, visitor: Browser
) -> None:
    """The browser opens the same address by itself; a form that was sent is not sent again."""
    ask_on(visitor, 600, inquiry.FREE_FOR_STRANGERS)
    by_number = f"/permits/{CENTER}/1998/{quote('56-م')}"
    by_address = f"/permits?center={CENTER}&street={quote('شارع الجيش')}&building_no=9"
    for asked_at in (by_number, by_address, f"/en{by_number}"):
        answer = visitor.client.get(local.url + asked_at)
        assert answer.status_code == 429
        assert answer.headers["refresh"] == answer.headers["retry-after"]
        page = visitor.get(asked_at)
        links = [unquote(each) for each in page.tree.xpath("//main//a/@href")]
        assert unquote(asked_at) in links
        back = next(each for each in links if "/sign-in?next=" in each)
        assert unquote(back).endswith(unquote(asked_at.removeprefix("/en")))
    citizen = local.someone()
    _, address = put(local)
    proof = citizen.get(address).values("/report")
    for n in range(inquiry.FREE_FOR_CITIZENS):
        citizen.post(f"/permits/{CENTER}/2015/{n + 1}/report", proof)
    refused = citizen.client.post(f"{local.url}/permits/{CENTER}/2014/1/report", data=proof)
    assert refused.status_code == 429
    assert "refresh" not in refused.headers
    assert f'href="/permits/{CENTER}/2014/1"' in refused.text


def test_the_wait_doubles_and_is_kept_in_the_log_not_in_a_process(local: LocalPortal) -> None:
    asker = inquiry.Asker("203.0.113.9")
    now, vault = local.clock.now(), local.portal.vault
    today, learned, seconds = cairo_day(now), 0, 0
    while seconds < 3600:
        number = PermitNumber(100_000 + learned, "", 2018)
        try:
            with local.portal.database.begin() as db:
                at = now + timedelta(seconds=seconds)
                inquiry.by_number(db, vault, CENTER, number, asker, at, today)
            learned += 1
        except inquiry.TooSoon as error:
            seconds += error.seconds
    # 5, 10, 20 … 640 s fit into an hour twice over
    assert learned <= inquiry.FREE_FOR_STRANGERS + 12


def test_many_addresses_together_learn_no_more_than_the_rate_of_one_center(
    local: LocalPortal,
) -> None:
    now, vault = local.clock.now(), local.portal.vault
    today, answered = cairo_day(now), 0
    with local.portal.database.begin() as db:
        for guess in range(1200):
            asker = inquiry.Asker(f"198.51.{guess // 250}.{guess % 250}")
            number = PermitNumber(200_000 + guess, "", 2017)
            at = now + timedelta(milliseconds=100 * guess)  # two minutes in all
            with suppress(inquiry.TooSoon):
                inquiry.by_number(db, vault, CENTER, number, asker, at, today)
                answered += 1
    assert answered <= inquiry.FREE_FOR_ALL + 60
    citizen = local.someone()
    assert citizen.get(f"/permits/{CENTER}/2017/1").status == 404, "who has signed in need not wait"


# --- what centers issue comes into the register


def issued_for(local: LocalPortal, service: str, output: str, outcome: Outcome) -> str:
    """A filed request of this service, and what its center tells of the paper; its number."""
    filed = local.filed(service).hook("request-number")
    tell(local, filed, service, output, outcome)
    return filed


def tell(local: LocalPortal, filed: str, service: str, output: str, outcome: Outcome) -> None:
    vault = local.portal.vault
    with local.portal.database.begin() as db:
        request = reading.by_number(db, filed)
        answers = reading.answers(db, vault, request.id)["values"]
        now = local.clock.now()
        told = Issued(outcome, service, CENTER, filed, output, answers, "", now, now, now)
        fill(db, told, vault=vault)


def kept(local: LocalPortal, filed: str) -> register.Permit | None:
    with local.portal.database.read() as db:
        return register.by_request(db, local.portal.vault, filed)


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        ("building-permit-new", "new"),
        ("building-permit-vertical-extension", "vertical_extension"),
        ("building-permit-alteration", "alteration"),
        ("demolition-permit", "demolition"),
    ],
)
def test_an_issued_permit_is_in_the_register_with_what_was_asked_for(
    local: LocalPortal, service: str, kind: str
) -> None:
    number = next(NUMBERS)
    filed = issued_for(local, service, f"رقم {number} لسنة 2026", Outcome.ISSUED)
    permit = kept(local, filed)
    assert permit is not None
    assert permit.number == PermitNumber(number, "", 2026)
    assert (permit.row["permit_type"], permit.status) == (kind, Status.VALID_NOT_STARTED)
    assert permit.row["issued_on"] == cairo_day(local.clock.now())
    assert permit.row["street"]
    assert permit.people.owners
    if kind == "demolition":
        assert permit.row["floors_above"] is None, "what is torn down is not permitted to be built"
        assert permit.row["details"]["floors_count"]
    if kind == "new":
        assert permit.row["total_built_area"] > 0
        assert permit.row["floors_above"] > 0
        assert permit.row["details"]["floors"]


def test_a_corrected_number_is_the_same_permit_and_a_revoked_one_is_over(
    local: LocalPortal, visitor: Browser
) -> None:
    service, wrong, right = "building-permit-restoration", next(NUMBERS), next(NUMBERS)
    filed = issued_for(local, service, f"{wrong}/2026", Outcome.ISSUED)
    tell(local, filed, service, f"{right}/2026", Outcome.CORRECTED)
    assert visitor.get(f"/permits/{CENTER}/2026/{wrong}").status == 404
    assert visitor.get(f"/permits/{CENTER}/2026/{right}").hook("verdict") == "holds"
    tell(local, filed, service, "", Outcome.REVOKED)
    assert visitor.get(f"/permits/{CENTER}/2026/{right}").hook("verdict") == "ended"


@pytest.mark.parametrize("output", ["بدون رقم", "12", ""])
def test_a_number_that_cannot_be_read_leaves_the_entry_to_the_center(
    local: LocalPortal, output: str
) -> None:
    filed = issued_for(local, "building-permit-restoration", output, Outcome.ISSUED)
    assert kept(local, filed) is None


def test_texts_that_are_longer_than_the_register_s_hold_up_no_issued_paper(
    local: LocalPortal, visitor: Browser
) -> None:
    service, number = "building-permit-restoration", next(NUMBERS)
    filed = local.filed(service).hook("request-number")
    now, vault = local.clock.now(), local.portal.vault
    for answers, kept_as in (
        ({"site.street": "شارع ﷺ " * 20, "site.shiakha_or_village": "ب" * 150}, number),
        ({"plot_area": "كبيرة"}, number + 1),  # that no form would take
    ):
        told = Issued(
            Outcome.ISSUED, service, CENTER, filed, f"{kept_as}/2026", answers, "", now, now, now
        )
        with local.portal.database.begin() as db:
            fill(db, told, vault=vault)
    widths = local.rows(
        select(BuildingPermit.street, BuildingPermit.street_key, BuildingPermit.area).where(
            BuildingPermit.number == number, BuildingPermit.year == 2026
        )
    )
    assert max(len(text) for text in widths[0]) <= 120
    assert visitor.get(f"/permits/{CENTER}/2026/{number + 1}").status == 404
    next(NUMBERS)


def test_what_an_officer_entered_for_a_request_is_revoked_with_its_paper(
    local: LocalPortal, visitor: Browser
) -> None:
    service, year = "building-permit-restoration", cairo_day(local.clock.now()).year
    filed = issued_for(local, service, "بدون رقم", Outcome.ISSUED)
    _, address = put(local, 0)
    number = address.split("/")[-1]
    tell(local, filed, service, f"{number}/{year}", Outcome.REVOKED)
    assert visitor.get(address).hook("verdict") == "ended"


def test_a_renewal_that_a_center_grants_renews_the_permit(
    local: LocalPortal, visitor: Browser
) -> None:
    permit_id, address = put(local, 200)
    with local.portal.database.read() as db:
        number = register.by_id(db, local.portal.vault, permit_id).number
    citizen = local.someone()
    issue = cairo_day(local.clock.now()) - timedelta(days=200)
    fixed = {"permit": number.canonical, "issue_date": f"{issue:%d/%m/%Y}"}
    filed = local.filed("building-permit-renewal", citizen, fixed=fixed).hook("request-number")
    clerk = local.employee("front_office")
    clerk.act(filed, "register", {})
    clerk.act(filed, "accept", {})
    local.employee("department_head").approve(filed)
    local.relay()
    assert citizen.get(f"/requests/{filed}").hook("state") == "issued"
    with local.portal.database.read() as db:
        permit = register.by_id(db, local.portal.vault, permit_id)
    assert permit.status is Status.RENEWED
    assert permit.row["must_start_by"] > issue + timedelta(days=700)
    assert visitor.get(address).hook("verdict") == "holds"


def test_a_renewal_asked_for_in_time_holds_however_long_the_center_took(
    local: LocalPortal,
) -> None:
    permit_id, _ = put(local, 380)
    now, vault = local.clock.now(), local.portal.vault
    in_time, too_late = now - timedelta(days=20), now - timedelta(days=10)
    for filed_at, status in (
        (too_late, Status.VALID_NOT_STARTED),
        (in_time, Status.RENEWED),
    ):
        if status is Status.RENEWED:  # an officer was faster than the center
            do(local, permit_id, PermitAction.LAPSE)
        with local.portal.database.begin() as db:
            answers = {"permit": register.by_id(db, vault, permit_id).number.canonical}
            service, filed = "building-permit-renewal", "26-1503-00001-1"
            told = Issued(
                Outcome.ISSUED, service, CENTER, filed, "1/2026", answers, "", filed_at, now, now
            )
            fill(db, told, vault=vault)
            assert register.by_id(db, vault, permit_id).status is status


def test_works_that_began_after_the_time_was_over_are_no_beginning(local: LocalPortal) -> None:
    permit_id, _ = put(local, 380)
    with pytest.raises(registry.NotPossible, match="late_start"):
        do(local, permit_id, PermitAction.START, 3)
    do(local, permit_id, PermitAction.START, 100)


def test_a_permit_that_everybody_asks_for_slows_nobody_down(local: LocalPortal) -> None:
    permit_id, _ = put(local)
    now, vault = local.clock.now(), local.portal.vault
    with local.portal.database.begin() as db:
        number = register.by_id(db, vault, permit_id).number
        for guess in range(inquiry.FREE_FOR_ALL + 20):
            asker = inquiry.Asker(f"192.0.{guess // 250}.{guess % 250}")
            inquiry.by_number(db, vault, CENTER, number, asker, now, cairo_day(now))


# --- the register at the center


def test_staff_enter_a_permit_and_tell_what_became_of_it(
    local: LocalPortal, visitor: Browser
) -> None:
    head = local.employee("department_head")
    number = next(NUMBERS)
    typed = {
        "number": f"{number}",
        "year": "٢٠٢٥",
        "permit_type": "new",
        "issued_on": "2025-11-30",
        "street": "شارع المحطة",
        "floors_above": "٤",
        "plot_area": "١٧٥٫٥",
        "owner": NAME,
        "owner_id": NATIONAL_ID,
    }
    page = head.send(head.get("/center/permits/new"), typed, "/center/permits/new")
    assert page.status == 200, page.errors()
    assert page.hook("status") == "valid_not_started"
    assert NAME not in page.text, "names are for who may see them"
    again = head.send(head.get("/center/permits/new"), typed, "/center/permits/new")
    assert (again.status, [where for where, _ in again.errors()]) == (409, ["number"])

    begun = head.send(page, {"act": "start", "on": "2026-02-01", "note": ""}, page.path)
    assert begun.hook("status") == "under_execution"
    stale = head.send(page, {"act": "start", "on": "2026-02-01"}, page.path)
    assert stale.status in {403, 409}, "it has begun already"
    refused = head.send(begun, {"act": "complete", "on": "2026-01-01"}, page.path)
    assert (refused.status, [where for where, _ in refused.errors()]) == (422, ["on"])
    unexplained = head.send(begun, {"act": "revoke", "on": "2026-03-01"}, page.path)
    assert [where for where, _ in unexplained.errors()] == ["note"]
    shown = visitor.get(f"/permits/{CENTER}/2025/{number}")
    assert shown.hook("verdict") == "started"
    assert "١٧٥٫٥ م²" in shown.text


def test_what_backlog_staff_enter_is_told_to_nobody_until_somebody_else_accepts_it(
    local: LocalPortal, visitor: Browser
) -> None:
    clerk, number = local.employee("backlog_entry"), next(NUMBERS)
    typed = {
        "number": str(number),
        "year": "1998",
        "permit_type": "new",
        "legal_regime": "106/1976",
        "issued_on": "1998-05-12",
        "street": "شارع الجيش",
    }
    page = clerk.send(clerk.get("/center/permits/new"), typed, "/center/permits/new")
    assert page.hook("status") == "manual_unverified"
    system, _ = put(local)
    other = clerk.get(f"/center/permits/{system}")
    assert not other.tree.xpath("//main//form[@method='post']"), "who enters does nothing else"
    assert not page.tree.xpath("//option[@value='review']"), "nobody reviews his own"
    assert visitor.get(f"/permits/{CENTER}/1998/{number}").hook("answer") == "unverified"
    reviewer = local.employee("backlog_reviewer")
    accepted = reviewer.send(
        reviewer.get(page.path), {"act": "review", "on": "2026-11-01"}, page.path
    )
    assert accepted.hook("status") == "valid_not_started"
    assert visitor.get(f"/permits/{CENTER}/1998/{number}").hook("answer") == "found"


def test_another_center_s_register_is_not_there(local: LocalPortal) -> None:
    permit_id, _ = put(local)
    elsewhere = local.employee("department_head", "KFS-004")
    assert elsewhere.get(f"/center/permits/{permit_id}").status == 404
    assert local.employee("cashier").get("/center/permits").status == 403


def test_wrong_entries_are_told_all_at_once_and_nothing_is_kept(local: LocalPortal) -> None:
    head = local.employee("department_head")
    typed = {
        "number": "abc",
        "year": "1850",
        "permit_type": "castle",
        "legal_regime": "x",
        "issued_on": "2026-02-30",
        "street": "",
        "floors_above": "4.5",
        "plot_area": "-3",
        "building_use": "secret",
        "owner": "",
        "owner_id": "123",
    }
    before = local.rows(select(func.count()).select_from(BuildingPermit))[0][0]
    page = head.send(head.get("/center/permits/new"), typed, "/center/permits/new")
    assert page.status == 422
    assert {where for where, _ in page.errors()} == set(typed) - {"number", "owner"}
    assert local.rows(select(func.count()).select_from(BuildingPermit))[0][0] == before


# --- what follows from it


def test_a_difference_is_reported_with_the_site_filled_in(local: LocalPortal) -> None:
    _, address = put(local)
    citizen = local.someone()
    page = citizen.send(citizen.get(address), {}, "/report")
    assert page.path.startswith("/drafts/")
    draft = page.path.split("/")[2]
    asked = citizen.get(f"/drafts/{draft}/category")
    assert asked.values()["category"] == ["building_violation"]
    site = citizen.get(f"/drafts/{draft}/site-address").values()
    assert (site["site.street"], site["site.building_no"]) == (["شارع الجيش"], ["12"])
    number = address.split("/")[-1]
    told = citizen.get(f"/drafts/{draft}/details").values()["description"][0]
    assert number in fold_digits(told)
    visitor = Browser(local.url)
    link = visitor.get(address).tree.xpath("//main//a[contains(@href, '/sign-in')]/@href")[0]
    assert address in unquote(link)


def test_a_second_difference_is_reported_without_losing_what_is_known_of_its_site(
    local: LocalPortal,
) -> None:
    citizen = local.signed_in("29001018800051", "01088800051")
    (_, first), (_, second) = put(local), put(local, columns={"street": "شارع النيل"})
    draft = citizen.send(citizen.get(first), {}, "/report").path.split("/")[2]
    again = citizen.send(citizen.get(first), {}, "/report")
    assert again.path == f"/drafts/{draft}", "pressed twice, it is the same complaint"
    offer = citizen.send(citizen.get(second), {}, "/report")
    assert f"/drafts/{draft}" in offer.tree.xpath("//main//a/@href")
    assert second.split("/")[-1] in fold_digits(offer.text)
    assert citizen.get(f"/drafts/{draft}").status == 200, "nothing is lost before it is agreed to"
    anew = citizen.send(offer, {}, "/report")
    other = anew.path.split("/")[2]
    assert other != draft
    assert citizen.get(f"/drafts/{other}/site-address").values()["site.street"] == ["شارع النيل"]
    assert citizen.get(f"/drafts/{draft}").status == 404


def test_who_signs_in_to_report_comes_back_to_the_button(
    local: LocalPortal, visitor: Browser
) -> None:
    number = PermitNumber(next(NUMBERS), "م", 1998)
    put(local, number=number, issued_on=date(1998, 4, 5), legal_regime="106/1976")
    address = f"/permits/{CENTER}/1998/{number.in_address}"
    link = visitor.get(address).tree.xpath("//main//a[contains(@href, '/sign-in')]/@href")[0]
    sign_in = visitor.get(link)
    asked_for = sign_in.tree.xpath("//input[@name='next']/@value")[0]
    assert unquote(asked_for) == f"{address}#report"
    page = local.someone().get(asked_for.split("#")[0])
    assert page.tree.xpath("//form[@id='report']")


def test_who_reports_on_guessed_numbers_is_slowed_down_as_who_asks(local: LocalPortal) -> None:
    _, address = put(local)
    citizen = local.someone()
    proof = citizen.get(address).values("/report")
    statuses = [
        citizen.post(f"/permits/{CENTER}/2016/{n}/report", proof).status
        for n in range(1, inquiry.FREE_FOR_CITIZENS + 3)
    ]
    assert set(statuses[:-3]) == {404}
    assert statuses[-1] == 429
    assert citizen.post("/permits/AAAAAAAAAAAA/2024/5/report", proof).status == 404


def test_a_stranger_s_question_keeps_no_address_and_a_citizen_s_is_sealed(
    local: LocalPortal, visitor: Browser
) -> None:
    permit_id, address = put(local)
    visitor.get(address)
    local.someone().get(address)
    rows = local.rows(
        select(PermitInquiry.asker, PermitInquiry.pace_key)
        .where(PermitInquiry.permit_id == permit_id)
        .order_by(PermitInquiry.id)
    )
    assert rows[0][0] is None
    assert NATIONAL_ID.encode() not in rows[1][0]
    assert local.portal.vault.open("permit_inquiries.asker", rows[1][0]) == NATIONAL_ID


def test_the_demo_has_permits_of_the_center_in_every_state(local: LocalPortal) -> None:
    states = {
        row[0]
        for row in local.rows(
            select(BuildingPermit.status).where(
                BuildingPermit.center_code == CENTER, BuildingPermit.number < FIRST_NUMBER + 30
            )
        )
    }
    assert states >= set(Status) - {Status.SUPERSEDED}
