"""The parts of a portal that tell bodies of changes, with a clock to turn and webhooks to tell."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, func, select

from portal.bodies import notices
from portal.bodies.accounts import Body
from portal.bodies.answering import Answered, Question
from portal.bodies.courier import Courier
from portal.bodies.jobs import Job, Jobs, accept, find
from portal.bodies.model import BodyNotice, Purpose
from portal.bodies.watching import Announcer
from portal.clock import cairo_day
from portal.core import Core, build_core
from portal.migrations.running import upgrade
from portal.permits.numbers import PermitNumber
from portal.settings import read_settings
from tests.support.asked import CENTER, USER, make_body, put_permit
from tests.support.certificates import Authority
from tests.support.databases import share_key
from tests.support.local import TurnableClock
from tests.support.webhook import Webhook, webhook


@dataclass
class Office:
    """One of its own for the tests of a module; each brings bodies and permits of its own."""

    core: Core
    clock: TurnableClock
    authority: Authority
    announcer: Announcer
    courier: Courier
    jobs: Jobs
    environment: Mapping[str, str]
    _webhooks: ExitStack

    def webhook(self) -> Webhook:
        return self._webhooks.enter_context(webhook(self.authority.issue("receiver")))

    def body(self, url: str, **more: Any) -> Body:
        return make_body(self.core, url, **more)

    def ask(self, body: Body, number: PermitNumber, reference: str = "2026/881") -> Answered:
        question = Question(USER, reference, CENTER, number)
        agreement = body.agreements[Purpose.CONNECTION]
        with self.core.database.begin() as db:
            now = self.clock.now()
            return self.core.answering.answer(db, body, agreement, question, now)

    def watched(self, *bodies: Body) -> tuple[int, PermitNumber]:
        """A permit that these bodies have asked about."""
        permit_id, number = put_permit(self.core)
        for body in bodies:
            self.ask(body, number)
        return permit_id, number

    def batch(self, body: Body, lines: int) -> Job:
        """A batch about permits that are not there; each line has a reference of its own."""
        year = cairo_day(self.clock.now()).year
        questions = [
            Question(USER, f"line {n}", CENTER, PermitNumber(n + 1, "", year)) for n in range(lines)
        ]
        purpose, now = Purpose.CONNECTION, self.clock.now()
        with self.core.database.begin() as db:
            return accept(db, self.core.vault, body.code, purpose, "batch", questions, now)

    def job(self, body: Body, job_id: str) -> Job:
        with self.core.database.read() as db:
            found = find(db, body.code, job_id)
        assert found is not None
        return found

    def work(self) -> None:
        """Answer all lines that may be answered now."""
        while self.jobs.run_once():
            pass

    def announce(self) -> None:
        while self.announcer.run_once():
            pass

    def deliver(self) -> None:
        """Announce, and deliver all that is due."""
        self.announce()
        while self.courier.run_once():
            assert self.courier.rest(60)

    def later(self, **by: float) -> None:
        self.clock.advance(**by)

    def rows(self, statement: Executable) -> list[Any]:
        with self.core.database.read() as db:
            return list(db.execute(statement))

    def waiting(self, body: Body) -> int:
        of_body = BodyNotice.body_code == body.code
        return int(
            self.rows(select(func.count()).where(of_body, BodyNotice.ended_at.is_(None)))[0][0]
        )

    def standing(self, body: Body) -> notices.Standing:
        with self.core.database.read() as db:
            return notices.standing(db, [body.code])[0]


def courier_of(core: Core, authority: Authority | None = None) -> Courier:
    """One more worker's, which believes the certificates of ``authority``."""
    sign = core.signatures.sign_bytes
    path = authority.path if authority else None
    return Courier(core.database, sign, core.clock, path, loopback=True)


@contextmanager
def open_office(var: Path, database_url: str) -> Iterator[Office]:
    share_key(var)
    authority = Authority(var)
    environment = {
        "PORTAL_VAR": str(var),
        "PORTAL_DATABASE_URL": database_url,
        "PORTAL_WEBHOOKS_CA": str(authority.path),
        "PORTAL_WEBHOOKS_LOOPBACK": "1",
    }
    settings, clock = read_settings(environment), TurnableClock()
    core = build_core(settings, clock)
    upgrade(core.database)
    with ExitStack() as webhooks:
        announcer = Announcer(core.database, core.vault, settings.public_url, clock)
        courier = courier_of(core, authority)
        jobs = Jobs(core.database, core.vault, core.answering, clock)
        yield Office(core, clock, authority, announcer, courier, jobs, environment, webhooks)
    core.database.close()
