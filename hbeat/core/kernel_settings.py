"""Kernel settings that hold up clients when addresses move (ip-sysctl.rst, ipvs-sysctl.rst).

They are looked at when the configuration is taken, and told with what comes of them; `sysctl: manage` in hbeat.yaml
sets them. None is put back at the end: another program may count on it by then. Names are those of sysctl(8), in which
a dot in an interface's name is written as a slash. What holds for an interface is, of its own value and that of `all`,
the larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Read = Callable[[str], tuple[int, ...] | None]
"""The numbers of a setting by its name; None where this kernel has no such setting."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A setting, what it is and should be, and what happens to clients as it is."""

    name: str
    found: str
    wanted: str
    otherwise: str


Place = tuple[str, int, int]
"""An interface of this node with its first address and mask, as numbers."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What there is to look at. vips: (interface, address as a number) of each virtual address. leased: they end when
    this daemon does. synchronised: this node and the other tell each other of connections."""

    vips: tuple[tuple[str, int], ...] = ()
    places: tuple[Place, ...] = ()
    leased: bool = True
    synchronised: bool = False

    @property
    def interfaces(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(interface for interface, _ in self.vips))

    def leads(self, interface: str) -> bool:
        """A virtual address there may be the first of its network."""
        virtual = {address for _, address in self.vips}
        own = [(address, mask) for name, address, mask in self.places if name == interface and address not in virtual]
        return any(
            not any(vip & mask == address & mask for address, mask in own)
            for name, vip in self.vips
            if name == interface
        )

    def is_crowded(self, interface: str) -> bool:
        """Another interface is in the same network."""
        own = [(address, mask) for name, address, mask in self.places if name == interface]
        others = [address for name, address, _ in self.places if name != interface]
        return any(other & mask == address & mask for address, mask in own for other in others)


@dataclass(frozen=True, slots=True)
class _PerInterface:
    name: str
    wanted: int
    is_wrong: Callable[[int], bool]
    otherwise: str
    when: str
    concerns: Callable[[Circumstances, str], bool]


PER_INTERFACE = (
    _PerInterface(
        "promote_secondaries",
        1,
        lambda value: value == 0,
        "when a virtual address goes that is the first of its network, the others of that network go with it",
        "With vip_lease, where the interface has no address of its own in that network",
        lambda there, interface: there.leased and there.leads(interface),
    ),
    _PerInterface(
        "rp_filter",
        2,
        lambda value: value == 1,
        "packets are dropped that come by another way than their answers go",
        "Always",
        lambda there, interface: True,
    ),
    _PerInterface(
        "arp_ignore",
        1,
        lambda value: value == 0,
        "another interface of this network answers for addresses here, and clients go astray",
        "Where two interfaces are in one network",
        Circumstances.is_crowded,
    ),
    _PerInterface(
        "arp_announce",
        2,
        lambda value: value < 2,
        "another interface of this network speaks for addresses here, and clients go astray",
        "Where two interfaces are in one network",
        Circumstances.is_crowded,
    ),
)


@dataclass(frozen=True, slots=True)
class _WithSync:
    name: str
    wanted: str
    is_wrong: Callable[[tuple[int, ...], Read], bool]
    otherwise: str


WITH_SYNC = (
    _WithSync(
        "net.ipv4.vs.sync_threshold",
        "3 50",
        lambda value, read: value[1:] == (0,) and read("net.ipv4.vs.sync_refresh_period") == (0,),
        "the kernel tells of a connection once, and its copy ends before it does",
    ),
    _WithSync(
        "net.ipv4.vs.sync_version",
        "1",
        lambda value, read: value != (1,),
        "the other node's kernel is told of connections in an old form, without IPv6",
    ),
    _WithSync(
        "net.ipv4.vs.backup_only",
        "0",
        lambda value, read: value != (0,),
        "a node that listens for connections serves nobody, and both nodes listen",
    ),
    _WithSync(
        "net.netfilter.nf_conntrack_tcp_loose",
        "1",
        lambda value, read: value == (0,) and read("net.ipv4.vs.conntrack") == (1,),
        "with net.ipv4.vs.conntrack = 1, connections of the other node are invalid to the firewall of this one",
    ),
)


def deviations(there: Circumstances, read: Read) -> list[Deviation]:
    """What should be otherwise."""
    found = [d for interface in there.interfaces for d in _of_interface(interface, there, read)]
    return found + (list(_of_sync(read)) if there.synchronised else [])


def _of_interface(interface: str, there: Circumstances, read: Read) -> Iterator[Deviation]:
    for row in PER_INTERFACE:
        own = f"net.ipv4.conf.{interface.replace('.', '/')}.{row.name}"
        values = [value[0] for value in (read(own), read(f"net.ipv4.conf.all.{row.name}")) if value]
        if values and row.is_wrong(max(values)) and row.concerns(there, interface):
            yield Deviation(own, str(max(values)), str(row.wanted), row.otherwise)


def _of_sync(read: Read) -> Iterator[Deviation]:
    for row in WITH_SYNC:
        value = read(row.name)
        if value is not None and row.is_wrong(value, read):
            yield Deviation(row.name, " ".join(map(str, value)), row.wanted, row.otherwise)
