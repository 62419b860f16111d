"""The kernel's IPVS table over generic netlink: the only file of this package that edits or reads it.

Theory. IPVS is a generic netlink family ("IPVS", linux/ip_vs.h): one message per edit, each acknowledged by an
errno, and dumps for reading. Netlink is synchronous: when send() returns, the kernel has worked on every message of
the buffer and all acknowledgements are waiting. So an edit is written straight from the event loop, without a thread,
and a whole table goes out in a few packed buffers: 1,000 reals take 0.06-0.2 s in a slow guest, against 1.4-1.9 s
through pyroute2 or by running ipvsadm. pyroute2 would also more than double the start of the daemon there (0.55 s for
its import, 0.35 s for all the rest), which a cold take-over waits for, and its synchronous calls cannot be made from
a running event loop. So the hundred lines of encoding live here.

An acknowledgement carries the sequence number of its message, which is how errors find their operation. The kernel goes
on with the rest of a buffer after an error (seen on 6.1). Should answers be missing at the end, those messages are
sent again.

Errors of an edit, as seen on Linux 6.1: EEXIST 17 duplicate virtual or real; ENOENT 2 unknown scheduler, or set/delete
of a missing real; ESRCH 3 set/delete of a missing virtual, or an edit of a real in one; ERANGE 34 lower threshold above
the upper one; EINVAL 22 bad fields.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from ldirector.core.events import (
    AddReal,
    AddVirtual,
    DeleteReal,
    DeleteVirtual,
    OpFailure,
    SetReal,
    SetVirtual,
    TableOp,
)
from ldirector.core.model import Forwarding, RealKey, RealState, Service, VirtualKey, VirtualState

NETLINK_GENERIC = 16
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
FAMILY_NAME = b"IPVS\0"
GENL_ID_CTRL, CTRL_GETFAMILY, CTRL_FAMILY_ID, CTRL_FAMILY_NAME = 16, 3, 1, 2

NEW_SERVICE, SET_SERVICE, DEL_SERVICE, GET_SERVICE, NEW_DEST, SET_DEST, DEL_DEST, GET_DEST = range(1, 9)
ATTR_SERVICE, ATTR_DEST = 1, 2
SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK, SVC_SCHED, SVC_FLAGS, SVC_TIMEOUT, SVC_NETMASK = range(1, 10)
DEST_ADDR, DEST_PORT, DEST_METHOD, DEST_WEIGHT, DEST_UPPER, DEST_LOWER = range(1, 7)
DEST_FAMILY = 11

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

MESSAGES_PER_SEND = 100  # keeps the acknowledgements well below the default receive buffer of 208 KiB
REPLY_TIMEOUT = 5.0  # seconds; the kernel answers at once, so this only ends a wait for a kernel bug


class IpvsError(Exception):
    """The IPVS table cannot be used at all; the text names the cure."""


class Ipvs:
    """The table of the network namespace in which it was opened. Not shared between threads."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
        self._socket.settimeout(REPLY_TIMEOUT)
        self._socket.bind((0, 0))
        self._sequence = 0
        try:
            self._family = self._find_family()
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def read(self) -> dict[VirtualKey, Service]:
        """The whole table, entries of other programs included. Raises IpvsError when it cannot be read."""
        try:
            table: dict[VirtualKey, Service] = {}
            for attributes in self._dump(GET_SERVICE, ATTR_SERVICE, b""):
                decoded = decode_service(attributes)
                if decoded is None:  # a protocol this package has no word for (SCTP): not ours to touch
                    continue
                key, state = decoded
                reals = dict(decode_real(real) for real in self._dump(GET_DEST, ATTR_DEST, service_attribute(key)))
                table[key] = Service(state, reals)
            return table
        except PermissionError:
            raise IpvsError("not allowed to use IPVS: run as root (CAP_NET_ADMIN)") from None
        except OSError as error:
            raise IpvsError(f"cannot read the IPVS table: {error.strerror or error}") from error

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]:
        """Performs every operation in order, also after one failed; returns those that failed, with errno and words.

        When the socket itself fails, all that were not answered count as failed.
        """
        failures: list[OpFailure] = []
        start = 0
        while start < len(operations):
            chunk = operations[start : start + MESSAGES_PER_SEND]
            try:
                answers = self._send_edits(chunk)
            except OSError as error:
                words = f"netlink: {error.strerror or error}"
                return failures + [OpFailure(operation, error.errno or 0, words) for operation in operations[start:]]
            failures += [failure(chunk[index], code) for index, code in sorted(answers.items()) if code]
            start += max(answers) + 1
        return failures

    def _send_edits(self, operations: Sequence[TableOp]) -> dict[int, int]:
        """One buffer of edits; index of the operation -> errno (0 = done) for those the kernel got to."""
        first = self._sequence + 1
        self._sequence += len(operations)
        self._socket.send(
            b"".join(
                message(self._family, REQUEST | ACK, first + index, *encode(operation))
                for index, operation in enumerate(operations)
            )
        )
        answers: dict[int, int] = {}
        while len(answers) < len(operations):
            try:
                data = self._socket.recv(1 << 16, 0 if not answers else socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            for kind, sequence, payload in split_messages(data):
                if kind == NLMSG_ERROR and first <= sequence <= self._sequence:
                    answers[sequence - first] = -struct.unpack_from("=i", payload)[0]
        return answers

    def _dump(self, command: int, wanted: int, body: bytes) -> Iterator[dict[int, bytes]]:
        """The `wanted` attribute of every message of one dump, taken apart."""
        self._sequence += 1
        self._socket.send(message(self._family, REQUEST | DUMP, self._sequence, command, body))
        found: list[dict[int, bytes]] = []
        while True:
            for kind, sequence, payload in split_messages(self._socket.recv(1 << 18)):
                if sequence != self._sequence:
                    continue  # left over from a read that was given up
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    code = -struct.unpack_from("=i", payload)[0] if len(payload) >= 4 else 0
                    if code:
                        raise OSError(code, errno.errorcode.get(code, str(code)))
                    return iter(found)
                nested = attributes_of(payload[4:]).get(wanted)
                if nested is not None:
                    found.append(attributes_of(nested))

    def _find_family(self) -> int:
        """The number the kernel gave to the family "IPVS"; asking for it loads the module where there is one."""
        self._sequence += 1
        body = attribute(CTRL_FAMILY_NAME, FAMILY_NAME)
        self._socket.send(message(GENL_ID_CTRL, REQUEST, self._sequence, CTRL_GETFAMILY, body))
        for kind, _sequence, payload in split_messages(self._socket.recv(1 << 16)):
            if kind == GENL_ID_CTRL:
                number: int = struct.unpack("=H", attributes_of(payload[4:])[CTRL_FAMILY_ID])[0]
                return number
        raise IpvsError(
            "the kernel has no IPVS: load it with 'modprobe ip_vs' (a kernel built with CONFIG_IP_VS is needed)"
        )


def failure(operation: TableOp, code: int) -> OpFailure:
    """The kernel's errno in words that fit the operation."""
    words = {
        errno.EEXIST: "it exists already",
        errno.ESRCH: "the virtual does not exist",
        errno.ENOENT: "the real does not exist",
        errno.ERANGE: "the lower threshold is above the upper one",
        errno.EPERM: "not allowed: run as root (CAP_NET_ADMIN)",
    }
    if isinstance(operation, AddVirtual | SetVirtual):
        words[errno.ENOENT] = f"the kernel has no scheduler {operation.state.scheduler!r}"
    return OpFailure(operation, code, words.get(code) or os.strerror(code))


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
        numbers = (METHODS[state.forwarding], state.weight, state.upper, state.lower)
        for number, value in zip((DEST_METHOD, DEST_WEIGHT, DEST_UPPER, DEST_LOWER), numbers, strict=True):
            body += attribute(number, struct.pack("=I", value))
    return attribute(ATTR_DEST, body)


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
