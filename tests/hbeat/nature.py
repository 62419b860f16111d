"""What the virtual world makes of the effects of its clusters: datagrams travel, addresses are lent, jobs take time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from random import Random

from hbeat.core.builtin import ADDRESSES
from hbeat.core.cluster import Cluster
from hbeat.core.events import (
    Action,
    Announce,
    Asked,
    Bequeath,
    ConnectionsRead,
    Dismiss,
    Drop,
    Effect,
    Exit,
    Level,
    Note,
    Outcome,
    Prepare,
    Probe,
    ReadConnections,
    Remember,
    RunHook,
    RunResource,
    SendDatagram,
    SendPing,
    Vouch,
)
from hbeat.core.failover_time import KERNEL_LATE
from hbeat.core.hello import Files
from hbeat.core.lease import Clocks
from hbeat.core.model import Failback, PingNode, Resource, ResourceGroup, Safety, Sessions, Timing
from hbeat.core.settings import UNGUARDED
from hbeat.core.sync_news import SAMPLE_SIZE
from tests.hbeat.machine import (
    LINKS,
    SEED_GROUP,
    VIP,
    Machine,
    as_original,
    link_of,
    standing_of,
)

LATENCY = 0.0002
"""Seconds from one node to the other."""


class Nature:
    """Machines, links between them and a clock; how resource actions end is decided by duration and fails."""

    def __init__(
        self,
        timing: Timing | None = None,
        failback: Failback = Failback.ON,
        groups: Iterable[ResourceGroup] = (SEED_GROUP,),
        seed: int = 1,
        pings: Iterable[str] = (),
        safety: Safety = UNGUARDED,
        sessions: Sessions | None = None,
    ) -> None:
        self.now = 0.0
        self.sessions = sessions or Sessions()
        self.sync_is_mute = False
        """What one kernel tells the other of its connections does not arrive."""
        self.look_problems: dict[str, str] = {}
        self.looks: list[tuple[str, ReadConnections]] = []
        self.timing = timing or Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)
        self.failback = failback
        self.groups = tuple(groups)
        self.random = Random(seed)
        self.machines = {name: Machine(name) for name in ("a", "b")}
        self.safety = safety
        self.deaf = not safety.arp_guard
        """ARP does not reach the other node: what is cut is the whole network, not the way of the heartbeats only."""
        self.cut: set[tuple[str, str]] = set()  # (receiving node, link)
        self.pings = tuple(PingNode(name) for name in pings)  # with them, both nodes run ipfail
        self.unseen: set[tuple[str, str]] = set()  # (node, ping node that does not answer it)
        self.loss = 0.0
        self.questions: dict[tuple[str, str], Asked] = {}
        """What becomes of the questions of a node about addresses on an interface; SENT where nothing is said."""
        self.transcript: list[str] = []
        self.files: Files = ()
        self.hooks: frozenset[str] = frozenset()  # scripts in rc.d of both nodes
        self.told: list[tuple[str, RunHook]] = []
        self.sent: list[tuple[float, str, bytes]] = []
        self.blind: frozenset[str] = frozenset()
        self.duration: Callable[[Resource, Action], float] = lambda resource, action: 0.01
        self.acting = ""
        """The node whose action is being given its duration."""
        self.fails: set[tuple[str, str, Action]] = set()  # (node, resource text, action)
        self.ready_after = 0.5
        self.actions = 0
        """Resource actions that have ended."""
        self.owner_log: list[tuple[float, frozenset[str]]] = []
        self.dismissed: list[tuple[str, Resource, bool]] = []
        """Directors that were told to end, and whether they served then."""
        self.announced: list[tuple[float, str, Resource]] = []
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self.queue, (self.now + seconds, self._order, call))

    def say(self, name: str, text: str) -> None:
        self.transcript.append(f"{self.now:.3f} {name}  {text}")

    # --- effects ----------------------------------------------------------------------------------------------

    def perform(self, name: str, effects: Iterable[Effect]) -> None:
        machine = self.machines[name]
        cluster = machine.cluster
        self.acting = name
        for effect in effects:
            match effect:
                case SendDatagram(data):
                    data = as_original(data) if machine.original else data
                    self.sent.append((self.now, name, data))
                    self.transmit(name, data)
                case Bequeath(data):
                    machine.will = data
                case SendPing(ping, data):
                    if (name, ping) not in self.unseen:
                        self.later(LATENCY, self._echo(machine, cluster, data))
                case Note(level, text):
                    if level >= Level.INFO:
                        self.say(name, text)
                case RunResource(op_id, resource, action):
                    self.later(self.duration(resource, action), self._ending(machine, cluster, op_id, resource, action))
                case Prepare(resource):
                    if resource.text in machine.running:  # it survived its daemon: it is told to stand by
                        machine.running.remove(resource.text)
                    self.later(self.ready_after, self._ready(machine, cluster, resource))
                case Probe(resources, machines):
                    for resource in resources:
                        self._probe(name, resource, dict(machines))
                case Announce(resource):
                    self.announced.append((self.now, name, resource))
                    self._claim(self.other(name), resource, name)
                case Drop(resource):
                    self.drop(machine, resource)
                case Exit():
                    self.say(name, "exit")
                    machine.cluster = None
                case RunHook():
                    self.told.append((name, effect))
                case Remember(record):
                    machine.record = record
                case ReadConnections():
                    self.looks.append((name, effect))
                    self.later(0.02, self._look(machine, cluster, effect))
                case Vouch(resource, on):
                    (machine.vouched.add if on else machine.vouched.discard)(resource)
                case Dismiss(resource):
                    self.dismissed.append((name, resource, resource.text in machine.running))
                case _:
                    raise AssertionError(f"not an effect for the outside: {effect}")

    def _look(self, machine: Machine, cluster: Cluster | None, wish: ReadConnections) -> Callable[[], None]:
        def look() -> None:
            if machine.cluster is not cluster or cluster is None:
                return
            known, other = sorted(machine.connections), self.other(machine.name)
            told = [] if wish.virtuals == () else known
            if other.cluster is not None and not self.sync_is_mute:
                other.connections |= set(told)
            present = len(set(wish.wanted) & machine.connections)
            found = ConnectionsRead(len(known), len(told), tuple(told[:SAMPLE_SIZE]), present)
            if problem := self.look_problems.get(machine.name):
                found = ConnectionsRead(problem=problem)
            self.perform(machine.name, cluster.connections_read(found, self.now))

        return look

    def transmit(self, sender: str, data: bytes) -> None:
        receiver = "b" if sender == "a" else "a"
        for link in LINKS:
            if (receiver, link) in self.cut or link in self.machines["a"].pulled | self.machines["b"].pulled:
                continue
            if self._lost_on_the_way():
                continue
            self.later(LATENCY, self._delivery(receiver, link, data))

    def _echo(self, machine: Machine, cluster: Cluster | None, data: bytes) -> Callable[[], None]:
        def answer() -> None:
            if machine.cluster is cluster and cluster is not None and self.now >= machine.stalled_until:
                self.perform(machine.name, cluster.echoed(data, self.now))

        return answer

    def _delivery(self, name: str, link: str, datagram: bytes) -> Callable[[], None]:
        def deliver() -> None:
            machine = self.machines[name]
            data = as_original(datagram) if machine.original else datagram
            if machine.cluster is not None and self.now < machine.stalled_until:
                machine.inbox.append((link, data))
            elif machine.cluster is not None:
                self.perform(name, machine.cluster.receive(link, data, self.now, self.other(name).name))

        return deliver

    def _ending(
        self, machine: Machine, cluster: Cluster | None, op_id: int, resource: Resource, action: Action
    ) -> Callable[[], None]:
        def end() -> None:
            if machine.cluster is not cluster or cluster is None:
                return
            ok = (machine.name, resource.text, action) not in self.fails
            if action is not Action.STATUS:
                self.say(machine.name, f"{action.value} {resource.text}{'' if ok else ' FAILED'}")
            if ok and action is Action.START:
                if resource.text not in machine.running:
                    machine.running.append(resource.text)
                if resource.script in ADDRESSES:
                    machine.leases.begun(standing_of(resource), Clocks(self.now, self.now))
                    self._lend(machine, resource.text)
                    self._claim(self.other(machine.name), resource, machine.name)
            if action is Action.STOP:
                machine.leases.ended(standing_of(resource))
            if ok and action is Action.STOP and resource.text in machine.running:
                machine.running.remove(resource.text)
            self.log_owners()
            self.actions += 1
            outcome = Outcome(ok, "" if ok else "made to fail", running=resource.text in machine.running)
            self._when_awake(machine, lambda: self._finished(machine, cluster, op_id, outcome))

        return end

    def _finished(self, machine: Machine, cluster: Cluster, op_id: int, outcome: Outcome) -> None:
        if machine.cluster is cluster:
            self.perform(machine.name, cluster.finished(op_id, outcome, self.now))

    def _ready(self, machine: Machine, cluster: Cluster | None, resource: Resource) -> Callable[[], None]:
        def ready() -> None:
            if machine.cluster is cluster and cluster is not None:
                self.perform(machine.name, cluster.sighted(resource, machine.name in self.blind, self.now))
                self.perform(machine.name, cluster.prepared(resource, True, self.now))

        return ready

    def renew(self, machine: Machine, cluster: Cluster) -> None:
        clocks = Clocks(self.now, self.now)
        lost = [s.packed.decode() for s in machine.leases.lost(clocks)]
        for standing in machine.leases.due(clocks):
            assert standing.packed.decode() in machine.running, "a renewal that brings an address back"
            assert machine.leases.renewed(standing, clocks, clocks)
            self._lend(machine, standing.packed.decode())
        self.lose(machine, cluster, lost)

    def _lend(self, machine: Machine, text: str) -> None:
        if self.safety.vip_lease is not None:
            machine.expires[text] = at = self.now + self.safety.vip_lease + KERNEL_LATE
            self.later(at - self.now, lambda: self._expire(machine, text))

    def _expire(self, machine: Machine, text: str) -> None:
        """The kernel's part of a lease, whatever the daemon does meanwhile."""
        if text not in machine.running or machine.expires.get(text, self.now) > self.now:
            return
        address = next(r for g in self.groups for r in g.resources if r.text == text)
        self.drop(machine, address)
        cluster = machine.cluster
        if cluster is not None:
            self._when_awake(machine, lambda: self.lose(machine, cluster, [text]))

    def lose(self, machine: Machine, cluster: Cluster, texts: Iterable[str]) -> None:
        lost = [r for g in self.groups for r in g.resources if r.text in texts]
        for address in lost:
            self.drop(machine, address)
        if lost and machine.cluster is cluster:
            self.perform(machine.name, cluster.addresses_lost(lost, "gone", self.now))

    def drop(self, machine: Machine, address: Resource) -> None:
        machine.leases.ended(standing_of(address))
        if address.text in machine.running:
            machine.running.remove(address.text)
        self.log_owners()

    def _when_awake(self, machine: Machine, call: Callable[[], None]) -> None:
        if self.now < machine.stalled_until:
            machine.news.append(call)
        else:
            call()

    def _claim(self, machine: Machine, address: Resource, holder: str) -> None:
        """The machine's daemon sees a frame in which the other one claims the address."""
        cluster = machine.cluster

        def hear() -> None:
            if link_of(address) in machine.pulled | self.machines[holder].pulled:
                return
            if machine.cluster is cluster and cluster is not None:
                self.perform(machine.name, cluster.address_seen(address, holder, self.now))

        if not self.deaf:
            self.later(LATENCY, lambda: self._when_awake(machine, hear))

    def other(self, name: str) -> Machine:
        return self.machines["b" if name == "a" else "a"]

    def _probe(self, asking: str, address: Resource, machines: dict[str, str]) -> None:
        other = self.other(asking)
        asker = self.machines[asking].cluster
        asked = self.questions.get((asking, link_of(address)), Asked.SENT)
        if asker is not None:
            self.perform(asking, asker.address_asked(address, asked, self.now))
        if asked is not Asked.SENT:
            return

        def machine_seen() -> None:
            if self.machines[asking].cluster is asker and asker is not None:
                self.perform(asking, asker.machine_seen(address, self.now))

        def arrive() -> None:
            if link_of(address) in self.machines[asking].pulled | other.pulled or self._lost_on_the_way():
                return
            if other.powered and address.text in other.running and not self._lost_on_the_way():
                self._claim(self.machines[asking], address, other.name)
            if other.powered and not self._lost_on_the_way() and machines.get(link_of(address)) == other.name:
                self.later(LATENCY, lambda: self._when_awake(self.machines[asking], machine_seen))
            cluster = other.cluster
            if cluster is not None:
                self._when_awake(other, lambda: self._asked(other, cluster, address, asking))

        if not self.deaf:
            self.later(LATENCY, arrive)

    def _lost_on_the_way(self) -> bool:
        return self.random.random() < self.loss

    def _asked(self, machine: Machine, cluster: Cluster, address: Resource, asking: str) -> None:
        if machine.cluster is cluster:
            self.perform(machine.name, cluster.address_wanted(address, asking, self.now))

    def owners(self, resource: Resource = VIP) -> frozenset[str]:
        """Who has it in his kernel, and the cable in through which others see that."""
        return frozenset(
            name
            for name, m in self.machines.items()
            if resource.text in m.running and link_of(resource) not in m.pulled
        )

    def log_owners(self) -> None:
        owners = self.owners()
        if not self.owner_log or self.owner_log[-1][1] != owners:
            self.owner_log.append((self.now, owners))
