from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.hello import FIELD, MAX_LENGTH, Hello, hello_in
from hbeat.core.model import Held
from hbeat.core.wire import Field, Message

NONCE = "4f3a21bc9d8e7f60.3"
OTHER = "b0a7b0a7b0a7b0a7.12"


def read(value: bytes) -> Hello | None:
    return hello_in(Message((Field(FIELD, value),)))


def test_what_is_written_is_what_is_read() -> None:
    files = (("a=b.cf", "99"), ("authkeys", "1,2"), ("haresources", "1a2b"), ("holds", "77"), ("nonce", "88"))
    for hello in (
        Hello(NONCE),
        Hello(NONCE, views=(("0011aabb", False), ("99887766", True))),
        Hello(NONCE, holds=Held.LOCAL, absent=True),
        Hello(NONCE, (OTHER, NONCE), sees_dead=True, holds=Held.ALL, quiet=True, files=files),
    ):
        assert read(hello.text().encode()) == hello


def test_brief_form_has_the_nonces_only() -> None:
    hello = Hello(NONCE, (OTHER,), sees_dead=True, holds=Held.ALL)
    assert read(hello.brief().encode()) == Hello(NONCE, (OTHER,))


def test_life_is_what_all_nonces_of_one_start_share() -> None:
    assert Hello(NONCE).life == Hello("4f3a21bc9d8e7f60.77").life != Hello(OTHER).life


def test_words_of_a_later_version_are_no_obstacle() -> None:
    hello = read(f"2 nonce={NONCE} colour holds=local quiet=perhaps".encode())
    assert hello is not None
    assert (hello.nonce, hello.holds, hello.quiet) == (NONCE, Held.LOCAL, False)


def test_message_without_the_field_is_of_an_original() -> None:
    assert hello_in(Message.of([("t", "status")])) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nonce=" + NONCE.encode(),
        b"0 nonce=" + NONCE.encode(),
        b"1 nonce=4F3A21BC9D8E7F60.3",
        b"1 nonce=4f3a21bc9d8e7f60",
        b"1 echo=" + NONCE.encode(),
        b"1 nonce=" + NONCE.encode() + b" x=y" * MAX_LENGTH,
        "１ nonce=".encode() + NONCE.encode(),
    ],
)
def test_value_that_makes_no_sense_is_none(value: bytes) -> None:
    assert read(value) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_hello_or_none(value: bytes) -> None:
    for prefix in (b"", b"1 nonce=" + NONCE.encode() + b" "):
        hello = read(prefix + value)
        assert hello is None or read(hello.text().encode()) is not None
