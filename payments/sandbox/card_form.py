"""Reading the card form: what was typed, or everything the payer can mend."""

import re
from dataclasses import dataclass, field

from payments.sandbox.cards import CVC, NUMBER, Card, by_number
from payments.sandbox.digits import latin_digits, only_digits
from payments.sandbox.forms import Tree
from payments.sandbox.speech import N_

EXPIRY = re.compile(r"([0-9]{1,2})[/\\]?((?:20)?[0-9]{2})\Z")
MAX_NAME = 120

FIELDS = ("card_number", "exp", "cvc", "name")


@dataclass(frozen=True, slots=True)
class CardForm:
    """``errors`` holds a message id per field, in the form's order; without any, ``card``
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
            N_("Write the security code: the 3 digits on the back of the card")
            if not typed["cvc"]
            else N_("A security code has 3 or 4 digits, such as 123")
        )
    name = " ".join(typed["name"].split())
    if not name:
        errors["name"] = N_("Write the name as it stands on the card")
    elif len(name) > MAX_NAME:
        errors["name"] = N_("Write the name in at most 120 letters")
    elif len(re.findall(r"[0-9]", latin_digits(name))) > 3:
        # Perhaps a card number in the wrong field; it must not be kept or shown.
        errors["name"] = N_("Write the name in letters, without digits")
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
        errors["card_number"] = N_("Write the card number")
    elif not NUMBER.match(digits):
        errors["card_number"] = N_("A card number has 12 to 19 digits. Check what you wrote")
    elif card is not None:
        errors["card_number"] = N_("This card number is not right. Check its digits one by one")
    else:
        errors["card_number"] = N_(
            "Only the test card numbers on this page are accepted here. "
            "Never write the number of a real card"
        )
    return None


def _expiry(text: str, now: tuple[int, int], errors: dict[str, str]) -> tuple[int, int]:
    match = EXPIRY.match(text)
    month = int(match[1]) if match else 0
    year = 2000 + int(match[2][-2:]) if match else 0
    if not text:
        errors["exp"] = N_("Write when the card expires: the month, then the year")
    elif not 1 <= month <= 12:
        errors["exp"] = N_(
            "Write the month from 01 to 12, then the last two digits of the year, such as 12/34"
        )
    elif (year, month) < now:
        errors["exp"] = N_("This card has expired. Use one that is still valid")
    return month, year
