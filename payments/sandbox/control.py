"""What a test may ask of the sandbox: JSON under ``/sandbox/control``.

Only for testing. The calls need no key and act on the whole sandbox; a POST must
be ``application/json``, which a foreign web page cannot send without permission, and a
call that names another origin than the sandbox's own is refused.

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
    ``{"mode": "down" | "busy" | "slow" | "error_after_work", "count": 1, "seconds": 2,
    "method": "POST", "path": "/v1/checkout"}``: what happens to the next ``count``
    API requests whose method is this (all if left out) and whose path begins so
    (``/v1/`` if left out). ``down`` answers 503 and ``busy`` 429 without working, ``slow`` waits
    ``seconds`` before the work, ``error_after_work`` works and answers 500: a retry
    with the same idempotency key gets the result.
    ``DELETE /sandbox/control/faults`` ends all of them.

``POST /sandbox/control/webhooks``
    ``{"mode": "lose" | "repeat" | "delay" | "reorder" | "forge", "count": 1,
    "seconds": 2, "times": 2, "type": "checkout.session.completed"}``: what happens to
    the next ``count`` deliveries (of this type, or any). ``lose`` never sends them, so
    only ``delivery_success=false`` finds the events; ``repeat`` sends each ``times``
    times; ``delay`` holds each for ``seconds``, which also puts it after later ones;
    ``reorder`` holds them until there are ``count`` (2) and sends the last one first,
    or all after ``seconds`` (30); ``forge`` signs each wrongly, and rightly when it is
    sent again.
    ``DELETE /sandbox/control/webhooks`` ends all of them and sends what is held.

``POST /sandbox/control/webhooks/send``
    ``{"event": "evt_…"}`` sends one event again to every endpoint it was for;
    ``{}`` sends all undelivered ones now instead of at their next retry.

``POST /sandbox/control/webhooks/forge``
    ``{"type": "checkout.session.completed", "object": {…}, "signature": "wrong" |
    "none" | "broken" | "old" | "future", "endpoint": "we_…"}`` sends an event that never
    happened, once, and tells what was answered; ``{"event": "evt_…"}`` instead of type
    and object sends one that did. ``old`` and ``future`` are rightly signed ten minutes
    away from now.

``POST /sandbox/control/balance``
    ``{"delay": seconds}``: how long, on the sandbox's clock, charges stay without
    their balance transaction (0 at first).

``POST /sandbox/control/book``
    ``{"transaction": "txn_…", "mode": "change", "amount": 500, "fee": 20, "currency":
    "usd"}`` (one of the three, or more): the book is wrong about it; with ``"mode":
    "repeat"`` it tells it twice, with ``"mode": "lose"`` not at all.
    ``DELETE /sandbox/control/book`` makes it true again.

``POST /sandbox/control/kiosk``
    ``{"reference": "48291375"}``: somebody paid this number in cash. A kiosk takes the
    sum it is asked for, so an ``amount`` is refused. With ``"late": true`` the money is
    reported although the reference has expired or its payment was canceled.

``POST /sandbox/control/payouts``
    ``{}`` pays out now what is available, of all accounts or, with ``"key"``, of one.

``POST /sandbox/control/disputes``
    ``{"charge": "ch_…", "reason": "fraudulent" | "product_not_received" | "inquiry"}``:
    the payer complains to the bank. ``payment_intent`` names its last charge.

``POST /sandbox/control/refunds``
    ``{"charge": "ch_…", "amount": 500, "reason": "requested_by_customer"}``: a refund
    that somebody made in the provider's dashboard, and not through the API.
"""

from dataclasses import asdict

from payments.sandbox import housekeeping, reading
from payments.sandbox.clock import Clock, wall
from payments.sandbox.control_money import MoneyControl
from payments.sandbox.control_webhooks import WebhookControl
from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.faults import MODES, Fault, Faults
from payments.sandbox.reading import Calls
from payments.sandbox.store import Store

MAX_OFFSET = 20 * 366 * 24 * 3600


class Control:
    """The calls, each from a decoded JSON object to another."""

    def __init__(self, store: Store, clock: Clock, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._money = MoneyControl(store)
        self._webhooks = WebhookControl(store)
        self.calls: Calls = {
            ("GET", ""): self._state,
            ("POST", "/clock"): self._move_clock,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            **self._webhooks.calls,
            **self._money.calls,
        }

    def answer(self, method: str, path: str, content_type: str, body: bytes) -> Json:
        """Raises :class:`ApiError` for what it cannot do."""
        wanted: Json = {}
        if method == "POST":
            wanted = reading.decoded(content_type, body)
        return self.calls[method, path](wanted)

    def _state(self, _wanted: Json) -> Json:
        return {
            "clock": self._time(),
            "faults": [asdict(fault) for fault in self._faults.all()],
            **self._webhooks.state(),
            **self._money.state(),
        }

    def _move_clock(self, wanted: Json) -> Json:
        reading.only(wanted, "advance", "now", "reset")
        if len(wanted) != 1:
            raise ApiError("Give one of advance, now and reset.")
        offset = 0
        if "advance" in wanted:
            offset = self._clock.offset + reading.integer(wanted, "advance")
        elif "now" in wanted:
            offset = reading.integer(wanted, "now") - int(wall())
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
        reading.only(wanted, "mode", "count", "seconds", "method", "path")
        fault = Fault(
            mode=reading.choice(wanted, "mode", MODES),
            count=reading.count(wanted, "count", 1),
            seconds=reading.seconds(wanted, "seconds", 1.0),
            method=reading.text(wanted, "method").upper(),
            path=reading.text(wanted, "path") or "/v1/",
        )
        self._faults.add(fault)
        return self._state({})

    def _clear_faults(self, _wanted: Json) -> Json:
        self._faults.clear()
        return self._state({})
