"""Replies of three digits, in one line or many, as smtp and ftp give them (section 4.2 of RFC 5321 and of RFC 959)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ldirector.checks.attempt import BadAnswer
from ldirector.checks.conversation import Conversation
from ldirector.core.verdict import Reason


@dataclass(frozen=True, slots=True)
class Reply:
    """code: 100 to 599. to: what it answers. words: the text of its last line."""

    code: int
    to: str
    words: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.code <= 299


async def ask(conversation: Conversation, command: str, secret: bool = False) -> Reply:
    """Send a command and wait for its reply. secret: see Conversation.say."""
    await conversation.say(command, secret)
    return await reply(conversation, command.split(" ")[0])


async def reply(conversation: Conversation, to: str) -> Reply:
    """The next reply, however many lines it has; `to` is what it answers. Raises BadAnswer when it is none."""
    first = line = await conversation.line()
    if not re.match(rb"[1-5][0-9]{2}([ -]|$)", first):
        raise conversation.problem(Reason.BAD_ANSWER, to, first)
    while first[3:4] == b"-" and not (line[:3] == first[:3] and line[3:4] in (b" ", b"")):
        line = await conversation.line()
    return Reply(int(first[:3]), to, line[4:])


def refused(conversation: Conversation, answer: Reply) -> BadAnswer:
    """The error to raise for a reply that does not grant what was asked."""
    return conversation.problem(Reason.REFUSED, f"{answer.to} {answer.code}", answer.words)
