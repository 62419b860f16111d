"""Netlink messages as bytes (netlink(7), RFC 3549): a header, a body, attributes; all lengths are multiples of four."""

from __future__ import annotations

import struct
from collections.abc import Iterator

NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, INTERRUPTED, REPLACE, EXCLUSIVE, DUMP, CREATE = 0x1, 0x4, 0x10, 0x100, 0x200, 0x300, 0x400

_HEADER = struct.Struct("=IHHII")


def message(kind: int, flags: int, body: bytes) -> bytes:
    """A request. flags: REQUEST and others."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def numbered(request: bytes, sequence: int) -> bytes:
    """The request with this number, 32 bits, which the kernel repeats in all that it answers to it."""
    return request[:8] + struct.pack("=I", sequence) + request[12:]


def sequence(answer: bytes) -> int:
    """The number of the request that it answers: the kernel answers several in as many parts. 0: it is no answer."""
    return int(_HEADER.unpack_from(answer)[3]) if len(answer) >= _HEADER.size else 0


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, flags and body of each; what is cut short ends them."""
    while len(data) >= _HEADER.size:
        length, kind, flags, *_ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield kind, flags, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def attributes(data: bytes) -> dict[int, bytes]:
    """The value of each kind; what is cut short ends them."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def number(value: bytes | None, otherwise: int) -> int:
    """Of an attribute of 32 bits; otherwise, where it is not told."""
    return int(struct.unpack("=I", value)[0]) if value is not None and len(value) == 4 else otherwise


def refusal(answer: bytes) -> int | None:
    """The error number in the kernel's answer; 0 when it did what was asked, None when it says neither."""
    for kind, _, body in messages(answer):
        if kind == NLMSG_ERROR and len(body) >= 4:
            return _error(body)
    return None


def ended(answer: bytes) -> int | None:
    """The error number with which a list ended in this part of it, 0 when all was told; None: more follows."""
    for kind, _, body in messages(answer):
        if kind == NLMSG_DONE or (kind == NLMSG_ERROR and _error(body)):
            return _error(body)
    return None


def _error(body: bytes) -> int:
    return max(0, -int(struct.unpack_from("=i", body)[0])) if len(body) >= 4 else 0


def interrupted(answer: bytes) -> bool:
    """What is listed has changed meanwhile: something may be missing."""
    return any(flags & INTERRUPTED for _, flags, _ in messages(answer))
