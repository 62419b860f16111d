import asyncio
import ssl
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ldirector.checks.ber import ENUMERATED, OCTETS, SEQUENCE, element, integer
from ldirector.checks.ldap import MESSAGE_LIMIT
from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import Talk, closed_port, closes, drips, floods, probe, sends, stream_peer
from tests.ldirector.checks.servers import self_signed

ANONYMOUS_BIND = bytes.fromhex("300c020101600702010304008000")  # as the original sends it, reference section c
BASE = "dc=example,dc=com"


def result(number: int, tag: int, code: int = 0, words: bytes = b"") -> bytes:
    outcome = element(tag, integer(code, ENUMERATED), element(OCTETS), element(OCTETS, words))
    return element(SEQUENCE, integer(number), outcome)


def entry(name: bytes = BASE.encode()) -> bytes:
    return element(SEQUENCE, integer(2), element(0x64, element(OCTETS, name), element(SEQUENCE)))


REFERENCE = element(SEQUENCE, integer(2), element(0x73, element(OCTETS, b"ldap://other/")))
BOUND = result(1, 0x61)
DONE = result(2, 0x65)


class Directory:
    """Answers the first message with `bound`, the second with `found`; keeps what it received."""

    def __init__(self, bound: bytes = BOUND, found: Sequence[bytes] = (entry(), DONE), close: bool = False) -> None:
        self.received: list[bytes] = []
        self._bound, self._found, self._close = bound, found, close

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in ([self._bound], self._found):
            self.received.append(await reader.read(65536))
            for part in answer:
                writer.write(part)
                await writer.drain()
        if not self._close:
            self.received.append(await reader.read(65536))


def asked(talk: Talk, timeout: float = 5.0, context: ssl.SSLContext | None = None, **more: Any) -> Verdict:
    async def run() -> Verdict:
        async with stream_peer(talk, context) as port:
            return await probe("ldaps" if context else "ldap", port, timeout, **{"request": BASE, **more})

    return asyncio.run(run())


def test_the_anonymous_bind_is_byte_for_byte_the_originals() -> None:
    cases: list[dict[str, Any]] = [{}, {"login": "cn=x"}, {"passwd": "x"}]
    for more in cases:
        directory = Directory()
        assert asked(directory, **more).outcome is Outcome.PASS
        assert directory.received[0] == ANONYMOUS_BIND


def test_login_and_passwd_bind_when_both_are_set() -> None:
    directory = Directory()
    asked(directory, login="cn=x", passwd="p")
    assert directory.received[0] == bytes.fromhex("3011020101600c0201030404636e3d78800170")


def test_the_search_reads_one_entry_without_its_attributes_and_ends_politely() -> None:
    directory = Directory()
    asked(directory)
    assert BASE.encode() in directory.received[1]
    assert directory.received[1].endswith(
        bytes.fromhex("0a0100 0a0100 020100 020100 010100 870b") + b"objectClass0\5\4\0031.1"
    )
    assert directory.received[2] == bytes.fromhex("30050201034200")


def test_receive_is_matched_against_the_dn() -> None:
    assert asked(Directory(), receive="^dc=example,dc=com$").outcome is Outcome.PASS
    verdict = asked(Directory(), receive="dc=org")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.RECEIVE_MISMATCH)


