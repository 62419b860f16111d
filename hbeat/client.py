"""Asks the running daemon, and finds out whether one runs. Imports little: these commands are run often."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path

RUN_DIR = Path("/var/run/heartbeat")
SOCKET = RUN_DIR / "control"
LOCK_FILE = RUN_DIR / "lock"
PID_FILE = Path("/var/run/heartbeat.pid")
TIMEOUT = 5.0
ONLY_READERS = "the daemon does not answer this user: only root and group haclient may ask"


class NotRunning(Exception):
    """No daemon answers; the text says why not."""


def ask(request: str) -> dict[str, object]:
    """The daemon's answer. Raises NotRunning, or PermissionError when the kernel does not let us ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        try:
            _connect(sock)
            sock.sendall(request.encode() + b"\n")
            received = b""
            while not received.endswith(b"\n"):
                chunk = sock.recv(65_536)
                if not chunk:
                    raise PermissionError(ONLY_READERS)
                received += chunk
        except PermissionError:
            raise PermissionError(ONLY_READERS) from None
        except OSError as error:
            raise NotRunning(f"heartbeat does not answer: {error.strerror or error}") from None
    answer = json.loads(received)
    assert isinstance(answer, dict)
    return answer


def _connect(sock: socket.socket) -> None:
    """A busy daemon's queue may be full for a moment: the kernel says so at once instead of waiting."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            sock.connect(str(SOCKET))
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def take_lock() -> int | None:
    """Become the one daemon of this machine: the descriptor holds the lock. None when there is one already."""
    RUN_DIR.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_running() -> bool:
    """Whether a daemon holds the lock, or has the control socket though somebody removed its lock file.

    A pid in a file may belong to anybody by now; locks and sockets cannot lie.
    """
    return _is_locked() or is_listening()


def is_listening() -> bool:
    """Whether a process has the control socket open; it need not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.connect(str(SOCKET))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def lock_holders() -> list[int]:
    """The processes that have the lock file open, the one of the pid file first; of those that root may look at."""
    try:
        lock = os.stat(LOCK_FILE)
    except OSError:
        return []
    known = daemon_pid()
    pids = sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), key=lambda pid: (pid != known, pid))
    return [pid for pid in pids if pid != os.getpid() and _has_open(pid, lock)]


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        return any(
            (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
            for found in (os.stat(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd"))
        )
    except OSError:  # it ended, or it is not ours to look at
        return False


def _is_locked() -> bool:
    try:
        descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:  # an ordinary user may not touch the lock, but may see the process
        pid = daemon_pid()
        return pid is not None and Path("/proc", str(pid)).exists()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def daemon_pid() -> int | None:
    """The number in the pid file, None without one."""
    try:
        return int(PID_FILE.read_text())
    except (OSError, ValueError):
        return None
