"""The provider's book is read page by page: no more than one page is in the memory."""

import json
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from payments.stripe_client import StripeProvider

NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
PAGE = 100


class Shelf(ThreadingHTTPServer):
    """A provider that has ``lines`` lines in its book, and counts how often it is asked."""

    lines = 0
    asked: list[dict[str, list[str]]]


class _Handler(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.server.asked.append(query)
        first = int(query.get("starting_after", ["txn_0"])[0][4:])
        last = min(first + int(query["limit"][0]), self.server.lines)
        body = {
            "object": "list",
            "url": "/v1/balance_transactions",
            "has_more": last < self.server.lines,
            "data": [_line(number) for number in range(first + 1, last + 1)],
        }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        return


def _line(number: int) -> dict[str, object]:
    return {
        "id": f"txn_{number}",
        "object": "balance_transaction",
        "type": "charge",
        "amount": 1_000,
        "fee": 20,
        "net": 980,
        "currency": "egp",
        "created": int(NOON.timestamp()),
        "source": {"id": f"ch_{number}", "object": "charge", "payment_intent": f"pi_{number}"},
    }


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    server = Shelf(("127.0.0.1", 0), _Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def provider(shelf: Shelf) -> StripeProvider:
    return StripeProvider("sk_test_x", f"http://127.0.0.1:{shelf.server_port}", "whsec_x")


def peak(shelf: Shelf, lines: int) -> int:
    """The most memory, in bytes, that reading a book of so many lines takes."""
    shelf.lines = lines
    told = provider(shelf).transactions(NOON, NOON + timedelta(days=1))
    next(told)  # what is made once is made
    tracemalloc.start()
    count = 1 + sum(1 for _ in told)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == lines
    return most


def test_a_page_is_asked_for_when_the_one_before_is_used_up(shelf: Shelf) -> None:
    shelf.lines = 3 * PAGE + 1
    for number, line in enumerate(provider(shelf).transactions(NOON, NOON + timedelta(days=1))):
        assert line.id == f"txn_{number + 1}"
        assert len(shelf.asked) == number // PAGE + 1
    begin = int(NOON.timestamp())
    for query in shelf.asked:
        assert query["created[gte]"] == [str(begin)]
        assert query["created[lt]"] == [str(begin + 86_400)]
    after = [query.get("starting_after") for query in shelf.asked]
    assert after == [None, ["txn_100"], ["txn_200"], ["txn_300"]]


def test_many_pages_take_no_more_memory_than_a_few(shelf: Shelf) -> None:
    few = peak(shelf, 3 * PAGE)
    assert peak(shelf, 9 * PAGE) < 1.3 * few
