"""The documents against the code: what a table says is what the program does, and links lead on."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import click
import pytest

from payments import attempts, cases, export, ledger, webhooks
from payments.model import Base as PaymentsBase
from payments.reconciliation import matching
from payments.settlement import Outcome
from portal import core, words
from portal.catalogue import deadlines
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Mark, Period, Silence, Unit
from portal.cli import main
from portal.clock import CAIRO
from portal.db import Base
from portal.handoff import authentic, keys, links, messages, pace, refusals, relay, uploads
from portal.i18n import Languages
from portal.identity import otp, sessions, staff
from portal.identity.roles import TABLE as ROLES
from portal.identity.roles import Permission
from portal.observability import ALLOWED, registry
from portal.permits import inquiry
from portal.requests import (
    assessing,
    deciding,
    drafts,
    lifecycle,
    paying,
    payment_news,
    registering,
    submission,
)
from portal.requests.lifecycle import FINAL, TABLE, ClockEffect, State, Transition

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Sets of states that a table names in one word, the largest first
GROUPS: Mapping[str, frozenset[State]] = {
    "open": frozenset(lifecycle._OPEN),
    "at the center": frozenset(lifecycle._AT_CENTER),
    "in the department": frozenset(lifecycle._IN_DEPARTMENT),
    "in study": frozenset(lifecycle._STUDY),
    "out": frozenset(lifecycle._ISSUED),
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def table(name: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without their bold and code marks."""
    section = text_of(name).split(f"\n{heading}\n", 1)[1]
    rows = []
    for line in section.splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            rows.append([cell.strip().replace("`", "").replace("**", "") for cell in cells])
        elif rows:
            break
    return rows[2:]  # without the head and the line under it


def column(name: str, heading: str, index: int = 0) -> list[str]:
    return [row[index] for row in table(name, heading)]


def in_words(states: Iterable[State]) -> str:
    """The states in the order of the table of states, sets that have a name by their name."""
    left, said = set(states), []
    for name, group in GROUPS.items():
        if len(group) > 1 and group <= left:
            said.append(name)
            left -= group
    return ", ".join([*said, *(state for state in State if state in left)])


# --- links, commands, files ---


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_something(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), (page.name, target)
        assert not anchor or anchor in anchors(found), (page.name, target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_file_of_the_program_that_is_not_there(page: Path) -> None:
    named = re.findall(
        r"`((?:portal|payments|tests|bench|tools|locales|examples)/[\w./*-]+)`", text(page)
    )
    for each in named:
        assert list(ROOT.glob(each.rstrip("/"))), (page.name, each)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    for found in re.findall(
        r"(?:`|^)portal ([a-z]+(?: [a-z]+(?:-[a-z]+)*)*)", text(page), re.MULTILINE
    ):
        command: click.Command = main
        for word in found.split():
            if not isinstance(command, click.Group):
                break  # its arguments
            assert word in command.commands, (page.name, found)
            command = command.commands[word]


# --- operations ---

OPERATIONS = "docs/operations.md"
PERMITS = "docs/building-permits.md"


def test_every_setting_stands_in_the_table_of_settings_and_no_other() -> None:
    read = set(re.findall(r'"(PORTAL_[A-Z_]+)"', text_of("portal/settings.py")))
    assert column(OPERATIONS, "## Settings") == sorted(
        read, key=column(OPERATIONS, "## Settings").index
    )


def test_every_metric_stands_in_the_table_of_metrics_and_no_other() -> None:
    given = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in registry.collect()
    }
    assert set(column(OPERATIONS, "## Metrics")) == given


def test_every_event_of_the_log_stands_in_its_table_and_no_other() -> None:
    written = {"inward.waiting", "inward.parked"}
    for path in (ROOT / "portal").rglob("*.py"):
        written |= set(re.findall(r'\blog\.(?:info|warning|error)\(\s*"([a-z_.]+)"', text(path)))
    named = {each for row in column(OPERATIONS, "### Events") for each in row.split(", ")}
    assert named == written


def test_every_field_of_the_log_is_named() -> None:
    said = text_of(OPERATIONS).split("### Fields", 1)[1].split("\n#", 1)[0]
    assert set(re.findall(r"`(\w+)`", said)) == set(ALLOWED)


def test_every_table_of_the_database_has_its_place() -> None:
    assert core is not None  # it imports every model
    tables = {*Base.metadata.tables, *PaymentsBase.metadata.tables}
    named = [each for row in column(OPERATIONS, "### Tables") for each in row.split(", ")]
    assert sorted(named) == sorted(tables)


