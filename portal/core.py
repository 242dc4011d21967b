"""The composition of everything that is no web page: for the web, the worker and the commands.

Here, and only here, the portal's parts are put together and the back office is tied to the relay:
each side gets a way to fetch the documents that the other's messages link to.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import BinaryIO

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from payments.provider import Provider
from payments.stripe_client import StripeProvider
from portal.backoffice import reading
from portal.backoffice.acts import Desk
from portal.backoffice.inbox import Inbox
from portal.backoffice.model import CenterEvent, OfficeKey
from portal.backoffice.refusals import Refusals
from portal.bodies.answering import Answering
from portal.bodies.buckets import Buckets
from portal.bodies.courier import Courier
from portal.bodies.jobs import Jobs
from portal.bodies.tokens import Tokens
from portal.bodies.watching import Announcer
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Catalogue
from portal.clock import Clock
from portal.db import Database
from portal.files import FileStore
from portal.finance.reconciling import Reconciling
from portal.handoff import outbox
from portal.handoff import uploads as center_uploads
from portal.handoff.authentic import Authentic
from portal.handoff.door import Door
from portal.handoff.inward import Inward
from portal.handoff.keys import CenterKeys, OwnCenters
from portal.handoff.links import DocumentLinks
from portal.handoff.model import OutboxMessage
from portal.handoff.pace import BURST_OF_DOCUMENTS, DOCUMENTS_A_SECOND, Pace
from portal.handoff.packing import SignedPacking, Unpacking
from portal.handoff.relay import Relay
from portal.handoff.transports import Parcel, TransportDown
from portal.handoff.transports.ways import Ends, Ways, open_ways
from portal.i18n import Languages
from portal.migrations.newest import is_newest
from portal.notifications.channels import Channel, make_channel
from portal.notifications.queue import Sender
from portal.permits.filling import fill
from portal.permits.import_rounds import ImportRounds
from portal.places.finder import Finder
from portal.places.hours import Hours, load_hours
from portal.places.model import Places, load_places
from portal.problems import Missing
from portal.requests import uploads
from portal.requests.answering import Answers
from portal.requests.completing import Shelver
from portal.requests.handing_off import HandOff
from portal.requests.lapsing import Lapser
from portal.requests.lookups import FormLookups, PlaceLists
from portal.requests.paying import Cashier
from portal.requests.payment_news import PaymentNews
from portal.requests.refunding import Refunder
from portal.requests.tolling import Toller
from portal.requests.withdrawing import Withdrawer
from portal.settings import Settings
from portal.signatures import Signatures
from portal.vault import Vault

# An event of the own back office that the door refused is signed and sent anew so much later
_REFUSED_AGAIN = timedelta(minutes=1)


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
    toller: Toller
    withdrawer: Withdrawer
    desk: Desk
    signatures: Signatures
    office_signatures: Signatures
    """The back office's own, on its side of the wall."""
    center_keys: CenterKeys
    authentic: Authentic
    inward: Inward
    door: Door
    asking_pace: Pace
    """How fast a center may ask what became of its events."""
    document_pace: Pace
    """How fast it may upload documents."""
    links: DocumentLinks
    uploaded_links: DocumentLinks
    uploaded_files: FileStore
    """What centers uploaded for events that are still to come."""
    answering: Answering
    """Answers what outside bodies ask of the register of permits."""
    tokens: Tokens
    """Their tokens."""
    body_buckets: Buckets
    """How fast they may come at all."""
    permit_files: FileStore
    """Paper books of building permits that centers sent as files."""

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
    lapser: Lapser
    jobs: Jobs
    announcer: Announcer
    courier: Courier
    imports: ImportRounds


def build_core(settings: Settings, clock: Clock, *, durable: bool = True) -> Core:
    """Put the parts together; reads and checks catalogue and places."""
    vault = Vault(settings.secret_keys)
    database = Database(settings.database_url, durable=durable)
    catalogue, places = shipped_catalogue(), load_places()
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
    languages, signatures = Languages(), Signatures(database, vault, clock)
    office_signatures = Signatures(database, vault, clock, OfficeKey)
    files = FileStore(settings.files_dir / "portal", vault)
    center_files = FileStore(settings.files_dir / "centers", vault)
    uploaded_files = FileStore(settings.files_dir / "uploaded", vault)
    documents = f"{settings.public_url}/api/v1/handoff/documents/"
    uploaded_links = DocumentLinks(vault, "uploaded", documents)
    from_centers = _FromCenters(
        database, vault, clock, center_files, uploaded_links, uploaded_files
    )
    answers = Answers(
        vault,
        catalogue,
        places,
        files,
        from_centers.open,
        clock,
        hand_off,
        settings.payments_sale_only,
        partial(fill, vault=vault),
    )
    links_of_centers = (uploaded_links, DocumentLinks(vault, "center"))
    inward = Inward(database, vault, answers.handlers(), languages.pair, clock, links_of_centers)
    center_keys = CenterKeys(database, office_signatures.published, clock)
    authentic = Authentic(center_keys, clock, settings.public_url)
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
        languages=languages,
        files=files,
        center_files=center_files,
        channel=make_channel(settings.sms_url, database, vault, clock),
        hand_off=hand_off,
        provider=provider,
        cashier=cashier,
        refunder=refunder,
        payment_news=PaymentNews(database, provider, cashier, refunder, clock),
        reconciling=Reconciling(database, provider, cashier, refunder, clock),
        toller=Toller(database, vault, hand_off, places, clock),
        withdrawer=Withdrawer(database, vault, cashier, hand_off, places, clock),
        desk=Desk(vault),
        signatures=signatures,
        office_signatures=office_signatures,
        center_keys=center_keys,
        authentic=authentic,
        inward=inward,
        door=Door(authentic, inward, Pace()),
        asking_pace=Pace(),
        document_pace=Pace(BURST_OF_DOCUMENTS, DOCUMENTS_A_SECOND),
        links=DocumentLinks(vault, "portal", documents),
        uploaded_links=uploaded_links,
        uploaded_files=uploaded_files,
        answering=Answering(vault, places, signatures, settings.public_url),
        tokens=Tokens(signatures, settings.public_url),
        body_buckets=Buckets(database, clock),
        permit_files=FileStore(settings.files_dir / "permits", vault),
    )


