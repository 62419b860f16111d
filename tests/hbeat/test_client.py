"""Which process is the daemon: the lock and the control socket say so, not the pid file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hbeat import client

HOLDER = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(client, "RUN_DIR", tmp_path)
    for name, file in (("LOCK_FILE", "lock"), ("PID_FILE", "heartbeat.pid"), ("SOCKET", "control")):
        monkeypatch.setattr(client, name, tmp_path / file)
    return tmp_path


def test_who_has_the_lock_is_found_whatever_the_pid_file_says(machine: Path) -> None:
    assert client.lock_holders() == []
    (machine / "heartbeat.pid").write_text("1\n")
    command = [sys.executable, "-c", HOLDER, str(machine / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        assert client.is_running()
        assert client.lock_holders() == [holder.pid]
        holder.communicate()
    assert not client.is_running()
    assert client.lock_holders() == []


def test_daemon_whose_lock_file_was_removed_runs_all_the_same(machine: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(machine / "control"))
        assert not client.is_running()  # left behind by one that was killed
        sock.listen()
        assert client.is_running()


def test_lock_is_had_once(machine: Path) -> None:
    first = client.take_lock()
    assert first is not None
    assert client.take_lock() is None
    os.close(first)
    again = client.take_lock()
    assert again is not None
    os.close(again)


def test_who_may_not_connect_is_told_who_may(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(sock: socket.socket) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(client, "_connect", refuse)
    with pytest.raises(PermissionError, match=r"^the daemon does not answer this user: only root and group haclient"):
        client.ask("status")
