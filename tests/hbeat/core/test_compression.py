"""Packed messages of an original; the recorded ones are in test_vectors.py."""

from __future__ import annotations

import bz2
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core import wire
from hbeat.core.compression import ALGORITHM, PAYLOAD, expanded
from hbeat.core.wire import MAX_DATAGRAM, Message, WireError

STATUS = Message.of([("t", "status"), ("src", "test1.com"), ("srcuuid", bytes(range(16)))])


def packed(payload: bytes, algorithm: str) -> Message:
    return Message.of([(PAYLOAD, payload), (ALGORITHM, algorithm)])


def test_message_is_the_one_that_was_packed() -> None:
    text = wire.encode(STATUS)
    assert expanded(packed(zlib.compress(text), "zlib")) == STATUS
    assert expanded(packed(bz2.compress(text), "bz2")) == STATUS
    assert expanded(STATUS) is STATUS


@pytest.mark.parametrize(
    ("payload", "algorithm", "words"),
    [
        (zlib.compress(bytes(100_000_000)), "zlib", "more than 65535 bytes were packed"),
        (bz2.compress(bytes(MAX_DATAGRAM + 1)), "bz2", "more than 65535 bytes were packed"),
        (zlib.compress(wire.encode(STATUS))[:-20], "zlib", "not a whole message"),
        (b"", "zlib", "not a whole message"),
        (b"no zlib", "zlib", "not packed with zlib"),
        (b"no bz2", "bz2", "not packed with bz2"),
        (b"", "lzma", "neither zlib nor bz2"),
        (zlib.compress(b"###\n3:(0)x,%%%\n"), "zlib", "netstring at byte 0"),
    ],
)
def test_what_cannot_be_unpacked_is_malformed(payload: bytes, algorithm: str, words: str) -> None:
    with pytest.raises(WireError, match=words):
        expanded(packed(payload, algorithm))


@given(st.binary(), st.sampled_from(["zlib", "bz2"]), st.integers(0, 80))
def test_any_payload_is_a_message_or_malformed(junk: bytes, algorithm: str, keep: int) -> None:
    pack = zlib.compress if algorithm == "zlib" else bz2.compress
    for payload in (junk, pack(junk), pack(wire.encode(STATUS))[:keep] + junk):
        with suppress(WireError):
            assert isinstance(expanded(packed(payload, algorithm)), Message)
