import asyncio
import socket
import threading

import pytest

from ldirector.checks.threads import NoThread, Sockets, Threads


def run(threads: Threads, work: object, seconds: float = 5.0) -> object:
    async def main() -> object:
        deadline = asyncio.get_running_loop().time() + seconds
        async with asyncio.timeout_at(deadline):
            return await threads.run(deadline, work)  # type: ignore[arg-type]

    return asyncio.run(main())


def test_what_the_work_returns_or_raises_arrives() -> None:
    threads = Threads("test", 1)
    assert run(threads, lambda _: threading.current_thread().name) == "test"
    with pytest.raises(ZeroDivisionError):
        run(threads, lambda _: 1 / 0)


def test_a_read_that_would_wait_for_ever_ends_with_the_check() -> None:
    ended = threading.Event()

    def work(sockets: Sockets) -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sockets.track(ours)
            try:
                return ours.recv(1)
            finally:
                ended.set()

    with pytest.raises(TimeoutError):
        run(Threads("test", 1), work, 0.05)
    assert ended.wait(5)


def test_a_socket_that_comes_after_the_end_is_refused() -> None:
    sockets = Sockets()
    sockets.abort()
    with socket.socket() as sock, pytest.raises(OSError, match="over"):
        sockets.track(sock)


def test_given_connections_are_the_works_own_until_it_ends() -> None:
    ours, theirs = socket.socketpair()

    async def main() -> list[socket.socket]:
        deadline = asyncio.get_running_loop().time() + 5

        def work(sockets: Sockets) -> list[socket.socket]:
            (sock,) = sockets.kept
            sock.sendall(b"hello")
            return sockets.kept

        with ours:
            return await Threads("test", 1).run(deadline, work, ours)

    with theirs:
        kept = asyncio.run(main())
        assert theirs.recv(10) == b"hello"
        assert theirs.recv(10) == b""
        assert [sock.fileno() for sock in kept] == [-1]


def test_without_a_free_thread_the_work_is_not_done_and_says_why() -> None:
    threads, go = Threads("test", 1), threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        first = asyncio.create_task(threads.run(loop.time() + 5, lambda _: go.wait(5)))
        await asyncio.sleep(0)
        with pytest.raises(NoThread, match="all 1 of test wait for servers"):
            await threads.run(loop.time() + 0.05, lambda _: None)
        go.set()
        assert await first
        await threads.run(loop.time() + 5, lambda _: None)

    asyncio.run(main())


def test_work_may_end_after_its_loop() -> None:
    go, ended = threading.Event(), threading.Event()

    def work(_sockets: Sockets) -> None:
        go.wait(5)
        ended.set()

    with pytest.raises(TimeoutError):
        run(Threads("test", 1), work, 0.01)
    go.set()
    assert ended.wait(5)
