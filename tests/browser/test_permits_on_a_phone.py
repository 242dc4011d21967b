"""The permit inquiry on a phone: how light it is, kept answers without a network, the camera."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Request, expect
from sqlalchemy import select, update

from portal.clock import cairo_day
from portal.permits import inquiry, reading, registry
from portal.permits.model import BuildingPermit, PermitInquiry
from portal.permits.registry import PermitAction
from portal.permits.validity import Status
from tests.browser.conftest import Look
from tests.support.answers import MOBILE, NATIONAL_ID
from tests.support.local import LocalPortal
from tests.support.phone import Phone, chromium_path, launch_flags, phone

DEMO_CITIZENS_OWN = "KFS-003"
MOST_OCTETS = 25_000


class Sites:
    """Permits of the demo, each taken by one test."""

    def __init__(self, local: LocalPortal) -> None:
        self._local = local
        self._ids = iter(
            row[0]
            for row in local.rows(
                select(BuildingPermit.id)
                .where(
                    BuildingPermit.center_code != DEMO_CITIZENS_OWN,
                    BuildingPermit.status == Status.UNDER_EXECUTION,
                )
                .order_by(BuildingPermit.id)
            )
        )

    def take(self) -> tuple[int, str]:
        """Its id, and its address without a language."""
        with self._local.portal.database.begin() as db:
            # strangers of one network have so many questions an hour: each test has its own hour
            earlier = self._local.clock.now() - timedelta(hours=2)
            db.execute(update(PermitInquiry).values(at=earlier))
            permit = reading.by_id(db, self._local.portal.vault, next(self._ids))
        number = permit.number
        return permit.id, f"/permits/{permit.center_code}/{number.year}/{number.in_address}"

    def suspend(self, permit_id: int) -> None:
        vault, now = self._local.portal.vault, self._local.clock.now()
        with self._local.portal.database.begin() as db:
            permit = reading.by_id(db, vault, permit_id)
            day = cairo_day(now)
            registry.act(db, vault, permit, PermitAction.SUSPEND, day, "test", "سبب", now, day)


@pytest.fixture(scope="module")
def sites(still: LocalPortal) -> Sites:
    return Sites(still)


@pytest.fixture
def reader(still: LocalPortal, chromium: Browser) -> Iterator[Phone]:
    with phone(chromium, still.url) as made:
        yield made


def ready(page: Page) -> None:
    """The worker answers for the next pages of the inquiry; one that came while it was being made
    may have missed it."""
    page.wait_for_function(
        "async () => (await navigator.serviceWorker.ready).active.state === 'activated'"
    )


def keep(page: Page) -> None:
    page.locator("[data-keep] summary").click()
    page.locator("[data-keep-it]").click()
    expect(page.locator("[data-kept]")).to_be_visible()


def kept_on(page: Page) -> list[str]:
    """Every answer that stands in the browser's storage."""
    addresses: list[str] = page.evaluate(
        """async () => await caches.has("permits-kept")
          ? (await (await caches.open("permits-kept")).keys()).map(({url}) => new URL(url).pathname)
          : []"""
    )
    return [each for each in addresses if not each.startswith("/static/")]


# --- how light


