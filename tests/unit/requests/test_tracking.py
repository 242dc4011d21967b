"""What the citizen sees of a request: its clock, its road, and whose turn it is."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from portal import words
from portal.catalogue.fees import Quote
from portal.catalogue.loader import shipped_catalogue
from portal.requests.lifecycle import FINAL, State
from portal.requests.reading import FiledRequest, PastAct
from portal.requests.tracking import (
    Station,
    handing,
    is_moving,
    is_notice,
    legal_clock,
    timeline,
    waits_for_citizen,
)

SENT = datetime(2026, 4, 5, 8, tzinfo=UTC)
REQUEST = FiledRequest(
    id=1,
    number="26-1503-00042-1",
    draft_id="draft",
    citizen_id=1,
    service_code="site-validity-statement",
    center_code="KFS-003",
    channel="web",
    locale="ar",
    state=State.UNDER_STUDY,
    resume_state=None,
    quote=Quote(()),
    due_now=0,
    submitted_at=SENT,
    received_at=SENT,
    decided_at=None,
    waits_until=None,
    period={"amount": 7, "unit": "days", "mark": "K"},
    clock_from=date(2026, 4, 5),
    paused_on=None,
    paused_days=0,
    due_on=date(2026, 4, 12),
    grievance_until=None,
    center_number=None,
    center_year=None,
    handed_off_at=None,
)


def in_state(state: State) -> FiledRequest:
    return replace(REQUEST, state=state)


@pytest.mark.parametrize(
    ("today", "left", "elapsed", "late"),
    [
        (date(2026, 4, 5), 7, 0, False),
        (date(2026, 4, 8), 4, 3, False),
        (date(2026, 4, 12), 0, 7, False),  # the last day is still in time
        (date(2026, 4, 13), -1, 7, True),
        (date(2026, 5, 12), -30, 7, True),
        (date(2026, 4, 4), 8, 0, False),
    ],
)
def test_the_clock_tells_what_is_left(today: date, left: int, elapsed: int, late: bool) -> None:
    clock = legal_clock(REQUEST, today)
    assert clock is not None
    assert (clock.amount, clock.unit, clock.mark) == (7, "days", "K")
    assert (clock.begins_on, clock.due_on) == (date(2026, 4, 5), date(2026, 4, 12))
    assert (clock.days_left, clock.elapsed, clock.whole) == (left, elapsed, 7)
    assert clock.late is late


def test_a_clock_that_stands_is_never_late() -> None:
    paused = replace(REQUEST, state=State.NEEDS_COMPLETION, paused_on=date(2026, 4, 7))
    clock = legal_clock(paused, date(2026, 5, 12))
    assert clock is not None
    assert clock.paused_on == date(2026, 4, 7)
    assert not clock.late


def test_a_period_of_no_days_has_a_whole_all_the_same() -> None:
    same_day = replace(REQUEST, due_on=REQUEST.clock_from)
    clock = legal_clock(same_day, date(2026, 4, 5))
    assert clock is not None
    assert (clock.whole, clock.elapsed, clock.days_left) == (1, 0, 0)


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, due_on=None),
        replace(REQUEST, clock_from=None),
        replace(REQUEST, decided_at=SENT),
        replace(REQUEST, state=State.APPROVED, decided_at=SENT),
        *(in_state(state) for state in sorted(FINAL)),
    ],
)
def test_there_is_no_clock_before_receipt_and_after_the_decision(request_: FiledRequest) -> None:
    assert legal_clock(request_, date(2026, 4, 8)) is None


PAY, CHECK, STUDY, DECIDE, ISSUE = (
    Station.PAY,
    Station.CHECK,
    Station.STUDY,
    Station.DECIDE,
    Station.ISSUE,
)


@pytest.mark.parametrize(
    ("state", "ahead"),
    [
        (State.AWAITING_FILING_PAYMENT, [PAY, CHECK, STUDY, DECIDE, ISSUE]),
        (State.RECEIVED, [CHECK, STUDY, DECIDE, ISSUE]),
        (State.DOCUMENT_CHECK, [CHECK, STUDY, DECIDE, ISSUE]),
        (State.NEEDS_COMPLETION, [Station.COMPLETE, STUDY, DECIDE, ISSUE]),
        (State.REFERRED, [STUDY, DECIDE, ISSUE]),
        (State.INSPECTED, [STUDY, DECIDE, ISSUE]),
        (State.WAITING_LIST, [STUDY, DECIDE, ISSUE]),
        (State.FEES_ASSESSED, [STUDY, DECIDE, ISSUE]),
        (State.APPROVED, [ISSUE]),
        (State.DEEMED_APPROVED, [ISSUE]),
        (State.REFUSED, []),
        (State.ISSUED, []),
        (State.WITHDRAWN, []),
        (State.SHELVED, []),
    ],
)
def test_the_road_ahead_begins_where_the_request_stands(state: State, ahead: list[Station]) -> None:
    assert list(timeline(in_state(state), (), notice=False).ahead) == ahead


@pytest.mark.parametrize(
    ("state", "ahead"),
    [
        (State.RECEIVED, [CHECK, ISSUE]),
        (State.NEEDS_COMPLETION, [Station.COMPLETE, ISSUE]),
        (State.ISSUED, []),
    ],
)
def test_a_notice_is_only_registered(state: State, ahead: list[Station]) -> None:
    assert list(timeline(in_state(state), (), notice=True).ahead) == ahead


def test_the_past_stays_as_it_was() -> None:
    act = PastAct("submit", State.DRAFT, State.RECEIVED, "citizen", "", SENT, "", {})
    assert timeline(REQUEST, (act,), notice=False).past == (act,)


def test_every_station_has_its_words() -> None:
    assert {str(s) for s in Station} == words.STATIONS.keys()


def test_the_citizen_is_waited_for_when_he_must_pay_or_complete() -> None:
    waiting = {state for state in State if waits_for_citizen(in_state(state))}
    assert waiting == {
        State.AWAITING_FILING_PAYMENT,
        State.NEEDS_COMPLETION,
        State.FEES_ASSESSED,
    }


def test_a_page_looks_again_until_the_request_is_over() -> None:
    assert is_moving(REQUEST)
    assert not is_moving(in_state(State.REFUSED))


def test_the_center_has_answered_when_it_said_so() -> None:
    assert handing(REQUEST).sent
    assert handing(REQUEST).answered_at is None
    assert handing(replace(REQUEST, handed_off_at=SENT)).answered_at == SENT
    assert not handing(replace(REQUEST, received_at=None)).sent


def test_mourning_and_the_start_of_works_are_only_registered() -> None:
    services = shipped_catalogue().services
    tent = services["event-tent-permit"]
    assert is_notice(tent, {"event_kind": "mourning"})
    assert not is_notice(tent, {"event_kind": "wedding"})
    assert not is_notice(tent, {})
    assert is_notice(services["works-start-notice"], {})
    assert not is_notice(services["building-permit-new"], {})
