"""How permits are named: what people type, the canonical form, the address."""

import pytest

from portal.permits.numbers import PermitNumber, of_address, problem_of_own, read_number, read_parts

YEAR = 2026


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("٥٦/م لسنة ١٩٩٨", "56/م/1998"),
        ("رخصة رقم ٢٥ لسنة ٢٠٢٣", "25/2023"),
        ("۲۵ / ۲۰۲۳", "25/2023"),
        ("2023/25", "25/2023"),
        (" 25 - 2023 ", "25/2023"),
    ],
)
def test_a_number_is_understood_as_people_write_it(typed: str, canonical: str) -> None:
    found = read_number(typed, YEAR)
    assert found is not None
    assert found.canonical == canonical


@pytest.mark.parametrize("typed", ["", "215", "0/2025", "215/2027", "26-1315-00042-7", "x/2025"])
def test_what_is_no_permit_is_none(typed: str) -> None:
    assert read_number(typed, YEAR) is None


@pytest.mark.parametrize(
    ("number", "year", "found"),
    [
        ("٢١٥", "٢٠٢٥", PermitNumber(215, "", 2025)),
        ("٥٦/م", "١٩٩٨", PermitNumber(56, "م", 1998)),
        ("215/2025", "", PermitNumber(215, "", 2025)),
        ("215/2025", "2025", PermitNumber(215, "", 2025)),
        ("رقم 215.", "لسنة ٢٠٢٥ م", PermitNumber(215, "", 2025)),
        ("1,215", "2025", PermitNumber(1215, "", 2025)),
        ("م / ٥٦", "١٩٩٨", PermitNumber(56, "م", 1998)),
        ("56 m", "1998", PermitNumber(56, "M", 1998)),
        ("215", "", None),
        ("215", "25", None),
        ("215/2024", "2025", None),
        ("", "2025", None),
    ],
)
def test_number_and_year_may_stand_in_one_control_or_in_two(
    number: str, year: str, found: PermitNumber | None
) -> None:
    assert read_parts(number, year, YEAR) == found


@pytest.mark.parametrize(
    ("number", "year", "field", "said"),
    [
        ("", "", "number", "number and the year"),
        ("215", "", "year", "the year of the permit, too"),
        ("215/98", "", "year", "four digits"),
        ("215", "98", "year", "four digits"),
        ("215", "x", "year", "four digits"),
        ("215", "1850", "year", "No permit can be"),
        ("215", "2999", "year", "No permit can be"),
        ("215/1419", "", "year", "hijri"),
        ("215", "١٤١٩هـ", "year", "hijri"),
        ("215/2024", "2025", "year", "another year"),
        ("56 مكرر", "1998", "number", "one letter at most"),
        ("1000000", "1998", "number", "one letter at most"),
        ("-5", "1998", "number", "one letter at most"),
        ("1E3", "1998", "number", "one letter at most"),
        ("1998-05-01", "1998", "number", "made a day"),
        ("2\x00", "1998", "number", "one letter at most"),
    ],
)
def test_what_is_wrong_with_a_number_is_said_where_it_stands(
    number: str, year: str, field: str, said: str
) -> None:
    assert read_parts(number, year, YEAR) is None
    problem = problem_of_own(number, year, YEAR)
    assert problem.field == field
    assert said in problem.msgid


@pytest.mark.parametrize("year", ["لسنة ١٩٩٨", "سنة 1998", "1998م", "١٩٩٨ ميلادية", " 1998 "])
def test_a_year_alone_may_have_its_words(year: str) -> None:
    assert read_parts("56/م", year, YEAR) == PermitNumber(56, "م", 1998)


@pytest.mark.parametrize(
    "number", [PermitNumber(215, "", 2025), PermitNumber(56, "م", 1998), PermitNumber(9, "A", 1901)]
)
def test_every_number_has_one_address(number: PermitNumber) -> None:
    assert of_address(str(number.year), number.in_address, YEAR) == number


def test_letters_that_are_written_for_one_another_name_one_permit() -> None:
    typed = read_parts("٥٦/ا", "١٩٩٨", YEAR)
    assert typed == read_parts("56/أ", "1998", YEAR) == of_address("1998", "56-ا", YEAR)


@pytest.mark.parametrize(
    ("year", "number"),
    [
        ("2025", "0215"),
        ("2025", "215-"),
        ("2025", "215/م"),
        ("2025", "٢١٥"),
        ("٢٠٢٥", "215"),
        ("1899", "1"),
        ("2027", "1"),
        ("2025", "1000000"),
        ("2025", "1-مم"),
    ],
)
def test_other_spellings_of_an_address_lead_nowhere(year: str, number: str) -> None:
    assert of_address(year, number, YEAR) is None
