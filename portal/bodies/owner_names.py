"""Whether a name is that of an owner, as hands write names (facts §7.3).

Compared are words after the Arabic folding: letters that are written for one another are one,
titles are no part of a name, «عبد الرحمن» is one word. The official name has four parts or more and
old books have three, so grandfathers may be missing on either side, and what follows them. The own
name and the father's must be there and be equal: brothers, cousins and sons share all the others.
The order counts, for «أحمد محمد علي» and «محمد أحمد علي» are two people; only where a comma says
that the family stands first, what is behind it comes before it.
"""

import re
from collections.abc import Iterable

from portal.text import fold_arabic

LEAST_WORDS = 3
_SURE = 2
# «السيد» without a stroke is a first name
_TITLES = re.compile(
    r"^(?:\w+\s*/|[ادمح]\s*\.|(?:الاستاذه?|الدكتوره?|المهندسه?|الحاجه?|المستشار|اللواء)\b)\s*"
)
# names of two words of which one is none by itself
_PAIRS = re.compile(r"\b(?:عبد|ابو|ابي|ام) (?=\w)|(?<=\w) (?=(?:الدين|الاسلام|الله)\b)")
_COMMAS = re.compile("[,،]")


def words(name: str) -> list[str]:
    """The name's words as they are compared."""
    family, comma, own = _COMMAS.sub(",", fold_arabic(name)).partition(",")
    folded, before = f"{own} {family}".strip() if comma else family, ""
    while before != folded:
        before, folded = folded, _TITLES.sub("", folded)
    plain = " ".join(re.findall(r"\w+", folded))
    return _PAIRS.sub(lambda pair: pair[0].strip(), plain).split()


def matches(given: str, owners: Iterable[str]) -> bool:
    """Whether ``given`` names one of ``owners``."""
    ours = words(given)
    return any(_same(ours, words(owner)) for owner in owners)


def _same(left: list[str], right: list[str]) -> bool:
    """The first two words are equal, and the others of the shorter stand in the longer in order."""
    shorter, longer = sorted((left, right), key=len)
    if len(shorter) < LEAST_WORDS or shorter[:_SURE] != longer[:_SURE]:
        return False
    rest = iter(longer[_SURE:])
    return all(word in rest for word in shorter[_SURE:])
