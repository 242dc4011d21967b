"""Words of the import of paper books: how far a file is, why it cannot be read, how it is read."""

from collections.abc import Mapping

from portal.permits.import_rounds import LOST, TOO_MANY_PROBLEMS
from portal.permits.model import ImportState
from portal.problems import N_
from portal.sheets.table import Why

# label, tone, icon
STATES: Mapping[ImportState, tuple[str, str, str]] = {
    ImportState.MAPPING: (N_("Waits for its columns to be named"), "is-warn", "alert"),
    ImportState.CHECKING: (N_("Being checked"), "is-info", "clock"),
    ImportState.CHECKED: (N_("Checked, not imported"), "is-warn", "alert"),
    ImportState.FAILED: (N_("Cannot be read to its end"), "is-bad", "x"),
    ImportState.IMPORTING: (N_("Being imported"), "is-info", "clock"),
    ImportState.IMPORTED: (N_("Imported"), "is-ok", "check"),
    ImportState.DISCARDED: (N_("Given up, nothing was imported"), "is-bad", "x"),
    ImportState.WITHDRAWN: (N_("Taken back"), "is-bad", "x"),
}
REFUSALS: Mapping[str, str] = {
    Why.EMPTY: N_("The file is empty; choose it again"),
    Why.UNKNOWN: N_("This is no table: send a CSV or XLSX file"),
    Why.OLD: N_("This is an old or binary Excel file: open it and save it as XLSX"),
    Why.LOCKED: N_("The file is locked with a password: save it without one"),
    Why.MACROS: N_("The file holds macros, which are programs: save it as XLSX without them"),
    Why.OPEN_DOCUMENT: N_("This is an OpenDocument file: save it as XLSX or CSV"),
    Why.BROKEN: N_("The file is damaged or was not made by a spreadsheet: save it again as XLSX"),
    Why.BOMB: N_("The file unpacks to far more than a table needs: save it again as CSV"),
    Why.TOO_LARGE: N_("The file is larger than 60 MB: send it in parts"),
    Why.ROWS: N_("The file has more than 200,000 rows: send it in parts"),
    Why.COLUMNS: N_("The file has more than 100 columns: send only those that are asked for"),
    Why.QUOTE: N_(
        "A quotation mark is opened and never closed, or a line does not end: save the file again"
    ),
    Why.ENCODING: N_("The letters of the file cannot be read so: choose another encoding"),
    Why.NO_SHEET: N_("The workbook has no sheet with cells"),
    Why.NO_ROWS: N_("The file has headings and no rows under them"),
    Why.WEB_PAGE: N_(
        "This is a page of a browser under the name of a table: open it in Excel and save it as "
        "XLSX"
    ),
    LOST: N_("The stored file cannot be read any more: send it again"),
    TOO_MANY_PROBLEMS: N_(
        "More than 50,000 cells cannot be taken: are the columns named rightly? The check stopped "
        "there"
    ),
}
ENCODINGS: Mapping[str, str] = {
    "utf-8": N_("Unicode"),
    "windows-1256": N_("Arabic Windows"),
    "utf-16": N_("Unicode as Excel saves a text"),
    "iso-8859-6": N_("Arabic ISO"),
    "cp720": N_("Arabic DOS"),
}
SEPARATORS: Mapping[str, tuple[str, str]] = {
    "comma": (",", N_("Comma")),
    "semicolon": (";", N_("Semicolon")),
    "tab": ("\t", N_("Tab")),
    "bar": ("|", N_("Upright line")),
}
