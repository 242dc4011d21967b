"""What forms ask from outside the catalogue, as short as it can be: for tests of forms alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.catalogue.deadlines import Calendar
from portal.catalogue.model import Choice, Field, Service, Text

VALUES = {"governorates": "EG-KFS", "centers": "KFS-003", "countries": "SD", "dues": "d1"}


class Lists:
    """One value in every list, no days off, and one record, or none, for whoever asks."""

    def __init__(self, record: Mapping[str, Any] | None = None) -> None:
        self._record = record

    def choices(self, field: Field, names: Mapping[str, Any]) -> Sequence[Choice]:
        value = VALUES[field.choices_from]
        return [Choice(value, Text(value, value))]

    def calendar(self, service: Service, names: Mapping[str, Any]) -> Calendar:
        return Calendar()

    def record(self, service: Service, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._record
