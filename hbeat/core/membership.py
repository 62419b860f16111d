"""Is the peer alive, and over which links? (reference section 4)

A node is heard when a status of it is accepted, over any link. It is dead after `dt` seconds of silence: the time
the peer itself asked for in its status messages, our own deadtime until it said one, and initdead while it was
never heard. A link is up while anything of the peer arrives on it, copies included: the copy is what proves the
second cable. Links only tell; a node with one working link is alive.

A node that was declared dead and is heard again in the same life was not dead: a link flaps. Each such alarm costs a
takeover and two owners for a while, so the next one takes twice the silence, up to eight times, for ten minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.events import Level, Note
from hbeat.core.model import LinkName, NodeName, NodeState, Timing

OVERDUE = 1.2
"""Heartbeats: so late is more than the unpunctuality of a loop."""
MAX_ALARMS = 3
ALARM_KEPT = 600.0
"""Seconds without a false alarm after which deadtime is deadtime again."""
CALM = 10.0
"""Seconds without failback after a false alarm, doubled by each of late."""


@dataclass(slots=True)
class Link:
    """One link to the peer. It starts dead: nothing was heard yet."""

    up: bool = False
    heard_at: float | None = None
    source: str = ""
    """The address from which the peer was heard here."""


class Peer:
    """The other node, as far as we can hear."""

    def __init__(self, name: NodeName, links: Iterable[LinkName], timing: Timing, now: float) -> None:
        self.name = name
        self.status: str = NodeState.INIT.value  # the text it sends; "dead" only by us
        self.links = {link: Link() for link in dict.fromkeys(links)}
        self.timing = timing
        self.dt: float | None = None
        self.protocol = False
        self.heard_at: float | None = None
        self._began = now
        self._not_dead_before = now
        self._noted_init = False
        self._known_dead = False
        self._alarms = 0  # false ones in a row
        self._alarm_at = now
        self.restless_until = now
        """Groups stay where they are until then: the links that gave a false alarm may do so again."""

    @property
    def alive(self) -> bool:
        return self.heard_at is not None and self.status != NodeState.DEAD.value

    @property
    def decided(self) -> bool:
        """It was heard, or given up: communication is up as far as this node goes."""
        return self.heard_at is not None or self.status == NodeState.DEAD.value

    @property
    def patience(self) -> float:
        """Seconds of silence after which the peer is dead: twice as many after each false alarm of late."""
        return (self.timing.deadtime if self.dt is None else self.dt) * (1 << self._alarms)

    def was_not_dead(self, now: float) -> list[Note]:
        """The life that was given up is heard again: the network had failed, not the node, and may do so again soon.

        Not if the daemon had: then it is no reason for more patience.
        """
        if self._known_dead:
            return []
        self._alarms = min(self._alarms + 1, MAX_ALARMS)
        self._alarm_at = now
        self.restless_until = now + CALM * (1 << (self._alarms - 1))
        text = f"node {self.name} was not dead: it gets {self.patience:g} s of silence until {ALARM_KEPT:g} s are quiet"
        return [Note(Level.WARNING, text)]

    @property
    def links_up(self) -> int:
        """How many of its links live."""
        return sum(link.up for link in self.links.values())

    def relink(self, links: Iterable[LinkName]) -> None:
        """ha.cf has other links now; those that stay keep their state."""
        self.links = {link: self.links.get(link) or Link() for link in dict.fromkeys(links)}

    def next_deadline(self) -> float | None:
        """When the node or one of its links will be given up, if nothing is heard."""
        times = [link.heard_at + self.patience for link in self.links.values() if link.up and link.heard_at is not None]
        if self.status != NodeState.DEAD.value:
            times.append(self._node_deadline())
        return min(times, default=None)

    @property
    def suspect_at(self) -> float | None:
        """From when on its silence is worth a question about its addresses; None when it is dead already."""
        if self.status == NodeState.DEAD.value:
            return None
        allowed = self.timing.initdead if self.heard_at is None else self.patience
        begins = max(allowed / 2, min(1.5 * self.timing.keepalive, 0.7 * allowed))
        return self._node_deadline() - (allowed - begins)

    def _node_deadline(self) -> float:
        silent_until = self._began + self.timing.initdead if self.heard_at is None else self.heard_at + self.patience
        return max(silent_until, self._not_dead_before)

    def doubt(self, now: float) -> None:
        """We ourselves were late: what looks like silence may be ours. It gets the time of two more heartbeats."""
        self._not_dead_before = now + 2 * self.timing.keepalive

    @property
    def machine(self) -> tuple[tuple[LinkName, str], ...]:
        """Its own addresses by link, where it was heard."""
        return tuple((name, link.source) for name, link in self.links.items() if link.source)

    def is_overdue(self, now: float) -> bool:
        """A heartbeat of it is missing, and the reason is not that this node was late, or that one has just started."""
        punctual = self.dt is None or self.dt <= self.timing.deadtime
        return self.alive and punctual and now >= max(self.overdue_at, self._not_dead_before)

    @property
    def overdue_at(self) -> float:
        """When the next heartbeat has to be called late."""
        return (self.heard_at or self._began) + OVERDUE * self.timing.keepalive

    def heard_on(self, link_name: LinkName, now: float, source: str = "") -> list[Note]:
        """Something authentic arrived on this link, be it a copy; source: the address that sent it, if it is known."""
        link = self.links.get(link_name)
        if link is None:
            return []
        link.heard_at = now
        link.source = source or link.source
        if link.up:
            return []
        link.up = True
        return [Note(Level.INFO, f"Link {self.name}:{link_name} up.")]

    def status_heard(self, status: str, dt: float | None, now: float) -> list[Note]:
        """A status message was accepted; dt in seconds."""
        notes: list[Note] = []
        if self._alarms and now - self._alarm_at > ALARM_KEPT:
            self._alarms = 0
        if self.alive and self.heard_at is not None and now - self.heard_at > self.timing.warntime:
            late = round((now - self.heard_at) * 1000)
            notes.append(Note(Level.WARNING, f"Late heartbeat: Node {self.name}: interval {late} ms"))
        self.heard_at = now
        if dt is not None and dt >= 2 * self.timing.keepalive:  # no node that means it asks for less
            self.dt = dt
        if status != self.status or not self._noted_init:
            self._noted_init = True
            notes.append(Note(Level.INFO, f"Status update for node {self.name}: status {status}"))
        self.status = status
        return notes

    def give_up(self, why: str, now: float) -> Note:
        """It is dead before its time, because of what is known of it; it will not have been a false alarm."""
        self.status = NodeState.DEAD.value
        self._known_dead = True
        silence = now - (self._began if self.heard_at is None else self.heard_at)
        return Note(Level.WARNING, f"node {self.name}: is dead (silent {silence:.3f} s, {why})")

    def check(self, now: float) -> tuple[bool, list[Note]]:
        """Whether the node has just died, and what to say about it and its links."""
        notes: list[Note] = []
        for name, link in self.links.items():
            if link.up and link.heard_at is not None and now >= link.heard_at + self.patience:
                link.up = False
                notes.append(Note(Level.WARNING, f"Link {self.name}:{name} dead."))
        if self.status == NodeState.DEAD.value or now < self._node_deadline():
            return False, notes
        silence = now - (self._began if self.heard_at is None else self.heard_at)
        never = ", never heard" if self.heard_at is None else ""
        self.status = NodeState.DEAD.value
        self._known_dead = False
        return True, [*notes, Note(Level.WARNING, f"node {self.name}: is dead (silent {silence:.3f} s{never})")]
