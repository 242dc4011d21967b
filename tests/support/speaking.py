"""What on a page is in the wrong language, or in digits that its readers do not read."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from tests.support.texts import ARABIC_LETTERS

_READ_OUT = ("alt", "aria-label", "aria-description", "label", "placeholder", "title")
_SILENT = {"script", "style", "textarea", "template"}
# Names that have no Arabic; and, inside a sentence, examples of what is typed in Latin digits
_NAMES = re.compile(
    r"PDF|JPG|PNG|DWG|WCAG 2\.2|AAA?\b|A4\b|GeoNames \(geonames\.org\)|CC BY 4\.0"
    r"|\u2066[^\u2069]*\u2069|\u200e[0-9A-Z/-]+|\b01[0125]\b|\b31\.13259\b|axe-core"
)
_LATIN = re.compile(r"[A-Za-z]+|[0-9]+")


def strays(tree: Any, typed: Collection[str] = ()) -> list[str]:
    """Texts of a page that are not in its language. ``typed`` is what people wrote themselves."""
    arabic = tree.get("lang") == "ar"
    found = []
    for text in _texts(tree, arabic=arabic):
        bare = text
        for words in typed:
            bare = bare.replace(words, " ")
        wrong = _LATIN.search(_NAMES.sub(" ", bare)) if arabic else ARABIC_LETTERS.search(bare)
        if wrong:
            found.append(" ".join(text.split()))
    return found


def _texts(element: Any, *, arabic: bool) -> Iterator[str]:
    if not isinstance(element.tag, str) or element.tag in _SILENT:
        return
    if not _is_of_another(element, arabic=arabic):
        yield from (element.get(name, "") for name in _READ_OUT)
        if element.tag == "input" and element.get("type") in {"submit", "button"}:
            yield element.get("value", "")
        yield element.text or ""
        for child in element:
            yield from _texts(child, arabic=arabic)
            yield child.tail or ""


def _is_of_another(element: Any, *, arabic: bool) -> bool:
    """Whether this part says itself that it is in another language, a code, or somebody's words."""
    language = element.get("lang", "")
    if language and (language == "ar") != arabic:
        return True
    somebodys = element.tag == "bdi" or element.get("dir") == "auto"
    return somebodys or (arabic and element.get("dir") == "ltr")