def test_the_answer_with_all_that_comes_with_it_is_light(
    still: LocalPortal, chromium: Browser, sites: Sites
) -> None:
    """Page, style, pictures, script, the worker with what it fetches, and manifest with an icon."""
    _, address = sites.take()
    context = chromium.new_context(viewport={"width": 360, "height": 780})
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    asked: dict[str, str] = {}
    octets: dict[str, float] = {}
    devtools.on(
        "Network.requestWillBeSent",
        lambda event: asked.__setitem__(event["requestId"], event["request"]["url"]),
    )
    devtools.on(
        "Network.loadingFinished",
        lambda event: octets.__setitem__(event["requestId"], event["encodedDataLength"]),
    )
    devtools.send("Network.enable")
    page.goto(still.url + address, wait_until="networkidle")
    ready(page)
    loaded = {asked[key].removeprefix(still.url): count for key, count in octets.items()}
    assert len(loaded) >= 4, "page, style, script, pictures; in a window the icon, too"
    # what the browser fetches beside the page: asked for as it asks, and counted whole
    manifest = page.locator("link[rel=manifest]").get_attribute("href") or ""
    worker = page.locator("script[data-worker]").get_attribute("data-worker") or ""
    icons = json.loads(context.request.get(still.url + manifest).body())["icons"]
    favicon = page.locator("link[rel=icon]").get_attribute("href") or ""
    # of the icons Chromium takes the first that is larger than 144 points
    first = next(each["src"] for each in icons if each["sizes"] == "192x192")
    weighed = 0
    for each in {manifest, worker, favicon, first} - loaded.keys():
        raw = context.request.get(still.url + each, headers={"accept-encoding": "br"})
        weighed += int(raw.headers["content-length"])
        weighed += sum(len(n) + len(v) + 4 for n, v in raw.headers.items())
    context.close()
    assert sum(loaded.values()) + weighed <= MOST_OCTETS, (loaded, weighed)


# --- one screen


def test_the_whole_answer_stands_in_one_screen_of_a_small_phone(
    still: LocalPortal, chromium: Browser, sites: Sites, look: Look
) -> None:
    """Dates, floors, use, areas, certificate, site, and when it was looked up, in every state."""
    sites.take()
    known = still.rows(
        select(BuildingPermit.status, BuildingPermit.year, BuildingPermit.number)
        .where(
            BuildingPermit.center_code == DEMO_CITIZENS_OWN,
            BuildingPermit.status != Status.MANUAL_UNVERIFIED,
            BuildingPermit.letter == "",
        )
        .order_by(BuildingPermit.id)
    )
    states = {status: f"/permits/{DEMO_CITIZENS_OWN}/{year}/{n}" for status, year, n in known}
    assert states.keys() >= set(Status) - {Status.MANUAL_UNVERIFIED, Status.SUPERSEDED}
    with phone(chromium, still.url) as reader:
        reader.page.set_viewport_size({"width": 360, "height": 640})
        for status, address in states.items():
            reader.go(address)
            last = reader.page.locator("[data-at]")
            ends = last.evaluate("e => e.getBoundingClientRect().bottom")
            assert ends <= 640, status
        look(reader.page, "answer in one screen")


def test_a_wait_is_counted_down_and_the_answer_opens_by_itself_without_scripts(
    still: LocalPortal, chromium: Browser, sites: Sites, look: Look
) -> None:
    _, address = sites.take()
    center = address.split("/")[2]
    with phone(chromium, still.url) as reader:
        for n in range(inquiry.FREE_FOR_STRANGERS):
            reader.page.request.get(f"{still.url}/permits/{center}/2016/{n + 1}")
        reader.go(address)
        expect(reader.page.locator("[data-left]")).to_be_visible()
        look(reader.page, "a wait")
    with phone(chromium, still.url, scripts=False) as reader:
        reader.go(address)
        expect(reader.page.locator("[data-wait]")).to_be_visible()
        expect(reader.page.locator("[data-left]")).to_be_hidden()
        reader.page.locator("[data-answer='found']").wait_for()
        assert reader.path() == address


# --- installed


