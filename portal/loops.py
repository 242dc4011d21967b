"""What the rounds of the worker have in common."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from portal.observability import log

T = TypeVar("T")


def one_by_one(
    kind: str,
    rows: Iterable[T],
    do: Callable[[T], object],
    expected: tuple[type[Exception], ...] = (),
) -> int:
    """``do`` every row; how many were done.

    One that fails holds up none behind it: it is written down, in full where nobody expected it.
    """
    done = 0
    for row in rows:
        try:
            done += bool(do(row))
        except expected as error:
            log.warning("worker.retry", kind=kind, error=type(error).__name__)
        except Exception as error:
            log.error("worker.failed", kind=kind, error=type(error).__name__, exc_info=error)
    return done
