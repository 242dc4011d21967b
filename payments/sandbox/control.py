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

``POST /sandbox/control/kiosk``
    ``{"reference": "48291375"}``: somebody paid this number in cash. A kiosk takes the
    sum it is asked for, so an ``amount`` is refused. With ``"late": true`` the money is
    reported although the reference has expired or its payment was canceled.
"""

from collections.abc import Callable
from dataclasses import asdict

from payments.sandbox import deliveries, housekeeping, reading, vouchers
from payments.sandbox.clock import Clock, wall
from payments.sandbox.deliveries import Trouble
from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.faults import MODES, Fault, Faults
from payments.sandbox.resources.charges import BALANCE_DELAY
from payments.sandbox.store import Store

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
            ("POST", "/kiosk"): self._pay_at_kiosk,
        }

    def answer(self, method: str, path: str, content_type: str, body: bytes) -> Json:
        """Raises :class:`ApiError` for what it cannot do."""
        wanted: Json = {}
        if method == "POST":
            wanted = reading.decoded(content_type, body)
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

    def _add_trouble(self, wanted: Json) -> Json:
        reading.only(wanted, "mode", "count", "seconds", "times", "type")
        trouble = Trouble(
            mode=reading.choice(wanted, "mode", deliveries.TROUBLES),
            count=reading.count(wanted, "count", 1),
            seconds=reading.seconds(wanted, "seconds", 1.0),
            times=reading.count(wanted, "times", 2),
            type=reading.text(wanted, "type"),
        )
        with self._store.transaction() as tx:
            deliveries.set_troubles(tx, [*deliveries.troubles(tx), trouble])
        return self._state({})

    def _clear_troubles(self, _wanted: Json) -> Json:
        with self._store.transaction() as tx:
            deliveries.set_troubles(tx, [])
        return self._state({})

    def _send(self, wanted: Json) -> Json:
        reading.only(wanted, "event")
        with self._store.transaction() as tx:
            return {"sent": deliveries.send_again(tx, reading.text(wanted, "event") or None)}

    def _delay_balance(self, wanted: Json) -> Json:
        reading.only(wanted, "delay")
        delay = int(reading.seconds(wanted, "delay", None))
        with self._store.transaction() as tx:
            tx.set(BALANCE_DELAY, str(delay))
        return {"delay": delay}

    def _pay_at_kiosk(self, wanted: Json) -> Json:
        reading.only(wanted, "reference", "late", "amount")
        if "amount" in wanted:
            raise invalid("amount", "a kiosk takes the sum that was asked for and no other")
        reference = reading.need_text(wanted, "reference")
        with self._store.transaction() as tx:
            housekeeping.run_due(tx)
            intent = vouchers.pay(tx, reference, late=reading.flag(wanted, "late"))
            return {
                "amount": intent.body["amount"],
                "charge": intent.body["latest_charge"],
                "payment_intent": intent.id,
                "reference": reference,
                "status": intent.body["status"],
            }
