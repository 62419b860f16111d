from __future__ import annotations

import struct

import pytest

from hbeat.core.netlink import (
    DUMP,
    NLMSG_DONE,
    NLMSG_ERROR,
    REQUEST,
    ended,
    message,
    messages,
    numbered,
    refusal,
    sequence,
)

LISTED = message(20, 0, bytes(8))


def answer(kind: int, status: int) -> bytes:
    return message(kind, 0, struct.pack("=i", status))


def test_a_request_has_the_number_that_it_is_given_and_is_the_same_otherwise() -> None:
    request = message(22, REQUEST | DUMP, b"body")
    for number in (1, 2, 0xFFFFFFFF):
        assert sequence(numbered(request, number)) == number
        assert list(messages(numbered(request, number))) == list(messages(request))


@pytest.mark.parametrize("cut", range(16))
def test_an_answer_that_is_cut_short_answers_nothing(cut: int) -> None:
    part = answer(NLMSG_ERROR, 0)[:cut]
    assert (sequence(part), refusal(part), ended(part)) == (0, None, None)


def test_refusal_of_the_kernel_is_its_error_number() -> None:
    assert refusal(answer(NLMSG_ERROR, -99)) == 99
    assert refusal(answer(NLMSG_ERROR, 0)) == 0


@pytest.mark.parametrize("part", [b"", LISTED, answer(NLMSG_DONE, 0)])
def test_what_is_no_acknowledgment_is_none(part: bytes) -> None:
    assert refusal(part) is None


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (LISTED, None),
        (LISTED + answer(NLMSG_DONE, 0), 0),
        (LISTED + answer(NLMSG_DONE, -19), 19),
        (message(NLMSG_DONE, 0, b""), 0),
        (answer(NLMSG_ERROR, -16), 16),
        (answer(NLMSG_ERROR, 0), None),
    ],
)
def test_a_list_ends_with_done_or_a_refusal_and_not_with_an_acknowledgment(part: bytes, status: int | None) -> None:
    assert ended(part) == status
