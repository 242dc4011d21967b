"""What a test may ask of the sandbox: JSON under ``/sandbox/control``.

Only for testing. The calls need no key and act on the whole sandbox; a POST must
be ``application/json``, which a foreign web page cannot send without permission.

``GET /sandbox/control``
    The clock, the faults and troubles still to come, and how many deliveries are
    ``pending``, ``delivered`` and ``failed``.

``POST /sandbox/control/clock``
    ``{"advance": seconds}`` moves the time of all objects on (or back),
    ``{"now": seconds since 1970}`` sets it, ``{"reset": true}`` returns to the
    machine's time. Sessions whose end is passed expire, with their events, before
    the answer. Webhook signatures and retries keep to the machine's time, because
    receivers check them against theirs.

``POST /sandbox/control/faults``
    ``{"mode": "down" | "slow" | "error_after_work", "count": 1, "seconds": 2,
    "method": "POST", "path": "/v1/checkout"}``: what happens to the next ``count``
    API requests whose method is this (all if left out) and whose path begins so
    (``/v1/`` if left out). ``down`` answers 503 without working, ``slow`` waits
    ``seconds`` before the work, ``error_after_work`` works and answers 500: a retry
    with the same idempotency key gets the result.
    ``DELETE /sandbox/control/faults`` ends all of them.

``POST /sandbox/control/webhooks``
    ``{"mode": "lose" | "repeat" | "delay", "count": 1, "seconds": 2, "times": 2,
    "type": "checkout.session.completed"}``: what happens to the next ``count``
    deliveries (of this type, or any). ``lose`` never sends them, so only
    ``delivery_success=false`` finds the events; ``repeat`` sends each ``times``
    times; ``delay`` holds each for ``seconds``, which also puts it after later ones.
    ``DELETE /sandbox/control/webhooks`` ends all of them.

``POST /sandbox/control/webhooks/send``
    ``{"event": "evt_…"}`` sends one event again to every endpoint it was for;
    ``{}`` sends all undelivered ones now instead of at their next retry.

``POST /sandbox/control/balance``
    ``{"delay": seconds}``: how long, on the sandbox's clock, charges stay without
    their balance transaction (0 at first).
"""

import json
from collections.abc import Callable
from dataclasses import asdict

from payments.sandbox import deliveries, housekeeping
from payments.sandbox.clock import Clock, wall
from payments.sandbox.deliveries import Trouble
from payments.sandbox.errors import ApiError, Json, invalid, missing, unknown
from payments.sandbox.faults import MODES, Fault, Faults
from payments.sandbox.resources.charges import BALANCE_DELAY
from payments.sandbox.store import Store

MAX_COUNT = 100_000
MAX_SECONDS = 600.0
MAX_OFFSET = 20 * 366 * 24 * 3600


