"""The door for events of centers over HTTP: who may speak, what is taken, what the sender hears."""

import itertools
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from jose import jwk, jws
from sqlalchemy import func, select, update

from portal import jws as jws_keys
from portal.backoffice.model import CenterEvent
from portal.clock import cairo_day
from portal.core import from_broker
from portal.demo.answers import Applicant
from portal.demo.filing import file_request
from portal.handoff import contract, keys
from portal.handoff.inward import UNSIGNED
from portal.handoff.keys import CenterKey
from portal.handoff.messages import EVENT_REJECTED, read_message
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.handoff.transports import Parcel
from portal.handoff.uploads import CenterUpload
from portal.notifications.model import OutgoingMessage
from portal.requests.model import Attachment, HistoryEntry, ServiceRequest
from portal.signatures import PublicKey
from tests.support.answers import NATIONAL_ID
from tests.support.center_system import CenterSystem
from tests.support.commands import run_command
from tests.support.files import pdf, photo, png
from tests.support.local import LocalPortal
from tests.support.plain import PLAIN

CENTER, OTHER = "KFS-011", "KFS-012"
FREE = "municipal-complaint"
_INDEX = itertools.count(4000)


@pytest.fixture(scope="module")
def center(still: LocalPortal) -> CenterSystem:
    return connected(still, CENTER)


@pytest.fixture(scope="module")
def other(still: LocalPortal) -> CenterSystem:
    return connected(still, OTHER)


def connected(still: LocalPortal, code: str) -> CenterSystem:
    system = CenterSystem(still.url, code)
    with still.portal.database.begin() as db:
        keys.register(db, code, system.kid, system.public, "test", still.clock.now())
    return system


def request_of(still: LocalPortal, service: str = FREE, code: str = CENTER) -> str:
    """A free request that waits at its center."""
    core, index = still.portal, next(_INDEX)
    who = Applicant("سارة محمد علي حسن", NATIONAL_ID, f"+2010000{index:05d}")
    at = core.clock.now()
    return file_request(
        core, who, core.catalogue.services[service], core.places.centers[code], index, at
    )


@pytest.fixture
def number(still: LocalPortal) -> str:
    return request_of(still)


def state(still: LocalPortal, number: str) -> str:
    row = select(ServiceRequest.state).where(ServiceRequest.number == number)
    return str(still.rows(row)[0][0])


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"urn:mahalliyat:handoff:{kind}"
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


def registered(center: CenterSystem, number: str) -> dict[str, Any]:
    return center.envelope("request.registered.v1", number, number=next(_INDEX), year=2026)


def test_of_two_that_meet_a_new_key_at_once_neither_retires_it(alone: LocalPortal) -> None:
    number = alone.filed(FREE).hook("request-number")
    alone.employee("front_office").act(number, "register", {})
    alone.relay()
    old = alone.rows(select(CenterKey.kid).where(CenterKey.center_code.is_(None)))[0][0]
    _, public = jws_keys.new_pair()
    new = PublicKey("new-own-key", public, alone.clock.now(), None)
    known = keys.CenterKeys(alone.portal.database, lambda: [new], alone.clock)
    for _ in range(2):  # as two workers do that both found nothing
        assert known._learned("new-own-key") is not None
    retired = dict(alone.rows(select(CenterKey.kid, CenterKey.retired_at)))
    assert retired[old] is not None
    assert retired["new-own-key"] is None


# --- what is right


def test_an_event_is_applied_and_its_repetition_changes_nothing(
    still: LocalPortal, center: CenterSystem, number: str
) -> None:
    event = registered(center, number)
    first, second = (center.post(center.signed(event)) for _ in range(2))
    told = {"id": event["id"], "state": "applied", "reason": "", "errors": []}
    assert (first.status_code, first.json()) == (202, told)
    assert (second.status_code, second.json()) == (200, told)
    assert state(still, number) == "document_check"
    kept = center.state_of(event["id"]).json()
    assert (kept["state"], kept["type"], kept["subject"]) == (
        "applied",
        "request.registered.v1",
        number,
    )
    assert kept["applied_at"] >= kept["received_at"]


