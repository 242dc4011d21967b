"""Uploaded files: what is taken, what is refused and why, and what a photo loses on the way."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pikepdf import Array, Dictionary, Encryption, Name, ObjectStreamMode, Pdf, String
from PIL import Image, ImageCms, PngImagePlugin

from portal.catalogue.model import Document, Text
from portal.problems import Count
from portal.requests.inspection import Inspected, Unacceptable, inspect
from tests.support import files

Inspect = Callable[..., Inspected]
ANY = Document("paper", Text("مستند", "Paper"))
DRAWING = Document("plan", Text("رسم", "Plan"), formats=("pdf", "dwg"), max_mb=25)
PHOTO = Document("photo", Text("صورة", "Photo"), formats=("jpg", "png"))

ACTIVE = "The PDF holds scripts or attached files; print it to a new PDF and upload that"
LOCKED = "The PDF is locked with a password; save it without one"
KIND = "This document is taken only as: {formats}"
UNREADABLE = "The picture cannot be opened; take it again"


@pytest.fixture
def look(tmp_path: Path) -> Inspect:
    """Inspects bytes as a file on disk."""

    def run(content: bytes, document: Document = ANY) -> Inspected:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return inspect(path, document)

    return run


@pytest.fixture
def refusal(look: Inspect) -> Callable[..., Unacceptable]:
    """Why bytes are refused."""

    def run(content: bytes, document: Document = ANY) -> Unacceptable:
        with pytest.raises(Unacceptable) as caught:
            look(content, document)
        return caught.value

    return run


def picture_of(taken: Inspected) -> Image.Image:
    return Image.open(io.BytesIO(_bytes(taken)))


def _bytes(taken: Inspected) -> bytes:
    taken.content.seek(0)
    return taken.content.read()


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def pdf_with(**root: Any) -> bytes:
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    for name, value in root.items():
        made.Root[f"/{name}"] = value
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


# --- photographs ----------------------------------------------------------------------------------


def test_a_photo_is_encoded_anew_without_place_and_maker(look: Inspect) -> None:
    _, content, _ = files.photo()
    before = Image.open(io.BytesIO(content)).getexif()
    assert before[0x010F] == "Phone maker"
    assert before.get_ifd(0x8825)
    taken = look(content, PHOTO)
    assert (taken.media_type, taken.pages) == ("image/jpeg", 1)
    after = picture_of(taken)
    assert after.size == (640, 480)
    assert dict(after.getexif()) == {}
    assert dict(after.getexif().get_ifd(0x8825)) == {}
    assert b"Phone maker" not in _bytes(taken)
    assert _bytes(taken) != content


def test_a_photo_stands_upright(look: Inspect) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    lying = encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif)
    assert picture_of(look(lying)).size == (20, 40)


def test_a_scan_keeps_its_kind_and_loses_its_notes(look: Inspect) -> None:
    _, content, _ = files.png()
    taken = look(content)
    assert taken.media_type == "image/png"
    assert picture_of(taken).size == (80, 60)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "desouk 31.1")
    notes.add_itxt("XML:com.adobe.xmp", "<x>31.1</x>")
    noted = encoded(Image.new("RGB", (8, 8)), "PNG", pnginfo=notes)
    assert b"desouk" in noted
    assert b"31.1" not in _bytes(look(noted))


def test_a_large_photo_becomes_as_large_as_a_page_needs(look: Inspect) -> None:
    wide = encoded(Image.new("L", (4000, 1000)), "JPEG")
    assert picture_of(look(wide)).size == (3000, 750)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_a_scan_is_taken(look: Inspect, mode: str) -> None:
    assert picture_of(look(encoded(Image.new(mode, (30, 20)), "PNG"))).mode == "RGB"


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_mode_of_a_photo_is_taken(look: Inspect, mode: str) -> None:
    taken = look(encoded(Image.new(mode, (30, 20)), "JPEG"))
    assert picture_of(taken).size == (30, 20)


def test_what_hangs_behind_a_photo_is_left_behind(look: Inspect) -> None:
    polyglot = files.photo()[1] + b"<html><script>alert(1)</script></html>"
    assert b"<script" not in _bytes(look(polyglot))


def test_a_photo_loses_its_comment(look: Inspect) -> None:
    photo = encoded(Image.new("RGB", (8, 8)), "JPEG", comment=b"+201012345678 <script>")
    assert b"<script" not in _bytes(look(photo))


def test_a_colour_profile_does_not_stop_a_photo(look: Inspect) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    coloured = encoded(Image.new("RGB", (30, 20)), "JPEG", icc_profile=profile)
    assert "icc_profile" not in picture_of(look(coloured)).info


@pytest.mark.parametrize("name", ["cut_photo", "cut_scan", "no_picture"])
def test_a_broken_picture_is_told_to_be_taken_again(
    refusal: Callable[..., Unacceptable], name: str
) -> None:
    scan = encoded(Image.effect_noise((200, 200), 50), "PNG")
    broken = {
        "cut_photo": files.cut_photo()[1],
        "cut_scan": scan[: len(scan) // 2],
        "no_picture": b"\xff\xd8\xff" + b"x" * 500,
    }
    assert refusal(broken[name]).msgid == UNREADABLE


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_opened(
    refusal: Callable[..., Unacceptable],
) -> None:
    many = encoded(Image.new("1", (7100, 7100)), "PNG")
    assert len(many) < 20_000
    assert refusal(many).msgid == "The picture has too many pixels; take it again"
    bomb = encoded(Image.new("1", (16000, 16000)), "PNG")
    assert "take it again" in refusal(bomb).msgid


def test_a_photo_of_endless_scans_is_refused_before_it_is_opened(
    look: Inspect, refusal: Callable[..., Unacceptable]
) -> None:
    progressive = encoded(Image.new("L", (64, 64)), "JPEG", progressive=True)
    assert look(progressive).media_type == "image/jpeg"
    # the last scan with its table, again and again: each is work over the whole picture
    again = progressive[progressive.rindex(b"\xff\xc4") : -2]
    assert look(progressive[:-2] + again * 20 + b"\xff\xd9").media_type == "image/jpeg"
    assert refusal(progressive[:-2] + again * 1000 + b"\xff\xd9").msgid == UNREADABLE


def test_what_is_no_scan_of_a_photo_does_not_count_as_one(look: Inspect) -> None:
    comment = b"\xff\xfe" + (2002).to_bytes(2) + b"\xff\xda" * 1000
    photo = files.photo()[1]
    assert look(photo[:2] + comment + photo[2:] + b"\xff\xda" * 1000).media_type == "image/jpeg"


# --- PDFs and drawings ----------------------------------------------------------------------------


def test_a_pdf_is_taken_as_it_is(look: Inspect) -> None:
    _, content, _ = files.pdf(3)
    taken = look(content)
    assert (taken.media_type, taken.pages) == ("application/pdf", 3)
    assert _bytes(taken) == content
    taken.content.close()


@pytest.mark.parametrize(
    "make", [files.scripted_pdf, files.launching_pdf, files.carrying_pdf], ids=lambda f: f.__name__
)
def test_a_pdf_that_acts_or_carries_is_refused(
    refusal: Callable[..., Unacceptable], make: Callable[[], files.File]
) -> None:
    assert refusal(make()[1]).msgid == ACTIVE


def _action(kind: str, **more: Any) -> Dictionary:
    return Dictionary(S=Name(f"/{kind}"), **more)


def _chain(length: int, last: Dictionary) -> Dictionary:
    for _ in range(length):
        last = _action("Named", N=Name.NextPage, Next=last)
    return last


@pytest.mark.parametrize(
    "root",
    [
        {"OpenAction": _action("GoToE")},
        {"OpenAction": _action("SubmitForm", F=String("https://x"))},
        {"OpenAction": _action("ImportData", F=String("x"))},
        {"OpenAction": _action("URI", Next=Array([_action("Launch", F=String("x"))]))},
        {"OpenAction": _chain(9, _action("JavaScript", JS=String("x")))},
        {"OpenAction": _action("GoToR")},
        {"OpenAction": _action("Rendition")},
        {"OpenAction": _action("Movie")},
        {"OpenAction": _action("Sound")},
        {"AcroForm": Dictionary(Fields=Array([]), XFA=Array([]))},
        {"Extra": Array([Dictionary(Subtype=Name.FileAttachment, FS=Dictionary(EF=Dictionary()))])},
        {"AA": Dictionary(WC=_action("Named"))},
        {"Names": Dictionary(JavaScript=Dictionary(Names=Array([])))},
        {"AcroForm": Dictionary(Fields=Array([Dictionary(AA=Dictionary(K=_action("URI")))]))},
        {"Extra": Array([Array([Dictionary(A=_action("JavaScript", JS=String("x")))])])},
    ],
    ids=lambda root: next(iter(root)),
)
def test_no_way_of_acting_is_overlooked(
    refusal: Callable[..., Unacceptable], root: dict[str, Any]
) -> None:
    assert refusal(pdf_with(**root)).msgid == ACTIVE


def test_a_script_on_a_page_is_found(refusal: Callable[..., Unacceptable]) -> None:
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    link = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=Array([0, 0, 10, 10]),
        A=_action("JavaScript", JS=String("app.alert(1)")),
    )
    made.pages[0].Annots = made.make_indirect(Array([made.make_indirect(link)]))
    target = io.BytesIO()
    made.save(target)
    assert refusal(target.getvalue()).msgid == ACTIVE


def test_a_script_packed_into_an_object_stream_is_found(
    refusal: Callable[..., Unacceptable],
) -> None:
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    made.Root.OpenAction = made.make_indirect(_action("JavaScript", JS=String("app.alert(1)")))
    target = io.BytesIO()
    made.save(target, object_stream_mode=ObjectStreamMode.generate)
    assert b"JavaScript" not in target.getvalue()
    assert refusal(target.getvalue()).msgid == ACTIVE


def test_a_script_at_a_root_that_stands_in_the_trailer_is_found(
    refusal: Callable[..., Unacceptable],
) -> None:
    script = b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>"
    assert refusal(_by_hand(b"<</Type/Catalog/Pages 2 0 R" + script + b">>")).msgid == ACTIVE


def _by_hand(root: bytes) -> bytes:
    return (
        b"%PDF-1.5\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>endobj\n"
        b"trailer<</Size 9/Root " + root + b">>\nstartxref\n0\n%%EOF\n"
    )


def test_objects_that_unpack_to_too_much_are_neither_unpacked_nor_trusted(
    refusal: Callable[..., Unacceptable],
) -> None:
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    made.Root.Notes = made.make_indirect(Array([String("x" * 30_000)] * 200))
    target = io.BytesIO()
    made.save(target, object_stream_mode=ObjectStreamMode.generate, recompress_flate=True)
    assert len(target.getvalue()) < 100_000
    assert refusal(target.getvalue()).msgid == "The PDF cannot be opened; save it again"


def test_a_locked_pdf_is_refused_with_or_without_the_password_to_open_it(
    refusal: Callable[..., Unacceptable],
) -> None:
    assert refusal(files.locked_pdf()[1]).msgid == LOCKED
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    target = io.BytesIO()
    made.save(target, encryption=Encryption(owner="o", user=""))
    assert refusal(target.getvalue()).msgid == LOCKED


def test_a_pdf_has_so_many_pages_at_most(
    look: Inspect, refusal: Callable[..., Unacceptable]
) -> None:
    short = Document("paper", ANY.title, max_pages=3)
    assert look(files.pdf(3)[1], short).pages == 3
    refused = refusal(files.pdf(4)[1], short)
    assert refused.msgid == "The PDF has more than {pages}"
    assert refused.params["pages"] == Count(3, "{n} page", "{n} pages")


def test_a_pdf_without_pages_is_told_to_have_none(refusal: Callable[..., Unacceptable]) -> None:
    target = io.BytesIO()
    Pdf.new().save(target)
    assert refusal(target.getvalue()).msgid == "The PDF has no page; save it again"


def test_what_hangs_behind_a_pdf_is_refused(refusal: Callable[..., Unacceptable]) -> None:
    polyglot = files.pdf(1)[1] + b"<html><script>alert(1)</script></html>"
    assert refusal(polyglot).msgid == "The PDF cannot be opened; save it again"


def test_a_broken_pdf_is_told_to_be_saved_again(refusal: Callable[..., Unacceptable]) -> None:
    assert refusal(b"%PDF-1.7\n<html>").msgid == "The PDF cannot be opened; save it again"


def test_a_drawing_is_taken_where_drawings_are_asked_for(
    look: Inspect, refusal: Callable[..., Unacceptable]
) -> None:
    taken = look(files.dwg()[1], DRAWING)
    assert taken.media_type == "image/vnd.dwg"
    assert _bytes(taken) == files.dwg()[1]
    assert refusal(files.dwg()[1]).msgid == KIND


# --- kinds and sizes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        files.web_page()[1],
        b"GIF89a" + b"\0" * 100,
        b"PK\x03\x04" + b"\0" * 100,
        b"MZ" + b"\0" * 100,
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
        b"junk before %PDF-1.7",
        b"\xff\xd8",
        b"x",
    ],
    ids=["html", "gif", "zip", "exe", "svg", "prefixed pdf", "short", "text"],
)
def test_a_kind_is_told_by_the_content_and_not_by_the_name(
    refusal: Callable[..., Unacceptable], content: bytes
) -> None:
    refused = refusal(content)
    assert (refused.msgid, refused.params) == (KIND, {"formats": "PDF JPG PNG"})


def test_a_document_takes_only_its_formats(refusal: Callable[..., Unacceptable]) -> None:
    assert refusal(files.pdf()[1], PHOTO).params == {"formats": "JPG PNG"}
    assert refusal(files.photo()[1], DRAWING).params == {"formats": "PDF DWG"}


def test_an_empty_file_is_told_to_be_chosen_again(refusal: Callable[..., Unacceptable]) -> None:
    assert refusal(b"").msgid == "The file is empty; choose it again"


def test_a_file_has_so_many_bytes_at_most(
    look: Inspect, refusal: Callable[..., Unacceptable]
) -> None:
    small = Document("plan", ANY.title, formats=("dwg",), max_mb=1)
    head = files.dwg()[1]
    assert look(head + b"\0" * (1_000_000 - len(head)), small).pages == 1
    refused = refusal(head + b"\0" * (1_000_001 - len(head)), small)
    assert (refused.msgid, refused.params) == ("The file is larger than {mb} MB", {"mb": 1})
