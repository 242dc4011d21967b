"""Later fees on the portal's side: what a center assessed is checked and becomes what is owed.

A center may be a system that we do not know, so nothing of its word is taken as it is: lines,
beneficiaries and bounds are held against what the request was filed with and the rules of that day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from payments import obligations
from payments.money import Money
from payments.obligations import OwedLine
from portal.catalogue.assessment import LATER, Chargeable, chargeable, too_small, wrong_amount
from portal.catalogue.fields import KINDS, Context, Invalid
from portal.catalogue.model import Catalogue, Mark, Period, Service, Stage, Unit
from portal.clock import cairo_day
from portal.handoff.messages import BadMessage
from portal.problems import Conflict
from portal.requests.lifecycle import Event, State
from portal.requests.model import HistoryEntry
from portal.requests.reading import FiledRequest
from portal.text import is_readable

# Law 154/2019: the inspection fee of a shop is paid within a month of the acceptance. Elsewhere 60
# days [G], which is what law 187/2023 says of reconciliation.
PRELIM_DAYS_TO_PAY = Period(1, Unit.MONTHS, Mark.LAW)
DAYS_TO_PAY = Period(60, Unit.DAYS, Mark.ILLUSTRATIVE)
_MOST_LINES = 40
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Assessed:
    """The fees of one stage as a center assessed them, checked.

    ``lines`` are those with something to pay; ``answers`` what the department found, by the code
    of the field; ``reasons`` why lines are not as computed, in its words.
    """

    stage: Stage
    lines: Sequence[OwedLine]
    total: Money
    answers: Mapping[str, str]
    reasons: str

    @property
    def time_to_pay(self) -> Period:
        return PRELIM_DAYS_TO_PAY if self.stage is Stage.AFTER_PRELIM else DAYS_TO_PAY


def later_stages(request: FiledRequest) -> list[Stage]:
    """The stages after filing in which the request has fee lines, in their order."""
    return [stage for stage in LATER if request.quote.stage(stage)]


def assessed_stages(db: Connection, request_id: int) -> set[Stage]:
    """The stages whose fees a center has assessed."""
    told = select(HistoryEntry.data).where(
        HistoryEntry.request_id == request_id, HistoryEntry.event == Event.ASSESS_FEES
    )
    return {Stage(data["stage"]) for data in db.scalars(told)}


def unsettled(db: Connection, request: FiledRequest) -> list[Stage]:
    """The stages that stand between the request and its approval.

    A stage with fee lines is assessed and paid; the difference before delivery only if there is
    one.
    """
    assessed = assessed_stages(db, request.id)
    return [
        stage
        for stage in later_stages(request)
        if not (stage is Stage.BEFORE_DELIVERY and stage not in assessed)
        and not (stage in assessed and _is_paid(db, request, stage))
    ]


def _is_paid(db: Connection, request: FiledRequest, stage: Stage) -> bool:
    """Whether nothing is owed for an assessed stage: without a debt there was nothing to pay."""
    owed = obligations.find(db, request.number, stage)
    return owed is None or owed.state == "paid"


def must_fit(db: Connection, request: FiledRequest, stage: Stage) -> None:
    """Raises :class:`BadMessage` for a stage that was assessed before, and
    :class:`~portal.problems.Conflict` for one that comes too early."""
    stages = later_stages(request)
    if stage in assessed_stages(db, request.id):
        raise BadMessage(f"the fees {stage} are assessed already")
    before = set(stages[: stages.index(stage)])
    if before & set(unsettled(db, request)):
        raise Conflict("the fees of the stage before are not paid yet")
    if Stage.AFTER_PRELIM in stages and request.state is not State.ACCEPTED_PRELIM:
        raise Conflict(f"not accepted in principle: {request.state}")


def read(catalogue: Catalogue, request: FiledRequest, data: Mapping[str, Any]) -> Assessed:
    """The data of a message, checked; raises :class:`BadMessage`."""
    service = catalogue.services[request.service_code]
    stage, given = Stage(data["stage"]), data["lines"]
    if stage not in later_stages(request):
        raise BadMessage(f"no fees fall due {stage}")
    if not isinstance(given, list) or not 0 < len(given) <= _MOST_LINES:
        raise BadMessage("lines must be a short list")
    filed_on = cairo_day(request.submitted_at)
    allowed = chargeable(service, catalogue.fee_codes, stage, request.quote.lines, filed_on)
    owed: list[OwedLine] = []
    reasons: list[str] = []
    for each in given:
        line = allowed.pop(str(each["id"]), None)
        if line is None:
            raise BadMessage("a line that the service does not have, or that stands twice")
        amount = _amount(line, each)
        reasons += _reason(line, each)
        if amount:
            owed.append(
                OwedLine(
                    line.code,
                    line.beneficiary,
                    line.label.ar,
                    line.label.en,
                    amount,
                    line.refundable,
                )
            )
    for line in allowed.values():
        if line.by_law and any(filed.id == line.id for filed in request.quote.stage(stage)):
            raise BadMessage(f"the law sets a least amount of {line.id}, and it is left out")
    total = Money.total(line.amount for line in owed)
    if too_small(total) or total.minor != _whole(data["total"]):
        raise BadMessage("the total is not the sum of the lines")
    answers = _answers(service, data.get("answers", {}), filed_on)
    return Assessed(stage, owed, total, answers, "\n".join(reasons))


def _amount(line: Chargeable, given: Mapping[str, Any]) -> Money:
    """The amount of a line that is for whom and for what the catalogue says."""
    same = (given["code"], given["beneficiary"], given["refundable"])
    if same != (line.code, line.beneficiary, line.refundable):
        raise BadMessage(f"{line.id} is for another purpose in the catalogue")
    amount = Money(_whole(given["amount"]))
    if wrong_amount(line, amount):
        raise BadMessage(f"{line.id} is out of bounds: {amount.minor}")
    return amount


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadMessage("sums are whole piastres")
    return value


def _reason(line: Chargeable, given: Mapping[str, Any]) -> list[str]:
    reason = str(given.get("reason") or "").strip()
    if len(reason) > _LONGEST_REASON or not is_readable(reason, lines=True):
        raise BadMessage(f"the reason of {line.id} cannot be shown")
    return [f"{line.label.ar}: {reason}"] if reason else []


def _answers(service: Service, given: Any, on: date) -> dict[str, str]:
    """What the department found, as far as it says a value of a known field."""
    fields = {field.code: field for field in (*service.assessed, *service.fields.values())}
    if not isinstance(given, dict) or not given.keys() <= fields.keys():
        raise BadMessage("answers are values of the service's fields")
    for code, value in given.items():
        field = fields[code]
        if field.kind not in {"integer", "decimal", "area_m2", "money", "choice"}:
            raise BadMessage(f"{code} is no quantity and no choice")
        try:
            KINDS[field.kind].parse(field, str(value), Context(on, field.choices))
        except Invalid as error:
            raise BadMessage(f"{code} has no such value") from error
    return {code: str(value) for code, value in given.items()}
