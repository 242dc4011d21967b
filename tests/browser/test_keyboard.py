"""A keyboard alone, and what a screen reader is told: the whole way by roles and names."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FileChooser, Page, expect

from tests.support.files import photo
from tests.support.gallery import Gallery
from tests.support.keys import Keys
from tests.support.people import CARD
from tests.support.phone import Phone, phone
from tests.support.stack import Stack

SERVICE = "address-numbering-certificate"


@pytest.fixture
def citizen(started: Stack, chromium: Browser) -> Iterator[Phone]:
    with phone(chromium, started.url, mobile="01030000001", width=1280) as made:
        made.page.emulate_media(reduced_motion="reduce")  # what has the focus is in sight at once
        yield made


def test_the_whole_way_with_a_keyboard_alone(started: Stack, citizen: Phone) -> None:
    page, keys = citizen.page, Keys(citizen.page)
    answers = started.answers(SERVICE)

    # the first stop of every page leads past its head
    citizen.go(f"/services/{SERVICE}")
    assert keys.tab()["href"] == "#main"
    keys.press("Enter")
    keys.to(primary=True)
    keys.leave()

    keys.fill({"national_id": citizen.national_id, "mobile": citizen.mobile})
    keys.leave()
    keys.to(name="code")
    keys.type(citizen.last_code())
    keys.leave()

    while not citizen.path().endswith("/documents"):
        keys.fill(answers)
        before = citizen.path()
        keys.leave()
        assert citizen.path() != before, page.locator(".errors").all_text_contents()

    _upload_everything(keys)
    keys.to(primary=True)
    keys.leave()
    keys.to(name="declaration")
    keys.press("Space")
    keys.to(primary=True)
    keys.leave()
    assert citizen.path().endswith("/pay")
    keys.to(primary=True)
    keys.leave()
    keys.fill(CARD)
    keys.leave()
    expect(page.locator("[data-state='received']")).to_be_visible()

    # what stands on the page is reached and opened as well
    keys.to(tag="SUMMARY")
    keys.press("Enter")
    expect(page.locator("main details").first).to_have_attribute("open", "")
    assert keys.unseen == []


def _heard(_: FileChooser) -> None:
    """Being heard all the while is enough: asked for right before a key, it can come too late."""


def _upload_everything(keys: Keys) -> None:
    """Every document of the page, in order; the focus goes to what has come in its place."""
    page = keys.page
    sections = page.locator("section.document").evaluate_all("all => all.map(e => e.id)")
    name, content, kind = photo()
    page.on("filechooser", _heard)
    for section in sections:
        keys.to(type="file", id=f"{section}-file")
        with page.expect_file_chooser() as chooser:
            keys.press("Enter")
        chooser.value.set_files({"name": name, "mimeType": kind, "buffer": content})
        page.locator(f"[id='{section}'] li.file").first.wait_for()
        assert keys.here()["id"] == section


# What a screen reader is told, by roles and names; a tree may say more than stands here
HEARD = {
    "sign-in-errors": """
        - banner:
          - navigation "Main navigation"
        - main:
          - alert "Look at 2 things before you go on":
            - heading "Look at 2 things before you go on" [level=2]
            - list:
              - listitem:
                - link /The national ID number has 14 digits/
              - listitem:
                - link /The mobile number has 11 digits/
          - heading "Sign in" [level=1]
          - textbox "National ID number" [invalid]
          - textbox "Mobile number" [invalid]
          - paragraph:
            - button "Send the code"
        - contentinfo
        """,
    "excavation-permit-applicant": """
        - main:
          - progressbar "Page 1 of 10"
          - alert "Look at 3 things before you go on"
          - heading "Applicant" [level=1]
          - group "Applicant's capacity":
            - radio "Owner"
            - radio "Tenant"
          - textbox "Full name (four parts)" [invalid]
          - group "Is the applicant not Egyptian?":
            - radio "Yes"
            - radio "No"
          - paragraph:
            - button "Save and continue"
            - button "Save and go on later"
        """,
    "excavation-permit-segments": """
        - main:
          - heading [level=1]
          - group "Segments":
            - group "Row 1":
              - textbox
              - group:
                - radio
            - paragraph:
              - button "Add a row"
        """,
    "check": """
        - main:
          - heading /Check your data before sending/ [level=1]
          - region "Applicant":
            - heading "Applicant" [level=2]
            - link "Change Applicant"
            - term: Full name (four parts)
            - definition
          - region "Documents":
            - link "Change Documents"
          - region "Fees":
            - heading "Fees" [level=2]
          - heading "Declaration" [level=2]
          - checkbox "I agree to this declaration"
          - paragraph:
            - button "Send the request"
        """,
    "pay": """
        - main:
          - heading /Request No. .* Payment/ [level=1]
          - region "To pay now":
            - heading "To pay now" [level=2]
            - paragraph:
              - button "Pay by card or wallet"
          - table "Details of the fees":
            - rowgroup:
              - row:
                - columnheader "Item"
                - columnheader "Amount in pounds"
            - rowgroup:
              - row:
                - cell "Certificate fee"
                - cell "100.00"
            - rowgroup:
              - row:
                - rowheader "To pay"
          - region "Other ways to pay":
            - heading "Other ways to pay" [level=2]
          - region "After the payment":
            - heading "After the payment" [level=2]
        """,
    "request-needs-completion": """
        - main:
          - heading /Request No. .* Local complaint or report/ [level=1]
          - region "The center asks you to complete the request":
            - heading [level=2]
            - list:
              - listitem: Valid national ID card
            - paragraph:
              - link "Complete now"
          - region /Target period of the answer/:
            - progressbar /of 9 days have passed/
          - heading "Stages of the request" [level=2]
          - list:
            - listitem:
              - 'heading "Done: Request submitted" [level=3]'
            - listitem:
              - 'heading "Now: Completion by you" [level=3]'
            - listitem:
              - 'heading "To come: Decision" [level=3]'
          - complementary "Data of the request"
        """,
    "inbox": """
        - main:
          - heading "Inbox" [level=1]
          - search "Filter the requests":
            - searchbox "Request number"
            - combobox "Service"
            - combobox "Stage"
            - button "Apply"
          - region "Requests by their legal deadline, oldest first":
            - table "Requests by their legal deadline, oldest first":
              - rowgroup:
                - row:
                  - rowheader:
                    - link
                  - cell "Deadline 400 days late"
        """,
    "staff-refuse-errors": """
        - main:
          - alert:
            - list
          - heading [level=1]
          - complementary "What to do":
            - heading "Approve and attach the issued document" [level=2]
            - textbox "Number of the issued document"
            - group "Reasons":
              - checkbox
            - textbox "Explanation for the citizen" [invalid]
            - paragraph:
              - button "Refuse the request"
        """,
}


@pytest.fixture
def reader(chromium: Browser, gallery: Gallery) -> Iterator[Page]:
    """A phone whose pages are read out: the narrow layout must lose no table and no heading."""
    context = chromium.new_context(viewport={"width": 360, "height": 780})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", HEARD)
def test_what_a_screen_reader_is_told(gallery: Gallery, reader: Page, name: str) -> None:
    scene = gallery.scene(name)
    reader.context.add_cookies(gallery.cookies(scene.who))
    reader.goto(f"{gallery.url}/en{scene.path}")
    if scene.prepare:
        scene.prepare(reader)
    expect(reader.locator("body")).to_match_aria_snapshot(HEARD[name])


def test_an_error_is_read_out_with_its_control(gallery: Gallery, reader: Page) -> None:
    """The summary takes the focus as the page opens, and each link leads to what it speaks of."""
    scene = gallery.scene("sign-in-errors")
    reader.goto(f"{gallery.url}/en{scene.path}")
    assert scene.prepare
    scene.prepare(reader)
    expect(reader.get_by_role("alert")).to_be_focused()
    told = reader.get_by_role("link", name="The mobile number has 11 digits").inner_text()
    mobile = reader.get_by_role("textbox", name="Mobile number")
    expect(mobile).to_have_accessible_description(f"In your name; it begins with 01 Error: {told}")
    reader.keyboard.press("Tab")
    reader.keyboard.press("Tab")
    reader.keyboard.press("Enter")
    expect(mobile).to_be_focused()
