"""For operators: health and metrics; for the demo: the phone that shows every message."""

from datetime import datetime

from litestar import Response
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from payments import cases, webhooks
from portal.backoffice import refusals
from portal.backoffice.model import CenterEvent
from portal.bodies import jobs, notices, searching
from portal.clock import same
from portal.handoff import inward, outbox
from portal.handoff.model import OutboxMessage
from portal.notifications import queue as notifications
from portal.notifications import sandbox
from portal.observability import (
    body_jobs_late_seconds,
    body_jobs_open,
    body_notices_oldest_seconds,
    body_notices_waiting,
    body_searches_late,
    body_searches_waiting,
    body_webhooks_failing,
    body_webhooks_gone,
    centers_silent,
    handoff_oldest_unanswered_seconds,
    handoff_refused_at_centers,
    handoff_unanswered,
    handoff_unanswered_late,
    inward_stuck,
    notifications_waiting,
    outbox_oldest_seconds,
    outbox_parked,
    outbox_waiting,
    payment_cases_open,
    payment_events_waiting,
    reconciliation_days_behind,
    reconciliation_days_open,
    registry,
    requests_overdue,
)
from portal.outages import register
from portal.problems import Missing
from portal.requests import reading
from portal.web.routing import Access, get_page
from portal.web.visit import Visit

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


@get_page("/health/live", Access.ANYONE)
def live() -> Response[bytes]:
    """The process answers."""
    return Response(b"ok", media_type="text/plain")


@get_page("/health/ready", Access.ANYONE)
def ready(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The process can do its work: the database answers, and it is at this version."""
    trouble = visit.portal.trouble()
    status = 503 if trouble else 200
    return Response((trouble or "ok").encode(), status_code=status, media_type="text/plain")


@get_page("/metrics", Access.OPERATOR)
def metrics(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Prometheus's text format; from this machine, or with the operator's token."""
    _check_operator(visit)
    _measure(visit)
    # the framework adds the charset of a text by itself
    media_type = CONTENT_TYPE_LATEST.partition("; charset")[0]
    return Response(generate_latest(registry), media_type=media_type)


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
        for box in (OutboxMessage, CenterEvent):
            backlog, name = outbox.backlog(db, box), box.__tablename__
            outbox_waiting.labels(name).set(backlog.waiting)
            outbox_oldest_seconds.labels(name).set(_age(backlog.oldest_waiting_at, now))
            outbox_parked.labels(name).set(backlog.parked)
        unanswered = outbox.unanswered(db, now - visit.portal.settings.answer_within)
        centers_silent.set(len(register.noticed_under_way(db)))
        handoff_refused_at_centers.set(len(refusals.standing(db)))
        waiting, parked = inward.shut_out(db)
        payment_cases_open.set(cases.count_open(db))
        payment_events_waiting.set(webhooks.count_waiting(db))
        requests_overdue.set(reading.count_overdue(db, visit.today))
        behind, still_open = visit.portal.reconciling.standing(db)
        reconciliation_days_behind.set(behind)
        reconciliation_days_open.set(still_open)
        notifications_waiting.set(notifications.count_waiting(db))
        to_search, late = searching.count(db, visit.today)
        told, batches = notices.figures(db, now), jobs.backlog(db)
    body_notices_waiting.set(told.waiting)
    body_notices_oldest_seconds.set(_age(told.oldest_at, now))
    body_webhooks_failing.set(told.failing)
    body_webhooks_gone.set(told.gone)
    body_searches_waiting.set(to_search)
    body_searches_late.set(late)
    body_jobs_open.set(batches.open)
    body_jobs_late_seconds.set(max(_age(batches.due_since, now), 0.0))
    handoff_unanswered.set(unanswered.count)
    handoff_unanswered_late.set(unanswered.late)
    handoff_oldest_unanswered_seconds.set(_age(unanswered.oldest_at, now))
    inward_stuck.labels("waiting").set(waiting)
    inward_stuck.labels("parked").set(parked)


def _age(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since else 0.0


@get_page("/sandbox/messages", Access.ANYONE)
def messages(visit: NamedDependency[Visit]) -> Response[bytes]:
    portal = visit.portal
    if not portal.settings.demo:
        raise Missing("demo only")
    with portal.database.read() as db:
        shown = sandbox.newest(db, portal.vault)
    return portal.pages.page(visit, "sandbox/messages.html", messages=shown)


HANDLERS = [live, ready, metrics, messages]
