"""The addresses of rtnetlink(7), as messages: add, lend, remove one, which were removed, which are there.

pyroute2 takes a millisecond for a message, ten times what the kernel does, and a seventh of a second to be loaded. A
renewal is in a hurry: the less runs between the look at the clock and the question to the kernel, the better. So is a
takeover: from the first address that one node removes until the other one has added the last, nobody serves. And so is
a start: a node that comes back is not ready before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hbeat.core.lease import Standing
from hbeat.core.netlink import (
    ACK,
    CREATE,
    DUMP,
    EXCLUSIVE,
    REPLACE,
    REQUEST,
    attribute,
    attributes,
    message,
    messages,
    number,
)

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 3, 4, 6, 8
IFA_RT_PRIORITY, IFA_PROTO = 9, 11
IFA_F_SECONDARY = 0x01
FOR_EVER = 0xFFFFFFFF
AF_INET, AF_INET6 = 2, 10
ADDRESS_GROUPS = 0x10 | 0x100
"""The multicast groups that tell of IPv4 and IPv6 addresses (RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR)."""

_ADDRESS = struct.Struct("=BBBBI")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the kernel lists it, or is to have it. broadcast: 4 bytes, or none; label: IPv4's, or "".

    valid, preferred: the seconds that are left of it, None = for ever. scope: 0 = everywhere; metric: that of its
    network's route; protocol: who has added it, if that is told (ip-address(8)).
    """

    standing: Standing
    broadcast: bytes = b""
    label: str = ""
    valid: int | None = None
    preferred: int | None = None
    scope: int = 0
    metric: int = 0
    protocol: int = 0

    @property
    def secondary(self) -> bool:
        """Another address of its network was on the interface before it."""
        return bool(self.standing.flags & IFA_F_SECONDARY)


def addition(address: Address, *, replace: bool) -> bytes:
    """Adds the address. One that is there is refused (EEXIST), or with replace gets what is told here of its time."""
    broadcast = attribute(IFA_BROADCAST, address.broadcast) if address.broadcast else b""
    label = attribute(IFA_LABEL, address.label.encode() + b"\0") if address.label else b""
    metric = attribute(IFA_RT_PRIORITY, struct.pack("=I", address.metric)) if address.metric else b""
    protocol = attribute(IFA_PROTO, bytes([address.protocol])) if address.protocol else b""
    more = broadcast + label + metric + protocol + _time(address.valid, address.preferred)
    how = REQUEST | ACK | CREATE | (REPLACE if replace else EXCLUSIVE)
    return _message(RTM_NEWADDR, how, address.standing, more, address.scope)


def renewal(standing: Standing, seconds: int) -> bytes:
    """Asks for the address for so many seconds from now on. The kernel adds it when it is not there."""
    return _message(RTM_NEWADDR, REQUEST | ACK | REPLACE, standing, _time(seconds, seconds))


def removal(standing: Standing) -> bytes:
    """Removes the address."""
    return _message(RTM_DELADDR, REQUEST | ACK, standing, b"")


def all_addresses(family: int = 0) -> bytes:
    """Asks for every address that is there, 0: of any family; the answer is read with `addresses`."""
    return message(RTM_GETADDR, REQUEST | DUMP, _ADDRESS.pack(family, 0, 0, 0, 0))


def addresses(answer: bytes) -> Iterator[Address]:
    """Those in a part of the answer."""
    yield from _told(answer, RTM_NEWADDR)


def removed(news: bytes) -> Iterator[Standing]:
    """The addresses that were removed, by whomever."""
    for address in _told(news, RTM_DELADDR):
        yield address.standing


def _told(data: bytes, wanted: int) -> Iterator[Address]:
    for kind, _, body in messages(data):
        if kind == wanted and len(body) >= _ADDRESS.size:
            _, prefixlen, flags, scope, index = _ADDRESS.unpack_from(body)
            told = attributes(body[_ADDRESS.size :])
            packed = told.get(IFA_LOCAL) or told.get(IFA_ADDRESS)
            if packed:
                flags = number(told.get(IFA_FLAGS), flags)
                yield _address(Standing(packed, prefixlen, index, flags, _peer(packed, told)), scope, told)


def _peer(packed: bytes, told: dict[int, bytes]) -> bytes:
    """The kernel tells none that is 0.0.0.0; without a peer it tells IPv4 addresses twice, those of IPv6 once."""
    peer = told.get(IFA_ADDRESS, bytes(len(packed)))
    return peer if peer != packed else b""


def _address(standing: Standing, scope: int, told: dict[int, bytes]) -> Address:
    times = told.get(IFA_CACHEINFO, b"")
    preferred, valid = struct.unpack_from("=II", times) if len(times) >= 8 else (FOR_EVER, FOR_EVER)
    return Address(
        standing,
        told.get(IFA_BROADCAST, b""),
        told.get(IFA_LABEL, b"").rstrip(b"\0").decode(errors="replace"),
        None if valid == FOR_EVER else valid,
        None if preferred == FOR_EVER else preferred,
        scope,
        number(told.get(IFA_RT_PRIORITY), 0),
        int.from_bytes(told.get(IFA_PROTO, b"")[:1], "little"),
    )


def _time(*seconds: int | None) -> bytes:
    """Of validity, and of preference."""
    valid, preferred = (FOR_EVER if left is None else left for left in seconds)
    return attribute(IFA_CACHEINFO, struct.pack("=IIII", preferred, valid, 0, 0))


def _message(kind: int, flags: int, standing: Standing, more: bytes, scope: int = 0) -> bytes:
    family = AF_INET if len(standing.packed) == 4 else AF_INET6
    head = _ADDRESS.pack(family, standing.prefixlen, standing.flags & 0xFF, scope, standing.index)
    ends = attribute(IFA_LOCAL, standing.packed) + attribute(IFA_ADDRESS, standing.peer or standing.packed)
    body = head + ends + more
    if kind == RTM_NEWADDR:
        body += attribute(IFA_FLAGS, struct.pack("=I", standing.flags))
    return message(kind, flags, body)
