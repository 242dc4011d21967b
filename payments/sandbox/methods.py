"""The kinds of payment methods, and reading one that is described in a request.

Cards, SEPA debits and the vouchers are the provider's
(https://docs.stripe.com/api/payment_methods/object#payment_method_object-type);
``kiosk`` and ``wallet`` are this sandbox's own, for what Egyptians pay with.
"""

from dataclasses import dataclass, field

from payments.sandbox.cards import BY_TOKEN, Card, entered
from payments.sandbox.currencies import EGP
from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.params import Params
from payments.sandbox.payers import Account, Wallet, account_of_iban, wallet_of

VOUCHERS = ("kiosk", "oxxo", "boleto", "konbini")
TYPES = ("card", "wallet", *VOUCHERS, "sepa_debit")
EGYPTIAN = ("card", "wallet", "kiosk")

BRANDS = {"oxxo": "OXXO", "boleto": "Boleto", "konbini": "Konbini", "sepa_debit": "SEPA"}
"""Names that are the same in every language."""

OTHERS = ("link", "paypal", "klarna", "amazon_pay", "us_bank_account", "cashapp", "revolut_pay")
"""Types of the provider that a shop may name or rule out, and that nobody can pay with here."""


_MORE = (
    "acss_debit affirm afterpay_clearpay alipay alma au_becs_debit bacs_debit bancontact billie "
    "bizum blik crypto custom customer_balance eps fpx giropay grabpay ideal kakao_pay kr_card "
    "mb_way mobilepay multibanco naver_pay nz_bank_account p24 pay_by_bank payco paynow paypay "
    "payto pix promptpay samsung_pay satispay scalapay sequra sofort sunbit swish twint upi "
    "wechat_pay zip"
)
LISTED = frozenset((*TYPES, *OTHERS, *_MORE.split()))
"""Types that a list may be asked for: https://docs.stripe.com/api/payment_methods/list."""


def default_types(currency: str) -> list[str]:
    """Where the shop names none, as if switched on in its dashboard."""
    return list(EGYPTIAN) if currency == EGP else ["card"]


def read_types(params: Params, currency: str) -> list[str] | None:
    """Under both names, the older and the newer; ``None`` if none is given."""
    wanted: list[str] | None = None
    for name in ("payment_method_types", "allowed_payment_method_types"):
        if params.given(name):
            wanted = list(dict.fromkeys(params.choices(name, TYPES)))
    ruled_out = params.choices("excluded_payment_method_types", (*TYPES, *OTHERS))
    if ruled_out:
        wanted = [kind for kind in wanted or default_types(currency) if kind not in ruled_out]
        if not wanted:
            raise invalid("excluded_payment_method_types", "no payment method is left")
    return wanted or None


@dataclass(frozen=True, slots=True)
class Described:
    """A method before it is stored: what the API shows of it, and what it keeps."""

    kind: str
    shown: Json
    private: Json = field(default_factory=dict)
    card: Card | None = None
    expiry: tuple[int, int] = (0, 0)


def read_description(params: Params, now: tuple[int, int], token_expiry: int) -> Described:
    """``params`` holds ``type`` and a hash named after it. Raises for anything that is
    not a listed test number."""
    kind = params.need_text("type")
    if kind not in TYPES:
        raise invalid(params.name("type"), f"must be one of {', '.join(TYPES)}")
    if kind == "card":
        return _card(params, now, token_expiry)
    data = params.child(kind)
    if kind == "wallet":
        return of_wallet(_wallet(params, data))
    if kind == "sepa_debit":
        return of_account(_account(params, data))
    tax_id = data.need_text("tax_id", 20) if data and kind == "boleto" else None
    return Described(kind, {"tax_id": tax_id} if tax_id else {})


def _card(params: Params, now: tuple[int, int], token_expiry: int) -> Described:
    data = _need(params, "card")
    if token := data.text("token"):
        known = BY_TOKEN.get(token.replace("tok_", "pm_card_", 1))
        if known is None or not token.startswith("tok_"):
            raise ApiError(
                f"No such token: '{token[:100]}'",
                code="resource_missing",
                param=data.name("token"),
            )
        return Described("card", {}, card=known, expiry=(12, now[0] + token_expiry))
    number = data.need_text("number")
    month = data.need_integer("exp_month")
    year = data.need_integer("exp_year", low=0, high=9999)
    year += 2000 if year < 100 else 0
    cvc = data.text("cvc")
    networks = data.child("networks")
    if networks:
        networks.text("preferred")
    # Unknown names are refused before the card is: they may be a misspelt cvc.
    data.finish()
    return Described("card", {}, card=entered(number, month, year, cvc, now), expiry=(month, year))


def _wallet(params: Params, data: Params | None) -> Wallet:
    data = data or _need(params, "wallet")
    wallet = wallet_of(data.need_text("phone", 40))
    if wallet is None:
        raise invalid(data.name("phone"), "only the listed test numbers are accepted")
    return wallet


def of_wallet(wallet: Wallet) -> Described:
    """Of the number only the last four digits are shown, as of a card's."""
    private: Json = {"wallet": wallet.number}
    if not wallet.refundable:
        private["refundable"] = False
    return Described("wallet", {"last4": wallet.number[-4:]}, private)


def _account(params: Params, data: Params | None) -> Account:
    data = data or _need(params, "sepa_debit")
    account = account_of_iban(data.need_text("iban", 60))
    if account is None:
        raise ApiError(
            "The IBAN you provided is invalid: only the listed test IBANs are accepted.",
            code="invalid_bank_account_iban",
            param=data.name("iban"),
        )
    return account


def of_account(account: Account) -> Described:
    shown: Json = {
        "bank_code": account.iban[4:12],
        "branch_code": "",
        "country": account.iban[:2],
        "fingerprint": f"iban{account.iban[-12:]}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.iban[-4:],
    }
    return Described("sepa_debit", shown, {"iban": account.iban})


def _need(params: Params, kind: str) -> Params:
    data = params.child(kind)
    if data is None:
        name = params.name(kind)
        raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return data
