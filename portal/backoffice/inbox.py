"""The queue of a center: messages taken once, requests shown by their legal deadline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, Connection, case, func, insert, select, update

from portal.backoffice.model import (
    CenterAct,
    CenterDocument,
    CenterRequest,
    TakenMessage,
)
from portal.clock import Clock, public_id
from portal.db import Database, insert_missing
from portal.files import FileStore, Stored
from portal.handoff.messages import (
    REQUEST_COMPLETED,
    REQUEST_PAID,
    REQUEST_RESCHEDULED,
    REQUEST_SHELVED,
    Message,
)
from portal.handoff.transports import Poison, TransportDown
from portal.observability import log, reason_of
from portal.problems import Missing
from portal.vault import SealBroken, Vault

RECEIVED, DOCUMENT_CHECK, NEEDS_COMPLETION = "received", "document_check", "needs_completion"
REFERRED, APPROVED, REFUSED, ISSUED = "referred", "approved", "refused", "issued"
SHELVED = "shelved"
PAGE_SIZE = 20
SYSTEM = "system"

_NAME = "center_requests.applicant_name"
_PAYLOAD = "center_requests.payload"
FILE_NAME = "center_documents.file_name"
NOTE = "center_acts.note"


@dataclass(frozen=True)
class QueuedRequest:
    """A line of the queue."""

    id: int
    request_number: str
    service_code: str
    service_title: Mapping[str, str]
    department: str
    applicant_name: str
    state: str
    open: bool
    notice: bool
    due_on: date | None
    submitted_at: datetime
    incoming_number: int | None
    incoming_year: int | None


@dataclass(frozen=True)
class Queue:
    """One page of a center's queue, with the counts above it."""

    rows: Sequence[QueuedRequest]
    total: int
    page: int
    overdue: int
    due_today: int
    all_open: int
    unregistered: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


@dataclass(frozen=True)
class StoredDocument:
    """A document as the staff's page lists it."""

    id: str
    code: str
    title: Mapping[str, str]
    file_name: str
    media_type: str
    size_bytes: int
    pages: int
    storage_key: str
    round: int
    output: bool
    added_at: datetime


@dataclass(frozen=True)
class PastAct:
    """One line of the center's own history."""

    act: str
    state: str
    actor_name: str
    note: str
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class OpenedRequest:
    """A request with everything that staff need to decide."""

    line: QueuedRequest
    payload: Mapping[str, Any]
    documents: Sequence[StoredDocument]
    acts: Sequence[PastAct]


