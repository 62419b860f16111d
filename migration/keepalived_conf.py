"""A cluster's files -> the keepalived.conf of each node that comes nearest to them. Pure.

What an administrator of keepalived would write: per owner in haresources and per interface one VRRP instance with all
of its addresses there, the instances of an owner in one sync group, so that they move together as a resource group
does; adverts as often as heartbeats. ldirectord.cf becomes virtual_server blocks (keepalived_virtuals.py). The two
programs do not know the same things: what has no counterpart, or another meaning, is in `notes`, with file and line.

Settings as in keepalived.conf(5) of 2.2.7; VRRP version 3, RFC 5798.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hbeat.config.media import MediumKind
from hbeat.core.builtin import (
    SYNC_SWAP,
    VIP_SCRIPTS,
    parse_ipaddr,
    parse_ipv6addr,
    parse_lvs_sync_daemon_swap,
    parse_sendarp,
)
from hbeat.core.model import Failback, NodeName, Resource, SyncPlan
from hbeat.core.vip import VipSpec
from migration.cluster_files import ClusterFiles, NodeFiles
from migration.keepalived_virtuals import number, virtual_servers
from migration.topology import LabNode, Leg, Topology

OWNER, OTHER = 150, 100
"""Priorities: of the node that haresources names, and of the other one."""
LONGEST_ADVERT = 40.95
"""Seconds: VRRP version 3 counts hundredths of them, in twelve bits."""
FIRST_ROUTER_ID = 51
ADVERTISED = 20
"""Addresses of an instance that stand in its adverts; the others move along."""


@dataclass(frozen=True, slots=True)
class Translation:
    """keepalived.conf by node. notes: what the files say and keepalived does not, one finding each."""

    confs: Mapping[NodeName, str]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Instance:
    """One virtual router. leg: of the first node, which tells its network. excluded: addresses of the other family."""

    name: str
    owner: NodeName
    router_id: int
    leg: Leg
    vips: list[VipSpec] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)


def translate(files: ClusterFiles, topology: Topology) -> Translation:
    """topology: what the files come to (topology.derive)."""
    return _Translator(files, topology).translation()


class _Translator:
    def __init__(self, files: ClusterFiles, topology: Topology) -> None:
        self._files, self._topology = files, topology
        self._first = files.nodes[0]
        self._notes: list[str] = []
        self._instances: list[_Instance] = []
        self._sync: SyncPlan | None = None
        for node in files.nodes:
            self._sync = self._sync or node.sessions.connection_sync
        timing = self._first.ha.timing
        self._advert = round(min(timing.keepalive, LONGEST_ADVERT), 2)

    def translation(self) -> Translation:
        self._note_timers()
        for group in self._files.groups:
            for resource in group.resources:
                self._resource(group.node, resource)
        self._note_ha_cf()
        confs = {}
        for node in self._files.nodes:
            lab = next(each for each in self._topology.nodes if each.name == node.name)
            confs[node.name] = "\n".join([*self._vrrp(lab), *self._virtual_servers(node)]) + "\n"
        return Translation(confs, tuple(dict.fromkeys(self._notes)))

    # ---- haresources

    def _resource(self, owner: NodeName, resource: Resource) -> None:
        match resource.script:
            case script if script in VIP_SCRIPTS:
                vip = parse_ipaddr(resource.arguments)
                self._instance(owner, self._leg_of(vip)).vips.append(vip)
            case "IPv6addr":
                self._vip6(owner, resource)
            case "ldirectord":
                return
            case script if script == SYNC_SWAP:
                swap = parse_lvs_sync_daemon_swap(resource.arguments)
                self._sync = SyncPlan(swap.interface, swap.syncid)
            case "SendArp":
                address = parse_sendarp(resource.arguments).address
                if all(str(vip.address) != address for vip in self._topology.vips):
                    self._note(resource, "keepalived announces the addresses of its instances, and no other")
            case "MailTo":
                self._note(resource, "no mail is sent (keepalived's own notification_email was not set up)")
            case "IPsrcaddr":
                self._note(resource, "the address of a node's own connections does not move along")
            case _:
                self._note(resource, "a script; keepalived starts and stops none (its notify scripts come nearest)")

    def _instance(self, owner: NodeName, leg: Leg) -> _Instance:
        for instance in self._instances:
            if (instance.owner, instance.leg) == (owner, leg):
                return instance
        made = _Instance(f"{owner}-{leg.interface}", owner, FIRST_ROUTER_ID + len(self._instances), leg)
        self._instances.append(made)
        return made

    def _leg_of(self, spec: VipSpec) -> Leg:
        """The topology gave every virtual address a network."""
        address = next(vip.address for vip in self._topology.vips if str(vip.address) == spec.address)
        return next(leg for leg in self._topology.nodes[0].legs if address in leg.network)

    def _vip6(self, owner: NodeName, resource: Resource) -> None:
        """IPv4 and IPv6 do not go into one advert: it moves along with an IPv4 address of its owner."""
        spec = parse_ipv6addr(resource.arguments)
        mine = [instance for instance in self._instances if instance.owner == owner]
        beside = [instance for instance in mine if instance.leg.interface == spec.interface] or mine
        if not beside:
            self._note(resource, "left out: no IPv4 address of this node stands before it, with which it could move")
            return
        beside[0].excluded.append(f"{spec.address}/{spec.prefixlen or 128} dev {spec.interface or '{interface}'}")

    def _note(self, resource: Resource, what: str) -> None:
        self._notes.append(f"{self._first.folder / 'haresources'}:{resource.line}: {resource.text}: {what}")

    # ---- ha.cf

    def _line(self, directive: str) -> str:
        line = dict(self._first.ha.lines).get(directive)
        path = self._first.folder / "ha.cf"
        return f"{path}:{line}" if line else str(path)

    def _note_timers(self) -> None:
        timing = self._first.ha.timing
        if self._advert != timing.keepalive:
            self._notes.append(
                f"{self._line('keepalive')}: keepalive {timing.keepalive:g} s: adverts are sent every {self._advert:g} "
                f"s, VRRP counts hundredths of a second up to {LONGEST_ADVERT:g} s"
            )
        patience = self._advert * (3 + (256 - OTHER) / 256)
        self._notes.append(
            f"{self._line('deadtime')}: deadtime {timing.deadtime:g} s: keepalived has no such setting (nor warntime "
            f"and initdead); a backup takes over {patience:.3f} s after the last advert: three adverts and the skew "
            f"of priority {OTHER} (RFC 5798)"
        )

    def _note_ha_cf(self) -> None:
        ha = self._first.ha
        spoken = {instance.leg.interface for instance in self._instances}
        for medium in ha.media:
            if medium.interface not in spoken:
                self._notes.append(
                    f"{self._first.folder / 'ha.cf'}:{medium.line}: {medium.kind.value} {medium.interface}: adverts go "
                    "over the interfaces of virtual addresses alone"
                )
            elif medium.kind is MediumKind.UCAST6:
                self._notes.append(f"{self._first.folder / 'ha.cf'}:{medium.line}: ucast6: adverts go over IPv4")
        for respawn in ha.respawn:
            what = "keepalived judges interfaces, no ping nodes" if respawn.builtin == "ipfail" else "it is not started"
            self._notes.append(f"{self._first.folder / 'ha.cf'}:{respawn.line}: respawn {respawn.argv[0]}: {what}")
        if ha.ping_nodes and not ha.ipfail:
            hosts = [host for ping in ha.ping_nodes for host in ping.hosts]
            self._notes.append(f"{self._first.folder / 'ha.cf'}:{hosts[0].line}: ping nodes are not asked")
        if ha.watchdog:
            self._notes.append(f"{self._line('watchdog')}: watchdog {ha.watchdog}: keepalived feeds none")
        if ha.auto_failback is Failback.LEGACY:
            self._notes.append(f"{self._line('auto_failback')}: auto_failback legacy: addresses go home as with on")
        self._notes.append(
            f"{self._first.folder / 'authkeys'}: VRRP version 3 has no authentication: adverts are not signed"
        )

    # ---- keepalived.conf

    def _vrrp(self, node: LabNode) -> Iterator[str]:
        yield "global_defs {"
        yield f" router_id {node.name}"
        yield " vrrp_version 3"
        if self._sync and self._instances:
            yield f" lvs_sync_daemon {self._sync.interface} {self._of_target().name} id {self._sync.syncid}"
        yield "}"
        for owner in dict.fromkeys(instance.owner for instance in self._instances):
            mine = [instance.name for instance in self._instances if instance.owner == owner]
            if len(mine) > 1:
                yield f"vrrp_sync_group {owner} {{\n group {{"
                yield from (f"  {name}" for name in mine)
                yield " }\n}"
        for instance in self._instances:
            yield from self._vrrp_instance(instance, node)

    def _of_target(self) -> _Instance:
        """The one with the address that is asked."""
        address = self._topology.target.key.address
        return next(each for each in self._instances if any(vip.address == address for vip in each.vips))

    def _vrrp_instance(self, instance: _Instance, node: LabNode) -> Iterator[str]:
        interface = next(leg.interface for leg in node.legs if leg.network == instance.leg.network)
        yield f"vrrp_instance {instance.name} {{"
        yield " state BACKUP"
        yield f" interface {interface}"
        yield f" virtual_router_id {instance.router_id}"
        yield f" priority {OWNER if node.name == instance.owner else OTHER}"
        yield f" advert_int {number(self._advert)}"
        if self._first.ha.auto_failback is Failback.OFF:
            yield " nopreempt"
        addresses = [_address(spec, interface, instance.leg) for spec in instance.vips]
        yield from _addresses("virtual_ipaddress", addresses[:ADVERTISED])
        others = [line.replace("{interface}", interface) for line in instance.excluded]
        yield from _addresses("virtual_ipaddress_excluded", addresses[ADVERTISED:] + others)
        yield "}"

    def _virtual_servers(self, node: NodeFiles) -> Iterator[str]:
        for file, director in node.directors.items():
            lines, notes = virtual_servers(director, node.director_texts[file])
            self._notes += [f"{director.file}: keepalived counts a real as up until its first check fails", *notes]
            yield from lines


def _address(spec: VipSpec, interface: str, leg: Leg) -> str:
    prefixlen = leg.network.prefixlen if spec.prefixlen is None else spec.prefixlen
    broadcast = f" brd {spec.broadcast}" if spec.broadcast else ""
    label = f" label {interface}:{spec.label}" if spec.label else ""
    return f"{spec.address}/{prefixlen}{broadcast} dev {interface}{label}"


def _addresses(block: str, lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield f" {block} {{"
        yield from (f"  {line}" for line in lines)
        yield " }"
