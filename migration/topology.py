"""What network a cluster's files describe: nodes, networks, addresses, real servers, a client. Pure.

The files tell nearly all of it. `ucast eth0 10.1.1.3` in one node's ha.cf is the other node's address on the
network behind eth0; a file that lists both addresses for a device serves all nodes, and the i-th address is the i-th
node's. haresources adds the virtual addresses with their masks, ldirectord.cf the real servers and what their
checks want to see. What no file tells (the client's address, say) is invented inside the right network, and said in
`notes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address

from hbeat.config.media import MediumKind
from hbeat.core.builtin import VIP_SCRIPTS
from hbeat.core.model import NodeName
from hbeat.core.vip import VipSpec, parse_vip
from ldirector.core.model import Forwarding, Protocol, Real, Virtual
from ldirector.core.negotiate import receive_pattern
from migration.cluster_files import ClusterFiles, NodeFiles

USUAL_PREFIXLEN = 24


class TopologyError(Exception):
    """The files describe nothing that can be rehearsed; the text says what is missing, one finding a line."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One interface in one network."""

    interface: str
    address: IPv4Interface

    @property
    def network(self) -> IPv4Network:
        return self.address.network


@dataclass(frozen=True, slots=True)
class LabNode:
    """One director."""

    name: NodeName
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class LabReal:
    """One machine that serves. answer: the page it gives to any request. gateway: its default route.

    vips: addresses it accepts beside its own without answering ARP for them, as forwarding `gate` needs.
    """

    leg: Leg
    ports: tuple[int, ...]
    answer: str
    gateway: IPv4Address | None
    vips: tuple[IPv4Address, ...]

    @property
    def address(self) -> str:
        return str(self.leg.address.ip)


