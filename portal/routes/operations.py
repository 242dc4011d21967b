"""For operators: health and metrics; for the demo: the phone that shows every message."""

from litestar import Response
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from payments.model import PaymentCase
from portal.clock import same
from portal.handoff import inward, outbox
from portal.notifications import sandbox
from portal.observability import (
    handoff_oldest_unanswered_seconds,
    handoff_unanswered,
    inward_stuck,
    outbox_oldest_seconds,
    outbox_parked,
    outbox_waiting,
    payment_cases_open,
    registry,
)
from portal.problems import Missing
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


@get_page("/health/live", Access.ANYONE)
def live() -> Response[bytes]:
    """The process answers."""
    return Response(b"ok", media_type="text/plain")


@get_page("/health/ready", Access.ANYONE)
def ready(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The process can do its work: the database answers."""
    try:
        with visit.portal.database.read() as db:
            db.scalar(select(1))
    except SQLAlchemyError:
        return Response(b"database", status_code=503, media_type="text/plain")
    return Response(b"ok", media_type="text/plain")


@get_page("/metrics", Access.OPERATOR)
def metrics(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Prometheus's text format; from this machine, or with the operator's token."""
    _check_operator(visit)
    _measure(visit)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _check_operator(visit: Visit) -> None:
    token = visit.portal.settings.metrics_token
    given = visit.request.headers.get("authorization", "").removeprefix("Bearer ")
    if token:
        allowed = same(token, given)
    else:
        forwarded = "x-forwarded-for" in visit.request.headers
        allowed = visit.address in _LOOPBACK and not forwarded
    if not allowed:
        raise Missing("metrics")


def _measure(visit: Visit) -> None:
    now = visit.portal.clock.now()
    with visit.portal.database.read() as db:
        backlog = outbox.backlog(db)
        waiting, parked = inward.shut_out(db)
        cases = db.scalar(
            select(func.count()).select_from(PaymentCase).where(PaymentCase.closed_at.is_(None))
        )
    outbox_waiting.set(backlog.waiting)
    outbox_parked.set(backlog.parked)
    handoff_unanswered.set(backlog.unanswered)
    for gauge, since in (
        (outbox_oldest_seconds, backlog.oldest_waiting_at),
        (handoff_oldest_unanswered_seconds, backlog.oldest_unanswered_at),
    ):
        gauge.set((now - since).total_seconds() if since else 0)
    inward_stuck.labels("waiting").set(waiting)
    inward_stuck.labels("parked").set(parked)
    payment_cases_open.set(cases or 0)


@get_page("/sandbox/messages", Access.ANYONE)
def messages(visit: NamedDependency[Visit]) -> Response[bytes]:
    portal = visit.portal
    if not portal.settings.demo:
        raise Missing("demo only")
    with portal.database.read() as db:
        shown = sandbox.newest(db, portal.vault)
    return portal.pages.page(visit, "sandbox/messages.html", messages=shown)


HANDLERS = [live, ready, metrics, messages]
