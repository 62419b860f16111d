"""Interfaces that come late, go, come back, are renamed, change their address or cannot send."""

from __future__ import annotations

import re

import pytest

from tests.system.pair import HA_CF, NAMES, Pair

ONE, TWO = NAMES
pytestmark = [pytest.mark.root, pytest.mark.system]

UCAST = re.findall(r"^ucast.*\n", HA_CF, flags=re.MULTILINE)
MEDIA = {
    "ucast": "".join(UCAST),
    "bcast": "bcast eth0 eth1\n",
    "mcast": "mcast eth0 225.0.0.1 694 1 0\nmcast eth1 225.0.0.1 694 1 0\n",
}


def use(pair: Pair, lines: str) -> None:
    without_media = re.sub(r"^ucast.*\n", "", HA_CF, flags=re.MULTILINE)
    for name in NAMES:
        pair.write(name, "ha.cf", without_media + lines)


def ip(pair: Pair, name: str, words: str) -> None:
    status, out = pair.run(name, "ip", *words.split())
    assert status == 0, out


def link_is(pair: Pair, state: str, link: str = "eth1") -> None:
    """Each node says so of the other's link."""
    for name, other in ((ONE, TWO), (TWO, ONE)):
        shown = ("cl_status", "hblinkstatus", other, link)
        pair.until(lambda name=name, shown=shown: pair.run(name, *shown)[1] == f"{state}\n", 10)  # type: ignore[misc]


@pytest.mark.parametrize("lines", MEDIA.values(), ids=MEDIA)
def test_interface_that_comes_late_goes_and_comes_back_carries_heartbeats(pair: Pair, lines: str) -> None:
    use(pair, lines)
    for name in NAMES:
        pair.nodes[name].boot()
    ip(pair, TWO, "link delete eth1")
    for name in NAMES:
        status, out = pair.heartbeat(name, "start")
        assert status == 0, out
        pair.until(lambda: pair.owners() == [ONE], 10)
    assert "there is no interface eth1; bring it up or correct the line; heartbeats begin there" in out
    link_is(pair, "dead")
    pair.plug_in_again(TWO, 1)
    link_is(pair, "up")
    pair.says(TWO, "interface eth1 has appeared: heartbeats use it")
    ip(pair, TWO, "link delete eth1")
    link_is(pair, "dead")
    pair.until(lambda: "interface eth1 is gone" in pair.log(TWO), 5)
    pair.plug_in_again(TWO, 1)
    link_is(pair, "up")
    assert pair.owners() == [ONE]


@pytest.mark.parametrize("lines", MEDIA.values(), ids=MEDIA)
def test_renamed_interface_carries_on_and_another_that_gets_its_name_takes_over(pair: Pair, lines: str) -> None:
    use(pair, lines)
    pair.start_both()
    for command in ("link set eth1 down", "link set eth1 name lan1", "link set lan1 up"):
        ip(pair, TWO, command)
    ip(pair, TWO, "address replace 192.168.2.242/24 dev lan1")
    pair.until(lambda: "interface eth1 is called lan1 now: heartbeats go on over it" in pair.log(TWO), 5)
    link_is(pair, "up")
    ip(pair, TWO, "link delete lan1")
    pair.plug_in_again(TWO, 1)
    pair.until(lambda: "interface eth1 has appeared" in pair.log(TWO), 5)
    link_is(pair, "up")
    assert pair.owners() == [ONE]


def test_changed_address_is_used_at_once(pair: Pair) -> None:
    """The peer's ucast line must name the new one; bcast needs no change at all."""
    use(pair, "bcast eth0 eth1\n")
    pair.start_both()
    ip(pair, TWO, "address flush dev eth1")
    ip(pair, TWO, "address add 192.168.2.99/24 dev eth1")
    sniffer = pair.sniffer("switch", "br1", 0x0800)
    while (packet := sniffer.recv(2048))[14 + 12 : 14 + 16] != bytes([192, 168, 2, 99]):
        pass
    sniffer.close()
    assert b"src=test2.com" in packet
    link_is(pair, "up")


def test_firewall_on_one_link_leaves_the_other_alone_and_fills_no_log(pair: Pair) -> None:
    pair.start_both()
    table = "add table inet t; add chain inet t o { type filter hook output priority 0; }; "
    status, out = pair.run(TWO, "nft", f'{table} add rule inet t o oifname "eth1" udp dport 694 drop')
    assert status == 0, out
    pair.until(lambda: pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth1")[1] == "dead\n", 10)
    pair.until(lambda: "cannot send on eth1 to 192.168.2.241: Operation not permitted" in pair.log(TWO), 5)
    assert pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth0")[1] == "up\n"
    pair.run(TWO, "nft", "delete table inet t")
    pair.until(lambda: pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth1")[1] == "up\n", 10)
    pair.until(lambda: "sending on eth1 to 192.168.2.241 works again" in pair.log(TWO), 15)
    assert pair.log(TWO).count("cannot send on eth1 to 192.168.2.241") == 1
    assert pair.owners() == [ONE]


def test_full_queue_of_an_interface_leaves_the_other_alone(pair: Pair) -> None:
    """The kernel drops what the queue does not take, and tells a UDP socket nothing of it (udp(7), IP_RECVERR)."""
    pair.start_both()
    status, out = pair.run(TWO, "tc", "qdisc", "replace", "dev", "eth1", "root", "bfifo", "limit", "1")
    if status != 0:
        pytest.skip(f"no queueing discipline to fill here: {out.strip()}")
    pair.until(lambda: pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth1")[1] == "dead\n", 10)
    assert pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth0")[1] == "up\n"
    pair.run(TWO, "tc", "qdisc", "del", "dev", "eth1", "root")
    link_is(pair, "up")
    assert pair.owners() == [ONE]


def test_file_without_any_interface_that_exists_is_refused_with_its_lines(pair: Pair) -> None:
    use(pair, "bcast eth7\nbcast eth8\n")
    pair.nodes[ONE].boot()
    status, out = pair.heartbeat(ONE, "start")
    assert status != 0
    first = len(HA_CF.splitlines()) - len(UCAST) + 1
    assert f"ha.cf:{first}: there is no interface eth7" in out
    assert f"ha.cf:{first + 1}: there is no interface eth8" in out
