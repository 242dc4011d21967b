"""Governorates and technology centers, read once from ``data/*.csv``.

Contains place coordinates from GeoNames (geonames.org), CC BY 4.0; rounded to five decimals.
Codes of centers are the project's own, not official: never reused, never renumbered.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATA_DIR = Path(__file__).resolve().parent / "data"
# Local units that a site can lie in; a diwan and a vehicle belong to a whole governorate
SITE_KINDS = frozenset({"city", "district"})
_DIWAN_NUMBER, _FIRST_VEHICLE = 900, 951
_DIWAN_INDEX, _VEHICLE_INDEX = 90, 91
_ROUGH_DECIMALS = 2  # geography §5: points of the gazetteer have five


class BadPlaces(Exception):
    """The place files do not fit together: it stops the start."""


@dataclass(frozen=True)
class Governorate:
    """A governorate; ``code`` is ISO 3166-2, ``number`` that of the national ID (CAPMAS).

    ``lat`` and ``lon`` are the point of its seat.
    """

    code: str
    number: int
    slug: str
    ar: str
    en: str
    capital_ar: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Center:
    """A technology center (المركز التكنولوجي). ``ar`` is its name, ``place_ar`` that of its unit.

    ``index`` is its four-digit part of a request number: governorate and place in it. No point is
    the address of a building; a ``rough`` one was placed by hand and is good to 1-2 km.
    """

    code: str
    governorate: str
    kind: str
    ar: str
    place_ar: str
    place_en: str
    index: int
    lat: float | None
    lon: float | None
    rough: bool = False

    @property
    def en(self) -> str:
        if self.kind == "mobile":
            number = int(self.code.rsplit("-", 1)[1]) - _FIRST_VEHICLE + 1
            return f"Mobile Technology Center {number} of {self.place_en}"
        return f"Technology Center of {self.place_en}"

    @property
    def fixed(self) -> bool:
        return self.kind != "mobile"

    @property
    def takes_sites(self) -> bool:
        return self.kind in SITE_KINDS


@dataclass(frozen=True)
class Places:
    """Every governorate and center, in the order of the files."""

    governorates: Mapping[str, Governorate]
    centers: Mapping[str, Center]

    def centers_of(self, governorate: str) -> list[Center]:
        """The centers of ``governorate`` that a site can lie in."""
        return [
            center
            for center in self.centers.values()
            if center.governorate == governorate and center.takes_sites
        ]

    def fixed_of(self, governorate: str) -> list[Center]:
        """Every center of ``governorate`` that stays where it is, its diwan last."""
        return [c for c in self.centers.values() if c.governorate == governorate and c.fixed]

    def mobile_of(self, governorate: str) -> list[Center]:
        return [c for c in self.centers.values() if c.governorate == governorate and not c.fixed]


def load_places(directory: Path = DATA_DIR) -> Places:
    """Read and check the two files; raises :class:`BadPlaces`."""
    governorates = {
        row["code"]: Governorate(
            code=row["code"],
            number=int(row["national_id_code"]),
            slug=row["slug"],
            ar=row["name_ar"],
            en=row["name_en"],
            capital_ar=row["capital_ar"],
            lat=float(row["lat"]),
            lon=float(row["lon"]),
        )
        for row in _rows(directory / "governorates.csv")
    }
    centers: dict[str, Center] = {}
    indexes: set[int] = set()
    for row in _rows(directory / "centers.csv"):
        governorate = governorates.get(row["governorate"])
        if governorate is None:
            raise BadPlaces(f"centers.csv: {row['code']}: no governorate {row['governorate']!r}")
        index = _index(governorate, int(row["code"].rsplit("-", 1)[1]))
        if row["code"] in centers or index in indexes:
            raise BadPlaces(f"centers.csv: {row['code']}: stands twice")
        indexes.add(index)
        centers[row["code"]] = Center(
            code=row["code"],
            governorate=governorate.code,
            kind=row["kind"],
            ar=row["name_ar"],
            place_ar=row["place_ar"],
            place_en=row["place_en"],
            index=index,
            lat=float(row["lat"]) if row["lat"] else None,
            lon=float(row["lon"]) if row["lon"] else None,
            rough=len(row["lat"].partition(".")[2]) == _ROUGH_DECIMALS,
        )
    return Places(governorates, centers)


def _index(governorate: Governorate, number: int) -> int:
    """Two digits of the governorate and two of the center: KFS-003 is 1503."""
    if number >= _FIRST_VEHICLE:
        number = _VEHICLE_INDEX + number - _FIRST_VEHICLE
    elif number == _DIWAN_NUMBER:
        number = _DIWAN_INDEX
    if number >= 100:
        raise BadPlaces(f"{governorate.code}: center number {number} has no index")
    return governorate.number * 100 + number


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
