"""The messages of rtnetlink(7) that a lease needs, as bytes: put an address, remove it, one was removed, what is there.

pyroute2 does all that is not in a hurry. A renewal is: the less runs between the look at the clock and the question to
the kernel, the better; and the keeper has to be small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hbeat.core.lease import Standing

NLMSG_ERROR, NLMSG_DONE, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 2, 3, 20, 21, 22
REQUEST, ACK, REPLACE, DUMP = 0x1, 0x4, 0x100, 0x300
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 6, 8
AF_INET, AF_INET6 = 2, 10
ADDRESS_GROUPS = 0x10 | 0x100
"""The multicast groups that tell of IPv4 and IPv6 addresses (RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR)."""

_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")


def renewal(standing: Standing, seconds: int) -> bytes:
    """Asks for the address for so many seconds from now on. The kernel adds it when it is not there."""
    lifetime = _attribute(IFA_CACHEINFO, struct.pack("=IIII", seconds, seconds, 0, 0))
    flags = _attribute(IFA_FLAGS, struct.pack("=I", standing.flags))
    return _message(RTM_NEWADDR, REQUEST | ACK | REPLACE, standing, lifetime + flags)


def removal(standing: Standing) -> bytes:
    """Removes the address."""
    return _message(RTM_DELADDR, REQUEST | ACK, standing, b"")


def refusal(answer: bytes) -> int:
    """The error number in the kernel's answer; 0 when it did what was asked."""
    for kind, body in _messages(answer):
        if kind == NLMSG_ERROR and len(body) >= 4:
            return -int(struct.unpack_from("=i", body)[0])
    return 0


def all_addresses() -> bytes:
    """Asks for every address that is there; the answer is read with `listed` until it is at its end."""
    return _HEADER.pack(_HEADER.size + _ADDRESS.size, RTM_GETADDR, REQUEST | DUMP, 1, 0) + bytes(_ADDRESS.size)


def listed(answer: bytes) -> tuple[list[Standing], bool]:
    """The addresses in a part of the answer, and whether it is the last one."""
    ends = any(kind in (NLMSG_DONE, NLMSG_ERROR) for kind, _ in _messages(answer))
    return list(_addresses(answer, RTM_NEWADDR)), ends


def removed(news: bytes) -> Iterator[Standing]:
    """The addresses that were removed, by whomever; their flags are not told here."""
    yield from _addresses(news, RTM_DELADDR)


def _addresses(data: bytes, wanted: int) -> Iterator[Standing]:
    for kind, body in _messages(data):
        if kind != wanted or len(body) < _ADDRESS.size:
            continue
        _, prefixlen, _, _, index = _ADDRESS.unpack_from(body)
        attributes = dict(_attributes(body[_ADDRESS.size :]))
        packed = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
        if packed:
            yield Standing(packed, prefixlen, index)


def _message(kind: int, flags: int, standing: Standing, attributes: bytes) -> bytes:
    family = AF_INET if len(standing.packed) == 4 else AF_INET6
    head = _ADDRESS.pack(family, standing.prefixlen, standing.flags & 0xFF, 0, standing.index)
    body = head + _attribute(IFA_LOCAL, standing.packed) + _attribute(IFA_ADDRESS, standing.packed) + attributes
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3 :]
