"""Reading the card form: what was typed, or everything the payer can mend."""

import re
from dataclasses import dataclass, field

from payments.sandbox.arabic import latin_digits, only_digits
from payments.sandbox.cards import CVC, NUMBER, Card, by_number
from payments.sandbox.forms import Tree

EXPIRY = re.compile(r"([0-9]{1,2})[/\\]?((?:20)?[0-9]{2})\Z")
MAX_NAME = 120

FIELDS = ("card_number", "exp", "cvc", "name")


@dataclass(frozen=True, slots=True)
class CardForm:
    """``errors`` holds a sentence per field, in the form's order; without any, ``card``
    and ``expiry`` (month, year) are there. ``shown`` is what may be shown again: never
    the number or the security code."""

    errors: dict[str, str]
    shown: dict[str, str] = field(default_factory=dict)
    card: Card | None = None
    expiry: tuple[int, int] = (0, 0)
    name: str = ""


def read(tree: Tree, now: tuple[int, int]) -> CardForm:
    """``now`` is the year and month on the sandbox's clock."""
    typed = {name: _text(tree, name) for name in FIELDS}
    errors: dict[str, str] = {}
    card = _card(only_digits(typed["card_number"]), errors)
    expiry = _expiry(only_digits(typed["exp"]), now, errors)
    if not CVC.match(only_digits(typed["cvc"])):
        errors["cvc"] = (
            "اكتب رمز الأمان المكون من ٣ أرقام في ظهر البطاقة"
            if not typed["cvc"]
            else "رمز الأمان ٣ أو ٤ أرقام، مثل ١٢٣"
        )
    name = " ".join(typed["name"].split())
    if not name:
        errors["name"] = "اكتب الاسم كما هو مكتوب على البطاقة"
    elif len(name) > MAX_NAME:
        errors["name"] = "اكتب الاسم في ١٢٠ حرفًا على الأكثر"
    elif len(re.findall(r"[0-9]", latin_digits(name))) > 3:
        # Perhaps a card number in the wrong field; it must not be kept or shown.
        errors["name"] = "اكتب الاسم بالحروف، بدون أرقام"
        name = ""
    # A long number in the expiry's field may be a card's, too.
    exp = typed["exp"] if len(only_digits(typed["exp"])) <= 7 else ""
    return CardForm(errors, {"exp": exp, "name": name}, card, expiry, name)


def _text(tree: Tree, name: str) -> str:
    value = tree.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _card(digits: str, errors: dict[str, str]) -> Card | None:
    card = by_number(digits)
    if card is not None and not card.mistyped:
        return card
    if not digits:
        errors["card_number"] = "اكتب رقم البطاقة"
    elif not NUMBER.match(digits):
        errors["card_number"] = "رقم البطاقة من ١٢ إلى ١٩ رقمًا. راجع ما كتبته"
    elif card is not None:
        errors["card_number"] = "رقم البطاقة غير صحيح. راجع الأرقام واحدًا واحدًا"
    else:
        errors["card_number"] = (
            "هذه بيئة تجريبية تقبل أرقام بطاقات الاختبار المكتوبة في هذه الصفحة فقط. "
            "لا تكتب رقم بطاقة حقيقية"
        )
    return None


def _expiry(text: str, now: tuple[int, int], errors: dict[str, str]) -> tuple[int, int]:
    match = EXPIRY.match(text)
    month = int(match[1]) if match else 0
    year = 2000 + int(match[2][-2:]) if match else 0
    if not text:
        errors["exp"] = "اكتب تاريخ انتهاء البطاقة: الشهر ثم السنة"
    elif not 1 <= month <= 12:
        errors["exp"] = "اكتب الشهر من ٠١ إلى ١٢ ثم آخر رقمين من السنة، مثل ١٢/٣٤"
    elif (year, month) < now:
        errors["exp"] = "انتهت صلاحية هذه البطاقة. استخدم بطاقة سارية"
    return month, year
