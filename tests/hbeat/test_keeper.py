"""The keeper with a stand-in for the daemon; with the real one in tests/system/test_safety.py."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hbeat import keeper
from hbeat.adapters.keeper_link import KeeperLink


class Kept:
    """A daemon that sleeps, its keeper, and what that one has started since."""

    def __init__(self, folder: Path) -> None:
        self.started = folder / "started"
        self.pid_file = folder / "pid"
        self.lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        self.daemon = subprocess.Popen(["sleep", "60"])
        reading, self.pipe = os.pipe()
        pidfd = os.pidfd_open(self.daemon.pid)
        self.keeper = subprocess.Popen(self.command(reading, pidfd), pass_fds=(reading, self.lock, pidfd))
        os.close(reading)
        os.close(pidfd)

    def command(self, reading: int, pidfd: int) -> list[str]:
        script = f'echo "$0 $$" >>{self.started}; exec sleep 60'
        restart = ["/bin/sh", "-c", script]
        return keeper.command(reading, self.lock, pidfd, str(self.pid_file), restart, realtime=False)

    def starts(self) -> list[str]:
        return self.started.read_text().splitlines() if self.started.exists() else []

    def kill_newest(self) -> None:
        os.kill(int(self.starts()[-1].split()[1]), signal.SIGKILL)

    def close(self) -> None:
        for process in (self.keeper, self.daemon):
            process.kill()
            process.wait()
        for line in self.starts():
            try:
                os.kill(int(line.split()[1]), signal.SIGKILL)
            except ProcessLookupError:
                continue
        os.close(self.lock)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.close()


def until(condition: Callable[[], bool], limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end_daemon(kept: Kept) -> None:
    kept.daemon.kill()
    kept.daemon.wait()


def test_daemon_that_says_farewell_is_not_started_again(kept: Kept) -> None:
    os.write(kept.pipe, b"bye\n")
    end_daemon(kept)
    assert kept.keeper.wait(10) == 0
    assert kept.starts() == []


def test_daemon_that_dies_is_started_again_and_again_more_slowly(kept: Kept) -> None:
    os.write(kept.pipe, b"+ 00ff\n- 00ff\n")
    end_daemon(kept)
    until(lambda: len(kept.starts()) == 1)
    assert kept.starts()[0].startswith("--kept=")
    begun = time.monotonic()
    kept.kill_newest()
    until(lambda: kept.pid_file.read_text() == f"{kept.keeper.pid}\n")  # who stops heartbeat now stops the keeper
    until(lambda: len(kept.starts()) == 2)
    assert time.monotonic() - begun >= 1.0


def test_signals_are_handed_on_and_termination_is_the_end_of_both(kept: Kept) -> None:
    until(lambda: Path(f"/proc/{kept.keeper.pid}/comm").read_text() == "hbeat-keeper\n")
    until(lambda: "SigCgt:\t0000000000000000" not in Path(f"/proc/{kept.keeper.pid}/status").read_text())
    kept.keeper.terminate()
    assert kept.daemon.wait(10) == -signal.SIGTERM
    assert kept.keeper.wait(10) == 0
    assert kept.starts() == []


def test_termination_while_there_is_no_daemon_ends_the_keeper(kept: Kept) -> None:
    end_daemon(kept)
    until(lambda: len(kept.starts()) == 1)
    kept.kill_newest()
    until(lambda: kept.pid_file.read_text() == f"{kept.keeper.pid}\n")
    kept.keeper.terminate()
    assert kept.keeper.wait(10) == 0
    assert not kept.pid_file.exists()


def test_link_says_what_stands_and_what_does_not(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    link = KeeperLink(writing, -1, lambda pipe, pidfd: [])
    link.stands(b"\x01")
    link.stands(b"\x02")
    link.gone(b"\x01")
    link.gone(b"\x09")
    link.farewell()
    assert os.read(reading, 4096) == b"+ 01\n+ 02\n- 01\nbye\n"
    os.close(reading)
    link.has_died()


def test_keeper_that_is_stopped_holds_nobody_up_and_misses_nothing() -> None:
    reading, writing = os.pipe()
    link = KeeperLink(writing, -1, lambda pipe, pidfd: [])
    for number in range(5000):
        link.stands(number.to_bytes(8, "big"))
    heard = b""
    while heard.count(b"\n") < 5000:
        heard += os.read(reading, 65_536)
        link.stands(b"\xff")
    assert [line for line in heard.split(b"\n") if len(line) == 18] == [b"+ %016x" % n for n in range(5000)]
    os.close(reading)
    link.has_died()


def end(link: KeeperLink) -> None:
    """The keeper that reads from it has ended."""
    link.has_died()
    assert link._process is not None
    link._process.wait(10)


def test_new_keeper_is_told_all_that_stands(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    said = tmp_path / "said"
    link = KeeperLink(None, lock, lambda pipe, pidfd: ["/bin/sh", "-c", f"cat /dev/fd/{pipe} >{said}"])
    link.stands(b"\x01")
    link.stands(b"\x02")
    link.gone(b"\x01")
    assert link.respawn(100.0)
    assert link.fileno() >= 0
    link.farewell()
    until(lambda: said.exists() and said.read_text() == "+ 02\nbye\n")
    end(link)
    assert not link.respawn(101.0)  # one that dies at once is not started at once again
    assert link.respawn(120.0)
    end(link)
    os.close(lock)
