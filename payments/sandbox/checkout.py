"""The hosted page: what is paid, the card form, and 3-D Secure.

https://docs.stripe.com/payments/checkout/how-checkout-works. The address of a page
is all it takes to pay, as at the provider. Everything that decides whether money
moves happens inside one transaction, which starts by reading the session again:
a double tap, or a second tab, finds it paid and is sent on instead.
"""

from payments.sandbox import card_form, housekeeping, paying
from payments.sandbox.card_form import CardForm
from payments.sandbox.config import SandboxConfig
from payments.sandbox.declines import reason
from payments.sandbox.errors import ApiError, Json
from payments.sandbox.following import session_of
from payments.sandbox.forms import Tree, decode
from payments.sandbox.methods import Described
from payments.sandbox.objects import OBJECT_ID
from payments.sandbox.pages import Page, Pages, origin, see_other
from payments.sandbox.resources import sessions
from payments.sandbox.resources.payment_methods import record_method, year_and_month
from payments.sandbox.speech import AUTO, Speech
from payments.sandbox.store import Record, Store, Transaction

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"

NO_INPUT = CardForm(errors={})


class Checkout:
    """The pages; every method is one request, done in a worker thread.

    ``accept`` is the languages that the payer's browser asks for.
    """

    def __init__(self, config: SandboxConfig, store: Store, pages: Pages) -> None:
        self._config = config
        self._store = store
        self._pages = pages

    def show(self, session_id: str, accept: str) -> Page:
        with self._store.transaction() as tx:
            session = self._session(tx, session_id)
            if session is None:
                return self._unknown(accept)
            speech = self._speech(session, accept)
            if session.tag != "open":
                return self._closed(session, speech)
            return self._form(tx, session, NO_INPUT, speech, status=200)

    def pay(self, session_id: str, accept: str, body: bytes) -> Page:
        tree = _tree(body)
        with self._store.transaction() as tx:
            session = self._session(tx, session_id)
            if session is None:
                return self._unknown(accept)
            if session.tag == "complete":
                return see_other(success_address(session))
            speech = self._speech(session, accept)
            if session.tag != "open":
                return self._closed(session, speech)
            form = card_form.read(tree, year_and_month(tx.now))
            if form.errors or form.card is None:
                return self._form(tx, session, form, speech, status=422)
            return self._try(tx, session, form, speech)

    def show_authentication(self, intent_id: str, attempt_id: str, accept: str) -> Page:
        with self._store.transaction() as tx:
            intent = self._intent(tx, intent_id)
            if intent is None:
                return self._unknown(accept)
            speech = self._speech(session_of(tx, intent), accept)
            if not _awaits(intent, attempt_id):
                return self._result(tx, intent, speech)
            method = tx.find("payment_method", intent.body["payment_method"])
            return self._pages.render(
                "authenticate.html",
                speech,
                origins=_origins(tx, intent),
                intent=intent.body,
                card=method.body["card"] if method else {},
            )

    def decide(self, intent_id: str, attempt_id: str, accept: str, body: bytes) -> Page:
        decision = _tree(body).get("decision")
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

    def problem(self, kind: str, status: int, accept: str) -> Page:
        """A page for what no session can answer: ``unknown``, ``broken`` or ``crash``."""
        speech = self._pages.languages.of(AUTO, accept)
        return self._pages.render("problem.html", speech, status, kind=kind)

    def _speech(self, session: Record | None, accept: str) -> Speech:
        locale = session.body["locale"] if session else AUTO
        return self._pages.languages.of(locale, accept)

    def _try(self, tx: Transaction, session: Record, form: CardForm, speech: Speech) -> Page:
        if form.card is None:
            raise ValueError("a form without a card cannot be tried")
        intent = sessions.begin_payment(tx, session)
        if paying.is_asked(intent, form.card.name):
            # The same card once more while its bank is being asked: a double tap.
            return see_other(_authentication_address(intent))
        session.private["payer"] = form.name
        tx.save(session)
        method = record_method(
            tx,
            session.account,
            Described("card", {}, card=form.card, expiry=form.expiry),
            {"name": form.name, "email": session.body["customer_email"]},
        )
        paying.attempt(tx, intent, method, self._config.base_url)
        status = intent.body["status"]
        if status == "succeeded":
            return see_other(success_address(session))
        if status == "requires_action":
            return see_other(_authentication_address(intent))
        return self._form(tx, session, form, speech, status=402)

    def _form(
        self, tx: Transaction, session: Record, form: CardForm, speech: Speech, *, status: int
    ) -> Page:
        intent = sessions.intent_of(tx, session)
        failure = intent.body["last_payment_error"] if intent else None
        waiting = bool(intent and intent.body["status"] == "requires_action")
        details = session.private["details"]
        return self._pages.render(
            "pay.html",
            speech,
            status,
            origins=origin(session.body["success_url"]),
            session=session.body,
            lines=list(zip(session.private["line_items"], details, strict=True)),
            errors=form.errors,
            shown={"exp": "", "name": "", **form.shown},
            # What the form says now matters more than how the last attempt ended.
            failure=None if form.errors else _explained(failure),
            authentication=_authentication_address(intent) if intent and waiting else None,
        )

    def _closed(self, session: Record, speech: Speech) -> Page:
        paid = session.tag == "complete"
        # 410: nothing will ever be paid here again.
        return self._pages.render(
            "closed.html",
            speech,
            200 if paid else 410,
            session=session.body,
            paid=paid,
            back=success_address(session) if paid else session.body["cancel_url"],
        )

    def _result(self, tx: Transaction, intent: Record, speech: Speech) -> Page:
        """Where the payer goes once the bank's question is answered, by anybody."""
        session = session_of(tx, intent)
        if session is not None and session.tag == "complete":
            return see_other(success_address(session))
        if intent.body["status"] == "requires_action":
            # This question was replaced by a newer one.
            return see_other(_authentication_address(intent))
        if session is not None:
            return see_other(f"{self._config.base_url}/c/pay/{session.id}")
        back = intent.private["return_url"]
        status = "succeeded" if intent.body["status"] == "succeeded" else "failed"
        if not back:
            return self._pages.render("result.html", speech, intent=intent.body)
        sign = "&" if "?" in back else "?"
        return see_other(
            f"{back}{sign}payment_intent={intent.id}"
            f"&payment_intent_client_secret={intent.body['client_secret']}"
            f"&redirect_status={status}"
        )

    def _session(self, tx: Transaction, session_id: str) -> Record | None:
        housekeeping.run_due(tx)
        return tx.find(sessions.KIND, session_id) if OBJECT_ID.match(session_id) else None

    def _intent(self, tx: Transaction, intent_id: str) -> Record | None:
        housekeeping.run_due(tx)
        return tx.find(paying.KIND, intent_id) if OBJECT_ID.match(intent_id) else None

    def _unknown(self, accept: str) -> Page:
        return self.problem("unknown", 404, accept)


def success_address(session: Record) -> str:
    return str(session.body["success_url"]).replace(PLACEHOLDER, session.id)


def _awaits(intent: Record, attempt_id: str) -> bool:
    waiting = intent.private["attempt"]
    return bool(waiting) and waiting["id"] == attempt_id


def _authentication_address(intent: Record) -> str:
    return str(intent.body["next_action"]["redirect_to_url"]["url"])


def _origins(tx: Transaction, intent: Record) -> tuple[str, ...]:
    session = session_of(tx, intent)
    if session is not None:
        return origin(session.body["success_url"])
    return origin(intent.private["return_url"])


def _explained(failure: Json | None) -> str | None:
    return reason(failure["code"], failure.get("decline_code")) if failure else None


def _tree(body: bytes) -> Tree:
    """The form's fields; broken ones count as not filled in."""
    try:
        return decode(body)
    except ApiError:
        return {}