class Inbox:
    """Takes the hand-off's messages. ``fetch`` opens a document that a message links to."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        files: FileStore,
        fetch: Callable[[str], BinaryIO],
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._files = files
        self._fetch = fetch
        self._clock = clock

    def receive(self, message: Message) -> None:
        """Take ``message``; a repetition changes nothing.

        Raises :class:`Poison` for what can never be taken and :class:`TransportDown` for what
        comes too early.
        """
        take = {
            REQUEST_PAID: self._take_request,
            REQUEST_COMPLETED: self._take_completion,
            REQUEST_SHELVED: self._take_shelving,
            REQUEST_RESCHEDULED: self._take_new_deadline,
        }.get(message.type)
        if take is None:
            raise Poison(f"unknown type {message.type}")
        with self._database.read() as db:
            if db.scalar(select(TakenMessage.id).where(TakenMessage.id == message.id)):
                return
        copies: list[tuple[Mapping[str, Any], Stored]] = []
        kept = False
        try:
            for document in message.data.get("documents", ()):
                copies.append((document, self._copy(document)))  # noqa: PERF401 - kept if it fails
            with self._database.begin() as db:
                fresh = self._mark_taken(db, message)
                if fresh:
                    take(db, message, copies)
            kept = fresh
        except (KeyError, TypeError, ValueError) as error:
            raise Poison(reason_of(error)) from error
        finally:
            if not kept:
                for _, stored in copies:
                    self._files.drop(stored.key)
        log.info("inbox.taken", type=message.type, request=message.subject, center=message.center)

    def _copy(self, document: Mapping[str, Any]) -> Stored:
        """The center's own copy, which must be what the message tells of.

        A document that is lost or was changed will not come right by itself: a person must look.
        """
        try:
            with self._fetch(str(document["href"])) as source:
                stored = self._files.put(source)
        except (Missing, SealBroken) as error:
            raise Poison(f"document {document['id']}: {reason_of(error)}") from error
        if stored.sha256 != document["sha256"]:
            self._files.drop(stored.key)
            raise Poison(f"document {document['id']}: not the one that the message tells of")
        return stored

    def _mark_taken(self, db: Connection, message: Message) -> bool:
        taken = insert_missing(
            db, insert(TakenMessage).values(id=message.id, taken_at=self._clock.now())
        )
        return taken is not None

    def _take_request(
        self,
        db: Connection,
        message: Message,
        copies: Sequence[tuple[Mapping[str, Any], Stored]],
    ) -> None:
        data, now = message.data, self._clock.now()
        due = data["clock"]["due_on"]
        here = select(CenterRequest.id).where(CenterRequest.request_number == message.subject)
        if db.scalar(here):
            raise Poison("another message brought this request already")
        request_id = db.scalar(
            insert(CenterRequest)
            .values(
                request_number=message.subject,
                center_code=message.center,
                service_code=data["service"]["code"],
                service_title=data["service"]["title"],
                department=data["service"]["department"]["code"],
                applicant_name=self._vault.seal(_NAME, data["applicant"]["name"]),
                payload=self._vault.seal_json(_PAYLOAD, dict(data)),
                state=RECEIVED,
                open=True,
                notice=bool(data["service"].get("notice")),
                due_on=date.fromisoformat(due) if due else None,
                submitted_at=datetime.fromisoformat(data["submitted_at"]),
                taken_at=now,
            )
            .returning(CenterRequest.id)
        )
        self._keep_copies(db, int(request_id or 0), copies, 0, now)
        record_act(db, self._vault, int(request_id or 0), "receive", RECEIVED, now)

    def _take_completion(
        self,
        db: Connection,
        message: Message,
        copies: Sequence[tuple[Mapping[str, Any], Stored]],
    ) -> None:
        row = self._known(db, message)
        now, due = self._clock.now(), message.data["clock"]["due_on"]
        done = db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id, CenterRequest.state == NEEDS_COMPLETION)
            .values(
                state=row.resume_state,
                resume_state=None,
                due_on=date.fromisoformat(due) if due else None,
            )
        )
        if not done.rowcount:
            raise TransportDown("no completion is asked for yet")
        last = db.scalar(
            select(func.max(CenterDocument.round)).where(CenterDocument.center_request_id == row.id)
        )
        self._keep_copies(db, row.id, copies, (last or 0) + 1, now)
        note = str(message.data.get("note", ""))
        record_act(db, self._vault, row.id, "complete", row.resume_state or "", now, note=note)

    def _take_shelving(
        self,
        db: Connection,
        message: Message,
        _copies: Sequence[tuple[Mapping[str, Any], Stored]],
    ) -> None:
        row, now = self._known(db, message), self._clock.now()
        db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id)
            .values(state=SHELVED, open=False, closed_at=now)
        )
        record_act(db, self._vault, row.id, "shelve", SHELVED, now)

    def _take_new_deadline(
        self,
        db: Connection,
        message: Message,
        _copies: Sequence[tuple[Mapping[str, Any], Stored]],
    ) -> None:
        """The legal period is longer now: a holiday was announced."""
        row = self._known(db, message)
        due = date.fromisoformat(message.data["clock"]["due_on"])
        db.execute(update(CenterRequest).where(CenterRequest.id == row.id).values(due_on=due))

    @staticmethod
    def _known(db: Connection, message: Message) -> Any:
        row = db.execute(
            select(CenterRequest.id, CenterRequest.resume_state).where(
                CenterRequest.request_number == message.subject,
                CenterRequest.center_code == message.center,
            )
        ).one_or_none()
        if row is None:
            raise TransportDown("the request itself has not come yet")
        return row

    def _keep_copies(
        self,
        db: Connection,
        request_id: int,
        copies: Sequence[tuple[Mapping[str, Any], Stored]],
        number: int,
        at: datetime,
    ) -> None:
        for document, stored in copies:
            keep_document(
                db,
                self._vault,
                NewDocument(
                    request_id=request_id,
                    code=str(document["code"]),
                    title=document.get("title") or {},
                    file_name=str(document["name"]),
                    media_type=str(document["media_type"]),
                    pages=int(document.get("pages", 1)),
                    round=number,
                    output=False,
                ),
                stored,
                at,
            )


@dataclass(frozen=True)
class NewDocument:
    """What is known of a document beside its bytes."""

    request_id: int
    code: str
    title: Mapping[str, Any]
    file_name: str
    media_type: str
    pages: int
    round: int
    output: bool


def keep_document(
    db: Connection, vault: Vault, document: NewDocument, stored: Stored, at: datetime
) -> str:
    """Add a stored document to a request; its id."""
    identity = public_id()
    db.execute(
        insert(CenterDocument).values(
            id=identity,
            center_request_id=document.request_id,
            code=document.code,
            title=dict(document.title),
            file_name=vault.seal(FILE_NAME, document.file_name),
            media_type=document.media_type,
            size_bytes=stored.size_bytes,
            pages=document.pages,
            sha256=stored.sha256,
            storage_key=stored.key,
            round=document.round,
            output=document.output,
            added_at=at,
        )
    )
    return identity


def record_act(
    db: Connection,
    vault: Vault,
    request_id: int,
    act: str,
    state: str,
    at: datetime,
    *,
    actor: str = SYSTEM,
    actor_name: str = "",
    note: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the center's history of a request."""
    db.execute(
        insert(CenterAct).values(
            center_request_id=request_id,
            act=act,
            state=state,
            actor=actor,
            actor_name=actor_name,
            note=vault.seal(NOTE, note) if note else None,
            data=dict(data or {}),
            at=at,
        )
    )


