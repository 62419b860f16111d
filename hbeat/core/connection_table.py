"""What the kernel tells of its IPVS connections and services, as text: /proc/net/ip_vs_conn and /proc/net/ip_vs.

    Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
    TCP 0A010164 C3A2 0A01010A 0050 C0A802EC 0050 ESTABLISHED     899

IPv4 addresses are eight hexadecimal digits, IPv6 addresses eight groups of four; ports are hexadecimal, seconds are
not. A persistence template is a line without client port. How a connection is forwarded stands with its service only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import ip_address

FORWARDING = {"Masq": 0, "Local": 1, "Tunnel": 2, "Route": 3}
"""The methods by their names in the file, as numbered in linux/ip_vs.h (IP_VS_CONN_F_FWD_MASK)."""

NO_MARK = 0
_COLUMNS = 9


@dataclass(frozen=True, slots=True)
class Connection:
    """One line: addresses and ports as they are written there. expires: seconds."""

    protocol: str
    client: str
    client_port: str
    virtual: str
    virtual_port: str
    real: str
    real_port: str
    state: str
    expires: int

    @property
    def is_template(self) -> bool:
        """A memory of where a client belongs, not a connection."""
        return self.client_port == "0000" and self.state in ("NONE", "ASSURED")

    @property
    def is_open(self) -> bool:
        """Somebody counts on it: both ends have said something, and none that it is over."""
        return self.state in ("ESTABLISHED", "UDP") and not self.is_template

    @property
    def name(self) -> str:
        """Twelve digits that are the same on both nodes for the same connection to the same real server."""
        ends = (self.protocol, self.client, self.client_port, self.virtual, self.virtual_port, self.real)
        return blake2b(" ".join((*ends, self.real_port)).encode(), digest_size=6).hexdigest()


def connections(text: str) -> Iterator[Connection]:
    """The lines of /proc/net/ip_vs_conn; its head, and what is no such line, is left out."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= _COLUMNS and words[8].isdigit():
            protocol, client, client_port, virtual, virtual_port, real, real_port, state, expires = words[:_COLUMNS]
            ends = (protocol, client, client_port, virtual, virtual_port, real, real_port)
            yield Connection(*ends, state, int(expires))


Service = tuple[str, str, str, str, str]
"""Protocol, virtual address and port, real address and port, all as in /proc/net/ip_vs_conn."""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """How a connection gets to its real server. mark: of the firewall mark service it came by, or NO_MARK."""

    method: int
    mark: int = NO_MARK


class Services:
    """/proc/net/ip_vs: what it tells of the way of each connection."""

    def __init__(self, text: str) -> None:
        self._by_address: dict[Service, Forwarding] = {}
        self._by_mark: dict[tuple[str, str], Forwarding] = {}
        protocol, virtual = "", ("", "")
        for words in map(str.split, text.splitlines()[3:]):
            if words[0] != "->":
                protocol, virtual = words[0], _place(words[1])
            elif words[2] in FORWARDING:
                real, method = _place(words[1]), FORWARDING[words[2]]
                if protocol == "FWM":
                    self._by_mark[real] = Forwarding(method, int(virtual[0], 16))
                else:
                    self._by_address[protocol, *virtual, *real] = Forwarding(method)

    def __bool__(self) -> bool:
        return bool(self._by_address or self._by_mark)

    def forwarding(self, found: Connection) -> Forwarding | None:
        """None for a connection of a service, or to a server, that is not there (any more)."""
        real = found.real, found.real_port
        key = (found.protocol, found.virtual, found.virtual_port, *real)
        return self._by_address.get(key) or self._by_mark.get(real)


def _place(word: str) -> tuple[str, str]:
    """Address and port; IPv6 addresses stand in brackets, a mark has no port."""
    address, colon, port = word.rpartition(":")
    return (address.strip("[]"), port) if colon else (word, "")


def as_written(address: str) -> str:
    """An address as it stands in these files."""
    found = ip_address(address)
    return found.packed.hex().upper() if found.version == 4 else found.exploded
