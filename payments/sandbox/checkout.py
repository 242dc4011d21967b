"""The hosted page: what is paid, the choice of a method, and its form.

https://docs.stripe.com/payments/checkout/how-checkout-works. The address of a page
is all it takes to pay, as at the provider. Everything that decides whether money
moves happens inside one transaction, which starts by reading the session again:
a double tap, or a second tab, finds it paid and is sent on instead.
"""

from payments.sandbox import card_form, housekeeping, method_form, paying
from payments.sandbox.declines import reason
from payments.sandbox.errors import Json
from payments.sandbox.forms import Tree
from payments.sandbox.hosted import (
    Hosted,
    asking_address,
    form_of,
    success_address,
    voucher_address,
)
from payments.sandbox.methods import TYPES, VOUCHERS, Described
from payments.sandbox.objects import OBJECT_ID
from payments.sandbox.pages import Page, origin, see_other
from payments.sandbox.resources import sessions
from payments.sandbox.resources.payment_methods import record_method, year_and_month
from payments.sandbox.speech import Speech
from payments.sandbox.store import Record, Transaction


class Checkout(Hosted):
    """The pages of one session."""

    def show(self, session_id: str, accept: str, method: str) -> Page:
        with self._store.transaction() as tx:
            session = self._session(tx, session_id)
            if session is None:
                return self._unknown(accept)
            speech = self._speech(session, accept)
            if session.tag != "open":
                return self._closed(tx, session, speech)
            return self._form(tx, session, speech, method=method)

    def pay(self, session_id: str, accept: str, body: bytes) -> Page:
        tree = form_of(body)
        with self._store.transaction() as tx:
            session = self._session(tx, session_id)
            if session is None:
                return self._unknown(accept)
            speech = self._speech(session, accept)
            if session.tag == "complete":
                return self._onward(tx, session)
            if session.tag != "open":
                return self._closed(tx, session, speech)
            kind = str(tree.get("method", "card"))
            if kind not in _offered(session):
                return self._pages.render("problem.html", speech, 400, kind="broken")
            if kind == "card":
                return self._pay_by_card(tx, session, speech, tree)
            form = method_form.read(kind, tree)
            if form.described is None:
                return self._form(tx, session, speech, method=kind, errors=form.errors, status=422)
            return self._try(tx, session, speech, form.described, email=form.email)

    def _pay_by_card(self, tx: Transaction, session: Record, speech: Speech, tree: Tree) -> Page:
        form = card_form.read(tree, year_and_month(tx.now))
        if form.errors or form.card is None:
            return self._form(
                tx, session, speech,
                method="card", errors=form.errors, shown=form.shown, status=422,
            )  # fmt: skip
        described = Described("card", {}, card=form.card, expiry=form.expiry)
        return self._try(tx, session, speech, described, name=form.name, shown=form.shown)

    def _try(
        self,
        tx: Transaction,
        session: Record,
        speech: Speech,
        described: Described,
        *,
        name: str = "",
        email: str = "",
        shown: dict[str, str] | None = None,
    ) -> Page:
        intent = sessions.begin_payment(tx, session)
        payer = described.card.name if described.card else described.private.get("wallet")
        if payer and paying.is_asked(intent, payer):
            # The same one once more while its bank is being asked: a double tap.
            return see_other(asking_address(intent))
        if name:
            session.private["payer"] = name
            tx.save(session)
        known = session.body["customer_details"] or {}
        billing = {"name": name or None, "email": email or known.get("email")}
        method = record_method(tx, session.account, described, billing)
        paying.attempt(tx, intent, method, self._config.base_url)
        if intent.private["attempt"]:
            return see_other(asking_address(intent))
        if intent.private.get("voucher"):
            return see_other(voucher_address(intent))
        if intent.body["last_payment_error"]:
            return self._form(tx, session, speech, method=described.kind, shown=shown, status=402)
        return see_other(success_address(session))

    def _form(
        self,
        tx: Transaction,
        session: Record,
        speech: Speech,
        *,
        method: str,
        errors: dict[str, str] | None = None,
        shown: dict[str, str] | None = None,
        status: int = 200,
    ) -> Page:
        intent = sessions.intent_of(tx, session)
        failure: Json | None = intent.body["last_payment_error"] if intent else None
        offered = _offered(session)
        failed = failure["payment_method"]["type"] if failure else ""
        chosen = next(kind for kind in (method, failed, offered[0]) if kind in offered)
        return self._pages.render(
            "pay.html",
            speech,
            status,
            origins=origin(session.body["success_url"]),
            session=session.body,
            lines=list(zip(session.private["line_items"], session.private["details"], strict=True)),
            methods=offered,
            method=chosen,
            vouchers=VOUCHERS,
            errors=errors or {},
            shown={"exp": "", "name": "", **(shown or {})},
            # What the form says now matters more than how the last attempt ended.
            failure=None if errors or failed != chosen else _explained(failure),
            asked=_asked(tx, intent),
        )

    def _closed(self, tx: Transaction, session: Record, speech: Speech) -> Page:
        intent = sessions.intent_of(tx, session)
        if session.tag == "complete" and intent is not None and intent.private.get("voucher"):
            return see_other(voucher_address(intent))
        state = "expired"
        if session.tag == "complete":
            state = "failed"
            if session.body["payment_status"] == "paid":
                state = "paid"
            elif intent is not None and intent.body["status"] in {"processing", "requires_capture"}:
                state = "processing"
        closed = state in {"expired", "failed"}
        return self._pages.render(
            "closed.html",
            speech,
            # 410: nothing will ever be paid here again.
            410 if closed else 200,
            session=session.body,
            state=state,
            back=session.body["cancel_url"] if closed else success_address(session),
        )

    def _onward(self, tx: Transaction, session: Record) -> Page:
        """A second tap finds the number that the first one asked for."""
        intent = sessions.intent_of(tx, session)
        if intent is not None and intent.private.get("voucher"):
            return see_other(voucher_address(intent))
        return see_other(success_address(session))

    def _session(self, tx: Transaction, session_id: str) -> Record | None:
        housekeeping.run_due(tx)
        return tx.find(sessions.KIND, session_id) if OBJECT_ID.match(session_id) else None


def _offered(session: Record) -> list[str]:
    """In this page's order, whatever the shop's was."""
    return [kind for kind in TYPES if kind in session.body["payment_method_types"]]


def _asked(tx: Transaction, intent: Record | None) -> tuple[str, str] | None:
    """Who waits for an answer of the payer, and where."""
    if intent is None or not intent.private["attempt"]:
        return None
    method = tx.find("payment_method", intent.body["payment_method"])
    return (method.body["type"] if method else "card"), asking_address(intent)


def _explained(failure: Json | None) -> str | None:
    if failure is None:
        return None
    kind = failure["payment_method"]["type"]
    return reason(failure["code"], failure.get("decline_code"), kind)
