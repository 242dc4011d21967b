"""A notice goes to the address that was looked at, whatever its name says a moment later."""

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from portal.bodies import posting
from portal.bodies.posting import NotReached, Post, trust
from portal.settings import Proxy
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


@contextmanager
def proxy_that(answers: bytes) -> Iterator[tuple[Proxy, list[bytes]]]:
    """A proxy on this machine that opens one tunnel, or says something else; and what it was
    asked."""
    asked: list[bytes] = []

    def pass_on(source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(4096):
                to.sendall(part)

    def serve() -> None:
        inner, _ = listening.accept()
        asked.append(inner.recv(4096))
        inner.sendall(answers)
        if not answers.startswith(b"HTTP/1.1 200"):
            inner.close()
            return
        host, _, port = asked[0].split()[1].decode().rpartition(":")
        with inner, socket.create_connection((host, int(port))) as outer:
            back = threading.Thread(target=pass_on, args=(outer, inner), daemon=True)
            back.start()
            pass_on(inner, outer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield Proxy("127.0.0.1", listening.getsockname()[1], "worker", "p:w"), asked


def test_a_proxy_is_asked_for_the_address_and_the_certificate_is_the_names(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        webhook(authority.issue("receiver", "localhost")) as hook,
        proxy_that(b"HTTP/1.1 200 Connection established\r\n\r\n") as (proxy, asked),
        Post(trust(authority.path), proxy=proxy, loopback=True) as post,
    ):
        url = hook.url.replace("127.0.0.1", "localhost")
        assert [post.send(url, b"x.e30.y").status for _ in range(2)] == [204, 204]
    assert len(hook.taken) == 2
    assert len(asked) == 1, "the tunnel is kept"
    first, *others = asked[0].split(b"\r\n")
    assert first.split()[:2] == [
        b"CONNECT",
        url.split("/")[2].replace("localhost", "127.0.0.1").encode(),
    ]
    assert b"Proxy-Authorization: Basic " + b64encode(b"worker:p:w") in others


@pytest.mark.parametrize(
    "answers", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"220 smtp\r\n\r\n", b"", b"x" * 9000]
)
def test_a_proxy_that_refuses_or_is_none_is_told_as_such(tmp_path: Path, answers: bytes) -> None:
    authority = Authority(tmp_path)
    with (
        webhook(authority.issue("receiver")) as hook,
        proxy_that(answers) as (proxy, _),
        Post(trust(authority.path), proxy=proxy, loopback=True) as post,
        pytest.raises(NotReached, match="proxy"),
    ):
        post.send(hook.url, b"x.e30.y")
    assert hook.taken == []


def test_a_proxy_that_does_not_listen_is_told_as_such() -> None:
    closed = Proxy("127.0.0.1", 9)
    with (
        Post(trust(None), proxy=closed, loopback=True) as post,
        pytest.raises(NotReached, match="proxy"),
    ):
        post.send("https://127.0.0.1:8443/", b"x.e30.y")
