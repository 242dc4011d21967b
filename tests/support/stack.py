"""The whole portal as real processes: sandbox, pages, worker; each can be killed by itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Executable

from portal.catalogue.fields import Raw
from portal.catalogue.loader import shipped_catalogue
from portal.clock import cairo_day
from portal.db import Database
from portal.i18n import Languages
from portal.places.model import load_places
from portal.requests.lookups import FormLookups, PlaceLists
from tests.support.answers import MOBILE, Maker
from tests.support.people import Citizen, Employee
from tests.support.plain import PLAIN
from tests.support.sandbox import eventually, free_port

ROOT = Path(__file__).parents[2]
PARTS = ("sandbox", "worker", "serve")  # "worker-2" is one more of them
EVERYTHING = "run"  # what ``./dev run`` starts: migrations, demo data and all parts


class Stack:
    """A start of the portal with a folder, ports and a database of its own."""

    def __init__(
        self, var: Path, database_url: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        self.var = var
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.database_url = database_url or f"sqlite:///{var / 'portal.sqlite3'}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
        self.environment = {
            **kept,
            "PORTAL_PORT": str(self.port),
            "PORTAL_SANDBOX_PORT": str(self.sandbox_port),
            "PORTAL_VAR": str(var),
            "PORTAL_DATABASE_URL": self.database_url,
            **(settings or {}),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> "Stack":
        """Migrate and load the demo's accounts and registers."""
        self.command("migrate")
        self.command("demo", "--no-requests")
        return self

    def command(self, *arguments: str) -> str:
        """Run a command of the portal's command line; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "portal", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *parts: str) -> "Stack":
        for part in parts or PARTS:
            log = (self.var / f"{part}.log").open("ab")
            whole = [str(ROOT / "dev"), "run"]
            self._processes[part] = subprocess.Popen(
                whole
                if part == EVERYTHING
                else [sys.executable, "-m", "portal", part.partition("-")[0]],
                env=self.environment,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
            log.close()
        try:
            for part in parts or PARTS:
                self._await(part)
        except BaseException:  # Ctrl-C as well: nobody else knows of them yet
            self.stop()
            raise
        return self

    def _await(self, part: str) -> None:
        addresses = {
            "sandbox": f"{self.sandbox_url}/sandbox/control",
            "serve": f"{self.url}/health/ready",
        }
        if part in addresses:
            eventually(lambda: self._answers(part, addresses[part]), 60)
        if part == EVERYTHING:
            for address in addresses.values():
                eventually(lambda a=address: self._answers(part, a), 120)  # type: ignore[misc]

    def _answers(self, part: str, address: str) -> bool:
        ended = self._processes[part].poll()
        assert ended is None, f"{part} ended: {self.log(part)[-2000:]}"
        try:
            return httpx.get(address, trust_env=False, verify=PLAIN).status_code == 200
        except httpx.TransportError:
            return False

    def log(self, part: str) -> str:
        return (self.var / f"{part}.log").read_text(encoding="utf-8", errors="replace")

    def pid(self, part: str) -> int:
        return self._processes[part].pid

    @property
    def running(self) -> list[str]:
        return list(self._processes)

    def kill(self, *parts: str) -> None:
        """What a power cut does: no process gets to tidy up."""
        for part in parts:
            process = self._processes.pop(part)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(8)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()
        self.database.close()

    @cached_property
    def database(self) -> Database:
        """For looking at what the processes wrote."""
        return Database(self.database_url)

    def rows(self, statement: Executable) -> list[Any]:
        """What stands in the database."""
        with self.database.read() as db:
            return list(db.execute(statement))

    def answers(self, service: str, **more: Any) -> dict[str, Raw]:
        """Answers with which the form of ``service`` is complete, at KFS-003."""
        places, languages = load_places(), Languages()
        with self.database.read() as db:
            lookups = FormLookups(PlaceLists(places), db, languages.pair)
            today = cairo_day(datetime.now(UTC))
            return Maker(shipped_catalogue().services[service], lookups, today, **more).make()

    def citizen(self, mobile: str = MOBILE) -> Citizen:
        return Citizen(self.url, mobile=mobile)

    def employee(self, role: str, place: str = "KFS-003") -> Employee:
        made = Employee(self.url, f"{role}@{place}")
        page = made.sign_in()
        assert page.path == "/center/inbox", page.text
        return made
