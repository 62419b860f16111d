"""Scripted peers of the line protocols on loopback: what each connection does, and what it heard."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import accepted

Check = Callable[[CheckSpec, float], Awaitable[Verdict]]
Talk = Callable[["Call"], Awaitable[None]]

PASSED = (Outcome.PASS, Reason.OK)


@dataclass
class Call:
    """One connection, seen from the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[bytes]

    async def say(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionError
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """The next line without its end; b"" when the client has gone."""
        line = await self.reader.readline()
        if line:
            self.heard.append(line.removesuffix(b"\r\n"))
        return line.rstrip()


@dataclass
class Peer:
    """port: where it listens. heard: all lines, of all connections. gone: set when a connection has ended."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def peer(talk: Talk, context: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """Runs talk for every connection; when it returns, the connection is closed."""
    made = Peer()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await talk(Call(reader, writer, made.heard))
        writer.close()
        tasks.discard(task)
        made.gone.set()

    listener = await asyncio.start_server(connected, address, 0, ssl=context)
    made.port = listener.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listener.close()
        await accepted()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(greeting: bytes, answers: Mapping[bytes, bytes] | None = None, word: int = 0) -> Talk:
    """Greets, then answers each line by the command at that place in it; to others it says nothing."""

    async def talk(call: Call) -> None:
        await call.say(greeting)
        while line := await call.hear():
            command = line.split()[word] if len(line.split()) > word else b""
            if answer := (answers or {}).get(command):
                await call.say(answer)

    return talk


def silent() -> Talk:
    """Takes everything, a TLS hello with blank lines in it, too, and says nothing until the client goes."""

    async def talk(call: Call) -> None:
        while await call.reader.read(4096):
            pass

    return talk


def closing(greeting: bytes = b"") -> Talk:
    """Says this and closes."""

    async def talk(call: Call) -> None:
        await call.say(greeting)

    return talk


def flooding(part: bytes, before: bytes = b"") -> Talk:
    """Sends the part for ever, as fast as it is taken."""

    async def talk(call: Call) -> None:
        await call.say(before)
        while True:
            await call.say(part * 100)

    return talk


def dripping(part: bytes) -> Talk:
    """Sends the part again and again for ever, with pauses."""

    async def talk(call: Call) -> None:
        while True:
            await call.say(part)
            await asyncio.sleep(0.01)

    return talk


def checking(
    check: Check, talk: Talk, context: ssl.SSLContext | None = None, timeout: float = 5.0, **spec: Any
) -> tuple[Verdict, list[bytes]]:
    """The verdict on such a peer, and the lines it heard until the client had gone."""

    async def run() -> tuple[Verdict, list[bytes]]:
        async with peer(talk, context, spec.get("address", "127.0.0.1")) as server:
            verdict = await check(a_spec(server.port, timeout, **spec), asyncio.get_running_loop().time() + timeout)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.gone.wait(), 0.5)
            return verdict, server.heard

    return asyncio.run(run())


def judged(check: Check, talk: Talk, context: ssl.SSLContext | None = None, **more: Any) -> tuple[Outcome, Reason]:
    """Outcome and reason alone."""
    verdict, _ = checking(check, talk, context, **more)
    return verdict.outcome, verdict.reason


def a_spec(port: int, timeout: float = 5.0, address: str = "127.0.0.1", **more: Any) -> CheckSpec:
    return CheckSpec("negotiate", address, port, timeout, **more)


class DatagramPeer(asyncio.DatagramProtocol):
    """Answers the nth datagram with the nth list of datagrams, and keeps what it heard."""

    def __init__(self, *answers: list[bytes]) -> None:
        self.heard: list[bytes] = []
        self._answers: Iterator[list[bytes]] = iter(answers)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        assert self._transport
        self.heard.append(data)
        for answer in next(self._answers, []):
            self._transport.sendto(answer, address)


def checking_udp(
    check: Check, *answers: list[bytes], timeout: float = 5.0, address: str = "127.0.0.1", **spec: Any
) -> tuple[Verdict, list[bytes]]:
    """The verdict on a udp peer that answers so, and the datagrams it heard."""

    async def run() -> tuple[Verdict, list[bytes]]:
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(lambda: DatagramPeer(*answers), local_addr=(address, 0))
        port = transport.get_extra_info("sockname")[1]
        try:
            verdict = await check(a_spec(port, timeout, address, protocol="udp", **spec), loop.time() + timeout)
            return verdict, server.heard
        finally:
            transport.close()

    return asyncio.run(run())