def test_an_event_that_comes_too_early_waits_and_is_applied_with_the_one_before_it(
    still: LocalPortal, center: CenterSystem, number: str
) -> None:
    early = center.envelope("documents.accepted.v1", number)
    answer = center.post(center.signed(early))
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert center.post(center.signed(registered(center, number))).json()["state"] == "applied"
    assert center.state_of(early["id"]).json()["state"] == "applied"
    assert state(still, number) == "referred"


def test_the_portals_own_back_office_comes_through_the_same_door(still: LocalPortal) -> None:
    number = request_of(still, code="KFS-003")
    still.relay()
    still.employee("front_office").act(number, "register", {})
    still.relay()
    event = still.rows(
        select(InwardEvent.state, InwardEvent.type).where(InwardEvent.subject == number)
    )
    assert [tuple(row) for row in event] == [("applied", "request.registered.v1")]
    own = still.rows(select(CenterKey.kid).where(CenterKey.center_code.is_(None)))
    assert len(own) >= 1
    with still.portal.database.begin() as db:
        keys.close(db, None, own[-1][0], still.clock.now(), revoke=True)
    still.portal.center_keys._known.clear()
    still.employee("front_office").act(number, "accept", {})
    still.relay()
    assert state(still, number) == "document_check", "what a revoked key signed counts no more"
    held = select(CenterEvent.state, CenterEvent.last_error).where(CenterEvent.subject == number)
    refused = still.rows(held.order_by(CenterEvent.position))[1]
    assert refused.state == "waiting"
    assert "revoked_key" in refused.last_error
    code, said = run_command(still.portal.settings, "handoff", "renew")
    assert code == 0, said
    with still.portal.database.begin() as db:  # its next trial comes now
        due = update(CenterEvent).where(CenterEvent.subject == number)
        db.execute(due.values(available_at=still.clock.now()))
    # signed anew, it is taken: nothing was cut
    still.soon(lambda: state(still, number) == "referred", 20)
    # over a broker the relay does not hear of it: what was refused there is sent anew
    unsigned = select(func.count()).where(InwardEvent.type == UNSIGNED)
    sent, known = select(CenterEvent.id).where(CenterEvent.subject == number), still.rows(unsigned)
    event_id = still.rows(sent.order_by(CenterEvent.position.desc()))[0][0]
    from_broker(still.portal, Parcel(event_id, "", "KFS-003", number, b"of a revoked key"))
    assert still.rows(held.order_by(CenterEvent.position))[1].state == "waiting"
    assert still.rows(unsigned) == known


# --- who may not speak


def _broken(body: bytes) -> bytes:
    header, payload, signature = body.split(b".")
    raw = bytearray(urlsafe_b64decode(signature + b"=="))
    raw[5] ^= 1
    return b".".join((header, payload, urlsafe_b64encode(bytes(raw)).rstrip(b"=")))


def _large(center: CenterSystem, number: str) -> bytes:
    return center.signed({**registered(center, number), "padding": "x" * 200_000})


def _unknown(center: CenterSystem, number: str) -> bytes:
    return CenterSystem(center.url, center.center).signed(registered(center, number))


Body = Callable[[CenterSystem, str], bytes]
UNAUTHENTIC: dict[str, tuple[Body, int, str]] = {
    "nothing": (lambda c, n: b"", 400, "not_jws"),
    "plain json": (lambda c, n: json.dumps(registered(c, n)).encode(), 400, "not_jws"),
    "not ascii": (lambda c, n: "نص".encode(), 400, "not_jws"),
    "a line end": (lambda c, n: c.signed(registered(c, n)) + b"\n", 400, "not_jws"),
    "another kind": (lambda c, n: c.signed(registered(c, n), typ="JWT"), 400, "not_jws"),
    "one more member": (lambda c, n: c.signed(registered(c, n), cty="json"), 400, "not_jws"),
    "no name of a key": (lambda c, n: c.signed(registered(c, n), kid=None), 400, "not_jws"),
    "a broken signature": (lambda c, n: _broken(c.signed(registered(c, n))), 401, "bad_signature"),
    "an unknown key": (_unknown, 401, "unknown_key"),
    "too large": (_large, 413, "too_large"),
}