def test_the_loops_of_the_worker_are_those_of_the_table() -> None:
    rounds = re.findall(r'\("(\w+)", ([\d.]+), ', text_of("portal/worker.py"))
    told = [(row[0], row[1]) for row in table(OPERATIONS, "### Loops of the worker")]
    assert told == [(name, f"{float(seconds):g} s") for name, seconds in rounds]


def test_the_permissions_of_roles_are_those_of_the_table() -> None:
    for row in table(OPERATIONS, "## Accounts of staff"):
        told = {name for name, cell in zip(Permission, row[1:], strict=True) if cell == "yes"}
        assert told == {str(p) for p in ROLES[row[0]]}, row[0]  # type: ignore[index]
    assert set(column(OPERATIONS, "## Accounts of staff")) == {str(role) for role in ROLES}


# --- hand-off ---


def test_every_type_of_message_stands_in_one_of_the_two_tables() -> None:
    types = {
        value
        for name, value in vars(messages).items()
        if name.isupper() and isinstance(value, str) and value.endswith(".v1")
    }
    assert types == {*messages.OUTWARD, *messages.INWARD}
    out, back = "## From the portal to a center", "## From a center to the portal"
    assert sorted(column("docs/handoff.md", out)) == sorted(messages.OUTWARD)
    assert sorted(column("docs/handoff.md", back)) == sorted(messages.INWARD)


def test_every_problem_of_the_door_is_told_with_its_status() -> None:
    told = {row[0]: int(row[1]) for row in table("docs/handoff.md", "### Problems")}
    assert told == {kind: known.status for kind, known in refusals.KINDS.items()}


# --- money ---

MONEY = "docs/money.md"


def test_every_account_and_every_outcome_is_told() -> None:
    accounts = {
        value
        for name, value in vars(ledger).items()
        if name.isupper() and isinstance(value, str) and name not in {"PORTAL", "PROVIDER"}
    }
    assert set(column(MONEY, "### Accounts")) == accounts
    assert set(column(MONEY, "### Outcomes")) == {str(outcome) for outcome in Outcome}


def test_every_kind_of_case_is_told() -> None:
    settlement = text_of("payments/settlement.py")
    code = [*ROOT.glob("payments/**/*.py"), *ROOT.glob("portal/**/*.py")]
    opened = {
        kind
        for path in code
        for kind in re.findall(r'open_case\(\s*db,\s*"(\w+)"', path.read_text("utf-8"))
    }
    opened |= {f"mismatch_{each}" for each in re.findall(r'return "(\w+)"$', settlement, re.M)}
    opened |= {f"mismatch_{each}" for each in re.findall(r'else "(environment)"', settlement)}
    assert set(column(MONEY, "## Cases for a person")) == opened


def test_every_event_of_the_provider_that_counts_is_told() -> None:
    assert all(f"`{event}`" in text_of(MONEY) for event in webhooks.WANTED_EVENTS)


RECONCILIATION = "docs/reconciliation.md"


def test_every_kind_of_difference_and_every_column_of_the_export_is_told() -> None:
    assert column(RECONCILIATION, "## Differences") == [str(kind) for kind in matching.Kind]
    assert tuple(column(RECONCILIATION, "## The export")) == export.COLUMNS
    assert {f"reconcile_{kind}" for kind in matching.Kind} <= set(cases.GUIDE)


# --- the life of a request ---

LIFE = "docs/life-of-a-request.md"


def test_the_states_are_those_of_the_code_with_the_words_of_the_pages() -> None:
    arabic, english = Languages().pair
    told = [row[:4] for row in table(LIFE, "## States")]
    assert told == [
        [
            state,
            arabic.gettext(words.STATES[state].label),
            english.gettext(words.STATES[state].label),
            "yes" if state in FINAL else "",
        ]
        for state in State
    ]


def test_the_named_sets_of_states_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in table(LIFE, "### Sets of states")}
    assert told == {
        name: ", ".join(state for state in State if state in group)
        for name, group in GROUPS.items()
    }


def step(transition: Transition) -> list[str]:
    """From, to, who, clock: as the document writes them."""
    target = in_words(transition.targets)
    if transition.back:
        target = "back to where it was"
    clock = "" if transition.clock is ClockEffect.NONE else str(transition.clock)
    who = ", ".join(actor for actor in lifecycle.Actor if actor in transition.actors)
    return [in_words(transition.sources), target or "stays", who, clock]


