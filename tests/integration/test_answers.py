"""What comes back over the wall, what an operator sees of it, and what never crosses it."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, func, select

from portal.backoffice.model import CenterDocument, CenterEvent, CenterRequest
from portal.clock import cairo_day, public_id
from portal.handoff import messages
from portal.handoff.inward import Inward, wake
from portal.handoff.links import DocumentLinks
from portal.handoff.messages import Message, read_message
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.notifications.model import OutgoingMessage
from portal.requests.answering import Answers
from portal.requests.model import Attachment, HistoryEntry, ServiceRequest
from tests.support.commands import run_command
from tests.support.keeping import keep_nothing
from tests.support.local import LocalPortal

SERVICE = "address-numbering-certificate"
WITH_CONTACTS = (
    "building-permit-new",
    "event-tent-permit",
    "excavation-permit",
    "occupants-union-registration",
    "shop-licence-transfer",
    "works-start-notice",
)


def _door(local: LocalPortal) -> Inward:
    """The door as an existing system of a center uses it; it sends no documents here."""

    def fetch(_link: str) -> BinaryIO:
        raise AssertionError("nothing to fetch")

    portal = local.portal
    known = (portal.vault, portal.catalogue, portal.places, portal.files)
    answers = Answers(*known, fetch, portal.clock, portal.hand_off, frozenset(), keep_nothing)
    speeches = portal.languages.pair
    return Inward(portal.database, portal.vault, answers.handlers(), speeches, portal.clock)


def _answer(
    local: LocalPortal, subject: str, kind: str, /, *, center: str = "KFS-003", **data: Any
) -> Message:
    at = local.clock.now()
    return Message(public_id(), kind, center, subject, f"center/{center}", at, data)


def _events(local: LocalPortal, number: str) -> list[str]:
    """The request's history."""
    events = (
        select(HistoryEntry.event)
        .join(ServiceRequest, ServiceRequest.id == HistoryEntry.request_id)
        .where(ServiceRequest.number == number)
        .order_by(HistoryEntry.position)
    )
    return [row[0] for row in local.rows(events)]


def _states(local: LocalPortal, number: str) -> dict[str, str]:
    """What became of each answer, by its id."""
    events = select(InwardEvent.id, InwardEvent.state).where(InwardEvent.subject == number)
    return {row[0]: row[1] for row in local.rows(events)}


def _told(local: LocalPortal, number: str) -> int:
    """Messages to the citizen about a request."""
    params = local.rows(select(OutgoingMessage.params))
    return sum(row[0].get("number") == number for row in params)


@pytest.fixture
def filed(local: LocalPortal) -> str:
    return local.filed(SERVICE).hook("request-number")


def test_an_answer_that_comes_twice_changes_nothing_the_second_time(
    local: LocalPortal, filed: str
) -> None:
    door = _door(local)
    registered = _answer(local, filed, messages.REQUEST_REGISTERED, number=7, year=2026)
    door.deliver(registered)
    before = (_events(local, filed), _told(local, filed))
    door.deliver(registered)
    door.deliver(replace(registered, data={"number": 99, "year": 2026}))
    assert (_events(local, filed), _told(local, filed)) == before
    assert _states(local, filed) == {registered.id: "applied"}
    number = select(ServiceRequest.center_number).where(ServiceRequest.number == filed)
    assert local.rows(number)[0][0] == 7


@pytest.mark.parametrize("wrong", [timedelta(days=-30), timedelta(days=30)], ids=["late", "early"])
def test_a_wrong_clock_of_a_center_moves_no_deadline(
    local: LocalPortal, filed: str, wrong: timedelta
) -> None:
    door, now = _door(local), local.clock.now()
    registered = _answer(local, filed, messages.REQUEST_REGISTERED, number=9, year=2026)
    asked = _answer(
        local, filed, messages.COMPLETION_REQUESTED, items=[], note="أرفق الرسم", days=30
    )
    for message in (registered, asked):
        door.deliver(replace(message, at=message.at + wrong))
    row = local.rows(
        select(
            ServiceRequest.received_at,
            ServiceRequest.handed_off_at,
            ServiceRequest.paused_on,
            ServiceRequest.waits_until,
        ).where(ServiceRequest.number == filed)
    )[0]
    assert row.received_at <= row.handed_off_at <= local.clock.now()
    assert row.paused_on == cairo_day(now)
    assert timedelta(days=29) < row.waits_until - now < timedelta(days=36)


