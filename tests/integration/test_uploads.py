"""Uploads: what is taken, what is refused and why, how it is kept and given back."""

import io
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from portal.catalogue.model import Document, Text
from portal.requests.inspection import Unacceptable, inspect
from tests.support import files
from tests.support.drafting import (
    COMPLAINT,
    answer_all,
    begin,
    declare,
    post,
    ready_to_send,
    upload,
)
from tests.support.files import File, pdf, photo, png
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    assert_links_lead_to_controls,
    directives,
    leads_to,
    only_the_words,
    page_of,
    quiet_logs,
    raw,
    same_browser,
    token,
)
from tests.support.people import Citizen
from tests.support.sandbox import SandboxProcess, eventually

SECRET = b"TAKEN-AT-HOME-31.1107-30.9388"
_BOUNDARY = "boundary-of-a-phone"


@dataclass(frozen=True)
class Filer:
    """A citizen with a draft to attach to."""

    portal: LocalPortal
    citizen: Citizen
    draft: str

    def send(self, document: str, *sent: File, **more: object) -> httpx.Response:
        return upload(self.citizen, self.draft, document, sent, **more)

    def attached(self, document: str = "") -> list[str]:
        """The addresses of what the page of documents offers to look at."""
        page = self.citizen.get(f"/drafts/{self.draft}/documents")
        section = f"//section[@id='document-{document}']" if document else "//main"
        return [str(h) for h in page.tree.xpath(f"{section}//a/@href") if "/files/" in h]

    def fetch(self, document: str) -> httpx.Response:
        """The only file of a document as the portal gives it back."""
        (address,) = self.attached(document)
        return raw(self.citizen, "GET", address)

    def stored(self) -> list[Path]:
        """Every file on the disk, whoever's."""
        folder = self.portal.portal.settings.files_dir
        return sorted(path for path in folder.rglob("*") if path.is_file())


def filer(portal: LocalPortal) -> Filer:
    citizen = portal.someone()
    return Filer(portal, citizen, begin(citizen))


