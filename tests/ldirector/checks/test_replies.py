import asyncio
import contextlib
import socket

import pytest

from ldirector.checks.attempt import BadAnswer
from ldirector.checks.conversation import Conversation
from ldirector.checks.replies import Reply, ask, refused, reply
from ldirector.core.verdict import Reason


def replied(said: bytes) -> tuple[list[tuple[int, bytes]], Reason]:
    """Code and words of all replies in what a server said before it closed, and why there are no more."""

    async def read() -> tuple[list[tuple[int, bytes]], Reason]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        found: list[tuple[int, bytes]] = []
        with contextlib.closing(Conversation(ours)) as conversation:
            with theirs:
                theirs.sendall(said)
            while True:
                try:
                    answer = await reply(conversation, "X")
                except BadAnswer as problem:
                    return found, problem.reason
                found.append((answer.code, answer.words))

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("said", "replies"),
    [
        (b"250 ok\r\n", [(250, b"ok")]),
        (b"250\r\n354 \r\n", [(250, b""), (354, b"")]),
        (b"250-a\r\n250-b\r\n250 c\r\n221 bye\r\n", [(250, b"c"), (221, b"bye")]),
        (b"220-a\r\n220\r\n", [(220, b"")]),
        (b"230-any\r\n 230 thing\r\n500 else\r\n2300 x\r\n\r\n230 end\r\n", [(230, b"end")]),
        (b"250-a\r\n250 b", []),
        (b"250-a\r\n", []),
    ],
)
def test_a_reply_ends_with_its_code_and_a_blank(said: bytes, replies: list[tuple[int, bytes]]) -> None:
    assert replied(said) == (replies, Reason.CONNECTION_LOST)


@pytest.mark.parametrize(
    "said", [b"25\r\n", b"2500\r\n", b"250_x\r\n", b"650 x\r\n", b"050 x\r\n", b"\r\n", b"\xb2\xb2\xb2 x\r\n"]
)
def test_what_is_no_reply_is_not_understood(said: bytes) -> None:
    assert replied(said) == ([], Reason.BAD_ANSWER)


def test_only_2xx_is_good() -> None:
    assert [code for code in (199, 200, 299, 300, 500) if Reply(code, "X", b"").good] == [200, 299]


@pytest.mark.parametrize(("secret", "detail"), [(False, "PASS 530: 'not x'"), (True, "PASS 530")])
def test_a_refusal_shows_the_servers_words_unless_they_may_hold_a_password(secret: bool, detail: str) -> None:
    async def refuse() -> BadAnswer:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs, contextlib.closing(Conversation(ours)) as conversation:
            theirs.sendall(b"530 not x\r\n")
            return refused(conversation, await ask(conversation, "PASS x", secret))

    problem = asyncio.run(refuse())
    assert (problem.reason, problem.detail) == (Reason.REFUSED, detail)