def test_answers_that_come_in_the_wrong_order_wait_for_each_other(
    local: LocalPortal, filed: str
) -> None:
    door = _door(local)
    registered, accepted, approved = (
        _answer(local, filed, messages.REQUEST_REGISTERED, number=8, year=2026),
        _answer(local, filed, messages.DOCUMENTS_ACCEPTED),
        _answer(local, filed, messages.REQUEST_APPROVED, note=""),
    )
    for _ in range(2):
        door.deliver(approved)
        door.deliver(accepted)
    assert _events(local, filed)[-1] == "pay_filing"
    assert _states(local, filed) == {approved.id: "waiting", accepted.id: "waiting"}
    door.deliver(registered)
    assert _events(local, filed)[2:] == ["register_incoming", "accept_documents", "approve"]
    assert set(_states(local, filed).values()) == {"applied"}


def test_what_waits_is_tried_once_more_by_itself_for_nobody_may_have_seen_it_wait(
    local: LocalPortal, filed: str
) -> None:
    door = _door(local)
    door.deliver(_answer(local, filed, messages.REQUEST_APPROVED, note=""))
    ((try_at,),) = local.rows(select(InwardEvent.try_at).where(InwardEvent.subject == filed))
    assert try_at > local.clock.now()


def test_what_is_woken_while_it_is_tried_is_tried_again(local: LocalPortal, filed: str) -> None:
    door = _door(local)
    approved = _answer(local, filed, messages.REQUEST_APPROVED, note="")
    door.deliver(approved)
    woken = local.clock.now() - timedelta(minutes=1)
    waits = select(InwardEvent.try_at).where(InwardEvent.id == approved.id)
    tried = door._try_waiting

    def a_payment_comes(db: Connection, subject: str) -> int:
        wake(db, subject, woken)
        return tried(db, subject)

    with patch.object(door, "_try_waiting", a_payment_comes):
        door._try_changed(filed)
    assert local.rows(waits)[0][0] == woken
    door._try_changed(filed)
    assert local.rows(waits)[0][0] is None


def test_a_completion_counts_from_when_the_citizen_is_told_however_long_it_was_on_its_way(
    local: LocalPortal, filed: str
) -> None:
    door = _door(local)
    door.deliver(_answer(local, filed, messages.REQUEST_REGISTERED, number=8, year=2026))
    asked = _answer(local, filed, messages.COMPLETION_REQUESTED, items=[], note="ناقص", days=3)
    door.deliver(replace(asked, at=local.clock.now() - timedelta(days=8)))
    ((until,),) = local.rows(
        select(ServiceRequest.waits_until).where(ServiceRequest.number == filed)
    )
    assert until > local.clock.now() + timedelta(days=2)


def test_a_request_is_registered_by_its_center_under_one_number(
    local: LocalPortal, filed: str
) -> None:
    door = _door(local)
    first = _answer(local, filed, messages.REQUEST_REGISTERED, number=9, year=2026)
    second = _answer(local, filed, messages.REQUEST_REGISTERED, number=10, year=2026)
    stranger = _answer(
        local, filed, messages.REQUEST_REGISTERED, center="KFS-004", number=1, year=2026
    )
    for each in (stranger, first, second):
        door.deliver(each)
    states = _states(local, filed)
    assert (states[stranger.id], states[first.id], states[second.id]) == (
        "parked",
        "applied",
        "waiting",
    )
    number = select(ServiceRequest.center_number).where(ServiceRequest.number == filed)
    assert local.rows(number)[0][0] == 9


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("request.praised.v1", {}, "unknown type"),
        (messages.REQUEST_REGISTERED, {}, "KeyError: 'number'"),
        (messages.REQUEST_REGISTERED, {"number": "منى", "year": 2026}, "ValueError"),
        (messages.COMPLETION_REQUESTED, {"items": ["صورة منى"]}, "BadMessage"),
        (messages.REQUEST_REFUSED, {"reasons": [], "note": ""}, "BadMessage"),
        (messages.REQUEST_REFUSED, {"reasons": ["منى"], "note": "منى"}, "BadMessage"),
        (messages.OUTPUT_ISSUED, {"documents": "none"}, "BadMessage"),
        (
            messages.OUTPUT_ISSUED,
            {"documents": [{"sha256": "", "href": "", "name": "", "media_type": "text/html"}]},
            "BadMessage: a document of a kind",
        ),
    ],
)
def test_an_answer_that_can_never_fit_is_parked_with_its_reason(
    local: LocalPortal, filed: str, kind: str, data: dict[str, Any], reason: str
) -> None:
    before = _events(local, filed)
    answer = _answer(local, filed, kind, **data)
    _door(local).deliver(answer)
    kept = local.rows(
        select(InwardEvent.state, InwardEvent.reason).where(InwardEvent.id == answer.id)
    )[0]
    assert kept.state == "parked"
    assert reason in kept.reason
    assert "منى" not in kept.reason
    assert _events(local, filed) == before


