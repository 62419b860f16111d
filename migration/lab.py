"""The machines of a rehearsal, running, and what is seen of them: addresses, tables, the client's requests."""

from __future__ import annotations

import selectors
import time
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

from migration.client import Client, Outcome, Request
from migration.cluster_files import ClusterFiles
from migration.namespaces import NetworkNamespace
from migration.network import Switch, set_up_client, set_up_real
from migration.nodes import Node, prepare_folder
from migration.observer import Address
from migration.realserver import RealServers
from migration.report import Report
from migration.topology import Topology

SETTLED = 1.0
"""Seconds without a failed request after which the client counts as served; longer than a request's time limit."""
GAP_TOLD = 0.1
"""Seconds without a good answer that are worth a line."""


class Lab:
    """The machines, and what is seen of them."""

    def __init__(self, files: ClusterFiles, topology: Topology, folder: Path, report: Report) -> None:
        self._report = report
        self._vips = {vip.address for vip in topology.vips}
        self._target = topology.target
        self.nodes: dict[str, Node] = {}
        self.requests: list[Request] = []
        self._first_good: float | None = None
        self._last_good = 0.0
        self._last_failure = 0.0
        self._failure_told = False
        self.appeared: dict[tuple[Address, str], float] = {}
        self._tables: dict[str, Mapping[str, int]] = {}
        self._client: Client | None = None
        switch = Switch(topology.networks)
        reals = {real: NetworkNamespace.create() for real in topology.reals}
        for number, (real, namespace) in enumerate(reals.items()):
            set_up_real(switch, real, number, namespace)
        self._client_namespace = NetworkNamespace.create()
        set_up_client(switch, topology.client, self._client_namespace)
        self.reals = RealServers(reals)
        for number, node in enumerate(topology.nodes):
            own = next(each for each in files.nodes if each.name == node.name)
            prepare_folder(own, folder / node.name)
            self.nodes[node.name] = Node(node, number, folder / node.name, switch)

    def close(self) -> None:
        if self._client:
            self._client.close()
        self.reals.close()
        for node in self.nodes.values():
            if node.is_on:
                node.power_off()
            node.clear_away()

    def start_client(self) -> None:
        """Have the client ask from now on; again is nothing."""
        if self._client:
            return
        key = self._target.key
        path = "/" + self._target.request.lstrip("/")
        self._client = Client(self._client_namespace, key.address, key.port, path)

    def other(self, name: str) -> Node:
        return next(node for node in self.nodes.values() if node.name != name)

    @property
    def virtual(self) -> str:
        """The target as tables name it."""
        return f"TCP {self._target.key.address}:{self._target.key.port}"

    def table_of(self, name: str) -> Mapping[str, int] | None:
        """The target's reals and weights on a node, None if it has no such virtual."""
        observer = self.nodes[name].observer
        return observer.table().get(self.virtual) if observer else None

    def has(self, name: str, vip: IPv4Address) -> bool:
        observer = self.nodes[name].observer
        return observer is not None and vip in observer.addresses

    def observe(self, limit: float) -> None:
        """Take in what happened, waiting for something to happen no longer than `limit` seconds."""
        with selectors.DefaultSelector() as selector:
            for node in self.nodes.values():
                if node.observer:
                    selector.register(node.observer, selectors.EVENT_READ)
            selector.select(limit)
        for node in self.nodes.values():
            if node.observer:
                self._note_addresses(node)
                self._note_table(node)
        if self._client:
            self._note_requests(self._client.read())

    def _note_addresses(self, node: Node) -> None:
        assert node.observer is not None
        for change in node.observer.read_changes():
            if change.address in self._vips:
                verb = "comes to" if change.present else "leaves"
                self._report.event("address", f"{change.address} {verb} {node.name}", change.at)
                if change.present:
                    self.appeared[change.address, node.name] = change.at

    def _note_table(self, node: Node) -> None:
        now = self.table_of(node.name) or {}
        before = self._tables.get(node.name, {})
        if now != before:
            self._tables[node.name] = now
            weights = ", ".join(f"{real} weight {weight}" for real, weight in sorted(now.items()))
            self._report.event("ipvs", f"{node.name}: {self.virtual} -> {weights or 'no reals'}")

    def _note_requests(self, requests: Sequence[Request]) -> None:
        self.requests += requests
        for request in requests:
            if request.outcome is Outcome.GOOD:
                self._note_good(request)
                continue
            self._last_failure = request.ended
            if not self._failure_told:
                self._failure_told = True
                begun = self._report.since_start(request.begun)
                what = f"first failed request: begun at {begun:.3f}, {request.outcome.name.lower()}"
                self._report.event("client", what, request.ended)

    def _note_good(self, request: Request) -> None:
        if self._first_good is None:
            self._first_good = request.ended
            self._report.event("client", "first good answer", request.ended)
        elif (gap := request.ended - self._last_good) > GAP_TOLD:
            self._report.event("client", f"good answers again, {gap:.3f} s after the last one", request.ended)
        self._last_good = request.ended

    def new_step(self) -> None:
        """The first failure from now on is told again."""
        self._failure_told = False

    def client_is_served(self, since: float) -> bool:
        """Good answers only since that instant, for long enough that every request begun before it is over."""
        now = time.monotonic()
        if self._first_good is None or now - self._last_good > GAP_TOLD:
            return False
        return now - max(since, self._first_good, self._last_failure) >= SETTLED


def longest_gap(requests: Sequence[Request], began: float, ended: float) -> float:
    """Seconds between two good answers next to each other, the longest such time that reaches into began..ended."""
    good = sorted(request.ended for request in requests if request.outcome is Outcome.GOOD)
    before = [at for at in good if at <= began][-1:]
    during = [at for at in good if began < at <= ended]
    instants = [*(before or [began]), *during, ended]
    return max(later - earlier for earlier, later in pairwise(instants))
