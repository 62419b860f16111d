"""The plugs of the interfaces that virtual addresses need: a node without carrier hands its groups over at once.

A pulled cable, a dead switch port or `ip link set down` is news that needs no silence to be believed: clients cannot
reach an address there, whatever the heartbeats on other cables say. So each node counts the interfaces of its groups
that have no carrier and says the number in its hello; the one with more of them gives all it holds to the other one, by
the standby handshake, 20 ms after the news, or an eighth of deadtime where that is less: a switch that dies takes the
plugs of both, and the other one's word for it needs its time. (That one has its directors write their tables meanwhile.
An offer that its word finds made is withdrawn, if it has not been taken up.) ipfail finds the same by ping nodes, for
faults behind the plug, and takes its seconds.

Calm. Nothing moves while both miss as many. A node that misses more gets nothing back. When it misses no more than we
do its groups go home after the hold-down, if auto_failback is on; each time they came in the last CALM_FOR seconds
doubles that. Giving up is never held down: who has no carrier serves nobody. An offer that nobody has answered when the
carrier is back is withdrawn: where all cables were out the peer would learn of it only now, and not why.

An original says nothing of its plugs, so beside one nothing moves: there it is ipfail that knows, as ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.events import Effect, Level, Note
from hbeat.core.model import Held, Timing
from hbeat.core.ownership import Ownership
from hbeat.core.standby import Stage

LONGEST_SETTLE, SETTLE_PARTS = 0.02, 8
RETRY = 0.1
"""Between looks whether a handshake can begin."""
ANSWER = 1.0
"""Until a handshake that moved nothing is begun again."""
CALM_FOR = 600.0
LONGEST = 300.0
NAME = "cabling"


@dataclass(slots=True)
class _Wish:
    scope: Held
    why: str
    due: float
    offered: bool = False


class Cabling:
    """hold_down: seconds; None: no carrier moves anything. ownership: None where no handshake is (legacy, one node)."""

    def __init__(self, ownership: Ownership | None, timing: Timing, hold_down: float | None, gives_back: bool) -> None:
        self.renew(timing, hold_down, gives_back)
        self.lost: frozenset[str] = frozenset()
        self._peer_lost: int | None = None  # None: an original, or nobody
        self._ownership = ownership
        self._received = False  # the groups of the peer came because it had lost more
        self._wish: _Wish | None = None
        self._came: list[float] = []  # when groups of the peer came so
        self._release_at: float | None = None  # failback is held back until then

    def renew(self, timing: Timing, hold_down: float | None, gives_back: bool) -> None:
        """From now on these hold."""
        self.hold_down, self.gives_back = hold_down, gives_back
        self._settle = min(LONGEST_SETTLE, timing.deadtime / SETTLE_PARTS)

    def next_deadline(self) -> float | None:
        times = (self._wish.due if self._wish else None, self._release_at)
        return min((at for at in times if at is not None), default=None)

    def seen(self, lost: Iterable[str], now: float) -> list[Effect]:
        """These interfaces of our groups have no carrier now."""
        before, self.lost = self.lost, frozenset(lost)
        gone, back = sorted(self.lost - before), sorted(before - self.lost)
        notes = [Note(Level.WARNING, f"{name}: no carrier") for name in gone]
        notes += [Note(Level.INFO, f"{name}: carrier is back") for name in back]
        return [*notes, *self._withdraw("the carrier is back", now), *self._weigh(now)]

    def peer_says(self, lost: int, now: float) -> list[Effect]:
        """The newest word of a peer of our kind."""
        news = self._peer_lost is not None and lost > self._peer_lost
        self._peer_lost = lost
        effects = [*self._withdraw("the other node has no carrier either", now), *self._weigh(now)]
        if news and self._ownership is not None and self.hold_down is not None and lost > len(self.lost):
            return [*effects, *self._ownership.expect(now)]
        return effects

    def peer_gone(self) -> None:
        """It died, stopped, or is an original: what we hold is ours by that."""
        self._peer_lost, self._received, self._wish = None, False, None
        self._hold_back(False)

    def handle_timer(self, now: float) -> list[Effect]:
        if self._release_at is not None and now >= self._release_at:
            self._hold_back(False)
        wish = self._wish
        if wish is None or now < wish.due:
            return []
        owned = self._ownership
        assert owned is not None
        if not owned.can_give or (wish.scope is Held.FOREIGN and owned.handover.is_held_back(besides=NAME)):
            wish.due = now + RETRY
            return []
        wish.due, wish.offered = now + ANSWER, True
        return owned.give(wish.scope, wish.why, now)

    def _withdraw(self, why: str, now: float) -> list[Effect]:
        """What was offered for want of a carrier, and nobody has answered, stays here if the other one has no more of
        them than we do."""
        owned, wish = self._ownership, self._wish
        if owned is None or wish is None or not wish.offered or wish.scope is not Held.ALL:
            return []
        if len(self.lost) > (self._peer_lost or 0) or owned.standby.stage is not Stage.ASKED:
            return []
        return owned.handover.withdraw(why, now)

    def _weigh(self, now: float) -> list[Effect]:
        """What follows from who has lost more."""
        owned = self._ownership
        if owned is None or self._peer_lost is None or self.hold_down is None:
            self._wish = None
            self._hold_back(False)
            return []
        more = len(self.lost) - self._peer_lost
        if more < 0:
            self._hold_back(True)
        elif owned.handover.is_held_back_by(NAME) and self._release_at is None:
            self._release_at = now + self._patience(now)
        if more < 0 and owned.held.foreign and not owned.handover.failback_due and not self._received:
            self._received = True
            self._came = [at for at in self._came if now - at < CALM_FOR] + [now]
        if more > 0 and owned.to_give is not Held.NONE:
            return self._want(Held.ALL, f"no carrier on {', '.join(sorted(self.lost))}", self._settle, now)
        if more == 0 and self._received and self.gives_back and owned.to_give.foreign:
            return self._want(Held.FOREIGN, f"{owned.peer} has its carrier back", self._patience(now), now)
        self._wish = None
        self._received = self._received and owned.held.foreign
        return []

    def _want(self, scope: Held, why: str, wait: float, now: float) -> list[Effect]:
        if self._wish is not None and self._wish.scope is scope:
            return []
        self._wish = _Wish(scope, why, now + wait)
        if scope is Held.ALL:
            return []
        return [Note(Level.INFO, f"{why}: it gets its resources back if it stays so for {wait:g} s")]

    def _hold_back(self, on: bool) -> None:
        self._release_at = None
        if self._ownership is not None:
            self._ownership.handover.hold_back(NAME, on)

    def _patience(self, now: float) -> float:
        """The hold-down, doubled by each time of late but the last."""
        assert self.hold_down is not None
        lately = sum(now - at < CALM_FOR for at in self._came)
        return min(self.hold_down * (1 << min(max(lately - 1, 0), 20)), max(self.hold_down, LONGEST))
