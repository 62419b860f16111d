"""The client: a request through the virtual address every 10 ms, each with its own connection and time limit.

A process of its own, so that nothing the rehearsal does delays it. Requests overlap: one that hangs does not keep the
next from being sent. Each one's outcome goes to the story through a pipe, 17 bytes: begun, ended (monotonic
seconds), outcome.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from migration.machine_process import end_machine, fork_machine
from migration.namespaces import NetworkNamespace

INTERVAL = 0.010
TIME_LIMIT = 0.9
"""Seconds until an unanswered request has failed: below the second after which TCP repeats a lost SYN."""

_RECORD = struct.Struct("<ddB")


class Outcome(IntEnum):
    """How a request ended."""

    GOOD = 0
    TIMEOUT = 1
    REFUSED = 2
    WRONG_ANSWER = 3
    UNREACHABLE = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One request, over. Times are monotonic seconds."""

    begun: float
    ended: float
    outcome: Outcome


class Client:
    """The running process, seen from the story."""

    def __init__(self, namespace: NetworkNamespace, address: str, port: int, path: str) -> None:
        self.fd, results = os.pipe()
        os.set_blocking(self.fd, False)
        self._rest = b""

        def ask() -> None:
            namespace.enter()
            _Loop(results, (address, port), path).run()

        self._pid = fork_machine("lab-client", ask)
        os.close(results)

    def read(self) -> list[Request]:
        """The requests that ended since the last call, in the order of their end."""
        try:
            fresh = os.read(self.fd, 1 << 20)
        except BlockingIOError:
            return []
        if not fresh:
            raise RuntimeError("the client process ended; its words are above")
        data = self._rest + fresh
        whole = len(data) - len(data) % _RECORD.size
        self._rest = data[whole:]
        return [Request(begun, ended, Outcome(code)) for begun, ended, code in _RECORD.iter_unpack(data[:whole])]

    def close(self) -> None:
        end_machine(self._pid)
        os.close(self.fd)


class _Loop:
    def __init__(self, results: int, server: tuple[str, int], path: str) -> None:
        self._results = results
        self._server = server
        self._request = f"GET {path} HTTP/1.0\r\nHost: {server[0]}\r\n\r\n".encode()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self._oldest_first: deque[tuple[float, int, socket.socket]] = deque()
        self._poll = select.epoll()

    def run(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= due:
                self._begin(now)
                due = max(due + INTERVAL, now)
            self._drop_overdue(now)
            for fd, _ in self._poll.poll(max(0.0, due - time.monotonic())):
                self._continue(fd)

    def _begin(self, now: float) -> None:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # Closing resets the connection, so that thousands do not linger.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        error = connection.connect_ex(self._server)
        fd = connection.fileno()
        self._open[fd] = (connection, now)
        if error not in (0, errno.EINPROGRESS):
            self._end(fd, Outcome.UNREACHABLE)
            return
        self._oldest_first.append((now, fd, connection))
        self._poll.register(fd, select.EPOLLOUT | select.EPOLLET)

    def _continue(self, fd: int) -> None:
        connection, _ = self._open[fd]
        try:
            answer = self._take_answer(fd, connection)
        except ConnectionError:
            self._end(fd, Outcome.REFUSED)
        except OSError as error:
            timeout = error.errno == errno.ETIMEDOUT
            self._end(fd, Outcome.TIMEOUT if timeout else Outcome.UNREACHABLE)
        else:
            if answer is not None:
                self._end(fd, Outcome.GOOD if b" 200 " in answer else Outcome.WRONG_ANSWER)

    def _take_answer(self, fd: int, connection: socket.socket) -> bytes | None:
        """The answer; None while connecting, or when the request was just sent.

        What a router says of a connection that is not there yet (ICMP unreachable) wakes us and can be read nowhere, so
        events come by edge: by level they would come for as long as the connection is tried.
        """
        try:
            return connection.recv(4096)
        except BlockingIOError:
            with suppress(BlockingIOError):  # woken early: still connecting
                connection.send(self._request)
                self._poll.modify(fd, select.EPOLLIN | select.EPOLLET)
            return None

    def _drop_overdue(self, now: float) -> None:
        while self._oldest_first and self._oldest_first[0][0] <= now - TIME_LIMIT:
            _, fd, connection = self._oldest_first.popleft()
            if self._open.get(fd, (None,))[0] is connection:
                self._end(fd, Outcome.TIMEOUT)

    def _end(self, fd: int, outcome: Outcome) -> None:
        connection, begun = self._open.pop(fd)
        connection.close()
        os.write(self._results, _RECORD.pack(begun, time.monotonic(), outcome))
