"""What a machine sent and cannot be taken: which place is wrong, and the problem document of it.

Both interfaces for machines, the hand-off's and the outside bodies', read JSON alike, hold it
against a JSON Schema (draft 2020-12), and tell every wrong place at once in the reader's language
(RFC 9457, pointers after RFC 6901).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portal.i18n import Speech
from portal.problems import HIDDEN_CHARACTERS, N_
from portal.text import is_readable, without_hidden

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_MOST = 20
_MOST_VALUES = 12


class NotJson(ValueError):
    """The text is no JSON with one meaning; the message says why."""


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: where, and what, as a message id.

    ``pointer`` is that of a document; where ``place`` is ``parameter`` or ``header``, the name of
    one.
    """

    pointer: str
    msgid: str
    params: tuple[tuple[str, Any], ...] = ()
    place: str = "pointer"


@dataclass(frozen=True)
class Kind:
    """One kind of refusal, with its status over HTTP."""

    status: int
    title: str
    detail: str


def read_json(text: str) -> Any:
    """JSON with one meaning: no name twice, no number that is none. Raises :class:`NotJson`."""
    try:
        return json.loads(text, object_pairs_hook=_named_once, parse_constant=_no_number)
    except NotJson:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from error


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a name stands twice in one object")
    return found


def _no_number(_text: str) -> Any:
    raise NotJson("NaN and Infinity are no numbers of JSON")


def of_schema(validator: "Validator", instance: Any, prefix: str = "") -> list[Violation]:
    """What is wrong with ``instance``, which stands at ``prefix`` in what was sent."""
    found = [
        Violation(prefix + pointer(path), HIDDEN_CHARACTERS)
        for path, text in _texts(instance)
        if not is_readable(text, lines=True)
    ]
    for error in validator.iter_errors(instance):
        found += [
            Violation(prefix + each.pointer, each.msgid, each.params) for each in _told(error)
        ]
    return sorted(set(found), key=lambda each: (each.pointer, each.msgid))[:_MOST]


def problem(name: str, kind: Kind, wrong: Iterable[Violation], speech: Speech) -> dict[str, Any]:
    """The problem document in one language; ``name`` is its type."""
    return {
        "type": name,
        "status": kind.status,
        "title": speech.gettext(kind.title),
        "detail": speech.gettext(kind.detail),
        "errors": errors(wrong, speech),
    }


def errors(violations: Iterable[Violation], speech: Speech) -> list[dict[str, str]]:
    """The places that are wrong, for a program and for its author."""
    return [
        {each.place: each.pointer, "detail": speech.gettext(each.msgid, **dict(each.params))}
        for each in violations
    ]


def _told(error: "ValidationError") -> Iterator[Violation]:
    path, rule = list(error.absolute_path), str(error.validator)
    limit: Any = error.validator_value
    given: Any = error.instance
    here = pointer(path)
    match rule:
        case "required":
            for name in limit:
                if name not in given:
                    yield Violation(pointer([*path, name]), N_("This field is missing"))
        case "type":
            kinds = " | ".join(limit) if isinstance(limit, list) else str(limit)
            yield Violation(here, N_("This must be of the type {type}"), (("type", kinds),))
        case "enum" | "const":
            values = limit[:_MOST_VALUES] if rule == "enum" else [limit]
            told = ", ".join(str(value) for value in values)
            yield Violation(here, N_("This must be one of: {values}"), (("values", told),))
        case "maxLength" | "maxItems" | "maximum" | "maxProperties":
            yield Violation(here, N_("This is more than {limit}"), (("limit", str(limit)),))
        case "minLength" | "minItems" | "minimum":
            yield Violation(here, N_("This is less than {limit}"), (("limit", str(limit)),))
        case "uniqueItems":
            yield Violation(here, N_("Something stands in this list twice"))
        case _:
            yield Violation(here, N_("This is not written as the schema says"))


def _texts(value: Any) -> Iterator[tuple[list[str | int], str]]:
    """Every text in ``value`` with its path; the names of an object's members are texts too."""
    waiting: list[tuple[list[str | int], Any]] = [([], value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, str):
            yield path, each
        elif isinstance(each, dict):
            yield from ((path, name) for name in each)
            waiting += [([*path, name], member) for name, member in each.items()]
        elif isinstance(each, list):
            waiting += [([*path, index], member) for index, member in enumerate(each)]


def pointer(path: list[str | int]) -> str:
    """The JSON Pointer of a path."""
    parts = (without_hidden(str(part))[:60] for part in path)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
