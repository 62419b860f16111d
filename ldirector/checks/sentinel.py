"""Sentinel connections: held open, never spoken on, reported when they end (core/sentinels.py says why).

What the server sends is thrown away, so that a greeting does not matter; one that talks without end is let go like
one that closed. A connection that cannot be made within CONNECT_SECONDS counts as lost. For want of descriptors none
is opened, and that is no news of the server: it is reported as lost too, and the check it causes says what is true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ldirector.checks.dial import dial

CONNECT_SECONDS = 5.0
MOST_BYTES = 64 * 1024  # that a server may send on an idle connection


class SentinelPost:
    """All open sentinels. lost(sentinel_id) is called once for each that ends and was not closed by us."""

    def __init__(self, lost: Callable[[int], None]) -> None:
        self._lost = lost
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def open(self, sentinel_id: int, address: str, port: int) -> None:
        """Connect in the background and stay connected."""
        self._tasks[sentinel_id] = asyncio.create_task(self._stand(sentinel_id, address, port))

    def close(self, sentinel_id: int) -> None:
        """End a connection without a report; unknown ids are those that just ended."""
        task = self._tasks.pop(sentinel_id, None)
        if task:
            task.cancel()

    async def close_all(self) -> None:
        """End every connection without a report."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stand(self, sentinel_id: int, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                sock = await dial(address, port)
            transport, guard = await loop.create_connection(lambda: _Guard(loop.create_future()), sock=sock)
            try:
                await guard.ended
            finally:
                transport.abort()
        if self._tasks.pop(sentinel_id, None):
            self._lost(sentinel_id)


class _Guard(asyncio.Protocol):
    """Sets `ended` at the connection's end, however it comes."""

    def __init__(self, ended: asyncio.Future[None]) -> None:
        self.ended = ended
        self._received = 0

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MOST_BYTES:
            self._end()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
