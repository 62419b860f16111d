import pytest

from ldirector.checks import pop
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import answering, checking, closing, judged

GREETING = b"+OK POP3 <1.2@mx>\r\n"
SECRET = "pass word 's'"


def test_without_login_the_greeting_decides() -> None:
    verdict, heard = checking(pop.check, answering(GREETING))
    assert (verdict, heard) == (Verdict(Outcome.PASS, Reason.OK), [b"QUIT"])
    verdict, _ = checking(pop.check, answering(b"-ERR closed for today\r\n"))
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, "greeting -ERR: 'closed for today'")


def test_with_login_user_and_password_must_be_accepted() -> None:
    talk = answering(GREETING, {b"USER": b"+OK\r\n", b"PASS": b"+OK 3 messages\r\n"})
    verdict, heard = checking(pop.check, talk, login="joe", passwd=SECRET)
    assert verdict.outcome is Outcome.PASS
    assert heard == [b"USER joe", f"PASS {SECRET}".encode(), b"QUIT"]


def test_a_server_that_refuses_the_user_is_down() -> None:
    verdict, heard = checking(pop.check, answering(GREETING, {b"USER": b"-ERR who?\r\n"}), login="joe", passwd=SECRET)
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, "USER -ERR: 'who?'")
    assert heard == [b"USER joe", b"QUIT"]


@pytest.mark.parametrize("words", [b"-ERR ", b"what is ", b"+O"])
def test_a_server_that_repeats_the_password_is_down_and_not_quoted(words: bytes) -> None:
    repeated = words + SECRET.encode() + b"\r\n"
    verdict, _ = checking(
        pop.check, answering(GREETING, {b"USER": b"+OK\r\n", b"PASS": repeated}), login="joe", passwd=SECRET
    )
    assert verdict.outcome is Outcome.FAIL
    assert verdict.detail in ("PASS -ERR", "PASS")


def test_a_password_in_an_unfinished_line_is_not_quoted_either() -> None:
    talk = answering(GREETING, {b"USER": b"+OK\r\n", b"PASS": b"-ERR " + SECRET.encode() + b"x" * 9000})
    verdict, _ = checking(pop.check, talk, login="joe", passwd=SECRET)
    assert verdict.reason is Reason.TOO_LARGE
    assert "pass word" not in verdict.detail


@pytest.mark.parametrize("greeting", [b"220 mx\r\n", b"* OK\r\n", b"+KO\r\n", b"\r\n"])
def test_a_server_of_another_protocol_is_down(greeting: bytes) -> None:
    verdict, _ = checking(pop.check, answering(greeting))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.BAD_ANSWER)


def test_a_server_that_goes_after_the_greeting_is_down_when_a_login_is_wanted() -> None:
    assert judged(pop.check, closing(GREETING), login="joe")[1] is Reason.CONNECTION_LOST
