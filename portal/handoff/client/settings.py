"""What a client must be told: one TOML file."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"


@dataclass(frozen=True)
class Settings:
    """Who the center is and where everything lies."""

    center: str
    portal: str
    """The portal's public address, such as ``https://portal.example``."""
    signing_key: Path
    """The center's private key in PEM; ``python -m portal.handoff.client`` makes one."""
    folder: Path
    """Of this client alone: its journal, and the documents that came and go."""
    kid: str = ""
    """The key's name, if it was registered under another than its thumbprint."""
    servers: tuple[str, ...] = ()
    """Of NATS. None: nothing is received by itself, and answers go over HTTP."""
    ca: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    schemas: Path = SCHEMAS

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """The settings of a file; what they name is found beside it. Unknown names are refused."""
        told = tomllib.loads(path.read_text("utf-8"))
        paths = {"signing_key", "folder", "ca", "certificate", "certificate_key", "schemas"}
        for name in paths & told.keys():
            told[name] = path.resolve().parent / told[name]
        told["servers"] = tuple(told.get("servers", ()))
        told["portal"] = told["portal"].rstrip("/")
        return cls(**told)
