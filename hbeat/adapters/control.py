"""The daemon's control socket: /var/run/heartbeat/control, a stream of lines.

A request is one line of words, the answer one line of JSON with "ok" true or false. The kernel tells who asks
(SO_PEERCRED): root and the daemon's own user may do everything, members of group haclient may look. A client cannot
hold up the loop: lines are short, connections few and closed when they stay silent.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

SOCKET = Path("/var/run/heartbeat/control")
LINE_LIMIT = 1024
MAX_CLIENTS = 16
IDLE_SECONDS = 10.0
READERS = "haclient"


@dataclass(slots=True)
class Client:
    """One connection, and what it has sent of its next line."""

    sock: socket.socket
    until: float
    may_change: bool
    received: bytes = b""


class ControlServer:
    """Accepts, reads lines, writes answers; the loop watches `filenos` and hands requests to the daemon."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._listener.bind(str(path))
        os.chmod(path, 0o660)
        try:
            os.chown(path, -1, grp.getgrnam(READERS).gr_gid)
        except (KeyError, PermissionError):
            os.chmod(path, 0o600)  # no such group on this machine: only our own user asks
        self._listener.listen(MAX_CLIENTS)
        self._clients: dict[int, Client] = {}

    @property
    def filenos(self) -> list[int]:
        return [self._listener.fileno(), *self._clients]

    def readable(self, fileno: int, now: float) -> tuple[Client, list[str]] | None:
        """A descriptor is readable: a complete request, if that makes one."""
        if fileno == self._listener.fileno():
            self._accept(now)
            return None
        client = self._clients.get(fileno)
        return None if client is None else self._read(client, now)

    def _accept(self, now: float) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        _pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        may_change = uid in (0, os.geteuid())
        if len(self._clients) >= MAX_CLIENTS or not (may_change or _is_reader(uid, gid)):
            sock.close()
            return
        sock.setblocking(False)
        self._clients[sock.fileno()] = Client(sock, now + IDLE_SECONDS, may_change)

    def _read(self, client: Client, now: float) -> tuple[Client, list[str]] | None:
        try:
            chunk = client.sock.recv(LINE_LIMIT)
        except BlockingIOError:
            return None
        except OSError:
            chunk = b""
        client.received += chunk
        line, newline, rest = client.received.partition(b"\n")
        if not chunk or (not newline and len(client.received) > LINE_LIMIT):
            self._drop(client)
            return None
        if not newline:
            return None
        client.received, client.until = rest, now + IDLE_SECONDS
        return client, line.decode("utf-8", "replace").split()

    def answer(self, client: Client, answer: dict[str, object]) -> None:
        """Sends the answer; a client that does not take it is dropped."""
        data = json.dumps(answer).encode() + b"\n"
        try:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(data) * 2)
            if client.sock.send(data) != len(data):
                self._drop(client)
        except OSError:
            self._drop(client)

    def next_deadline(self) -> float | None:
        return min((client.until for client in self._clients.values()), default=None)

    def handle_timer(self, now: float) -> None:
        for client in [c for c in self._clients.values() if c.until <= now]:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        self._clients.pop(client.sock.fileno(), None)
        client.sock.close()

    def close(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client)
        self._listener.close()
        self._path.unlink(missing_ok=True)


def _is_reader(uid: int, gid: int) -> bool:
    try:
        group = grp.getgrnam(READERS)
    except KeyError:
        return False
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = ""
    return gid == group.gr_gid or name in group.gr_mem
