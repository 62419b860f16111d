"""service=imap and imaps: the server greets and, when login is set, accepts it (reference section c; RFC 3501).

A server that greets with PREAUTH is content already, and would refuse a LOGIN. Difference on purpose: the original's
library sent EXPUNGE before LOGOUT.
"""

from __future__ import annotations

import re

from ldirector.checks.attempt import PASSED
from ldirector.checks.conversation import Conversation, converse
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict

LEAVE = "b LOGOUT"


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """PASS when the server is content with all that was asked of it."""

    async def talk(conversation: Conversation) -> Verdict:
        greeting = await conversation.line()
        match = re.match(rb"\* (OK|PREAUTH|BYE)(?: |$)", greeting, re.IGNORECASE)
        if not match:
            raise conversation.problem(Reason.BAD_ANSWER, "greeting", greeting)
        status = match[1].upper()
        if status == b"BYE":
            raise conversation.problem(Reason.REFUSED, "greeting BYE", greeting[match.end() :])
        if spec.login and status == b"OK":
            await _log_in(conversation, spec.login, spec.passwd)
        conversation.leave(LEAVE)
        return PASSED

    return await converse(spec, deadline, talk)


async def _log_in(conversation: Conversation, login: str, passwd: str) -> None:
    """With quoted strings, or with literals when there is more than ASCII (section 4.3)."""
    if login.isascii() and passwd.isascii():
        await conversation.say(f"a LOGIN {_quoted(login)} {_quoted(passwd)}", secret=True)
    else:
        await conversation.say(f"a LOGIN {_announced(login)}")
        await _expect(conversation, b"+")
        await conversation.say(f"{login} {_announced(passwd)}")
        await _expect(conversation, b"+")
        await conversation.say(passwd, secret=True)
    await _expect(conversation, b"a OK")


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _announced(text: str) -> str:
    return f"{{{len(text.encode('utf-8', 'surrogateescape'))}}}"


async def _expect(conversation: Conversation, wanted: bytes) -> None:
    """Wait for the line that starts so; what a server may say without being asked is passed over."""
    while True:
        line = await conversation.line()
        if re.match(re.escape(wanted) + rb"(?: |$)", line, re.IGNORECASE):
            return
        if match := re.match(rb"(?:a (NO|BAD)|\* (BYE))(?: |$)", line, re.IGNORECASE):
            conversation.leave(LEAVE)
            status = (match[1] or match[2]).decode().upper()
            raise conversation.problem(Reason.REFUSED, f"LOGIN {status}", line[match.end() :])
        if not line.startswith(b"* "):
            raise conversation.problem(Reason.BAD_ANSWER, "LOGIN", line)
