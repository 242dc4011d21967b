"""The composition root of the web: settings to an ASGI application."""

import os
import threading
from contextlib import suppress
from dataclasses import fields
from typing import Any

from litestar import Litestar, Request
from litestar.di import NamedDependency, Provide
from litestar.types import ASGIApp
from sqlalchemy.exc import SQLAlchemyError

from portal.bodies import accounts
from portal.catalogue.search.finder import ServiceFinder
from portal.clock import Clock, SystemClock
from portal.core import Core, build_core
from portal.identity import staff
from portal.observability import configure_logs
from portal.outages import health
from portal.outages.health import Part
from portal.problems import Missing
from portal.receipts.printing import Printer
from portal.routes import HANDLERS
from portal.settings import BadSetting, Settings, read_settings
from portal.text import is_readable
from portal.web.assets import Assets
from portal.web.errors import error_handlers, last_words
from portal.web.gate import Gate
from portal.web.http_forms import read_form, read_upload, swallow
from portal.web.late import HELD, keep_typed, let_go
from portal.web.pages import Pages
from portal.web.parts import Portal
from portal.web.routing import in_thread
from portal.web.visit import NotSignedIn, Visit
from portal.web.well_known import well_known


def build_portal(settings: Settings, clock: Clock, assets: Assets) -> Portal:
    """The core with its pages."""
    core = build_core(settings, clock)
    shared = {field.name: getattr(core, field.name) for field in fields(Core)}
    pages, search = Pages(settings, assets), ServiceFinder(core.catalogue)
    return Portal(**shared, pages=pages, search=search, printer=Printer())


def create_app(portal: Portal, assets: Assets) -> ASGIApp:
    """The application behind its gate."""

    def provide_portal() -> Portal:
        return portal

    def provide_visit(request: Request[Any, Any, Any]) -> Visit:
        # no service, draft or request is named so; PostgreSQL would not even look for a NUL
        if not all(is_readable(str(name)) for name in request.path_params.values()):
            raise Missing("address")
        return Visit(request, portal)

    app = Litestar(
        HANDLERS,
        dependencies={
            "portal": Provide(provide_portal, sync_to_thread=False),
            "visit": Provide(provide_visit, sync_to_thread=False),
            "form": Provide(_posted),
            "upload_form": Provide(_uploaded),
        },
        exception_handlers=error_handlers(portal),
        openapi_config=None,
        request_max_body_size=None,  # the forms bound their own bodies
        logging_config=None,
        debug=False,
    )
    return Gate(
        app,
        portal.settings,
        assets.also(well_known(portal, assets)),
        portal.pages.shared,
        portal.clock,
        last_words(portal),
    )


async def _posted(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Any:
    form = await read_form(request)
    try:
        yield form
        if form.text(HELD):
            await in_thread(let_go)(visit=visit, form=form)
    except NotSignedIn:
        await in_thread(keep_typed)(visit=visit, form=form)
        raise
    finally:
        form.discard_files()  # no page of ours sends any here, but anyone may


async def _uploaded(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Any:
    try:
        await in_thread(visit.must_be_signed_in)()
    except NotSignedIn:
        await swallow(request)
        raise
    form = await read_upload(request)
    try:
        yield form
    finally:
        form.discard_files()


def create() -> ASGIApp:
    """The application of this environment: what the server loads."""
    configure_logs()
    settings, clock, assets = read_settings(os.environ), SystemClock(), Assets()
    portal = build_portal(settings, clock, assets)
    if not settings.demo:
        with portal.database.read() as db:
            if staff.has_demo_accounts(db):
                raise BadSetting("PORTAL_MODE", "demo accounts are open: close them first")
            if accounts.has_demo_keys(db):
                raise BadSetting("PORTAL_MODE", "bodies have the demo's key: revoke it first")
    threading.Thread(target=_beat, args=(portal,), name="beat", daemon=True).start()
    return create_app(portal, assets)


def _beat(portal: Portal) -> None:
    """Say again and again that the pages are served: a gap is an outage."""
    pause = threading.Event()
    while True:
        with suppress(SQLAlchemyError), portal.database.begin() as db:
            health.works(db, Part.PAGES, portal.clock.now())
        pause.wait(health.BEAT.total_seconds())
