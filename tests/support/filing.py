"""Requests that wait for their payment, filed as the demo's are."""

from portal.core import Core
from portal.demo.answers import Applicant
from portal.demo.filing import file_request
from tests.support.answers import NATIONAL_ID

SERVICE, CENTER = "address-numbering-certificate", "KFS-003"


def file_unpaid(core: Core, mobile: str, index: int, center: str = CENTER) -> str:
    """The number of a new request of whoever has this local ``mobile`` number."""
    service = core.catalogue.services[SERVICE]
    who = Applicant("سارة محمد علي حسن", NATIONAL_ID, f"+2{mobile}")
    return file_request(core, who, service, core.places.centers[center], index, core.clock.now())
