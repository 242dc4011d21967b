"""What keepers type about a body: checked, everything wrong at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from portal.bodies import addresses, purposes
from portal.bodies.addresses import BadAddress
from portal.bodies.keeping import NewAgreement, NewBody, NewKey
from portal.bodies.model import BodyKind, Purpose
from portal.jws import BadKey, read_public_key
from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.text import Unreadable, clean, fold_digits, parse_day

BODY_FIELDS = ("code", "kind", "name_ar", "name_en", "letter")
CHANGE_FIELDS = ("per_minute", "webhook_url", "reason")
LONGEST_KEY = 4000
LONGEST_REASON = 500
_LONGEST_NAME = 120
_LONGEST_LETTER = 60
_FASTEST = 6000
_LONGEST_AGREED = timedelta(days=5 * 366)  # [G] after so long the need is looked at again
_LONGEST_KEY_LIFE = timedelta(days=2 * 365)  # [G] what a key could have leaked by is forgotten
_PAGES = frozenset({"new", "log"})
"""Addresses beside those of the bodies."""
_CODE = re.compile(r"[a-z][a-z0-9-]{2,29}")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,39}")
_TOO_LONG = N_("Write at most {n} characters")
_NO_ADDRESS = N_(
    "Write an address such as https://news.example.com/permits: https, and nothing but plain "
    "characters"
)
_OUTSIDE = N_(
    "Write the address of a server that is reached from outside, by its name and port 443: no "
    "number, no name of an inner network"
)
_NO_KEY = N_(
    "This is no public key of the right kind: ask the body for one by which ES256 is verified"
)
_BAD_KEYS = {
    "no JSON": N_("This is no JSON: copy all of the key, with its brackets"),
    "no object": N_("This is a list: send one key at a time"),
    "no PEM": N_("The key is damaged: copy all of it, with its first and its last line"),
    "no point of the curve": N_("The key is damaged: x and y do not belong together"),
    "kid is up to 43 letters, digits, - and _": N_(
        "The key's name (kid) is up to 43 Latin letters, digits and dashes"
    ),
}
"""What :class:`~portal.jws.BadKey` says, for who pasted it."""
_BAD_ADDRESSES = {
    "names_a_user": N_("Leave user name and password out of the address"),
    "no_public_name": _OUTSIDE,
    "other_port": _OUTSIDE,
}


@dataclass(frozen=True)
class Agreed:
    """The form of an agreement, as it came."""

    fields: Sequence[str]
    letter: str
    valid_until: str
    batches: bool
    notices: bool


@dataclass(frozen=True)
class Changed:
    """Pace and address, as they will be."""

    per_minute: int
    webhook_url: str
    reason: str


def read_body(typed: Mapping[str, str], governorate: str) -> tuple[NewBody | None, list[Problem]]:
    """The account to be opened, or what is wrong, in the order of the form."""
    problems: list[Problem] = []
    if typed["kind"] not in set(BodyKind):
        problems.append(Problem("kind", N_("Choose what kind of body it is")))
    name_ar = _line("name_ar", typed["name_ar"], _LONGEST_NAME, problems)
    if not name_ar and not _has(problems, "name_ar"):
        problems.append(Problem("name_ar", N_("Write the name of the body in Arabic")))
    name_en = _line("name_en", typed["name_en"], _LONGEST_NAME, problems)
    code = fold_digits(typed["code"].strip()).lower()
    if not _CODE.fullmatch(code) or code in _PAGES:
        text = N_("Write 3 to 30 small Latin letters, digits and dashes, a letter first")
        problems.append(Problem("code", text))
    letter = _letter(typed["letter"], problems)
    if problems:
        return None, problems
    return NewBody(code, BodyKind(typed["kind"]), name_ar, name_en, governorate, letter), []


def read_agreement(
    kind: BodyKind, purpose: Purpose, typed: Agreed, today: date
) -> tuple[NewAgreement | None, list[Problem]]:
    """What is agreed; fields in the order of the purpose's set."""
    problems: list[Problem] = []
    known = purposes.fields_of(kind, purpose)
    fields = [name for name in known if name in typed.fields]
    if not fields or set(typed.fields) - set(known):
        problems.append(Problem("fields", N_("Choose at least one field of the list")))
    letter = _letter(typed.letter, problems)
    until = parse_day(typed.valid_until)
    if until is None or until < today:
        text = N_("Choose the last day of the agreement, today or later")
        problems.append(Problem("valid_until", text))
    elif until > today + _LONGEST_AGREED:
        text = N_("An agreement holds for five years at most; then it is made anew")
        problems.append(Problem("valid_until", text))
    if problems or until is None:
        return None, problems
    return NewAgreement(purpose, fields, letter, until, typed.batches, typed.notices), []


