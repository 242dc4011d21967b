"""Uploads: what is taken, what is refused and why, how many."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from portal.catalogue.model import Document, Text
from portal.requests.inspection import Unacceptable, inspect
from tests.support import files
from tests.support.drafting import (
    post,
)
from tests.support.filer import Filer, filer
from tests.support.files import File, pdf, photo, png
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    assert_links_lead_to_controls,
    leads_to,
    page_of,
    raw,
    same_browser,
    token,
)

SECRET = b"TAKEN-AT-HOME-31.1107-30.9388"

# --- what is taken ---


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (pdf(3), "application/pdf"),
        (photo(), "image/jpeg"),
        (png(), "image/png"),
        (files.wide_png(6000, 6000), "image/png"),
        # the type is what is inside, whatever the phone calls it
        (("report.exe", pdf()[1], "application/octet-stream"), "application/pdf"),
        (("scan.pdf", photo()[1], "application/pdf"), "image/jpeg"),
        # words of an old program in the names inside are no harm
        (files.pdf_with_old_names(), "application/pdf"),
    ],
    ids=["pdf", "jpeg", "png", "large-png", "pdf-named-exe", "jpeg-named-pdf", "old-names"],
)
def test_a_good_file_is_taken_by_its_content(still: LocalPortal, file: File, kind: str) -> None:
    one = filer(still)
    response = one.send("papers", file)
    assert response.status_code == 303, page_of(response).errors()
    assert response.headers["location"] == f"/drafts/{one.draft}/documents#document-papers"
    given = one.fetch("papers")
    assert given.status_code == 200
    assert given.headers["content-type"].split(";")[0] == kind
    if kind == "application/pdf":
        assert given.content == file[1]
    else:
        with Image.open(io.BytesIO(given.content)) as picture:
            picture.load()
            assert Image.MIME[picture.format or ""] == kind


@pytest.mark.parametrize("file", [files.talking_photo(SECRET), files.talking_png(SECRET)])
def test_a_picture_is_made_anew_without_what_it_told(still: LocalPortal, file: File) -> None:
    assert SECRET in file[1]
    one = filer(still)
    assert one.send("papers", file).status_code == 303
    content = one.fetch("papers").content
    assert SECRET not in content
    with Image.open(io.BytesIO(content)) as picture:
        assert not picture.getexif()
        told = set(picture.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
        assert not told


def test_the_place_of_a_photo_is_gone(still: LocalPortal) -> None:
    with Image.open(io.BytesIO(photo()[1])) as picture:
        assert picture.getexif().get_ifd(0x8825)
    one = filer(still)
    one.send("papers", photo())
    with Image.open(io.BytesIO(one.fetch("papers").content)) as picture:
        assert not picture.getexif()


def test_a_photo_taken_sideways_stands_upright(still: LocalPortal) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    target = io.BytesIO()
    Image.new("RGB", (60, 20)).save(target, "JPEG", exif=exif)
    one = filer(still)
    one.send("papers", ("sideways.jpg", target.getvalue(), "image/jpeg"))
    with Image.open(io.BytesIO(one.fetch("papers").content)) as picture:
        assert picture.size == (20, 60)


@pytest.mark.parametrize(
    "file", [files.ink_on_nothing(), files.deep_grey()], ids=["transparent", "16-bit"]
)
def test_a_scan_stays_readable(still: LocalPortal, file: File) -> None:
    one = filer(still)
    assert one.send("papers", file).status_code == 303
    with Image.open(io.BytesIO(one.fetch("papers").content)) as picture:
        assert picture.size == (100, 100)
        grey = picture.convert("L").tobytes()
    ground, ink = grey[505], grey[5050]
    assert ground > 200
    assert ink < 60


# --- what is refused ---

SCRIPTS, LOCKED = "برامج أو ملفات مرفقة", "محمي بكلمة مرور"
BROKEN_PDF, BROKEN_PICTURE = "لا يمكن فتح ملف PDF", "لا يمكن فتح الصورة"
PIXELS, FORMATS = "أبعاد الصورة كبيرة", "الأنواع المقبولة لهذا المستند: PDF JPG PNG"
BAD: dict[str, tuple[Callable[[], File], str]] = {
    "empty": (lambda: ("empty.pdf", b"", "application/pdf"), "فارغ"),
    "too large": (lambda: files.heavy_pdf(5), "أكبر من ٥ ميجابايت"),
    "svg": (
        lambda: ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        FORMATS,
    ),
    "html": (files.web_page, FORMATS),
    "program": (lambda: ("scan.pdf", b"MZ\x90\x00" * 50, "application/pdf"), FORMATS),
    "gif": (lambda: ("x.gif", b"GIF89a" + bytes(50), "image/gif"), FORMATS),
    "zip": (lambda: ("x.pdf", b"PK\x03\x04" + bytes(50), "application/pdf"), FORMATS),
    "dwg": (files.dwg, FORMATS),
    "page before pdf": (lambda: ("x.pdf", b"<html>" + pdf()[1], "application/pdf"), FORMATS),
    "script": (files.scripted_pdf, SCRIPTS),
    "launch": (files.launching_pdf, SCRIPTS),
    "launch, packed": (files.packed_pdf, SCRIPTS),
    "list of attachments": (files.carrying_pdf, SCRIPTS),
    "attachment in a note": (files.attached_pdf, SCRIPTS),
    "script in a form": (files.form_pdf, SCRIPTS),
    "script in a chain": (files.buried_pdf, SCRIPTS),
    "locked": (files.locked_pdf, LOCKED),
    "too many pages": (lambda: pdf(51), "أكثر من المسموح به (٥٠ صفحة)"),
    "no pages": (lambda: pdf(0), "PDF"),
    "only a head": (lambda: ("x.pdf", b"%PDF-1.7\n", "application/pdf"), BROKEN_PDF),
    "cut pdf": (files.cut_pdf, BROKEN_PDF),
    "wrong tree": (files.pdf_with_a_wrong_tree, BROKEN_PDF),
    "cut photo": (files.cut_photo, BROKEN_PICTURE),
    "photo without an end": (lambda: ("x.jpg", photo()[1][:-20], "image/jpeg"), BROKEN_PICTURE),
    "three bytes": (lambda: ("x.jpg", b"\xff\xd8\xff", "image/jpeg"), BROKEN_PICTURE),
    "60 million pixels": (lambda: files.wide_png(10_000, 6_000), PIXELS),
    # phones of today take 108 and 200 million
    "120 million pixels": (lambda: files.wide_png(12_000, 10_000), PIXELS),
    "900 million pixels": (lambda: files.wide_png(30_000, 30_000), PIXELS),
}


@pytest.fixture(scope="module")
def patient(still: LocalPortal) -> Filer:
    """Somebody who tries everything in the same draft."""
    return filer(still)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_the_reason_beside_its_document(
    patient: Filer, name: str
) -> None:
    make, words = BAD[name]
    before = patient.stored()
    response = patient.send("papers", make())
    attached = patient.attached("papers")
    for address in attached:  # a file that was taken by mistake must not fail the next test
        file_id = address.split("/")[-1]
        post(patient.citizen, f"/drafts/{patient.draft}/documents/papers/{file_id}/remove")
    assert response.status_code == 422, (response.status_code, attached)
    page = page_of(response)
    ((anchor, said),) = page.errors()
    assert anchor == "document-papers"
    assert words in said
    assert_links_lead_to_controls(page)
    (beside,) = page.tree.xpath("//section[@id='document-papers']/p[@class='err']")
    assert said in " ".join(beside.text_content().split())
    assert not attached
    assert patient.stored() == before


def test_a_pdf_without_pages_is_not_said_to_have_too_many(patient: Filer) -> None:
    response = patient.send("papers", pdf(0))
    assert response.status_code == 422
    assert "أكثر من" not in page_of(response).errors()[0][1]


def test_a_format_that_this_document_does_not_take_is_named(patient: Filer) -> None:
    page = page_of(patient.send("photos", pdf()))
    assert page.status == 422
    ((anchor, said),) = page.errors()
    assert anchor == "document-photos"
    assert "JPG PNG" in said
    assert "PDF" not in said


def test_nothing_chosen_is_told(patient: Filer) -> None:
    nothing = ("", b"", "application/octet-stream")
    for response in (
        patient.send("papers", nothing),
        post(patient.citizen, f"/drafts/{patient.draft}/documents/papers"),
    ):
        page = page_of(response)
        assert page.status == 422
        assert "اختر ملفًا" in dict(page.errors())["document-papers"]


def test_a_document_that_this_service_does_not_ask_for_is_missing(patient: Filer) -> None:
    for code in ("nonsense", "passport", "%2e%2e%2fx"):
        assert_honest(patient.send(code, pdf()), 404)


def test_the_good_files_of_a_lot_are_taken_and_the_bad_ones_named(shared: LocalPortal) -> None:
    one = filer(shared)
    page = page_of(one.send("papers", pdf(), files.web_page(), png()))
    assert page.status == 422
    assert len(page.errors()) == 1
    assert len(one.attached("papers")) == 2


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    base=st.sampled_from(
        [
            pdf(3)[1],
            files.attached_pdf()[1],
            files.form_pdf()[1],
            files.packed_pdf()[1],
            files.buried_pdf()[1],
            photo(64, 48)[1],
            png()[1],
        ]
    ),
    changes=st.lists(
        st.tuples(
            st.floats(0.0, 0.999),
            st.sampled_from(
                [b"<<", b">>", b"[", b"]", b" 1 0 R ", b"/Kids ", b"\x99", b"\xff\xda"]
            ),
            st.integers(0, 40),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_no_damage_is_more_than_a_refusal(
    tmp_path: Path, base: bytes, changes: list[tuple[float, bytes, int]]
) -> None:
    content = bytearray(base)
    for place, inserted, removed in changes:
        at = 8 + int(place * (len(content) - 8))
        content[at : at + removed] = inserted
    path = tmp_path / "damaged"
    path.write_bytes(content)
    wanted = Document("d", Text("", ""), formats=("pdf", "jpg", "png"), max_mb=5, max_pages=50)
    with suppress(Unacceptable):
        inspect(path, wanted).content.close()


# --- how many ---


def test_a_document_takes_so_many_files_and_no_more(shared: LocalPortal) -> None:
    one = filer(shared)
    page = page_of(one.send("papers", pdf(), pdf(), png(), png()))
    assert page.status == 422
    assert "أقصى ما يُرفع لهذا المستند: ٣ ملفات" in dict(page.errors())["document-papers"]
    assert len(one.attached("papers")) == 3
    assert one.send("papers", pdf()).status_code == 422
    assert len(one.attached("papers")) == 3
    removed = one.attached("papers")[0].split("/")[-1]
    gone = post(one.citizen, f"/drafts/{one.draft}/documents/papers/{removed}/remove")
    assert leads_to(gone) == f"/drafts/{one.draft}/documents"
    assert one.send("papers", pdf()).status_code == 303
    assert len(one.attached("papers")) == 3


def test_files_sent_at_once_do_not_pass_the_limit(shared: LocalPortal) -> None:
    one = filer(shared)
    before = len(one.stored())
    proof = token(one.citizen, "/requests")
    tabs = [same_browser(one.citizen) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda tab: raw(
                    tab,
                    "POST",
                    f"/drafts/{one.draft}/documents/papers",
                    data={"_csrf": proof},
                    files={"file": pdf()},
                ),
                tabs,
            )
        )
    assert sorted(answer.status_code for answer in answers) == [303] * 3 + [422] * 3
    assert len(one.attached("papers")) == 3
    assert len(one.stored()) == before + 3


def test_too_many_files_at_once_are_refused_whole(shared: LocalPortal) -> None:
    one = filer(shared)
    assert_honest(one.send("photos", *[png()] * 13), 413)
    assert one.attached() == []


def test_a_removed_file_is_gone_from_the_disk(shared: LocalPortal) -> None:
    one = filer(shared)
    before = one.stored()
    one.send("papers", pdf())
    (address,) = one.attached("papers")
    assert len(one.stored()) == len(before) + 1
    remove = f"/drafts/{one.draft}/documents/papers/{address.split('/')[-1]}/remove"
    assert post(one.citizen, remove).status_code == 303
    assert one.stored() == before
    assert_honest(raw(one.citizen, "GET", address), 404)
    assert_honest(post(one.citizen, remove), 404)


def test_a_script_gets_the_part_of_the_page_that_changed(still: LocalPortal) -> None:
    one = filer(still)
    for file, status in ((files.web_page(), 422), (pdf(), 200)):
        response = one.send("papers", file, headers={"x-upload": "part"})
        assert response.status_code == status
        page = page_of(response)
        assert page.tree.xpath("//section/@id") == ["document-papers"]
        assert bool(page.tree.xpath("//p[@class='err'][not(@hidden)]")) == (status == 422)
        assert not page.tree.xpath("//title")
