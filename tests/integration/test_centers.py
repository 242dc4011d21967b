"""The center finder without scripts: by governorate, by name, one center, all of them."""

from datetime import date, datetime, time

import pytest

from portal.clock import CAIRO
from tests.support.local import LocalPortal
from tests.support.looking import assert_honest, assert_nothing_inline, page_of, raw
from tests.support.people import Page


def look(portal: LocalPortal, path: str, **more: str) -> Page:
    response = raw(portal.citizen(), "GET", path, headers=more)
    assert response.status_code == 200, (path, response.status_code)
    page = page_of(response)
    assert_nothing_inline(page)
    return page


def listed(page: Page) -> list[str]:
    """The codes of the centers that the page leads to, in its order."""
    found = page.tree.xpath("//main//li//a/@href | //body/ul/li/a/@href")
    return [
        str(a).rsplit("/", 1)[1]
        for a in dict.fromkeys(found)
        if "/centers/" in a and a[-1].isdigit()
    ]


def test_the_first_page_leads_to_every_governorate(still: LocalPortal) -> None:
    page = look(still, "/centers")
    links = page.tree.xpath("//a[contains(@href, 'governorate=')]/@href")
    assert {link.split("=")[1] for link in links} == set(still.portal.places.governorates)
    assert "١٤ مركزًا" in page.text
    assert page.tree.xpath("//section[@data-near and @hidden]")


def test_a_governorate_shows_its_fixed_and_its_mobile_centers(still: LocalPortal) -> None:
    page = look(still, "/centers?governorate=EG-KFS")
    here = [c.code for c in still.portal.places.centers.values() if c.governorate == "EG-KFS"]
    assert set(listed(page)) == set(here)
    assert "وحدة متنقلة واحدة" in page.text
    assert "تعلن المحافظة" in page.text
    assert "المتنقل" not in look(still, "/centers?governorate=EG-SUZ").text


@pytest.mark.parametrize("typed", ["دسوق", "دسووق", "desouk", "  دُسوق ", "كفر الشيخ دسوق"])
def test_a_name_finds_its_center(still: LocalPortal, typed: str) -> None:
    page = look(still, f"/centers?q={typed}")
    assert listed(page)[0] == "KFS-003"
    assert page.tree.xpath("//input[@name='q']/@value") == [typed]
    assert "كفر الشيخ" in page.text


def test_htmx_is_given_the_part_that_changes(still: LocalPortal) -> None:
    part = look(still, "/centers?q=دسوق", **{"hx-request": "true"})
    assert not part.tree.xpath("//main | //header")
    assert part.tree.xpath("//*[@id='found' and @role='status']")
    # an emptied field brings the governorates back
    empty = look(still, "/centers?q=", **{"hx-request": "true"})
    assert len(empty.tree.xpath("//a[contains(@href, 'governorate=')]")) == 27


def test_a_name_that_many_share_shows_the_first_and_says_how_many(still: LocalPortal) -> None:
    page = look(still, "/centers?q=حي")
    assert "٨٧ مركزًا" in page.text
    assert len(listed(page)) == 40


@pytest.mark.parametrize(
    "typed", ["الفسطاط", "x" * 10_000, "%FF%FE", "%00", "%E2%80%AE", "<script>alert(1)</script>"]
)
def test_a_name_of_no_center_is_told_what_to_do(still: LocalPortal, typed: str) -> None:
    page = look(still, f"/centers?q={typed}")
    assert "لم نجد مركزًا" in page.text
    assert len(page.tree.xpath("//a[contains(@href, 'governorate=')]")) == 27


def test_blanks_alone_are_no_name(still: LocalPortal) -> None:
    assert "لم نجد" not in look(still, "/centers?q=%20%20").text


def test_a_center_has_a_page_of_its_own(still: LocalPortal) -> None:
    page = look(still, "/centers/KFS-003")
    assert page.tree.xpath("//h1")[0].text_content() == "المركز التكنولوجي بمدينة دسوق"
    crumbs = page.tree.xpath("//nav[contains(@class, 'crumbs')]//a/@href")
    assert crumbs == ["/", "/centers", "/centers?governorate=EG-KFS"]
    assert len(listed(page)) == 4
    assert page.hook("primary") is not None
    english = look(still, "/en/centers/KFS-003")
    assert english.tree.xpath("//h1")[0].text_content() == "Technology Center of Desouk"


def test_every_center_opens_in_both_languages(still: LocalPortal) -> None:
    citizen = still.citizen()
    for code in still.portal.places.centers:
        if code.endswith(("-001", "-900", "-951")) or code == "C-013":
            for prefix in ("", "/en"):
                assert raw(citizen, "GET", f"{prefix}/centers/{code}").status_code == 200


def test_a_vehicle_has_neither_a_place_nor_a_timetable(still: LocalPortal) -> None:
    page = look(still, "/centers/C-951")
    assert not page.tree.xpath("//main//*[name()='svg'][@role='img']")
    assert "تعلن المحافظة" in page.text
    assert len(listed(page)) == 38


def test_small_letters_lead_to_the_center_and_unknown_codes_nowhere(still: LocalPortal) -> None:
    response = raw(still.citizen(), "GET", "/centers/kfs-003")
    assert (response.status_code, response.headers["location"]) == (303, "/centers/KFS-003")
    for code in ("KFS-999", "nothing", "%00", "%E2%80%AE"):
        assert_honest(raw(still.citizen(), "GET", f"/centers/{code}"), 404)


def test_all_fixed_centers_stand_on_one_page_with_a_point_each(still: LocalPortal) -> None:
    page = look(still, "/centers/all")
    points = page.tree.xpath("//*[@data-at]")
    assert len(points) == 311
    for each in points:
        lat, lon = map(float, each.get("data-at").split())
        assert 22 <= lat <= 31.7
        assert 24.7 <= lon <= 36.95
    assert len(page.tree.xpath("//*[@data-how='seat']")) == 15
    assert "GeoNames" in page.text


@pytest.mark.parametrize("path", ["/centers", "/centers/all", "/centers/KFS-003"])
def test_what_is_the_same_for_everyone_is_kept_for_the_day(still: LocalPortal, path: str) -> None:
    response = raw(still.citizen(), "GET", path, headers={"accept-encoding": "br"})
    assert response.headers["cache-control"] == "public, no-cache"
    assert int(response.headers["content-length"]) <= 6 * 1024


def at_noon(portal: LocalPortal, day: date) -> None:
    noon = datetime.combine(day, time(12), CAIRO)
    portal.clock.advance(seconds=(noon - portal.clock.now()).total_seconds())


def test_hours_follow_weekend_holiday_and_ramadan(alone: LocalPortal) -> None:
    at_noon(alone, date(2027, 1, 7))  # Coptic Christmas, a Thursday
    assert "يوم إجازة" in look(alone, "/centers").text
    at_noon(alone, date(2027, 2, 12))  # a Friday
    text = look(alone, "/centers").text
    assert "تعود المراكز إلى العمل الأحد ١٤ فبراير ٢٠٢٧" in text
    at_noon(alone, date(2027, 2, 14))
    assert "المراكز تعمل اليوم، من ٩:٠٠ صباحًا إلى ٢:٠٠ مساءً" in look(alone, "/centers").text
    at_noon(alone, date(2027, 4, 4))
    assert "المراكز تعمل اليوم، من ٨:٠٠ صباحًا إلى ٣:٠٠ مساءً" in look(alone, "/centers").text
    at_noon(alone, date(2031, 6, 1))
    assert "المراكز تعمل اليوم، من" not in look(alone, "/centers").text
