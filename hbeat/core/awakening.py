"""A node that has slept: what it held, the other one may have by now.

After a sleep for which the peer has no patience everything is given up, addresses first (`Ownership.woke`). Then the
node listens: within two heartbeats a peer that lives has said what it took. What it did not take comes back; a peer of
our kind says that by itself (`kin`), beside an original it is done here, when all that was given up is stopped. A peer
that stopped in order would first have to start again, and to listen for initdead.
"""

from __future__ import annotations

from collections.abc import Callable

from hbeat.core.builtin import ADDRESSES
from hbeat.core.events import Drop, Effect, Level, Note
from hbeat.core.holder import keys_of
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.membership import Peer
from hbeat.core.model import ResourceGroup, Timing
from hbeat.core.ownership import Ownership

HEARTBEATS = 2
"""After a long sleep a peer has said within so many what it holds."""


class Awakening:
    """peer_is_ours: it is a node of our kind, as far as is known. Times are monotonic seconds."""

    def __init__(
        self,
        timing: Timing,
        ownership: Ownership | LegacyOwnership,
        peer: Peer | None,
        peer_is_ours: Callable[[], bool],
    ) -> None:
        self.timing = timing
        self._ownership, self._peer, self._peer_is_ours = ownership, peer, peer_is_ours
        self._listens_until: float | None = None
        self._had_foreign: list[ResourceGroup] = []  # before the sleep

    @property
    def listens(self) -> bool:
        """Nothing is taken before the peer has had the time to speak."""
        return self._listens_until is not None

    def next_deadline(self) -> float | None:
        return self._listens_until

    def stalled(self, late: float, now: float) -> list[Effect]:
        """This node slept for so long beyond its next deadline."""
        owned = self._ownership
        note = Note(Level.ERROR, f"this node slept for {late:.3f} s: what it knew is stale")
        if not isinstance(owned, Ownership) or self._peer is None:
            return [note]
        if late < (self.timing.initdead if owned.peer_left else self.timing.deadtime - self.timing.keepalive):
            return [note]
        mine = owned.mine()
        if not mine:
            return [note, *owned.woke(now)]
        self._listens_until = now + HEARTBEATS * self.timing.keepalive
        self._had_foreign = [group for group in mine if group.node != owned.me]
        standing = [r for group in mine for r in group.resources if r.script in ADDRESSES]
        return [note, *(Drop(address) for address in standing), *owned.woke(now)]

    def handle_timer(self, now: float) -> list[Effect]:
        """The peer, if it is alive, has said by now what it took."""
        owned = self._ownership
        if self._listens_until is None or now < self._listens_until or isinstance(owned, LegacyOwnership):
            return []
        if owned.stable and owned.peer_alive and not owned.at_rest:
            self._listens_until = now + self.timing.keepalive  # still being stopped
            return []
        self._listens_until = None
        if self._peer_is_ours() or owned.held.local or not (owned.at_rest and owned.peer_alive):
            return []
        effects = [] if owned.peer_held.foreign else owned.take_unowned(now)
        if self._had_foreign and not owned.peer_held.local:
            text = f"{keys_of(self._had_foreign)} ran here before this node slept, and runs nowhere now"
            effects.append(Note(Level.CRITICAL, f"{text}: hbeat resource takegroup"))
        return effects
