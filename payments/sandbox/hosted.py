"""What all hosted pages share: finding what they are about, their language, the ways on."""

from payments.sandbox import housekeeping, paying
from payments.sandbox.config import SandboxConfig
from payments.sandbox.errors import ApiError
from payments.sandbox.following import session_of
from payments.sandbox.forms import Tree, decode
from payments.sandbox.objects import OBJECT_ID
from payments.sandbox.pages import Page, Pages, origin, see_other
from payments.sandbox.speech import AUTO, Speech
from payments.sandbox.store import Record, Store, Transaction

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


class Hosted:
    """A group of pages; every method is one request, done in a worker thread.

    ``accept`` is the languages that the payer's browser asks for.
    """

    def __init__(self, config: SandboxConfig, store: Store, pages: Pages) -> None:
        self._config = config
        self._store = store
        self._pages = pages

    def problem(self, kind: str, status: int, accept: str) -> Page:
        """A page for what no session can answer: ``unknown``, ``broken`` or ``crash``."""
        speech = self._pages.languages.of(AUTO, accept)
        return self._pages.render("problem.html", speech, status, kind=kind)

    def _unknown(self, accept: str) -> Page:
        return self.problem("unknown", 404, accept)

    def _speech(self, session: Record | None, accept: str) -> Speech:
        # Without a session no shop has said anything about the language.
        locale = session.body["locale"] if session else AUTO
        return self._pages.languages.of(locale, accept)

    def _intent(self, tx: Transaction, intent_id: str) -> Record | None:
        housekeeping.run_due(tx)
        return tx.find(paying.KIND, intent_id) if OBJECT_ID.match(intent_id) else None

    def _result(self, tx: Transaction, intent: Record, speech: Speech) -> Page:
        """Where the payer goes once a question is answered, by anybody."""
        session = session_of(tx, intent)
        if session is not None and session.tag == "complete":
            return see_other(success_address(session))
        if intent.private["attempt"]:
            # This question was replaced by a newer one.
            return see_other(asking_address(intent))
        if session is not None:
            return see_other(f"{self._config.base_url}/c/pay/{session.id}")
        back = return_address(intent)
        if not back:
            return self._pages.render("result.html", speech, intent=intent.body)
        return see_other(back)


def success_address(session: Record) -> str:
    return str(session.body["success_url"]).replace(PLACEHOLDER, session.id)


def return_address(intent: Record) -> str:
    """The shop's own, with what the provider adds to it; empty if there is none."""
    back = intent.private["return_url"]
    if not back:
        return ""
    said = {
        "succeeded": "succeeded",
        "requires_capture": "succeeded",
        "processing": "pending",
        "requires_action": "pending",
    }
    sign = "&" if "?" in back else "?"
    return (
        f"{back}{sign}payment_intent={intent.id}"
        f"&payment_intent_client_secret={intent.body['client_secret']}"
        f"&redirect_status={said.get(intent.body['status'], 'failed')}"
    )


def asking_address(intent: Record) -> str:
    """The bank's page, or the wallet's."""
    return str(intent.body["next_action"]["redirect_to_url"]["url"])


def voucher_address(intent: Record) -> str:
    shown = intent.body["next_action"]
    return str(shown[shown["type"]]["hosted_voucher_url"])


def origins(tx: Transaction, intent: Record) -> tuple[str, ...]:
    """Where the forms of a page may lead in the end."""
    session = session_of(tx, intent)
    return origin(session.body["success_url"] if session else intent.private["return_url"])


def form_of(body: bytes) -> Tree:
    """The form's fields; broken ones count as not filled in."""
    try:
        return decode(body)
    except ApiError:
        return {}
