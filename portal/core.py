"""The composition of everything that is no web page: for the web, the worker and the commands.

Here, and only here, the portal's parts are put together and the back office is tied to the relay:
each side gets a way to fetch the documents that the other's messages link to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from payments.provider import Provider
from payments.stripe_client import StripeProvider
from portal.backoffice import reading
from portal.backoffice.acts import Desk
from portal.backoffice.inbox import Inbox
from portal.backoffice.model import CenterEvent
from portal.backoffice.refusals import Refusals
from portal.catalogue.loader import load_catalogue
from portal.catalogue.model import Catalogue
from portal.clock import Clock
from portal.db import Database
from portal.files import FileStore
from portal.finance.reconciling import Reconciling
from portal.handoff.inward import Inward
from portal.handoff.keys import OwnCenters
from portal.handoff.links import DocumentLinks
from portal.handoff.model import OutboxMessage
from portal.handoff.packing import PlainPacking
from portal.handoff.relay import Relay
from portal.handoff.transports.ways import Ends, Ways, open_ways
from portal.i18n import Languages
from portal.migrations.newest import is_newest
from portal.notifications.channels import Channel, make_channel
from portal.notifications.queue import Sender
from portal.places.finder import Finder
from portal.places.hours import Hours, load_hours
from portal.places.model import Places, load_places
from portal.requests import uploads
from portal.requests.answering import Answers
from portal.requests.completing import Shelver
from portal.requests.handing_off import HandOff
from portal.requests.lookups import FormLookups, PlaceLists
from portal.requests.paying import Cashier
from portal.requests.payment_news import PaymentNews
from portal.requests.refunding import Refunder
from portal.settings import Settings
from portal.signatures import Signatures
from portal.vault import Vault


@dataclass(frozen=True)
class Core:
    """The parts that every process shares."""

    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    catalogue: Catalogue
    places: Places
    finder: Finder
    hours: Hours
    place_lists: PlaceLists
    languages: Languages
    files: FileStore
    center_files: FileStore
    channel: Channel
    hand_off: HandOff
    provider: Provider
    cashier: Cashier
    refunder: Refunder
    payment_news: PaymentNews
    reconciling: Reconciling
    desk: Desk
    signatures: Signatures

    def lookups(self, db: Connection) -> FormLookups:
        """What forms need from outside the catalogue, in the caller's transaction."""
        return FormLookups(self.place_lists, db, self.languages.pair)

    def trouble(self) -> str:
        """What keeps the portal from its work, in a word: nothing, or its database."""
        try:
            with self.database.read() as db:
                return "" if is_newest(db) else "migrations"
        except SQLAlchemyError:
            return "database"


@dataclass(frozen=True)
class Loops:
    """What the worker runs again and again."""

    outward: Relay
    inward: Relay
    ways: Ways
    """Their transports, and what takes up the messages of a broker."""
    door: Inward
    sender: Sender
    shelver: Shelver


def build_core(settings: Settings, clock: Clock, *, durable: bool = True) -> Core:
    """Put the parts together; reads and checks catalogue and places."""
    vault = Vault(settings.secret_keys)
    database = Database(settings.database_url, durable=durable)
    catalogue, places = load_catalogue(), load_places()
    hand_off = HandOff(catalogue, vault)
    provider = StripeProvider(
        settings.payments_api_key,
        settings.payments_base_url,
        settings.payments_webhook_secret,
        settings.payments_methods,
    )
    cashier = Cashier(
        database,
        vault,
        provider,
        hand_off,
        places,
        clock,
        settings.public_url,
        live=not settings.demo,
    )
    refunder = Refunder(database, vault, provider, clock)
    return Core(
        settings=settings,
        clock=clock,
        database=database,
        vault=vault,
        catalogue=catalogue,
        places=places,
        finder=Finder(places),
        hours=load_hours(),
        place_lists=PlaceLists(places),
        languages=Languages(),
        files=FileStore(settings.files_dir / "portal", vault),
        center_files=FileStore(settings.files_dir / "centers", vault),
        channel=make_channel(settings.sms_url, database, vault, clock),
        hand_off=hand_off,
        provider=provider,
        cashier=cashier,
        refunder=refunder,
        payment_news=PaymentNews(database, provider, cashier, refunder, clock),
        reconciling=Reconciling(database, provider, cashier, refunder, clock),
        desk=Desk(vault),
        signatures=Signatures(database, vault, clock),
    )


def build_loops(core: Core) -> Loops:
    """The relays in both directions, and the other loops of the worker."""
    database, vault, clock = core.database, core.vault, core.clock
    receiver = Inbox(database, vault, core.center_files, _from_portal(core), clock)
    answers = Answers(vault, core.catalogue, core.places, core.files, _from_center(core), clock)
    door = Inward(database, vault, answers.handlers(), clock)
    to_centers = PlainPacking(DocumentLinks(vault, "portal"), clock)
    to_portal = PlainPacking(DocumentLinks(vault, "center"), clock)
    ends = Ends(
        at_office=lambda parcel: receiver.receive(to_centers.unpack(parcel.body)),
        refused_at_office=Refusals(database, clock).keep,
        at_door=lambda parcel: door.deliver(to_portal.unpack(parcel.body)),
        own_centers=OwnCenters(database, core.places.centers),
    )
    ways = open_ways(core.settings.queue, list(core.places.centers), ends)
    return Loops(
        outward=Relay(database, vault, OutboxMessage, ways.outward, to_centers, clock),
        inward=Relay(database, vault, CenterEvent, ways.inward, to_portal, clock),
        ways=ways,
        door=door,
        sender=Sender(
            database, vault, core.channel, core.languages, core.settings.public_url, clock
        ),
        shelver=Shelver(database, vault, core.hand_off, core.places, clock),
    )


def _from_portal(core: Core) -> Callable[[str], BinaryIO]:
    """Opens a document of the portal by a link that the portal signed."""
    links = DocumentLinks(core.vault, "portal")

    def fetch(link: str) -> BinaryIO:
        file_id = links.read(link, core.clock.now())
        with core.database.read() as db:
            file, _, _ = uploads.find(db, core.vault, file_id)
        return core.files.open(file.storage_key)

    return fetch


def _from_center(core: Core) -> Callable[[str], BinaryIO]:
    """Opens a document of a center by a link that the center signed."""
    links = DocumentLinks(core.vault, "center")

    def fetch(link: str) -> BinaryIO:
        file_id = links.read(link, core.clock.now())
        with core.database.read() as db:
            file = reading.document_by_id(db, core.vault, file_id)
        return core.center_files.open(file.storage_key)

    return fetch
