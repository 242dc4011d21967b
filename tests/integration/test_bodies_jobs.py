"""Batches over HTTP: accepted whole or not at all, answered in order, read page by page."""

import json
import sqlite3
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Executable, func, select, update

from portal.bodies import notices
from portal.bodies.answering import claims_of
from portal.bodies.courier import Courier
from portal.bodies.jobs import BASE, MOST_OPEN
from portal.bodies.model import (
    BodyAgreement,
    BodyInquiry,
    BodyJob,
    BodyJobItem,
    BodyKind,
    BodyNotice,
    OutsideBody,
    Purpose,
)
from portal.bodies.notices import KIND, NoticeType
from tests.support.asked import put_permit
from tests.support.bodies import USER, BodySystem, open_body
from tests.support.certificates import Authority
from tests.support.local import LocalPortal
from tests.support.sandbox import eventually, free_port

CENTER = "KFS-003"
NOTICES = "/api/v1/permits/notices"
EXAMPLE = Path(__file__).parents[2] / "examples" / "body_notices.py"


@pytest.fixture
def local(still: LocalPortal) -> LocalPortal:
    return still


def begin(
    body: BodySystem, *lines: Any, key: str = "", token: str | None = None, **above: Any
) -> httpx.Response:
    batch = {"user": USER, "reference": "B-1", "questions": list(lines), **above}
    headers = {"idempotency-key": key} if key else {}
    return body.send("POST", BASE, json=batch, headers=headers, token=token)


def numbers(count: int, first: int = 1) -> list[dict[str, str]]:
    return [{"center": CENTER, "number": f"{n}/2024"} for n in range(first, first + count)]


def work(local: LocalPortal) -> None:
    while local.loops.jobs.run_once():
        pass


def _with_address(body: BodySystem) -> Executable:
    own = update(OutsideBody).where(OutsideBody.code == body.code)
    return own.values(webhook_url="https://news.example.com/")


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.headers["content-type"].startswith("application/problem+json")
    return [each["pointer"] for each in answer.json()["errors"]]


def test_a_batch_is_accepted_answered_in_order_and_read_page_by_page(local: LocalPortal) -> None:
    body = open_body(local)
    _, number = put_permit(local.portal)
    lines = [
        {"center": CENTER, "number": number.canonical, "reference": "L-0"},
        {"serial": "0" * 20},
        {"center": CENTER, "number": {"number": 57, "letter": "م", "year": 1997}},
        *numbers(2),
    ]
    accepted = begin(body, *lines)
    assert accepted.status_code == 202, accepted.text
    job = accepted.json()
    assert accepted.headers["location"].endswith(f"{BASE}/{job['id']}")
    assert (job["state"], job["done"], job["total"]) == ("running", 0, 5)
    none_yet = body.send("GET", f"{BASE}/{job['id']}/answers").json()
    assert none_yet["answers"] == []
    waiting = none_yet["next"]
    assert waiting, "there will be some"

    work(local)
    shown = body.send("GET", f"{BASE}/{job['id']}").json()
    assert (shown["state"], shown["done"]) == ("done", 5)
    found: list[Any] = []
    pages = 0
    following = waiting
    while following:
        page = body.send("GET", f"{BASE}/{job['id']}/answers?limit=2&cursor={following}")
        assert ("link" in page.headers) == (page.json()["next"] is not None)
        following, pages = page.json()["next"], pages + 1
        found += page.json()["answers"]
    assert pages == 3
    assert [each["position"] for each in found] == [0, 1, 2, 3, 4]
    inquiries = [each["inquiry"] for each in found]
    classes = [each["class"] for each in inquiries]
    assert classes[:3] == ["confirmed", "not_found", "needs_manual_search"]
    assert [each["answer"]["reference"] for each in inquiries] == ["L-0", *["B-1"] * 4]
    for each in inquiries:
        assert claims_of(each["signed"]) == each["answer"]
        alone = body.send("GET", f"/api/v1/permits/inquiries/{each['id']}").json()
        assert alone == each, "a line is an inquiry like one that came alone"
    left = select(func.count()).where(BodyJobItem.job_id == job["id"])
    assert local.rows(left)[0][0] == 0, "the questions are dropped when they are answered"


