"""The built-in IPaddr and IPaddr2 against the kernel: every argument form of the reference, section 7."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from hbeat.adapters.ipaddr import AddressError, Addresses
from hbeat.adapters.rtnetlink import Requests
from hbeat.agents.address import AddressAgent
from hbeat.agents.vips import Vips
from hbeat.core.events import Action
from hbeat.core.model import Resource
from hbeat.core.rtnetlink import Address, addition
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


def told(host: NetworkNamespace, address: str) -> dict[str, Any]:
    """All that `ip` tells of an address, but whether another one of its network came first."""
    with host.entered():
        out = subprocess.run(["ip", "-json", "-4", "address"], capture_output=True, text=True, check=True).stdout
    (found,) = [a for link in json.loads(out) for a in link.get("addr_info", []) if a["local"] == address]
    return {key: value for key, value in found.items() if key != "secondary"}


@pytest.mark.parametrize(
    ("first", "neighbour"),
    [
        ("172.16.9.1/24 scope link", "172.16.9.2/24 scope link broadcast 172.16.9.255"),
        ("172.16.9.1/24", "172.16.9.2/24 metric 77 noprefixroute label eth0:x"),
        ("172.16.9.1/24", "172.16.9.2/24 valid_lft 5000 preferred_lft 0"),
        ("172.16.9.1/24", "172.20.0.7 peer 172.16.9.77/24 metric 77"),
        ("172.20.0.1 peer 172.16.9.1/24", "172.16.9.2/24"),
        ("172.16.9.1/24", "172.16.9.2 peer 172.16.9.77/24"),
    ],
)
def test_what_went_with_the_first_of_its_network_is_again_as_it_was(
    host: NetworkNamespace, addresses: Addresses, first: str, neighbour: str
) -> None:
    ip_batch(host, [f"address add {first} dev eth0", f"address add {neighbour} dev eth0"])
    address = neighbour.split()[0].removesuffix("/24")
    before = told(host, address)
    addresses.remove(parse_vip(first.split()[0].removesuffix("/24")))
    after = told(host, address)
    if "valid_lft" in neighbour:  # a second may have passed
        assert 0 <= before.pop("valid_life_time") - after.pop("valid_life_time") <= 2
    assert after == before


def test_who_has_added_an_address_is_told_again(host: NetworkNamespace, addresses: Addresses) -> None:
    ip_batch(host, [f"address add 172.16.9.{last}/24 dev eth0" for last in (1, 2)])
    with host.entered():
        requests = Requests()
    second = one(requests, "172.16.9.2")
    addresses.remove(parse_vip("172.16.9.2"))
    assert requests.ask(addition(replace(second, protocol=42), replace=False)) == ""
    addresses.remove(parse_vip("172.16.9.1"))
    assert one(requests, "172.16.9.2").protocol == 42
    requests.close()


def one(requests: Requests, address: str) -> Address:
    (found,) = [a for a in requests.addresses() if a.standing.packed == IPv4Address(address).packed]
    return found


@pytest.mark.parametrize(
    "peers", [["10.0.0.2/32"], ["10.0.0.2/32", "10.0.0.3/32"], ["10.0.8.9/24"], ["0.0.0.0/32"]], ids=str
)
def test_an_address_with_a_peer_is_removed(host: NetworkNamespace, addresses: Addresses, peers: list[str]) -> None:
    ip_batch(host, [f"address add 10.0.0.1 peer {peer} dev eth0 scope link metric 77" for peer in peers])
    assert addresses.remove(parse_vip("10.0.0.1")) == ["eth0" for _ in peers]
    assert seen(host, "10.0.0.1") == []