@pytest.mark.parametrize("case", UNAUTHENTIC)
def test_what_no_key_of_the_center_signed_is_refused_and_changes_nothing(
    still: LocalPortal, center: CenterSystem, number: str, case: str
) -> None:
    body, status, kind = UNAUTHENTIC[case]
    before = still.rows(select(func.count()).select_from(InwardEvent))
    problem(center.post(body(center, number)), status, kind)
    assert still.rows(select(func.count()).select_from(InwardEvent)) == before
    assert state(still, number) == "received"


def test_a_signature_of_another_algorithm_is_refused(center: CenterSystem, number: str) -> None:
    """The public key as an HMAC secret: the oldest trick."""
    headers = {"kid": center.kid, "typ": "handoff+jws"}
    body = jws.sign(registered(center, number), json.dumps(center.public), headers, "HS256")
    problem(center.post(body.encode()), 400, "not_jws")


def test_another_centers_key_opens_nothing(
    still: LocalPortal, center: CenterSystem, other: CenterSystem, number: str
) -> None:
    event = registered(center, number)
    problem(center.post(other.signed(event)), 403, "wrong_center")
    told = problem(other.post(other.signed(event)), 403, "wrong_center")
    assert told["errors"][0]["pointer"] == "/center"
    problem(other.post(other.signed(event), center="KFS-999"), 404, "unknown_center")
    assert state(still, number) == "received"


def test_an_event_about_another_centers_request_is_parked(
    still: LocalPortal, other: CenterSystem, number: str
) -> None:
    for subject in (number, "26-9999-00001-0"):
        answer = other.post(other.signed(registered(other, subject)))
        assert (answer.status_code, answer.json()["state"]) == (202, "parked")
    assert state(still, number) == "received"


def test_a_retired_key_verifies_for_two_weeks_and_a_revoked_one_not_at_all(
    still: LocalPortal,
) -> None:
    system = connected(still, "KFS-013")
    number = request_of(still, code="KFS-013")
    body = system.signed(registered(system, number))
    newer = connected(still, "KFS-013")

    def retired(days: float) -> None:
        at = still.clock.now() - timedelta(days=days)
        with still.portal.database.begin() as db:
            db.execute(update(CenterKey).where(CenterKey.kid == system.kid).values(retired_at=at))
        still.portal.center_keys._known.clear()

    retired(14.01)
    problem(system.post(body), 401, "old_key")
    retired(13.9)
    assert system.post(body).json()["state"] == "applied"
    code, said = run_command(
        still.portal.settings, "handoff", "disconnect", "KFS-013", "--key", newer.kid, "--revoke"
    )
    assert code == 0, said
    still.portal.center_keys._known.clear()
    again = newer.signed(newer.envelope("documents.accepted.v1", number))
    problem(newer.post(again), 401, "revoked_key")
    assert "revoked" in run_command(still.portal.settings, "handoff", "keys")[1]


def test_a_center_is_connected_by_a_command(still: LocalPortal, tmp_path: Any) -> None:
    system = CenterSystem(still.url, "KFS-010", "")
    number = request_of(still, code="KFS-010")
    path = tmp_path / "key.jwk"
    path.write_text(json.dumps(system.public))
    code, said = run_command(
        still.portal.settings, "handoff", "connect", "KFS-010", "--key", str(path)
    )
    assert code == 0, said
    system.kid = said.split()[3]
    assert system.post(system.signed(registered(system, number))).json()["state"] == "applied"
    again = run_command(still.portal.settings, "handoff", "connect", "KFS-010", "--key", str(path))
    assert (again[0], "is known already" in again[1]) == (1, True)
    wrong = run_command(still.portal.settings, "handoff", "connect", "XYZ-1", "--key", str(path))
    assert (wrong[0], "no center XYZ-1" in wrong[1]) == (1, True)
    path.write_text(json.dumps({**system.public, "d": "x"}))
    wrong = run_command(still.portal.settings, "handoff", "connect", "KFS-010", "--key", str(path))
    assert (wrong[0], "private key" in wrong[1]) == (1, True)


# --- what is signed and wrong


def _twice(center: CenterSystem, number: str) -> bytes:
    return json.dumps(registered(center, number)).replace('"data"', '"id": "x", "data"').encode()


