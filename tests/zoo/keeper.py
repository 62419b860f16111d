"""Keeps the peers in a process of their own, so that neither their memory nor their work counts as ours.

    python -m tests.zoo.keeper zoo | canary

prints the port of each peer as a line of JSON, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import sys
from collections.abc import Awaitable, Mapping

from tests.zoo.animal import Animal, Cage
from tests.zoo.wire import Peer, Wire, hear, peer, say

BACKLOG = 64
CANARY = peer(hear(), say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"))


class Keeper:
    """Every peer on a port of 127.0.0.1."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []

    def house(self, animal: Animal) -> int:
        """Its port."""
        if animal.cage is Cage.UDP:
            return self._house_udp(animal)
        sock = self._bound(socket.SOCK_STREAM)
        if animal.peer:
            self.serve(sock, animal.peer)
        elif animal.cage is Cage.DEAF:
            sock.listen(0)
            for _ in range(4):  # more than the queue of connections to be accepted takes: further SYNs are dropped
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(sock.getsockname())
                self._sockets.append(client)
        port: int = sock.getsockname()[1]
        return port

    def serve(self, sock: socket.socket, served: Peer) -> None:
        sock.listen(BACKLOG)
        self._start(self._accept(sock, served))

    def _house_udp(self, animal: Animal) -> int:
        """Nobody else gets the port's number for TCP: there it refuses."""
        while True:
            port: int = self._bound(socket.SOCK_STREAM).getsockname()[1]
            with contextlib.suppress(OSError):  # taken by a datagram socket of somebody else
                self._start(self._answer(self._bound(socket.SOCK_DGRAM, port), animal))
                return port

    def _bound(self, kind: socket.SocketKind, port: int = 0) -> socket.socket:
        sock = socket.socket(socket.AF_INET, kind)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", port))
        self._sockets.append(sock)
        return sock

    async def _accept(self, listener: socket.socket, served: Peer) -> None:
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            self._start(served(Wire(sock)))

    async def _answer(self, sock: socket.socket, animal: Animal) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data, client = await loop.sock_recvfrom(sock, 65535)
            for answer in animal.answers(data) if animal.answers else ():
                with contextlib.suppress(OSError):  # it went away
                    await loop.sock_sendto(sock, answer, client)
                await asyncio.sleep(0)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def keep(animals: Mapping[str, Animal]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    keeper = Keeper()
    print(json.dumps({name: keeper.house(animal) for name, animal in animals.items()}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    if sys.argv[1] == "canary":
        animals = {"canary": Animal("canary", "http", frozenset(), CANARY)}
    else:
        from tests.zoo.table import ANIMALS

        animals = {animal.name: animal for animal in ANIMALS}
    asyncio.run(keep(animals))


if __name__ == "__main__":
    main()
