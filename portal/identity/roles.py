"""Who may do what in a center, as a table (facts §3.7).

The back office asks :func:`may`; buttons are drawn and acts are refused by the same table.
"""

from enum import StrEnum


class Role(StrEnum):
    """Roles of staff."""

    FRONT_OFFICE = "front_office"
    CASHIER = "cashier"
    CENTRE_MANAGER = "centre_manager"
    DEPARTMENT_OFFICER = "department_officer"
    INSPECTOR = "inspector"
    DEPARTMENT_HEAD = "department_head"
    UNIT_HEAD = "unit_head"
    COMMITTEE_MEMBER = "committee_member"
    BACKLOG_ENTRY = "backlog_entry"
    BACKLOG_REVIEWER = "backlog_reviewer"
    ARCHIVIST = "archivist"
    FOLLOWUP_MEMBER = "followup_member"
    FINANCE_OFFICER = "finance_officer"
    GOVERNORATE_ADMIN = "governorate_admin"
    MINISTRY_VIEWER = "ministry_viewer"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What can be done with the requests of a center."""

    SEE_INBOX = "see_inbox"
    SEE_IDENTITY = "see_identity"
    """Who filed a request that hides it from the departments, such as a complaint."""
    REGISTER = "register"
    CHECK_DOCUMENTS = "check_documents"
    REQUEST_COMPLETION = "request_completion"
    DECIDE = "decide"
    ASSESS = "assess"
    """Work out later fees and propose them."""
    APPROVE_ASSESSMENT = "approve_assessment"
    """Approve fees that somebody else proposed: never one's own."""
    SEE_REFUNDS = "see_refunds"
    """What was paid for a request and what went back; no person is named there."""
    ASK_REFUND = "ask_refund"
    APPROVE_REFUND = "approve_refund"
    """Approve or reject a refund that somebody else asked for: never one's own."""
    SEE_FINANCE = "see_finance"
    """The money of days, by center and revenue item; cases; the export."""
    CLOSE_CASE = "close_case"
    CLOSE_DAY = "close_day"
    """Freeze a compared day: one account at the provider serves all, so only at the ministry."""
    KEEP_OUTAGES = "keep_outages"
    """Enter when a center of the governorate did not work: its legal periods move."""
    SEE_HANDOFF = "see_handoff"
    """How requests reach the centers of one's governorate, or all: what waits, what was set
    aside."""
    SEE_PERMITS = "see_permits"
    """The center's register of building permits; names need SEE_IDENTITY as well."""
    ENTER_PERMITS = "enter_permits"
    """Enter permits of paper books; what only enters waits for a review."""
    KEEP_PERMITS = "keep_permits"
    """Tell what became of a permit."""
    RECORD_OWNERS = "record_owners"
    """At the counter, with the owner's card: find what is his, record his mobile."""
    DECIDE_PERMITS = "decide_permits"
    """Suspend, revoke, confirm that one has lapsed."""
    REVIEW_PERMITS = "review_permits"
    """Accept what somebody entered from paper books, return or reject it: never one's own."""
    SURVEY_BACKLOG = "survey_backlog"
    """Count the paper files on the shelves, before and beside what is entered of them."""
    SEE_SCANS = "see_scans"
    """Scans of paper files: they name people, so only who works with the paper sees them."""
    KEEP_SCANS = "keep_scans"
    """Attach scans, and take back one's own."""
    SEE_ENTERERS = "see_enterers"
    """How good each person's entries were found: for those who answer for that person."""
    SEE_BACKLOG = "see_backlog"
    """The rates of the centers of one's governorate, or of all; no person is named there."""
    KEEP_CUTOFFS = "keep_cutoffs"
    """Say from when on permits on paper count no more: the governorate decides it, not a center
    for itself."""
    SEE_BODIES = "see_bodies"
    """Outside bodies with an account, and the log of what they asked."""
    KEEP_BODIES = "keep_bodies"
    """Open accounts of outside bodies, agree purposes with them, revoke."""
    SEE_INQUIRIES = "see_inquiries"
    """Which bodies asked about a permit of the center."""
    ANSWER_SEARCHES = "answer_searches"
    """Look into the paper archive for what a body asked, and answer."""


CENTER_ROLES = (
    Role.FRONT_OFFICE,
    Role.CASHIER,
    Role.CENTRE_MANAGER,
    Role.DEPARTMENT_OFFICER,
    Role.INSPECTOR,
    Role.DEPARTMENT_HEAD,
    Role.UNIT_HEAD,
    Role.COMMITTEE_MEMBER,
    Role.BACKLOG_ENTRY,
    Role.BACKLOG_REVIEWER,
    Role.ARCHIVIST,
)
GOVERNORATE_ROLES = (
    Role.FOLLOWUP_MEMBER,
    Role.FINANCE_OFFICER,
    Role.GOVERNORATE_ADMIN,
    Role.AUDITOR,
)
NATIONAL_ROLES = (Role.FINANCE_OFFICER, Role.MINISTRY_VIEWER, Role.AUDITOR)

