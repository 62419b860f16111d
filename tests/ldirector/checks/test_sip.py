import asyncio
import re
import socket

import pytest

from ldirector.checks import sip
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import Call, Talk, checking, checking_udp

GOOD = b"SIP/2.0 200 OK\r\nVia: x\r\nContent-Length: 0\r\n\r\n"
TRYING = b"SIP/2.0 100 Trying\r\nVia: x\r\nContent-Length: 5\r\n\r\nSIP/2"
PASSED = Verdict(Outcome.PASS, Reason.OK)


def answering(*answers: bytes) -> Talk:
    """Hears one request, then says all of this."""

    async def talk(call: Call) -> None:
        while await call.hear():
            pass
        for answer in answers:
            await call.say(answer)
            await asyncio.sleep(0)
        await call.hear()

    return talk


def test_the_request_is_the_originals() -> None:
    verdict, heard = checking_udp(sip.check, [GOOD], login="joe@example.com")
    assert verdict == PASSED
    assert re.fullmatch(
        rb"OPTIONS sip:joe@example\.com SIP/2\.0\r\n"
        rb"Via: SIP/2\.0/UDP 127\.0\.0\.1:[0-9]+;branch=z9hG4bK([0-9a-f]{16})\r\n"
        rb"Max-Forwards: 70\r\n"
        rb"To: <sip:joe@example\.com>\r\n"
        rb"From: <sip:joe@example\.com>;tag=\1\r\n"
        rb"Call-ID: \1\r\n"
        rb"CSeq: 63104 OPTIONS\r\n"
        rb"Contact: <sip:joe@example\.com>\r\n"
        rb"Accept: application/sdp\r\n"
        rb"Content-Length: 0\r\n\r\n",
        heard[0],
    )


def test_over_tcp_the_via_says_so_and_ipv6_is_in_brackets() -> None:
    verdict, heard = checking(sip.check, answering(GOOD), login="joe", address="::1")
    assert verdict == PASSED
    assert heard[0] == b"OPTIONS sip:joe SIP/2.0"
    assert heard[1].startswith(b"Via: SIP/2.0/TCP [::1]:")


def test_without_login_it_is_ldirectord_at_this_host() -> None:
    _, heard = checking(sip.check, answering(GOOD))
    assert heard[0] == f"OPTIONS sip:ldirectord@{socket.gethostname()} SIP/2.0".encode()


def test_no_two_checks_share_a_branch() -> None:
    branches = {checking_udp(sip.check, [GOOD])[1][0].split(b"branch=")[1][:23] for _ in range(3)}
    assert len(branches) == 3


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "tcp"])
@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([TRYING, TRYING, GOOD], PASSED),
        ([b"SIP/2.0 200 OK, well\r\n\r\n"], PASSED),
        ([b"SIP/2.0 404 Not Found\r\n\r\n"], Verdict(Outcome.FAIL, Reason.WRONG_STATUS, "'SIP/2.0 404 Not Found'")),
        ([TRYING, b"SIP/2.0 503 Busy\r\n\r\n"], Verdict(Outcome.FAIL, Reason.WRONG_STATUS, "'SIP/2.0 503 Busy'")),
        ([b"SIP/2.0 200 Fine\r\n\r\n"], Verdict(Outcome.FAIL, Reason.WRONG_STATUS, "'SIP/2.0 200 Fine'")),
        ([b"HTTP/1.1 200 OK\r\n\r\n"], Verdict(Outcome.FAIL, Reason.BAD_ANSWER, "'HTTP/1.1 200 OK'")),
        ([b"\r\n"], Verdict(Outcome.FAIL, Reason.BAD_ANSWER, "''")),
    ],
)
def test_the_first_line_of_the_final_answer_decides(udp: bool, answers: list[bytes], verdict: Verdict) -> None:
    assert (checking_udp(sip.check, answers) if udp else checking(sip.check, answering(*answers)))[0] == verdict


def test_endless_provisional_answers_are_bounded() -> None:
    async def talk(call: Call) -> None:
        while True:
            await call.say(TRYING)

    verdict, _ = checking(sip.check, talk)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.TOO_LARGE)


@pytest.mark.parametrize("length", [b"9" * 9, b"9" * 5000, b"-1", b"x"])
def test_a_nonsense_length_costs_no_more_than_the_deadline(length: bytes) -> None:
    odd = b"SIP/2.0 100 Trying\r\nContent-Length: " + length + b"\r\n\r\n"
    verdict, _ = checking(sip.check, answering(odd), timeout=0.3)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.READ_TIMEOUT)


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "tcp"])
def test_a_silent_server_is_a_read_timeout(udp: bool) -> None:
    silent = checking_udp(sip.check, timeout=0.2) if udp else checking(sip.check, answering(), timeout=0.2)
    assert silent[0] == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


def test_no_login_can_smuggle_a_header() -> None:
    for verdict, heard in (
        checking_udp(sip.check, [GOOD], login="x\r\nRoute: y"),
        checking(sip.check, answering(GOOD), login="x\r\nRoute: y"),
    ):
        assert (verdict.outcome, verdict.reason, heard) == (Outcome.FAIL, Reason.INTERNAL, [])