@pytest.mark.parametrize(("prefix", "language", "side"), [("", "ar", "rtl"), ("/en", "en", "ltr")])
def test_it_can_be_installed_in_both_languages(
    still: LocalPortal, chromium: Browser, prefix: str, language: str, side: str
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{still.url}{prefix}/permits")
    ready(page)
    devtools = context.new_cdp_session(page)
    told = devtools.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert (manifest["lang"], manifest["dir"]) == (language, side)
    assert manifest["start_url"] == manifest["scope"] == manifest["id"] == f"{prefix}/permits"
    found = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # a window that forgets all installs nothing, whatever the site
    assert [each["errorId"] for each in found if each["errorId"] != "in-incognito"] == []
    for each in manifest["shortcuts"]:
        assert context.request.get(still.url + each["url"]).status == 200
    scopes = page.evaluate(
        "async () => (await navigator.serviceWorker.getRegistrations()).map(r => r.scope)"
    )
    assert scopes == [f"{still.url}{prefix}/permits"]
    context.close()


def test_putting_it_on_the_home_screen_is_offered_only_where_the_browser_can(
    still: LocalPortal, reader: Phone
) -> None:
    reader.go("/permits?governorate=EG-KFS")
    offer = reader.page.locator("[data-install]")
    expect(offer).to_be_hidden()
    reader.page.evaluate(
        """() => {
          const event = new Event("beforeinstallprompt", {cancelable: true});
          event.prompt = () => { window.prompted = true };
          dispatchEvent(event);
        }"""
    )
    offer.get_by_role("button").click()
    assert reader.page.evaluate("() => window.prompted")
    expect(offer).to_be_hidden()


# --- kept


def test_an_answer_is_kept_when_asked_opens_without_a_network_and_is_renewed(
    still: LocalPortal, reader: Phone, sites: Sites, look: Look
) -> None:
    permit_id, address = sites.take()
    _, other = sites.take()
    page = reader.page
    center, year, number = address.split("/")[-3:]
    reader.go("/permits?governorate=EG-KFS")
    page.select_option("#center", center)
    page.fill("#number", number)
    page.fill("#year", year)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")
    ready(page)
    assert kept_on(page) == [], "nothing is kept before somebody presses the button"
    page.locator("[data-keep] summary").click()
    look(page, "asked before it is kept")
    page.locator("[data-keep-it]").click()
    expect(page.locator("[data-kept]")).to_be_visible()
    assert page.evaluate("() => document.activeElement.matches('[data-remove]')")
    look(page, "kept")
    assert kept_on(page) == [address]
    moment = page.locator("[data-kept] time").inner_text()
    asked_at = page.locator("[data-kept] time").get_attribute("datetime")

    page.context.set_offline(True)
    page.goto("about:blank")
    reader.go(address)
    note = page.locator("main .offline-only").first
    expect(note).to_contain_text("لا يوجد اتصال")
    expect(note).to_contain_text(moment)
    assert page.locator("[data-at] time").get_attribute("datetime") == asked_at
    assert page.locator("[data-answer]").get_attribute("data-verdict") == "started"
    expect(page.locator("a[href*='/sign-in?next']")).to_be_hidden()
    assert page.evaluate("() => getComputedStyle(document.querySelector('.mast')).display"), "style"
    assert page.evaluate("() => document.styleSheets[0].cssRules.length > 0")
    look(page, "kept, without a network")

    reader.go(other)
    expect(page.locator("[data-missing]")).to_be_visible()
    link = page.locator("[data-rows] a")
    expect(link).to_have_count(1)
    look(page, "not kept, without a network")
    link.click()
    page.wait_for_url(f"**{address}")

    page.locator("[data-again]").click()
    expect(page.locator("[data-news] [data-say='offline']")).to_be_visible()
    sites.suspend(permit_id)
    page.context.set_offline(False)
    page.locator("[data-again]").click()
    news = page.locator("[data-news] [data-say='changed']")
    expect(news).to_be_visible()
    expect(news.locator("[data-changes]")).to_contain_text("الحالة")
    expect(news).to_contain_text(moment)
    look(page, "changed meanwhile")
    news.get_by_role("button").click()
    page.locator("[data-verdict='stopped']").wait_for()
    expect(page.locator("[data-news] [data-say='same']")).to_be_visible()

    page.locator("[data-kept] [data-remove]").click()
    expect(page.locator("[data-keep] details")).to_be_visible()
    assert kept_on(page) == []
    assert page.evaluate("async () => (await caches.keys()).includes('permits-kept')") is False
    refused = [each for each in reader.complaints if "ERR_INTERNET_DISCONNECTED" not in each]
    assert refused == []


def test_the_list_tells_what_has_changed_and_is_emptied_at_once(
    still: LocalPortal, reader: Phone, sites: Sites, look: Look
) -> None:
    page = reader.page
    (first, one), (_, two) = sites.take(), sites.take()
    for address in (one, two):
        reader.go(f"/en{address}")
        ready(page)
        keep(page)
    sites.suspend(first)
    reader.go("/en/permits/kept")
    expect(page.locator("[data-rows] li")).to_have_count(2)
    look(page, "list")
    page.locator("[data-renew-all]").click()
    changed = page.locator(f"[data-path='/en{one}'] [data-say='changed']")
    expect(changed).to_contain_text("State: it was")
    expect(page.locator(f"[data-path='/en{two}'] [data-say='same']")).to_be_visible()
    look(page, "list, looked up again")
    page.locator("[data-several] summary").click()
    page.locator("[data-remove-all]").click()
    expect(page.locator("[data-none]")).to_be_visible()
    assert kept_on(page) == []
    look(page, "empty list")


def test_the_owner_s_own_view_is_never_kept_and_signing_out_takes_all(
    still: LocalPortal, reader: Phone, look: Look
) -> None:
    """The demo's citizen, of the README, owns permits at KFS-003."""
    page = reader.page
    reader.national_id, reader.mobile = NATIONAL_ID, MOBILE
    reader.go("/sign-in?next=/permits")
    reader.sign_in()
    page.locator(".tiles a").first.click()
    expect(page.locator("#asked")).to_be_visible()
    name = page.locator("dl.kv bdi").first.inner_text()
    assert "***" not in name
    ready(page)
    keep(page)
    text = page.evaluate(
        """async () => (await Promise.all(
          (await (await caches.open("permits-kept")).matchAll()).map(each => each.text())
        )).join("")"""
    )
    assert "***" in text
    assert name not in text
    assert "_csrf" not in text
    page.locator("form[action='/sign-out'] button").click()
    page.wait_for_load_state()
    page.wait_for_function("async () => !(await caches.has('permits-kept'))")


def test_an_update_leaves_nothing_of_the_old_version_but_what_kept_answers_need(
    still: LocalPortal, reader: Phone, sites: Sites
) -> None:
    _, address = sites.take()
    page = reader.page
    reader.go(address)
    ready(page)
    keep(page)
    # a kept answer of an earlier version names files that no server has any more
    page.evaluate(
        """async (address) => {
          const kept = await caches.open("permits-kept");
          const text = await (await kept.match(address)).text();
          const style = document.querySelector("link[rel=stylesheet]").getAttribute("href");
          const body = await (await kept.match(style)).text();
          await kept.put("/static/portal.000000000000.css",
            new Response(body, {headers: {"content-type": "text/css"}}));
          await kept.put(address, new Response(
            text.replaceAll(style, "/static/portal.000000000000.css"),
            {headers: {"content-type": "text/html; charset=utf-8"}}));
          await (await caches.open("permits-ar-000000000000")).put("/static/x", new Response(""));
          const known = await navigator.serviceWorker.getRegistration("/permits");
          await known.unregister();
        }""",
        address,
    )
    reader.go("/permits")
    ready(page)
    names = page.evaluate("() => caches.keys()")
    assert "permits-ar-000000000000" not in names
    assert len(names) == 2
    page.context.set_offline(True)
    reader.go(address)
    assert page.evaluate("() => document.styleSheets[0].cssRules.length > 0")
    expect(page.locator("main .offline-only").first).to_be_visible()


def test_who_relies_on_an_answer_of_last_month_is_warned(
    still: LocalPortal, reader: Phone, sites: Sites, look: Look
) -> None:
    (_, old), (_, new) = sites.take(), sites.take()
    page = reader.page
    for address in (old, new):
        reader.go(address)
        ready(page)
        keep(page)
    page.evaluate(
        """async (address) => {
          const kept = await caches.open("permits-kept");
          const text = await (await kept.match(address)).text();
          const at = /(data-at>.*?datetime=")[^"]*/;
          const then = new Date(Date.now() - 31 * 24 * 3600e3).toISOString();
          await kept.put(address, new Response(text.replace(at, `$1${then}`),
            {headers: {"content-type": "text/html; charset=utf-8"}}));
        }""",
        old,
    )
    page.context.set_offline(True)
    reader.go("/permits/kept")
    expect(page.locator(f"[data-path='{old}'] [data-old]")).to_be_visible()
    expect(page.locator(f"[data-path='{new}'] [data-old]")).to_be_hidden()
    look(page, "an old answer")
    reader.go(old)
    expect(page.locator("[data-old]")).to_be_visible()
    reader.go(new)
    expect(page.locator("[data-old]")).to_be_hidden()


def test_what_finds_no_room_on_the_phone_leaves_nothing_behind(
    still: LocalPortal, reader: Phone, sites: Sites
) -> None:
    _, address = sites.take()
    page = reader.page
    page.add_init_script(
        """Cache.prototype.put = () => Promise.reject(new DOMException("", "QuotaExceededError"))"""
    )
    reader.go(address)
    ready(page)
    page.locator("[data-keep] summary").click()
    page.locator("[data-keep-it]").click()
    expect(page.locator("[data-keep] [data-say='failed']")).to_be_visible()
    assert page.evaluate("async () => (await caches.keys()).includes('permits-kept')") is False


def test_a_kept_answer_is_shown_when_the_portal_itself_is_out(
    still: LocalPortal, reader: Phone, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, address), (_, other) = sites.take(), sites.take()
    page = reader.page
    reader.go(address)
    ready(page)
    keep(page)

    def out(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(inquiry, "by_number", out)
    reader.go(address)
    expect(page.locator("main .offline-only").first).to_be_visible()
    reader.go(other)  # what is not kept is the portal's own page of the error
    expect(page.locator("[data-missing]")).to_have_count(0)
    expect(page.locator("h1")).to_be_visible()


def test_without_scripts_nothing_is_offered_that_needs_them(
    still: LocalPortal, chromium: Browser, sites: Sites
) -> None:
    _, address = sites.take()
    with phone(chromium, still.url, scripts=False) as reader:
        reader.go(address)
        page = reader.page
        assert page.locator("[data-answer]").get_attribute("data-answer") == "found"
        for hidden in ("[data-keep]", "[data-share]", "[data-print]", "main .offline-only"):
            expect(page.locator(hidden).first).to_be_hidden()
        reader.go("/permits/scan")
        expect(page.locator("[data-scan]")).to_be_hidden()
        expect(page.locator("#code")).to_be_visible()
        reader.go("/permits/kept")
        expect(page.locator("noscript")).to_be_visible()


# --- shared and printed


def test_the_address_that_is_shared_is_the_permit_s_and_is_printed_with_its_code(
    still: LocalPortal, chromium: Browser, sites: Sites
) -> None:
    permit_id, address = sites.take()
    serial = still.rows(select(BuildingPermit.serial).where(BuildingPermit.id == permit_id))[0][0]
    with phone(chromium, still.url) as reader:
        page = reader.page
        page.add_init_script("navigator.share = async (told) => { window.shared = told }")
        reader.go(f"/permits/{serial}")
        page.locator("[data-share]").click()
        page.wait_for_function("() => window.shared")
        assert page.evaluate("() => window.shared.url") == still.url + address
        page.emulate_media(media="print")
        sheet = page.locator("figure.print-only")
        expect(sheet.locator("svg.qr")).to_be_visible()
        expect(sheet).to_contain_text(address)
        expect(page.locator("[data-at] time")).to_be_visible()
        expect(page.locator("[data-keep]")).to_be_hidden()
        with pikepdf.open(BytesIO(page.pdf(format="A4"))) as printed:
            assert len(printed.pages) == 1
    with phone(chromium, still.url) as reader:  # a browser that shares nothing copies
        reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        reader.go(address)
        reader.page.locator("[data-share]").click()
        expect(reader.page.locator("[data-shared] [data-say='copied']")).to_be_visible()
        copied = reader.page.evaluate("() => navigator.clipboard.readText()")
        assert copied == still.url + address


# --- the code on the sign


def drawn(text: str, width: int = 640, height: int = 480) -> Image.Image:
    """A picture of a QR code, as a camera would have it: grey, not filling it."""
    out = BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=8, border=4)
    code = Image.open(out).convert("L").resize((360, 360))
    picture = Image.new("L", (width, height), 150)
    picture.paste(code, ((width - 360) // 2, (height - 360) // 2))
    return picture


def film(picture: Image.Image, path: Path) -> Path:
    """The picture as a film that Chromium takes for a camera (YUV4MPEG2)."""
    width, height = picture.size
    grey = bytes([128]) * (width * height // 2)
    head = f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + (b"FRAME\n" + picture.tobytes() + grey) * 3)
    return path


def photo_of(picture: Image.Image) -> FilePayload:
    out = BytesIO()
    picture.save(out, "PNG")
    return {"name": "sign.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_the_code_of_a_sign_is_read_by_the_camera(
    still: LocalPortal, chromium: Browser, sites: Sites, tmp_path: Path, look: Look
) -> None:
    """With the keyboard alone; the decoder is loaded only when there is something to read."""
    permit_id, _ = sites.take()
    serial = still.rows(select(BuildingPermit.serial).where(BuildingPermit.id == permit_id))[0][0]
    camera = film(drawn(f"{still.url}/permits/{serial}"), tmp_path / "sign.y4m")
    with (
        chromium.browser_type.launch(
            executable_path=chromium_path(),
            args=[
                *launch_flags(),
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        ) as browser,
        phone(browser, still.url) as reader,
    ):
        page = reader.page
        loaded: list[str] = []

        def asked(request: Request) -> None:
            loaded.append(request.url)

        page.on("request", asked)
        reader.go("/permits/scan")
        look(page, "scan")
        start = page.locator("[data-start]")
        start.focus()
        assert not [each for each in loaded if "qr-decode" in each]
        page.context.set_offline(True)
        page.keyboard.press("Enter")
        expect(page.locator("[data-say='failed']")).to_be_visible()
        assert page.evaluate("() => document.querySelector('video').srcObject") is None
        page.context.set_offline(False)
        page.reload()
        start.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/permits/{serial}")
        assert page.locator("[data-answer]").get_attribute("data-answer") == "found"
        assert [each for each in loaded if "qr-decode" in each]


def test_why_there_is_no_camera_is_said(reader: Phone, look: Look) -> None:
    page = reader.page
    page.add_init_script(
        """navigator.mediaDevices.getUserMedia = () =>
          Promise.reject(new DOMException("no", window.refusal))"""
    )
    reader.go("/permits/scan")
    for refusal, why in (
        ("NotAllowedError", "denied"),
        ("NotFoundError", "missing"),
        ("NotReadableError", "busy"),
    ):
        page.evaluate("name => { window.refusal = name }", refusal)
        page.locator("[data-start]").click()
        expect(page.locator(f"[data-say='{why}']")).to_be_visible()
        expect(page.locator("[data-scan] [data-say]:visible")).to_have_count(1)
    look(page, "no camera")


def test_a_photo_is_read_and_another_site_s_code_is_not_followed(
    still: LocalPortal, reader: Phone, sites: Sites
) -> None:
    _, address = sites.take()
    page = reader.page
    reader.go("/en/permits/scan")
    choose = page.locator("#picture")
    choose.set_input_files(
        {"name": "sign.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    )
    expect(page.locator("[data-say='unreadable']")).to_be_visible()
    choose.set_input_files(photo_of(Image.new("L", (300, 300), 200)))
    expect(page.locator("[data-say='none']")).to_be_visible()
    for foreign in (
        f"https://example.com{address}",
        f"{still.url}/sign-out",
        "javascript:alert(1)",
    ):
        choose.set_input_files(photo_of(drawn(foreign)))
        expect(page.locator("[data-say='foreign']")).to_be_visible()
        assert reader.path() == "/en/permits/scan"
    choose.set_input_files(photo_of(drawn(still.url + address, 2400, 1800)))
    page.wait_for_url(f"**/en{address}")
