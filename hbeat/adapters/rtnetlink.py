"""Two netlink sockets: one to renew and remove addresses, one that hears which were removed.

The kernel works on a request inside of the system call that sends it, so its answer is there when that returns.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct

from hbeat.core.lease import Standing
from hbeat.core.rtnetlink import ADDRESS_GROUPS, RTM_DELADDR, all_addresses, listed, refusal, removal, removed, renewal

RECEIVE_BUFFER = 1 << 20
SO_ATTACH_FILTER = 26
ONLY_REMOVALS = b"".join(
    struct.pack("=HBBI", *step)
    for step in ((0x28, 0, 0, 4), (0x15, 0, 1, socket.htons(RTM_DELADDR)), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))
)
"""A program that the kernel runs on each message (socket(7)): each renewal is told to everybody, to us five times a
second for each address, and only removals are of interest."""


class AddressLeases:
    """The addresses of this network namespace, as far as a lease needs them."""

    def __init__(self) -> None:
        self._requests = _open(0)
        self._news = _open(ADDRESS_GROUPS)
        self._news.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        held = ctypes.create_string_buffer(ONLY_REMOVALS)
        program = struct.pack("@HL", len(ONLY_REMOVALS) // 8, ctypes.addressof(held))
        self._news.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def fileno(self) -> int:
        """Readable when addresses came or went."""
        return self._news.fileno()

    def renew(self, standing: Standing, seconds: int) -> str:
        """Asks for the address again. Returns a problem, or nothing when the kernel has confirmed it."""
        return self._ask(renewal(standing, seconds))

    def remove(self, standing: Standing) -> str:
        """Removes the address. Returns a problem, or nothing."""
        return self._ask(removal(standing))

    def gone(self) -> tuple[list[Standing], bool]:
        """The addresses that were removed since the last call; True when there were more than could be told."""
        found: list[Standing] = []
        missed = False
        while True:
            try:
                found += removed(self._news.recv(65_536))
            except BlockingIOError:
                return found, missed
            except OSError:  # ENOBUFS: the kernel has dropped some
                missed = True

    def present(self) -> set[Standing]:
        """Every address that is there now. Raises OSError."""
        self._requests.send(all_addresses())
        found: set[Standing] = set()
        while True:
            part, last = listed(self._requests.recv(65_536))
            found.update(part)
            if last:
                return found

    def close(self) -> None:
        self._requests.close()
        self._news.close()

    def _ask(self, message: bytes) -> str:
        try:
            self._requests.send(message)
            number = refusal(self._requests.recv(65_536))
        except OSError as error:
            return error.strerror or str(error)
        return os.strerror(number) if number else ""


def _open(groups: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    sock.setblocking(False)
    sock.bind((0, groups))
    return sock
