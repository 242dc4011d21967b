"""How requests reach the centers, for whoever looks after them: late, waiting, set aside.

Somebody of a governorate sees its centers, the ministry all. Nobody is named here, and nothing can
be changed: sending once more is the operator's (``portal handoff replay``).
"""

from collections.abc import Sequence
from datetime import timedelta

from litestar import Response
from litestar.di import NamedDependency
from sqlalchemy import Connection

from portal.backoffice import refusals
from portal.backoffice.model import CenterEvent
from portal.handoff import inward, outbox
from portal.handoff.aside import SetAside
from portal.handoff.model import OutboxMessage
from portal.handoff.outbox import CenterBacklog
from portal.identity.roles import Permission, may
from portal.outages import register
from portal.problems import Refused
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_NATIONAL = "EG"
_MOST = 50


@get_page("/center/admin/handoff", Access.STAFF)
def show_handoff(visit: NamedDependency[Visit]) -> Response[bytes]:
    """What has not been answered in time, what waits, what was set aside."""
    portal, now = visit.portal, visit.portal.clock.now()
    within = portal.settings.answer_within
    with portal.database.read() as db:
        session = visit.staff(db)
        if not may(session.role, Permission.SEE_HANDOFF):
            raise Refused(f"{session.role} sees no hand-off")
        national = session.scope == _NATIONAL
        centers = None if national else [c.code for c in portal.places.centers_of(session.scope)]
        late = outbox.late(db, now - within, centers, _MOST + 1)
        behind = _behind(db, centers)
        aside = _aside(db, centers)
        silent = register.noticed_under_way(db)
    return portal.pages.page(
        visit,
        "handoff/overview.html",
        late=late[:_MOST],
        behind=behind[:_MOST],
        waiting=sum(each.waiting for each in behind),
        unanswered=sum(each.unanswered for each in behind),
        aside=aside[:_MOST],
        more={
            "late": len(late) > _MOST,
            "behind": len(behind) > _MOST,
            "aside": len(aside) > _MOST,
        },
        silent={
            center: since
            for center, (_, since) in silent.items()
            if centers is None or center in centers
        },
        within=within // timedelta(minutes=1),
        most=_MOST,
        names=portal.places,
    )


def _behind(db: Connection, centers: Sequence[str] | None) -> list[CenterBacklog]:
    """The centers that something waits for or that have yet to answer, the most first."""
    found = outbox.by_center(db)
    own = [each for each in found if centers is None or each.center in centers]
    return sorted(own, key=lambda each: (-each.waiting, -each.unanswered, each.center))


def _aside(db: Connection, centers: Sequence[str] | None) -> list[tuple[str, SetAside]]:
    """What was set aside, with the way that it was on."""
    more = _MOST + 1
    return [
        *(("to", each) for each in outbox.parked(db, OutboxMessage, centers, more)),
        *(("to", each) for each in refusals.standing(db, centers, more)),
        *(("from", each) for each in outbox.parked(db, CenterEvent, centers, more)),
        *(("from", each) for each in inward.stuck(db, centers, more)),
    ]


HANDLERS = [show_handoff]
