"""The built-in IPaddr and IPaddr2 against the kernel: every argument form of the reference, section 7."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hbeat.adapters.ipaddr import AddressError, Addresses
from hbeat.adapters.rtnetlink import TRIES, Requests
from hbeat.agents.address import AddressAgent
from hbeat.agents.vips import Vips
from hbeat.core.events import Action
from hbeat.core.lease import Standing
from hbeat.core.model import Resource
from hbeat.core.netlink import INTERRUPTED
from hbeat.core.rtnetlink import removal, renewal
from hbeat.core.vip import parse_vip
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch

Place = tuple[str, int, str | None, str]
"""Interface, prefix length, broadcast, label."""


@pytest.fixture
def addresses(host: NetworkNamespace) -> Iterator[Addresses]:
    with host.entered():
        made = Addresses()
    yield made
    made.close()


def seen(host: NetworkNamespace, address: str) -> list[Place]:
    """Where an address is, as `ip` tells it."""
    with host.entered():
        out = subprocess.run(["ip", "-json", "-4", "address"], capture_output=True, text=True, check=True).stdout
    links: list[dict[str, Any]] = json.loads(out)
    return [
        (link["ifname"], a["prefixlen"], a.get("broadcast"), a["label"])
        for link in links
        for a in link.get("addr_info", [])
        if a["local"] == address
    ]


CASES = [
    # argument, as IPaddr, as IPaddr2
    ("10.1.1.20", ("eth0", 24, "10.1.1.255", "eth0:0"), ("eth0", 24, None, "eth0")),
    ("192.168.2.230", ("eth1", 24, "192.168.2.255", "eth1:0"), ("eth1", 24, None, "eth1")),
    ("192.168.2.230/24/eth1", ("eth1", 24, "192.168.2.255", "eth1:0"), ("eth1", 24, None, "eth1")),
    ("192.168.2.230/255.255.255.0/eth1", ("eth1", 24, "192.168.2.255", "eth1:0"), ("eth1", 24, None, "eth1")),
    ("192.168.2.230/24/192.168.2.99", ("eth1", 24, "192.168.2.99", "eth1:0"), ("eth1", 24, "192.168.2.99", "eth1")),
    (
        "192.168.2.230/24/eth1/192.168.2.99",
        ("eth1", 24, "192.168.2.99", "eth1:0"),
        ("eth1", 24, "192.168.2.99", "eth1"),
    ),
    ("192.168.2.230/24/eth1:5", ("eth1", 24, "192.168.2.255", "eth1:0"), ("eth1", 24, None, "eth1:5")),
    ("192.168.2.230/32/eth1", ("eth1", 32, "192.168.2.230", "eth1:0"), ("eth1", 32, None, "eth1")),
    ("10.1.1.20/24/eth1", ("eth1", 24, "10.1.1.255", "eth1:0"), ("eth1", 24, None, "eth1")),
]


@pytest.mark.parametrize("aliased", [True, False], ids=["IPaddr", "IPaddr2"])
@pytest.mark.parametrize(("argument", "ipaddr", "ipaddr2"), CASES, ids=[case[0] for case in CASES])
def test_address_is_placed_as_the_agents_place_it(
    host: NetworkNamespace, addresses: Addresses, argument: str, ipaddr: Place, ipaddr2: Place, aliased: bool
) -> None:
    spec = parse_vip(argument)
    placed = addresses.add(spec, aliased=aliased)
    assert seen(host, spec.address) == [ipaddr if aliased else ipaddr2]
    assert placed.interface == (ipaddr if aliased else ipaddr2)[0]
    assert len(placed.mac) == 6
    assert addresses.remove(spec) == [placed.interface]
    assert seen(host, spec.address) == []


def test_adding_what_is_there_and_removing_what_is_not_succeed(host: NetworkNamespace, addresses: Addresses) -> None:
    spec = parse_vip("10.1.1.20/24/eth0")
    addresses.add(spec, aliased=True)
    addresses.add(spec, aliased=True)
    assert len(seen(host, "10.1.1.20")) == 1
    addresses.remove(spec)
    assert addresses.remove(spec) == []


def test_aliases_take_the_first_free_number(host: NetworkNamespace, addresses: Addresses) -> None:
    for last in (20, 21, 22):
        addresses.add(parse_vip(f"10.1.1.{last}"), aliased=True)
    addresses.remove(parse_vip("10.1.1.21"))
    addresses.add(parse_vip("10.1.1.23"), aliased=True)
    assert seen(host, "10.1.1.23")[0][3] == "eth0:1"


def test_removing_the_first_address_of_a_network_keeps_the_others(host: NetworkNamespace, addresses: Addresses) -> None:
    first, second = parse_vip("172.16.9.1/24/eth0"), parse_vip("172.16.9.2/24/eth0")
    addresses.add(first, aliased=True)
    addresses.add(second, aliased=True)
    addresses.remove(first)
    assert seen(host, "172.16.9.1") == []
    assert [place[:2] for place in seen(host, "172.16.9.2")] == [("eth0", 24)]


@pytest.mark.parametrize(
    ("argument", "words"),
    [("172.16.9.9", "no route to it but the default route"), ("10.1.1.20/24/eth9", "there is no interface eth9")],
)
def test_address_that_cannot_be_placed_is_refused_with_the_reason(
    addresses: Addresses, argument: str, words: str
) -> None:
    with pytest.raises(AddressError, match=words):
        addresses.add(parse_vip(argument), aliased=True)


IPV4, IPV6 = "10.1.1.20", "fd00::20"


@pytest.fixture
def lent(host: NetworkNamespace) -> Iterator[tuple[AddressAgent, Vips]]:
    """An agent with a lease of one second, and both of its addresses standing beside the host's own."""
    ip_batch(host, ["address add fd00::2/64 dev eth0 nodad"])
    with host.entered():
        vips = Vips(1, pytest.fail)
        agent = AddressAgent(pytest.fail, vips)
        for resource in (FOUR, SIX):
            assert agent.run(resource, Action.START, time.monotonic()).ok
    yield agent, vips
    agent.close()
    vips.close()


