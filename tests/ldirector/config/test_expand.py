from __future__ import annotations

import pytest

from ldirector.config.errors import BadValue
from ldirector.config.expand import Place, address_range, fallback_place, host, port, virtual_place
from ldirector.core.model import Forwarding
from tests.ldirector.world import FakeNames

NAMES = FakeNames()


@pytest.mark.parametrize(
    ("text", "family", "wanted"),
    [
        ("10.1.1.10:80", 4, Place(4, "10.1.1.10", "80")),
        ("10.1.1.10:http trailing", 4, Place(4, "10.1.1.10", "http")),
        ("localhost:80", 4, Place(4, "127.0.0.1", "80")),
        ("localhost:80", 6, Place(6, "::1", "80")),
        ("[FD00:0:0::10]:80", 6, Place(6, "fd00::10", "80")),
        ("1", 4, Place(4, mark=1)),
        ("5 x", 6, Place(6, mark=5)),
        ("4294967295", 4, Place(4, mark=2**32 - 1)),
    ],
)
def test_virtual_names_an_address_and_port_or_a_mark(text: str, family: int, wanted: Place) -> None:
    assert virtual_place(text, family, NAMES) == wanted


@pytest.mark.parametrize(
    ("text", "family", "words"),
    [
        ("10.1.1.10", 4, "has no port"),
        ("12abc", 4, "does not name a virtual"),
        ("0", 4, "mark 0 cannot be used"),
        ("4294967296", 4, "cannot be used"),
        ("9" * 40, 4, "cannot be used"),
        ("10.1.1.300:80", 4, "is not an IPv4 address"),
        ("010.1.1.1:80", 4, "is not an IPv4 address"),
        ("80:80", 4, "is not an IPv4 address"),
        ("[fd00::1]:80", 4, "is an IPv6 address"),
        ("10.1.1.10:80", 6, "is an IPv4 address"),
        ("fd00::1:80", 6, "does not name a virtual"),
        ("nowhere.invalid:80", 4, "has no IPv4 address"),
        ("", 4, "does not name a virtual"),
    ],
)
def test_virtual_that_names_nothing_is_refused_with_the_reason(text: str, family: int, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        virtual_place(text, family, NAMES)


def test_mark_that_is_a_forgotten_port_is_said_to_be_one() -> None:
    with pytest.raises(BadValue, match="ldirectord would take it as a firewall mark"):
        virtual_place("10.1.1.10", 4, NAMES)


def test_fallback_has_host_port_and_method() -> None:
    place = fallback_place("127.0.0.1:8080 masq", 4, NAMES, ("",))
    assert (place.address, place.port, place.forwarding) == ("127.0.0.1", 8080, Forwarding.MASQ)


def test_fallback_without_port_and_method_leaves_the_port_open_and_is_gate() -> None:
    place = fallback_place("[::1]", 6, NAMES, ("",))
    assert (place.address, place.port, place.forwarding) == ("::1", None, Forwarding.GATE)


def test_service_name_of_a_global_fallback_must_have_tcp_and_udp() -> None:
    assert fallback_place("127.0.0.1:domain", 4, NAMES, ("tcp", "udp")).port == 53
    assert fallback_place("127.0.0.1:mysql", 4, NAMES, ("",)).port == 3306
    with pytest.raises(BadValue, match="'mysql' has no udp port"):
        fallback_place("127.0.0.1:mysql", 4, NAMES, ("tcp", "udp"))


@pytest.mark.parametrize("text", ["", "127.0.0.1:80 nat", "127.0.0.1:80 gate x", "127.0.0.1:99999", "[::1]:80"])
def test_fallback_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        fallback_place(text, 4, NAMES, ("tcp", "udp"))


def test_host_is_a_literal_or_a_name() -> None:
    assert host("10.0.0.1", 4, NAMES) == "10.0.0.1"
    assert host("localhost", 4, NAMES) == "127.0.0.1"


def test_port_is_a_number_or_a_service() -> None:
    assert (port("0", "tcp", NAMES), port("65535", "tcp", NAMES), port("http", "tcp", NAMES)) == (0, 65535, 80)
    for text in ("65536", "9" * 30, "nosuch"):
        with pytest.raises(BadValue):
            port(text, "tcp", NAMES)


def test_range_is_inclusive_and_crosses_octets() -> None:
    assert address_range("10.0.0.254", "10.0.1.1", NAMES) == ("10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1")
    assert address_range("127.0.0.1", "localhost", NAMES) == ("127.0.0.1",)


def test_range_that_runs_backwards_or_is_huge_is_refused() -> None:
    with pytest.raises(BadValue, match="runs backwards"):
        address_range("10.0.0.2", "10.0.0.1", NAMES)
    with pytest.raises(BadValue, match=r"16777216 addresses; all ranges of a file together may have 8192$"):
        address_range("10.0.0.0", "10.255.255.255", NAMES)
    with pytest.raises(BadValue, match=r"3 addresses; .* 2 are left after the ranges above"):
        address_range("10.0.0.1", "10.0.0.3", NAMES, 2)


@pytest.mark.parametrize(("address", "family"), [("[fe80::2]:80", 6), ("224.0.0.1", 4), ("0.0.0.0:80", 4)])
def test_fallback_that_the_kernel_takes_for_no_server_is_refused(address: str, family: int) -> None:
    with pytest.raises(BadValue, match=r"link-local|address of no server"):
        fallback_place(address, family, FakeNames(), ("",))
