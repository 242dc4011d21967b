"""Commands about money: what waits for a person, what is tried again, the proof of the ledger."""

import click

from portal.cli import core, main, operator
from portal.cli.operating import one_line


@main.group(invoke_without_command=True)
@click.pass_context
def payments(context: click.Context) -> None:
    """Payments that wait for a person, and the ledger; alone it tells how both stand."""
    if context.invoked_subcommand is None:
        context.invoke(payment_cases)
        context.invoke(payment_events)


@payments.command("cases")
def payment_cases() -> None:
    """What a person must look at, oldest first, and what to do about it."""
    from payments.cases import open_cases, page_of, what_to_do  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        cases = open_cases(db)
    for case in cases:
        click.echo(
            f"{case.id}  {case.opened_at:%Y-%m-%d %H:%M}  {case.kind}  {case.reference}  "
            f"{case.object_id}  {case.detail}"
        )
        click.echo(f"    {what_to_do(case.kind)}")
        click.echo(f"    {built.settings.public_url}{page_of(case.id)}")
    click.echo(f"{len(cases)} cases open")


@payments.command("close")
@click.argument("case", type=int)
@click.option("--note", required=True, callback=one_line, help="What was done about it.")
def payment_close(case: int, note: str) -> None:
    """Close a case once the money is settled with the provider."""
    from payments.cases import close  # noqa: PLC0415

    with core() as built, built.database.begin() as db:
        if not close(db, case, note, built.clock.now(), by=operator()):
            raise click.ClickException(f"no open case {case}")
    click.echo(f"{case} is closed")


@payments.command("refunds")
def payment_refunds() -> None:
    """Refunds that wait for a decision or for the provider, oldest first."""
    from payments.refunds import unended  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        waiting = unended(db)
    for each in waiting:
        by = f"asked by {each.requested_by or 'the provider'}"
        approved = f", approved by {each.decided_by}" if each.decided_by else ""
        click.echo(
            f"{each.id}  {each.requested_at:%Y-%m-%d %H:%M}  {each.state}  {each.reference}  "
            f"{each.amount.major:.2f} {each.amount.currency}  {each.reason}  {by}{approved}"
        )
    click.echo(f"{len(waiting)} refunds under way")


@payments.command("events")
def payment_events() -> None:
    """Events of the provider that are kept, not worked off, and tried again by themselves."""
    from payments.webhooks import all_waiting  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        kept = all_waiting(db)
    for event in kept:
        click.echo(
            f"{event.received_at:%Y-%m-%d %H:%M}  {event.type}  {event.object_id}  "
            f"{event.tries} tries  {event.last_error}  next {event.try_again_at:%H:%M:%S}"
        )
    click.echo(f"{len(kept)} events to work off")


@payments.command("check")
@click.option("--provider", "ask", is_flag=True, help="Compare with what the provider holds, too.")
def payment_check(ask: bool) -> None:
    """Prove the ledger's invariants; exits with 1 when one is broken."""
    from payments.proof import prove  # noqa: PLC0415
    from payments.provider import ProviderError  # noqa: PLC0415
    from payments.reconciliation.closing import changed_days  # noqa: PLC0415

    with core() as built:
        with built.database.read() as db:
            proved = prove(db)
            proved["every closed day is as it was closed"] = changed_days(db)
        if ask:
            try:
                unexplained = built.reconciling.unexplained()
            except ProviderError as error:
                raise click.ClickException(f"the provider did not answer: {error}") from None
            proved["what clearing holds is what the provider holds"] = unexplained
    for invariant, broken in proved.items():
        click.echo(f"{'broken' if broken else 'holds'}  {invariant}")
        for what in broken:
            click.echo(f"  {what}")
    if any(proved.values()):
        raise SystemExit(1)
