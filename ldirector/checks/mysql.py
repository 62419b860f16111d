"""service=mysql: log in, run request as SQL, and at least one row is up (reference section c).

PyMySQL waits by itself, so it runs in a thread (threads.py) on a connection of ours, behind Wire, which bounds what
it can be made to read. The query runs in a read-only transaction that ends with the connection. Of its result one row
decides; the rest of a short result is read so that the server sees a proper end, that of a long one is not.
"""

from __future__ import annotations

import socket
import struct
from functools import partial
from typing import Any

import pymysql
from pymysql.constants import CR
from pymysql.cursors import SSCursor

from ldirector.checks.attempt import PASSED, BadAnswer, over_tcp
from ldirector.checks.threads import Sockets, Threads
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict

READ_LIMIT = 256 * 1024  # bytes, everything together: the first row must fit
MAX_THREADS = 200  # checks at the same time; further ones wait
MORE_ROWS = 32  # that are read after the one that decides, to reach the end

NOT_MYSQL = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What PyMySQL raises on bytes that are none of its protocol, and when the server asks for a file of ours."""

_threads = Threads("mysql", MAX_THREADS)


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """At least one row, all within the one deadline."""

    async def talk(sock: socket.socket) -> Verdict:
        with sock:
            return await _threads.run(deadline, partial(_query, spec), sock)

    return await over_tcp(spec, deadline, talk)


class Wire:
    """What PyMySQL wants of a socket and of its file, up to READ_LIMIT."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = READ_LIMIT
        sock.setblocking(True)  # until the deadline shuts it down
        self.sendall = sock.sendall

    def makefile(self, _mode: str) -> Wire:
        return self

    def settimeout(self, seconds: float | None) -> None:
        """Not heeded: a limit on each read is none on the check."""

    def read(self, size: int) -> bytes:
        """As many bytes as that, fewer only at the end. Raises BadAnswer over the limit, without waiting for them."""
        self._left -= size
        if self._left < 0:
            raise BadAnswer(Reason.TOO_LARGE, f"over {READ_LIMIT} bytes")
        data = bytearray()
        while len(data) < size and (part := self._sock.recv(size - len(data))):
            data += part
        return bytes(data)

    def close(self) -> None:
        """Nothing: the connection belongs to the check."""


def _query(spec: CheckSpec, sockets: Sockets) -> Verdict:
    connection = pymysql.connect(
        user=_bytes(spec.login),
        password=_bytes(spec.passwd),
        database=_bytes(spec.database) or None,
        cursorclass=SSCursor,
        autocommit=None,
        defer_connect=True,
    )
    try:
        connection.connect(Wire(sockets.kept[0]))
        cursor: Any = connection.cursor()
        try:
            cursor.execute("START TRANSACTION READ ONLY")
            cursor.execute(spec.request)
            found = cursor.fetchone() is not None
            at_end = not found or any(cursor.fetchone() is None for _ in range(MORE_ROWS))
            if at_end:
                connection.close()
        finally:
            _abandon(cursor)
    except pymysql.err.MySQLError as error:
        raise _judged(error) from None
    except NOT_MYSQL as error:
        raise BadAnswer(Reason.BAD_ANSWER, f"not MySQL: {error}") from None
    if not found:
        raise BadAnswer(Reason.NOT_FOUND, "the query has no row")
    return PASSED


def _abandon(cursor: Any) -> None:
    """Stops cursor and result from reading to the end of the result when they are deleted."""
    if result := cursor._result:
        result.unbuffered_active, result.connection = False, None
    cursor.connection = None


def _judged(error: pymysql.err.MySQLError) -> BadAnswer:
    number, words = (*error.args, "")[:2] if len(error.args) != 1 else ("", error.args[0])
    if number in (CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR):
        return BadAnswer(Reason.CONNECTION_LOST, "closed in the middle of the answer")
    return BadAnswer(Reason.REFUSED if number else Reason.BAD_ANSWER, f"{number} {words}".strip())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
