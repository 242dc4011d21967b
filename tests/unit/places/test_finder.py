"""Centers found as people write them, and by distance (geography §1, §5; services §7.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.places.finder import Finder, Point, distance_km, dots, one_slip_apart
from portal.places.model import load_places

PLACES = load_places()
FINDER = Finder(PLACES)
CENTERS = PLACES.centers


def codes(text: str, governorate: str = "") -> list[str]:
    return [center.code for center in FINDER.by_name(text, governorate)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("دسوق", "KFS-003"),
        ("دسووق", "KFS-003"),
        ("دوسق", "KFS-003"),
        ("  دُسُـوق ", "KFS-003"),
        ("المركز التكنولوجي بمدينة دسوق", "KFS-003"),
        ("desouk", "KFS-003"),
        ("DESOUQ", "KFS-003"),
        ("اسيوط", "AST-001"),
        ("Assiut", "AST-001"),
        ("ادفو", "ASN-005"),
        ("السيده زينب", "C-028"),
        ("مصر الجديده", "C-015"),
        ("heliopolis", "C-015"),
        ("مدينة نصر", "C-016"),
        ("١٥ مايو", "C-038"),
        ("حي المطرية", "C-009"),
        ("مدينة المطريه", "DK-005"),
        ("زقازق", "SHR-001"),
        ("كفرالشيخ", "KFS-001"),
        ("kafrelsheikh", "KFS-001"),
        ("elmahalla elkubra", "GH-004"),
        ("ديوان الغربية", "GH-900"),
        ("سيارة القاهرة", "C-951"),
    ],
)
def test_a_center_is_found_as_people_write_its_place(typed: str, first: str) -> None:
    assert codes(typed)[:1] == [first]


def test_every_center_is_the_first_for_its_own_place_and_governorate() -> None:
    for center in CENTERS.values():
        if not center.fixed:
            continue
        governorate = PLACES.governorates[center.governorate]
        for text in (
            f"{center.place_ar} {governorate.ar}",
            f"{center.place_en}, {governorate.en}",
            center.ar,
        ):
            found = codes(text, center.governorate)
            assert found[0] == center.code, (text, found[:3])


def test_a_governorate_brings_all_its_centers_and_its_vehicles_last() -> None:
    for text in ("كفر الشيخ", "محافظة كفر الشيخ", "Kafr El-Sheikh", "kafr el sheikh"):
        found = codes(text)
        assert set(found) == {c for c in CENTERS if c.startswith("KFS-")}, text
        assert found[-1] == "KFS-951"
    port_said = {c for c in CENTERS if c.startswith("PTS-")}
    assert set(codes("بور سعيد")) == set(codes("portsaid")) == port_said


def test_a_kind_alone_brings_all_of_that_kind() -> None:
    assert len(codes("متنقل")) == len(codes("mobile")) == 12
    assert len(codes("ديوان عام")) == 17
    assert len(codes("الأحياء")) == 87


def test_of_a_chosen_governorate_only_its_own_are_found() -> None:
    assert codes("المطرية", "EG-DK") == ["DK-005"]
    assert codes("دسوق", "EG-C") == []


def test_a_slip_is_looked_past_only_when_the_word_is_nothing_by_itself() -> None:
    assert codes("طنطا")[0] == "GH-001"
    assert all(CENTERS[code].governorate == "EG-GH" for code in codes("طنطا"))
    assert codes("فوه") == codes("فوة")


@pytest.mark.parametrize(
    "text",
    ["", " ", "ك", "مركز", "في", "?؟", "العتبة الخضراء", "blorptown", "\u202e", "\x00", "🙂"],
)
def test_what_names_no_place_finds_nothing(text: str) -> None:
    assert codes(text) == []


def test_a_query_of_ten_thousand_characters_is_read_as_far_as_a_name_goes() -> None:
    assert codes("دسوق " + "ا" * 10_000) == []
    assert codes("دسوق" + " " * 10_000)[0] == "KFS-003"
    assert codes("دسوق " * 2_000)[0] == "KFS-003"


@given(st.text(max_size=120))
def test_any_text_at_all_is_answered(text: str) -> None:
    FINDER.by_name(text)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("دسوق", "دسق", True),
        ("دسوق", "دسووق", True),
        ("دسوق", "دسوك", True),
        ("دسوق", "دوسق", True),
        ("دسوق", "دسقو", True),
        ("دسوق", "دسوق", False),
        ("دسوق", "قسود", False),
        ("دسوق", "دس", False),
        ("", "د", True),
        ("abcd", "badc", False),
    ],
)
def test_one_slip_is_a_letter_too_few_too_many_another_or_swapped(
    one: str, other: str, apart: bool
) -> None:
    assert one_slip_apart(one, other) is one_slip_apart(other, one) is apart


def test_neighbours_are_the_nearest_places_that_are_known() -> None:
    desouk = FINDER.neighbours(CENTERS["KFS-003"], 3)
    assert [c.place_en for c in desouk][:1] == ["El Rahmaniya"]
    here = FINDER.point(CENTERS["KFS-003"])
    far = [distance_km(here, FINDER.point(c)) for c in desouk]
    assert far == sorted(far)
    for center in CENTERS.values():
        near = FINDER.neighbours(center, 4)
        assert len(near) == 4
        assert center not in near
        assert all(c.fixed and c.lat is not None for c in near)


def test_a_place_that_is_not_known_stands_at_its_governorates_seat() -> None:
    point = FINDER.point(CENTERS["C-013"])
    cairo = PLACES.governorates["EG-C"]
    assert point == Point(cairo.lat, cairo.lon, of_seat=True)
    assert not FINDER.point(CENTERS["KFS-003"]).of_seat


def test_points_with_two_decimals_are_rough() -> None:
    rough = [c for c in CENTERS.values() if c.rough]
    assert len([c for c in rough if c.takes_sites]) == 82
    assert CENTERS["C-004"].rough  # 30.10: the last nought counts
    assert not CENTERS["KFS-003"].rough


def test_cairo_and_alexandria_are_some_180_km_apart() -> None:
    cairo, alexandria = Point(30.06263, 31.24967), Point(31.20176, 29.91582)
    assert round(distance_km(cairo, alexandria), -1) == 180
    assert distance_km(cairo, cairo) == 0


def test_a_map_has_a_dot_for_each_place_once() -> None:
    points = [Point(30.0, 31.0), Point(30.0, 31.0), Point(29.0, 31.0), Point(28, 30, of_seat=True)]
    assert dots(points, 10, north=32, west=24).count("M") == 2
