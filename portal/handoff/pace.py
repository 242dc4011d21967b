"""How fast one center may come to the door: enough for its busiest hour, not for a loop gone wild.

Counted in this process and not in the database: it protects the threads of the process.
"""

import threading

from portal.clock import stopwatch

BURST = 600
A_SECOND = 50
BURST_OF_DOCUMENTS = 100  # each is looked at as a whole, which takes a while
DOCUMENTS_A_SECOND = 5


class Pace:
    """A bucket for each center, filled as time goes by."""

    def __init__(self, burst: float = BURST, a_second: float = A_SECOND) -> None:
        self._burst = burst
        self._a_second = a_second
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def allows(self, center: str) -> bool:
        """Take one out of the bucket; False when it is empty."""
        now = stopwatch()
        with self._lock:
            left, at = self._left.get(center, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._a_second)
            allowed = left >= 1
            self._left[center] = (left - allowed, now)
        return allowed
