"""The only reader of the environment: one frozen value, checked at the start.

Every setting is ``PORTAL_…``. A wrong or missing one stops the start with one line that says which
and why. ``docs/operations.md`` has the table.
"""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import SplitResult, unquote, urlsplit

from portal.clock import token

DEMO_WEBHOOK_SECRET = "whsec_demo_only_not_a_secret"  # noqa: S105 - refused in production
DEMO_API_KEY = "sk_test_mahalliyat_demo"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Stripe serves its API and its payment page from two hosts; a sandbox from one
_CHECKOUT_OF = {"api.stripe.com": "https://checkout.stripe.com"}
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_SHORTEST_KEY = 32
# How long records of a system's use must be kept at least (law 175/2018, article 2), and how long
# a misdemeanour that they would prove is pursued (three years)
_LAW_175_DAYS, _LAW_CRIMES_DAYS = 180, 1096
_SHORTEST_SIGNING_SECRET = 24  # Stripe's have 38; who guesses it can say that anything is paid


class BadSetting(Exception):
    """A setting that the portal cannot start with."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")


@dataclass(frozen=True)
class Proxy:
    """Where a proxy listens, and what it is shown, if anything."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Queue:
    """The way to the centers: the same database, or a NATS server or cluster with JetStream."""

    servers: tuple[str, ...] = ()
    """None: embedded."""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    replicas: int = 1

    @property
    def embedded(self) -> bool:
        return not self.servers


