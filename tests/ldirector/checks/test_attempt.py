import asyncio
import errno
import socket
import ssl

import pytest

from ldirector.checks.attempt import DETAIL_LIMIT, PASSED, BadAnswer, attempt, over_tcp, printable
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict


def judged(error: Exception) -> Verdict:
    async def run() -> Verdict:
        async def exchange() -> Verdict:
            raise error

        return await attempt(asyncio.get_running_loop().time() + 5, exchange())

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (BadAnswer(Reason.REFUSED, "no"), Outcome.FAIL, Reason.REFUSED),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Outcome.FAIL, Reason.CONNECT_REFUSED),
        (ConnectionResetError(errno.ECONNRESET, "x"), Outcome.FAIL, Reason.CONNECTION_LOST),
        (OSError(errno.EHOSTUNREACH, "x"), Outcome.FAIL, Reason.UNREACHABLE),
        (OSError(errno.EMFILE, "x"), Outcome.NOT_RUN, Reason.NO_DESCRIPTORS),
        (asyncio.IncompleteReadError(b"x", 2), Outcome.FAIL, Reason.CONNECTION_LOST),
        (ssl.SSLError(1, "x"), Outcome.FAIL, Reason.TLS),
    ],
)
def test_what_happens_on_the_way_becomes_a_verdict(error: Exception, outcome: Outcome, reason: Reason) -> None:
    verdict = judged(error)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_an_exchange_without_end_is_over_at_the_deadline() -> None:
    async def run() -> Verdict:
        return await attempt(asyncio.get_running_loop().time() + 0.05, asyncio.Event().wait())  # type: ignore[arg-type]

    assert asyncio.run(run()) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


def test_a_programming_error_is_not_taken_for_a_verdict() -> None:
    with pytest.raises(ZeroDivisionError):
        judged(ZeroDivisionError())


def test_words_of_a_server_are_short_and_cannot_forge_a_line() -> None:
    assert printable("554 no\r\n[Sun Nov 22] fake\x1b[2J") == "554 no\\r\\n[Sun Nov 22] fake\\x1b[2J"
    assert printable("caf\u00e9 \u202e") == "caf\\xe9 \\u202e"
    assert len(printable("\U0001f600" * 500)) == DETAIL_LIMIT
    assert BadAnswer(Reason.REFUSED, "a\nb" * 100).detail == printable("a\nb" * 100)


def test_over_tcp_hands_over_a_connected_socket() -> None:
    async def talk(sock: socket.socket) -> Verdict:
        with sock:
            sock.send(b"hello")
        return PASSED

    with socket.create_server(("127.0.0.1", 0)) as listener:
        spec = CheckSpec("negotiate", "127.0.0.1", listener.getsockname()[1], 5.0)

        async def run() -> Verdict:
            return await over_tcp(spec, asyncio.get_running_loop().time() + 5, talk)

        assert asyncio.run(run()) == PASSED
        with listener.accept()[0] as accepted:
            assert accepted.recv(10) == b"hello"
