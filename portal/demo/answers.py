"""Answers of invented citizens for the services that the demo's year is made of."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from portal.catalogue.identity import local_mobile
from portal.catalogue.model import Service
from portal.places.model import Center

NAMES = (
    "منى السيد عبد الرحمن شلبي",
    "أحمد محمود حسن الجمل",
    "فاطمة إبراهيم علي نصار",
    "كريم عادل فتحي رزق",
    "هالة فوزي عبد الغني شاهين",
    "محمد سعيد مصطفى قنديل",
    "نجلاء حمدي أبو زيد سالم",
    "عماد الدين كمال رجب",
    "سارة جمال عبد الله الشرقاوي",
    "ياسر رمضان محمد عطية",
)


@dataclass(frozen=True)
class Applicant:
    """An invented person; the numbers belong to nobody (facts §7.1)."""

    name: str
    national_id: str
    mobile: str


_STREETS = ("شارع الجيش", "شارع ٢٣ يوليو", "شارع المحطة", "شارع بورسعيد", "شارع سعد زغلول")


def answers_for(
    service: Service, center: Center, who: Applicant, filed_on: date, index: int
) -> dict[str, Any]:
    """Raw answers with which the form of ``service`` is complete on the day of filing."""
    address = {
        "governorate": center.governorate,
        "center": center.code,
        "shiakha_or_village": f"بندر {center.place_ar}",
        "street": _STREETS[index % len(_STREETS)],
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
        **_OF_SERVICE[service.code],
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


_SIDES = ("north", "south", "east", "west")
_OF_SERVICE: dict[str, dict[str, Any]] = {
    "site-validity-statement": {
        "plot_area": "180",
        "street_width_m": "8",
        "inside_urban_boundary": "yes",
        "current_state": "vacant",
        "boundaries": [{"side": side, "neighbour": "شارع", "length_m": "13.5"} for side in _SIDES],
        "purpose": "new_build",
    },
    "shop-licence-new": {
        "trade_name": "مكتبة النور",
        "shop_area": "32",
        "floor": "0",
        "building_licensed": "yes",
        "building_ref": "25/2012",
        "possession": "rented",
        "activity": "stationery",
        "activity_detail": "أدوات مدرسية ومكتبية وتصوير مستندات",
        "food_handling": "no",
        "hazardous": "no",
        "noise_source": "no",
        "operation_hours": "day",
        "workers": "2",
        "temporary": "no",
        "manager_name": "منى السيد عبد الرحمن شلبي",
        "manager_national_id": "29001018800018",
    },
    "waste-fee-clearance": {
        "unit_category": "dwelling",
        "place_class": "town",
        "already_collected": "no",
    },
    "road-occupation-permit": {
        "shop_licence": "118/2021",
        "request_kind": "new",
        "months": "12",
        "occupation_kinds": ["showcase", "awning"],
        "area": "4",
        "sidewalk_width_m": "3.5",
        "clear_path_m": "1.8",
    },
    "address-numbering-certificate": {"request_kind": "new", "plate_wanted": "yes"},
    "building-permit-certified-copy": {
        "permit": "64/2009",
        "content": ["permit"],
        "copies": "2",
        "lost_original": "no",
        "purpose": "registry",
    },
    "shop-licence-replacement": {"licence": "77/2018", "reason": "damaged"},
    "municipal-complaint": {
        "category": "lighting",
        "urgent": "no",
        "description": "أعمدة الإنارة في الشارع مطفأة منذ أسبوعين.",
    },
    "excavation-permit": {
        "works_purpose": "private_connection",
        "executing_company": "شركة النور للمقاولات",
        "site_manager_mobile": "01000000001",
        "emergency": "no",
        "segments": [
            {
                "street": "شارع الجيش",
                "from_point": "أمام العقار",
                "to_point": "خط المياه الرئيسي",
                "length_m": "6",
                "width_m": "0.6",
                "depth_m": "1.2",
                "surface": "asphalt",
            }
        ],
        "duration_days": "3",
        "night_work": "no",
        "lane_closed": "no",
        "reinstatement_by": "local_unit",
    },
    "property-data-certificate": {
        "property_kind": "residential",
        "units_count": "1",
        "addressed_to": "notary",
        "letter_ref": "٣١٤ في ٢٠ يناير",
        "items": ["permit_exists", "floors", "violations"],
        "copies": "1",
    },
    "building-permit-restoration": {
        "works": ["plaster", "waterproofing"],
        "description": "ترميم بياض الواجهة وعزل السطح",
        "estimated_value": "85000",
        "duration_days": "60",
        "heritage": "no",
        "supervisor_name": "سامي فؤاد حنا",
        "supervisor_syndicate_no": "123456",
        "supervisor_specialty": "civil",
        "supervisor_mobile": "01000000002",
    },
    "kiosk-licence": {
        "request_kind": "new",
        "activity": "press",
        "priority_group": "none",
        "area": "4",
        "electricity_needed": "yes",
        "months": "12",
    },
}
