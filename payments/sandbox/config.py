"""What an operator may choose about a sandbox, checked once."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

KEY_PREFIX = "sk_test_"

MINUTE = 60.0
RETRY_SECONDS = (1.0, 5.0, 30.0, *([2 * MINUTE] * 3), *([5 * MINUTE] * 12))
"""Waits between the attempts of one delivery: a developer at a terminal sees the
first retries happen, and an endpoint may be down for an hour. Stripe itself waits
hours and gives up after three days (https://docs.stripe.com/webhooks#retries)."""


class ConfigError(ValueError):
    """A setting that cannot work; its text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Where the sandbox keeps its state, where it is reached, whom it tells."""

    data: Path
    """Directory of the state; made if it is missing, used by one process at a time."""

    host: str = "127.0.0.1"
    port: int = 8010

    public_url: str = ""
    """Origin browsers reach the hosted page at; ``http://{host}:{port}`` if empty."""

    webhook_url: str = ""
    webhook_secret: str = ""
    account_key: str = ""
    """With these three an endpoint exists from the start, without a call to the API."""

    retry_seconds: tuple[float, ...] = RETRY_SECONDS

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ConfigError(f"port {self.port} is not between 1 and 65535")
        if self.public_url and not is_web_address(self.public_url):
            raise ConfigError(f"public URL {self.public_url!r} is not an http(s) origin")
        given = (self.webhook_url, self.webhook_secret, self.account_key)
        if any(given) and not all(given):
            raise ConfigError("a webhook needs its URL, its secret and the account's key together")
        if self.webhook_url and not is_web_address(self.webhook_url):
            raise ConfigError(f"webhook URL {self.webhook_url!r} is not an http(s) address")
        if self.account_key and not self.account_key.startswith(KEY_PREFIX):
            raise ConfigError(f"the account's key must begin with {KEY_PREFIX}")

    @property
    def base_url(self) -> str:
        """Origin without a trailing slash, as it stands in links."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def is_web_address(text: str) -> bool:
    """Whether ``text`` is an absolute http or https URL that can be called."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
