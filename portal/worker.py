"""The worker: relays, messages, payments that were not heard of, deadlines of waiting.

Each loop runs by itself in a thread; one that fails is written down and goes on. Stopping lets the
round under way end.
"""

import signal
import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, select
from sqlalchemy.orm import InstrumentedAttribute

from payments.provider import ProviderError
from portal.backoffice.model import CenterDocument
from portal.bodies import buckets, repeats, tokens
from portal.clock import SystemClock, cairo_day
from portal.core import Core, build_core, build_loops
from portal.handoff import inward, keys, outbox
from portal.handoff import uploads as center_uploads
from portal.handoff.transports import AtBroker, TransportDown
from portal.handoff.uploads import CenterUpload
from portal.holidays.register import calendar as holiday_calendar
from portal.identity import held, otp, sessions, staff
from portal.observability import log
from portal.outages import health, register, watching
from portal.outages.health import Part
from portal.outages.register import Scope
from portal.outages.watching import Seen
from portal.permits import quarters, registry, retention
from portal.permits.backlog_model import PermitScan
from portal.permits.model import PermitImport
from portal.requests import drafts, uploads
from portal.requests.model import Attachment
from portal.settings import Settings

_TO_PAY = (Scope.PORTAL, Scope.PROVIDER)  # who cannot reach one of them cannot pay
_OTP_KEPT = timedelta(days=1)
# Long ended, and still known by who sends a form that was open over it: see identity/held.py
_ENDED_KEPT = timedelta(days=1)
_UNKNOWN_KEPT = timedelta(days=1)  # an upload under way has its file before its row


