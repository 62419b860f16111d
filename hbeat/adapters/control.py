"""The daemon's control socket: /var/run/heartbeat/control, a stream of lines.

A request is one line of words, the answer one line of JSON with "ok" true or false. The kernel tells who asks
(SO_PEERCRED): root and the daemon's own user may do everything, members of group haclient may look. A client cannot
hold up the loop: lines are short, connections few, and closed when they stay silent, sooner while others wait.
"""

from __future__ import annotations

import errno
import grp
import json
import os
import pwd
import selectors
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOCKET = Path("/var/run/heartbeat/control")
LINE_LIMIT = 1024
MAX_CLIENTS = 16
BACKLOG = 64
IDLE_SECONDS = 10.0
CROWDED_SECONDS = 0.5
READERS = "haclient"
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(slots=True, eq=False)
class Client:
    """One connection, and what it has sent of its next line."""

    sock: socket.socket
    until: float
    may_change: bool
    received: bytes = b""


class ControlServer:
    """Accepts, reads lines, writes answers.

    It watches its connections with a selector of its own, which the loop watches as one descriptor: a connection that
    ends takes its registration with it, before its number can come back as something else.
    """

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._listener.bind(str(path))
        except OSError as error:
            self._listener.close()
            raise OSError(error.errno, error.strerror, str(path)) from None
        os.chmod(path, 0o660)
        try:
            os.chown(path, -1, grp.getgrnam(READERS).gr_gid)
        except (KeyError, PermissionError):
            os.chmod(path, 0o600)  # no such group on this machine: only our own user asks
        self._listener.listen(BACKLOG)
        self._selector = selectors.EpollSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._clients: list[Client] = []  # the one longest silent first
        self._full = False
        self._deaf_until: float | None = None  # no descriptor for another one

    def fileno(self) -> int:
        return self._selector.fileno()

    def requests(self, now: float) -> Iterator[tuple[Client, list[str]]]:
        """The complete requests that have arrived; answer each before the next is taken."""
        for key, _ in self._selector.select(0):
            client: Client | None = key.data
            if client is None:
                self._accept(now)
            elif client in self._clients and (words := self._read(client, now)) is not None:
                yield client, words

    def _accept(self, now: float) -> None:
        while len(self._clients) < MAX_CLIENTS:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORTAGES:  # who waits would wake us without end
                    self._deaf_until = now + CROWDED_SECONDS
                    self._selector.unregister(self._listener)
                return
            _pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            may_change = uid in (0, os.geteuid())
            if not (may_change or _is_reader(uid, gid)):
                sock.close()
                continue
            sock.setblocking(False)
            client = Client(sock, now + IDLE_SECONDS, may_change)
            self._clients.append(client)
            self._selector.register(sock, selectors.EVENT_READ, client)
        self._full = True
        self._selector.unregister(self._listener)  # the others wait in the kernel's queue

    def _read(self, client: Client, now: float) -> list[str] | None:
        try:
            chunk = client.sock.recv(LINE_LIMIT)
        except BlockingIOError:
            return None
        except OSError:
            chunk = b""
        client.received += chunk
        line, newline, rest = client.received.partition(b"\n")
        if not chunk or rest or (not newline and len(client.received) > LINE_LIMIT):
            self._drop(client)  # gone, or it does not wait for its answers, or it does not end its line
            return None
        if not newline:
            return None
        client.received, client.until = b"", now + IDLE_SECONDS
        self._clients.remove(client)
        self._clients.append(client)
        return line.decode("utf-8", "replace").split()

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
        silent = self._clients[0].until - self._impatience if self._clients else None
        return min((at for at in (silent, self._deaf_until) if at is not None), default=None)

    @property
    def _impatience(self) -> float:
        """While others wait for a place, silence is allowed for CROWDED_SECONDS only."""
        return IDLE_SECONDS - CROWDED_SECONDS if self._full else 0.0

    def handle_timer(self, now: float) -> None:
        for client in [c for c in self._clients if c.until - self._impatience <= now]:
            self._drop(client)
        if self._deaf_until is not None and now >= self._deaf_until:
            self._deaf_until = None
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _drop(self, client: Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self._selector.unregister(client.sock)
        client.sock.close()
        if self._full:
            self._full = False
            self._selector.register(self._listener, selectors.EVENT_READ)

    def close(self) -> None:
        for client in list(self._clients):
            self._drop(client)
        self._selector.close()
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
