"""What holds for every text that somebody writes freely: a longest length, no hidden characters."""

from portal.problems import HIDDEN_CHARACTERS, N_, Problem
from portal.text import is_readable


def problems_of(field: str, text: str, most: int, too_long: str) -> list[Problem]:
    """What is wrong with ``text`` of at most ``most`` characters, in the words of ``too_long``."""
    found = []
    if len(text) > most:
        found.append(Problem(field, too_long))
    if not is_readable(text, lines=True):
        found.append(Problem(field, HIDDEN_CHARACTERS))
    return found


def problems_of_reason(
    field: str, text: str, most: int, missing: str = "", *, lines: bool = True
) -> list[Problem]:
    """The first thing that is wrong with a reason, which may be empty unless ``missing`` says what
    to write; it stands in one line unless it may have several ``lines``."""
    if missing and not text:
        return [Problem(field, missing)]
    if len(text) > most:
        return [Problem(field, N_("Write at most {n} characters"), {"n": most})]
    return [] if is_readable(text, lines=lines) else [Problem(field, HIDDEN_CHARACTERS)]


REASON = N_("Write the reason; it stays in the register")
