"""What has crossed the wall, held against the public contract."""

from sqlalchemy import select

from portal.backoffice.model import CenterEvent
from portal.core import Core
from portal.handoff import contract
from portal.handoff.messages import Message, read_json, read_message
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.handoff.outbox import place


def faults(core: Core, *subjects: str) -> list[tuple[str, str, str]]:
    """Type, place and message of everything that is against a schema; of all requests when none is
    named. What centers have sent was held against it by the door."""
    found = []
    for box, links in ((OutboxMessage, core.links), (CenterEvent, None)):
        asked = select(box.payload)
        if subjects:
            asked = asked.where(box.subject.in_(subjects))
        with core.database.read() as db:
            payloads = db.scalars(asked).all()
        for payload in payloads:
            text = core.vault.open(place(box), payload)
            message = read_message(text)
            found += [
                (message.type, v.pointer, v.msgid) for v in contract.of_envelope(read_json(text))
            ]
            if links is not None:
                message = links.linked(message, core.clock.now())
            elif "documents" in message.data:
                message = _with_links(message)
            found += [
                (message.type, v.pointer, v.msgid)
                for v in contract.of_data(message.type, message.data)
            ]
    return found


def _with_links(message: Message) -> Message:
    documents = [{**each, "href": "signed"} for each in message.data["documents"]]
    return Message(
        message.id,
        message.type,
        message.center,
        message.subject,
        message.source,
        message.at,
        {**message.data, "documents": documents},
    )


def left(core: Core) -> list[tuple[str, str]]:
    """Events of centers that were not applied: type and reason."""
    with core.database.read() as db:
        rows = db.execute(
            select(InwardEvent.type, InwardEvent.reason).where(InwardEvent.state != "applied")
        )
        return [(row[0], row[1]) for row in rows]
