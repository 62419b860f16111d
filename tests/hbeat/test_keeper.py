"""The keeper with a stand-in for the daemon; with the real one in tests/system/test_safety.py."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hbeat import keeper
from hbeat.adapters.keeper_link import KeeperLink
from hbeat.core.sending import Target


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


def until_it_listens(kept: Kept) -> None:
    until(lambda: Path(f"/proc/{kept.keeper.pid}/comm").read_text() == "hbeat-keeper\n")
    until(lambda: "SigCgt:\t0000000000000000" not in Path(f"/proc/{kept.keeper.pid}/status").read_text())


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
    until_it_listens(kept)
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


@pytest.mark.parametrize(("family", "address"), [("4", "127.0.0.1"), ("6", "::1")])
def test_last_will_is_sent_when_the_daemon_has_died(kept: Kept, family: str, address: str) -> None:
    with socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((address, 0))
        other.settimeout(10)
        port = other.getsockname()[1]
        lines = [f"w {family} absent {address} {port} 1 00", f"w {family} lo {address} {port} 1 6f6c64"]
        lines += ["w", f"w {family} absent {address} {port} 1 00", f"w {family} lo {address} {port} 1 77696c6c"]
        os.write(kept.pipe, "".join(f"{line}\n" for line in lines).encode())
        end_daemon(kept)
        assert other.recv(100) == b"will"
        until(lambda: len(kept.starts()) == 1)
        kept.kill_newest()  # which has left none
        until(lambda: len(kept.starts()) == 2)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.recv(100)


def test_daemon_that_says_farewell_leaves_no_will(kept: Kept) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.setblocking(False)
        os.write(kept.pipe, b"w 4 lo 127.0.0.1 %d 1 77696c6c\nbye\n" % other.getsockname()[1])
        end_daemon(kept)
        assert kept.keeper.wait(10) == 0
        with pytest.raises(BlockingIOError):
            other.recv(100)


def test_link_says_where_the_last_will_goes_and_revokes_it() -> None:
    reading, writing = os.pipe()
    link = KeeperLink(writing, -1, lambda pipe, pidfd: [])
    targets = [Target(4, "eth0", "10.1.1.3", 694, 1), Target(6, "eth1", "fe80::1", 694, 4)]
    link.bequeath(targets, b"\x01\x02")
    assert os.read(reading, 4096) == b"w\nw 4 eth0 10.1.1.3 694 1 0102\nw 6 eth1 fe80::1 694 4 0102\n"
    link.bequeath(targets, b"")
    assert os.read(reading, 4096) == b"w\n"
    os.close(reading)
    link.has_died()


def test_keeper_without_a_descriptor_left_tries_again_until_there_is_one(kept: Kept) -> None:
    until_it_listens(kept)
    before = len(os.listdir(f"/proc/{kept.keeper.pid}/fd"))
    _, hard = resource.prlimit(kept.keeper.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(kept.keeper.pid, resource.RLIMIT_NOFILE, (3, hard))
    end_daemon(kept)
    until(lambda: len(os.listdir(f"/proc/{kept.keeper.pid}/fd")) == before - 2)  # it has let go of the dead one's two
    assert kept.keeper.poll() is None
    assert kept.starts() == []
    resource.prlimit(kept.keeper.pid, resource.RLIMIT_NOFILE, (hard, hard))
    until(lambda: len(kept.starts()) == 1)


def test_pid_file_that_cannot_be_written_is_no_reason_not_to_start(kept: Kept) -> None:
    kept.pid_file.mkdir()
    end_daemon(kept)
    until(lambda: len(kept.starts()) == 1)


@pytest.fixture
def syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The syslog daemon's socket, for keepers of this process."""
    monkeypatch.setattr(keeper, "SYSLOG", str(tmp_path / "log"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(keeper.SYSLOG)
        made.setblocking(False)
        yield made


@pytest.fixture
def nobodys(tmp_path: Path, syslog: socket.socket) -> Iterator[keeper.Keeper]:
    """A keeper in this process, of no daemon, whose pid file cannot be written."""
    made = keeper.Keeper(-1, -1, -1, str(tmp_path / "missing" / "pid"), ["/bin/true"])
    yield made
    made._netlink.close()
    made._syslog.close()


@pytest.mark.parametrize("refused", ["fork", "pipe", "pidfd_open"])
def test_start_that_the_machine_refuses_is_told_and_put_off(
    refused: str, nobodys: keeper.Keeper, syslog: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, ...]] = []

    def none_left(*arguments: int) -> None:
        asked.append(arguments)
        raise OSError(errno.EAGAIN, "none left")

    descriptors = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patched:
        patched.setattr(os, refused, none_left)
        assert not nobodys._start()
    told = syslog.recv(1000).decode()
    assert told.startswith("<26>")
    assert told.endswith("the daemon cannot be started again: none left; next attempt in 1 s")
    assert len(os.listdir("/proc/self/fd")) == descriptors
    for pid in asked[0]:  # a daemon whose end nobody would see
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_pid_file_that_cannot_be_written_is_told(nobodys: keeper.Keeper, syslog: socket.socket) -> None:
    nobodys._take_its_place()
    assert "missing/pid cannot be written: No such file or directory; it may name" in syslog.recv(1000).decode()


def test_syslog_that_takes_nothing_holds_no_keeper_up(nobodys: keeper.Keeper, syslog: socket.socket) -> None:
    for _ in range(1000):  # far more than wait in a socket
        nobodys._tell("nothing of importance")
    assert "nothing of importance" in syslog.recv(1000).decode()


def test_link_says_what_stands_and_what_does_not(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    link = KeeperLink(writing, -1, lambda pipe, pidfd: [])
    link.stands(b"\x01")
    link.stands(b"\x02")
    link.gone(b"\x01")
    link.gone(b"\x09")
    for route in (b"\x03", b"\x03", b""):
        link.puts_back(route)
    link.farewell()
    assert os.read(reading, 4096) == b"+ 01\n+ 02\n- 01\nr 03\nr \nbye\n"
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
    link.puts_back(b"\x03")
    assert link.respawn(100.0)
    assert link.fileno() >= 0
    link.farewell()
    until(lambda: said.exists() and said.read_text() == "+ 02\nr 03\nbye\n")
    end(link)
    assert not link.respawn(101.0)  # one that dies at once is not started at once again
    assert link.respawn(120.0)
    end(link)
    os.close(lock)
