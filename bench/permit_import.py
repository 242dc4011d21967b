"""``python -m bench.permit_import``: paper books of 10,000 and 200,000 rows, as CSV and XLSX.

Five figures of each, in rows a second of the processor: the file **read** row by row; read and
**checked**, which is everything that can be wrong with a row by itself, and the same by the **clock
on the wall**; the **round** of the worker, which also seals what is personal, looks for doubles and
in the register and writes every row down; and **entered**, the one transaction in which all of it
comes into the register. Each file has a process of its own: the memory is its peak less what the
process took before it opened the file, once when it was checked and once at the end. 17 columns,
filled in every row; the workbook keeps its texts in a part of their own, as Excel writes them.
"""

import argparse
import csv
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from portal.clock import SystemClock, cairo_day
from portal.db import Database
from portal.demo.answers import INVENTED
from portal.files import FileStore
from portal.migrations.running import upgrade
from portal.permits import importing
from portal.permits.checking import RowCheck
from portal.permits.columns import suggest
from portal.permits.import_rounds import ImportRounds
from portal.permits.importing import Head
from portal.places.model import load_places
from portal.sheets import opening
from portal.vault import Vault
from tests.support.sheets import column, workbook

ROWS = (10_000, 200_000)
KINDS = ("csv", "xlsx")
_CENTER = "KFS-003"
_FIRST = date(1977, 1, 1)
_EPOCH = date(1899, 12, 30)
_FIELDS = (
    "number", "year", "permit_type", "legal_regime", "issued_on", "area", "street", "building_no",
    "plot_no", "building_use", "floors_above", "basements", "units_count", "plot_area",
    "total_built_area", "owner", "owner_id",
)  # fmt: skip
_DAY_AT = _FIELDS.index("issued_on")
_NAMES: list[str] = INVENTED["names"]
_STREETS: list[str] = INVENTED["streets"]


@dataclass(frozen=True)
class Figures:
    """Rows a second of the processor or of the clock, megabytes of the file and of memory."""

    kind: str
    rows: int
    file_mb: float
    read: float
    checked: float
    by_clock: float
    round: float
    entered: float
    checked_mb: float
    peak_mb: float


def rows(count: int) -> Iterator[list[str | int | float | date]]:
    """Permits that are all good, each with a number of its own."""
    for n in range(count):
        day = _FIRST + timedelta(days=n % 11_000)
        born = f"2{50 + n % 40:02d}{1 + n % 12:02d}{1 + n % 28:02d}15{n % 90_000 + 10_000:05d}"
        regime, kind = "119/2008" if day.year > 2008 else "106/1976", ("new", "vertical_extension")
        yield [
            n % 900_000 + 1, day.year, kind[n % 2], regime, day, f"{INVENTED['town']} {n % 40}",
            f"{_STREETS[n % 5]} {n % 1000}", str(n % 300 + 1), str(n % 700), "residential",
            n % 12 + 1, n % 2, n % 40 + 1, n % 900 + 100.5, n % 9000 + 300,
            f"{_NAMES[n % 10]} {n % 7919}", born,
        ]  # fmt: skip


