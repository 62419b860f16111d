"""Addresses of ours on interfaces without carrier: when they have to go.

An address whose interface has no carrier cannot be asked for, and harms nobody while it is there. A node that hears its
peer over no link any more gives up those of its addresses when it begins to suspect it, or half a patience after all
links lost their carrier: the peer takes them, and the cable may come back at any moment. For the same reason they are
left out when everything is taken from a dead peer (`severed` of the holder), and are lost addresses from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from hbeat.core.holder import Holder
from hbeat.core.membership import Peer
from hbeat.core.model import Resource, Timing


class CutOff:
    """Of one node. severed: all addresses whose interface has no carrier now. Times are monotonic seconds."""

    def __init__(self, timing: Timing, holder: Holder, peer: Peer | None) -> None:
        self.timing = timing
        self.severed: frozenset[Resource] = frozenset()
        self._holder, self._peer = holder, peer
        self._isolated_since: float | None = None
        self._drop_at = float("-inf")

    def carrier(self, severed: Iterable[Resource], isolated: bool, now: float) -> None:
        """The addresses whose interface has no carrier now; isolated: nor has any interface to the peer."""
        self.severed = frozenset(severed)
        self._holder.severed = self.severed if self._peer is not None else frozenset()
        self._isolated_since = (self._isolated_since or now) if isolated else None

    def _held(self) -> list[Resource]:
        return [r for group in self._holder.mine() for r in group.resources if r in self.severed]

    def next_deadline(self) -> float | None:
        """When they are to go, or to be looked for again."""
        if self._peer is None or not self._held():
            return None
        if (suspect_at := self._peer.suspect_at) is None:  # it is dead
            return self._drop_at
        if self._isolated_since is None:
            return max(self._drop_at, suspect_at)
        patience = (self.timing.deadtime - self.timing.keepalive) / 2
        return max(self._drop_at, min(suspect_at, self._isolated_since + patience))

    def due(self, now: float) -> list[Resource]:
        """Those that go now. Again with each heartbeat: a takeover that was under way may have put them there
        meanwhile."""
        at = self.next_deadline()
        if at is None or now < at:
            return []
        self._drop_at = now + self.timing.keepalive
        return self._held()
