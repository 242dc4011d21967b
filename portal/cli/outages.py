"""Commands about outages: what was noticed, entering, ending, confirming, withdrawing."""

from collections.abc import Callable
from datetime import datetime

import click

from portal.cli import core, main, operator
from portal.cli.operating import one_line

_MINUTE = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


@main.group(invoke_without_command=True)
@click.pass_context
def outages(context: click.Context) -> None:
    """Times in which something did not work, and the deadlines that they moved."""
    if context.invoked_subcommand is None:
        context.invoke(outages_list)


@outages.command("list")
def outages_list() -> None:
    """The newest ones, by the clock of Cairo."""
    from portal.clock import cairo_time  # noqa: PLC0415
    from portal.outages import register  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        found = register.newest(db, None)
    for each in found:
        began = f"{cairo_time(each.began_at):%Y-%m-%d %H:%M}"
        ended = f"{cairo_time(each.ended_at):%Y-%m-%d %H:%M}" if each.ended_at else "under way"
        state = (
            "withdrawn"
            if each.withdrawn_at
            else f"confirmed by {each.confirmed_by}"
            if each.confirmed_by
            else "not confirmed: legal periods stand"
        )
        source = f"entered by {each.entered_by}" if each.entered_by else "noticed"
        click.echo(
            f"{each.id}  {each.scope} {each.place or '-'}  {began} to {ended}  {source}  {state}"
        )
    if not found:
        click.echo("no outages")


@outages.command("enter")
@click.option("--scope", type=click.Choice(["portal", "provider", "center"]), required=True)
@click.option("--place", default="", help="A center's code, or a governorate's.")
@click.option("--from", "began", type=_MINUTE, required=True, help="In Cairo: 2026-11-22T09:00.")
@click.option("--to", "ended", type=_MINUTE, help="In Cairo; leave it out while it lasts.")
@click.option("--reason", required=True, callback=one_line, help="What citizens read.")
def outages_enter(
    scope: str, place: str, began: datetime, ended: datetime | None, reason: str
) -> None:
    """Enter an outage; entering is confirming."""
    from portal.clock import CAIRO  # noqa: PLC0415
    from portal.outages import register  # noqa: PLC0415
    from portal.outages.register import Scope  # noqa: PLC0415
    from portal.problems import Conflict  # noqa: PLC0415

    with core() as built:
        now = built.clock.now()
        known = {*built.places.centers, *built.places.governorates}
        if (scope == Scope.CENTER) != (place in known):
            raise click.ClickException("a center's outage, and no other, has a --place")
        began_at = began.replace(tzinfo=CAIRO)
        ended_at = ended.replace(tzinfo=CAIRO) if ended else None
        if not began_at < (ended_at or now) <= now:
            raise click.ClickException("an outage begins before it ends, and both have passed")
        try:
            with built.database.begin() as db:
                register.enter(db, Scope(scope), place, began_at, ended_at, reason, operator(), now)
        except Conflict as error:
            raise click.ClickException(str(error)) from None
    click.echo("entered; the worker moves what it touched")


def _change(do: Callable[[object, datetime], None]) -> None:
    from portal.problems import Conflict  # noqa: PLC0415

    with core() as built:
        try:
            with built.database.begin() as db:
                do(db, built.clock.now())
        except Conflict as error:
            raise click.ClickException(str(error)) from None


@outages.command("end")
@click.argument("outage", type=int)
def outages_end(outage: int) -> None:
    """It is over, now."""
    from portal.outages import register  # noqa: PLC0415

    _change(lambda db, now: register.end(db, outage, now))  # type: ignore[arg-type]


@outages.command("confirm")
@click.argument("outage", type=int)
@click.option("--reason", required=True, callback=one_line, help="What citizens read.")
def outages_confirm(outage: int, reason: str) -> None:
    """Answer for what was noticed by itself: legal periods move, too."""
    from portal.outages import register  # noqa: PLC0415

    _change(lambda db, now: register.confirm(db, outage, operator(), reason, now))  # type: ignore[arg-type]


@outages.command("withdraw")
@click.argument("outage", type=int)
def outages_withdraw(outage: int) -> None:
    """It was none. What it moved stays."""
    from portal.outages import register  # noqa: PLC0415

    _change(lambda db, now: register.withdraw(db, outage, operator(), now))  # type: ignore[arg-type]
