"""What a center decides, in few words."""

from tests.support.local import LocalPortal
from tests.support.paying import SERVICE, state_of
from tests.support.people import Citizen


def refused(local: LocalPortal, citizen: Citizen) -> str:
    """The number of a request of the citizen that its center has refused."""
    number = local.filed(SERVICE, citizen).hook("request-number")
    clerk = local.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    local.relay()
    why = {"reasons": "incomplete", "refusal_note": "العنوان خارج حدود المركز"}
    local.employee("department_head").act(number, "refuse", why)
    local.relay()
    assert state_of(local, number) == "refused"
    return number
