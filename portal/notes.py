"""What holds for every text that somebody writes freely: a longest length, no hidden characters."""

from portal.problems import HIDDEN_CHARACTERS, Problem
from portal.text import is_readable


def problems_of(field: str, text: str, most: int, too_long: str) -> list[Problem]:
    """What is wrong with ``text`` of at most ``most`` characters, in the words of ``too_long``."""
    found = []
    if len(text) > most:
        found.append(Problem(field, too_long))
    if not is_readable(text, lines=True):
        found.append(Problem(field, HIDDEN_CHARACTERS))
    return found
