"""Whether this node may have addresses that another one may have: whom the network is asked for, and what follows.

Asked for are the addresses that are gone (`lost`), that are being started (`under_way`) and those of a silent peer.
Someone who claims what we do not ask for is a `conflict`.

Silent peer. From suspicion on the network is asked for the addresses that a death would bring us. At the death they
are taken if nobody answers; else the groups stay where they are, the network is asked on, and an alarm is logged. An
original heartbeat which crashed leaves its addresses behind for ever; it is waited for no longer than the limit.

A peer that was never heard may be anything: a firewall, other keys, a file that was lost. It is waited for like one of
our kind, as long as somebody answers.

Orphans. A node of our kind whose heartbeat is late is asked for at once, and so is its machine. One that answers for
itself and not for its addresses has a daemon that was killed or hangs, and has lost them (`guard`): it is dead without
waiting for deadtime, if all it had is of our own kinds; other resources may still run there. Not if it said that an
address of what it holds is not up: a group that was stopped by hand there, say.

Stall. A node that has slept knows what was, not what is. After a sleep for which the peer has no patience it holds
nothing any more (`awakening`); after a shorter one its addresses are lost.

Cut off. Addresses without carrier may have to go (`cut_off`); then they are lost, too.

Failed. A group that did not start here and waits for its next attempt (`failed`) waits on while the peer is silent and
somebody answers for its addresses.
"""

from __future__ import annotations

from collections.abc import Callable

from hbeat.core.awakening import Awakening
from hbeat.core.builtin import ADDRESSES, BUILTIN
from hbeat.core.conflict import Conflicts
from hbeat.core.cut_off import CutOff
from hbeat.core.events import Drop, Effect, Level, Note, Probe
from hbeat.core.failed import ASK_BEFORE
from hbeat.core.guard import Guard
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.lost import Lost
from hbeat.core.membership import Peer
from hbeat.core.model import Resource, Safety, Timing
from hbeat.core.ownership import Ownership
from hbeat.core.under_way import UnderWay

ALARM_PAUSE = 60.0


class Custody:
    """peer_is_ours: it is a node of our kind, as far as is known; is_original: it is heartbeat; neither: it was never
    heard. peer_absent: an address of what it holds is not up, as it says. files_differ: it has another haresources,
    as it says.

    guard, cut_off and lost are told directly of what happens to them. Times are monotonic seconds.
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
        self.guard.enabled = safety.arp_guard
        self._ownership, self._peer, self._peer_is_ours = ownership, peer, peer_is_ours
        self._peer_absent, self._is_original = peer_absent, is_original
        self._due_since: float | None = None  # the peer is dead, and somebody answers for its addresses
        self._alarm_at = float("-inf")
        self._expected = False
        self._awakening = Awakening(timing, ownership, peer, peer_is_ours)
        self.cut_off = CutOff(timing, ownership, peer)
        self.lost = Lost(ownership, self.guard, self.cut_off)
        self._under_way = UnderWay(ownership, self.guard, self.lost)
        self._conflicts = Conflicts(ownership, peer, self.guard, self.lost, files_differ)

    def renew(self, safety: Safety, timing: Timing) -> None:
        """Another configuration."""
        self.safety, self.timing = safety, timing
        self.cut_off.timing = self._awakening.timing = timing
        self.guard.tune(timing.deadtime)
        self.guard.enabled = safety.arp_guard
        if not self.guard.enabled:
            self.guard.forget()
            self._ownership.contested = self._ownership.abandoned = False
            self._ownership.failed.answered_for = frozenset()

    def next_deadline(self, now: float) -> float | None:
        """When handle_timer wants to be called; now: of the last thing that happened."""
        suspect_at, retry_soon_at = self._suspect_at(), self._retry_soon_at
        timers = [
            self.guard.next_deadline(),
            suspect_at if suspect_at is not None and suspect_at > now else None,
            self.lost.next_deadline(now),
            now if self._must_look(now) else None,
            retry_soon_at if retry_soon_at is not None and retry_soon_at > now else None,
            self._awakening.next_deadline(),
            None if (sever_at := self.cut_off.next_deadline()) is None else max(sever_at, now),
        ]
        return min((at for at in timers if at is not None), default=None)

    def _must_look(self, now: float) -> bool:
        """There is something new to ask about."""
        return self.guard.enabled and not all(self.guard.watches(address) for address in self._to_ask(now))

    def look(self, now: float) -> list[Effect]:
        """Asks what has to be asked. To be called before the peer's death is judged: the answer is used for it."""
        if not self.guard.enabled:
            return []
        if self._ownership.jobs.idle:
            self._under_way.overridden = False
        self.guard.watch(sorted(self._to_ask(now), key=lambda address: address.text), now)
        wanted = self._wanted(now)
        asked = [address for address in wanted if address not in self.cut_off.severed]
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
        self._ownership.contested = self.guard.enabled

    def handle_timer(self, now: float) -> list[Effect]:
        """Takes and restores what nobody else has."""
        effects = [
            *self._awakening.handle_timer(now),
            *self._give_up_severed(now),
            *self._expect(now),
            *self._step_back(now),
            *self.lost.restore(now),
        ]
        if not self._ownership.take_due or self._awakening.listens:
            self._due_since = None
            return effects
        if self._due_since is None:
            self._due_since = now
        if not self._ownership.contested:
            self._conflicts.proven = False
            return [*effects, *self._ownership.take(now)]
        return effects + self._wait(now, self._due_since)

    def _step_back(self, now: float) -> list[Effect]:
        return self._under_way.step_back(self._is_silent(now), now)

    def _is_silent(self, now: float) -> bool:
        """The peer is dead or late."""
        suspect_at = self._suspect_at()
        late = suspect_at is not None and now >= suspect_at
        return self._peer is not None and (late or not self._ownership.peer_alive)

    def _expect(self, now: float) -> list[Effect]:
        """A peer that is silent in every way is probably dead: what takes its time is done before that is certain."""
        before, self._expected = self._expected, self._ownership.abandoned
        return self._ownership.expect(now) if self._expected and not before else []

    def _give_up_severed(self, now: float) -> list[Effect]:
        gone = self.cut_off.due(now)
        new = [address for address in gone if address not in self.lost.addresses]
        return [*(Drop(address) for address in gone), *self.lost.lose(new, "its interface has no carrier")]

    def stalled(self, late: float, now: float) -> list[Effect]:
        """This node slept for so long beyond its next deadline."""
        effects = self._awakening.stalled(late, now)
        if self._awakening.listens:
            self.lost.addresses.clear()
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
        return [] if self._under_way.overridden else self._conflicts.claimed(address, holder, now)

    def _to_ask(self, now: float) -> set[Resource]:
        asks_for_failed = (at := self._retry_soon_at) is not None and now >= at
        waiting = self._ownership.failed.waiting if asks_for_failed else ()
        failed = (r for group in waiting for r in group.resources if r.script in ADDRESSES)
        under_way = self._under_way.addresses(self._is_silent(now))
        return {*self._wanted(now), *self.lost.addresses, *under_way, *failed} - self.cut_off.severed

    @property
    def _retry_soon_at(self) -> float | None:
        """From when on there are questions because of groups that did not start here."""
        at = self._ownership.failed.retry_at
        return None if at is None or self._ownership.peer_alive else at - ASK_BEFORE

    def _suspect_at(self) -> float | None:
        """From when on the peer's silence is worth a question."""
        if self._peer is None or not self.guard.enabled or (at := self._peer.suspect_at) is None:
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
        if self._is_original() and not self._conflicts.proven and now >= since + limit:
            self._under_way.overridden = True
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
