"""Ways to wear the portal out or to slip past its limits, tried as an attacker would."""

import os
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from portal.identity import staff
from portal.identity.roles import Role
from portal.web import http_forms
from tests.support.commands import run_command
from tests.support.databases import Databases
from tests.support.drafting import COMPLAINT, begin
from tests.support.files import photo
from tests.support.local import LocalPortal
from tests.support.looking import assert_honest, fields, leads_to, raw, stranger, token
from tests.support.plain import PLAIN
from tests.support.sandbox import SandboxProcess, eventually
from tests.support.signing_in import clerk, staff_page
from tests.support.typist import at_page

MANY = [("file", (f"{n}.bin", b"x" * 20_000, "image/jpeg")) for n in range(12)]
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files of forms lie where no other worker's do."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def _left() -> set[Path]:
    """Files of forms that wait on this machine for being looked at."""
    return set(Path(tempfile.gettempdir()).glob("upload-*"))


# --- the disk ---


@pytest.mark.parametrize("proof", ["right", "wrong"])
def test_a_form_that_takes_no_files_keeps_none(still: LocalPortal, proof: str) -> None:
    nobody = still.citizen()
    before = _left()
    values = fields(nobody) if proof == "right" else {"_csrf": "x"}
    response = raw(nobody, "POST", "/sign-in", data=values, files=MANY)
    assert response.status_code == (422 if proof == "right" else 403)
    eventually(lambda: not _left() - before)


def test_who_has_not_signed_in_writes_no_file(still: LocalPortal) -> None:
    nobody, before = still.citizen(), _left()
    seen: set[Path] = set()

    def body() -> Iterator[bytes]:
        yield FILE
        for _ in range(20):
            yield b"x" * 1_000_000
            seen.update(_left() - before)
        yield b"\r\n--b--\r\n"

    paths = {
        "/drafts/x/documents/y": "/sign-in",
        "/requests/x/complete/y": "/sign-in",
        "/center/requests/x/approve": "/center/sign-in",
    }
    for path, sign_in in paths.items():
        response = raw(nobody, "POST", path, content=body(), headers=MULTIPART)
        assert leads_to(response) == sign_in
    assert not seen


def test_an_upload_is_no_way_to_fill_the_memory(still: LocalPortal) -> None:
    citizen = still.someone()
    path = f"/drafts/{begin(citizen)}/documents/national_id_card"
    text = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 60_000 + b"\r\n"
    response = raw(citizen, "POST", path, content=text * 10 + b"--b--\r\n", headers=MULTIPART)
    assert_honest(response, 413)


