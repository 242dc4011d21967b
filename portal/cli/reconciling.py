"""Commands about days: compare them, close them, read the treasury's statements, export."""

import logging
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from portal.cli import core, main, operator

_WHY = {
    "unknown": "was not compared since it ended: portal reconcile run --day {day}",
    "closed": "is closed already",
    "early": "is closed at the earliest three hours after it has ended",
    "order": "is open: days are closed one after the other, the oldest first",
    "changed": "is being compared at this moment: try again",
    "note": "has differences: say with --note what is known of them",
}
_DAY = click.DateTime(["%Y-%m-%d"])


def _yesterday() -> date:
    from portal.clock import SystemClock, cairo_day  # noqa: PLC0415

    return cairo_day(SystemClock().now()) - timedelta(days=1)


def _day(value: datetime | None) -> date:
    return value.date() if value else _yesterday()


@main.group()
def reconcile() -> None:
    """Provider, ledger and treasury, by the day of Cairo."""


@reconcile.command("run")
@click.option("--day", type=_DAY, help="A day (default: yesterday); missed days before it first.")
def reconcile_run(day: datetime | None) -> None:
    """Compare a day; exits with 1 when something differs."""
    from payments.provider import ProviderError  # noqa: PLC0415
    from portal.finance.reconciling import NotComparable  # noqa: PLC0415
    from portal.observability import configure_logs  # noqa: PLC0415

    configure_logs(logging.CRITICAL, for_good=False)  # the command says by itself what it found
    with core() as built:
        try:
            result = built.reconciling.run(_day(day))
        except NotComparable as error:
            said = f"{error} is before the first payment, or before a day that is closed"
            raise click.ClickException(said) from None
        except ProviderError as error:
            raise click.ClickException(f"the provider did not answer: {error}") from None
    click.echo(
        f"{result.day}  {result.state}  {result.lines} lines  {result.differences} differences"
    )
    if result.differences:
        click.echo("portal payments cases tells what to do")
        raise SystemExit(1)


@reconcile.command("status")
@click.option("--days", default=14, show_default=True, help="How many days back.")
def reconcile_status(days: int) -> None:
    """The latest days, and whether closed ones are as they were closed."""
    from payments.reconciliation.closing import changed_days  # noqa: PLC0415
    from portal.finance.reconciling import days_between, missed_days  # noqa: PLC0415

    last = _yesterday()
    with core() as built, built.database.read() as db:
        known = days_between(db, last - timedelta(days=max(days, 1) - 1), last + timedelta(days=1))
        missed = missed_days(db, last)
        changed = changed_days(db)
    for each in known:
        stands = each.state if each.complete else "not over, or not compared to its end"
        click.echo(
            f"{each.day}  {stands}  {each.lines} lines  {each.differences} differences"
            + (f"  {each.closed_by}  {each.digest}" if each.closed else "")
        )
    click.echo(f"{len(missed)} days are over and not compared")
    for what in changed:
        click.echo(f"broken  {what} is not as it was closed")
    if changed:
        raise SystemExit(1)


@reconcile.command("close")
@click.option("--day", type=_DAY, help="A day (default: yesterday).")
@click.option("--note", default="", help="What is known of its differences, if it has any.")
def reconcile_close(day: datetime | None, note: str) -> None:
    """Freeze a compared day for ever, with who gets what of its money."""
    from payments.reconciliation.closing import NotClosable  # noqa: PLC0415
    from portal.observability import configure_logs  # noqa: PLC0415

    configure_logs(logging.CRITICAL, for_good=False)
    wanted = _day(day)
    with core() as built:
        known = built.reconciling.reconciler.result(wanted)
        runs = known.runs if known else 0
        try:
            digest = built.reconciling.close(wanted, runs, operator(), " ".join(note.split()))
        except NotClosable as error:
            why = _WHY[error.why].format(day=error.day)
            raise click.ClickException(f"{error.day} {why}") from None
    click.echo(f"{wanted} is closed  {digest}")


@reconcile.command("export")
@click.argument("first", type=_DAY)
@click.argument("last", type=_DAY, required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of CSV.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@click.option("--center", "centers", multiple=True, help="Of this center only; may be repeated.")
def reconcile_export(
    first: datetime,
    last: datetime | None,
    as_json: bool,
    output: Path | None,
    centers: tuple[str, ...],
) -> None:
    """The settlement export of closed days, by center, beneficiary and revenue item."""
    from payments.export import NotClosed  # noqa: PLC0415

    begin, end = first.date(), (last or first).date()
    if end < begin:
        raise click.ClickException(f"{end} is before {begin}")
    with core() as built:
        for center in centers:
            if center not in built.places.centers:
                raise click.ClickException(f"no center {center}")
        try:
            made = built.reconciling.export(begin, end, centers or None)
        except NotClosed as error:
            raise click.ClickException(str(error)) from None
    content = made.to_json() if as_json else made.to_csv()
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)
        click.echo(f"{output}  {len(made.lines)} lines  {made.digest}")


@reconcile.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def reconcile_import(file: Path) -> None:
    """Read a statement of the treasury, whole or not at all; reading it again adds nothing."""
    from payments.reconciliation.treasury import BadStatement  # noqa: PLC0415

    with core() as built:
        try:
            done = built.reconciling.import_statement(file.read_bytes(), operator())
        except BadStatement as error:
            raise click.ClickException(f"{file}, {error}; nothing was imported") from None
    if done.known:
        click.echo("this statement was imported before; nothing was added")
        return
    click.echo(f"{done.lines} lines, {done.fresh} new, {done.differences} differences")
    if done.differences:
        click.echo("portal payments cases tells what to do")
