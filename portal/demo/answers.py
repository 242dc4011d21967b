"""Answers of invented citizens for the services that the demo's year is made of."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from portal.catalogue.identity import local_mobile
from portal.catalogue.model import Service
from portal.identity.roles import Role
from portal.places.model import Center

INVENTED: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("invented.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Applicant:
    """An invented person; the numbers belong to nobody (facts §7.1)."""

    name: str
    national_id: str
    mobile: str


def answers_for(
    service: Service, center: Center, who: Applicant, filed_on: date, index: int
) -> dict[str, Any]:
    """Raw answers with which the form of ``service`` is complete on the day of filing."""
    streets = INVENTED["streets"]
    address = {
        "governorate": center.governorate,
        "center": center.code,
        "shiakha_or_village": f"{INVENTED['town']} {center.place_ar}",
        "street": streets[index % len(streets)],
        "building_no": str(3 + index % 60),
    }
    return {
        "applicant_capacity": service.applicants[0],
        "applicant_name": who.name,
        "is_foreigner": "no",
        "national_id": who.national_id,
        "mobile": local_mobile(who.mobile),
        "delivery_method": "electronic",
        **{f"applicant_address.{part}": value for part, value in address.items()},
        **{f"site.{part}": value for part, value in address.items()},
        "place.governorate": center.governorate,
        "place.center": center.code,
        **INVENTED["answers"][service.code],
        **_dates(service.code, filed_on),
    }


def _dates(service: str, filed_on: date) -> dict[str, str]:
    def day(days: int) -> str:
        return f"{filed_on + timedelta(days=days):%d/%m/%Y}"

    return {
        "shop-licence-new": {"contract_date": day(-90)},
        "waste-fee-clearance": {"period_from": day(-330), "period_to": day(-1)},
        "road-occupation-permit": {"start_date": day(25)},
        "excavation-permit": {"start_date": day(25)},
    }.get(service, {})


def staff_name(role: Role, place: str) -> str:
    """How the account of ``role`` at a place is called."""
    return f"{INVENTED['staff'][role]} – {place}"
