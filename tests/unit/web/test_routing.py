"""Routes: declared with who may come, run in a thread, answered whole."""

import asyncio
import threading
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler

from portal.routes import HANDLERS
from portal.web.routing import Access, get_page, in_thread, post_form


def handlers() -> list[HTTPRouteHandler]:
    return list(HANDLERS)


def test_a_plain_function_runs_in_another_thread() -> None:
    def where(name: str) -> tuple[str, int]:
        return name, threading.get_ident()

    name, thread = asyncio.run(in_thread(where)(name="x"))
    assert name == "x"
    assert thread != threading.get_ident()
    assert in_thread(where).__name__ == "where"


def test_what_it_raises_comes_through() -> None:
    def fail() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(in_thread(fail)())


def test_a_route_says_how_it_is_asked_and_who_may_come() -> None:
    def page() -> str:
        return ""

    shown: Any = get_page("/x", Access.CITIZEN)(page)
    sent: Any = post_form("/x", Access.STAFF)(page)
    assert (set(shown.http_methods) & {"GET", "POST"}, shown.opt["access"]) == (
        {"GET"},
        Access.CITIZEN,
    )
    assert (set(sent.http_methods), sent.opt["access"]) == ({"POST"}, Access.STAFF)


def test_every_route_of_the_portal_says_who_may_come() -> None:
    assert len(HANDLERS) > 20
    for handler in handlers():
        assert handler.opt.get("access") in set(Access), handler.paths


def test_the_staffs_area_is_for_staff() -> None:
    for handler in handlers():
        for path in handler.paths:
            if path.startswith("/center/") and "sign" not in path:
                assert handler.opt["access"] is Access.STAFF, path
            if handler.opt["access"] is Access.STAFF:
                assert path.startswith("/center/"), path


def test_no_address_stands_twice() -> None:
    seen = [(path, method) for h in handlers() for path in h.paths for method in h.http_methods]
    assert len(set(seen)) == len(seen)
