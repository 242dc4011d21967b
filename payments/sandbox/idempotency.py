"""Idempotency keys: https://docs.stripe.com/api/idempotent_requests.

A key's answer is written in the transaction of the work itself, so after a crash
either both exist or neither. Which keys are being worked on is kept in memory
only: the process is the only one, and a crash ends the work with it.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from payments.sandbox.errors import ApiError
from payments.sandbox.forms import Tree
from payments.sandbox.store import Transaction

MAX_KEY = 255
KEY = re.compile(rf"[\x20-\x7e]{{1,{MAX_KEY}}}\Z")
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer under a key."""

    status: int
    body: bytes
    request_id: str


class InProgress:
    """The keys of requests that have not been answered yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def hold(self, account: str, key: str | None) -> Iterator[None]:
        """Raises 409 if the same key is held by another request."""
        if key is None:
            yield
            return
        entry = (account, key)
        with self._lock:
            if entry in self._keys:
                raise ApiError(
                    "There is currently another in-progress request using this Idempotent Key "
                    "(that probably means you submitted twice, and the other request is still "
                    f"going through): {key}. Please try again later.",
                    status=409,
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._keys.add(entry)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(entry)


def check_key(key: str | None) -> str | None:
    if key is not None and not KEY.match(key):
        raise ApiError(f"Idempotency keys have 1 to {MAX_KEY} printable ASCII characters.")
    return key


def fingerprint(params: Tree) -> str:
    """Equal for equal parameters in any order.

    Only parameters that passed validation are ever kept, so no real card number can
    stand behind a stored fingerprint.
    """
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def recall(tx: Transaction, key: str, endpoint: str, print_: str) -> Kept | None:
    """The answer kept under ``key``; raises if it was used for something else."""
    row = tx.sql(
        "SELECT endpoint, fingerprint, status, body, request_id FROM idempotency"
        " WHERE account = ? AND key = ? AND created > ?",
        (tx.account, key, tx.now - KEPT_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if row[0] != endpoint:
        raise _reused(key, f"for the same endpoint they were first used for ('{row[0]}')")
    if row[1] != print_:
        raise _reused(key, "with the same parameters they were first used with")
    return Kept(status=int(row[2]), body=bytes(row[3]), request_id=str(row[4]))


def remember(tx: Transaction, key: str, endpoint: str, print_: str, kept: Kept) -> None:
    tx.sql("DELETE FROM idempotency WHERE created <= ?", (tx.now - KEPT_SECONDS,))
    tx.sql(
        "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (tx.account, key, endpoint, print_, kept.status, kept.body, kept.request_id, tx.now),
    )


def _reused(key: str, how: str) -> ApiError:
    return ApiError(
        f"Keys for idempotent requests can only be used {how}. Try using a key other than '{key}' "
        "if you meant to execute a different request.",
        kind="idempotency_error",
    )