@pytest.fixture(scope="module")
def shelf(
    payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal for what no database has a part in: the inspection of files."""
    var = tmp_path_factory.mktemp("shelf")
    portal = LocalPortal(var, f"sqlite:///{var / 'portal.sqlite3'}", payment_server)
    with quiet_logs():
        yield portal
    portal.close()


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
def test_a_good_file_is_taken_by_its_content(shelf: LocalPortal, file: File, kind: str) -> None:
    one = filer(shelf)
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
def test_a_picture_is_made_anew_without_what_it_told(shelf: LocalPortal, file: File) -> None:
    assert SECRET in file[1]
    one = filer(shelf)
    assert one.send("papers", file).status_code == 303
    content = one.fetch("papers").content
    assert SECRET not in content
    with Image.open(io.BytesIO(content)) as picture:
        assert not picture.getexif()
        told = set(picture.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
        assert not told


def test_the_place_of_a_photo_is_gone(shelf: LocalPortal) -> None:
    with Image.open(io.BytesIO(photo()[1])) as picture:
        assert picture.getexif().get_ifd(0x8825)
    one = filer(shelf)
    one.send("papers", photo())
    with Image.open(io.BytesIO(one.fetch("papers").content)) as picture:
        assert not picture.getexif()


def test_a_photo_taken_sideways_stands_upright(shelf: LocalPortal) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    target = io.BytesIO()
    Image.new("RGB", (60, 20)).save(target, "JPEG", exif=exif)
    one = filer(shelf)
    one.send("papers", ("sideways.jpg", target.getvalue(), "image/jpeg"))
    with Image.open(io.BytesIO(one.fetch("papers").content)) as picture:
        assert picture.size == (20, 60)


@pytest.mark.parametrize(
    "file", [files.ink_on_nothing(), files.deep_grey()], ids=["transparent", "16-bit"]
)
def test_a_scan_stays_readable(shelf: LocalPortal, file: File) -> None:
    one = filer(shelf)
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
PIXELS, FORMATS = "أبعاد الصورة كبيرة", "بالصيغ الآتية فقط: PDF JPG PNG"
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
    "too many pages": (lambda: pdf(51), "أكثر من ٥٠"),
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
def patient(shelf: LocalPortal) -> Filer:
    """Somebody who tries everything in the same draft."""
    return filer(shelf)


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


def test_the_good_files_of_a_lot_are_taken_and_the_bad_ones_named(local: LocalPortal) -> None:
    one = filer(local)
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


def test_a_document_takes_so_many_files_and_no_more(local: LocalPortal) -> None:
    one = filer(local)
    page = page_of(one.send("papers", pdf(), pdf(), png(), png()))
    assert page.status == 422
    assert "أقصى عدد لملفات هذا المستند ٣" in dict(page.errors())["document-papers"]
    assert len(one.attached("papers")) == 3
    assert one.send("papers", pdf()).status_code == 422
    assert len(one.attached("papers")) == 3
    removed = one.attached("papers")[0].split("/")[-1]
    gone = post(one.citizen, f"/drafts/{one.draft}/documents/papers/{removed}/remove")
    assert leads_to(gone) == f"/drafts/{one.draft}/documents"
    assert one.send("papers", pdf()).status_code == 303
    assert len(one.attached("papers")) == 3


def test_files_sent_at_once_do_not_pass_the_limit(local: LocalPortal) -> None:
    one = filer(local)
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


def test_too_many_files_at_once_are_refused_whole(local: LocalPortal) -> None:
    one = filer(local)
    assert_honest(one.send("photos", *[png()] * 13), 413)
    assert one.attached() == []


def test_a_removed_file_is_gone_from_the_disk(local: LocalPortal) -> None:
    one = filer(local)
    before = one.stored()
    one.send("papers", pdf())
    (address,) = one.attached("papers")
    assert len(one.stored()) == len(before) + 1
    remove = f"/drafts/{one.draft}/documents/papers/{address.split('/')[-1]}/remove"
    assert post(one.citizen, remove).status_code == 303
    assert one.stored() == before
    assert_honest(raw(one.citizen, "GET", address), 404)
    assert_honest(post(one.citizen, remove), 404)


def test_a_script_gets_the_part_of_the_page_that_changed(shelf: LocalPortal) -> None:
    one = filer(shelf)
    for file, status in ((files.web_page(), 422), (pdf(), 200)):
        response = one.send("papers", file, headers={"x-upload": "part"})
        assert response.status_code == status
        page = page_of(response)
        assert page.tree.xpath("//section/@id") == ["document-papers"]
        assert bool(page.tree.xpath("//p[@class='err'][not(@hidden)]")) == (status == 422)
        assert not page.tree.xpath("//title")


# --- how it is kept and given back ---


def test_a_file_is_given_back_so_that_it_can_do_nothing(local: LocalPortal) -> None:
    one = filer(local)
    hostile = "<script>alert(1)</script>\u202efdp.html"
    for content, kind in ((pdf()[1], "application/pdf"), (photo()[1], "image/jpeg")):
        one.send("papers", (hostile, content, "text/html"))
        address = one.attached("papers")[-1]
        given = raw(one.citizen, "GET", address)
        assert given.headers["content-type"].split(";")[0] == kind
        assert given.headers["x-content-type-options"] == "nosniff"
        assert "no-store" in given.headers["cache-control"]
        disposition = given.headers["content-disposition"]
        assert "script" not in disposition
        assert "html" not in disposition
        assert address.split("/")[-1] in disposition
        policy = directives(given.headers["content-security-policy"])
        assert policy["default-src"] == ["'none'"]
        assert "script-src" not in policy
        assert policy["frame-ancestors"] == ["'none'"]


def test_a_drawing_is_only_ever_saved(shelf: LocalPortal) -> None:
    citizen = shelf.someone()
    one = Filer(shelf, citizen, begin(citizen, "building-permit-new"))
    assert one.send("architectural_drawings", files.dwg()).status_code == 303
    given = one.fetch("architectural_drawings")
    assert given.headers["content-disposition"].startswith("attachment;")
    assert given.content == files.dwg()[1]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\Users\\Mona\\بطاقة.pdf", "بطاقة.pdf"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("a\u2066b\u2069.pdf", "ab.pdf"),
        ("a\x00b.pdf", "ab.pdf"),
        ("a\tb\x7f.pdf", "ab.pdf"),
        ("<b>x</b>.pdf", "b>.pdf"),
        ("ص" * 300 + ".pdf", "ص" * 116 + ".pdf"),
        ("/", "papers"),
    ],
)
def test_a_hostile_name_is_only_a_name(shelf: LocalPortal, sent: str, shown: str) -> None:
    one = filer(shelf)
    before = set(one.stored())
    body = multipart(one, [("file", sent, pdf()[1])])
    response = send_body(one, body)
    if response.status_code != 303:  # a name that cannot be read at all may be refused
        assert response.status_code in {400, 422}, response.status_code
        assert not set(one.stored()) - before
        return
    page = one.citizen.get(f"/drafts/{one.draft}/documents")
    (link,) = page.tree.xpath("//span[@class='file__name']/a")
    assert str(link.text).strip() == shown
    assert not page.tree.xpath("//span[@class='file__name']//b")
    (path,) = set(one.stored()) - before
    assert path.resolve().is_relative_to(shelf.portal.settings.files_dir)
    assert path.stem.isalnum()
    assert not path.suffix


def test_nothing_of_a_file_can_be_read_on_the_disk(alone: LocalPortal) -> None:
    marked = b"MARK-OF-THIS-DOCUMENT"
    content = pdf()[1] + b"\n%" + marked * 50
    one = filer(alone)
    assert one.send("papers", ("بطاقة-منى.pdf", content, "application/pdf")).status_code == 303
    assert one.fetch("papers").content == content
    (path,) = one.stored()
    assert "منى" not in str(path)
    folder = alone.portal.settings.var
    everything = [p for p in folder.rglob("*") if p.is_file()]
    assert len(everything) > 2
    for each in everything:
        kept = each.read_bytes()
        assert marked not in kept, each
        assert "بطاقة-منى".encode() not in kept, each
    assert b"%PDF" not in path.read_bytes()
    public = raw(one.citizen, "GET", f"/static/{path.name}")
    assert public.status_code == 404


def test_a_file_that_was_changed_on_the_disk_is_not_given_out(alone: LocalPortal) -> None:
    one = filer(alone)
    one.send("papers", pdf())
    (path,) = one.stored()
    sealed = bytearray(path.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    path.write_bytes(sealed)
    with quiet_logs():
        answer = _status_or_broken(one)
    assert answer >= 500


def test_a_file_that_is_lost_is_told_honestly(alone: LocalPortal) -> None:
    one = filer(alone)
    one.send("papers", pdf())
    (path,) = one.stored()
    path.unlink()
    with quiet_logs():
        (address,) = one.attached("papers")
        response = raw(one.citizen, "GET", address)
    assert response.status_code in {404, 500, 503}
    assert_honest(response, response.status_code)


def _status_or_broken(one: Filer) -> int:
    """The status; 599 when the connection ended before the answer did."""
    try:
        return one.fetch("papers").status_code
    except httpx.RemoteProtocolError:
        return 599


def test_a_file_of_someone_else_is_missing(local: LocalPortal) -> None:
    owner, other = filer(local), filer(local)
    owner.send("papers", pdf())
    other.send("papers", pdf())
    (address,) = owner.attached("papers")
    file_id = address.split("/")[-1]
    unknown = "0" * len(file_id)
    under_mine = raw(other.citizen, "GET", f"/drafts/{other.draft}/files/{file_id}")
    none = raw(other.citizen, "GET", f"/drafts/{other.draft}/files/{unknown}")
    assert_honest(under_mine, 404)
    assert only_the_words(under_mine, file_id) == only_the_words(none, unknown)
    assert_honest(raw(other.citizen, "GET", address), 404)
    remove = f"/drafts/{other.draft}/documents/papers/{file_id}/remove"
    assert_honest(post(other.citizen, remove), 404)
    assert len(owner.attached("papers")) == 1
    assert owner.fetch("papers").status_code == 200


def test_the_files_of_a_request_are_its_owners(local: LocalPortal) -> None:
    owner, other = local.someone(), local.someone()
    draft = ready_to_send(local, owner)
    number = leads_to(declare(owner, draft)).split("/")[2]
    (file,) = local.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
    address = f"/requests/{number}/files/{file.id}"
    given = raw(owner, "GET", address)
    assert given.status_code == 200
    assert given.headers["x-content-type-options"] == "nosniff"
    assert_honest(raw(other, "GET", address), 404)
    mine = leads_to(declare(other, ready_to_send(local, other))).split("/")[2]
    assert_honest(raw(other, "GET", f"/requests/{mine}/files/{file.id}"), 404)


def test_a_draft_that_is_discarded_takes_its_files_with_it(local: LocalPortal) -> None:
    one = filer(local)
    before = one.stored()
    one.send("papers", pdf(), photo())
    assert len(one.stored()) == len(before) + 2
    assert post(one.citizen, f"/drafts/{one.draft}/discard").status_code == 303
    assert one.stored() == before


# --- what breaks on the way ---


def multipart(one: Filer, parts: list[tuple[str, str, bytes]]) -> bytes:
    """A form as a browser writes it, with file names as they are."""
    proof = token(one.citizen, "/requests").encode()
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%s\r\n"
        % (_BOUNDARY.encode(), field.encode(), name.encode(), content)
        for field, name, content in parts
    )
    head = b'--%s\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n%s\r\n'
    return head % (_BOUNDARY.encode(), proof) + body + b"--%s--\r\n" % _BOUNDARY.encode()


def send_body(one: Filer, body: bytes, kind: str = "") -> httpx.Response:
    kind = kind or f"multipart/form-data; boundary={_BOUNDARY}"
    path = f"/drafts/{one.draft}/documents/papers"
    return raw(one.citizen, "POST", path, content=body, headers={"content-type": kind})


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads under way are kept, for this test alone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize(
    "broken",
    [
        lambda body: body[: len(body) // 2],
        lambda body: body[:-4],
        lambda body: body[:-40],
        lambda body: body.replace(b"Content-Disposition", b"Content\xffDisposition", 1),
        lambda body: body.replace(b'filename="a', b'filename="\xff\xfe', 1),
        lambda _body: b"",
        lambda _body: b"\x00" * 100,
        lambda _body: b"--" + _BOUNDARY.encode(),
    ],
    ids=[
        "half",
        "without its end",
        "without its last boundary",
        "header not ASCII",
        "file name no UTF-8",
        "empty",
        "zeros",
        "only a boundary",
    ],
)
def test_a_broken_form_is_told_and_nothing_is_kept(
    shelf: LocalPortal, scratch: Path, broken: Callable[[bytes], bytes]
) -> None:
    one = filer(shelf)
    before = one.stored()
    response = send_body(one, broken(multipart(one, [("file", "a.pdf", pdf()[1])])))
    page = assert_honest(response, 400)
    assert "ارفع الملف مرة أخرى" in page.text
    assert one.attached() == []
    assert one.stored() == before
    eventually(lambda: not list(scratch.iterdir()))
    # and the same upload, whole, is taken
    assert send_body(one, multipart(one, [("file", "a.pdf", pdf()[1])])).status_code == 303
    assert len(one.attached("papers")) == 1


def test_a_connection_that_breaks_leaves_nothing_behind(local: LocalPortal, scratch: Path) -> None:
    one = filer(local)
    before = one.stored()
    body = multipart(one, [("file", "a.pdf", pdf()[1] + bytes(300_000))])
    for part in (len(body) // 2, 400, len(body) - 3):
        _break_off(one, body, part)
    eventually(lambda: not list(scratch.iterdir()))
    assert one.attached() == []
    assert one.stored() == before
    assert one.send("papers", pdf()).status_code == 303


def _break_off(one: Filer, body: bytes, part: int) -> None:
    """A phone in a tunnel: the head, a part of the body, and then nothing any more."""
    where = urlsplit(one.portal.url)
    cookie = one.citizen.client.cookies["sid"]
    head = (
        f"POST /drafts/{one.draft}/documents/papers HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Cookie: sid={cookie}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), 10) as connection:
        connection.sendall(head.encode() + body[:part])


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data", "application/json", "text/plain", "application/pdf", "multipart/mixed"],
)
def test_a_body_of_another_kind_is_refused(shelf: LocalPortal, kind: str) -> None:
    one = filer(shelf)
    assert_honest(send_body(one, pdf()[1], kind), 415)
    assert one.attached() == []


def test_a_file_needs_the_token_of_its_page(local: LocalPortal, scratch: Path) -> None:
    one = filer(local)
    before = one.stored()
    path = f"/drafts/{one.draft}/documents/papers"
    for data in ({}, {"_csrf": "x" * 88}, {"_csrf": token(local.citizen())}):
        response = raw(one.citizen, "POST", path, data=data, files={"file": pdf()})
        assert_honest(response, 403)
    assert one.attached() == []
    assert one.stored() == before
    eventually(lambda: not list(scratch.iterdir()))


def test_uploads_leave_no_copies_on_the_way(local: LocalPortal, scratch: Path) -> None:
    one = filer(local)
    one.send("papers", pdf(), files.web_page(), photo())
    one.send("photos", *[png()] * 13)
    eventually(lambda: not list(scratch.iterdir()))
    assert len(one.attached("papers")) == 2


def test_an_upload_to_a_request_that_was_sent_is_told_so(local: LocalPortal) -> None:
    """Two tabs: one sends the request while the other still uploads."""
    citizen = local.someone()
    draft = begin(citizen)
    answer_all(local, citizen, draft, COMPLAINT, local.answers(COMPLAINT))
    upload(citizen, draft, "national_id_card", [photo()])
    number = leads_to(declare(citizen, draft)).split("/")[2]
    response = upload(citizen, draft, "papers", [pdf()])
    assert leads_to(response) in {f"/drafts/{draft}", f"/requests/{number}"}
    left = "SELECT count(*) AS n FROM attachments WHERE draft_id = :d"
    assert local.rows(left, d=draft)[0].n == 1
