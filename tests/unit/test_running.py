"""``portal run``: what stops it is said at once, and nothing of it outlives it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sandbox import eventually

_PARENT = """
import subprocess, time
from portal.cli.running import _end_with_parent
print(subprocess.Popen(["sleep", "60"], preexec_fn=_end_with_parent()).pid, flush=True)
time.sleep(60)
"""


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_parts_end_when_what_started_them_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert _lives(child)
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not _lives(child), 10)


@pytest.mark.parametrize("name", ["PORTAL_PORT", "PORTAL_SANDBOX_PORT"])
def test_a_taken_port_is_said_before_anything_is_prepared(tmp_path: Path, name: str) -> None:
    with socket.socket() as other, socket.socket() as free:
        other.bind(("127.0.0.1", 0))
        other.listen()
        free.bind(("127.0.0.1", 0))
        ports = {"PORTAL_PORT": free, "PORTAL_SANDBOX_PORT": free, name: other}
        numbers = {key: str(taken.getsockname()[1]) for key, taken in ports.items()}
        free.close()
        done = subprocess.run(
            [sys.executable, "-m", "portal", "run"],
            env={**os.environ, "PORTAL_VAR": str(tmp_path), **numbers},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{numbers[name]}: Address already in use" in done.stderr
    assert "first start" not in done.stderr
    assert not (tmp_path / "portal.sqlite3").exists()
