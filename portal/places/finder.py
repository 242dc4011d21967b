"""Finds centers by name, as people write it, and by distance.

A name may be typed in Arabic or English, without hamza, dots of the final letter or article, in
part, and with one slip of the finger. What the letters are folded to: :func:`fold_arabic`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

from portal.places.model import DATA_DIR, Center, Governorate, Places
from portal.text import fold_arabic

LONGEST_QUERY = 100
_MOST_WORDS = 8
_WORD = re.compile(r"\w+")
_SHORTEST_STEM = 2  # what must be left of a word without its article
_SHORTEST_WITH_SLIP = 4  # in shorter words a slip makes another place of it
_EARTH_KM = 6371.0
# How well a word of the query fits a word of a name; the least is the best
_SAME, _BEGINS, _SLIP, _SOUND = 0.0, 1.0, 3.0, 4.0
_OF_GOVERNORATE = 6.0  # the word is the governorate's, not the place's
_OF_DIWAN = 5.5  # which is called by its governorate
_OTHER_KIND = 0.5
_VEHICLE = 7.0  # after everything that stays where it is, unless it is asked for
_WHOLE_NAME = -1.0  # the words stand together in the name
_ALIKE = str.maketrans({"q": "k", "c": "k", "x": "ks", "z": "s", "w": "u"})
_VOWELS = re.compile("[aeiouy]+")
_FIRST_VOWEL = {"a": "a", "e": "i", "i": "i", "y": "i", "o": "u", "u": "u"}
_TWICE = re.compile(r"(.)\1+")


@dataclass(frozen=True)
class Point:
    """A place on the map. ``of_seat``: it is the governorate's seat, for want of a better one."""

    lat: float
    lon: float
    of_seat: bool = False


@dataclass(frozen=True)
class _Names:
    """The words that a center is found by, folded."""

    place: Mapping[str, float]
    """With how far each is from naming this place alone."""
    governorate: frozenset[str]
    joined: Sequence[str]
    """The names of the place without blanks, for those who leave them out."""
    joined_governorate: Sequence[str]


@dataclass(frozen=True)
class _Joined:
    """A query without its blanks: of stems, and as it was typed. ``slips`` may be looked past."""

    stems: str
    whole: str
    slips: bool


class Finder:
    """Every center, made ready to be found."""

    def __init__(self, places: Places, directory: Path = DATA_DIR) -> None:
        self._places = places
        with (directory / "words.toml").open("rb") as file:
            words = tomllib.load(file)
        self._articles: Sequence[str] = tuple(fold_arabic(a) for a in words["articles"])
        self._common = frozenset(self._stem(fold_arabic(w)) for w in words["common"])
        self._kinds = {
            self._stem(fold_arabic(word)): kind
            for kind, each in words["kinds"].items()
            for word in each
        }
        self._names = {code: self._names_of(center) for code, center in places.centers.items()}
        self._vocabulary = frozenset().union(
            *(names.place.keys() | names.governorate for names in self._names.values())
        )

    # --- by name ---

    def by_name(self, text: str, governorate: str = "") -> list[Center]:
        """The centers that ``text`` names, the likeliest first; of one governorate if given."""
        asked = self._words(text[:LONGEST_QUERY])[:_MOST_WORDS]
        kinds = {self._kinds[word] for word in asked if word in self._kinds}
        named = [w for w in asked if w not in self._kinds and w not in self._common]
        if not named and not kinds:
            return []
        fits = [self._fits(word) for word in named]
        joined = _Joined(
            "".join(word for word in asked if word not in self._common),
            "".join(_WORD.findall(fold_arabic(text[:LONGEST_QUERY]))),
            slips=not all(fits),
        )
        found = []
        for center in self._places.centers.values():
            if governorate and center.governorate != governorate:
                continue
            if not named and center.kind not in kinds:
                continue
            names = self._names[center.code]
            of_kind = center.kind in kinds
            score = _score(names, fits, joined, of_kind=of_kind)
            if score is None:
                continue
            if kinds and not of_kind:
                score += _OTHER_KIND
            if not center.fixed and not of_kind:
                score += _VEHICLE
            found.append((score, center))
        found.sort(key=lambda pair: pair[0])  # it keeps the order of the file among equals
        return [center for _, center in found]

    def _fits(self, word: str) -> Mapping[str, float]:
        """The known words that ``word`` may stand for; slips only when it is nothing by itself."""
        if len(word) < _SHORTEST_STEM:
            return {word: _SAME}
        fits = {known: _BEGINS for known in self._vocabulary if known.startswith(word)}
        if word in fits:
            fits[word] = _SAME
        if fits:
            return fits
        sound = _sound(word)
        for known in self._vocabulary:
            if len(word) >= _SHORTEST_WITH_SLIP and one_slip_apart(word, known):
                fits[known] = _SLIP
            elif sound and sound == _sound(known):
                fits[known] = _SOUND
        for article in self._articles:  # «Elmahalla», in one word
            if not fits and word.startswith(article) and len(word) > len(article):
                return self._fits(word[len(article) :])
        return fits

    def _names_of(self, center: Center) -> _Names:
        governorate = self._places.governorates[center.governorate]
        place: set[str] = set()
        joined = []
        for name in (center.place_ar, center.place_en):
            words = self._words(name)
            place |= {*words} - self._common
            proper = [w for w in words if w not in self._kinds and w not in self._common]
            joined += ["".join(proper), "".join(words), "".join(_WORD.findall(fold_arabic(name)))]
        around = [self._words(name) for name in _both(governorate)]
        in_governorate = frozenset(word for words in around for word in words)
        joined_around = ["".join(words) for words in around]
        joined_around += ["".join(_WORD.findall(fold_arabic(n))) for n in _both(governorate)]
        return _Names(
            {w: _OF_DIWAN if not center.takes_sites and w in in_governorate else 0 for w in place},
            in_governorate,
            tuple(dict.fromkeys(joined)),
            tuple(joined_around),
        )

    def _words(self, text: str) -> list[str]:
        words = [self._stem(word) for word in _WORD.findall(fold_arabic(text))]
        return [word for word in words if word and word not in self._articles]

    def _stem(self, word: str) -> str:
        """A word without its article."""
        for article in self._articles:
            if word.startswith(article) and len(word) - len(article) >= _SHORTEST_STEM:
                # «el» and «al» are words of their own in English: «Elephant» keeps its beginning
                return word if article.isascii() else word[len(article) :]
        return word

    # --- by distance ---

    def point(self, center: Center) -> Point:
        """Where ``center`` is, about; its governorate's seat where nothing better is known."""
        if center.lat is not None and center.lon is not None:
            return Point(center.lat, center.lon)
        seat = self._places.governorates[center.governorate]
        return Point(seat.lat, seat.lon, of_seat=True)

    def neighbours(self, center: Center, count: int) -> list[Center]:
        """The fixed centers nearest to ``center``; those whose place is not known are left out."""
        here = self.point(center)
        others = [
            (distance_km(here, self.point(other)), other)
            for other in self._places.centers.values()
            if other.code != center.code and other.lat is not None
        ]
        others.sort(key=lambda pair: pair[0])
        return [other for _, other in others[:count]]


