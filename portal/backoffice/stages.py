"""At which stage of payment a request is: what was assessed, what is next, what still stands out.

The message that brought a request tells its fee lines with their stages. A stage with lines is
assessed and paid before the approval; the difference «before delivery» only if there is one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from portal.backoffice import reading
from portal.backoffice.folder import ACCEPTED_PRELIM, DEEMED_APPROVED, PAYLOAD, REFERRED
from portal.backoffice.model import CenterRequest
from portal.backoffice.reading import Assessment, OpenedRequest
from portal.catalogue.assessment import LATER
from portal.catalogue.model import Stage
from portal.vault import Vault


def later_stages(payload: Mapping[str, Any]) -> list[Stage]:
    """The stages after filing in which the request has fee lines, in their order."""
    found = {line["stage"] for line in payload.get("fees", ())}
    return [stage for stage in LATER if stage in found]


def has_prelim(payload: Mapping[str, Any]) -> bool:
    """Whether the request is accepted in principle before it is approved."""
    return Stage.AFTER_PRELIM in later_stages(payload)


def outstanding(payload: Mapping[str, Any], assessments: Iterable[Assessment]) -> list[Stage]:
    """The stages that must be settled before the approval and are not."""
    among = list(assessments)
    settled = {each.stage for each in among if each.state == "settled"}
    begun = {each.stage for each in among if each.state in {"proposed", "approved"}}
    return [
        stage
        for stage in later_stages(payload)
        if stage not in settled and (stage is not Stage.BEFORE_DELIVERY or stage in begun)
    ]


def next_stage(opened: OpenedRequest) -> Stage | None:
    """The stage whose fees can be assessed now, or None.

    After an acceptance in principle the last fees wait for the citizen's notice that the
    conditions are met (law 154/2019).
    """
    payload, state = opened.payload, opened.line.state
    settled = {each.stage for each in opened.assessments if each.state == "settled"}
    stage = next((stage for stage in later_stages(payload) if stage not in settled), None)
    if stage is None or not has_prelim(payload):
        return stage if state in {REFERRED, DEEMED_APPROVED} else None
    notified = any(act.act == "ready_notice" for act in opened.acts)
    fits = state == ACCEPTED_PRELIM and (stage is Stage.AFTER_PRELIM or notified)
    return stage if fits else None


def of_request(
    db: Connection, vault: Vault, request_id: int
) -> tuple[Mapping[str, Any], Sequence[Assessment]]:
    """What the message carried, and every assessment."""
    sealed = db.scalar(select(CenterRequest.payload).where(CenterRequest.id == request_id))
    payload = vault.open_json(PAYLOAD, sealed) if sealed else {}
    return payload, reading.assessments(db, vault, request_id)
