"""Why a payment failed and what to do now, for the payer."""

from payments.sandbox.speech import N_

REASONS = {
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
    "payment_intent_authentication_failure": N_(
        "Your bank did not confirm the payment, and nothing was charged. "
        "Try again or use another card."
    ),
}

DECLINED = N_("Your card was declined, and the bank gave no reason. Use another card.")
"""Also for a lost or stolen card: whoever holds it is not told what the bank knows
(https://docs.stripe.com/declines/codes)."""


def reason(code: str, decline_code: str | None) -> str:
    """The message id of why a payment failed."""
    return REASONS.get(decline_code or code) or REASONS.get(code) or DECLINED
