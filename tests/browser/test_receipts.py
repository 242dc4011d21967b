"""A receipt in a browser: it prints on one sheet, and its code opens for anybody."""

from io import BytesIO

import pikepdf
from playwright.sync_api import Browser

from tests.browser.conftest import Look
from tests.support.local import LocalPortal

SERVICE = "address-numbering-certificate"


def test_a_receipt_is_printed_and_verified(
    still: LocalPortal, chromium: Browser, look: Look
) -> None:
    citizen = still.someone()
    path = still.filed(SERVICE, citizen).tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
    owner = chromium.new_context(viewport={"width": 360, "height": 780})
    jar = citizen.client.cookies.jar
    owner.add_cookies([{"name": c.name, "value": c.value or "", "url": still.url} for c in jar])
    page = owner.new_page()
    page.goto(still.url + path)
    look(page, "receipt")
    drawn = page.locator("svg.qr").bounding_box()
    assert drawn is not None
    assert drawn["width"] > 220  # five pixels of a phone's screen a module
    with pikepdf.open(BytesIO(page.pdf(format="A4"))) as printed:
        assert len(printed.pages) == 1
    with page.expect_download() as download:
        page.locator("[data-primary]").click()
    assert download.value.suggested_filename == f"{path.rsplit('/', 1)[1]}.pdf"
    address = page.locator("a[href*='/verify/']").get_attribute("href")
    owner.close()
    anybody = chromium.new_context(viewport={"width": 360, "height": 780})
    page = anybody.new_page()
    page.goto(str(address))
    look(page, "verified")
    assert page.locator("[data-state]").get_attribute("data-state") == "valid"
    assert anybody.cookies() == []
    anybody.close()
