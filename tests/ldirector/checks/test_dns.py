import asyncio
import os
import struct
import time
from collections.abc import Iterable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from ldirector.checks import datagrams
from ldirector.checks import dns as dns_check
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import (
    Reply,
    Talk,
    closed_port,
    closes,
    datagram_peer,
    drips,
    probe,
    sends,
    stream_peer,
)

NAME = "www.example.com"
A = (NAME + ". 300 IN A 192.0.2.1",)


def answer(query: bytes, records: Iterable[str] = A, rcode: int = 0, flags: int = 0) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query))
    for text in records:
        name, ttl, kind, what, *rdata = text.split(" ")
        message.answer.append(dns.rrset.from_text(name, int(ttl), kind, what, " ".join(rdata)))
    message.set_rcode(dns.rcode.Rcode(rcode))
    message.flags |= flags
    return message.to_wire(max_size=65535)


def asked(reply: Reply, request: str = NAME, receive: str = "", timeout: float = 5.0) -> tuple[Verdict, list[bytes]]:
    async def run() -> tuple[Verdict, list[bytes]]:
        async with datagram_peer(reply) as peer:
            more: dict[str, Any] = {"request": request, "receive": receive, "protocol": "udp"}
            return await probe("dns", peer.port, timeout, **more), peer.received

    return asyncio.run(run())


def judged(receive: str, *records: str, rcode: int = 0) -> Verdict:
    return asked(lambda query, _: [answer(query, records, rcode)], receive=receive)[0]


def asked_over_tcp(talk: Talk, timeout: float = 5.0, receive: str = "") -> Verdict:
    async def run() -> Verdict:
        async with stream_peer(talk) as port:
            return await probe("dns", port, timeout, request=NAME, receive=receive, protocol="tcp")

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("request_", "question"),
    [
        (NAME, "www.example.com. IN A"),
        ("www.example.com.", "www.example.com. IN A"),
        ("localhost", "localhost. IN A"),
        ("192.0.2.9", "9.2.0.192.in-addr.arpa. IN PTR"),
        ("2001:db8::1", f"1.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa. IN PTR"),
    ],
)
def test_a_name_is_asked_for_its_address_and_an_address_for_its_name(request_: str, question: str) -> None:
    _, (query,) = asked(lambda query, _: [answer(query)], request_)
    message = dns.message.from_wire(query)
    assert [str(rrset) for rrset in message.question] == [question]
    assert message.flags == dns.flags.RD


def test_an_address_or_name_of_the_answer_matches_receive() -> None:
    assert judged("^192\\.0\\.2\\.1$", *A).outcome is Outcome.PASS
    assert judged("2.7$", *A, NAME + ". 300 IN A 192.0.2.7").outcome is Outcome.PASS
    assert judged("^host.example.com$", NAME + ". 300 IN PTR host.example.com.").outcome is Outcome.PASS
    assert judged("", NAME + ". 300 IN CNAME x.example.com.", "x.example.com. 9 IN A 192.0.2.1").outcome is Outcome.PASS


def test_without_receive_any_address_or_name_will_do() -> None:
    assert judged("", *A).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("receive", "records", "rcode", "reason"),
    [
        ("192.0.2.9", A, 0, Reason.RECEIVE_MISMATCH),
        ("", (), 0, Reason.NOT_FOUND),
        ("", (NAME + ". 300 IN AAAA 2001:db8::1",), 0, Reason.NOT_FOUND),
        (".", (NAME + ". 300 IN TXT words",), 0, Reason.NOT_FOUND),
        ("", A, dns.rcode.NXDOMAIN, Reason.WRONG_STATUS),
        ("", (), dns.rcode.SERVFAIL, Reason.WRONG_STATUS),
        ("(a|aa)+$", (NAME + f". 300 IN PTR {'a' * 60}.b.",), 0, Reason.PATTERN_TIMEOUT),
    ],
    ids=["other address", "no record", "AAAA", "TXT", "NXDOMAIN", "SERVFAIL", "hostile pattern"],
)
def test_another_answer_is_down(receive: str, records: tuple[str, ...], rcode: int, reason: Reason) -> None:
    verdict = judged(receive, *records, rcode=rcode)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


def test_failures_say_what_came_instead() -> None:
    assert judged("x", *A).detail == "192.0.2.1"
    assert judged("x", *(f"{NAME}. 300 IN A 192.0.2.{n}" for n in range(9))).detail.endswith(" and 6 more")
    assert judged("", rcode=dns.rcode.REFUSED).detail == "REFUSED"