def longest_key_day(today: date) -> date:
    """The last day that a key may hold until: then the body makes a new one."""
    return today + _LONGEST_KEY_LIFE


def read_key(text: str, until: str, today: date) -> tuple[NewKey | None, list[Problem]]:
    """The public key and its last day; a private one is refused with what to do about it."""
    found, problems = _key(text)
    day = parse_day(until)
    if day is None or day < today:
        told = N_("Choose the last day of the key, today or later")
        problems.append(Problem("key_until", told))
    elif day > longest_key_day(today):
        told = N_("A key holds for two years at most; then the body makes a new one")
        problems.append(Problem("key_until", told))
    if found is None or day is None or problems:
        return None, problems
    return NewKey(*found, day), []


def _key(text: str) -> tuple[tuple[str, dict[str, str]] | None, list[Problem]]:
    if not text.strip():
        return None, [Problem("key", N_("Paste the public key, or choose its file"))]
    if len(text) > LONGEST_KEY:
        return None, [Problem("key", N_("This is too long to be one public key"))]
    if _is_private(text):
        text = N_(
            "This is a private key, and nobody but the body may have it. It was not kept here. "
            "Ask the body to throw it away, to make a new pair, and to send the public half only"
        )
        return None, [Problem("key", text)]
    try:
        return read_public_key(text), []
    except BadKey as error:
        return None, [Problem("key", _BAD_KEYS.get(str(error), _NO_KEY))]


def _is_private(text: str) -> bool:
    """Whether a private key is in it, in whichever clothes."""
    return "PRIVATE KEY" in text or re.search(r'"(?:d|k)"\s*:', text) is not None


def read_username(typed: str) -> tuple[str, list[Problem]]:
    name = fold_digits(typed.strip())
    if _USERNAME.fullmatch(name):
        return name, []
    text = N_(
        "Write up to 40 Latin letters, digits, dots and dashes, such as the employee's number"
    )
    return name, [Problem("username", text)]


def read_change(
    typed: Mapping[str, str], *, loopback: bool = False
) -> tuple[Changed | None, list[Problem]]:
    problems: list[Problem] = []
    pace = fold_digits(typed["per_minute"].strip())
    fast = int(pace) if re.fullmatch("[0-9]{1,4}", pace) else 0
    if not 1 <= fast <= _FASTEST:
        text = N_("Write how many inquiries a minute, from 1 to {n}")
        problems.append(Problem("per_minute", text, {"n": _FASTEST}))
    address = typed["webhook_url"].strip()
    problems += _address_problems(address, loopback=loopback) if address else []
    reason, wrong = read_reason(typed["reason"])
    problems += wrong
    return (None, problems) if problems else (Changed(fast, address, reason), [])


def read_reason(typed: str) -> tuple[str, list[Problem]]:
    """Why something is done, in one line."""
    problems: list[Problem] = []
    reason = _line("reason", typed, LONGEST_REASON, problems)
    if not reason and not problems:
        problems.append(Problem("reason", N_("Write why; it stays in the record")))
    return reason, problems


def _address_problems(address: str, *, loopback: bool) -> list[Problem]:
    """What keeps an address from being one that news of permits are sent to.

    Where its name leads is looked at on sending.
    """
    try:
        addresses.read(address, loopback=loopback)
    except BadAddress as error:
        return [Problem("webhook_url", _BAD_ADDRESSES.get(error.reason, _NO_ADDRESS))]
    return []


def _letter(typed: str, problems: list[Problem]) -> str:
    letter = _line("letter", typed, _LONGEST_LETTER, problems)
    if not letter and not _has(problems, "letter"):
        problems.append(Problem("letter", N_("Write the number of the letter or protocol")))
    return letter


def _line(name: str, typed: str, most: int, problems: list[Problem]) -> str:
    try:
        text = clean(typed)
    except Unreadable:
        problems.append(Problem(name, HIDDEN_CHARACTERS))
        return ""
    if len(text) > most:
        problems.append(Problem(name, _TOO_LONG, {"n": most}))
    return text


def _has(problems: Sequence[Problem], name: str) -> bool:
    return any(problem.field == name for problem in problems)
