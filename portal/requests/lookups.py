"""What forms need from outside the catalogue: places, countries, and the registers."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from babel import Locale
from sqlalchemy import Connection

from portal.catalogue.deadlines import Calendar
from portal.catalogue.model import Choice, Field, Service, Text
from portal.holidays.register import calendar as holiday_calendar
from portal.i18n import Speech
from portal.places.model import Places
from portal.problems import N_
from portal.registers import reading

EGYPT = "EG"


@cache
def countries() -> tuple[Choice, ...]:
    """Every country but Egypt, by its Arabic name (CLDR)."""
    arabic, english = Locale("ar", "EG").territories, Locale("en").territories
    groups = {"ZZ", "QO", "EU", "EZ", "UN", "XA", "XB", EGYPT}
    codes = [str(code) for code in arabic]
    found = [
        Choice(code, Text(str(arabic[code]), str(english[code])))
        for code in codes
        if re.fullmatch("[A-Z]{2}", code) and code not in groups
    ]
    return tuple(sorted(found, key=lambda choice: choice.label.ar))


class PlaceLists:
    """The choices of places: made once, the same objects for every form."""

    def __init__(self, places: Places) -> None:
        self.governorates = tuple(
            Choice(each.code, Text(each.ar, each.en)) for each in places.governorates.values()
        )
        self._centers = {
            governorate: tuple(
                Choice(each.code, Text(each.place_ar, each.place_en))
                for each in places.centers_of(governorate)
            )
            for governorate in places.governorates
        }

    def centers(self, governorate: object) -> tuple[Choice, ...]:
        """The centers of a governorate that a site can lie in; none of an unknown one."""
        return self._centers.get(str(governorate), ())


class FormLookups:
    """The lists and the registers, for one form in one transaction."""

    def __init__(self, places: PlaceLists, db: Connection, speeches: tuple[Speech, Speech]) -> None:
        self._places = places
        self._db = db
        self._arabic, self._english = speeches
        self._found: dict[tuple[str, str, str], reading.Record | None] = {}

    def choices(self, field: Field, names: Mapping[str, Any]) -> Sequence[Choice]:
        match field.choices_from:
            case "governorates":
                return self._places.governorates
            case "centers":
                place = field.code.rsplit(".", 1)[0]
                return self._places.centers(names.get(f"{place}.governorate"))
            case "countries":
                return countries()
            case "dues":
                return self._dues(names)
            case _:
                return ()

    def _dues(self, names: Mapping[str, Any]) -> Sequence[Choice]:
        record = self._record("property_dues", names.get("place.center"), names.get("contract_no"))
        return [
            Choice(reading.due_choice(due), Text(*(self._due(s, due) for s in self._speeches)))
            for due in (record.dues if record else ())
        ]

    @property
    def _speeches(self) -> tuple[Speech, Speech]:
        return self._arabic, self._english

    @staticmethod
    def _due(speech: Speech, due: reading.Due) -> str:
        return speech.gettext(
            N_("{sum}, due on {day}"), sum=speech.money(due.amount), day=due.due_on
        )

    def calendar(self, service: Service, names: Mapping[str, Any]) -> Calendar:
        places = (names.get(f"{place}.governorate") for place in service.routing)
        return holiday_calendar(self._db, str(next(filter(None, places), "")))

    def record(self, service: Service, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if service.record is None:
            return None
        center = next(
            (names[f"{p}.center"] for p in service.routing if names.get(f"{p}.center")), None
        )
        found = self._record(service.record.kind, center, names.get(service.record.key))
        return None if found is None else reading.values(service.record.kind, found, names)

    def _record(self, kind: str, center: Any, number: Any) -> reading.Record | None:
        if not center or not number:
            return None
        key = (kind, str(center), str(number))
        if key not in self._found:
            self._found[key] = reading.find(self._db, *key)
        return self._found[key]
