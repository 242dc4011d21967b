"""What every word of the catalogue is worth for every service, made once.

A *term* is what words that are used for one another have in common: the root of the first of them.
A *phrase* is a text of a service that people may mean as a whole: its title, an everyday name of
it, the name of a document. Weights are shares of a title's; a term is worth more the fewer services
have it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import log

from portal.catalogue.model import Catalogue, Service, Text
from portal.catalogue.search.language import Language, Word


class Part(Enum):
    """Where in a service a text stands; the value is what a word of it is worth."""

    TITLE = 1.0
    WORDS = 0.85
    SUMMARY = 0.4
    DOCUMENT = 0.3
    LAW = 0.28
    CHOICE = 0.25
    FAMILY = 0.2


# Names of the service as a whole; the others only say something about it
NAMES = frozenset({Part.TITLE, Part.WORDS})
# What people may mean as a whole
_PHRASES = NAMES | {Part.DOCUMENT, Part.LAW, Part.CHOICE}
_COUNTED = 0.4  # from this weight on a service counts as one that has the term
_COMMON = 0.25  # what a larger share of the services asks or chooses tells none of them apart


_Said = tuple[Part, Text | str]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text of one service, the worth of all its terms together, and the text itself."""

    service: int
    part: Part
    worth: float
    text: Text | str


