"""Datagram text <-> ordered fields (reference section 1).

Two encodings carry the same thing, an ordered list of named fields:

    netstring   "###\\n" *ns("(T)name=value") "%%%\\n" ns("KEY HEXDIGEST")
    classic     ">>>\\n" *("name=value\\n" | "(1)name=base64\\n") "<<<\\n"

We send netstrings and read both. Reading is cut in two so that nothing looks into a field before the signature was
verified: `frame` only finds where the signed bytes end and what signature is claimed for them; `fields` takes the frame
apart. So a datagram of a stranger costs one checksum, however it is made up. Values are bytes, because binary fields
(the uuids) are raw and text is unchecked.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

STRING, BINARY = 0, 1

MAX_DATAGRAM = 65_535
MAX_FIELDS = 256

_START, _END = b"###\n", b"%%%\n"
_CLASSIC_START, _CLASSIC_END = b">>>\n", b"<<<\n"
_SIGNATURE = re.compile(rb"(\d{1,2}) ([0-9a-f]{1,128})(?: .*)?", re.DOTALL)
_LENGTH = re.compile(rb"\d{1,6}:")


class WireError(ValueError):
    """The bytes are not a heartbeat message; the text says where they stop making sense."""


class Field(NamedTuple):
    """One field as it stands on the wire; kind is the type digit (0 string, 1 binary, others are opaque)."""

    name: str
    value: bytes
    kind: int = STRING


@dataclass(frozen=True)
class Message:
    """An ordered list of fields. Receivers use the first field of a name."""

    fields: tuple[Field, ...]

    @cached_property
    def _first(self) -> dict[str, bytes]:
        return {f.name: f.value for f in reversed(self.fields)}

    def raw(self, name: str) -> bytes | None:
        return self._first.get(name)

    def text(self, name: str, default: str = "") -> str:
        """The field as text, undecodable bytes replaced; `default` when it is absent."""
        value = self._first.get(name)
        return default if value is None else value.decode("utf-8", "replace")

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The text fields in their order, undecodable bytes replaced."""
        return tuple((f.name, f.value.decode("utf-8", "replace")) for f in self.fields if f.kind == STRING)

    def number(self, name: str, base: int = 16) -> int | None:
        """The field as an unsigned number (hex unless told), None when absent or not one."""
        value = self._first.get(name)
        if value is None or not re.fullmatch(rb"[0-9a-fA-F]{1,16}", value):
            return None
        try:
            return int(value, base)
        except ValueError:
            return None

    @staticmethod
    def of(pairs: Iterable[tuple[str, str | bytes]]) -> Message:
        """A message from (name, value) pairs: text becomes a string field, bytes a binary one."""
        return Message(
            tuple(
                Field(name, value, BINARY)
                if isinstance(value, bytes)
                else Field(name, value.encode("utf-8", "replace"))
                for name, value in pairs
            )
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """A datagram whose outline was found: the bytes that were signed, the signature claimed, the rest unread."""

    classic: bool
    signed: bytes
    key_number: int
    digest: bytes
    body: bytes = field(repr=False)


def frame(data: bytes) -> Frame:
    """The outline of a datagram. Raises WireError; looks for its end only, never into a field."""
    if len(data) > MAX_DATAGRAM:
        raise WireError(f"{len(data)} bytes are too many")
    if data.startswith(_START):
        return _frame_netstring(data)
    if data.startswith(_CLASSIC_START):
        return _frame_classic(data)
    raise WireError("neither ### nor >>> at the beginning")


def fields(found: Frame) -> Message:
    """The fields of a frame; call it after the signature was verified. Raises WireError."""
    if found.classic:
        lines = found.body.split(b"\n")
        return Message(tuple(_classic_field(line) for line in lines))
    return Message(tuple(_netstring_field(item) for item in _netstrings(found.body)))


def encode(message: Message) -> bytes:
    """The netstring form up to and with `%%%`: the bytes that the outer signature covers."""
    body = b"".join(_ns(b"(%d)%s=%s" % (f.kind, f.name.encode("latin-1"), f.value)) for f in message.fields)
    return _START + body + _END


def decode(text: bytes) -> Message:
    """The message that `encode` made this of. Raises WireError."""
    if not (text.startswith(_START) and text.endswith(_END)):
        raise WireError("not a whole message from ### to %%%")
    return Message(tuple(_netstring_field(item) for item in _netstrings(text[len(_START) : -len(_END)])))


def seal(signed: bytes, signature: bytes) -> bytes:
    """The finished datagram: signed bytes as `encode` made them, signature as `KEY HEXDIGEST`."""
    return signed + _ns(signature)


def inner_text(message: Message) -> bytes:
    """What the inner signature (the field `auth`) covers: name=value lines without `auth` (section 1.5)."""
    return b"".join(_line(f) for f in message.fields if f.name != "auth")


def _line(f: Field) -> bytes:
    name = f.name.encode("latin-1")
    if f.kind == BINARY:
        return b"(1)%s=%s\n" % (name, base64.b64encode(f.value))
    return b"%s=%s\n" % (name, f.value)


def _ns(content: bytes) -> bytes:
    return b"%d:%s," % (len(content), content)


def _read_ns(data: bytes, at: int) -> tuple[bytes, int]:
    length = _LENGTH.match(data, at)
    if length is None:
        raise WireError(f"no netstring length at byte {at}")
    start = length.end()
    end = start + int(length.group()[:-1])
    if data[end : end + 1] != b",":
        raise WireError(f"netstring at byte {at} does not end where its length says")
    return data[start:end], end + 1


def _netstrings(body: bytes) -> Iterable[bytes]:
    """The netstrings that fill these bytes."""
    at, count = 0, 0
    while at < len(body):
        item, at = _read_ns(body, at)
        count += 1
        if count > MAX_FIELDS:
            raise WireError(f"more than {MAX_FIELDS} fields")
        yield item


def _frame_netstring(data: bytes) -> Frame:
    end = data.rfind(_END)  # the bytes of a uuid may look like an end; what follows the true one does not
    if end < 0:
        raise WireError("no %%% at the end")
    signed_to = end + len(_END)
    claim, _ = _read_ns(data, signed_to)  # whatever follows the signature is ignored
    number, digest = _signature(claim)
    return Frame(False, data[:signed_to], number, digest, data[len(_START) : end])


def _frame_classic(data: bytes) -> Frame:
    end = data.find(b"\n" + _CLASSIC_END)
    if end < 0:
        raise WireError("no <<< at the end")
    body = data[len(_CLASSIC_START) : end]
    if body.count(b"\n") >= MAX_FIELDS:
        raise WireError(f"more than {MAX_FIELDS} fields")
    lines = body.split(b"\n")
    claims = [line for line in lines if line.startswith(b"auth=")]
    if not claims:
        raise WireError("no signature")
    number, digest = _signature(claims[0].removeprefix(b"auth="))
    signed = b"".join(line + b"\n" for line in lines if not line.startswith(b"auth="))
    return Frame(True, signed, number, digest, body)


def _signature(claim: bytes) -> tuple[int, bytes]:
    match = _SIGNATURE.fullmatch(claim)
    if match is None or int(match[1]) > 15:
        raise WireError("signature is not `KEYNUMBER HEXDIGEST`")
    return int(match[1]), match[2]


def _netstring_field(item: bytes) -> Field:
    name, equals, value = item[3:].partition(b"=")
    if item[:1] != b"(" or item[2:3] != b")" or not item[1:2].isdigit() or not equals or not name:
        raise WireError("field is not `(T)name=value`")
    return Field(name.decode("latin-1"), value, int(item[1:2]))


def _classic_field(line: bytes) -> Field:
    name, equals, value = line.partition(b"=")
    if not equals or not name:
        raise WireError("line is not `name=value`")
    if not name.startswith(b"(1)"):
        return Field(name.decode("latin-1"), value)
    try:
        return Field(name[3:].decode("latin-1"), base64.b64decode(value, validate=True), BINARY)
    except binascii.Error as error:
        raise WireError(f"binary field is not base64: {error}") from None
