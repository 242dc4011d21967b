"""The demo's phone: what was sent, newest first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from portal.notifications.model import SandboxMessage
from portal.vault import Vault


@dataclass(frozen=True)
class Shown:
    """One message as it arrived."""

    channel: str
    recipient: str
    body: str
    sent_at: datetime


def newest(db: Connection, vault: Vault, most: int = 100) -> list[Shown]:
    rows = db.execute(
        select(
            SandboxMessage.channel,
            SandboxMessage.recipient,
            SandboxMessage.body,
            SandboxMessage.sent_at,
        )
        .order_by(SandboxMessage.id.desc())
        .limit(most)
    )
    return [
        Shown(
            row.channel,
            vault.open("sandbox_messages.recipient", row.recipient),
            vault.open("sandbox_messages.body", row.body),
            row.sent_at,
        )
        for row in rows
    ]
