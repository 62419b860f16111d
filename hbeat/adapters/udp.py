"""Heartbeats over UDP: one sending socket per medium, one receiving socket per interface and port (reference 1.1).

Sockets are bound to their interface, so that a datagram proves the very cable it came over. What cannot be sent on
one medium never keeps another from sending; the next heartbeat tries again.

Interfaces are known by name in ha.cf and by index in the kernel. Before each heartbeat the two are compared: where a
name stands for another interface than before - it came late, came back, or was given to another cable - the sockets
are opened anew. An interface that is renamed under us goes on carrying heartbeats, and that is said. Addresses need no
care: the kernel chooses the source of each datagram, so a changed one is used at once.

Each node sends to all ucast lines, its own included, as the original does: which address is whose may change. What
comes back to us the core knows by its own name. Broadcasts go to 255.255.255.255, which the kernel sends out on the
socket's interface whatever its address is at that moment.
"""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hbeat.adapters.udp_sockets import FAMILIES, RECEIVE_BUFFER, SMALLEST_IN_BUFFER, Ear, MediaError, receiver, sender
from hbeat.config.media import Medium, MediumKind
from hbeat.core.model import LinkName
from hbeat.core.sending import Sending, Target

GONE = (errno.ENODEV, errno.ENXIO)
RECEIVE_LIMIT = 65_535
DRAIN_LIMIT = 200
"""Datagrams taken from one socket in one go; a flood must not keep the loop from its timers."""
ALL_THAT_WAITS = RECEIVE_BUFFER // SMALLEST_IN_BUFFER + 1
"""So many cannot wait in a socket: whoever takes them has what was there when he began, whatever arrives meanwhile."""
SIOCGIFNAME, SIOCGIFINDEX = 0x8910, 0x8933
_IFREQ = struct.Struct("16si20x")
ANY = {4: "0.0.0.0", 6: "::"}


@dataclass(slots=True)
class _Line:
    """One medium. sock: None while there is no interface of its name."""

    medium: Medium
    address: str
    sending: Sending
    sock: socket.socket | None = None

    @property
    def is_group(self) -> bool:
        return self.medium.kind in (MediumKind.MCAST, MediumKind.MCAST6)

    @property
    def ear(self) -> Ear:
        medium = self.medium
        address = self.address if self.is_group else ANY[medium.family]
        return Ear(medium.interface, medium.family, address, medium.udpport)


