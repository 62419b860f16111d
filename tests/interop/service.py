"""A small service behind the virtual address, and a client that asks it every 10 ms: what a change of owner costs."""

from __future__ import annotations

import threading
from ipaddress import IPv4Interface
from itertools import pairwise

from migration.client import Client, Outcome, Request
from migration.namespaces import NetworkNamespace
from migration.network import set_up_client
from migration.realserver import RealServers
from migration.topology import LabReal, Leg
from tests.system.pair import VIP, Pair

PORT = 80
READ_EVERY = 0.1
CLIENT = IPv4Interface("10.1.1.100/24")


class Service:
    """Nodes that serve answer whoever comes to port 80, at whichever address; the client asks at the virtual one."""

    def __init__(self, pair: Pair) -> None:
        self._nodes = pair.nodes
        self._namespace = NetworkNamespace.create()
        set_up_client(pair.switch, [Leg("eth0", CLIENT)], self._namespace)
        self._client = Client(self._namespace, str(VIP), PORT, "/")
        self._servers: dict[str, RealServers] = {}
        self._requests: list[Request] = []
        self._taking = threading.Lock()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name="answers", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """All the time: a client whose pipe is full asks no more."""
        while not self._ended.wait(READ_EVERY):
            self._take()

    def _take(self) -> None:
        with self._taking:
            self._requests += self._client.read()

    def serve(self, name: str) -> None:
        """The service of a node that is on starts."""
        node = self._nodes[name]
        self._servers[name] = RealServers({LabReal(node.lab.legs[0], (PORT,), "well\n", None, ()): node.namespace})

    def end(self, name: str) -> None:
        """The node loses its power: its service does, too."""
        self._servers.pop(name).close()

    def outage(self, begun: float, ended: float) -> float:
        """The longest time, in seconds, without an answer between two instants, both past."""
        self._take()
        answers = sorted(r.ended for r in self._requests if r.outcome is Outcome.GOOD and begun <= r.ended <= ended)
        return max(later - earlier for earlier, later in pairwise([begun, *answers, ended]))

    def close(self) -> None:
        self._ended.set()
        self._reader.join()
        self._client.close()
        for server in self._servers.values():
            server.close()
        self._namespace.close()
