"""Whether this node may have addresses: lost ones, those of a silent peer, those that somebody else claims.

Lost. An address of ours that is gone (its lease was not renewed in time, somebody removed it) is put back, but only
once the network was asked and nobody answers for it (`guard`), and once a second at most.

Silent peer. From suspicion on the network is asked for the addresses that a death would bring us. At the death they
are taken if nobody answers; else the groups stay where they are, the network is asked on, and an alarm is logged. An
original heartbeat which crashed leaves its addresses behind for ever; it is waited for no longer than the limit.

Under way. Between the decision to take addresses and the moment in which they stand lie the starts of what is before
them in haresources, and the stops that they wait behind: the network is asked on for as long. That tells the other
node, if it lives, that they are about to be taken, and it is asked likewise: of two that start the same group unheard,
the one that haresources does not name steps back at the first question of the other. So does whoever finds that
somebody has the address after all.

A peer that was never heard may be anything: a firewall, other keys, a file that was lost. It is waited for like one of
our kind, as long as somebody answers.

Orphans. A node of our kind whose heartbeat is late is asked for at once, and so is its machine. One that answers for
itself and not for its addresses has a daemon that was killed or hangs, and has lost them (`guard`): it is dead without
waiting for deadtime, if all it had is of our own kinds; other resources may still run there. Not if it said that an
address of what it holds is not up: a group that was stopped by hand there, say.

Stall. A node that has slept knows what was, not what is. After a sleep for which the peer has no patience it holds
nothing any more (`awakening`); after a shorter one its addresses are lost, and come back as above.

Cut off. Addresses without carrier may have to go (`cut_off`); they are put back as lost ones are.

Failed. A group that did not start here and waits for its next attempt (`failed`) waits on while the peer is silent and
somebody answers for its addresses.

Conflict. Another machine claims an address that is ours. If we hold the group in the place of a dead peer, the peer is
not dead: it keeps its groups, we give them up, the addresses at once, and ask on; they are not taken again before
nobody answers, also from an original. Everybody else stays, and says so to the network again. So of two nodes with the
same address that hear only each other's ARP the one that haresources names keeps it. Where both are alive and their
haresources disagree, the one whose name comes first keeps it until they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from hbeat.core.awakening import Awakening
from hbeat.core.builtin import ADDRESSES, BUILTIN
from hbeat.core.cut_off import CutOff
from hbeat.core.events import Announce, Asked, Drop, Effect, Level, Note, Probe
from hbeat.core.failed import ASK_BEFORE
from hbeat.core.guard import Guard
from hbeat.core.holder import keys_of
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.membership import Peer
from hbeat.core.model import Resource, ResourceGroup, Safety, Timing
from hbeat.core.ownership import Ownership
from hbeat.core.takeover import JobKind

RESTORE_PAUSE = 1.0
ALARM_PAUSE = 60.0
CONFLICT_PAUSE = 2.0


class Custody:
    """peer_is_ours: it is a node of our kind, as far as is known; is_original: it is heartbeat; neither: it was never
    heard. peer_absent: an address of what it holds is not up, as it says. files_differ: it has another haresources,
    as it says.

    Times are monotonic seconds.
    """

    def __init__(
        self,
        safety: Safety,
        timing: Timing,
        ownership: Ownership | LegacyOwnership,
        peer: Peer | None,
        peer_is_ours: Callable[[], bool],
        peer_absent: Callable[[], bool],
        is_original: Callable[[], bool],
        files_differ: Callable[[], bool],
    ) -> None:
        self.safety, self.timing = safety, timing
        self.guard = Guard(timing.deadtime)
        self._ownership, self._peer, self._peer_is_ours = ownership, peer, peer_is_ours
        self._peer_absent = peer_absent
        self._is_original, self._files_differ = is_original, files_differ
        self._overridden = False  # what is under way was taken from an original that still answers
        self._proven = False  # the peer, dead for us, has claimed what it was to have left
        self._lost: set[Resource] = set()
        self._restore_at = float("-inf")
        self._due_since: float | None = None  # the peer is dead, and somebody answers for its addresses
        self._alarm_at = float("-inf")
        self._conflict_at: dict[Resource, float] = {}
        self._awakening = Awakening(timing, ownership, peer, peer_is_ours)
        self._cut_off = CutOff(timing, ownership, peer)
        self._expected = False

    def renew(self, safety: Safety, timing: Timing) -> None:
        """Another configuration."""
        self.safety, self.timing = safety, timing
        self._cut_off.timing = self._awakening.timing = timing
        self.guard.tune(timing.deadtime)
        if not safety.arp_guard:
            self.guard.forget()
            self._ownership.contested = self._ownership.abandoned = False
            self._ownership.failed.answered_for = frozenset()

    def next_deadline(self, now: float) -> float | None:
        """When handle_timer wants to be called; now: of the last thing that happened."""
        suspect_at, retry_soon_at = self._suspect_at(), self._retry_soon_at
        timers = [
            self.guard.next_deadline(),
            suspect_at if suspect_at is not None and suspect_at > now else None,
            self._restore_at if self._lost and self._restore_at > now else None,
            now if self._must_look(now) else None,
            retry_soon_at if retry_soon_at is not None and retry_soon_at > now else None,
            self._awakening.next_deadline(),
            None if (sever_at := self._cut_off.next_deadline()) is None else max(sever_at, now),
        ]
        return min((at for at in timers if at is not None), default=None)

    def _must_look(self, now: float) -> bool:
        """There is something new to ask about, or something to put back without asking."""
        if not self.safety.arp_guard:
            return bool(self._lost - self._cut_off.severed) and self._restore_at <= now
        return not all(self.guard.watches(address) for address in self._to_ask(now))

    def look(self, now: float) -> list[Effect]:
        """Asks what has to be asked. To be called before the peer's death is judged: the answer is used for it."""
        if not self.safety.arp_guard:
            return []
        self._overridden = self._overridden and not self._ownership.jobs.idle
        self.guard.watch(sorted(self._to_ask(now), key=lambda address: address.text), now)
        wanted = self._wanted(now)
        asked = [address for address in wanted if address not in self._cut_off.severed]
        free = bool(asked or not wanted) and (self.guard.is_free(asked, now) or self.guard.are_orphans(asked))
        self._ownership.contested = self._peer is not None and not free
        self._ownership.abandoned = bool(asked) and free
        holders = self.guard.holders()
        failed = self._ownership.failed
        failed.answered_for = frozenset(
            group.key for group in failed.waiting if not holders.keys().isdisjoint(group.resources)
        )
        machines = self._peer.machine if self._peer is not None and self.can_judge else ()
        due = tuple(self.guard.due(now))
        return [Probe(due, machines)] if due else []

    def asked(self, address: Resource, asked: Asked, now: float) -> None:
        """What became of a question about this address."""
        self.guard.asked(address, asked, now)

    def left_orphans(self, now: float) -> bool:
        """The peer is there, and has none of the addresses of its groups any more."""
        if self._peer is None or not self._may_orphan() or not self._peer.is_overdue(now):
            return False
        return self.guard.are_orphans(self._wanted(now))

    def _may_orphan(self) -> bool:
        """A peer is known to hold what we do not."""
        owned = self._ownership
        return isinstance(owned, Ownership) and owned.at_rest and owned.peer_stable and self.can_judge

    @property
    def can_judge(self) -> bool:
        """By its addresses alone: it is of our kind, all that it may hold is, and as far as it has said it is up."""
        kinds = (r.script in BUILTIN for g in self._ownership.others() for r in g.resources)
        return self._peer_is_ours() and not self._peer_absent() and all(kinds)

    def distrust(self) -> None:
        """Before a death that was heard of and not found out: the network has not been asked yet."""
        self._ownership.contested = self.safety.arp_guard

    def machine_seen(self, address: Resource) -> None:
        """The peer's machine answers for itself on the interface where this address belongs."""
        self.guard.machine_answered(address)

    def handle_timer(self, now: float) -> list[Effect]:
        """Takes and restores what nobody else has."""
        effects = [
            *self._awakening.handle_timer(now),
            *self._give_up_severed(now),
            *self._expect(now),
            *self._step_back(now),
        ]
        back = self._free_again(now) if now >= self._restore_at else set()
        if back:
            self._restore_at = now + RESTORE_PAUSE
            self._lost -= back
            effects += self._ownership.restore(back, now)
        if not self._ownership.take_due or self._awakening.listens:
            self._due_since = None
            return effects
        if self._due_since is None:
            self._due_since = now
        if not self._ownership.contested:
            self._proven = False
            return [*effects, *self._ownership.take(now)]
        return effects + self._wait(now, self._due_since)

    def _under_way(self, now: float) -> dict[Resource, JobKind]:
        """The addresses that are being started here, or wait for it, while the peer is silent, or although it was lost
        a moment ago."""
        owned, suspect_at = self._ownership, self._suspect_at()
        if owned.jobs.idle or not owned.stable or self._overridden or not self.safety.arp_guard:
            return {}
        silent = self._peer is not None and (not owned.peer_alive or (suspect_at is not None and now >= suspect_at))
        coming = {r: kind for r, kind in owned.jobs.coming().items() if r.script in ADDRESSES}
        return coming if silent else {r: kind for r, kind in coming.items() if kind is JobKind.RESTORE}

    def _step_back(self, now: float) -> list[Effect]:
        """Somebody else answers for what is under way, or is about to take it. What was lost is asked for again; so is
        what was being taken while the peer is silent and not dead yet: it may be the peer that took it."""
        owned, holders = self._ownership, self.guard.holders()
        held = {r: kind for r, kind in self._under_way(now).items() if r in holders}
        waits = (JobKind.RESTORE, JobKind.OWN, JobKind.TAKE_OVER) if owned.peer_alive else (JobKind.RESTORE,)
        again = {r: kind for r, kind in held.items() if kind in waits}
        effects = self._put_off(again)
        groups = self._groups_of(held.keys() - again.keys())
        if owned.peer_alive or not groups:
            return effects
        names = ", ".join(f"{r.text} by {holders[r]}" for r in held)
        text = f"answered for, or asked for, while it was being started here: {names}; giving up {keys_of(groups)}"
        return [*effects, Note(Level.CRITICAL, text), *owned.step_back(groups, now)]

    def _put_off(self, answered: dict[Resource, JobKind]) -> list[Effect]:
        """What is under way waits until nobody answers for it any more."""
        if answered:
            self._ownership.jobs.abandon(self._groups_of(answered))
        self._lost |= answered.keys()
        news = [r for r, kind in answered.items() if kind is not JobKind.RESTORE]  # what was lost was told of then
        holders = self.guard.holders()
        names = ", ".join(f"{r.text} by {holders[r]}" for r in news)
        text = f"answered for while it was being started here: {names}; it is started when nobody answers any more"
        return [Note(Level.ERROR, text)] if news else []

    def _groups_of(self, addresses: Collection[Resource]) -> list[ResourceGroup]:
        """Those of ours that have one of these."""
        return [group for group in self._ownership.mine() if not set(addresses).isdisjoint(group.resources)]

    def _expect(self, now: float) -> list[Effect]:
        """A peer that is silent in every way is probably dead: what takes its time is done before that is certain."""
        before, self._expected = self._expected, self._ownership.abandoned
        return self._ownership.expect(now) if self._expected and not before else []

    def carrier(self, severed: Iterable[Resource], isolated: bool, now: float) -> None:
        """See CutOff.carrier."""
        self._cut_off.carrier(severed, isolated, now)

    def _give_up_severed(self, now: float) -> list[Effect]:
        gone = self._cut_off.due(now)
        new = [address for address in gone if address not in self._lost]
        return [*(Drop(address) for address in gone), *self.lost(new, "its interface has no carrier", now)]

    def lost(self, resources: Iterable[Resource], why: str, now: float) -> list[Effect]:
        """Addresses that stood here are gone."""
        held = [r for r in resources if any(r in group.resources for group in self._ownership.mine())]
        self._lost |= set(held)
        names = ", ".join(r.text for r in held)
        return [Note(Level.ERROR, f"{names} is gone: {why}; putting it back unless another has it")] if held else []

    def came(self, before: Iterable[Resource]) -> None:
        """A changed haresources has brought addresses which another node may have, whose files still say so: they are
        put where they belong as lost ones are. before: what was ours until then."""
        known = frozenset(before)
        mine = (r for group in self._ownership.mine() for r in group.resources if r.script in ADDRESSES)
        self._lost |= {r for r in mine if r not in known} if self._ownership.stable else set()

    def _free_again(self, now: float) -> set[Resource]:
        """The lost addresses of each group for none of whose lost ones anybody answers, and those that are not ours
        any more."""
        back = self._lost - self._cut_off.severed
        parts = [back.intersection(group.resources) for group in self._ownership.mine()]
        answered = {address for part in parts if part and not self._is_free(part, now) for address in part}
        return back - answered

    def stalled(self, late: float, now: float) -> list[Effect]:
        """This node slept for so long beyond its next deadline."""
        effects = self._awakening.stalled(late, now)
        if self._awakening.listens:
            self._lost.clear()
        return effects

    def wanted_by_other(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine asks who has this address, as one does that is about to take it.

        Of two that ask for an address which nobody has, the node that haresources names takes it (RFC 5227 2.1.1 has
        both step back).
        """
        group = next((group for group in self._ownership.groups if address in group.resources), None)
        if group is not None and group.node != self._ownership.me and self.guard.watches(address):
            self.guard.answered(address, holder, now)
        return self._step_back(now)

    def seen(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine says that it has this address."""
        if self.guard.watches(address):
            self.guard.answered(address, holder, now)
            return self._step_back(now)
        owned = self._ownership
        group = next((group for group in owned.mine() if address in group.resources), None)
        if group is None or not owned.stable or owned.standby.under_way or self._overridden:
            return []
        if not owned.jobs.idle and (owned.peer_alive or address in owned.jobs.coming()):
            return []
        if now < self._conflict_at.get(address, float("-inf")):
            return []
        self._conflict_at[address] = now + CONFLICT_PAUSE
        return self._conflict(address, group, holder, now)

    def _conflict(self, address: Resource, group: ResourceGroup, holder: str, now: float) -> list[Effect]:
        owned = self._ownership
        what = f"{address.text} is claimed by {holder}, too"
        if isinstance(owned, Ownership) and group.node != owned.me and not owned.peer_alive and self.safety.arp_guard:
            self._proven = True
            text = f"{what}: {group.node} is not dead, giving its groups up; check the heartbeat links"
            return [Note(Level.CRITICAL, text), *owned.step_back([group], now)]
        if address not in owned.standing():
            return []
        if self._peer is not None and self._peer.alive and self._files_differ() and owned.me > self._peer.name:
            why = f"haresources of {self._peer.name} gives it to that node, ours to this one; make the files the same"
            return [Drop(address), *self.lost([address], why, now)]
        return [Note(Level.CRITICAL, f"{what}: two machines have it; it stays here, find the other"), Announce(address)]

    def _to_ask(self, now: float) -> set[Resource]:
        asks_for_failed = (at := self._retry_soon_at) is not None and now >= at
        waiting = self._ownership.failed.waiting if asks_for_failed else ()
        failed = (r for group in waiting for r in group.resources if r.script in ADDRESSES)
        return {*self._wanted(now), *self._lost, *self._under_way(now), *failed} - self._cut_off.severed

    @property
    def _retry_soon_at(self) -> float | None:
        """From when on there are questions because of groups that did not start here."""
        at = self._ownership.failed.retry_at
        return None if at is None or self._ownership.peer_alive else at - ASK_BEFORE

    def _is_free(self, addresses: Iterable[Resource], now: float) -> bool:
        return not self.safety.arp_guard or self.guard.is_free(addresses, now)

    def _suspect_at(self) -> float | None:
        """From when on the peer's silence is worth a question."""
        if self._peer is None or not self.safety.arp_guard or (at := self._peer.suspect_at) is None:
            return None
        return min(at, self._peer.overdue_at) if self._peer.alive and self._may_orphan() else at

    def _wanted(self, now: float) -> list[Resource]:
        """The addresses that may be ours in a moment, because the peer is silent."""
        suspect_at = self._suspect_at()
        if not self._ownership.take_due and (suspect_at is None or now < suspect_at):
            return []
        return [r for group in self._ownership.others() for r in group.resources if r.script in ADDRESSES]

    def _wait(self, now: float, since: float) -> list[Effect]:
        """Somebody answers for addresses of a peer that is dead for us."""
        limit = self.safety.arp_guard_limit or self.timing.deadtime
        holders = ", ".join(f"{r.text} is answered for by {mac}" for r, mac in self.guard.holders().items())
        if self._is_original() and not self._proven and now >= since + limit:
            self._overridden = True
            text = (
                f"{holders}: a crashed heartbeat leaves its addresses behind; taking them {limit:g} s after its death"
            )
            return [Note(Level.CRITICAL, text), *self._ownership.take(now)]
        if not holders or now < self._alarm_at:
            return []
        self._alarm_at = now + ALARM_PAUSE
        name = self._peer.name if self._peer else ""
        text = f"{name} is silent, but {holders}: it is alive there, nothing is taken; check the heartbeat links"
        return [Note(Level.CRITICAL, text)]
