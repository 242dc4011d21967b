"""Narrower texts: what a field of kind ``text`` may ask for by ``pattern``."""

import re
from dataclasses import dataclass

from portal.problems import N_
from portal.text import clean_name, fold_digits, is_arabic_name


@dataclass(frozen=True)
class Pattern:
    """A narrower kind of text."""

    regex: str
    msgid: str
    name: bool = False
    digits: bool = False

    def prepare(self, text: str) -> str:
        if self.name:
            return clean_name(text)
        return fold_digits(text).replace("-", "").replace(" ", "") if self.digits else text

    def accepts(self, text: str) -> bool:
        if self.name:
            return is_arabic_name(text) and text.count(" ") >= 2
        return re.fullmatch(self.regex, text) is not None


PATTERNS = {
    "arabic_name": Pattern(
        "", N_("Write {label} in Arabic letters: at least three names, as on the card"), name=True
    ),
    "alnum": Pattern(
        r"[A-Za-z0-9]+", N_("{label} holds only Latin letters and digits"), digits=True
    ),
    "letter": Pattern(r"[A-Za-z\u0621-\u064a]", N_("{label} is a single letter")),
    "digits": Pattern(r"[0-9]+", N_("{label} holds only digits"), digits=True),
    "tax_number": Pattern(r"[0-9]{9}", N_("{label} has 9 digits"), digits=True),
    "plain": Pattern("", ""),
}
