"""One row of a paper book: what people write in it, and what is wrong with it, cell by cell."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.i18n import Languages
from portal.permits import labels
from portal.permits import spellings as spellings_module
from portal.permits.checking import RowCheck, differences, staged
from portal.permits.columns import COLUMNS, LABELS, headings_row, read_choice, suggest
from portal.permits.import_files import template
from portal.permits.model import OWNER_ID, PEOPLE
from portal.permits.numbers import PermitNumber
from portal.permits.reading import People, Permit
from portal.permits.spellings import fold, read_day
from portal.permits.validity import Status
from portal.places.model import load_places
from portal.sheets.table import Flaw, Flawed
from portal.sheets.writing import safe
from portal.vault import Vault
from tests.support.answers import NATIONAL_ID

CENTER = load_places().centers["KFS-003"]
TODAY = date(2026, 11, 22)
ROW = {
    "number": "215",
    "year": "1998",
    "center": "",
    "permit_type": "بناء جديد",
    "legal_regime": "القانون ١٠٦ لسنة ١٩٧٦",
    "issued_on": "15/3/1998",
    "street": "شارع الجيش",
    "building_no": "12.0",
    "plot_area": "175.5",
    "owner": "منى السيد",
    "owner_id": NATIONAL_ID,
}


def check(epoch_1904: bool | None = None, **cells: str) -> Any:
    row = {**ROW, **cells}
    mapping = {field: at for at, field in enumerate(row)}
    return RowCheck(mapping, {}, CENTER, TODAY, epoch_1904).check(7, list(row.values()))


def wrong(epoch_1904: bool | None = None, **cells: str) -> list[str]:
    return [problem.field for problem in check(epoch_1904, **cells).problems]


def test_a_row_becomes_a_permit_that_nobody_has_reviewed() -> None:
    checked = check()
    assert checked.problems == []
    assert checked.permit.number == PermitNumber(215, "", 1998)
    assert checked.permit.status is Status.MANUAL_UNVERIFIED
    assert (checked.permit.permit_type, checked.permit.legal_regime) == ("new", "106/1976")
    assert checked.permit.columns["building_no"] == "12"
    assert checked.permit.columns["plot_area"] == 17550


@pytest.mark.parametrize(
    ("number", "year"),
    [
        ("٥٦/م لسنة ١٩٩٨", ""),
        ("۵۶/م", "۱۹۹۸"),
        ("56/م", "1998.0"),
        ("56 م / 1998", ""),
        ("رخصة رقم ٥٦/م لسنة ١٩٩٨", ""),
    ],
)
def test_old_numbers_are_read_in_one_column_or_two(number: str, year: str) -> None:
    assert check(number=number, year=year).permit.number == PermitNumber(56, "م", 1998)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1998-03-15", date(1998, 3, 15)),
        ("١٥/٣/١٩٩٨", date(1998, 3, 15)),
        ("۱۵-۳-۱۹۹۸", date(1998, 3, 15)),
        ("١٩٩٨/٣/١٥", date(1998, 3, 15)),
        ("15.3.1998", date(1998, 3, 15)),
        ("١٥ مارس ١٩٩٨ م", date(1998, 3, 15)),
        ("15-Mar-1998", date(1998, 3, 15)),
        ("1998-03-15 00:00:00", date(1998, 3, 15)),
        ("\u200f15/3/1998", date(1998, 3, 15)),
        ("29/2/2000", date(2000, 2, 29)),
        ("29/2/1999", None),
        ("3/15/1998", None),
        ("15/3/98", None),
        ("1998", None),
        ("15 شهر 1998", None),
        ("15/3/1998 5", None),
        ("15\\3\\1998", date(1998, 3, 15)),
        ("١٥،٣،١٩٩٨", date(1998, 3, 15)),
        ("15/03/1998 12:00:00 ص", date(1998, 3, 15)),
        ("1998-03-15T10:30:00.000", date(1998, 3, 15)),
        ("1998-03-15T00:00:00Z", date(1998, 3, 15)),
        ("1998-03-14T22:00:00Z", None),  # which is the 15th in Cairo
        ("الأحد، ١٥ مارس، ١٩٩٨", date(1998, 3, 15)),
        ("Sunday, March 15, 1998", date(1998, 3, 15)),
        ("الاثنين، ١٥ مارس، ١٩٩٨", None),
        ("15th March 1998", date(1998, 3, 15)),
        ("30 فبراير 1998", None),
        ("15/3/1998\x00", None),
    ],
)
def test_days_are_read_in_many_spellings_and_never_guessed(text: str, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("30 فبراير 1998", "no such day"),
        ("29/2/1999", "no such day"),
        ("15/3/98", "four digits"),
        ("15-Mar-98", "four digits"),
        ("15/3/1419", "hijri"),
        ("15/3/1419هـ", "hijri"),
        ("١٥ محرم ١٤١٩", "hijri"),
        ("1998", "whole day"),
        ("35869", "whole day"),
        ("15/3/1998\x00", "hidden"),
        ("1/1/2999", "has not come"),
        ("1/1/1800", "too long ago"),
    ],
)
def test_what_is_wrong_with_a_day_is_said_in_its_own_words(text: str, said: str) -> None:
    ((field, msgid),) = [(each.field, each.msgid) for each in check(issued_on=text).problems]
    assert field == "issued_on"
    assert said in msgid


def test_a_number_is_a_day_only_where_the_sheet_counts_days() -> None:
    assert check(epoch_1904=False, issued_on="35869").permit.issued_on == date(1998, 3, 15)
    assert check(epoch_1904=True, issued_on="34407").permit.issued_on == date(1998, 3, 15)
    assert wrong(issued_on="35869") == ["issued_on"]
    assert wrong(epoch_1904=False, issued_on="60", number="1", year="1900") == ["issued_on"]
    (problem,) = check(epoch_1904=False, issued_on="1998").problems
    assert "whole day" in problem.msgid, "a year, and not the 20th of June 1905"


@pytest.mark.parametrize(
    ("cells", "fields"),
    [
        ({"number": "abc"}, ["number"]),
        ({"year": "1850"}, ["year"]),
        ({"permit_type": "قلعة"}, ["permit_type"]),
        ({"issued_on": "30/2/1998"}, ["issued_on"]),
        ({"issued_on": "15/3/2005"}, ["issued_on"]),
        ({"issued_on": ""}, ["issued_on"]),
        ({"street": "a\x00b"}, ["street"]),
        ({"street": "x" * 121}, ["street"]),
        ({"plot_area": "-3"}, ["plot_area"]),
        ({"owner_id": "2.9001E+13"}, ["owner_id"]),
        ({"center": "KFS-004"}, ["center"]),
        ({"center": "مكان آخر"}, ["center"]),
        ({"number": "x", "permit_type": "y", "street": ""}, ["number", "permit_type", "street"]),
    ],
)
def test_what_is_wrong_is_told_for_every_cell_at_once(
    cells: dict[str, str], fields: list[str]
) -> None:
    checked = check(None, **cells)
    assert [problem.field for problem in checked.problems] == fields
    assert checked.permit is None


@pytest.mark.parametrize("name", ["KFS-003", CENTER.ar, CENTER.place_ar, CENTER.en, " kfs 003 "])
def test_the_center_may_be_named_in_every_way_it_is_called(name: str) -> None:
    assert wrong(center=name) == []


@pytest.mark.parametrize(
    "name", ["مدينة دسوق", "مركز ومدينة دسوق", "رئاسة مركز دسوق", "\u200f دسوق"]
)
def test_the_kind_of_a_unit_makes_no_other_center_of_it(name: str) -> None:
    assert wrong(center=name) == []
    assert wrong(center=name.replace("دسوق", "قلين")) == ["center"]


def test_the_center_may_stand_by_the_number_and_another_may_not() -> None:
    said = check(number="رخصة رقم ٢٥ لسنة ١٩٩٨ مدينة دسوق", year="")
    assert said.permit.number == PermitNumber(25, "", 1998)
    assert wrong(number="رخصة رقم ٢٥ لسنة ١٩٩٨ مدينة قلين", year="") == ["number"]


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("plot_area", "١٧٥٫٥ م٢", 17550),
        ("plot_area", "175 م²", 17500),
        ("plot_area", "175 متر مربع", 17500),
        ("total_built_area", "1,250.25 m2", 125025),
        ("floors_above", "٥ أدوار", 5),
        ("units_count", "10 وحدات", 10),
        ("basements", "0.0", 0),
    ],
)
def test_a_measure_may_have_its_unit(field: str, text: str, value: int) -> None:
    mapping = {**{name: at for at, name in enumerate(ROW)}, field: len(ROW)}
    checker = RowCheck(mapping, {}, CENTER, TODAY, None)
    permit = checker.check(2, [*ROW.values(), text]).permit
    assert permit is not None
    assert permit.columns[field] == value


@pytest.mark.parametrize(
    "text", ["أرضي + ٤", "خمسة", "5 أو 6", "-1", "4.5", "TRUE", "2E400", "٪5", "م"]
)
def test_what_is_no_number_of_floors_is_told(text: str) -> None:
    mapping = {**{name: at for at, name in enumerate(ROW)}, "floors_above": len(ROW)}
    checker = RowCheck(mapping, {}, CENTER, TODAY, None)
    problems = checker.check(2, [*ROW.values(), text]).problems
    assert [each.field for each in problems] == ["floors_above"]


def test_no_spelling_stands_for_two_things() -> None:
    path = Path(spellings_module.__file__).parent / "columns.toml"
    known = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = [known["headings"], known["months"], known["weekdays"], *known["values"].values()]
    for table in tables:
        folded = [(fold(word), code) for code, words in table.items() for word in words]
        meant = dict(folded)
        assert all(meant[word] == code for word, code in folded)


def test_lines_within_a_cell_are_spaces() -> None:
    found = check(street="شارع الجيش\r\nأمام المدرسة", number="56/م\nلسنة 1998", year="").permit
    assert found.columns["street"] == "شارع الجيش أمام المدرسة"
    assert found.number == PermitNumber(56, "م", 1998)
    assert wrong(street="شارع\x07 الجيش") == ["street"]


@pytest.mark.parametrize("text", ["#REF!", "#N/A", "#DIV/0!", "########"])
def test_what_a_spreadsheet_could_not_work_out_is_no_name_of_a_street(text: str) -> None:
    (problem,) = check(street=text).problems
    assert "could not work" in problem.msgid
    assert wrong(street="#5 شارع الجيش") == []


def test_a_year_is_asked_for_where_the_number_stands_if_it_has_no_column() -> None:
    checker = RowCheck({"number": 0}, {}, CENTER, TODAY, None)
    assert checker.check(2, ["215"]).problems[0].field == "number"


def test_a_row_that_took_in_others_is_told_once() -> None:
    row = [Flawed(cell, Flaw.SWALLOWED) for cell in ROW.values()]
    checker = RowCheck({field: at for at, field in enumerate(ROW)}, {}, CENTER, TODAY, None)
    checked = checker.check(2, row)
    assert [each.field for each in checked.problems] == ["number"]
    assert (checked.permit, checked.number) == (None, None)


@pytest.mark.parametrize("flaw", Flaw)
def test_a_formula_is_the_only_thing_that_is_told_of_its_cell(flaw: Flaw) -> None:
    assert wrong(street=Flawed("=A1", flaw)) == ["street"]


def test_columns_that_are_not_named_are_left_out_and_short_rows_are_empty_behind() -> None:
    checker = RowCheck({"number": 0, "street": 9}, {"permit_type": "new"}, CENTER, TODAY, None)
    checked = checker.check(3, ["215/1998", "x"])
    assert [problem.field for problem in checked.problems] == [
        "legal_regime",
        "issued_on",
        "street",
    ]
    assert checked.number == PermitNumber(215, "", 1998)


def test_what_is_personal_waits_sealed_for_the_place_it_goes_to() -> None:
    vault = Vault(["a key for this test and for nothing else"])
    row = staged(check(), vault)
    assert vault.open_json(PEOPLE, row["people"])["owners"][0]["national_id"] == NATIONAL_ID
    assert vault.open(OWNER_ID, row["national_id"]) == NATIONAL_ID
    assert NATIONAL_ID not in str({k: v for k, v in row.items() if not isinstance(v, bytes)})
    bad = staged(check(street=""), vault)
    assert (bad["fate"], bad["number"], bad["people"]) == ("bad", 215, None)


def test_a_row_contradicts_the_register_only_in_what_it_says() -> None:
    new = check().permit
    row = {**new.columns, "permit_type": "new", "legal_regime": "106/1976", "file_no": "7"}
    row |= {"issued_on": new.issued_on}
    known = Permit(1, "KFS-003", new.number, Status.OCCUPIED, row, new.people)
    assert differences(new, known) == []
    other = Permit(1, "KFS-003", new.number, Status.OCCUPIED, {**row, "plot_area": 1}, People())
    assert differences(new, other) == ["plot_area", "owner", "owner_id"]


# --- columns and words


def test_every_word_of_the_portal_is_understood_in_both_languages() -> None:
    """So a file that was filled from its pages, or from the template, can be sent back."""
    for speech in Languages().pair:
        for field, label in LABELS.items():
            assert suggest([speech.gettext(label)]) == {field: 0}, (field, speech.locale)
        for field, words in (
            ("permit_type", labels.TYPES),
            ("legal_regime", labels.REGIMES),
            ("building_use", labels.USES),
        ):
            for code, label in words.items():
                assert read_choice(field, speech.gettext(label)) == code, (code, speech.locale)
                assert read_choice(field, code) == code


def test_headings_are_known_however_they_are_written_and_the_first_of_two_counts() -> None:
    assert suggest(["رقم  الترخيص :", "السنه", "سنة", "شيء آخر", "OWNER_NAME"]) == {
        "number": 0,
        "year": 1,
        "owner": 4,
    }
    rows = [(1, ["كشف رخص المركز"]), (3, ["رقم الترخيص", "السنة"]), (4, ["1", "1998"])]
    assert headings_row(rows) == 3
    assert headings_row([(2, ["x"])]) == 2


def test_the_template_has_every_column_but_that_of_the_center() -> None:
    for speech in Languages().pair:
        lines = template(speech)
        assert set(suggest(lines[0])) == set(COLUMNS) - {"center"}
        assert len(lines) == 3


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("=1+1", "'=1+1"),
        ("+201001234567", "+201001234567"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-5.5", "-5.5"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("شارع", "شارع"),
    ],
)
def test_no_cell_of_a_file_that_the_portal_makes_is_a_formula(cell: str, kept: str) -> None:
    assert safe(cell) == kept