@pytest.mark.parametrize("path", ["/sign-in", "/webhooks/payments"])
def test_a_body_that_trickles_is_not_waited_for(
    still: LocalPortal, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(http_forms, "PATIENCE_SECONDS", 0.5)
    kind = "application/x-www-form-urlencoded"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 9\r\n\r\na"
    with socket.create_connection(("127.0.0.1", still.port), timeout=10) as slow:
        slow.sendall(head.encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


# --- limits by address ---


def _ask(portal: LocalPortal, *headers: tuple[str, str]) -> int:
    one = stranger(portal)
    typed = fields(one, national_id=one.national_id, mobile=one.mobile)
    address = f"{one.base_url}/sign-in"
    request = one.client.build_request("POST", address, data=typed)
    sent = [*request.headers.multi_items(), *headers]
    return one.client.send(
        httpx.Request("POST", address, headers=sent, content=request.read()),
        follow_redirects=False,
    ).status_code


@pytest.mark.parametrize(
    "forwarded",
    [
        lambda n: [("x-forwarded-for", f"198.51.100.{n}, 192.0.2.7{f':{n}' * (n % 2)}")],
        lambda n: [("x-forwarded-for", f"198.51.100.{n}"), ("x-forwarded-for", "192.0.2.8")],
        # some proxies write the port behind the address
        lambda n: [
            ("x-forwarded-for", f"[2001:db8:1:2::{n:x}]:{n}" if n % 2 else "2001:db8:1:2::")
        ],
    ],
    ids=["in front", "in a header of its own", "anywhere in a network of IPv6"],
)
def test_no_address_that_one_can_choose_passes_the_limit(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path, forwarded: object
) -> None:
    url = databases.loaded(tmp_path)
    portal = LocalPortal(tmp_path, url, payment_server, {"PORTAL_TRUSTED_PROXIES": "1"})
    try:
        assert callable(forwarded)
        answers = [_ask(portal, *forwarded(n)) for n in range(1, 62)]
        assert answers == [303] * 60 + [429]
        assert _ask(portal, ("x-forwarded-for", "2001:db8:1:3::1")) == 303
    finally:
        portal.close()


# --- numbers that are none ---


@pytest.mark.parametrize("row", ["²", "9" * 5000, "-1", "", "٠"])
def test_a_row_that_is_not_there_is_not_removed(still: LocalPortal, row: str) -> None:
    service = "excavation-permit"
    group = next(
        (step.code, field.code)
        for step in still.portal.catalogue.services[service].steps
        for field in step.fields
        if field.kind == "group" and not field.rows_by
    )
    one = at_page(still, group[0], service)
    values = fields(one.citizen, "/requests", _remove=f"{group[1]}.{row}")
    assert raw(one.citizen, "POST", one.path, data=values).status_code == 303


# --- at once ---


def test_completions_sent_at_once_do_not_pass_the_limit(local: LocalPortal) -> None:
    citizen, officer = local.someone(), local.employee("front_office")
    number = local.filed(COMPLAINT, citizen).hook("request-number")
    officer.act(number, "register", {})
    officer.act(number, "completion", {"completion_note": "أرسل رقم العداد", "days": "7"})
    local.relay()
    proof = token(citizen, "/requests")

    def send(_: int) -> int:
        return httpx.post(
            f"{citizen.base_url}/requests/{number}/complete/answer",
            data={"_csrf": proof},
            files=[("file", photo())] * 2,
            cookies=dict(citizen.client.cookies),
            trust_env=False,
            verify=PLAIN,
            timeout=30,
        ).status_code

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(6)))
    kept = local.rows("SELECT count(*) AS n FROM attachments WHERE document_code = 'answer'")
    assert kept[0].n == 5


# --- by the back door ---


@pytest.mark.parametrize(
    "act",
    [
        "refuse",
        "completion",
        "approve",
        "register",
        "accept",
        "accept-prelim",
        "assess",
        "confirm-fees",
        "return-fees",
    ],
)
def test_a_wrong_form_shows_no_request_to_who_may_not_see_it(local: LocalPortal, act: str) -> None:
    number = local.filed(COMPLAINT).hook("request-number")
    name = f"{act}@KFS-003"
    with local.portal.database.begin() as db:
        password = staff.hash_password("a password of his own")
        now = local.clock.now()
        staff.add(db, name, "سامي", Role.BACKLOG_ENTRY, "KFS-003", password, now)
    employee = clerk(local, name)
    assert leads_to(staff_page(employee, "a password of his own")) == "/center/inbox"
    proof = {"_csrf": token(employee, "/center/inbox")}
    response = raw(employee, "POST", f"/center/requests/{number}/{act}", data=proof)
    assert_honest(response, 403)


# --- what others on the machine may read ---


def test_what_is_written_is_for_its_user_alone(still: LocalPortal, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        address = f"sqlite:///{tmp_path / 'var' / 'portal.sqlite3'}"
        more = {"PORTAL_VAR": str(tmp_path / "var"), "PORTAL_DATABASE_URL": address}
        code, said = run_command(still.portal.settings, "migrate", **more)
        assert code == 0, said
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path.stat().st_uid == os.getuid()]
    assert written
    assert not [path for path in written if path.stat().st_mode & 0o077]
