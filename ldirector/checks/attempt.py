"""One attempt at one server: everything that can happen on the way to an answer, turned into a verdict.

A check is written as if all went well; it raises BadAnswer where the server's words do not count, and lets errors of
sockets and of TLS through. What they mean is decided here, in one place for all protocols.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from ldirector.checks.dial import dial, verdict_of
from ldirector.checks.threads import NoThread
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict

DETAIL_LIMIT = 120  # characters of a server's words that may reach a log line


class BadAnswer(Exception):
    """The server's answer cannot count; the reason says why, detail is for the log and may quote the server."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = printable(detail)


def printable(words: str) -> str:
    """The beginning of somebody else's words as plain ASCII: no control character, nothing that forges a log line."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in words[:DETAIL_LIMIT])[:DETAIL_LIMIT]


PASSED = Verdict(Outcome.PASS, Reason.OK)


async def attempt(deadline: float, exchange: Awaitable[Verdict]) -> Verdict:
    """The verdict of an exchange that must be over at the deadline (the loop's clock), whatever it raises."""
    try:
        async with asyncio.timeout_at(deadline):
            return await exchange
    except TimeoutError:
        return Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)
    except ssl.SSLCertVerificationError as error:
        return Verdict(Outcome.FAIL, Reason.CERTIFICATE, printable(error.verify_message))
    except ssl.SSLError as error:
        return Verdict(Outcome.FAIL, Reason.TLS, printable(getattr(error, "reason", None) or str(error)))
    except OSError as error:
        return verdict_of(error)
    except NoThread as error:
        return Verdict(Outcome.NOT_RUN, Reason.NO_THREAD, str(error))
    except asyncio.IncompleteReadError as error:
        where = "in the middle of the answer" if error.partial else "without a further answer"
        return Verdict(Outcome.FAIL, Reason.CONNECTION_LOST, f"closed {where}")
    except BadAnswer as problem:
        return Verdict(Outcome.FAIL, problem.reason, problem.detail)


async def over_tcp(spec: CheckSpec, deadline: float, talk: Callable[[socket.socket], Awaitable[Verdict]]) -> Verdict:
    """Connect to the server of the spec and talk to it; talk must close the socket in any case."""
    connected = False

    async def exchange() -> Verdict:
        nonlocal connected
        sock = await dial(spec.address, spec.port)
        connected = True
        return await talk(sock)

    verdict = await attempt(deadline, exchange())
    if verdict.reason is Reason.READ_TIMEOUT and not connected:
        return Verdict(Outcome.FAIL, Reason.CONNECT_TIMEOUT)
    return verdict
