"""Two nodes in virtual time: links that can be cut or lossy, resources that take time or fail, a transcript.

The clusters under test get bytes and a clock, as in the daemon; nothing is patched. `World.run_until` jumps from
deadline to deadline. Notes of level INFO and above and every resource action become lines of the transcript.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from hbeat.core.auth import Key, Keyring, Method, pack, unpack
from hbeat.core.builtin import ADDRESSES
from hbeat.core.cluster import Cluster
from hbeat.core.events import (
    Action,
    Announce,
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
)
from hbeat.core.failover_time import KERNEL_LATE
from hbeat.core.hello import FIELD, Files
from hbeat.core.lease import Clocks, Leases, Standing
from hbeat.core.model import Failback, PeerRecord, PingNode, Resource, ResourceGroup, Safety, Sessions, Timing
from hbeat.core.outbox import Identity
from hbeat.core.settings import UNGUARDED, Settings
from hbeat.core.stall import longest_nap
from hbeat.core.sync_news import SAMPLE_SIZE
from hbeat.core.wire import Message

LINKS = ("eth0", "eth1")
LATENCY = 0.0002
KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})
VIP = Resource("IPaddr::10.1.1.10/24/eth0", "IPaddr", ("10.1.1.10/24/eth0",))
INSIDE = Resource("IPaddr::192.168.2.240/24/eth1", "IPaddr", ("192.168.2.240/24/eth1",))
DIRECTOR = Resource("ldirectord::ldirectord.cf", "ldirectord", ("ldirectord.cf",))
SEED_GROUP = ResourceGroup("a", (DIRECTOR, VIP, INSIDE))


@dataclass
class Machine:
    """What survives the daemon: generation, and what runs on the node at this moment."""

    name: str
    generation: int = 100
    running: list[str] = field(default_factory=list)
    powered: bool = False
    cluster: Cluster | None = None
    stalled_until: float = 0.0
    inbox: list[tuple[str, bytes]] = field(default_factory=list)
    record: PeerRecord | None = None
    clock: float = 1_800_000_000.0
    """What its clock shows at the time 0 of the world."""
    pulled: frozenset[str] = frozenset()
    """Interfaces without carrier."""
    original: bool = False
    """It neither sends nor sees the field of our kind, like an original."""
    leases: Leases = field(default_factory=lambda: Leases(None))
    expires: dict[str, float] = field(default_factory=dict)
    """When its kernel removes an address, unless it is asked for it again."""
    connections: set[str] = field(default_factory=set)
    """What its kernel knows, with connection sync: names."""
    news: list[Callable[[], None]] = field(default_factory=list)
    """What waits in its other sockets while it is stalled."""

    def deadline(self) -> float:
        """When its loop wakes up next: not while it is stalled."""
        return max(self.wanted_at(), self.stalled_until)

    def wanted_at(self) -> float:
        """When its loop wants to wake up next."""
        assert self.cluster is not None
        renewal = self.leases.next_deadline()
        return min(self.cluster.next_deadline(), float("inf") if renewal is None else renewal)


def standing_of(address: Resource) -> Standing:
    """A name for the lease of an address."""
    return Standing(address.text.encode(), 24, 1)


def addresses_of(texts: Iterable[str], groups: Iterable[ResourceGroup]) -> list[Resource]:
    """Those of the resources that are addresses."""
    return [r for g in groups for r in g.resources if r.script in ADDRESSES and r.text in list(texts)]


def as_original(data: bytes) -> bytes:
    """The datagram without the field that nodes of our kind add for each other."""
    fields = unpack(data, KEYS).fields
    return pack(Message(tuple(f for f in fields if f.name not in (FIELD, "auth"))), KEYS)


def link_of(resource: Resource) -> str:
    """The interface of an address."""
    return resource.text.rpartition("/")[2]


class World:
    """A pair of nodes. duration and fails decide how resource actions end."""

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
        self.transcript: list[str] = []
        self.files: Files = ()
        self.hooks: frozenset[str] = frozenset()  # scripts in rc.d of both nodes
        self.told: list[tuple[str, RunHook]] = []
        self.sent: list[tuple[float, str, bytes]] = []
        self.blind: frozenset[str] = frozenset()
        self.duration: Callable[[Resource, Action], float] = lambda resource, action: 0.01
        self.fails: set[tuple[str, str, Action]] = set()  # (node, resource text, action)
        self.ready_after = 0.5
        self.actions = 0
        """Resource actions that have ended."""
        self.owner_log: list[tuple[float, frozenset[str]]] = []
        self.announced: list[tuple[float, str, Resource]] = []
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

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
        self._log_owners()

    def crash(self, name: str) -> None:
        """The daemon dies, its resources stay: addresses for the rest of their lease, or until the keeper comes."""
        machine = self.machines[name]
        machine.cluster = None
        if self.safety.keeper:
            for address in addresses_of(machine.running, self.groups):
                self._drop(machine, address)

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
        self._log_owners()
        if machine.cluster is not None:
            self.perform(name, self._carrier(machine, machine.cluster))

    def _carrier(self, machine: Machine, cluster: Cluster) -> list[Effect]:
        severed = [r for group in self.groups for r in group.resources if link_of(r) in machine.pulled]
        return cluster.carrier(machine.pulled, severed, self.now)

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
            times = [self._queue[0][0]] if self._queue else []
            times += [m.deadline() for m in living]
            at = min(times, default=float("inf"))
            if at > end:
                self.now = end
                return condition()
            self.now = max(self.now, at)
            while self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
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
            self.perform(machine.name, cluster.receive(link, data, self.now, self._other(machine.name).name))
        machine.inbox.clear()
        news, machine.news = machine.news, []
        for call in news:
            call()
        self._renew(machine, cluster)
        if cluster.next_deadline() <= self.now:
            self.perform(machine.name, cluster.handle_timer(self.now, late))

    def _renew(self, machine: Machine, cluster: Cluster) -> None:
        clocks = Clocks(self.now, self.now)
        lost = [s.packed.decode() for s in machine.leases.lost(clocks)]
        for standing in machine.leases.due(clocks):
            assert standing.packed.decode() in machine.running, "a renewal that brings an address back"
            assert machine.leases.renewed(standing, clocks, clocks)
            self._lend(machine, standing.packed.decode())
        self._lost(machine, cluster, lost)

    def _lend(self, machine: Machine, text: str) -> None:
        if self.safety.vip_lease is not None:
            machine.expires[text] = at = self.now + self.safety.vip_lease + KERNEL_LATE
            self.later(at - self.now, lambda: self._expire(machine, text))

    def _expire(self, machine: Machine, text: str) -> None:
        """The kernel's part of a lease, whatever the daemon does meanwhile."""
        if text not in machine.running or machine.expires.get(text, self.now) > self.now:
            return
        address = next(r for g in self.groups for r in g.resources if r.text == text)
        self._drop(machine, address)
        cluster = machine.cluster
        if cluster is not None:
            self._when_awake(machine, lambda: self._lost(machine, cluster, [text]))

    def _lost(self, machine: Machine, cluster: Cluster, texts: Iterable[str]) -> None:
        lost = [r for g in self.groups for r in g.resources if r.text in texts]
        for address in lost:
            self._drop(machine, address)
        if lost and machine.cluster is cluster:
            self.perform(machine.name, cluster.addresses_lost(lost, "gone", self.now))

    def _drop(self, machine: Machine, address: Resource) -> None:
        machine.leases.ended(standing_of(address))
        if address.text in machine.running:
            machine.running.remove(address.text)
        self._log_owners()

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

    def _other(self, name: str) -> Machine:
        return self.machines["b" if name == "a" else "a"]

    def _probe(self, asking: str, address: Resource, machines: dict[str, str]) -> None:
        other = self._other(asking)
        asker = self.machines[asking].cluster

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

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.now + seconds, self._order, call))

    # --- effects ----------------------------------------------------------------------------------------------

    def perform(self, name: str, effects: Iterable[Effect]) -> None:
        machine = self.machines[name]
        cluster = machine.cluster
        for effect in effects:
            match effect:
                case SendDatagram(data):
                    data = as_original(data) if machine.original else data
                    self.sent.append((self.now, name, data))
                    self._transmit(name, data)
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
                case Probe(resource, machines):
                    self._probe(name, resource, dict(machines))
                case Announce(resource):
                    self.announced.append((self.now, name, resource))
                    self._claim(self._other(name), resource, name)
                case Drop(resource):
                    self._drop(machine, resource)
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
                case Dismiss():
                    continue
                case _:
                    raise AssertionError(f"not an effect for the outside: {effect}")

    def _look(self, machine: Machine, cluster: Cluster | None, wish: ReadConnections) -> Callable[[], None]:
        def look() -> None:
            if machine.cluster is not cluster or cluster is None:
                return
            known, other = sorted(machine.connections), self._other(machine.name)
            told = [] if wish.virtuals == () else known
            if other.cluster is not None and not self.sync_is_mute:
                other.connections |= set(told)
            present = len(set(wish.wanted) & machine.connections)
            found = ConnectionsRead(len(known), len(told), tuple(told[:SAMPLE_SIZE]), present)
            if problem := self.look_problems.get(machine.name):
                found = ConnectionsRead(problem=problem)
            self.perform(machine.name, cluster.connections_read(found, self.now))

        return look

    def say(self, name: str, text: str) -> None:
        self.transcript.append(f"{self.now:.3f} {name}  {text}")

    def _transmit(self, sender: str, data: bytes) -> None:
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
                self.perform(name, machine.cluster.receive(link, data, self.now, self._other(name).name))

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
                    self._claim(self._other(machine.name), resource, machine.name)
            if action is Action.STOP:
                machine.leases.ended(standing_of(resource))
            if ok and action is Action.STOP and resource.text in machine.running:
                machine.running.remove(resource.text)
            self._log_owners()
            self.actions += 1
            outcome = Outcome(ok, "" if ok else "made to fail", running=resource.text in machine.running)
            self.perform(machine.name, cluster.finished(op_id, outcome, self.now))

        return end

    def _ready(self, machine: Machine, cluster: Cluster | None, resource: Resource) -> Callable[[], None]:
        def ready() -> None:
            if machine.cluster is cluster and cluster is not None:
                self.perform(machine.name, cluster.sighted(resource, machine.name in self.blind, self.now))
                self.perform(machine.name, cluster.prepared(resource, True, self.now))

        return ready

    # --- what the outside sees --------------------------------------------------------------------------------

    def types_sent(self, name: str, since: float = 0.0) -> list[str]:
        """The message types a node sent, one word for each datagram."""
        return [unpack(data, KEYS).text("t") for at, node, data in self.sent if node == name and at >= since]

    def owners(self, resource: Resource = VIP) -> frozenset[str]:
        """Who has it in his kernel, and the cable in through which others see that."""
        return frozenset(
            name
            for name, m in self.machines.items()
            if resource.text in m.running and link_of(resource) not in m.pulled
        )

    def seconds_of_two_owners(self) -> float:
        """How long the address was on both nodes, in all."""
        ends = [at for at, _ in self.owner_log[1:]] + [self.now]
        return sum(end - at for (at, owners), end in zip(self.owner_log, ends, strict=True) if len(owners) > 1)

    def _log_owners(self) -> None:
        owners = self.owners()
        if not self.owner_log or self.owner_log[-1][1] != owners:
            self.owner_log.append((self.now, owners))

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
