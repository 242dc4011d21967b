"""Commands about outside bodies: which there are, all of one, its keys, and to stop one at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy import Connection

from portal.cli import core, main, operator
from portal.cli.operating import one_line

if TYPE_CHECKING:
    from portal.bodies.keeping import Keeper
    from portal.bodies.overview import Whole
    from portal.core import Core

REASON = click.option(
    "--reason", required=True, callback=one_line, help="Why; it stays in the record."
)


@main.group()
def bodies() -> None:
    """Outside bodies that ask about building permits by machine."""


@bodies.command("list")
def bodies_list() -> None:
    """Every body: what it may ask for, and what it did in thirty days."""
    from portal.bodies import overview  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        found = overview.listed(db, None, built.clock.now())
    for each in found:
        state = "revoked" if each.revoked_at else ",".join(each.purposes) or "nothing agreed"
        told = f"{each.recent} inquiries, {each.waiting} notices wait"
        click.echo(f"{each.code}  {each.governorate_code}  {state}  {told}")
    if not found:
        click.echo("no bodies")


@bodies.command("show")
@click.argument("code")
def bodies_show(code: str) -> None:
    """All of one body: agreements with their fields, keys, users, how its webhook does."""
    from portal.bodies import notices  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        body = _known(db, code)
        ways = notices.standing(db, [code])
    row = body.row
    click.echo(f"{code}  {row.kind}  {row.governorate_code}  {row.name_ar}")
    click.echo(f"state: {_state(row.revoked_at)}; {row.per_minute} inquiries a minute")
    click.echo(f"last inquiry: {row.seen_at or 'none'}")
    for way in ways:
        error = f"; failing since {way.failing_since}: {way.last_error}" if way.failures else ""
        click.echo(f"webhook: {row.webhook_url or 'none'}; {way.waiting} notices wait{error}")
    for each in body.agreements:
        state = _state(each.revoked_at, f"until {each.valid_until}")
        told = f"{each.letter}; batches {_yes(each.batches)}, notices {_yes(each.notices)}"
        click.echo(f"agreement {each.purpose}: {state}; {told}; {','.join(each.fields)}")
    for each in body.keys:
        used = f"last used {each.used_at}" if each.used_at else "never used"
        state = _state(each.revoked_at, f"until {each.valid_until}")
        click.echo(f"key {each.kid}: {state}; {used}; fingerprint {each.thumbprint}")
    for each in body.users:
        click.echo(f"user {each.username}: {_state(each.revoked_at)}")


@bodies.command("add-key")
@click.argument("code")
@click.argument("key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--until", default="", help="Its last day, such as 2028-06-30; else in two years.")
def bodies_add_key(code: str, key_file: Path, until: str) -> None:
    """Enter a body's public key (JWK or PEM); others that it has go on holding."""
    from portal.bodies import entering, keeping  # noqa: PLC0415
    from portal.clock import cairo_day  # noqa: PLC0415

    with core() as built:
        today = cairo_day(built.clock.now())
        last = until or entering.longest_key_day(today).isoformat()
        given = key_file.read_text("utf-8", "replace")[: entering.LONGEST_KEY + 1]
        new, problems = entering.read_key(given, last, today)
        if new is None:
            raise click.ClickException("; ".join(each.msgid for each in problems))
        with _acting(built, code) as (db, keeper):
            keeping.add_key(db, keeper, new)
        with built.database.read() as db:
            print_ = next(each.thumbprint for each in _known(db, code).keys if each.kid == new.kid)
    click.echo(f"{code} has the key {new.kid} until {new.valid_until}")
    click.echo(f"compare by telephone: {print_}")


@bodies.command("revoke-key")
@click.argument("code")
@click.argument("kid")
@REASON
def bodies_revoke_key(code: str, kid: str, reason: str) -> None:
    """From now on nothing that is signed with the key is believed, nor a token given for it."""
    from portal.bodies import keeping  # noqa: PLC0415

    with core() as built, _acting(built, code) as (db, keeper):
        keeping.revoke_key(db, keeper, kid, reason)
    click.echo(f"the key {kid} of {code} is revoked")


@bodies.command("revoke")
@click.argument("code")
@REASON
def bodies_revoke(code: str, reason: str) -> None:
    """From now on the body may nothing; the governorate can open it again."""
    from portal.bodies import keeping  # noqa: PLC0415

    with core() as built, _acting(built, code) as (db, keeper):
        keeping.revoke(db, keeper, reason)
    click.echo(f"{code} is revoked")


@contextmanager
def _acting(built: "Core", code: str) -> Iterator[tuple[Connection, "Keeper"]]:
    """One act on the body as it stands, in a transaction of its own."""
    from portal.bodies.keeping import Keeper, NotPossible  # noqa: PLC0415

    try:
        with built.database.begin() as db:
            revision = _known(db, code).row.revision
            yield db, Keeper(code, revision, operator(), built.clock.now())
    except NotPossible as error:
        raise click.ClickException(f"not possible: {error.reason}") from None


def _known(db: Connection, code: str) -> "Whole":
    from portal.bodies import overview  # noqa: PLC0415

    found = overview.one(db, code)
    if found is None:
        raise click.ClickException("there is no such body")
    return found


def _state(revoked_at: object, standing: str = "stands") -> str:
    return f"revoked {revoked_at}" if revoked_at else standing


def _yes(agreed: bool) -> str:
    return "yes" if agreed else "no"
