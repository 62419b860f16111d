import asyncio
import base64
import hashlib
import hmac
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ldirector.checks.pgsql import message
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.ldirector.checks.peers import Talk, closed_port, closes, drips, probe, sends, stream_peer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PASSWORD = "hunter2"
READY = message(b"Z", b"I")
COMPLETE = message(b"C", b"SELECT 1\0")
ROW = message(b"D", struct.pack("!HI", 1, 1), b"1")
CHATTER = message(b"S", b"server_version\00015\0") + message(b"N", b"SNOTICE\0\0") + message(b"K", bytes(8))


def authentication(method: int, more: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!I", method), more)


def error(code: str, words: str) -> bytes:
    return message(b"E", f"SFATAL\0C{code}\0M{words}\0\0".encode())


async def no_login(_streams: Streams) -> bytes:
    return authentication(0)


class Database:
    """Logs in, answers BEGIN, and answers the query with `answer`; keeps the bodies of what it was told."""

    def __init__(
        self,
        answer: bytes = CHATTER + ROW + COMPLETE + READY,
        login: Callable[[Streams], Awaitable[bytes]] = no_login,
        tls: ssl.SSLContext | None = None,
        begun: bytes = COMPLETE + READY,
    ) -> None:
        self.told: list[tuple[bytes, bytes]] = []
        self._answer, self._login, self._tls, self._begun = answer, login, tls, begun

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == bytes.fromhex("0000000804d2162f")
        writer.write(b"S" if self._tls else b"N")
        if self._tls:
            await writer.start_tls(self._tls)
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        self.told.append((b"", await reader.readexactly(length - 4)))
        writer.write(await self._login((reader, writer)) + CHATTER + READY)
        await self._hear(reader, b"Q")
        writer.write(self._begun)
        await self._hear(reader, b"S")
        writer.write(self._answer)
        await self._hear(reader, b"X")

    async def _hear(self, reader: asyncio.StreamReader, until: bytes) -> None:
        kind = b""
        while kind != until:
            kind, body = await hear(reader)
            self.told.append((kind, body))


async def hear(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!cI", await reader.readexactly(5))
    return kind, await reader.readexactly(length - 4)


def asked(talk: Talk, timeout: float = 5.0, **more: Any) -> Verdict:
    async def run() -> Verdict:
        async with stream_peer(talk) as port:
            given = {"login": "checker", "passwd": PASSWORD, "database": "shop", "request": "select 1", **more}
            return await probe("pgsql", port, timeout, **given)

    return asyncio.run(run())


def test_one_row_is_up_and_the_server_sees_a_read_only_transaction_for_one_row() -> None:
    database = Database()
    assert asked(database).outcome is Outcome.PASS
    assert database.told == [
        (b"", struct.pack("!I", 196608) + b"user\0checker\0database\0shop\0application_name\0ldirector\0\0"),
        (b"Q", b"BEGIN READ ONLY\0"),
        (b"P", b"\0select 1\0\0\0"),
        (b"B", b"\0\0\0\0\0\0\0\0"),
        (b"E", b"\0\0\0\0\1"),
        (b"S", b""),
        (b"X", b""),
    ]


def test_without_database_the_server_chooses() -> None:
    database = Database()
    assert asked(database, database="").outcome is Outcome.PASS
    assert b"database\0" not in database.told[0][1]


async def clear_text(streams: Streams) -> bytes:
    streams[1].write(authentication(3))
    return authentication(0) if await hear(streams[0]) == (b"p", PASSWORD.encode() + b"\0") else error("28P01", "no")


async def md5(streams: Streams) -> bytes:
    streams[1].write(authentication(5, b"salt"))
    inner = hashlib.md5(PASSWORD.encode() + b"checker").hexdigest().encode()
    wanted = b"md5" + hashlib.md5(inner + b"salt").hexdigest().encode() + b"\0"
    return authentication(0) if await hear(streams[0]) == (b"p", wanted) else error("28P01", "no")


def scram(iterations: int = 4096, honest: bool = True) -> Callable[[Streams], Awaitable[bytes]]:
    """The server's side by the words of RFC 5802."""

    async def login(streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
        _, body = await hear(reader)
        mechanism, _, rest = body.partition(b"\0")
        bare = rest[4:].removeprefix(b"n,,")
        nonce = bare.partition(b"r=")[2] + b"more"
        challenge = b"r=" + nonce + b",s=" + base64.b64encode(b"salt") + b",i=%d" % iterations
        writer.write(authentication(11, challenge))
        _, body = await hear(reader)
        unproven, _, proof = body.rpartition(b",p=")
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt", iterations)
        key = hmac.digest(salted, b"Client Key", "sha256")
        said = b",".join((bare, challenge, unproven))
        signature = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
        if bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True)) != key:
            return error("28P01", "password authentication failed")
        own = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said if honest else b"x", "sha256")
        assert mechanism == b"SCRAM-SHA-256"
        return authentication(12, b"v=" + base64.b64encode(own)) + authentication(0)

    return login


