"""What operators do and see: holidays, accounts, health, metrics, references in logs."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, insert, select, text, update

from payments.model import PaymentCase
from portal.backoffice.model import CenterEvent, CenterRequest
from portal.handoff.model import InwardEvent, OutboxMessage
from portal.identity.model import Staff
from portal.migrations.newest import NEWEST
from portal.requests.model import ServiceRequest
from tests.support.commands import run_command
from tests.support.databases import POSTGRESQL, Databases
from tests.support.local import LocalPortal
from tests.support.looking import quiet_logs
from tests.support.people import Employee
from tests.support.plain import PLAIN
from tests.support.postgres import Postgres
from tests.support.sandbox import SandboxProcess, eventually
from tests.support.stack import Stack

SERVICE = "address-numbering-certificate"
HAND_OFF = "/center/admin/handoff"
TOKEN = "a-token-for-the-scraper"

# --- holidays


def _due(local: LocalPortal, number: str) -> date:
    """The deadline as the portal has it; the center has the same."""
    local.relay()
    here = select(ServiceRequest.due_on).where(ServiceRequest.number == number)
    there = select(CenterRequest.due_on).where(CenterRequest.request_number == number)
    (at_portal,), (at_center,) = local.rows(here)[0], local.rows(there)[0]
    assert at_portal == at_center
    assert isinstance(at_portal, date)
    return at_portal


def _holidays(local: LocalPortal, *command: str) -> tuple[int, str]:
    return run_command(local.portal.settings, "holidays", *command)


NAMES = ("--ar", "عطلة", "--en", "A day off")


def test_a_holiday_lengthens_open_periods_on_both_sides_of_the_wall(local: LocalPortal) -> None:
    number = local.filed(SERVICE).hook("request-number")
    due = _due(local, number)
    code, said = _holidays(local, "add", due.isoformat(), *NAMES)
    assert code == 0, said
    assert re.search(r"^[1-9]\d* open periods are longer now", said)
    longer = _due(local, number)
    assert longer > due
    assert due.isoformat() in _holidays(local, "list")[1]

    code, said = _holidays(local, "add", due.isoformat(), *NAMES)
    assert (code, said) == (1, f"Error: {due} is a holiday already\n")

    assert _holidays(local, "remove", due.isoformat())[0] == 0
    assert _due(local, number) == longer, "what was promised is never shortened"
    assert due.isoformat() not in _holidays(local, "list")[1]
    code, said = _holidays(local, "remove", due.isoformat())
    assert (code, said) == (1, f"Error: no holiday on {due}\n")


def test_a_holiday_of_another_governorate_moves_nothing_here(local: LocalPortal) -> None:
    number = local.filed(SERVICE).hook("request-number")
    due = _due(local, number)
    code, _ = _holidays(local, "add", due.isoformat(), *NAMES, "--governorate", "EG-ALX")
    assert code == 0
    assert _due(local, number) == due
    code, _ = _holidays(local, "add", due.isoformat(), *NAMES, "--governorate", "EG-KFS")
    assert code == 0
    assert _due(local, number) > due


def test_a_holiday_moves_nothing_that_is_decided(local: LocalPortal) -> None:
    number = local.filed(SERVICE).hook("request-number")
    clerk = local.employee("front_office")
    clerk.act(number, "register", {})
    clerk.act(number, "accept", {})
    local.relay()
    local.employee("department_head").approve(number)
    due = _due(local, number)
    assert _holidays(local, "add", (due - timedelta(days=1)).isoformat(), *NAMES)[0] == 0
    assert _due(local, number) == due


# --- commands


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["holidays", "add", "2027-02-30", *NAMES], 2, "'2027-02-30' does not match"),
        (["holidays", "add", "soon", *NAMES], 2, "'soon' does not match"),
        (["holidays", "add", "2027-03-01"], 2, "Missing option '--ar'"),
        (["holidays", "add", "2027-03-01", "--ar", " ", "--en", "x"], 2, "1 to 120 characters"),
        (["holidays", "add", "2027-03-01", "--ar", "ع" * 121, "--en", "x"], 2, "1 to 120"),
        (["holidays", "add", "2027-03-01", *NAMES, "--governorate", "EG-XX"], 1, "no governorate"),
        (["holidays", "remove", "2027-03-02"], 1, "no holiday on 2027-03-02"),
        (["handoff", "replay"], 2, "which ones?"),
        (["handoff", "replay", "x"], 1, "x is no parked or sent message; nothing is replayed"),
        (["staff", "disable", "nobody@KFS-003"], 1, "no open account nobody@KFS-003"),
        (["staff", "password", "nobody@KFS-003", "--password", "long enough"], 1, "at least 12"),
        (["staff", "password", "nobody@KFS-003", "--password", "x" * 12], 1, "no account nobody"),
        (["secrets", "turn"], 2, "No such command 'turn'"),
    ],
)
def test_a_command_with_wrong_arguments_is_refused_in_plain_words(
    local: LocalPortal, command: list[str], code: int, told: str
) -> None:
    done, said = run_command(local.portal.settings, *command)
    assert done == code, said
    assert told in " ".join(said.split())


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["catalogue", "check"], "services are right"),
        (["payments", "cases"], "0 cases open"),
        (["payments", "check"], "every entry sums to zero"),
        (["handoff"], "to centers, parked  0"),
        (["holidays", "list"], "EG"),
    ],
)
def test_a_command_that_looks_says_what_it_sees(
    local: LocalPortal, command: list[str], told: str
) -> None:
    code, said = run_command(local.portal.settings, *command)
    assert code == 0
    assert told in said


def test_a_case_about_money_is_closed_once_and_with_a_note(alone: LocalPortal) -> None:
    with alone.portal.database.begin() as db:
        what = {"object_id": "pi_1", "reference": "26-1503-00001-1", "detail": "cs_1"}
        db.execute(insert(PaymentCase).values(kind="surplus", opened_at=alone.clock.now(), **what))
    settings = alone.portal.settings
    _, listed = run_command(settings, "payments", "cases")
    assert "surplus  26-1503-00001-1  pi_1" in listed
    case = listed.split()[0]
    note = ("--note", "returned to the payer")
    assert run_command(settings, "payments", "close", case)[0] == 2
    assert run_command(settings, "payments", "close", case, *note) == (0, f"{case} is closed\n")
    assert run_command(settings, "payments", "cases")[1] == "0 cases open\n"
    code, said = run_command(settings, "payments", "close", case, *note)
    assert (code, said) == (1, f"Error: no open case {case}\n")
    kept = alone.rows(select(PaymentCase.closed_note))
    assert [row[0] for row in kept] == ["returned to the payer"]


def _add(local: LocalPortal, name: str = "x@KFS-003", **options: str) -> tuple[int, str]:
    chosen = {
        "name": "سعاد",
        "role": "front_office",
        "scope": "KFS-003",
        "password": "long enough 12",
        **options,
    }
    flat = [part for key, value in chosen.items() for part in (f"--{key}", value)]
    return run_command(local.portal.settings, "staff", "add", name, *flat)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"role": "king"}, "roles: front_office, cashier"),
        ({"scope": "KFS-999"}, "no place KFS-999"),
        ({"scope": "EG"}, "EG is no place for a front_office"),
        ({"role": "ministry_viewer"}, "KFS-003 is no place for a ministry_viewer"),
        ({"password": "short"}, "at least 12 characters"),
        ({"name": "front_office@KFS-003"}, "exists"),
    ],
)
def test_an_account_that_makes_no_sense_is_not_made(
    local: LocalPortal, wrong: dict[str, str], told: str
) -> None:
    name = "x@KFS-003"
    if told == "exists":
        name, wrong = wrong["name"], {}
    code, said = _add(local, name, **wrong)
    assert (code, told in said) == (1, True), said
    assert local.rows(select(Staff.id).where(Staff.username == "x@KFS-003")) == []


def test_an_account_that_is_closed_is_out_at_once(local: LocalPortal) -> None:
    assert _add(local, "soaad@KFS-003")[0] == 0
    employee = Employee(local.url, "soaad@KFS-003")
    assert employee.sign_in("long enough 12").path == "/center/inbox"
    assert run_command(local.portal.settings, "staff", "disable", "soaad@KFS-003")[0] == 0
    assert employee.get("/center/inbox").path == "/center/sign-in"
    assert employee.sign_in("long enough 12").path == "/center/sign-in"
    assert run_command(local.portal.settings, "staff", "disable", "soaad@KFS-003")[0] == 1


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"PORTAL_MODE": "production"}, 2, "PORTAL_"),
        ({"PORTAL_SECRET_KEYS": "short"}, 2, "PORTAL_SECRET_KEYS: a key is shorter"),
        ({"PORTAL_DATABASE_URL": "mysql://u:geheim@h/d"}, 2, "PORTAL_DATABASE_URL: "),
        ({"PORTAL_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:9/d"}, 1, "the database:"),
        ({}, 1, "no such table: outbox_messages; run `portal migrate` first"),
    ],
)
def test_a_start_that_cannot_be_ends_with_one_line_that_says_why(
    tmp_path: Path, settings: dict[str, str], code: int, told: str
) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
    done = subprocess.run(
        [sys.executable, "-m", "portal", "handoff"],
        env={**kept, "PORTAL_VAR": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.startswith("portal: ")
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "geheim" not in done.stderr


# --- health


@pytest.fixture(scope="module")
def watched(
    databases: Databases, payment_server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalPortal]:
    """A portal on PostgreSQL whose metrics are for the holder of a token."""
    settings = {"PORTAL_METRICS_TOKEN": TOKEN}
    var = tmp_path_factory.mktemp("watched")
    portal = LocalPortal(var, databases.loaded(var, POSTGRESQL), payment_server, settings)
    yield portal
    portal.close()


def _get(portal: LocalPortal, path: str, **headers: str) -> httpx.Response:
    return httpx.get(portal.url + path, headers=headers, trust_env=False, verify=PLAIN)


def _admit(postgres: Postgres, name: str, *, yes: bool) -> None:
    """Let the database take connections, or end those that it has and take no more."""
    address = f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres"
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(yes).lower()}'.encode())
        if not yes:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )


def test_a_portal_without_its_database_lives_and_is_not_ready_until_it_is_back(
    watched: LocalPortal, postgres: Postgres
) -> None:
    name = watched.portal.settings.database_url.rpartition("/")[2]
    assert _get(watched, "/health/ready").status_code == 200
    _admit(postgres, name, yes=False)
    try:
        with quiet_logs():
            ready, live = _get(watched, "/health/ready"), _get(watched, "/health/live")
            page = _get(watched, "/requests", cookie="portal_session=x")
            metrics = _get(watched, "/metrics", authorization=f"Bearer {TOKEN}")
    finally:
        _admit(postgres, name, yes=True)
    assert (ready.status_code, ready.text) == (503, "database")
    assert ready.headers["content-type"].startswith("text/plain")
    assert live.status_code == 200
    assert metrics.status_code == 503
    assert page.status_code in {303, 503}
    for told in (page.text, metrics.text):
        assert "postgres" not in told
        assert name not in told
    assert _get(watched, "/health/ready").status_code == 200, "nothing had to be restarted"


def test_a_database_of_another_version_is_not_ready(alone: LocalPortal) -> None:
    for version, found in ("0001", (503, "migrations")), (NEWEST, (200, "ok")):
        with alone.portal.database.begin() as db:
            db.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        ready = _get(alone, "/health/ready")
        assert (ready.status_code, ready.text) == found


def test_health_is_told_to_anyone_without_a_session_and_names_nothing(
    local: LocalPortal,
) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = _get(local, path)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


# --- metrics


def _metrics(portal: LocalPortal, **headers: str) -> dict[tuple[str, ...], float]:
    """The samples by name and labels."""
    answer = _get(portal, "/metrics", **headers)
    assert answer.status_code == 200
    return {
        (sample.name, *(str(value) for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_are_for_the_holder_of_the_token_and_else_they_are_not_there(
    watched: LocalPortal, local: LocalPortal
) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN[:-1]}):
        assert _get(watched, "/metrics", **headers).status_code == 404
    assert _get(watched, "/metrics", authorization=f"Bearer {TOKEN}").status_code == 200
    assert _get(local, "/metrics").status_code == 200, "from this machine, where no token is set"
    through = _get(local, "/metrics", **{"x-forwarded-for": "127.0.0.1"})
    assert through.status_code == 404, "a proxy passes on what comes from elsewhere"


def _signed_in(portal: LocalPortal, account: str) -> Employee:
    employee = Employee(portal.url, account)
    employee.sign_in()
    return employee


def _assert_the_page_of_the_hand_off_tells_it(
    portal: LocalPortal, first: str, second: str, third: str
) -> None:
    for account in ("governorate_admin@EG-KFS", "ministry_viewer@EG"):
        page = _signed_in(portal, account).get(HAND_OFF)
        assert page.status == 200
        assert page.hooks("request-number") == [second, third], "not answered in time"
        assert (page.hook("waiting"), page.hook("aside")) == ("1", "4")
        assert len(page.hooks("set-aside")) == 4
        assert {"KFS-003", "KFS-004", "KFS-005"} <= set(page.hooks("center"))
        assert first in page.text, "its message is parked"
    elsewhere = _signed_in(portal, "governorate_admin@EG-C").get(HAND_OFF)
    assert elsewhere.hooks("request-number") + elsewhere.hooks("set-aside") == []
    assert second not in elsewhere.text
    assert portal.employee("centre_manager").get(HAND_OFF).status == 403


def test_metrics_and_the_hand_off_s_page_say_what_the_database_says(
    alone: LocalPortal,
) -> None:
    first, second, third = (
        alone.filed(SERVICE, center=center).hook("request-number")
        for center in ("KFS-003", "KFS-004", "KFS-005")
    )
    alone.employee("front_office").act(first, "register", {})
    alone.relay()
    alone.employee("front_office", "KFS-004").act(second, "register", {})  # waits for the relay
    citizen = alone.someone()
    citizen.file(SERVICE, alone.answers(SERVICE))  # waits for the relay, too
    with alone.portal.database.begin() as db:
        db.execute(
            update(OutboxMessage).where(OutboxMessage.subject == first).values(state="parked")
        )
        for state in ("waiting", "waiting", "parked"):
            db.execute(
                insert(InwardEvent).values(
                    id=f"{state}{db.scalar(select(func.count()).select_from(InwardEvent))}",
                    type="t",
                    center_code="KFS-003",
                    subject=third,
                    payload=b"",
                    state=state,
                    received_at=alone.clock.now(),
                )
            )
        db.execute(
            insert(PaymentCase).values(
                kind="k", object_id="o", reference=third, detail="", opened_at=alone.clock.now()
            )
        )
    alone.clock.advance(days=200)
    _assert_the_page_of_the_hand_off_tells_it(alone, first, second, third)
    said = _metrics(alone)
    for box in (OutboxMessage, CenterEvent):
        states = Counter(row[0] for row in alone.rows(select(box.state)))
        assert said["portal_outbox_waiting", box.__tablename__] == states["waiting"] == 1
        assert said["portal_outbox_parked", box.__tablename__] == states["parked"]
        oldest = said["portal_outbox_oldest_seconds", box.__tablename__]
        assert 199 * 86400 < oldest < 201 * 86400
    assert said["portal_outbox_parked", "outbox_messages"] == 1
    assert said["portal_handoff_unanswered",] == 2, "the second and the third"
    assert 199 * 86400 < said["portal_handoff_oldest_unanswered_seconds",] < 201 * 86400
    assert said["portal_inward_stuck", "waiting"] == 2
    assert said["portal_inward_stuck", "parked"] == 1
    assert said["portal_payment_cases_open",] == 1
    # the provider's last news of the payments may come at this very moment
    eventually(lambda: _metrics(alone)["portal_payment_events_waiting",] == 0)
    overdue = select(func.count()).select_from(ServiceRequest)
    assert said["portal_requests_overdue",] == alone.rows(overdue)[0][0] == 4


def test_metrics_count_answers_by_the_template_of_the_address(local: LocalPortal) -> None:
    key = ("portal_http_requests_total", "/requests/{number}", "404")
    citizen = local.someone()
    before = _metrics(local).get(key, 0.0)
    for number in ("26-1503-09999-1", "29001018800018"):
        citizen.get(f"/requests/{number}")
    after = _metrics(local)
    assert after[key] == before + 2
    assert not [name for sample in after for name in sample if "29001018800018" in name]


# --- references


def _http_lines(log: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "http"]


def test_the_reference_of_an_answer_leads_to_its_line_in_the_log(stack: Stack) -> None:
    answers = [
        httpx.get(stack.url + path, trust_env=False, verify=PLAIN, headers={"x-request-id": "mine"})
        for path in ("/", "/health/live", "/requests/26-1503-00001-1", "/nowhere", "/metrics")
    ]
    references = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(references)) == len(references)
    assert "mine" not in references, "a visitor does not choose what stands in the log"
    assert references[3] in answers[3].text, "who complains can name it"

    def lines() -> list[dict[str, Any]]:
        known = _http_lines(stack.log("serve"))
        return [line for ref in references for line in known if line["request_id"] == ref]

    eventually(lambda: len(lines()) == len(references))
    assert [(line["method"], line["status"]) for line in lines()] == [
        ("GET", answer.status_code) for answer in answers
    ]
    assert lines()[2]["route"] == "/requests/{number}"
