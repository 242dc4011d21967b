"""``python -m payments.sandbox``: a payment provider of one's own, on this machine."""

import argparse
import sys
from pathlib import Path

from payments.sandbox.config import ConfigError, SandboxConfig
from payments.sandbox.server import serve

ABOUT = """\
Serves a Stripe-compatible payment API that moves no money. Point any official SDK at it:
StripeClient("sk_test_anything", base_addresses={"api": "http://127.0.0.1:8010"}).
Each key that begins with sk_test_ is an account of its own.
"""

MORE = """\
The three webhook options go together; endpoints can be made over the API as well.
What is covered, test cards and controls: docs/sandbox.md
"""


def read_config(arguments: list[str] | None = None) -> SandboxConfig:
    """Raises :class:`ConfigError` for values that cannot work."""
    parser = argparse.ArgumentParser(
        prog="python -m payments.sandbox",
        description=ABOUT,
        epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--data",
        type=Path,
        default=Path("sandbox-data"),
        help="directory of the state (%(default)s)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=8010, help="port to listen on (%(default)s)")
    add("--public-url", default="", help="origin browsers reach it at (http://HOST:PORT)")
    add("--webhook-url", default="", help="told of all events from the start")
    add("--webhook-secret", default="", help="signs what is sent there")
    add("--account-key", default="", help="the sk_test_ key whose events are sent there")
    return SandboxConfig(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    try:
        serve(read_config())
    except ConfigError as error:
        sys.exit(f"payment sandbox: {error}")