def test_an_answer_that_was_parked_is_applied_once_when_it_comes_again_mended(
    local: LocalPortal, filed: str
) -> None:
    door = _door(local)
    wrong = _answer(local, filed, messages.REQUEST_REGISTERED, number="?", year=2026)
    door.deliver(wrong)
    assert _states(local, filed) == {wrong.id: "parked"}
    for _ in range(2):
        door.deliver(replace(wrong, data={"number": 11, "year": 2026}))
    assert _states(local, filed) == {wrong.id: "applied"}
    assert _events(local, filed)[2:] == ["register_incoming"]


# --- the operator


def _portal(local: LocalPortal, *command: str) -> tuple[int, str]:
    return run_command(local.portal.settings, *command)


def _stored(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_parked_message_is_listed_and_replayed_once_by_the_command_line(
    local: LocalPortal,
) -> None:
    files = local.portal.settings.files_dir / "portal"
    before, citizen = _stored(files), local.someone()
    number = citizen.file(SERVICE, local.answers(SERVICE)).hook("request-number")
    lost = sorted(_stored(files) - before)[0]
    content = lost.read_bytes()
    lost.unlink()
    local.relay()
    sent = select(OutboxMessage.id, OutboxMessage.state).where(OutboxMessage.subject == number)
    message, state = local.rows(sent)[0]
    assert state == "parked"

    code, said = _portal(local, "handoff")
    assert code == 0
    line = next(line for line in said.splitlines() if message in line)
    assert number in line
    assert "request.paid.v1" in line
    assert lost.parent.name + lost.name in line

    lost.write_bytes(content)
    assert _portal(local, "handoff", "replay", message)[0] == 0
    code, said = _portal(local, "handoff", "replay", message)
    assert (code, f"{message} is no parked or sent message" in said) == (1, True)
    local.relay()
    assert _portal(local, "handoff", "replay", message)[0] == 0
    local.relay()
    there = select(CenterRequest.id).where(CenterRequest.request_number == number)
    assert len(local.rows(there)) == 1
    assert local.rows(sent)[0] == (message, "sent")
    assert message not in _portal(local, "handoff", "status")[1]


def test_an_answer_whose_document_was_lost_is_listed_and_replayed_by_its_id(
    local: LocalPortal, filed: str
) -> None:
    local.employee("front_office").act(filed, "register", {})
    local.employee("front_office").act(filed, "accept", {})
    local.relay()
    files = local.portal.settings.files_dir / "centers"
    before = _stored(files)
    local.employee("department_head").approve(filed)
    (output,) = _stored(files) - before
    content = output.read_bytes()
    output.unlink()
    local.relay()
    issued = select(CenterEvent.id).where(
        CenterEvent.subject == filed, CenterEvent.type == messages.OUTPUT_ISSUED
    )
    answer = local.rows(issued)[0][0]
    assert _states(local, filed)[answer] == "parked"
    code, said = _portal(local, "handoff")
    assert (code, answer in said) == (0, True)

    output.write_bytes(content)
    assert _portal(local, "handoff", "replay", answer)[0] == 0
    local.relay()
    assert set(_states(local, filed).values()) == {"applied"}
    assert _events(local, filed)[-2:] == ["approve", "issue"]
    kept = select(func.count()).select_from(Attachment).where(Attachment.purpose == "output")
    kept = kept.join(ServiceRequest).where(ServiceRequest.number == filed)
    assert local.rows(kept)[0][0] == 1


def test_a_replay_of_several_messages_of_which_one_is_unknown_replays_none(
    local: LocalPortal, filed: str
) -> None:
    sent = select(OutboxMessage.id, OutboxMessage.state).where(OutboxMessage.subject == filed)
    message = local.rows(sent)[0][0]
    code, said = _portal(local, "handoff", "replay", message, "nothing")
    assert (code, "nothing is no parked or sent message" in said) == (1, True)
    assert local.rows(sent)[0] == (message, "sent")


# --- what crosses the wall


def _forms(national_or_mobile: str) -> list[str]:
    """A number as it may be written: with and without country code, in any digits."""
    plain = [national_or_mobile, national_or_mobile.lstrip("0")]
    tables = [str.maketrans("0123456789", digits) for digits in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")]
    return plain + [text.translate(table) for text in plain for table in tables]


@pytest.mark.parametrize("service", WITH_CONTACTS)
def test_no_contact_and_no_session_crosses_the_wall(apart: LocalPortal, service: str) -> None:
    local, citizen = apart, apart.someone()
    filled = local.answers(service, optional=True)
    contacts = {
        str(value)
        for code, value in _flat(filled)
        if re.search("mobile|email|phone", code) and value
    }
    assert len(contacts) > 1, "the form asks for contacts"
    number = citizen.file(service, filled).hook("request-number")
    kept = select(OutboxMessage.payload).where(OutboxMessage.subject == number)
    payload = local.portal.vault.open("outbox_messages.payload", local.rows(kept)[0][0])
    local.relay()
    seen = local.rows(select(CenterRequest.payload).where(CenterRequest.request_number == number))
    arrived = local.portal.vault.open("center_requests.payload", seen[0][0])
    cookies = [cookie.value for cookie in citizen.client.cookies.jar if cookie.value]
    assert cookies
    for text in (payload, arrived, json.dumps(read_message(payload).data)):
        assert "@" not in text
        for secret in [*cookies, *contacts, citizen.mobile]:
            for form in _forms(secret):
                assert form not in text, (service, form)


def _flat(raw: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for code, value in raw.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for row in value:
                found += _flat(row, f"{prefix}{code}.")
        else:
            found.append((prefix + code, value))
    return found


def test_a_link_says_the_file_and_its_end_and_nothing_of_anybody(
    local: LocalPortal, filed: str
) -> None:
    links = DocumentLinks(local.portal.vault, "portal")
    kept = local.rows(select(OutboxMessage.payload).where(OutboxMessage.subject == filed))
    message = read_message(local.portal.vault.open("outbox_messages.payload", kept[0][0]))
    documents = links.linked(message, local.clock.now()).data["documents"]
    assert documents
    for document in documents:
        _, claims, _ = document["href"].split(".")
        said = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        assert said.keys() == {"sub", "aud", "exp"}
        assert said["sub"] == document["id"]
    copies = select(CenterDocument.sha256).join(CenterRequest)
    copies = copies.where(CenterRequest.request_number == filed)
    assert sorted(row[0] for row in local.rows(copies)) == sorted(
        document["sha256"] for document in documents
    )


def test_a_center_cannot_read_who_paid_or_how(apart: LocalPortal) -> None:
    """The sum and the receipt cross the wall; card, payer and payment page do not."""
    local, citizen = apart, apart.someone()
    number = local.filed(SERVICE, citizen).hook("request-number")
    kept = local.rows(select(OutboxMessage.payload).where(OutboxMessage.subject == number))
    payload = local.portal.vault.open("outbox_messages.payload", kept[0][0])
    data = read_message(payload).data
    assert data["paid"] > 0
    assert data["receipt"]
    for trace in ("4242", "cs_", "pi_", "checkout"):
        assert trace not in payload, trace
