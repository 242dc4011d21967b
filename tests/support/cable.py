"""A cable between two programs that a test can cut: it carries TCP, or nothing."""

import socket
import threading
from contextlib import suppress

from tests.support.sandbox import free_port

_CHUNK = 64 * 1024


class Cable:
    """Listens on a port of its own and carries everything to another one.

    While it is cut nothing is closed and nothing arrives, as with a real one: connections stand
    and are silent, new ones get no answer. What was sent meanwhile arrives when it is mended, if
    anybody still waits for it.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._there, self._back = threading.Event(), threading.Event()
        self.mend()
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, only_back: bool = False) -> None:
        """Both ways, or only that of the answers: what is said still arrives there."""
        self._back.clear()
        if not only_back:
            self._there.clear()

    def mend(self) -> None:
        self._there.set()
        self._back.set()

    def close(self) -> None:
        self._listening.close()
        self.mend()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._there.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self._open += [near, far]
        for source, sink, passes in ((near, far, self._there), (far, near, self._back)):
            threading.Thread(target=_carry, args=(source, sink, passes), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket, passes: threading.Event) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            passes.wait()
            sink.sendall(chunk)
    passes.wait()  # an end is not heard of either
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
