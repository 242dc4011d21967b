"""The test cards, and the reading of card details.

Numbers, tokens and outcomes: https://docs.stripe.com/testing. Any other number is
refused: a real one must never be stored or logged, so of a card only its name
here, its brand and its last four digits go further than this module.
"""

import re
from dataclasses import dataclass, field

from payments.sandbox.errors import ApiError, card_refused
from payments.sandbox.speech import N_, languages

NUMBER = re.compile(r"[0-9]{12,19}\Z")
CVC = re.compile(r"[0-9]{3,4}\Z")

NOT_A_TEST_CARD = N_(
    "Only the published test card numbers are accepted here. Never write the number of a real card."
)


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a charge fails: https://docs.stripe.com/declines/codes."""

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A test card; ``does`` is the message id of what it is good for."""

    name: str
    number: str = field(repr=False)
    does: str
    tokens: tuple[str, ...] = ()
    brand: str = "visa"
    decline: Decline | None = None
    authenticate: bool = False
    mistyped: bool = False
    """Refused when it is entered, before anything is charged."""
    funding: str = "credit"
    later: str = ""
    """What comes after the success: ``dispute``, ``dispute_not_received``, ``inquiry``,
    ``refund_pending``, ``refund_fails``, or money that is ``available`` at once."""

    @property
    def last4(self) -> str:
        return self.number[-4:]


DECLINED = "Your card was declined."
INSUFFICIENT = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
MISTYPED = Decline("incorrect_number", "Your card number is incorrect.", param="number")

CARDS = (
    Card("visa", "4242424242424242", N_("Succeeds (Visa)"), ("pm_card_visa",)),
    Card(
        "mastercard",
        "5555555555554444",
        N_("Succeeds (Mastercard)"),
        ("pm_card_mastercard",),
        brand="mastercard",
    ),
    Card(
        "declined",
        "4000000000000002",
        N_("Declined by the bank without a reason"),
        ("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined"),
        decline=Decline("card_declined", DECLINED, "generic_decline"),
    ),
    Card(
        "insufficient_funds",
        "4000000000009995",
        N_("Declined: not enough money"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "pm_card_chargeDeclinedInsufficientFunds",
        ),
        decline=INSUFFICIENT,
    ),
    Card(
        "lost",
        "4000000000009987",
        N_("Declined: reported lost"),
        ("pm_card_visa_chargeDeclinedLostCard", "pm_card_chargeDeclinedLostCard"),
        decline=Decline("card_declined", DECLINED, "lost_card"),
    ),
    Card(
        "stolen",
        "4000000000009979",
        N_("Declined: reported stolen"),
        ("pm_card_visa_chargeDeclinedStolenCard", "pm_card_chargeDeclinedStolenCard"),
        decline=Decline("card_declined", DECLINED, "stolen_card"),
    ),
    Card(
        "expired",
        "4000000000000069",
        N_("Declined: expired"),
        ("pm_card_chargeDeclinedExpiredCard",),
        decline=Decline("expired_card", "Your card has expired.", param="exp_month"),
    ),
    Card(
        "incorrect_cvc",
        "4000000000000127",
        N_("Declined: wrong security code"),
        ("pm_card_chargeDeclinedIncorrectCvc",),
        decline=Decline("incorrect_cvc", "Your card's security code is incorrect.", param="cvc"),
    ),
    Card(
        "processing_error",
        "4000000000000119",
        N_("The bank cannot be reached"),
        ("pm_card_chargeDeclinedProcessingError",),
        decline=Decline(
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    Card("mistyped", "4242424242424241", N_("Not a card number: mistyped"), mistyped=True),
    Card(
        "authenticate_always",
        "4000002760003184",
        N_("Asks the bank to confirm, then succeeds"),
        ("pm_card_authenticationRequired",),
        authenticate=True,
    ),
    Card(
        "authenticate_3ds2",
        "4000000000003220",
        N_("Asks the bank to confirm (3D Secure 2), then succeeds"),
        ("pm_card_threeDSecure2Required",),
        authenticate=True,
    ),
    Card(
        "authenticate_then_decline",
        "4000008260003178",
        N_("Asks the bank to confirm, then is declined: not enough money"),
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
        authenticate=True,
        decline=INSUFFICIENT,
    ),
    Card(
        "disputed",
        "4000000000000259",
        N_("Succeeds, then its holder disputes the payment"),
        ("pm_card_createDispute",),
        later="dispute",
    ),
    Card(
        "disputed_not_received",
        "4000000000002685",
        N_("Succeeds, then its holder says that nothing was received"),
        ("pm_card_createDisputeProductNotReceived",),
        later="dispute_not_received",
    ),
    Card(
        "inquiry",
        "4000000000001976",
        N_("Succeeds, then the bank asks what the payment was for"),
        ("pm_card_createDisputeInquiry",),
        later="inquiry",
    ),
    Card(
        "available",
        "4000000000000077",
        N_("Succeeds; the money can be paid out at once"),
        ("pm_card_bypassPending",),
        later="available",
    ),
    Card(
        "refund_pending",
        "4000000000007726",
        N_("Succeeds; a refund takes a while"),
        ("pm_card_pendingRefund",),
        later="refund_pending",
    ),
    Card(
        "refund_fails",
        "4000000000005126",
        N_("Succeeds; a refund fails"),
        ("pm_card_refundFail",),
        later="refund_fails",
    ),
)

BY_NAME = {card.name: card for card in CARDS}
BY_TOKEN = {token: card for card in CARDS for token in card.tokens}
_BY_NUMBER = {card.number: card for card in CARDS}


def by_number(digits: str) -> Card | None:
    """The test card of these digits, ``None`` for any other number."""
    return _BY_NUMBER.get(digits)


def entered(number: str, month: int, year: int, cvc: str | None, now: tuple[int, int]) -> Card:
    """The card of details typed into a form, ``now`` being its year and month.

    Raises what the provider raises before it charges anything; the number itself is
    never part of it.
    """
    digits = re.sub(r"[\s-]", "", number)
    if not NUMBER.match(digits):
        raise card_refused(
            "The card number is not a valid credit card number.",
            code="invalid_number",
            param="number",
        )
    card = by_number(digits)
    if card is None:
        # a shop shows this to its payer, whose language is not known here
        told = languages().arabic.gettext(NOT_A_TEST_CARD)
        raise card_refused(
            f"{told} ({NOT_A_TEST_CARD})",
            code="card_declined",
            decline_code="test_mode_live_card",
            param="number",
        )
    if card.mistyped:
        raise refusal(MISTYPED)
    if not 1 <= month <= 12:
        raise card_refused(
            "Your card's expiration month is invalid.",
            code="invalid_expiry_month",
            param="exp_month",
        )
    if (year, month) < now or year > now[0] + 50:
        raise card_refused(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )
    if cvc is not None and not CVC.match(cvc):
        raise card_refused("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    return card


def refusal(decline: Decline) -> ApiError:
    """A refusal at the moment of entry."""
    return card_refused(
        decline.message,
        code=decline.code,
        param=decline.param,
        decline_code=decline.decline_code,
    )
