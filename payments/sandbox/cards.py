"""The reading of card details, and finding the test card they are of.

Any number that is not listed in :mod:`payments.sandbox.card_list` is refused: a real
one must never be stored or logged, so of a card only its name there, its brand and its
last four digits go further than this module.
"""

import re

from payments.sandbox.card_list import CARDS, MISTYPED, Card, Decline
from payments.sandbox.errors import ApiError, card_refused
from payments.sandbox.speech import N_, languages

__all__ = ["BY_NAME", "BY_TOKEN", "CARDS", "Card", "Decline", "by_number", "entered", "refusal"]

NUMBER = re.compile(r"[0-9]{12,19}\Z")
CVC = re.compile(r"[0-9]{3,4}\Z")

NOT_A_TEST_CARD = N_(
    "Only the published test card numbers are accepted here. Never write the number of a real card."
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
