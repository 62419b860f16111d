import asyncio
import time

import pytest

from ldirector.checks import simpletcp
from ldirector.checks.simpletcp import ANSWER_LIMIT, LINE_LIMIT
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import Call, Talk, checking, checking_udp, closing, flooding

PASSED = Verdict(Outcome.PASS, Reason.OK)


def hearing_all(answer: bytes, heard: list[bytes]) -> Talk:
    """Answers when the client has shut its write side down."""

    async def talk(call: Call) -> None:
        heard.append(await call.reader.read())
        await call.say(answer)

    return talk


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        ("", b""),
        ("PING", b"PING"),
        ("GET x\\n\\nend", b"GET x\n\nend"),
        ("a\\r\\\\n", b"a\\r\\\n"),
        ("ä", "ä".encode()),
    ],
)
def test_the_request_goes_out_with_newlines_and_then_the_write_side_is_shut_down(request_: str, sent: bytes) -> None:
    heard: list[bytes] = []
    assert checking(simpletcp.check, hearing_all(b"ok\n", heard), request=request_)[0] == PASSED
    assert heard == [sent]


@pytest.mark.parametrize(
    "answer",
    [b"first\nit is ok\nlast\n", b"first\nok", b"ok\r\n", b"x\n" * 50_000 + b"ok\n"],
    ids=["in the middle", "without newline", "crlf", "after many"],
)
def test_one_line_of_the_answer_must_match(answer: bytes) -> None:
    assert checking(simpletcp.check, hearing_all(answer, []), receive="ok")[0] == PASSED
    verdict, _ = checking(simpletcp.check, hearing_all(answer, []), receive="sorry")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.RECEIVE_MISMATCH)
    assert len(verdict.detail) <= 120


def test_a_match_does_not_run_over_a_line_end() -> None:
    verdict, _ = checking(simpletcp.check, hearing_all(b"first\nsecond\n", []), receive="first.*second")
    assert verdict == Verdict(Outcome.FAIL, Reason.RECEIVE_MISMATCH, "no line of 'first\\nsecond\\n'")
    assert checking(simpletcp.check, hearing_all(b"a\nb\nc\n", []), receive="^b$")[0] == PASSED
    assert checking(simpletcp.check, hearing_all(b"a\nb\nc\n", []), receive="^b\\n$")[0] == PASSED


def test_an_empty_receive_matches_any_line_but_not_none() -> None:
    for answer in (b"\n", b"x", b"x\ny\n"):
        assert checking(simpletcp.check, hearing_all(answer, []))[0] == PASSED
    verdict, _ = checking(simpletcp.check, hearing_all(b"", []))
    assert verdict == Verdict(Outcome.FAIL, Reason.CONNECTION_LOST, "no answer")


def test_the_first_match_ends_the_check_although_the_server_goes_on() -> None:
    async def talk(call: Call) -> None:
        await call.say(b"no\nok\nand")
        await call.reader.read()
        await asyncio.sleep(60)

    assert checking(simpletcp.check, talk, receive="ok")[0] == PASSED


def test_a_line_in_pieces_is_one_line() -> None:
    async def talk(call: Call) -> None:
        for piece in (b"it ", b"is", b" o", b"k\n"):
            await call.say(piece)
            await asyncio.sleep(0.01)

    assert checking(simpletcp.check, talk, receive="^it is ok$")[0] == PASSED


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (flooding(b"x" * 1000), f"a line over {LINE_LIMIT} bytes: "),
        (flooding(b"sorry " * 100 + b"\n"), f"no match in {ANSWER_LIMIT} bytes: "),
    ],
    ids=["line", "answer"],
)
def test_an_endless_answer_is_too_large(talk: Talk, said: str) -> None:
    verdict, _ = checking(simpletcp.check, talk, receive="ok")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.TOO_LARGE)
    assert verdict.detail.startswith(said)
    assert len(verdict.detail) <= 120


def test_a_slow_pattern_is_bounded_over_all_lines_together() -> None:
    """Each line alone takes some milliseconds, and there are thousands of them."""
    line = b"a" * 17 + b"b\n"
    started = time.thread_time()
    verdict, _ = checking(simpletcp.check, hearing_all(line * 20_000, []), receive="(a|aa|aaa)+$", timeout=30.0)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.PATTERN_TIMEOUT)
    assert time.thread_time() - started < 10


def test_other_checks_have_their_turn_between_lines_that_take_long() -> None:
    """A hundred lines of some milliseconds each come in one piece."""
    slices: list[float] = []

    async def run() -> None:
        search = simpletcp.LineSearch("^(a|aa)+$")
        feeding = asyncio.create_task(search.feed((b"a" * 19 + b"!\n") * 100))
        while not feeding.done():
            started = time.thread_time()
            await asyncio.sleep(0)
            slices.append(time.thread_time() - started)
        await feeding

    asyncio.run(run())
    assert len(slices) > 5
    assert max(slices) < max(0.05, sum(slices) / 4)


def test_a_silent_server_is_a_read_timeout() -> None:
    async def talk(call: Call) -> None:
        await asyncio.sleep(60)

    verdict, _ = checking(simpletcp.check, talk, timeout=0.2)
    assert verdict == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


def test_a_server_that_closes_at_once_is_down() -> None:
    verdict, _ = checking(simpletcp.check, closing(), request="x" * 100_000)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CONNECTION_LOST)


def test_over_udp_the_answer_is_one_datagram() -> None:
    verdict, heard = checking_udp(simpletcp.check, [b"no\nok\n"], request="a\\nb", receive="ok")
    assert (verdict, heard) == (PASSED, [b"a\nb"])
    verdict, _ = checking_udp(simpletcp.check, [b"no\nok"], receive="ok")
    assert verdict == PASSED
    verdict, _ = checking_udp(simpletcp.check, [b"sorry\n"], receive="ok")
    assert verdict == Verdict(Outcome.FAIL, Reason.RECEIVE_MISMATCH, "no line of 'sorry\\n'")
    verdict, _ = checking_udp(simpletcp.check, receive="ok", timeout=0.2)
    assert verdict == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)
