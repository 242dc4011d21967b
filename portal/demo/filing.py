"""A request filed without its pages: by the functions that a form ends in."""

from datetime import datetime

from portal.catalogue.forms import evaluate
from portal.catalogue.model import Service
from portal.clock import public_id
from portal.core import Core
from portal.demo.answers import Applicant, answers_for
from portal.identity import otp
from portal.places.model import Center
from portal.requests import drafts, submission
from portal.requests.snapshot import snapshot
from portal.requests.submission import Filing, Ids


def file_request(
    core: Core, who: Applicant, service: Service, center: Center, index: int, at: datetime
) -> str:
    """The number of the request; ``index`` chooses among plausible answers.

    Raises ValueError when they do not complete the form.
    """
    raw = answers_for(service, center, who, at.date(), index)
    with core.database.begin() as db:
        citizen_id = otp.citizen_for(db, core.vault, who.national_id, who.mobile, at)
        draft_id = drafts.begin(db, core.vault, citizen_id, service, public_id(), dict(raw), at)
        evaluation = evaluate(service, raw, at.date(), core.lookups(db))
        if not evaluation.complete:
            raise ValueError(f"the demo's answers for {service.code} are not complete")
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
