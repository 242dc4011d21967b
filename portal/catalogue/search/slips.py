"""Words that differ by one slip: a letter dropped, doubled, swapped with its neighbour or changed.

Each known word is filed under itself and under itself without any one of its letters; so is the
typed word looked up. That finds every slip with a few look-ups instead of a walk over all words.
What is filed are short hashes in one sorted array: a tenth of the memory of a dictionary of texts,
and the few words that share a hash by chance are sorted out when they are compared.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

_PLACE_BITS = 16
_HASH_MASK = (1 << 47) - 1


class Slips:
    """Known words, to be found by what was typed for them."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = list(words)
        self._filed = array(
            "Q",
            sorted(
                _drawer(key) | place
                for place, word in enumerate(self._words)
                for key in {word, *_shorter(word)}
            ),
        )

    def near(self, typed: str) -> set[str]:
        """Every known word that is one slip away from ``typed``."""
        filed, words = self._filed, self._words
        found: set[str] = set()
        for key in (typed, *_shorter(typed)):
            drawer = _drawer(key)
            place = bisect_left(filed, drawer)
            while place < len(filed) and filed[place] >> _PLACE_BITS == drawer >> _PLACE_BITS:
                found.add(words[filed[place] & ((1 << _PLACE_BITS) - 1)])
                place += 1
        return {word for word in found if is_slip(typed, word)}


def _drawer(key: str) -> int:
    return (hash(key) & _HASH_MASK) << _PLACE_BITS


def _shorter(word: str) -> Iterator[str]:
    if len(word) > 2:
        for place in range(len(word)):
            yield word[:place] + word[place + 1 :]


def is_slip(one: str, other: str) -> bool:
    """Whether exactly one slip lies between two words."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    same = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        same += 1
    rest, other_rest = one[same:], other[same:]
    if len(one) == len(other):
        swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
        return swapped or rest[1:] == other_rest[1:]
    longer, shorter = (rest, other_rest) if len(rest) > len(other_rest) else (other_rest, rest)
    return longer[1:] == shorter
