"""Commands about outside bodies: which there are, and to stop one at once."""

import click

from portal.cli import core, main, operator
from portal.cli.operating import one_line


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


@bodies.command("revoke")
@click.argument("code")
@click.option("--reason", required=True, callback=one_line, help="Why; it stays in the record.")
def bodies_revoke(code: str, reason: str) -> None:
    """From now on the body may nothing; the governorate can open it again."""
    from portal.bodies import keeping, overview  # noqa: PLC0415
    from portal.bodies.keeping import Keeper, NotPossible  # noqa: PLC0415

    with core() as built:
        try:
            with built.database.begin() as db:
                body = overview.one(db, code)
                if body is None:
                    raise click.ClickException("there is no such body")
                keeper = Keeper(code, body.row.revision, operator(), built.clock.now())
                keeping.revoke(db, keeper, reason)
        except NotPossible as error:
            raise click.ClickException(f"not possible: {error.reason}") from None
    click.echo(f"{code} is revoked")
