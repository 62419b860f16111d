"""Who else has an address: probes out, claims in (`core.probes`).

One packet socket for ARP on all interfaces, of which the kernel passes only frames that claim one of the known
addresses, however much ARP there is; one ICMPv6 socket that gets neighbour advertisements and nothing else.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

from hbeat.core.announcements import ETH_P_ARP
from hbeat.core.events import Asked
from hbeat.core.probes import NEIGHBOUR_ADVERTISEMENT, Claim, advertisement_claim, arp_claim, arp_filter

SO_ATTACH_FILTER, SO_DETACH_FILTER, ICMP6_FILTER, SIOCGIFHWADDR = 26, 27, 1, 0x8927
FULL = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.ENOMEM})
GOING = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
"""An interface that goes; who watches carriers is told as well, and nothing is asked there any more."""
READ_LIMIT = 256
"""Frames of one look: whoever claims our address a thousand times a second gets no more of our time."""


class Neighbours:
    """addresses: those of interest, of both families, packed. Raises OSError."""

    def __init__(self, addresses: Iterable[bytes]) -> None:
        self._arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.htons(ETH_P_ARP))
        self._arp.setblocking(False)
        self._icmpv6: socket.socket | None = None
        self._known: frozenset[bytes] = frozenset()
        self.unfiltered = ""
        """Why the kernel passes all ARP frames, and they are told apart here; nothing while it does not."""
        self._interfaces = [name for _, name in socket.if_nameindex()]
        self.heed(addresses)
        _drain(self._arp)  # what came before the filter

    def heed(self, addresses: Iterable[bytes]) -> None:
        """These from now on, and no others; `sockets` may be more. Raises OSError."""
        self._known = frozenset(addresses)
        self.unfiltered = self._filter(arp_filter(sorted(address for address in self._known if len(address) == 4)))
        if self._icmpv6 is None and any(len(address) == 16 for address in self._known):
            self._icmpv6 = _open_icmpv6()

    def _filter(self, program: bytes) -> str:
        """Lets the kernel run it on each ARP frame. Returns a problem, with which it passes all, or nothing."""
        held = ctypes.create_string_buffer(program)
        described = struct.pack("@HL", len(program) // 8, ctypes.addressof(held))
        try:
            self._arp.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)
        except OSError as error:
            with suppress(OSError):  # that of before would go on, and knows other addresses
                self._arp.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
            return error.strerror or str(error)
        return ""

    @property
    def sockets(self) -> list[socket.socket]:
        return [self._arp] if self._icmpv6 is None else [self._arp, self._icmpv6]

    def ask(self, frame: bytes, interface: str) -> tuple[Asked, str]:
        """Sends a probe. Returns what became of it, and a problem or nothing."""
        try:
            self._arp.sendto(frame, (interface, 0))
        except OSError as error:
            passes = error.errno in FULL or error.errno in GOING
            return Asked.UNSENT if passes else Asked.NOWHERE, error.strerror or str(error)
        return Asked.SENT, ""

    def claims(self) -> list[Claim]:
        """What others have said since the last call."""
        found = [claim for frame in _drain(self._arp) if (claim := arp_claim(frame))]
        if self._icmpv6 is not None:
            found += [claim for message in _drain(self._icmpv6) if (claim := advertisement_claim(message))]
        found = [claim for claim in found if claim.address in self._known]
        own = self._own_macs() if found else frozenset()
        return [claim for claim in found if claim.mac not in own]

    def _own_macs(self) -> frozenset[bytes]:
        with suppress(OSError):  # it takes a descriptor; where none is left, the interfaces of before are good enough
            self._interfaces = [name for _, name in socket.if_nameindex()]
        macs = set()
        for name in self._interfaces:
            try:
                answer = fcntl.ioctl(self._arp, SIOCGIFHWADDR, struct.pack("16s24x", name.encode()))
            except OSError:
                continue  # it has just gone
            macs.add(answer[18:24])
        return frozenset(macs)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def _open_icmpv6() -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMPV6)
    sock.setblocking(False)
    blocked = bytearray(b"\xff" * 32)
    word, bit = divmod(NEIGHBOUR_ADVERTISEMENT, 32)
    struct.pack_into("=I", blocked, 4 * word, 0xFFFFFFFF & ~(1 << bit))
    sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(blocked))
    return sock


def _drain(sock: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < READ_LIMIT:
        try:
            found.append(sock.recv(2048))
        except OSError:
            break
    return found
