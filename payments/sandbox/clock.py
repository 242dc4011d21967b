"""The only place where time and randomness enter the sandbox."""

import secrets
import string
import threading
import time

ALPHABET = string.ascii_letters + string.digits
ID_LENGTH = 24


class Clock:
    """Seconds since the epoch as the sandbox's objects see them; can be moved.

    Only objects live by this clock. Webhook signatures and retries keep to
    :func:`wall`, because their receiver checks them against its own clock.
    """

    def __init__(self, offset: int = 0) -> None:
        self._lock = threading.Lock()
        self._offset = offset

    def now(self) -> int:
        with self._lock:
            return int(wall()) + self._offset

    @property
    def offset(self) -> int:
        with self._lock:
            return self._offset

    def move(self, offset: int) -> None:
        """Put the sandbox's time ``offset`` seconds away from the machine's."""
        with self._lock:
            self._offset = offset


def wall() -> float:
    """The machine's time in seconds since the epoch."""
    return time.time()


def token(length: int = ID_LENGTH) -> str:
    """An unguessable string of letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def digits(length: int) -> str:
    """An unguessable number; no zero in front, which a table of sums would lose."""
    return str(10 ** (length - 1) + secrets.randbelow(9 * 10 ** (length - 1)))


def one_of(low: int, high: int) -> int:
    """Any whole number from ``low`` to ``high``."""
    return low + secrets.randbelow(high - low + 1)
