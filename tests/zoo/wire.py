"""What a hostile server can do on a connection, in acts that are put together like sentences.

    peer(hear(), say(b"HTTP/1.1 200 OK\\r\\n"), pour(b"X-Header: 1\\r\\n"))

waits for a request, says one line and then sends headers until the client goes away. When its acts are over a peer
closes properly: it ends its own side, and waits for the client to end the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable

DRIP_SECONDS = 0.1
PIECE = 64 * 1024

Act = Callable[["Wire"], Awaitable[None]]
Peer = Callable[["Wire"], Awaitable[None]]
Answers = Callable[[bytes], Iterable[bytes]]
"""Of a datagram peer: what it sends back for a request."""


class Wire:
    """One accepted connection, seen from the server."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def send(self, data: bytes) -> None:
        if self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        await self.send_raw(data)

    async def send_raw(self, data: bytes) -> None:
        """Past TLS, if there is any."""
        await self._loop.sock_sendall(self._sock, data)

    async def read(self) -> bytes:
        if not self._tls:
            return await self._loop.sock_recv(self._sock, PIECE)
        return await self._step(lambda: self._tls.read(PIECE) if self._tls else b"")

    async def start_tls(self, context: ssl.SSLContext) -> None:
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        await self._step(self._tls.do_handshake)
        await self.send_raw(self._outgoing.read())

    async def _step(self, step: Callable[[], bytes | None]) -> bytes:
        while True:
            try:
                return step() or b""
            except ssl.SSLWantReadError:
                await self.send_raw(self._outgoing.read())
                data = await self._loop.sock_recv(self._sock, PIECE)
                if not data:
                    return b""
                self._incoming.write(data)

    def reset(self) -> None:
        """The kernel answers whatever comes next with a reset, and sends one now."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    async def finish(self) -> None:
        """End our side, without a word of TLS, and wait for the client to end its own."""
        if self._sock.fileno() >= 0:
            self._sock.shutdown(socket.SHUT_WR)
            while await self._loop.sock_recv(self._sock, PIECE):
                pass

    def close(self) -> None:
        self._sock.close()


def peer(*acts: Act) -> Peer:
    """A server that does these, one after the other, on each connection."""

    async def serve(wire: Wire) -> None:
        with contextlib.closing(wire), contextlib.suppress(OSError, ssl.SSLError):
            for act in acts:
                await act(wire)
            await wire.finish()

    return serve


def hear(end: bytes = b"\r\n\r\n") -> Act:
    """Wait until the client has said this; everything it said so far is forgotten."""

    async def act(wire: Wire) -> None:
        heard = b""
        while end not in heard:
            data = await wire.read()
            if not data:
                await asyncio.Event().wait()  # it went away: nothing more happens here
            heard += data

    return act


def say(*parts: bytes) -> Act:
    async def act(wire: Wire) -> None:
        for part in parts:
            await wire.send(part)

    return act


def say_raw(data: bytes) -> Act:
    """Past TLS."""
    return lambda wire: wire.send_raw(data)


def pour(part: bytes, times: int | None = None) -> Act:
    """This again and again, as fast as it goes; for ever without `times`."""

    async def act(wire: Wire) -> None:
        count = max(1, PIECE // len(part))
        if times is None:
            while True:
                await wire.send(part * count)
        for sent in range(0, times, count):
            await wire.send(part * min(count, times - sent))

    return act


def drip(data: bytes) -> Act:
    """A byte now and then, again from the beginning when it is over."""

    async def act(wire: Wire) -> None:
        while True:
            for byte in data:
                await wire.send(bytes([byte]))
                await asyncio.sleep(DRIP_SECONDS)

    return act


def crumble(data: bytes) -> Act:
    """Every byte a packet of its own, without a pause."""

    async def act(wire: Wire) -> None:
        wire._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)

    return act


def start_tls(context: Callable[[], ssl.SSLContext]) -> Act:
    return lambda wire: wire.start_tls(context())


async def silence(_: Wire) -> None:
    await asyncio.Event().wait()


async def reset(wire: Wire) -> None:
    wire.reset()