def test_references_and_split_messages_do_not_disturb() -> None:
    whole = REFERENCE + entry() + REFERENCE + DONE
    assert asked(Directory(found=[bytes([byte]) for byte in whole])).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (Directory(found=[DONE]), Reason.NOT_FOUND),
        (Directory(found=[REFERENCE, DONE]), Reason.NOT_FOUND),
        (Directory(found=[entry(), entry(), DONE]), Reason.NOT_FOUND),
        (Directory(found=[result(2, 0x65, 32)]), Reason.REFUSED),
        (Directory(bound=result(1, 0x61, 49)), Reason.REFUSED),
        (Directory(bound=result(0, 0x78, 52, b"going down")), Reason.REFUSED),
        (Directory(bound=result(2, 0x61)), Reason.BAD_ANSWER),
        (Directory(bound=result(1, 0x65)), Reason.BAD_ANSWER),
        (Directory(bound=element(SEQUENCE)), Reason.BAD_ANSWER),
        (Directory(bound=element(SEQUENCE, integer(1), element(0x61))), Reason.BAD_ANSWER),
        (Directory(bound=b"0\x80" + BOUND[2:]), Reason.BAD_ANSWER),
        (sends(b"HTTP/1.1 400 Bad Request\r\n\r\n", after=14), Reason.BAD_ANSWER),
        (sends(b"0\x84\0\xff\xff\xff", after=14), Reason.TOO_LARGE),
        (sends(b"0\x83\1\0\1", after=14), Reason.TOO_LARGE),
        (floods(REFERENCE * 100, BOUND), Reason.TOO_LARGE),
        (floods(b"0\x83\1\0\0" + bytes(MESSAGE_LIMIT)), Reason.BAD_ANSWER),
        (closes, Reason.CONNECTION_LOST),
        (Directory(found=[entry()[:9]], close=True), Reason.CONNECTION_LOST),
        (Directory(found=[entry()], close=True), Reason.CONNECTION_LOST),
    ],
    ids=[
        *("no entry", "reference only", "two entries", "no such object", "wrong password", "notice", "other number"),
        *("other operation", "empty", "no code", "endless form", "http", "16 MB", "64 KiB + 1", "endless references"),
        *("large garbage", "closes", "closes in entry", "closes before the end"),
    ],
)
def test_another_answer_is_down_with_its_reason(talk: Talk, reason: Reason) -> None:
    verdict = asked(talk)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


def test_a_refusal_is_named_without_the_password() -> None:
    refusing = Directory(bound=result(1, 0x61, 49, b"bad\nluck"))
    verdict = asked(refusing, login="cn=x", passwd="hunter2")
    assert verdict.detail == "bind: invalidCredentials (bad\\nluck)"
    assert asked(Directory(found=[result(2, 0x65, 123)])).detail == "search: result 123"


@pytest.mark.parametrize("talk", [sends(), sends(BOUND), drips(b"0\x82\xff\xff\0"), sends(b"0")])
def test_nobody_stretches_the_deadline(talk: Talk) -> None:
    started = time.monotonic()
    assert asked(talk, timeout=0.2).reason is Reason.READ_TIMEOUT
    assert time.monotonic() - started < 3


def test_a_closed_port_is_refused() -> None:
    assert asyncio.run(probe("ldap", closed_port(), request=BASE)).reason is Reason.CONNECT_REFUSED


def test_ldaps_speaks_tls_and_verifies_when_told(tmp_path: Path) -> None:
    assert asked(Directory(), context=self_signed(tmp_path)).outcome is Outcome.PASS
    verdict = asked(Directory(), context=self_signed(tmp_path), tls=TlsRules(verify=True))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CERTIFICATE)
    verdict = asked(Directory(), context=self_signed(tmp_path), tls=TlsRules(minimum_days=1))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CERTIFICATE)


def test_a_message_of_many_small_parts_costs_little_memory() -> None:
    async def run() -> int:
        async with stream_peer(sends(element(SEQUENCE, bytes(60_000)))) as port:
            await probe("ldap", closed_port(), request=BASE)
            tracemalloc.start()
            try:
                assert (await probe("ldap", port, request=BASE)).reason is Reason.BAD_ANSWER
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(run()) < 1024 * 1024


def test_damage_anywhere_gives_a_verdict() -> None:
    whole = BOUND + entry() + DONE

    async def run() -> None:
        for at in range(len(whole)):
            for byte in (0x00, 0x80, 0xFF):
                damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]

                async def talk(
                    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, damaged: bytes = damaged
                ) -> None:
                    writer.write(damaged)
                    writer.write_eof()
                    await reader.read()

                async with stream_peer(talk) as port:
                    assert (await probe("ldap", port, request=BASE)).outcome in (Outcome.PASS, Outcome.FAIL)

    asyncio.run(run())
