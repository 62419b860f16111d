"""service=nntp: the server's greeting starts with 2 (reference section c; 200 and 201 of RFC 3977 section 5.1)."""

from __future__ import annotations

from ldirector.checks.attempt import PASSED
from ldirector.checks.conversation import Conversation, converse
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    return await converse(spec, deadline, _talk)


async def _talk(conversation: Conversation) -> Verdict:
    greeting = await conversation.line()
    if greeting[:1] in (b"4", b"5"):
        raise conversation.problem(Reason.REFUSED, "greeting", greeting)
    if greeting[:1] != b"2":
        raise conversation.problem(Reason.BAD_ANSWER, "greeting", greeting)
    conversation.leave("QUIT")
    return PASSED
