"""How long is kept who asked about permits (law 151/2020: no longer than its purpose needs).

An asker's count serves the pace of an hour, and is forgotten after a day. The line itself (when,
by what, the class of the answer) serves the owner and whoever answers for the register, for the
period of ``PORTAL_PERMIT_LOG_DAYS``; why that long: docs/decisions/0031.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, update

from portal.permits.model import PermitInquiry

PACE_KEPT = timedelta(days=1)
_BATCH = 1000


def forget_pace(db: Connection, before: datetime) -> int:
    """Forget of some questions asked before then who asked how fast; how many they were."""
    return db.execute(_FORGET, {"before": before}).rowcount


def drop_old(db: Connection, before: datetime) -> int:
    """Drop some questions asked before then, the oldest first; how many."""
    oldest = db.execute(_OLDEST).all()
    ids = [row.id for row in oldest if row.at < before]
    return db.execute(delete(PermitInquiry).where(PermitInquiry.id.in_(ids))).rowcount if ids else 0


_FORGET = (
    update(PermitInquiry)
    .where(
        PermitInquiry.id.in_(
            select(PermitInquiry.id)
            .where(PermitInquiry.pace_key.is_not(None), PermitInquiry.at < bindparam("before"))
            .limit(_BATCH)
        )
    )
    .values(pace_key=None, open_to_all=False)
)
# they are numbered as they are asked
_OLDEST = select(PermitInquiry.id, PermitInquiry.at).order_by(PermitInquiry.id).limit(_BATCH)
