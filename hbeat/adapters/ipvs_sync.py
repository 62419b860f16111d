"""The IPVS connection synchronisation daemons of the kernel, through generic netlink (linux/ip_vs.h).

A director in state master sends what it knows of its connections by multicast, one in state backup listens. Both can
run at once. The kernel wants state, interface and syncid to start one, and the state alone to stop it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NETLINK_GENERIC = 16
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 0x10, 3, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NEW_DAEMON, DEL_DAEMON, GET_DAEMON = 9, 10, 11
ATTR_DAEMON = 3
DAEMON_STATE, DAEMON_INTERFACE, DAEMON_SYNCID = 1, 2, 3
NESTED = 0x8000
SIOCGIFFLAGS, IFF_UP, IFF_MULTICAST = 0x8913, 0x1, 0x1000
STATES = {"master": 1, "backup": 2}
ENOENT = 2
REPLY_LIMIT = 1.0
"""Seconds. The kernel answers at once; heartbeats wait meanwhile."""


class SyncError(Exception):
    """The kernel refuses; the text says why."""


class NoIpvs(SyncError):
    """This kernel has no IPVS."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One that is there and up (netdevice(7)). multicast: it says that it carries that; a tunnel may without a word."""

    index: int
    multicast: bool


def usable_interface(name: str) -> Interface:
    """Raises SyncError with what is wrong with it."""
    request = struct.pack("16sH14x", name.encode()[:15], 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            index = socket.if_nametoindex(name)
            flags: int = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        except OSError:
            raise SyncError(f"there is no interface {name}") from None
    if not flags & IFF_UP:
        raise SyncError(f"interface {name} is down")
    return Interface(index, bool(flags & IFF_MULTICAST))


class SyncDaemons:
    """The two sync daemons of this network namespace. Raises NoIpvs when the kernel has no IPVS."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self._socket.settimeout(REPLY_LIMIT)
        self._sequence = 0
        try:
            self._socket.bind((0, 0))
            name = _attribute(CTRL_ATTR_FAMILY_NAME, b"IPVS\0")
            for payload in self._ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, name, NLM_F_ACK):
                self._family = struct.unpack("=H", _attributes(payload[4:])[CTRL_ATTR_FAMILY_ID])[0]
        except (OSError, SyncError) as error:
            self._socket.close()
            if isinstance(error, OSError) and error.errno != ENOENT:
                raise
            raise NoIpvs("this kernel has no IPVS: load the module ip_vs") from None

    def close(self) -> None:
        self._socket.close()

    def running(self) -> dict[str, tuple[str, int]]:
        """The daemons that run: state -> (interface, syncid). Raises OSError."""
        names = {number: name for name, number in STATES.items()}
        found = {}
        for payload in self._ask(self._family, GET_DAEMON, b"", NLM_F_DUMP):
            daemon = _attributes(_attributes(payload[4:])[ATTR_DAEMON])
            state = names[struct.unpack("=I", daemon[DAEMON_STATE])[0]]
            interface = daemon[DAEMON_INTERFACE].rstrip(b"\0").decode("ascii", "replace")
            found[state] = (interface, struct.unpack("=I", daemon[DAEMON_SYNCID])[0])
        return found

    def start(self, state: str, interface: str, syncid: int) -> None:
        """Starts the daemon; one that runs with other settings is started anew. Raises OSError, SyncError."""
        running = self.running().get(state)
        if running == (interface, syncid):
            return
        if running is not None:
            self.stop(state)
        body = _attribute(DAEMON_STATE, struct.pack("=I", STATES[state]))
        body += _attribute(DAEMON_INTERFACE, interface.encode() + b"\0")
        body += _attribute(DAEMON_SYNCID, struct.pack("=I", syncid))
        try:
            list(self._ask(self._family, NEW_DAEMON, _attribute(ATTR_DAEMON | NESTED, body), NLM_F_ACK))
        except OSError as error:
            raise SyncError(f"sync daemon {state} on {interface}, syncid {syncid}: {error.strerror}") from None

    def stop(self, state: str) -> None:
        """Stops the daemon if it runs. Raises OSError, SyncError.

        No answer is asked for: the kernel gives none for a daemon that had not run for a moment yet. The order is
        obeyed before the next question is read.
        """
        body = _attribute(DAEMON_STATE, struct.pack("=I", STATES[state]))
        self._send(self._family, DEL_DAEMON, _attribute(ATTR_DAEMON | NESTED, body), 0)
        if state in self.running():
            raise SyncError(f"sync daemon {state} does not stop")

    def _ask(self, kind: int, command: int, body: bytes, flags: int) -> Iterator[bytes]:
        """The payloads of the kernel's answer. Raises OSError with the kernel's number."""
        self._send(kind, command, body, flags)
        while True:
            data = self._socket.recv(65_536)
            at = 0
            while at + 16 <= len(data):
                length, kind, _flags, sequence, _port = struct.unpack_from("=IHHII", data, at)
                payload = data[at + 16 : at + length]
                at += max(length + 3 & ~3, 16)
                if sequence != self._sequence:
                    continue  # of a request that was given up
                if kind == NLMSG_ERROR:
                    number = -struct.unpack_from("=i", payload)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                if kind == NLMSG_DONE:
                    return
                yield payload

    def _send(self, kind: int, command: int, body: bytes, flags: int) -> None:
        self._sequence += 1
        header = struct.pack("=IHHII", 20 + len(body), kind, NLM_F_REQUEST | flags, self._sequence, 0)
        self._socket.send(header + struct.pack("=BBH", command, 1, 0) + body)


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, number) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, at)
        found[number & 0x3FFF] = data[at + 4 : at + length]
        at += max(length + 3 & ~3, 4)
    return found
