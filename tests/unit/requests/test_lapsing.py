"""What silence leads to: only where the law says so, never against who was answered."""

from dataclasses import replace

import pytest

from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Mark
from portal.requests.lapsing import LAPSES_IN, is_law, outcome
from portal.requests.lifecycle import Event, State, period_to_json

SERVICES = shipped_catalogue().services


def led(
    code: str, *, events: frozenset[str] = frozenset(), mark: str = "L", **values: object
) -> State | None:
    service = SERVICES[code]
    period = period_to_json(service.deadline.standard, from_filing=service.deadline.from_filing)
    return outcome(service.silence, {**period, "mark": mark}, dict(values), events)


def test_every_rule_of_law_leads_where_the_catalogue_says() -> None:
    found = {
        service.number: outcome(
            service.silence,
            period_to_json(service.deadline.standard, from_filing=False),
            {"event_kind": "wedding"},
            {"notify_authority"},
        )
        for service in SERVICES.values()
    }
    approved = dict.fromkeys((2, 3, 4, 5, 6, 28, 30, 31), State.DEEMED_APPROVED)
    refused = dict.fromkeys((21, 32, 33, 35), State.DEEMED_REFUSED)
    expected = {**approved, **refused, 25: State.ACCEPTED_PRELIM}
    assert {number: to for number, to in found.items() if to} == expected


@pytest.mark.parametrize("mark", ["G", "K", "P"])
def test_a_period_that_is_not_law_leads_nowhere(mark: str) -> None:
    assert led("kiosk-licence", mark=mark) is None


def test_a_rule_that_is_not_law_or_in_doubt_leads_nowhere() -> None:
    rule = SERVICES["building-permit-new"].silence
    assert is_law(rule)
    assert not is_law(replace(rule, mark=Mark.KNOWLEDGE))
    assert not is_law(replace(rule, uncertain=True))
    assert not is_law(SERVICES["site-validity-statement"].silence)


def test_answers_for_which_silence_means_nothing_lead_nowhere() -> None:
    assert led("event-tent-permit", event_kind="wedding") is State.DEEMED_REFUSED
    assert led("event-tent-permit", event_kind="mourning") is None


def test_an_advertisement_is_approved_by_silence_only_after_the_agency_was_told() -> None:
    assert led("advertisement-licence-new") is None
    told = frozenset({"notify_authority"})
    assert led("advertisement-licence-new", events=told) is State.DEEMED_APPROVED
    named = {service.silence.after for service in SERVICES.values()} - {""}
    assert named <= {str(event) for event in Event}


@pytest.mark.parametrize("event", ["request_completion", "assess_fees"])
def test_who_was_answered_is_not_refused_by_silence(event: str) -> None:
    answered = frozenset({"submit", event})
    assert led("kiosk-licence", events=answered) is None
    assert led("building-permit-new", events=answered) is State.DEEMED_APPROVED


def test_no_silence_counts_while_the_next_step_is_the_citizens() -> None:
    assert not LAPSES_IN & {State.NEEDS_COMPLETION, State.FEES_ASSESSED, State.ACCEPTED_PRELIM}
