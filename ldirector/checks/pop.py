"""service=pop and pops: the server greets with +OK and, when login is set, accepts it (reference section c; RFC 1939).

Differences on purpose: without login the greeting decides, where the original was always up (section g, 7). The login
is USER and PASS in one session; APOP, which needs a server that keeps passwords in the clear, is not tried.
"""

from __future__ import annotations

from ldirector.checks.attempt import PASSED
from ldirector.checks.conversation import Conversation, converse
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """PASS when the server is content with all that was asked of it."""

    async def talk(conversation: Conversation) -> Verdict:
        await _expect_ok(conversation, "greeting")
        if spec.login:
            await conversation.say(f"USER {spec.login}")
            await _expect_ok(conversation, "USER")
            await conversation.say(f"PASS {spec.passwd}", secret=True)
            await _expect_ok(conversation, "PASS")
        conversation.leave("QUIT")  # deletes nothing, because nothing was marked for it
        return PASSED

    return await converse(spec, deadline, talk)


async def _expect_ok(conversation: Conversation, step: str) -> None:
    line = await conversation.line()
    if line.startswith(b"-ERR"):
        conversation.leave("QUIT")
        raise conversation.problem(Reason.REFUSED, f"{step} -ERR", line[5:])
    if not line.startswith(b"+OK"):
        raise conversation.problem(Reason.BAD_ANSWER, step, line)
