"""The messages of the IPVS netlink family, as bytes: edits out, dumped virtuals and reals in.

Names and numbers are those of linux/ip_vs.h. What the header does not say: the kernel wants an explicit netmask also
for IPv6 (a prefix length) and for marks; ports travel in network order, all other numbers in the machine's own; an
address always fills the 16-byte union; a real carries its own address family.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from functools import lru_cache

from ldirector.core.events import AddReal, AddVirtual, DeleteReal, DeleteVirtual, SetReal, SetVirtual, TableOp
from ldirector.core.model import Forwarding, RealKey, RealState, VirtualKey, VirtualState

NEW_SERVICE, SET_SERVICE, DEL_SERVICE, GET_SERVICE, NEW_DEST, SET_DEST, DEL_DEST, GET_DEST = range(1, 9)
ATTR_SERVICE, ATTR_DEST = 1, 2
SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK, SVC_SCHED, SVC_FLAGS, SVC_TIMEOUT, SVC_NETMASK = range(1, 10)
DEST_ADDR, DEST_PORT, DEST_METHOD, DEST_WEIGHT, DEST_UPPER, DEST_LOWER = range(1, 7)
DEST_FAMILY = 11

# As Linux 5.3 and later write a real: all settings; three counters; the family; more counters.
COUNTERS_AT, FAMILY_AT = 84, 108
FAMILY_HEADER = struct.pack("=HH", 6, DEST_FAMILY)

PERSISTENT, ONE_PACKET = 0x1, 0x4
SCHED_FLAGS = {
    "flag-1": 0x08,
    "flag-2": 0x10,
    "flag-3": 0x20,
    "sh-fallback": 0x08,
    "sh-port": 0x10,
    "mh-fallback": 0x08,
    "mh-port": 0x10,
}
SCHED_FLAG_NAMES = {  # as ipvsadm prints them: schedulers with flags of their own, then the nameless ones
    "sh": {0x08: "sh-fallback", 0x10: "sh-port", 0x20: "flag-3"},
    "mh": {0x08: "mh-fallback", 0x10: "mh-port", 0x20: "flag-3"},
}
NAMELESS_FLAGS = {0x08: "flag-1", 0x10: "flag-2", 0x20: "flag-3"}

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
METHODS = {Forwarding.MASQ: 0, Forwarding.IPIP: 2, Forwarding.GATE: 3}
METHOD_MASK = 0x7
FORWARDINGS = {number: method for method, number in METHODS.items()}  # others (local node, bypass) read as gate


def attribute(number: int, value: bytes) -> bytes:
    """One netlink attribute, padded to four bytes."""
    return struct.pack("=HH", len(value) + 4, number) + value + bytes(-len(value) % 4)


def message(kind: int, flags: int, sequence: int, command: int, body: bytes) -> bytes:
    """One generic netlink message, version 1."""
    return struct.pack("=IHHIIBBH", 20 + len(body), kind, flags, sequence, 0, command, 1, 0) + body


def split_messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, sequence, payload) of each message in one received buffer."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind, _flags, sequence, _port = struct.unpack_from("=IHHII", data, offset)
        yield kind, sequence, data[offset + 16 : offset + length]
        offset += max(length + 3 & ~3, 16)


def attributes_of(data: bytes) -> dict[int, bytes]:
    """Attribute number -> value; the nesting and byte-order bits of the number are dropped."""
    found = {}
    offset = 0
    while offset + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, offset)
        found[number & 0x3FFF] = data[offset + 4 : offset + length]
        offset += max(length + 3 & ~3, 4)
    return found


def encode(operation: TableOp) -> tuple[int, bytes]:
    """Command number and attributes of one edit."""
    match operation:
        case AddVirtual(key, state):
            return NEW_SERVICE, service_attribute(key, state)
        case SetVirtual(key, state):
            return SET_SERVICE, service_attribute(key, state)
        case DeleteVirtual(key):
            return DEL_SERVICE, service_attribute(key)
        case AddReal(virtual, real, entry):
            return NEW_DEST, service_attribute(virtual) + real_attribute(virtual, real, entry)
        case SetReal(virtual, real, entry):
            return SET_DEST, service_attribute(virtual) + real_attribute(virtual, real, entry)
        case DeleteReal(virtual, real):
            return DEL_DEST, service_attribute(virtual) + real_attribute(virtual, real, None)


@lru_cache(maxsize=64)  # a table is written virtual by virtual, each named again with every real
def service_attribute(key: VirtualKey, state: VirtualState | None = None) -> bytes:
    """The nested attribute that names a virtual, with its settings when it is added or set."""
    body = attribute(SVC_AF, struct.pack("=H", FAMILIES[key.family]))
    if key.mark or key.protocol == "fwm":
        body += attribute(SVC_FWMARK, struct.pack("=I", key.mark))
    else:
        body += attribute(SVC_PROTOCOL, struct.pack("=H", PROTOCOLS[key.protocol]))
        body += attribute(SVC_ADDR, packed_address(key.address))
        body += attribute(SVC_PORT, struct.pack("!H", key.port))
    if state is not None:
        flags = PERSISTENT if state.persistent else 0
        flags |= ONE_PACKET if state.ops else 0
        for name in state.schedflags:
            flags |= SCHED_FLAGS[name]
        body += attribute(SVC_SCHED, state.scheduler.encode("ascii", "replace") + b"\0")
        body += attribute(SVC_FLAGS, struct.pack("=II", flags, 0xFFFFFFFF))
        body += attribute(SVC_TIMEOUT, struct.pack("=I", state.persistent))
        body += attribute(SVC_NETMASK, encode_netmask(key.family, state.netmask))
    return attribute(ATTR_SERVICE, body)


def real_attribute(virtual: VirtualKey, key: RealKey, state: RealState | None) -> bytes:
    """The nested attribute that names a real, with its settings when it is added or set."""
    family = FAMILIES[6 if ":" in key.address else 4]
    body = attribute(DEST_ADDR, packed_address(key.address)) + attribute(DEST_PORT, struct.pack("!H", key.port))
    body += attribute(DEST_FAMILY, struct.pack("=H", family))
    if state is not None:
        body += _settings(METHODS[state.forwarding], state.weight, state.upper, state.lower)
    return attribute(ATTR_DEST, body)


@lru_cache(maxsize=64)
def _settings(method: int, weight: int, upper: int, lower: int) -> bytes:
    """What reals of a farm have in common."""
    numbered = ((DEST_METHOD, method), (DEST_WEIGHT, weight), (DEST_UPPER, upper), (DEST_LOWER, lower))
    return b"".join(attribute(number, struct.pack("=I", value)) for number, value in numbered)


def packed_address(address: str) -> bytes:
    """An address as the kernel's 16-byte union; older kernels refuse a shorter one."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address).ljust(16, b"\0")


