"""Before applying: the page of a service, its fees tried, its list to print, and the guides."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from lxml import html

from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Stage
from portal.catalogue.trying import estimate, evaluate_trial
from portal.web.assets import Assets
from tests.support.local import LocalPortal
from tests.support.looking import page_of, raw
from tests.support.people import Browser, Page

CATALOGUE = shipped_catalogue()
TREE = {
    "building_use": "residential",
    "total_built_area": "٤٥٠",  # typed as it is read
    "estimated_value": "900000",
}


@pytest.fixture
def anyone(still: LocalPortal) -> Browser:
    return Browser(still.url)


def tried(anyone: Browser, service: str, numbers: Mapping[str, Any], prefix: str = "") -> Page:
    return anyone.get(f"{prefix}/services/{service}/fees?{urlencode(numbers, doseq=True)}")


def part(anyone: Browser, service: str, numbers: Mapping[str, Any]) -> Page:
    """What htmx is answered."""
    address = f"/services/{service}/fees?{urlencode(numbers, doseq=True)}"
    response = raw(anyone, "GET", address, headers={"hx-request": "true"})
    return Page(response.status_code, address, html.fromstring(response.text))


def form_of(page: Page) -> Any:
    return page.tree.xpath("//main//form[contains(@action, '/fees')]")[0]


@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize("code", CATALOGUE.services)
def test_the_page_of_a_service_is_whole_and_small(anyone: Browser, code: str, prefix: str) -> None:
    response = raw(anyone, "GET", f"{prefix}/services/{code}")
    page = page_of(response)
    assert response.status_code == 200
    ids = [str(each) for each in page.tree.xpath("//@id")]
    assert len(ids) == len(set(ids))
    targets = [str(a) for a in page.tree.xpath("//main//a/@href") if str(a).startswith("#")]
    assert targets
    assert {target[1:] for target in targets} <= set(ids)
    assert bool(page.tree.xpath("//main//form[contains(@action, '/fees')]")) is (
        code in CATALOGUE.trials
    )
    # both sides of what must be ready first
    for other in CATALOGUE.following(code):
        assert page.tree.xpath(f"//main//a[@href='{prefix}/services/{other.code}']")
    for link in CATALOGUE.services[code].requires:
        for earlier in link.services:
            assert page.tree.xpath(f"//main//a[@href='{prefix}/services/{earlier}']")
    for guide in CATALOGUE.guides_of(code):
        assert page.tree.xpath(f"//main//a[@href='{prefix}/guides/{guide.code}']")
    assert response.headers["content-encoding"] == "br"
    size = int(response.headers["content-length"])
    assert size <= 6 * 1024
    style = Assets().find(str(page.tree.xpath("//link[@rel='stylesheet']/@href")[0]))
    assert style is not None
    assert size + len(style.best("br")[1]) <= 14 * 1024


@pytest.mark.parametrize(
    ("code", "prefix"), [(code, "") for code in CATALOGUE.services] + [("excavation-permit", "/en")]
)
def test_the_list_to_print_has_everything_on_it(anyone: Browser, code: str, prefix: str) -> None:
    page = anyone.get(f"{prefix}/services/{code}/documents")
    service = CATALOGUE.services[code]
    assert page.status == 200
    boxes = page.tree.xpath("//main//input[@type='checkbox']/@id")
    assert f"{anyone.base_url}{prefix}/services/{code}" in page.text
    assert len(boxes) >= len(service.requires) + 1
    assert {f"tick-{d.code}" for d in service.documents if d.when is None} <= set(boxes)
    for box in boxes:
        assert page.tree.xpath(f"//label[@for='{box}']"), box
    # nothing is sent: there is no form around the boxes
    assert not page.tree.xpath("//main//form")


def test_a_service_whose_fees_are_the_same_for_everyone_shows_their_sum(anyone: Browser) -> None:
    page = anyone.get("/services/shop-licence-replacement")
    assert page.hooks("amount") == ["25000"]
    assert anyone.get("/services/shop-licence-replacement/fees").status == 404
    assert anyone.get("/services/works-start-notice/fees").status == 404
    assert anyone.get("/services/no-such-service/fees").status == 404


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_fees_are_tried_by_an_address(anyone: Browser, prefix: str) -> None:
    page = tried(anyone, "site-validity-statement", {"plot_area": "1200"}, prefix)
    assert page.status == 200
    assert page.hooks("amount") == ["275000"]  # 50 + 300 + 1,200 × 2
    assert page.tree.xpath("//input[@name='plot_area']/@value") == ["1200"]
    assert page.tree.xpath("//form[contains(@action, '#fees-sum')]")
    assert page.tree.xpath("//*[@id='fees-sum']")
    assert anyone.client.cookies.jar.__len__() == 0


def test_each_stage_is_told_apart_and_what_the_center_sets_is_said(anyone: Browser) -> None:
    page = tried(anyone, "building-permit-new", TREE)
    assert page.hooks("amount") == ["50000"]  # 50 + 450 × 1
    tables = page.tree.xpath("//table[contains(@class, 'fees')]")
    assert len(tables) == 2
    later = " ".join(tables[1].text_content().split())
    assert "يحدده المركز بعد المعاينة" in later
    assert "بحد أدنى" in later
    road = tried(anyone, "road-occupation-permit", {"area": "2", "months": "3"})
    assert "من ٤٨٫٠٠ إلى ٣٦٠٫٠٠" in road.text
    assert "يتوقف على: درجة الطريق" in road.text


def test_a_stage_of_which_nothing_is_known_has_no_sum(anyone: Browser) -> None:
    land = {"old_request_no": "no", "area_unit_input": "feddan", "area_input": "5"}
    page = tried(anyone, "state-land-legalisation", land)
    now, later = (
        table.text_content() for table in page.tree.xpath("//*[@id='fees-result']//table")
    )
    assert "١٢٬٠٥٠ جنيهًا" in now
    assert "لم يتحدد بعد" in later
    assert "٠ جنيه" not in later


def test_what_is_missing_is_told_with_links_to_the_controls(anyone: Browser) -> None:
    page = tried(anyone, "building-permit-new", {**TREE, "total_built_area": "كبير"})
    assert page.status == 422
    assert [target for target, _ in page.errors()] == ["total_built_area"]
    assert page.tree.xpath("//*[@id='total_built_area']/@aria-invalid") == ["true"]
    assert page.tree.xpath("//title")[0].text_content().startswith("خطأ:")
    assert page.tree.xpath("//input[@name='total_built_area']/@value") == ["كبير"]
    assert page.hooks("amount") == []
    # the form alone is no mistake
    empty = anyone.get("/services/building-permit-new/fees")
    assert (empty.status, empty.errors(), empty.hooks("amount")) == (200, [], [])


def test_while_somebody_types_only_the_result_is_answered(anyone: Browser) -> None:
    found = part(anyone, "building-permit-new", TREE)
    assert found.status == 200
    assert found.hooks("amount") == ["50000"]
    assert not found.tree.xpath("//header | //form | //title")
    said = found.tree.xpath("//*[@hx-target='#fees-said']")[0].text_content()
    assert "٥٠٠ جنيه" in said
    missing = part(anyone, "building-permit-new", {"building_use": "mixed"})
    assert missing.status == 200
    links = missing.tree.xpath("//a/@href")
    assert links == ["#total_built_area", "#estimated_value"]


def test_rows_come_and_go_by_plain_links_of_the_form(anyone: Browser) -> None:
    row = {"segments.0.length_m": "10", "segments.0.width_m": "0.8"}
    rest = {"segments.0.surface": "asphalt", "duration_days": "3"}
    numbers = {**row, **rest, "reinstatement_by": "local_unit"}
    more = tried(anyone, "excavation-permit", {**numbers, "_add": "segments"})
    assert more.status == 200
    assert more.errors() == []
    assert len(more.tree.xpath("//input[contains(@name, '.length_m')]")) == 2
    assert more.tree.xpath("//input[@name='segments.0.length_m']/@value") == ["10"]
    assert more.tree.xpath("//input[@name='duration_days']/@value") == ["3"]
    # the address says it all, so a reload adds nothing
    query = dict(parse_qsl(urlsplit(more.url).query, keep_blank_values=True))
    assert "_add" not in query
    assert "segments.1.length_m" in query
    second = {"segments.1.length_m": "5", "segments.1.width_m": "1", "segments.1.surface": "tiles"}
    both = tried(anyone, "excavation-permit", {**numbers, **second})
    assert both.hooks("amount")[0] == "25000"
    less = tried(anyone, "excavation-permit", {**numbers, **second, "_remove": "segments.0"})
    assert less.tree.xpath("//input[contains(@name, '.length_m')]/@value") == ["5"]
    # a blank row is not counted, as in the form
    blank = dict.fromkeys(second, "")
    assert tried(anyone, "excavation-permit", {**numbers, **blank}).hooks("amount") == (
        tried(anyone, "excavation-permit", numbers).hooks("amount")
    )


def test_questions_open_under_their_answers_or_say_when_they_count(anyone: Browser) -> None:
    page = anyone.get("/services/building-permit-alteration")
    form = form_of(page)
    under = form.xpath(".//div[@class='choice__reveal']//input/@name")
    assert set(under) == {"wall_length_m", "facade_area"}
    hint = form.xpath(".//*[@id='altered_area-hint']")[0].text_content()
    assert hint.startswith("فقط مع: ")
    assert "توسعة أفقية" in hint
    wall = {"alteration_kinds": "boundary_wall", "wall_length_m": "20", "facade_area": "77"}
    found = tried(anyone, "building-permit-alteration", wall)
    assert found.status == 200
    assert "تشطيبات خارجية" not in " ".join(
        t.text_content() for t in found.tree.xpath("//table[contains(@class, 'fees')]")
    )


@pytest.mark.parametrize("code", CATALOGUE.trials)
def test_the_page_shows_the_sums_that_the_catalogue_works_out(
    still: LocalPortal, anyone: Browser, code: str
) -> None:
    trial = CATALOGUE.trials[code]
    whole = still.answers(code)
    numbers: dict[str, Any] = {}
    for field in trial.page.fields:
        value = whole.get(field.code)
        if code in trial.existing or value is None or not field.asked:
            continue
        numbers[field.code] = value
    flat = _flat(numbers)
    today = still.clock.now().date()
    expected = estimate(trial, evaluate_trial(trial, numbers, today), today)
    page = tried(anyone, code, flat)
    assert page.status in {200, 422}, page.text[:300]
    if page.status == 200:
        exact = [
            str(stage.lowest.minor)
            for stage in expected
            if stage.lowest == stage.highest and not stage.more
        ]
        assert page.hooks("amount") == exact
        assert len(page.tree.xpath("//table[contains(@class, 'fees')]")) == len(expected)
        assert expected[0].stage is Stage.SUBMISSION
    else:
        assert {name for name, _ in page.errors()} <= {"altered_area", "permit_year", "sheets"}


def _flat(numbers: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in numbers.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for index, row in enumerate(value):
                flat |= {f"{name}.{index}.{column}": cell for column, cell in row.items()}
        else:
            flat[name] = value
    return flat


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("plot_area=" + "9" * 10_000, 422),
        ("x=" + "y" * 10_000, 422),
        ("plot_area=%ff", 400),
        ("plot_area=1%00", 422),
        ("_add=plot_area&plot_area=3", 200),
        ("_add=nothing", 200),
        ("_remove=segments.99", 200),
        ("_remove=<script>", 200),
        ("plot_area=NaN", 422),
        ("plot_area=1e400", 422),
        ("plot_area=-5", 422),
        ("&".join(f"a{n}=1" for n in range(5000)), 413),
    ],
)
def test_strange_addresses_get_a_page_that_says_what_to_do(
    anyone: Browser, query: str, status: int
) -> None:
    response = anyone.client.get(f"{anyone.base_url}/services/site-validity-statement/fees?{query}")
    assert response.status_code == status
    assert "<h1" in response.text
    assert "<script>" not in response.text


def test_nothing_tried_is_kept_or_written_down(
    still: LocalPortal, anyone: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    response = raw(anyone, "GET", "/services/site-validity-statement/fees?plot_area=4711")
    assert response.headers["cache-control"] == "no-store"
    assert "set-cookie" not in response.headers
    assert "4711" not in caplog.text


def walk(anyone: Browser, address: str, seen: set[str]) -> None:
    if address in seen:
        return
    seen.add(address)
    page = anyone.get(address)
    assert page.status == 200, address
    answers = page.tree.xpath("//ul[@class='answers']//a/@href")
    if answers:
        assert len(page.tree.xpath("//h1")) == 1
        for each in answers:
            walk(anyone, str(each), seen)
        return
    services = page.tree.xpath("//main//a[starts-with(@href, '/services/')]")
    assert services, address


@pytest.mark.parametrize("code", CATALOGUE.guides)
def test_every_answer_of_a_guide_leads_to_a_service(anyone: Browser, code: str) -> None:
    seen: set[str] = set()
    walk(anyone, f"/guides/{code}", seen)
    guide = CATALOGUE.guides[code]
    answers = [a for q in guide.questions.values() for a in q.answers if a.service]
    assert len(seen) == len(guide.questions) + len(answers) + 1  # and the way out


def test_an_end_of_a_guide_says_what_was_answered_and_lets_it_be_changed(anyone: Browser) -> None:
    page = anyone.get("/en/guides/shop-licence/risk/harmless")
    assert "Shop licence by notification" in page.tree.xpath("//h1")[0].text_content()
    assert page.tree.xpath("//a[@data-primary]/@href") == [
        "/en/services/shop-licence-by-notification"
    ]
    said = page.tree.xpath("//dl[@class='kv']//dd[not(@class)]")
    assert [each.text_content() for each in said] == ["No", "No"]
    changes = page.tree.xpath("//dd[@class='act']//a/@href")
    assert changes == ["/en/guides/shop-licence", "/en/guides/shop-licence/risk"]


def test_made_up_addresses_of_guides(anyone: Browser) -> None:
    for address in ("/guides/nothing", "/guides/lift/nothing", "/guides/lift/start/nothing"):
        assert anyone.get(address).status == 404
    # an answer that leads to a question is that question's page, and the first one is the guide's
    assert anyone.get("/guides/shop-licence/start/none").path == "/guides/shop-licence/risk"
    assert anyone.get("/guides/shop-licence/start").path == "/guides/shop-licence"


def test_the_way_out_shows_every_service_of_the_guide_and_where_to_ask(anyone: Browser) -> None:
    page = anyone.get("/guides/street/unsure")
    links = {str(each) for each in page.tree.xpath("//main//a/@href")}
    assert {f"/services/{code}" for code in CATALOGUE.guides["street"].services} <= links
    assert {"/centers", "/services/municipal-complaint"} <= links
    every = anyone.get("/guides")
    assert {f"/guides/{code}" for code in CATALOGUE.guides} <= {
        str(each) for each in every.tree.xpath("//main//a/@href")
    }


def test_the_guides_and_lists_are_made_once_for_everyone(anyone: Browser) -> None:
    for address in ("/guides", "/guides/lift", "/services/kiosk-licence/documents"):
        first = raw(anyone, "GET", address)
        again = raw(anyone, "GET", address, headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304, address


def test_a_discount_that_the_center_decides_on_is_told_as_one(anyone: Browser) -> None:
    page = anyone.get("/services/kiosk-licence/fees?area=6&months=12")
    amounts = [" ".join(each.text_content().split()) for each in page.tree.xpath("//tbody//td[2]")]
    assert "خصم حتى ٣٬٦٠٠٫٠٠" in amounts
    assert not [amount for amount in amounts if "-" in amount]