def test_stray_datagrams_are_passed_over() -> None:
    def reply(query: bytes, _: int) -> list[bytes]:
        other_number = bytes([query[0] ^ 1]) + query[1:]
        wrong = [f"{NAME}. 300 IN A 192.0.2.66"]
        other_question = dns.message.make_query("mail.example.com", "A", id=struct.unpack("!H", query[:2])[0]).to_wire()
        strays = [query, b"", b"\0", os.urandom(40), answer(other_number, wrong), answer(other_question, wrong)]
        return [*strays, answer(query, wrong)[:-2], answer(query)]

    assert asked(reply, receive="^192.0.2.1$")[0].outcome is Outcome.PASS


def test_a_lost_query_is_repeated_with_the_same_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "FIRST_PAUSE", 0.01)
    verdict, queries = asked(lambda query, number: [answer(query)] if number == 3 else [])
    assert verdict.outcome is Outcome.PASS
    assert len(queries) == 3
    assert len(set(queries)) == 1


def test_a_silent_server_is_a_read_timeout_and_a_closed_port_a_refusal() -> None:
    assert asked(lambda *_: [], timeout=0.1)[0].reason is Reason.READ_TIMEOUT
    verdict = asyncio.run(probe("dns", closed_port(), request=NAME, protocol="udp"))
    assert verdict.reason is Reason.CONNECT_REFUSED


def test_a_flood_of_strays_does_not_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    strays = iter(range(100_000))

    async def always_one_queued(_question: datagrams.Question) -> bytes:
        assert next(strays, None) is not None, "the deadline was never looked at"
        return b"stray"

    monkeypatch.setattr(datagrams.Question, "answer", always_one_queued)
    assert asked(lambda *_: [], timeout=0.1)[0].reason is Reason.READ_TIMEOUT


def test_a_request_that_is_no_name_is_said_clearly() -> None:
    verdict = asked(lambda query, _: [answer(query)], "a..b")[0]
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.BAD_ANSWER)
    assert verdict.detail.startswith("request= cannot be asked for: ")
    assert asked(lambda query, _: [answer(query)], "x" * 64 + ".com")[0].outcome is Outcome.FAIL


def over_tcp(*records: str, prefix: int = 0) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        wire = answer(await reader.readexactly(length), records)
        for byte in struct.pack("!H", prefix or len(wire)) + wire:
            writer.write(bytes([byte]))
            await writer.drain()

    return talk


def test_over_tcp_the_answer_may_come_byte_by_byte() -> None:
    assert asked_over_tcp(over_tcp(*A), receive="192.0.2.1").outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (closes, Reason.CONNECTION_LOST),
        (sends(b"HTTP/1.1 400 Bad Request\r\n\r\n", after=12), Reason.TOO_LARGE),
        (sends(b"\0\x0cxxxxyyyyzzzz", after=12), Reason.BAD_ANSWER),
        (sends(b"\0\0", after=12), Reason.BAD_ANSWER),
        (over_tcp(*A, prefix=4097), Reason.TOO_LARGE),
        (over_tcp(*A, prefix=4096), Reason.CONNECTION_LOST),
    ],
    ids=["closes", "http", "garbage", "empty", "announces much", "announces more than it sends"],
)
def test_a_wrong_answer_over_tcp_has_its_reason(talk: Talk, reason: Reason) -> None:
    assert asked_over_tcp(talk).reason is reason


def test_a_dripping_server_cannot_stretch_the_deadline() -> None:
    started = time.monotonic()
    assert asked_over_tcp(drips(b"\x0f\xff" + b"x" * 10), timeout=0.2).reason is Reason.READ_TIMEOUT
    assert time.monotonic() - started < 3


def test_an_answer_that_udp_cut_short_is_asked_for_over_tcp() -> None:
    async def run(receive: str) -> Verdict:
        async with stream_peer(over_tcp(*A)) as port:
            cut = lambda query, _: [answer(query, [f"{NAME}. 300 IN A 192.0.2.7"], flags=dns.flags.TC)]  # noqa: E731
            async with datagram_peer(cut, port=port):
                return await probe("dns", port, request=NAME, receive=receive, protocol="udp")

    assert asyncio.run(run("192.0.2.1")).outcome is Outcome.PASS
    assert asyncio.run(run("192.0.2.7")).outcome is Outcome.PASS
    assert asyncio.run(run("192.0.2.8")).detail == "192.0.2.1"


def test_damaged_answers_give_an_answer_or_nothing_but_no_error() -> None:
    question = dns_check.question_for(NAME)
    whole = answer(question.to_wire(), [*A, NAME + ". 300 IN PTR host.example.com."])
    assert dns_check.read(question, whole) is not None
    for at in range(len(whole)):
        dns_check.read(question, whole[:at])
        for byte in (0, 1, 0xC0, 0xFF):
            dns_check.read(question, whole[:at] + bytes([byte]) + whole[at + 1 :])
