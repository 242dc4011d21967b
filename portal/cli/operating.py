"""Commands for operators: database, accounts, holidays, keys."""

import logging
import re
from contextlib import suppress
from datetime import date, datetime

import click

from portal.cli import core, main, settings

_LONGEST_NAME = 120
_USERNAME = r"[\w@.-]{1,80}"


@main.command()
def migrate() -> None:
    """Bring the database to the newest state and enter the known holidays."""
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415

    from portal.clock import SystemClock  # noqa: PLC0415
    from portal.db import Database  # noqa: PLC0415
    from portal.holidays.register import fill_once  # noqa: PLC0415
    from portal.migrations.running import DatabaseNewer, upgrade  # noqa: PLC0415

    chosen = settings()
    chosen.var.mkdir(parents=True, exist_ok=True)
    database = Database(chosen.database_url)
    try:
        upgrade(database)
    except DatabaseNewer as error:
        raise click.ClickException(str(error)) from None
    with suppress(IntegrityError), database.begin() as db:  # another start entered them just now
        fill_once(db, SystemClock().now())
    database.close()


@main.command()
@click.option("--no-requests", is_flag=True, help="Only accounts and registers.")
def demo(no_requests: bool) -> None:
    """Load the demo's accounts, registers and a year of requests (demo mode only)."""
    from portal.clock import SystemClock  # noqa: PLC0415
    from portal.demo.loading import load_demo  # noqa: PLC0415
    from portal.demo.past_backlog import load_scans  # noqa: PLC0415
    from portal.demo.requests import load_requests  # noqa: PLC0415
    from portal.observability import configure_logs  # noqa: PLC0415

    chosen = settings()
    if not chosen.demo:
        raise click.ClickException("demo data is for demo mode")
    configure_logs(logging.WARNING)
    with core() as built:
        load_demo(built)
        load_scans(built)
    if not no_requests:
        load_requests(chosen, SystemClock().now())


@main.group()
def catalogue() -> None:
    """The services."""


@catalogue.command("check")
def catalogue_check() -> None:
    """Read every service file; the first mistake is told with file, key and reason."""
    from portal.catalogue.loader import load_catalogue  # noqa: PLC0415

    loaded = load_catalogue()
    click.echo(f"{len(loaded.services)} services are right")