def encode_netmask(family: int, netmask: str) -> bytes:
    """IPv4: the mask as an address; IPv6: the prefix length as a number. The kernel wants one in any case."""
    if family == 6:
        return struct.pack("=I", int(netmask or 128))
    return socket.inet_aton(netmask or "255.255.255.255")


def decode_service(found: dict[int, bytes]) -> tuple[VirtualKey, VirtualState] | None:
    """One dumped virtual; None for a protocol other than tcp, udp and marks."""
    family = 6 if struct.unpack("=H", found[SVC_AF])[0] == socket.AF_INET6 else 4
    scheduler = found[SVC_SCHED].rstrip(b"\0").decode("ascii", "replace")
    if SVC_FWMARK in found:
        key = VirtualKey("fwm", family, "", 0, struct.unpack("=I", found[SVC_FWMARK])[0])
    else:
        protocol = PROTOCOL_NAMES.get(struct.unpack("=H", found[SVC_PROTOCOL])[0])
        if protocol is None:
            return None
        key = VirtualKey(protocol, family, text_address(family, found[SVC_ADDR]), port_of(found[SVC_PORT]))
    flags = struct.unpack_from("=I", found[SVC_FLAGS])[0]
    names = SCHED_FLAG_NAMES.get(scheduler, NAMELESS_FLAGS)
    mask = found[SVC_NETMASK]
    netmask = str(struct.unpack("=I", mask)[0]) if family == 6 else socket.inet_ntoa(mask)
    return key, VirtualState(
        scheduler=scheduler,
        persistent=struct.unpack("=I", found[SVC_TIMEOUT])[0] if flags & PERSISTENT else 0,
        netmask="" if netmask in ("128", "255.255.255.255") else netmask,
        ops=bool(flags & ONE_PACKET),
        schedflags=tuple(sorted(name for bit, name in names.items() if flags & bit)),
    )


def real_of(data: bytes) -> tuple[RealKey, RealState]:
    """One dumped real, from its nested attributes.

    Only counters change from one reading of the table to the next; what is left without them is decoded once. A
    kernel that orders them in another way costs time, nothing else.
    """
    if data[FAMILY_AT : FAMILY_AT + 4] == FAMILY_HEADER:
        return _decode_settings(data[:COUNTERS_AT] + data[FAMILY_AT : FAMILY_AT + 8])
    return decode_real(attributes_of(data))


@lru_cache(maxsize=1 << 16)
def _decode_settings(data: bytes) -> tuple[RealKey, RealState]:
    return decode_real(attributes_of(data))


def decode_real(found: dict[int, bytes]) -> tuple[RealKey, RealState]:
    """One dumped real."""
    family = 4
    if DEST_FAMILY in found and struct.unpack("=H", found[DEST_FAMILY])[0] == socket.AF_INET6:
        family = 6
    method, weight, upper, lower = (
        struct.unpack("=I", found[number])[0] for number in (DEST_METHOD, DEST_WEIGHT, DEST_UPPER, DEST_LOWER)
    )
    forwarding = FORWARDINGS.get(method & METHOD_MASK, Forwarding.GATE)
    key = RealKey(text_address(family, found[DEST_ADDR]), port_of(found[DEST_PORT]))
    return key, RealState(forwarding, weight, upper, lower)


def text_address(family: int, packed: bytes) -> str:
    if family == 6:
        return socket.inet_ntop(socket.AF_INET6, packed[:16])
    return socket.inet_ntoa(packed[:4])


def port_of(value: bytes) -> int:
    port: int = struct.unpack("!H", value)[0]
    return port
