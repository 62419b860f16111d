"""ICMP echo with ping nodes: one raw socket per IP version (reference section 10.2; RFC 792, RFC 4443).

What goes out is what the original sends: identifier = the low 16 bits of the process id in the machine's byte order,
numbers from 0 for each host, payload as given. Sockets are bound to no interface and no address, so that the kernel
chooses both anew for each request: an interface may come late and an address may change.

A raw socket is given every echo reply that reaches the machine; those with another identifier are somebody else's.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hbeat.config.ping import Ping, PingHost
from hbeat.core.model import NodeName, PingKind
from hbeat.core.sending import Sending

HEADER = struct.Struct("!BBH2sH")
"""Type, code, checksum, identifier, number."""
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
PROTOCOLS = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1
"""linux/icmp.h and RFC 3542 section 3.2; Python has no names for them."""
RECEIVE_LIMIT = 65_535
DRAIN_LIMIT = 200


class PingError(OSError):
    """A ping node cannot be asked; the text names its line and says what to do."""


@dataclass(slots=True)
class _Host:
    """One address of a ping node; name: as ha.cf has it. number: of the next request."""

    family: int
    name: str
    address: str
    sending: Sending
    number: int = 0


class Pinger:
    """Sends echo requests and reads the replies. Build it with `open_pings`."""

    def __init__(self, hosts: Mapping[NodeName, list[_Host]]) -> None:
        self._hosts = dict(hosts)
        self.sockets: dict[int, socket.socket] = {}
        try:
            for family in sorted({host.family for group in self._hosts.values() for host in group}):
                self.sockets[family] = _raw_socket(family)
        except OSError:
            self.close()
            raise

    @property
    def addresses(self) -> dict[tuple[int, str], str]:
        """What the hosts were found to be, by family (4 or 6) and name."""
        return {(host.family, host.name): host.address for group in self._hosts.values() for host in group}

    def send(self, node: NodeName, data: bytes, now: float) -> list[str]:
        """Asks every host of this ping node. Returns what to tell the operator, mostly nothing."""
        news = []
        for host in self._hosts[node]:
            problem = ""
            try:
                self.sockets[host.family].sendto(_request(host, data), (host.address, 0))
            except OSError as error:
                problem = error.strerror or str(error)
            host.number = (host.number + 1) & 0xFFFF
            news.append(host.sending.result(problem, now))
        return [line for line in news if line]

    def drain(self, family: int) -> Iterator[bytes]:
        """The payloads of the replies to our requests that wait in this socket."""
        for _ in range(DRAIN_LIMIT):
            try:
                packet = self.sockets[family].recv(RECEIVE_LIMIT)
            except OSError:
                return  # nothing left; errors of the network are seen by what does not arrive
            if (payload := _reply(family, packet)) is not None:
                yield payload

    def close(self) -> None:
        for sock in self.sockets.values():
            sock.close()


def open_pings(pings: Iterable[Ping], known: Mapping[tuple[int, str], str] | None = None) -> tuple[Pinger, list[str]]:
    """Looks names up, once: the loop must not wait for a name server. Raises PingError when a ping node has no address.

    A group can do without one of its hosts; such a host is told of in the warnings that come with the pinger. known:
    names that were looked up before, as `Pinger.addresses` has them.
    """
    hosts: dict[NodeName, list[_Host]] = {}
    warnings: list[str] = []
    for ping in pings:
        found: list[_Host] = []
        problems: list[str] = []
        for host in ping.hosts:
            try:
                where = (
                    f"{host.address} for ping node {ping.node.name}"
                    if ping.node.kind is PingKind.GROUP
                    else host.address
                )
                address = (known or {}).get((host.family, host.address)) or _look_up(host)
                found.append(_Host(host.family, host.address, address, Sending(f"ICMP to {where}")))
            except PingError as error:
                problems.append(str(error))
        if not found:
            raise PingError("\n".join(problems))
        warnings += problems
        hosts[ping.node.name] = found
    return Pinger(hosts), warnings


def _look_up(host: PingHost) -> str:
    try:
        found = socket.getaddrinfo(host.address, None, FAMILIES[host.family], socket.SOCK_DGRAM)
    except OSError as error:
        what = f"ping host {host.address} has no IPv{host.family} address that could be found ({error.strerror})"
        raise PingError(f"ha.cf:{host.line}: {what}; write the address itself, or add it to /etc/hosts") from None
    return str(found[0][4][0])


def _raw_socket(family: int) -> socket.socket:
    try:
        sock = socket.socket(FAMILIES[family], socket.SOCK_RAW | socket.SOCK_NONBLOCK, PROTOCOLS[family])
    except PermissionError:
        raise PingError("no permission to send ICMP to ping nodes: run as root") from None
    except OSError as error:
        raise PingError(f"no socket for ICMP over IPv{family} ({error.strerror}); drop the ping lines for it") from None
    if family == 4:
        sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", ~(1 << REPLY[4]) & 0xFFFF_FFFF))
    else:
        blocked = bytearray(b"\xff" * 32)
        blocked[REPLY[6] // 32 * 4 : REPLY[6] // 32 * 4 + 4] = struct.pack("=I", ~(1 << REPLY[6] % 32) & 0xFFFF_FFFF)
        sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(blocked))
    return sock


def _identifier() -> bytes:
    return struct.pack("=H", os.getpid() & 0xFFFF)


def _request(host: _Host, data: bytes) -> bytes:
    header = HEADER.pack(REQUEST[host.family], 0, 0, _identifier(), host.number)
    if host.family == 6:
        return header + data  # the kernel computes this checksum (RFC 3542 section 3.1)
    return HEADER.pack(REQUEST[4], 0, checksum(header + data), _identifier(), host.number) + data


def _reply(family: int, packet: bytes) -> bytes | None:
    """The payload when it is an echo reply to us. IPv4 comes with its header, IPv6 without."""
    start = (packet[0] & 0x0F) * 4 if family == 4 and packet else 0
    if len(packet) < start + HEADER.size:
        return None
    kind, _, _, identifier, _ = HEADER.unpack_from(packet, start)
    return packet[start + HEADER.size :] if kind == REPLY[family] and identifier == _identifier() else None


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
