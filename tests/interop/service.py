"""A small service behind the virtual address, and a client that asks it every 10 ms: what a change of owner costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from itertools import pairwise

from migration.client import Client, Outcome, Request
from migration.namespaces import NetworkNamespace
from migration.network import set_up_client
from migration.realserver import RealServers
from migration.topology import LabReal, Leg
from tests.system.pair import VIP, Pair

PORT = 80
CLIENT = IPv4Interface("10.1.1.100/24")


@dataclass
class Service:
    """What the client saw."""

    client: Client
    requests: list[Request] = field(default_factory=list)

    def outage(self, begun: float, ended: float) -> float:
        """The longest time, in seconds, without an answer between two instants, both past."""
        self.requests += self.client.read()
        answers = sorted(r.ended for r in self.requests if r.outcome is Outcome.GOOD and begun <= r.ended <= ended)
        return max(later - earlier for earlier, later in pairwise([begun, *answers, ended]))


@contextmanager
def service(pair: Pair) -> Iterator[Service]:
    """Both nodes answer whoever comes to port 80, at whichever address; the client asks at the virtual one.

    The nodes must be on, and stay so.
    """
    namespace = NetworkNamespace.create()
    set_up_client(pair.switch, [Leg("eth0", CLIENT)], namespace)
    servers = RealServers(
        {LabReal(node.lab.legs[0], (PORT,), "well\n", None, ()): node.namespace for node in pair.nodes.values()}
    )
    client = Client(namespace, str(VIP), PORT, "/")
    try:
        yield Service(client)
    finally:
        client.close()
        servers.close()
        namespace.close()