def test_every_effect_on_the_clock_is_told() -> None:
    told = column(LIFE, "### What a step does to the clock")
    assert told == [str(effect) for effect in ClockEffect if effect is not ClockEffect.NONE]


def test_the_steps_are_those_of_the_code() -> None:
    told = {row[0]: row[1:5] for row in table(LIFE, "## Steps")}
    assert told == {str(event): step(transition) for event, transition in TABLE.items()}


def built() -> set[str]:
    """The events that something in the portal causes: the others stand in the table only."""
    caused: set[str] = set()
    for path in (ROOT / "portal").rglob("*.py"):
        if path.name != "lifecycle.py":
            caused |= set(re.findall(r"\bEvent\.([A-Z_]+)", text(path)))
    return {str(lifecycle.Event[name]) for name in caused}


def test_what_is_built_of_the_steps_is_told() -> None:
    assert {row[0] for row in table(LIFE, "## Steps") if row[5] == "yes"} == built()


def in_short(period: Period) -> str:
    """«30 days L», with a question mark where the source itself is in doubt."""
    unit = str(period.unit).replace("_", " ")
    if period.amount == 1:
        unit = unit.removesuffix("s")
    return f"{period.amount} {unit} {period.mark}{'?' if period.uncertain else ''}"


def service_rows(*, code: bool = False) -> list[list[str]]:
    """Number, code, period, counted from, silence: as the table of services has them."""
    rows = []
    for service in shipped_catalogue().services.values():
        deadline, silence = service.deadline, service.silence
        periods = [in_short(deadline.standard)]
        periods += [f"{v.label.en if v.label else ''} {in_short(v)}" for v in deadline.variants]
        effect = "–" if silence.effect is Silence.NONE else f"{silence.effect} {silence.mark}"
        rows.append(
            [
                f"{service.number:02d}",
                f"`{service.code}`" if code else service.code,
                "; ".join(periods),
                "filing" if deadline.from_filing else "receipt",
                effect,
            ]
        )
    return rows


def test_the_periods_of_all_services_are_those_of_the_catalogue() -> None:
    assert table(LIFE, "### Periods of the services") == service_rows()


def grievance_rows() -> list[list[str]]:
    """Period, body and services of each way to challenge a refusal."""
    found: dict[tuple[str, str], list[str]] = {}
    for service in shipped_catalogue().services.values():
        if service.grievance is not None:
            key = in_short(service.grievance.period), service.grievance.body.en
            found.setdefault(key, []).append(f"{service.number:02d}")
    return [[*key, ", ".join(numbers)] for key, numbers in found.items()]


def test_the_periods_of_grievance_are_those_of_the_catalogue() -> None:
    assert table(LIFE, "### Grievance") == grievance_rows()


def test_the_examples_of_the_clock_are_counted_right() -> None:
    with (ROOT / "portal/holidays/first_fill.csv").open(encoding="utf-8") as file:
        days = frozenset(date.fromisoformat(line[:10]) for line in file if line[:4].isdigit())
    calendar = deadlines.Calendar(days)
    rows = table(LIFE, "### Examples")
    assert rows
    for moment, length, paused, first, last in rows:
        at = datetime.strptime(moment[4:], "%d %b %Y %H:%M").replace(tzinfo=CAIRO)
        amount, unit = length.split(" ", 1)
        named = Unit(unit.replace(" ", "_").rstrip("s") + "s")
        period = Period(int(amount), named, Mark.LAW)
        begun = deadlines.first_day(at, period, calendar)
        due = deadlines.due_on(begun, period, calendar, int(paused))
        assert (f"{begun:%a %-d %b %Y}", f"{due:%a %-d %b %Y}") == (first, last), moment
        assert f"{at:%a}" == moment[:3]


# --- the catalogue ---


def test_every_key_of_a_service_file_is_told() -> None:
    said = set(re.findall(r"\w+", text_of("docs/catalogue.md")))
    for name in ("service_file", "form_file", "fee_file"):
        read = re.findall(r'\btable\.\w+\(\s*"([a-z_]+)"', text_of(f"portal/catalogue/{name}.py"))
        assert set(read) <= said, name


# --- numbers ---


def minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} minutes"


def hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} hours"


