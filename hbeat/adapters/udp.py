"""Heartbeats over UDP: one sending socket per `ucast` line, one receiving socket per interface (reference 1.1).

Sockets are bound to their interface, so that a datagram proves the very cable it came over. What cannot be sent on
one medium never keeps another from sending; it is reported once when it begins and once when it ends.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hbeat.core.model import LinkName

IPTOS_LOWDELAY = 0x10
GONE = (errno.ENODEV, errno.ENXIO)
RECEIVE_LIMIT = 65_535
DRAIN_LIMIT = 200
"""Datagrams taken from one socket in one go; a flood must not keep the loop from its timers."""


class MediaError(OSError):
    """An interface or port cannot be used; the text names it and says what to do."""


@dataclass(slots=True)
class _Sender:
    link: LinkName
    address: tuple[str, int]
    sock: socket.socket
    failing: str = ""


@dataclass(slots=True)
class Media:
    """All media of this node. Build it with `open_media`."""

    receivers: dict[LinkName, socket.socket] = field(default_factory=dict)
    _senders: list[_Sender] = field(default_factory=list)
    _ports: dict[LinkName, int] = field(default_factory=dict)

    def add(self, link: LinkName, host: str, port: int) -> None:
        """One ucast line. A line that names an address of this very machine is the other node's: it only listens.

        A host name is looked up here and never again: the loop must not wait for a name server.
        """
        if self._ports.setdefault(link, port) != port:
            raise MediaError(f"ucast lines of {link} with different udpports; give all of them one")
        address = _look_up(host)
        if link not in self.receivers:
            self.receivers[link] = _receiver(link, port)
        if not _is_own(address):
            self._senders.append(_Sender(link, (address, port), _sender(link)))

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
                where = f"{medium.link} to {medium.address[0]}"
                news.append(f"cannot send on {where}: {problem}" if problem else f"sending on {where} works again")
            medium.failing = problem
        return news

    def _bind_again(self, medium: _Sender) -> None:
        """The interface was removed. When there is one of its name again, sockets have to be told."""
        try:
            _bind_to(medium.sock, medium.link)
            _bind_to(self.receivers[medium.link], medium.link)
        except MediaError:
            return  # not yet; the next heartbeat tries again

    def drain(self, link: LinkName) -> Iterator[bytes]:
        """The datagrams that wait in the socket of this link."""
        sock = self.receivers[link]
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


def open_media(lines: Iterable[tuple[LinkName, str, int]]) -> Media:
    """Opens every (interface, peer address, port). Raises MediaError."""
    media = Media()
    try:
        for link, address, port in lines:
            media.add(link, address, port)
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


def _receiver(link: LinkName, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    _bind_to(sock, link)
    # Reuse of the address lets one port be listened to on several interfaces; reuse of the port is what the original
    # asks for as well, so that a socket of a dying daemon does not keep the next one from starting.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind(("0.0.0.0", port))
    except OSError as error:
        sock.close()
        raise MediaError(f"cannot listen on UDP port {port} of {link}: {error.strerror}") from None
    return sock


def _sender(link: LinkName) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    _bind_to(sock, link)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, IPTOS_LOWDELAY)
    return sock


def _look_up(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        raise MediaError(f"ucast: {host} is no address and cannot be looked up: {error.strerror}") from None
    return str(found[0][4][0])


def _is_own(address: str) -> bool:
    """Whether the kernel would send to this address from this very address (binding to it proves nothing where
    net.ipv4.ip_nonlocal_bind is set, as on many directors)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == address)