@pytest.mark.parametrize("login", [clear_text, md5, scram()], ids=["clear text", "md5", "scram"])
def test_every_kind_of_password_login_is_made_and_refused(login: Callable[[Streams], Awaitable[bytes]]) -> None:
    assert asked(Database(login=login)).outcome is Outcome.PASS
    verdict = asked(Database(login=login), passwd="wrong password")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert verdict.detail.startswith("28P01 ")
    assert "wrong" not in verdict.detail


def test_a_server_that_wants_too_much_work_gets_none() -> None:
    started = time.process_time()
    verdict = asked(Database(login=scram(iterations=2_000_000)))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.BAD_ANSWER)
    assert "2000000 SCRAM iterations" in verdict.detail
    assert time.process_time() - started < 1


def test_a_server_that_cannot_prove_to_know_the_password_is_refused() -> None:
    assert asked(Database(login=scram(honest=False))).reason is Reason.REFUSED


def test_tls_is_used_when_the_server_offers_it() -> None:
    database = Database(tls=Authority().server(), login=scram())
    assert asked(database).outcome is Outcome.PASS
    assert database.told[-1] == (b"X", b"")


async def other_login(_streams: Streams) -> bytes:
    return authentication(7)


async def only_plus(_streams: Streams) -> bytes:
    return authentication(10, b"SCRAM-SHA-256-PLUS\0\0")


async def starting(_streams: Streams) -> bytes:
    return error("57P03", "the database system is starting up")


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (Database(COMPLETE + READY), Reason.NOT_FOUND),
        (Database(message(b"I") + READY), Reason.NOT_FOUND),
        (Database(error("42P01", "no such table") + READY), Reason.REFUSED),
        (Database(message(b"H", b"\0\0\0") + READY), Reason.BAD_ANSWER),
        (Database(begun=error("25006", "no")), Reason.REFUSED),
        (Database(login=other_login), Reason.REFUSED),
        (Database(login=only_plus), Reason.REFUSED),
        (Database(login=starting), Reason.REFUSED),
        (Database(b"\0\0\0\0\5x"), Reason.BAD_ANSWER),
        (Database(b"D\0\0\0\3"), Reason.BAD_ANSWER),
        (Database(message(b"E", bytes(20_000))), Reason.TOO_LARGE),
        (Database(message(b"N", bytes(300_000)) + READY), Reason.TOO_LARGE),
        (Database(message(b"N", bytes(4000)) * 100), Reason.TOO_LARGE),
        (sends(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.BAD_ANSWER),
        (sends(b"HTTP/1.1 400 Bad Request\r\n"), Reason.BAD_ANSWER),
        (closes, Reason.CONNECTION_LOST),
    ],
    ids=[
        *("no row", "empty query", "no such table", "copy", "no transaction", "kerberos", "only plus", "starting"),
        *("no kind", "short length", "large error", "large notice", "many notices", "ssh", "http", "closes"),
    ],
)
def test_another_answer_is_down_with_its_reason(talk: Talk, reason: Reason) -> None:
    verdict = asked(talk)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


@pytest.mark.parametrize("rest", [b"", message(b"D", bytes(900_000)), COMPLETE, b"\0" * 9, error("57014", "cancelled")])
def test_once_a_row_begins_nothing_changes_the_verdict(rest: bytes) -> None:
    assert asked(Database(ROW + rest)).outcome is Outcome.PASS
    assert asked(Database(b"D\xff\xff\xff\xff" + rest)).outcome is Outcome.PASS


@pytest.mark.parametrize("talk", [sends(), sends(b"N"), sends(b"S"), drips(b"N" + message(b"N", bytes(900)))])
def test_nobody_stretches_the_deadline(talk: Talk) -> None:
    started = time.monotonic()
    assert asked(talk, timeout=0.2).reason is Reason.READ_TIMEOUT
    assert time.monotonic() - started < 3


def test_a_closed_port_is_refused() -> None:
    assert asyncio.run(probe("pgsql", closed_port(), login="x", request="select 1")).reason is Reason.CONNECT_REFUSED


def test_a_zero_byte_cannot_smuggle_a_setting() -> None:
    assert asked(Database(), login="x\0options\0-c x=y").reason is Reason.REFUSED


def test_damage_anywhere_gives_a_verdict() -> None:
    whole = b"N" + authentication(0) + CHATTER + READY + COMPLETE + READY + ROW + COMPLETE + READY

    async def run() -> None:
        for at in range(len(whole)):
            for byte in (0x00, 0x45, 0xFF):
                damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]

                async def talk(
                    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, damaged: bytes = damaged
                ) -> None:
                    writer.write(damaged)
                    writer.write_eof()
                    await reader.read()

                async with stream_peer(talk) as port:
                    verdict = await probe("pgsql", port, 5, login="x", passwd="y", request="select 1")
                    assert verdict.outcome in (Outcome.PASS, Outcome.FAIL)
                    assert verdict.reason is not Reason.READ_TIMEOUT

    asyncio.run(run())
