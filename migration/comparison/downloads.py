"""Open downloads through the virtual address: does a connection that is under way survive?

A process of its own on the client machine holds them and tells of every arrival through a pipe, 17 bytes: when, which
one, whether bytes came or the connection ended.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field

from migration.machine_process import end_machine, fork_machine
from migration.namespaces import NetworkNamespace
from migration.realserver import DOWNLOAD

NUMBER = 2
ALIVE = 0.5
"""Seconds without bytes after which a download is silent; pieces come every 20 ms."""
_RECORD = struct.Struct("<dQB")
BYTES, END = 0, 1


@dataclass
class Download:
    """What was seen of one. Times are monotonic seconds."""

    arrivals: list[float] = field(default_factory=list)
    ended: bool = False

    def survives(self, now: float) -> bool:
        """It is open, and bytes come."""
        return not self.ended and bool(self.arrivals) and now - self.arrivals[-1] < ALIVE

    def silence(self, began: float) -> float:
        """The longest time without bytes that ended after began."""
        pairs = zip(self.arrivals, self.arrivals[1:], strict=False)
        return max((later - sooner for sooner, later in pairs if later > began), default=0.0)


class Downloads:
    """NUMBER of them at any time, as long as `renew` is called."""

    def __init__(self, client: NetworkNamespace, address: str, port: int) -> None:
        self._control, orders = os.pipe()
        self.fd, results = os.pipe()
        os.set_blocking(self.fd, False)
        self._rest = b""
        self._all: dict[int, Download] = {}

        def hold() -> None:
            client.enter()
            _Holder(self._control, results, (address, port)).run()

        self._pid = fork_machine("lab-downloads", hold)
        os.close(self._control)
        os.close(results)
        self._control = orders

    @property
    def open(self) -> list[Download]:
        """Those that were begun last."""
        return [self._all[number] for number in sorted(self._all)[-NUMBER:]]

    def renew(self) -> None:
        """Begins all of them anew, unless they all survive."""
        self.read()
        now = time.monotonic()
        if not (self._all and all(download.survives(now) for download in self.open)):
            for _ in range(NUMBER):
                self._all[len(self._all)] = Download()
                os.write(self._control, b"+")

    def read(self) -> None:
        """Takes in what came."""
        try:
            data = self._rest + os.read(self.fd, 1 << 20)
        except BlockingIOError:
            return
        whole = len(data) - len(data) % _RECORD.size
        self._rest = data[whole:]
        for at, number, what in _RECORD.iter_unpack(data[:whole]):
            if what == BYTES:
                self._all[number].arrivals.append(at)
            else:
                self._all[number].ended = True

    def close(self) -> None:
        end_machine(self._pid)
        os.close(self.fd)
        os.close(self._control)


class _Holder:
    """The process."""

    def __init__(self, control: int, results: int, server: tuple[str, int]) -> None:
        self._control, self._results, self._server = control, results, server
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, None)
        self._begun = 0

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    for _ in os.read(self._control, 64):
                        self._begin()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._receive(key.fileobj, key.data[0])

    def _begin(self) -> None:
        number, self._begun = self._begun, self._begun + 1
        try:
            connection = socket.create_connection(self._server, timeout=3.0)
            connection.sendall(f"GET {DOWNLOAD} HTTP/1.0\r\n\r\n".encode())
        except OSError:
            self._tell(number, END)
            return
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, (number,))

    def _receive(self, connection: socket.socket, number: int) -> None:
        try:
            came = connection.recv(1 << 16)
        except OSError:
            came = b""
        self._tell(number, BYTES if came else END)
        if not came:
            self._selector.unregister(connection)
            connection.close()

    def _tell(self, number: int, what: int) -> None:
        os.write(self._results, _RECORD.pack(time.monotonic(), number, what))
