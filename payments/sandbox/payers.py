"""Whom the sandbox knows besides cards: mobile wallets, bank accounts, e-mail addresses.

The wallets' numbers are this sandbox's own. IBANs and addresses are the provider's:
https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration and
https://docs.stripe.com/payments/oxxo/accept-a-payment#test-integration. No other number
is taken: it could be somebody's.
"""

import re
from dataclasses import dataclass

from payments.sandbox.cards import Decline
from payments.sandbox.digits import only_digits
from payments.sandbox.speech import N_

MINUTES = 60
LONG_SECONDS = 3 * MINUTES
"""What ``after three minutes`` of the provider's documents means on this clock."""

FAILED = Decline("payment_intent_payment_attempt_failed", "The payment failed.")
EXPIRED = Decline(
    "payment_intent_payment_attempt_expired",
    "The payment attempt expired before the customer paid.",
)
NO_BALANCE = Decline(
    "payment_intent_payment_attempt_failed",
    "The wallet's balance is not enough for this payment.",
    "insufficient_funds",
)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A mobile wallet; ``seconds`` is how long its operator thinks."""

    number: str
    does: str
    decline: Decline | None = None
    seconds: int = 0
    refundable: bool = True


WALLETS = (
    Wallet("01000000001", N_("Pays")),
    Wallet("01000000002", N_("Declined: not enough money"), NO_BALANCE),
    Wallet("01000000003", N_("Pays, and cannot be refunded"), refundable=False),
    Wallet("01000000004", N_("Pays after three minutes"), seconds=LONG_SECONDS),
    Wallet("01000000005", N_("Fails after three minutes"), FAILED, seconds=LONG_SECONDS),
)

_WALLETS = {wallet.number: wallet for wallet in WALLETS}


def wallet_of(number: str) -> Wallet | None:
    """By its number, typed with or without Egypt's prefix, in any digits."""
    digits = re.sub(r"^(\+|00)20?(?=1)|^20(?=1)", "0", only_digits(number))
    return _WALLETS.get(digits)


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account that can be debited."""

    iban: str
    does: str
    decline: Decline | None = None
    seconds: int = 0


ACCOUNTS = (
    Account("DE89370400440532013000", N_("Pays")),
    Account("DE62370400440532013001", N_("Fails"), FAILED),
    Account("DE08370400440532013003", N_("Pays after three minutes"), seconds=LONG_SECONDS),
    Account("DE78370400440532013004", N_("Fails after three minutes"), FAILED, LONG_SECONDS),
)

_ACCOUNTS = {account.iban: account for account in ACCOUNTS}


def account_of_iban(iban: str) -> Account | None:
    return _ACCOUNTS.get(re.sub(r"[\s-]", "", iban).upper())


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to a voucher by itself: ``pay`` or ``expire`` after ``seconds``;
    neither if it waits for somebody, until its own end."""

    then: str = ""
    seconds: int = 0


EMAILS = {
    "succeed_immediately": Plan("pay"),
    "expire_immediately": Plan("expire"),
    "expire_with_delay": Plan("expire", LONG_SECONDS),
    "fill_never": Plan(),
}
"""By the end of what stands before the ``@``."""

EMAILS_DO = {
    "succeed_immediately@example.com": N_("Paid at once"),
    "expire_immediately@example.com": N_("Expires at once"),
    "expire_with_delay@example.com": N_("Expires after three minutes"),
    "fill_never@example.com": N_("Never paid: expires at its end"),
    "name@example.com": N_("Paid after three minutes"),
}

KONBINI_NUMBERS = {
    "11111111110": Plan("pay"),
    "22222222220": Plan("pay", LONG_SECONDS),
    "33333333330": Plan("expire"),
    "44444444440": Plan("expire", LONG_SECONDS),
    "55555555550": Plan(),
}


def plan_of(kind: str, email: str | None, confirmation_number: str | None) -> Plan:
    """The provider's vouchers are paid after three minutes unless the address says
    otherwise; a kiosk reference waits."""
    if confirmation_number in KONBINI_NUMBERS:
        return KONBINI_NUMBERS[confirmation_number]
    local = (email or "").partition("@")[0]
    for ending, plan in EMAILS.items():
        if local.endswith(ending):
            return plan
    return Plan() if kind == "kiosk" else Plan("pay", LONG_SECONDS)