def one_line(_context: click.Context, option: click.Parameter, value: str) -> str:
    """A name or a note that a page can show and a column can hold."""
    name = " ".join(value.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise click.BadParameter(f"1 to {_LONGEST_NAME} characters on one line", param=option)
    return name


@main.group()
def staff() -> None:
    """Accounts of staff."""


@staff.command("add")
@click.argument("username")
@click.option("--name", required=True, callback=one_line, help="The name that pages show.")
@click.option("--role", required=True)
@click.option("--scope", required=True, help="Center (KFS-003), governorate (EG-KFS) or EG.")
@click.password_option()
def staff_add(username: str, name: str, role: str, scope: str, password: str) -> None:
    """Make an account."""
    from portal.identity import staff as accounts  # noqa: PLC0415
    from portal.identity.roles import (  # noqa: PLC0415
        CENTER_ROLES,
        GOVERNORATE_ROLES,
        NATIONAL_ROLES,
        Role,
    )
    from portal.problems import Conflict  # noqa: PLC0415

    if not re.fullmatch(_USERNAME, username):
        raise click.ClickException("a username is letters, digits and @ . _ -, at most 80 of them")
    if role not in set(Role):
        raise click.ClickException(f"roles: {', '.join(Role)}")
    if len(password) < accounts.SHORTEST_PASSWORD:
        raise click.ClickException(
            f"a password has at least {accounts.SHORTEST_PASSWORD} characters"
        )
    with core() as built:
        places = built.places
        scopes = {
            *(places.centers if role in CENTER_ROLES else ()),
            *(places.governorates if role in GOVERNORATE_ROLES else ()),
            *(("EG",) if role in NATIONAL_ROLES else ()),
        }
        if scope not in {"EG", *places.centers, *places.governorates}:
            raise click.ClickException(f"no place {scope}")
        if scope not in scopes:
            raise click.ClickException(f"{scope} is no place for a {role}")
        hashed = accounts.hash_password(password)
        try:
            with built.database.begin() as db:
                accounts.add(db, username, name, role, scope, hashed, built.clock.now())
        except Conflict as error:
            raise click.ClickException(str(error)) from None


@staff.command("disable")
@click.argument("username")
def staff_disable(username: str) -> None:
    """Close an account; its sessions end at once."""
    from portal.identity import staff as accounts  # noqa: PLC0415

    with core() as built, built.database.begin() as db:
        if not accounts.disable(db, username, built.clock.now()):
            raise click.ClickException(f"no open account {username}")


@staff.command("password")
@click.argument("username")
@click.password_option()
def staff_password(username: str, password: str) -> None:
    """Set a new password."""
    from portal.identity import staff as accounts  # noqa: PLC0415

    if len(password) < accounts.SHORTEST_PASSWORD:
        raise click.ClickException(
            f"a password has at least {accounts.SHORTEST_PASSWORD} characters"
        )
    with core() as built, built.database.begin() as db:
        if not accounts.set_password(db, username, accounts.hash_password(password)):
            raise click.ClickException(f"no account {username}")


@main.group()
def holidays() -> None:
    """Official holidays."""


@holidays.command("list")
def holidays_list() -> None:
    """The holidays in force from this year on."""
    from portal.holidays.register import in_force  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        for day, governorate, name in in_force(db, date(built.clock.now().year, 1, 1)):
            click.echo(f"{day}  {governorate or 'EG':7}  {name}")


@holidays.command("add")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--ar", required=True, callback=one_line, help="Name in Arabic.")
@click.option("--en", required=True, callback=one_line, help="Name in English.")
@click.option("--governorate", default="", help="For one governorate only, such as EG-KFS.")
def holidays_add(day: datetime, ar: str, en: str, governorate: str) -> None:
    """Enter a holiday; open legal periods are lengthened by it, never shortened."""
    from portal.holidays.register import add  # noqa: PLC0415
    from portal.problems import Conflict  # noqa: PLC0415
    from portal.requests.deadlines import lengthen_open_periods  # noqa: PLC0415

    with core() as built:
        if governorate and governorate not in built.places.governorates:
            raise click.ClickException(f"no governorate {governorate}")
        try:
            with built.database.begin() as db:
                add(db, day.date(), ar, en, governorate, built.clock.now())
                moved = lengthen_open_periods(db, built.hand_off, built.places, built.clock.now())
        except Conflict as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{moved} open periods are longer now")


@holidays.command("remove")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--governorate", default="")
def holidays_remove(day: datetime, governorate: str) -> None:
    """Cancel a holiday. Periods that it lengthened stay as they are."""
    from portal.holidays.register import remove  # noqa: PLC0415
    from portal.problems import Missing  # noqa: PLC0415

    with core() as built:
        try:
            with built.database.begin() as db:
                remove(db, day.date(), governorate, built.clock.now())
        except Missing as error:
            raise click.ClickException(str(error)) from None


@main.group()
def secrets() -> None:
    """The keys that seal personal data."""


@secrets.command("rotate")
def secrets_rotate() -> None:
    """Seal everything anew with the first key; then the older ones can be taken away."""
    from portal.rotation import rotate  # noqa: PLC0415

    with core() as built:
        for table, count in rotate(built):
            click.echo(f"{table}: {count}")


@main.group()
def keys() -> None:
    """The keys that sign receipts and messages to centers."""


@keys.command("list")
def keys_list() -> None:
    """Every key with its days; all of them verify, one signs."""
    with core() as built:
        published = built.signatures.published()
    for key in published:
        until = f"until {key.retired_at:%Y-%m-%d %H:%M}" if key.retired_at else "signs"
        click.echo(f"{key.kid}  since {key.created_at:%Y-%m-%d %H:%M}  {until}")


@keys.command("rotate")
def keys_rotate() -> None:
    """A new key signs from now on; what older ones signed can still be verified."""
    with core() as built:
        kid = built.signatures.rotate()
    click.echo(f"{kid} signs from now on")


@keys.command("revoke")
@click.argument("kid")
def keys_revoke(kid: str) -> None:
    """Nothing that this key signed counts any more: receipts, and messages under way."""
    from portal.problems import Missing  # noqa: PLC0415

    with core() as built:
        try:
            built.signatures.revoke(kid)
        except Missing as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{kid} is worth nothing any more")
