"""The kernel's IPVS table over generic netlink: the only file of this package that edits or reads it.

Theory. IPVS is a generic netlink family ("IPVS", linux/ip_vs.h): one message per edit, answered by an errno, and dumps
for reading. Netlink is synchronous: when send() returns, the kernel has worked on every message of the buffer and all
answers are waiting. So an edit is written straight from the event loop, without a thread, and a whole table goes out
in a few packed buffers. The kernel answers errors unasked; an acknowledgement is asked of a buffer's last message only,
as each is a datagram of its own and costs six times what the edit does. 1,000 reals take 0.02 s in a slow guest,
against 1.4-1.9 s through pyroute2 or by running ipvsadm. pyroute2 would also more than double the start of the daemon
there (0.55 s for its import, 0.35 s for all the rest), which a cold take-over waits for, and its synchronous calls
cannot be made from a running event loop. So the encoding is ours: ipvs_messages.py.

An answer carries the sequence number of its message, which is how errors find their operation. The kernel goes on with
the rest of a buffer after an error (seen on 6.1).

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

from ldirector.adapters import ipvs_messages as messages
from ldirector.core.events import AddVirtual, OpFailure, SetVirtual, TableOp
from ldirector.core.model import Service, VirtualKey

NETLINK_GENERIC = 16
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
FAMILY_NAME = b"IPVS\0"
GENL_ID_CTRL, CTRL_GETFAMILY, CTRL_FAMILY_ID, CTRL_FAMILY_NAME = 16, 3, 1, 2

MESSAGES_PER_SEND = 100  # keeps the answers, should all fail, below the default receive buffer of 208 KiB
READ_ATTEMPTS = 3  # when answers overran the receive buffer
REPLY_TIMEOUT = 5  # seconds; the kernel answers at once, so this only ends a wait for a kernel bug


class IpvsError(Exception):
    """The IPVS table cannot be used at all; the text names the cure."""


class Ipvs:
    """The table of the network namespace in which it was opened. Not shared between threads."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
        # Not settimeout(): Python would then wait also where MSG_DONTWAIT asks not to.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", REPLY_TIMEOUT, 0))
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
        for attempt in range(READ_ATTEMPTS):
            try:
                return self._read()
            except PermissionError:
                raise IpvsError("not allowed to use IPVS: run as root (CAP_NET_ADMIN)") from None
            except OSError as error:
                # The kernel threw answers away because we were slow to take them: what came is worth nothing.
                if error.errno != errno.ENOBUFS or attempt == READ_ATTEMPTS - 1:
                    raise IpvsError(f"cannot read the IPVS table: {error.strerror or error}") from error
                self._throw_away()
        raise AssertionError("not reached")

    def _throw_away(self) -> None:
        """Empty the receive buffer."""
        while True:
            try:
                self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise

    def _read(self) -> dict[VirtualKey, Service]:
        table: dict[VirtualKey, Service] = {}
        for service in self._dump(messages.GET_SERVICE, messages.ATTR_SERVICE, b""):
            decoded = messages.decode_service(messages.attributes_of(service))
            if decoded is None:  # a protocol this package has no word for (SCTP): not ours to touch
                continue
            key, state = decoded
            reals = dict(
                messages.real_of(real)
                for real in self._dump(messages.GET_DEST, messages.ATTR_DEST, messages.service_attribute(key))
            )
            table[key] = Service(state, reals)
        return table

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]:
        """Performs every operation in order, also after one failed; returns those that failed, with errno and words.

        When the socket itself fails, all of that buffer and behind it count as failed.
        """
        failures: list[OpFailure] = []
        for start in range(0, len(operations), MESSAGES_PER_SEND):
            chunk = operations[start : start + MESSAGES_PER_SEND]
            try:
                errors = self._send_edits(chunk)
            except OSError as error:
                words = f"netlink: {error.strerror or error}"
                return failures + [OpFailure(operation, error.errno or 0, words) for operation in operations[start:]]
            failures += [failure(chunk[index], code) for index, code in sorted(errors.items())]
        return failures

    def _send_edits(self, operations: Sequence[TableOp]) -> dict[int, int]:
        """One buffer of edits; index of the operation -> errno for those that failed.

        Raises OSError when the socket failed or the last one was never answered: then nobody knows what was done.
        """
        first = self._sequence + 1
        self._sequence += len(operations)
        buffer = bytearray()
        for sequence, operation in enumerate(operations, first):
            flags = REQUEST | ACK if sequence == self._sequence else REQUEST
            buffer += messages.message(self._family, flags, sequence, *messages.encode(operation))
        self._socket.send(buffer)
        errors: dict[int, int] = {}
        while True:
            for kind, sequence, payload in messages.split_messages(self._socket.recv(1 << 16)):
                if kind != NLMSG_ERROR or not first <= sequence <= self._sequence:
                    continue  # left over from a buffer that was given up
                if code := -struct.unpack_from("=i", payload)[0]:
                    errors[sequence - first] = code
                if sequence == self._sequence:
                    return errors

    def _dump(self, command: int, wanted: int, body: bytes) -> Iterator[bytes]:
        """The `wanted` attribute of every message of one dump."""
        self._sequence += 1
        self._socket.send(messages.message(self._family, REQUEST | DUMP, self._sequence, command, body))
        found: list[bytes] = []
        while True:
            for kind, sequence, payload in messages.split_messages(self._socket.recv(1 << 16)):
                if sequence != self._sequence:
                    continue  # left over from a read that was given up
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    code = -struct.unpack_from("=i", payload)[0] if len(payload) >= 4 else 0
                    if code:
                        raise OSError(code, errno.errorcode.get(code, str(code)))
                    return iter(found)
                nested = messages.attributes_of(payload[4:]).get(wanted)
                if nested is not None:
                    found.append(nested)

    def _find_family(self) -> int:
        """The number the kernel gave to the family "IPVS"; asking for it loads the module where there is one."""
        self._sequence += 1
        body = messages.attribute(CTRL_FAMILY_NAME, FAMILY_NAME)
        self._socket.send(messages.message(GENL_ID_CTRL, REQUEST, self._sequence, CTRL_GETFAMILY, body))
        for kind, _sequence, payload in messages.split_messages(self._socket.recv(1 << 16)):
            if kind == GENL_ID_CTRL:
                number: int = struct.unpack("=H", messages.attributes_of(payload[4:])[CTRL_FAMILY_ID])[0]
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