class Index:
    """All terms. Services are numbered in the catalogue's order."""

    def __init__(self, catalogue: Catalogue, language: Language) -> None:
        self._language = language
        self.services: Sequence[Service] = list(catalogue.services.values())
        self._concepts: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        """A root as names write it, for telling what was understood."""
        self.forms: dict[str, str] = {}
        """The words of all names as they are typed, without an article, and the root of each."""
        texts = _texts(catalogue)
        self._names: frozenset[str] = frozenset()
        self._learn(catalogue.words.same, texts)
        self.terms: dict[str, str] = {}
        """The term of every root that the catalogue knows."""
        weights: dict[str, dict[int, float]] = {}
        phrases: dict[tuple[int, frozenset[str]], tuple[Part, Text | str]] = {}
        for number, part, text, terms in self._read_all(texts):
            for term in terms:
                of = weights.setdefault(term, {})
                of[number] = max(of.get(number, 0.0), part.value)
            if part in _PHRASES:
                phrases.setdefault((number, terms), (part, text))
        for root, term in self._concepts.items():
            if term in weights:  # a word that only the lists of words have
                self.terms.setdefault(root, term)
        self.worth = {term: self._worth(of.values()) for term, of in weights.items()}
        pairs: dict[tuple[int, float], tuple[int, float]] = {}
        self.postings: Mapping[str, tuple[tuple[int, float], ...]] = {
            term: tuple(pairs.setdefault(pair, pair) for pair in of.items())
            for term, of in weights.items()
        }
        """For every term its services, each with the weight of the part in which it stands."""
        self.phrases: list[Phrase] = []
        holding: dict[str, list[int]] = {}
        for (number, terms), (part, text) in phrases.items():
            for term in terms:
                holding.setdefault(term, []).append(len(self.phrases))
            worth = sum(self.worth[term] for term in terms)
            self.phrases.append(Phrase(number, part, worth, text))
        self.holding: Mapping[str, tuple[int, ...]] = {t: tuple(p) for t, p in holding.items()}
        """For every term the phrases that have it, by their places."""
        self.plain: Sequence[frozenset[str]] = [
            frozenset((*self.terms_of(service.title), *self.terms_of(service.summary)))
            for service in self.services
        ]
        """For every service the terms that its title or summary shows by themselves."""

    def _learn(self, same: Iterable[Sequence[str]], texts: Iterable[Iterable[_Said]]) -> None:
        """Which words names are made of, and which of them are used for one another."""
        for group in same:
            words = [word.folded for name in group for word in self._language.words(name)]
            concept = self._language.root(words[0])
            for folded in words:
                self._concepts[self._learn_form(folded)] = concept
        written: Counter[tuple[str, str]] = Counter()
        for found in texts:
            for part, text in found:
                if part in NAMES:
                    for word in self._words(text):
                        root = self._learn_form(word.folded)
                        if self._language.without_article(word.folded) == word.folded:
                            written[root, word.written] += 1
        self._names = frozenset(self.forms.values())
        glued = {
            root
            for form, root in self.forms.items()
            if root == self._language.root(form) != self._inner_root(form, among_glued=True)
        }
        self.forms = {f: r for f, r in self.forms.items() if r not in glued - {*self._concepts}}
        self._names = frozenset(self.forms.values())
        for (root, form), _ in written.most_common():
            self.shown.setdefault(root, form.lower())

    def _learn_form(self, folded: str) -> str:
        root = self._language.root(folded)
        self.forms[root] = self.forms[self._language.without_article(folded)] = root
        return root

    def _read_all(
        self, texts: Iterable[Iterable[_Said]]
    ) -> Iterator[tuple[int, Part, Text | str, frozenset[str]]]:
        """Every text of every service in each language, with its terms."""
        for number, found in enumerate(texts):
            for part, text in found:
                for one in (text.ar, text.en) if isinstance(text, Text) else (text,):
                    if terms := frozenset(self._read(one)):
                        yield number, part, text, terms

    def _worth(self, weights: Iterable[float]) -> float:
        having = sum(min(1.0, weight / _COUNTED) for weight in weights)
        return log(1 + len(self.services) / (0.5 + having))

    def is_name(self, root: str) -> bool:
        """Whether a service is called so, and the word is not only said about one."""
        return root in self._names

    def terms_of(self, text: Text | str) -> Iterator[str]:
        """The known terms of a text."""
        for word in self._words(text):
            if term := self.terms.get(self._inner_root(word.folded)):
                yield term

    def segments(self, text: str) -> list[tuple[str, str]]:
        """``text`` in pieces, each with the term that it is; nothing for what stands between."""
        pieces: list[tuple[str, str]] = []
        end = 0
        for word in self._language.words(text):
            root = self._inner_root(word.folded)
            if word.folded in self._language.nothing or root not in self.terms:
                continue
            pieces.append((text[end : word.start], ""))
            pieces.append((word.written, self.terms[root]))
            end = word.end
        pieces.append((text[end:], ""))
        return pieces

    def _words(self, text: Text | str) -> Iterator[Word]:
        whole = f"{text.ar} {text.en}" if isinstance(text, Text) else text
        for word in self._language.words(whole):
            if word.folded not in self._language.nothing:
                yield word

    def _read(self, text: str) -> Iterator[str]:
        """The terms of a text; its roots are known from then on."""
        for word in self._words(text):
            root = self._inner_root(word.folded)
            self.terms[root] = term = self._concepts.get(root, root)
            yield term

    def _inner_root(self, folded: str, *, among_glued: bool = False) -> str:
        """The root; a glued letter is taken off when a name has the word without it.

        ``among_glued`` tells names apart that are only another name with a letter before it.
        """
        root = self._language.root(folded)
        if folded.isascii() or (self.is_name(root) and not among_glued):
            return root
        for other in self._language.without_glued(folded):
            inner = self._language.root(other)
            if self.is_name(inner):
                return inner
        return root


def _texts(catalogue: Catalogue) -> list[list[_Said]]:
    """What stands in each service, the names first: a part that is worth less adds to them."""
    texts = [list(_texts_of(catalogue, service)) for service in catalogue.services.values()]
    standing = Counter(text for found in texts for text in {text for _, text in found})
    most = _COMMON * len(texts)
    return [
        [(p, t) for p, t in found if standing[t] <= most or p not in {Part.DOCUMENT, Part.CHOICE}]
        for found in texts
    ]


def _texts_of(catalogue: Catalogue, service: Service) -> Iterator[_Said]:
    yield Part.TITLE, service.title
    for words in catalogue.words.services.get(service.code, ()):
        yield Part.WORDS, words
    yield Part.SUMMARY, service.summary
    for document in service.documents:
        yield Part.DOCUMENT, document.title
    for law in service.law:
        yield Part.LAW, law.text
    for field in service.fields.values():
        for choice in (*field.choices, *(c for col in field.columns for c in col.choices)):
            yield Part.CHOICE, choice.label
    yield Part.FAMILY, catalogue.families[service.family].title
