"""A small disk of a test's own, which can be filled to its last byte and get room again.

It lies in memory, in a mount namespace that a sleeping process holds: whoever starts a program with
:attr:`Disk.entering` lets it see the disk, and nobody else does. Needs Linux, and root or leave to
make such a namespace.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.sandbox import eventually

_BALLAST = "ballast"
_CHUNK = b"\0" * 4096


class Disk:
    """Mounted at ``folder``."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(parents=True)
        root = os.getuid() == 0
        self._folder = folder
        mounting = f'mount -t tmpfs -o size={megabytes}m none "$0" && touch "$0/there"'
        self._holder = subprocess.Popen(
            [
                *("unshare", "--mount", *(() if root else ("--map-root-user",))),
                *("sh", "-c", f"{mounting} && exec sleep infinity", str(folder)),
            ],
            stderr=subprocess.DEVNULL,
        )
        self.entering = ["nsenter", "--target", str(self._holder.pid), "--mount"]
        if not root:
            self.entering += ["--user", "--preserve-credentials"]
        self.entering.append("--")

    def is_there(self) -> bool:
        return (self._inside / "there").exists()

    @property
    def cannot_be(self) -> bool:
        return self._holder.poll() is not None

    @property
    def _inside(self) -> Path:
        """The folder as the namespace sees it."""
        return Path(f"/proc/{self._holder.pid}/root{self._folder}")

    def fill(self) -> None:
        """Nothing can be written any more."""
        with (self._inside / _BALLAST).open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(_CHUNK)

    def make_room(self) -> None:
        (self._inside / _BALLAST).unlink(missing_ok=True)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk | None]:
    """The disk, or None where this machine does not let a program have one."""
    disk = Disk(folder, megabytes)
    try:
        eventually(lambda: disk.is_there() or disk.cannot_be)
        yield None if disk.cannot_be else disk
    finally:
        disk.close()
