"""A portal inside the test: real pages over HTTP, real database, the sandbox, a clock to turn."""

import asyncio
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from sqlalchemy import Executable, text

from portal.app import build_portal, create_app
from portal.catalogue.fields import Raw
from portal.core import build_loops
from portal.demo.loading import load_demo
from portal.holidays.register import fill_once
from portal.migrations.running import upgrade
from portal.settings import read_settings
from portal.web.assets import Assets
from portal.web.parts import Portal
from portal.worker import Worker
from tests.support.answers import MOBILE, NATIONAL_ID, Choose, Maker, first
from tests.support.databases import share_key
from tests.support.people import Citizen, Employee, Page
from tests.support.sandbox import SandboxProcess, eventually, free_port

_ASSETS = Assets()


class TurnableClock:
    """The machine's clock, moved ahead as far as a test likes."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **by: float) -> None:
        self.ahead += timedelta(**by)


class LocalPortal:
    """A portal of its own for one test, or for a few that do not disturb each other."""

    def __init__(
        self,
        var: Path,
        database_url: str,
        sandbox: SandboxProcess,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox = sandbox
        self._people = 0
        self.clock = TurnableClock()
        self.account = f"sk_test_{self.port}_{var.name}"
        self.stripe = sandbox.client(self.account)
        endpoint = self.stripe.v1.webhook_endpoints.create(
            {"url": f"{self.url}/webhooks/payments", "enabled_events": ["*"]}
        )
        self.webhook_secret = str(endpoint.secret)
        environment = {
            "PORTAL_PORT": str(self.port),
            "PORTAL_VAR": str(var),
            "PORTAL_DATABASE_URL": database_url,
            "PORTAL_PAYMENTS_BASE_URL": sandbox.url,
            "PORTAL_PAYMENTS_API_KEY": self.account,
            "PORTAL_PAYMENTS_WEBHOOK_SECRET": self.webhook_secret,
            **(settings or {}),
        }
        share_key(var)
        self.portal: Portal = build_portal(read_settings(environment), self.clock, _ASSETS)
        upgrade(self.portal.database)
        with self.portal.database.begin() as db:
            fill_once(db, self.clock.now())
        load_demo(self.portal)
        self.worker = Worker(self.portal)
        self.loops = build_loops(self.portal)
        self._serve()

    def _serve(self) -> None:
        ready = threading.Event()

        def run() -> None:
            asyncio.run(serving())

        async def serving() -> None:
            self._loop = asyncio.get_running_loop()
            self._server = Server(
                create_app(self.portal, _ASSETS),
                address="127.0.0.1",
                port=self.port,
                interface=Interfaces.ASGINL,
                websockets=False,
                log_level=LogLevels.error,
            )
            ready.set()
            await self._server.serve()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        ready.wait(10)
        eventually(self._answers, 30)

    def _answers(self) -> bool:
        try:
            return self.citizen().get("/health/live").status == 200
        except httpx.TransportError:  # on a busy machine the port opens a little later
            return False

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)
        self.loops.ways.close()
        self.portal.database.close()

    def citizen(self, national_id: str = NATIONAL_ID, mobile: str = MOBILE) -> Citizen:
        return Citizen(self.url, national_id, mobile)

    def someone(self) -> Citizen:
        """A citizen whom no other test knows, signed in."""
        self._people += 1
        return self.signed_in(mobile=f"0109{self._people:07d}")

    def signed_in(self, national_id: str = NATIONAL_ID, mobile: str = MOBILE) -> Citizen:
        citizen = self.citizen(national_id, mobile)
        page = citizen.sign_in()
        assert page.path.endswith("/requests"), page.text
        return citizen

    def employee(self, role: str, place: str = "KFS-003") -> Employee:
        made = Employee(self.url, f"{role}@{place}")
        page = made.sign_in()
        assert page.path != "/center/sign-in", page.text
        return made

    def answers(
        self,
        service: str,
        choose: Choose = first,
        fixed: Mapping[str, Any] | None = None,
        *,
        optional: bool = False,
        center: str = "KFS-003",
    ) -> dict[str, Raw]:
        """Answers with which the form of ``service`` is complete."""
        portal = self.portal
        with portal.database.read() as db:
            maker = Maker(
                portal.catalogue.services[service],
                portal.lookups(db),
                self.clock.now().date(),
                governorate=portal.places.centers[center].governorate,
                center=center,
                choose=choose,
                fixed=fixed or {},
                optional=optional,
            )
            return maker.make()

    def relay(self) -> None:
        """Let the relays and the messages do everything that is due."""
        while (
            self.loops.outward.run_once()
            + self.loops.inward.run_once()
            + sum(once() for once in self.loops.ways.pickups.values())
            + self.loops.sender.run_once()
        ):
            pass

    def filed(self, service: str, citizen: Citizen | None = None, **more: Any) -> Page:
        """A request that is paid and in its center's inbox."""
        page = (citizen or self.someone()).file(service, self.answers(service, **more))
        self.relay()
        return page

    def rows(self, statement: str | Executable, **values: Any) -> list[Any]:
        """What stands in the database."""
        asked = text(statement) if isinstance(statement, str) else statement
        with self.portal.database.read() as db:
            return list(db.execute(asked, values))

    def soon(self, check: Any, seconds: float = 10.0) -> None:
        """Wait for what another process does, working off what comes in meanwhile."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.relay()
            time.sleep(0.05)
