"""What the comparison needs of a database: two ways to open a transaction."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Store(Protocol):
    """Opens transactions; the portal's database is one."""

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction that writes: committed at the end, rolled back on any exception."""

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, from one consistent state."""