_P = Permission
TABLE: dict[Role, frozenset[Permission]] = {
    Role.FRONT_OFFICE: frozenset(
        {
            _P.SEE_INBOX,
            _P.SEE_IDENTITY,
            _P.REGISTER,
            _P.CHECK_DOCUMENTS,
            _P.REQUEST_COMPLETION,
            _P.SEE_PERMITS,
            _P.RECORD_OWNERS,
        }
    ),
    Role.CENTRE_MANAGER: frozenset(
        {
            _P.SEE_INBOX,
            _P.SEE_IDENTITY,
            _P.REGISTER,
            _P.CHECK_DOCUMENTS,
            _P.REQUEST_COMPLETION,
            _P.SEE_REFUNDS,
            _P.ASK_REFUND,
            _P.SEE_PERMITS,
            _P.RECORD_OWNERS,
            _P.SEE_INQUIRIES,
            _P.SEE_ENTERERS,
        }
    ),
    Role.DEPARTMENT_OFFICER: frozenset(
        {
            _P.SEE_INBOX,
            _P.REQUEST_COMPLETION,
            _P.ASSESS,
            _P.SEE_PERMITS,
            _P.ENTER_PERMITS,
            _P.KEEP_PERMITS,
            _P.ANSWER_SEARCHES,
            _P.SURVEY_BACKLOG,
            _P.SEE_SCANS,
            _P.KEEP_SCANS,
        }
    ),
    Role.DEPARTMENT_HEAD: frozenset(
        {
            _P.SEE_INBOX,
            _P.REQUEST_COMPLETION,
            _P.DECIDE,
            _P.ASSESS,
            _P.APPROVE_ASSESSMENT,
            _P.SEE_PERMITS,
            _P.ENTER_PERMITS,
            _P.KEEP_PERMITS,
            _P.DECIDE_PERMITS,
            _P.REVIEW_PERMITS,
            _P.SEE_INQUIRIES,
            _P.ANSWER_SEARCHES,
            _P.SURVEY_BACKLOG,
            _P.SEE_SCANS,
            _P.KEEP_SCANS,
            _P.SEE_ENTERERS,
        }
    ),
    Role.UNIT_HEAD: frozenset(
        {
            _P.SEE_INBOX,
            _P.SEE_IDENTITY,
            _P.DECIDE,
            _P.APPROVE_ASSESSMENT,
            _P.SEE_PERMITS,
            _P.DECIDE_PERMITS,
            _P.SEE_INQUIRIES,
            _P.SEE_SCANS,
            _P.SEE_ENTERERS,
        }
    ),
    Role.INSPECTOR: frozenset({_P.SEE_INBOX, _P.SEE_PERMITS}),
    Role.ARCHIVIST: frozenset(
        {
            _P.SEE_INBOX,
            _P.SEE_PERMITS,
            _P.ANSWER_SEARCHES,
            _P.SURVEY_BACKLOG,
            _P.SEE_SCANS,
            _P.KEEP_SCANS,
        }
    ),
    Role.BACKLOG_ENTRY: frozenset(
        {_P.SEE_PERMITS, _P.ENTER_PERMITS, _P.SURVEY_BACKLOG, _P.SEE_SCANS, _P.KEEP_SCANS}
    ),
    Role.BACKLOG_REVIEWER: frozenset({_P.SEE_PERMITS, _P.REVIEW_PERMITS, _P.SEE_SCANS}),
    Role.FOLLOWUP_MEMBER: frozenset({_P.SEE_BACKLOG}),
    Role.CASHIER: frozenset({_P.SEE_INBOX, _P.SEE_REFUNDS, _P.ASK_REFUND}),
    Role.FINANCE_OFFICER: frozenset(
        {
            _P.SEE_REFUNDS,
            _P.ASK_REFUND,
            _P.APPROVE_REFUND,
            _P.SEE_FINANCE,
            _P.CLOSE_CASE,
            _P.CLOSE_DAY,
        }
    ),
    Role.GOVERNORATE_ADMIN: frozenset(
        {
            _P.SEE_REFUNDS,
            _P.SEE_FINANCE,
            _P.KEEP_OUTAGES,
            _P.SEE_HANDOFF,
            _P.SEE_BODIES,
            _P.KEEP_BODIES,
            _P.SEE_BACKLOG,
            _P.KEEP_CUTOFFS,
        }
    ),
    Role.AUDITOR: frozenset(
        {_P.SEE_REFUNDS, _P.SEE_FINANCE, _P.SEE_HANDOFF, _P.SEE_BODIES, _P.SEE_BACKLOG}
    ),
    Role.MINISTRY_VIEWER: frozenset(
        {_P.SEE_FINANCE, _P.SEE_HANDOFF, _P.SEE_BODIES, _P.SEE_BACKLOG}
    ),
}


def may(role: str, permission: Permission) -> bool:
    """Whether the role may; an unknown role may nothing."""
    return permission in TABLE.get(Role(role), frozenset()) if role in set(Role) else False
