"""The PDF of a receipt: small, quick, the same each time, and never refused because of a letter."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pikepdf
import pytest

from portal.catalogue.loader import shipped_catalogue
from portal.i18n import Languages
from portal.places.model import load_places
from portal.receipts.codes import drawn
from portal.receipts.printing import MEANS, Printer, Sheet, drawable, means_of
from portal.receipts.reading import (
    Line,
    Payment,
    ReceiptState,
    StoredReceipt,
    receipt_state,
    shares_of,
)
from tests.support.pdf_text import lines_seen, text_of

ARABIC, ENGLISH = Languages().pair
CATALOGUE = shipped_catalogue()
PRINTER = Printer()
AT = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)  # in Cairo it is the new year
STAMP = Line("دمغة", "Stamp duty", 500)
FEE = Line("رسم نظر", "Consideration fee", 2500)
CERTIFICATE = Line("رسم شهادة", "Certificate fee", 10_000)
CARD = Payment("card", "Visa •••• 4242", "pi_Z6vBcAaCHIXQUoy0SvxPL55o", 13_000, AT)
RECEIPT = StoredReceipt(
    number="R-26-0000169",
    issued_at=AT,
    request_number="26-1503-00002-8",
    amount=13_000,
    given_back=0,
    shares=shares_of([("local_unit", FEE), ("treasury", STAMP), ("local_unit", CERTIFICATE)]),
    payments=(CARD,),
)
SHEET = Sheet(
    receipt=RECEIPT,
    service=CATALOGUE.services["address-numbering-certificate"],
    center=load_places().centers["KFS-003"],
    applicant="منى السيد",
    beneficiaries=CATALOGUE.beneficiaries,
    address="https://portal.example/verify/" + "a" * 300,
)


def test_lines_are_kept_apart_by_beneficiary_in_the_order_of_the_request() -> None:
    assert [(s.beneficiary, s.amount) for s in RECEIPT.shares] == [
        ("local_unit", 12_500),
        ("treasury", 500),
    ]
    assert RECEIPT.shares[0].lines == (FEE, CERTIFICATE)


@pytest.mark.parametrize(
    ("given_back", "state"),
    [
        (0, ReceiptState.VALID),
        (1, ReceiptState.PARTLY_REFUNDED),
        (12_999, ReceiptState.PARTLY_REFUNDED),
        (13_000, ReceiptState.REFUNDED),
        (14_000, ReceiptState.REFUNDED),
    ],
)
def test_the_state_follows_from_what_was_given_back(given_back: int, state: ReceiptState) -> None:
    assert receipt_state(13_000, given_back) is state


SAID = (
    "إيصال سداد",
    "رقم الإيصال",
    "R-26-0000169",
    "الجمعة ١ يناير ٢٠٢٧ الساعة ١٢:٣٠ صباحاً",
    "26-1503-00002-8",
    "شهادة ترقيم عقار",
    "المركز التكنولوجي بمدينة دسوق",
    "الجهة: الوحدة المحلية",
    "رسم نظر",
    "٢٥٫٠٠",
    "الإجمالي الفرعي",
    "١٣٠٫٠٠",
    "فقط مائة وثلاثون جنيها لا غير",  # the tanween is on paper only
    f"Visa •••• 4242 · {CARD.reference}",
)


def test_who_goes_by_the_tags_hears_each_text_in_the_order_of_speech() -> None:
    heard = text_of(PRINTER.pdf(SHEET, ARABIC)).splitlines()
    assert [text for text in SAID if text not in heard] == []
    assert heard.index("رقم الإيصال") + 1 == heard.index("R-26-0000169")
    assert heard.index("رسم نظر") + 1 == heard.index("٢٥٫٠٠")


def test_who_goes_by_what_is_seen_finds_each_line_whole_from_left_to_right() -> None:
    seen = lines_seen(PRINTER.pdf(SHEET, ARABIC))
    figures = re.compile("[٠-٩][٠-٩٫:]*")
    for text in SAID:
        if text.isascii() or "Visa" in text or figures.fullmatch(text):
            assert text in seen
            continue
        turned = figures.sub(lambda found: found[0][::-1], text.replace("\u064b", ""))[::-1]
        assert turned in seen, text
    assert "R-26-0000169" in seen[-1]  # at the foot, apart from the Arabic


def test_a_line_that_wraps_and_a_second_sheet_are_in_order_too() -> None:
    wrapped = "رسم معاينة (بند ٣ من المادة ١٤) لآلئ لأول لإدارة " * 3
    lines = [("treasury", Line(wrapped.strip(), "", 100)) for _ in range(25)]
    pdf = PRINTER.pdf(replace(SHEET, receipt=replace(RECEIPT, shares=shares_of(lines))), ARABIC)
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert len(opened.pages) > 1
    assert text_of(pdf).splitlines().count(wrapped.strip()) == 25


def test_the_english_pdf_says_it_in_english() -> None:
    text = text_of(PRINTER.pdf(SHEET, ENGLISH))
    assert "One hundred and thirty Egyptian pounds only" in text
    assert "For: Public treasury" in text
    assert "Friday 1 January 2027 at 12:30 am" in text
    assert "130.00" in text


def test_it_is_tagged_archivable_and_has_no_live_part() -> None:
    with pikepdf.open(BytesIO(PRINTER.pdf(SHEET, ARABIC))) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "ar-EG"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert "/Direction" not in pdf.Root.ViewerPreferences
        with pdf.open_metadata() as meta:
            assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("2", "A")
            assert meta["pdfuaid:part"] == "1"
            assert str(meta["dc:title"]).endswith("R-26-0000169")
        for page in pdf.pages:
            # what the tags point to is there, once
            tags = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)[int(page.StructParents)]
            content = pikepdf.unparse_content_stream(pikepdf.parse_content_stream(page))
            numbers = sorted(int(n) for n in re.findall(rb"/MCID (\d+)", content))
            assert numbers == list(range(len(tags)))
            for font in page.Resources.Font.values():
                descriptor = font.DescendantFonts[0].FontDescriptor
                assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
        assert "/OpenAction" not in pdf.Root
        assert "/AcroForm" not in pdf.Root


def test_the_same_receipt_is_the_same_file() -> None:
    assert PRINTER.pdf(SHEET, ARABIC) == Printer().pdf(SHEET, ARABIC)


def test_a_sum_that_was_given_back_is_said_on_paper() -> None:
    back = replace(SHEET, receipt=replace(RECEIPT, given_back=2_500))
    words = text_of(PRINTER.pdf(back, ENGLISH))
    assert "Partly refunded" in words
    assert "Given back\n25.00\nLeft\n105.00" in words
    assert "refunded" not in text_of(PRINTER.pdf(SHEET, ENGLISH))


def test_forty_lines_and_nine_payments_stay_below_100_kb() -> None:
    names = tuple(CATALOGUE.beneficiaries)
    lines = [
        (names[n % len(names)], Line("مستنداتالعقار" * 8 + f" {n}", "Abdelrahman" * 9, 10**13))
        for n in range(40)
    ]
    long = replace(
        RECEIPT,
        amount=99_999_999_999_999,
        shares=shares_of(lines),
        payments=tuple(replace(CARD, kind=kind) for kind in (*MEANS, "other", *MEANS)),
    )
    pdf = PRINTER.pdf(replace(SHEET, receipt=long, applicant="عبد الرحمن " * 30), ARABIC)
    assert len(pdf) < 100_000
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert 1 < len(opened.pages) < 9


def test_any_letter_can_be_printed_and_what_fonts_lack_becomes_a_dot() -> None:
    every = "".join(letter for n in range(32, 0x3000) if (letter := chr(n)) == drawable(letter))
    assert len(every) == 242
    named = replace(SHEET, applicant=f"{every} 漢字 🙂 \u202e\u0000")
    assert PRINTER.pdf(named, ARABIC).startswith(b"%PDF")
    assert drawable("منى 漢\u200e") == "منى \u00b7"
    assert drawable("جنيهًا، مساءً، مُحمَّد") == "جنيهاً، مساء، محمد"


def test_a_way_to_pay_that_is_new_is_an_electronic_one() -> None:
    assert means_of(replace(CARD, kind="instapay")) == MEANS[""]


def test_the_code_is_one_drawing_without_a_style_and_with_its_quiet_zone() -> None:
    svg = drawn(SHEET.address)
    assert svg.startswith("<svg")
    assert svg.count("<path") == 1
    assert "style" not in svg
    side = int(svg.split('viewBox="0 0 ')[1].split()[0])
    assert (side - 8 - 17) % 4 == 0  # four modules on each side of a QR code of some version
    assert side - 8 <= 77  # version 15: half a millimetre a module on paper
