"""A request for a building permit, from its filing to the paper that its center issues."""

from tests.support.local import LocalPortal
from tests.support.people import Citizen, Employee, Page


def issued(local: LocalPortal, service: str, output: str, citizen: Citizen | None = None) -> str:
    """File, accept, assess, pay and approve it; its number."""
    citizen = citizen or local.someone()
    filed = local.filed(service, citizen).hook("request-number")
    clerk, head = local.employee("front_office"), local.employee("department_head")
    clerk.act(filed, "register", {})
    clerk.act(filed, "accept", {})
    local.relay()
    if head.open(filed).tree.xpath("//a[contains(@href, '/assess')]"):
        _assess(local.employee("department_officer"), filed)
        head.act(filed, "confirm-fees", {})
        local.relay()
        page = citizen.get(f"/requests/{filed}/pay")
        if page.path.endswith("/pay"):
            citizen.pay(page)
        local.relay()
    page = head.approve(filed, output)
    assert page.status == 200, page.errors()
    local.relay()
    assert citizen.get(f"/requests/{filed}").hook("state") == "issued"
    return filed


def _assess(officer: Employee, number: str) -> Page:
    page = officer.get(f"/center/requests/{number}/assess")
    page = officer.send(page, {}, "/assess")
    return officer.send(page, {}, "/assess") if page.path.endswith("/assess") else page
