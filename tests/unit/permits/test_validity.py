"""Whether a permit holds: the rules of law 119/2008 as facts 6.4 gives them."""

from datetime import date

import pytest

from portal.permits.validity import (
    Status,
    Term,
    Verdict,
    may_lapse,
    verdict,
    why_not_renewable,
)

ISSUED = date(2025, 3, 4)


def term(*, renewed: bool = False, started_on: date | None = None, disputed: bool = False) -> Term:
    return Term(ISSUED, renewed, started_on, disputed)


@pytest.mark.parametrize(
    ("issued_on", "renewed", "last_day"),
    [
        (date(2025, 3, 4), False, date(2026, 3, 4)),
        (date(2025, 3, 4), True, date(2027, 3, 4)),
        (date(2024, 2, 29), False, date(2025, 2, 28)),  # a day that the next year lacks
        (date(2024, 2, 29), True, date(2026, 2, 28)),
        (date(2023, 2, 28), False, date(2024, 2, 28)),
    ],
)
def test_works_begin_within_a_year_of_the_issue_or_two_after_a_renewal(
    issued_on: date, renewed: bool, last_day: date
) -> None:
    assert Term(issued_on, renewed, None, False).must_start_by == last_day


@pytest.mark.parametrize(
    ("status", "dates", "today", "told"),
    [
        (Status.VALID_NOT_STARTED, term(), date(2026, 3, 4), Verdict.HOLDS),
        (Status.VALID_NOT_STARTED, term(), date(2026, 3, 5), Verdict.START_OVER),
        (Status.RENEWED, term(renewed=True), date(2027, 3, 4), Verdict.HOLDS),
        (Status.RENEWED, term(renewed=True), date(2027, 3, 5), Verdict.START_OVER),
        # a start in time keeps it alive with no end
        (
            Status.UNDER_EXECUTION,
            term(started_on=date(2026, 3, 4)),
            date(2046, 1, 1),
            Verdict.STARTED,
        ),
        # recorded, though nobody has told that works are under way
        (Status.VALID_NOT_STARTED, term(started_on=ISSUED), date(2030, 1, 1), Verdict.HOLDS),
        (Status.LAPSED, term(), ISSUED, Verdict.ENDED),
        (Status.REVOKED, term(), ISSUED, Verdict.ENDED),
        (Status.SUSPENDED, term(), ISSUED, Verdict.STOPPED),
        (Status.OCCUPIED, term(started_on=ISSUED), date(2060, 1, 1), Verdict.DONE),
        (Status.SUPERSEDED, term(), ISSUED, Verdict.REPLACED),
        (Status.MANUAL_UNVERIFIED, term(), ISSUED, Verdict.UNKNOWN),
    ],
)
def test_what_is_told_of_a_permit_on_a_day(
    status: Status, dates: Term, today: date, told: Verdict
) -> None:
    assert verdict(status, dates, today) is told


@pytest.mark.parametrize(
    ("status", "dates", "may"),
    [
        (Status.VALID_NOT_STARTED, term(), True),
        (Status.RENEWED, term(renewed=True), True),
        (Status.VALID_NOT_STARTED, term(started_on=date(2026, 1, 1)), False),
        (Status.VALID_NOT_STARTED, term(disputed=True), False),
        (Status.UNDER_EXECUTION, term(started_on=ISSUED), False),
        (Status.SUSPENDED, term(), False),
        (Status.LAPSED, term(), False),
    ],
)
def test_a_permit_lapses_for_want_of_a_start_and_for_nothing_else(
    status: Status, dates: Term, may: bool
) -> None:
    assert may_lapse(status, dates, date(2028, 1, 1)) is may
    assert not may_lapse(status, dates, dates.must_start_by), "the last day is still in time"


@pytest.mark.parametrize(
    ("status", "dates", "asked_on", "grace", "why"),
    [
        (Status.VALID_NOT_STARTED, term(), date(2026, 3, 4), 0, None),
        (Status.VALID_NOT_STARTED, term(), date(2026, 3, 5), 0, "late"),
        (Status.VALID_NOT_STARTED, term(), date(2026, 3, 14), 10, None),
        (Status.VALID_NOT_STARTED, term(), date(2026, 3, 15), 10, "late"),
        (Status.RENEWED, term(renewed=True), date(2026, 5, 1), 0, "renewed"),
        (Status.UNDER_EXECUTION, term(started_on=ISSUED), date(2025, 9, 1), 0, "started"),
        (Status.SUSPENDED, term(), date(2025, 9, 1), 0, None),
        (Status.LAPSED, term(), date(2026, 3, 4), 0, None),
        (Status.LAPSED, term(), date(2026, 3, 5), 0, "late"),
        (Status.REVOKED, term(), date(2025, 9, 1), 0, "status"),
    ],
)
def test_a_permit_is_renewed_once_and_before_its_first_year_is_over(
    status: Status, dates: Term, asked_on: date, grace: int, why: str | None
) -> None:
    assert why_not_renewable(status, dates, asked_on, grace) == why
