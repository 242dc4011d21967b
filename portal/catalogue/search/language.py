"""Words of a text, and the other ways in which one word may be written.

What is particular to Arabic stands as data in ``arabic.toml``. Nothing here knows the catalogue: a
reading is offered, and whoever knows the vocabulary decides whether it is a word.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from portal.text import fold_arabic

_DATA = Path(__file__).with_name("arabic.toml")
# Arabic letters with their marks, shapes and joiners; Latin letters and digits; other digits
_WORD = re.compile(
    r"[\u0610-\u061a\u0621-\u065f\u0670-\u06d3\u06d5-\u06ed"
    r"\ufb50-\ufdff\ufe70-\ufefc\u200b-\u200f]+"
    r"|[0-9A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?|[٠-٩۰-۹]+"
)
_LONG_DRAWN = re.compile(r"([^\W\d])\1{2,}")
_LEAST = 3  # letters that are left when something is taken off


@dataclass(frozen=True)
class Word:
    """A word of a text: where it stands, how it is written there, and folded."""

    start: int
    written: str
    folded: str

    @property
    def end(self) -> int:
        return self.start + len(self.written)


class Language:
    """How Arabic and its Latin transcriptions are written; made once."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._articles: list[str] = data["articles"]
        self._whole = frozenset(data["whole"])
        self._endings: list[tuple[str, int]] = list(data["endings"].items())
        self._glued: list[str] = data["glued"]
        self._possessive: list[str] = data["possessive"]
        self._persons: str = data["persons"]
        self._sounds: dict[str, str] = data["sounds"]
        self._latin: dict[str, str] = data["latin"]
        self._latin_letters = re.compile(
            "|".join([*sorted(self._latin, key=len, reverse=True), "[bdfghklmnrstxz]"])
        )
        keys = data["keyboard"]
        pairs = [*zip(keys["latin"], keys["arabic"], strict=True), *keys["pair"].items()]
        self._to_arabic = str.maketrans(dict(pairs))
        self._to_latin = str.maketrans({key: latin for latin, key in pairs if len(key) == 1})
        nothing = data["nothing"]
        self.nothing: frozenset[str] = frozenset([*nothing["arabic"], *nothing["latin"]])

    @staticmethod
    def words(text: str) -> Iterator[Word]:
        """The words of ``text`` in order; marks and punctuation are none."""
        for found in _WORD.finditer(text):
            yield Word(found.start(), found[0], _folded(found[0]))

    def root(self, folded: str) -> str:
        """A word without its article, plural and feminine ending; the same for all its forms."""
        if folded.isascii():
            return _singular(folded)
        folded = self.without_article(folded)
        for ending, left in self._endings:
            if folded.endswith(ending) and len(folded) - len(ending) >= left:
                return folded[: -len(ending)]
        return folded

    def without_article(self, folded: str, least: int = _LEAST) -> str:
        """``least`` letters must be left: of a word that is still being typed, one is enough."""
        if folded not in self._whole:
            for article in self._articles:
                if folded.startswith(article) and len(folded) - len(article) >= least:
                    return folded[len(article) :]
        return folded

    def readings(self, folded: str) -> Iterator[str]:
        """Other roots that a word may have, the likeliest first: what is glued to it taken off."""
        if folded.isascii():
            return
        bare = [folded, *self.without_glued(folded)]
        for word in bare[1:]:
            yield self.root(word)
        for word in bare:
            for ending in self._possessive:
                if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
                    yield self.root(word[: -len(ending)])
        for word in bare:
            if word[0] in self._persons:
                yield self.root(self._persons[0] + word[1:])
                if len(word) > _LEAST:
                    yield self.root(word[1:])

    def without_glued(self, folded: str) -> Iterator[str]:
        """A word without each of the letters that may be glued to it in front."""
        if folded in self._whole:
            return
        for glued in self._glued:
            if folded.startswith(glued) and len(folded) - len(glued) >= _LEAST:
                yield folded[len(glued) :]

    def sounds(self, folded: str) -> str:
        """The consonants of a word by their sound, whichever script it is written in.

        The same for a word and for what phones make of it: «kh», «5» and the letter are one.
        """
        if folded.isascii():
            heard = "".join(self._latin.get(m, m) for m in self._latin_letters.findall(folded))
        else:
            heard = "".join(self._sounds.get(letter, "") for letter in folded)
        return re.sub(r"(.)\1+", r"\1", heard)

    def other_layout(self, text: str) -> str:
        """What would stand there had the keyboard been switched to the other language."""
        if any("\u0621" <= letter <= "\u064a" for letter in text):
            return text.translate(self._to_latin)
        return text.lower().translate(self._to_arabic)


@lru_cache(1024)
def _folded(written: str) -> str:
    folded = fold_arabic(written)
    short = _LONG_DRAWN.sub(r"\1", folded)
    return short if len(short) >= _LEAST else folded


def _singular(word: str) -> str:
    word = word.replace("'s", "").replace("’s", "")
    if len(word) > _LEAST and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > _LEAST and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


@cache
def arabic() -> Language:
    return Language(tomllib.loads(_DATA.read_text(encoding="utf-8")))