FOUR = Resource("4", "IPaddr", (f"{IPV4}/24/eth0",))
SIX = Resource("6", "IPv6addr", ("fd00:0:0:0:0:0:0:20/64/eth0",))


def standing(host: NetworkNamespace) -> set[str]:
    with host.entered():
        out = subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, check=True).stdout
    return {a["local"] for link in json.loads(out) for a in link.get("addr_info", [])} & {IPV4, IPV6}


def test_lease_is_renewed_as_long_as_somebody_does(host: NetworkNamespace, lent: tuple[AddressAgent, Vips]) -> None:
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert lent[1].renew() == []
        assert standing(host) == {IPV4, IPV6}
        time.sleep(0.02)


def test_addresses_vanish_by_themselves_and_are_missed(host: NetworkNamespace, lent: tuple[AddressAgent, Vips]) -> None:
    assert lent[1].missing() == []
    begun = time.monotonic()
    while standing(host):
        assert time.monotonic() < begun + 3
        time.sleep(0.01)
    assert set(lent[1].missing()) == {FOUR, SIX}
    assert lent[1].missing() == []
    with host.entered():
        routes = subprocess.run(["ip", "-6", "route"], capture_output=True, text=True, check=True).stdout
    assert "fd00::/64 dev eth0" in routes  # the host's own address needs it


def test_address_is_not_renewed_when_it_is_late(host: NetworkNamespace, lent: tuple[AddressAgent, Vips]) -> None:
    time.sleep(0.6)  # more than half of the lease: the kernel has them still
    assert standing(host) == {IPV4, IPV6}
    assert set(lent[1].renew()) == {FOUR, SIX}
    assert lent[1].next_deadline() is None


def test_address_that_is_removed_by_hand_is_missed_and_one_of_ours_is_not(
    host: NetworkNamespace, lent: tuple[AddressAgent, Vips]
) -> None:
    ip_batch(host, [f"address del {IPV4}/24 dev eth0"])
    assert lent[1].missing() == [FOUR]
    lent[0].run(SIX, Action.STOP, time.monotonic())
    assert lent[1].missing() == []


def test_neighbours_of_a_removed_address_keep_their_lease(host: NetworkNamespace) -> None:
    with host.entered():
        addresses = Addresses()
    first, second = parse_vip("172.16.9.1/24/eth0"), parse_vip("172.16.9.2/24/eth0")
    for spec in (first, second):
        addresses.add(spec, aliased=True, lease=600)
    addresses.remove(first)
    with host.entered():
        out = subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, check=True).stdout
    (left,) = [a for link in json.loads(out) for a in link.get("addr_info", []) if a["local"] == "172.16.9.2"]
    assert 590 < left["valid_life_time"] <= 600
    addresses.close()


