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
                    raise PermissionError("the daemon does not answer this user: only root and group haclient may ask")
                received += chunk
        except PermissionError:
            raise
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
    """Whether a daemon holds the lock. A pid in a file may belong to anybody by now; a lock cannot lie."""
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
