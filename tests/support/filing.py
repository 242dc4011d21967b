"""Requests that wait for their payment, made by the functions that a form ends in."""

from portal.catalogue.forms import evaluate
from portal.clock import public_id
from portal.core import Core
from portal.demo.answers import Applicant, answers_for
from portal.identity import otp
from portal.requests import drafts, submission
from portal.requests.snapshot import snapshot
from portal.requests.submission import Filing, Ids
from tests.support.answers import NATIONAL_ID

SERVICE, CENTER = "address-numbering-certificate", "KFS-003"


def file_unpaid(core: Core, mobile: str, index: int) -> str:
    """The number of a new request of whoever has this local ``mobile`` number."""
    at = core.clock.now()
    center, service = core.places.centers[CENTER], core.catalogue.services[SERVICE]
    who = Applicant("سارة محمد علي حسن", NATIONAL_ID, f"+2{mobile}")
    raw = answers_for(service, center, who, at.date(), index)
    with core.database.begin() as db:
        citizen_id = otp.citizen_for(db, core.vault, who.national_id, who.mobile, at)
        draft_id = drafts.begin(db, core.vault, citizen_id, service, public_id(), dict(raw), at)
        evaluation = evaluate(service, raw, at.date(), core.lookups(db))
        assert evaluation.complete
        filing = Filing(
            citizen_id=citizen_id,
            draft_id=draft_id,
            mobile=who.mobile,
            locale="ar",
            evaluation=evaluation,
            revision=0,
            center=center,
            sections=snapshot(evaluation, core.languages.pair),
        )
        ids = Ids(public_id(), public_id())
        return submission.file_checked(db, core.vault, core.hand_off, filing, ids, at)
