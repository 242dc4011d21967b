"""Where the tests of a run keep their data.

What every database does alike is tested on one of them, SQLite; what could differ is tested on
SQLite and on PostgreSQL. ``TEST_DATABASE=postgresql ./dev test`` has all of it on PostgreSQL, and
``TEST_DATABASE=sqlite`` on SQLite. Tests that are about one of the two stay there. On SQLite:

- ``tests/browser`` where they walk through ``./dev run``: a newcomer's first start, on SQLite
- ``test_bad_luck``: SQLite's lock and its limits; PostgreSQL's locks have tests beside them
- ``test_personal_data``: all that was written down is searched for a person, byte by byte; the
  files of PostgreSQL hold long values compressed, where such a search would find nothing
- ``test_attacks``: that what the portal writes, a database among it, is for its user alone
- ``test_operations``, ``test_running``, ``test_settings``: what a start says before there is a
  database, with the address that stands when none is given
- the journal of the program that a center runs, which is always SQLite
"""

import os
import shutil
import uuid
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType

import pytest

from portal.clock import SystemClock
from portal.core import build_core
from portal.demo.loading import load_demo
from portal.migrations.running import upgrade
from portal.settings import read_settings
from tests.support.once import once
from tests.support.postgres import Postgres, running_postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_CHOSEN = os.environ.get("TEST_DATABASE", "")
if _CHOSEN not in {"", SQLITE, POSTGRESQL}:
    raise pytest.UsageError(f"TEST_DATABASE: {_CHOSEN!r} is neither {SQLITE} nor {POSTGRESQL}")
BOTH = (_CHOSEN,) if _CHOSEN else (SQLITE, POSTGRESQL)
"""What is tested on one database and on the other, unless one of them is chosen."""
ONE = BOTH[0]
"""Where everything else is tested."""
OTHER = BOTH[-1]
"""For the second half of what is shared out between them."""


class Databases:
    """New databases; the server is started when the first of its databases is asked for."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._ending = ExitStack()

    def __enter__(self) -> "Databases":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()

    @cached_property
    def server(self) -> Postgres:
        """A PostgreSQL for all tests of this worker."""
        return self._ending.enter_context(running_postgres())

    def empty(self, folder: Path, kind: str = ONE) -> str:
        """The address of a database without tables; SQLite's is a file in ``folder``."""
        if kind == POSTGRESQL:
            return self.server.fresh_database()
        return f"sqlite:///{folder / f'{uuid.uuid4().hex[:8]}.sqlite3'}"

    def loaded(self, folder: Path, kind: str = ONE) -> str:
        """The same with tables, demo accounts and registers, which take a second to make."""
        made = self._loaded_on_postgresql if kind == POSTGRESQL else self._loaded_on_sqlite
        return self.copy(made, folder)

    def copy(self, url: str, folder: Path) -> str:
        """The address of a new database like that one, to which nobody may be connected."""
        if url.startswith(POSTGRESQL):
            return self.server.copy_of(url)
        folder.mkdir(parents=True, exist_ok=True)
        copied = self.empty(folder, SQLITE)
        shutil.copy(_file_of(url), _file_of(copied))
        return copied

    def forget(self, url: str) -> None:
        """Give up the room of a database that nobody uses any more."""
        if url.startswith(POSTGRESQL):
            self.server.drop(url)
            return
        file = _file_of(url)
        for each in file.parent.glob(f"{file.name}*"):  # and what SQLite keeps beside it
            each.unlink()

    @property
    def _loaded_on_sqlite(self) -> str:
        return f"sqlite:///{once(self._folders, 'loaded', _load) / 'portal.sqlite3'}"

    @cached_property
    def _loaded_on_postgresql(self) -> str:
        url = self.server.fresh_database()
        _load(self._folders.mktemp("loaded-postgresql"), PORTAL_DATABASE_URL=url)
        return url


def _file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


SHARED_KEY = "of-all-portals-in-tests-" * 3


def share_key(var: Path) -> None:
    """The key of all test portals: what is copied from one database opens in the other."""
    var.mkdir(parents=True, exist_ok=True)
    if not (var / "secret_key").exists():
        (var / "secret_key").write_text(SHARED_KEY, encoding="ascii")


def _load(var: Path, **environment: str) -> None:
    share_key(var)
    core = build_core(read_settings({"PORTAL_VAR": str(var), **environment}), SystemClock())
    upgrade(core.database)
    load_demo(core)
    core.database.close()
