"""Numbers of people and papers: the facts' samples (services §7.1–7.2) and slips of the hand."""

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.catalogue.identity import (
    BIRTH_CODES,
    NationalId,
    damm,
    format_request_number,
    local_mobile,
    mask_mobile,
    mask_national_id,
    permit_year,
    read_iban,
    read_mobile,
    read_national_id,
    read_permit_number,
    read_request_number,
)

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("digits", "born_on", "male"),
    [
        ("29001018800018", date(1990, 1, 1), True),
        ("29001018800026", date(1990, 1, 1), False),
        ("30002298800036", date(2000, 2, 29), True),
        ("29001018800051", date(1990, 1, 1), True),
        ("29001018800140", date(1990, 1, 1), False),
    ],
)
def test_the_synthetic_numbers_of_the_facts_are_good(
    digits: str, born_on: date, male: bool
) -> None:
    found = read_national_id(digits, TODAY)
    assert isinstance(found, NationalId)
    assert (found.digits, found.born_on, found.suspect) == (digits, born_on, False)
    assert found.male is male


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("30502298800055", "date"),  # 29 February 2005
        ("29013018800018", "date"),  # month 13
        ("29001010500018", "governorate"),  # code 05
        ("2900101880001", "length"),
        ("290010188000181", "length"),
        ("", "length"),
        ("2900101880001a", "length"),
        ("१९००१०१८८०००१८", "length"),
        ("19001018800018", "century"),
        ("49001018800018", "century"),
        ("09001018800018", "century"),
        ("29000018800018", "date"),
        ("29001008800018", "date"),
        ("29004318800018", "date"),
        ("32611238800018", "date"),  # born tomorrow
    ],
)
def test_the_bad_numbers_of_the_facts_are_refused_for_their_reason(
    digits: str, reason: str
) -> None:
    assert read_national_id(digits, TODAY) == reason


def test_someone_born_today_has_a_number() -> None:
    assert isinstance(read_national_id("32611228800018", TODAY), NationalId)


def test_a_wrong_check_digit_is_only_suspect() -> None:
    found = read_national_id("29001018800019", TODAY)
    assert isinstance(found, NationalId)
    assert found.suspect


def test_with_remainder_zero_both_check_digits_are_taken() -> None:
    for last, suspect in (("0", False), ("1", False), ("2", True)):
        found = read_national_id(f"2900101880005{last}", TODAY)
        assert isinstance(found, NationalId)
        assert found.suspect is suspect


@pytest.mark.parametrize(
    "typed",
    [
        "٢٩٠٠١٠١٨٨٠٠٠١٨",
        "۲۹۰۰۱۰۱۸۸۰۰۰۱۸",
        " 2900101 8800018 ",
        "2-900101-88-0001-8",
        "\u200f29001018800018\u200e",
        "\u202a29001018800018\u202c",
    ],
)
def test_a_national_id_may_be_typed_in_any_family_of_digits(typed: str) -> None:
    found = read_national_id(typed, TODAY)
    assert isinstance(found, NationalId)
    assert found.digits == "29001018800018"


def test_the_governorates_of_birth_are_27_and_abroad() -> None:
    expected = "01 02 03 04 11 12 13 14 15 16 17 18 19 21 22 23 24 25 26 27 28 29"
    assert {*expected.split(), "31", "32", "33", "34", "35", "88"} == BIRTH_CODES


def test_a_national_id_shows_its_last_three_digits_only() -> None:
    assert mask_national_id("29001018800018") == "***********018"


@pytest.mark.parametrize(
    "typed",
    [
        "01012345678",
        "٠١٠١٢٣٤٥٦٧٨",
        "۰۱۰۱۲۳۴۵۶۷۸",
        "+201012345678",
        "00201012345678",
        "201012345678",
        "1012345678",
        "010 1234 5678",
        "010-1234-5678",
        "(010) 12345678",
        "+20 10 12345678",
        "\u200e01012345678",
        "\u206601012345678\u2069",
    ],
)
def test_a_mobile_is_kept_as_one_number_however_it_is_typed(typed: str) -> None:
    assert read_mobile(typed) == "+201012345678"


@pytest.mark.parametrize("prefix", ["010", "011", "012", "015"])
def test_every_operators_prefix_is_a_mobile(prefix: str) -> None:
    assert read_mobile(f"{prefix}00000009") == f"+20{prefix[1:]}00000009"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "0",
        "01312345678",
        "01412345678",
        "0101234567",
        "010123456789",
        "0223456789",
        "+9661012345678",
        "010123456٧a",
        "010x2345678",
    ],
)
def test_what_is_no_egyptian_mobile_is_refused(typed: str) -> None:
    assert read_mobile(typed) is None


def test_a_mobile_is_shown_as_people_know_it_and_masked_elsewhere() -> None:
    assert local_mobile("+201012345678") == "01012345678"
    masked = mask_mobile("+201012345678")
    assert masked.startswith("010")
    assert masked.endswith("678")
    assert "12345" not in masked
    assert len(masked) == len("01012345678")


