"""Whether a port is free, asked before anything large is imported."""

import socket


class PortTaken(Exception):
    """Something else listens there; the server itself would share the port without a word."""


def check_port(host: str, port: int) -> None:
    """Raises :class:`PortTaken`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"{host}:{port}: {error.strerror}") from error