def test_everything_wrong_with_any_line_is_told_and_nothing_is_accepted(
    local: LocalPortal,
) -> None:
    body = open_body(local, BodyKind.WATER)
    before = local.rows(select(func.count()).select_from(BodyJob))[0][0]
    refused = begin(
        body,
        *numbers(1),
        {"center": "KFS-999", "number": "1/2024"},
        {"center": CENTER},
        "no object",
        {"serial": "x", "center": CENTER},
        {"center": CENTER, "number": "nothing", "user": "other", "more": 1},
        *numbers(1),
        {"center": CENTER, "number": "1/2024", "reference": "\u202eevil"},
    )
    assert refused.status_code == 422
    assert pointers(refused) == [
        "/questions/1/center",
        "/questions/2/number",
        "/questions/3",
        "/questions/4/serial",
        "/questions/4/center",
        "/questions/5/user",
        "/questions/5",
        "/questions/5/number",
        "/questions/7/reference",
    ]
    # what was not agreed is found when all can be read
    unwanted = begin(body, *numbers(1), {**numbers(1)[0], "owner_name": "منى"})
    assert pointers(unwanted) == ["/questions/1/owner_name"]
    assert local.rows(select(func.count()).select_from(BodyJob))[0][0] == before


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ([], [""]),
        ({}, ["/questions", "/reference", "/user"]),
        ({"user": USER, "reference": "1", "questions": []}, ["/questions"]),
        ({"user": USER, "reference": "1", "questions": {}}, ["/questions"]),
        ({"user": 7, "reference": " ", "questions": numbers(1)}, ["/reference", "/user"]),
        ({"user": USER, "reference": "1", "questions": numbers(501)}, ["/questions"]),
    ],
)
def test_a_batch_that_is_none_is_refused(local: LocalPortal, given: Any, wrong: list[str]) -> None:
    refused = open_body(local).send("POST", BASE, json=given)
    assert refused.status_code == 422
    assert pointers(refused) == wrong


def test_five_hundred_lines_are_accepted(local: LocalPortal) -> None:
    body = open_body(local)
    accepted = begin(body, *numbers(500))
    assert accepted.status_code == 202, accepted.text
    assert body.send("POST", f"{BASE}/{accepted.json()['id']}/cancel").json()["state"] == "stopped"


def test_batches_are_for_those_with_whom_they_were_agreed(local: LocalPortal) -> None:
    assert begin(open_body(local, batches=False), *numbers(1)).json()["type"].endswith("no_batches")
    body = open_body(local)
    assert begin(body, *numbers(1), user="nobody").json()["type"].endswith("unknown_user")
    assert begin(body, *numbers(1), purpose="taxation").json()["type"].endswith("not_agreed")
    assert begin(body, *numbers(1), token="none").status_code == 401


def test_the_same_key_leads_to_the_same_job(local: LocalPortal) -> None:
    body = open_body(local)
    first, again = (begin(body, *numbers(2), key="k").json() for _ in range(2))
    assert first == again
    assert begin(body, *numbers(3), key="k").json()["type"].endswith("key_taken")
    asked = body.ask({"idempotency-key": "k"}, **numbers(1)[0])
    assert asked.json()["type"].endswith("key_taken"), "nor does it lead to an inquiry"
    work(local)
    assert begin(body, *numbers(2), key="k").json()["state"] == "done"
    of_job = select(func.count()).where(BodyInquiry.job_id == first["id"])
    assert local.rows(of_job)[0][0] == 2


def test_what_is_cancelled_keeps_its_answers_and_gets_no_more(local: LocalPortal) -> None:
    body = open_body(local, per_minute=5)
    job = begin(body, *numbers(9)).json()
    work(local)
    running = body.send("GET", f"{BASE}/{job['id']}")
    assert 1 <= int(running.headers["retry-after"]) <= 60
    cancelled = body.send("POST", f"{BASE}/{job['id']}/cancel").json()
    assert "retry-after" not in body.send("GET", f"{BASE}/{job['id']}").headers
    assert (cancelled["state"], cancelled["done"]) == ("stopped", 4)
    assert cancelled["stopped_reason"] == "cancelled"
    answers = body.send("GET", f"{BASE}/{job['id']}/answers").json()
    assert len(answers["answers"]) == 4
    assert answers["next"] is None
    again = body.send("POST", f"{BASE}/{job['id']}/cancel")
    assert (again.status_code, again.json()) == (200, cancelled)


def test_a_body_sees_its_own_jobs_only(local: LocalPortal) -> None:
    owner, other = open_body(local), open_body(local)
    made = [begin(owner, *numbers(1)).json()["id"] for _ in range(3)]
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/answers")):
        answer = other.send(method, f"{BASE}/{made[0]}{path}")
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("unknown_job")
    assert other.send("GET", BASE).json() == {"jobs": [], "next": None}
    first = owner.send("GET", f"{BASE}?limit=2").json()
    assert [each["id"] for each in first["jobs"]] == made[:0:-1]
    last = owner.send("GET", f"{BASE}?limit=2&cursor={first['next']}").json()
    assert [each["id"] for each in last["jobs"]] == made[:1]
    assert last["next"] is None
    stolen = other.send("GET", f"{BASE}?cursor={first['next']}")
    assert stolen.status_code == 422
    elsewhere = owner.send("GET", f"{BASE}/{made[0]}/answers?cursor={first['next']}")
    assert elsewhere.status_code == 422
    work(local)