IBAN = "EG380019000500000000263180002"


def _check_digits(rest: str) -> str:
    """The two check digits of ISO 13616, worked out from the rest of the account."""
    return f"{98 - int(rest + '141600') % 97:02d}"


def test_the_sample_iban_is_right_by_the_standards_own_sum() -> None:
    assert IBAN[2:4] == _check_digits(IBAN[4:])
    assert read_iban(IBAN) == IBAN


@pytest.mark.parametrize(
    "typed",
    [
        "eg38 0019 0005 0000 0000 2631 8000 2",
        "EG٣٨٠٠١٩٠٠٠٥٠٠٠٠٠٠٠٠٢٦٣١٨٠٠٠٢",
        "EG38-0019-0005-0000-0000-2631-8000-2",
    ],
)
def test_an_iban_may_be_typed_with_spaces_and_arabic_digits(typed: str) -> None:
    assert read_iban(typed) == IBAN


@pytest.mark.parametrize(
    "typed",
    ["", IBAN[:-1], IBAN + "0", "SA" + IBAN[2:], IBAN[2:], "EG" + IBAN[2:].replace("2631", "2613")],
)
def test_an_iban_of_another_length_country_or_check_is_refused(typed: str) -> None:
    assert read_iban(typed) is None


@given(st.from_regex(r"\A[0-9]{25}\Z"), st.integers(4, 28), st.integers(1, 9))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_one_wrong_digit_in_an_iban_is_always_seen(rest: str, place: int, shift: int) -> None:
    good = f"EG{_check_digits(rest)}{rest}"
    assert read_iban(good) == good
    changed = str((int(good[place]) + shift) % 10)
    assert read_iban(good[:place] + changed + good[place + 1 :]) is None


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("25/2023", "25/2023"),
        ("٢٥/٢٠٢٣", "25/2023"),
        ("۲۵/۲۰۲۳", "25/2023"),
        ("٢٥ لسنة ٢٠٢٣", "25/2023"),
        ("رقم ٢٥ لسنة ٢٠٢٣", "25/2023"),
        ("٢٥ لسنه ٢٠٢٣", "25/2023"),
        ("رخصة رقم ٢٥ لسنة ٢٠٢٣", "25/2023"),
        ("25 - 2023", "25/2023"),
        ("2023/25", "25/2023"),
        ("٢٠٢٣/٢٥", "25/2023"),
        ("2023 - 25", "25/2023"),
        ("025/2023", "25/2023"),
        ("٥٦/م لسنة ١٩٩٨", "56/م/1998"),
        ("56/م/1998", "56/م/1998"),
        ("٥٦م لسنة ١٩٩٨", "56/م/1998"),
        ("56 / م / 1998", "56/م/1998"),
        ("999999/1900", "999999/1900"),
        ("1/2026", "1/2026"),
        ("2023/1999", "2023/1999"),
        ("25\u200f/\u200f2023", "25/2023"),
        ("رخصة رقم ٢٥ لسنة ٢٠٢٣ حي شرق", "25/2023"),
        ("ترخيص بناء رقم ٢٥ لسنة ٢٠٢٣ مركز قلين", "25/2023"),
        ("25 2023", "25/2023"),
        ("25 of 2023", "25/2023"),
        ("No. 25 of 2023", "25/2023"),
        ("#25/2023", "25/2023"),
        ("25 – 2023", "25/2023"),
        ("25\\2023", "25/2023"),
        ("٢٥، ٢٠٢٣", "25/2023"),
        ("٢٥ــ٢٠٢٣", "25/2023"),
        ("٢٥ لعام ٢٠٢٣", "25/2023"),
        ("٢٥ ل سنة ٢٠٢٣", "25/2023"),
        ("١٬٢٥٠ لسنة ٢٠٢٣", "1250/2023"),
        ("1,250/2023", "1250/2023"),
        ("م/٥٦ لسنة ١٩٩٨", "56/م/1998"),
        ("م56/1998", "56/م/1998"),
        ("٥٦/هـ لسنة ١٩٩٨", "56/ه/1998"),
        ("٥٦/ا لسنة ١٩٩٨", "56/أ/1998"),
        ("56/m/1998", "56/M/1998"),
        ("56/ی/1998", "56/ي/1998"),
        ("26-1315-00042-7", "26-1315-00042-7"),
        ("٢٦-١٣١٥-٠٠٠٤٢-٧", "26-1315-00042-7"),
        ("261315000427", "26-1315-00042-7"),
        (" 26 - 1315 - 00042 - 7 ", "26-1315-00042-7"),
        ("م٥٦/١٩٩٨", "56/م/1998"),
        ("١٩٩٨/٥٦/م", "56/م/1998"),
        ("٥٦ ، ١٩٩٨", "56/1998"),
        ("٥٦،م لسنة ١٩٩٨", "56/م/1998"),
        ("٥٦\\م لسنة ١٩٩٨", "56/م/1998"),
        ("٥٦–م – ١٩٩٨", "56/م/1998"),
        ("٥٦_م_١٩٩٨", "56/م/1998"),
        ("٥٦.م/١٩٩٨", "56/م/1998"),
        ("٥٦/مـ لسنة ١٩٩٨", "56/م/1998"),
        ("٥٦/مَ لسنة ١٩٩٨", "56/م/1998"),
        ("٥٦/م لسنة\u00a0١٩٩٨", "56/م/1998"),
        ("\u202b٥٦/م لسنة ١٩٩٨\u202c", "56/م/1998"),
        ("٥٦/\ufee1 لسنة ١٩٩٨", "56/م/1998"),  # the shape of a letter, as PDF files have it
        ("۵۶/م لسنهٔ ۱۹۹۸", "56/م/1998"),
        ("رخصة بناء رقم (٥٦) لسنة (١٩٩٨)", "56/1998"),
        ("رخصه رقم ٥٦ لسنه ١٩٩٨ ميلادية", "56/1998"),
    ],
)
def test_a_permit_number_is_understood_as_people_write_it(typed: str, canonical: str) -> None:
    assert read_permit_number(typed, 2026) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "25",
        "2023",
        "0/2023",
        "25/1899",
        "25/2027",
        "1000000/2023",
        "25/23",
        "25/20233",
        "x/2023",
        "25//2023",
        "-25/2023",
        "26-1315-00042-8",
        "26-1351-00042-7",
        "٥٦/مم لسنة ١٩٩٨",
        "٢٥ مكرر لسنة ٢٠٢٣",
        "25 20233",
        "٥٦ مكرر لسنة ١٩٩٨",
        "م/٥٦/ب لسنة ١٩٩٨",
        "٥٦/١٩٩٨/م",  # a letter, or the calendar?
        "٥٦²/1998",
        "56.1998",
    ],
)
def test_what_names_no_paper_is_no_permit_number(typed: str) -> None:
    assert read_permit_number(typed, 2026) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ا", "أ"),
        ("إ", "أ"),
        ("a", "A"),
        ("ه", "هـ"),
        ("ه", "ة"),
        ("ه", "ھ"),
        ("ي", "ی"),
        ("ك", "ک"),
    ],
)
def test_a_letter_that_is_written_in_two_ways_names_one_paper(one: str, other: str) -> None:
    assert read_permit_number(f"56/{one}/1998", 2026) == read_permit_number(
        f"56/{other}/1998", 2026
    )
    assert read_permit_number(f"56/{one}/1998", 2026) is not None


