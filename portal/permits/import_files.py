"""Files that the portal makes of an import: its problems, the rows left out, and a template."""

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from sqlalchemy import Connection

from portal.i18n import Speech
from portal.permits import importing
from portal.permits.columns import LABELS
from portal.permits.importing import Cell, Import
from portal.permits.spellings import spellings
from portal.problems import N_
from portal.sheets.opening import open_table
from portal.sheets.writing import MARK, line
from portal.vault import Vault

_PAGE = 2000


def template(speech: Speech) -> list[list[str]]:
    """A file to begin with: every column that is understood, and two rows of how it is filled."""
    examples = spellings().template
    rows = [[speech.gettext(LABELS[field]) for field in examples]]
    return rows + [list(each) for each in zip(*examples.values(), strict=True)]


def as_csv(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    yield MARK
    yield from map(line, rows)


def all_problems(db: Connection, vault: Vault, book: Import) -> Iterator[Cell]:
    """Every problem, in the order of the rows, some at a time."""
    after = (0, 0)
    while some := importing.problems(db, vault, book.id, after=after, most=_PAGE):
        yield from some
        after = (some[-1].row_no, some[-1].id)


def heading(book: Import, position: int | None) -> str:
    """What stands above a column."""
    if position is None or position >= len(book.headings):
        return ""
    return book.headings[position]


def problems_file(
    cells: Iterator[Cell], book: Import, speech: Speech, *, shown: bool
) -> Iterator[bytes]:
    """Every cell that cannot be taken, as CSV; its value only where it is ``shown``."""
    titles = [N_("Row"), N_("Column"), N_("Asked for"), N_("Value"), N_("What is wrong")]
    yield MARK + line([speech.gettext(title) for title in titles])
    for cell in cells:
        yield line(
            [
                str(cell.row_no),
                heading(book, cell.position),
                speech.gettext(LABELS[cell.field]),
                cell.value if shown else "",
                speech.problem(cell.problem),
            ]
        )


def rows_to_mend(
    file: BinaryIO, cells: Iterator[Cell], book: Import, speech: Speech
) -> Iterator[list[str]]:
    """The rows that cannot be taken as they came, under their headings, with what is wrong behind
    them: to be mended and sent again."""
    width = len(book.headings)
    yield [*book.headings, speech.gettext(N_("What is wrong"))]
    waiting = next(cells, None)
    for row_no, row in open_table(file, book.reading).rows():
        said: list[str] = []
        while waiting is not None and waiting.row_no <= row_no:
            if waiting.row_no == row_no:
                where = speech.gettext(LABELS[waiting.field])
                said.append(f"{where}: {speech.problem(waiting.problem)}")
            waiting = next(cells, None)
        if said:
            filled = [*map(str, row), *[""] * width][: max(width, len(row))]
            yield [*filled, "; ".join(dict.fromkeys(said))]
        if waiting is None:
            return
