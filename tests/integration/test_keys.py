"""Keys of personal data are changed without a stop and without a loss."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import LargeBinary, select

from portal.backoffice.model import CenterRequest
from portal.clock import SystemClock
from portal.core import build_core, build_loops
from portal.db import Base, Database
from portal.files import FileStore
from portal.handoff.model import OutboxMessage
from portal.identity import otp
from portal.identity.model import Citizen as CitizenRow
from portal.requests.model import Attachment, ServiceRequest
from portal.rotation import rotate
from portal.settings import Settings, read_settings
from portal.vault import SealBroken, Vault
from tests.support.commands import run_command
from tests.support.databases import POSTGRESQL, SHARED_KEY, Databases
from tests.support.local import LocalPortal
from tests.support.looking import quiet_logs
from tests.support.sandbox import SandboxProcess, eventually

SERVICE = "address-numbering-certificate"
OLD, NEW = SHARED_KEY, "new-key-" * 6
BOTH = f"{NEW} {OLD}"


@pytest.fixture
def keyed(
    database_kind: str, databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> Iterator[LocalPortal]:
    url = databases.loaded(tmp_path, database_kind)
    portal = _portal_with_the_old_key(tmp_path / "var", url, payment_server)
    yield portal
    portal.close()


def _portal_with_the_old_key(var: Path, url: str, sandbox: SandboxProcess) -> LocalPortal:
    """A portal with something of everything."""
    portal = LocalPortal(var, url, sandbox, {"PORTAL_SECRET_KEYS": OLD})
    citizen = portal.signed_in()
    number = portal.filed(SERVICE, citizen).hook("request-number")
    clerk = portal.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "completion", {"completion_note": "أرسل رقم العداد", "days": "7"})
    portal.relay()
    citizen.fill("works-start-notice", portal.answers("works-start-notice"))  # a draft
    citizen.file(SERVICE, portal.answers(SERVICE))  # its message waits
    return portal


def _sealed(database: Database) -> Iterator[tuple[str, bytes]]:
    """Every sealed value, with the place that it is sealed to."""
    with database.read() as db:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, LargeBinary) and column.type.length is None:
                    for value in db.scalars(select(column).where(column.is_not(None))):
                        yield f"{table.name}.{column.name}", value


def _assert_only(vault: Vault, portal: LocalPortal) -> None:
    """Everything opens with this key alone, and is found by its hashes."""
    values = list(_sealed(portal.portal.database))
    assert len({place for place, _ in values}) >= 12, "something of nearly everything is there"
    for place, value in values:
        assert vault.is_current(value), place
        vault.open_bytes(place, value)
    for row in portal.rows(select(CitizenRow.__table__)):
        for name in ("national_id", "mobile"):
            plain = vault.open(f"citizens.{name}", getattr(row, name))
            assert getattr(row, f"{name}_index") == vault.index(name, plain)
    folder = portal.portal.settings.files_dir
    stores = [FileStore(folder / side, vault) for side in ("portal", "centers")]
    kept = {key: store for store in stores for key in store.keys()}  # noqa: SIM118
    attachments = portal.rows(select(Attachment.storage_key, Attachment.size_bytes))
    assert len(attachments) > 2
    for key, size in attachments:
        assert len(kept[key].read(key)) == size
    for key, store in kept.items():
        store.read(key)


def _with_keys(settings: Settings, keys: str) -> Settings:
    return read_settings(
        {
            "PORTAL_VAR": str(settings.var),
            "PORTAL_DATABASE_URL": settings.database_url,
            "PORTAL_SECRET_KEYS": keys,
        }
    )


def test_after_a_rotation_the_old_key_is_not_needed_for_anything(keyed: LocalPortal) -> None:
    settings = keyed.portal.settings
    code, said = run_command(settings, "secrets", "rotate", PORTAL_SECRET_KEYS=NEW)
    assert code == 1, "the old one is needed until then"
    assert said.splitlines()[-1].startswith("portal: PORTAL_SECRET_KEYS: the key that sealed")

    citizen_id = keyed.rows(select(CitizenRow.id))[0][0]
    code, said = run_command(settings, "secrets", "rotate", PORTAL_SECRET_KEYS=BOTH)
    assert code == 0, said
    assert re.search(r"^citizens: [1-9]", said, re.MULTILINE)
    _assert_only(Vault([NEW]), keyed)

    code, said = run_command(settings, "secrets", "rotate", PORTAL_SECRET_KEYS=BOTH)
    assert code == 0
    assert set(re.findall(r": (\d+)$", said, re.MULTILINE)) == {"0"}, "nothing is left to do"

    core = build_core(_with_keys(settings, NEW), SystemClock())
    with core.database.begin() as db:
        found = otp.citizen_for(db, core.vault, "29001018800018", "+201012345678", core.clock.now())
    assert found == citizen_id, "the person is found under the new hashes"
    with quiet_logs():
        build_loops(core).outward.run_once()
    core.database.close()
    sent = {row[0] for row in keyed.rows(select(OutboxMessage.state))}
    assert sent == {"sent"}, "documents of what waited are fetched by links of the new key"
    assert len(keyed.rows(select(CenterRequest.id))) == 2


def test_a_rotation_that_was_broken_off_is_finished_by_the_next(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> None:
    """In the middle of the rows, and in the middle of a file."""
    url = databases.loaded(tmp_path)
    portal = _portal_with_the_old_key(tmp_path / "var", url, payment_server)
    settings = portal.portal.settings
    core = build_core(_with_keys(settings, BOTH), SystemClock())
    broken_off = rotate(core)
    for _ in range(4):
        next(broken_off)
    stored = next(iter(core.files.keys()))
    half = core.files._path(stored).with_suffix(".part")
    half.write_bytes(b"half")
    current = {core.vault.is_current(value) for _, value in _sealed(core.database)}
    assert current == {True, False}, "it is in the middle"
    for place, value in _sealed(core.database):
        core.vault.open_bytes(place, value)
    core.database.close()
    assert run_command(settings, "secrets", "rotate", PORTAL_SECRET_KEYS=BOTH)[0] == 0
    _assert_only(Vault([NEW]), portal)
    assert not half.exists()
    portal.close()


def test_a_rotation_that_is_killed_leaves_everything_readable(
    databases: Databases, payment_server: SandboxProcess, tmp_path: Path
) -> None:
    """Killed for certain in the middle: another one holds a table that comes late."""
    address = databases.loaded(tmp_path, POSTGRESQL)
    portal = LocalPortal(tmp_path, address, payment_server, {"PORTAL_SECRET_KEYS": OLD})
    portal.filed(SERVICE)
    url = portal.portal.settings.database_url
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
    environment |= {"PORTAL_VAR": str(tmp_path), "PORTAL_DATABASE_URL": url}
    both = Vault([NEW, OLD])
    with psycopg.connect(url.replace("+psycopg", "")) as holder:
        holder.execute("LOCK TABLE attachments IN EXCLUSIVE MODE")
        rotating = subprocess.Popen(
            [sys.executable, "-m", "portal", "secrets", "rotate"],
            env={**environment, "PORTAL_SECRET_KEYS": BOTH},
            start_new_session=True,
        )
        requests = select(ServiceRequest.answers)
        eventually(lambda: both.is_current(portal.rows(requests)[0][0]), 30)
        os.killpg(rotating.pid, signal.SIGKILL)
        rotating.wait()
    names = portal.rows(select(Attachment.file_name))
    assert not any(both.is_current(row[0]) for row in names), "these were not reached"
    for place, value in _sealed(portal.portal.database):
        both.open_bytes(place, value)
    code, said = run_command(portal.portal.settings, "secrets", "rotate", PORTAL_SECRET_KEYS=BOTH)
    assert code == 0, said
    for place, value in _sealed(portal.portal.database):
        Vault([NEW]).open_bytes(place, value)
        with pytest.raises(SealBroken):
            Vault([OLD]).open_bytes(place, value)
    portal.close()
