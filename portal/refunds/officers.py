"""Who looks at money, and of which centers."""

from collections.abc import Collection
from dataclasses import dataclass

from portal.identity.roles import Permission, may
from portal.identity.sessions import StaffSession
from portal.places.model import Places
from portal.problems import Refused


@dataclass(frozen=True)
class Officer:
    """An employee. ``centers`` are the codes of those that he may look at; None is every one."""

    username: str
    role: str
    centers: Collection[str] | None

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)

    def must(self, permission: Permission) -> None:
        """Raises :class:`~portal.problems.Refused`."""
        if not self.may(permission):
            raise Refused(f"{self.role} may not {permission}")

    def sees(self, center: str) -> bool:
        return self.centers is None or center in self.centers


def officer_of(session: StaffSession, places: Places) -> Officer:
    """A center's employee sees its own, a governorate's all of its centers, the ministry's all."""
    centers: Collection[str] | None = (session.scope,)
    if session.scope == "EG":
        centers = None
    elif session.scope in places.governorates:
        centers = tuple(
            code for code, each in places.centers.items() if each.governorate == session.scope
        )
    return Officer(session.username, session.role, centers)
