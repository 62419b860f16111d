"""The daemon's control socket: /run/ldirectord.NAME.sock, a stream of lines.

A request is one line of words, the answer one line of JSON with "ok" true or false; requests of one connection are
answered in order. Who may ask: root and the daemon's own user, by the kernel's word (SO_PEERCRED); the socket's mode
0600 says the same. A client cannot disturb the daemon: lines are short, connections few (the one longest silent makes
room for a new one), and a silent connection is closed after a while.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

LINE_LIMIT = 1024  # bytes
MAX_CONNECTIONS = 16
IDLE_SECONDS = 60.0

Answer = dict[str, object]
Handler = Callable[[list[str]], Awaitable[Answer]]


def bind(path: Path) -> socket.socket:
    """The listening socket: who asks before the daemon serves is answered when it does.

    A leftover of a dead daemon is replaced: the caller holds the lock.

    Raises OSError with the name of the socket.
    """
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        sock.bind(str(path))
        sock.listen()
    except OSError as error:
        sock.close()
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        os.umask(old_mask)
    return sock


class ControlServer:
    """Serves a bound socket until closed. handle(words) gives the answer; what it raises is a bug and says so."""

    def __init__(self, sock: socket.socket, handle: Handler, log_error: Callable[[str], None]) -> None:
        self._sock = sock
        self._handle = handle
        self._log_error = log_error
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}  # in the order of their last request

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=self._sock, limit=LINE_LIMIT)

    async def close(self) -> None:
        """Stops listening and drops the connections; answers already written still arrive."""
        if self._server:
            self._server.close()
        for writer in list(self._clients):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not _may_ask(writer.get_extra_info("socket")):
            writer.write(_line({"ok": False, "error": "only root and the daemon's own user may ask"}))
            writer.close()
            return
        if len(self._clients) >= MAX_CONNECTIONS:
            self._drop(next(iter(self._clients)))
        self._clients[writer] = asyncio.current_task()
        try:
            with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
                while await self._one_request(reader, writer):
                    self._clients[writer] = self._clients.pop(writer)
        finally:
            self._clients.pop(writer, None)
            writer.close()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        """End a connection, also one that waits for its answer."""
        task = self._clients.pop(writer)
        writer.transport.abort()
        if task:
            task.cancel()

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read, answer; False when the connection is to end."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                line = await reader.readuntil(b"\n")
        except TimeoutError:
            return False
        except asyncio.LimitOverrunError:
            writer.write(_line({"ok": False, "error": f"a request is one line of at most {LINE_LIMIT} bytes"}))
            return False
        try:
            answer = await self._handle(line.decode("utf-8", "replace").split())
        except Exception as error:
            self._log_error(f"control request {line!r} failed by an error of this program: {error!r}")
            answer = {"ok": False, "error": f"internal error: {error!r}"}
        writer.write(_line(answer))
        async with asyncio.timeout(IDLE_SECONDS):
            await writer.drain()
        return True


def _line(answer: Answer) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _may_ask(sock: socket.socket) -> bool:
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return uid in (0, os.geteuid())
