"""Numbers by which Egypt knows people and papers: read, checked, masked.

Facts §7.1–7.2, geography §9 and the rulings. Only what is certain is a hard rule: the check digit
of the national ID was never published, so a mismatch is a warning.
"""

import re
from dataclasses import dataclass
from datetime import date
from unicodedata import normalize

from portal.text import Unreadable, clean_number, compact

# Governorate of the birth's registration, not of residence; 88 is abroad
BIRTH_CODES = frozenset(f"{n:02d}" for n in (*range(1, 5), *range(11, 20), *range(21, 30))) | {
    *(str(n) for n in range(31, 36)),
    "88",
}
_WEIGHTS = (2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_CENTURIES = {"2": 1900, "3": 2000}
_MOBILE = re.compile(r"(?:\+20|0020|20)?0?(1[0125]\d{8})", re.ASCII)
_LETTER = r"[A-Za-z\u0621-\u064a](?![A-Za-z\u0621-\u064a])"
_PERMIT_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})\s*[/\-]\s*(?P<number>\d{{1,6}})(?:\s*[/\-]\s*(?P<letter>{_LETTER}))?",
    re.ASCII,
)
_PERMIT = re.compile(
    r"(?:(?:رخص[ةه]|ترخيص|تصريح|قرار|طلب|عقد|بيان|محضر|permit)\s*)?"
    r"(?:(?:ال)?(?:بناء|مبان[يى]|هدم|تعلي[ةه]|ترميم|تدعيم)\s+)?(?:رقم\s*|no\b\.?\s*)?"
    rf"(?:(?P<before>{_LETTER})\s*[/\-.]?\s*)?"
    r"(?P<number>\d{1,6})"
    rf"(?:\s*[/\-.]?\s*(?!ل\s*(?:سن|عام))(?P<letter>{_LETTER}))?"
    r"(?:\s*(?:[/\-]\s*)?(?:ل?\s*(?:سن[ةه]|عام)|of\b)\s*|\s*[/\-]\s*|\s+(?=\d{4}))"
    r"(?P<year>\d{1,4})\s*(?:م|ميلادي[ةه]?)?"
    # the place has a control of its own
    r"(?P<place>\s*[/\-]?\s*(?:حي|مركز|مدينة|قرية|الوحدة|محافظة)\s.*)?",
    re.ASCII | re.IGNORECASE,
)
# what is typed for a stroke, and what is put round numbers
_STROKES = str.maketrans("\\_,،–—‐−()[]:#", "////----" + " " * 6)
_THOUSANDS = re.compile(r"(?<=\d)[,،٬](?=\d{3}(?!\d))", re.ASCII)
_SHAPES = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
_STRETCHED = re.compile("(?<=[\u0621-\u063a\u0641-\u064a])\u0640+")
_DRAWN = re.compile("\u0640+")
_VOWELS = re.compile("[\u064b-\u0655\u0670]")
_PERSIAN = str.maketrans("ٱیکھہ", "ايكهه")
# a letter of a number has one form, or the same paper would be entered and looked for as two
_LETTERS = str.maketrans("اإآةى", "أأأهي")
_REQUEST = re.compile(r"(\d{2})-?(\d{4})-?(\d{5,6})-?(\d)", re.ASCII)
# Damm's totally anti-symmetric quasigroup of order 10: one slip or one swap of neighbours shows
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


@dataclass(frozen=True)
class NationalId:
    """A well-formed national ID."""

    digits: str
    born_on: date

    @property
    def suspect(self) -> bool:
        """Whether its check digit does not fit the usual rule."""
        return not _check_digit_fits(self.digits)

    @property
    def male(self) -> bool:
        return int(self.digits[12]) % 2 == 1


def read_national_id(text: str, today: date) -> NationalId | str:
    """The ID, or the reason why it is none: ``length``, ``century``, ``date``, ``governorate``."""
    digits = compact(text)
    if not (digits.isascii() and digits.isdigit() and len(digits) == 14):
        return "length"
    if digits[0] not in _CENTURIES:
        return "century"
    try:
        born_on = date(_CENTURIES[digits[0]] + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))
    except ValueError:
        return "date"
    if born_on > today:
        return "date"
    if digits[7:9] not in BIRTH_CODES:
        return "governorate"
    return NationalId(digits, born_on)


def age_on(digits: str, day: date) -> int:
    """Whole years on ``day`` of who has this national ID."""
    birth = (_CENTURIES[digits[0]] + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))
    return day.year - birth[0] - ((day.month, day.day) < birth[1:])


def _check_digit_fits(digits: str) -> bool:
    remainder = sum(int(d) * w for d, w in zip(digits[:13], _WEIGHTS, strict=True)) % 11
    expected = {(11 - remainder) % 10}
    if remainder == 0:
        expected.add(0)  # programs differ here; both are accepted
    return int(digits[13]) in expected


