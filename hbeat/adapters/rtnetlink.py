"""Netlink sockets for addresses and routes: one asks the kernel and hears its answer, one hears what was removed.

The kernel works on a request inside of the system call that sends it, so its answer is there when that returns.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from contextlib import suppress

from hbeat.core.lease import Standing
from hbeat.core.netlink import ended, interrupted, numbered, refusal, sequence
from hbeat.core.routes import DefaultRoute, Route, all_routes, default_routes, routes
from hbeat.core.rtnetlink import (
    ADDRESS_GROUPS,
    RTM_DELADDR,
    Address,
    addresses,
    all_addresses,
    removal,
    removed,
    renewal,
)

RECEIVE_BUFFER = 1 << 20
SO_ATTACH_FILTER = 26
ONLY_REMOVALS = b"".join(
    struct.pack("=HBBI", *step)
    for step in ((0x28, 0, 0, 4), (0x15, 0, 1, socket.htons(RTM_DELADDR)), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))
)
"""A program that the kernel runs on each message (socket(7)): each renewal is told to everybody, to us five times a
second for each address, and only removals are of interest."""


TRIES = 5
"""So often a list is asked for while what it tells changes."""
CHANGES = "it changes all the time"
LONGEST = 65_536
"""Bytes: the kernel tells a list in parts of 32 KiB at most, and an acknowledgment repeats its request."""


class Requests:
    """Asks the kernel about the addresses and routes of the network namespace where it was made."""

    def __init__(self) -> None:
        self._socket = _open(0)
        self._sequence = 0

    def ask(self, message: bytes, *, but: tuple[int, ...] = ()) -> str:
        """Has the kernel do this. Why it has not; nothing when it has, or when its error number is one of but."""
        try:
            self._send(message)
            number = refusal(self._receive())
        except OSError as error:
            self._start_afresh()
            return error.strerror or str(error)
        if number is None:
            return "the kernel does not say whether it was done"
        return "" if number in (0, *but) else os.strerror(number)

    def addresses(self, family: int = 0) -> list[Address]:
        """Every address that is there now, 0: of any family. Raises OSError."""
        return [address for part in self._list(all_addresses(family), whole=True) for address in addresses(part)]

    def routes(self, family: int) -> list[Route]:
        """Every route of the main table to a network through one interface. Raises OSError.

        Where a routing daemon changes some without end the list is as good as it can be.
        """
        return [route for part in self._list(all_routes(family), whole=False) for route in routes(part)]

    def default_routes(self, family: int) -> list[DefaultRoute]:
        """The default routes of the main table. Raises OSError, also when a list that never is whole has none."""
        parts = self._list(all_routes(family), whole=False)
        found = [route for part in parts for route in default_routes(part)]
        if not found and any(interrupted(part) for part in parts):
            raise OSError(errno.EAGAIN, CHANGES)
        return found

    def _list(self, message: bytes, *, whole: bool) -> list[bytes]:
        """The parts of the answer. whole: one that stays interrupted is an error."""
        parts: list[bytes] = []
        for _ in range(TRIES):
            parts = self._parts(message)
            if number := ended(parts[-1]):
                raise OSError(number, os.strerror(number))
            if not any(interrupted(part) for part in parts):
                return parts
        if whole:
            raise OSError(errno.EAGAIN, CHANGES)
        return parts

    def _parts(self, message: bytes) -> list[bytes]:
        try:
            self._send(message)
            parts = [self._receive()]
            while ended(parts[-1]) is None:
                parts.append(self._receive())
        except OSError:
            self._start_afresh()
            raise
        return parts

    def _send(self, message: bytes) -> None:
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        self._socket.send(numbered(message, self._sequence))

    def _receive(self) -> bytes:
        """The next part of the answer to what was sent last."""
        while True:
            part, _, flags, _ = self._socket.recvmsg(LONGEST)
            if flags & socket.MSG_TRUNC:
                raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            if sequence(part) == self._sequence:
                return part

    def _start_afresh(self) -> None:
        """With a socket that no answer waits in, and for which the kernel is in the middle of no list."""
        self._socket.close()
        with suppress(OSError):  # then the next question fails, and leads here again
            self._socket = _open(0)

    def close(self) -> None:
        self._socket.close()


class AddressLeases:
    """The addresses of this network namespace, as far as a lease needs them."""

    def __init__(self) -> None:
        self._requests = Requests()
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
        return self._requests.ask(renewal(standing, seconds))

    def remove(self, standing: Standing) -> str:
        """Removes the address. Returns a problem, or nothing."""
        return self._requests.ask(removal(standing))

    def gone(self) -> tuple[list[Standing], bool]:
        """The addresses that were removed since the last call; True when there were more than could be told."""
        found: list[Standing] = []
        missed = False
        while True:
            try:
                found += removed(self._news.recv(LONGEST))
            except BlockingIOError:
                return found, missed
            except OSError as error:
                missed = True
                if error.errno != errno.ENOBUFS:  # that one: the kernel has dropped some, and there may be more
                    return found, missed

    def present(self) -> set[Standing]:
        """Every address that is there now. Raises OSError."""
        return {address.standing for address in self._requests.addresses()}

    def close(self) -> None:
        self._requests.close()
        self._news.close()


def _open(groups: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    sock.setblocking(False)
    sock.bind((0, groups))
    return sock
