"""Whether a restart of the peer is one.

A node that restarts begins a new life, told by its generation and, for one of ours, its nonce. A life that was left
behind does not come back; when one does, there are two machines of that name, both with our key: a clone that was not
renamed, or a second daemon. Each takes the other's place with every heartbeat, so this is told once in a while only.
"""

from __future__ import annotations

from hbeat.core.events import Level, Note
from hbeat.core.model import NodeName

QUIET = 60.0
REMEMBERED = 16

Life = tuple[int, str]


class Lives:
    """The lives of one peer, the newest few of them."""

    def __init__(self, peer: NodeName) -> None:
        self._peer = peer
        self._seen: dict[Life, None] = {}
        self._now: Life | None = None
        self._quiet_until = 0.0

    def opened(self, life: Life, now: float) -> list[Note]:
        """A life begins to count, or counts again; what there is to say of it."""
        before, self._now = self._now, life
        known = life in self._seen
        self._seen[life] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if before in (None, life):
            return []
        if not known:
            return [Note(Level.INFO, f"node {self._peer}: restarted (generation {life[0]})")]
        if now < self._quiet_until:
            return []
        self._quiet_until = now + QUIET
        text = f"two machines are called {self._peer}, or two daemons run there: stop one of them"
        return [Note(Level.ERROR, text)]
