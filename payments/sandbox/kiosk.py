"""The page of a number that is paid in cash, to be read at a kiosk or printed."""

from payments.sandbox import vouchers
from payments.sandbox.following import session_of
from payments.sandbox.hosted import Hosted, form_of, origins, return_address, success_address
from payments.sandbox.pages import Page, see_other
from payments.sandbox.store import Record, Transaction

GROUP = 3
"""Digits are said in threes."""


class Kiosk(Hosted):
    """One number of one intent."""

    def show(self, intent_id: str, number: str, accept: str) -> Page:
        with self._store.transaction() as tx:
            found = self._found(tx, intent_id, number)
            if found is None:
                return self._unknown(accept)
            intent, voucher = found
            session = session_of(tx, intent)
            state = "ended"
            if intent.body["status"] == "succeeded":
                state = "paid"
            elif vouchers.is_open(intent, voucher):
                state = "open"
            return self._pages.render(
                "kiosk.html",
                self._speech(session, accept),
                status=200 if state != "ended" else 410,
                origins=origins(tx, intent),
                state=state,
                intent=intent.body,
                groups=groups(number),
                voucher=voucher.body,
                back=success_address(session) if session else return_address(intent),
            )

    def pay(self, intent_id: str, number: str, accept: str, body: bytes) -> Page:
        """The button that stands in for a kiosk. What ended meanwhile is shown as it is."""
        with self._store.transaction() as tx:
            found = self._found(tx, intent_id, number)
            if found is None:
                return self._unknown(accept)
            intent, voucher = found
            if form_of(body).get("paid") == "yes" and vouchers.is_open(intent, voucher):
                vouchers.settle(tx, intent, voucher)
        return see_other(f"{self._config.base_url}/c/kiosk/{intent_id}/{number}")

    def _found(self, tx: Transaction, intent_id: str, number: str) -> tuple[Record, Record] | None:
        intent = self._intent(tx, intent_id)
        voucher = vouchers.find(tx, number)
        if intent is None or voucher is None or voucher.parent != intent.id:
            return None
        return intent, voucher


def groups(number: str) -> list[str]:
    """A number in threes, the last group perhaps shorter but never of one digit."""
    parts = [number[start : start + GROUP] for start in range(0, len(number), GROUP)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        *parts, before, last = parts
        parts += [before[:-1], before[-1] + last]
    return parts