def write_csv(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(_FIELDS)
        for row in rows(count):
            row[_DAY_AT] = f"{row[_DAY_AT]:%d/%m/%Y}"
            out.writerow(row)


def write_xlsx(path: Path, count: int) -> None:
    """As Excel writes it: texts once in their own part, days as numbers with a style."""
    letters = [column(index) for index in range(len(_FIELDS))]
    shared: dict[str, int] = {}

    def cells(number: int, row: Sequence[object]) -> str:
        made = []
        for letter, value in zip(letters, row, strict=True):
            place = f'<c r="{letter}{number}"'
            if isinstance(value, str):
                index = shared.setdefault(value, len(shared))
                made.append(f'{place} t="s"><v>{index}</v></c>')
            elif isinstance(value, date):
                made.append(f'{place} s="1"><v>{(value - _EPOCH).days}</v></c>')
            else:
                made.append(f"{place}><v>{value}</v></c>")
        return f'<row r="{number}">{"".join(made)}</row>'

    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    skeleton = zipfile.ZipFile(io.BytesIO(workbook()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in skeleton.namelist():
            if "sheet1" not in name and "sharedStrings" not in name:
                archive.writestr(name, skeleton.read(name))
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f"<worksheet {main}><sheetData>{cells(1, _FIELDS)}".encode())
            for number, row in enumerate(rows(count), start=2):
                sheet.write(cells(number, row).encode())
            sheet.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w") as texts:
            texts.write(f"<sst {main}>".encode())
            for text in shared:
                texts.write(f"<si><t>{escape(text)}</t></si>".encode())
            texts.write(b"</sst>")


def measure(kind: str, path: Path, folder: Path) -> Figures:
    """All figures of one file, in this process."""
    clock, places = SystemClock(), load_places()
    vault = Vault(["a key for measuring, and nothing else"])
    database, files = Database(f"sqlite:///{folder / 'p.sqlite3'}"), FileStore(folder / "f", vault)
    upgrade(database)
    before = _peak_mb()
    with path.open("rb") as file:
        reading = opening.guess(file)
        mapping = suggest(opening.first_rows(file, reading, 1)[0][1])
        began = time.process_time()
        count = sum(1 for _ in opening.open_table(file, reading).rows()) - 1
        read = time.process_time() - began
        table = opening.open_table(file, reading)
        today = cairo_day(clock.now())
        check = RowCheck(mapping, {}, places.centers[_CENTER], today, table.epoch_1904).check
        began, at = time.process_time(), time.perf_counter()
        wrong = sum(bool(check(*row).problems) for row in table.rows() if row[0] > 1)
        checked, by_clock = time.process_time() - began, time.perf_counter() - at
        checked_mb = _peak_mb() - before
        file.seek(0)
        stored = files.put(file)
    assert not wrong, wrong
    with database.begin() as db:
        book_id = importing.keep(
            db,
            vault,
            center=_CENTER,
            file_name=path.name,
            stored=stored,
            reading=reading,
            heading_row=1,
            head=Head(_FIELDS, []),
            mapping=mapping,
            actor="bench",
            at=clock.now(),
        )
        book = importing.find(db, vault, _CENTER, book_id)
        importing.check(db, book, mapping, {}, clock.now())
    rounds = ImportRounds(database, vault, files, places, clock)
    began = time.process_time()
    rounds.run_once()
    worked = time.process_time() - began
    with database.begin() as db:
        book = importing.find(db, vault, _CENTER, book_id)
        importing.enter(db, book, "bench", clock.now(), only_good=False)
    began = time.process_time()
    rounds.run_once()
    entered = time.process_time() - began
    with database.read() as db:
        book = importing.find(db, vault, _CENTER, book_id)
    assert (book.state, book.row["good"]) == ("imported", count)
    database.close()
    return Figures(
        kind,
        count,
        path.stat().st_size / 1e6,
        count / read,
        count / checked,
        count / by_clock,
        count / worked,
        count / entered,
        checked_mb,
        _peak_mb() - before,
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def figures(counts: Sequence[int] = ROWS) -> Iterator[Figures]:
    """Each file in a process of its own."""
    for kind in KINDS:
        for count in counts:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                path = Path(folder) / f"permits.{kind}"
                (write_csv if kind == "csv" else write_xlsx)(path, count)
                told = subprocess.run(
                    [sys.executable, "-m", "bench.permit_import", "--one", kind, str(path), folder],
                    check=True,
                    capture_output=True,
                )
                yield Figures(**json.loads(told.stdout))


def print_imports(counts: Sequence[int] = ROWS) -> None:
    heads = ("file MB", "read", "checked", "by clock", "round", "entered", "MB", "peak MB")
    print(f"{'paper books, rows a CPU s':26}" + "".join(f"{head:>10}" for head in heads))
    for each in figures(counts):
        name = f"{each.kind}, {each.rows:,} rows"
        print(
            f"{name:26}{each.file_mb:10.1f}{each.read:10,.0f}{each.checked:10,.0f}"
            f"{each.by_clock:10,.0f}{each.round:10,.0f}{each.entered:10,.0f}"
            f"{each.checked_mb:10.1f}{each.peak_mb:10.1f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.permit_import", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--one", nargs=3, metavar=("KIND", "FILE", "FOLDER"), help="one file only")
    chosen = parser.parse_args()
    if chosen.one:
        kind, file, folder = chosen.one
        print(json.dumps(asdict(measure(kind, Path(file), Path(folder)))))
    else:
        print_imports(chosen.rows)
