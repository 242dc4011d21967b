"""What does not go on by itself, in either direction, as whoever looks after it sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute


@dataclass(frozen=True)
class SetAside:
    """A message or an event that was set aside, with the reason; nobody is named."""

    id: str
    type: str
    subject: str
    center: str
    state: str
    reason: str
    attempts: int = 0


def of_centers(
    column: InstrumentedAttribute[str], centers: Sequence[str] | None
) -> tuple[ColumnElement[bool], ...]:
    """The condition that ``column`` is one of these centers; none for None, which is all."""
    return () if centers is None else (column.in_(centers),)
