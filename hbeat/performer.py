"""Does what the cluster decides: effects in, calls of the adapters and agents out.

What follows from an effect (an action that ends at once) is done after it, in order; what ends later is followed by
the loop and told to the cluster then.
"""

from __future__ import annotations

import selectors
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable

from hbeat.adapters.peer_file import PeerFile
from hbeat.address_watch import AddressWatch
from hbeat.agents.hooks import HookQueue
from hbeat.agents.roster import Agents
from hbeat.agents.vips import Vips
from hbeat.cable_watch import CableWatch
from hbeat.connection_watch import ConnectionWatch
from hbeat.core.cluster import Cluster
from hbeat.core.events import (
    Announce,
    Bequeath,
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
from hbeat.core.model import Resource
from hbeat.network import Network
from hbeat.operations import Operations
from hbeat.warm import WarmResources

SLICE = 0.02
"""Seconds: a plan of hundreds of addresses lets the loop beat and renew leases in between."""


class Performer:
    """tell: takes lines for the log. leave: called when all is released."""

    def __init__(
        self,
        cluster: Cluster,
        network: Network,
        agents: Agents,
        operations: Operations,
        selector: selectors.BaseSelector,
        vips: Vips,
        peer_file: PeerFile,
        tell: Callable[[Note], None],
        leave: Callable[[float], None],
    ) -> None:
        self._cluster, self._network, self._agents = cluster, network, agents
        self._operations, self._peer_file = operations, peer_file
        self._tell, self._leave = tell, leave
        self._hooks = HookQueue()
        self.warm = WarmResources(agents, operations, self._prepared, self._sighted, tell)
        self._effects: deque[Effect] = deque()
        self._slice_ends = 0.0
        self._unfinished: deque[Callable[[], None]] = deque()
        self.cables = CableWatch(selector, agents.addresses, cluster, self.perform)
        self.connections = ConnectionWatch(selector, cluster, self.perform, tell)
        self.addresses = AddressWatch(selector, agents, vips, cluster, self.perform, lambda text: self._warn([text]))

    def perform(self, effects: Iterable[Effect]) -> None:
        """Does all of it, and what follows from it, in order."""
        nested = bool(self._effects)
        self._effects.extend(effects)
        if nested:
            return
        self._slice_ends = time.monotonic() + SLICE
        while self._effects:
            try:
                self._do(self._effects[0])
            except Exception:  # a bug, told as such; what is behind it is another matter
                self._tell(bug())
            self._effects.popleft()
            self._agents.addresses.release_what_waited(time.monotonic())
        self._agents.addresses.release()

    def next_deadline(self) -> float | None:
        """Now, if a plan waits for its next slice."""
        return time.monotonic() if self._unfinished else None

    def handle_timer(self) -> None:
        """Goes on with a plan that was interrupted, for one slice."""
        if self._unfinished:
            self._unfinished.popleft()()

    def _do(self, effect: Effect) -> None:
        now = time.monotonic()
        match effect:
            case SendDatagram(data):
                self._warn(self._network.send(data, now))
            case Bequeath(data):
                self.addresses.bequeath(self._network.media.targets, data)
            case SendPing(node, data):
                self._warn(self._network.ping(node, data, now))
            case Note():
                self._tell(effect)
            case RunResource():
                self._run(effect, now)
            case RunHook():
                self._warn([self._hooks.add(effect)])
                self._next_hook(now)
            case Probe(resources, machines):
                self.addresses.ask(resources, machines)
            case Announce(resource):
                self._agents.addresses.announce_again(resource, now)
            case Drop(resource):
                self.addresses.drop(resource)
            case ReadConnections():
                self.connections.read(effect, now)
            case Prepare(resource):
                self.warm.prepare(resource, now)
            case Dismiss(resource):
                self.warm.dismiss(resource, now)
            case Vouch(resource, on):
                self._operations.follow(self._agents.vouch(resource, on, now), self._aside_ended, now)
            case Remember(record):
                self._warn([self._peer_file.keep(record)])
            case Exit():
                self._leave(now)

    def _warn(self, problems: Iterable[str | None]) -> None:
        for problem in problems:
            if problem:
                self._tell(Note(Level.WARNING, problem))

    def _run(self, effect: RunResource, now: float) -> None:
        resource, action = effect.resource, effect.action

        def ended(outcome: Outcome, at: float) -> None:
            text = f"{resource.text} {action.value}: {outcome.detail or ('done' if outcome.ok else 'failed')}"
            self._tell(Note(Level.INFO if outcome.ok else Level.ERROR, text))
            self.perform(self._cluster.finished(effect.op_id, outcome, at))

        try:
            begun = self._agents.run(resource, action, now)
        except Exception as error:  # a bug, told as such; without an outcome the plan would wait for ever
            self._tell(bug())
            begun = Outcome(False, f"error of this program: {error!r}")
        if isinstance(begun, Outcome) and time.monotonic() > self._slice_ends:
            self._unfinished.append(lambda outcome=begun: ended(outcome, time.monotonic()))  # type: ignore[misc]
        else:
            self._operations.follow(begun, ended, now)
        for operation in self._agents.take_asides():
            self._operations.follow(operation, self._aside_ended, now)

    def _next_hook(self, now: float) -> None:
        while isinstance(begun := self._hooks.next(self._agents.env, now), Outcome):
            self._warn([begun.detail])
        if begun is not None:
            self._operations.follow(begun, self._hook_ended, now)

    def _hook_ended(self, outcome: Outcome, at: float) -> None:
        self._tell(Note(Level.DEBUG if outcome.ok else Level.WARNING, outcome.detail))
        self._hooks.ended()
        self._next_hook(at)

    def _aside_ended(self, outcome: Outcome, at: float) -> None:
        if not outcome.ok:
            self._warn([outcome.detail])

    def _sighted(self, resource: Resource, blind: bool | None, now: float) -> None:
        self.perform(self._cluster.sighted(resource, blind, now))

    def _prepared(self, resource: Resource, ready: bool, now: float) -> None:
        self.perform(self._cluster.prepared(resource, ready, now))


def bug() -> Note:
    """The exception that is being handled, with its traceback."""
    return Note(Level.CRITICAL, f"error in this program, please report it:\n{traceback.format_exc()}")