NUMBERS = [
    (LIFE, f"{submission.PAYMENT_DAYS} days"),
    (LIFE, f"{registering.COMPLETION_DAYS} days"),
    (LIFE, f"{drafts.IDLE_DAYS} days"),
    (LIFE, f"{assessing.DAYS_TO_PAY.amount} days"),
    (LIFE, f"{deadlines.COUNTER_CLOSES_HOUR}:00"),
    (MONEY, f"{submission.PAYMENT_DAYS} days"),
    (MONEY, f"{attempts.CHECKOUT_HOURS} hours"),
    (MONEY, minutes(attempts.LOOK_AGAIN)),
    (MONEY, minutes(payment_news._LOOK_AGAIN)),
    (MONEY, minutes(attempts._LOOK_AT_KIOSK)),
    (MONEY, f"{paying.KIOSK_DAYS.days} days"),
    (MONEY, minutes(webhooks._LONGEST_RETRY)),
    ("docs/handoff.md", f"{keys.RETIRED_FOR.days} days"),
    ("docs/handoff.md", f"{uploads.KEPT.days} days"),
    ("docs/handoff.md", f"{pace.BURST} in a burst or {pace.A_SECOND} a second"),
    (
        "docs/handoff.md",
        f"{pace.BURST_OF_DOCUMENTS} in a burst or {pace.DOCUMENTS_A_SECOND} a second",
    ),
    ("docs/handoff.md", f"{authentic.MOST_BYTES:,} bytes"),
    ("docs/handoff.md", f"{authentic.LONGEST_TOKEN.total_seconds() / 60:g} minutes"),
    ("docs/handoff.md", f"{deciding.REOPENED_WITHIN.days} days"),
    ("docs/handoff.md", f"{relay._LEASE.total_seconds():g} seconds"),
    ("docs/handoff.md", f"{relay._FIRST_RETRY_SECONDS:g} seconds"),
    ("docs/handoff.md", f"{relay._LONGEST_RETRY_SECONDS / 60:g} minutes"),
    ("docs/handoff.md", f"{links._LIFE.days} days"),
    (PERMITS, f"{inquiry.FREE_FOR_STRANGERS} new questions an hour"),
    (PERMITS, f"a citizen who has signed in {inquiry.FREE_FOR_CITIZENS}"),
    (PERMITS, f"{inquiry.FREE_FOR_ALL} different ones an hour for each center"),
    (PERMITS, f"so have those who signed in, after {inquiry.FREE_FOR_ALL_CITIZENS}"),
    (PERMITS, f"more than {inquiry.MOST_CLAIMED} of them"),
    (OPERATIONS, f"{drafts.IDLE_DAYS} days"),
    (OPERATIONS, hours(sessions.CITIZEN_LONGEST)),
    (OPERATIONS, hours(sessions.STAFF_LONGEST)),
    (OPERATIONS, minutes(sessions.CITIZEN_IDLE)),
    (OPERATIONS, minutes(sessions.STAFF_IDLE)),
    (OPERATIONS, f"{staff.SHORTEST_PASSWORD} characters"),
    ("docs/decisions/0005-accounts.md", minutes(otp.LIFE)),
    ("docs/decisions/0005-accounts.md", minutes(otp.WINDOW)),
    ("docs/decisions/0005-accounts.md", f"{otp.MOST_A_MOBILE} a mobile"),
    ("docs/decisions/0005-accounts.md", f"{otp.MOST_AN_ID} a national ID"),
    ("docs/decisions/0005-accounts.md", f"{otp.MOST_AN_ADDRESS} a network address"),
    ("docs/decisions/0007-payments.md", f"{attempts.CHECKOUT_HOURS} hours"),
    ("docs/decisions/0008-handoff.md", f"{relay._LEASE.total_seconds():g} seconds"),
]


@pytest.mark.parametrize(("page", "said"), NUMBERS, ids=[f"{p} {n}" for p, n in NUMBERS])
def test_a_number_that_a_page_tells_is_that_of_the_code(page: str, said: str) -> None:
    assert said in text_of(page)


def test_the_libraries_are_those_that_the_project_asks_for() -> None:
    asked = re.findall(r'^    "([a-z][\w-]*)(?:\[\w+\])?[=>]', text_of("pyproject.toml"), re.M)
    told = column("docs/decisions/0011-libraries.md", "## Run time")
    told += column("docs/decisions/0011-libraries.md", "## Tests")
    assert sorted(told) == sorted(asked)
