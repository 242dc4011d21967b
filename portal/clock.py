"""The only door through which time and chance enter the portal.

Everything else takes ``at`` (an aware UTC ``datetime``) or a finished code, so that a test can
hold the clock still. Legal periods are counted by the date in Cairo.
"""

import hmac
import secrets
import time
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Protocol
from zoneinfo import ZoneInfo

CAIRO = ZoneInfo("Africa/Cairo")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: nothing to misread or to blush at


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SettableClock:
    """A clock that stands where it is put: for tests and for loading the demo's past."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def cairo_time(at: datetime) -> datetime:
    """The same instant on a Cairo clock."""
    return at.astimezone(CAIRO)


def cairo_day(at: datetime) -> date:
    """The calendar day in Cairo at that instant; deadlines are counted by it."""
    return at.astimezone(CAIRO).date()


def end_of_day(day: date) -> datetime:
    """The last instant of a Cairo day, in UTC: the first of the next one."""
    noon = cairo_time(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    return (noon.replace(hour=0, minute=0) + timedelta(days=1)).astimezone(UTC)


def stopwatch() -> float:
    """Seconds on a clock that never goes back, for durations only."""
    return time.perf_counter()


def token(bits: int = 256) -> str:
    """A secret that nobody can guess, fit for a cookie or a link."""
    return secrets.token_urlsafe(bits // 8)


def random_bytes(count: int) -> bytes:
    return secrets.token_bytes(count)


def public_id(length: int = 20) -> str:
    """An identifier of 5 bits a character that nobody can count or guess."""
    return "".join([_ALPHABET[octet % 32] for octet in secrets.token_bytes(length)])


def one_time_code() -> str:
    """Six decimal digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def jitter(seconds: float) -> float:
    """Between half of ``seconds`` and all of it, so that retries do not march in step."""
    return seconds * (0.5 + secrets.randbelow(1000) / 2000)


def same(left: str, right: str) -> bool:
    """Whether two secrets are equal, taking the same time either way."""
    return hmac.compare_digest(sha256(left.encode()).digest(), sha256(right.encode()).digest())
