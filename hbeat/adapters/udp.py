"""Heartbeats over UDP: one sending socket per medium, one receiving socket per interface and port (reference 1.1).

Sockets are bound to their interface, so that a datagram proves the very cable it came over. What cannot be sent on
one medium never keeps another from sending; it is reported once when it begins and once when it ends.

Broadcasts go to 255.255.255.255, which the kernel sends out on the socket's interface whatever its address is at that
moment. They come back to us; the core knows its own name and ignores them.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hbeat.config.media import Medium, MediumKind
from hbeat.core.model import LinkName

IPTOS_LOWDELAY = 0x10
GONE = (errno.ENODEV, errno.ENXIO)
RECEIVE_LIMIT = 65_535
DRAIN_LIMIT = 200
"""Datagrams taken from one socket in one go; a flood must not keep the loop from its timers."""
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
ANY = {4: "0.0.0.0", 6: "::"}


class MediaError(OSError):
    """An interface or port cannot be used; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What a receiving socket listens to. address: a multicast group, or that of everything."""

    link: LinkName
    family: int
    address: str
    port: int


@dataclass(slots=True)
class _Sender:
    ear: Ear
    address: tuple[str, int]
    sock: socket.socket
    failing: str = ""


@dataclass(slots=True)
class Media:
    """All media of this node. Build it with `open_media`."""

    receivers: dict[Ear, socket.socket] = field(default_factory=dict)
    _senders: list[_Sender] = field(default_factory=list)

    def add(self, medium: Medium) -> None:
        """One medium. A ucast line that names an address of this very machine is the other node's: it only listens.

        A host name is looked up here and never again: the loop must not wait for a name server.
        """
        address = _look_up(medium)
        is_group = medium.kind in (MediumKind.MCAST, MediumKind.MCAST6)
        ear = Ear(medium.interface, medium.family, address if is_group else ANY[medium.family], medium.udpport)
        if ear not in self.receivers:
            self.receivers[ear] = _receiver(ear, is_group)
        if medium.kind in (MediumKind.UCAST, MediumKind.UCAST6) and _is_own(address, medium.family):
            return
        self._senders.append(_Sender(ear, (address, medium.udpport), _sender(medium)))

    def send(self, data: bytes) -> list[str]:
        """Sends on every medium, one right after the other. Returns what to tell the operator, mostly nothing."""
        news: list[str] = []
        for medium in self._senders:
            problem = ""
            try:
                medium.sock.sendto(data, medium.address)
            except OSError as error:
                problem = error.strerror or str(error)
                if error.errno in GONE:
                    self._bind_again(medium)
            if bool(problem) != bool(medium.failing):
                where = f"{medium.ear.link} to {medium.address[0]}"
                news.append(f"cannot send on {where}: {problem}" if problem else f"sending on {where} works again")
            medium.failing = problem
        return news

    def _bind_again(self, medium: _Sender) -> None:
        """The interface was removed. When there is one of its name again, sockets have to be told."""
        try:
            _bind_to(medium.sock, medium.ear.link)
            _bind_to(self.receivers[medium.ear], medium.ear.link)
            if medium.ear.address != ANY[medium.ear.family]:
                _choose_interface(medium.sock, medium.ear.family, medium.ear.link)
                _join(self.receivers[medium.ear], medium.ear)
        except OSError:
            return  # not yet; the next heartbeat tries again

    def drain(self, ear: Ear) -> Iterator[bytes]:
        """The datagrams that wait in this socket."""
        sock = self.receivers[ear]
        for _ in range(DRAIN_LIMIT):
            try:
                yield sock.recv(RECEIVE_LIMIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.ENETDOWN, errno.ECONNREFUSED, *GONE):
                    return  # the interface went down, or a peer's port is closed: nothing to read
                raise

    def close(self) -> None:
        for sock in [*self.receivers.values(), *(s.sock for s in self._senders)]:
            sock.close()


def open_media(lines: Iterable[Medium]) -> Media:
    """Opens every medium. Raises MediaError."""
    media = Media()
    try:
        for medium in lines:
            media.add(medium)
    except OSError:
        media.close()
        raise
    return media


def _bind_to(sock: socket.socket, link: LinkName) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode() + b"\0")
    except PermissionError:
        raise MediaError(f"no permission to use interface {link}: run as root") from None
    except OSError as error:
        raise MediaError(f"interface {link}: {error.strerror}; bring it up or correct ha.cf") from None


def _receiver(ear: Ear, is_group: bool) -> socket.socket:
    sock = socket.socket(FAMILIES[ear.family], socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        _bind_to(sock, ear.link)
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


def _sender(medium: Medium) -> socket.socket:
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


def _look_up(medium: Medium) -> str:
    try:
        found = socket.getaddrinfo(medium.address, None, FAMILIES[medium.family], socket.SOCK_DGRAM)
    except OSError as error:
        raise MediaError(
            f"{medium.kind.value}: {medium.address} is no address and cannot be looked up: {error.strerror}"
        ) from None
    return str(found[0][4][0])


def _is_own(address: str, family: int) -> bool:
    """Whether the kernel would send to this address from this very address (binding to it proves nothing where
    net.ipv4.ip_nonlocal_bind is set, as on many directors)."""
    with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == address)
