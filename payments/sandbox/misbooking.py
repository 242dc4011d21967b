"""A book that says what did not happen, for those who compare it with their own.

Providers make mistakes in their books, rarely, and nobody can ask one to make them. What a line
said before is kept with it, so that all of them can be mended at once.
"""

from payments.sandbox.clock import token
from payments.sandbox.currencies import PRESENTMENT
from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.resources.balance_transactions import KIND
from payments.sandbox.store import Record, Transaction

MODES = ("change", "lose", "repeat")
_LOST = f"lost_{KIND}"
_TRUE, _REPEATED = "as it was", "repeated"
_MOST = 100_000


def change(tx: Transaction, line: Record, changes: Json) -> Record:
    """Another ``amount``, ``fee`` or ``currency`` than what was moved."""
    if not changes:
        raise ApiError("Give an amount, a fee or a currency.", param="amount")
    if changes.get("currency", "egp") not in PRESENTMENT:
        raise invalid("currency", "must be one of three small letters")
    line.private.setdefault(_TRUE, dict(line.body))
    line.body |= changes
    amount, fee = int(line.body["amount"]), int(line.body["fee"])
    line.body["net"] = amount - fee
    line.body["fee_details"] = [
        {**detail, "amount": fee, "currency": line.body["currency"]}
        for detail in line.body["fee_details"][:1]
    ]
    tx.save(line)
    return line


def repeat(tx: Transaction, line: Record) -> Record:
    """The same money once more, a second later and under an id of its own."""
    again, created = f"txn_{token()}", line.created + 1
    return tx.insert(
        Record(
            id=again,
            account=line.account,
            kind=KIND,
            created=created,
            tag=line.tag,
            parent=line.parent,
            body={**line.body, "id": again, "created": created},
            private={_REPEATED: line.id},
        )
    )


def lose(tx: Transaction, line: Record) -> Record:
    """What was moved, moved; the book does not tell it."""
    _set_kind(tx, line, _LOST)
    return line


def mend(tx: Transaction) -> int:
    """The book is true again; how many lines were not."""
    lost = tx.select("kind = ?", (_LOST,), limit=_MOST)
    for line in lost:
        _set_kind(tx, line, KIND)
    changed = _marked(tx, _TRUE)
    for line in changed:
        line.body = line.private.pop(_TRUE)
        tx.save(line)
    repeated = _marked(tx, _REPEATED)
    for line in repeated:
        tx.delete(line)
    return len({line.id for line in (*lost, *changed, *repeated)})


def _marked(tx: Transaction, mark: str) -> list[Record]:
    return tx.select("kind = ? AND private LIKE ?", (KIND, f'%"{mark}":%'), limit=_MOST)


def _set_kind(tx: Transaction, line: Record, kind: str) -> None:
    tx.sql("UPDATE objects SET kind = ? WHERE id = ?", (kind, line.id))
