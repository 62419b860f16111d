"""Groups that did not start here: to whom they may go, and when they are tried again.

The original leaves such a group stopped on both nodes until somebody comes (reference section 6.3). Here it is handed
to the peer, once a minute, so that two nodes which are both broken do not play ball with it all the time; when it
cannot go anywhere it is tried again here after half a minute.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hbeat.core.events import Effect, Level, Note
from hbeat.core.model import ResourceGroup

HANDOVER_PAUSE = 60.0
START_RETRY = 30.0
ASK_BEFORE = 1.0
"""Seconds before the next attempt from which the network is asked who has the addresses, if the peer is silent. No
sooner: whoever asks is about to take them, and the peer, if it is there, would wait for that."""


class FailedStarts:
    """What failed to start and still waits (`waiting`), and what was handed over lately."""

    def __init__(self) -> None:
        self.waiting: tuple[ResourceGroup, ...] = ()
        self.retry_at: float | None = None
        self.answered_for: frozenset[str] = frozenset()
        """Keys of waiting groups for whose addresses somebody answers (`custody`)."""
        self._handed_over: dict[str, float] = {}

    def may_go(self, groups: Iterable[ResourceGroup], now: float) -> bool:
        """None of them was handed over within the pause."""
        never = -HANDOVER_PAUSE
        return all(now - self._handed_over.get(group.key, never) >= HANDOVER_PAUSE for group in groups)

    def handed_over(self, groups: Iterable[ResourceGroup], now: float) -> None:
        self._handed_over.update((group.key, now) for group in groups)
        self.take()

    def keep(self, groups: tuple[ResourceGroup, ...], now: float) -> None:
        """They cannot go anywhere now."""
        self.waiting = (*self.waiting, *(group for group in groups if group not in self.waiting))
        self.retry_at = now + START_RETRY

    def take(self) -> tuple[ResourceGroup, ...]:
        """The waiting groups, which wait no longer."""
        groups, self.waiting, self.retry_at = self.waiting, (), None
        return groups

    def due(self, mine: Collection[ResourceGroup], now: float) -> tuple[tuple[ResourceGroup, ...], list[Effect]]:
        """Those of ours whose next attempt is now, and what to tell of those that wait on because somebody else has
        their addresses."""
        if self.retry_at is None or now < self.retry_at:
            return (), []
        keys = {group.key for group in self.take()}
        ours = tuple(group for group in mine if group.key in keys)
        served = tuple(group for group in ours if group.key in self.answered_for)
        if not served:
            return ours, []
        self.keep(served, now)
        names = ", ".join(group.key for group in served)
        text = f"{names}: somebody answers for its addresses; it is not started again here for now"
        return tuple(group for group in ours if group not in served), [Note(Level.WARNING, text)]
