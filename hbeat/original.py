"""Whether Linux-HA heartbeat runs on this node: two daemons on one set of files move the same addresses.

It does not know our lock, and we stop and ask nobody but ourselves; who is told of it stops it with its own program.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from hbeat import client

PROGRAM = "heartbeat"
REGISTER = Path("/var/run/heartbeat/register")
"""The socket of its clients, there while it is active (reference section 11.1)."""


@dataclass(frozen=True, slots=True)
class Original:
    """One that runs. pid 0: not known."""

    pid: int

    @property
    def name(self) -> str:
        return f"Linux-HA heartbeat [pid {self.pid or 'unknown'}]"

    @property
    def cure(self) -> str:
        """How it is stopped."""
        try:
            program = os.readlink(f"/proc/{self.pid}/exe")
        except OSError:
            program = PROGRAM
        return f"stop it first: {program} -k"


def running_original() -> Original | None:
    """The original that runs beside us. Ask only when no daemon of ours does: the pid file is the same."""
    pid = client.daemon_pid()
    if pid is not None and _is_program(pid):
        return Original(pid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.connect(str(REGISTER))
        except BlockingIOError:
            return Original(0)
        except OSError:
            return None
        pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Original(pid)


def _is_program(pid: int) -> bool:
    """Whether this process is alive and called so; the number in an old pid file may be anybody's by now."""
    try:
        return Path("/proc", str(pid), "comm").read_text().strip() == PROGRAM
    except OSError:
        return False
