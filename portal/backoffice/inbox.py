"""The inbox of the centers: each message of the hand-off is taken once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO

from sqlalchemy import Connection, func, insert, select, update

from portal.backoffice.folder import (
    ACCEPTED_PRELIM,
    APPROVED,
    DEEMED_APPROVED,
    DEEMED_REFUSED,
    FEES_ASSESSED,
    FEES_PROPOSED,
    GRIEVANCE,
    ISSUED,
    NAME,
    NEEDS_COMPLETION,
    PAYLOAD,
    RECEIVED,
    REFUSED,
    SHELVED,
    WITHDRAWN,
    NewDocument,
    keep_document,
    record_act,
)
from portal.backoffice.model import (
    CenterAssessment,
    CenterDocument,
    CenterRequest,
    TakenMessage,
)
from portal.clock import Clock
from portal.db import Database, insert_missing
from portal.files import FileStore, Stored
from portal.handoff.messages import (
    CONDITIONS_MET,
    EVENT_REJECTED,
    FEES_PAID,
    GRIEVANCE_FILED,
    PERIOD_LAPSED,
    REQUEST_COMPLETED,
    REQUEST_PAID,
    REQUEST_RESCHEDULED,
    REQUEST_SHELVED,
    REQUEST_WITHDRAWN,
    Message,
)
from portal.handoff.transports import Poison, TransportDown
from portal.observability import log, reason_of
from portal.problems import Missing
from portal.vault import SealBroken, Vault

# What becomes of a request when its period has passed without a decision, by the service's rule
_LAPSED = {
    "deemed_approved": DEEMED_APPROVED,
    "deemed_accepted_prelim": ACCEPTED_PRELIM,
    "deemed_refused": DEEMED_REFUSED,
}


_DECIDED = (APPROVED, ISSUED, REFUSED)
_Copies = Sequence[tuple[Mapping[str, Any], Stored]]
"""The documents that a message tells of, with the center's own copy of each."""


