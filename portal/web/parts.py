"""The web application's parts: the core's, and its pages."""

from dataclasses import dataclass

from portal.core import Core
from portal.web.pages import Pages


@dataclass(frozen=True)
class Portal(Core):
    """Everything that a route is given."""

    pages: Pages
