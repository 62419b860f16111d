"""The machines of one run, and the referee: it stands outside both directors and trusts neither's log.

What it sees: each kernel's addresses, by the kernel's own notifications; and what the client gets, one request every
10 ms through the virtual address. All times are of one clock, monotonic seconds.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from ldirector.adapters.names import SystemNames
from migration.client import Client, Outcome, Request
from migration.cluster_files import read_cluster
from migration.lab import longest_gap
from migration.namespaces import NetworkNamespace
from migration.network import Switch, set_up_client, set_up_real
from migration.nodes import Node, prepare_folder
from migration.realserver import RealServers
from migration.topology import derive
from tests.bench.failover.downloads import Downloads
from tests.bench.failover.profile import NODES, OUTSIDE, VIPS
from tests.bench.failover.stacks import Stack

SERVED = 1.0
"""Seconds of good answers after which a client counts as served; longer than a request may take."""
LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """An address came to a node, or left it, or its node."""

    at: float
    node: str
    address: IPv4Address
    present: bool


class World:
    """Both directors are off at first. folder: for the nodes' files; files: see `profile`."""

    def __init__(self, folder: Path, files: Path, stack: Stack) -> None:
        cluster = read_cluster(files, SystemNames())
        topology = derive(cluster)
        self.switch = Switch(topology.networks)
        reals = {real: NetworkNamespace.create() for real in topology.reals}
        for number, (real, namespace) in enumerate(reals.items()):
            set_up_real(self.switch, real, number, namespace)
        client = NetworkNamespace.create()
        set_up_client(self.switch, topology.client, client)
        self._reals = RealServers(reals)
        self.nodes: dict[str, Node] = {}
        for number, (node, own) in enumerate(zip(topology.nodes, cluster.nodes, strict=True)):
            prepare_folder(own, folder / node.name)
            stack.prepare(folder / node.name / "ha.d", node.name)
            self.nodes[node.name] = Node(node, number, folder / node.name, self.switch, stack.layer)
        self._client = Client(client, VIPS[OUTSIDE], 80, "/index.html")
        self.downloads = Downloads(client, VIPS[OUTSIDE], 80)
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
        node = self.nodes[name]
        assert node.observer is not None
        held = set(node.observer.addresses)
        at = node.power_off()
        self.changes += [Change(at, name, address, False) for address in held]
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
        for name, node in self.nodes.items():
            if node.observer:
                self.changes += [Change(c.at, name, c.address, c.present) for c in node.observer.read_changes()]

    def holds(self, name: str) -> bool:
        """All virtual addresses are on this node, and on no other."""
        seen = {n: node.observer.addresses if node.observer else set() for n, node in self.nodes.items()}
        vips = {IPv4Address(vip) for vip in VIPS.values()}
        return vips <= seen[name] and not any(vips & seen[other] for other in NODES if other != name)

    def until_served_by(self, name: str, bound: float) -> bool:
        """Whether the node came to hold everything, and the client was served by it for a while, within the bound."""
        deadline, since = time.monotonic() + bound, None
        while time.monotonic() < deadline:
            self.observe()
            if not self.holds(name):
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

    def moved(self, began: float, name: str) -> float | None:
        """Seconds from then until the last of the virtual addresses came to the node; None: not all did."""
        came = {
            change.address: change.at
            for change in self.changes
            if change.present and change.node == name and change.at >= began
        }
        times = [came.get(IPv4Address(vip)) for vip in VIPS.values()]
        return None if None in times else max(at for at in times if at is not None) - began

    def two_owners(self, began: float, ended: float) -> float:
        """For how many of these seconds some virtual address was on both nodes; of the worst address."""
        return max(doubled(self.changes, IPv4Address(vip), began, ended) for vip in VIPS.values())


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
