"""ipfail: the node that sees fewer ping nodes gives its resources up (reference section 10.3).

A program of the original's own, started by a respawn line of ha.cf; here it is a part of the daemon. Nobody decides
alone: whenever what one side sees may have changed, it tells the other how many ping nodes answer it, and the other
compares.

    num_ping_nodes N  ------>   fewer here than N     this side gives up all, soon
                      <------   more here than N      you_are_dead: the asker gives up all, soon
                      <------   as many               abort_giveup: nobody gives anything up

"Soon" is twice keepalive, as in the original, but at least a second: a router that dies is missed by both nodes, by
one a little later, and an original answers as much as half a second late.

Once both see the same again the groups go back, where auto_failback is on. This differs from the original on purpose:

* Only what ipfail has moved goes back. The original answers every balanced comparison by an empty handshake, and undoes
  what an operator moved by hand.
* The balance must have lasted, and longer each time: a router that comes and goes moves the groups once. Each move of
  the last CALM_FOR seconds doubles how long either direction waits, up to a bound.
* A time at which nothing can be moved (another handshake, a starting peer) does not make it forgotten: it is tried
  again until it is done or no longer wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

from hbeat.core.events import Level, Note, Say
from hbeat.core.model import Held, NodeName

CLIENT = "ipfail"
"""Its name among heartbeat's clients, on the wire and for cl_status."""

_IDS = (("from_id", CLIENT), ("to_id", CLIENT), ("client_gen", "0"))
"""How clients' messages are addressed."""

SHORTEST_DELAY, LONGEST_DELAY = 1.0, 60.0
SHORTEST_BALANCE, LONGEST_BALANCE = 5.0, 300.0
"""Of a balance before groups go back. The move that brought them counts: the first wait is twice the shortest."""
CALM_FOR = 600.0
RETRY = 1.0
REMIND = 15.0
"""An original that was in the middle of something when the balance came has forgotten it: we tell it again."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A wish: hand the groups of scope to the peer, if it can be done now."""

    scope: Held
    why: str


@dataclass(slots=True)
class _Pending:
    wish: GiveUp
    due: float
    told: bool = False
    begun: bool = False


