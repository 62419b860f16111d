"""What a node of a pair knows and does about groups, whatever the protocol that moves them (reference section 5.1).

`Ownership` speaks the protocol of auto_failback on and off, `LegacyOwnership` that of legacy. Both hold groups, run
one job at a time, keep ldirectord warm, clean up behind an earlier life at the start and release everything at the
end; that part is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from hbeat.core.builtin import ADDRESSES, BUILTIN, KEPT, WARM
from hbeat.core.events import Announce, Dismiss, Drop, Effect, Level, Note, Outcome, Prepare
from hbeat.core.failed import FailedStarts
from hbeat.core.model import Held, NodeName, Resource, ResourceGroup, Sessions
from hbeat.core.phase import Phase
from hbeat.core.takeover import Job, JobDone, JobKind, JobQueue

COMMON_START_WAIT = 10.0
LINGER = 1.0
"""Between `shutdone` and the end: time to answer requests for lost messages."""


class Holder(ABC):
    """The groups and the work of one node. peer is None in a cluster of one node."""

    def __init__(self, me: NodeName, peer: NodeName | None, groups: Iterable[ResourceGroup]) -> None:
        self.me, self.peer = me, peer
        self.groups = tuple(groups)
        self.phase = Phase.INIT
        self.held = Held.NONE
        self.peer_alive = False
        self.peer_held = Held.NONE
        self.peer_stable = False
        self.jobs = JobQueue(BUILTIN)
        self.failed = FailedStarts()
        self.ready_limit = Sessions().failback_limit
        """A returning node which is still not ready after this long takes its groups back all the same."""
        self.keeps_warm = Sessions().warm_standby
        self.contested = False
        """Somebody may have addresses that we do not hold (`custody`): nothing is taken because of silence."""
        self.abandoned = False
        """The peer is silent, and nobody answers for its addresses."""
        self.take_due = False
        """The peer is silent, and its groups are to be taken once nobody answers for their addresses."""
        self.severed: frozenset[Resource] = frozenset()
        """Addresses whose interface has no carrier: they are not taken from a dead peer (`cut_off`)."""
        self._unready: set[Resource] = set()
        self._idle: set[str] = set()  # keys of groups that were stopped by hand

    @property
    def stable(self) -> bool:
        return self.phase is Phase.STABLE

    def of(self, scope: Held) -> tuple[ResourceGroup, ...]:
        """The groups of haresources that scope names, in file order."""
        return tuple(g for g in self.groups if (scope.local if g.node == self.me else scope.foreign))

    def mine(self) -> tuple[ResourceGroup, ...]:
        """The groups this node holds."""
        return self.of(self.held)

    def others(self) -> tuple[ResourceGroup, ...]:
        """The groups this node does not hold."""
        mine = self.mine()
        return tuple(group for group in self.groups if group not in mine)

    @abstractmethod
    def take(self, now: float) -> list[Effect]:
        """Nobody answers for the addresses of a silent peer (any more): its groups are ours."""

    @abstractmethod
    def step_back(self, groups: Iterable[ResourceGroup], now: float) -> list[Effect]:
        """Somebody else has an address of these groups of ours, or is about to take it: they are given up, and taken
        once nobody answers for them, if the peer is silent."""

    def release_at_once(self, given: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        """Groups that are ours no more: their addresses do not wait for what is under way, nor for scripts."""
        only_directors = self._takes_over_only_directors_yet(given)
        self.jobs.abandon(given)
        self.take_due = not self.peer_alive
        self.contested = self.take_due
        if only_directors:
            return self.job(JobKind.STAND_BY, self.directors_of(given), now)
        addresses = [r for group in given for r in group.resources if r.script in ADDRESSES]
        return [*(Drop(address) for address in addresses), *self.job(JobKind.YIELD, given, now)]

    def standing(self) -> list[Resource]:
        """The addresses that are up here: not those of groups that are down, nor those that are being started."""
        coming = self.jobs.coming()
        up = (r for group in self.mine() if not self._is_down(group) for r in group.resources)
        return [r for r in up if r.script in ADDRESSES and r not in coming]

    def _is_down(self, group: ResourceGroup) -> bool:
        """It was stopped by hand, or did not start."""
        return group.key in self._idle.union(failed.key for failed in self.failed.waiting)

    @property
    def absent(self) -> bool:
        """An address of what is held here is not up."""
        return any(map(self._is_down, self.mine())) or any(r.script in ADDRESSES for r in self.jobs.coming())

    def announce(self) -> list[Effect]:
        """Our addresses, to a network that may have heard of another owner; what is being started announces itself."""
        return [Announce(address) for address in self.standing()]

    def _takes_over_only_directors_yet(self, groups: Iterable[ResourceGroup]) -> bool:
        """These groups are being taken over, and nothing else in them was begun."""
        coming, under_way = self.jobs.coming(), self.jobs.under_way
        waiting = {r for r, kind in coming.items() if kind is JobKind.TAKE_OVER and r != under_way}
        return all(r in waiting or self._is_warm(r) for group in groups for r in group.resources)

    def expect(self, now: float) -> list[Effect]:
        """The groups of the peer are about to come: it has lost a cable, is releasing everything, or seems dead."""
        return []

    def restore(self, lost: Iterable[Resource], now: float) -> list[Effect]:
        """Addresses of groups that we hold are gone: start those groups again; what runs is not touched."""
        gone = frozenset(lost)
        groups = tuple(group for group in self.mine() if gone & set(group.resources))
        return self.job(JobKind.RESTORE, groups, now) if groups and self.stable else []

    def begin(self, now: float) -> list[Effect]:
        """At daemon start: stop what an earlier life left running, and warm up what can be warm."""
        warm = self.warm()
        self._unready = set(warm)
        kept = KEPT if self.keeps_warm else KEPT - WARM
        left = tuple(replace(g, resources=tuple(r for r in g.resources if r.script not in kept)) for g in self.groups)
        return [*(Prepare(r) for r in warm), *self.job(JobKind.TIDY, left, now)]

    def warm(self) -> list[Resource]:
        """The resources that run on both nodes and serve on one."""
        return list(dict.fromkeys(r for group in self.directors_of(self.groups) for r in group.resources))

    def directors_of(
        self, groups: Iterable[ResourceGroup], besides: Collection[Resource] = ()
    ) -> tuple[ResourceGroup, ...]:
        """The groups, reduced to what is kept warm in them, without `besides`."""
        return _reduced((g, [r for r in g.resources if self._is_warm(r) and r not in besides]) for g in groups)

    def without_directors(self, groups: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
        """The groups, reduced to all else: what has to be stopped here before it may be started elsewhere."""
        return _reduced((g, [r for r in g.resources if not self._is_warm(r)]) for g in groups)

    def _is_warm(self, resource: Resource) -> bool:
        return self.keeps_warm and resource.script in WARM

    def job(
        self, kind: JobKind, groups: tuple[ResourceGroup, ...], now: float, running: frozenset[Resource] = frozenset()
    ) -> list[Effect]:
        """Puts work in line. running: what is not to be started once more. A director is not stopped while a group that
        stays here needs it, too."""
        reduced = (group for group in groups if group not in self.groups)
        moved = {r for group in reduced for r in group.resources if r.script not in WARM}
        others = (g for g in self.mine() if g not in groups and g.key not in self._idle)
        stays = [group for group in others if moved.isdisjoint(group.resources)]
        every = Counter(r for group in (*stays, *groups) for r in _directors([group]))
        shared = frozenset(director for director, times in every.items() if times > 1)
        untouched = _directors(stays) if kind in (JobKind.YIELD, JobKind.STAND_BY, JobKind.HAND_OVER) else running
        if kind is JobKind.TAKE_OVER and not self.peer_alive:
            untouched |= self.severed
        if kind.starts:
            started = {r for group in groups for r in group.resources if r.script not in WARM}
            self._idle = {g.key for g in self.groups if g.key in self._idle and started.isdisjoint(g.resources)}
        return self._follow(self.jobs.add(Job(kind, groups, untouched, shared)), now)

    def finished(self, op_id: int, outcome: Outcome, now: float) -> list[Effect]:
        """A resource action has ended."""
        return self._follow(self.jobs.finished(op_id, outcome, now), now)

    def _follow(self, produced: list[Effect | JobDone], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for item in produced:
            if isinstance(item, JobDone):
                if item.job.kind is JobKind.PRIME:  # what failed will be started again, as part of its group
                    effects += self._primed(item)
                    continue
                done = self._job_done(item.job, now)
                # "completed" is not what an operator wants to read behind a failure
                effects += [e for e in done if not (item.failed and isinstance(e, Note))]
                effects += self._start_failed(item.failed, now)
            else:
                effects.append(item)
        return effects

    def _primed(self, done: JobDone) -> list[Effect]:
        """Directors of groups that are expected here serve."""
        return []

    @abstractmethod
    def _job_done(self, job: Job, now: float) -> list[Effect]:
        """What follows from work that is done; failed groups are told afterwards."""

    @abstractmethod
    def _start_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        """These groups could not be started here, and are stopped again. May be empty."""

    def regroup(self, groups: Iterable[ResourceGroup], now: float, *, guarded: bool = False) -> list[Effect]:
        """haresources was changed: stop what left a group we hold, start what came; the rest is not touched.

        guarded: what comes with an address is left to who asks for it first (`Custody.came`).
        """
        before, was_warm = self.mine(), self.warm()
        self.groups = tuple(groups)
        after, warm = self.mine(), self.warm()
        gone, new = _without(before, after), _without(after, before)
        ending = self.phase is Phase.SHUTDOWN
        effects: list[Effect] = [Prepare(r) for r in warm if r not in was_warm and not ending]
        effects += [Dismiss(r) for r in was_warm if r not in warm]
        if gone:
            effects += self.job(JobKind.YIELD, gone, now)
        if guarded:
            new = tuple(group for group in new if not any(r.script in ADDRESSES for r in group.resources))
        if new and self.stable:
            effects += self.job(JobKind.OWN, new, now)
        return effects

    def by_hand(self, key: str, start: bool, now: float) -> list[Effect]:
        """An operator starts (again) or stops one group of ours. Raises LookupError with what speaks against it."""
        group = next((g for g in self.groups if g.key == key), None)
        if group is None:
            raise LookupError(f"no group {key} in haresources; `hbeat resource allkeys` lists them")
        if not self.stable:
            raise LookupError(f"this node is not stable ({self.phase.value}); try again later")
        if start and group not in self.mine():
            raise LookupError(f"{key} is not held here: hb_takeover brings it, or hb_standby on the other node")
        does = "start" if start else "stop"
        note = Note(Level.WARNING, f"{key}: told by hand to {does}")
        effects = self.job(JobKind.OWN if start else JobKind.YIELD, (group,), now)
        if not start:
            self._idle.add(key)
        return [note, *effects]


def keys_of(groups: Iterable[ResourceGroup]) -> str:
    """The groups' names for a log line."""
    return ", ".join(group.key for group in groups)


def _directors(groups: Iterable[ResourceGroup]) -> frozenset[Resource]:
    return frozenset(resource for group in groups for resource in group.resources if resource.script in WARM)


def _reduced(groups: Iterable[tuple[ResourceGroup, list[Resource]]]) -> tuple[ResourceGroup, ...]:
    return tuple(replace(group, resources=tuple(resources)) for group, resources in groups if resources)


def _without(groups: Iterable[ResourceGroup], others: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
    """The groups reduced to the resources that are in none of the others."""
    known = {resource for group in others for resource in group.resources}
    reduced = (replace(g, resources=tuple(r for r in g.resources if r not in known)) for g in groups)
    return tuple(group for group in reduced if group.resources)
