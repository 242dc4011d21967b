"""Controls of what is sent to webhooks."""

from dataclasses import asdict

from payments.sandbox import deliveries, forging, reading
from payments.sandbox.deliveries import Trouble
from payments.sandbox.errors import Json, invalid
from payments.sandbox.reading import Calls
from payments.sandbox.store import Store

REORDER_SECONDS = 30.0


class WebhookControl:
    """Trouble for the deliveries to come, and forgeries."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Calls = {
            ("POST", "/webhooks"): self._add_trouble,
            ("DELETE", "/webhooks"): self._clear_troubles,
            ("POST", "/webhooks/send"): self._send,
            ("POST", "/webhooks/forge"): self._forge,
        }

    def state(self) -> Json:
        with self._store.connected() as tx:
            counts = tx.sql("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall()
            troubles = deliveries.troubles(tx)
        return {
            "deliveries": {"pending": 0, "delivered": 0, "failed": 0, **dict(counts)},
            "webhooks": [asdict(trouble) for trouble in troubles],
        }

    def _add_trouble(self, wanted: Json) -> Json:
        reading.only(wanted, "mode", "count", "seconds", "times", "type")
        mode = reading.choice(wanted, "mode", deliveries.TROUBLES)
        waits = REORDER_SECONDS if mode == "reorder" else 1.0
        trouble = Trouble(
            mode=mode,
            count=reading.count(wanted, "count", 2 if mode == "reorder" else 1),
            seconds=reading.seconds(wanted, "seconds", waits),
            times=reading.count(wanted, "times", 2),
            type=reading.text(wanted, "type"),
        )
        with self._store.transaction() as tx:
            deliveries.set_troubles(tx, [*deliveries.troubles(tx), trouble])
        return self.state()

    def _clear_troubles(self, _wanted: Json) -> Json:
        with self._store.transaction() as tx:
            deliveries.end_troubles(tx)
        return self.state()

    def _send(self, wanted: Json) -> Json:
        reading.only(wanted, "event")
        with self._store.transaction() as tx:
            return {"sent": deliveries.send_again(tx, reading.text(wanted, "event") or None)}

    def _forge(self, wanted: Json) -> Json:
        reading.only(wanted, "event", "type", "object", "endpoint", "signature")
        subject = wanted.get("object", {})
        if not isinstance(subject, dict):
            raise invalid("object", "must be an object")
        signed = "wrong"
        if "signature" in wanted:
            signed = reading.choice(wanted, "signature", forging.SIGNATURES)
        sent = forging.forge(
            self._store,
            event_id=reading.text(wanted, "event"),
            event_type=reading.text(wanted, "type"),
            subject=subject,
            endpoint_id=reading.text(wanted, "endpoint"),
            signed=signed,
        )
        return {"sent": sent}
