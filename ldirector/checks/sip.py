"""service=sip: OPTIONS is answered with 200 OK, over udp or tcp as the virtual's protocol is (reference section c).

Provisional answers (1xx) are waited through. Differences on purpose: without login it is ldirectord@HOST, however the
service came to be sip; over tcp the Via says so; the branch of the Via is another one each time, as RFC 3261 section
8.1.1.7 wants it; over udp the request is repeated while nothing comes.
"""

from __future__ import annotations

import re
import secrets
import socket

from ldirector.checks.attempt import PASSED, BadAnswer, attempt
from ldirector.checks.conversation import Conversation, as_line, converse, shown
from ldirector.checks.datagrams import Question, connected
from ldirector.core.events import CheckSpec
from ldirector.core.model import bracketed
from ldirector.core.verdict import Reason, Verdict

WANTED = b"SIP/2.0 200 OK"


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """PASS when the first line of the final answer starts with SIP/2.0 200 OK."""

    async def over_udp() -> Verdict:
        with connected(spec.address, spec.port) as sock:
            question = Question(sock, request_bytes(spec, sock))
            while True:
                first = (await question.answer()).partition(b"\n")[0].rstrip(b"\r")
                if not _is_provisional(first):
                    return _judged(first)

    async def over_tcp(conversation: Conversation) -> Verdict:
        await conversation.send(request_bytes(spec, conversation.sock))
        while True:
            first = await conversation.line()
            if not _is_provisional(first):
                return _judged(first)
            await _skip_message(conversation)

    if spec.protocol == "udp":
        return await attempt(deadline, over_udp())
    return await converse(spec, deadline, over_tcp)


def request_bytes(spec: CheckSpec, sock: socket.socket) -> bytes:
    """The request, told by the own address and port of this socket."""
    user = spec.login or f"ldirectord@{socket.gethostname()}"
    address, port = sock.getsockname()[:2]
    call = secrets.token_hex(8)
    lines = (
        f"OPTIONS sip:{user} SIP/2.0",
        f"Via: SIP/2.0/{spec.protocol.upper()} {bracketed(address)}:{port};branch=z9hG4bK{call}",
        "Max-Forwards: 70",
        f"To: <sip:{user}>",
        f"From: <sip:{user}>;tag={call}",
        f"Call-ID: {call}",
        "CSeq: 63104 OPTIONS",
        f"Contact: <sip:{user}>",
        "Accept: application/sdp",
        "Content-Length: 0",
        "",
        "",
    )
    return b"\r\n".join(map(as_line, lines))


def _is_provisional(first: bytes) -> bool:
    return first.startswith(b"SIP/2.0 1")


def _judged(first: bytes) -> Verdict:
    if first.startswith(WANTED):
        return PASSED
    raise BadAnswer(Reason.WRONG_STATUS if first.startswith(b"SIP/2.0 ") else Reason.BAD_ANSWER, shown(first))


async def _skip_message(conversation: Conversation) -> None:
    """The rest of a message whose first line was read: its headers, and the body they announce (section 18.3)."""
    length = 0
    while header := await conversation.line():
        if announced := re.match(rb"(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*$", header, re.IGNORECASE):
            length = int(announced[1])
    await conversation.skip(length)
