"""The PDF of a receipt: small, quick, the same each time, and never refused because of a letter."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pikepdf
import pytest

from portal.catalogue.loader import load_catalogue
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
from tests.support.pdf_text import text_of

ARABIC, ENGLISH = Languages().pair
CATALOGUE = load_catalogue()
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


def test_figures_words_and_codes_can_be_taken_out_of_the_arabic_pdf() -> None:
    text = text_of(PRINTER.pdf(SHEET, ARABIC))
    for said in ("R-26-0000169", "26-1503-00002-8", "4242", CARD.reference):
        assert said in text, said
    for sum_ in ("١٣٠٫٠٠", "١٢٥٫٠٠", "١٠٠٫٠٠", "٢٥٫٠٠", "٥٫٠٠"):
        assert sum_ in text, sum_
    # a line's runs stand in the order of the eye: words are compared, not sentences
    for word in ("فقط", "مائة", "وثلاثون", "لا", "غير", "الخزانة", "بطاقة", "ترقيم", "عقار"):
        assert word in text, word
    assert "٢٠٢٧" in text


def test_the_english_pdf_says_it_in_english() -> None:
    text = text_of(PRINTER.pdf(SHEET, ENGLISH))
    assert "One hundred and thirty Egyptian pounds only" in text
    assert "For: Public treasury" in text
    assert "Friday 1 January 2027, 12:30 am" in text
    assert "130.00" in text


def test_it_is_tagged_archivable_and_has_no_live_part() -> None:
    with pikepdf.open(BytesIO(PRINTER.pdf(SHEET, ARABIC))) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "ar-EG"
        assert pdf.Root.ViewerPreferences.Direction == "/R2L"
        with pdf.open_metadata() as meta:
            assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("2", "A")
            assert meta["pdfuaid:part"] == "1"
            assert str(meta["dc:title"]).endswith("R-26-0000169")
        for page in pdf.pages:
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
    assert "Given back 25.00" in words
    assert "Left 105.00" in words
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
    assert len(every) == 251
    named = replace(SHEET, applicant=f"{every} 漢字 🙂 \u202e\u0000")
    assert PRINTER.pdf(named, ARABIC).startswith(b"%PDF")
    assert drawable("منى 漢\u200e") == "منى \u00b7"


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
