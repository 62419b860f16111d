"""The real servers: one process which listens for all of them, each in its own network namespace.

Any request gets the page that the checks want, but one for DOWNLOAD an endless stream in small pieces. A server can be
stopped (its ports refuse) and started again, by a line on the control pipe: `stop ADDRESS`, `start ADDRESS`.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from migration.machine_process import end_machine, fork_machine
from migration.namespaces import NetworkNamespace
from migration.topology import LabReal

BACKLOG = 512
DOWNLOAD = "/download"
PIECE, PIECE_INTERVAL = b"x" * 2000, 0.02
"""Of a stream: 100 kB each second."""


@dataclass
class _Server:
    real: LabReal
    namespace: NetworkNamespace
    listeners: list[socket.socket] = field(default_factory=list)

    @property
    def answer(self) -> bytes:
        body = self.real.answer.encode()
        return b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class RealServers:
    """The running process, seen from the story."""

    def __init__(self, reals: Mapping[LabReal, NetworkNamespace]) -> None:
        control, self._control = os.pipe()
        servers = [_Server(real, namespace) for real, namespace in reals.items()]
        self._pid = fork_machine("lab-reals", lambda: _Loop(control, servers).run())
        os.close(control)

    def stop(self, address: str) -> None:
        """The server's ports refuse from now on."""
        os.write(self._control, f"stop {address}\n".encode())

    def start(self, address: str) -> None:
        os.write(self._control, f"start {address}\n".encode())

    def close(self) -> None:
        end_machine(self._pid)
        os.close(self._control)


class _Loop:
    def __init__(self, control: int, servers: list[_Server]) -> None:
        self._control = control
        self._servers = {server.real.address: server for server in servers}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._obey)
        self._streams: list[socket.socket] = []
        self._piece_due = 0.0

    def run(self) -> None:
        """Serve until killed."""
        for server in self._servers.values():
            self._listen(server)
        while True:
            now = time.monotonic()
            if self._streams and now >= self._piece_due:
                self._streams = [stream for stream in self._streams if _goes_on(stream)]
                self._piece_due = now + PIECE_INTERVAL
            for key, _ in self._selector.select(max(0.0, self._piece_due - now) if self._streams else None):
                key.data(key.fileobj)

    def _obey(self, control: int) -> None:
        commands = os.read(control, 4096).decode()
        for command in commands.splitlines():
            verb, address = command.split()
            self._silence(self._servers[address])
            if verb == "start":
                self._listen(self._servers[address])

    def _listen(self, server: _Server) -> None:
        with server.namespace.entered():
            for port in server.real.ports:
                listener = socket.create_server(("", port), backlog=BACKLOG)
                listener.setblocking(False)
                server.listeners.append(listener)
                self._selector.register(
                    listener, selectors.EVENT_READ, lambda fd, server=server: self._accept(fd, server)
                )

    def _silence(self, server: _Server) -> None:
        for listener in server.listeners:
            self._selector.unregister(listener)
            listener.close()
        server.listeners.clear()

    def _accept(self, listener: socket.socket, server: _Server) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the client gave up meanwhile
            return
        connection.setblocking(False)
        if not self._answer(connection, server):
            self._selector.register(
                connection, selectors.EVENT_READ, lambda fd, server=server: self._answer_later(fd, server)
            )

    def _answer_later(self, connection: socket.socket, server: _Server) -> None:
        self._selector.unregister(connection)
        if not self._answer(connection, server):
            connection.close()

    def _answer(self, connection: socket.socket, server: _Server) -> bool:
        """Answer if the request is there (it fits one segment); False if it is still to come."""
        try:
            request = connection.recv(65536)
            if request.startswith(f"GET {DOWNLOAD} ".encode()):
                connection.send(b"HTTP/1.0 200 OK\r\n\r\n")
                self._streams.append(connection)
                return True
            if request:
                connection.send(server.answer)
            connection.close()
        except BlockingIOError:
            return False
        except OSError:
            connection.close()
        return True


def _goes_on(stream: socket.socket) -> bool:
    """Sends the next piece, as far as there is room; False when the other end is gone."""
    try:
        stream.send(PIECE)
    except BlockingIOError:
        return True
    except OSError:
        stream.close()
        return False
    return True
