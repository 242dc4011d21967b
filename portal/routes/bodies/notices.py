"""What a body was told by its webhook, to be read once more: nothing that it missed is lost."""

import json
from typing import Any

from litestar import Response
from litestar.di import NamedDependency

from portal.bodies import notices
from portal.bodies.notices import KIND, Told
from portal.routes.bodies.asking import bearer_of, limits, shown, turning
from portal.routes.bodies.paging import cursor, link, page_of
from portal.web.machines import answer
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

BASE = "/api/v1/permits/notices"
_CURSOR = "body_notices.cursor"


@get_page(BASE, Access.BODY)
@turning
def list_own(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The body's own notices, the newest first, whether it has taken them or not."""
    claims = shown(visit)
    with visit.portal.database.read() as db:
        body = bearer_of(visit, db, claims).body
        limit, held = page_of(visit, _CURSOR, body.code)
        before = int(held[0]) if held else None
        found = notices.told_to(db, body, before=before, most=limit + 1)
    page, headers, following = found[:limit], limits(visit), None
    if len(found) > limit:
        following = cursor(visit, _CURSOR, body.code, str(page[-1].position))
        headers["link"] = link(visit, BASE, following, limit)
    told = {"notices": [_shown(visit, each) for each in page], "next": following}
    return answer(told, 200, headers=headers)


def _shown(visit: Visit, told: Told) -> dict[str, Any]:
    """A notice as it is sent, signed with the key that signs today."""
    signed = visit.portal.signatures.sign_bytes(KIND, told.event).decode("ascii")
    return {
        "id": told.id,
        "taken": told.taken,
        "event": json.loads(told.event),
        "signed": signed,
    }


HANDLERS = [list_own]
