"""Both sides of the hand-off without pages: an outbox with its files, and a center far away.

The center's database holds the tables of a center and nothing else, the portal's only those of the
hand-off: whoever reaches over the wall finds no table there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Table, func, select

from portal import jws
from portal.backoffice.acts import Desk, Employee
from portal.backoffice.inbox import Inbox
from portal.backoffice.model import (
    CenterAct,
    CenterAssessment,
    CenterAssessmentLine,
    CenterDocument,
    CenterEvent,
    CenterRefusal,
    CenterRequest,
    CenterSerial,
    OfficeKey,
    TakenMessage,
)
from portal.clock import SettableClock, public_id
from portal.db import Base, Database
from portal.files import FileStore, Stored
from portal.handoff import outbox
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import REQUEST_PAID, Message
from portal.handoff.model import InwardEvent, OutboxColumns, OutboxMessage
from portal.handoff.packing import SignedPacking, Unpacking
from portal.handoff.relay import Relay
from portal.handoff.transports import Parcel, TransportDown
from portal.handoff.transports.embedded import EmbeddedTransport
from portal.identity.roles import Role
from portal.vault import Vault

AT = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
CENTER_TABLES = (
    TakenMessage,
    CenterRefusal,
    CenterRequest,
    CenterDocument,
    CenterAct,
    CenterAssessment,
    CenterAssessmentLine,
    CenterSerial,
    CenterEvent,
    OfficeKey,
)
_PRIVATE, _PUBLIC = jws.new_pair()
OPENING = Unpacking({"of-the-wall": jws.public_key(_PUBLIC)}.get)
PAPER = b"%PDF-1.7 the plan of the plot"


def signed(kind: str, payload: bytes) -> bytes:
    """As either side signs: there is one key for both here."""
    return jws.sign(jws.private_key(_PRIVATE), "of-the-wall", kind, payload)


class Center:
    """The receiver of messages: may be off, and remembers what it was given in which order."""

    def __init__(self, receive: Callable[[Message], None]) -> None:
        self._receive = receive
        self.off: set[str] = set()
        self.given: list[Message] = []

    def deliver(self, message: Message) -> None:
        if message.center in self.off:
            raise TransportDown(f"{message.center} does not answer")
        self.given.append(message)
        self._receive(message)


class Wall:
    """A portal's outbox on one side, a center's inbox on the other."""

    def __init__(self, folder: Path, portal_url: str, center_url: str) -> None:
        self.clock = SettableClock(AT)
        self.portal_url = portal_url
        self.vault = Vault(["portal" * 8])
        self.links = DocumentLinks(self.vault, "portal")
        self.portal, self.center = Database(portal_url), Database(center_url)
        _create(self.portal, [OutboxMessage, InwardEvent])
        _create(self.center, CENTER_TABLES)
        self.files = FileStore(folder / "portal", self.vault)
        self.copies = FileStore(folder / "center", Vault(["center" * 8]))
        self.center_vault = Vault(["center" * 8])
        self.inbox = Inbox(self.center, self.center_vault, self.copies, self.fetch, self.clock)
        self.receiver = Center(self.inbox.receive)
        self.packing = SignedPacking(self.links, self.clock, signed)
        self.relay = self.another_relay()

    def another_relay(self, database: Database | None = None) -> Relay:
        return Relay(
            database or self.portal,
            self.vault,
            OutboxMessage,
            EmbeddedTransport(self.hand_over),
            self.packing,
            self.clock,
        )

    def hand_over(self, parcel: Parcel) -> None:
        self.receiver.deliver(OPENING.unpack(parcel.body))

    def fetch(self, link: str) -> BinaryIO:
        return self.files.open(self.links.read(link, self.clock.now()))

    def close(self) -> None:
        self.portal.close()
        self.center.close()

    def store(self, content: bytes = PAPER) -> Stored:
        return self.files.put(BytesIO(content))

    def path(self, stored: Stored) -> Path:
        """Where a file of the portal lies on disk."""
        return self.files._path(stored.key)

    def put(
        self,
        number: str = "26-1503-00001-1",
        *stored: Stored,
        kind: str = REQUEST_PAID,
        center: str = "KFS-003",
        **changes: Any,
    ) -> Message:
        """A message about a request in the outbox, as filing and paying write it."""
        data = {**paid(stored), **changes}
        data = {name: value for name, value in data.items() if value is not None}
        message = Message(public_id(), kind, center, number, "portal", self.clock.now(), data)
        with self.portal.begin() as db:
            outbox.put(db, self.vault, OutboxMessage, message)
        return message

    def linked(self, message: Message) -> Message:
        """The message as it leaves now."""
        return self.links.linked(message, self.clock.now())

    def another(self, message: Message, **changes: Any) -> Message:
        return replace(message, id=public_id(), **changes)

    def row(self, message: Message) -> Any:
        """What the outbox says of a message."""
        with self.portal.read() as db:
            return db.execute(
                select(OutboxMessage.__table__).where(OutboxMessage.id == message.id)
            ).one()

    def count(self, model: type[Any]) -> int:
        """Rows of a table of the center."""
        with self.center.read() as db:
            return int(db.scalar(select(func.count()).select_from(model)) or 0)

    def copied(self) -> list[bytes]:
        """Every file that the center holds."""
        return [self.copies.read(key) for key in self.copies.keys()]  # noqa: SIM118

    def replay(self, message: Message, box: type[OutboxColumns] = OutboxMessage) -> bool:
        with self.portal.begin() as db:
            return bool(outbox.replay(db, box, outbox.Range([message.id]), self.clock.now()))

    def settle(self) -> None:
        while self.relay.run_once():
            pass

    @property
    def desk(self) -> Desk:
        return Desk(self.center_vault)


CLERK = Employee("front_office@KFS-003", "سعاد", Role.FRONT_OFFICE, "KFS-003")
HEAD = Employee("department_head@KFS-003", "حسن", Role.DEPARTMENT_HEAD, "KFS-003")


def paid(stored: Sequence[Stored] = ()) -> dict[str, Any]:
    """What a paid request carries, as far as a center needs it to take it."""
    return {
        "service": {
            "code": "building-line-statement",
            "title": {"ar": "بيان", "en": "Statement"},
            "department": {"code": "planning", "ar": "التنظيم"},
        },
        "applicant": {"name": "منى السيد", "capacity": "owner"},
        "submitted_at": AT.isoformat(),
        "clock": {"due_on": "2026-12-22"},
        "documents": [
            {
                "id": each.key,
                "code": "plan",
                "title": {"ar": "رسم", "en": "Plan"},
                "name": "plan.pdf",
                "media_type": "application/pdf",
                "size": each.size_bytes,
                "pages": 1,
                "sha256": each.sha256,
            }
            for each in stored
        ],
    }


def _create(database: Database, models: Sequence[type[Base]]) -> None:
    tables = [model.__table__ for model in models]
    with database.begin() as db:
        Base.metadata.create_all(db, tables=[t for t in tables if isinstance(t, Table)])
