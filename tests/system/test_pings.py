"""Ping nodes and ipfail between two of ours, with hosts at the switch that really answer."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from hbeat.core.auth import Key, Keyring, Method, unpack
from tests.system.pair import HA_CF, NAMES, Pair, have_namespaces

ONE, TWO = NAMES
pytestmark = [pytest.mark.root, pytest.mark.system]
KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})
PINGS = """\
deadping 500ms
ping 10.1.1.254
ping6 fd00::254
ping_group gw 10.1.1.252 10.1.1.253
respawn hacluster /usr/lib/heartbeat/ipfail
"""
ROUTERS = ("10.1.1.254/32", "10.1.1.253/32", "fd00::254/64")


@pytest.fixture(scope="module")
def pinging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A settled pair with ping nodes; each test leaves all of them answering and the preferred node serving."""
    if missing := have_namespaces():
        pytest.skip(missing)
    pair = Pair(tmp_path_factory.mktemp("pings"))
    try:
        add_routers(pair)
        for name in NAMES:
            pair.write(name, "ha.cf", HA_CF + PINGS)
        pair.start_both()
        for number, name in enumerate(NAMES, 2):  # the IPv6 address comes while the daemon runs
            assert pair.run(name, "ip", "address", "add", f"fd00::{number}/64", "dev", "eth0", "nodad")[0] == 0
        yield pair
    finally:
        pair.close()


def add_routers(pair: Pair) -> None:
    pair.at_switch(*(f"address add {router} dev br0 nodad" for router in ROUTERS), "route add 10.1.1.0/24 dev br0")
    pair.at_switch("address add 10.1.1.251/24 dev br0")


def firewall(pair: Pair, name: str, rule: str) -> None:
    """Packets that match are dropped on their way out of the node, so that the sender is told EPERM."""
    table = "add table inet t; add chain inet t o { type filter hook output priority 0; }; add rule inet t o"
    status, out = pair.run(name, "nft", f"{table} {rule} drop")
    assert status == 0, out


def no_firewall(pair: Pair, name: str) -> None:
    assert pair.run(name, "nft", "delete table inet t")[0] == 0


def status_of(pair: Pair, name: str, node: str) -> str:
    return pair.run(name, "cl_status", "nodestatus", node)[1].strip()


def test_ping_nodes_answer_and_are_shown_as_the_original_shows_them(pinging: Pair) -> None:
    expected = {
        "listnodes": (0, "gw\nfd00::254\n10.1.1.254\ntest2.com\ntest1.com\n"),
        "listnodes -p": (0, "gw\nfd00::254\n10.1.1.254\n"),
        "listnodes -n": (0, "test2.com\ntest1.com\n"),
        "nodestatus gw": (0, "ping\n"),
        "nodetype fd00::254": (0, "ping\n"),
        "listhblinks 10.1.1.254": (0, "\t10.1.1.254\n"),
        "listhblinks gw -v": (0, "\tgw\tup\n"),
        "hblinkstatus gw gw": (0, "up\n"),
        "clientstatus test1.com ipfail": (0, "online\n"),
        "clientstatus test2.com ipfail": (0, "online\n"),
        "clientstatus gw ipfail": (1, "offline\n"),
    }
    for name in NAMES:
        pinging.until(lambda name=name: status_of(pinging, name, "fd00::254") == "ping", 5)  # type: ignore[misc]
    assert {words: pinging.run(ONE, "cl_status", *words.split()) for words in expected} == expected
    assert pinging.run(ONE, "cl_status", "nodetype", "10.1.1.253")[0] == 11


def test_echo_request_on_the_wire_is_what_the_original_sends(pinging: Pair) -> None:
    """ICMP echo with the low 16 bits of the process id, numbers that go up, and a signed message."""
    sniffer = pinging.sniffer("switch", "br0", 0x0800)
    requests: list[bytes] = []
    while len(requests) < 3:
        packet = sniffer.recv(2048)[14:]
        if packet[9] == socket.IPPROTO_ICMP and packet[20] == 8 and packet[16:20] == bytes([10, 1, 1, 254]):
            requests.append(packet[: struct.unpack_from("!H", packet, 2)[0]])
    sniffer.close()
    numbers: dict[bytes, int] = {}
    for packet in requests:
        message = unpack(packet[28:], KEYS)
        assert [field.name for field in message.fields] == ["t", "st", "info", "src", "ts", "auth"]
        assert [message.text(name) for name in ("t", "st", "info", "src")] == ["NS_st", "ping", "ping", "10.1.1.254"]
        (identifier,) = struct.unpack_from("=H", packet, 24)
        assert identifier in {pinging.pid(name) & 0xFFFF for name in NAMES}
        (number,) = struct.unpack_from("!H", packet, 26)
        source = packet[12:16]
        assert number == numbers.get(source, number - 1) + 1
        numbers[source] = number


