"""Detaching: whether the status of `start` is the truth. Only the daemon itself is replaced."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ldirector import service
from ldirector.adapters.ipvs import IpvsError
from ldirector.adapters.log import Log
from ldirector.core.model import Role
from ldirector.instance import Instance


class Scripted:
    """A daemon that does as told, then waits to be let go by the file `go`."""

    def __init__(
        self, folder: Path, before: Callable[[], None] = lambda: None, then: Callable[[], None] = lambda: None
    ):
        self._folder = folder
        self._before = before
        self._then = then

    async def run(self, announce_ready: Callable[[], None]) -> None:
        self._before()
        announce_ready()
        self._then()
        for _ in range(1000):
            if (self._folder / "go").exists():
                return
            await asyncio.sleep(0.01)


def fail(error: BaseException) -> Callable[[], None]:
    def raising() -> None:
        raise error

    return raising


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path / "x.cf", "x.cf", tmp_path)


def detach(instance: Instance, **script: Any) -> int:
    """As service.start does it, in the end letting go of the lock like an ending command."""
    lock = instance.lock()
    assert lock is not None
    daemon: Any = Scripted(instance.run_dir, **script)
    try:
        return service._detach(instance, daemon, Log(str(instance.run_dir / "log"), "x.cf"), lock)
    finally:
        os.close(lock)


def test_start_returns_zero_when_the_daemon_is_ready_and_it_holds_lock_and_pid_file(instance: Instance) -> None:
    assert detach(instance) == 0
    pid = instance.running_pid()
    assert pid not in (None, os.getpid())
    assert os.getsid(pid or 0) == pid, "detached from the terminal"
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    (instance.run_dir / "go").touch()
    assert instance.wait_until_gone(10)
    assert not instance.pid_file.exists()


def test_an_error_before_ready_is_the_commands_error(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    assert detach(instance, before=fail(IpvsError("no table"))) == 1
    assert capsys.readouterr().err == "ldirectord: no table\n"
    assert instance.wait_until_gone(10)
    assert not instance.pid_file.exists()


def test_a_bug_before_ready_is_said_and_logged_with_its_traceback(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detach(instance, before=fail(ZeroDivisionError("a bug"))) == 1
    assert "ended by an error of this program: ZeroDivisionError('a bug')" in capsys.readouterr().err
    assert "Traceback" in (instance.run_dir / "log").read_text()


def test_a_daemon_that_vanishes_without_a_word_is_a_failed_start(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detach(instance, before=lambda: os._exit(0)) == 1
    assert "ended while it started" in capsys.readouterr().err
    assert sorted(path.name for path in instance.run_dir.glob("*.cf.*")) == ["ldirectord.x.cf.lock"]


def started(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """service.start of a good file; the kernel's table is not opened."""
    instance.config.write_text("virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\tchecktype=on\n")
    monkeypatch.setattr(service, "Ipvs", object)
    return service.start(instance, Role.ACTIVE)


def test_start_without_room_for_the_pid_names_the_file_and_leaves_nothing(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = instance.pid_file, instance.run_dir
    path.symlink_to("/dev/full")
    assert started(instance, monkeypatch) == 1
    assert not instance.is_locked()
    words = f"cannot write {path}: No space left on device; make room there: df {folder}; df -i {folder}"
    assert capsys.readouterr().err == f"ldirectord: {words}\n"
    assert [each.name for each in folder.glob("*.cf.*")] == ["ldirectord.x.cf.lock"]


def test_start_that_cannot_bind_its_socket_names_it_and_leaves_nothing(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (instance.socket / "x").mkdir(parents=True)
    assert started(instance, monkeypatch) == 1
    assert capsys.readouterr().err.startswith(f"ldirectord: cannot write {instance.socket}: Is a directory; look at")
    assert not instance.pid_file.exists()


def test_start_without_its_folder_says_which_to_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path / "away"
    assert started(Instance(tmp_path / "x.cf", "x.cf", away), monkeypatch) == 1
    words = f"cannot write {away}/ldirectord.x.cf.lock: No such file or directory; make the folder {away}"
    assert capsys.readouterr().err == f"ldirectord: {words}\n"


def test_daemon_that_finds_no_room_for_its_pid_says_so_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance = Instance(tmp_path / "ldirectord.cf", "ldirectord.cf", tmp_path)
    (tmp_path / "ldirectord.ldirectord.pid" / "x").mkdir(parents=True)
    assert detach(instance) == 1
    words = f"cannot write {tmp_path}/ldirectord.ldirectord.pid: Is a directory; look at"
    assert capsys.readouterr().err.startswith(f"ldirectord: {words}")
    assert instance.wait_until_gone(10)
    assert not instance.pid_file.exists()


def test_daemon_that_lost_the_room_for_its_pid_leaves_nothing(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the command and its daemon, where the library writes the pid first and ends without a word."""
    instance.pid_file.symlink_to("/dev/full")
    assert detach(instance) == 1
    assert "ended while it started" in capsys.readouterr().err
    assert not os.path.lexists(instance.pid_file)


def test_a_daemon_that_fails_later_leaves_neither_lock_nor_pid_file(instance: Instance) -> None:
    assert detach(instance, then=fail(ZeroDivisionError("later"))) == 0
    assert instance.wait_until_gone(10)
    deadline = time.monotonic() + 5
    while instance.pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not instance.pid_file.exists()


def test_loop_is_uvloop_where_it_is_installed_and_asyncios_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = "uvloop" if find_spec("uvloop") else "asyncio"
    loops: list[str] = []

    async def work() -> None:
        loops.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])

    service.run_loop(work())
    monkeypatch.setitem(sys.modules, "uvloop", None)
    service.run_loop(work())
    assert loops == [fast, "asyncio"]