@pytest.mark.parametrize("resource", ["4", "6"])
def test_an_address_that_was_put_back_at_once_is_not_missing(lent: tuple[AddressAgent, Vips], resource: str) -> None:
    agent, vips = lent
    chosen = {"4": FOUR, "6": SIX}[resource]
    assert agent.run(chosen, Action.STOP, time.monotonic()).ok
    assert agent.run(chosen, Action.START, time.monotonic()).ok
    assert vips.missing() == []


def test_an_address_that_went_with_the_first_of_its_network_and_was_put_back_is_not_missing(
    host: NetworkNamespace,
) -> None:
    first, second = (Resource(address, "IPaddr", (f"{address}/24/eth0",)) for address in ("172.16.9.1", "172.16.9.2"))
    with host.entered():
        vips = Vips(1, pytest.fail)
        agent = AddressAgent(pytest.fail, vips)
        for resource in (first, second):
            assert agent.run(resource, Action.START, time.monotonic()).ok
        assert agent.run(first, Action.STOP, time.monotonic()).ok
        assert seen(host, "172.16.9.2") != []
        assert vips.missing() == []
        ip_batch(host, ["address delete 172.16.9.2/24 dev eth0"])
        assert vips.missing() == [second]
    agent.close()
    vips.close()


class Meddled:
    """A socket: while a list is read, somebody removes and adds its first address, so many times."""

    def __init__(self, inner: socket.socket, times: int, meddler: Requests, address: Standing) -> None:
        self._inner, self._left, self._meddler, self._address = inner, times, meddler, address
        self.send, self.close = inner.send, inner.close

    def recv(self, size: int) -> bytes:
        part = self._inner.recv(size)
        if self._left:
            self._left -= 1
            assert self._meddler.ask(removal(self._address)) == ""
            assert self._meddler.ask(renewal(self._address, 600)) == ""
        return part


@pytest.mark.parametrize("times", [1, 3])
def test_a_list_in_which_something_changed_is_asked_for_again(host: NetworkNamespace, times: int) -> None:
    many = [f"10.20.{n // 250}.{n % 250 + 1}" for n in range(1500)]
    ip_batch(host, [f"address add {address}/32 dev eth0" for address in many])
    with host.entered():
        requests, meddler = Requests(), Requests()
    (index,) = {a.standing.index for a in requests.addresses() if a.standing.packed == socket.inet_aton(many[0])}
    first = Standing(socket.inet_aton(many[0]), 32, index)
    requests._socket = Meddled(requests._socket, times, meddler, first)  # type: ignore[assignment]
    seen = {socket.inet_ntoa(a.standing.packed) for a in requests.addresses(socket.AF_INET)}
    assert seen >= set(many)
    requests.close()
    meddler.close()


def test_a_list_that_never_is_whole_is_an_error_and_no_empty_answer(host: NetworkNamespace) -> None:
    ip_batch(host, [f"address add 10.20.{n // 250}.{n % 250 + 1}/32 dev eth0" for n in range(1500)])
    with host.entered():
        addresses, meddler = Addresses(), Requests()
    first = next(a.standing for a in meddler.addresses() if a.standing.packed == socket.inet_aton("10.20.0.1"))
    requests = addresses._requests
    requests._socket = Meddled(requests._socket, 1000 * TRIES, meddler, first)  # type: ignore[assignment]
    with pytest.raises(AddressError, match="does not tell its addresses"):
        addresses.remove(parse_vip("10.20.0.9"))
    addresses.close()
    meddler.close()


class Restless:
    """A socket by which each list has changed meanwhile, as beside a routing daemon. The kernel does so by chance."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.send, self.close = inner.send, inner.close

    def recv(self, size: int) -> bytes:
        part = bytearray(self._inner.recv(size))
        part[6] |= INTERRUPTED
        return bytes(part)


def test_where_routes_change_all_the_time_an_address_finds_its_interface(
    host: NetworkNamespace, addresses: Addresses
) -> None:
    requests = addresses._requests
    requests._socket = Restless(requests._socket)  # type: ignore[assignment]
    assert addresses.locate(parse_vip("10.1.1.20")).interface == "eth0"
    with pytest.raises(AddressError, match="it changes all the time"):
        addresses.remove(parse_vip("10.1.1.20"))
