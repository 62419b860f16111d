"""The built-in IPaddr: virtual addresses through netlink (reference section 7).

What an argument leaves out is taken from the machine: the interface with a route to the address, that route's
prefix length, its highest address as broadcast. `IPaddr` sets a broadcast and the first free alias label, as its
users see in ifconfig; `IPaddr2` sets only what was asked for. Adding what is there and removing what is not there
succeed.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from errno import EEXIST, ENODEV
from ipaddress import IPv4Address, IPv4Network

from hbeat.adapters.interfaces import Interfaces
from hbeat.adapters.rtnetlink import Requests
from hbeat.core.lease import Standing
from hbeat.core.routes import most_specific
from hbeat.core.rtnetlink import Address, addition, removal
from hbeat.core.vip import IFNAMSIZ, VipSpec

NO_PREFIX_ROUTE = 0x200  # IFA_F_NOPREFIXROUTE: its network's route is somebody else's, such as NetworkManager's


class AddressError(Exception):
    """The address cannot be added or removed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An address as it stands on an interface; mac is what a gratuitous ARP needs."""

    address: str
    prefixlen: int
    interface: str
    index: int
    mac: bytes

    @property
    def standing(self) -> Standing:
        """As a lease names it."""
        return Standing(IPv4Address(self.address).packed, self.prefixlen, self.index)


class Addresses:
    """The IPv4 addresses of this network namespace."""

    def __init__(self) -> None:
        self._requests = Requests()
        self._interfaces = Interfaces()

    def close(self) -> None:
        self._requests.close()
        self._interfaces.close()

    def add(self, spec: VipSpec, *, aliased: bool, lease: int | None = None) -> Placed:
        """Puts the address on its interface. aliased: with broadcast and label, as IPaddr. Raises AddressError.

        lease: the kernel keeps it for so many seconds, None = for ever; one that is there gets this lease, too.
        """
        placed = self.locate(spec)
        broadcast = spec.broadcast
        if broadcast is None and aliased:
            broadcast = str(IPv4Network((spec.address, placed.prefixlen), strict=False).broadcast_address)
        label = spec.label if not aliased else self._free_alias(placed)
        address = Address(
            placed.standing,
            IPv4Address(broadcast).packed if broadcast is not None else b"",
            f"{placed.interface}:{label}"[:IFNAMSIZ] if label is not None else "",
            lease,
            lease,
        )
        refused = self._requests.ask(addition(address, replace=lease is not None), but=(EEXIST,))
        if refused:
            raise AddressError(f"cannot add {spec.address}/{placed.prefixlen} to {placed.interface}: {refused}")
        return placed

    def locate(self, spec: VipSpec) -> Placed:
        """Where the address belongs, whether it is there or not. Raises AddressError."""
        index, prefixlen = self._place(spec)
        try:
            interface = spec.interface or self._interfaces.name(index)
            return Placed(spec.address, prefixlen, interface, index, self._interfaces.mac(interface))
        except OSError as error:
            raise AddressError(f"{spec.address}: its interface has gone: {error.strerror}") from None

    def remove(self, spec: VipSpec) -> list[str]:
        """Takes the address off every interface that has it; their names. Raises AddressError."""
        removed, refusals, lost = [], [], []
        wanted = IPv4Address(spec.address).packed
        standing = self._standing()
        for holder in (address for address in standing if address.standing.packed == wanted):
            neighbours = [] if holder.secondary else _same_network(holder, standing)
            name = self._interfaces.name(holder.standing.index)
            refused = self._requests.ask(removal(holder.standing))
            if refused:
                refusals.append(f"cannot remove {spec.address}/{holder.standing.prefixlen} from {name}: {refused}")
            if neighbours:
                lost += self._restore(neighbours)
            removed.append(name)
        if refusals and not self.present(spec):
            refusals = []  # somebody else has removed it meanwhile, or its interface
        if refusals or lost:
            raise AddressError("; ".join(refusals + lost))
        return removed

    def _restore(self, neighbours: list[Address]) -> list[str]:
        """The kernel takes a network's other addresses along with its first (unless promote_secondaries is set).

        Returns problems. Raises AddressError.
        """
        problems = []
        left = {address.standing for address in self._standing()}
        for lost in (address for address in neighbours if address.standing not in left):
            refused = self._requests.ask(addition(_as_it_was(lost), replace=False), but=(EEXIST, ENODEV))
            if refused:
                address = IPv4Address(lost.standing.packed)
                problems.append(f"{address} went with its neighbour, cannot add it again: {refused}")
        return problems

    def present(self, spec: VipSpec) -> bool:
        """Whether an interface has it. Raises AddressError."""
        wanted = IPv4Address(spec.address).packed
        return any(address.standing.packed == wanted for address in self._standing())

    def _standing(self) -> list[Address]:
        try:
            return self._requests.addresses(socket.AF_INET)
        except OSError as error:
            raise AddressError(f"the kernel does not tell its addresses: {error.strerror}") from None

    def mac_of(self, interface: str) -> bytes:
        """The hardware address of an interface. Raises AddressError."""
        try:
            return self._interfaces.mac(interface)
        except OSError:
            raise AddressError(f"there is no interface {interface}") from None

    def _free_alias(self, placed: Placed) -> str:
        used = {address.label for address in self._standing() if address.standing.index == placed.index}
        return next(str(n) for n in range(len(used) + 1) if f"{placed.interface}:{n}" not in used)

    def _place(self, spec: VipSpec) -> tuple[int, int]:
        """Interface index and prefix length, worked out from the routes where the argument is silent."""
        wanted = None
        if spec.interface is not None:
            try:
                wanted = self._interfaces.index(spec.interface)
            except OSError:
                raise AddressError(f"{spec.address}: there is no interface {spec.interface}") from None
            if spec.prefixlen is not None:
                return wanted, spec.prefixlen
        route = self._route_to(spec.address, wanted)
        if route is None:
            where = f" on {spec.interface}" if spec.interface else " but the default route"
            raise AddressError(f"{spec.address}: no route to it{where}; write ADDRESS/PREFIX/INTERFACE in haresources")
        index, prefixlen = route
        return index, spec.prefixlen if spec.prefixlen is not None else prefixlen

    def _route_to(self, address: str, wanted: int | None) -> tuple[int, int] | None:
        """The most specific route (not a default one) that covers the address: interface index, prefix length."""
        try:
            return most_specific(self._requests.routes(socket.AF_INET), IPv4Address(address), wanted)
        except OSError as error:
            raise AddressError(f"{address}: the kernel does not tell its routes: {error.strerror}") from None


def _same_network(holder: Address, standing: list[Address]) -> list[Address]:
    """The other addresses of its network on its interface; the network is that of the peers, where there are any."""
    there = holder.standing
    network = _network(there)
    return [
        address
        for address in standing
        if address.standing.index == there.index and address.standing != there and _network(address.standing) == network
    ]


def _network(standing: Standing) -> IPv4Network:
    return IPv4Network((standing.peer or standing.packed, standing.prefixlen), strict=False)


def _as_it_was(lost: Address) -> Address:
    """To be added again, with what is left of its time: the kernel takes no less than a second."""
    standing = replace(lost.standing, flags=lost.standing.flags & NO_PREFIX_ROUTE)
    return replace(lost, standing=standing, valid=None if lost.valid is None else max(1, lost.valid))
