"""One question over UDP: sent again while no answer comes, because a lost datagram must not eject a server.

The socket is connected: the kernel drops what others send, and a closed port is reported as a refusal. Whether a
datagram answers the question is the caller's to say; what does not is passed over.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

FIRST_PAUSE = 1.0  # seconds until the question is repeated; each further pause is twice as long
SIZE_LIMIT = 4096  # bytes; answers to our questions are far smaller, the rest of a larger one is cut off

T = TypeVar("T")


def connected(address: str, port: int) -> socket.socket:
    """A non-blocking UDP socket towards that server. Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def ask(sock: socket.socket, question: bytes, answer: Callable[[bytes], T | None]) -> T:
    """What answer() makes of the first datagram it does not take for a stray (None). Never ends by itself.

    Raises OSError: ConnectionRefusedError when nobody listens there.
    """
    pause = FIRST_PAUSE
    while True:
        sock.send(question)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                return await _first(sock, answer)
        pause *= 2


async def _first(sock: socket.socket, answer: Callable[[bytes], T | None]) -> T:
    loop = asyncio.get_running_loop()
    while True:
        found = answer(await loop.sock_recv(sock, SIZE_LIMIT))
        if found is not None:
            return found
        await asyncio.sleep(0)  # sock_recv does not wait while datagrams are queued: a flood must not stop the clock
