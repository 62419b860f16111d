"""The machines of one play, and the referee: it stands outside both directors and trusts neither's log.

What it sees: each kernel's addresses, by the kernel's own notifications; and what the client gets, one request every
10 ms through the target's virtual address. All times are of one clock, monotonic seconds.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from hbeat.core.model import Failback, NodeName, Timing
from migration.client import Client, Outcome, Request
from migration.cluster_files import ClusterFiles
from migration.comparison.downloads import Downloads
from migration.comparison.stacks import Stack
from migration.lab import longest_gap
from migration.namespaces import NetworkNamespace
from migration.network import Switch, set_up_client, set_up_real
from migration.nodes import Node, prepare_folder
from migration.observer import Address, AddressChange
from migration.realserver import RealServers
from migration.topology import Topology

SERVED = 1.0
"""Seconds of good answers after which a client counts as served; longer than a request may take."""
LOOK = 0.05
BOUND, WATCH = 60.0, 12.0

Holders = Mapping[IPv4Address, NodeName]
"""Virtual address -> the node that has it, or should."""


def bound(timing: Timing) -> float:
    """Seconds within which a pair must have settled, whatever happened."""
    return BOUND + 2 * timing.deadtime + timing.initdead


def watch(timing: Timing) -> float:
    """Seconds for which faults are looked at that nobody repairs: long enough to tell for ever from a while."""
    return max(WATCH, 6.0 + 2 * timing.deadtime)


@dataclass(frozen=True, slots=True)
class Change:
    """An address came to a node, or left it, or its node."""

    at: float
    node: str
    address: Address
    present: bool


class World:
    """Both directors are off at first. folder: for the nodes' files.

    first, second: the owner of the target, which is what faults happen to, and the other node. homes: where the virtual
    addresses belong while both live; refuge: where without the first.
    """

    def __init__(self, folder: Path, files: ClusterFiles, topology: Topology, stack: Stack) -> None:
        ha = files.nodes[0].ha
        self.bound, self.watch = bound(ha.timing), watch(ha.timing)
        self.heartbeat_ports = sorted({medium.udpport for node in files.nodes for medium in node.ha.media})
        self.first = topology.owner
        self.second = next(node.name for node in topology.nodes if node.name != self.first)
        self.homes: Holders = {vip.address: vip.owner for vip in topology.vips}
        self.refuge: Holders = dict.fromkeys(self.homes, self.second)
        self.after_repair = self.refuge if ha.auto_failback is Failback.OFF else self.homes
        self.switch = Switch(topology.networks)
        reals = {real: NetworkNamespace.create() for real in topology.reals}
        for number, (real, namespace) in enumerate(reals.items()):
            set_up_real(self.switch, real, number, namespace)
        client = NetworkNamespace.create()
        set_up_client(self.switch, topology.client, client)
        self._reals = RealServers(reals)
        self.nodes: dict[NodeName, Node] = {}
        for number, node in enumerate(topology.nodes):
            own = next(each for each in files.nodes if each.name == node.name)
            prepare_folder(own, folder / node.name)
            stack.prepare(folder / node.name / "ha.d", node.name)
            self.nodes[node.name] = Node(node, number, folder / node.name, self.switch, stack.layer)
        target = topology.target
        place = target.key.address, target.key.port
        self._client = Client(client, *place, "/" + target.request.lstrip("/"))
        self.downloads = Downloads(client, *place)
        self.changes: list[Change] = []
        self.requests: list[Request] = []

    def close(self) -> None:
        self._client.close()
        self.downloads.close()
        self._reals.close()
        for node in self.nodes.values():
            if node.is_on:
                node.power_off()
            node.clear_away()
        self.switch.close()

    def power_off(self, name: str) -> float:
        at, changes = power_off(self.nodes[name])
        self.changes += changes
        return at

    def observe(self, limit: float = LOOK) -> None:
        """Takes in what happens, for so many seconds."""
        end = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            for node in self.nodes.values():
                if node.observer:
                    selector.register(node.observer, selectors.EVENT_READ)
            while (left := end - time.monotonic()) > 0:
                selector.select(left)
                self._read()
        self.requests += self._client.read()
        self.downloads.read()

    def _read(self) -> None:
        self.changes += read_together({n: node.observer for n, node in self.nodes.items() if node.observer})

    def placed(self, holders: Holders) -> bool:
        """Each virtual address is on its node, and on no other."""
        return all(self._owners(vip) == [node] for vip, node in holders.items())

    def _owners(self, vip: IPv4Address) -> list[NodeName]:
        return [name for name, node in self.nodes.items() if node.observer and vip in node.observer.addresses]

    def until_served(self, holders: Holders) -> bool:
        """Whether the addresses came to these nodes, and the client was served for a while, within the bound."""
        deadline, since = time.monotonic() + self.bound, None
        while time.monotonic() < deadline:
            self.observe()
            if not self.placed(holders):
                since = None
                continue
            now = time.monotonic()
            since = since or now
            late = [request for request in self.requests if request.ended >= since]
            if late and all(request.outcome is Outcome.GOOD for request in late) and now - since >= SERVED:
                return True
            if any(request.outcome is not Outcome.GOOD for request in late):
                since = now
        return False

    def is_served(self) -> bool:
        """Each virtual address is on one node, whichever, and the client was served of late."""
        late = [request for request in self.requests if request.ended >= time.monotonic() - SERVED]
        served = bool(late) and all(request.outcome is Outcome.GOOD for request in late)
        return served and all(len(self._owners(vip)) == 1 for vip in self.homes)

    def until_downloads_go_on(self, bound: float) -> None:
        """Until all of them do or have ended: TCP repeats what was lost at intervals that double."""
        deadline = time.monotonic() + bound
        while (now := time.monotonic()) < deadline:
            if all(download.ended or download.survives(now) for download in self.downloads.open):
                return
            self.observe()

    # --- what was seen ----------------------------------------------------------------------------------------

    def outage(self, began: float) -> float:
        """The longest time without a good answer since then, seconds."""
        return longest_gap(self.requests, began, time.monotonic())

    def failed(self, began: float) -> tuple[int, int]:
        """Requests that ended since then, and how many of them not well."""
        ended = [request for request in self.requests if request.ended >= began]
        return len(ended), sum(request.outcome is not Outcome.GOOD for request in ended)

    def moved(self, began: float, before: Holders, after: Holders) -> float | None:
        """Seconds from then until the last virtual address that had to move came to its node; None: not all did."""
        return moved(self.changes, began, before, after)

    def two_owners(self, began: float, ended: float) -> float:
        """For how many of these seconds some virtual address was on both nodes; of the worst address."""
        return max(doubled(self.changes, vip, began, ended) for vip in self.homes)


def moved(changes: Iterable[Change], began: float, before: Holders, after: Holders) -> float | None:
    """See World.moved."""
    came = {(change.address, change.node): change.at for change in changes if change.present and change.at >= began}
    times = [came.get((vip, node)) for vip, node in after.items() if before[vip] != node]
    return None if None in times else max((at for at in times if at is not None), default=began) - began


def power_off(node: Node) -> tuple[float, list[Change]]:
    """Its time, and what it did to the addresses that the node had."""
    assert node.observer is not None
    held = set(node.observer.addresses)
    at = node.power_off()
    return at, [Change(at, node.name, address, False) for address in held]


class Observer(Protocol):
    """Tells which addresses came to a node and left it."""

    def read_changes(self) -> list[AddressChange]:
        """Those since the last call."""


def read_together(observers: Mapping[NodeName, Observer]) -> list[Change]:
    """What the kernels have told since the last time, as one moment: who has lost an address is first.

    They are asked one after the other, and so until none has news: of an address that came to one, the node that it had
    left before may have been asked a moment too early.
    """
    at = time.monotonic()
    found: list[tuple[NodeName, AddressChange]] = []
    while news := [(name, change) for name, observer in observers.items() for change in observer.read_changes()]:
        found += news
    kept = {(name, change.address): change.present for name, change in found}
    found.sort(key=lambda pair: kept[pair[0], pair[1].address])
    return [Change(at, name, change.address, change.present) for name, change in found]


def doubled(changes: Iterable[Change], vip: IPv4Address, began: float, ended: float) -> float:
    """For how many seconds of began..ended more than one node had the address."""
    owners: set[str] = set()
    total, since = 0.0, None
    for change in sorted((c for c in changes if c.address == vip), key=lambda c: c.at):
        (owners.add if change.present else owners.discard)(change.node)
        if len(owners) > 1 and since is None:
            since = change.at
        elif len(owners) < 2 and since is not None:
            total += max(0.0, min(change.at, ended) - max(since, began))
            since = None
    return total + (max(0.0, ended - max(since, began)) if since is not None else 0.0)
