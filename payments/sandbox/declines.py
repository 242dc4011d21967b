"""Why a payment failed and what to do now, for the payer."""

from collections.abc import Mapping

from payments.sandbox.speech import N_

CARD = {
    "insufficient_funds": N_(
        "Your card was declined: there is not enough money on it. Use another card."
    ),
    "expired_card": N_("Your card was declined: it has expired. Use another card."),
    "incorrect_cvc": N_(
        "Your card was declined: the security code is not right. "
        "Check the digits on the back of the card."
    ),
    "processing_error": N_(
        "The bank could not be reached, and nothing was charged. Wait a minute and try again."
    ),
    "card_velocity_exceeded": N_(
        "Your card was declined: it was used too often or for too much. "
        "Ask your bank or use another card."
    ),
    "payment_intent_authentication_failure": N_(
        "Your bank did not confirm the payment, and nothing was charged. "
        "Try again or use another card."
    ),
}

WALLET = {
    "insufficient_funds": N_(
        "The wallet did not pay: there is not enough money in it. Top it up or pay in another way."
    ),
    "payment_intent_authentication_failure": N_(
        "The payment was not confirmed on the phone, and nothing was charged. "
        "Try again or pay in another way."
    ),
}

DECLINED = N_("Your card was declined, and the bank gave no reason. Use another card.")
"""Also for a lost or stolen card: whoever holds it is not told what the bank knows
(https://docs.stripe.com/declines/codes)."""

NOT_TAKEN = N_(
    "The wallet's company did not take the payment, and nothing was charged. "
    "Try again or pay in another way."
)

REASONS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "card": (CARD, DECLINED),
    "wallet": (WALLET, NOT_TAKEN),
}
"""By method: the reasons it tells, and the text for any other."""


def reason(code: str, decline_code: str | None, method: str = "card") -> str:
    """The message id of why a payment failed."""
    known, other = REASONS.get(method, REASONS["wallet"])
    return known.get(decline_code or code) or known.get(code) or other
