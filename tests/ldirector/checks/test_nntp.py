import pytest

from ldirector.checks import nntp
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import answering, checking

CRLF = "\r\n"


@pytest.mark.parametrize("greeting", [b"200 posting allowed\r\n", b"201 no posting\r\n", b"2\n"])
def test_a_greeting_that_starts_with_2_is_up(greeting: bytes) -> None:
    verdict, heard = checking(nntp.check, answering(greeting))
    assert (verdict, heard) == (Verdict(Outcome.PASS, Reason.OK), [b"QUIT"])


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"400 maintenance\r\n", Reason.REFUSED),
        (b"502 no access\r\n", Reason.REFUSED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.BAD_ANSWER),
        (b" 200\r\n", Reason.BAD_ANSWER),
        (b"\r\n", Reason.BAD_ANSWER),
    ],
)
def test_any_other_greeting_is_down_with_its_words(greeting: bytes, reason: Reason) -> None:
    verdict, _ = checking(nntp.check, answering(greeting))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)
    assert verdict.detail == f"greeting: {greeting.decode().strip(CRLF)!a}"
