"""Queues messages to citizens, and sends what is queued until it is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from portal.clock import Clock, jitter
from portal.db import Database
from portal.i18n import Languages
from portal.notifications.channels import Channel
from portal.notifications.compose import compose
from portal.notifications.model import OutgoingMessage
from portal.observability import log
from portal.vault import Vault

_RECIPIENT = "outgoing_messages.recipient"
_BATCH = 50


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
    db.execute(
        insert(OutgoingMessage).values(
            kind=kind,
            locale=to.locale,
            recipient=vault.seal(_RECIPIENT, to.mobile),
            params={k: v.isoformat() if isinstance(v, date) else v for k, v in params.items()},
            state="waiting",
            attempts=0,
            created_at=at,
            available_at=at,
        )
    )


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
        for row in rows:
            self._send(row)
        return len(rows)

    def _send(self, row: Any) -> None:
        mobile = self._vault.open(_RECIPIENT, row.recipient)
        text = compose(self._languages[row.locale], row.kind, row.params, self._public_url)
        try:
            self._channel.send(mobile, text)
        except Exception as error:  # any failure of a gateway is a reason to try again
            wait = timedelta(seconds=jitter(min(5.0 * 2**row.attempts, 900.0)))
            self._write(row.id, attempts=row.attempts + 1, available_at=self._clock.now() + wait)
            log.warning("notification.retry", kind=row.kind, error=type(error).__name__)
        else:
            self._write(row.id, state="sent", sent_at=self._clock.now())
            log.info("notification.sent", kind=row.kind)

    def _write(self, message_id: int, **values: Any) -> None:
        with self._database.begin() as db:
            db.execute(
                update(OutgoingMessage).where(OutgoingMessage.id == message_id).values(**values)
            )
