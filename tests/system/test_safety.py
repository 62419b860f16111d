"""Never two owners: daemons killed, stopped and cut off, judged by the kernels and a client's ARP (`referee`).

Each fault is played against a pair with all safety on, and against one that is as heartbeat is: there the same referee
has to see two owners, or it could not have seen them here.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable

import pytest

from tests.system.pair import NAMES, VIP, Pair
from tests.system.referee import ETH_P_ARP, Referee, Timeline
from tests.system.test_changes import UNSAFE

ONE, TWO = NAMES
STRANGER = bytes.fromhex("02000000c11e")
UNSEEN = 0.005
"""Seconds: two looks at two kernels are not one moment."""

Fault = Callable[[Pair], None]


def processes(pair: Pair, name: str, what: str) -> list[int]:
    """The pids, within the node, of processes whose command is called so."""
    lines = pair.run(name, "ps", "-eo", "pid,comm,stat")[1].splitlines()[1:]
    rows = [line.split() for line in lines]
    return [int(pid) for pid, comm, stat in rows if comm == what and not stat.startswith("Z")]


def kill(pair: Pair, name: str, *pids: int, number: int = signal.SIGKILL) -> None:
    assert pair.run(name, "kill", f"-{int(number)}", *map(str, pids))[0] == 0


def kill_daemon(pair: Pair) -> None:
    kill(pair, ONE, pair.pid(ONE))


def kill_daemon_and_keeper(pair: Pair) -> None:
    """Stopped first: of two that are killed one after the other the second starts the first again in between."""
    both = (*processes(pair, ONE, "hbeat-keeper"), pair.pid(ONE))
    kill(pair, ONE, *both, number=signal.SIGSTOP)
    kill(pair, ONE, *both)


def stopped(seconds: float) -> Fault:
    def stop(pair: Pair) -> None:
        pid = pair.pid(ONE)
        kill(pair, ONE, pid, number=signal.SIGSTOP)
        time.sleep(seconds)
        kill(pair, ONE, pid, number=signal.SIGCONT)

    return stop


def cut_heartbeats(pair: Pair) -> None:
    rules = "add table inet t; add chain inet t i { type filter hook input priority 0; }; add rule inet t i"
    for name in NAMES:
        assert pair.run(name, "nft", f"{rules} udp dport 694 drop")[0] == 0


def mend_heartbeats(pair: Pair) -> None:
    for name in NAMES:
        assert pair.run(name, "nft", "delete table inet t")[0] == 0


def switch_off(pair: Pair) -> None:
    pair.nodes[ONE].power_off()


def started(pair: Pair) -> None:
    """Settled, and out of the first five seconds, in which a node is given two seconds more."""
    pair.start_both()
    pair.until(lambda: all("deadtime: 0.5" in pair.run(name, "hbeat", "status", "--yaml")[1] for name in NAMES), 15)


def observed(pair: Pair, fault: Fault, seconds: float) -> Timeline:
    with Referee(pair) as referee:
        time.sleep(0.2)
        fault(pair)
        time.sleep(seconds)
    return referee.timeline


def unsafe(pair: Pair) -> Pair:
    for name in NAMES:
        pair.write(name, "hbeat.yaml", UNSAFE)
    return pair


def in_the_end(pair: Pair, owner: str) -> None:
    pair.until(lambda: pair.owners() == [owner] and pair.settled(), 15)


def test_killed_daemon_loses_its_addresses_at_once_and_is_started_again(pair: Pair) -> None:
    started(pair)
    old = pair.pid(ONE)
    seen = observed(pair, kill_daemon, 3)
    assert seen.seconds_with(2) <= UNSEEN, str(seen)
    assert seen.double_answers() == 0
    assert seen.longest_without() < 1.0, str(seen)  # without a keeper it is the lease at least
    in_the_end(pair, ONE)
    assert pair.pid(ONE) != old
    assert processes(pair, ONE, "hbeat-keeper") != []


def test_daemon_that_is_killed_again_and_again_is_started_more_and_more_slowly(pair: Pair) -> None:
    started(pair)
    begun = time.monotonic()
    for _ in range(3):
        pid = pair.pid(ONE)
        kill(pair, ONE, pid)
        pair.until(lambda pid=pid: daemon_pid(pair) not in (pid, 0, *processes(pair, ONE, "hbeat-keeper")), 20)  # type: ignore[misc]
    assert time.monotonic() - begun > 1 + 2  # at once, after one second, after two
    in_the_end(pair, ONE)


def daemon_pid(pair: Pair) -> int:
    text = pair.run(ONE, "cat", "/var/run/heartbeat.pid")[1]
    return int(text) if text.strip().isdigit() else 0


def test_keeper_that_is_killed_moves_nothing_and_is_replaced(pair: Pair) -> None:
    started(pair)
    (keeper,) = processes(pair, ONE, "hbeat-keeper")

    def kill_keeper(pair: Pair) -> None:
        kill(pair, ONE, keeper)

    seen = observed(pair, kill_keeper, 1)
    assert seen.owners == [(seen.owners[0][0], frozenset({ONE}))]
    pair.until(lambda: len(processes(pair, ONE, "hbeat-keeper")) == 1, 5)
    seen = observed(pair, kill_daemon, 3)
    assert seen.seconds_with(2) <= UNSEEN, str(seen)
    assert seen.longest_without() < 1.0, str(seen)
    in_the_end(pair, ONE)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    pair.until(lambda: processes(pair, ONE, "hbeat-keeper") == [], 5)


def test_after_both_died_nothing_of_the_node_is_left(pair: Pair) -> None:
    started(pair)
    seen = observed(pair, kill_daemon_and_keeper, 3)
    assert seen.seconds_with(2) <= UNSEEN, str(seen)
    assert seen.double_answers() == 0
    assert seen.owners[-1][1] == {TWO}
    assert seen.longest_without() < 1.5, str(seen)
    status, out = pair.run(ONE, "ip", "-o", "address")
    assert (status, str(VIP) in out) == (0, False)
    assert pair.heartbeat(ONE, "start")[0] == 0
    in_the_end(pair, ONE)


@pytest.mark.parametrize("seconds", [0.2, 0.7, 2, 8])
def test_stopped_daemon_has_no_address_beside_its_peer(pair: Pair, seconds: float) -> None:
    started(pair)
    seen = observed(pair, stopped(seconds), 3)
    assert seen.seconds_with(2) <= UNSEEN, str(seen)
    assert seen.double_answers() == 0
    assert seen.longest_without() < 1.6, str(seen)  # the rest of the lease, and half a second
    in_the_end(pair, ONE)


def test_cut_heartbeats_move_nothing_while_the_network_is_alive(pair: Pair) -> None:
    started(pair)
    seen = observed(pair, cut_heartbeats, 4)
    assert seen.owners == [(seen.owners[0][0], frozenset({ONE}))], str(seen)
    assert {mac for _, mac in seen.answers} == {seen.answers[0][1]}
    pair.says(TWO, "is answered for by")
    mend_heartbeats(pair)
    pair.until(pair.settled, 15)
    assert pair.owners() == [ONE]


def test_owner_that_dies_behind_cut_heartbeats_is_replaced(pair: Pair) -> None:
    started(pair)
    cut_heartbeats(pair)
    pair.until(lambda: "is answered for by" in pair.log(TWO), 10)
    seen = observed(pair, switch_off, 3)
    assert seen.owners[-1][1] == {TWO}
    assert seen.longest_without() < 1.0, str(seen)


@pytest.mark.parametrize("fault", [kill_daemon, stopped(4), cut_heartbeats], ids=["killed", "stopped", "cut"])
def test_referee_sees_two_owners_without_the_safety(pair: Pair, fault: Fault) -> None:
    started(unsafe(pair))
    seen = observed(pair, fault, 2)
    assert seen.seconds_with(2) > 1, str(seen)
    assert len({mac for _, mac in seen.answers}) == 2
    assert seen.double_answers() > 0


def test_address_that_somebody_removes_is_put_back(pair: Pair) -> None:
    started(pair)
    assert pair.run(ONE, "ip", "address", "del", f"{VIP}/24", "dev", "eth0")[0] == 0
    in_the_end(pair, ONE)
    pair.says(ONE, "somebody removed it")


def test_claim_of_a_stranger_is_told_and_answered_with_an_announcement(pair: Pair) -> None:
    started(pair)
    with pair.sniffer("switch", "br0", ETH_P_ARP) as sock:
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + STRANGER + VIP.packed + bytes(6) + VIP.packed
        sock.send(b"\xff" * 6 + STRANGER + struct.pack("!H", ETH_P_ARP) + arp)
        pair.until(lambda: f"is claimed by {STRANGER.hex(':')}" in pair.log(ONE), 5)
        deadline = time.monotonic() + 3
        while (frame := sock.recv(2048))[28:32] != VIP.packed or frame[22:28] == STRANGER:
            assert time.monotonic() < deadline
    assert pair.owners() == [ONE]


def test_node_that_is_told_to_stop_ends_with_its_keeper_and_leaves_no_zombie(pair: Pair) -> None:
    started(pair)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    assert processes(pair, ONE, "hbeat-keeper") == []
    pair.until(lambda: pair.owners() == [TWO], 10)
    (keeper,) = processes(pair, TWO, "hbeat-keeper")
    kill(pair, TWO, keeper, number=signal.SIGTERM)  # as who stops the whole process group does
    pair.until(lambda: pair.run(TWO, "hbeat", "-s")[0] == 3, 10)
    assert pair.owners() == []
    for name in NAMES:
        states = pair.run(name, "ps", "-eo", "stat")[1].split()
        assert not any(state.startswith("Z") for state in states)


def test_keeper_is_small(pair: Pair) -> None:
    started(pair)
    (keeper,) = processes(pair, ONE, "hbeat-keeper")
    sizes = {pid: int(pair.run(ONE, "ps", "-o", "rss=", str(pid))[1]) for pid in (keeper, pair.pid(ONE))}
    assert sizes[keeper] < sizes[pair.pid(ONE)] / 2, str(sizes)
    assert os.path.basename(pair.run(ONE, "ps", "-o", "comm=", str(keeper))[1].strip()) == "hbeat-keeper"


def test_hundred_addresses_hold_up_neither_heartbeats_nor_leases(pair: Pair) -> None:
    """To stop them takes longer than half of deadtime, and than a quarter of their lease."""
    many = " ".join(f"IPaddr2::10.1.1.{number}/24/eth0" for number in range(100, 200))
    for name in NAMES:
        pair.write(name, "haresources", f"{ONE} {many} IPaddr::{VIP}/24/eth0\n")
    started(pair)
    pair.until(lambda: pair.owners() == [ONE] and pair.settled(), 20)
    assert pair.run(ONE, "hb_standby")[0] == 0
    pair.until(lambda: pair.owners() == [TWO] and pair.settled(), 20)
    for name in NAMES:
        assert "slept" not in pair.log(name)
        assert "returning after partition" not in pair.log(name)
