"""Messages that a broker brought and that the back office can never take: kept to be looked at.

The broker has let go of them; what was in them is still in the portal's outbox, from which
``portal handoff replay`` sends them again. One that is taken then is refused no more.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, insert, literal, select

from portal.backoffice.model import CenterRefusal, TakenMessage
from portal.clock import Clock
from portal.db import Database
from portal.handoff.aside import SetAside, of_centers
from portal.handoff.transports import Parcel

_LONGEST_REASON = 200


class Refusals:
    """Keeps what was refused."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, parcel: Parcel, reason: str) -> None:
        """The last reason counts."""
        with self._database.begin() as db:
            db.execute(delete(CenterRefusal).where(CenterRefusal.id == parcel.id))
            db.execute(
                insert(CenterRefusal).values(
                    id=parcel.id,
                    type=parcel.type,
                    center_code=parcel.center,
                    subject=parcel.subject,
                    reason=reason[:_LONGEST_REASON],
                    refused_at=self._clock.now(),
                )
            )


def standing(
    db: Connection, centers: Sequence[str] | None = None, most: int | None = None
) -> list[SetAside]:
    """What is refused and was not taken since, at these centers or at all, the oldest first."""
    taken = exists().where(TakenMessage.id == CenterRefusal.id)
    rows = db.execute(
        select(
            CenterRefusal.id,
            CenterRefusal.type,
            CenterRefusal.subject,
            CenterRefusal.center_code,
            literal("refused"),
            CenterRefusal.reason,
        )
        .where(~taken, *of_centers(CenterRefusal.center_code, centers))
        .order_by(CenterRefusal.refused_at)
        .limit(most)
    )
    return [SetAside(*row) for row in rows]
