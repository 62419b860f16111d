"""service=smtp and submission: the server greets and accepts EHLO, or HELO (reference section c; RFC 5321)."""

from __future__ import annotations

from ldirector.checks.attempt import PASSED
from ldirector.checks.conversation import Conversation, converse
from ldirector.checks.replies import ask, refused, reply
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Verdict

OWN_NAME = "localhost.localdomain"  # what the original calls itself; servers may have rules for it


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """PASS when the greeting and one of EHLO and HELO are answered with 2xx."""
    return await converse(spec, deadline, _talk)


async def _talk(conversation: Conversation) -> Verdict:
    answer = await reply(conversation, "greeting")
    if answer.good:
        answer = await ask(conversation, f"EHLO {OWN_NAME}")
        if answer.code >= 500:  # only for servers that do not know EHLO (section 4.1.1.1), not for busy ones (421)
            answer = await ask(conversation, f"HELO {OWN_NAME}")
    conversation.leave("QUIT")
    if not answer.good:
        raise refused(conversation, answer)
    return PASSED