def mask_national_id(digits: str) -> str:
    """Only the last three digits, everywhere (rulings)."""
    return "*" * (len(digits) - 3) + digits[-3:]


def read_mobile(text: str) -> str | None:
    """An Egyptian mobile as ``+201XXXXXXXXX``, or None."""
    match = _MOBILE.fullmatch(compact(text))
    return f"+20{match[1]}" if match else None


def local_mobile(e164: str) -> str:
    """``+2010…`` as people know it: ``010…``."""
    return "0" + e164.removeprefix("+20")


def mask_mobile(e164: str) -> str:
    number = local_mobile(e164)
    return f"{number[:3]}•••••{number[-3:]}"


def read_iban(text: str) -> str | None:
    """An Egyptian IBAN: EG, 27 digits, remainder 1 by 97 (ISO 13616)."""
    iban = compact(text).upper()
    if not re.fullmatch(r"EG\d{27}", iban, re.ASCII):
        return None
    as_number = int(iban[4:] + "1416" + iban[2:4])  # E = 14, G = 16
    return iban if as_number % 97 == 1 else None


def damm(digits: str) -> int:
    """Check digit after Damm; 0 for a number that already ends in its own."""
    state = 0
    for digit in digits:
        state = int(_DAMM[state][int(digit)])
    return state


def format_request_number(year: int, center_index: int, serial: int) -> str:
    """``YY-CCCC-NNNNN-K``: year, center, serial of center and year, check digit (rulings).

    The check digit is Damm's over the whole year, center and serial, so a slip in any shows.
    """
    center, number = f"{center_index:04d}", f"{serial:05d}"
    return f"{year % 100:02d}-{center}-{number}-{damm(f'{year}{center}{number}')}"


def read_request_number(text: str) -> str | None:
    """A request number as people type it, or None where the check digit tells of a slip."""
    match = _REQUEST.fullmatch(_plain(text).replace(" ", "").replace("–", "-"))
    if not match or damm("20" + "".join(match.groups())) != 0:
        return None
    return "-".join(match.groups())


def read_permit_number(text: str, this_year: int) -> str | None:
    """«٢٥ لسنة ٢٠٢٣», «25/2023», «٥٦/م لسنة ١٩٩٨» or a request number of the portal.

    Canonical: ``25/2023``, ``56/م/1998``, ``26-1315-00042-7``; None when it is none of them.
    """
    request = read_request_number(text)
    if request:
        return request
    for number, letter, year in permit_parts(text):
        if number and len(year) == 4 and 1900 <= int(year) <= this_year:
            return f"{number}/{letter}/{year}" if letter else f"{number}/{year}"
    return None


def permit_parts(text: str) -> list[tuple[int, str, str]]:
    """Number, letter and year in all ways in which a text can be read, the likeliest first; the
    year as it is typed, perhaps none of a permit."""
    found: list[tuple[int, str, str]] = []
    for said in _readings(text):
        letters = [said[name] for name in ("before", "letter") if said.get(name)]
        if len(letters) < 2:
            letter = letter_of_number("".join(letters))
            found.append((int(said["number"]), letter, said["year"]))
    return found


def names_place(text: str) -> bool:
    """Whether the number of a permit says of which place it is: «٢٥ لسنة ٢٠٢٣ مدينة دسوق»."""
    return any(said.get("place") for said in _readings(text))


def _readings(text: str) -> list[dict[str, str]]:
    folded = _plain(text)
    if not folded.isascii():
        folded = _SHAPES.sub(lambda found: normalize("NFKC", found[0]), folded)
        folded = _STRETCHED.sub("", _VOWELS.sub("", folded.translate(_PERSIAN)))
        folded = _DRAWN.sub("-", folded)
    folded = " ".join(_THOUSANDS.sub("", folded).translate(_STROKES).split())
    # right-to-left fields make people write the year first
    matches = (pattern.fullmatch(folded) for pattern in (_PERMIT, _PERMIT_YEAR_FIRST))
    return [match.groupdict() for match in matches if match]


def letter_of_number(letter: str) -> str:
    """The one letter that stands for all that are written for it: «٢٥/ا» is «٢٥/أ»."""
    return letter.translate(_LETTERS).upper()


def _plain(text: str) -> str:
    """Nothing at all where controls stand in the text: it is no number then."""
    try:
        return clean_number(text)
    except Unreadable:
        return ""


def permit_year(canonical: str) -> int:
    """The year in a canonical permit number."""
    if "/" in canonical:
        return int(canonical.rsplit("/", 1)[-1])
    return 2000 + int(canonical[:2])
