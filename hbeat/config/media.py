"""The lines of ha.cf that describe a way to the other node: ucast, bcast, mcast and their IPv6 forms (reference 9).

    ucast  DEV HOST                     ucast6 DEV HOST
    bcast  DEV...   (old name: udp)
    mcast  DEV GROUP PORT TTL LOOP      mcast6 DEV GROUP PORT HOPS LOOP

Each line is one medium. All media of one interface are one link, named after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from hbeat.config.values import is_host, is_interface
from hbeat.core.model import LinkName

LIMITED_BROADCAST = "255.255.255.255"
"""Goes out on the interface a socket is bound to, whatever its address is now."""


class MediumKind(Enum):
    """The media that carry heartbeats."""

    UCAST = "ucast"
    UCAST6 = "ucast6"
    BCAST = "bcast"
    MCAST = "mcast"
    MCAST6 = "mcast6"


@dataclass(frozen=True, slots=True)
class Medium:
    """Datagrams to address:udpport, sent and received on one interface, which names the link.

    address: as written (host name or address) for ucast, the group for mcast. ttl, loop: of mcast.
    """

    kind: MediumKind
    interface: LinkName
    address: str
    udpport: int
    line: int
    ttl: int = 1
    loop: bool = False

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if self.kind in (MediumKind.UCAST6, MediumKind.MCAST6) else 4


def read_media(name: str, words: list[str], udpport: int, line: int) -> list[Medium]:
    """The media of one line. Raises ValueError "what; cure"."""
    if name in ("bcast", "udp"):
        return [Medium(MediumKind.BCAST, _interface(name, word), LIMITED_BROADCAST, udpport, line) for word in words]
    if name in ("mcast", "mcast6"):
        return [_mcast(name, words, line)]
    return [_ucast(name, words, udpport, line)]


def _ucast(name: str, words: list[str], udpport: int, line: int) -> Medium:
    if len(words) != 2:
        example = "10.0.0.2" if name == "ucast" else "fd00::2"
        raise ValueError(f"{name} takes a device and an address, not {len(words)} words; write {name} eth0 {example}")
    interface = _interface(name, words[0])
    if name == "ucast" and not is_host(words[1]):
        raise ValueError(f"ucast address {words[1]} is neither an IPv4 address nor a host name; correct it")
    if name == "ucast6" and not _is_ipv6(words[1]) and (not is_host(words[1]) or words[1].replace(".", "").isdigit()):
        raise ValueError(f"ucast6 address {words[1]} is neither an IPv6 address nor a host name; correct it")
    return Medium(MediumKind(name), interface, words[1], udpport, line)


def _mcast(name: str, words: list[str], line: int) -> Medium:
    group, hops = ("225.0.0.1", "TTL") if name == "mcast" else ("ff12::1", "HOPS")
    if len(words) != 5:
        raise ValueError(
            f"{name} takes DEVICE GROUP PORT {hops} LOOP, not {len(words)} words; write {name} eth0 {group} 694 1 0"
        )
    interface = _interface(name, words[0])
    if not _is_group(name, words[1]):
        kind = "IPv4" if name == "mcast" else "IPv6"
        raise ValueError(f"{name} group {words[1]} is no {kind} multicast address; write one such as {group}")
    port = _number(f"{name} port", words[2], 1, 65535)
    ttl = _number(f"{name} {hops}", words[3], 0, 255)
    loop = bool(_number(f"{name} LOOP", words[4], 0, 1))
    return Medium(MediumKind(name), interface, words[1], port, line, ttl, loop)


def _interface(name: str, word: str) -> str:
    if not is_interface(word):
        raise ValueError(f"{name} device {word} is not the name of one; correct it")
    return word


def _number(what: str, word: str, low: int, high: int) -> int:
    if not (word.isascii() and word.isdigit()) or not low <= int(word[:9]) <= high:
        raise ValueError(f"{what} {word} is no number from {low} to {high}; correct it")
    return int(word)


def _is_ipv6(word: str) -> bool:
    try:
        IPv6Address(word)
    except ValueError:
        return False
    return True


def _is_group(name: str, word: str) -> bool:
    try:
        return (IPv4Address(word) if name == "mcast" else IPv6Address(word)).is_multicast
    except ValueError:
        return False
