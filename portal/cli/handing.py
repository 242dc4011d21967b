"""Commands about the hand-off: how it stands, and what to send once more."""

import json
from datetime import UTC, datetime

import click

from portal.cli import core, main, settings

_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


@main.group(invoke_without_command=True)
@click.pass_context
def handoff(context: click.Context) -> None:
    """The way of requests to centers and of answers back; alone it tells how both stand."""
    if context.invoked_subcommand is None:
        context.invoke(status)


@handoff.command("status")
def status() -> None:
    """What waits, what is parked, what is not answered; center by center."""
    from portal.backoffice import refusals  # noqa: PLC0415
    from portal.backoffice.model import CenterEvent  # noqa: PLC0415
    from portal.handoff import inward, outbox  # noqa: PLC0415
    from portal.handoff.model import OutboxMessage  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        ways = [
            (title, outbox.backlog(db, box), outbox.parked(db, box))
            for title, box in (("to centers", OutboxMessage), ("from centers", CenterEvent))
        ]
        within = built.settings.answer_within
        unanswered = outbox.unanswered(db, built.clock.now() - within)
        centers = outbox.by_center(db)
        refused = refusals.standing(db)
        stuck = inward.stuck(db)
    for title, backlog, parked in ways:
        click.echo(f"{title}, waiting  {backlog.waiting}{_since(backlog.oldest_waiting_at)}")
        click.echo(f"{title}, parked  {backlog.parked}")
        for each in parked:
            told = f"{each.id}  {each.type}  {each.subject}  {each.attempts} attempts"
            click.echo(f"  {told}  {each.reason}")
    minutes = within.total_seconds() / 60
    click.echo(
        f"to centers, unanswered  {unanswered.count}{_since(unanswered.oldest_at)}"
        f"  {unanswered.late} for more than {minutes:.0f} minutes"
    )
    for center in centers:
        click.echo(
            f"  {center.center}  {center.waiting} waiting{_since(center.oldest_waiting_at)}"
            f"  {center.unanswered} unanswered  {center.last_error}".rstrip()
        )
    click.echo(f"at centers, refused  {len(refused)}")
    for each in refused:
        click.echo(f"  {each.id}  {each.type}  {each.subject}  {each.center}  {each.reason}")
    click.echo(f"from centers, not applied  {len(stuck)}")
    for each in stuck:
        click.echo(f"  {each.id}  {each.type}  {each.subject}  {each.state}  {each.reason}")


def _since(at: datetime | None) -> str:
    return f"  oldest {at:%Y-%m-%d %H:%M} UTC" if at else ""


@handoff.command("unanswered")
@click.option("--center", default="", help="Those of one center.")
def unanswered(center: str) -> None:
    """Each paid request whose center has not said its number: center, number, where it is, since
    when."""
    from portal.handoff import outbox  # noqa: PLC0415

    with core() as built, built.database.read() as db:
        for each in outbox.not_answered(db, center):
            since = f"paid {each.paid_at:%Y-%m-%d %H:%M} UTC"
            line = f"{each.center}  {each.number}  {each.state}  {since}  {each.last_error}"
            click.echo(line.rstrip())


@handoff.command("replay")
@click.argument("message_ids", nargs=-1)
@click.option("--center", default="", help="Those to this center, or from it.")
@click.option("--type", "kind", default="", help="Such as request.paid.v1.")
@click.option("--since", type=click.DateTime(_DATES), help="Made at this time (UTC) or later.")
@click.option("--until", type=click.DateTime(_DATES), help="Made before this time (UTC).")
@click.option("--answers", is_flag=True, help="A range of the answers, not of what goes out.")
@click.option("--count", "dry", is_flag=True, help="Only tell how many there are.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(
    message_ids: tuple[str, ...],
    center: str,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    answers: bool,
    dry: bool,
    yes: bool,
) -> None:
    """Send parked or sent messages once more; who has applied them knows the repetition.

    MESSAGE_IDS are of messages to centers or of answers; without them a range is sent, which is
    counted and asked about first.
    """
    from portal.backoffice.model import CenterEvent  # noqa: PLC0415
    from portal.handoff import outbox  # noqa: PLC0415
    from portal.handoff.model import OutboxMessage  # noqa: PLC0415

    wanted = outbox.Range(message_ids, center, kind, _utc(since), _utc(until))
    if wanted.everything:
        raise click.UsageError("which ones? Name ids, a center, a type, or a time")
    by_id = message_ids and not answers
    boxes = (OutboxMessage, CenterEvent) if by_id else (CenterEvent if answers else OutboxMessage,)
    with core() as built:
        with built.database.read() as db:
            unknown = [
                each
                for each in message_ids
                if not any(outbox.count(db, box, outbox.Range([each])) for box in boxes)
            ]
            found = sum(outbox.count(db, box, wanted) for box in boxes)
        if unknown:
            raise click.ClickException(
                f"{unknown[0]} is no parked or sent message; nothing is replayed"
            )
        if dry:
            click.echo(f"{found} would be sent again")
            return
        if not (message_ids or yes):
            click.confirm(f"Send {found} messages again?", abort=True)
        sent = sum(
            outbox.replay_all(built.database, box, wanted, built.clock.now()) for box in boxes
        )
    click.echo(f"{sent} on the way again")


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None


@handoff.command("setup")
def setup() -> None:
    """Make what the queue needs at the broker, or bring it up to date; the worker does it too."""
    chosen = settings()
    if chosen.queue.embedded:
        click.echo("PORTAL_QUEUE_URL is embedded: there is nothing to set up")
        return
    from portal.handoff.transports import TransportDown  # noqa: PLC0415
    from portal.handoff.transports.nats import Broker  # noqa: PLC0415
    from portal.places.model import load_places  # noqa: PLC0415

    broker = Broker(chosen.queue, list(load_places().centers))
    try:
        changed, made = broker.set_up()
    except TransportDown as error:
        raise click.ClickException(f"the broker: {error}") from None
    finally:
        broker.close()
    click.echo(f"the stream {'was made or changed' if changed else 'stands as it should'}")
    click.echo(f"{made} consumers were made or changed")


@handoff.command("credentials")
@click.argument("centers", nargs=-1, required=True)
def credentials(centers: tuple[str, ...]) -> None:
    """Print the users of the NATS server: the portal, and the systems of CENTERS.

    Who shows a certificate with a center's code as its name may read the messages to this center
    and answer in its name, and nothing else. See deploy/nats.
    """
    from portal.handoff.transports.streams import permissions  # noqa: PLC0415
    from portal.places.model import load_places  # noqa: PLC0415

    known = load_places().centers
    for center in centers:
        if center not in known:
            raise click.ClickException(f"no center {center}")
    click.echo('users: [\n    { user: "CN=portal" }')
    for center in centers:
        click.echo(f'    {{ user: "CN={center}", permissions: {{')
        for verb, subjects in permissions(center).items():
            click.echo(f"        {verb}: [{', '.join(json.dumps(each) for each in subjects)}]")
        click.echo("    } }")
    click.echo("]")
