"""What can go wrong: values for what the citizen can mend, exceptions for what cannot go on.

A domain exception knows no HTTP; :mod:`portal.pages` gives each kind its status once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any


def N_(msgid: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a text for translation; it is translated only where it is shown."""
    return msgid


@dataclass(frozen=True)
class Problem:
    """One thing that the citizen can mend. ``field`` is the control's name.

    ``params`` may hold numbers, dates and :class:`~portal.catalogue.model.Text`; they are written
    in the reader's language. Where ``text`` is set, the catalogue's own words are used instead.
    """

    field: str
    msgid: str = ""
    params: Mapping[str, Any] = attribute(default_factory=dict)
    text: Any = None
    refer: str = ""


@dataclass(frozen=True)
class Count:
    """So many of something inside a message, in the form that the number asks for.

    ``one`` and ``many`` are the two forms of a plural message with ``{n}``.
    """

    n: int
    one: str
    many: str


HIDDEN_CHARACTERS = N_("Remove the hidden characters from this text and type it again")


class DomainError(Exception):
    """The act cannot be done. Kinds: missing, refused, conflict, gone, busy."""

    kind = "refused"


class Missing(DomainError):
    """There is no such thing, or it is someone else's: the answer is the same."""

    kind = "missing"


class Refused(DomainError):
    """The actor may not do this."""

    kind = "refused"


class Conflict(DomainError):
    """The thing has moved on since the page was shown."""

    kind = "conflict"


class BadInput(DomainError):
    """The input cannot be read at all; ``reason`` is a msgid for the person who sent it."""

    kind = "bad_input"

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class TooMany(DomainError):
    """A limit was reached; ``minutes`` tells when it is worth trying again."""

    kind = "too_many"

    def __init__(self, minutes: int) -> None:
        super().__init__(f"limit reached, free again in {minutes} min")
        self.minutes = minutes

    @property
    def wait(self) -> Count:
        """When to try again, in words."""
        return Count(self.minutes, N_("Try again in {n} minute."), N_("Try again in {n} minutes."))


class Lost(DomainError):
    """A stored file is gone from the disk, or is not what was put there."""

    kind = "lost"


class Unavailable(DomainError):
    """A part that is needed does not answer now; nothing was changed."""

    kind = "unavailable"
