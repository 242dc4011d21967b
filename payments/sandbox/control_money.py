"""Controls of money that moves outside of the API: at a kiosk, a bank, in the dashboard."""

from payments.sandbox import (
    disputing,
    housekeeping,
    misbooking,
    paying_out,
    reading,
    refunding,
    vouchers,
)
from payments.sandbox.accounts import account_of_key
from payments.sandbox.claims import CLAIMS
from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.objects import require
from payments.sandbox.presenting import present
from payments.sandbox.reading import Calls
from payments.sandbox.resources.charges import BALANCE_DELAY
from payments.sandbox.store import Record, Store, Transaction

COMPLAINTS = {
    "fraudulent": "dispute",
    "inquiry": "inquiry",
    "product_not_received": "dispute_not_received",
}


class MoneyControl:
    """Each call answers with what it made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Calls = {
            ("POST", "/balance"): self._delay_balance,
            ("POST", "/book"): self._misbook,
            ("DELETE", "/book"): self._mend_book,
            ("POST", "/kiosk"): self._pay_at_kiosk,
            ("POST", "/payouts"): self._pay_out,
            ("POST", "/disputes"): self._dispute,
            ("POST", "/refunds"): self._refund,
        }

    def state(self) -> Json:
        with self._store.connected() as tx:
            return {"balance": {"delay": int(tx.setting(BALANCE_DELAY) or 0)}}

    def _delay_balance(self, wanted: Json) -> Json:
        reading.only(wanted, "delay")
        delay = int(reading.seconds(wanted, "delay", None))
        with self._store.transaction() as tx:
            tx.set(BALANCE_DELAY, str(delay))
        return {"delay": delay}

    def _misbook(self, wanted: Json) -> Json:
        reading.only(wanted, "transaction", "mode", "amount", "fee", "currency")
        mode = reading.choice(wanted, "mode", misbooking.MODES)
        changes: Json = {
            name: reading.integer(wanted, name) for name in ("amount", "fee") if name in wanted
        }
        if "currency" in wanted:
            changes["currency"] = reading.text(wanted, "currency")
        with self._store.transaction() as tx:
            line_id = reading.need_text(wanted, "transaction")
            line = require(tx, "balance_transaction", line_id, param="transaction", status=400)
            if mode == "change":
                return present(tx, misbooking.change(tx, line, changes))
            if changes:
                raise invalid(next(iter(changes)), "is for mode change only")
            act = misbooking.repeat if mode == "repeat" else misbooking.lose
            return present(tx, act(tx, line))

    def _mend_book(self, _wanted: Json) -> Json:
        with self._store.transaction() as tx:
            return {"mended": misbooking.mend(tx)}

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

    def _pay_out(self, wanted: Json) -> Json:
        reading.only(wanted, "key")
        key = reading.text(wanted, "key")
        with self._store.transaction() as tx:
            housekeeping.run_due(tx)
            made = paying_out.pay_out(tx, account_of_key(key) if key else None)
            return {"payouts": [present(tx, payout) for payout in made]}

    def _dispute(self, wanted: Json) -> Json:
        reading.only(wanted, "charge", "payment_intent", "reason")
        reason = "fraudulent"
        if "reason" in wanted:
            reason = reading.choice(wanted, "reason", tuple(COMPLAINTS))
        with self._store.transaction() as tx:
            housekeeping.run_due(tx)
            claim = CLAIMS[COMPLAINTS[reason]]
            return present(tx, disputing.dispute(tx, _charge(tx, wanted), claim))

    def _refund(self, wanted: Json) -> Json:
        reading.only(wanted, "charge", "payment_intent", "amount", "reason")
        amount = reading.integer(wanted, "amount") if "amount" in wanted else None
        if amount is not None and amount < 1:
            raise invalid("amount", "must be at least 1")
        reason = None
        if "reason" in wanted:
            reason = reading.choice(wanted, "reason", refunding.REASONS)
        with self._store.transaction() as tx:
            housekeeping.run_due(tx)
            charge = _charge(tx, wanted)
            return present(tx, refunding.refund(tx, charge, amount, reason=reason))


def _charge(tx: Transaction, wanted: Json) -> Record:
    """Named itself, or the last one of its intent."""
    charge_id = reading.text(wanted, "charge")
    if intent_id := reading.text(wanted, "payment_intent"):
        intent = require(tx, "payment_intent", intent_id, param="payment_intent", status=400)
        charge_id = charge_id or str(intent.body["latest_charge"] or "")
    if not charge_id:
        raise ApiError("Give the charge or the payment_intent.", param="charge")
    return require(tx, "charge", charge_id, param="charge", status=400)
