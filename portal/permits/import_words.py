"""Words of a file that stand for a kind, a law or a use, and that nobody knows: what they mean is
said once for all rows.

It holds for this file, and is offered for the next one with the same headings.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portal.permits import labels
from portal.permits.checking import CHOICES
from portal.permits.importing import Import
from portal.permits.model import CELL, PermitImportProblem
from portal.permits.spellings import fold
from portal.vault import Vault

CODES: Mapping[str, Mapping[str, str]] = {
    "permit_type": labels.TYPES,
    "legal_regime": labels.REGIMES,
    "building_use": labels.USES,
}
MOST = 40
_LOOKED_AT = 5000
_LONGEST = 60


@dataclass(frozen=True)
class Word:
    """A word that nobody knows, and in how many of the rows it stands that were looked at."""

    field: str
    folded: str
    shown: str
    rows: int


def unknown(db: Connection, vault: Vault, book: Import) -> list[Word]:
    """The words whose meaning may be said, the most frequent first."""
    problem = PermitImportProblem
    rows = db.execute(
        select(problem.field, problem.value)
        .where(problem.import_id == book.id, problem.field.in_(CHOICES))
        .order_by(problem.id)
        .limit(_LOOKED_AT)
    )
    counted: Counter[tuple[str, str]] = Counter()
    shown: dict[tuple[str, str], str] = {}
    for field, sealed in rows:
        value = " ".join(vault.open(CELL, sealed).split())
        key = field, fold(value)
        if key[1] and len(value) <= _LONGEST and key[1] not in book.meanings.get(field, {}):
            counted[key] += 1
            shown.setdefault(key, value)
    known = counted.most_common(MOST)
    return [Word(field, folded, shown[field, folded], n) for (field, folded), n in known]


def with_meanings(
    book: Import, words: list[Word], chosen: Mapping[int, str]
) -> dict[str, dict[str, str]]:
    """What was known of the file's words, and what was ``chosen`` for some of these by place."""
    meanings = {field: dict(said) for field, said in book.meanings.items()}
    for place, word in enumerate(words):
        code = chosen.get(place, "")
        if code in CODES[word.field]:
            meanings.setdefault(word.field, {})[word.folded] = code
    return meanings
