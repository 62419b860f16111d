"""checktype=ping: ICMP echo requests with 64 data bytes, IPv4 and IPv6 (reference section c).

The timeout is shared evenly by the attempts, and a reply to any of them counts until the last has ended. A reply is
ours when identifier, sequence and all data are: the data are random, so another pinger's replies never count.
The socket is connected and filtered to echo replies, so that the kernel does not hand every ping's answer to every
other ping under way.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from ldirector.checks.attempt import PASSED, BadAnswer, attempt
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict

DATA_SIZE = 64
SIZE_LIMIT = 1024  # bytes; ours with the largest IPv4 header are 132
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence


@dataclass(frozen=True, slots=True)
class Icmp:
    """One version of ICMP. filtering: the socket option that leaves out every message but echo replies (set bits)."""

    family: int
    protocol: int
    request: int
    reply: int
    filtering: tuple[int, int, bytes]


_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1  # linux/socket.h, linux/icmp.h, linux/icmpv6.h; not in Python
V4 = Icmp(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0, (_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF ^ 1)))
V6 = Icmp(
    socket.AF_INET6,
    socket.IPPROTO_ICMPV6,
    128,
    129,
    (socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *(0xFFFFFFFF ^ ((n == 4) << 1) for n in range(8)))),
)


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """A reply to one of spec.attempts requests is up; without the right to open a raw socket the check was not run."""
    return await attempt(deadline, _ping(spec, deadline))


def echo(icmp: Icmp, kind: int, identifier: int, sequence: int, data: bytes) -> bytes:
    """An echo message. The kernel fills in the checksum of ICMPv6 itself, because it covers the addresses."""
    message = _HEADER.pack(kind, 0, 0, identifier, sequence) + data
    checksum = internet_checksum(message) if icmp is V4 else 0
    return _HEADER.pack(kind, 0, checksum, identifier, sequence) + data


def internet_checksum(message: bytes) -> int:
    """RFC 1071, of a message of even length."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def answers(icmp: Icmp, packet: bytes, identifier: int, sent: int, data: bytes) -> bool:
    """The packet, as a raw socket gives it, is the reply to one of the first `sent` requests."""
    message = packet[(packet[0] & 0x0F) * 4 :] if icmp is V4 and packet else packet  # IPv4 comes with its header
    if len(message) != _HEADER.size + len(data):
        return False
    kind, code, _, its_identifier, sequence = _HEADER.unpack_from(message)
    ours = (kind, code, its_identifier) == (icmp.reply, 0, identifier) and 1 <= sequence <= sent
    return ours and message[_HEADER.size :] == data


async def _ping(spec: CheckSpec, deadline: float) -> Verdict:
    icmp = V6 if ":" in spec.address else V4
    try:
        sock = socket.socket(icmp.family, socket.SOCK_RAW, icmp.protocol)
    except PermissionError:
        return Verdict(Outcome.NOT_RUN, Reason.NO_PERMISSION, "a ping needs root or CAP_NET_RAW")
    with sock:
        sock.setblocking(False)
        sock.setsockopt(*icmp.filtering)
        sock.connect((spec.address, 0))
        return await _any_reply(sock, icmp, spec.attempts, deadline)


async def _any_reply(sock: socket.socket, icmp: Icmp, attempts: int, deadline: float) -> Verdict:
    loop = asyncio.get_running_loop()
    identifier, data = int.from_bytes(os.urandom(2)), os.urandom(DATA_SIZE)
    share = (deadline - loop.time()) / attempts
    for sent in range(1, attempts + 1):
        sock.send(echo(icmp, icmp.request, identifier, sent, data))
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline - (attempts - sent) * share):
                while not answers(icmp, await loop.sock_recv(sock, SIZE_LIMIT), identifier, sent, data):
                    await asyncio.sleep(0)  # sock_recv does not wait while packets are queued: see to the clock
                return PASSED
    raise BadAnswer(Reason.READ_TIMEOUT, f"no reply to {attempts} echo request{'s'[: attempts > 1]}")
