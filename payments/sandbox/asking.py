"""The page of the payer's bank (3-D Secure), and that of a wallet on a phone."""

from payments.sandbox import paying
from payments.sandbox.following import session_of
from payments.sandbox.hosted import Hosted, form_of, origins
from payments.sandbox.pages import Page
from payments.sandbox.store import Record


class Asking(Hosted):
    """A question about one attempt, answered once."""

    def show(self, intent_id: str, attempt_id: str, accept: str) -> Page:
        with self._store.transaction() as tx:
            intent = self._intent(tx, intent_id)
            if intent is None:
                return self._unknown(accept)
            speech = self._speech(session_of(tx, intent), accept)
            if not _awaits(intent, attempt_id):
                return self._result(tx, intent, speech)
            method = tx.find("payment_method", intent.body["payment_method"])
            kind = method.body["type"] if method else "card"
            return self._pages.render(
                "authenticate.html",
                speech,
                origins=origins(tx, intent),
                intent=intent.body,
                kind=kind,
                last4=method.body[kind]["last4"] if method else "",
            )

    def decide(self, intent_id: str, attempt_id: str, accept: str, body: bytes) -> Page:
        decision = form_of(body).get("decision")
        with self._store.transaction() as tx:
            intent = self._intent(tx, intent_id)
            if intent is None:
                return self._unknown(accept)
            speech = self._speech(session_of(tx, intent), accept)
            if decision not in {"approve", "deny"}:
                return self._pages.render("problem.html", speech, 400, kind="broken")
            # A second answer to the same question changes nothing.
            if _awaits(intent, attempt_id):
                paying.authenticate(tx, intent, approved=decision == "approve")
            return self._result(tx, intent, speech)


def _awaits(intent: Record, attempt_id: str) -> bool:
    waiting = intent.private["attempt"]
    return bool(waiting) and waiting["id"] == attempt_id
