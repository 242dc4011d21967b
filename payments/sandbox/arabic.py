"""Arabic for the hosted page: digits, sums, and why a payment failed."""

import re

from payments.sandbox.currencies import EGP, exponent

ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"
PERSIAN_DIGITS = "۰۱۲۳۴۵۶۷۸۹"

_TO_LATIN = str.maketrans(ARABIC_DIGITS + PERSIAN_DIGITS, "0123456789" * 2)
_TO_ARABIC = str.maketrans("0123456789", ARABIC_DIGITS)

# Spaces of any kind, hyphens and dashes, and the marks phones insert around digits.
_SEPARATORS = re.compile(r"[\s\u00ad\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2066-\u2069-]")

TRY_ANOTHER = "جرّب بطاقة أخرى."

REASONS = {
    "insufficient_funds": f"البطاقة مرفوضة: الرصيد غير كافٍ. {TRY_ANOTHER}",
    "expired_card": f"البطاقة مرفوضة: انتهت صلاحيتها. {TRY_ANOTHER}",
    "incorrect_cvc": "البطاقة مرفوضة: رمز الأمان غير صحيح. راجع الأرقام في ظهر البطاقة.",
    "processing_error": "تعذر الاتصال بالبنك ولم يُخصم شيء. انتظر دقيقة ثم حاول مرة أخرى.",
    "payment_intent_authentication_failure": (
        "لم يكتمل تأكيد الدفع لدى البنك ولم يُخصم شيء. حاول مرة أخرى أو جرّب بطاقة أخرى."
    ),
}

DECLINED = f"البطاقة مرفوضة ولم يذكر البنك السبب. {TRY_ANOTHER}"
"""Also for a lost or stolen card: whoever holds it is not told what the bank knows
(https://docs.stripe.com/declines/codes)."""


def latin_digits(text: str) -> str:
    """Arabic-Indic and Persian digits as Latin ones; the rest unchanged."""
    return text.translate(_TO_LATIN)


def only_digits(text: str) -> str:
    """``text`` without spaces, dashes and direction marks, its digits Latin."""
    return _SEPARATORS.sub("", latin_digits(text))


def reason(code: str, decline_code: str | None) -> str:
    """Why a payment failed and what to do, for the payer."""
    return REASONS.get(decline_code or code) or REASONS.get(code) or DECLINED


def number(amount: int, currency: str) -> str:
    """A sum of minor units in Arabic-Indic digits, such as ``١٬٥٣٥٫٥٠``."""
    digits = exponent(currency)
    whole, part = divmod(amount, 10**digits)
    text = f"{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    return text.replace(",", "٬").replace(".", "٫").translate(_TO_ARABIC)


def money(amount: int, currency: str) -> str:
    """The sum with its currency's name; other currencies keep their code."""
    return f"{number(amount, currency)} {unit(amount, currency)}"


def unit(amount: int, currency: str) -> str:
    """«جنيه» in the form the number asks for."""
    if currency != EGP:
        return currency.upper()
    rest = amount // 100 % 100
    if 3 <= rest <= 10:
        return "جنيهات"
    return "جنيهًا" if rest > 10 else "جنيه"


def count(value: int) -> str:
    return str(value).translate(_TO_ARABIC)
