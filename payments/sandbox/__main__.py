"""``python -m payments.sandbox --host 127.0.0.1 --port 8010 --data DIR``."""

import argparse
import sys
from pathlib import Path

from payments.sandbox.config import ConfigError, SandboxConfig
from payments.sandbox.server import serve


def read_config(arguments: list[str] | None = None) -> SandboxConfig:
    """Raises :class:`ConfigError` for values that cannot work."""
    parser = argparse.ArgumentParser(prog="payments.sandbox", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the state")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--public-url", default="", help="origin browsers reach it at")
    parser.add_argument("--webhook-url", default="", help="told of events from the start")
    parser.add_argument("--webhook-secret", default="", help="signs what is sent there")
    parser.add_argument("--account-key", default="", help="whose events are sent there")
    return SandboxConfig(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    try:
        serve(read_config())
    except ConfigError as error:
        sys.exit(f"payment sandbox: {error}")