@dataclass(frozen=True)
class Settings:
    """Everything that a place of operation decides."""

    demo: bool
    """Whether the sandbox pages, demo accounts and demo data are there."""
    host: str
    """The address that the web server listens on."""
    port: int
    sandbox_port: int
    var: Path
    """The folder of everything that is written: database, files, keys."""
    public_url: str
    """The origin that citizens see; links in messages and payment returns begin with it."""
    database_url: str
    queue: "Queue"
    answer_within: timedelta
    """So long may a center take to say its number before somebody should look."""
    silent_for: timedelta
    """So much of the counters' hours may a center with a system of its own be silent while
    something waits for it."""
    permit_log_kept: timedelta
    """So long is kept who asked about building permits."""
    permit_files_kept: timedelta
    """So long is kept a file of old permits that nobody has touched since."""
    files_dir: Path
    payments_base_url: str
    payments_checkout_origin: str
    """The origin of the hosted payment page, which a form may lead to."""
    payments_api_key: str
    payments_webhook_secret: str
    payments_methods: tuple[str, ...]
    payments_sale_only: frozenset[str]
    """Means of payment that give nothing back."""
    sms_url: str
    mail_url: str
    secret_keys: tuple[str, ...]
    """The first signs and encrypts, the others still read."""
    metrics_token: str
    """What a scraper from another machine shows; empty allows loopback only."""
    webhooks_ca: Path | None
    """Whose certificates of outside bodies are believed beside those of the machine's."""
    webhooks_proxy: Proxy | None
    """Through which news of outside bodies go out; None: straight."""
    webhooks_loopback: bool
    """Whether webhooks of outside bodies may be on this machine."""
    trusted_proxies: int
    """How many proxies stand before the portal and write X-Forwarded-For."""

    @property
    def secure(self) -> bool:
        """Whether citizens reach the portal by https."""
        return self.public_url.startswith("https://")


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def required(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not value:
            raise BadSetting(name, "is not set")
        return value

    def number(self, name: str, default: int, lowest: int = 0, highest: int = 65535) -> int:
        text = self.text(name, str(default))
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise BadSetting(name, f"{text!r} is not a number from {lowest} to {highest}")
        return int(text)

    def url(
        self, name: str, default: str, schemes: Sequence[str] = ("http", "https")
    ) -> SplitResult:
        text = self.required(name, default)
        try:
            parts = urlsplit(text)
            whole = parts.scheme in schemes and parts.hostname and (parts.port or 1) > 0
        except ValueError:  # brackets that do not close, a port beyond 65535
            whole = False
        if not whole:
            # an address may hold a password: it is not repeated
            raise BadSetting(
                name, f"is not a whole address that begins with {' or '.join(schemes)}"
            )
        return parts


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of ``environ``; raises :class:`BadSetting`."""
    read = _Reader(environ)
    mode = read.text("PORTAL_MODE", "demo")
    if mode not in {"demo", "production"}:
        raise BadSetting("PORTAL_MODE", f"{mode!r} is neither demo nor production")
    demo = mode == "demo"
    port = read.number("PORTAL_PORT", 8000, 1)
    sandbox_port = read.number("PORTAL_SANDBOX_PORT", 8010, 1)
    if demo and sandbox_port == port:
        raise BadSetting("PORTAL_SANDBOX_PORT", f"{sandbox_port} is the port of the pages too")
    var = Path(read.text("PORTAL_VAR", "var")).expanduser().resolve()
    sandbox = f"http://127.0.0.1:{sandbox_port}" if demo else ""
    base = _origin(read, "PORTAL_PAYMENTS_BASE_URL", sandbox)
    api = read.url("PORTAL_PAYMENTS_BASE_URL", sandbox)
    settings = Settings(
        demo=demo,
        host=read.text("PORTAL_HOST", "127.0.0.1"),
        port=port,
        sandbox_port=sandbox_port,
        var=var,
        public_url=_origin(read, "PORTAL_PUBLIC_URL", f"http://127.0.0.1:{port}" if demo else ""),
        database_url=_database(read, var, demo),
        queue=_queue(read, demo),
        answer_within=timedelta(minutes=read.number("PORTAL_ANSWER_MINUTES", 30, 1, 10080)),
        silent_for=timedelta(minutes=read.number("PORTAL_SILENT_MINUTES", 120, 10, 3600)),
        permit_log_kept=timedelta(
            days=read.number("PORTAL_PERMIT_LOG_DAYS", 365, _LAW_175_DAYS, _LAW_CRIMES_DAYS)
        ),
        permit_files_kept=timedelta(days=read.number("PORTAL_PERMIT_FILE_DAYS", 90, 14, 365)),
        files_dir=_files(read, var),
        payments_base_url=base + api.path.rstrip("/"),
        payments_checkout_origin=_origin(
            read, "PORTAL_PAYMENTS_CHECKOUT_ORIGIN", _CHECKOUT_OF.get(api.hostname or "", base)
        ),
        payments_api_key=read.required("PORTAL_PAYMENTS_API_KEY", DEMO_API_KEY if demo else ""),
        payments_webhook_secret=read.required(
            "PORTAL_PAYMENTS_WEBHOOK_SECRET", DEMO_WEBHOOK_SECRET if demo else ""
        ),
        payments_methods=_methods(read, demo),
        payments_sale_only=_sale_only(read),
        sms_url=_channel(read, "PORTAL_SMS_URL", demo, ("https", "http")),
        mail_url=_channel(read, "PORTAL_MAIL_URL", demo, ("smtps", "smtp")),
        secret_keys=_secret_keys(read, var, demo),
        metrics_token=read.text("PORTAL_METRICS_TOKEN"),
        webhooks_ca=_authority(read, "PORTAL_WEBHOOKS_CA"),
        webhooks_proxy=_proxy(read, "PORTAL_WEBHOOKS_PROXY"),
        webhooks_loopback=read.number("PORTAL_WEBHOOKS_LOOPBACK", 0, 0, 1) == 1,
        trusted_proxies=read.number("PORTAL_TRUSTED_PROXIES", 0, 0, 10),
    )
    if not demo:
        _refuse_demo(settings)
    return settings


def _origin(read: _Reader, name: str, default: str) -> str:
    """Scheme, host and port: what stands on pages and in their security policy."""
    parts = read.url(name, default)
    if not _PLAIN_HOST.fullmatch(parts.netloc):
        raise BadSetting(name, "names more than a host and a port, or a host beyond ASCII")
    return f"{parts.scheme}://{parts.netloc}"


def _methods(read: _Reader, demo: bool) -> tuple[str, ...]:
    """What the account at the provider can do; ``kiosk`` is a cash reference."""
    text = read.text("PORTAL_PAYMENTS_METHODS", "card,wallet,kiosk" if demo else "card")
    return _names("PORTAL_PAYMENTS_METHODS", text)


def _sale_only(read: _Reader) -> frozenset[str]:
    """What the account takes and cannot give back, such as some wallets."""
    text = read.text("PORTAL_PAYMENTS_SALE_ONLY")
    return frozenset(_names("PORTAL_PAYMENTS_SALE_ONLY", text) if text else ())


def _names(setting: str, text: str) -> tuple[str, ...]:
    methods = tuple(method.strip() for method in text.split(","))
    if not all(re.fullmatch("[a-z_]{2,30}", method) for method in methods):
        raise BadSetting(setting, "names of methods, separated by commas")
    return methods


def _database(read: _Reader, var: Path, demo: bool) -> str:
    url = read.required(
        "PORTAL_DATABASE_URL", f"sqlite:///{var / 'portal.sqlite3'}" if demo else ""
    )
    scheme, _, rest = url.partition("://")
    if rest and scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
        return f"postgresql+psycopg://{rest}"
    if rest and scheme == "sqlite":
        return url
    raise BadSetting(
        "PORTAL_DATABASE_URL", "begins with neither 'sqlite:///' nor 'postgresql://', or ends there"
    )


def _queue(read: _Reader, demo: bool) -> Queue:
    url = read.text("PORTAL_QUEUE_URL", "embedded:")
    replicas = read.number("PORTAL_QUEUE_REPLICAS", 1 if demo else 3, 1, 5)
    names = ("PORTAL_QUEUE_CA", "PORTAL_QUEUE_CERT", "PORTAL_QUEUE_KEY")
    ca, cert, key = (_file(read, name) for name in names)
    if url == "embedded:":
        return Queue()
    scheme, found, _ = url.partition("://")
    try:
        servers = [urlsplit(each if "://" in each else f"{scheme}://{each}") for each in _list(url)]
        whole = found and all(
            s.scheme == scheme and s.hostname and (s.port or 1) > 0 and not s.path for s in servers
        )
    except ValueError:
        whole = False
    if not whole or scheme not in {"nats", "tls"}:
        raise BadSetting(
            "PORTAL_QUEUE_URL",
            "is neither 'embedded:' nor addresses that begin with nats:// or tls://, such as"
            " tls://a:4222,b:4222",
        )
    if (cert is None) != (key is None):
        raise BadSetting("PORTAL_QUEUE_KEY", "goes with PORTAL_QUEUE_CERT: both or neither")
    if not demo and cert is None and not all(s.hostname in _LOOPBACK for s in servers):
        raise BadSetting("PORTAL_QUEUE_CERT", "in production both ends show who they are")
    return Queue(tuple(s.geturl() for s in servers), ca, cert, key, replicas)


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _file(read: _Reader, name: str) -> Path | None:
    text = read.text(name)
    if not text:
        return None
    path = Path(text).expanduser().resolve()
    if not path.is_file():
        raise BadSetting(name, f"{text!r} is no file")
    return path


def _authority(read: _Reader, name: str) -> Path | None:
    path = _file(read, name)
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:  # SSLError is one
            raise BadSetting(name, "holds no certificate in PEM") from error
    return path


def _proxy(read: _Reader, name: str) -> Proxy | None:
    text = read.text(name)
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadSetting(name, "is no address") from error
    if parts.scheme != "http" or not host or port is None or parts.path.strip("/") or parts.query:
        raise BadSetting(name, "is not like http://user:password@proxy.example:3128")
    return Proxy(host, port, unquote(parts.username or ""), unquote(parts.password or ""))


def _files(read: _Reader, var: Path) -> Path:
    text = read.text("PORTAL_FILES_URL", str(var / "files"))
    if "://" in text and not text.startswith("file://"):
        raise BadSetting("PORTAL_FILES_URL", f"{text!r}: this version stores files in a folder")
    return Path(text.removeprefix("file://")).expanduser().resolve()


def _channel(read: _Reader, name: str, demo: bool, schemes: Sequence[str]) -> str:
    """Where a message goes out; ``sandbox:`` shows it on a page of the demo."""
    if read.required(name, "sandbox:" if demo else "") == "sandbox:":
        return "sandbox:"
    return read.url(name, "", schemes).geturl()


def _secret_keys(read: _Reader, var: Path, demo: bool) -> tuple[str, ...]:
    text = read.text("PORTAL_SECRET_KEYS")
    if not text and demo:
        try:
            text = _demo_key(var / "secret_key")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "the key in it is not one"
            raise BadSetting("PORTAL_VAR", f"{str(var)!r}: {reason}") from error
    keys = tuple(re.split(r"[\s,]+", text)) if text else ()
    if not keys:
        raise BadSetting("PORTAL_SECRET_KEYS", "is not set")
    if any(len(key) < _SHORTEST_KEY for key in keys):
        raise BadSetting("PORTAL_SECRET_KEYS", f"a key is shorter than {_SHORTEST_KEY} characters")
    if len(set(keys)) != len(keys):
        raise BadSetting("PORTAL_SECRET_KEYS", "a key stands twice")
    return keys


def _demo_key(path: Path) -> str:
    """The key made at the first start: written aside and then linked, so that two first starts
    agree on one and a power cut leaves none that is half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent, prefix=".key-", encoding="ascii") as aside:
            aside.write(token(384))
            aside.flush()
            os.fsync(aside.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(aside.name)
    key = path.read_text(encoding="ascii").strip()
    if not key:
        raise BadSetting("PORTAL_SECRET_KEYS", f"{path} is empty")
    return key


def _refuse_demo(settings: Settings) -> None:
    for name, url in (
        ("PORTAL_PUBLIC_URL", settings.public_url),
        ("PORTAL_PAYMENTS_BASE_URL", settings.payments_base_url),
        ("PORTAL_PAYMENTS_CHECKOUT_ORIGIN", settings.payments_checkout_origin),
        ("PORTAL_SMS_URL", settings.sms_url),
    ):
        if not url.startswith("https://"):
            raise BadSetting(name, "must be https in production")
    if settings.mail_url == "sandbox:":
        raise BadSetting("PORTAL_MAIL_URL", "the sandbox shows messages to everyone: demo only")
    if settings.payments_webhook_secret == DEMO_WEBHOOK_SECRET:
        raise BadSetting("PORTAL_PAYMENTS_WEBHOOK_SECRET", "is the demo's")
    if len(settings.payments_webhook_secret) < _SHORTEST_SIGNING_SECRET:
        least = f"has fewer than {_SHORTEST_SIGNING_SECRET} characters"
        raise BadSetting("PORTAL_PAYMENTS_WEBHOOK_SECRET", least)
    if settings.payments_api_key.startswith(("sk_test_", "rk_test_")):
        raise BadSetting("PORTAL_PAYMENTS_API_KEY", "is a test key")
    if settings.webhooks_loopback:
        raise BadSetting("PORTAL_WEBHOOKS_LOOPBACK", "opens this machine's own network: demo only")
    if settings.database_url.startswith("sqlite"):
        raise BadSetting("PORTAL_DATABASE_URL", "production runs on PostgreSQL")
