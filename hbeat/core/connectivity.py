"""What of the outside this node can see, and what follows: ping nodes, and ipfail where ha.cf has it.

It stands between three that know nothing of each other: `ping` says which hosts answer, `ipfail` compares that with
the peer, and `ownership` moves the groups. The cluster calls it and sends what it says.
"""

from __future__ import annotations

from hbeat.core.events import Effect, Note, Say
from hbeat.core.ipfail import CLIENT, GiveUp, Ipfail
from hbeat.core.membership import Peer
from hbeat.core.model import Held
from hbeat.core.ownership import Ownership
from hbeat.core.ping import PingNodes
from hbeat.core.wire import Message

MESSAGES = frozenset({"hbapi-clstat", "num_ping_nodes", "you_are_dead", "abort_giveup"})
"""Types that clients of heartbeat send each other; all but those of ipfail are nobody's here."""


class Connectivity:
    """ipfail comes with what it moves; None where ha.cf does not start it, or it has nobody to compare with."""

    def __init__(self, pings: PingNodes, ipfail: tuple[Ipfail, Ownership] | None, peer: Peer | None) -> None:
        self.pings = pings
        self.ipfail: Ipfail | None = None
        self._ownership: Ownership | None = None
        if ipfail is not None:
            self.ipfail, self._ownership = ipfail
        self._peer = peer

    def next_deadline(self) -> float | None:
        ipfail = self.ipfail.next_deadline() if self.ipfail else None
        return min((at for at in (self.pings.next_deadline(), ipfail) if at is not None), default=None)

    def activated(self) -> list[Effect]:
        """This node is active."""
        return [*self.ipfail.join(self.pings.visible)] if self.ipfail else []

    def stopping(self) -> list[Effect]:
        """This node is about to release everything."""
        return [*self.ipfail.leave()] if self.ipfail else []

    def peer_gone(self) -> None:
        """The peer died or stopped."""
        if self.ipfail is not None:
            self.ipfail.peer_gone()
        self._hold_failback()

    def _hold_failback(self) -> None:
        """A peer whose network is worse gets nothing back, which it would have to return at once."""
        if self.ipfail is not None and self._ownership is not None:
            self._ownership.handover.hold_back(CLIENT, self.ipfail.peer_sees_less)

    def link_died(self) -> list[Effect]:
        """A link to the living peer is dead, or a ping node has changed: the peer's ipfail is asked to compare."""
        if self.ipfail is None or self._peer is None or not self._peer.alive:
            return []
        return [*self.ipfail.tell(self.pings.visible)]

    def echoed(self, data: bytes, now: float) -> list[Effect]:
        """The payload of an echo reply. Raises LookupError when it is none of ours."""
        came, notes = self.pings.answered(data, now)
        return [*notes, *(self.link_died() if came else [])]

    def handle_timer(self, now: float) -> list[Effect]:
        """Ping nodes that are given up, and what ipfail has put off until now."""
        died, notes = self.pings.check(now)
        effects: list[Effect] = [*notes, *(self.link_died() if died else [])]
        if self.ipfail is None or self._ownership is None:
            return effects
        held, free = self._ownership.to_give, self._ownership.can_give
        for wish in self.ipfail.handle_timer(held, self.pings.visible, free, now):
            effects += _give_up(self.ipfail, self._ownership, wish, now) if isinstance(wish, GiveUp) else [wish]
        return effects

    def asked(self, scope: Held, message: Message, now: float) -> None:
        """An ask_resources of the peer; scope is what it gives, as it names it."""
        if self.ipfail is not None and message.text("from_id") == CLIENT and message.text("info") == "me":
            self.ipfail.offered(scope, now)

    def message(self, type_: str, message: Message, now: float) -> list[Effect]:
        """One of MESSAGES."""
        ipfail, seen = self.ipfail, self.pings.visible
        if ipfail is None or message.text("to_id") != CLIENT:
            return []
        said: list[Say] | list[Note] | list[Say | Note]
        match type_:
            case "hbapi-clstat":
                said = ipfail.joined(message.text("st"), seen)
            case "num_ping_nodes":
                theirs = message.number("num_ping", 10)
                said = [] if theirs is None else ipfail.compare(theirs, seen, now)
            case "you_are_dead":
                said = ipfail.told_dead(now)
            case _:
                said = ipfail.told_to_abort(now)
        self._hold_failback()
        return [*said]

    def client_status(self, message: Message) -> list[Effect]:
        """query-cstatus: `cl_status clientstatus` on the other node asks about one of our clients."""
        client = message.text("cn")
        online = client == CLIENT and self.ipfail is not None and self.ipfail.active
        own = {"result": "OK", "cn": client, "to_id": message.text("from_id")}
        return [Say.of("respond-cstatus", message.text("src").lower(), **own, cs="online" if online else "offline")]


def _give_up(ipfail: Ipfail, ownership: Ownership, wish: GiveUp, now: float) -> list[Effect]:
    """The standby handshake, begun in the words of ipfail."""
    plain = Say.of("ask_resources", rsc_hold=wish.scope.value, info="me")
    given = ownership.give(wish.scope, wish.why, now)
    return [ipfail.ask(wish.scope) if effect == plain else effect for effect in given]
