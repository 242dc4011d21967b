"""The settlement export: of closed days, by unit, beneficiary (entity) and revenue item.

It is read from what was frozen when the days were closed, so making it again gives the same bytes.
The format is this project's own, documented in docs/reconciliation.md; the ministry's (GFMIS) is
not public.
"""

import csv
import hashlib
import io
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from payments.reconciliation.model import Day, DayShare

FORMAT = "settlement-export-1"
COLUMNS = (
    "record",
    "unit",
    "entity",
    "item",
    "account",
    "currency",
    "count",
    "gross",
    "moved",
    "refund",
    "fee",
    "net",
)
_KEY = ("unit", "entity", "item", "account", "currency")
_SUMS = ("count", "gross", "moved", "refund", "fee", "net")


class NotClosed(ValueError):
    """A day of the range is not closed; only what is closed is exported."""

    def __init__(self, day: date | None) -> None:
        super().__init__(f"{day} is not closed" if day else "no day of the range is closed")
        self.day = day


@dataclass(frozen=True)
class Line:
    """One row, in minor units; ``net`` is gross and what moved, less refunds and the fee."""

    unit: str
    entity: str
    item: str
    account: str
    currency: str
    count: int
    gross: int
    moved: int
    refund: int
    fee: int

    @property
    def net(self) -> int:
        return self.gross + self.moved - self.refund - self.fee


@dataclass(frozen=True)
class Export:
    """The lines of closed days, with the digests of the days that they come from."""

    first: date
    last: date
    days: Mapping[date, str]
    lines: tuple[Line, ...]

    def totals(self) -> dict[str, dict[str, int]]:
        """Control totals by currency."""
        found: dict[str, dict[str, int]] = {}
        for line in self.lines:
            total = found.setdefault(line.currency, dict.fromkeys(_SUMS, 0))
            for name in _SUMS:
                total[name] += getattr(line, name)
        return dict(sorted(found.items()))

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical content: every byte of the CSV above its last line."""
        return hashlib.sha256(self._content()).hexdigest()

    def _content(self) -> bytes:
        text = io.StringIO(newline="")
        write = csv.writer(text, lineterminator="\r\n").writerow
        write(COLUMNS)
        write(["format", FORMAT, self.first.isoformat(), self.last.isoformat()])
        for day, digest in self.days.items():
            write(["day", day.isoformat(), digest])
        for line in self.lines:
            values = [*(getattr(line, n) for n in _KEY), *(getattr(line, n) for n in _SUMS)]
            write(["line", *values])
        for currency, total in self.totals().items():
            write(["total", "", "", "", "", currency, *total.values()])
        return text.getvalue().encode()

    def to_csv(self) -> bytes:
        """RFC 4180, UTF-8 without a byte-order mark."""
        return self._content() + f"sha256,{self.digest}\r\n".encode()

    def to_json(self) -> bytes:
        """The same, with the same hash."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "days": {day.isoformat(): digest for day, digest in self.days.items()},
            "lines": [
                {name: getattr(line, name) for name in (*_KEY, *_SUMS)} for line in self.lines
            ],
            "totals": self.totals(),
            "sha256": self.digest,
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def export(db: Connection, first: date, last: date, units: Collection[str] | None = None) -> Export:
    """The export of the days from ``first`` to ``last``; of some ``units`` only, if they are given.

    Days of the range that were never compared are left out: nothing happened on them, or the portal
    was not there yet. Raises :class:`NotClosed` when one is still open, or none is there.
    """
    rows = db.execute(
        select(Day.day, Day.state, Day.digest)
        .where(Day.day >= first, Day.day <= last)
        .order_by(Day.day)
    ).all()
    still_open = next((row.day for row in rows if row.state != "closed"), None)
    if still_open is not None or not rows:
        raise NotClosed(still_open)
    of_units = () if units is None else (DayShare.unit.in_(sorted(units)),)
    shares = db.execute(
        select(
            DayShare.unit,
            DayShare.entity,
            DayShare.item,
            DayShare.account,
            DayShare.currency,
            func.sum(DayShare.count).label("payments"),
            func.sum(DayShare.gross).label("gross"),
            func.sum(DayShare.moved).label("moved"),
            func.sum(DayShare.refund).label("refund"),
            func.sum(DayShare.fee).label("fee"),
        )
        .where(DayShare.day >= first, DayShare.day <= last, *of_units)
        .group_by(
            DayShare.unit, DayShare.entity, DayShare.item, DayShare.account, DayShare.currency
        )
    )
    lines = [
        Line(
            row.unit,
            row.entity,
            row.item,
            row.account,
            row.currency,
            int(row.payments),
            int(row.gross),
            int(row.moved),
            int(row.refund),
            int(row.fee),
        )
        for row in shares
    ]
    lines.sort(key=lambda line: tuple(getattr(line, name) for name in _KEY))
    days = {row.day: str(row.digest) for row in rows}
    return Export(first, last, days, tuple(lines))
