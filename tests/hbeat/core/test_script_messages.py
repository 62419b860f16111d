"""What scripts write to the FIFO: whole messages, broken ones, and pieces of both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.script_messages import MAX_FIELDS, MESSAGE_LIMIT, ScriptMessages

STANDBY = b">>>\nt=ask_resources\nrsc_hold=all\ninfo=me\n<<<\n"
FIELDS = (("t", "ask_resources"), ("rsc_hold", "all"), ("info", "me"))


def test_message_is_read_whole_in_pieces_and_byte_by_byte() -> None:
    assert ScriptMessages().feed(STANDBY + b"\0" + STANDBY) == [FIELDS, FIELDS]
    reader = ScriptMessages()
    assert [item for n in range(len(STANDBY)) for item in reader.feed(STANDBY[n : n + 1])] == [FIELDS]


@pytest.mark.parametrize(
    ("before", "problem"),
    [
        (b"nonsense\nmore\n", "text outside of >>> and <<<"),
        (b">>>\nt=x\n", "a message was not finished"),
        (b">>>\nt=x\nno field\nt=y\n<<<\n", "a line is not NAME=VALUE"),
        (b">>>\n=x\n<<<\n", "a line is not NAME=VALUE"),
        (b">>>\na=b\n<<<\n", "a message has no field t"),
        (b">>>\nt=\n<<<\n", "a message has no field t"),
        (b">>>\nt=status\nt=mine\n<<<\n", "a message has two fields t"),
        (b">>>\nt=x\n" + b"a=b\n" * MAX_FIELDS + b"<<<\n", f"more than {MESSAGE_LIMIT} bytes or {MAX_FIELDS} fields"),
        (b">>>\nt=x\na=" + b"b" * MESSAGE_LIMIT + b"\n<<<\n", f"more than {MESSAGE_LIMIT} bytes"),
        (b">>>\nt=x\na=" + b"b" * 100_000 + b"\n<<<\n", "bytes or"),
    ],
)
def test_whatever_came_before_is_one_problem_and_the_next_message_is_read(before: bytes, problem: str) -> None:
    told, *rest = ScriptMessages().feed(before + STANDBY)
    assert problem in str(told)
    assert rest == [FIELDS]


def test_line_without_an_end_is_not_kept() -> None:
    reader = ScriptMessages()
    problems = [item for _ in range(100) for item in reader.feed(b"x" * 10_000)]
    assert set(problems) == {"a line has no end"}
    assert len(reader._rest) <= MESSAGE_LIMIT
    assert reader.feed(b"\n" + STANDBY)[-1] == FIELDS


def test_binary_fields_are_not_for_scripts_to_say() -> None:
    assert ScriptMessages().feed(b">>>\nt=x\n(1)srcuuid=AAAA\n(0)a=b\n<<<\n") == [(("t", "x"), ("a", "b"))]


@given(st.lists(st.sampled_from([STANDBY, b">>>\n", b"<<<\n", b"t=", b"a=b\n", b"\n", b"\0", b"\xff(1)", b"="])))
def test_any_mixture_gives_messages_or_problems_and_a_clean_message_comes_through(pieces: list[bytes]) -> None:
    reader = ScriptMessages()
    for piece in pieces:
        for item in reader.feed(piece):
            assert isinstance(item, str) or dict(item)["t"]
    assert reader.feed(b"\n" + STANDBY)[-1] == FIELDS
