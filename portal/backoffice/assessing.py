"""Assessing later fees: one employee proposes them, another approves them or returns them.

What was proposed is never changed: whoever approves has seen it, line by line. The portal hears of
fees only when they are approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from portal import notes
from portal.backoffice import reading
from portal.backoffice.acts import LONGEST_NOTE, SHORTEST_REASON, TOO_LONG, Desk, Employee
from portal.backoffice.folder import (
    ACCEPTED_PRELIM,
    DEEMED_APPROVED,
    FEES_ASSESSED,
    FEES_PROPOSED,
    REASON,
    REFERRED,
)
from portal.backoffice.model import CenterAssessment, CenterAssessmentLine
from portal.backoffice.reading import AssessedLine, Assessment, OpenedRequest
from portal.catalogue import assessment as rules
from portal.catalogue.assessment import Question, Sheet
from portal.catalogue.fees import line_from_json
from portal.catalogue.fields import KINDS, Form
from portal.catalogue.forms import to_json
from portal.catalogue.model import Catalogue, Stage
from portal.clock import cairo_day
from portal.handoff import messages
from portal.i18n import Speech
from portal.identity.roles import Permission
from portal.problems import N_, Conflict, Problem, Refused


@dataclass(frozen=True)
class Proposal:
    """Fees of one stage, ready to be proposed."""

    stage: Stage
    total: int
    answers: Sequence[dict[str, Any]]
    lines: Sequence[AssessedLine]


@dataclass(frozen=True)
class Return:
    """Why an assessment goes back to whoever proposed it."""

    note: str

    def problems(self) -> list[Problem]:
        found = []
        if len(self.note.strip()) < SHORTEST_REASON:
            found.append(Problem("return_note", N_("Write what has to be corrected")))
        found += notes.problems_of("return_note", self.note, LONGEST_NOTE, TOO_LONG)
        return found


def sheet_of(catalogue: Catalogue, opened: OpenedRequest, stage: Stage, form: Form) -> Sheet:
    """The sheet of a stage with what was typed; worked out from what the message carried."""
    payload = opened.payload
    return rules.fill_in(
        catalogue.services[opened.line.service_code],
        catalogue.fee_codes,
        stage,
        [line_from_json(line) for line in payload["fees"]],
        payload.get("basis"),
        cairo_day(opened.line.submitted_at),
        form,
    )


def form_of(returned: Assessment) -> dict[str, list[str]]:
    """What was typed for an assessment that came back, so that it is corrected and not repeated."""
    form = {str(each["code"]): [str(each["value"])] for each in returned.answers}
    for line in returned.lines:
        if line.amount != line.computed:
            form[f"amount.{line.line_id}"] = [f"{line.amount / 100:.2f}"]
        form[f"reason.{line.line_id}"] = [line.reason]
    return form


def proposal_of(sheet: Sheet, speeches: Sequence[Speech]) -> Proposal:
    """A sheet without problems as it is kept: labels and values in every language."""
    lines = [
        AssessedLine(
            line.of.id,
            line.of.code,
            {"ar": line.of.label.ar, "en": line.of.label.en},
            line.of.beneficiary,
            line.of.refundable,
            None if line.computed is None else line.computed.minor,
            line.amount.minor,
            line.reason,
        )
        for line in sheet.charged
        if line.amount is not None
    ]
    answers = [_answer(each, speeches) for each in sheet.questions if each.asked.value is not None]
    return Proposal(sheet.stage, sum(line.amount for line in lines), answers, lines)


def _answer(question: Question, speeches: Sequence[Speech]) -> dict[str, Any]:
    field, value, declared = question.asked.field, question.asked.value, question.declared
    kind = KINDS[field.kind]

    def shown(value: Any) -> dict[str, str]:
        return {speech.locale: kind.show(field, value, speech) for speech in speeches}

    return {
        "code": field.code,
        "value": to_json(value),
        "label": {"ar": field.label.ar, "en": field.label.en},
        "shown": shown(value),
        "declared": None if declared is None else shown(declared),
    }


def propose(
    desk: Desk, db: Connection, employee: Employee, number: str, proposal: Proposal, at: datetime
) -> None:
    """Put fees before a second person."""
    employee.must(Permission.ASSESS)
    sources = (REFERRED, ACCEPTED_PRELIM, DEEMED_APPROVED)
    row = desk.take(db, employee, number, *sources, target=FEES_PROPOSED, pause=True)
    assessment_id = db.scalar(
        insert(CenterAssessment)
        .values(
            center_request_id=row.id,
            stage=proposal.stage,
            state="proposed",
            total=proposal.total,
            answers=list(proposal.answers),
            assessed_by=employee.username,
            assessed_name=employee.name,
            proposed_at=at,
        )
        .returning(CenterAssessment.id)
    )
    db.execute(
        insert(CenterAssessmentLine),
        [
            {
                "assessment_id": assessment_id,
                "position": position,
                "line_id": line.line_id,
                "code": line.code,
                "label": dict(line.label),
                "beneficiary": line.beneficiary,
                "refundable": line.refundable,
                "computed": line.computed,
                "amount": line.amount,
                "reason": desk.vault.seal(REASON, line.reason) if line.reason else None,
            }
            for position, line in enumerate(proposal.lines)
        ],
    )
    data = {"stage": proposal.stage, "amount": proposal.total}
    desk.record(db, row.id, employee, "propose_fees", FEES_PROPOSED, at, data=data)


def approve(
    desk: Desk, db: Connection, employee: Employee, number: str, assessment_id: int, at: datetime
) -> None:
    """Approve what another employee proposed: now the portal asks the citizen for it.

    Where nothing is to be paid the stage is settled with that.
    """
    employee.must(Permission.APPROVE_ASSESSMENT)
    row = desk.take(db, employee, number, FEES_PROPOSED, target=FEES_ASSESSED)
    found = _decide(
        db,
        desk,
        row.id,
        assessment_id,
        CenterAssessment.assessed_by != employee.username,
        state="approved",
        approved_by=employee.username,
        approved_name=employee.name,
        decided_at=at,
    )
    data = {"stage": found.stage, "amount": found.total}
    state = FEES_ASSESSED
    if not found.total:
        state = row.resume_state
        desk.take(db, employee, number, FEES_ASSESSED, target=None)
        db.execute(
            update(CenterAssessment)
            .where(CenterAssessment.id == found.id)
            .values(state="settled", settled_at=at)
        )
    desk.record(db, row.id, employee, "assess_fees", state, at, data=data)
    told = {
        "stage": found.stage,
        "lines": [
            {
                "id": line.line_id,
                "code": line.code,
                "amount": line.amount,
                "beneficiary": line.beneficiary,
                "refundable": line.refundable,
                "reason": line.reason,
            }
            for line in found.lines
        ],
        "total": found.total,
        "answers": {each["code"]: each["value"] for each in found.answers},
        "assessed_by": found.assessed_name,
    }
    desk.tell(db, employee, number, messages.FEES_ASSESSED, told, at)


def send_back(
    desk: Desk,
    db: Connection,
    employee: Employee,
    number: str,
    assessment_id: int,
    returned: Return,
    at: datetime,
) -> None:
    """Return a proposal to be corrected; it stays on record."""
    employee.must(Permission.APPROVE_ASSESSMENT)
    row = desk.take(db, employee, number, FEES_PROPOSED, target=None)
    found = _decide(db, desk, row.id, assessment_id, state="returned", decided_at=at)
    data = {"stage": found.stage, "amount": found.total}
    desk.record(
        db, row.id, employee, "return_fees", row.resume_state, at, note=returned.note, data=data
    )


def _decide(
    db: Connection,
    desk: Desk,
    request_id: int,
    assessment_id: int,
    *conditions: Any,
    **values: Any,
) -> Assessment:
    """The proposal with this id, decided; whoever decides has seen this one and no other."""
    proposed = (
        CenterAssessment.id == assessment_id,
        CenterAssessment.center_request_id == request_id,
        CenterAssessment.state == "proposed",
    )
    done = db.execute(update(CenterAssessment).where(*proposed, *conditions).values(**values))
    found = next(
        (a for a in reading.assessments(db, desk.vault, request_id) if a.id == assessment_id), None
    )
    if found is None or (not done.rowcount and found.state != "proposed"):
        raise Conflict("another assessment is proposed now")
    if not done.rowcount:
        raise Refused("nobody approves a fee that he assessed")
    return found


def current(opened: OpenedRequest) -> Assessment | None:
    """The proposal that waits for a second person."""
    waits = opened.line.state == FEES_PROPOSED
    return opened.assessments[-1] if waits and opened.assessments else None


def last_returned(opened: OpenedRequest, stage: Stage) -> Assessment | None:
    """The assessment of ``stage`` that has to be corrected, if any."""
    last = next((a for a in reversed(opened.assessments) if a.stage == stage), None)
    return last if last is not None and last.state == "returned" else None
