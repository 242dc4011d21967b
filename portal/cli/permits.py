"""Commands about building permits: what a center's register holds, and what may have lapsed."""

from collections.abc import Container
from typing import TYPE_CHECKING

import click

from portal.cli import core, main

if TYPE_CHECKING:
    from portal.permits.rates import Rate


@main.group()
def permits() -> None:
    """The register of building permits."""


@permits.command("list")
@click.argument("center")
@click.option("--only", type=click.Choice(["lapsing", "unverified"]), default=None)
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True)
def permits_list(center: str, only: str | None, most: int) -> None:
    """The newest permits of CENTER; nobody is named."""
    from portal.permits import reading  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        _known(center, built.places.centers)
        found = reading.listed(db, center, only=only or "", most=most)
    for each in found:
        begin = f"begin by {each.must_start_by}" if each.must_start_by else "not dated"
        click.echo(f"{each.number.canonical}  {each.permit_type}  {each.status}  {begin}")
    if not found:
        click.echo("no permits")


@permits.command("show")
@click.argument("center")
@click.argument("number")
def permits_show(center: str, number: str) -> None:
    """The history of one permit: NUMBER is 215/2025, or 56/M/1998 with its letter."""
    from portal.clock import cairo_day, cairo_time  # noqa: PLC0415
    from portal.permits import reading  # noqa: PLC0415
    from portal.permits.numbers import read_number  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        _known(center, built.places.centers)
        named = read_number(number, cairo_day(built.clock.now()).year)
        if named is None:
            raise click.BadParameter("is no number of a permit", param_hint="NUMBER")
        permit = reading.find(db, built.vault, center, named)
        if permit is None:
            raise click.ClickException("the register has no such permit")
        acts = reading.history(db, built.vault, permit.id)
    click.echo(f"{permit.number.canonical}  {permit.row['permit_type']}  {permit.status}")
    for act in acts:
        click.echo(f"{cairo_time(act.at):%Y-%m-%d %H:%M}  {act.act}  {act.on or '-'}  {act.actor}")


@permits.command("backlog")
@click.argument("center")
@click.option("--quarter", default="", help="One that is over, such as 2026-3; else today.")
def permits_backlog(center: str, quarter: str) -> None:
    """How far the paper backlog of CENTER is, by department: entered, accepted, scanned."""
    from portal.permits import quarters, rates  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        _known(center, built.places.centers)
        asked = quarters.read(quarter)
        if asked is not None and quarters.closed_at(db, asked) is not None:
            found = quarters.by_department(db, center, asked)
        elif quarter:
            raise click.BadParameter("is no quarter that is closed", param_hint="--quarter")
        else:
            found = rates.by_department(db, center)
    for each in (*found, rates.total(found, "all")):
        click.echo(
            f"{each.name}  entered {_rate(each.entry)}  accepted {_rate(each.quality)}"
            f"  scanned {_rate(each.archive)}"
        )


def _rate(rate: "Rate") -> str:
    share = "-" if rate.tenths is None else f"{rate.tenths / 10:.1f} %"
    return f"{rate.part}/{rate.whole} ({share})"


def _known(center: str, centers: Container[str]) -> None:
    if center not in centers:
        raise click.BadParameter("is no center's code", param_hint="CENTER")
