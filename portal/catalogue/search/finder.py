"""Answers a query: the services that it may mean, the likeliest first.

Each word of the query is read as a known word, else with what is glued to it taken off, else as the
beginning of one, as one with a slip, or as Arabic in Latin letters; each reading is worth less than
the one before. A service is worth what the words are worth in it, more when it has all of them, and
most when they make up one of its names.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, sqrt

from portal.catalogue.model import Catalogue, EverydayWords, Family, Service, Text
from portal.catalogue.search.index import NAMES, Index, Part
from portal.catalogue.search.language import Word, arabic
from portal.catalogue.search.slips import Slips

MOST_LETTERS = 100
MOST_WORDS = 12
MOST_HITS = 10
_KEPT = 256  # answers that are remembered
_MOST_BEGINNINGS = 24
_MOST_FAMILIES = 2
# What a reading is worth
_AS_WRITTEN = 1.0
_UNGLUED = 0.9
_BEGINNING = 0.7
_SLIP = 0.6
_SLIP_IN_FRONT = 0.54
_BY_SOUND = 0.5
# What else tells
_WHOLE_NAME = 0.8
_POPULAR = 1.04
_FAR = 0.3  # share of the best score below which a service is not shown
_LEAST_SWITCHED = 3  # letters of a word that may be typed with the keyboard in the other language
_MOSTLY = 0.6  # share of the query that must name a family
_ONLY_SAID: Mapping[Part, float] = {Part.DOCUMENT: 0.6, Part.LAW: 0.6, Part.CHOICE: 0.5}


@dataclass(frozen=True)
class Hit:
    """A service, and the text by which it was found where its title and summary do not tell."""

    service: Service
    part: Part | None = None
    by: Text | str = ""


@dataclass(frozen=True)
class Found:
    """The answer. ``understood`` is what was searched for when it is not what was typed."""

    hits: tuple[Hit, ...] = ()
    families: tuple[Family, ...] = ()
    understood: str = ""
    terms: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Reading:
    """What one word may be: every term with its worth, and the word that is meant."""

    terms: Mapping[str, float]
    written: str
    sure: bool = True
    """It stands so in the catalogue, or begins what does, whatever is glued to it."""
    doubtful: bool = False
    """So short that one slip may make it anything: it counts only where nothing else does."""
    corrected: bool = False

    @property
    def meant(self) -> Iterable[str]:
        """The terms of the word as it stands, or else all that it may be."""
        known = [term for term, worth in self.terms.items() if worth >= _UNGLUED]
        return known or self.terms

    @property
    def switched(self) -> bool:
        """Whether it may have been typed with the keyboard in the other language."""
        return len(self.written) >= _LEAST_SWITCHED and _AS_WRITTEN in self.terms.values()


class ServiceFinder:
    """The search over one catalogue; made once, and the same for everybody."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._language = language = arabic()
        self._index = index = Index(catalogue, language)
        words = catalogue.words
        self._families = [
            (family, [frozenset(index.terms_of(name)) for name in _names(family, words)])
            for family in catalogue.families.values()
        ]
        self._popular = frozenset(words.popular)
        self._roots = sorted(index.terms)
        self._slips = Slips(form for form in index.forms if not form.isdecimal())
        self._sounds: dict[str, list[str]] = {}
        for root in filter(index.is_name, self._roots):
            if not root.isascii() and len(heard := language.sounds(root)) > 1:
                self._sounds.setdefault(heard, []).append(root)
        self._answer = lru_cache(_KEPT)(self._search)
        self.segments = lru_cache(8 * len(index.services))(index.segments)
        """A text of the catalogue in pieces, each with its term: for marking what was found."""

    def find(self, typed: str, family: str = "") -> Found:
        """The services that ``typed`` may mean; only those of ``family`` where one is named."""
        return self._answer(" ".join(typed[: 4 * MOST_LETTERS].split()), family)

    def _search(self, typed: str, family: str) -> Found:
        readings = self._readings(typed)
        if not any(reading.sure for reading in readings):
            other = self._readings(self._language.other_layout(typed))
            if other and all(reading.switched for reading in other):
                readings = [replace(reading, corrected=True) for reading in other]
        elif not all(reading.sure for reading in readings):
            readings = [reading for reading in readings if not reading.doubtful] or readings
        if not readings:
            return Found()
        corrected = any(reading.corrected for reading in readings)
        return Found(
            hits=tuple(self._hits(readings, family)),
            families=() if family else tuple(self._named(readings)),
            understood=" ".join(reading.written for reading in readings) if corrected else "",
            terms=_terms(readings),
        )

    # --- what is meant by each word ---

    def _readings(self, typed: str) -> list[_Reading]:
        """What the words of the query may be; words that may be nothing are left out."""
        words = list(self._words(typed))
        found = (self._read(word, word is words[-1]) for word in words)
        return [reading for several in found for reading in several]

    def _words(self, typed: str) -> Iterator[Word]:
        """The words that say something, within the bounds of a query."""
        letters = said = 0
        for word in self._language.words(typed):
            letters += len(word.folded)
            if letters > MOST_LETTERS or said == MOST_WORDS:
                return
            if word.folded and word.folded not in self._language.nothing:
                said += 1
                yield word

    def _read(self, word: Word, last: bool) -> list[_Reading]:
        index, language, folded = self._index, self._language, word.folded
        root = language.root(folded)
        terms: dict[str, float] = {}
        if root in index.terms:
            terms[index.terms[root]] = _AS_WRITTEN
        elif known := next((r for r in language.readings(folded) if r in index.terms), ""):
            terms[index.terms[known]] = _UNGLUED
        if last or not terms:  # it may still be typed
            most = max((index.worth[term] for term in terms), default=inf)
            for beginning in self._beginnings(language.without_article(folded, least=1)):
                term = index.terms[beginning]
                terms.setdefault(term, _BEGINNING * self._held(term, most))
        if folded.isdecimal() or root in index.terms:
            return [_Reading(terms, word.written)] if terms else []
        near = self._near(folded, root, word.written)
        if terms:  # what was taken off may have been meant: a slip then, but not one to tell of
            terms = {**near.terms, **terms} if near else terms
            return [_Reading(terms, word.written)]
        return [near] if near else self._by_sound(folded) or self._run_together(folded)

    def _held(self, term: str, most: float) -> float:
        """A share that holds a rare word, which is worth much, below the one that is likelier."""
        return min(1.0, most / self._index.worth[term])

    def _beginnings(self, folded: str) -> list[str]:
        """Known roots that begin so: names before what is only said, short ones first."""
        start = bisect_left(self._roots, folded)
        end = bisect_left(self._roots, folded + "\uffff", start)
        if end - start <= _MOST_BEGINNINGS:
            return self._roots[start:end]
        names = filter(self._index.is_name, self._roots[start:end])
        return sorted(names, key=len)[:_MOST_BEGINNINGS]

    def _near(self, folded: str, root: str, written: str) -> _Reading | None:
        """The word with one slip in it, if it is long enough to tell."""
        index, language = self._index, self._language
        tried = dict.fromkeys((root, language.without_article(folded), folded))
        if not folded.isascii():
            tried.update(dict.fromkeys(map(language.root, language.without_glued(folded))))
        near: dict[str, float] = {}
        for word in tried:
            if len(word) < 3 or (word != root and len(word) < 4):
                continue
            for form in self._slips.near(word):
                if len(form) > 2:
                    front = form[0] == word[0] or form[:2] == word[1::-1]
                    found = index.forms[form]
                    near[found] = max(near.get(found, 0.0), _SLIP if front else _SLIP_IN_FRONT)
        if not near:
            return None
        meant = max(near, key=lambda found: (near[found], -index.worth[index.terms[found]]))
        most = index.worth[index.terms[meant]]
        terms: dict[str, float] = {}
        for found, worth in near.items():
            term = index.terms[found]
            terms[term] = max(worth * self._held(term, most), terms.get(term, 0.0))
        shown = index.shown.get(meant, written)
        return _Reading(terms, shown, sure=False, doubtful=len(folded) < 4, corrected=True)

    def _by_sound(self, folded: str) -> list[_Reading]:
        """Arabic that was typed in Latin letters."""
        heard = self._language.sounds(folded) if folded.isascii() else ""
        roots = self._sounds.get(heard) or self._sounds.get(heard.rstrip("th")) or ()
        if not roots:
            return []
        terms = {self._index.terms[root]: _BY_SOUND for root in roots}
        return [_Reading(terms, self._index.shown.get(roots[0], folded), sure=False)]

    def _run_together(self, folded: str) -> list[_Reading]:
        """Two known words without the space between them."""
        terms, language = self._index.terms, self._language
        for cut in range(3, len(folded) - 2):
            first, second = folded[:cut], folded[cut:]
            if (one := language.root(first)) in terms and (other := language.root(second)) in terms:
                shown = self._index.shown
                return [
                    _Reading(
                        {terms[root]: _SLIP}, shown.get(root, word), sure=False, corrected=True
                    )
                    for root, word in ((one, first), (other, second))
                ]
        return []

    # --- which services that is ---

    def _hits(self, readings: Sequence[_Reading], family: str) -> Iterator[Hit]:
        index = self._index
        score, matched, asked = self._word_by_word(readings)
        whole, by = self._as_wholes(readings, asked)
        found: list[tuple[float, int]] = []
        for number, worth in score.items():
            service = index.services[number]
            if family and service.family != family:
                continue
            total = worth * (matched[number] / asked) + _WHOLE_NAME * whole.get(number, 0.0)
            found.append((-total * (_POPULAR if service.code in self._popular else 1), number))
        found.sort()
        least = found[0][0] * _FAR if found else 0.0
        terms = _terms(readings)
        for total, number in found[:MOST_HITS]:
            if total > least:
                return
            plain = index.plain[number]
            if all(not plain.isdisjoint(reading.terms) for reading in readings):
                yield Hit(index.services[number])
            else:
                yield self._explained(number, by.get(number), terms)

    def _explained(self, number: int, phrase: int | None, terms: frozenset[str]) -> Hit:
        service = self._index.services[number]
        if phrase is None:
            return Hit(service)
        found = self._index.phrases[phrase]
        if terms.intersection(self._index.terms_of(found.text)) <= self._index.plain[number]:
            return Hit(service)
        return Hit(service, found.part, found.text)

    def _word_by_word(
        self, readings: Sequence[_Reading]
    ) -> tuple[dict[int, float], dict[int, float], float]:
        """For each service what the words are worth in it and how much of the query it has."""
        index = self._index
        score: dict[int, float] = {}
        matched: dict[int, float] = {}
        asked = 0.0
        for reading in readings:
            here: dict[int, float] = {}
            worth = 0.0
            for term, quality in reading.terms.items():
                rarity = quality * index.worth[term]
                worth = max(worth, rarity)
                for number, weight in index.postings[term]:
                    if rarity * weight > here.get(number, 0.0):
                        here[number] = rarity * weight
            asked += worth
            for number, weight in here.items():
                score[number] = score.get(number, 0.0) + weight
                matched[number] = matched.get(number, 0.0) + worth
        return score, matched, asked

    def _as_wholes(
        self, readings: Sequence[_Reading], asked: float
    ) -> tuple[dict[int, float], dict[int, int]]:
        """For each service how well one phrase of it is the query, and which one is the nearest."""
        index = self._index
        shared: dict[int, float] = {}
        for reading in readings:
            here: dict[int, float] = {}
            for term, quality in reading.terms.items():
                worth = quality * index.worth[term]
                for phrase in index.holding.get(term, ()):
                    if worth > here.get(phrase, 0.0):
                        here[phrase] = worth
            for phrase, worth in here.items():
                shared[phrase] = shared.get(phrase, 0.0) + worth
        best: dict[int, float] = {}
        by: dict[int, int] = {}
        for number, worth in shared.items():
            phrase_ = index.phrases[number]
            share = worth / phrase_.worth
            if phrase_.part in NAMES:
                alike = worth * share
            else:  # a long text: it must hold the whole query rather than be it
                alike = _ONLY_SAID[phrase_.part] * worth * (worth / asked) * sqrt(share)
            if alike > best.get(phrase_.service, 0.0):
                best[phrase_.service] = alike
                by[phrase_.service] = number
        return best, by

    def _named(self, readings: Sequence[_Reading]) -> list[Family]:
        """The families that the query names."""
        worth = self._index.worth
        asked = [max(reading.terms, key=lambda t, r=reading: r.terms[t]) for reading in readings]  # type: ignore[misc]
        all_of_it = sum(worth[term] for term in asked)
        found: list[tuple[float, Family]] = []
        for family, names in self._families:
            share = max((_share(name, asked, worth) for name in names), default=0.0) / all_of_it
            if share >= _MOSTLY:
                found.append((share, family))
        found.sort(key=lambda each: -each[0])
        return [family for _, family in found[:_MOST_FAMILIES]]


def _terms(readings: Sequence[_Reading]) -> frozenset[str]:
    """What the query means; how a word might go on is left out where it is known as it stands."""
    return frozenset(term for reading in readings for term in reading.meant)


def _names(family: Family, words: EverydayWords) -> Iterator[str]:
    yield family.title.ar
    yield family.title.en
    yield from words.families.get(family.code, ())


def _share(name: frozenset[str], asked: Iterable[str], worth: Mapping[str, float]) -> float:
    """What the words of ``asked`` that make up a whole name are worth together."""
    return sum(worth[term] for term in name) if name and name <= set(asked) else 0.0