_COLUMNS = (
    CenterRequest.id,
    CenterRequest.request_number,
    CenterRequest.service_code,
    CenterRequest.service_title,
    CenterRequest.department,
    CenterRequest.applicant_name,
    CenterRequest.state,
    CenterRequest.open,
    CenterRequest.notice,
    CenterRequest.due_on,
    CenterRequest.submitted_at,
    CenterRequest.incoming_number,
    CenterRequest.incoming_year,
)


def queue(
    db: Connection,
    vault: Vault,
    center: str,
    today: date,
    *,
    number: str = "",
    service: str = "",
    state: str = "",
    page: int = 1,
) -> Queue:
    """The open requests of ``center``, oldest legal deadline first; with the citizen, last.

    With ``number`` or ``state`` closed ones are found as well.
    """
    here = CenterRequest.center_code == center
    where: list[ColumnElement[bool]] = [here]
    if number:
        where.append(CenterRequest.request_number == number)
    if service:
        where.append(CenterRequest.service_code == service)
    if state:
        where.append(CenterRequest.state == state)
    if not number and not state:
        where.append(CenterRequest.open.is_(True))
    waits = case((CenterRequest.state == NEEDS_COMPLETION, 1), else_=0)
    undated = case((CenterRequest.due_on.is_(None), 1), else_=0)
    rows = db.execute(
        select(*_COLUMNS)
        .where(*where)
        .order_by(waits, undated, CenterRequest.due_on, CenterRequest.id)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    ).all()
    total = db.scalar(select(func.count()).select_from(CenterRequest).where(*where))
    running = here & CenterRequest.open & (CenterRequest.state != NEEDS_COMPLETION)
    counts = db.execute(
        select(
            func.coalesce(
                func.sum(case((running & (CenterRequest.due_on < today), 1), else_=0)), 0
            ),
            func.coalesce(
                func.sum(case((running & (CenterRequest.due_on == today), 1), else_=0)), 0
            ),
            func.count(),
            func.coalesce(func.sum(case((CenterRequest.state == RECEIVED, 1), else_=0)), 0),
        ).where(here, CenterRequest.open)
    ).one()
    return Queue(
        [_queued(vault, row) for row in rows],
        total or 0,
        page,
        int(counts[0]),
        int(counts[1]),
        int(counts[2]),
        int(counts[3]),
    )


def open_request(db: Connection, vault: Vault, center: str, number: str) -> OpenedRequest:
    """A request of ``center``; another center's is as missing as an unknown one."""
    row = db.execute(
        select(*_COLUMNS, CenterRequest.payload).where(
            CenterRequest.request_number == number, CenterRequest.center_code == center
        )
    ).one_or_none()
    if row is None:
        raise Missing(f"request {number}")
    documents = db.execute(
        select(CenterDocument.__table__)
        .where(CenterDocument.center_request_id == row.id)
        .order_by(CenterDocument.round, CenterDocument.added_at, CenterDocument.id)
    )
    acts = db.execute(
        select(CenterAct.__table__)
        .where(CenterAct.center_request_id == row.id)
        .order_by(CenterAct.id)
    )
    return OpenedRequest(
        _queued(vault, row),
        vault.open_json(_PAYLOAD, row.payload),
        [_stored(vault, document) for document in documents],
        [
            PastAct(
                act.act,
                act.state,
                act.actor_name,
                vault.open(NOTE, act.note) if act.note else "",
                act.data,
                act.at,
            )
            for act in acts
        ],
    )


def document(
    db: Connection, vault: Vault, center: str, number: str, document_id: str
) -> StoredDocument:
    """One document of a request of ``center``; raises :class:`~portal.problems.Missing`."""
    row = db.execute(
        select(CenterDocument.__table__)
        .join(CenterRequest, CenterRequest.id == CenterDocument.center_request_id)
        .where(
            CenterDocument.id == document_id,
            CenterRequest.request_number == number,
            CenterRequest.center_code == center,
        )
    ).one_or_none()
    if row is None:
        raise Missing(f"document {document_id}")
    return _stored(vault, row)


def document_by_id(db: Connection, vault: Vault, document_id: str) -> StoredDocument:
    """A document by its id alone: for links that the center itself signed."""
    row = db.execute(
        select(CenterDocument.__table__).where(CenterDocument.id == document_id)
    ).one_or_none()
    if row is None:
        raise Missing(f"document {document_id}")
    return _stored(vault, row)


def _queued(vault: Vault, row: Any) -> QueuedRequest:
    return QueuedRequest(
        row.id,
        row.request_number,
        row.service_code,
        row.service_title,
        row.department,
        vault.open(_NAME, row.applicant_name),
        row.state,
        row.open,
        row.notice,
        row.due_on,
        row.submitted_at,
        row.incoming_number,
        row.incoming_year,
    )


def _stored(vault: Vault, row: Any) -> StoredDocument:
    return StoredDocument(
        row.id,
        row.code,
        row.title,
        vault.open(FILE_NAME, row.file_name),
        row.media_type,
        row.size_bytes,
        row.pages,
        row.storage_key,
        row.round,
        row.output,
        row.added_at,
    )
