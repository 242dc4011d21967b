"""Failures a test asked for, of the API and not of what it does."""

import threading
from dataclasses import dataclass, replace

MODES = ("down", "busy", "slow", "error_after_work")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the next ``count`` requests that fit.

    ``down`` answers 503 and ``busy`` 429 before any work; ``slow`` waits ``seconds`` first;
    ``error_after_work`` does and keeps the work, then answers 500, so that a retry
    under the same idempotency key finds it done.
    """

    mode: str
    count: int
    seconds: float = 0.0
    path: str = "/v1/"
    """Requests whose path begins so."""
    method: str = ""
    """All methods if empty."""


class Faults:
    """Kept in memory: a restart ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._wanted.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._wanted.clear()

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._wanted)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that fits this request, used up by one."""
        with self._lock:
            for index, fault in enumerate(self._wanted):
                if path.startswith(fault.path) and fault.method in {"", method}:
                    rest = replace(fault, count=fault.count - 1)
                    self._wanted[index : index + 1] = [rest] if rest.count > 0 else []
                    return fault
        return None
