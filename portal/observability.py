"""Logs without personal data, and metrics.

A log line is JSON with an event's name and references (request number, center, state). Its fields
are those of :data:`ALLOWED`; anything else is dropped before it is written, so that a slip of the
pen puts no name, phone or national number into a log.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "request_id",
        "method",
        "route",
        "status",
        "duration_ms",
        "error",
        "reason",
        "request",
        "center",
        "state",
        "type",
        "outbox",
        "attempts",
        "count",
        "service",
        "outcome",
        "provider",
        "object_id",
        "host",
        "port",
        "exception",
        "kind",
        "body_code",
    }
)

registry = CollectorRegistry()
http_requests = Counter(
    "portal_http_requests", "Answers by route and status", ["route", "status"], registry=registry
)
http_seconds = Histogram(
    "portal_http_seconds",
    "Time to answer by route",
    ["route"],
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
webhooks_refused = Counter(
    "portal_webhooks_refused", "Events without a valid signature", registry=registry
)

handoff_refused = Counter(
    "portal_handoff_refused",
    "What came in a center's name and was not taken, by kind",
    ["kind"],
    registry=registry,
)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    """Read from the database when somebody looks: the truth of all processes, not of one."""
    return Gauge(f"portal_{name}", text, labels, registry=registry)


outbox_waiting = _gauge("outbox_waiting", "Messages not sent yet", "outbox")
outbox_oldest_seconds = _gauge("outbox_oldest_seconds", "Age of the oldest of them", "outbox")
outbox_parked = _gauge("outbox_parked", "Messages that no one takes", "outbox")
handoff_unanswered = _gauge("handoff_unanswered", "Requests whose center has not answered")
handoff_unanswered_late = _gauge(
    "handoff_unanswered_late", "Those of them that wait longer than an answer may take"
)
handoff_oldest_unanswered_seconds = _gauge(
    "handoff_oldest_unanswered_seconds", "Age of the oldest of them"
)
centers_silent = _gauge("centers_silent", "Centers that have stopped answering, as was noticed")
handoff_refused_at_centers = _gauge(
    "handoff_refused_at_centers", "Messages that a broker brought and no center can take"
)
inward_stuck = _gauge("inward_stuck", "Events from centers not applied", "state")
payment_cases_open = _gauge("payment_cases_open", "Payments that wait for a person")
payment_events_waiting = _gauge("payment_events_waiting", "Events not worked off yet")
reconciliation_days_behind = _gauge("reconciliation_days_behind", "Days over and not compared")
reconciliation_days_open = _gauge("reconciliation_days_open", "Compared days not closed")
notifications_waiting = _gauge("notifications_waiting", "Messages to citizens not sent yet")
body_notices_waiting = _gauge("body_notices_waiting", "News that outside bodies have not taken")
body_notices_oldest_seconds = _gauge("body_notices_oldest_seconds", "Age of the oldest of them")
body_webhooks_failing = _gauge("body_webhooks_failing", "Bodies whose webhook fails for an hour")
body_webhooks_gone = _gauge("body_webhooks_gone", "Bodies whose webhook says that it is no more")
body_jobs_open = _gauge("body_jobs_open", "Batches of outside bodies that are worked on")
body_jobs_late_seconds = _gauge(
    "body_jobs_late_seconds", "How long the next line of one of them is due"
)
body_searches_waiting = _gauge(
    "body_searches_waiting", "Searches in paper archives that outside bodies wait for"
)
body_searches_late = _gauge("body_searches_late", "Those of them whose last day is over")
requests_overdue = _gauge("requests_overdue", "Open requests past their legal deadline")

log: structlog.stdlib.BoundLogger = structlog.get_logger("portal")


def keep_allowed(
    _logger: Any, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop every field that is not in the list."""
    return {name: value for name, value in fields.items() if name in ALLOWED}


def reason_of(error: BaseException) -> str:
    """``error`` in words for a log or a table in plain.

    Our own errors say what we wrote into them; others may quote the value that they failed on.
    """
    name = type(error).__name__
    ours = type(error).__module__.partition(".")[0] in {"portal", "payments"}
    return f"{name}: {error}" if ours or isinstance(error, KeyError) else name


def _without_values(
    _logger: Any, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """An exception as its type and the places it passed: its text may quote what was typed."""
    info = fields.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        places = []
        frame = error.__traceback__
        while frame is not None:
            code = frame.tb_frame.f_code
            places.append(f"{code.co_qualname}:{frame.tb_lineno}")
            frame = frame.tb_next
        fields["exception"] = f"{type(error).__name__} at {' < '.join(reversed(places[-8:]))}"
    return fields


def configure_logs(level: int = logging.INFO, *, for_good: bool = True) -> None:
    """Write JSON lines to standard output; ``for_good`` in a process that only does this."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            keep_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=for_good,
    )
