"""When a node that has started becomes active (reference section 4.1).

As soon as everybody was heard or given up. A peer that answers is asked for its node list first, once a second, and
is gone on without when it has not answered for a deadtime.
"""

from __future__ import annotations

from enum import Enum, auto

from hbeat.core.membership import Peer

REQNODES_PAUSE = 1.0


class Step(Enum):
    """What a joining node does next."""

    WAIT = auto()
    ASK = auto()
    ACTIVATE = auto()
    ACTIVATE_UNANSWERED = auto()


class Joining:
    """ask_at: when to ask (again) for the node list, None while nobody is asked. Monotonic seconds."""

    def __init__(self) -> None:
        self.ask_at: float | None = None
        self._asked_since = 0.0

    def next(self, peer: Peer | None, pings_decided: bool, deadtime: float, now: float) -> Step:
        """What a node that is up does now, after any news."""
        if not pings_decided or (peer is not None and not peer.decided):
            return Step.WAIT
        if peer is None or not (peer.alive and peer.protocol):
            return Step.ACTIVATE
        if self.ask_at is None:
            self._asked_since = self.ask_at = now
        if now < self.ask_at:
            return Step.WAIT
        if now - self._asked_since > deadtime:
            return Step.ACTIVATE_UNANSWERED
        self.ask_at = now + REQNODES_PAUSE
        return Step.ASK

    def ended(self) -> None:
        """The list has come, or the node is active."""
        self.ask_at = None