@dataclass(frozen=True, slots=True)
class Vip:
    """One virtual address and the node it belongs to."""

    address: IPv4Address
    owner: NodeName


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole lab. target: the virtual that the client asks."""

    networks: tuple[IPv4Network, ...]
    nodes: tuple[LabNode, ...]
    vips: tuple[Vip, ...]
    reals: tuple[LabReal, ...]
    client: tuple[Leg, ...]
    target: Virtual
    owner: NodeName
    notes: tuple[str, ...]


def derive(files: ClusterFiles) -> Topology:
    """Raises TopologyError."""
    return _Derivation(files).topology()


class _Derivation:
    def __init__(self, files: ClusterFiles) -> None:
        self._files = files
        self._errors: list[str] = []
        self._notes: list[str] = []
        self._vips = list(owned_vips(files))
        self._virtuals = [virtual for director in files.directors for virtual in director.virtuals]
        self._legs: dict[NodeName, list[Leg]] = {node.name: [] for node in files.nodes}
        self._used: set[IPv4Address] = {IPv4Address(spec.address) for _, spec in self._vips}
        for virtual in self._virtuals:
            self._used |= {IPv4Address(real.key.address) for real in virtual.reals if virtual.key.family == 4}

    def topology(self) -> Topology:
        if self._files.one_for_all:
            self._take_shared_media(self._files.nodes[0])
        else:
            self._take_media_pairwise(*self._files.nodes)
        for _, spec in self._vips:
            self._give_vip_a_network(spec)
        target = self._target()
        self._stop_on_errors()
        assert target is not None
        owner = next(node for node, spec in self._vips if spec.address == target.key.address)
        client = self._client(target)
        reals = tuple(self._reals(client))
        self._stop_on_errors()
        return Topology(
            networks=tuple(leg.network for leg in self._first_legs()),
            nodes=tuple(LabNode(name, tuple(legs)) for name, legs in self._legs.items()),
            vips=tuple(Vip(IPv4Address(spec.address), node) for node, spec in self._vips),
            reals=reals,
            client=client,
            target=target,
            owner=owner,
            notes=tuple(self._notes),
        )

    def _stop_on_errors(self) -> None:
        if self._errors:
            raise TopologyError("\n".join(self._errors))

    # ---- the nodes' own addresses

    def _take_shared_media(self, node: NodeFiles) -> None:
        """One ha.cf for all: it must list every node's address for a device."""
        for device, addresses in _media(node).items():
            if len(addresses) != len(self._legs):
                self._errors.append(
                    f"{node.folder / 'ha.cf'}: {len(addresses)} ucast address for {device}, so the file is good for "
                    "one node only; list both nodes' addresses, or give one folder per node"
                )
                continue
            for name, address in zip(self._legs, addresses, strict=True):
                self._add_leg(name, device, address)

    def _take_media_pairwise(self, first: NodeFiles, second: NodeFiles) -> None:
        """Each file names the other node's address; the two in one network are the two ends of one link."""
        theirs = dict(_media(second))
        for device, addresses in _media(first).items():
            if len(addresses) == 2:  # both listed, in the order of the nodes
                theirs.pop(device, None)
                self._add_leg(first.name, device, addresses[0])
                self._add_leg(second.name, device, addresses[1])
                continue
            network = self._network_around(addresses[0])
            opposite = next((other for other, [back, *_] in theirs.items() if back in network), None)
            own = theirs.pop(opposite)[0] if opposite else self._invent(network, f"{first.name} {device}")
            self._add_leg(first.name, device, own)
            self._add_leg(second.name, opposite or device, addresses[0])
        for device, addresses in theirs.items():
            network = self._network_around(addresses[0])
            self._add_leg(first.name, device, addresses[0])
            self._add_leg(second.name, device, self._invent(network, f"{second.name} {device}"))

    def _add_leg(self, name: NodeName, interface: str, address: IPv4Address) -> None:
        network = self._network_around(address)
        self._used.add(address)
        self._legs[name].append(Leg(interface, IPv4Interface(f"{address}/{network.prefixlen}")))

    def _network_around(self, address: IPv4Address) -> IPv4Network:
        """The network a virtual address's mask tells for this address, else the usual /24."""
        for _, spec in self._vips:
            if spec.prefixlen and spec.prefixlen < 31:
                network = IPv4Interface(f"{spec.address}/{spec.prefixlen}").network
                if address in network:
                    return network
        return IPv4Interface(f"{address}/{USUAL_PREFIXLEN}").network

    def _invent(self, network: IPv4Network, whose: str) -> IPv4Address:
        """A free address, from the top."""
        for number in range(int(network.broadcast_address) - 1, int(network.network_address), -1):
            address = IPv4Address(number)
            if address not in self._used:
                self._used.add(address)
                self._notes.append(f"no file tells the address of {whose}: {address} was invented")
                return address
        raise TopologyError(f"{network} has no free address for {whose}; widen its mask in haresources")

    # ---- networks that no heartbeat uses

    def _give_vip_a_network(self, spec: VipSpec) -> None:
        self._network_of(IPv4Address(spec.address), f"virtual address {spec.address}", spec.interface)

    def _network_of(self, address: IPv4Address, whose: str, interface: str | None = None) -> IPv4Network:
        """The network the address is in; all nodes get a leg in it if they had none."""
        known = next((leg.network for leg in self._first_legs() if address in leg.network), None)
        if known is not None:
            return known
        network = self._network_around(address)
        taken = {leg.interface for leg in self._first_legs()}
        if interface is None or interface in taken:
            interface = next(name for name in map("eth{}".format, range(100)) if name not in taken)
        self._notes.append(f"{whose} is in no network with heartbeats: the nodes get {interface} in {network}")
        for name in self._legs:
            self._add_leg(name, interface, self._invent(network, f"{name} {interface}"))
        return network

    def _first_legs(self) -> list[Leg]:
        return next(iter(self._legs.values()))

    # ---- the client and the real servers

    def _target(self) -> Virtual | None:
        """The virtual to ask: the first over TCP and IPv4 whose address moves with haresources."""
        addresses = {spec.address for _, spec in self._vips}
        for virtual in self._virtuals:
            if virtual.key.protocol == Protocol.TCP.value and virtual.key.address in addresses:
                return virtual
        self._errors.append(
            f"{self._files.nodes[0].folder}: no virtual over TCP in ldirectord.cf whose address is in haresources; "
            "the rehearsal needs one to ask"
        )
        return None

    def _client(self, target: Virtual) -> tuple[Leg, ...]:
        """A leg beside the virtual address, and one in each network of reals that answer the client directly."""
        networks = [self._network_of(IPv4Address(target.key.address), "the client")]
        for real in target.reals:
            if real.forwarding is not Forwarding.MASQ:
                networks.append(self._network_of(IPv4Address(real.key.address), f"real {real.key.address}"))
        return tuple(
            Leg(f"eth{number}", IPv4Interface(f"{self._invent(network, 'the client')}/{network.prefixlen}"))
            for number, network in enumerate(dict.fromkeys(networks))
        )

    def _reals(self, client: tuple[Leg, ...]) -> Iterable[LabReal]:
        """Every real of every virtual over TCP or a mark, IPv4; a machine may serve several virtuals."""
        by_address: dict[str, list[tuple[Virtual, Real]]] = {}
        for virtual in self._virtuals:
            if virtual.key.family == 4 and virtual.key.protocol != Protocol.UDP.value:
                for real in virtual.reals:
                    by_address.setdefault(real.key.address, []).append((virtual, real))
        for address, services in by_address.items():
            network = self._network_of(IPv4Address(address), f"real {address}")
            ports = {port for virtual, real in services for port in (real.port, real.key.port, virtual.checkport)}
            patterns = dict.fromkeys(receive_pattern(virtual, real) for virtual, real in services)
            direct = [virtual for virtual, real in services if real.forwarding is not Forwarding.MASQ]
            yield LabReal(
                leg=Leg("eth0", IPv4Interface(f"{address}/{network.prefixlen}")),
                ports=tuple(sorted(ports - {0})),
                answer=self._answer(address, [pattern for pattern in patterns if pattern]),
                gateway=self._gateway(services[0][1], network, client),
                vips=tuple(IPv4Address(virtual.key.address) for virtual in direct if virtual.key.address),
            )

    def _gateway(self, real: Real, network: IPv4Network, client: tuple[Leg, ...]) -> IPv4Address | None:
        match real.forwarding:
            case Forwarding.GATE:
                return next((leg.address.ip for leg in client if leg.network == network), None)
            case Forwarding.IPIP:
                self._errors.append(
                    f"real {real.key.address}: forwarding by tunnel (ipip) is not rehearsed; use gate or masq here"
                )
                return None
        inside = [IPv4Address(spec.address) for _, spec in self._vips if IPv4Address(spec.address) in network]
        if not inside:
            self._notes.append(
                f"no virtual address in {network}: real {real.key.address} has no gateway that moves along, and "
                "its answers are lost"
            )
        return inside[0] if inside else None

    def _answer(self, address: str, patterns: list[str]) -> str:
        """A page in which every check's pattern is found."""
        page = " ".join([address, *(pattern.strip("^$") for pattern in patterns)]) + "\n"
        for pattern in patterns:
            if not re.search(pattern, page):
                self._errors.append(
                    f"real {address}: no page was found that matches receive {pattern!r}; rehearse with a plain word"
                )
        return page


def owned_vips(files: ClusterFiles) -> Iterable[tuple[NodeName, VipSpec]]:
    for group in files.groups:
        for resource in group.resources:
            if resource.script in VIP_SCRIPTS:
                yield group.node, parse_vip(resource.arguments[0])


def _media(node: NodeFiles) -> Mapping[str, list[IPv4Address]]:
    media: dict[str, list[IPv4Address]] = {}
    for medium in node.ha.media:
        if medium.kind is not MediumKind.UCAST:
            continue  # it names no node's address
        try:
            address = ip_address(medium.address)
        except ValueError:
            place = f"{node.folder / 'ha.cf'}:{medium.line}"
            raise TopologyError(
                f"{place}: {medium.address} is a name; the rehearsal cannot tell its address, write it as one"
            ) from None
        assert isinstance(address, IPv4Address)
        media.setdefault(medium.interface, []).append(address)
    return media
