"""The file of everyday words: checked like every other file of the catalogue."""

from pathlib import Path

import pytest

from portal.catalogue.loader import CATALOGUE_DIR, shipped_catalogue
from portal.catalogue.reading import CatalogueError
from portal.catalogue.words_file import read_words

CATALOGUE = shipped_catalogue()
WORDS = CATALOGUE.words


def test_every_service_and_family_has_everyday_words() -> None:
    assert set(WORDS.services) == set(CATALOGUE.services)
    assert set(WORDS.families) == set(CATALOGUE.families)
    few = {code: words for code, words in WORDS.services.items() if len(words) < 10}
    assert not few


def test_what_is_popular_comes_in_the_order_of_the_file() -> None:
    assert [service.code for service in CATALOGUE.popular] == list(WORDS.popular)
    assert 4 <= len(WORDS.popular) <= 8


def test_a_catalogue_without_the_file_is_searched_by_its_own_texts(tmp_path: Path) -> None:
    words = read_words(tmp_path / "words.toml", CATALOGUE.services, CATALOGUE.families)
    assert (words.popular, words.same, words.families, words.services) == ((), (), {}, {})


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "popular = [",
            'popular = ["bakery-licence",',
            "words.toml: popular: 'bakery-licence' is no service",
        ),
        (
            "kiosk-licence = [",
            "kiosk-license = [",
            "words.toml: services.kiosk-license: is no service",
        ),
        ("shops = [", "shop = [", "words.toml: families.shop: is no family"),
        (
            "kiosk-licence = [",
            'kiosk-licence = ["كشك ورد",',
            "words.toml: services.kiosk-licence: says something twice",
        ),
        ('["غاز", "gas"]', '["غاز", "gas", "محل"]', "'محل' stands in another list too"),
        ('["غاز", "gas"]', '["غاز طبيعي"]', "'غاز طبيعي' is more than one word"),
        ('["غاز", "gas"]', '"غاز"', "must be a list of words"),
        ("[families]", "[families_]", "families: is missing"),
        ("[families]", "more = 1\n[families]", "more: is not a key"),
        ("[families]", "[families", "is not TOML"),
    ],
)
def test_a_mistake_in_it_stops_the_start(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = (CATALOGUE_DIR / "words.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "words.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        read_words(path, CATALOGUE.services, CATALOGUE.families)
    assert complaint in str(caught.value)
