"""The example of a center's program, as a process that knows nothing of the project."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


class Office:
    """The example as a process, in a folder with nothing but copies of client and schemas."""

    def __init__(self, folder: Path, center: str, portal: str, servers: Sequence[str]) -> None:
        self.folder = folder
        self.center = center
        package = folder / "portal" / "handoff"
        for part in ("client", "schemas"):
            shutil.copytree(_ROOT / "portal" / "handoff" / part, package / part)
        for each in (folder / "portal", package):
            (each / "__init__.py").touch()
        shutil.copy(_ROOT / "examples" / "center.py", folder)
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None
        self.jwk = folder / "center.jwk"
        self.jwk.write_text(self._command("-m", "portal.handoff.client", "key.pem"))
        lines = {
            "center": center,
            "portal": portal,
            "signing_key": "key.pem",
            "folder": "handoff",
            "servers": list(servers),
        }
        told = "\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items())
        (folder / "center.toml").write_text(told)

    def _command(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "center.py", "center.toml"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """What a power cut does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def end(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]

    def rows(self, asked: str) -> list[Any]:
        """What stands in its file; nothing while there is none."""
        path = self.folder / "handoff" / "journal.sqlite3"
        if not path.exists():
            return []
        db = sqlite3.connect(path)
        try:
            return db.execute(asked).fetchall()
        except sqlite3.OperationalError:  # it is being made
            return []
        finally:
            db.close()

    def in_state(self, state: str) -> int:
        return self.rows("SELECT state FROM register").count((state,))
