"""connection_sync against real IPVS: what runs is told by the kernel's threads, what is known by its table."""

from __future__ import annotations

import selectors
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat.adapters.connection_files import connection_texts
from hbeat.adapters.ipvs_sync import SyncDaemons
from hbeat.adapters.sync_sender import send
from hbeat.connection_teller import Teller
from hbeat.connection_watch import PERIOD, ConnectionWatch
from hbeat.core.connection_table import Connection, Forwarding, connections
from hbeat.core.events import Note
from hbeat.core.model import Sessions, SyncPlan
from hbeat.core.sync_message import messages, record
from migration.namespaces import NetworkNamespace
from tests.hbeat.world import World

PLAN = SyncPlan("eth9", 7, line=3)


def sh(command: str) -> str:
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def threads() -> set[str]:
    """The pids of the kernel's synchronisation threads."""
    comms = ((path.parent.name, path.read_text()) for path in Path("/proc").glob("[0-9]*/comm"))
    return {pid for pid, comm in comms if comm.startswith(("ipvs-m", "ipvs-b"))}


def running() -> dict[str, tuple[str, int]]:
    daemons = SyncDaemons()
    try:
        return daemons.running()
    finally:
        daemons.close()


BOTH = {"master": ("eth9", 7), "backup": ("eth9", 7)}


class Watched:
    """A watch with a cluster behind it, in time that is told."""

    def __init__(self) -> None:
        self.world = World(sessions=Sessions(PLAN)).both_up()
        self.cluster = self.world.node("a")
        self.notes: list[Note] = []
        self.now = self.world.now
        perform = lambda effects: self.world.perform("a", effects)  # noqa: E731
        self.watch = ConnectionWatch(selectors.DefaultSelector(), self.cluster, perform, self.notes.append)
        self.watch.heed(PLAN, self.now)

    def later(self) -> None:
        self.now += PERIOD
        self.watch.handle_timer(self.now)

    @property
    def said(self) -> str:
        return "\n".join(note.text for note in self.notes)


@pytest.fixture
def interface() -> Iterator[None]:
    for state in running():
        sh(f"ipvsadm --stop-daemon {state}")
    sh("ip link del eth9 2>/dev/null || true; ip link add eth9 type dummy; ip link set eth9 up multicast on")
    yield
    sh("ip link del eth9 2>/dev/null || true")


@pytest.fixture
def watched(interface: None) -> Iterator[Watched]:
    made = Watched()
    yield made
    made.watch.end()


def test_both_daemons_run_as_long_as_it_is_on(watched: Watched) -> None:
    assert running() == BOTH
    assert watched.cluster.connections.listening
    watched.watch.heed(SyncPlan("eth9", 9), watched.now)
    assert running() == {"master": ("eth9", 9), "backup": ("eth9", 9)}
    watched.watch.heed(None, watched.now)
    assert running() == {}
    assert watched.said == ""


def test_what_a_crashed_daemon_left_is_taken_over_as_it_runs(interface: None) -> None:
    for state in BOTH:
        sh(f"ipvsadm --start-daemon {state} --mcast-interface eth9 --syncid 7")
    left = threads()
    assert len(left) == 2
    watched = Watched()
    assert threads() == left
    watched.watch.end()
    assert threads() == set()


def test_daemon_that_somebody_stopped_is_started_again(watched: Watched) -> None:
    sh("ipvsadm --stop-daemon backup")
    watched.later()
    assert running() == BOTH
    assert watched.said == "connection_sync: backup had ended; started again"


def test_interface_that_comes_back_gets_daemons_of_its_own(watched: Watched) -> None:
    before = threads()
    sh("ip link del eth9")
    watched.later()
    assert "hbeat.yaml:3: connection_sync: there is no interface eth9: name one" in watched.said
    assert not watched.cluster.connections.listening
    watched.later()
    assert watched.said.count("there is no interface") == 1
    sh("ip link add eth9 type dummy; ip link set eth9 up multicast on")
    watched.later()
    assert running() == BOTH
    assert not threads() & before
    assert watched.cluster.connections.listening
    assert watched.said.endswith("connection_sync: runs on eth9 now")