class Ipfail:
    """This node's side of the comparison with one peer. gives_back: auto_failback is on.

    peer_sees_less: by the last comparison; resources are not given back to it then.
    """

    def __init__(self, me: NodeName, peer: NodeName, keepalive: float, gives_back: bool) -> None:
        self.me, self.peer = me, peer
        self.keepalive, self.gives_back = keepalive, gives_back
        self.active = False
        self.peer_has_it = False
        self.peer_sees_less = False
        self._pending: _Pending | None = None
        self._received = False  # the groups we hold of the peer came by ipfail
        self._gave = False  # the peer holds our groups since we gave them up
        self._remind_at: float | None = None
        self._counts = (-1, -1)  # of the last comparison
        self._told = 0  # the number the peer knows of us
        self._moves: list[float] = []

    # --- what it says -----------------------------------------------------------------------------------------

    def join(self, visible: int) -> list[Say | Note]:
        """Heartbeat is active: tell the other ipfail, which answers with its number.

        Our own number goes with it (the original waits to be asked): the peer must know it before it gives groups back
        to a node that would have to return them at once.
        """
        self.active = True
        return [self._membership("join", "signon"), *self.tell(visible)]

    def leave(self) -> list[Say]:
        """Heartbeat is about to stop."""
        if not self.active:
            return []
        self.active, self._pending = False, None
        return [self._membership("leave", "signoff")]

    def _membership(self, state: str, info: str) -> Say:
        sender, receiver, generation = _IDS
        return Say(
            (("t", "hbapi-clstat"), ("st", state), sender, receiver, ("src", self.me), ("info", info), generation)
        )

    def tell(self, visible: int) -> list[Say | Note]:
        """Something came, went, or may have: let the other side compare. visible: ping nodes that answer us.

        With more of them than before, what was to be given up stays until the other side has compared again: a router
        that was away for a moment may be back before an original has missed it.
        """
        if not self.active:
            return []
        recovered, self._told = visible > self._told, visible
        own = (("src", self.me), ("num_ping", str(visible)), ("dest", self.peer))
        say = Say((("t", "num_ping_nodes"), *own, *_IDS), self.peer)
        return [*self._abort(), say] if recovered and not self._is_giving() else [say]

    def ask(self, scope: Held) -> Say:
        """The first message of the standby handshake as ipfail sends it, by which the taker knows why."""
        return Say((("t", "ask_resources"), ("rsc_hold", scope.value), ("src", self.me), ("info", "me"), *_IDS))

    # --- what it hears ----------------------------------------------------------------------------------------

    def joined(self, state: str, visible: int) -> list[Say | Note]:
        """hbapi-clstat of the peer's ipfail: join or leave."""
        if state != "join":
            self._forget()
            return []
        self.peer_has_it = True
        return self.tell(visible)

    def compare(self, theirs: int, visible: int, now: float) -> list[Say | Note]:
        """num_ping_nodes: the peer sees so many."""
        self.peer_has_it = True
        if not self.active:
            return []
        self.peer_sees_less = visible > theirs
        before, self._counts = self._counts, (visible, theirs)
        counts = f"{visible} here, {theirs} there"
        if visible > theirs:
            self._pending = self._remind_at = None
            note = Note(Level.INFO, f"ipfail: {self.peer} sees fewer ping nodes ({counts})")
            return [note, Say((("t", "you_are_dead"), *_IDS), self.peer)]
        if visible < theirs:
            return [*self._give_up_soon(f"{self.peer} sees more ping nodes ({counts})", now)]
        aborted = self._abort()
        say = Say((("t", "abort_giveup"), ("src", self.me), ("dest", self.peer), *_IDS), self.peer)
        level = Level.DEBUG if self._counts == before else Level.INFO
        return [say, Note(level, f"Ping node count is balanced. ({counts})"), *aborted, *self._balanced(now)]

    def told_dead(self, now: float) -> list[Note]:
        """you_are_dead: the peer sees more than the number we told it."""
        self.peer_has_it, self.peer_sees_less = True, False
        return self._give_up_soon(f"{self.peer} sees more ping nodes", now) if self.active else []

    def told_to_abort(self, now: float) -> list[Note]:
        """abort_giveup: the peer sees as many as we do."""
        self.peer_has_it, self.peer_sees_less = True, False
        return [*self._abort(), *self._balanced(now)] if self.active else []

    def offered(self, scope: Held, now: float) -> None:
        """The peer's ipfail hands its groups over to us; scope as it names them."""
        if scope.local:
            self._received = True
            self._moved(now)

    def peer_gone(self) -> None:
        """The peer is dead or stopped: what we hold then is ours by that."""
        self._received = False
        self._forget()

    def _forget(self) -> None:
        """There is nobody to compare with."""
        self.peer_has_it = self.peer_sees_less = self._gave = False
        self._pending = self._remind_at = None
        self._counts = (-1, -1)

    def _abort(self) -> list[Note]:
        """Drops what was to be given up; a return of the groups goes on waiting."""
        pending = self._pending
        if pending is None or pending.wish.scope is not Held.ALL:
            return []
        self._pending = None
        return [] if pending.begun else [Note(Level.INFO, "ipfail: giving up is called off")]

    def _is_giving(self) -> bool:
        """The handshake has begun, and goes on to its end."""
        return self._pending is not None and self._pending.begun

    def _give_up_soon(self, why: str, now: float) -> list[Note]:
        self._remind_at = None
        if self._pending is not None and self._pending.wish.scope is Held.ALL:
            return []
        delay = self._patience(max(2 * self.keepalive, SHORTEST_DELAY), LONGEST_DELAY, now)
        self._pending = _Pending(GiveUp(Held.ALL, f"ipfail: {why}"), now + delay)
        return [Note(Level.WARNING, f"ipfail: {why}; what this node holds is given up in {delay:g} s")]

    def _balanced(self, now: float) -> list[Note]:
        self._remind_at = now + REMIND if self._gave and self.gives_back else None
        if not (self.gives_back and self._received) or self._pending is not None:
            return []
        wait = self._patience(max(2 * self.keepalive, SHORTEST_BALANCE), LONGEST_BALANCE, now)
        self._pending = _Pending(GiveUp(Held.FOREIGN, "ipfail: both nodes see the same ping nodes again"), now + wait)
        return [Note(Level.INFO, f"ipfail: {self.peer} gets its resources back if it stays so for {wait:g} s")]

    # --- time -------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        times = (self._pending.due if self._pending else None, self._remind_at)
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, held: Held, visible: int, free: bool, now: float) -> list[GiveUp | Say | Note]:
        """What is due. held: what there is to give, by groups that exist; free: a handshake could begin.

        A wish stays until the groups are gone: a handshake that the peer does not answer is begun again.
        """
        return [*self._remind(held, visible, now), *self._wish(held, free, now)]

    def _remind(self, held: Held, visible: int, now: float) -> list[Say | Note]:
        if self._remind_at is None or now < self._remind_at:
            return []
        self._gave = self._gave and not held.local
        self._remind_at = now + REMIND if self._gave else None
        return self.tell(visible) if self._gave else []

    def _wish(self, held: Held, free: bool, now: float) -> list[GiveUp | Note]:
        pending = self._pending
        if pending is None or now < pending.due:
            return []
        pending.due = now + RETRY
        if not free:
            told, pending.told = pending.told or pending.begun, True
            return [] if told else [Note(Level.INFO, f"{pending.wish.why}; resources cannot be moved now, waiting")]
        if Held.of(held.local and pending.wish.scope.local, held.foreign) is Held.NONE:
            self._pending, self._received = None, False
            return []
        if not pending.begun:
            pending.begun = True
            self._gave = pending.wish.scope is Held.ALL and held.local
            self._moved(now)
        return [pending.wish]

    def _moved(self, now: float) -> None:
        self._moves = [at for at in self._moves if now - at < CALM_FOR] + [now]

    def _patience(self, shortest: float, longest: float, now: float) -> float:
        """Doubled by each move of late."""
        lately = sum(now - at < CALM_FOR for at in self._moves)
        return min(shortest * (1 << lately), max(shortest, longest))
