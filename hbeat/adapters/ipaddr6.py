"""The built-in IPv6addr: virtual addresses of IPv6 through netlink.

The address is added without duplicate address detection: it would be unusable for a second, and for ever if the node
that is being replaced still answered for it. Interface and prefix length, where left out, are those of the route to
the address. Adding what is there and removing what is not there succeed.
"""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, IPv6Network

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from hbeat.core.builtin import Vip6Spec
from hbeat.core.lease import Standing

EEXIST, EADDRNOTAVAIL = 17, 99
NO_DETECTION, NO_PREFIX_ROUTE = 0x02, 0x200  # IFA_F_NODAD, IFA_F_NOPREFIXROUTE
MAIN_TABLE = 254


class Address6Error(Exception):
    """The address cannot be added or removed; the text says why and what to do."""


class Addresses6:
    """The IPv6 addresses of this network namespace."""

    def __init__(self) -> None:
        self._netlink = IPRoute()

    def close(self) -> None:
        self._netlink.close()

    def add(self, spec: Vip6Spec, *, lease: int | None = None) -> tuple[str, bytes, Standing]:
        """Puts the address on its interface: that one's name and hardware address, and how it stands there.

        lease: the kernel keeps it for so many seconds, None = for ever. Raises Address6Error.
        """
        index, prefixlen, name, mac = self.locate(spec)
        flags = NO_DETECTION
        lifetime = {}
        if lease is not None:
            lifetime = {"valid_lft": lease, "preferred_lft": lease}
            if self._has_neighbour(spec, index, prefixlen):
                flags |= NO_PREFIX_ROUTE  # or the route that the neighbour needs would end with the lease
        try:
            self._netlink.addr(
                "add" if lease is None else "replace",
                index=index,
                family=socket.AF_INET6,
                address=spec.address,
                prefixlen=prefixlen,
                flags=flags,
                **lifetime,
            )
        except NetlinkError as error:
            if error.code != EEXIST:
                raise Address6Error(f"cannot add {spec.address}/{prefixlen} to {name}: {error}") from None
        standing = Standing(IPv6Address(spec.address).packed, prefixlen, index, flags)
        return name, mac, standing

    def locate(self, spec: Vip6Spec) -> tuple[int, int, str, bytes]:
        """Where the address belongs: index, prefix length, and the interface's name and hardware address.

        Raises Address6Error.
        """
        index, prefixlen = self._place(spec)
        link = self._netlink.get_links(index)[0]
        mac = bytes.fromhex((link.get("address") or "00:00:00:00:00:00").replace(":", ""))
        return index, prefixlen, str(link.get("ifname")), mac

    def _has_neighbour(self, spec: Vip6Spec, index: int, prefixlen: int) -> bool:
        """Another address of this network is on the interface."""
        address, network = IPv6Address(spec.address), IPv6Network((spec.address, prefixlen), strict=False)
        found = (IPv6Address(m.get("address")) for m in self._netlink.get_addr(family=socket.AF_INET6, index=index))
        return any(other != address and other in network for other in found)

    def remove(self, spec: Vip6Spec) -> list[str]:
        """Takes the address off every interface that has it; their names. Raises Address6Error."""
        removed = []
        for index, prefixlen in self._holders(spec):
            name = str(self._netlink.get_links(index)[0].get("ifname"))
            try:
                self._netlink.addr(
                    "del", index=index, family=socket.AF_INET6, address=spec.address, prefixlen=prefixlen
                )
            except NetlinkError as error:
                if error.code != EADDRNOTAVAIL:
                    raise Address6Error(f"cannot remove {spec.address}/{prefixlen} from {name}: {error}") from None
            removed.append(name)
        return removed

    def present(self, spec: Vip6Spec) -> bool:
        return bool(self._holders(spec))

    def _holders(self, spec: Vip6Spec) -> list[tuple[int, int]]:
        wanted = IPv6Address(spec.address)
        return [
            (message["index"], message["prefixlen"])
            for message in self._netlink.get_addr(family=socket.AF_INET6)
            if IPv6Address(message.get("address")) == wanted
        ]

    def _place(self, spec: Vip6Spec) -> tuple[int, int]:
        """Interface index and prefix length, worked out from the routes where the argument is silent."""
        indexes: list[int] = []
        if spec.interface is not None:
            indexes = self._netlink.link_lookup(ifname=spec.interface)
            if not indexes:
                raise Address6Error(f"{spec.address}: there is no interface {spec.interface}")
            if spec.prefixlen is not None:
                return indexes[0], spec.prefixlen
        route = self._route_to(spec.address, indexes)
        if route is None:
            where = f" on {spec.interface}" if spec.interface else " but the default route"
            raise Address6Error(f"{spec.address}: no route to it{where}; write ADDRESS/PREFIX/INTERFACE in haresources")
        return route[0], route[1] if spec.prefixlen is None else spec.prefixlen

    def _route_to(self, address: str, indexes: list[int]) -> tuple[int, int] | None:
        """The most specific route (not a default one) that covers the address: interface index, prefix length."""
        best: tuple[int, int] | None = None
        for message in self._netlink.get_routes(family=socket.AF_INET6, table=MAIN_TABLE):
            target, index, length = message.get("dst"), message.get("oif"), message["dst_len"]
            if target is None or index is None or length == 0 or (indexes and index not in indexes):
                continue
            covers = IPv6Address(address) in IPv6Network((target, length), strict=False)
            if covers and (best is None or length > best[1]):
                best = (index, length)
        return best
