import asyncio
import os
import struct
import time
from typing import Any

import oracledb
import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import Talk, closed_port, closes, drips, floods, probe, sends, stream_peer

LOGIN = {"login": "checker", "passwd": "hunter2", "database": "XE", "request": "select 1 from dual"}


def refusal(code: int) -> bytes:
    """A TNS REFUSE packet."""
    words = f"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR={code})(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4))))".encode()
    return struct.pack("!HHBBHBBH", 12 + len(words), 0, 4, 0, 0, 34, 0, len(words)) + words


def asked(talk: Talk, timeout: float = 5.0) -> Verdict:
    async def run() -> Verdict:
        async with stream_peer(talk) as port:
            given: dict[str, Any] = dict(LOGIN)
            return await probe("oracle", port, timeout, **given)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (sends(refusal(12505), after=50), Reason.REFUSED),
        (sends(refusal(12514), after=50), Reason.REFUSED),
        (sends(b"\0\x0a\0\0\x02\0\0\0\0\0", after=50), Reason.BAD_ANSWER),
        (closes, Reason.CONNECTION_LOST),
    ],
    ids=["unknown sid", "unknown service", "short accept", "closes"],
)
def test_a_listener_that_does_not_let_us_in_is_down_with_its_reason(talk: Talk, reason: Reason) -> None:
    verdict = asked(talk)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)
    assert len(verdict.detail) <= 120


def test_the_listener_is_asked_for_the_sid() -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(refusal(12505))

    asked(talk)
    assert b"(SID=XE)" in heard[0]


@pytest.mark.parametrize(
    "talk",
    [sends(), sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), drips(b"\0\xff\0\0\x02\0"), floods(b"\0\x08\0\0\x0b\0\0\0")],
    ids=["silent", "http", "drips", "asks for ever to say it again"],
)
def test_nobody_stretches_the_deadline_or_keeps_a_socket(talk: Talk) -> None:
    def sockets() -> int:
        links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
        return sum(os.readlink(link).startswith("socket:") for link in links if os.path.exists(link))

    before, started = sockets(), time.monotonic()
    assert asked(talk, timeout=0.3).reason in (Reason.READ_TIMEOUT, Reason.BAD_ANSWER)
    assert time.monotonic() - started < 4
    assert sockets() == before


def test_a_closed_port_is_refused() -> None:
    given: dict[str, Any] = dict(LOGIN)
    assert asyncio.run(probe("oracle", closed_port(), **given)).reason is Reason.CONNECT_REFUSED


def test_garbage_gives_a_verdict() -> None:
    for seed in (0, 3):
        noise = bytes((seed * 37 + n * n) & 0xFF for n in range(200))
        for kind in (2, 4, 5, 6, 11, 12):
            talk = sends(struct.pack("!HHBBH", len(noise) + 8, 0, kind, 0, 0) + noise, after=50)
            assert asked(talk, timeout=0.02).outcome is Outcome.FAIL


class Connection:
    """Stands in for the driver's: answers the request with `rows`, or with an error."""

    def __init__(self, rows: list[tuple[int]], error: oracledb.Error | None = None, hang: bool = False) -> None:
        self.told: list[str] = []
        self.closed = asyncio.Event()
        self._rows, self._error, self._hang = rows, error, hang

    def cursor(self) -> "Connection":
        return self

    async def execute(self, statement: str) -> None:
        self.told.append(statement)
        if statement == LOGIN["request"] and self._error:
            raise self._error
        if statement == LOGIN["request"] and self._hang:
            await asyncio.Event().wait()

    async def fetchone(self) -> tuple[int] | None:
        return self._rows[0] if self._rows else None

    async def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"rows": [(1,)]}, Reason.OK),
        ({"rows": []}, Reason.NOT_FOUND),
        ({"rows": [], "error": oracledb.DatabaseError("ORA-00942: no such table")}, Reason.REFUSED),
        ({"rows": [], "error": oracledb.InterfaceError("DPY-1003: no rows")}, Reason.BAD_ANSWER),
        ({"rows": [], "hang": True}, Reason.READ_TIMEOUT),
    ],
)
def test_once_logged_in_one_row_of_a_read_only_transaction_decides(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], reason: Reason
) -> None:
    async def run() -> tuple[Verdict, Connection]:
        connection = Connection(**given)

        async def connect(**said: Any) -> Connection:
            assert (said["user"], said["password"]) == ("checker", "hunter2")
            return connection

        monkeypatch.setattr(oracledb, "connect_async", connect)
        login: dict[str, Any] = dict(LOGIN)
        verdict = await probe("oracle", 1521, 0.2, **login)
        await asyncio.wait_for(connection.closed.wait(), 5)
        return verdict, connection

    verdict, connection = asyncio.run(run())
    assert verdict.reason is reason
    assert connection.told == ["SET TRANSACTION READ ONLY", LOGIN["request"]]
