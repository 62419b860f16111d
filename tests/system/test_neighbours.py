"""Questions about addresses, and answers of a real kernel on the other side of a cable."""

from __future__ import annotations

import json
import resource
import select
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from hbeat.adapters import neighbours
from hbeat.adapters.neighbours import Neighbours
from hbeat.core.events import Asked
from hbeat.core.probes import Claim, probe
from tests.system.pair import NAMES, VIP, Pair

ONE, TWO = NAMES
SIX = ip_address("fd00::10")
ADDRESSES = [VIP.packed, SIX.packed]


@pytest.fixture
def asking(pair: Pair) -> Iterator[Neighbours]:
    """On the first node, with both addresses of interest; the second node is there, too. No daemon runs."""
    for name in NAMES:
        pair.nodes[name].boot()
    made = opened(pair, ONE, ADDRESSES)
    yield made
    made.close()


def opened(pair: Pair, name: str, addresses: list[bytes]) -> Neighbours:
    namespace = pair.nodes[name]._namespace
    assert namespace is not None
    with namespace.entered():
        return Neighbours(addresses)


def mac(pair: Pair, name: str) -> bytes:
    text: str = json.loads(pair.run(name, "ip", "-json", "link", "show", "eth0")[1])[0]["address"]
    return bytes.fromhex(text.replace(":", ""))


def claims(asking: Neighbours, pair: Pair, seconds: float = 1.0) -> set[Claim]:
    """All that is said while both addresses are asked for several times."""
    found: set[Claim] = set()
    own = mac(pair, ONE)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for address in (VIP, SIX):
            assert asking.ask(probe(own, str(address)), "eth0") == (Asked.SENT, "")
        time.sleep(0.05)
        found |= set(asking.claims())
    return found


def add(pair: Pair, name: str) -> None:
    for words in (f"{VIP}/32", f"{SIX}/128"):
        nodad = ["nodad"] if ":" in words else []
        assert pair.run(name, "ip", "address", "add", words, "dev", "eth0", *nodad)[0] == 0


def test_living_owner_answers_for_both_families(pair: Pair, asking: Neighbours) -> None:
    add(pair, TWO)
    theirs = mac(pair, TWO)
    assert claims(asking, pair) == {Claim(VIP.packed, theirs), Claim(SIX.packed, theirs)}


def test_nobody_answers_for_addresses_that_nobody_has(pair: Pair, asking: Neighbours) -> None:
    assert claims(asking, pair, 0.4) == set()


def test_owner_that_hears_no_heartbeats_and_no_pings_answers(pair: Pair, asking: Neighbours) -> None:
    add(pair, TWO)
    rules = "add table inet t; add chain inet t i { type filter hook input priority 0; }; add rule inet t i"
    assert pair.run(TWO, "nft", f"{rules} ip saddr 10.1.1.2 drop")[0] == 0
    assert Claim(VIP.packed, mac(pair, TWO)) in claims(asking, pair)


def test_what_this_machine_says_itself_is_no_claim(pair: Pair, asking: Neighbours) -> None:
    add(pair, ONE)
    assert claims(asking, pair, 0.4) == set()


def test_question_of_the_other_node_is_heard_as_one(pair: Pair, asking: Neighbours) -> None:
    theirs = mac(pair, TWO)
    other = opened(pair, TWO, ADDRESSES)
    assert other.ask(probe(theirs, str(VIP)), "eth0") == (Asked.SENT, "")
    time.sleep(0.2)
    assert asking.claims() == [Claim(VIP.packed, theirs, has=False)]
    other.close()


def test_frames_about_other_addresses_are_left_in_the_kernel(pair: Pair, asking: Neighbours) -> None:
    pair.run(ONE, "ping", "-c", "1", "-W", "1", "10.1.1.3")
    with pytest.raises(BlockingIOError):
        asking.sockets[0].recv(2048)


MANY = [ip_address(f"10.9.{n // 250}.{n % 250}").packed for n in range(1100)]
"""More than a program of the kernel could look for."""


def test_more_addresses_than_the_kernel_tells_apart_are_heard_of_all_the_same(pair: Pair, asking: Neighbours) -> None:
    add(pair, TWO)
    asking.heed([*MANY, *ADDRESSES])
    assert asking.unfiltered == ""
    theirs = mac(pair, TWO)
    assert claims(asking, pair) == {Claim(VIP.packed, theirs), Claim(SIX.packed, theirs)}
    pair.run(TWO, "ip", "neigh", "flush", "all")
    pair.run(TWO, "ping", "-c", "1", "-W", "1", "10.1.1.2")  # the other node's kernel asks for this one's
    with pytest.raises(BlockingIOError):
        asking.sockets[0].recv(2048)


def test_filter_that_the_kernel_refuses_is_done_without(
    pair: Pair, asking: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(pair, TWO)
    monkeypatch.setattr(neighbours, "arp_filter", lambda addresses: b"\x06\0\0\0\0\0\0\0" * 4097)
    asking.heed([*MANY, *ADDRESSES])
    assert asking.unfiltered == "Invalid argument"
    theirs = mac(pair, TWO)
    assert claims(asking, pair) == {Claim(VIP.packed, theirs), Claim(SIX.packed, theirs)}


def test_question_on_an_interface_that_is_down_or_gone_was_not_sent(pair: Pair, asking: Neighbours) -> None:
    own = mac(pair, ONE)
    assert asking.ask(probe(own, str(VIP)), "eth7")[0] is Asked.UNSENT
    assert pair.run(ONE, "ip", "link", "set", "eth0", "down")[0] == 0
    assert asking.ask(probe(own, str(VIP)), "eth0")[0] is Asked.UNSENT


def test_without_a_descriptor_left_what_others_say_is_still_heard(pair: Pair, asking: Neighbours) -> None:
    add(pair, TWO)
    own, theirs = mac(pair, ONE), mac(pair, TWO)
    assert asking.ask(probe(own, str(VIP)), "eth0") == (Asked.SENT, "")
    assert select.select(asking.sockets, [], [], 5)[0]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        found = asking.claims()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert set(found) == {Claim(VIP.packed, theirs)}
