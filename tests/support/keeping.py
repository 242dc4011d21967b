"""Registers that take nothing, for tests of what else an answer does."""

from sqlalchemy import Connection

from portal.requests.center_acts import Issued


def keep_nothing(_db: Connection, _issued: Issued) -> None:
    """What was issued is in no register."""
