"""service=pgsql: log in, run request as SQL, and at least one row is up (reference section c).

Speaks version 3 of the protocol itself (PostgreSQL documentation, "Frontend/Backend Protocol"), because libpq lets the
server decide how much work a login is (scram.py) and how much memory a row takes. Logins are those of libpq without
further settings: TLS when the server offers it, then SCRAM-SHA-256, MD5, clear text or none.

The query runs in a read-only transaction and asks for one row only; that a row begins is all that is wanted of it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import socket
import struct
from contextlib import closing, suppress
from functools import partial

from ldirector.checks import scram, tls
from ldirector.checks.attempt import PASSED, BadAnswer, over_tcp
from ldirector.checks.conversation import Conversation
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict

MESSAGE_LIMIT = 16 * 1024  # bytes of a message that must be read
READ_LIMIT = 256 * 1024  # bytes of all of them
GOODBYE_SECONDS = 0.5  # for the end of the result, so that the server's log shows a proper one

PROTOCOL, SSL_REQUEST = 196608, 80877103
ROW, READY, ERROR, AUTHENTICATION = b"D", b"Z", b"E", b"R"
COPIES = (b"G", b"H", b"W")


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """At least one row, all within the one deadline."""
    return await over_tcp(spec, deadline, partial(_talk, spec))


def message(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return kind + struct.pack("!I", len(body) + 4) + body


def text(words: str) -> bytes:
    """As it stands in a message. Raises BadAnswer for what cannot be sent."""
    if "\0" in words:
        raise BadAnswer(Reason.REFUSED, "login, passwd, database and request cannot hold a zero byte")
    return words.encode("utf-8", "surrogateescape") + b"\0"


def start(spec: CheckSpec) -> bytes:
    settings = {"user": spec.login, "database": spec.database, "application_name": "ldirector"}
    pairs = [text(name) + text(value) for name, value in settings.items() if value]
    return message(b"", struct.pack("!I", PROTOCOL), *pairs, b"\0")


def query_for_one_row(request: str) -> bytes:
    """Parse, Bind and Execute for at most one row, then Sync."""
    unnamed = b"\0"
    return b"".join(
        (
            message(b"P", unnamed, text(request), struct.pack("!H", 0)),
            message(b"B", unnamed, unnamed, struct.pack("!HHH", 0, 0, 0)),
            message(b"E", unnamed, struct.pack("!I", 1)),
            message(b"S"),
        )
    )


def refusal(body: bytes) -> BadAnswer:
    """What an error message says: code and words."""
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return BadAnswer(Reason.REFUSED, f"{fields.get(b'C', '')} {fields.get(b'M', '')}".strip())


async def _talk(spec: CheckSpec, sock: socket.socket) -> Verdict:
    with closing(Conversation(sock)) as conversation:
        try:
            await _offer_tls(spec, conversation)
            server = _Server(conversation)
            await server.send(start(spec))
            await _log_in(spec, server)
            await server.send(message(b"Q", text("BEGIN READ ONLY")))
            await server.until(READY)
            await server.send(query_for_one_row(spec.request))
            if await server.until(ROW, READY) == READY:
                await server.send(message(b"X"))
                raise BadAnswer(Reason.NOT_FOUND, "the query has no row")
            with suppress(TimeoutError, OSError, ValueError, BadAnswer):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await server.until(READY)
                    await server.send(message(b"X"))
        except ValueError as error:
            raise BadAnswer(Reason.BAD_ANSWER, f"not PostgreSQL: {error}") from None
    return PASSED


async def _offer_tls(spec: CheckSpec, conversation: Conversation) -> None:
    """Go over to TLS when the server wants that. Raises BadAnswer when what answers is no PostgreSQL."""
    await conversation.send(message(b"", struct.pack("!I", SSL_REQUEST)))
    offered = await conversation.some()
    if not offered:
        raise BadAnswer(Reason.CONNECTION_LOST, "closed without an answer")
    if offered not in (b"S", b"N"):
        raise BadAnswer(Reason.BAD_ANSWER, f"not PostgreSQL: {offered[:16]!r} in answer to the offer of TLS")
    if offered == b"S":
        await conversation.start_tls(spec, tls.context(spec.tls))


class _Server:
    """The messages of the server, each bounded and all together."""

    def __init__(self, conversation: Conversation) -> None:
        self._exactly = conversation.exactly
        self._left = READ_LIMIT
        self._unread = 0  # bytes of the last message's body
        self.send = conversation.send

    async def until(self, *kinds: bytes) -> bytes:
        """The first message of one of these kinds, its body unread. Raises BadAnswer for an error report."""
        while (kind := await self._next()) not in kinds:
            if kind == ERROR:
                raise refusal(await self.body())
            if kind in COPIES:
                raise BadAnswer(Reason.BAD_ANSWER, "COPY is no query with rows")
        return kind

    async def body(self) -> bytes:
        """The body of the message whose kind came last."""
        if self._unread > MESSAGE_LIMIT:
            raise BadAnswer(Reason.TOO_LARGE, f"a message of {self._unread} bytes")
        data, self._unread = await self._exactly(self._unread), 0
        return data

    async def _next(self) -> bytes:
        """The kind of the next message; what is unread of the last one is passed over."""
        while self._unread:
            if self._left < 0:
                raise BadAnswer(Reason.TOO_LARGE, f"over {READ_LIMIT} bytes")
            piece = min(self._unread, MESSAGE_LIMIT)
            await self._exactly(piece)
            self._unread -= piece
        kind: bytes
        kind, length = struct.unpack("!cI", await self._exactly(5))
        if not kind.isalnum() or length < 4:
            raise ValueError(f"a message of kind {kind!r} and length {length}")
        self._unread = length - 4
        self._left -= length + 1
        return kind


async def _log_in(spec: CheckSpec, server: _Server) -> None:
    """Until the server is ready. Raises BadAnswer when it refuses, ValueError when it is no PostgreSQL."""
    while await server.until(AUTHENTICATION, READY) != READY:
        body = await server.body()
        method, rest = int.from_bytes(body[:4]), body[4:]
        if method == 3:
            await server.send(message(b"p", text(spec.passwd)))
        elif method == 5:
            await server.send(message(b"p", md5_answer(spec.login, spec.passwd, rest[:4])))
        elif method == 10:
            await _scram(spec, server, rest)
        elif method != 0:
            raise BadAnswer(Reason.REFUSED, f"the server wants a login of kind {method}, which is not supported")


def md5_answer(login: str, passwd: str, salt: bytes) -> bytes:
    inner = hashlib.md5(text(passwd)[:-1] + text(login)[:-1]).hexdigest().encode()
    return b"md5" + hashlib.md5(inner + salt).hexdigest().encode() + b"\0"


async def _scram(spec: CheckSpec, server: _Server, offered: bytes) -> None:
    if b"SCRAM-SHA-256" not in offered.split(b"\0"):
        raise BadAnswer(Reason.REFUSED, "the server offers no SCRAM-SHA-256")
    nonce = base64.b64encode(os.urandom(18))
    first = scram.first_message(nonce)
    await server.send(message(b"p", b"SCRAM-SHA-256\0", struct.pack("!I", len(first)), first))
    challenge = scram.read_challenge(nonce, await _sasl(server, 11))
    proof, expected = await asyncio.to_thread(scram.prove, spec.passwd, nonce, challenge)
    await server.send(message(b"p", proof))
    if await _sasl(server, 12) != expected:
        raise BadAnswer(Reason.REFUSED, "the server does not know the password either")


async def _sasl(server: _Server, wanted: int) -> bytes:
    await server.until(AUTHENTICATION)
    body = await server.body()
    if int.from_bytes(body[:4]) != wanted:
        raise ValueError(f"step {int.from_bytes(body[:4])} instead of {wanted} of a SCRAM login")
    return body[4:]
