"""Whether a name is that of an owner, as hands write names (facts §7.3).

Compared are words after the Arabic folding: letters that are written for one another are one,
titles are no part of a name, «عبد الرحمن» is one word. The order of the words does not count, for
registers and deeds turn names about; names in the middle may be missing on either side, for the
official name has four parts and old books have three. The first name must be the same: brothers
share all the others.
"""

import re
from collections import Counter
from collections.abc import Iterable

from portal.text import fold_arabic

LEAST_WORDS = 3
# «السيد» without a stroke is a first name
_TITLES = re.compile(r"^(?:\w+\s*/|(?:الاستاذه?|الدكتوره?|المهندسه?|الحاجه?|المستشار|اللواء)\b)\s*")
# names of two words of which one is none by itself
_PAIRS = re.compile(r"\b(?:عبد|ابو|ابي|ام) (?=\w)|(?<=\w) (?=(?:الدين|الاسلام|الله)\b)")


def words(name: str) -> list[str]:
    """The name's words as they are compared."""
    folded = fold_arabic(name)
    before = ""
    while before != folded:
        before, folded = folded, _TITLES.sub("", folded)
    plain = " ".join(re.findall(r"\w+", folded))
    return _PAIRS.sub(lambda pair: pair[0].strip(), plain).split()


def matches(given: str, owners: Iterable[str]) -> bool:
    """Whether ``given`` names one of ``owners``."""
    ours = words(given)
    return any(_same(ours, words(owner)) for owner in owners)


def _same(left: list[str], right: list[str]) -> bool:
    """All words of the shorter stand in the longer, and the first names are among them."""
    shorter, longer = sorted((left, right), key=len)
    if len(shorter) < LEAST_WORDS:
        return False
    spare = Counter(longer)
    spare.subtract(shorter)
    return min(spare.values()) >= 0 and longer[0] in shorter
