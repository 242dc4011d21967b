"""A notice goes to the address that was looked at, whatever its name says a moment later."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from portal.bodies import posting
from portal.bodies.posting import NotReached, Post, trust
from tests.support.certificates import Authority
from tests.support.webhook import webhook


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    truly = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host == "localhost":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.0.0.99"
        return truly(host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    authority = Authority(tmp_path)
    with (
        webhook(authority.issue("receiver", "localhost")) as hook,
        Post(trust(authority.path), loopback=True) as post,
    ):
        url = hook.url.replace("127.0.0.1", "localhost")
        assert post.send(url, b"x.e30.y").status == 204
    assert asked == ["localhost"]
    assert len(hook.taken) == 1


def test_a_receiver_that_drips_does_not_hold_the_sender(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(posting, "TOTAL_SECONDS", 0.3)
    authority = Authority(tmp_path)
    with (
        webhook(authority.issue("receiver")) as hook,
        Post(trust(authority.path), loopback=True) as post,
    ):
        hook.open.clear()
        with pytest.raises(NotReached, match="too_slow"):
            post.send(hook.url, b"x.e30.y")
        hook.open.set()


def test_who_does_not_listen_or_speaks_no_http_is_not_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]

        def answer() -> None:
            connection, _ = plain.accept()
            connection.sendall(b"220 smtp.example.eg ESMTP\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with Post(trust(None), loopback=True) as post, pytest.raises(NotReached) as failed:
            post.send(f"https://127.0.0.1:{port}/", b"x.e30.y")
        assert failed.value.reason in {"certificate", "no_connection"}
    with Post(trust(None), loopback=True) as post, pytest.raises(NotReached) as failed:
        post.send(f"https://127.0.0.1:{port}/", b"x.e30.y")
    assert failed.value.reason == "no_connection"
    with Post(trust(None)) as post, pytest.raises(NotReached, match="no_such_name"):
        post.send("https://hooks.example.invalid/", b"x.e30.y")
