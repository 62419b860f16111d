"""A conversation in lines over a connected socket, with or without TLS, as mail, news, ftp and sip servers hold it.

All that a server can make us keep or do is bounded: the length of a line, the lines and bytes of the whole
conversation. Sockets are read in small pieces, and TLS runs on memory buffers of our own, because asyncio's transports
take a quarter of a megabyte each. Time is bounded by the caller (attempt.py).

Nothing that we send can hold a second command, because line ends cannot be sent inside one. Nothing the server says
in answer to a password is ever shown: servers repeat what they did not like.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ldirector.checks import tls
from ldirector.checks.attempt import BadAnswer, over_tcp
from ldirector.core.events import CheckSpec
from ldirector.core.services import TLS_SERVICES
from ldirector.core.verdict import Reason, Verdict

LINE_LIMIT = 8 * 1024  # bytes; RFC 7162 section 4 advises this much for imap, the others stay below 1,000
LINES_LIMIT = 1000
BYTES_LIMIT = 256 * 1024  # as they come over the wire; OpenSSL takes certificates of up to 100 KiB
PIECE = 4 * 1024
TURN = 4  # pieces, after which others get theirs: a piece that is there already is read without waiting
SHOWN = 80  # bytes of a server's words that may reach the log

Result = TypeVar("Result")


async def converse(spec: CheckSpec, deadline: float, talk: Callable[[Conversation], Awaitable[Verdict]]) -> Verdict:
    """Connect to the server of the spec, over TLS if its service wants that, and talk to it until the deadline."""
    context = tls.context(spec.tls) if spec.service in TLS_SERVICES else None

    async def over(sock: socket.socket) -> Verdict:
        with contextlib.closing(Conversation(sock)) as conversation:
            if context:
                await conversation.start_tls(spec, context)
            return await talk(conversation)

    return await over_tcp(spec, deadline, over)


def as_line(text: str) -> bytes:
    """The bytes of one line without its end. Raises BadAnswer when the text would be more than one line."""
    if re.search(r"[\r\n\0]", text):
        raise BadAnswer(Reason.INTERNAL, "a line break in login, passwd or request cannot be sent: take it out")
    return text.encode("utf-8", "surrogateescape")


def shown(line: bytes | bytearray) -> str:
    """The beginning of a server's words, printable whatever they are."""
    return ascii(line[:SHOWN].decode("utf-8", "replace"))[:SHOWN]


class Conversation:
    """Owns the socket until close()."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._tls: ssl.SSLObject | None = None
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unread = bytearray()
        self._bytes_allowed = self._bytes_left = BYTES_LIMIT
        self._lines_left = LINES_LIMIT
        self._pieces = 0
        self._secret_said = False

    def close(self) -> None:
        self.sock.close()

    async def start_tls(self, spec: CheckSpec, context: ssl.SSLContext) -> None:
        """Raises ssl.SSLError, or BadAnswer when the certificate does not live long enough."""
        name = tls.name_for(spec) or None
        self._tls = context.wrap_bio(self._from_peer, self._to_peer, server_hostname=name)
        try:
            await self._tls_step(self._tls.do_handshake)
        except ssl.SSLError:
            with contextlib.suppress(OSError):  # the alert, so that the server's log says why
                self.sock.send(self._to_peer.read())
            raise
        await asyncio.get_running_loop().sock_sendall(self.sock, self._to_peer.read())
        tls.judge_certificate(spec.tls, self._tls, datetime.datetime.now(datetime.UTC))

    async def say(self, text: str, secret: bool = False) -> None:
        """Send one line. secret: it holds a password, so that what the server answers must not be shown."""
        line = as_line(text) + b"\r\n"
        self._secret_said = secret
        await self.send(line)

    async def send(self, data: bytes) -> None:
        """Send what is more than a line; the caller answers for its line ends."""
        await asyncio.get_running_loop().sock_sendall(self.sock, self._sealed(data))

    def leave(self, farewell: str) -> None:
        """Send a last line if the connection takes it right now; nobody waits for it, and nothing depends on it."""
        with contextlib.suppress(OSError):
            self.sock.send(self._sealed(farewell.encode() + b"\r\n"))

    async def line(self) -> bytes:
        """The next line without its end. Raises BadAnswer when there is none, or when it is all too much."""
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > LINE_LIMIT:
                raise self.problem(Reason.TOO_LARGE, f"a line over {LINE_LIMIT} bytes", self._unread)
            await self._read_more()
        self._lines_left -= 1
        if self._lines_left < 0:
            raise BadAnswer(Reason.TOO_LARGE, f"over {LINES_LIMIT} lines")
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line.rstrip(b"\r")

    async def exactly(self, count: int) -> bytes:
        """The next so many bytes, for protocols that are not made of lines. Raises BadAnswer when there are fewer."""
        while count > len(self._unread):
            if not await self._fill():
                raise BadAnswer(Reason.CONNECTION_LOST, "closed in the middle of the answer" if self._unread else "")
        data = bytes(self._unread[:count])
        del self._unread[:count]
        return data

    async def some(self) -> bytes:
        """What comes next, b"" at the end of the connection."""
        if not self._unread:
            await self._fill()
        data = bytes(self._unread)
        self._unread.clear()
        return data

    def allow(self, count: int) -> None:
        """So many bytes more than usual may come."""
        self._bytes_allowed += count
        self._bytes_left += count

    async def skip(self, count: int) -> None:
        """Pass over so many bytes."""
        while count > len(self._unread):
            count -= len(self._unread)
            self._unread.clear()
            await self._read_more()
        del self._unread[:count]

    def problem(self, reason: Reason, what: str, line: bytes | bytearray) -> BadAnswer:
        """An error to raise that shows the server's line, unless that may hold a password."""
        return BadAnswer(reason, what if self._secret_said else f"{what}: {shown(line)}")

    async def _read_more(self) -> None:
        if await self._fill():
            return
        if self._unread:
            raise self.problem(Reason.CONNECTION_LOST, "in the middle of a line", self._unread)
        raise BadAnswer(Reason.CONNECTION_LOST)

    async def _fill(self) -> bool:
        """Whether there was more before the end of the connection."""
        data = await self._tls_step(self._read_tls) if self._tls else await self._read_wire()
        self._unread += data
        return bool(data)

    async def _read_wire(self) -> bytes:
        """What came, b"" at the end of the connection."""
        self._pieces += 1
        if self._pieces % TURN == 0:
            await asyncio.sleep(0)
        data = await asyncio.get_running_loop().sock_recv(self.sock, PIECE)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise BadAnswer(Reason.TOO_LARGE, f"over {self._bytes_allowed} bytes")
        return data

    def _sealed(self, data: bytes) -> bytes:
        """How this goes over the wire."""
        if not self._tls:
            return data
        self._tls.write(data)
        return self._to_peer.read()

    def _read_tls(self) -> bytes:
        assert self._tls
        try:
            return self._tls.read(PIECE)
        except ssl.SSLEOFError:  # closed without saying so; a proper end reads as b"" by itself
            return b""

    async def _tls_step(self, step: Callable[[], Result]) -> Result:
        """What the step returns once the peer has sent enough for it."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await asyncio.get_running_loop().sock_sendall(self.sock, self._to_peer.read())
                if data := await self._read_wire():
                    self._from_peer.write(data)
                else:
                    self._from_peer.write_eof()
