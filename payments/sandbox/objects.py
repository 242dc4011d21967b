"""What every operation of the API takes and gives."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from payments.sandbox.config import SandboxConfig
from payments.sandbox.errors import Json, no_such
from payments.sandbox.params import Params
from payments.sandbox.store import Record, Transaction, dump

API_VERSION = "2026-10-28.endive"
"""The version whose shapes are spoken, whatever the caller asks for."""

VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?(;.*)?\Z")
"""A date, since 2024 with a name, and what is tried out early behind a semicolon."""

OBJECT_ID = re.compile(r"[A-Za-z0-9_]{1,200}\Z")

NOUNS = {"balance_transaction": "balance transaction", "payment_method": "PaymentMethod"}

PARAMS = {
    "checkout.session": "session",
    "dispute": "dispute",
    "payment_intent": "intent",
    "payment_method": "payment_method",
    "payout": "payout",
    "refund": "refund",
}
"""What the provider calls the id in the address; ``id`` for the older resources."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; a status of 402 commits too, because the decline did happen."""

    body: Json
    status: int = 200

    def encoded(self) -> bytes:
        return dump(self.body).encode()


@dataclass(frozen=True, slots=True)
class Call:
    """One request inside its transaction."""

    tx: Transaction
    account: str
    params: Params
    ids: Mapping[str, str]
    config: SandboxConfig

    def the(self, kind: str) -> Record:
        """The object named in the address; 404 if the account has none such."""
        return require(self.tx, kind, self.ids["id"], param=PARAMS.get(kind, "id"))


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one address, as Litestar writes it: ``/v1/charges/{id:str}``."""

    method: str
    path: str
    run: Callable[[Call], Answer]


def require(
    tx: Transaction,
    kind: str,
    object_id: str,
    *,
    param: str = "id",
    status: int = 404,
    tag: str | None = None,
    parent: str | None = None,
) -> Record:
    """``tag`` and ``parent``: only if they are the object's own."""
    record = tx.find(kind, object_id) if OBJECT_ID.match(object_id) else None
    if record and (tag not in {None, record.tag} or parent not in {None, record.parent}):
        record = None
    if record is None:
        raise no_such(NOUNS.get(kind, kind), object_id, param=param, status=status)
    return record
