import asyncio

import pytest

from ldirector.checks import imap
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import PASSED, Call, answering, checking, judged

GREETING = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"


def test_without_login_the_greeting_decides() -> None:
    for greeting in (GREETING, b"* PREAUTH welcome\r\n", b"* ok\r\n"):
        verdict, heard = checking(imap.check, answering(greeting))
        assert (verdict, heard) == (Verdict(Outcome.PASS, Reason.OK), [b"b LOGOUT"])
    verdict, _ = checking(imap.check, answering(b"* BYE closed\r\n"))
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, "greeting BYE: 'closed'")


@pytest.mark.parametrize(
    ("login", "passwd", "line"),
    [
        ("joe", "secret", b'a LOGIN "joe" "secret"'),
        ("joe x", "", b'a LOGIN "joe x" ""'),
        ('j"o', 'a\\b"', b'a LOGIN "j\\"o" "a\\\\b\\""'),
    ],
)
def test_user_and_password_are_quoted(login: str, passwd: str, line: bytes) -> None:
    talk = answering(GREETING, {b"LOGIN": b"* CAPABILITY IMAP4rev1\r\na OK in\r\n"}, word=1)
    verdict, heard = checking(imap.check, talk, login=login, passwd=passwd)
    assert (verdict, heard) == (Verdict(Outcome.PASS, Reason.OK), [line, b"b LOGOUT"])


def test_more_than_ascii_goes_in_literals() -> None:
    async def talk(call: Call) -> None:
        await call.say(GREETING)
        for answer in (b"+ go on\r\n", b"* OK still here\r\n+\r\n", b"a OK in\r\n"):
            await call.hear()
            await call.say(answer)
        await call.hear()

    verdict, heard = checking(imap.check, talk, login="joe", passwd='pä"ss')
    assert verdict.outcome is Outcome.PASS
    assert heard == [b"a LOGIN {3}", b"joe {6}", 'pä"ss'.encode(), b"b LOGOUT"]


def test_a_server_that_takes_no_literal_is_down() -> None:
    talk = answering(GREETING, {b"LOGIN": b"a BAD no literals\r\n"}, word=1)
    verdict, _ = checking(imap.check, talk, login="joé")
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, "LOGIN BAD: 'no literals'")


def test_a_preauthenticated_connection_is_not_asked_to_log_in() -> None:
    verdict, heard = checking(imap.check, answering(b"* PREAUTH welcome\r\n"), login="joe", passwd="secret")
    assert (verdict.outcome, heard) == (Outcome.PASS, [b"b LOGOUT"])


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (b"a NO not secret\r\n", Reason.REFUSED, "LOGIN NO"),
        (b"* OK wait\r\na BAD secret\r\n", Reason.REFUSED, "LOGIN BAD"),
        (b"* BYE secret\r\n", Reason.REFUSED, "LOGIN BYE"),
        (b"secret\r\n", Reason.BAD_ANSWER, "LOGIN"),
        (b"b OK secret\r\n", Reason.BAD_ANSWER, "LOGIN"),
        (b"a OKAY secret\r\n", Reason.BAD_ANSWER, "LOGIN"),
    ],
)
def test_a_server_that_refuses_the_password_is_down_and_not_quoted(answer: bytes, reason: Reason, detail: str) -> None:
    talk = answering(GREETING, {b"LOGIN": answer}, word=1)
    verdict, _ = checking(imap.check, talk, login="joe", passwd="secret")
    assert verdict == Verdict(Outcome.FAIL, reason, detail)


@pytest.mark.parametrize("greeting", [b"+OK pop\r\n", b"220 mx\r\n", b"* OKAY\r\n", b"* NO\r\n"])
def test_a_server_of_another_protocol_is_down(greeting: bytes) -> None:
    assert judged(imap.check, answering(greeting)) == (Outcome.FAIL, Reason.BAD_ANSWER)


def test_a_slow_login_is_waited_for_until_the_deadline() -> None:
    async def talk(call: Call) -> None:
        await call.say(GREETING)
        await call.hear()
        await asyncio.sleep(0.2)
        await call.say(b"a OK in\r\n")
        await call.hear()

    assert judged(imap.check, talk, login="joe") == PASSED
    assert judged(imap.check, talk, login="joe", timeout=0.1) == (Outcome.FAIL, Reason.READ_TIMEOUT)
