"""The columns of paper books: which field of a permit is in which, and the words in them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from portal.permits.entering import FIELDS
from portal.permits.particulars import BY_NAME, FROM_FILES
from portal.permits.spellings import fold, spellings
from portal.problems import N_

CENTER = "center"
COLUMNS = (*FIELDS[:2], CENTER, *FIELDS[2:], *FROM_FILES)
ASSUMABLE = ("permit_type", "legal_regime")
"""What a file may leave out when one answer holds for all its rows."""
LABELS: Mapping[str, str] = {
    "number": N_("Number of the permit, alone or with its year"),
    "year": N_("Year"),
    CENTER: N_("Center"),
    "permit_type": N_("Kind of permit"),
    "legal_regime": N_("Issued under"),
    "issued_on": N_("Issued on"),
    "file_no": N_("Number of the paper file"),
    "area": N_("Quarter or village"),
    "street": N_("Street"),
    "building_no": N_("Number of the building"),
    "plot_no": N_("Plot number"),
    "building_use": N_("Use"),
    "floors_above": N_("Floors above ground"),
    "basements": N_("Basements"),
    "units_count": N_("Units"),
    "plot_area": N_("Plot area"),
    "total_built_area": N_("Built area of all floors"),
    "owner": N_("Name of the owner"),
    "owner_id": N_("National ID number"),
    "owner_mobile": N_("Mobile of the owner"),
    **{name: each.label for name, each in BY_NAME.items() if name in FROM_FILES},
}


def suggest(headings: Sequence[str]) -> dict[str, int]:
    """Which column each field is in, by the headings; the first of two that are called alike."""
    known, found = spellings().headings, dict[str, int]()
    for position, heading in enumerate(headings):
        field = known.get(fold(heading))
        if field is not None:
            found.setdefault(field, position)
    return found


def headings_row(rows: Sequence[tuple[int, Sequence[str]]]) -> int:
    """The number of the row that looks most like headings; titles often stand above them."""
    best = max(rows, key=lambda row: len(suggest(row[1])), default=(1, ()))
    return best[0] if suggest(best[1]) else rows[0][0] if rows else 1


@lru_cache(4096)
def read_choice(field: str, text: str) -> str:
    """The code of what is chosen, or the text itself where nobody knows it."""
    return spellings().values[field].get(fold(text), text)
