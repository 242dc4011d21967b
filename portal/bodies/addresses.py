"""Where a body may be told something: an https address of its own on the public network.

A webhook's address is typed by a person and its name is resolved by a server that is not ours, so
both are looked at: whoever could point it inwards would have the portal send for him inside the
operator's network (CWE-918). The name is resolved once, every address that it has must be public,
and the connection goes to exactly what was looked at.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

_PORT = 443
_LONGEST = 300
# what a parser could read in two ways has no place in an address; IDNs come as xn--
_PLAIN = re.compile(r"https://[!#-;=?-\[\]_a-z~]+")
# at least two labels, the last one of letters: no «2130706433», «0x7f.1», «localhost»
_NAME = re.compile(
    r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,59})"
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
# not told apart by ``is_global`` in every version of Python, or public and yet not the world's
_SHUT: Sequence[IPv4Network | IPv6Network] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carriers' NAT; clouds keep metadata there
    IPv4Network("168.63.129.16/32"),  # a cloud's metadata behind a public address
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("240.0.0.0/4"),
    IPv6Network("::/96"),  # IPv4-compatible, loopback, unspecified
    IPv6Network("::ffff:0:0/96"),  # IPv4 in IPv6, five times
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2002::/16"),
    IPv6Network("2001::/23"),  # Teredo among others
    IPv6Network("fec0::/10"),
)


class BadAddress(ValueError):
    """It may not be called; ``reason`` is a code without the address, which may hold a secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Target:
    """An address that is well formed; nobody has looked yet where its name leads."""

    host: str
    port: int
    path: str
    """With its query."""


def read(url: str, *, loopback: bool = False) -> Target:
    """The parts of a webhook's address; raises :class:`BadAddress`.

    ``loopback`` is for demos and tests: this machine, and any port.
    """
    if len(url) > _LONGEST:
        raise BadAddress("too_long")
    if not url.startswith("https://"):
        raise BadAddress("not_https")
    lower = url.lower()
    if not _PLAIN.fullmatch(lower):
        raise BadAddress("not_plain")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:  # brackets that do not close, a port beyond 65535
        raise BadAddress("not_plain") from error
    if "@" in parts.netloc:
        raise BadAddress("names_a_user")
    if "#" in url:
        raise BadAddress("has_fragment")
    if not _NAME.fullmatch(host) and not (loopback and host in _LOOPBACK):
        raise BadAddress("no_public_name")
    if parts.netloc.endswith(":") or (port not in {None, _PORT} and not loopback):
        raise BadAddress("other_port")
    path = parts.path or "/"
    return Target(host, port or _PORT, f"{path}?{parts.query}" if parts.query else path)


def resolve(target: Target, *, loopback: bool = False) -> list[str]:
    """The numeric addresses that may be connected to, the preferred one first.

    Raises :class:`BadAddress` when one of them may not, and :class:`OSError` when the name leads
    nowhere.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses:
        raise OSError("no address")
    if not all(is_public(each) or (loopback and _is_loopback(each)) for each in addresses):
        raise BadAddress("not_public")
    return addresses


def is_public(text: str) -> bool:
    """Whether this numeric address is one of the world's, and of one machine."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    if getattr(address, "scope_id", None) is not None or address.is_multicast:
        return False
    return address.is_global and not any(
        address in net for net in _SHUT if net.version == address.version
    )


def _is_loopback(text: str) -> bool:
    return ip_address(text).is_loopback
