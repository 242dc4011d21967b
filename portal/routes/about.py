"""The pages about the portal itself: help, privacy, accessibility; open to anyone.

What they tell in numbers is the program's own: a page cannot promise another period than the one
that is kept.
"""

from datetime import date, timedelta

from litestar import Response
from litestar.di import NamedDependency

from portal.backoffice import acts
from portal.catalogue import deadlines
from portal.identity import held, otp, sessions
from portal.problems import N_
from portal.requests import drafts, submission
from portal.web.routing import Access, get_page
from portal.web.visit import SESSION_WARNING, Visit

REVIEWED = date(2026, 11, 22)
"""When the texts of these pages were last compared with what the portal does."""

MEANINGS = {
    "awaiting_filing_payment": N_(
        "Sent and saved; the center sees it once the fee is paid. Pay before the date on its page."
    ),
    "expired_unpaid": N_("Nobody paid in time. Nothing is owed; you may apply again."),
    "received": N_("Paid, or free, and in the center's inbox. The period of the answer runs."),
    "document_check": N_("The center gave it its incoming number and looks at the documents."),
    "needs_completion": N_(
        "It is your turn: open the request, see what the center asks for, and send it in time."
    ),
    "referred": N_("The documents are complete and the department in charge has the request."),
    "under_study": N_("An employee of the department studies the request."),
    "inspection_scheduled": N_(
        "The site is inspected on the day that stands on the page. Be there, or send somebody."
    ),
    "inspected": N_("The site was inspected; the department goes on with the study."),
    "awaiting_external_opinion": N_(
        "Another authority was asked for its opinion. You need do nothing; the period runs on."
    ),
    "waiting_list": N_("Nothing is free at present. You keep your turn and hear from us."),
    "accepted_prelim": N_(
        "Accepted in principle: meet the conditions that the center set, then tell it on the "
        "request's page."
    ),
    "fees_assessed": N_(
        "The center has assessed the fees. Pay them in time, and the request goes on."
    ),
    "approved": N_("The decision is yes; the document is being made."),
    "issued": N_(
        "It is done. Where the service ends with a document, open it from the request's page."
    ),
    "ready_for_delivery": N_("The document is ready at the center. Take your ID card with you."),
    "delivered": N_("You have received the document; nothing is left to do."),
    "refused": N_(
        "The decision is no. The page gives the reasons, and until when and where you may appeal."
    ),
    "deemed_approved": N_(
        "The period passed without a decision, and by law that means yes. The page says what is "
        "still to do."
    ),
    "deemed_refused": N_(
        "The period passed without a decision, and by law that means no. You may appeal."
    ),
    "grievance_filed": N_("Your appeal is with the committee; its decision comes as a message."),
    "withdrawn": N_("You gave the request up. You may apply again."),
    "grievance_upheld": N_("Your appeal was right: the center looks at the request again."),
    "grievance_rejected": N_(
        "The appeal was rejected. The courts remain; a lawyer can advise you."
    ),
    "revoked": N_(
        "What was issued was taken back and is no longer valid. The page gives the reason."
    ),
    "expired": N_("What was issued has run out. Apply for its renewal where the service has one."),
    "shelved": N_(
        "Put away without a decision, mostly because it was not completed in time. "
        "It is no refusal: you may apply again."
    ),
}
"""What the citizen should know and do, in every state that a request can reach today."""


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60


@get_page("/help", Access.ANYONE)
def help_page(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.shared_page(
        visit,
        "about/help.html",
        meanings=MEANINGS,
        code_minutes=_minutes(otp.LIFE),
        code_tries=otp.TRIES,
        code_most=otp.MOST_A_MOBILE,
        code_window=_minutes(otp.WINDOW),
        idle_minutes=_minutes(sessions.CITIZEN_IDLE),
        held_minutes=_minutes(held.KEPT),
        draft_days=drafts.IDLE_DAYS,
        payment_days=submission.PAYMENT_DAYS,
        completion_days=acts.COMPLETION_DAYS,
        closes=deadlines.COUNTER_CLOSES_HOUR - 12,
    )


@get_page("/privacy", Access.ANYONE)
def privacy(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.shared_page(
        visit,
        "about/privacy.html",
        reviewed=REVIEWED,
        draft_days=drafts.IDLE_DAYS,
        idle_minutes=_minutes(sessions.CITIZEN_IDLE),
        longest_hours=_minutes(sessions.CITIZEN_LONGEST) // 60,
        held_minutes=_minutes(held.KEPT),
        code_minutes=_minutes(otp.LIFE),
        permit_log_days=visit.portal.settings.permit_log_kept.days,
    )


@get_page("/accessibility", Access.ANYONE)
def accessibility(visit: NamedDependency[Visit]) -> Response[bytes]:
    return visit.portal.pages.shared_page(
        visit,
        "about/accessibility.html",
        reviewed=REVIEWED,
        idle_minutes=_minutes(sessions.CITIZEN_IDLE),
        warned_minutes=_minutes(SESSION_WARNING),
    )


HANDLERS = [help_page, privacy, accessibility]
