"""service=simpletcp: send `request`, and look for `receive` in each line of the answer (reference section c).

Every `\\n` in the request, written as backslash and n, is a newline. Over tcp the write side is shut down after it, and
the check succeeds with the first line that matches, without waiting for more. Over udp the answer is one datagram, and
the request is repeated while none comes. An empty receive matches any line.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

from ldirector.checks.attempt import BadAnswer, attempt, over_tcp
from ldirector.checks.conversation import PIECE, shown
from ldirector.checks.datagrams import Question, connected
from ldirector.core.events import CheckSpec
from ldirector.core.receive import judge_body
from ldirector.core.verdict import Outcome, Reason, Verdict

LINE_LIMIT = 64 * 1024  # bytes
ANSWER_LIMIT = 512 * 1024
SEARCH_SECONDS = 0.5
"""For all lines together: each match has a limit of its own, but an answer may have half a million lines. A server that
sends nothing else must not keep this machine so busy that it doubts its own verdicts."""
TURN = 0.003  # seconds of work, after which other checks get theirs


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """PASS when one line of the answer matches."""
    request = spec.request.replace("\\n", "\n").encode("utf-8", "surrogateescape")
    search = LineSearch(spec.receive)

    async def over_udp() -> Verdict:
        with connected(spec.address, spec.port) as sock:
            answer = await Question(sock, request).answer()
            for start in range(0, len(answer), PIECE):
                if verdict := await search.feed(answer[start : start + PIECE]):
                    return verdict
            return await search.end()

    async def talk(sock: socket.socket) -> Verdict:
        loop = asyncio.get_running_loop()
        with sock:
            await loop.sock_sendall(sock, request)
            with contextlib.suppress(OSError):  # the server may have gone already; reading tells what it left
                sock.shutdown(socket.SHUT_WR)
            while piece := await loop.sock_recv(sock, PIECE):
                if verdict := await search.feed(piece):
                    return verdict
            return await search.end()

    if spec.protocol == "udp":
        return await attempt(deadline, over_udp())
    return await over_tcp(spec, deadline, talk)


class LineSearch:
    """Looks for the pattern in each line, with its newline, of an answer that comes in pieces."""

    def __init__(self, receive: str) -> None:
        self._receive = receive
        self._size = 0
        self._start = b""
        self._unfinished = b""
        self._spent = 0.0  # seconds of work
        self._turn_began = time.thread_time()

    async def feed(self, piece: bytes) -> Verdict | None:
        """The verdict as soon as there is one. Raises BadAnswer when the answer is too large."""
        self._size += len(piece)
        self._start = self._start or piece
        self._turn_began = time.thread_time()
        *lines, self._unfinished = (self._unfinished + piece).split(b"\n")
        for line in lines:
            if verdict := await self._match(line + b"\n"):
                return verdict
        if len(self._unfinished) > LINE_LIMIT:
            raise BadAnswer(Reason.TOO_LARGE, f"a line over {LINE_LIMIT} bytes: {shown(self._unfinished)}")
        if self._size > ANSWER_LIMIT:
            raise BadAnswer(Reason.TOO_LARGE, f"no match in {ANSWER_LIMIT} bytes: {shown(self._start)}")
        self._spent += time.thread_time() - self._turn_began
        await self._give_turn()  # a server that floods us would not let anybody else run
        return None

    async def end(self) -> Verdict:
        """The verdict when nothing more will come; a last line needs no newline."""
        if self._unfinished and (verdict := await self._match(self._unfinished)):
            return verdict
        if not self._size:
            raise BadAnswer(Reason.CONNECTION_LOST, "no answer")
        raise BadAnswer(Reason.RECEIVE_MISMATCH, f"no line of {shown(self._start)}")

    async def _match(self, line: bytes) -> Verdict | None:
        verdict = judge_body(self._receive, line)
        if verdict.reason is not Reason.RECEIVE_MISMATCH:
            return verdict
        now = time.thread_time()
        if now - self._turn_began > TURN:
            self._spent += now - self._turn_began
            if self._spent > SEARCH_SECONDS:
                return Verdict(Outcome.FAIL, Reason.PATTERN_TIMEOUT, f"over {SEARCH_SECONDS:g} s for all lines")
            await self._give_turn()
        return None

    async def _give_turn(self) -> None:
        await asyncio.sleep(0)
        self._turn_began = time.thread_time()
