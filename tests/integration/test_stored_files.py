"""Files once they are taken: how they are kept and given back, and what breaks on the way."""

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

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
from tests.support.filer import BOUNDARY, Filer, filer, multipart, send_body
from tests.support.files import pdf, photo, png
from tests.support.local import LocalPortal
from tests.support.looking import (
    assert_honest,
    directives,
    leads_to,
    only_the_words,
    quiet_logs,
    raw,
    token,
)
from tests.support.sandbox import eventually

# --- how it is kept and given back ---


def test_a_file_is_given_back_so_that_it_can_do_nothing(shared: LocalPortal) -> None:
    one = filer(shared)
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


def test_a_drawing_is_only_ever_saved(still: LocalPortal) -> None:
    citizen = still.someone()
    one = Filer(still, citizen, begin(citizen, "building-permit-new"))
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
def test_a_hostile_name_is_only_a_name(still: LocalPortal, sent: str, shown: str) -> None:
    one = filer(still)
    before = set(one.stored())
    body = multipart(one, [("file", sent, pdf()[1])])
    response = send_body(one, body)
    if response.status_code != 303:  # a name that cannot be read at all may be refused
        assert response.status_code in {400, 422}, response.status_code
        assert not set(one.stored()) - before
        return
    page = one.citizen.get(f"/drafts/{one.draft}/documents")
    (link,) = page.tree.xpath("//span[@class='file__name']/a")
    assert str(link.findtext("bdi")).strip() == shown
    assert not page.tree.xpath("//span[@class='file__name']//b")
    (path,) = set(one.stored()) - before
    assert path.resolve().is_relative_to(still.portal.settings.files_dir)
    assert path.stem.isalnum()
    assert not path.suffix


def test_nothing_of_a_file_can_be_read_on_the_disk(alone: LocalPortal) -> None:
    marked = b"MARK-OF-THIS-DOCUMENT"
    content = files.marked_pdf(marked)[1]
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
        _assert_told_as_lost(one)


def test_a_file_that_is_lost_is_told_honestly(alone: LocalPortal) -> None:
    one = filer(alone)
    one.send("papers", pdf())
    (path,) = one.stored()
    path.unlink()
    with quiet_logs() as lines:
        _assert_told_as_lost(one)
    assert "file.lost" in [line["event"] for line in lines]


def _assert_told_as_lost(one: Filer) -> None:
    page = assert_honest(one.fetch("papers"), 500)
    assert "مفقود أو تالف" in page.text
    # it can be taken out and sent again
    (address,) = one.attached("papers")
    remove = f"/drafts/{one.draft}/documents/papers/{address.split('/')[-1]}/remove"
    assert post(one.citizen, remove).status_code == 303
    assert one.send("papers", pdf()).status_code == 303
    assert one.fetch("papers").status_code == 200


def test_a_file_of_someone_else_is_missing(shared: LocalPortal) -> None:
    owner, other = filer(shared), filer(shared)
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


def test_the_files_of_a_request_are_its_owners(shared: LocalPortal) -> None:
    owner, other = shared.someone(), shared.someone()
    draft = ready_to_send(shared, owner)
    number = leads_to(declare(owner, draft)).split("/")[2]
    (file,) = shared.rows("SELECT id FROM attachments WHERE draft_id = :d", d=draft)
    address = f"/requests/{number}/files/{file.id}"
    given = raw(owner, "GET", address)
    assert given.status_code == 200
    assert given.headers["x-content-type-options"] == "nosniff"
    assert_honest(raw(other, "GET", address), 404)
    mine = leads_to(declare(other, ready_to_send(shared, other))).split("/")[2]
    assert_honest(raw(other, "GET", f"/requests/{mine}/files/{file.id}"), 404)


def test_a_draft_that_is_discarded_takes_its_files_with_it(shared: LocalPortal) -> None:
    one = filer(shared)
    before = one.stored()
    one.send("papers", pdf(), photo())
    assert len(one.stored()) == len(before) + 2
    assert post(one.citizen, f"/drafts/{one.draft}/discard").status_code == 303
    assert one.stored() == before


# --- what breaks on the way ---


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
        lambda _body: b"--" + BOUNDARY.encode(),
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
    still: LocalPortal, scratch: Path, broken: Callable[[bytes], bytes]
) -> None:
    one = filer(still)
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


def test_a_connection_that_breaks_leaves_nothing_behind(shared: LocalPortal, scratch: Path) -> None:
    one = filer(shared)
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
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), 10) as connection:
        connection.sendall(head.encode() + body[:part])


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data", "application/json", "text/plain", "application/pdf", "multipart/mixed"],
)
def test_a_body_of_another_kind_is_refused(still: LocalPortal, kind: str) -> None:
    one = filer(still)
    assert_honest(send_body(one, pdf()[1], kind), 415)
    assert one.attached() == []


def test_a_file_needs_the_token_of_its_page(shared: LocalPortal, scratch: Path) -> None:
    one = filer(shared)
    before = one.stored()
    path = f"/drafts/{one.draft}/documents/papers"
    for data in ({}, {"_csrf": "x" * 88}, {"_csrf": token(shared.citizen())}):
        response = raw(one.citizen, "POST", path, data=data, files={"file": pdf()})
        assert_honest(response, 403)
    assert one.attached() == []
    assert one.stored() == before
    eventually(lambda: not list(scratch.iterdir()))


def test_uploads_leave_no_copies_on_the_way(shared: LocalPortal, scratch: Path) -> None:
    one = filer(shared)
    one.send("papers", pdf(), files.web_page(), photo())
    one.send("photos", *[png()] * 13)
    eventually(lambda: not list(scratch.iterdir()))
    assert len(one.attached("papers")) == 2


def test_an_upload_to_a_request_that_was_sent_is_told_so(shared: LocalPortal) -> None:
    """Two tabs: one sends the request while the other still uploads."""
    citizen = shared.someone()
    draft = begin(citizen)
    answer_all(shared, citizen, draft, COMPLAINT, shared.answers(COMPLAINT))
    upload(citizen, draft, "national_id_card", [photo()])
    number = leads_to(declare(citizen, draft)).split("/")[2]
    response = upload(citizen, draft, "papers", [pdf()])
    assert leads_to(response) in {f"/drafts/{draft}", f"/requests/{number}"}
    left = "SELECT count(*) AS n FROM attachments WHERE draft_id = :d"
    assert shared.rows(left, d=draft)[0].n == 1