WRONG: dict[str, tuple[Callable[[CenterSystem, str], Any], int, str, str]] = {
    "no json": (lambda c, n: b"{", 400, "not_json", ""),
    "no object": (lambda c, n: b"[]", 400, "not_json", ""),
    "a name twice": (_twice, 400, "not_json", ""),
    "not a number": (lambda c, n: b'{"data": NaN}', 400, "not_json", ""),
    "no bottom": (lambda c, n: b"[" * 50_000, 400, "not_json", ""),
    "not utf-8": (lambda c, n: b'{"id": "\xff"}', 400, "not_json", ""),
    "no id": (lambda c, n: {**registered(c, n), "id": None}, 422, "schema", "/id"),
    "no time": (lambda c, n: {**registered(c, n), "time": "x" * 20}, 422, "schema", "/time"),
    "another source": (
        lambda c, n: {**registered(c, n), "source": "center/KFS-012"},
        422,
        "schema",
        "/source",
    ),
    "an unknown type": (
        lambda c, n: c.envelope("request.praised.v1", n),
        422,
        "unknown_type",
        "/type",
    ),
    "an unknown version": (
        lambda c, n: c.envelope("request.registered.v2", n, number=1, year=2026),
        422,
        "unknown_type",
        "/type",
    ),
    "a type of the portal": (
        lambda c, n: c.envelope("request.paid.v1", n),
        422,
        "unknown_type",
        "/type",
    ),
    "a field missing": (
        lambda c, n: c.envelope("request.registered.v1", n, year=2026),
        422,
        "schema",
        "/data/number",
    ),
    "a control": (
        lambda c, n: c.envelope("request.registered.v1", n, number=1, year=2026, actor="\0"),
        422,
        "schema",
        "/data/actor",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_signed_and_wrong_is_kept_and_the_sender_told_which_field(
    still: LocalPortal, center: CenterSystem, number: str, case: str
) -> None:
    said, status, kind, pointer = WRONG[case]
    event = said(center, number)
    told = problem(center.post(center.signed(event)), status, kind)
    if pointer:
        assert pointer in {each["pointer"] for each in told["errors"]}
        assert all(each["detail"] for each in told["errors"])
    kept = select(InwardEvent.state, InwardEvent.center_code, InwardEvent.reason)
    newest = still.rows(kept.order_by(InwardEvent.received_at.desc()).limit(1))[0]
    assert (newest.state, newest.center_code) == ("parked", CENTER)
    assert newest.reason.startswith(kind)
    assert state(still, number) == "received"


def test_a_problem_is_told_in_the_language_of_the_reader(center: CenterSystem) -> None:
    for asked, language in {
        "": "ar",
        "ar-EG,ar;q=0.9,en;q=0.8": "ar",
        "en-GB,en;q=0.9": "en",
        "fr, en;q=0.5, ar;q=0.1": "en",
        "de": "ar",
    }.items():
        title = center.post(b"x", language=asked).json()["title"]
        assert title.isascii() == (language == "en"), asked


def test_an_event_that_was_wrong_is_applied_when_it_comes_again_mended(
    still: LocalPortal, center: CenterSystem, number: str
) -> None:
    event = registered(center, number)
    problem(center.post(center.signed({**event, "data": {}})), 422, "schema")
    assert center.post(center.signed(event)).json()["state"] == "applied"
    assert center.post(center.signed({**event, "data": {}})).json()["state"] == "applied"
    assert state(still, number) == "document_check"


def test_an_id_that_another_center_used_is_refused_and_theirs_stays(
    still: LocalPortal, center: CenterSystem, other: CenterSystem, number: str
) -> None:
    early = center.envelope("documents.accepted.v1", number)
    assert center.post(center.signed(early)).json()["state"] == "waiting"
    theirs = request_of(still, code=OTHER)
    stolen = {**registered(other, theirs), "id": early["id"]}
    problem(other.post(other.signed(stolen)), 409, "id_taken")
    problem(other.post(other.signed({**stolen, "data": {}})), 409, "id_taken")
    assert state(still, theirs) == "received"
    assert center.state_of(early["id"]).json()["state"] == "waiting"


@pytest.mark.parametrize(
    ("kind", "data", "pointer"),
    [
        ("request.refused.v1", {"reasons": ["ugly"], "note": "لا"}, "/data/reasons"),
        ("request.shelved.v1", {"reason": "ugly"}, "/data/reason"),
        ("completion.requested.v1", {"items": ["moon"]}, "/data/items/0"),
        ("completion.requested.v1", {"items": []}, "/data/items"),
        ("request.referred.v1", {"department": "space"}, "/data/department"),
        ("request.accepted_in_principle.v1", {"note": "شرط"}, "/type"),
    ],
)
def test_what_does_not_fit_the_service_is_parked_with_its_field(
    center: CenterSystem, number: str, kind: str, data: dict[str, Any], pointer: str
) -> None:
    center.post(center.signed(registered(center, number)))
    answer = center.send(kind, number, **data)
    assert (answer.status_code, answer.json()["state"]) == (202, "parked")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


def test_another_type_of_content_is_refused(center: CenterSystem, number: str) -> None:
    body = center.signed(registered(center, number))
    answer = center.post(body, **{"content-type": "application/json"})
    problem(answer, 415, "media_type")
    assert center.http.get(f"/api/v1/centers/{CENTER}/events").status_code == 405
    assert center.http.put(f"/api/v1/centers/{CENTER}/events").headers["content-type"] == (
        "application/problem+json"
    )


def test_a_center_that_comes_without_end_is_told_to_wait(
    still: LocalPortal, center: CenterSystem, other: CenterSystem
) -> None:
    portal = still.portal
    paces = (portal.door._pace, portal.asking_pace, portal.document_pace)
    for pace in paces:
        pace._left[CENTER] = (0.0, float("inf"))
    try:
        body = center.signed(center.envelope("documents.accepted.v1", "26-9999-00001-0"))
        answer = center.post(body)
        problem(answer, 429, "too_many")
        assert answer.headers["retry-after"] == "1"
        assert other.post(other.signed(registered(other, "26-9999-00001-0"))).status_code == 202
        problem(center.post(_broken(body)), 401, "bad_signature")
        kept = still.rows(select(func.count()).select_from(CenterUpload))
        for late in (center.state_of("nothing"), center.upload(pdf()[1])):
            problem(late, 429, "too_many")
            assert late.headers["retry-after"] == "1"
        assert still.rows(select(func.count()).select_from(CenterUpload)) == kept
        problem(center.state_of("nothing", "no token"), 401, "no_token")
        problem(other.state_of("nothing"), 404, "unknown_event")
        assert other.upload(pdf()[1]).status_code == 201
    finally:
        for pace in paces:
            pace._left.clear()


# --- where nobody is answered


def test_a_center_that_is_not_answered_hears_of_its_mistake_in_its_own_queue(
    still: LocalPortal, center: CenterSystem, number: str
) -> None:
    event = center.envelope("request.registered.v1", number, year=2026)
    outcome = still.portal.door.take(center.signed(event), CENTER)
    assert outcome.state == "parked"
    sent = select(OutboxMessage.payload).where(
        OutboxMessage.type == EVENT_REJECTED, OutboxMessage.center_code == CENTER
    )
    vault = still.portal.vault
    newest = still.rows(sent.order_by(OutboxMessage.position.desc()).limit(1))[0][0]
    message = read_message(vault.open("outbox_messages.payload", newest))
    assert contract.of_data(EVENT_REJECTED, message.data) == []
    assert message.data["event"]["id"] == event["id"]
    told = message.data["problem"]
    assert told["errors"][0]["pointer"] == "/data/number"
    assert set(told["title"]) == {"ar", "en"}
    # and the own back office can take such a message
    still.relay()
    waiting = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.state != "sent")
    assert still.rows(waiting.where(OutboxMessage.type == EVENT_REJECTED))[0][0] == 0


def test_of_what_nobody_signed_the_last_few_are_kept_and_never_applied(
    still: LocalPortal, center: CenterSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.handoff.inward._MOST_UNSIGNED", 3)
    for n in range(5):
        junk = Parcel("", "", CENTER, "", f"junk {n} ".encode() * 5000)
        from_broker(still.portal, junk)
    kept = select(InwardEvent.state, InwardEvent.payload).where(InwardEvent.type == UNSIGNED)
    rows = still.rows(kept.order_by(InwardEvent.received_at))
    assert len(rows) == 3
    assert {row.state for row in rows} == {"parked"}
    last = still.portal.vault.open_bytes("inward_events.payload", rows[-1].payload)
    assert last.startswith(b"junk 4")
    assert len(last) == 4000


# --- permissions and documents


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": OTHER},
        {"sub": OTHER},
        {"sub": None},
        {"aud": "https://elsewhere.example"},
        {"aud": ["http://a", "http://b"]},
        {"exp": 0},
        {"exp": 4e9},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": True},
        {"exp": None},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 65},
        {"jti": "a\0b"},
    ],
)
def test_a_permission_that_is_not_for_this_is_none(
    center: CenterSystem, claims: dict[str, Any]
) -> None:
    problem(center.state_of("x", center.token(**claims)), 401, "no_token")


