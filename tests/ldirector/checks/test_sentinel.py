"""Sentinels against loopback servers; each reports once, and only when the server ended the connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from ldirector.checks.sentinel import MOST_BYTES, SentinelPost

Story = Callable[[SentinelPost, "asyncio.Queue[int]", socket.socket], Awaitable[None]]


def play(story: Story) -> None:
    """Run a story with a post, what it reports, and a listening server."""

    async def run() -> None:
        lost: asyncio.Queue[int] = asyncio.Queue()
        post = SentinelPost(lost.put_nowait)
        with socket.socket() as listener:
            listener.setblocking(False)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            async with asyncio.timeout(10):
                await story(post, lost, listener)
            await post.close_all()

    asyncio.run(run())


async def connected(post: SentinelPost, listener: socket.socket, number: int = 1) -> socket.socket:
    post.open(number, "127.0.0.1", listener.getsockname()[1])
    return (await asyncio.get_running_loop().sock_accept(listener))[0]


def test_server_that_closes_is_reported() -> None:
    async def story(post: SentinelPost, lost: asyncio.Queue[int], listener: socket.socket) -> None:
        (await connected(post, listener)).close()
        assert await lost.get() == 1

    play(story)


def test_server_that_resets_is_reported() -> None:
    async def story(post: SentinelPost, lost: asyncio.Queue[int], listener: socket.socket) -> None:
        server = await connected(post, listener)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        server.close()
        assert await lost.get() == 1

    play(story)


def test_server_that_refuses_is_reported() -> None:
    async def story(post: SentinelPost, lost: asyncio.Queue[int], listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        listener.close()
        post.open(1, "127.0.0.1", port)
        assert await lost.get() == 1

    play(story)


def test_greeting_is_no_end_but_endless_talk_is() -> None:
    async def story(post: SentinelPost, lost: asyncio.Queue[int], listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        talker, greeter = await connected(post, listener), await connected(post, listener, 2)
        await loop.sock_sendall(greeter, b"220 mail.example ESMTP\r\n")
        await loop.sock_sendall(talker, b"x" * (MOST_BYTES + 1))
        assert await lost.get() == 1
        assert lost.empty()
        greeter.close()
        assert await lost.get() == 2
        talker.close()

    play(story)


def test_connection_that_we_close_is_not_reported() -> None:
    async def story(post: SentinelPost, lost: asyncio.Queue[int], listener: socket.socket) -> None:
        server, other = await connected(post, listener), await connected(post, listener, 2)
        post.close(1)
        post.close(99)
        assert await asyncio.get_running_loop().sock_recv(server, 1) == b""
        other.close()
        assert await lost.get() == 2
        assert lost.empty()
        server.close()

    play(story)


def test_nothing_is_said_on_a_sentinel() -> None:
    async def story(post: SentinelPost, lost: asyncio.Queue[int], listener: socket.socket) -> None:
        server = await connected(post, listener)
        post.close(1)
        assert await asyncio.get_running_loop().sock_recv(server, 100) == b""
        server.close()

    play(story)
