import asyncio
import contextlib
import os
import re
import resource
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import oracledb
import pytest

from ldirector.checks import oracle_session
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
        heard.append(await reader.readuntil(b"(SID=XE)"))  # it comes in two packets
        writer.write(refusal(12505))

    asked(talk)
    assert heard


@pytest.mark.parametrize(
    "talk",
    [sends(), sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), drips(b"\0\xff\0\0\x02\0"), floods(b"\0\x08\0\0\x0b\0\0\0")],
    ids=["silent", "http", "drips", "asks for ever to say it again"],
)
def test_nobody_stretches_the_deadline_or_keeps_a_process(talk: Talk) -> None:
    started = time.monotonic()
    assert asked(talk, timeout=0.5).reason is Reason.READ_TIMEOUT
    assert time.monotonic() - started < 4
    while any(thread.name == "oracle" for thread in threading.enumerate()):
        assert time.monotonic() - started < 10
        time.sleep(0.01)
    assert subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "oracle_session"], check=False).returncode == 1


def test_a_closed_port_is_refused() -> None:
    given: dict[str, Any] = dict(LOGIN)
    assert asyncio.run(probe("oracle", closed_port(), **given)).reason is Reason.CONNECT_REFUSED


def test_a_packet_that_makes_the_driver_take_gigabytes_costs_one_check() -> None:
    """An ACCEPT that announces packets of a gigabyte."""
    noise = bytes((37 + n * n) & 0xFF for n in range(200))
    verdict = asked(sends(struct.pack("!HHBBH", len(noise) + 8, 0, 2, 0, 0) + noise, after=50), timeout=10)
    assert verdict.outcome is Outcome.FAIL
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 600 * 1024


def test_garbage_gives_a_verdict() -> None:
    noise = bytes((n * n) & 0xFF for n in range(200))
    for kind in (2, 4, 12):
        talk = sends(struct.pack("!HHBBH", len(noise) + 8, 0, kind, 0, 0) + noise, after=50)
        assert asked(talk, timeout=0.5).outcome is Outcome.FAIL


def test_the_password_is_not_on_the_command_line() -> None:
    seen: list[str] = []

    async def talk(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.append(path.read_bytes().decode("utf-8", "replace"))

    asked(talk)
    assert any("oracle_session" in line for line in seen)
    assert [line for line in seen if LOGIN["passwd"] in line] == []


class Connection:
    """Stands in for the driver's: answers the request with `rows`, or with an error."""

    def __init__(self, rows: list[tuple[int]], error: oracledb.Error | None = None) -> None:
        self.told: list[str] = []
        self._rows, self._error = rows, error

    def cursor(self) -> "Connection":
        return self

    def execute(self, statement: str) -> None:
        self.told.append(statement)
        if statement == LOGIN["request"] and self._error:
            raise self._error

    def fetchone(self) -> tuple[int] | None:
        return self._rows[0] if self._rows else None

    def close(self) -> None:
        self.told.append("closed")


@pytest.mark.parametrize(
    ("rows", "error", "outcome"),
    [
        ([(1,)], None, ("OK", "")),
        ([], None, ("NOT_FOUND", "the query has no row")),
        ([], oracledb.DatabaseError("ORA-00942: no such table\nmore"), ("REFUSED", "ORA-00942: no such table")),
        ([], oracledb.InterfaceError("DPY-1003: no rows"), ("BAD_ANSWER", "DPY-1003: no rows")),
    ],
)
def test_once_logged_in_one_row_of_a_read_only_transaction_decides(
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[int]],
    error: oracledb.Error | None,
    outcome: tuple[str, str],
) -> None:
    connection = Connection(rows, error)

    def connect(user: str, password: str, params: Any) -> Connection:
        assert (user, password, params.host, params.sid) == ("checker", "hunter2", "192.0.2.1", "XE")
        return connection

    monkeypatch.setattr(oracledb, "connect", connect)
    given = {"address": "192.0.2.1", "port": 1521, "sid": "XE", "seconds": 5, **LOGIN}
    assert oracle_session.session(given) == outcome
    assert connection.told == ["SET TRANSACTION READ ONLY", LOGIN["request"], "closed"]


def test_every_reason_of_a_session_is_one_of_ours() -> None:
    source = Path(oracle_session.__file__).read_text()
    names = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', source))
    assert {"OK", "NOT_FOUND", "TOO_LARGE", "CONNECT_REFUSED"} <= names
    assert names <= {reason.name for reason in Reason}
