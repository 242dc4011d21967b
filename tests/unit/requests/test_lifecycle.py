"""The table of the life cycle against services §3.2–3.3 and the rulings; its clock by hand."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from portal import words
from portal.catalogue.deadlines import Calendar
from portal.catalogue.model import Mark, Period, Unit
from portal.requests import lifecycle
from portal.requests.lifecycle import (
    FINAL,
    TABLE,
    Act,
    Actor,
    ClockEffect,
    Event,
    State,
    Transition,
    WrongState,
    period_from_json,
    period_to_json,
    start_clock,
)

STATES = """
draft awaiting_filing_payment expired_unpaid received document_check needs_completion referred
under_study inspection_scheduled inspected awaiting_external_opinion accepted_prelim fees_assessed
approved issued ready_for_delivery delivered refused deemed_approved deemed_refused grievance_filed
grievance_upheld grievance_rejected withdrawn shelved revoked expired waiting_list
"""

# services §3.3, then the rulings' own
EVENTS = """
submit pay_filing register_incoming accept_documents request_completion complete refer assign
schedule_inspection inspect inspection_missed ask_opinion receive_opinion accept_prelim ready_notice
assess_fees pay_assessed approve refuse issue deliver lapse_silence file_grievance decide_grievance
withdraw extend revoke suspend renew expire correct_output
notify_authority register_notice put_on_waiting_list
"""

# event, from (at least), to, who: as §3.2 and §3.3 tell them
STEPS = """
submit|draft|awaiting_filing_payment received|citizen center
pay_filing|awaiting_filing_payment|received|system center
expire_unpaid|awaiting_filing_payment|expired_unpaid|system
register_incoming|received|document_check|center
register_notice|received|issued|center
accept_documents|document_check|referred|center
request_completion|document_check under_study|needs_completion|center
complete|needs_completion||citizen
refer|referred|referred|center
assign|referred|under_study|center
schedule_inspection|under_study|inspection_scheduled|center
inspect|inspection_scheduled|inspected|center
inspection_missed|inspection_scheduled|inspection_scheduled shelved|center
ask_opinion|under_study|awaiting_external_opinion|center
receive_opinion|awaiting_external_opinion|under_study|center
notify_authority|under_study||center
put_on_waiting_list|under_study|waiting_list|center
accept_prelim|under_study|accepted_prelim|center
ready_notice|accepted_prelim||citizen
assess_fees|under_study inspected accepted_prelim deemed_approved|fees_assessed|center
pay_assessed|fees_assessed||system
approve|under_study inspected accepted_prelim|approved|center
refuse|under_study inspected|refused|center
issue|approved deemed_approved|issued|center
make_ready|issued|ready_for_delivery|center
deliver|issued ready_for_delivery|delivered|center
lapse_silence|under_study|deemed_approved deemed_refused accepted_prelim|system
file_grievance|refused deemed_refused|grievance_filed|citizen
decide_grievance|grievance_filed|grievance_upheld grievance_rejected|center
reopen|shelved grievance_upheld|under_study document_check|center
withdraw|received under_study needs_completion|withdrawn|citizen
shelve|needs_completion fees_assessed accepted_prelim|shelved|center system
extend|under_study||center
revoke|issued delivered|revoked|center
suspend|issued delivered||center system
renew|issued delivered||center system
expire|issued delivered|expired|center system
correct_output|issued delivered||center
toll|awaiting_filing_payment needs_completion under_study refused deemed_refused||system
"""
ROWS = [line.split("|") for line in STEPS.strip().splitlines()]
CLOCK = {
    Event.PAY_FILING: ClockEffect.START,
    Event.REQUEST_COMPLETION: ClockEffect.PAUSE,
    Event.COMPLETE: ClockEffect.RESUME,
    Event.ASSESS_FEES: ClockEffect.PAUSE,
    Event.PAY_ASSESSED: ClockEffect.RESUME,
    Event.APPROVE: ClockEffect.STOP,
    Event.REFUSE: ClockEffect.STOP,
    Event.LAPSE_SILENCE: ClockEffect.STOP,
    Event.WITHDRAW: ClockEffect.STOP,
    Event.SHELVE: ClockEffect.STOP,
    Event.REGISTER_NOTICE: ClockEffect.STOP,
    Event.ACCEPT_PRELIM: ClockEffect.OFF,
    Event.READY_NOTICE: ClockEffect.RESTART,
    Event.REOPEN: ClockEffect.RESTART,
}


def targets(transition: Transition, source: State) -> set[State]:
    """Where the step may lead from ``source``; a step back leads to any interrupted state."""
    if transition.back:
        pauses = [t for t in TABLE.values() if t.targets == {source}]
        return set().union(*(t.sources for t in pauses))
    return set(transition.targets) or {source}


def onward(source: State) -> set[State]:
    found: set[State] = set()
    for transition in TABLE.values():
        if source in transition.sources:
            found |= targets(transition, source)
    return found


def test_the_states_are_those_of_the_facts_and_the_waiting_list() -> None:
    assert {str(state) for state in State} == set(STATES.split())


def test_every_event_of_the_facts_and_the_rulings_is_in_the_table() -> None:
    assert set(EVENTS.split()) <= {str(event) for event in Event}
    assert TABLE.keys() == set(Event)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_event_leads_where_the_facts_say(row: list[str]) -> None:
    name, sources, leads, actors = row
    transition = TABLE[Event(name)]
    assert {State(s) for s in sources.split()} <= transition.sources
    assert {State(s) for s in leads.split()} == transition.targets
    assert {Actor(a) for a in actors.split()} == transition.actors


def test_the_rows_of_this_file_are_the_whole_table() -> None:
    assert {row[0] for row in ROWS} == {str(event) for event in Event}


@pytest.mark.parametrize("event", Event)
def test_an_event_moves_the_legal_clock_only_as_the_facts_say(event: Event) -> None:
    assert TABLE[event].clock is CLOCK.get(event, ClockEffect.NONE)


def test_every_state_can_be_reached_from_a_draft() -> None:
    reached, edge = {State.DRAFT}, {State.DRAFT}
    while edge:
        edge = set().union(*(onward(state) for state in edge)) - reached
        reached |= edge
    assert reached == set(State)


def test_every_state_that_is_not_final_has_a_way_on() -> None:
    for state in set(State) - FINAL:
        assert onward(state) - {state}, state


def test_from_every_state_that_is_not_final_an_end_can_be_reached() -> None:
    for start in set(State) - FINAL:
        reached, edge = {start}, {start}
        while edge:
            edge = set().union(*(onward(state) for state in edge)) - reached
            reached |= edge
        assert reached & FINAL, start


def test_what_is_over_stays_over() -> None:
    for state in (
        State.WITHDRAWN,
        State.EXPIRED_UNPAID,
        State.GRIEVANCE_REJECTED,
        State.REVOKED,
        State.EXPIRED,
    ):
        assert state in FINAL
        assert onward(state) == set()


def test_nothing_leads_back_to_a_draft_or_before_payment() -> None:
    for event, transition in TABLE.items():
        assert State.DRAFT not in transition.targets, event
        if event is not Event.SUBMIT:
            assert State.AWAITING_FILING_PAYMENT not in transition.targets, event


def test_only_a_refusal_can_be_challenged_and_shelving_is_none() -> None:
    assert TABLE[Event.FILE_GRIEVANCE].sources == {State.REFUSED, State.DEEMED_REFUSED}


def test_a_citizen_withdraws_only_before_the_decision() -> None:
    decided = {
        State.APPROVED,
        State.ISSUED,
        State.READY_FOR_DELIVERY,
        State.DELIVERED,
        State.REFUSED,
        State.DEEMED_APPROVED,
        State.DEEMED_REFUSED,
    }
    assert not TABLE[Event.WITHDRAW].sources & decided


def test_silence_means_nothing_while_the_clock_stands() -> None:
    standing = {State.NEEDS_COMPLETION, State.FEES_ASSESSED, State.AWAITING_FILING_PAYMENT}
    assert not TABLE[Event.LAPSE_SILENCE].sources & standing


def test_a_citizen_never_decides_and_the_center_never_pays_what_it_assessed() -> None:
    citizens = {event for event, t in TABLE.items() if Actor.CITIZEN in t.actors}
    assert citizens == {
        Event.SUBMIT,
        Event.COMPLETE,
        Event.READY_NOTICE,
        Event.FILE_GRIEVANCE,
        Event.WITHDRAW,
    }
    assert TABLE[Event.PAY_FILING].actors == {Actor.SYSTEM, Actor.CENTER}  # a center's treasury
    assert TABLE[Event.PAY_ASSESSED].actors == {Actor.SYSTEM}


def test_whatever_pauses_knows_a_way_to_go_on() -> None:
    pausing = [t for t in TABLE.values() if t.clock is ClockEffect.PAUSE]
    resuming = [t for t in TABLE.values() if t.clock is ClockEffect.RESUME]
    paused = set().union(*(t.targets for t in pausing))
    assert paused == {State.NEEDS_COMPLETION, State.FEES_ASSESSED}
    assert set().union(*(t.sources for t in resuming)) == paused
    assert all(t.back for t in resuming)


def test_every_state_and_event_has_its_words() -> None:
    assert {str(s) for s in State} == words.STATES.keys()
    assert {str(e) for e in Event} <= words.EVENTS.keys()


# --- the clock's columns --------------------------------------------------------------------------

CALENDAR = Calendar(frozenset({date(2026, 4, 13)}))
SEVEN = period_to_json(Period(7, Unit.DAYS, Mark.LAW), from_filing=False)
FILED, PAID = datetime(2026, 4, 2, 8, tzinfo=UTC), datetime(2026, 4, 5, 8, tzinfo=UTC)


def row(**values: Any) -> SimpleNamespace:
    base: dict[str, Any] = {
        "period": SEVEN,
        "clock_from": date(2026, 4, 5),
        "paused_on": None,
        "paused_days": 0,
        "submitted_at": FILED,
    }
    return SimpleNamespace(**{**base, **values})


def clock(row: SimpleNamespace, effect: ClockEffect, at: datetime, calendar: Calendar) -> Any:
    return lifecycle._clock(row, effect, row.period, at, calendar)


def at(day: int) -> datetime:
    return datetime(2026, 4, day, 8, tzinfo=UTC)


def test_the_clock_starts_when_the_request_is_received() -> None:
    assert start_clock(SEVEN, FILED, PAID, CALENDAR) == {
        "clock_from": date(2026, 4, 5),
        "due_on": date(2026, 4, 12),
    }


def test_where_the_law_counts_from_filing_it_starts_with_submission() -> None:
    period = period_to_json(Period(15, Unit.DAYS, Mark.LAW), from_filing=True)
    assert start_clock(period, FILED, PAID, CALENDAR) == {
        "clock_from": date(2026, 4, 2),
        "due_on": date(2026, 4, 19),  # 17 April is a Friday
    }


def test_a_request_for_completion_stops_the_clock_on_its_day() -> None:
    values = clock(row(), ClockEffect.PAUSE, at(7), CALENDAR)
    assert values == {"paused_on": date(2026, 4, 7)}


def test_where_the_law_counts_from_filing_completion_stops_nothing() -> None:
    period = {**SEVEN, "from_filing": True}
    assert clock(row(period=period), ClockEffect.PAUSE, at(7), CALENDAR) == {}
    resumed = clock(row(period=period), ClockEffect.RESUME, at(9), CALENDAR)
    assert resumed == {}


def test_completion_lets_it_run_again_later_by_whole_days() -> None:
    paused = row(paused_on=date(2026, 4, 7))
    assert clock(paused, ClockEffect.RESUME, at(9), CALENDAR) == {
        "paused_on": None,
        "paused_days": 2,
        "due_on": date(2026, 4, 14),
    }


def test_a_second_pause_adds_to_the_first() -> None:
    paused = row(paused_on=date(2026, 4, 9), paused_days=2)
    assert clock(paused, ClockEffect.RESUME, at(12), CALENDAR) == {
        "paused_on": None,
        "paused_days": 5,
        "due_on": date(2026, 4, 19),  # 17 April is a Friday
    }


def test_the_day_of_a_pause_is_that_of_cairo() -> None:
    late = datetime(2026, 4, 7, 22, 30, tzinfo=UTC)
    values = clock(row(), ClockEffect.PAUSE, late, CALENDAR)
    assert values == {"paused_on": date(2026, 4, 8)}


def test_a_decision_stops_it_and_other_events_leave_it() -> None:
    assert clock(row(), ClockEffect.STOP, at(7), CALENDAR) == {"paused_on": None}
    assert clock(row(), ClockEffect.NONE, at(7), CALENDAR) == {}


def test_an_acceptance_in_principle_leaves_no_period_running() -> None:
    off = clock(row(paused_days=3), ClockEffect.OFF, at(7), CALENDAR)
    assert off == {"paused_on": None, "paused_days": 0, "clock_from": None, "due_on": None}


def test_fees_assessed_while_no_period_runs_pause_nothing() -> None:
    off = row(clock_from=None)
    assert clock(off, ClockEffect.PAUSE, at(7), CALENDAR) == {}
    assert clock(off, ClockEffect.RESUME, at(9), CALENDAR) == {}


def test_a_period_that_begins_anew_is_whole_and_counts_from_that_day() -> None:
    anew = {
        "paused_on": None,
        "paused_days": 0,
        "clock_from": date(2026, 4, 20),
        "due_on": date(2026, 4, 27),
    }
    assert clock(row(paused_days=3), ClockEffect.RESTART, at(20), CALENDAR) == anew
    from_filing = row(period={**SEVEN, "from_filing": True})
    assert clock(from_filing, ClockEffect.RESTART, at(20), CALENDAR) == anew


@pytest.mark.parametrize(
    ("event", "source", "target", "effect"),
    [
        (Event.LAPSE_SILENCE, State.UNDER_STUDY, State.ACCEPTED_PRELIM, ClockEffect.OFF),
        (Event.LAPSE_SILENCE, State.ACCEPTED_PRELIM, State.DEEMED_APPROVED, ClockEffect.STOP),
        (Event.LAPSE_SILENCE, State.UNDER_STUDY, State.DEEMED_REFUSED, ClockEffect.STOP),
        (Event.ASSESS_FEES, State.UNDER_STUDY, State.FEES_ASSESSED, ClockEffect.PAUSE),
        (Event.ASSESS_FEES, State.DEEMED_APPROVED, State.FEES_ASSESSED, ClockEffect.NONE),
    ],
)
def test_what_a_step_does_to_the_clock_depends_on_where_it_leads(
    event: Event, source: State, target: State, effect: ClockEffect
) -> None:
    assert lifecycle._effect(TABLE[event], source, target) is effect


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("rolls", [True, False])
def test_a_period_is_kept_as_it_was(unit: Unit, rolls: bool) -> None:
    period = Period(15, unit, Mark.PRESS, rolls=rolls)
    kept = period_to_json(period, from_filing=True)
    assert period_from_json(kept) == period
    assert kept["from_filing"] is True


# --- the target of a step -------------------------------------------------------------------------


def step(event: Event, target: State | None = None) -> Act:
    return Act(event, Actor.CENTER, PAID, target=target)


def test_a_step_with_one_target_needs_none_named() -> None:
    act = step(Event.ASSIGN)
    found = lifecycle._target(TABLE[Event.ASSIGN], act, State.REFERRED, None)
    assert found is State.UNDER_STUDY


def test_a_step_with_several_targets_is_told_which() -> None:
    transition = TABLE[Event.DECIDE_GRIEVANCE]
    named = step(Event.DECIDE_GRIEVANCE, State.GRIEVANCE_UPHELD)
    found = lifecycle._target(transition, named, State.GRIEVANCE_FILED, None)
    assert found is State.GRIEVANCE_UPHELD
    for target in (None, State.APPROVED):
        with pytest.raises(WrongState):
            lifecycle._target(
                transition,
                step(Event.DECIDE_GRIEVANCE, target),
                State.GRIEVANCE_FILED,
                None,
            )


def test_a_step_back_leads_to_where_the_request_was_interrupted() -> None:
    act = step(Event.COMPLETE)
    found = lifecycle._target(TABLE[Event.COMPLETE], act, State.NEEDS_COMPLETION, "inspected")
    assert found is State.INSPECTED


def test_a_step_without_a_target_stays() -> None:
    act = step(Event.EXTEND)
    assert lifecycle._target(TABLE[Event.EXTEND], act, State.INSPECTED, None) is State.INSPECTED
