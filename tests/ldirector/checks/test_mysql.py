import asyncio
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import Talk, closed_port, closes, drips, floods, probe, sends, stream_peer

CAPABILITIES = 0x8 | 0x200 | 0x8000 | 0x80000  # database at connect, 4.1 protocol, 4.1 authentication, plugins
NATIVE = b"mysql_native_password\0"
GREETING = (
    b"\x0a5.7-test\0"
    + struct.pack("<I8sBHBHHB10x", 7, b"saltsalt", 0, CAPABILITIES & 0xFFFF, 45, 2, CAPABILITIES >> 16, 21)
    + b"saltsaltsalt\0"
    + NATIVE
)
OK = b"\0\0\0\2\0\0\0"
EOF = b"\xfe\0\0\2\0"
COLUMN = b"\3def\0\0\0\0011\0011\x0c\x3f\0\4\0\0\0\3\0\0\0\0\0"
ROW = b"\0011"


def packet(body: bytes, number: int) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number & 0xFF]) + body


def error(code: int, words: bytes) -> bytes:
    return b"\xff" + struct.pack("<H", code) + b"#HY000" + words


def result(*rows: bytes) -> list[bytes]:
    return [b"\1", COLUMN, EOF, *rows, EOF]


class Database:
    """Logs in with `login` and answers the request with `answer`, whatever else it is told with OK."""

    def __init__(self, answer: Iterable[bytes], login: bytes = OK, request: bytes = b"select 1") -> None:
        self.told: list[bytes] = []
        self._answer, self._login, self._request = answer, login, request

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet(GREETING, 0))
        self.told.append(await self._read(reader))
        writer.write(packet(self._login, 2))
        while True:
            self.told.append(await self._read(reader))
            if self.told[-1] == b"\1":  # quit
                return
            for number, body in enumerate(self._answer if self.told[-1][1:] == self._request else [OK], 1):
                writer.write(packet(body, number))
                await writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readexactly(4)
        return await reader.readexactly(int.from_bytes(head[:3], "little"))


def asked(talk: Talk, timeout: float = 30.0, **more: Any) -> Verdict:
    async def run() -> Verdict:
        async with stream_peer(talk) as port:
            given = {"login": "checker", "passwd": "hunter2", "database": "shop", "request": "select 1", **more}
            return await probe("mysql", port, timeout, **given)

    return asyncio.run(run())


def test_one_row_is_up_and_the_server_sees_a_read_only_transaction_and_a_proper_end() -> None:
    database = Database(result(ROW))
    assert asked(database).outcome is Outcome.PASS
    assert b"checker\0" in database.told[0]
    assert b"shop\0" in database.told[0]
    assert database.told[-3:] == [b"\3START TRANSACTION READ ONLY", b"\3select 1", b"\1"]


def test_a_percent_sign_of_the_request_arrives_as_written() -> None:
    database = Database(result(ROW), request=b"select '%s'")
    assert asked(database, request="select '%s'").outcome is Outcome.PASS


def test_of_an_endless_result_the_first_row_decides() -> None:
    def endless() -> Iterable[bytes]:
        yield from result()[:-1]
        while True:
            yield ROW

    database = Database(endless())
    assert asked(database).outcome is Outcome.PASS
    assert database.told[-1] == b"\3select 1"


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (Database(result()), Reason.NOT_FOUND),
        (Database([OK]), Reason.NOT_FOUND),
        (Database([error(1146, b"no such table")]), Reason.REFUSED),
        (Database([], login=error(1045, b"Access denied")), Reason.REFUSED),
        (Database([b"\1", b"\xff\xff\xff"]), Reason.BAD_ANSWER),
        (Database([b"\1", COLUMN[:5]]), Reason.BAD_ANSWER),
        (Database([b"\xfb/etc/passwd"]), Reason.BAD_ANSWER),
        (Database([b"\1", COLUMN, EOF, b"x" * 300_000]), Reason.TOO_LARGE),
        (sends(packet(b"x" * 50, 1)), Reason.BAD_ANSWER),
        (sends(packet(error(1040, b"Too many connections"), 0)), Reason.REFUSED),
        (sends(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.BAD_ANSWER),
        (sends(b"\xff\xff\xff\0"), Reason.TOO_LARGE),
        (floods(packet(b"", 0)), Reason.BAD_ANSWER),
        (closes, Reason.CONNECTION_LOST),
    ],
    ids=[
        *("no row", "no result", "no such table", "access denied", "bad column", "short column", "wants a file"),
        *("large row", "wrong number", "too many connections", "ssh", "16 MB", "flood", "closes"),
    ],
)
def test_another_answer_is_down_with_its_reason(talk: Talk, reason: Reason) -> None:
    verdict = asked(talk)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


def test_an_error_is_shown_short_and_printable() -> None:
    verdict = asked(Database([error(1064, b"bad\n" * 100)]))
    assert verdict.detail.startswith("1064 bad\\nbad\\n")
    assert len(verdict.detail) <= 120


def ends(name: str) -> Callable[[], bool]:
    return lambda: all(thread.name != name for thread in threading.enumerate())


@pytest.mark.parametrize("talk", [sends(), sends(packet(GREETING, 0)), drips(packet(GREETING, 0) + b"\0"), sends(b"J")])
def test_nobody_stretches_the_deadline_or_keeps_a_thread(talk: Talk) -> None:
    started = time.monotonic()
    assert asked(talk, timeout=0.2).reason is Reason.READ_TIMEOUT
    while not ends("mysql")():
        assert time.monotonic() - started < 5
        time.sleep(0.01)


def test_a_closed_port_is_refused() -> None:
    assert asyncio.run(probe("mysql", closed_port(), login="x", request="select 1")).reason is Reason.CONNECT_REFUSED


def test_damage_anywhere_gives_a_verdict() -> None:
    async def run() -> None:
        for at in range(len(GREETING)):
            damaged = GREETING[:at] + b"\xff" + GREETING[at + 1 :]

            async def talk(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, damaged: bytes = damaged
            ) -> None:
                writer.write(packet(damaged, 0) + packet(OK, 2) + packet(OK, 1) * 2 + packet(b"\1", 1))
                writer.write_eof()
                await reader.read()

            async with stream_peer(talk) as port:
                verdict = await probe("mysql", port, 5, login="x", passwd="y", request="select 1")
                assert verdict.reason is not Reason.READ_TIMEOUT

    asyncio.run(run())