def test_node_that_loses_a_ping_node_gives_up_and_gets_its_resources_back(pinging: Pair) -> None:
    firewall(pinging, ONE, "ip daddr 10.1.1.254")
    pinging.until(lambda: pinging.owners() == [TWO], 10)
    assert status_of(pinging, ONE, "10.1.1.254") == "dead"
    assert status_of(pinging, TWO, "10.1.1.254") == "ping"
    no_firewall(pinging, ONE)
    pinging.until(lambda: pinging.owners() == [ONE], 25)
    pinging.until(pinging.settled, 10)
    log = pinging.log(ONE)
    assert log.count("cannot send on ICMP to 10.1.1.254: Operation not permitted") == 1
    assert "cannot send on eth" not in log


def test_nothing_moves_when_both_lose_it(pinging: Pair) -> None:
    pinging.at_switch("address del 10.1.1.254/32 dev br0")
    for name in NAMES:
        pinging.until(lambda name=name: status_of(pinging, name, "10.1.1.254") == "dead", 5)  # type: ignore[misc]
    pinging.until(lambda: pinging.log(ONE).count("balanced. (2 here, 2 there)") > 0, 5)
    assert pinging.owners() == [ONE]
    pinging.at_switch("address add 10.1.1.254/32 dev br0")
    for name in NAMES:
        pinging.until(lambda name=name: status_of(pinging, name, "10.1.1.254") == "ping", 5)  # type: ignore[misc]
    assert pinging.owners() == [ONE]


def test_group_lives_as_long_as_one_of_its_hosts_answers(pinging: Pair) -> None:
    pinging.at_switch("address add 10.1.1.252/32 dev br0", "address del 10.1.1.253/32 dev br0")
    since = len(pinging.log(ONE))
    pinging.at_switch("address del 10.1.1.252/32 dev br0")
    pinging.until(lambda: status_of(pinging, ONE, "gw") == "dead", 5)
    assert pinging.log(ONE)[since:].count("node gw: is dead") == 1
    pinging.at_switch("address add 10.1.1.253/32 dev br0")
    pinging.until(lambda: status_of(pinging, ONE, "gw") == "ping", 5)


@pytest.mark.parametrize("line", ["ping nowhere.invalid", "ping_group gw nowhere.invalid"])
def test_ping_host_without_an_address_is_refused_at_the_start_with_its_line(pair: Pair, line: str) -> None:
    pair.write(ONE, "ha.cf", f"{HA_CF}{line}\n")
    pair.nodes[ONE].boot()
    status, out = pair.heartbeat(ONE, "start")
    assert status != 0
    assert f"ha.cf:{len(HA_CF.splitlines()) + 1}: ping host nowhere.invalid" in out


def test_group_with_one_host_that_has_no_address_does_without_it(pair: Pair) -> None:
    add_routers(pair)
    pair.write(ONE, "ha.cf", f"{HA_CF}ping_group gw nowhere.invalid 10.1.1.254\n")
    pair.nodes[ONE].boot()
    status, out = pair.heartbeat(ONE, "start")
    assert status == 0
    assert "ping host nowhere.invalid" in out
    pair.until(lambda: status_of(pair, ONE, "gw") == "ping", 10)


def test_start_beside_a_late_interface_finds_its_ping_nodes_when_it_comes(pair: Pair) -> None:
    add_routers(pair)
    pair.write(ONE, "ha.cf", f"{HA_CF}deadping 500ms\nping 10.1.1.254\n")
    pair.nodes[ONE].boot()
    assert pair.run(ONE, "ip", "link", "set", "eth0", "down")[0] == 0
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: status_of(pair, ONE, "10.1.1.254") == "dead", 10)
    assert pair.run(ONE, "ip", "link", "set", "eth0", "up")[0] == 0
    pair.until(lambda: status_of(pair, ONE, "10.1.1.254") == "ping", 10)
