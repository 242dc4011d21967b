"""Which currencies are accepted, in which minor unit, within which limits."""

from payments.sandbox.errors import ApiError, invalid

EGP = "egp"

_PRESENTMENT = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn "
    "bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd "
    "gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt "
    "lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr "
    "nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd "
    "std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer "
    "zar zmw"
)
PRESENTMENT = frozenset(_PRESENTMENT.split())
"""https://docs.stripe.com/currencies#presentment-currencies"""

_ZERO_DECIMAL = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"

EXPONENTS = {
    **dict.fromkeys(_ZERO_DECIMAL.split(), 0),
    **dict.fromkeys(["bhd", "jod", "kwd", "omr", "tnd"], 3),
}
"""Digits of the minor unit where they are not two:
https://docs.stripe.com/currencies#zero-decimal and #three-decimal."""

MAX_AMOUNT = 99_999_999
"""Eight digits, the provider's limit for most currencies:
https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""

MAX_AMOUNT_EGP = 999_999_999_999
"""Twelve digits, the provider's wider limit (it has one for the rupiah too). With
eight, the dearest payable fee would be EGP 999,999.99, while the fees of a large
building permit grow with its floors and go past a million."""

MIN_AMOUNT = 50
MIN_AMOUNT_EGP = 100
"""One pound. The provider asks for the worth of 0.50 USD, which is a moving number of
piastres and more than many stamp duties; the sandbox only refuses what is plainly
too little."""


def check_currency(code: str, param: str = "currency") -> str:
    """The code in lower case."""
    lower = code.lower()
    if lower not in PRESENTMENT:
        raise invalid(param, f"{code[:10]} is not a supported currency")
    return lower


def check_amount(amount: int, currency: str, param: str = "amount") -> int:
    """``amount`` in minor units, if a payment of it could be taken."""
    egp = currency == EGP
    high = MAX_AMOUNT_EGP if egp else MAX_AMOUNT
    low = MIN_AMOUNT_EGP if egp else MIN_AMOUNT
    if amount > high:
        raise ApiError(
            f"Amount must be no more than {written(high, currency)}",
            code="amount_too_large",
            param=param,
        )
    if amount < low:
        raise ApiError(
            f"Amount must be at least {written(low, currency)} {currency}",
            code="amount_too_small",
            param=param,
        )
    return amount


def exponent(currency: str) -> int:
    return EXPONENTS.get(currency, 2)


SYMBOLS = {"eur": "€", "gbp": "£", "usd": "$"}


def written(amount: int, currency: str) -> str:
    """``$1,535.50``, ``EGP 1,535.50``: as the provider's messages tell a sum."""
    digits = exponent(currency)
    whole, rest = divmod(amount, 10**digits)
    text = f"{whole:,}.{rest:0{digits}d}" if digits else f"{whole:,}"
    return SYMBOLS.get(currency, f"{currency.upper()} ") + text
