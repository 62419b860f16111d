"""Messages of the kernel's IPVS connection synchronisation, version 1, as a director in state backup takes them.

The kernel's own master speaks of a connection when a packet of it arrives, and then only of every fiftieth
(net.ipv4.vs.sync_threshold, "3 50"), up to two seconds later. A director that has just come up therefore learns
nothing of a connection that is quiet, and too late of one that is slow. With these messages this program tells it of
all of them at once. All numbers are big-endian:

    0  reserved, 0   1  syncid   2  length of the message   4  number of connections   5  version, 1   6  spare

and for each connection, padded to four bytes:

    0  type, bit 0: IPv6   1  protocol   2  length, its version (0) in the upper four bits   4  flags   8  state
    10 client port   12 virtual port   14 real port   16 firewall mark   20 seconds to live   24 the three addresses
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

from hbeat.core.connection_table import Connection, Forwarding

VERSION = 1
LONGEST = 1472
"""Bytes: one Ethernet frame, and what the kernel's daemon takes unless told otherwise."""
MOST = 255
"""Connections in one message: their number has one byte."""

INACTIVE, TEMPLATE = 0x100, 0x1000

PROTOCOLS = {"IP": 0, "TCP": 6, "UDP": 17, "SCTP": 132}
STATES = {
    "TCP": {"ESTABLISHED": 1, "SYN_RECV": 3, "FIN_WAIT": 4, "CLOSE_WAIT": 7, "LAST_ACK": 8},
    "UDP": {"UDP": 0},
    "SCTP": {"ESTABLISHED": 8},
}
"""States that are worth telling, by protocol, as numbered in linux/ip_vs.h and net/ip_vs.h."""
ACTIVE = frozenset({"ESTABLISHED", "SYN_RECV", "UDP"})

_HEADER = struct.Struct("!BBHBbH")
_FIXED = struct.Struct("!BBHIHHHHII")


def record(found: Connection, way: Forwarding) -> bytes | None:
    """One connection as it stands in a message; None for one that nobody would miss."""
    if found.is_template:
        state, flags = 0, TEMPLATE
    else:
        known = STATES.get(found.protocol, {}).get(found.state)
        if known is None:
            return None
        state, flags = known, 0 if found.state in ACTIVE else INACTIVE
    if found.protocol not in PROTOCOLS:
        return None
    addresses = b"".join(map(_packed, (found.client, found.virtual, found.real)))
    if len(addresses) not in (12, 48):
        return None  # a tunnel from one family into the other: the format has no room for it
    length = _FIXED.size + len(addresses)
    ports = (int(port, 16) for port in (found.client_port, found.virtual_port, found.real_port))
    fixed = _FIXED.pack(
        int(len(addresses) == 48),
        PROTOCOLS[found.protocol],
        length,
        flags | way.method,
        state,
        *ports,
        way.mark,
        max(found.expires, 1),
    )
    return fixed + addresses


def messages(records: Iterable[bytes], syncid: int) -> Iterator[bytes]:
    """The records in as few messages as they fit."""
    waiting: list[bytes] = []
    length = _HEADER.size
    for one in records:
        if waiting and (length + len(one) > LONGEST or len(waiting) == MOST):
            yield _message(waiting, length, syncid)
            waiting, length = [], _HEADER.size
        waiting.append(one)
        length += len(one)
    if waiting:
        yield _message(waiting, length, syncid)


def _message(records: list[bytes], length: int, syncid: int) -> bytes:
    return _HEADER.pack(0, syncid, length, len(records), VERSION, 0) + b"".join(records)


def _packed(address: str) -> bytes:
    return IPv6Address(address).packed if ":" in address else bytes.fromhex(address)
