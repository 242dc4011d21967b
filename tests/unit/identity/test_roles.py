"""Who may do what in a center (services §3.7)."""

import pytest

from portal.identity.roles import (
    CENTER_ROLES,
    GOVERNORATE_ROLES,
    NATIONAL_ROLES,
    TABLE,
    Permission,
    Role,
    may,
)

STAFF = """
front_office cashier centre_manager department_officer inspector department_head unit_head
committee_member backlog_entry backlog_reviewer archivist followup_member governorate_admin
ministry_viewer auditor
"""


def test_every_role_of_staff_is_known() -> None:
    assert set(STAFF.split()) <= {str(role) for role in Role}


def test_every_role_works_somewhere() -> None:
    assert {*CENTER_ROLES, *GOVERNORATE_ROLES, *NATIONAL_ROLES} == set(Role)
    assert not set(CENTER_ROLES) & {*GOVERNORATE_ROLES, *NATIONAL_ROLES}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", ["", "citizen", "admin", "FRONT_OFFICE", "front_office "])
def test_an_unknown_role_may_nothing(role: str, permission: Permission) -> None:
    assert not may(role, permission)


def test_only_heads_decide() -> None:
    deciding = {role for role in Role if may(role, Permission.DECIDE)}
    assert deciding == {Role.DEPARTMENT_HEAD, Role.UNIT_HEAD}


def test_who_meets_the_citizen_does_not_decide_and_who_decides_does_not_register() -> None:
    for role in Role:
        meets = may(role, Permission.REGISTER) or may(role, Permission.CHECK_DOCUMENTS)
        assert not (meets and may(role, Permission.DECIDE)), role


def test_the_front_office_and_its_manager_register_and_check() -> None:
    for permission in (Permission.REGISTER, Permission.CHECK_DOCUMENTS):
        assert {role for role in Role if may(role, permission)} == {
            Role.FRONT_OFFICE,
            Role.CENTRE_MANAGER,
        }


# the page of outages shows nobody's requests
_SEEING = {
    Permission.SEE_INBOX,
    Permission.SEE_REFUNDS,
    Permission.SEE_FINANCE,
    Permission.SEE_PERMITS,
    Permission.SEE_HANDOFF,
    Permission.SEE_BODIES,
    Permission.SEE_INQUIRIES,
    Permission.SEE_BACKLOG,
}
_OF_A_GOVERNORATE = {Permission.KEEP_CUTOFFS, Permission.KEEP_BODIES}
_OF_ITSELF = {Permission.KEEP_OUTAGES}
_OF_SCANS = {Permission.SEE_SCANS, Permission.KEEP_SCANS}
_OF_PERMITS = {
    Permission.ENTER_PERMITS,
    Permission.KEEP_PERMITS,
    Permission.DECIDE_PERMITS,
    Permission.REVIEW_PERMITS,
    Permission.ANSWER_SEARCHES,
    Permission.SURVEY_BACKLOG,
    Permission.SEE_ENTERERS,
    *_OF_SCANS,
}
_SEEN_WITH = dict.fromkeys(_OF_PERMITS, Permission.SEE_PERMITS) | {
    Permission.ASK_REFUND: Permission.SEE_REFUNDS,
    Permission.APPROVE_REFUND: Permission.SEE_REFUNDS,
    Permission.CLOSE_CASE: Permission.SEE_FINANCE,
    Permission.CLOSE_DAY: Permission.SEE_FINANCE,
    Permission.KEEP_BODIES: Permission.SEE_BODIES,
    Permission.KEEP_SCANS: Permission.SEE_SCANS,
    Permission.KEEP_CUTOFFS: Permission.SEE_BACKLOG,
}


def test_whoever_may_act_may_see() -> None:
    for role, permissions in TABLE.items():
        for permission in permissions - _SEEING - _OF_ITSELF:
            assert _SEEN_WITH.get(permission, Permission.SEE_INBOX) in permissions, (
                role,
                permission,
            )


def test_above_centers_finance_changes_money_and_a_governorate_what_is_its_own() -> None:
    allowed = {
        Role.FINANCE_OFFICER: set(_SEEN_WITH) - _OF_PERMITS - _OF_A_GOVERNORATE,
        Role.GOVERNORATE_ADMIN: {Permission.KEEP_OUTAGES, *_OF_A_GOVERNORATE},
    }
    for role in (*GOVERNORATE_ROLES, *NATIONAL_ROLES):
        changing = {p for p in set(Permission) - _SEEING if may(role, p)}
        assert changing <= allowed.get(role, set()), role


def test_one_who_enters_the_backlog_decides_no_request() -> None:
    permits = _OF_PERMITS | {Permission.SEE_PERMITS}
    for role in (Role.BACKLOG_ENTRY, Role.BACKLOG_REVIEWER, Role.COMMITTEE_MEMBER):
        assert not {p for p in set(Permission) - permits if may(role, p)}, role


def test_nobody_reviews_what_he_entered_from_paper_books_himself() -> None:
    assert not may(Role.BACKLOG_ENTRY, Permission.REVIEW_PERMITS)
    assert not may(Role.BACKLOG_REVIEWER, Permission.ENTER_PERMITS)