class Control:
    """The calls, each from a decoded JSON object to another."""

    def __init__(self, store: Store, clock: Clock, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self.calls: dict[tuple[str, str], Callable[[Json], Json]] = {
            ("GET", ""): self._state,
            ("POST", "/clock"): self._move_clock,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/webhooks"): self._add_trouble,
            ("DELETE", "/webhooks"): self._clear_troubles,
            ("POST", "/webhooks/send"): self._send,
            ("POST", "/balance"): self._delay_balance,
        }

    def answer(self, method: str, path: str, content_type: str, body: bytes) -> Json:
        """Raises :class:`ApiError` for what it cannot do."""
        wanted: Json = {}
        if method == "POST":
            wanted = _decoded(content_type, body)
        return self.calls[method, path](wanted)

    def _state(self, _wanted: Json) -> Json:
        with self._store.connected() as tx:
            counts = tx.sql("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall()
            troubles = deliveries.troubles(tx)
            delay = int(tx.setting(BALANCE_DELAY) or 0)
        return {
            "clock": self._time(),
            "faults": [asdict(fault) for fault in self._faults.all()],
            "webhooks": [asdict(trouble) for trouble in troubles],
            "deliveries": {"pending": 0, "delivered": 0, "failed": 0, **dict(counts)},
            "balance": {"delay": delay},
        }

    def _move_clock(self, wanted: Json) -> Json:
        _only(wanted, "advance", "now", "reset")
        if len(wanted) != 1:
            raise ApiError("Give one of advance, now and reset.")
        offset = 0
        if "advance" in wanted:
            offset = self._clock.offset + _integer(wanted, "advance")
        elif "now" in wanted:
            offset = _integer(wanted, "now") - int(wall())
        if abs(offset) > MAX_OFFSET:
            raise invalid("clock", "more than twenty years away")
        with self._store.transaction() as tx:
            tx.set("clock_offset", str(offset))
        self._clock.move(offset)
        with self._store.transaction() as tx:
            housekeeping.run_due(tx)
        return self._time()

    def _time(self) -> Json:
        return {"now": self._clock.now(), "offset": self._clock.offset}

    def _add_fault(self, wanted: Json) -> Json:
        _only(wanted, "mode", "count", "seconds", "method", "path")
        fault = Fault(
            mode=_choice(wanted, "mode", MODES),
            count=_count(wanted, "count", 1),
            seconds=_seconds(wanted, "seconds", 1.0),
            method=_text(wanted, "method").upper(),
            path=_text(wanted, "path") or "/v1/",
        )
        self._faults.add(fault)
        return self._state({})

    def _clear_faults(self, _wanted: Json) -> Json:
        self._faults.clear()
        return self._state({})

    def _add_trouble(self, wanted: Json) -> Json:
        _only(wanted, "mode", "count", "seconds", "times", "type")
        trouble = Trouble(
            mode=_choice(wanted, "mode", deliveries.TROUBLES),
            count=_count(wanted, "count", 1),
            seconds=_seconds(wanted, "seconds", 1.0),
            times=_count(wanted, "times", 2),
            type=_text(wanted, "type"),
        )
        with self._store.transaction() as tx:
            deliveries.set_troubles(tx, [*deliveries.troubles(tx), trouble])
        return self._state({})

    def _clear_troubles(self, _wanted: Json) -> Json:
        with self._store.transaction() as tx:
            deliveries.set_troubles(tx, [])
        return self._state({})

    def _send(self, wanted: Json) -> Json:
        _only(wanted, "event")
        with self._store.transaction() as tx:
            return {"sent": deliveries.send_again(tx, _text(wanted, "event") or None)}

    def _delay_balance(self, wanted: Json) -> Json:
        _only(wanted, "delay")
        delay = int(_seconds(wanted, "delay", None))
        with self._store.transaction() as tx:
            tx.set(BALANCE_DELAY, str(delay))
        return {"delay": delay}


def _decoded(content_type: str, body: bytes) -> Json:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ApiError("Control calls are taken as application/json only.")
    try:
        decoded = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError("The body is not JSON.") from None
    if not isinstance(decoded, dict):
        raise ApiError("The body is not a JSON object.")
    return decoded


def _only(wanted: Json, *names: str) -> None:
    for name in wanted:
        if name not in names:
            raise unknown(name)


def _integer(wanted: Json, name: str) -> int:
    value = wanted[name]
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**40:
        raise invalid(name, "must be an integer")
    return value


def _count(wanted: Json, name: str, default: int) -> int:
    if name not in wanted:
        return default
    value = _integer(wanted, name)
    if not 1 <= value <= MAX_COUNT:
        raise invalid(name, f"must be between 1 and {MAX_COUNT}")
    return value


def _seconds(wanted: Json, name: str, default: float | None) -> float:
    value = wanted.get(name, default)
    if value is None:
        raise missing(name)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not 0 <= value <= MAX_SECONDS:
        raise invalid(name, f"must be between 0 and {MAX_SECONDS:g}")
    return float(value)


def _text(wanted: Json, name: str) -> str:
    value = wanted.get(name, "")
    if not isinstance(value, str) or len(value) > 200 or not value.isascii():
        raise invalid(name, "must be a short ASCII string")
    return value


def _choice(wanted: Json, name: str, choices: tuple[str, ...]) -> str:
    if name not in wanted:
        raise missing(name)
    value = _text(wanted, name)
    if value not in choices:
        raise invalid(name, f"must be one of {', '.join(choices)}")
    return value
