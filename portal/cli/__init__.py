"""The command line ``portal``. Commands import what they need when they run: most need little."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from portal.settings import BadSetting, Settings, read_settings

if TYPE_CHECKING:
    from portal.core import Core


class _Group(click.Group):
    """Turns what stops a start into one line."""

    def invoke(self, ctx: click.Context) -> object:
        from portal.catalogue.reading import CatalogueError  # noqa: PLC0415

        try:
            return super().invoke(ctx)
        except (BadSetting, CatalogueError) as error:
            click.echo(f"portal: {error}", err=True)
            sys.exit(2)
        except Exception as error:
            trouble = _trouble(error)
            if not trouble:
                raise
            click.echo(f"portal: {trouble}", err=True)
            sys.exit(1)


def _trouble(error: Exception) -> str:
    """What to tell an operator whose database or key is not there; else empty."""
    from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError  # noqa: PLC0415

    from portal.vault import SealBroken  # noqa: PLC0415

    if isinstance(error, SealBroken):
        return f"PORTAL_SECRET_KEYS: the key that sealed {error} is not there, or it was changed"
    if isinstance(error, ArgumentError):
        return "PORTAL_DATABASE_URL: is not the address of a database"
    if not isinstance(error, OperationalError | ProgrammingError):
        return ""
    said = str(error.orig).splitlines()[0]
    unmigrated = "no such table" in said or "UndefinedTable" in type(error.orig).__name__
    return f"the database: {said}" + ("; run `portal migrate` first" if unmigrated else "")


@click.group(cls=_Group)
def main() -> None:
    """The portal of Egypt's technology centers."""
    os.umask(0o077)  # database, files and keys are this user's alone


def operator() -> str:
    """Who does something here: the account of the machine."""
    return f"{getpass.getuser()} (command line)"[:80]


def settings() -> Settings:
    """The settings of this environment."""
    return read_settings(os.environ)


@contextmanager
def core() -> Iterator["Core"]:
    """The core for the time of one command."""
    from portal.clock import SystemClock  # noqa: PLC0415
    from portal.core import build_core  # noqa: PLC0415

    built = build_core(settings(), SystemClock())
    try:
        yield built
    finally:
        built.database.close()


from portal.cli import (  # noqa: E402 - they add to main
    bodies,
    connecting,
    handing,
    operating,
    outages,
    paying,
    permits,
    reconciling,
    running,
)

__all__ = [
    "bodies",
    "connecting",
    "core",
    "handing",
    "main",
    "operating",
    "operator",
    "outages",
    "paying",
    "permits",
    "reconciling",
    "running",
    "settings",
]
