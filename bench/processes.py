"""What processes cost, as Linux counts it."""

import time
from collections.abc import Iterable
from pathlib import Path

_SCHEDULED = 2  # the clock of a process that counts what it was given (clock_getcpuclockid(3))


def cpu_ns(pids: Iterable[int]) -> int:
    """User and system time of the processes so far, in nanoseconds; threads that have ended among
    it."""
    return sum(time.clock_gettime_ns(~pid << 3 | _SCHEDULED) for pid in pids)


def descendants(pid: int) -> list[int]:
    """The process and everything that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += descendants(int(child))
    return found


def memory_mb(pids: Iterable[int], field: str = "Rss") -> float:
    """Resident memory; ``Pss`` counts a page that several share once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{field}:"):
                total += int(line.split()[1])
    return total / 1024
