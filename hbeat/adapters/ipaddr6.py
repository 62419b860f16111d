"""The built-in IPv6addr: virtual addresses of IPv6 through netlink.

The address is added without duplicate address detection: it would be unusable for a second, and for ever if the node
that is being replaced still answered for it. Interface and prefix length, where left out, are those of the route to
the address. Adding what is there and removing what is not there succeed.
"""

from __future__ import annotations

import socket
from errno import EEXIST
from ipaddress import IPv6Address, IPv6Network

from hbeat.adapters.interfaces import Interfaces
from hbeat.adapters.rtnetlink import Requests
from hbeat.core.builtin import Vip6Spec
from hbeat.core.lease import Standing
from hbeat.core.routes import most_specific
from hbeat.core.rtnetlink import Address, addition, removal

NO_DETECTION, NO_PREFIX_ROUTE = 0x02, 0x200  # IFA_F_NODAD, IFA_F_NOPREFIXROUTE


class Address6Error(Exception):
    """The address cannot be added or removed; the text says why and what to do."""


class Addresses6:
    """The IPv6 addresses of this network namespace."""

    def __init__(self) -> None:
        self._requests = Requests()
        self._interfaces = Interfaces()

    def close(self) -> None:
        self._requests.close()
        self._interfaces.close()

    def add(self, spec: Vip6Spec, *, lease: int | None = None) -> tuple[str, bytes, Standing]:
        """Puts the address on its interface: that one's name and hardware address, and how it stands there.

        lease: the kernel keeps it for so many seconds, None = for ever. Raises Address6Error.
        """
        index, prefixlen, name, mac = self.locate(spec)
        flags = NO_DETECTION
        if lease is not None and self._has_neighbour(spec, index, prefixlen):
            flags |= NO_PREFIX_ROUTE  # or the route that the neighbour needs would end with the lease
        standing = Standing(IPv6Address(spec.address).packed, prefixlen, index, flags)
        message = addition(Address(standing, valid=lease, preferred=lease), replace=lease is not None)
        refused = self._requests.ask(message, but=(EEXIST,))
        if refused:
            raise Address6Error(f"cannot add {spec.address}/{prefixlen} to {name}: {refused}")
        return name, mac, standing

    def locate(self, spec: Vip6Spec) -> tuple[int, int, str, bytes]:
        """Where the address belongs: index, prefix length, and the interface's name and hardware address.

        Raises Address6Error.
        """
        index, prefixlen = self._place(spec)
        try:
            name = spec.interface or self._interfaces.name(index)
            return index, prefixlen, name, self._interfaces.mac(name)
        except OSError as error:
            raise Address6Error(f"{spec.address}: its interface has gone: {error.strerror}") from None

    def _has_neighbour(self, spec: Vip6Spec, index: int, prefixlen: int) -> bool:
        """Another address of this network is on the interface."""
        address, network = IPv6Address(spec.address), IPv6Network((spec.address, prefixlen), strict=False)
        there = (IPv6Address(found.packed) for found in self._standing() if found.index == index)
        return any(other != address and other in network for other in there)

    def remove(self, spec: Vip6Spec) -> list[str]:
        """Takes the address off every interface that has it; their names. Raises Address6Error."""
        removed, refusals = [], []
        for standing in self._holders(spec):
            name = self._interfaces.name(standing.index)
            refused = self._requests.ask(removal(standing))
            if refused:
                refusals.append(f"cannot remove {spec.address}/{standing.prefixlen} from {name}: {refused}")
            removed.append(name)
        if refusals and self.present(spec):  # or somebody else has removed it meanwhile, or its interface
            raise Address6Error("; ".join(refusals))
        return removed

    def present(self, spec: Vip6Spec) -> bool:
        """Whether an interface has it. Raises Address6Error."""
        return bool(self._holders(spec))

    def _holders(self, spec: Vip6Spec) -> list[Standing]:
        wanted = IPv6Address(spec.address).packed
        return [standing for standing in self._standing() if standing.packed == wanted]

    def _standing(self) -> list[Standing]:
        try:
            return [address.standing for address in self._requests.addresses(socket.AF_INET6)]
        except OSError as error:
            raise Address6Error(f"the kernel does not tell its addresses: {error.strerror}") from None

    def _place(self, spec: Vip6Spec) -> tuple[int, int]:
        """Interface index and prefix length, worked out from the routes where the argument is silent."""
        wanted = None
        if spec.interface is not None:
            try:
                wanted = self._interfaces.index(spec.interface)
            except OSError:
                raise Address6Error(f"{spec.address}: there is no interface {spec.interface}") from None
            if spec.prefixlen is not None:
                return wanted, spec.prefixlen
        route = self._route_to(spec.address, wanted)
        if route is None:
            where = f" on {spec.interface}" if spec.interface else " but the default route"
            raise Address6Error(f"{spec.address}: no route to it{where}; write ADDRESS/PREFIX/INTERFACE in haresources")
        return route[0], route[1] if spec.prefixlen is None else spec.prefixlen

    def _route_to(self, address: str, wanted: int | None) -> tuple[int, int] | None:
        """The most specific route (not a default one) that covers the address: interface index, prefix length."""
        try:
            return most_specific(self._requests.routes(socket.AF_INET6), IPv6Address(address), wanted)
        except OSError as error:
            raise Address6Error(f"{address}: the kernel does not tell its routes: {error.strerror}") from None