class Worker:
    """Runs the loops until it is told to stop."""

    def __init__(self, core: Core) -> None:
        self._core = core
        loops = build_loops(core)
        self._stop = threading.Event()
        self._loops = loops
        pickups = loops.ways.pickups
        rounds: list[tuple[str, float, Callable[[], int] | None]] = [
            ("outward", 0.2, loops.outward.run_once),
            ("inward", 0.2, loops.inward.run_once),
            ("centers", 0.1, pickups.get("centers")),
            ("answers", 0.1, pickups.get("answers")),
            ("waiting", 2.0, loops.door.try_again),
            ("messages", 0.5, loops.sender.run_once),
            ("jobs", 0.5, loops.jobs.run_once),
            ("announce", 1.0, loops.announcer.run_once),
            ("notices", 0.5, loops.courier.run_once),
            ("events", 2.0, core.payment_news.work_off_events),
            ("sweep", 15.0, core.payment_news.sweep),
            ("refunds", 2.0, core.refunder.make_approved),
            ("provider", 60.0, self._ask_provider),
            ("watch", 60.0, self._watch_centers),
            ("outages", 60.0, core.toller.run_once),
            ("catch_up", 600.0, core.payment_news.catch_up),
            ("reconcile", 600.0, core.reconciling.run_due),
            ("unpaid", 60.0, self._unless_out(core.cashier.expire_unpaid, *_TO_PAY)),
            ("shelve", 60.0, self._unless_out(loops.shelver.run_once, Scope.PORTAL)),
            ("silence", 600.0, self._unless_out(loops.lapser.run_once, Scope.PORTAL)),
            ("permits", 3600.0, self._propose_lapses),
            ("quarters", 600.0, self._close_quarters),
            ("imports", 1.0, loops.imports.run_once),
            ("tidy", 3600.0, self._tidy),
            ("files", 86400.0, self._tidy_files),
        ]
        self._rounds = [(name, each, once) for name, each, once in rounds if once is not None]

    def run(self) -> None:
        """Run until :meth:`stop`."""
        threads = [
            threading.Thread(target=self._loop, args=round_, name=round_[0], daemon=True)
            for round_ in self._rounds
        ]
        for thread in threads:
            thread.start()
        while not self._stop.wait(0.5):
            pass
        self._loops.courier.close()
        for thread in threads:
            thread.join(timeout=5)
        self._loops.ways.close()

    def stop(self) -> None:
        self._stop.set()

    def run_once(self) -> int:
        """One round of every loop, for tests and commands; how much was done."""
        return sum(once() for _, _, once in self._rounds)

    def _loop(self, name: str, seconds: float, once: Callable[[], int]) -> None:
        while not self._stop.is_set():
            try:
                busy = once() > 0
            except Exception as error:  # a loop never ends because of one bad round
                log.error("worker.failed", kind=name, error=type(error).__name__, exc_info=error)
                busy = False
            self._stop.wait(0.01 if busy and seconds < 1 else seconds)

    def _ask_provider(self) -> int:
        core = self._core
        try:
            any(core.provider.payouts(core.clock.now(), core.clock.now()))  # the lightest question
        except ProviderError:
            with core.database.begin() as db:
                health.fails(db, Part.PROVIDER, core.clock.now())
            return 0
        with core.database.begin() as db:
            return health.works(db, Part.PROVIDER, core.clock.now())

    def _watch_centers(self) -> int:
        """Look whether the centers with systems of their own answer; what that changed.

        While the door is closed or the broker away nobody can: then nothing is looked at.
        """
        core, now = self._core, self._core.clock.now()
        with core.database.read() as db:
            foreign = sorted(keys.foreign(db))
            if health.in_doubt(db, (Scope.PORTAL,), now):
                return 0
        try:
            at_broker = self._loops.ways.standing() if foreign else {}
        except TransportDown:
            return 0
        with core.database.begin() as db:
            unanswered = outbox.unanswered_centers(db)
            seen = [self._seen(db, each, at_broker.get(each), unanswered) for each in foreign]
            noticed = watching.look(db, seen, core.settings.silent_for, now)
        for center in noticed.silent:
            log.warning("center.silent", center=center)
        for center in noticed.heard:
            log.info("center.heard", center=center)
        return len(noticed.silent) + len(noticed.heard)

    def _seen(
        self, db: Connection, center: str, at_broker: AtBroker | None, unanswered: Collection[str]
    ) -> Seen:
        governorate = self._core.places.centers[center].governorate
        return Seen(
            center,
            governorate,
            holiday_calendar(db, governorate),
            center in unanswered or (at_broker is not None and at_broker.waits > 0),
            at_broker.acknowledged_at if at_broker is not None else None,
            inward.heard_at(db, center),
        )

    def _unless_out(self, end_what_is_over: Callable[[], int], *scopes: Scope) -> Callable[[], int]:
        """A round that waits until these are no longer out and what that took was given back."""

        def once() -> int:
            core = self._core
            with core.database.read() as db:
                if health.in_doubt(db, scopes, core.clock.now()) or register.holds_up(db, scopes):
                    return 0
            return end_what_is_over()

        return once

    def _propose_lapses(self) -> int:
        core = self._core
        with core.database.begin() as db:
            return registry.propose_lapses(db, cairo_day(core.clock.now()))

    def _close_quarters(self) -> int:
        core, done = self._core, 0
        while quarters.close_due(core.database, core.clock.now()):
            done += 1
        return done

    def _tidy(self) -> int:
        now, core = self._core.clock.now(), self._core
        dropped = 0
        while idle := self._drop_idle_drafts(now):
            dropped += idle
        while forgotten := self._forget_inquiries(now):
            dropped += forgotten
        while over := self._loops.imports.let_go(core.settings.permit_files_kept):
            dropped += over
        with core.database.begin() as db:
            dropped += sessions.drop_expired(db, now - _ENDED_KEPT)
            dropped += held.drop_old(db, now)
            dropped += otp.drop_old(db, now - _OTP_KEPT)
            dropped += staff.forget_failures(db, now - _OTP_KEPT)
            dropped += buckets.forget_full(db, now)
            dropped += repeats.forget_old(db, now)
            dropped += tokens.forget_old(db, now)
            unnamed = center_uploads.drop_old(db, now - center_uploads.KEPT)
        for key in unnamed:
            core.uploaded_files.drop(key)
        return dropped + len(unnamed) + self._loops.imports.tidy()

    def _drop_idle_drafts(self, now: datetime) -> int:
        """Some of the drafts that nobody touches any more, with their files; how many."""
        core = self._core
        with core.database.begin() as db:
            idle = drafts.discard_idle(db, now - timedelta(days=drafts.IDLE_DAYS))
            files = uploads.forget(db, idle)
        for key in files:
            core.files.drop(key)
        return len(idle)

    def _forget_inquiries(self, now: datetime) -> int:
        """Some of the questions about permits whose time is over; how many."""
        core = self._core
        with core.database.begin() as db:
            forgotten = retention.forget_pace(db, now - retention.PACE_KEPT)
            return forgotten + retention.drop_old(db, now - core.settings.permit_log_kept)

    def _tidy_files(self) -> int:
        """Drop stored files that no row names: left by a power cut at the wrong moment."""
        core = self._core
        before = core.clock.now() - _UNKNOWN_KEPT
        dropped = 0
        for store, *columns in (
            (core.files, Attachment.storage_key, PermitScan.storage_key),
            (core.center_files, CenterDocument.storage_key),
            (core.uploaded_files, CenterUpload.storage_key),
            (core.permit_files, PermitImport.storage_key),
        ):
            dropped += store.drop_unknown(before, partial(self._known, columns))
        return dropped

    def _known(self, columns: list[InstrumentedAttribute[str]], keys: list[str]) -> set[str]:
        """Those that a row names in one of the columns."""
        with self._core.database.read() as db:
            return {
                key
                for column in columns
                for key in db.scalars(select(column).where(column.in_(keys)))
            }


def run_worker(settings: Settings) -> None:
    """The process: until SIGTERM or SIGINT."""
    worker = Worker(build_core(settings, SystemClock()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    log.info("worker.started")
    worker.run()
    log.info("worker.stopped")
