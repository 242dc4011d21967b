"""Centers issue documents, hand them over, correct them and take them back."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from portal.clock import public_id
from portal.handoff import messages
from portal.handoff.messages import BadMessage, Message
from portal.notifications import compose
from portal.problems import Conflict, Missing
from portal.requests import assessing, uploads
from portal.requests.center_acts import CenterActs, Outcome, Step, known_reasons, needed_note
from portal.requests.inspection import EXTENSIONS
from portal.requests.lifecycle import Event, State
from portal.requests.model import Attachment
from portal.requests.reading import FiledRequest
from portal.requests.uploads import NewFile

OUTPUT, VOID = "output", "void"
_MOST_DOCUMENTS = 20


def output_issued(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """The issued document; in one transaction with it the state says that it is there.

    After an approval by silence it waits for the fees that stand before it.
    """
    if request.state is State.DEEMED_APPROVED and assessing.unsettled(db, request):
        raise Conflict("fees are not assessed or not paid yet")
    documents = brought(message)
    data = {"output_number": str(message.data.get("output_number", ""))[:60]}
    acts.step(db, request, message, Event.ISSUE, data=data)
    keep_documents(acts, db, request, message, documents)  # only of what fits
    acts.registered(db, request, message, Outcome.ISSUED, data["output_number"])
    acts.tell(db, request, compose.OUTPUT_ISSUED, message.at)


def output_ready(acts: CenterActs, db: Connection, request: FiledRequest, message: Message) -> None:
    data = _named(message, "place", "until")
    acts.step(db, request, message, Event.MAKE_READY, data=data)
    acts.tell(db, request, compose.OUTPUT_READY, message.at)


def output_delivered(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    data = {"method": str(message.data["method"])}
    acts.step(db, request, message, Event.DELIVER, data=data)
    acts.tell(db, request, compose.OUTPUT_DELIVERED, message.at)


def output_corrected(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    """A new document under a new number; the one before it is void (facts §3.3)."""
    note = needed_note(message, "a correction tells what was wrong")
    if not message.data["documents"]:
        raise BadMessage("a correction brings the new document", "/data/documents")
    documents = brought(message)
    data = {"output_number": str(message.data["output_number"])[:60]}
    acts.step(db, request, message, Event.CORRECT_OUTPUT, note=note, data=data)
    _make_void(db, request)
    keep_documents(acts, db, request, message, documents)
    acts.registered(db, request, message, Outcome.CORRECTED, data["output_number"])
    acts.tell(db, request, compose.OUTPUT_CORRECTED, message.at)


def output_revoked(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    reasons = known_reasons(acts, message.data["reasons"], "/data/reasons")
    note = needed_note(message, "a revocation needs an explanation")
    _make_void(db, request)
    acts.step(db, request, message, Event.REVOKE, note=note, data={"reasons": reasons})
    acts.registered(db, request, message, Outcome.REVOKED)
    acts.tell(db, request, compose.OUTPUT_REVOKED, message.at)


def output_suspended(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    note = needed_note(message, "a suspension needs a reason")
    acts.step(db, request, message, Event.SUSPEND, note=note, data=_named(message, "until"))
    acts.registered(db, request, message, Outcome.SUSPENDED)
    acts.tell(db, request, compose.OUTPUT_SUSPENDED, message.at)


def output_renewed(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    data = {"until": str(message.data["until"])}
    acts.step(db, request, message, Event.RENEW, data=data)
    acts.registered(db, request, message, Outcome.RENEWED)
    acts.tell(db, request, compose.OUTPUT_RENEWED, message.at, **data)


def output_expired(
    acts: CenterActs, db: Connection, request: FiledRequest, message: Message
) -> None:
    acts.step(db, request, message, Event.EXPIRE)
    acts.tell(db, request, compose.OUTPUT_EXPIRED, message.at)


def keep_documents(
    acts: CenterActs,
    db: Connection,
    request: FiledRequest,
    message: Message,
    documents: Sequence[Mapping[str, Any]],
) -> None:
    """Fetch what the event tells of, and hold it against its SHA-256."""
    for index, document in enumerate(documents):
        known = select(Attachment.id).where(
            Attachment.request_id == request.id,
            Attachment.purpose == OUTPUT,
            Attachment.sha256 == document["sha256"],
        )
        if db.scalar(known):
            continue
        pointer = f"/data/documents/{index}"
        try:
            with acts.fetch(str(document["href"])) as source:
                stored = acts.files.put(source)
        except Missing as error:
            raise BadMessage(
                "the document is not there any more: send the event again", f"{pointer}/href"
            ) from error
        if stored.sha256 != document["sha256"]:
            acts.files.drop(stored.key)
            raise BadMessage(
                "the document is not the one that the event tells of", f"{pointer}/sha256"
            )
        file = NewFile(
            public_id(),
            OUTPUT,
            uploads.clean_file_name(str(document["name"])),
            str(document["media_type"]),
            int(document.get("pages", 1)),
            stored,
        )
        uploads.attach(db, acts.vault, file, message.at, purpose=OUTPUT, request_id=request.id)


def brought(message: Message) -> Sequence[Mapping[str, Any]]:
    """What the event brings, looked at as far as that needs no fetching."""
    listed = message.data.get("documents", [])
    if not isinstance(listed, list) or len(listed) > _MOST_DOCUMENTS:
        raise BadMessage("documents must be a short list", "/data/documents")
    for index, document in enumerate(listed):
        if document["media_type"] not in EXTENSIONS:  # it would stand in a header
            raise BadMessage(
                "a document of a kind that browsers do not just show",
                f"/data/documents/{index}/media_type",
            )
    return listed


def _make_void(db: Connection, request: FiledRequest) -> None:
    """What was issued stays on record and is shown to nobody as if it held."""
    db.execute(
        update(Attachment)
        .where(Attachment.request_id == request.id, Attachment.purpose == OUTPUT)
        .values(purpose=VOID)
    )


def _named(message: Message, *names: str) -> dict[str, str]:
    return {name: str(message.data[name]) for name in names if message.data.get(name)}


STEPS: Mapping[str, Step] = {
    messages.OUTPUT_ISSUED: output_issued,
    messages.OUTPUT_READY: output_ready,
    messages.OUTPUT_DELIVERED: output_delivered,
    messages.OUTPUT_CORRECTED: output_corrected,
    messages.OUTPUT_REVOKED: output_revoked,
    messages.OUTPUT_SUSPENDED: output_suspended,
    messages.OUTPUT_RENEWED: output_renewed,
    messages.OUTPUT_EXPIRED: output_expired,
}
