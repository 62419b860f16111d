"""The heartbeat itself: what this node says of itself, and when (reference sections 3 and 4.1).

A beat is due each keepalive, and at once when what it says has changed: to an original how long to wait for us, to a
peer of our kind all of our hello.
"""

from __future__ import annotations

from dataclasses import replace

from hbeat.core.cabling import Cabling
from hbeat.core.connection_sync import ConnectionSync
from hbeat.core.events import Say
from hbeat.core.hello import FIELD, Files, Hello
from hbeat.core.kin import Kin
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.membership import Peer
from hbeat.core.model import NodeState, Timing
from hbeat.core.ownership import Ownership
from hbeat.core.proof import Proof
from hbeat.core.sight import Sight

PROTOCOL = "1"
START_GRACE = 2.0
"""Added to the dt we announce during the first START_GRACE_FOR seconds (reference section 4.1)."""
START_GRACE_FOR = 5.0


class Beat:
    """timing, files: of the configuration, exchanged by a reload. began: monotonic seconds, as all times here."""

    def __init__(
        self,
        timing: Timing,
        files: Files,
        ownership: Ownership | LegacyOwnership,
        peer: Peer | None,
        kin: Kin,
        proof: Proof,
        cabling: Cabling,
        sight: Sight,
        connections: ConnectionSync,
        began: float,
    ) -> None:
        self.timing, self.files = timing, files
        self._ownership, self._peer, self._kin, self._proof = ownership, peer, kin, proof
        self._cabling, self._sight, self._connections = cabling, sight, connections
        self._began = began
        self._next = began
        self._said: tuple[object, ...] = ()

    def next_deadline(self, now: float) -> float:
        """When a beat is due; now: of the last thing that happened."""
        if self._said != self._says(now):
            return min(self._next, now)
        if now < self._began + START_GRACE_FOR:
            return min(self._next, self._began + START_GRACE_FOR)
        return self._next

    def is_due(self, now: float) -> bool:
        return now >= self._next or self._said != self._says(now)

    def beaten(self, now: float) -> None:
        """The status went out: the next beat keeps the rhythm, but never follows closely after a late one."""
        if now >= self._next:
            self._next = max(self._next + self.timing.keepalive, now + self.timing.keepalive / 2)

    def started(self, now: float) -> None:
        self._next = now + self.timing.keepalive

    def renew(self, timing: Timing, now: float) -> None:
        """Other timers, from the next beat on."""
        self.timing = timing
        self._next = min(self._next, now + timing.keepalive)

    def status(self, state: NodeState, now: float) -> Say:
        """The message to send now."""
        self._said = self._says(now)
        dt = f"{round(self._dt(now) * 1000):x}"
        return Say.of("status", **{"st": state.value, "dt": dt, "protocol": PROTOCOL, FIELD: self._hello().text()})

    def _dt(self, now: float) -> float:
        return self.timing.deadtime + (START_GRACE if now < self._began + START_GRACE_FOR else 0.0)

    def _says(self, now: float) -> tuple[object, ...]:
        return (self._dt(now), replace(self._hello(), nonce="", echoes=()) if self._kin.hello else None)

    def _hello(self) -> Hello:
        owned = self._ownership
        sees_dead = self._peer is not None and self._peer.status == NodeState.DEAD.value
        quiet = not (owned.jobs.stopping or owned.standby.taking)
        lost, views = len(self._cabling.lost), self._sight.views
        nonce, echoes, sync = self._proof.nonce, self._proof.echoes, self._connections.news
        return Hello(nonce, echoes, sees_dead, owned.held, quiet, self.files, lost, views, sync, owned.absent)
