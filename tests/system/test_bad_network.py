"""A pair whose network loses datagrams, carries one way only, or plays back what was said yesterday."""

from __future__ import annotations

import struct
import time

import pytest

from hbeat.core.model import NodeName
from tests.system.pair import HOSTS, NAMES, Pair

ONE, TWO = NAMES
ETH_P_ALL, OUTGOING = 3, 4
LOSS = 30  # percent
pytestmark = [pytest.mark.root, pytest.mark.system]


def lose(pair: Pair, name: NodeName, rule: str) -> None:
    """Datagrams of the other node to which the rule applies do not get in here."""
    table = "add table inet t; add chain inet t i { type filter hook input priority 0; }"
    status, out = pair.run(name, "nft", f"{table}; add rule inet t i udp dport 694 {rule} drop")
    assert status == 0, out


def repair(pair: Pair, name: NodeName) -> None:
    assert pair.run(name, "nft", "delete table inet t")[0] == 0


def start_at_once(pair: Pair) -> float:
    """Both nodes, one right after the other; when the second began to start."""
    for name in NAMES:
        pair.nodes[name].boot()
    assert pair.heartbeat(TWO, "start")[0] == 0
    second = time.monotonic()
    assert pair.heartbeat(ONE, "start")[0] == 0
    return second


def test_common_start_of_two_nodes_of_ours_waits_for_nothing(pair: Pair) -> None:
    path = pair.nodes[ONE].folder / "ha.d" / "ha.cf"
    for name in NAMES:
        pair.write(name, "ha.cf", path.read_text().replace("initdead 1500ms", "initdead 20"))
    with pair.audit() as auditor:
        started = start_at_once(pair)
        pair.until(lambda: pair.owners() == [ONE], 8)  # an original waits ten seconds here
        took = time.monotonic() - started
        pair.until(pair.settled, 10)
    print(f"the address is there {took:.3f} s after the second node's start")
    assert auditor.doubles == []
    assert "hbeat" in pair.run(ONE, "hbeat", "status", "--yaml")[1]


def test_loss_of_thirty_percent_on_both_links_is_no_death(pair: Pair) -> None:
    path = pair.nodes[ONE].folder / "ha.d" / "ha.cf"
    for name in NAMES:
        pair.write(name, "ha.cf", path.read_text().replace("deadtime 500ms", "deadtime 1000ms"))
    pair.start_both()
    deaths = pair.deaths_told()
    for name in NAMES:
        lose(pair, name, f"numgen random mod 100 < {LOSS}")
    with pair.audit() as auditor:
        time.sleep(30)  # what is not to happen has the time to
    assert pair.deaths_told() == deaths
    assert auditor.holders == {(ONE,)}
    assert "lost packet(s)" in pair.log(ONE) + pair.log(TWO), "nothing was lost"


@pytest.mark.parametrize("deaf", NAMES)
def test_cut_in_one_direction_ends_with_one_owner_and_heals(pair: Pair, deaf: NodeName) -> None:
    pair.start_both()
    (other,) = set(NAMES) - {deaf}
    lose(pair, deaf, "ip saddr { " + ", ".join(HOSTS[other]) + " }")
    pair.until(lambda: f"node {other}: is dead" in pair.log(deaf), 10)
    pair.until(lambda: len(pair.owners()) == 1, 5)
    owner = pair.owners()
    with pair.audit() as auditor:
        time.sleep(5)  # calm
    assert auditor.holders == {tuple(owner)}
    with pair.audit() as auditor:
        repair(pair, deaf)
        pair.until(lambda: pair.owners() == [ONE], 20)
        pair.until(pair.settled, 10)
    assert auditor.doubles == []


def recorded(pair: Pair, name: NodeName, seconds: float) -> list[bytes]:
    """What this node sends over eth0 for so long."""
    found = []
    with pair.sniffer(name, "eth0", ETH_P_ALL) as sock:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame, address = sock.recvfrom(65535)
            if address[2] != OUTGOING or frame[12:14] != b"\x08\0" or frame[23] != 17:
                continue
            header = 14 + (frame[14] & 15) * 4
            if struct.unpack_from("!H", frame, header + 2) == (694,):
                found.append(frame[header + 8 :])
    return found


@pytest.mark.parametrize("forget", [False, True], ids=["with its record", "without it"])
def test_recording_of_a_dead_node_holds_up_no_restarted_one(pair: Pair, forget: bool) -> None:
    pair.start_both()
    yesterday = recorded(pair, ONE, 3)
    assert yesterday
    pair.nodes[ONE].power_off()
    assert pair.heartbeat(TWO, "stop")[0] == 0
    record = pair.nodes[TWO].folder / "lib" / "hb_peer"
    assert record.read_text().startswith(f"{ONE} ")
    if forget:
        record.unlink()
    assert pair.heartbeat(TWO, "start")[0] == 0
    started, sent = time.monotonic(), 0
    with pair.udp_socket(TWO) as attacker:

        def play_back() -> None:
            nonlocal sent
            for address in HOSTS[TWO]:
                attacker.sendto(yesterday[sent % len(yesterday)], (address, 694))
            sent += 1

        while pair.owners() != [TWO]:
            assert time.monotonic() - started < 1.5 + 1.0, "initdead and something for a busy machine"
            play_back()
            time.sleep(0.01)
        assert sent > 20
        while "stale" not in pair.run(TWO, "hbeat", "status")[1]:  # a life that is heard may take a second to answer
            assert time.monotonic() - started < 10
            play_back()
