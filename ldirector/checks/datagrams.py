"""Asking over udp: the request goes out again while nothing comes back, so that one lost datagram ejects no server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

SIZE_LIMIT = 65535
FIRST_PAUSE = 0.5  # seconds; T1 and T2 of RFC 3261 section 17.1.2.2
LONGEST_PAUSE = 4.0


@contextlib.contextmanager
def connected(address: str, port: int) -> Iterator[socket.socket]:
    """A udp socket that hears nobody but this server, and of its refusals. Raises OSError."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((address, port))
        yield sock


class Question:
    """A request that is sent with the first answer() and repeated until something came."""

    def __init__(self, sock: socket.socket, request: bytes) -> None:
        self._sock = sock
        self._request = request
        self._pause = FIRST_PAUSE
        self._again = 0.0  # when to send next, by the loop's clock

    async def answer(self) -> bytes:
        """The next datagram from the server; waits for ever."""
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() >= self._again:
                self._sock.send(self._request)
                self._again = loop.time() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._again):
                    data = await loop.sock_recv(self._sock, SIZE_LIMIT)
                await asyncio.sleep(0)  # a server that floods us must not keep the others' checks waiting
                return data
