import asyncio
import socket
import time

import pytest

from ldirector.checks import datagram
from tests.ldirector.checks.peers import Reply, closed_port, datagram_peer


def asked(reply: Reply, address: str = "127.0.0.1", seconds: float = 5.0) -> tuple[bytes, list[bytes]]:
    """The first datagram that begins with `yes`, and what the peer received."""

    async def run() -> tuple[bytes, list[bytes]]:
        async with datagram_peer(reply, address) as peer, asyncio.timeout(seconds):
            with datagram.connected(address, peer.port) as sock:
                found = await datagram.ask(sock, b"question", lambda data: data if data.startswith(b"yes") else None)
                return found, peer.received

    return asyncio.run(run())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_first_datagram_that_answers_is_taken(address: str) -> None:
    assert asked(lambda *_: [b"stray", b"", b"yes 1", b"yes 2"], address) == (b"yes 1", [b"question"])


def test_a_lost_datagram_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "FIRST_PAUSE", 0.01)
    found, received = asked(lambda _, number: [b"yes"] if number == 3 else [])
    assert (found, received) == (b"yes", [b"question"] * 3)


def test_a_closed_port_is_a_refusal() -> None:
    async def run() -> None:
        with datagram.connected("127.0.0.1", closed_port(socket.SOCK_DGRAM)) as sock:
            await datagram.ask(sock, b"question", lambda data: data)

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(run())


def test_a_flood_of_strays_does_not_stop_the_clock() -> None:
    started = time.monotonic()
    stop = False

    def flood(sock: socket.socket, target: tuple[str, int]) -> None:
        while not stop:
            sock.sendto(b"stray", target)

    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            with datagram.connected("127.0.0.1", peer.getsockname()[1]) as sock:
                sender = asyncio.get_running_loop().run_in_executor(None, flood, peer, sock.getsockname())
                try:
                    async with asyncio.timeout(0.3):
                        await datagram.ask(sock, b"question", lambda _: None)
                finally:
                    nonlocal stop
                    stop = True
                    await sender

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert time.monotonic() - started < 10


def test_what_another_sender_sends_is_never_seen() -> None:
    async def run() -> None:
        async with datagram_peer(lambda *_: []) as silent:
            with datagram.connected("127.0.0.1", silent.port) as sock, socket.socket(type=socket.SOCK_DGRAM) as other:
                other.sendto(b"yes", sock.getsockname())
                async with asyncio.timeout(0.1):
                    await datagram.ask(sock, b"question", lambda data: data)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