def _due(message: Message) -> date | None:
    """The last day of the legal period; None while none runs."""
    due = message.data["clock"]["due_on"]
    return date.fromisoformat(due) if due else None


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
            CONDITIONS_MET: self._take_notice,
            FEES_PAID: self._take_payment,
            REQUEST_WITHDRAWN: self._take_withdrawal,
            GRIEVANCE_FILED: self._take_grievance,
            PERIOD_LAPSED: self._take_lapse,
            EVENT_REJECTED: self._take_rejection,
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

    def _take_request(self, db: Connection, message: Message, copies: _Copies) -> None:
        data, now = message.data, self._clock.now()
        # the queue is everybody's: it does not name whom the departments may not know
        hidden = (data.get("hidden_from_departments") or {}).get("sections")
        name = "" if hidden else data["applicant"]["name"]
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
                applicant_name=self._vault.seal(NAME, name),
                payload=self._vault.seal_json(PAYLOAD, dict(data)),
                state=RECEIVED,
                open=True,
                notice=bool(data["service"].get("notice")),
                due_on=_due(message),
                submitted_at=datetime.fromisoformat(data["submitted_at"]),
                taken_at=now,
            )
            .returning(CenterRequest.id)
        )
        self._keep_copies(db, int(request_id or 0), copies, 0, now)
        record_act(db, self._vault, int(request_id or 0), "receive", RECEIVED, now)

    def _take_completion(self, db: Connection, message: Message, copies: _Copies) -> None:
        row = self._known(db, message)
        now = self._clock.now()
        done = db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id, CenterRequest.state == NEEDS_COMPLETION)
            .values(
                state=row.resume_state,
                resume_state=None,
                due_on=_due(message),
            )
        )
        if not done.rowcount:
            raise TransportDown("no completion is asked for yet")
        self._keep_copies(db, row.id, copies, self._next_round(db, row.id), now)
        note = str(message.data.get("note", ""))
        record_act(db, self._vault, row.id, "complete", row.resume_state or "", now, note=note)

    def _take_shelving(self, db: Connection, message: Message, _copies: _Copies) -> None:
        self._close(db, message, "shelve", SHELVED)

    def _take_notice(self, db: Connection, message: Message, _copies: _Copies) -> None:
        """The citizen says that the conditions are met: a new period runs."""
        row, now = self._known(db, message), self._clock.now()
        db.execute(
            update(CenterRequest).where(CenterRequest.id == row.id).values(due_on=_due(message))
        )
        record_act(db, self._vault, row.id, "ready_notice", ACCEPTED_PRELIM, now)

    def _take_payment(self, db: Connection, message: Message, _copies: _Copies) -> None:
        """The assessed fees of a stage are paid: the request goes on where it stopped."""
        row, now, data = self._known(db, message), self._clock.now(), message.data
        receipt = str(data["receipt"])[:20]
        settled = db.execute(
            update(CenterAssessment)
            .where(
                CenterAssessment.center_request_id == row.id,
                CenterAssessment.stage == data["stage"],
                CenterAssessment.state == "approved",
            )
            .values(state="settled", receipt=receipt, settled_at=now)
        )
        done = db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id, CenterRequest.state == FEES_ASSESSED)
            .values(
                state=row.resume_state,
                resume_state=None,
                due_on=_due(message),
            )
        )
        if not settled.rowcount or not done.rowcount:
            raise TransportDown("no fees of this stage are asked for yet")
        paid = {"stage": data["stage"], "amount": int(data["amount"]), "receipt": receipt}
        state = row.resume_state or ""
        record_act(db, self._vault, row.id, "pay_assessed", state, now, data=paid)

    def _take_new_deadline(self, db: Connection, message: Message, _copies: _Copies) -> None:
        """The legal period ends on another day: a holiday, an outage, a new period."""
        row = self._known(db, message)
        moved = update(CenterRequest).where(CenterRequest.id == row.id)
        db.execute(moved.values(due_on=_due(message)))

    def _take_withdrawal(self, db: Connection, message: Message, _copies: _Copies) -> None:
        """The citizen gives it up: there is nothing more to do."""
        self._close(db, message, "withdraw", WITHDRAWN)

    def _take_grievance(self, db: Connection, message: Message, copies: _Copies) -> None:
        """The citizen challenges the refusal: it is open again."""
        row, now = self._known(db, message), self._clock.now()
        db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id)
            .values(state=GRIEVANCE, open=True, closed_at=None)
        )
        self._keep_copies(db, row.id, copies, self._next_round(db, row.id), now)
        note = str(message.data.get("note", ""))
        record_act(db, self._vault, row.id, "file_grievance", GRIEVANCE, now, note=note)

    def _take_lapse(self, db: Connection, message: Message, _copies: _Copies) -> None:
        """The period is over: what the law says of silence holds, unless the decision was made in
        time and is still on its way."""
        row, now, effect = self._known(db, message), self._clock.now(), str(message.data["effect"])
        state = _LAPSED[effect]
        if row.state in _DECIDED:
            record_act(db, self._vault, row.id, "lapse_silence", row.state, now)
            return
        closed = state == DEEMED_REFUSED
        values: dict[str, Any] = {"state": state}
        if not closed and row.state in {FEES_PROPOSED, FEES_ASSESSED}:
            values = {"resume_state": state}  # the fees go their way, and it comes back to this
        db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id)
            .values(
                **values,
                open=not closed,
                closed_at=now if closed else None,
                due_on=_due(message),
            )
        )
        record_act(db, self._vault, row.id, "lapse_silence", state, now)

    def _take_rejection(
        self,
        _db: Connection,
        message: Message,
        _copies: _Copies,
    ) -> None:
        """Our own event was wrong: whoever looks after the portal must see that."""
        event, problem = message.data["event"], message.data["problem"]
        log.error(
            "inbox.rejected",
            type=str(event["type"]),
            request=str(event["subject"]),
            center=message.center,
            reason=str(problem["type"])[:80],
        )

    def _close(self, db: Connection, message: Message, act: str, state: str) -> None:
        """There is nothing more to do."""
        row, now = self._known(db, message), self._clock.now()
        db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id)
            .values(state=state, open=False, closed_at=now)
        )
        note = str(message.data.get("note", ""))
        record_act(db, self._vault, row.id, act, state, now, note=note)

    @staticmethod
    def _next_round(db: Connection, request_id: int) -> int:
        last = db.scalar(
            select(func.max(CenterDocument.round)).where(
                CenterDocument.center_request_id == request_id
            )
        )
        return (last or 0) + 1

    @staticmethod
    def _known(db: Connection, message: Message) -> Any:
        row = db.execute(
            select(CenterRequest.id, CenterRequest.state, CenterRequest.resume_state).where(
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
        copies: _Copies,
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
