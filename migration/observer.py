"""What is really there, read from the kernel of each node: its addresses and its IPVS table.

Addresses come as route netlink notifications, so that their times are exact and watching costs nothing; the table is
/proc/net/ip_vs, the kernel's own text. Neither asks the daemons that are being rehearsed.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from migration.namespaces import NetworkNamespace

NETLINK_ROUTE = 0
RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x10, 0x100
RTM_NEWADDR, RTM_DELADDR = 20, 21
SO_RCVBUFFORCE = 33
IFA_ADDRESS, IFA_LOCAL = 1, 2
_HEADER = struct.Struct("=IHHII")
_ADDRESS_HEADER = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
SOCKET_BUFFER = 1 << 20

Address = IPv4Address | IPv6Address

Weights = Mapping[str, int]
"""Of one virtual: real as ADDRESS:PORT -> weight."""

Tables = Mapping[str, Weights]
"""An IPVS table: virtual as `TCP ADDRESS:PORT` -> its reals."""


@dataclass(frozen=True, slots=True)
class AddressChange:
    """An address came to a node (present) or left it, at a monotonic time."""

    at: float
    address: Address
    present: bool


class NodeObserver:
    """Watches one life of a node, from its boot to its end. Addresses may be asked for in any thread."""

    def __init__(self, namespace: NetworkNamespace, pid: int) -> None:
        self._namespace = namespace
        self._pid = pid
        with namespace.entered():
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
            self._socket.bind((0, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)  # each renewal of a lease is told
        self._reading = threading.RLock()
        self.addresses: set[Address] = set()

    def fileno(self) -> int:
        return self._socket.fileno()

    def read_changes(self) -> list[AddressChange]:
        """What changed since the last call; `addresses` is up to date afterwards. Renewals are no changes, and the end
        of the node is none."""
        changes: list[AddressChange] = []
        now = time.monotonic()
        with self._reading:
            while self.fileno() >= 0:
                try:
                    data = self._socket.recv(65536)
                except BlockingIOError:
                    break
                for kind, address in _address_messages(data):
                    present = kind == RTM_NEWADDR
                    if present is not (address in self.addresses):
                        changes.append(AddressChange(now, address, present))
                        (self.addresses.add if present else self.addresses.discard)(address)
        return changes

    def current(self) -> set[Address]:
        """What the kernel has now; nothing once the node is off."""
        with self._reading:
            self.read_changes()
            return set(self.addresses)

    def table(self) -> Tables:
        """The node's IPVS table; empty also while the module is not loaded."""
        try:
            return parse_table(Path(f"/proc/{self._pid}/net/ip_vs").read_text())
        except OSError:
            return {}

    def ipvsadm(self) -> str:
        """The table as `ipvsadm -Ln` prints it."""
        with self._namespace.entered():
            return subprocess.run(["ipvsadm", "-Ln"], capture_output=True, text=True).stdout.rstrip()

    def saved(self) -> list[str]:
        """The lines of `ipvsadm -Sn`."""
        with self._namespace.entered():
            return subprocess.run(["ipvsadm", "-Sn"], capture_output=True, text=True).stdout.splitlines()

    def close(self) -> None:
        with self._reading:
            self._socket.close()
            self.addresses.clear()


def _address_messages(data: bytes) -> Iterator[tuple[int, Address]]:
    """(RTM_NEWADDR or RTM_DELADDR, address) of each notification in a datagram."""
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        if kind in (RTM_NEWADDR, RTM_DELADDR):
            offset = _HEADER.size + _ADDRESS_HEADER.size
            own = IFA_LOCAL if data[_HEADER.size] == socket.AF_INET else IFA_ADDRESS  # IPv6 has no peer in between
            while offset + _ATTRIBUTE.size <= length:
                size, number = _ATTRIBUTE.unpack_from(data, offset)
                if number == own:
                    yield kind, ip_address(data[offset + 4 : offset + size])
                offset += (size + 3) & ~3
        data = data[(length + 3) & ~3 :]


def parse_table(text: str) -> dict[str, dict[str, int]]:
    """/proc/net/ip_vs, whose addresses are hexadecimal, as Tables. IPv6 stays as it is written there."""
    tables: dict[str, dict[str, int]] = {}
    reals: dict[str, int] = {}
    for line in text.splitlines()[3:]:
        words = line.split()
        if words[0] == "->":
            reals[_place(words[1])] = int(words[3])
        else:
            reals = tables.setdefault(f"{words[0]} {_place(words[1])}", {})
    return tables


def _place(word: str) -> str:
    address, colon, port = word.rpartition(":")
    if not colon or address.startswith("["):
        return word
    return f"{IPv4Address(int(address, 16))}:{int(port, 16)}"