def test_without_a_permission_nothing_is_told(
    still: LocalPortal, center: CenterSystem, other: CenterSystem, number: str
) -> None:
    event = registered(center, number)
    center.post(center.signed(event))
    bare = center.http.get(f"/api/v1/centers/{CENTER}/events/{event['id']}")
    assert bare.status_code == 401
    assert bare.headers["www-authenticate"] == "Bearer"
    problem(other.state_of(event["id"]), 404, "unknown_event")
    problem(center.state_of(event["id"], center.signed(event).decode()), 401, "no_token")
    stranger = other.token(iss=CENTER, sub=CENTER)
    problem(center.state_of(event["id"], stranger), 403, "wrong_center")
    problem(center.state_of("nothing"), 404, "unknown_event")


def test_a_document_is_uploaded_once_for_each_permission(
    still: LocalPortal, center: CenterSystem
) -> None:
    _, content, media_type = pdf()
    token = center.token()
    first, second = (center.upload(content, media_type, token) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    told, again = first.json(), second.json()
    assert {**told, "href": ""} == {**again, "href": ""}
    assert told["href"].startswith(f"{still.portal.settings.public_url}/api/v1/handoff/documents/")
    problem(center.upload(photo()[1], "image/jpeg", token), 409, "id_taken")


def _locked() -> bytes:
    from pikepdf import Encryption

    from tests.support.files import _pdf

    return _pdf(encryption=Encryption(owner="x", user="y"))


@pytest.mark.parametrize(
    ("content", "media_type", "status", "kind"),
    [
        (b"", "application/pdf", 422, "unacceptable"),
        (b"<html>", "application/pdf", 422, "unacceptable"),
        (b"<html>", "text/html", 415, "media_type"),
        (png()[1], "application/pdf", 415, "media_type"),
        (_locked(), "application/pdf", 422, "unacceptable"),
        (b"%PDF-1.7" + b"0" * 20_000_001, "application/pdf", 413, "too_large"),
    ],
    ids=["empty", "html", "html-type", "another-type", "locked", "large"],
)
def test_a_document_that_cannot_be_taken_is_refused_and_not_kept(
    still: LocalPortal,
    center: CenterSystem,
    content: bytes,
    media_type: str,
    status: int,
    kind: str,
) -> None:
    before = still.rows(select(func.count()).select_from(CenterUpload))
    problem(center.upload(content, media_type), status, kind)
    assert still.rows(select(func.count()).select_from(CenterUpload)) == before


def test_an_upload_without_a_permission_is_refused(center: CenterSystem) -> None:
    answer = center.http.post(
        f"/api/v1/centers/{CENTER}/documents",
        content=pdf()[1],
        headers={"content-type": "application/pdf"},
    )
    assert answer.status_code == 401


def test_a_document_that_no_event_needs_is_dropped_after_two_weeks(
    alone: LocalPortal,
) -> None:
    system = connected(alone, CENTER)
    assert system.upload(pdf()[1]).status_code == 201
    named = {**system.upload(png()[1], "image/png").json(), "name": "output.png"}
    number = request_of(alone)
    early = system.envelope("output.issued.v1", number, documents=[named], output_number="7/2026")
    assert system.post(system.signed(early)).json()["state"] == "waiting"
    store = alone.portal.uploaded_files
    alone.worker.run_once()
    assert len(list(store.keys())) == 2
    alone.clock.advance(days=15)
    alone.worker.run_once()
    assert len(list(store.keys())) == 1, "what a waiting event names stays"
    for event in (
        registered(system, number),
        system.envelope("documents.accepted.v1", number),
        system.envelope("request.approved.v1", number),
    ):
        assert system.post(system.signed(event)).json()["state"] == "applied"
    assert state(alone, number) == "issued"
    issued = select(func.count()).where(Attachment.purpose == "output")
    assert alone.rows(issued)[0][0] == 1
    alone.worker.run_once()
    assert list(store.keys()) == []
    assert alone.rows(select(func.count()).select_from(CenterUpload))[0][0] == 0


def test_a_center_fetches_the_documents_of_a_request_over_http(still: LocalPortal) -> None:
    number = still.filed("address-numbering-certificate").hook("request-number")
    kept = select(OutboxMessage.payload).where(OutboxMessage.subject == number)
    message = read_message(
        still.portal.vault.open("outbox_messages.payload", still.rows(kept)[0][0])
    )
    linked = still.portal.links.linked(message, still.clock.now())
    documents = linked.data["documents"]
    assert documents
    assert contract.of_data(message.type, linked.data) == []
    for document in documents:
        answer = httpx.get(document["href"], trust_env=False, verify=PLAIN)
        assert answer.status_code == 200
        assert len(answer.content) == document["size"]
        assert answer.headers["content-type"] == document["media_type"]
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["cache-control"] == "no-store"
        broken = httpx.get(document["href"][:-2], trust_env=False, verify=PLAIN)
        assert broken.status_code == 404
        assert broken.headers["content-type"] == "application/problem+json"


def test_what_the_portal_signs_is_verified_with_its_published_keys_alone(
    still: LocalPortal, number: str
) -> None:
    kept = select(OutboxMessage.payload).where(OutboxMessage.subject == number)
    payload = still.portal.vault.open("outbox_messages.payload", still.rows(kept)[0][0])
    body = still.portal.signatures.sign_bytes("handoff+jws", payload.encode()).decode()
    keys_of = httpx.get(f"{still.url}/.well-known/jwks.json", trust_env=False, verify=PLAIN).json()[
        "keys"
    ]
    header = jws.get_unverified_header(body)
    assert set(header) == {"alg", "kid", "typ"}
    (key,) = [each for each in keys_of if each["kid"] == header["kid"]]
    assert jws.verify(body, jwk.construct(key), ["ES256"]) == payload.encode()


def test_the_schemas_are_served_as_they_are(still: LocalPortal) -> None:
    for name in contract.names():
        answer = httpx.get(
            f"{still.url}/api/v1/handoff/schemas/{name}.json", trust_env=False, verify=PLAIN
        )
        assert answer.content == contract.text_of(name)
        assert answer.headers["content-type"] == "application/schema+json"
    for wrong in ("nothing.v1.json", "request.paid.v1", "..%2Fcontract.json"):
        answer = httpx.get(
            f"{still.url}/api/v1/handoff/schemas/{wrong}", trust_env=False, verify=PLAIN
        )
        assert answer.status_code == 404


# --- the whole way


def follow(still: LocalPortal, number: str) -> Iterator[str]:
    rows = still.rows(
        select(HistoryEntry.event)
        .join(ServiceRequest, ServiceRequest.id == HistoryEntry.request_id)
        .where(ServiceRequest.number == number)
        .order_by(HistoryEntry.position)
    )
    return (row[0] for row in rows)


def told(still: LocalPortal, number: str) -> list[str]:
    rows = still.rows(
        select(OutgoingMessage.kind, OutgoingMessage.params).order_by(OutgoingMessage.id)
    )
    return [row.kind for row in rows if row.params.get("number") == number]


def test_a_center_goes_the_whole_way_with_every_act_that_it_may_do(
    still: LocalPortal, center: CenterSystem, number: str
) -> None:
    today = cairo_day(still.clock.now())
    soon, later = today + timedelta(days=3), today + timedelta(days=9)
    window = {"day": soon.isoformat(), "from": "09:00", "to": "11:30"}
    output = center.upload(pdf()[1]).json()
    issued = {**output, "name": "رخصة.pdf"}
    corrected = {**center.upload(pdf(2)[1]).json(), "name": "رخصة.pdf"}
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("request.registered.v1", {"number": next(_INDEX), "year": 2026}, "document_check"),
        ("documents.accepted.v1", {"actor": "سعاد"}, "referred"),
        ("request.referred.v1", {"department": "utilities-roads"}, "referred"),
        ("officer.assigned.v1", {"officer": "م. حسن"}, "under_study"),
        ("inspection.scheduled.v1", {**window, "note": "أحضر الرسم"}, "inspection_scheduled"),
        ("inspection.missed.v1", {"missed_by": "center", "again": window}, "inspection_scheduled"),
        ("inspection.missed.v1", {"missed_by": "applicant"}, "inspection_scheduled"),
        ("inspection.missed.v1", {"missed_by": "applicant"}, "shelved"),
        ("request.reopened.v1", {"to": "under_study", "note": "حضر صاحب الطلب"}, "under_study"),
        ("inspection.scheduled.v1", window, "inspection_scheduled"),
        ("inspection.done.v1", {"result": "matches", "applicant_present": True}, "inspected"),
        ("opinion.asked.v1", {"body": "الحماية المدنية"}, "awaiting_external_opinion"),
        ("opinion.received.v1", {"outcome": "agrees"}, "under_study"),
        ("authority.notified.v1", {"authority": "الجهاز القومي"}, "under_study"),
        ("period.extended.v1", {"days": 3, "note": "ضغط العمل"}, "under_study"),
        ("waiting_list.entered.v1", {"position": 4}, "waiting_list"),
        ("request.approved.v1", {"note": ""}, "approved"),
        ("output.issued.v1", {"documents": [issued], "output_number": "7/2026"}, "issued"),
        ("output.ready.v1", {"place": "شباك ٣", "until": later.isoformat()}, "ready_for_delivery"),
        ("output.delivered.v1", {"method": "counter"}, "delivered"),
        (
            "output.corrected.v1",
            {"documents": [corrected], "output_number": "8/2026", "note": "خطأ في الاسم"},
            "delivered",
        ),
        ("output.suspended.v1", {"note": "شكوى", "until": later.isoformat()}, "delivered"),
        ("output.renewed.v1", {"until": later.isoformat()}, "delivered"),
        ("output.revoked.v1", {"reasons": ["public_order"], "note": "مخالفة"}, "revoked"),
    ]
    for kind, data, target in steps:
        answer = center.send(kind, number, **data)
        assert answer.json()["state"] == "applied", (kind, answer.text)
        assert state(still, number) == target, kind
    assert len(list(follow(still, number))) >= len(steps)
    kinds = told(still, number)
    for kind in (
        "inspection_scheduled",
        "inspection_moved",
        "inspection_missed",
        "request_shelved_by_center",
        "request_reopened",
        "waiting_list",
        "output_ready",
        "output_delivered",
        "output_corrected",
        "output_revoked",
    ):
        assert kind in kinds, kind
    outputs = select(Attachment.purpose).join(ServiceRequest).where(ServiceRequest.number == number)
    assert {row[0] for row in still.rows(outputs)} == {"void"}
    shelved = select(OutboxMessage.type).where(OutboxMessage.subject == number)
    assert "request.shelved.v1" in {row[0] for row in still.rows(shelved)}