def test_interface_that_is_down_is_told_and_tried_again(interface: None) -> None:
    sh("ip link set eth9 down")
    watched = Watched()
    assert "interface eth9 is down" in watched.said
    assert running() == {}
    sh("ip link set eth9 up")
    watched.later()
    assert running() == BOTH
    watched.watch.end()


def test_interface_without_multicast_is_tried_and_told(interface: None) -> None:
    sh("ip link set eth9 multicast off")
    watched = Watched()
    watched.later()
    assert running() == BOTH
    assert watched.said.count("eth9 does not say that it carries multicast") == 1
    watched.watch.end()


def connection(number: int, state: str = "ESTABLISHED") -> Connection:
    return Connection("TCP", "0A010164", f"{number:04X}", "0A01010A", "0050", "C0A802EC", "0050", state, 900)


def known() -> list[Connection]:
    return [found for text in connection_texts() for found in connections(text)]


def names() -> set[str]:
    return {found.name for found in known()}


@pytest.fixture
def directors() -> Iterator[tuple[NetworkNamespace, NetworkNamespace]]:
    """Two of them on one cable, eth0, each listening for syncid 5; the first one has the service."""
    both = NetworkNamespace.create(), NetworkNamespace.create()
    sh(f"ip link add eth0 netns {both[0].path} type veth peer name eth0 netns {both[1].path}")
    for number, one in enumerate(both, 1):
        with one.entered():
            sh(f"ip link set lo up; ip link set eth0 up; ip addr add 10.9.0.{number}/24 dev eth0")
            sh("ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 5")
    with both[0].entered():
        sh("ipvsadm -A -t 10.1.1.10:80; ipvsadm -a -t 10.1.1.10:80 -r 192.168.2.236 -m")
    yield both
    for one in both:
        with one.entered():
            sh("ipvsadm --stop-daemon backup")
        one.close()


def until(condition: set[str]) -> set[str]:
    """What is known, at the latest after two seconds; a kernel takes messages one after the other."""
    deadline = time.monotonic() + 2
    while names() != condition and time.monotonic() < deadline:
        time.sleep(0.01)
    return names()


def test_kernel_of_the_other_node_knows_every_connection_that_was_told(
    directors: tuple[NetworkNamespace, NetworkNamespace],
) -> None:
    """The first director gets 1,500 connections in the way in which it then tells the second one of them."""
    first, second = directors
    made = [connection(number) for number in range(1000, 2500)]
    records = [told for one in made if (told := record(one, Forwarding(0)))]
    with second.entered():
        send(messages(records, 5), "eth0")
        send(messages([records[0]], 6), "eth0")  # of a syncid that nobody listens to
    wanted = {one.name for one in made}
    order = {"interface": "eth0", "syncid": 5, "virtuals": None, "wanted": [made[0].name, "feed00000000"]}
    with first.entered():
        assert until(wanted) == wanted
        look = Teller().look(order)
        nobody = Teller().look({**order, "virtuals": ["10.1.1.11"]})
    assert (look["count"], look["told"], look["present"], look["problem"]) == (1500, 1500, 1, "")
    assert look["sample"] == sorted(wanted)[:8]
    assert (nobody["told"], nobody["sample"]) == (0, [])
    with second.entered():
        assert until(wanted) == wanted
        found = known()
        assert {(one.state, one.real) for one in found} == {("ESTABLISHED", "C0A802EC")}
        assert all(800 < one.expires <= 900 for one in found)


def test_interface_that_is_not_there_is_a_problem_and_no_crash(
    directors: tuple[NetworkNamespace, NetworkNamespace],
) -> None:
    first, second = directors
    told = record(connection(1), Forwarding(0))
    assert told is not None
    with second.entered():
        send(messages([told], 5), "eth0")
    with first.entered():
        until({connection(1).name})
        look = Teller().look({"interface": "eth8", "syncid": 5, "virtuals": None, "wanted": []})
    assert "cannot be told to the other node" in str(look["problem"])
    assert look["sample"] == []
