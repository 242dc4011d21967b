"""The page of an answer about a permit with blanks: see :mod:`portal.web.blanks`.

It is made once for all permits that differ in nothing but what stands in the blanks; what the page
decides by is part of its name. Only a stranger's: who has signed in, owners above all, is told
things that no other page may be made of.
"""

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

from portal.permits.inquiry import Answer
from portal.permits.labels import USES
from portal.permits.numbers import PermitNumber
from portal.permits.reading import People, Permit
from portal.places.model import Center
from portal.web.blanks import BlankSpeech, Filling, Sheet
from portal.web.on_phone import BASE
from portal.web.visit import BlankVisit, Visit

_SHOWN = (
    "status_on",
    "issued_on",
    "must_start_by",
    "building_no",
    "street",
    "area",
    "floors_above",
    "basements",
    "plot_area",
    "total_built_area",
    "occupied_on",
)
"""What is shown of a permit as it stands in the register, where anything stands there."""


@dataclass(frozen=True)
class AnswerForm:
    """One answer to a stranger: what its page is named by, and what stands in its blanks."""

    visit: Visit
    answer: Answer
    center: Center | None
    number: PermitNumber | None
    address: str
    at: datetime
    code: Markup

    @property
    def _use(self) -> str:
        return str(self.answer.permit.row["building_use"]) if self.answer.permit else ""

    @property
    def name(self) -> tuple[object, ...]:
        """All that the page decides by."""
        answer = self.answer
        has_letter = self.number.letter != "" if self.number else None
        common = (answer.kind, answer.verdict, self.center is None, has_letter)
        if answer.permit is None:
            return common
        permit, row = answer.permit, answer.permit.row
        use = self._use if self._use in USES else bool(self._use)
        shown = (bool(row[name]) for name in _SHOWN)
        owners = len(answer.owners)
        return (*common, permit.status, row["permit_type"], use, owners, *shown)

    @property
    def filling(self) -> Filling:
        """What stands in the blanks."""
        visit, answer = self.visit, self.answer
        values: dict[Any, Any] = {
            ("here",): visit.here.removeprefix(f"{BASE}/"),
            ("address",): self.address,
            ("at",): self.at,
            ("qr",): self.code,
            ("use",): self._use,
        }
        if self.number is not None:
            values["number",], values["year",] = str(self.number.number), str(self.number.year)
            values["letter",] = self.number.letter
        if self.center is not None:
            values["center",], values["place",] = self.center.code, visit.speech.show(self.center)
        if answer.permit is not None:
            values |= {(name,): answer.permit.row[name] for name in _SHOWN}
            values |= {("owner", n): name for n, name in enumerate(answer.owners)}
        return Filling(values=values)

    @property
    def whole(self) -> dict[str, Any]:
        """What a page without blanks is told of it."""
        return {
            "answer": self.answer,
            "number": self.number,
            "center": self.center,
            "address": self.address,
            "at": self.at,
            "qr": self.code,
        }

    def context(self, sheet: Sheet) -> dict[str, Any]:
        """The same answer with nothing of it but what it is named by."""

        def blank(*path: str | int) -> Any:
            return sheet.value(path)

        visit, speech = self.visit, self.visit.speech
        around = BlankVisit(visit, f"{BASE}/{blank('here')}", {})
        said = BlankSpeech(speech.locale, speech.translations)
        number = center = None
        if self.number is not None:
            letter = blank("letter") if self.number.letter else ""
            number = PermitNumber(blank("number"), letter, blank("year"))
        if self.center is not None:
            place = blank("place")
            center = SimpleNamespace(code=blank("center"), ar=place, en=place)
        return {
            "visit": around,
            "url": around.url,
            "speech": said,
            "_": said.gettext,
            "ngettext": said.ngettext,
            "show": said.show,
            "answer": self._blank_answer(sheet),
            "number": number,
            "center": center,
            "address": blank("address"),
            "at": blank("at"),
            "qr": blank("qr"),
        }

    def _blank_answer(self, sheet: Sheet) -> Answer:
        answer = self.answer
        if answer.permit is None:
            return Answer(answer.kind)
        known = answer.permit.row
        row = {name: sheet.value((name,)) if known[name] else known[name] for name in _SHOWN}
        row["permit_type"] = known["permit_type"]
        row["building_use"] = (
            self._use if self._use in USES else self._use and sheet.value(("use",))
        )
        center, number = sheet.value(("center",)), PermitNumber(1, "", 1900)
        permit = Permit(0, center, number, answer.permit.status, row, People())
        owners = tuple(sheet.value(("owner", n)) for n in range(len(answer.owners)))
        return Answer(answer.kind, permit, answer.verdict, own=False, owners=owners)
