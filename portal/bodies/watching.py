"""Whom a change of a permit concerns: bodies that asked about it, where notices were agreed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import aliased

from portal.bodies import notices
from portal.bodies.model import BodyAgreement, BodyWatch, OutsideBody
from portal.bodies.notices import NoticeType
from portal.clock import Clock, cairo_day
from portal.db import Database, insert_missing
from portal.permits.model import NOTE, BuildingPermit, PermitAct
from portal.permits.numbers import PermitNumber
from portal.permits.registry import PermitAction
from portal.vault import Vault

KEPT = timedelta(days=365)
"""So long after its newest question is a body told."""
_BATCH = 500  # acts of one transaction: a few milliseconds where nobody watches


def watch(
    db: Connection,
    body_code: str,
    permit_id: int,
    revision: int,
    purpose: str,
    reference: str,
    at: datetime,
) -> None:
    """From now on the body is told what becomes of a permit that it was answered about.

    ``revision`` is the permit's as the answer told it. What came between the reading and this is
    told, too: the permit is held still for the rest of the transaction, and acts that were
    announced before anybody knew of this watch are announced once more.
    """
    told = {
        "purpose": purpose,
        "reference": reference,
        "revision": revision,
        "since": at,
        "until": cairo_day(at) + KEPT,
    }
    key = {"body_code": body_code, "permit_id": permit_id}
    if insert_missing(db, insert(BodyWatch).values(**key, **told)) is None:
        db.execute(update(BodyWatch).filter_by(**key).values(**told))
    held = select(BuildingPermit.revision).where(BuildingPermit.id == permit_id)
    if db.scalar(held.with_for_update(read=True)) != revision:
        db.execute(
            update(PermitAct)
            .where(PermitAct.permit_id == permit_id, PermitAct.revision > revision)
            .values(announced=False)
        )


class Announcer:
    """Turns acts of the register into notices, a batch in a transaction.

    An act is marked in the transaction that writes its notices, so a worker that dies has done
    both or neither. Workers pass over what another one holds; of one permit the next act is taken
    only after the one before, so its news keep their order.
    """

    def __init__(self, database: Database, vault: Vault, public_url: str, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._public_url = public_url
        self._clock = clock

    def run_once(self) -> int:
        """Announce the next acts; how many."""
        now = self._clock.now()
        with self._database.begin() as db:
            acts = db.scalars(next_acts()).all()
            if acts:
                self._tell(db, acts, now)
                db.execute(update(PermitAct).where(PermitAct.id.in_(acts)).values(announced=True))
        return len(acts)

    def _tell(self, db: Connection, acts: Sequence[int], now: datetime) -> None:
        for row in db.execute(_concerned(cairo_day(now)), {"acts": acts}).mappings():
            if row["status"] != row["before"] or row["act"] == PermitAction.RENUMBER:
                number = PermitNumber(row["number"], row["letter"], row["year"])
                notices.add(
                    db,
                    row["body_code"],
                    NoticeType.PERMIT_CHANGED,
                    f"{row['center_code']}/{number.canonical}",
                    self._data(row, number),
                    now,
                    purpose=row["purpose"],
                    permit_id=row["permit_id"],
                    act_id=row["act_id"],
                )

    def _data(self, row: RowMapping, number: PermitNumber) -> dict[str, Any]:
        """What is told: of the state, what the agreement has among its fields."""
        address = f"/permits/{row['center_code']}/{number.year}/{number.in_address}"
        permit = {
            "center": row["center_code"],
            "number": number.canonical,
            "href": self._public_url + quote(address),
        }
        renumbered = row["act"] == PermitAction.RENUMBER
        if renumbered and row["note"]:
            # the register notes «56/M/1998 > 57/M/1998»
            permit["formerly"] = self._vault.open(NOTE, row["note"]).partition(" > ")[0]
        # a renewal is for the day it was asked for, and holds from the day it was granted
        said_on = row["on"] if row["act"] != PermitAction.RENEW else None
        state = {
            "status": row["status"],
            "status_on": (said_on or cairo_day(row["at"])).isoformat(),
        }
        return {
            "permit": permit,
            "changed": "number" if renumbered else "status",
            **{name: value for name, value in state.items() if name in row["fields"]},
            "revision": row["revision"],
            "purpose": row["purpose"],
            "reference": row["reference"],
        }


def next_acts() -> Select[int]:
    """Acts that nobody has announced, the oldest first; each only when those before it of its
    permit are. Others pass over what one holds."""
    earlier = aliased(PermitAct, name="earlier")
    # written out, as the partial index has it
    waiting: ColumnElement[bool] = literal_column("NOT permit_acts.announced")
    still_waiting: ColumnElement[bool] = literal_column("NOT earlier.announced")
    before = select(earlier.id).where(
        earlier.permit_id == PermitAct.permit_id,
        earlier.revision < PermitAct.revision,
        still_waiting,
    )
    return (
        select(PermitAct.id)
        .where(waiting, ~before.exists())
        .order_by(PermitAct.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True, of=PermitAct)
    )


def _concerned(today: date) -> Select[Any]:
    """Each act, with the permit as it stands and a body that is to be told of it."""
    past = aliased(PermitAct)
    before = (
        select(past.status)
        .where(past.permit_id == PermitAct.permit_id, past.revision < PermitAct.revision)
        .order_by(past.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            PermitAct.id.label("act_id"),
            PermitAct.permit_id,
            PermitAct.revision,
            PermitAct.act,
            PermitAct.status,
            PermitAct.on.label("on"),
            PermitAct.at,
            PermitAct.note,
            before.label("before"),
            BuildingPermit.center_code,
            BuildingPermit.number,
            BuildingPermit.letter,
            BuildingPermit.year,
            BodyWatch.body_code,
            BodyWatch.purpose,
            BodyWatch.reference,
            BodyAgreement.fields,
        )
        .join(BuildingPermit, BuildingPermit.id == PermitAct.permit_id)
        .join(BodyWatch, BodyWatch.permit_id == PermitAct.permit_id)
        .join(OutsideBody, OutsideBody.code == BodyWatch.body_code)
        .join(
            BodyAgreement,
            and_(
                BodyAgreement.body_code == BodyWatch.body_code,
                notices.agreed(BodyWatch.purpose.expression, today),
            ),
        )
        .where(
            PermitAct.id.in_(bindparam("acts", expanding=True)),
            PermitAct.revision > BodyWatch.revision,
            BodyWatch.until >= today,
            OutsideBody.revoked_at.is_(None),
        )
        .order_by(PermitAct.id, BodyWatch.body_code)
    )
