"""How soon a second start is ready, and what the whole of it holds in memory."""

import tempfile
import time
from pathlib import Path

from bench.processes import descendants, memory_mb
from tests.support.sandbox import eventually
from tests.support.stack import EVERYTHING, Stack

SETTLED_SECONDS = 5


def second_start() -> dict[str, float]:
    """Seconds to readiness, then resident and proportional memory of everything, in MB."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Stack(Path(folder)).start(EVERYTHING).stop()
        stack = Stack(Path(folder))
        began = time.perf_counter()
        stack.start(EVERYTHING)
        ready = time.perf_counter() - began
        try:
            eventually(lambda: stack.citizen().get("/").status == 200)
            time.sleep(SETTLED_SECONDS)
            everything = descendants(stack.pid(EVERYTHING))
            return {
                "ready after (s)": ready,
                "resident memory (MB)": memory_mb(everything),
                "proportional memory (MB)": memory_mb(everything, "Pss"),
            }
        finally:
            stack.stop()
