"""Ping nodes: hosts outside the cluster whose answers show that our own network works (reference section 10.2).

With every status message each ping node is sent an ICMP echo request. Its payload is a complete signed message that
names the ping node, so the answer speaks for itself: whoever echoes it is that ping node. An answer counts when it is,
byte for byte, something we sent within the last deadping seconds. That is more than the original asks for (any message
that is signed well), and makes a recorded answer worthless.

Otherwise a ping node is a peer like any other: one link of its own name, dead after deadping seconds of silence, after
initdead when it was never heard. The start waits for it as for a node: until it answered or was given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from hbeat.core.events import Note, SendPing
from hbeat.core.membership import Peer
from hbeat.core.model import NodeName, NodeState, PingNode, Timing
from hbeat.core.outbox import Outbox


@dataclass(slots=True)
class _Watched:
    node: PingNode
    life: Peer
    sent: dict[bytes, float] = field(default_factory=dict)  # payload -> when it was sent last


class PingNodes:
    """All ping nodes of ha.cf, as far as we can see them."""

    def __init__(self, nodes: Iterable[PingNode], timing: Timing, now: float) -> None:
        own = _timing(timing)
        self._watched = {node.name: _Watched(node, Peer(node.name, (node.name,), own, now)) for node in nodes}

    def __iter__(self) -> Iterator[Peer]:
        return iter(watched.life for watched in self._watched.values())

    @property
    def visible(self) -> int:
        """How many answer: what ipfail compares with the other node."""
        return sum(life.alive for life in self)

    @property
    def decided(self) -> bool:
        """Each has answered or was given up."""
        return all(life.decided for life in self)

    def next_deadline(self) -> float | None:
        return min((at for life in self if (at := life.next_deadline()) is not None), default=None)

    def requests(self, outbox: Outbox, now: float) -> list[SendPing]:
        """An echo request for each, signed as the outbox signs."""
        requests = []
        for name, watched in self._watched.items():
            data = outbox.unnumbered([("t", "NS_st"), ("st", "ping"), ("info", watched.node.kind.value), ("src", name)])
            watched.sent = {old: at for old, at in watched.sent.items() if now - at < watched.life.patience}
            watched.sent[data] = now
            requests.append(SendPing(name, data))
        return requests

    def answered(self, data: bytes, now: float) -> tuple[NodeName | None, list[Note]]:
        """Somebody echoed this: the ping node that has come up by it, if one has, and what to say of it.

        Raises LookupError when nothing of the kind was sent within deadping.
        """
        for watched in self._watched.values():
            life, sent_at = watched.life, watched.sent.get(data)
            if sent_at is not None and now - sent_at < life.patience:
                came = None if life.alive else life.name
                return came, [*life.heard_on(life.name, now), *life.status_heard(NodeState.PING.value, None, now)]
        raise LookupError("an echo reply to nothing that was asked lately")

    def check(self, now: float) -> tuple[list[NodeName], list[Note]]:
        """Those that have just been given up, and what to say about them."""
        died: list[NodeName] = []
        notes: list[Note] = []
        for life in self:
            dead, said = life.check(now)
            notes += said
            if dead:
                died.append(life.name)
        return died, notes

    def doubt(self, now: float) -> None:
        """We ourselves were late: the silence may be ours."""
        for life in self:
            life.doubt(now)

    def renew(self, nodes: Iterable[PingNode], timing: Timing, now: float) -> None:
        """ha.cf has other ping nodes or timers now; those that stay keep their state."""
        own, known = _timing(timing), self._watched
        self._watched = {}
        for node in nodes:
            watched = known.get(node.name)
            if watched is None or watched.node != node:
                watched = _Watched(node, Peer(node.name, (node.name,), own, now))
            watched.life.timing = own
            self._watched[node.name] = watched


def _timing(timing: Timing) -> Timing:
    return replace(timing, deadtime=timing.deadping)
