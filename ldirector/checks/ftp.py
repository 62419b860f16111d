"""service=ftp: log in, retrieve `request`, and match what came with `receive` (reference section c; RFC 959, RFC 2428).

The order is the original's: login, CWD /, TYPE I, PASV, RETR, QUIT. Differences on purpose: a transfer that fails is
down, also when receive is empty (section g, 14); without request and receive there is nothing to retrieve and the login
decides; without login it is anonymous's, however the service came to be ftp. The data connection goes to the server
that is checked, whatever address it names, and over IPv6 is asked for with EPSV.
"""

from __future__ import annotations

import asyncio
import re
import socket

from ldirector.checks.attempt import PASSED, BadAnswer
from ldirector.checks.conversation import PIECE, Conversation, converse
from ldirector.checks.dial import OWN_SHORTAGE, dial, verdict_of
from ldirector.checks.replies import Reply, ask, refused, reply
from ldirector.core.events import CheckSpec
from ldirector.core.receive import judge_body
from ldirector.core.verdict import Reason, Verdict


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """PASS when the login is accepted, and the file, if one is wanted, comes whole and matches."""

    async def talk(conversation: Conversation) -> Verdict:
        await _log_in(conversation, spec)
        await _command(conversation, "CWD /")
        if spec.request in ("", "/") and not spec.receive:
            conversation.leave("QUIT")
            return PASSED
        body = await _retrieve(conversation, spec.request, spec.http.body_limit)
        conversation.leave("QUIT")
        return judge_body(spec.receive, body)

    return await converse(spec, deadline, talk)


async def _log_in(conversation: Conversation, spec: CheckSpec) -> None:
    greeting = await reply(conversation, "greeting")
    while greeting.code == 120:  # "ready in some minutes": the deadline decides how many
        greeting = await reply(conversation, "greeting")
    _must(conversation, greeting, greeting.good)
    login = spec.login or "anonymous"
    passwd = spec.passwd if spec.login or spec.passwd else f"ldirectord@{socket.gethostname()}"
    answer = await ask(conversation, f"USER {login}")
    if answer.code == 331:
        answer = await ask(conversation, f"PASS {passwd}", secret=True)
    _must(conversation, answer, answer.good)


async def _retrieve(conversation: Conversation, path: str, limit: int) -> bytearray:
    """The whole file. Raises BadAnswer when it is longer than limit bytes or does not come whole."""
    await _command(conversation, "TYPE I")
    data = await _data_connection(conversation)
    try:
        answer = await ask(conversation, f"RETR {path}")
        _must(conversation, answer, answer.code < 300)
        body = await _read_all(data, limit)
    finally:
        data.close()
    if answer.code < 200:
        answer = await reply(conversation, "RETR")
        _must(conversation, answer, answer.good)
    return body


async def _data_connection(conversation: Conversation) -> socket.socket:
    """A connection to the port that the server names, at the address it is checked at."""
    if conversation.sock.family == socket.AF_INET6:
        answer = await _command(conversation, "EPSV")
        match = re.search(rb"\((.)\1\1([0-9]{1,5})\1\)", answer.words)
        port = int(match[2]) if match else 0
    else:
        answer = await _command(conversation, "PASV")
        match = re.search(rb"[0-9]+,[0-9]+,[0-9]+,[0-9]+,([0-9]{1,3}),([0-9]{1,3})", answer.words)
        port = int(match[1]) * 256 + int(match[2]) if match else 0
    if not 0 < port < 65536:
        raise conversation.problem(Reason.BAD_ANSWER, f"{answer.to} {answer.code}", answer.words)
    try:
        return await dial(conversation.sock.getpeername()[0], port)
    except OSError as error:
        if error.errno in OWN_SHORTAGE:
            raise
        raise BadAnswer(verdict_of(error).reason, f"data connection to port {port}") from error


async def _read_all(data: socket.socket, limit: int) -> bytearray:
    body = bytearray()
    while piece := await asyncio.get_running_loop().sock_recv(data, PIECE):
        body += piece
        if len(body) > limit:
            raise BadAnswer(Reason.TOO_LARGE, f"file over {limit} bytes")
    return body


async def _command(conversation: Conversation, command: str) -> Reply:
    answer = await ask(conversation, command)
    _must(conversation, answer, answer.good)
    return answer


def _must(conversation: Conversation, answer: Reply, granted: bool) -> None:
    if not granted:
        conversation.leave("QUIT")
        raise refused(conversation, answer)