def test_a_body_has_a_number_of_jobs_at_a_time(local: LocalPortal) -> None:
    body = open_body(local)
    for _ in range(MOST_OPEN):
        assert begin(body, *numbers(1)).status_code == 202
    refused = begin(body, *numbers(1))
    assert refused.status_code == 429
    assert refused.json()["type"].endswith("too_many_jobs")
    assert int(refused.headers["retry-after"]) > 0
    work(local)
    assert begin(body, *numbers(1)).status_code == 202
    work(local)


def test_a_body_reads_once_more_what_it_was_told_and_nothing_that_it_may_not_know_any_more(
    local: LocalPortal,
) -> None:
    body, other = open_body(local, notices=True), open_body(local, notices=True)
    with local.portal.database.begin() as db:
        now = local.clock.now()
        db.execute(_with_address(body))
        changed = [
            notices.add(
                db,
                body.code,
                NoticeType.PERMIT_CHANGED,
                f"KFS-003/{n}/2025",
                {"changed": "status"},
                now,
                purpose=Purpose.CONNECTION,
            )
            for n in range(3)
        ]
        ping = notices.ping(db, body.code, now)
    first = body.send("GET", f"{NOTICES}?limit=3").json()
    assert [each["id"] for each in first["notices"]] == [ping, *changed[:0:-1]]
    rest = body.send("GET", f"{NOTICES}?cursor={first['next']}").json()
    assert [each["id"] for each in rest["notices"]] == changed[:1]
    assert rest["next"] is None
    for each in (*first["notices"], *rest["notices"]):
        assert each["event"]["body"] == body.code
        signed = local.portal.signatures.open_bytes(KIND, each["signed"], 20_000)
        assert json.loads(signed) == each["event"]
    assert other.send("GET", NOTICES).json() == {"notices": [], "next": None}
    assert other.send("GET", f"{NOTICES}?cursor={first['next']}").status_code == 422
    with local.portal.database.begin() as db:
        own = update(BodyAgreement).where(BodyAgreement.body_code == body.code)
        db.execute(own.values(notices=False))
    left = body.send("GET", NOTICES).json()["notices"]
    assert [each["id"] for each in left] == [ping]


def test_a_body_finds_the_codes_of_its_centers(local: LocalPortal) -> None:
    centers = open_body(local).send("GET", "/api/v1/permits/centers").json()["centers"]
    named = {each["code"]: each["name_ar"] for each in centers}
    assert named[CENTER] == local.portal.places.centers[CENTER].ar
    assert {code.partition("-")[0] for code in named} == {"KFS"}


def test_the_example_of_a_receiver_keeps_what_it_is_told_once_and_trusts_nobody(
    local: LocalPortal, tmp_path: Path
) -> None:
    body = open_body(local)
    authority, port = Authority(tmp_path), free_port()
    certificate = [str(path) for path in authority.issue("receiver")]
    address = f"https://127.0.0.1:{port}/"
    trusted, core = ssl.create_default_context(cafile=authority.path), local.portal
    code = [sys.executable, str(EXAMPLE), local.url, body.code, *certificate, str(port)]
    receiver = subprocess.Popen(code, cwd=tmp_path, stderr=subprocess.DEVNULL)

    def answered(signed: bytes) -> int:
        return httpx.post(address, content=signed, trust_env=False, verify=trusted).status_code

    def listens() -> bool:
        try:
            return answered(b"nothing") == 400
        except httpx.TransportError:
            return False

    try:
        eventually(listens, 30)
        with core.database.begin() as db:
            own = update(OutsideBody).where(OutsideBody.code == body.code)
            db.execute(own.values(webhook_url=address))
        job = begin(body, *numbers(1)).json()
        work(local)
        sign, clock = core.signatures.sign_bytes, local.clock
        courier = Courier(core.database, sign, clock, authority.path, loopback=True)
        courier.run_once()
        assert courier.rest(30)
        with core.database.read() as db:
            (told,) = notices.newest(db, body.code)
            row = db.execute(select(BodyNotice).where(BodyNotice.id == told.id)).mappings().one()
        assert told.taken, told.last_error
        signed = sign(KIND, notices.envelope(row))
        assert answered(signed) == 204, "again, as after a lost answer"
        assert answered(sign("permit-answer+jwt", notices.envelope(row))) == 400
        to_another = notices.envelope({**row, "body_code": "other"})
        assert answered(sign(KIND, to_another)) == 400
        assert answered(signed[:-4] + b"AAAA") == 400
    finally:
        receiver.kill()
        receiver.wait()
    with sqlite3.connect(tmp_path / "notices.sqlite3") as kept:
        ((event,),) = kept.execute("SELECT event FROM notices").fetchall()
    kept.close()
    assert json.loads(event)["data"]["job"] == job["id"]
