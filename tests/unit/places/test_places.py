"""Governorates and centers as their files have them (geography §1–4, 9, 10)."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from portal.catalogue.identity import BIRTH_CODES, format_request_number, read_request_number
from portal.places.model import DATA_DIR, BadPlaces, load_places

PLACES = load_places()
CENTERS = PLACES.centers
# cities and districts of each governorate (geography §2)
SITES = {
    "Cairo": 38,
    "Alexandria": 10,
    "Port Said": 8,
    "Suez": 5,
    "Damietta": 7,
    "Dakahlia": 19,
    "Sharqia": 19,
    "Qalyubia": 11,
    "Kafr El-Sheikh": 13,
    "Gharbia": 12,
    "Monufia": 12,
    "Beheira": 15,
    "Ismailia": 9,
    "Giza": 19,
    "Beni Suef": 7,
    "Faiyum": 6,
    "Minya": 9,
    "Asyut": 13,
    "Sohag": 13,
    "Qena": 9,
    "Aswan": 7,
    "Luxor": 7,
    "Red Sea": 5,
    "New Valley": 5,
    "Matruh": 6,
    "North Sinai": 3,
    "South Sinai": 7,
}


def test_there_are_27_governorates_with_the_codes_of_the_national_id() -> None:
    assert len(PLACES.governorates) == 27
    assert {f"{g.number:02d}" for g in PLACES.governorates.values()} == BIRTH_CODES - {"88"}
    assert PLACES.governorates["EG-KFS"].number == 15
    assert PLACES.governorates["EG-C"].number == 1
    assert all(code.startswith("EG-") for code in PLACES.governorates)


def test_there_are_311_fixed_centers_and_12_vehicles() -> None:
    assert Counter(c.kind for c in CENTERS.values()) == {
        "city": 207,
        "district": 87,
        "governorate_hq": 17,
        "mobile": 12,
    }
    assert len(CENTERS) == 323


def test_a_site_lies_in_a_city_or_a_district() -> None:
    counts = {g.en: len(PLACES.centers_of(code)) for code, g in PLACES.governorates.items()}
    assert counts == SITES
    assert sum(counts.values()) == 294
    assert all(c.takes_sites for c in PLACES.centers_of("EG-KFS"))
    assert PLACES.centers_of("EG-XX") == []


def test_desouk_is_the_third_of_kafr_el_sheikh() -> None:
    desouk = CENTERS["KFS-003"]
    assert (desouk.place_ar, desouk.place_en, desouk.index) == ("دسوق", "Desouk", 1503)
    assert desouk.governorate == "EG-KFS"
    assert desouk.ar == "المركز التكنولوجي بمدينة دسوق"
    assert desouk.en == "Technology Center of Desouk"


def test_every_index_is_its_own_and_begins_with_the_governorate() -> None:
    indexes = [c.index for c in CENTERS.values()]
    assert len(set(indexes)) == len(indexes)
    for center in CENTERS.values():
        assert center.index // 100 == PLACES.governorates[center.governorate].number
        assert 101 <= center.index <= 3599


def test_every_center_can_number_its_requests() -> None:
    for center in CENTERS.values():
        number = format_request_number(2026, center.index, 42)
        assert read_request_number(number) == number


def test_diwans_and_vehicles_have_indexes_beyond_the_local_units() -> None:
    for center in CENTERS.values():
        place = center.index % 100
        if center.kind == "governorate_hq":
            assert center.code.endswith("-900")
            assert place == 90
        elif center.kind == "mobile":
            assert place >= 91
        else:
            assert place < 90


def test_points_lie_in_egypt_or_are_left_out() -> None:
    empty = 0
    for center in CENTERS.values():
        assert (center.lat is None) is (center.lon is None)
        if center.lat is None or center.lon is None:
            empty += center.takes_sites
            continue
        assert 22.0 <= center.lat <= 31.7
        assert 24.7 <= center.lon <= 36.95
    assert empty == 15


def test_names_are_unique_and_written_in_plain_arabic_letters() -> None:
    names = [c.ar for c in CENTERS.values()]
    assert len(set(names)) == len(names)
    letters = set().union(*(set(c.ar + c.place_ar) for c in CENTERS.values()))
    letters |= set().union(*(set(g.ar + g.capital_ar) for g in PLACES.governorates.values()))
    plain = {chr(n) for n in (*range(0x621, 0x63B), *range(0x641, 0x64B))}
    assert letters - plain <= set(" 0123456789٠١٢٣٤٥٦٧٨٩")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA_DIR, tmp_path / "data"))


def _add(directory: Path, line: str) -> None:
    with (directory / "centers.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _line(directory: Path, code: str) -> str:
    text = (directory / "centers.csv").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith(f"{code},"))


def test_a_new_center_is_one_added_line(directory: Path) -> None:
    _add(directory, _line(directory, "KFS-003").replace("KFS-003", "KFS-014"))
    added = load_places(directory).centers["KFS-014"]
    assert added.index == 1514


def test_a_center_that_stands_twice_stops_the_start(directory: Path) -> None:
    _add(directory, _line(directory, "KFS-003"))
    with pytest.raises(BadPlaces, match="KFS-003: stands twice"):
        load_places(directory)


def test_a_center_of_no_governorate_stops_the_start(directory: Path) -> None:
    _add(directory, _line(directory, "KFS-003").replace("EG-KFS", "EG-XX"))
    with pytest.raises(BadPlaces, match="no governorate 'EG-XX'"):
        load_places(directory)


def test_a_center_with_a_number_beyond_its_digits_stops_the_start(directory: Path) -> None:
    _add(directory, _line(directory, "KFS-003").replace("KFS-003", "KFS-100"))
    with pytest.raises(BadPlaces, match="has no index"):
        load_places(directory)