def build_loops(core: Core) -> Loops:
    """The relays in both directions, and the other loops of the worker."""
    database, vault, clock = core.database, core.vault, core.clock
    receiver = Inbox(database, vault, core.center_files, _from_portal(core), clock)
    office = core.office_signatures
    to_centers = SignedPacking(core.links, clock, core.signatures.sign_bytes)
    to_portal = SignedPacking(DocumentLinks(vault, "center"), clock, office.sign_bytes)
    at_office = Unpacking(core.signatures.trusted)

    ends = Ends(
        at_office=lambda parcel: receiver.receive(at_office.unpack(parcel.body)),
        refused_at_office=Refusals(database, clock).keep,
        at_door=partial(from_own_office if core.settings.queue.embedded else from_broker, core),
        own_centers=OwnCenters(database, core.places.centers),
    )
    ways = open_ways(core.settings.queue, list(core.places.centers), ends)
    return Loops(
        outward=Relay(database, vault, OutboxMessage, ways.outward, to_centers, clock),
        inward=Relay(database, vault, CenterEvent, ways.inward, to_portal, clock),
        ways=ways,
        door=core.inward,
        sender=Sender(
            database, vault, core.channel, core.languages, core.settings.public_url, clock
        ),
        shelver=Shelver(database, vault, core.hand_off, core.places, clock),
        lapser=Lapser(database, vault, core.catalogue, core.hand_off, core.places, clock),
        jobs=Jobs(database, vault, core.answering, clock),
        announcer=Announcer(database, vault, core.settings.public_url, clock),
        courier=Courier(
            database,
            core.signatures.sign_bytes,
            clock,
            core.settings.webhooks_ca,
            proxy=core.settings.webhooks_proxy,
            loopback=core.settings.webhooks_loopback,
        ),
        imports=ImportRounds(database, vault, core.permit_files, core.places, clock),
    )


def from_own_office(core: Core, parcel: Parcel) -> None:
    """Without a broker only the own back office comes to the door this way.

    Its outbox keeps what the door refuses, as for a key that was revoked, and signs it anew when
    it is tried again: raises :class:`TransportDown`.
    """
    outcome = core.door.take(parcel.body, parcel.center)
    if outcome.state == "refused":
        raise TransportDown(f"refused at the door: {outcome.reason}")


def from_broker(core: Core, parcel: Parcel) -> None:
    """Whoever it was: what the own back office sent and the door refuses is signed and sent anew;
    of what is anybody else's the beginning is kept for the operator."""
    outcome = core.door.take(parcel.body, parcel.center)
    if outcome.refusal is None or outcome.state != "refused":
        return
    later = core.clock.now() + _REFUSED_AGAIN
    with core.database.begin() as db:
        own = outbox.again(db, CenterEvent, parcel.id, parcel.center, later)
    if not own:
        core.inward.keep_unsigned(parcel.center, parcel.body, outcome.refusal)


def _from_portal(core: Core) -> Callable[[str], BinaryIO]:
    """Opens a document of the portal by a link that the portal signed."""

    def fetch(link: str) -> BinaryIO:
        file_id = core.links.read(link, core.clock.now())
        with core.database.read() as db:
            file, _, _ = uploads.find(db, core.vault, file_id)
        return core.files.open(file.storage_key)

    return fetch


@dataclass(frozen=True)
class _FromCenters:
    """Opens a document of a center: one of the own back office by the link that it signed, one of
    any other where the center has uploaded it."""

    database: Database
    vault: Vault
    clock: Clock
    center_files: FileStore
    uploaded_links: DocumentLinks
    uploaded_files: FileStore

    def open(self, link: str) -> BinaryIO:
        now = self.clock.now()
        with suppress(Missing):
            upload_id = self.uploaded_links.read(link, now)
            with self.database.read() as db:
                uploaded = center_uploads.find(db, upload_id)
            return self.uploaded_files.open(uploaded.storage_key)
        file_id = DocumentLinks(self.vault, "center").read(link, now)
        with self.database.read() as db:
            file = reading.document_by_id(db, self.vault, file_id)
        return self.center_files.open(file.storage_key)
