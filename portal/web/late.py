"""Forms that come after their session has ended: what was typed waits for the next sign-in."""

import re

from portal.identity import held
from portal.problems import N_
from portal.web import csrf
from portal.web.http_forms import PostedForm
from portal.web.visit import Forged, Visit

STALE = N_(
    "The page was open for too long. What you typed is still here: press the button once more."
)
HELD = "_held"
"""Marks a form that was held and is sent at last."""
# the ids of what a second press would make: it is shown once more before that
_NOT_TYPED = frozenset({csrf.FIELD, "_autosave", HELD, "refund", "proposal"})
# Where somebody writes at length. Elsewhere there is a press of a button to repeat, or a
# declaration, which nobody makes on a page that does not show what it is about.
_TYPED = re.compile(
    r"/drafts/[^/]+/(?!(?:check|documents|discard)$)[^/]+"
    r"|/requests/[^/]+/(?:complete|grievance)"
    r"|/center/requests/[^/]+/(?:completion|refuse|grievance|accept-prelim|assess|return-fees)"
    r"|/center/permits/(?:new|[^/]+/(?:amend|correct|review|owner-mobile))"
    r"|/center/finance/refunds/(?:of/[^/]+/[^/]+|[^/]+/reject)"
    r"|/center/finance/cases/[^/]+/(?:propose|reject|close)"
    r"|/center/permits/(?:new|[^/]+/(?:review|correct)|imports/[^/]+/(?:columns|words|withdraw))"
    r"|/center/permits/backlog/lots/[^/]+/return|/center/admin/cutoffs"
)


def keep_typed(visit: Visit, form: PostedForm) -> None:
    """Hold a form that was refused because its session is over. Only one of this browser's pages:
    what another site sends is not put before anybody."""
    if not (visit.has_cookie and _TYPED.fullmatch(visit.path) and is_own(visit, form)):
        return
    values = {name: given for name, given in form.values.items() if name not in _NOT_TYPED}
    portal = visit.portal
    with portal.database.begin() as db:
        held.hold(db, portal.vault, visit.browser, visit.path, values, portal.clock.now())


def let_go(visit: Visit, form: PostedForm) -> None:
    """What was held has arrived: offered once more, it would undo what was typed after it."""
    if is_own(visit, form):
        with visit.portal.database.begin() as db:
            held.drop(db, visit.browser)


def is_own(visit: Visit, form: PostedForm) -> bool:
    """Whether a form comes from a page of this browser's present session: if not, nothing is done,
    and what was typed is shown again beside :data:`STALE`."""
    try:
        visit.check_form(form)
    except Forged:
        return False
    return True
