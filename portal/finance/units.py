"""Whose money it is: a request's center, and the centers of a governorate."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.places.model import Places
from portal.requests.model import ServiceRequest

NATIONAL = "EG"


def centers_of(places: Places, scope: str) -> tuple[str, ...] | None:
    """The centers whose money somebody of ``scope`` sees; None for all of it."""
    if scope == NATIONAL:
        return None
    return tuple(center.code for center in places.centers_of(scope))


def unit_of(db: Connection, references: Sequence[str]) -> Mapping[str, str]:
    """The center of each request."""
    if not references:
        return {}
    rows = db.execute(
        select(ServiceRequest.number, ServiceRequest.center_code).where(
            ServiceRequest.number.in_(references)
        )
    )
    return {row.number: row.center_code for row in rows}


def is_of(
    reference: InstrumentedAttribute[str], centers: Sequence[str] | None
) -> tuple[ColumnElement[bool], ...]:
    """Conditions: the reference is a request of one of these centers; none for None."""
    if centers is None:
        return ()
    own = select(ServiceRequest.number).where(ServiceRequest.center_code.in_(centers))
    return (reference.in_(own),)
