"""Two nodes in virtual time: links that can be cut or lossy, resources that take time or fail, a transcript.

The clusters under test get bytes and a clock, as in the daemon; nothing is patched. `World.run_until` jumps from
deadline to deadline. Notes of level INFO and above and every resource action become lines of the transcript.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from hbeat.core.auth import unpack
from hbeat.core.builtin import ADDRESSES
from hbeat.core.cluster import Cluster
from hbeat.core.events import Effect
from hbeat.core.lease import Leases
from hbeat.core.outbox import Identity
from hbeat.core.settings import Settings
from hbeat.core.stall import longest_nap
from tests.hbeat.machine import KEYS, LINKS, Machine, addresses_of, link_of
from tests.hbeat.nature import Nature


class World(Nature):
    """A pair of nodes. duration and fails decide how resource actions end."""

    # --- faults and requests ----------------------------------------------------------------------------------

    def boot(self, name: str) -> Cluster:
        machine = self.machines[name]
        machine.generation += 1
        machine.powered = True
        machine.stalled_until = 0.0
        machine.inbox.clear()
        me = Identity(name, name.encode().ljust(16, b"\0"), machine.generation, 3)
        settings = Settings(
            me,
            ("a", "b"),
            LINKS,
            self.timing,
            self.failback,
            self.groups,
            pings=self.pings,
            ipfail=bool(self.pings),
            hooks=self.hooks,
            files=self.files,
            safety=self.safety,
            sessions=self.sessions,
        )
        machine.leases = Leases(self.safety.vip_lease)
        machine.news.clear()
        machine.vouched.clear()
        stamp = lambda: (int(machine.clock + self.now), "0.00")  # noqa: E731
        cluster = Cluster(settings, KEYS, stamp, self.random, self.now, machine.record)
        machine.cluster = cluster
        if self.sessions.connection_sync is not None:
            self.perform(name, cluster.connections_listen(True, self.now))
        self.perform(name, cluster.begin(self.now))
        self.perform(name, self._carrier(machine, cluster))
        return cluster

    def power_off(self, name: str) -> None:
        machine = self.machines[name]
        machine.powered, machine.cluster, machine.running, machine.connections = False, None, [], set()
        self.log_owners()

    def crash(self, name: str) -> None:
        """The daemon dies, its resources stay: addresses for the rest of their lease, or until the keeper comes."""
        machine = self.machines[name]
        machine.cluster = None
        if self.safety.keeper:
            for address in addresses_of(machine.running, self.groups):
                self.drop(machine, address)
            if machine.will:
                self.transmit(name, machine.will)
        machine.will = b""

    def stall(self, seconds: float, *names: str) -> None:
        """The daemons get no processor for a while; what arrives waits in their sockets."""
        for name in names:
            self.machines[name].stalled_until = self.now + seconds

    def partition(self, *receivers: str) -> None:
        for name in receivers or ("a", "b"):
            self.cut |= {(name, link) for link in LINKS}

    def pull(self, name: str, *links: str) -> None:
        """These cables of a node are out, the others that were out are in again."""
        machine = self.machines[name]
        machine.pulled = frozenset(links)
        self.log_owners()
        if machine.cluster is not None:
            self.perform(name, self._carrier(machine, machine.cluster))

    def _carrier(self, machine: Machine, cluster: Cluster) -> list[Effect]:
        severed = [r for group in self.groups for r in group.resources if link_of(r) in machine.pulled]
        places = {link_of(r) for group in self.groups for r in group.resources if r.script in ADDRESSES}
        return cluster.carrier(machine.pulled & places, severed, machine.pulled >= set(LINKS), self.now)

    def blindfold(self, *names: str) -> None:
        """The directors of these nodes see no server, all others do."""
        self.blind = frozenset(names)
        for name, machine in self.machines.items():
            for resource in [r for g in self.groups for r in g.resources if r.script == "ldirectord"]:
                if machine.cluster is not None:
                    self.perform(name, machine.cluster.sighted(resource, name in self.blind, self.now))

    def heal(self) -> None:
        self.cut.clear()

    def node(self, name: str) -> Cluster:
        cluster = self.machines[name].cluster
        assert cluster is not None
        return cluster

    def do(self, name: str, request: Callable[[Cluster], list[Effect]]) -> None:
        self.perform(name, request(self.node(name)))

    # --- time -------------------------------------------------------------------------------------------------

    def run_for(self, seconds: float) -> None:
        self.run_until(lambda: False, seconds)

    def run_until(self, condition: Callable[[], bool], limit: float = 120.0) -> bool:
        """Lets time pass until the condition holds; False when `limit` seconds pass first."""
        end = self.now + limit
        while not condition():
            living = [m for m in self.machines.values() if m.cluster is not None]
            times = [self.queue[0][0]] if self.queue else []
            times += [m.deadline() for m in living]
            at = min(times, default=float("inf"))
            if at > end:
                self.now = end
                return condition()
            self.now = max(self.now, at)
            while self.queue and self.queue[0][0] <= self.now:
                heapq.heappop(self.queue)[2]()
            for machine in living:
                if machine.cluster is not None and machine.deadline() <= self.now:
                    self._turn(machine, machine.cluster)
        return True

    def _turn(self, machine: Machine, cluster: Cluster) -> None:
        """What the daemon's loop does: drain, then the timers, with its own lateness."""
        late = self.now - cluster.next_deadline()
        slept = self.now - machine.wanted_at()
        if slept > longest_nap(self.safety, self.timing):
            self.perform(machine.name, cluster.stalled(slept, self.now))
        for link, data in machine.inbox:
            self.perform(machine.name, cluster.receive(link, data, self.now, self.other(machine.name).name))
        machine.inbox.clear()
        news, machine.news = machine.news, []
        for call in news:
            call()
        self.renew(machine, cluster)
        if cluster.next_deadline() <= self.now:
            self.perform(machine.name, cluster.handle_timer(self.now, late))

    # --- what the outside sees --------------------------------------------------------------------------------

    def types_sent(self, name: str, since: float = 0.0) -> list[str]:
        """The message types a node sent, one word for each datagram."""
        return [unpack(data, KEYS).text("t") for at, node, data in self.sent if node == name and at >= since]

    def seconds_of_two_owners(self) -> float:
        """How long the address was on both nodes, in all."""
        ends = [at for at, _ in self.owner_log[1:]] + [self.now]
        return sum(end - at for (at, owners), end in zip(self.owner_log, ends, strict=True) if len(owners) > 1)

    def settled(self) -> bool:
        """Both nodes are up and stable, and nothing is moving."""
        clusters = [m.cluster for m in self.machines.values()]
        return all(c is not None and c.ownership.status != "transition" for c in clusters)

    def both_up(self) -> World:
        """The usual beginning: both nodes booted, settled, and out of the first five seconds."""
        self.boot("a")
        self.boot("b")
        assert self.run_until(self.settled, 30), "\n".join(self.transcript)
        self.run_for(6)
        return self
