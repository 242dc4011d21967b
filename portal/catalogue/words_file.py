"""The file of everyday words, read and checked: ``words.toml``."""

from collections.abc import Container
from pathlib import Path

from portal.catalogue.model import EverydayWords
from portal.catalogue.reading import Table, read_toml


def read_words(path: Path, services: Container[str], families: Container[str]) -> EverydayWords:
    """Without the file every service is found by its official texts alone.

    Raises :class:`~portal.catalogue.reading.CatalogueError` on a code that does not exist.
    """
    if not path.exists():
        return EverydayWords((), (), {}, {})
    table = read_toml(path)
    popular = table.strings("popular")
    for code in popular:
        if code not in services:
            raise table.wrong("popular", f"{code!r} is no service")
    words = EverydayWords(
        popular=popular,
        same=_read_same(table),
        families=_read_phrases(table.table("families"), families, "family"),
        services=_read_phrases(table.table("services"), services, "service"),
    )
    table.done()
    return words


def _read_same(table: Table) -> tuple[tuple[str, ...], ...]:
    groups = table.take("same", list)
    seen: dict[str, int] = {}
    for index, group in enumerate(groups):
        if not isinstance(group, list) or not all(isinstance(word, str) for word in group):
            raise table.wrong(f"same[{index}]", "must be a list of words")
        for word in group:
            if " " in word:
                raise table.wrong(f"same[{index}]", f"{word!r} is more than one word")
            if seen.setdefault(word, index) != index:
                raise table.wrong(f"same[{index}]", f"{word!r} stands in another list too")
    return tuple(tuple(group) for group in groups)


def _read_phrases(table: Table, known: Container[str], what: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code in table.keys():  # noqa: SIM118 - keys() of a Table, in the order of the file
        if code not in known:
            raise table.wrong(code, f"is no {what}")
        found[code] = table.strings(code)
        if len(set(found[code])) < len(found[code]):
            raise table.wrong(code, "says something twice")
    return found
