"""Everything that a running portal is made of, in one value that routes are given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from portal.backoffice.acts import Desk
from portal.catalogue.model import Catalogue
from portal.clock import Clock
from portal.db import Database
from portal.files import FileStore
from portal.i18n import Languages
from portal.notifications.channels import Channel
from portal.places.model import Places
from portal.requests.handing_off import HandOff
from portal.requests.paying import Cashier
from portal.settings import Settings
from portal.vault import Vault
from portal.web.pages import Pages


@dataclass(frozen=True)
class Portal:
    """The parts of the web application."""

    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    catalogue: Catalogue
    places: Places
    languages: Languages
    pages: Pages
    files: FileStore
    center_files: FileStore
    channel: Channel
    hand_off: HandOff
    cashier: Cashier
    desk: Desk
    fetch: Callable[[str], BinaryIO]
