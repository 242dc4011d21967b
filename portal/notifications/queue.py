"""Queues messages to citizens, and sends what is queued until it is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from portal.clock import Clock, jitter
from portal.db import Database
from portal.i18n import Languages
from portal.loops import one_by_one
from portal.notifications.channels import Channel
from portal.notifications.compose import compose
from portal.notifications.model import OutgoingMessage
from portal.observability import log
from portal.vault import Vault

_RECIPIENT = "outgoing_messages.recipient"
_BATCH = 50
_LEASE = timedelta(minutes=1)  # longer than a gateway may take to answer
_NEW = insert(OutgoingMessage)


@dataclass(frozen=True)
class Recipient:
    """Whom to tell, and in which language."""

    mobile: str
    locale: str


def put(
    db: Connection,
    vault: Vault,
    to: Recipient,
    kind: str,
    params: Mapping[str, Any],
    at: datetime,
) -> None:
    """Queue a message of ``kind`` in the caller's transaction. ``params`` name no person."""
    row = {
        "kind": kind,
        "locale": to.locale,
        "recipient": vault.seal(_RECIPIENT, to.mobile),
        "params": {k: v.isoformat() if isinstance(v, date) else v for k, v in params.items()},
        "state": "waiting",
        "attempts": 0,
        "created_at": at,
        "available_at": at,
    }
    db.execute(_NEW, row)


def count_waiting(db: Connection) -> int:
    """How many messages are not sent yet."""
    found = select(func.count()).select_from(OutgoingMessage)
    return db.scalar(found.where(OutgoingMessage.state == "waiting")) or 0


class Sender:
    """Sends queued messages; a channel that fails is asked again, later each time."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        channel: Channel,
        languages: Languages,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._channel = channel
        self._languages = languages
        self._public_url = public_url
        self._clock = clock

    def run_once(self) -> int:
        """Send what is due; how many were taken up."""
        now = self._clock.now()
        with self._database.read() as db:
            rows = db.execute(
                select(
                    OutgoingMessage.id,
                    OutgoingMessage.kind,
                    OutgoingMessage.locale,
                    OutgoingMessage.recipient,
                    OutgoingMessage.params,
                    OutgoingMessage.attempts,
                )
                .where(OutgoingMessage.state == "waiting", OutgoingMessage.available_at <= now)
                .order_by(OutgoingMessage.available_at)
                .limit(_BATCH)
            ).all()
        return one_by_one("messages", rows, self._send)

    def _send(self, row: Any) -> bool:
        now = self._clock.now()
        if not self._write(row, now, available_at=now + _LEASE):
            return False  # another worker has it
        try:
            mobile = self._vault.open(_RECIPIENT, row.recipient)
            text = compose(self._languages[row.locale], row.kind, row.params, self._public_url)
            self._channel.send(mobile, text)
        except Exception as error:  # any failure, of ours or of a gateway, is tried again
            now = self._clock.now()
            again = now + timedelta(seconds=jitter(min(5.0 * 2**row.attempts, 900.0)))
            self._write(row, None, attempts=row.attempts + 1, available_at=again)
            log.warning("notification.retry", kind=row.kind, error=type(error).__name__)
        else:
            self._write(row, None, state="sent", sent_at=self._clock.now())
            log.info("notification.sent", kind=row.kind)
        return True

    def _write(self, row: Any, due_at: datetime | None, **values: Any) -> bool:
        """Write to a waiting message; with ``due_at`` only if it is due, and nobody was faster."""
        wanted = [OutgoingMessage.id == row.id, OutgoingMessage.state == "waiting"]
        if due_at is not None:
            wanted.append(OutgoingMessage.available_at <= due_at)
        with self._database.begin() as db:
            done = db.execute(update(OutgoingMessage).where(*wanted).values(**values))
        return done.rowcount == 1
