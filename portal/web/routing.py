"""How routes are declared: an address, who may come, and a plain function that runs in a thread.

Litestar's own ``sync_to_thread`` wraps a handler anew each time another one shares its path, and
then answers with a coroutine that nobody awaits (2.25); these decorators wrap once.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial, wraps
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from litestar import get, post
from litestar.handlers import HTTPRouteHandler

Handler = Callable[..., Any]
# As many as the database lends connections: more threads would only wait for one
_THREADS = CapacityLimiter(16)
# A small file may unpack to much: few at a time, and no other page waits behind them
UPLOAD_THREADS = CapacityLimiter(2)
# A provider that is slow holds up who pays there, and nobody else
PROVIDER_THREADS = CapacityLimiter(12)
# Each that waits for one of these holds a connection, of which there are some hundred
MOST_WAITING = 48
# Its news are worked off beside the pages
NEWS_THREADS = CapacityLimiter(8)
# Days are compared and closed in minutes, and receipts are set one after the other
DAY_THREADS = CapacityLimiter(2)
PRINT_THREADS = CapacityLimiter(2)


class Access(StrEnum):
    """Who may come to an address. The route itself asks for the session; a test tries every one."""

    ANYONE = "anyone"
    CITIZEN = "citizen"
    FOLLOWER = "follower"
    """A citizen, or someone who proved to hold the mobile of one request."""
    STAFF = "staff"
    OPERATOR = "operator"
    SIGNATURE = "signature"
    """A machine whose message is signed."""
    CENTER = "center"
    """The system of a center: what it sends is signed, or it shows what was signed for it."""
    BODY = "body"
    """The system of an outside body, which shows an access token."""


def in_thread(function: Handler, limiter: CapacityLimiter = _THREADS) -> Handler:
    """The function as a coroutine: its database and file work leaves the event loop alone."""

    @wraps(function)
    async def run(**arguments: Any) -> Any:
        chosen = limiter
        if limiter is PROVIDER_THREADS and limiter.statistics().tasks_waiting >= MOST_WAITING:
            arguments["visit"].without_provider, chosen = True, _THREADS
        return await run_sync(partial(function, **arguments), limiter=chosen)

    return run


def get_page(
    path: str, access: Access, threads: CapacityLimiter = _THREADS
) -> Callable[[Handler], HTTPRouteHandler]:
    """A page to look at; ``threads`` are others than those of all pages where it may take long."""
    return lambda function: get(path, opt={"access": access})(in_thread(function, threads))


def post_form(
    path: str, access: Access, threads: CapacityLimiter = _THREADS
) -> Callable[[Handler], HTTPRouteHandler]:
    """A form that changes something; ``threads`` as above."""
    return lambda function: post(path, opt={"access": access}, status_code=200)(
        in_thread(function, threads)
    )


def post_files(path: str, access: Access) -> Callable[[Handler], HTTPRouteHandler]:
    """A form whose files are inspected."""
    options = {"access": access}
    return lambda function: post(path, opt=options, status_code=200)(
        in_thread(function, UPLOAD_THREADS)
    )
