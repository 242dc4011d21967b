"""Where a webhook may be: nobody can have the portal send inside the operator's network."""

import socket
from typing import Any

import pytest

from portal.bodies import addresses
from portal.bodies.addresses import BadAddress, Target

PUBLIC, INSIDE = "93.184.215.14", "10.1.2.3"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.eg/", "not_https"),
        ("HTTPS://hooks.example.eg/", "not_https"),
        ("//hooks.example.eg/", "not_https"),
        ("https://", "not_plain"),
        ("https://hooks.example.eg/" + "a" * 300, "too_long"),
        ("https://user@hooks.example.eg/", "names_a_user"),
        ("https://user:pass@hooks.example.eg/", "names_a_user"),
        ("https://@hooks.example.eg/", "names_a_user"),
        ("https://hooks.example.eg@10.0.0.1/", "names_a_user"),
        ("https://hooks.example.eg\\@10.0.0.1/", "not_plain"),
        ("https://hooks.example.eg /", "not_plain"),
        ("https://hooks.example.eg/\r\nX: y", "not_plain"),
        ("https://hooks.example.eg/\x00", "not_plain"),
        ("https://خدمات.مصر/", "not_plain"),
        ("https://hooks。example.eg/", "not_plain"),
        ("https://hooks.example.eg:99999/", "not_plain"),
        ("https://[::1/", "not_plain"),
        ("https://hooks.example.eg:8443/", "other_port"),
        ("https://hooks.example.eg:0/", "other_port"),
        ("https://hooks.example.eg:/", "other_port"),
        ("https://hooks.example.eg/#part", "has_fragment"),
        ("https://localhost/", "no_public_name"),
        ("https://intranet/", "no_public_name"),
        ("https://127.0.0.1/", "no_public_name"),
        ("https://2130706433/", "no_public_name"),
        ("https://0x7f.0.0.1/", "no_public_name"),
        ("https://0177.0.0.1/", "no_public_name"),
        ("https://127.1/", "no_public_name"),
        ("https://[::1]/", "no_public_name"),
        ("https://[::ffff:127.0.0.1]/", "no_public_name"),
        ("https://93.184.215.14/", "no_public_name"),
        ("https://hooks.example.eg./", "no_public_name"),
        ("https://-hooks.example.eg/", "no_public_name"),
        ("https://hooks..example.eg/", "no_public_name"),
        ("https://hooks%2eexample.eg/", "no_public_name"),
    ],
)
def test_what_is_no_https_address_of_a_public_name_is_refused(url: str, reason: str) -> None:
    with pytest.raises(BadAddress) as refused:
        addresses.read(url)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.eg", Target("hooks.example.eg", 443, "/")),
        ("https://Hooks.Example.eg:443/a/b?c=d", Target("hooks.example.eg", 443, "/a/b?c=d")),
        ("https://xn--mgbqb1fc.xn--wgbh1c/x", Target("xn--mgbqb1fc.xn--wgbh1c", 443, "/x")),
    ],
)
def test_an_address_of_a_public_name_is_read(url: str, target: Target) -> None:
    assert addresses.read(url) == target


def test_only_a_trial_may_be_on_this_machine_and_at_any_port() -> None:
    here = "https://127.0.0.1:8443/"
    assert addresses.read(here, loopback=True) == Target("127.0.0.1", 8443, "/")
    assert addresses.resolve(Target("127.0.0.1", 8443, "/"), loopback=True) == ["127.0.0.1"]
    with pytest.raises(BadAddress):
        addresses.read("https://10.0.0.1:8443/", loopback=True)
    with pytest.raises(BadAddress):
        addresses.resolve(Target("127.0.0.1", 8443, "/"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1",
        "::ffff:10.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1", "::ffff:0:127.0.0.1",
        "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
        "2001::1", "2001:db8::1", "2002:0a00:0001::", "64:ff9b::a00:1", "64:ff9b:1::a00:1",
        "no address", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_the_worlds_is_not_public(address: str) -> None:
    assert not addresses.is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "41.33.1.1", "2a00:1450:4001:80e::200e"])
def test_an_address_of_the_world_is_public(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize("found", [[INSIDE], [PUBLIC, INSIDE], [INSIDE, PUBLIC], [PUBLIC, "::1"]])
def test_one_address_inside_is_enough_to_refuse_the_name(
    found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [_info(each) for each in found])
    with pytest.raises(BadAddress, match="not_public"):
        addresses.resolve(Target("hooks.example.eg", 443, "/"))


def test_what_was_looked_at_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [_info(PUBLIC), _info(PUBLIC)])
    assert addresses.resolve(Target("hooks.example.eg", 443, "/")) == [PUBLIC]


def _info(address: str) -> Any:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 6, "", (address, 443)
