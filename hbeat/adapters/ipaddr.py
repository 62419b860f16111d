"""The built-in IPaddr: virtual addresses through netlink (reference section 7).

What an argument leaves out is taken from the machine: the interface with a route to the address, that route's
prefix length, its highest address as broadcast. `IPaddr` sets a broadcast and the first free alias label, as its
users see in ifconfig; `IPaddr2` sets only what was asked for. Adding what is there and removing what is not there
succeed.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from hbeat.core.lease import Standing
from hbeat.core.vip import VipSpec

EEXIST, EADDRNOTAVAIL = 17, 99
FOR_EVER = 0xFFFFFFFF


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
        self._netlink = IPRoute()

    def close(self) -> None:
        self._netlink.close()

    def add(self, spec: VipSpec, *, aliased: bool, lease: int | None = None) -> Placed:
        """Puts the address on its interface. aliased: with broadcast and label, as IPaddr. Raises AddressError.

        lease: the kernel keeps it for so many seconds, None = for ever; one that is there gets this lease, too.
        """
        placed = self.locate(spec)
        index, prefixlen = placed.index, placed.prefixlen
        request: dict[str, object] = {"index": index, "address": spec.address, "prefixlen": prefixlen}
        broadcast = spec.broadcast
        if broadcast is None and aliased:
            broadcast = str(IPv4Network((spec.address, prefixlen), strict=False).broadcast_address)
        if broadcast is not None:
            request["broadcast"] = broadcast
        label = spec.label if not aliased else self._free_alias(index, placed.interface)
        if label is not None:
            request["label"] = f"{placed.interface}:{label}"[:15]
        if lease is not None:
            request |= {"valid_lft": lease, "preferred_lft": lease}
        try:
            self._netlink.addr("add" if lease is None else "replace", **request)
        except NetlinkError as error:
            if error.code != EEXIST:
                raise AddressError(f"cannot add {spec.address}/{prefixlen} to {placed.interface}: {error}") from None
        return placed

    def locate(self, spec: VipSpec) -> Placed:
        """Where the address belongs, whether it is there or not. Raises AddressError."""
        index, prefixlen = self._place(spec)
        link = self._netlink.get_links(index)[0]
        return Placed(spec.address, prefixlen, link.get("ifname"), index, _mac(link.get("address")))

    def remove(self, spec: VipSpec) -> list[str]:
        """Takes the address off every interface that has it; their names. Raises AddressError."""
        removed = []
        for index, prefixlen, name in self._holders(spec):
            neighbours = self._same_network(spec.address, index, prefixlen)
            try:
                self._netlink.addr("del", index=index, address=spec.address, prefixlen=prefixlen)
            except NetlinkError as error:
                if error.code != EADDRNOTAVAIL:
                    raise AddressError(f"cannot remove {spec.address}/{prefixlen} from {name}: {error}") from None
            self._restore(neighbours, index, prefixlen)
            removed.append(name)
        return removed

    def _same_network(self, address: str, index: int, prefixlen: int) -> list[dict[str, Any]]:
        """The other addresses of this network on the interface, with what is needed to add them again."""
        network = IPv4Network((address, prefixlen), strict=False)
        return [
            {key: value for key in ("local", "broadcast", "label") if (value := m.get(key))} | _lifetime(m)
            for m in self._netlink.get_addr(family=socket.AF_INET, index=index)
            if m["prefixlen"] == prefixlen and m.get("local") != address and IPv4Address(m.get("local")) in network
        ]

    def _restore(self, neighbours: list[dict[str, Any]], index: int, prefixlen: int) -> None:
        """The kernel takes a network's other addresses along with its first (unless promote_secondaries is set)."""
        left = (
            {m.get("local") for m in self._netlink.get_addr(family=socket.AF_INET, index=index)} if neighbours else ()
        )
        for lost in (n for n in neighbours if n["local"] not in left):
            request = {**lost, "address": lost["local"]}
            try:
                self._netlink.addr("add", index=index, prefixlen=prefixlen, **request)
            except NetlinkError as error:
                if error.code != EEXIST:
                    raise AddressError(
                        f"{lost['local']} went with its neighbour, cannot add it again: {error}"
                    ) from None

    def present(self, spec: VipSpec) -> bool:
        return bool(self._holders(spec))

    def mac_of(self, interface: str) -> bytes:
        """The hardware address of an interface. Raises AddressError."""
        indexes = self._netlink.link_lookup(ifname=interface)
        if not indexes:
            raise AddressError(f"there is no interface {interface}")
        return _mac(self._netlink.get_links(indexes[0])[0].get("address"))

    def _holders(self, spec: VipSpec) -> list[tuple[int, int, str]]:
        found = self._netlink.get_addr(family=socket.AF_INET, match=lambda m: m.get("local") == spec.address)
        return [(m["index"], m["prefixlen"], self._name(m["index"])) for m in found]

    def _name(self, index: int) -> str:
        return str(self._netlink.get_links(index)[0].get("ifname"))

    def _free_alias(self, index: int, interface: str) -> str:
        used = {m.get("label") for m in self._netlink.get_addr(family=socket.AF_INET, index=index)}
        return next(str(n) for n in range(len(used) + 1) if f"{interface}:{n}" not in used)

    def _place(self, spec: VipSpec) -> tuple[int, int]:
        """Interface index and prefix length, worked out from the routes where the argument is silent."""
        if spec.interface is not None:
            indexes = self._netlink.link_lookup(ifname=spec.interface)
            if not indexes:
                raise AddressError(f"{spec.address}: there is no interface {spec.interface}")
            if spec.prefixlen is not None:
                return indexes[0], spec.prefixlen
        else:
            indexes = []
        route = self._route_to(spec.address, indexes)
        if route is None:
            where = f" on {spec.interface}" if spec.interface else " but the default route"
            raise AddressError(f"{spec.address}: no route to it{where}; write ADDRESS/PREFIX/INTERFACE in haresources")
        index, prefixlen = route
        return index, spec.prefixlen if spec.prefixlen is not None else prefixlen

    def _route_to(self, address: str, indexes: list[int]) -> tuple[int, int] | None:
        """The most specific route (not a default one) that covers the address: interface index, prefix length."""
        best: tuple[int, int] | None = None
        for message in self._netlink.get_routes(family=socket.AF_INET, table=254):
            target, index, length = message.get("dst"), message.get("oif"), message["dst_len"]
            if target is None or index is None or length == 0 or (indexes and index not in indexes):
                continue
            covers = IPv4Network((target, length)).overlaps(IPv4Network(address))
            if covers and (best is None or length > best[1]):
                best = (index, length)
        return best


def _lifetime(message: Any) -> dict[str, int]:
    """What is left of an address's time; nothing for one that stays for ever."""
    left = message.get("cacheinfo")
    if left is None or left["ifa_valid"] == FOR_EVER:
        return {}
    return {"valid_lft": max(1, left["ifa_valid"]), "preferred_lft": max(1, left["ifa_preferred"])}


def _mac(text: str | None) -> bytes:
    return bytes.fromhex((text or "00:00:00:00:00:00").replace(":", ""))
