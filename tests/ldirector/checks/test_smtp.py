import pytest

from ldirector.checks import smtp
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import PASSED, answering, checking, judged

GREETING = b"220 mx ESMTP\r\n"
OK = {b"EHLO": b"250-mx\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"}


def test_a_server_that_accepts_ehlo_is_up_and_is_told_quit() -> None:
    verdict, heard = checking(smtp.check, answering(GREETING, OK))
    assert verdict == Verdict(Outcome.PASS, Reason.OK)
    assert heard == [b"EHLO localhost.localdomain", b"QUIT"]


def test_helo_is_the_second_try() -> None:
    verdict, heard = checking(smtp.check, answering(GREETING, {b"EHLO": b"502 what\r\n", b"HELO": b"250 mx\r\n"}))
    assert verdict.outcome is Outcome.PASS
    assert heard == [b"EHLO localhost.localdomain", b"HELO localhost.localdomain", b"QUIT"]


def test_a_greeting_of_many_lines_is_waited_for() -> None:
    for greeting in (b"220-mx\r\n220-no spam\r\n220 go\r\n", b"220-mx\r\n220\r\n", b"220\r\n"):
        assert judged(smtp.check, answering(greeting, OK)) == PASSED
    unfinished = answering(b"220-mx\r\n220-and\r\n", OK)
    assert judged(smtp.check, unfinished, timeout=0.2) == (Outcome.FAIL, Reason.READ_TIMEOUT)


@pytest.mark.parametrize(
    ("greeting", "answers", "detail"),
    [
        (b"554 go away\r\n", {}, "greeting 554: 'go away'"),
        (b"220-mx\r\n220 go\r\n", {b"EHLO": b"421 too busy\r\n", b"HELO": b"250 mx\r\n"}, "EHLO 421: 'too busy'"),
        (GREETING, {b"EHLO": b"550 no\r\n", b"HELO": b"550-no,\r\n550 no\r\n"}, "HELO 550: 'no'"),
        (GREETING, {b"EHLO": b"354 go on\r\n"}, "EHLO 354: 'go on'"),
    ],
)
def test_a_server_that_says_no_is_down_with_its_words(
    greeting: bytes, answers: dict[bytes, bytes], detail: str
) -> None:
    verdict, heard = checking(smtp.check, answering(greeting, answers))
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, detail)
    assert heard[-1] == b"QUIT"


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"+OK\r\n", b"2200 x\r\n", b"\r\n", b"\xff\0\n"])
def test_a_server_of_another_protocol_is_down(greeting: bytes) -> None:
    assert judged(smtp.check, answering(greeting, OK)) == (Outcome.FAIL, Reason.BAD_ANSWER)
