"""One daemon on a machine, whatever happened to its files: start, stop and status find the one that runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.system.pair import NAMES, Pair

ONE, TWO = NAMES
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def alone(pair: Pair) -> Pair:
    """The first node runs and serves; the second is off."""
    pair.nodes[ONE].boot()
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.owners() == [ONE], 10)
    return pair


def daemons(pair: Pair) -> int:
    """How many processes have the heartbeat port open."""
    return len(set(re.findall(r"pid=(\d+)", pair.run(ONE, "ss", "-Hulnp", "sport = :694")[1])))


@contextmanager
def foreign(pair: Pair, file: str) -> Iterator[Callable[[], bool]]:
    """A process of somebody else, its pid in a file; asks whether it lives."""
    process = pair.nodes[ONE].start(["sh", "-c", f"echo $$ >{file}; exec sleep 60"])
    pair.until(lambda: pair.run(ONE, "test", "-s", file)[0] == 0, 5)
    pid = pair.run(ONE, "cat", file)[1].strip()
    try:
        yield lambda: process.poll() is None
    finally:
        pair.run(ONE, "kill", pid)
        process.communicate()


@pytest.mark.parametrize("damage", ["rm -f", "echo rubbish >", "cp /run/foreign"])
def test_stop_and_status_do_not_depend_on_the_pid_file(alone: Pair, damage: str) -> None:
    pid = alone.pid(ONE)
    with foreign(alone, "/run/foreign") as lives:
        assert alone.run(ONE, "sh", "-c", f"{damage} /run/heartbeat.pid")[0] == 0
        assert f"[pid {pid} et al] is running" in alone.run(ONE, "hbeat", "-s")[1]
        assert alone.run(ONE, "hbeat")[1].endswith(f"already running [pid {pid}]\n")
        assert alone.heartbeat(ONE, "stop")[0] == 0
        assert alone.owners() == []
        assert "stopped" in alone.run(ONE, "hbeat", "-s")[1]
        assert lives()


def test_daemon_that_does_not_answer_is_sent_the_signal_though_the_pid_file_names_another(alone: Pair) -> None:
    assert alone.run(ONE, "rm", "/run/heartbeat/control", "/run/heartbeat.pid")[0] == 0
    with foreign(alone, "/run/heartbeat.pid") as lives:
        assert alone.run(ONE, "hbeat", "-k")[0] == 0
        assert alone.owners() == []
        assert lives()


def test_start_beside_a_daemon_whose_lock_file_was_removed_is_no_second_one(alone: Pair) -> None:
    pid = alone.pid(ONE)
    assert alone.run(ONE, "rm", "/run/heartbeat/lock")[0] == 0
    status, out = alone.run(ONE, "hbeat")
    assert (status, f"already running [pid {pid}]" in out) == (0, True), out
    assert daemons(alone) == 1
    assert alone.run(ONE, "hbeat", "-k")[0] == 0
    assert alone.owners() == []


def test_start_during_a_stop_waits_for_it_and_starts(alone: Pair) -> None:
    folder = alone.nodes[ONE].folder / "ha.d"
    slow = folder / "resource.d" / "slow"
    slow.write_text("#!/bin/sh\ncase $1 in status) echo stopped;; stop) sleep 2;; esac\n")
    slow.chmod(0o755)
    alone.write(ONE, "haresources", f"{(folder / 'haresources').read_text().rstrip()} slow\n")
    assert alone.run(ONE, "hbeat", "-r")[0] == 0
    alone.until(lambda: "slow start: " in alone.log(ONE), 5)
    before = alone.pid(ONE)
    assert alone.run(ONE, "kill", str(before))[0] == 0
    alone.until(lambda: "shutdown in progress" in alone.log(ONE), 5)
    status, out = alone.run(ONE, "hbeat")
    assert (status, "waiting for the one that is stopping" in out) == (0, True), out
    assert alone.pid(ONE) != before
    alone.until(lambda: alone.owners() == [ONE], 10)


@pytest.mark.parametrize("options", [["-k"], ["-r"], []])
def test_who_may_not_is_told_so_with_4(alone: Pair, options: list[str]) -> None:
    status, out = alone.run(ONE, *NOBODY, "hbeat", *options)
    assert (status, "only root" in out) == (4, True), out
    assert "Errno" not in out
    assert alone.owners() == [ONE]


def test_start_on_a_full_disk_names_the_file_and_the_cure_and_leaves_nothing_behind(pair: Pair) -> None:
    pair.nodes[ONE].boot()
    fill = "mount -t tmpfs -o size=4k tmpfs /var/lib/heartbeat && head -c 8192 /dev/zero >/var/lib/heartbeat/fill"
    pair.run(ONE, "sh", "-c", fill)
    status, out = pair.run(ONE, "hbeat")
    assert (status, "/var/lib/heartbeat/hb_generation: No space left on device; make room there" in out) == (1, True), (
        out
    )
    assert pair.run(ONE, "ls", "/var/lib/heartbeat", "/run/heartbeat")[1].split() == [
        "/run/heartbeat:",
        "lock",
        "/var/lib/heartbeat:",
        "fill",
    ]