def test_the_year_is_read_back_from_a_canonical_number() -> None:
    assert permit_year("25/2023") == 2023
    assert permit_year("56/م/1998") == 1998
    assert permit_year("26-1315-00042-7") == 2026


def test_the_request_number_of_the_rulings_is_made() -> None:
    assert format_request_number(2026, 1315, 42) == "26-1315-00042-7"
    assert read_request_number("26-1315-00042-7") == "26-1315-00042-7"


def test_a_request_number_holds_digits_of_the_three_families_only() -> None:
    assert read_request_number("२6-1315-00042-7") is None


def test_the_check_digit_is_damms() -> None:
    assert damm("572") == 4  # the example of Damm's thesis
    assert damm("5724") == 0


_PARTS = st.tuples(st.integers(2020, 2099), st.integers(1, 9999), st.integers(1, 99999))


@given(_PARTS, st.data())
@settings(max_examples=80, derandomize=True, deadline=None)
def test_a_slip_in_a_request_number_is_told_at_once(
    parts: tuple[int, int, int], data: st.DataObject
) -> None:
    number = format_request_number(*parts)
    assert read_request_number(number) == number
    digits = [i for i, c in enumerate(number) if c.isdigit()]
    place = data.draw(st.sampled_from(digits))
    wrong = data.draw(st.sampled_from("0123456789").filter(lambda d: d != number[place]))
    assert read_request_number(number[:place] + wrong + number[place + 1 :]) is None


@given(_PARTS, st.integers(0, 10))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_two_neighbours_that_change_places_are_told_as_well(
    parts: tuple[int, int, int], place: int
) -> None:
    bare = format_request_number(*parts).replace("-", "")
    assume(bare[place] != bare[place + 1])
    swapped = bare[:place] + bare[place + 1] + bare[place] + bare[place + 2 :]
    assert read_request_number(swapped) is None


@given(st.integers(1, 999999), st.integers(1900, 2026), st.sampled_from(["", "م", "ب", "A"]))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_a_canonical_permit_number_reads_as_itself(number: int, year: int, letter: str) -> None:
    canonical = "/".join(filter(None, (str(number), letter, str(year))))
    assert read_permit_number(canonical, 2026) == canonical
