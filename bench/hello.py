"""The baseline: the smallest ASGI application, served as the portal is."""

import sys
from typing import Any

from portal.web.serving import serve_app


async def hello(scope: Any, _receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


if __name__ == "__main__":
    serve_app(hello, "127.0.0.1", int(sys.argv[1]))
