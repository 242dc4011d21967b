"""What staff do with a request: register, accept, ask for completion, decide.

Fees are assessed in :mod:`portal.backoffice.assessing`. Each act is one transaction: the request's
row taken by its state, the center's history, and the event for the portal, which goes out through
the center's own outbox.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select, update

from portal import notes
from portal.backoffice import stages
from portal.backoffice.folder import (
    ACCEPTED_PRELIM,
    DEEMED_APPROVED,
    DOCUMENT_CHECK,
    FEES_PROPOSED,
    GRIEVANCE,
    GRIEVANCE_REJECTED,
    ISSUED,
    NEEDS_COMPLETION,
    RECEIVED,
    REFERRED,
    REFUSED,
    NewDocument,
    keep_document,
    record_act,
)
from portal.backoffice.model import CenterEvent, CenterRequest, CenterSerial
from portal.backoffice.reading import OpenedRequest
from portal.clock import cairo_time, public_id
from portal.db import insert_missing
from portal.files import Stored
from portal.handoff import messages, outbox
from portal.handoff.messages import Message
from portal.identity.roles import Permission, may
from portal.problems import HIDDEN_CHARACTERS, N_, Conflict, Missing, Problem, Refused
from portal.text import is_readable, parse_number
from portal.vault import Vault

SHORTEST_REASON = 10
LONGEST_NOTE = 4000
TOO_LONG = N_("The message is too long; shorten it")
LONGEST_NUMBER = 60
_LONGEST_REASONS = 200
_LONGEST_SUM = 40
_MOST_POUNDS = 50_000_000  # facts, service 22
_EXAMPLE = Decimal("150.5")
COMPLETION_DAYS = (7, 14, 30)
FEES_OUTSTANDING = N_("Fees of this request are not assessed or not paid yet; it waits for them")
_DECIDABLE = (REFERRED, DOCUMENT_CHECK, ACCEPTED_PRELIM)
_APPROVABLE = (REFERRED, ACCEPTED_PRELIM, DEEMED_APPROVED)


@dataclass(frozen=True)
class Employee:
    """Who acts, for which center."""

    username: str
    name: str
    role: str
    center: str

    def must(self, permission: Permission) -> None:
        """Raises :class:`~portal.problems.Refused` when the role does not give it."""
        if not may(self.role, permission):
            raise Refused(f"{self.role} may not {permission}")


@dataclass(frozen=True)
class Desk:
    """The acts of one back office."""

    vault: Vault

    def register(
        self, db: Connection, employee: Employee, number: str, at: datetime
    ) -> tuple[int, int]:
        """Give the request the center's incoming number: serial and year.

        For a notice that is all: it is accepted as it is registered (rulings, ``register_notice``).
        """
        employee.must(Permission.REGISTER)
        if self._row(db, employee, number).notice:
            act, kind, target = "register_notice", messages.NOTICE_REGISTERED, ISSUED
        else:
            act, kind, target = "register", messages.REQUEST_REGISTERED, DOCUMENT_CHECK
        closed_at = at if target == ISSUED else None
        row = self.take(db, employee, number, RECEIVED, target=target, closed_at=closed_at)
        year = cairo_time(at).year
        serial = _next_serial(db, employee.center, year)
        db.execute(
            update(CenterRequest)
            .where(CenterRequest.id == row.id)
            .values(incoming_number=serial, incoming_year=year)
        )
        data = {"number": serial, "year": year}
        self.record(db, row.id, employee, act, target, at, data=data)
        self.tell(db, employee, number, kind, data, at)
        return serial, year

    def accept_documents(
        self, db: Connection, employee: Employee, number: str, at: datetime
    ) -> None:
        """The papers are complete: the request goes to its department."""
        employee.must(Permission.CHECK_DOCUMENTS)
        row = self.take(db, employee, number, DOCUMENT_CHECK, target=REFERRED)
        self.record(db, row.id, employee, "accept_documents", REFERRED, at)
        self.tell(db, employee, number, messages.DOCUMENTS_ACCEPTED, {}, at)

    def request_completion(
        self,
        db: Connection,
        employee: Employee,
        number: str,
        ask: "CompletionAsk",
        at: datetime,
    ) -> None:
        """Ask the citizen for an itemised list; the legal clock stands still meanwhile."""
        employee.must(Permission.REQUEST_COMPLETION)
        row = self.take(db, employee, number, *_DECIDABLE, target=NEEDS_COMPLETION, pause=True)
        data: dict[str, Any] = {"items": list(ask.items), "days": ask.days}
        self.record(
            db,
            row.id,
            employee,
            "request_completion",
            NEEDS_COMPLETION,
            at,
            note=ask.note,
            data=data,
        )
        data = {**data, "note": ask.note}
        self.tell(db, employee, number, messages.COMPLETION_REQUESTED, data, at)

    def approve(
        self,
        db: Connection,
        employee: Employee,
        number: str,
        issued: "IssuedOutput",
        at: datetime,
    ) -> None:
        """Approve with the issued document; not while later fees are still to come.

        What silence has approved already is issued and no more.
        """
        employee.must(Permission.DECIDE)
        row = self.take(db, employee, number, *_APPROVABLE, target=ISSUED, closed_at=at)
        if stages.outstanding(*stages.of_request(db, self.vault, row.id)):
            raise Conflict("fees are not assessed or not paid yet")
        documents = [self._keep_output(db, row.id, issued, at)] if issued.stored else []
        data = {"output_number": issued.output_number}
        told = {"documents": documents, **data}
        if row.state == DEEMED_APPROVED:
            self.record(db, row.id, employee, "issue", ISSUED, at, data=data)
            self.tell(db, employee, number, messages.OUTPUT_ISSUED, told, at)
            return
        self.record(db, row.id, employee, "approve", ISSUED, at, note=issued.note, data=data)
        decided: dict[str, Any] = {"note": issued.note}
        if issued.deposit is not None:
            kept = issued.deposit
            decided["deposit"] = {"deducted": kept.deducted, "reasons": kept.reasons}
        self.tell(db, employee, number, messages.REQUEST_APPROVED, decided, at)
        self.tell(db, employee, number, messages.OUTPUT_ISSUED, told, at)

    def accept_prelim(
        self, db: Connection, employee: Employee, number: str, accepted: "Acceptance", at: datetime
    ) -> None:
        """Accept in principle, with the conditions: no period runs until they are met."""
        employee.must(Permission.DECIDE)
        row = self.take(db, employee, number, REFERRED, target=ACCEPTED_PRELIM, due_on=None)
        if not stages.has_prelim(stages.of_request(db, self.vault, row.id)[0]):
            raise Conflict("the service knows no acceptance in principle")
        note = accepted.conditions
        self.record(db, row.id, employee, "accept_prelim", ACCEPTED_PRELIM, at, note=note)
        self.tell(db, employee, number, messages.ACCEPTED_IN_PRINCIPLE, {"note": note}, at)

    def refuse(
        self, db: Connection, employee: Employee, number: str, refusal: "Refusal", at: datetime
    ) -> None:
        """Refuse with reason codes and an explanation that the citizen can understand."""
        employee.must(Permission.DECIDE)
        row = self.take(db, employee, number, *_DECIDABLE, target=REFUSED, closed_at=at)
        data = {"reasons": list(refusal.reasons)}
        self.record(db, row.id, employee, "refuse", REFUSED, at, note=refusal.note, data=data)
        told = {**data, "note": refusal.note}
        self.tell(db, employee, number, messages.REQUEST_REFUSED, told, at)

    def decide_grievance(
        self,
        db: Connection,
        employee: Employee,
        number: str,
        decision: "GrievanceDecision",
        at: datetime,
    ) -> None:
        """Write down what the body has decided; upheld, the request is with its department again.

        The center's own decision is what comes of that.
        """
        employee.must(Permission.DECIDE)
        target = REFERRED if decision.upheld else GRIEVANCE_REJECTED
        closed_at = None if decision.upheld else at
        row = self.take(db, employee, number, GRIEVANCE, target=target, closed_at=closed_at)
        told = {"outcome": decision.outcome, "note": decision.note}
        outcome = {"outcome": decision.outcome}
        self.record(
            db, row.id, employee, "decide_grievance", target, at, note=decision.note, data=outcome
        )
        self.tell(db, employee, number, messages.GRIEVANCE_DECIDED, told, at)
        if decision.upheld:
            again = {"to": "under_study", "note": decision.note}
            self.tell(db, employee, number, messages.REQUEST_REOPENED, again, at)

    @staticmethod
    def _row(db: Connection, employee: Employee, number: str) -> Any:
        """The request, which must be one of the employee's center."""
        row = db.execute(
            select(
                CenterRequest.id,
                CenterRequest.state,
                CenterRequest.resume_state,
                CenterRequest.notice,
            ).where(
                CenterRequest.request_number == number,
                CenterRequest.center_code == employee.center,
            )
        ).one_or_none()
        if row is None:
            raise Missing(f"request {number}")
        return row

    def take(
        self,
        db: Connection,
        employee: Employee,
        number: str,
        *sources: str,
        target: str | None,
        pause: bool = False,
        closed_at: datetime | None = None,
        **values: Any,
    ) -> Any:
        """The row as it was, moved to ``target``; a second click finds it moved.

        Without a target it goes back to where a pause found it. ``values`` are columns to write.
        """
        row = self._row(db, employee, number)
        values["state"] = target
        if pause:
            values["resume_state"] = row.state
        elif target is None:
            values.update(state=row.resume_state, resume_state=None)
        if closed_at is not None:
            values.update(open=False, closed_at=closed_at)
        done = db.execute(
            update(CenterRequest)
            .where(
                CenterRequest.id == row.id,
                CenterRequest.state == row.state,
                CenterRequest.state.in_(sources),
            )
            .values(**values)
        )
        if not done.rowcount:
            raise Conflict(f"the request is {row.state}")
        return row

    def record(
        self,
        db: Connection,
        request_id: int,
        employee: Employee,
        act: str,
        state: str,
        at: datetime,
        *,
        note: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        record_act(
            db,
            self.vault,
            request_id,
            act,
            state,
            at,
            actor=employee.username,
            actor_name=employee.name,
            note=note,
            data=data,
        )

    def tell(
        self,
        db: Connection,
        employee: Employee,
        number: str,
        kind: str,
        data: Mapping[str, Any],
        at: datetime,
    ) -> None:
        message = Message(
            id=public_id(26),
            type=kind,
            center=employee.center,
            subject=number,
            source=f"center/{employee.center}",
            at=at,
            data={**data, "actor": employee.name},
        )
        outbox.put(db, self.vault, CenterEvent, message)

    def _keep_output(
        self, db: Connection, request_id: int, issued: "IssuedOutput", at: datetime
    ) -> dict[str, Any]:
        stored = issued.stored
        if stored is None:
            raise Missing("output")
        document = NewDocument(
            request_id=request_id,
            code="output",
            title={},
            file_name=issued.file_name,
            media_type=issued.media_type,
            pages=issued.pages,
            round=0,
            output=True,
        )
        identity = keep_document(db, self.vault, document, stored, at)
        return {
            "id": identity,
            "name": issued.file_name,
            "media_type": issued.media_type,
            "pages": issued.pages,
            "size": stored.size_bytes,
            "sha256": stored.sha256,
        }


@dataclass(frozen=True)
class CompletionAsk:
    """What the citizen is asked for: documents by code, a note, and days to answer."""

    items: Sequence[str]
    note: str
    days: int

    def problems(self, known: Sequence[str]) -> list[Problem]:
        found = []
        if not self.items and not self.note.strip():
            found.append(
                Problem("items", N_("Choose the documents to complete, or write what is missing"))
            )
        if set(self.items) - set(known):
            found.append(Problem("items", N_("Choose only documents of this service")))
        found += notes.problems_of("completion_note", self.note, LONGEST_NOTE, TOO_LONG)
        if self.days not in COMPLETION_DAYS:
            found.append(Problem("days", N_("Choose one of the periods")))
        return found


@dataclass(frozen=True)
class Acceptance:
    """An acceptance in principle: the conditions that the citizen has to meet."""

    conditions: str

    def problems(self) -> list[Problem]:
        found = []
        if len(self.conditions.strip()) < SHORTEST_REASON:
            msgid = N_("Write the conditions that the citizen has to meet")
            found.append(Problem("conditions", msgid))
        found += notes.problems_of("conditions", self.conditions, LONGEST_NOTE, TOO_LONG)
        return found


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused."""

    reasons: Sequence[str]
    note: str

    def problems(self, known: Sequence[str]) -> list[Problem]:
        found = []
        if not self.reasons or set(self.reasons) - set(known):
            found.append(Problem("reasons", N_("Choose at least one reason of refusal")))
        if len(self.note.strip()) < SHORTEST_REASON:
            found.append(
                Problem("refusal_note", N_("Explain the reason so that the citizen understands it"))
            )
        found += notes.problems_of("refusal_note", self.note, LONGEST_NOTE, TOO_LONG)
        return found


@dataclass(frozen=True)
class GrievanceDecision:
    """What the body that hears grievances has decided: ``upheld`` or ``rejected``, and why."""

    outcome: str
    note: str

    @property
    def upheld(self) -> bool:
        return self.outcome == "upheld"

    def problems(self) -> list[Problem]:
        found = []
        if self.outcome not in {"upheld", "rejected"}:
            found.append(Problem("outcome", N_("Choose what the body has decided")))
        if len(self.note.strip()) < SHORTEST_REASON:
            found.append(Problem("grounds", N_("Write the grounds of the decision")))
        found += notes.problems_of("grounds", self.note, LONGEST_NOTE, TOO_LONG)
        return found


@dataclass(frozen=True)
class PaymentOrder:
    """What of a deposit the center keeps, in piastres, and why; the rest goes back."""

    deducted: int
    reasons: str


def read_payment_order(typed: str, reasons: str) -> tuple[PaymentOrder | None, list[Problem]]:
    """The order as typed: pounds, or nothing where all of it goes back."""
    found, deducted = [], 0
    if typed.strip():
        number = parse_number(typed.strip()) if len(typed) <= _LONGEST_SUM else None
        if number is None or number < 0 or number > _MOST_POUNDS or number != round(number, 2):
            text = N_("Write the amount in figures, such as {example}")
            found.append(Problem("deducted", text, {"example": _EXAMPLE}))
        else:
            deducted = int(number * 100)
    if deducted and len(reasons.strip()) < SHORTEST_REASON:
        found.append(Problem("deduction_reasons", N_("Write why it is deducted")))
    found += notes.problems_of("deduction_reasons", reasons, _LONGEST_REASONS, TOO_LONG)
    return (None, found) if found else (PaymentOrder(deducted, reasons.strip()), [])


@dataclass(frozen=True)
class IssuedOutput:
    """The document that an approval issues. ``deposit`` is told where one is asked back."""

    output_number: str
    note: str
    file_name: str = ""
    media_type: str = ""
    pages: int = 1
    stored: Stored | None = None
    deposit: PaymentOrder | None = None

    def problems(self, *, file_given: bool) -> list[Problem]:
        found = []
        if not self.output_number.strip():
            found.append(Problem("output_number", N_("Write the number of the issued document")))
        if len(self.output_number) > LONGEST_NUMBER:
            msgid = N_("The number is too long; write at most {n} characters")
            found.append(Problem("output_number", msgid, {"n": LONGEST_NUMBER}))
        if not is_readable(self.output_number):
            found.append(Problem("output_number", HIDDEN_CHARACTERS))
        if not file_given:
            found.append(Problem("output", N_("Attach the issued document")))
        found += notes.problems_of("approval_note", self.note, LONGEST_NOTE, TOO_LONG)
        return found


def possible(opened: OpenedRequest, employee: Employee) -> list[str]:
    """The acts that the employee can do now, in the order of the page."""
    line = opened.line
    acts = []
    if line.state == RECEIVED and may(employee.role, Permission.REGISTER):
        acts.append("register")
    if line.state == DOCUMENT_CHECK and may(employee.role, Permission.CHECK_DOCUMENTS):
        acts.append("accept_documents")
    if line.state in _DECIDABLE and may(employee.role, Permission.REQUEST_COMPLETION):
        acts.append("request_completion")
    stage = stages.next_stage(opened)
    if stage is not None and may(employee.role, Permission.ASSESS):
        acts.append("assess")
    if line.state == FEES_PROPOSED and may(employee.role, Permission.APPROVE_ASSESSMENT):
        acts.append("return_fees")
        if opened.assessments[-1].assessed_by != employee.username:
            acts.insert(-1, "approve_fees")
    if may(employee.role, Permission.DECIDE):
        acts += _decisions(opened)
    return acts


def _decisions(opened: OpenedRequest) -> list[str]:
    """What a head can decide now."""
    state, acts = opened.line.state, []
    if state == REFERRED and stages.has_prelim(opened.payload):
        acts.append("accept_prelim")
    elif state in _APPROVABLE and not stages.outstanding(opened.payload, opened.assessments):
        acts.append("approve")
    if state in _DECIDABLE:
        acts.append("refuse")
    if state == GRIEVANCE:
        acts.append("decide_grievance")
    return acts


def _next_serial(db: Connection, center: str, year: int) -> int:
    raised = (
        update(CenterSerial)
        .where(CenterSerial.center_code == center, CenterSerial.year == year)
        .values(last=CenterSerial.last + 1)
        .returning(CenterSerial.last)
    )
    serial = db.scalar(raised)
    if serial is None:
        insert_missing(db, insert(CenterSerial).values(center_code=center, year=year, last=0))
        serial = db.scalar(raised)
    return int(serial or 0)
