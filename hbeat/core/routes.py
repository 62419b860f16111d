"""The routes of rtnetlink(7): on which interface an address belongs when nobody has said so; the default route."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hbeat.core.netlink import (
    ACK,
    CREATE,
    DUMP,
    EXCLUSIVE,
    REPLACE,
    REQUEST,
    attribute,
    attributes,
    message,
    messages,
    number,
)

RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_MULTIPATH, RTA_TABLE = 1, 4, 5, 6, 7, 9, 15
RTA_VIA, RTA_ENCAP_TYPE, RTA_ENCAP, RTA_NH_ID = 18, 21, 22, 30
OF_NEXT_HOP = {RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTA_ENCAP_TYPE, RTA_ENCAP}
"""What the kernel tells of a next hop that has a number (ip-nexthop(8)), and takes from nobody together with that."""
MAIN_TABLE = 254
RTN_UNICAST = 1
RTNH_F_ONLINK = 0x04
"""Of the flags of a next hop this one is the operator's; the others say how it does at this moment (DEAD, LINKDOWN),
and the kernel refuses a route with them."""

_ROUTE = struct.Struct("=BBBBBBBBI")
_HOP = struct.Struct("=HBBi")
"""struct rtnexthop: length, flags, weight, interface."""


@dataclass(frozen=True, slots=True)
class Route:
    """To one network through one interface, of the main table. network: its 4 or 16 bytes; index: the interface."""

    network: bytes
    prefixlen: int
    index: int

    def covers(self, address: IPv4Address | IPv6Address) -> bool:
        if len(address.packed) != len(self.network):
            return False
        network: IPv4Network | IPv6Network
        if isinstance(address, IPv4Address):
            network = IPv4Network((self.network, self.prefixlen), strict=False)
        else:
            network = IPv6Network((self.network, self.prefixlen), strict=False)
        return address in network


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A default route of the main table. told: what the kernel has said of it, which is said again to change it."""

    told: bytes

    @property
    def metric(self) -> int:
        return number(self._attributes.get(RTA_PRIORITY), 0)

    @property
    def source(self) -> bytes:
        """The preferred source address; empty when the kernel chooses."""
        return self._attributes.get(RTA_PREFSRC, b"")

    def with_source(self, packed: bytes) -> bytes:
        """Puts the same route in its place, with this source; none: the kernel chooses."""
        return self._said_again(REPLACE, packed)

    def again(self, packed: bytes) -> bytes:
        """Adds the same route, with this source; refused (EEXIST) while there is a default route of its metric."""
        return self._said_again(EXCLUSIVE, packed)

    def _said_again(self, how: int, source: bytes) -> bytes:
        *head, flags = _ROUTE.unpack_from(self.told)
        told = self._attributes
        out = {RTA_PREFSRC} | (OF_NEXT_HOP if RTA_NH_ID in told else set())
        if RTA_MULTIPATH in told:
            told[RTA_MULTIPATH] = _as_configured(told[RTA_MULTIPATH])
        if source:
            out, told[RTA_PREFSRC] = out - {RTA_PREFSRC}, source
        body = b"".join(attribute(kind, value) for kind, value in told.items() if kind not in out)
        return message(RTM_NEWROUTE, REQUEST | ACK | CREATE | how, _ROUTE.pack(*head, flags & RTNH_F_ONLINK) + body)

    @property
    def _attributes(self) -> dict[int, bytes]:
        return attributes(self.told[_ROUTE.size :])


def all_routes(family: int) -> bytes:
    """Asks for every route of the family; the answer is read with `routes`."""
    return message(RTM_GETROUTE, REQUEST | DUMP, _ROUTE.pack(family, *bytes(7), 0))


def routes(answer: bytes) -> Iterator[Route]:
    """Those to a network through one interface in a part of the answer: no default route, none of several ways."""
    for prefixlen, _, told in _of_main_table(answer):
        network, index = told.get(RTA_DST), number(told.get(RTA_OIF), 0)
        if network and index and prefixlen:
            yield Route(network, prefixlen, index)


def default_routes(answer: bytes) -> Iterator[DefaultRoute]:
    """The default routes in a part of the answer."""
    for prefixlen, body, _ in _of_main_table(answer):
        if prefixlen == 0 and body[7] == RTN_UNICAST:
            yield DefaultRoute(body)


def _as_configured(hops: bytes) -> bytes:
    """The next hops of a route that has several, without how each does at this moment."""
    cleaned = bytearray(hops)
    at = 0
    while at + _HOP.size <= len(hops):
        length, flags, *others = _HOP.unpack_from(hops, at)
        _HOP.pack_into(cleaned, at, length, flags & RTNH_F_ONLINK, *others)
        at += max(_HOP.size, (length + 3) & ~3)
    return bytes(cleaned)


def _of_main_table(answer: bytes) -> Iterator[tuple[int, bytes, dict[int, bytes]]]:
    """Prefix length, body and attributes."""
    for kind, _, body in messages(answer):
        if kind == RTM_NEWROUTE and len(body) >= _ROUTE.size:
            _, prefixlen, _, _, table, *_ = _ROUTE.unpack_from(body)
            told = attributes(body[_ROUTE.size :])
            if number(told.get(RTA_TABLE), table) == MAIN_TABLE:
                yield prefixlen, body, told


def most_specific(
    routes: list[Route], address: IPv4Address | IPv6Address, index: int | None = None
) -> tuple[int, int] | None:
    """Interface and prefix length of the route to the address. index: only through this interface."""
    fits = [route for route in routes if (index is None or route.index == index) and route.covers(address)]
    best = max(fits, key=lambda route: route.prefixlen, default=None)
    return None if best is None else (best.index, best.prefixlen)
