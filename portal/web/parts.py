"""The web application's parts: the core's, its pages, and the search over its services."""

from dataclasses import dataclass

from portal.catalogue.search.finder import ServiceFinder
from portal.core import Core
from portal.receipts.printing import Printer
from portal.web.pages import Pages


@dataclass(frozen=True)
class Portal(Core):
    """Everything that a route is given."""

    pages: Pages
    search: ServiceFinder
    printer: Printer
