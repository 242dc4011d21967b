"""The test cards: https://docs.stripe.com/testing. Any other number is refused."""

from dataclasses import dataclass, field

from payments.sandbox.speech import N_


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

    attaches: bool = False
    """Can be kept for a customer although it is declined later."""
    listed: bool = True
    """Stands on the hosted page at once; the others stand below."""

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def spaced(self) -> str:
        """The number as it is embossed."""
        lengths = (4, 4, 4, 4) if len(self.number) == 16 else (4, 6, 5)
        groups, rest = [], self.number
        for length in lengths:
            groups.append(rest[:length])
            rest = rest[length:]
        return " ".join(groups)


DECLINED = "Your card was declined."
INSUFFICIENT = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
MISTYPED = Decline("incorrect_number", "Your card number is incorrect.", param="number")


def _brand(name: str, number: str, brand: str, funding: str = "credit") -> Card:
    """A card that succeeds, of another network or kind."""
    tokens = (f"pm_card_{name}",)
    return Card(name, number, N_("Succeeds"), tokens, brand, funding=funding, listed=False)


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
    Card(
        "declined_later",
        "4000000000000341",
        N_("Can be kept for a customer, then is declined"),
        ("pm_card_chargeCustomerFail",),
        decline=Decline("card_declined", DECLINED, "generic_decline"),
        attaches=True,
        listed=False,
    ),
    Card(
        "velocity",
        "4000000000006975",
        N_("Declined: used too often"),
        (
            "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
            "pm_card_chargeDeclinedVelocityLimitExceeded",
        ),
        decline=Decline(
            "card_declined",
            "Your card was declined for making repeated attempts too frequently or exceeding "
            "its amount limit.",
            "card_velocity_exceeded",
        ),
        listed=False,
    ),
    Card(
        "fraudulent",
        "4100000000000019",
        N_("Declined: taken for a fraud"),
        ("pm_card_radarBlock",),
        decline=Decline("card_declined", DECLINED, "fraudulent"),
        listed=False,
    ),
    Card(
        "authenticate_once",
        "4000002500003155",
        N_("Asks the bank to confirm, then succeeds"),
        ("pm_card_authenticationRequiredOnSetup",),
        authenticate=True,
        listed=False,
    ),
    Card(
        "authenticate_required",
        "4000000000003063",
        N_("Asks the bank to confirm, then succeeds"),
        ("pm_card_threeDSecureRequired",),
        authenticate=True,
        listed=False,
    ),
    Card(
        "authenticate_required_declined",
        "4000008400001629",
        N_("Asks the bank to confirm, then is declined without a reason"),
        ("pm_card_threeDSecureRequiredChargeDeclined",),
        authenticate=True,
        decline=Decline("card_declined", DECLINED, "generic_decline"),
        listed=False,
    ),
    Card(
        "authenticate_optional",
        "4000000000003055",
        N_("Could be confirmed by the bank, and succeeds without"),
        ("pm_card_threeDSecureOptional",),
        listed=False,
    ),
    _brand("visa_debit", "4000056655665556", "visa", "debit"),
    _brand("mastercard_debit", "5200828282828210", "mastercard", "debit"),
    _brand("mastercard_prepaid", "5105105105105100", "mastercard", "prepaid"),
    _brand("amex", "378282246310005", "amex"),
    _brand("discover", "6011111111111117", "discover"),
    _brand("diners", "3056930009020004", "diners"),
    _brand("jcb", "3566002020360505", "jcb"),
    _brand("unionpay", "6200000000000005", "unionpay"),
)
