"""Disputes over the official SDK."""

from typing import Any

import pytest
import stripe

from tests.support.sandbox import SandboxProcess, event_types

FEE = 1500


def disputed(
    api: stripe.StripeClient, method: str = "pm_card_createDispute"
) -> tuple[Any, stripe.Dispute]:
    intent = api.v1.payment_intents.create(
        {"amount": 10000, "currency": "egp", "confirm": True, "payment_method": method}
    )
    return intent, api.v1.disputes.list({"payment_intent": intent.id}).data[0]


def after_judgement(
    server: SandboxProcess, api: stripe.StripeClient, dispute: stripe.Dispute, seconds: int = 60
) -> stripe.Dispute:
    server.control("/clock", {"advance": seconds})
    try:
        return api.v1.disputes.retrieve(dispute.id)
    finally:
        server.control("/clock", {"reset": True})


def said(text: str) -> Any:
    return {"evidence": {"uncategorized_text": text}}


def test_a_disputed_charge_loses_its_money_and_a_fee_at_once(api: stripe.StripeClient) -> None:
    intent, dispute = disputed(api)
    assert dispute.id.startswith("du_")
    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response",
        "fraudulent",
        10000,
    )
    assert (dispute.charge, dispute.payment_intent) == (intent.latest_charge, intent.id)
    assert dispute.is_charge_refundable is False
    (taken,) = dispute.balance_transactions
    assert (taken.type, taken.reporting_category) == ("adjustment", "dispute")
    assert (taken.amount, taken.fee, taken.net) == (-10000, FEE, -10000 - FEE)
    assert taken.source == dispute.id
    charge = api.v1.charges.retrieve(intent.latest_charge)
    assert (charge.disputed, charge.refunded, charge.amount_refunded) == (True, False, 0)
    assert event_types(api)[-3:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded",
    ]
    source: Any = api.v1.balance_transactions.retrieve(taken.id, {"expand": ["source.charge"]})
    assert source.source.charge.id == charge.id
    assert api.v1.balance.retrieve().pending[0].amount == -300 - FEE


def test_a_charge_that_is_booked_at_once_is_disputed_too(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 10000,
            "currency": "egp",
            "confirm": True,
            "payment_method": "pm_card_createDispute",
            "capture_method": "automatic",
        }
    )
    (dispute,) = api.v1.disputes.list({"payment_intent": intent.id}).data
    assert dispute.balance_transactions[0].net == -10000 - FEE


def test_a_disputed_charge_is_not_refunded_too(api: stripe.StripeClient) -> None:
    intent, _ = disputed(api)
    with pytest.raises(stripe.InvalidRequestError, match="charged back") as refused:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"


def test_evidence_can_be_kept_back_and_then_sent(api: stripe.StripeClient) -> None:
    _, dispute = disputed(api)
    kept = api.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "منى"}, "submit": False, "metadata": {"a": "b"}}
    )
    assert (kept.status, kept.evidence.customer_name) == ("needs_response", "منى")
    assert kept.evidence_details.to_dict() | {"due_by": 0} == {
        "due_by": 0,
        "enhanced_eligibility": {},
        "has_evidence": True,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }
    sent = api.v1.disputes.update(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence.customer_name) == ("under_review", "منى")
    assert sent.evidence_details.submission_count == 1
    assert event_types(api)[-2:] == ["charge.dispute.updated"] * 2


def test_a_dispute_that_is_won_gives_back_sum_and_fee(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    intent, dispute = disputed(api)
    assert api.v1.disputes.update(dispute.id, said("winning_evidence")).status == "under_review"
    won = after_judgement(payment_server, api, dispute)
    assert (won.status, won.is_charge_refundable) == ("won", True)
    assert [one.net for one in won.balance_transactions] == [-10000 - FEE, 10000 + FEE]
    assert event_types(api)[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == 10000
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.v1.disputes.close(dispute.id)


def test_a_dispute_that_is_lost_gives_back_nothing(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    _, dispute = disputed(api, "pm_card_createDisputeProductNotReceived")
    assert dispute.reason == "product_not_received"
    api.v1.disputes.update(dispute.id, said("losing_evidence"))
    lost = after_judgement(payment_server, api, dispute)
    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    assert event_types(api)[-1] == "charge.dispute.closed"


def test_silence_until_the_last_day_loses(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    _, dispute = disputed(api)
    assert after_judgement(payment_server, api, dispute, 10 * 24 * 3600).status == "lost"


def test_other_evidence_is_under_review_for_ever(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    _, dispute = disputed(api)
    api.v1.disputes.update(dispute.id, said("تسلم المواطن الشهادة"))
    later = after_judgement(payment_server, api, dispute, 30 * 24 * 3600)
    assert later.status == "under_review"


def test_closing_a_dispute_gives_in(api: stripe.StripeClient) -> None:
    _, dispute = disputed(api)
    assert api.v1.disputes.close(dispute.id).status == "lost"
    assert event_types(api)[-1] == "charge.dispute.closed"
    for call in (api.v1.disputes.close, lambda one: api.v1.disputes.update(one, said("x"))):
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            call(dispute.id)


def test_an_inquiry_takes_nothing_until_it_is_escalated(payment_server: SandboxProcess) -> None:
    api = payment_server.client()
    intent, inquiry = disputed(api, "pm_card_createDisputeInquiry")
    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert inquiry.is_charge_refundable is True
    sent = api.v1.disputes.update(inquiry.id, said("escalate_inquiry_evidence"))
    assert sent.status == "warning_under_review"
    worse = after_judgement(payment_server, api, inquiry)
    assert (worse.status, worse.is_charge_refundable) == ("needs_response", False)
    assert [one.amount for one in worse.balance_transactions] == [-10000]
    _, other = disputed(api, "pm_card_createDisputeInquiry")
    assert api.v1.disputes.close(other.id).status == "warning_closed"
    assert api.v1.disputes.list({"charge": intent.latest_charge}).data[0].id == inquiry.id
    assert len(api.v1.disputes.list().data) == 2


def test_an_inquiry_ends_when_all_was_given_back(api: stripe.StripeClient) -> None:
    intent, inquiry = disputed(api, "pm_card_createDisputeInquiry")
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})
    assert api.v1.disputes.retrieve(inquiry.id).status == "warning_needs_response"
    api.v1.refunds.create({"payment_intent": intent.id})
    found: Any = api.v1.charges.retrieve(intent.latest_charge, {"expand": ["dispute"]})
    assert (found.refunded, found.dispute.status) == (True, "warning_closed")
    assert event_types(api)[-1] == "charge.dispute.closed"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"evidence": "نعم"}, None, "evidence"),
        ({"evidence": {"colour": "x"}}, "parameter_unknown", "evidence[colour]"),
        ({"evidence": {"receipt": "file_0"}}, "resource_missing", "evidence[receipt]"),
        ({"evidence": {"customer_name": "x" * 20_001}}, None, "evidence[customer_name]"),
        ({"submit": "now"}, None, "submit"),
    ],
)
def test_evidence_that_cannot_be_taken_is_refused_by_name(
    api: stripe.StripeClient, params: Any, code: str | None, param: str
) -> None:
    _, dispute = disputed(api)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.disputes.update(dispute.id, params)
    assert (refused.value.code, refused.value.param) == (code, param)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        api.v1.disputes.retrieve("du_0")
    assert (missing.value.http_status, missing.value.param) == (404, "dispute")
