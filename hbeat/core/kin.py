"""What follows from having a peer of our own kind, which says more of itself than an original (`hello`).

Common start. The original waits ten seconds when both nodes start, lest it takes what the other one still holds. A
peer of ours says what it holds and whether it is still stopping something; so a node takes its own groups as soon as
the peer has said that it holds none of them and stops nothing (`Ownership.peer_free`).

One direction cut. The peer hears us no more, declares us dead and takes our groups, while we hear it say so. The
original serves on, and there are two owners for as long as the cut lasts. Here the node which is not heard gives way:
the other cannot know better, and one of them has to. It waits for two heartbeats, in case the cable is back. When it is
heard again, its groups come home by failback, as after a death; with auto_failback legacy it asks for them. Of what is
here that is all that mode needs: nobody waits in it, and nothing is given.

Nobody. Messages that cross may leave groups that neither node holds; their own node takes them after two heartbeats.
Not over a message that waited in a socket, since a newer one may wait behind it; and not out of a nap, in which the
other node may have come to the conclusion that this one is dead.

Given, and not taken. The taker of a handover may have left it (it slept, or took this node for dead) when it is told
that all is stopped here, and says no more of it. A giver that sees it out of the handshake for two heartbeats is done:
what the other one holds by now is taken, what it does not is nobody's.
"""

from __future__ import annotations

from hbeat.core.events import Effect, Level, Note
from hbeat.core.hello import Hello
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.ownership import Ownership
from hbeat.core.standby import Stage

HEARTBEATS = 2
"""So long must a contradiction last before it is one: each side has had the time to say something newer."""


class Kin:
    """The peer, as long as it is ours. hello: what it said last; None for an original, or nobody."""

    def __init__(self, ownership: Ownership | LegacyOwnership) -> None:
        self.hello: Hello | None = None
        self._ownership = ownership
        self._unheard_since: float | None = None
        self._nobody_since: float | None = None
        self._left_since: float | None = None
        self._keepalive = 0.0

    def gone(self) -> None:
        """The peer died, or an original has come in its place."""
        self.hello = None
        self._unheard_since = self._nobody_since = self._left_since = None
        if isinstance(self._ownership, Ownership):
            self._ownership.peer_free = None

    def said(self, hello: Hello, keepalive: float, now: float) -> list[Effect]:
        """The newest status of the peer."""
        heard_again = self.hello is not None and self.hello.sees_dead and not hello.sees_dead
        self.hello, self._keepalive = hello, keepalive
        owned = self._ownership
        effects: list[Effect] = []
        if isinstance(owned, LegacyOwnership):
            effects += owned.ask_for_own(now) if heard_again and owned.stable else []
        else:
            owned.peer_free = hello.quiet and not hello.holds.foreign
            effects += [owned.report()] if heard_again and owned.stable else []
            effects += owned.take_what_is_free(now)
        unheard = owned.at_rest and owned.held.local and hello.sees_dead and hello.holds.foreign
        self._unheard_since = _since(self._unheard_since, unheard, now)
        if self._unheard_since is not None and now - self._unheard_since >= HEARTBEATS * keepalive:
            text = f"{owned.peer} does not hear us and has taken our resources: giving them up here; check the network"
            return [*effects, Note(Level.ERROR, text), *owned.give_way(now)]
        return effects + (self._look(owned, hello, now) if isinstance(owned, Ownership) else [])

    def _look(self, owned: Ownership, hello: Hello, now: float) -> list[Effect]:
        """At what was given and not taken, and what nobody has."""
        effects: list[Effect] = []
        self._left_since = _since(self._left_since, hello.quiet and owned.standby.stage is Stage.GIVEN, now)
        if self._left_since is not None and now - self._left_since >= HEARTBEATS * self._keepalive:
            self._left_since = None
            effects += owned.handover.taker_left(hello.holds, now)
        nobody = (
            owned.at_rest and owned.peer_stable and owned.peer_free and not owned.held.local and not hello.sees_dead
        )
        self._nobody_since = _since(self._nobody_since, bool(nobody), now)
        return effects

    def doubt(self, now: float) -> None:
        """This node was late: what contradicted itself before does so anew."""
        if self._nobody_since is not None:
            self._nobody_since = now

    def next_deadline(self) -> float | None:
        """When handle_timer wants to be called."""
        return None if self._nobody_since is None else self._nobody_since + HEARTBEATS * self._keepalive

    def handle_timer(self, now: float) -> list[Effect]:
        """Takes what nobody holds. Everything that waits in a socket was fed before."""
        at, owned = self.next_deadline(), self._ownership
        if at is None or now < at or isinstance(owned, LegacyOwnership):
            return []
        self._nobody_since = None
        return owned.take_unowned(now) if owned.at_rest and not owned.held.local else []


def _since(since: float | None, lasts: bool, now: float) -> float | None:
    """When a state began that lasts; None when it does not."""
    if not lasts:
        return None
    return now if since is None else since
