"""How many questions a body has left: counted from the log, so it holds over all processes.

What was answered within the last minute counts, lines of jobs among it. Questions of one body take
turns, so that each is counted before the next.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, func, select

from portal.bodies.accounts import Body
from portal.bodies.buckets import A_SECOND
from portal.bodies.model import BodyInquiry
from portal.db import take_turns

WINDOW = timedelta(minutes=1)


@dataclass(frozen=True)
class Allowance:
    """Of ``most`` within ``window`` ``left`` are left; ``seconds`` until the next one is."""

    most: int
    left: int
    seconds: int
    policy: str = "inquiries"
    window: timedelta = WINDOW

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10)."""
        return {
            "ratelimit-policy": f'"{self.policy}";q={self.most};w={self.window.seconds}',
            "ratelimit": f'"{self.policy}";r={self.left};t={self.seconds}',
        }

    @property
    def wait(self) -> int:
        """Seconds after which a question that was refused is worth asking again."""
        return max(1, 0 if self.left else self.seconds)

    def less(self) -> "Allowance":
        """After one more question."""
        return replace(self, left=self.left - 1, seconds=self.seconds or self.window.seconds)


AT_ALL = Allowance(A_SECOND, 0, 1, "requests", timedelta(seconds=1))
"""What is told to who comes too fast, whatever is asked."""


def take_turn(db: Connection, body_code: str) -> None:
    """Wait for the body's other questions that are being answered; until the transaction ends."""
    take_turns(db, sha256(f"body {body_code}".encode()).digest())


def allowance(db: Connection, body: Body, now: datetime) -> Allowance:
    """What is left to the body now."""
    row = db.execute(
        select(func.count(), func.min(BodyInquiry.at)).where(
            BodyInquiry.body_code == body.code, BodyInquiry.at > now - WINDOW
        )
    ).one()
    count: int = row[0]
    first: datetime | None = row[1]
    if first is None:
        return Allowance(body.per_minute, body.per_minute, 0)
    wait = (first + WINDOW - now).total_seconds()
    return Allowance(body.per_minute, max(0, body.per_minute - count), max(0, int(wait)) + 1)
