"""The sockets of heartbeat media, each bound to one interface (reference 1.1)."""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass

from hbeat.config.media import Medium, MediumKind
from hbeat.core.model import LinkName

SO_RCVBUFFORCE = 33  # asm-generic/socket.h; the module socket does not have it
IPTOS_LOWDELAY = 0x10
RECEIVE_BUFFER = 1 << 20
"""Bytes of the kernel's for what waits in one receiving socket: its own default is full after 280 small datagrams, six
milliseconds of a flood, and then heartbeats are lost with the rest."""
SMALLEST_IN_BUFFER = 768
"""Bytes that a datagram takes there at the least."""
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class MediaError(OSError):
    """An interface or port cannot be used; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What a receiving socket listens to. address: a multicast group, or that of everything."""

    link: LinkName
    family: int
    address: str
    port: int


def _bind_to(sock: socket.socket, link: LinkName) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode() + b"\0")
    except PermissionError:
        raise MediaError(f"no permission to use interface {link}: run as root") from None
    except OSError as error:
        raise MediaError(f"interface {link}: {error.strerror}; bring it up or correct ha.cf") from None


def receiver(ear: Ear, is_group: bool) -> socket.socket:
    """Bound to its interface and port, a member of its group if it listens to one. Raises MediaError, OSError."""
    sock = socket.socket(FAMILIES[ear.family], socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        _bind_to(sock, ear.link)
        _enlarge(sock)
        # Reuse of the address lets one port be listened to on several interfaces; reuse of the port is what the
        # original asks for as well, so that a socket of a dying daemon does not keep the next one from starting.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if ear.family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind((ear.address, ear.port, 0, _index(ear.link)) if ear.family == 6 else (ear.address, ear.port))
        except OSError as error:
            raise MediaError(f"cannot listen on UDP port {ear.port} of {ear.link}: {error.strerror}") from None
        if is_group:
            _join(sock, ear)
    except OSError:
        sock.close()
        raise
    return sock


def _enlarge(sock: socket.socket) -> None:
    """The kernel counts its own expenses as well, and doubles what is asked for."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER // 2)
    except PermissionError:  # in a container: then as much as everybody may have
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER // 2)


def sender(medium: Medium) -> socket.socket:
    """Bound to its interface, with what its kind of medium needs. Raises MediaError, OSError."""
    sock = socket.socket(FAMILIES[medium.family], socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        _bind_to(sock, medium.interface)
        if medium.family == 4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, IPTOS_LOWDELAY)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, IPTOS_LOWDELAY)
        if medium.kind is MediumKind.BCAST:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if medium.kind is MediumKind.MCAST:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, medium.ttl)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(medium.loop))
        if medium.kind is MediumKind.MCAST6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, medium.ttl)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, int(medium.loop))
        if medium.kind in (MediumKind.MCAST, MediumKind.MCAST6):
            _choose_interface(sock, medium.family, medium.interface)
    except OSError:
        sock.close()
        raise
    return sock


def _choose_interface(sock: socket.socket, family: int, link: LinkName) -> None:
    """Multicast leaves through this interface."""
    index = _index(link)
    if family == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"", b"", index))


def _join(sock: socket.socket, ear: Ear) -> None:
    """Become a member of the group on this interface; being one already is as good."""
    index, packed = _index(ear.link), socket.inet_pton(FAMILIES[ear.family], ear.address)
    try:
        if ear.family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + struct.pack("=i", index))
        else:
            membership = struct.pack("=4s4si", packed, b"", index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise MediaError(f"cannot join {ear.address} on {ear.link}: {error.strerror}") from None


def _index(link: LinkName) -> int:
    try:
        return socket.if_nametoindex(link)
    except OSError as error:
        raise MediaError(f"interface {link}: {error.strerror}; bring it up or correct ha.cf") from None