class Media:
    """All media of this node. Build it with `open_media`.

    Its receiving sockets come and go with their interfaces; the loop watches them all as this one descriptor.
    """

    def __init__(self, media: Iterable[Medium], known: Mapping[tuple[int, str], str]) -> None:
        self._lines = [_line(medium, known) for medium in media]
        self._receivers: dict[Ear, socket.socket] = {}
        self._selector = selectors.EpollSelector()
        # Open for good: socket.if_nametoindex opens one each time, and without descriptors no interface would be there.
        self._names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._index: dict[LinkName, int] = {line.medium.interface: 0 for line in self._lines}
        self._absent: set[LinkName] = set()  # names that stand for no interface, as the operator was told

    def fileno(self) -> int:
        return self._selector.fileno()

    @property
    def addresses(self) -> dict[tuple[int, str], str]:
        """What the hosts of the lines were found to be, by family (4 or 6) and name."""
        return {(line.medium.family, line.medium.address): line.address for line in self._lines}

    @property
    def targets(self) -> list[Target]:
        """Where `send` sends to."""
        return [
            Target(line.medium.family, line.medium.interface, line.address, line.medium.udpport, line.medium.ttl)
            for line in self._lines
        ]

    @property
    def ears(self) -> list[Ear]:
        return list(self._receivers)

    def ready(self) -> list[Ear]:
        """Those for which something has arrived."""
        return [key.data for key, _ in self._selector.select(0)]

    def open(self) -> list[str]:
        """Opens what has an interface and returns warnings about what has none yet. Raises MediaError.

        At least one interface must be there: without any the file is more likely wrong than early.
        """
        for link in self._index:
            if index := self._index_of(link):
                self._open_link(link, index)
        if not any(self._index.values()):
            raise MediaError("\n".join(self._missing(link) for link in self._index))
        self._absent = {link for link, index in self._index.items() if not index}
        return [f"{self._missing(link)}; heartbeats begin there when it appears" for link in sorted(self._absent)]

    def _missing(self, link: LinkName) -> str:
        lines = sorted({line.medium.line for line in self._lines if line.medium.interface == link})
        return f"ha.cf:{lines[0]}: there is no interface {link}; bring it up or correct the line"

    def send(self, data: bytes, now: float) -> list[str]:
        """Sends on every medium, one right after the other. Returns what to tell the operator, mostly nothing."""
        news = self._follow_interfaces()
        for line in self._lines:
            if line.sock is None:
                continue
            problem = ""
            try:
                line.sock.sendto(data, (line.address, line.medium.udpport))
            except OSError as error:
                problem = error.strerror or str(error)
            if said := line.sending.result(problem, now):
                news.append(said)
        return news

    def _follow_interfaces(self) -> list[str]:
        """Opens the sockets of each name that stands for another interface than before."""
        news: list[str] = []
        for link, known in self._index.items():
            index = self._index_of(link)
            if index and index != known:
                try:
                    self._open_link(link, index)
                except OSError:
                    continue  # it is only just coming, or going again; the next heartbeat tries again
                self._absent.discard(link)
                news.append(f"interface {link} has appeared: heartbeats use it")
            elif not index and link not in self._absent:
                self._absent.add(link)
                name = self._name_of(known)
                if name:
                    news.append(f"interface {link} is called {name} now: heartbeats go on over it; correct ha.cf")
                else:
                    self._index[link] = 0  # its memberships of groups died with it, whatever index it comes back with
                    news.append(f"interface {link} is gone: no heartbeats there until it is back")
            elif index:
                self._absent.discard(link)
        return news

    def _open_link(self, link: LinkName, index: int) -> None:
        """New sockets for all media of this interface, or OSError and the old ones."""
        lines = [line for line in self._lines if line.medium.interface == link]
        senders: list[socket.socket] = []
        receivers: dict[Ear, socket.socket] = {}
        try:
            for line in lines:
                senders.append(sender(line.medium))
                if line.ear not in receivers:
                    receivers[line.ear] = receiver(line.ear, line.is_group)
        except OSError:
            for sock in [*senders, *receivers.values()]:
                sock.close()
            raise
        for line, sock in zip(lines, senders, strict=True):
            if line.sock is not None:
                line.sock.close()
            line.sock = sock
        for ear, sock in receivers.items():
            if ear in self._receivers:
                self._selector.unregister(self._receivers[ear])
                self._receivers[ear].close()
            self._receivers[ear] = sock
            self._selector.register(sock, selectors.EVENT_READ, ear)
        self._index[link] = index

    def _index_of(self, link: LinkName) -> int:
        """The kernel's number for the interface of this name now, 0 when there is none."""
        try:
            answer = fcntl.ioctl(self._names, SIOCGIFINDEX, _IFREQ.pack(os.fsencode(link), 0))
        except OSError:
            return 0
        return int(_IFREQ.unpack(answer)[1])

    def _name_of(self, index: int) -> str:
        try:
            answer = fcntl.ioctl(self._names, SIOCGIFNAME, _IFREQ.pack(b"", index))
        except OSError:
            return ""
        return os.fsdecode(_IFREQ.unpack(answer)[0].rstrip(b"\0"))

    def drain(self, ear: Ear, limit: int = DRAIN_LIMIT) -> Iterator[tuple[bytes, str]]:
        """The datagrams that wait in this socket, so many at most, each with the address that sent it."""
        for _ in range(limit):
            try:
                data, (source, *_) = self._receivers[ear].recvfrom(RECEIVE_LIMIT)
                yield data, source.partition("%")[0]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.ENETDOWN, errno.ECONNREFUSED, *GONE):
                    return  # the interface went down, or a peer's port is closed: nothing to read
                raise

    def close(self) -> None:
        self._selector.close()
        self._names.close()
        for sock in [*self._receivers.values(), *(line.sock for line in self._lines if line.sock is not None)]:
            sock.close()


def open_media(media: Iterable[Medium], known: Mapping[tuple[int, str], str] | None = None) -> tuple[Media, list[str]]:
    """The media, opened, and warnings about interfaces that are not there yet. Raises MediaError.

    Host names are looked up here and never again: the loop must not wait for a name server. known: those that were
    looked up before, as `Media.addresses` has them.
    """
    opened = Media(media, known or {})
    try:
        return opened, opened.open()
    except OSError:
        opened.close()
        raise


def _line(medium: Medium, known: Mapping[tuple[int, str], str]) -> _Line:
    address = known.get((medium.family, medium.address)) or _look_up(medium)
    return _Line(medium, address, Sending(f"{medium.interface} to {address}"))


def _look_up(medium: Medium) -> str:
    try:
        found = socket.getaddrinfo(medium.address, None, FAMILIES[medium.family], socket.SOCK_DGRAM)
    except OSError as error:
        what = f"{medium.kind.value} host {medium.address} cannot be looked up ({error.strerror})"
        raise MediaError(f"ha.cf:{medium.line}: {what}; write the address itself, or add it to /etc/hosts") from None
    return str(found[0][4][0])
