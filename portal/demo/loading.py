"""Loads the demo once: accounts of staff, registers of dues, deposits, licences and permits,
outside bodies."""

from datetime import date, timedelta

from sqlalchemy import Connection, func, insert, select

from portal.bodies.model import OutsideBody
from portal.clock import cairo_day
from portal.core import Core
from portal.demo.answers import INVENTED, staff_name
from portal.demo.bodies import load_bodies
from portal.demo.body_inquiries import load_inquiries
from portal.demo.permits import load_permits
from portal.identity.model import Staff
from portal.identity.roles import CENTER_ROLES, GOVERNORATE_ROLES, NATIONAL_ROLES, Role
from portal.identity.staff import hash_password
from portal.permits.model import BuildingPermit
from portal.places.model import Center
from portal.registers.model import RegisterDue, RegisterRecord

PASSWORD = "demo"  # noqa: S105 - the demo's, written in the README; production refuses it
RECORDS_EACH = 8
# Numbers that every center's registers hold, so that any place can be tried
CONTRACTS = tuple(f"{1201 + n}/2024" for n in range(RECORDS_EACH))
RECONCILIATIONS = tuple(f"{301 + n}/2025" for n in range(RECORDS_EACH))
DEPOSITS = tuple(f"{501 + n}/2025" for n in range(RECORDS_EACH))
SIGNS = tuple(f"{701 + n}/2024" for n in range(RECORDS_EACH))


def load_demo(core: Core) -> None:
    """Everything, in transactions of its own; what is there already stays as it is."""
    now = core.clock.now()
    with core.database.begin() as db:
        if not db.scalar(select(func.count()).select_from(Staff).where(Staff.demo)):
            _load_staff(db, core)
    with core.database.begin() as db:
        if not db.scalar(select(func.count()).select_from(RegisterRecord)):
            _load_registers(db, list(core.places.centers.values()), cairo_day(now))
    with core.database.begin() as db:
        if not db.scalar(select(func.count()).select_from(BuildingPermit)):
            load_permits(db, core, now, cairo_day(now))
    with core.database.begin() as db:
        if not db.scalar(select(func.count()).select_from(OutsideBody)):
            load_bodies(db, now, cairo_day(now))
            load_inquiries(db, core, now)


def _load_staff(db: Connection, core: Core) -> None:
    """``role@PLACE`` for every place. One hash serves all: the password is no secret."""
    hashed, now = hash_password(PASSWORD), core.clock.now()
    places: list[tuple[str, str, tuple[Role, ...]]] = [
        ("EG", INVENTED["ministry"], NATIONAL_ROLES),
        *((g.code, g.ar, GOVERNORATE_ROLES) for g in core.places.governorates.values()),
        *((c.code, c.place_ar, CENTER_ROLES) for c in core.places.centers.values()),
    ]
    db.execute(
        insert(Staff),
        [
            {
                "username": f"{role}@{code}",
                "display_name": staff_name(role, name),
                "role": role,
                "scope": code,
                "password_hash": hashed,
                "demo": True,
                "created_at": now,
            }
            for code, name, roles in places
            for role in roles
        ],
    )


def _load_registers(db: Connection, centers: list[Center], today: date) -> None:
    records: list[dict[str, object]] = []
    for center in centers:
        if center.takes_sites:
            records += _records_of(center.code, today)
    db.execute(insert(RegisterRecord), records)
    owing = db.execute(
        select(RegisterRecord.id, RegisterRecord.kind, RegisterRecord.number).where(
            RegisterRecord.kind.in_(("property_dues", "reconciliation_dues"))
        )
    ).all()
    dues: list[dict[str, object]] = []
    for record_id, kind, number in owing:
        serial = int(number.split("/")[0])
        count = 4 if kind == "property_dues" else 6
        base = 45_000 + 1_250 * (serial % 7) if kind == "property_dues" else 1_250_000
        for position in range(1, count + 1):
            due_on = today + timedelta(days=91 * (position - count))
            dues.append(
                {
                    "record_id": record_id,
                    "position": position,
                    "due_on": due_on,
                    "amount": base + 5_000 * (position % 3),
                }
            )
    db.execute(insert(RegisterDue), dues)


def _records_of(center: str, today: date) -> list[dict[str, object]]:
    def record(kind: str, number: str, data: dict[str, object]) -> dict[str, object]:
        return {"kind": kind, "center_code": center, "number": number, "data": data}

    signs = [
        record(
            "advertisement_licence",
            number,
            {
                "area_confirm": 4.5,
                "faces": 1 + index % 2,
                "signs_count": 1,
                "digital": index % 4 == 3,
                "on_public_property": index % 2 == 0,
                "zone": f"zone_{1 + index % 3}",
                "expires_on": (today + timedelta(days=45 + 10 * index)).isoformat(),
            },
        )
        for index, number in enumerate(SIGNS)
    ]
    return [
        *(record("property_dues", number, {}) for number in CONTRACTS),
        *(record("reconciliation_dues", number, {}) for number in RECONCILIATIONS),
        *(
            record("deposits", number, {"amount": 2_000 + 500 * index})
            for index, number in enumerate(DEPOSITS)
        ),
        *signs,
    ]
