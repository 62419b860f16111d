from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core import wire
from hbeat.core.auth import AuthError, Key, Keyring, Method, crc32, pack, unpack
from hbeat.core.wire import Field, Message, WireError

KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})
STATUS = Message.of([("t", "status"), ("st", "up"), ("srcuuid", bytes(range(16))), ("info", "")])
NAMES = st.text(st.characters(codec="ascii", exclude_characters="=\n"), min_size=1, max_size=12).filter(
    lambda name: name != "auth" and not name.startswith("(")
)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=40), st.sampled_from([0, 1])), max_size=8)


@given(FIELDS)
def test_whatever_is_packed_comes_out_the_same(fields: list[tuple[str, bytes, int]]) -> None:
    message = Message(tuple(Field(name, value, kind) for name, value, kind in fields))
    found = unpack(pack(message, KEYS), KEYS)
    assert found.fields[:-1] == message.fields
    assert found.fields[-1].name == "auth"


@given(st.binary(max_size=400))
def test_garbage_gives_the_declared_error_and_nothing_else(data: bytes) -> None:
    for prefix in (b"", b"###\n", b">>>\n"):
        with pytest.raises((WireError, AuthError)):
            unpack(prefix + data, KEYS)


def test_every_cut_of_a_datagram_is_refused() -> None:
    data = pack(STATUS, KEYS)
    for length in range(len(data)):
        with pytest.raises((WireError, AuthError)):
            unpack(data[:length], KEYS)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_every_changed_byte_is_refused(position: int, byte: int) -> None:
    data = bytearray(pack(STATUS, KEYS))
    position %= len(data)
    if data[position] == byte:
        return
    data[position] = byte
    with pytest.raises((WireError, AuthError)):
        unpack(bytes(data), KEYS)


def test_fields_are_not_looked_at_before_the_signature_is_verified() -> None:
    # This unsigned datagram of sixteen bytes ends a real heartbeat 3.0.6.
    with pytest.raises(WireError, match="netstring"):
        unpack(b"###\n5:hello,%%%\n", KEYS)
    # Well framed, field nonsense, signature wrong: the answer is about the signature, not the field.
    with pytest.raises(AuthError):
        unpack(wire.seal(b"###\n5:hello,%%%\n", b"2 " + b"0" * 40), KEYS)
    signed = b"###\n5:hello,%%%\n"
    with pytest.raises(WireError, match="field"):
        unpack(wire.seal(signed, KEYS.sign(signed)), KEYS)


def test_end_marker_inside_a_binary_value_is_data() -> None:
    message = Message.of([("t", "status"), ("srcuuid", b"%%%\n42:2 0123456,")])
    assert unpack(pack(message, KEYS), KEYS).raw("srcuuid") == b"%%%\n42:2 0123456,"


def test_classic_form_is_read_and_its_auth_line_may_stand_anywhere() -> None:
    inner = wire.inner_text(STATUS)
    for text in (inner + b"auth=" + KEYS.sign(inner) + b"\n", b"auth=" + KEYS.sign(inner) + b"\n" + inner):
        message = unpack(b">>>\n" + text + b"<<<\n", KEYS)
        assert message.text("st") == "up"
        assert message.raw("srcuuid") == bytes(range(16))


def test_first_field_of_a_name_counts() -> None:
    assert Message.of([("st", "up"), ("st", "dead")]).text("st") == "up"


def test_checksum_method_agrees_with_the_reference_value() -> None:
    assert crc32(b"123456789") == 0x765E7680  # POSIX cksum's polynomial, without the length at the end


def test_key_text_is_in_no_representation() -> None:
    assert "PASSWORD" not in repr(Key(2, Method.SHA1, b"PASSWORD"))


def test_weaker_method_than_our_own_is_refused() -> None:
    keys = Keyring(2, {1: Key(1, Method.CRC), 2: Key(2, Method.SHA1, b"x"), 3: Key(3, Method.MD5, b"y")})
    for sender in (Keyring(1, keys.keys), Keyring(3, keys.keys)):
        with pytest.raises(AuthError, match="weaker"):
            unpack(pack(STATUS, sender), keys)
