"""The system of a center, as small as it can be: it numbers requests, checks and approves them.

``python examples/center.py center.toml``; docs/handoff.md, "A program to begin with", says how.
"""

import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from portal.handoff.client import Client, Message, Paper, Settings, Turn

STUDY = timedelta(seconds=0.5)  # an employee needs longer
DESK, HEAD = {"actor": "front desk"}, {"actor": "head of department"}
REGISTER = """
CREATE TABLE IF NOT EXISTS register (
    request TEXT PRIMARY KEY,
    year INTEGER NOT NULL,
    number INTEGER NOT NULL,
    service TEXT NOT NULL,
    due_on TEXT,
    state TEXT NOT NULL,  -- registered, accepted, approved, issued, closed, or: for a person
    since TEXT NOT NULL,
    UNIQUE (year, number)
)"""


def take(turn: Turn, message: Message) -> None:
    """What the portal says. All of it is kept, or nothing, and then it comes again."""
    match message.type:
        case "request.paid.v1":
            register(turn, message)
        case "request.rescheduled.v1":
            row = (message.data["clock"]["due_on"], message.subject)
            turn.db.execute("UPDATE register SET due_on = ? WHERE request = ?", row)
        case "request.shelved.v1" | "request.withdrawn.v1":
            put(turn, message.subject, "closed")
        case "event.rejected.v1":
            put(turn, message.data["event"]["subject"], "for a person")
            logging.error("the portal rejects %s", message.data["event"])
        case _:
            put(turn, message.subject, "for a person")


def register(turn: Turn, message: Message) -> None:
    """Give a new request the next number of the year."""
    request, told = message.subject, message.data
    if turn.db.execute("SELECT 1 FROM register WHERE request = ?", (request,)).fetchone():
        return
    year = datetime.now(ZoneInfo("Africa/Cairo")).year
    last = turn.db.execute("SELECT COALESCE(MAX(number), 0) FROM register WHERE year = ?", (year,))
    number, service = last.fetchone()[0] + 1, told["service"]
    simple = not service.get("returns_deposit") and not service["later_fees"]
    kind, state = "request.registered.v1", "registered" if simple else "for a person"
    if service["notice"]:
        kind, state = "notice.registered.v1", "closed"
    row = (request, year, number, service["code"], told["clock"]["due_on"], state, now())
    turn.db.execute("INSERT INTO register VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    turn.answer(request, kind, {"number": number, "year": year, **DESK})


def work(turn: Turn, printed: Path) -> None:
    """What employees do in the meantime. A document is issued when its file has been printed."""
    ready = "SELECT request, year, number, state FROM register WHERE since < ?"
    for request, year, number, state in turn.db.execute(ready, (now(STUDY),)).fetchall():
        file = printed / f"{request}.pdf"
        if state == "registered":
            turn.answer(request, "documents.accepted.v1", DESK)
            put(turn, request, "accepted")
        elif state == "accepted":
            turn.answer(request, "request.approved.v1", HEAD)
            put(turn, request, "approved")
        elif state == "approved" and file.exists():
            paper = Paper("document.pdf", "application/pdf", file.read_bytes())
            turn.answer(request, "output.issued.v1", {"output_number": f"{number}/{year}"}, [paper])
            put(turn, request, "issued")


def put(turn: Turn, request: str, state: str) -> None:
    row = (state, now(), request)
    turn.db.execute("UPDATE register SET state = ?, since = ? WHERE request = ?", row)


def now(ago: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) - ago).isoformat()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings.read(Path(sys.argv[1]))
    client = Client(settings, take, lambda turn: work(turn, settings.folder / "printed"))
    with client.turn() as setup:
        setup.db.execute(REGISTER)
    client.run()
