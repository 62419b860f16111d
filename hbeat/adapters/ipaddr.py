"""The built-in IPaddr: virtual addresses through netlink (reference section 7).

What an argument leaves out is taken from the machine: the interface with a route to the address, that route's
prefix length, its highest address as broadcast. `IPaddr` sets a broadcast and the first free alias label, as its
users see in ifconfig; `IPaddr2` sets only what was asked for. Adding what is there and removing what is not there
succeed.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from hbeat.core.lease import Standing
from hbeat.core.vip import VipSpec

EEXIST, EADDRNOTAVAIL = 17, 99
SIOCGIFNAME, SIOCGIFHWADDR, SIOCGIFINDEX = 0x8910, 0x8927, 0x8933  # netdevice(7): much faster than a netlink message
IFA_F_SECONDARY = 0x01
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
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        self._netlink.close()
        self._socket.close()

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
        try:
            interface = spec.interface or self._name(index)
            return Placed(spec.address, prefixlen, interface, index, self._mac_of(interface))
        except OSError as error:
            raise AddressError(f"{spec.address}: its interface has gone: {error.strerror}") from None

    def remove(self, spec: VipSpec) -> list[str]:
        """Takes the address off every interface that has it; their names. Raises AddressError."""
        removed = []
        standing = list(self._netlink.get_addr(family=socket.AF_INET))
        for message in (m for m in standing if m.get("local") == spec.address):
            index, prefixlen = message["index"], message["prefixlen"]
            neighbours = [] if message["flags"] & IFA_F_SECONDARY else _same_network(spec.address, message, standing)
            try:
                self._netlink.addr("del", index=index, address=spec.address, prefixlen=prefixlen)
            except NetlinkError as error:
                if error.code != EADDRNOTAVAIL:
                    name = self._name(index)
                    raise AddressError(f"cannot remove {spec.address}/{prefixlen} from {name}: {error}") from None
            self._restore(neighbours, index, prefixlen)
            removed.append(self._name(index))
        return removed

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
        return any(m.get("local") == spec.address for m in self._netlink.get_addr(family=socket.AF_INET))

    def mac_of(self, interface: str) -> bytes:
        """The hardware address of an interface. Raises AddressError."""
        try:
            return self._mac_of(interface)
        except OSError:
            raise AddressError(f"there is no interface {interface}") from None

    def _mac_of(self, interface: str) -> bytes:
        return self._ask(SIOCGIFHWADDR, interface)[18:24]

    def _index(self, interface: str) -> int:
        index: int = struct.unpack_from("16xi", self._ask(SIOCGIFINDEX, interface))[0]
        return index

    def _name(self, index: int) -> str:
        try:
            return self._ask(SIOCGIFNAME, "", index)[:16].rstrip(b"\0").decode()
        except OSError:
            return f"interface {index}"  # it has gone meanwhile

    def _ask(self, request: int, interface: str, index: int = 0) -> bytes:
        """In the namespace where this was made, as netlink answers. Raises OSError."""
        return bytes(fcntl.ioctl(self._socket, request, struct.pack("16si20x", interface.encode()[:15], index)))

    def _free_alias(self, index: int, interface: str) -> str:
        used = {m.get("label") for m in self._netlink.get_addr(family=socket.AF_INET, index=index)}
        return next(str(n) for n in range(len(used) + 1) if f"{interface}:{n}" not in used)

    def _place(self, spec: VipSpec) -> tuple[int, int]:
        """Interface index and prefix length, worked out from the routes where the argument is silent."""
        wanted = None
        if spec.interface is not None:
            try:
                wanted = self._index(spec.interface)
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
        best: tuple[int, int] | None = None
        for message in self._netlink.get_routes(family=socket.AF_INET, table=254):
            target, index, length = message.get("dst"), message.get("oif"), message["dst_len"]
            if target is None or index is None or length == 0 or (wanted is not None and index != wanted):
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


def _same_network(address: str, holder: Any, standing: list[Any]) -> list[dict[str, Any]]:
    """The other addresses of its network on its interface, with what is needed to add them again."""
    index, prefixlen = holder["index"], holder["prefixlen"]
    network = IPv4Network((address, prefixlen), strict=False)
    return [
        {key: value for key in ("local", "broadcast", "label") if (value := m.get(key))} | _lifetime(m)
        for m in standing
        if m["index"] == index
        and m["prefixlen"] == prefixlen
        and m.get("local") != address
        and IPv4Address(m.get("local")) in network
    ]