def _both(governorate: Governorate) -> tuple[str, str]:
    return governorate.ar, governorate.en


def _score(
    names: _Names, fits: Sequence[Mapping[str, float]], joined: _Joined, *, of_kind: bool
) -> float | None:
    """How far the center's names are from the query; None when a word is not among them.

    ``of_kind``: the query names the kind of this center as well.
    """
    whole = _of_joined(names, joined)
    score = _WHOLE_NAME if any(joined.stems in name for name in names.joined) else 0.0
    for fit in fits:
        here = [
            fit[word] + (0 if of_kind else far) for word, far in names.place.items() if word in fit
        ]
        there = [fit[word] + _OF_GOVERNORATE for word in names.governorate if word in fit]
        if not here and not there:
            return whole
        score += min(here + there)
    # of two names that hold the words, the shorter one is meant
    score += len(names.place) / 100
    return score if whole is None else min(score, whole)


def _of_joined(names: _Names, joined: _Joined) -> float | None:
    """The same for a query whose blanks are somewhere else."""
    for text in (joined.stems, joined.whole):
        if len(text) < _SHORTEST_WITH_SLIP:
            continue
        if text in names.joined:
            return _WHOLE_NAME
        if joined.slips and any(one_slip_apart(text, name) for name in names.joined):
            return _SLIP
        if text in names.joined_governorate:
            return _OF_GOVERNORATE
    return None


def distance_km(one: Point, other: Point) -> float:
    """Along the great circle."""
    lat, lon = radians(other.lat - one.lat), radians(other.lon - one.lon)
    half = sin(lat / 2) ** 2 + cos(radians(one.lat)) * cos(radians(other.lat)) * sin(lon / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))


def one_slip_apart(one: str, other: str) -> bool:
    """Whether one letter is missing, doubled, another, or has changed place with its neighbour."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1 or one == other:
        return False
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[at + 1 : at + 2] + one[at : at + 1] + one[at + 2 :]
    return one[at + 1 :] == other[at + 1 :] or swapped == other[at:]


def _sound(word: str) -> str:
    """The consonants of a Latin word: «Assiut» and «Asyut» are one; empty when that is too few."""
    if not word.isascii() or word.isdigit():
        return ""
    bare = _TWICE.sub(r"\1", _VOWELS.sub("", word.translate(_ALIKE)))
    first = _FIRST_VOWEL.get(word[0], "")
    return first + bare if len(bare) >= _SHORTEST_STEM and len(word) >= _SHORTEST_WITH_SLIP else ""


def dots(points: Iterable[Point], scale: float, north: float, west: float) -> str:
    """A path of dots for a small map: one short stroke with round ends for each point."""
    shrink = cos(radians(27))  # a degree of longitude, in the middle of the country
    seen = {
        (round((p.lon - west) * scale * shrink), round((north - p.lat) * scale)): None
        for p in points
        if not p.of_seat
    }
    return "".join(f"M{x} {y}h0" for x, y in sorted(seen))
