"""What an operator sends once more, and what the status tells him before."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from portal.backoffice.model import TakenMessage
from portal.handoff.model import OutboxMessage
from portal.settings import read_settings
from tests.support.commands import run_command
from tests.support.local import LocalPortal

SERVICE = "address-numbering-certificate"


def _portal(portal: LocalPortal, *command: str, typed: str = "") -> tuple[int, str]:
    return run_command(portal.portal.settings, "handoff", *command, typed=typed)


def _waiting(portal: LocalPortal) -> list[str]:
    waiting = select(OutboxMessage.center_code).where(OutboxMessage.state == "waiting")
    return sorted(row[0] for row in portal.rows(waiting))


def test_a_range_is_counted_asked_about_sent_again_and_changes_nothing(alone: LocalPortal) -> None:
    for center in ("KFS-003", "KFS-004", "KFS-004"):
        alone.filed(SERVICE, center=center)
    tomorrow = f"{alone.clock.now() + timedelta(days=1):%Y-%m-%d}"
    for asked, count in (
        (("--center", "KFS-004"), 2),
        (("--type", "request.paid.v1"), 3),
        (("--since", tomorrow), 0),
        (("--until", tomorrow, "--center", "KFS-003"), 1),
        (("--type", "request.paid.v1", "--answers"), 0),
    ):
        assert _portal(alone, "replay", *asked, "--count") == (0, f"{count} would be sent again\n")
    assert _waiting(alone) == []

    code, said = _portal(alone, "replay", "--center", "KFS-004", typed="n\n")
    assert (code, "Send 2 messages again?" in said) == (1, True)
    assert _waiting(alone) == []
    code, said = _portal(alone, "replay", "--center", "KFS-004", typed="y\n")
    assert (code, "2 on the way again" in said) == (0, True)
    assert _waiting(alone) == ["KFS-004", "KFS-004"]
    alone.relay()
    assert _waiting(alone) == []
    assert len(alone.rows(select(TakenMessage.id))) == 3
    assert _portal(alone, "replay", "--since", "2020-01-01", "--yes")[1] == "3 on the way again\n"


def test_status_tells_center_by_center_what_waits_and_who_has_not_answered(
    alone: LocalPortal,
) -> None:
    number = alone.filed(SERVICE, center="KFS-003").hook("request-number")
    alone.filed(SERVICE, center="KFS-004")
    alone.employee("front_office").act(number, "register", {})
    alone.relay()
    citizen = alone.someone()
    citizen.file(SERVICE, alone.answers(SERVICE, center="KFS-005"))
    code, said = _portal(alone, "status")
    assert code == 0
    assert "to centers, waiting  1  oldest " in said
    assert "KFS-003" not in said
    assert "  KFS-004  0 waiting  1 unanswered\n" in said
    assert "  KFS-005  1 waiting  oldest " in said
    assert "0 for more than 30 minutes" in said


def test_who_has_not_answered_is_listed_request_by_request(alone: LocalPortal) -> None:
    registered, silent = (
        alone.filed(SERVICE, center="KFS-003").hook("request-number") for _ in range(2)
    )
    alone.employee("front_office").act(registered, "register", {})
    alone.relay()
    assert _portal(alone, "replay", "--center", "KFS-003", "--yes")[0] == 0
    page = alone.someone().file(SERVICE, alone.answers(SERVICE, center="KFS-005"))
    waiting = page.hook("request-number")
    code, said = _portal(alone, "unanswered")
    assert code == 0
    assert [line.split("  ")[:3] for line in said.splitlines()] == [
        ["KFS-003", silent, "waiting"],  # it is on the way again
        ["KFS-005", waiting, "waiting"],
    ]
    alone.relay()
    said = _portal(alone, "unanswered", "--center", "KFS-005")[1]
    assert [line.split("  ")[:3] for line in said.splitlines()] == [["KFS-005", waiting, "sent"]]


def test_credentials_are_for_centers_that_there_are(tmp_path: Path) -> None:
    settings = read_settings({"PORTAL_VAR": str(tmp_path)})
    code, said = run_command(settings, "handoff", "credentials", "KFS-003")
    assert (code, said.count("KFS-004")) == (0, 0)
    code, said = run_command(settings, "handoff", "credentials", "KFS-003", "XXX-999")
    assert (code, "no center XXX-999" in said) == (1, True)
    assert run_command(settings, "handoff", "setup")[1].startswith("PORTAL_QUEUE_URL is embedded")
