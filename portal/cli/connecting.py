"""Commands that connect the system of a center: whose key is trusted."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal.cli import core
from portal.cli.handing import handoff
from portal.cli.operating import one_line

if TYPE_CHECKING:
    from portal.core import Core

_OWN = "OWN"
_LARGEST_FILE = 10_000


@handoff.command("connect")
@click.argument("center")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The center's public key, a JWK.",
)
@click.option("--note", default="-", callback=one_line, help="Who handed it over, and when.")
def connect(center: str, key_file: Path, note: str) -> None:
    """Trust a new key of a center; those before it are retired."""
    from portal.handoff import keys  # noqa: PLC0415
    from portal.jws import BadKey, read_public_jwk  # noqa: PLC0415
    from portal.problems import Conflict  # noqa: PLC0415

    if key_file.stat().st_size > _LARGEST_FILE:
        raise click.ClickException(f"{key_file}: too large for a key")
    try:
        kid, jwk = read_public_jwk(key_file.read_text("utf-8"))
    except (BadKey, UnicodeDecodeError) as error:
        raise click.ClickException(f"{key_file}: {error}") from None
    with core() as built:
        _known(built, center)
        try:
            with built.database.begin() as db:
                keys.register(db, center, kid, jwk, note, built.clock.now())
        except Conflict as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{center} signs with {kid} from now on")


@handoff.command("disconnect")
@click.argument("center")
@click.option("--key", "kid", default="", help="One of its keys; else all of them.")
@click.option("--revoke", is_flag=True, help="At once and for good: somebody else may have it.")
def disconnect(center: str, kid: str, revoke: bool) -> None:
    """Retire or revoke keys of a center, or of the own back office (OWN)."""
    from portal.handoff import keys  # noqa: PLC0415
    from portal.problems import Missing  # noqa: PLC0415

    whose = None if center == _OWN else center
    with core() as built:
        if whose is not None:
            _known(built, whose)
        try:
            with built.database.begin() as db:
                closed = keys.close(db, whose, kid, built.clock.now(), revoke=revoke)
        except Missing as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{center}: {closed} {'revoked' if revoke else 'retired'}")


@handoff.command("keys")
def list_keys() -> None:
    """Every key that centers sign with, and what became of it."""
    from portal.handoff import keys  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        known = keys.listed(db)
    for key in known:
        stands = "stands"
        if key.revoked_at is not None:
            stands = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
        elif key.retired_at is not None:
            stands = f"retired {key.retired_at:%Y-%m-%d %H:%M}"
        since = f"since {key.created_at:%Y-%m-%d %H:%M}"
        click.echo(f"{key.center or _OWN:7}  {key.kid}  {since}  {stands}  {key.note}")


@handoff.command("renew")
def renew() -> None:
    """The own back office signs with a new key from now on."""
    with core() as built:
        kid = built.office_signatures.rotate()
    click.echo(f"{_OWN} signs with {kid} from now on")


def _known(built: "Core", center: str) -> None:
    if center not in built.places.centers:
        raise click.ClickException(f"no center {center}")