def test_a_shelved_request_is_reopened_once(center: CenterSystem, number: str) -> None:
    center.post(center.signed(registered(center, number)))
    reopened = {"to": "document_check", "note": "حضر"}
    for _ in range(2):
        answer = center.send("request.shelved.v1", number, reason="no_show", note="لم يحضر")
        assert answer.json()["state"] == "applied"
        answer = center.send("request.reopened.v1", number, **reopened)
    assert answer.json()["state"] == "parked"


def test_the_citizen_reads_when_the_inspection_is(still: LocalPortal, center: CenterSystem) -> None:
    citizen = still.someone()
    page = citizen.file(FREE, still.answers(FREE, center=CENTER))
    number = page.hook("request-number")
    day = cairo_day(still.clock.now()) + timedelta(days=4)
    for kind, data in (
        ("request.registered.v1", {"number": next(_INDEX), "year": 2026}),
        ("documents.accepted.v1", {}),
        ("officer.assigned.v1", {"officer": "م. سري"}),
        (
            "inspection.scheduled.v1",
            {"day": day.isoformat(), "from": "09:00", "to": "11:30", "note": "أحضر المفتاح"},
        ),
    ):
        assert center.send(kind, number, **data).json()["state"] == "applied"
    text = citizen.get(f"/requests/{number}").text
    assert "موعد المعاينة" in text
    assert "٠٩:٠٠" in text
    assert "أحضر المفتاح" in text
    assert "سري" not in text, "who studies it stays inside"
