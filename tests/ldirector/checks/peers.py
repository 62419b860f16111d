"""Peers on loopback that behave as told, beside the HTTP servers of servers.py: datagrams and raw byte streams."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from ldirector.checks.runner import probe_of
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Verdict

Reply = Callable[[bytes, int], Iterable[bytes]]
"""What to send back for a datagram, and its number counted from 1."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class DatagramPeer(asyncio.DatagramProtocol):
    """Keeps what it received; answers by the reply function."""

    def __init__(self, reply: Reply) -> None:
        self.received: list[bytes] = []
        self.port = 0
        self._reply = reply

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, sender: tuple[Any, ...]) -> None:
        self.received.append(data)
        for answer in self._reply(data, len(self.received)):
            self.transport.sendto(answer, sender)


@contextlib.asynccontextmanager
async def datagram_peer(reply: Reply, address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[DatagramPeer]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: DatagramPeer(reply), local_addr=(address, port))
    try:
        yield peer
    finally:
        transport.close()


@contextlib.asynccontextmanager
async def stream_peer(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a TCP server that runs `talk` for each connection, then closes it."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()
        tasks.discard(task)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await accepted()
        if tasks:  # each sees the end of its connection, which is part of what some of them tell
            await asyncio.wait(tasks, timeout=1.0)
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def accepted() -> None:
    """Gives connections that were accepted in the last moment the turns of the loop to come to their handler."""
    for _ in range(5):
        await asyncio.sleep(0)


def sends(*parts: bytes, after: int = 0) -> Talk:
    """Reads at least `after` bytes, sends the parts, and keeps the connection until the peer closes it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = 0
        while got < after:
            got += len(await reader.read(4096)) or after
        for part in parts:
            writer.write(part)
            await writer.drain()
        while await reader.read(65536):
            pass

    return talk


def floods(part: bytes, first: bytes = b"") -> Talk:
    """Sends `first`, then the part again and again for ever, as fast as it is taken."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(part)
            await writer.drain()

    return talk


def drips(data: bytes, pause: float = 0.02) -> Talk:
    """Sends one byte at a time, then the last byte again and again."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = 0
        while True:
            writer.write(data[at : at + 1])
            await writer.drain()
            at = min(at + 1, len(data) - 1)
            await asyncio.sleep(pause)

    return talk


async def closes(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Accepts and closes at once."""


async def probe(service: str, port: int, timeout: float = 5.0, method: str = "negotiate", **more: Any) -> Verdict:
    """One check of 127.0.0.1 as the runner makes it."""
    given = {"address": "127.0.0.1", **more}
    spec = CheckSpec(method=method, port=port, timeout=timeout, service=service, **given)
    return await probe_of(method, service)(spec, asyncio.get_running_loop().time() + timeout)


def closed_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
