"""The conversation with the peer: each datagram goes through the parts, and what they want said becomes datagrams.

A datagram's way: signature and fields (`auth`, `wire`), who sent it, is it new (`seqno`), which link did it prove and
is the node alive (`membership`), and what it says about resources (`ownership`).
"""

from __future__ import annotations

from collections.abc import Iterable

from hbeat.core import last_will
from hbeat.core.connectivity import MESSAGES
from hbeat.core.events import Effect, Level, Note, RunHook, Say
from hbeat.core.hello import Hello
from hbeat.core.hooks import Circumstances
from hbeat.core.joining import Step
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.membership import Peer
from hbeat.core.model import Held, LinkName, NodeState
from hbeat.core.ownership import Ownership
from hbeat.core.parts import Parts
from hbeat.core.peer_messages import held_in, obey_peer
from hbeat.core.reception import Heard
from hbeat.core.seqno import Seen
from hbeat.core.wire import Message

HOLDING_NEWS = frozenset({"starting", "resource"})
"""Messages that say what the sender holds now; only the newest is true."""


class Conversation(Parts):
    """What is said and heard. Times are monotonic seconds."""

    _newest_holding = 0  # the sequence number of the peer's last word on what it holds
    _newest_asked = 0  # and of the last that moved a handover

    # --- speaking ---------------------------------------------------------------------------------------------

    def _perform(self, effects: Iterable[Effect], now: float) -> list[Effect]:
        """Turns what is to be said into datagrams; everything else passes."""
        self._now = now
        performed: list[Effect] = []
        for effect in effects:
            performed += self._send(effect, now) if isinstance(effect, Say) else [effect]
        return performed

    def _send(self, say: Say, now: float) -> list[Effect]:
        """The datagram, and the hook that is told of it: messages of our own count as heard."""
        datagram = self.outbox.send(say, now)
        return [datagram, *self._told(self.outbox.last, ours=True)]

    def _say_status(self, now: float) -> list[Effect]:
        """A status message, and an echo request to each ping node beside it."""
        return [*self._send(self._status_message(now), now), *self.connectivity.pings.requests(self.outbox, now)]

    def _status_message(self, now: float) -> Say:
        self.reception.answer_wanted = False
        return self.beat.status(self.status, now)

    def _told(self, message: Message, *, ours: bool) -> list[RunHook]:
        return self.hooks.news(message, self._circumstances(), ours=ours)

    def _circumstances(self) -> Circumstances:
        return Circumstances(self.status.value, alone=not self.ownership.peer_alive)

    # --- joining ---------------------------------------------------------------------------------------------------

    def _join(self, now: float) -> list[Effect]:
        if self.status is not NodeState.UP:
            return []
        pings_decided, deadtime = self.connectivity.pings.decided, self.settings.timing.deadtime
        step = self.joining.next(self.peer, pings_decided, deadtime, now)
        if step is Step.WAIT:
            return []
        if step is Step.ACTIVATE or self.peer is None:
            return self._activate(now)
        if step is Step.ASK:
            return [self.outbox.send(Say.of("reqnodes", self.peer.name), now)]
        text = f"{self.peer.name} does not answer reqnodes; going on without its node list"
        return [Note(Level.WARNING, text), *self._activate(now)]

    def _activate(self, now: float) -> list[Effect]:
        self.joining.ended()
        if self.status is NodeState.ACTIVE:
            return []
        self.status = NodeState.ACTIVE
        note = Note(Level.INFO, f"Comm_now_up: {self.settings.me.name} is active")
        owned = self.ownership
        if isinstance(owned, LegacyOwnership):
            active = self.peer is not None and self.peer.status == NodeState.ACTIVE.value
            begun = owned.activated(now, active)
        else:
            begun = owned.activated(now)
        news = [*begun, *self.connectivity.activated()]
        return [note, *self._say_status(now), *self._perform(news, now)]

    def _peer_died(self, now: float) -> list[Effect]:
        assert self.peer is not None
        self.reception.forget()
        self.kin.gone()
        self.agreement.forget()
        active = self.status is NodeState.ACTIVE
        released = self.peer.heard_at is not None and self.ownership.peer_held is Held.NONE
        result = "unneeded" if released else "n_stnth"
        effects: list[Effect] = [*self.hooks.death(self.peer, self._circumstances())]
        if active:
            effects += self._send(Say.of("stonith", node=self.peer.name, result=result), now)
        self.connectivity.peer_gone()
        self.cabling.peer_gone()
        self.sight.peer_gone()
        effects += self._perform(self.connections.peer_gone(now), now)
        effects += self._perform(self.ownership.peer_gone("dead", now), now)
        return effects + self._join(now)

    def _hold_back(self, peer: Peer, now: float) -> None:
        if isinstance(self.ownership, Ownership):
            self.ownership.handover.hold_back("links", now < peer.restless_until)

    # --- hearing ---------------------------------------------------------------------------------------------------

    def receive(self, link: LinkName, data: bytes, now: float, source: str = "") -> list[Effect]:
        """One datagram from a link; source: the address that sent it, if it is known.

        Bad ones are counted, noted at a bounded rate, and change nothing.
        """
        heard, effects = self.reception.take(link, data, now, source)
        if self.peer is None:
            return effects
        effects += self.hooks.links(self.peer, self._circumstances())
        if self.reception.answer_wanted:  # first of all: without it the peer believes nothing else
            effects += self._send(self._status_message(now), now)
        if heard is not None and heard.for_us:
            effects += self._heard(self.peer, heard, now)
        return effects

    def _heard(self, peer: Peer, heard: Heard, now: float) -> list[Effect]:
        """A message that counts, and is for us."""
        message, type_ = heard.message, heard.message.text("t")
        if heard.seen is Seen.RESTARTED:
            self._newest_holding = self._newest_asked = 0
        effects: list[Effect] = [*self._told(message, ours=False)]
        if type_ == "status":
            return effects + self._status(peer, heard, now)
        if type_ in HOLDING_NEWS:
            if heard.sequence < self._newest_holding:
                return effects  # sent again after it was lost: what came later is newer
            self._newest_holding = heard.sequence
        if type_ == "ask_resources" and heard.sequence < self._newest_asked:
            return effects
        before = self.ownership.standby.stage
        effects += self._perform(self._dispatch(peer, type_, message, now), now)
        if type_ == "ask_resources" and self.ownership.standby.stage is not before:
            self._newest_asked = heard.sequence
        return effects

    def _status(self, peer: Peer, heard: Heard, now: float) -> list[Effect]:
        if heard.seen is Seen.LATE:
            return []  # news of the past
        message, hello = heard.message, heard.hello
        was_dead, was_heard = peer.status == NodeState.DEAD.value, peer.heard_at is not None
        effects: list[Effect] = []
        if was_dead and was_heard and heard.seen is not Seen.RESTARTED:
            effects += peer.was_not_dead(now)
            self._hold_back(peer, now)
        dt = message.number("dt")
        peer.protocol = message.raw("protocol") is not None
        effects += peer.status_heard(message.text("st"), None if dt is None else dt / 1000, now)
        if (tracker := self.reception.tracker).opened:
            effects += self.lives.opened((tracker.generation, tracker.life), now)
        news = was_dead or not was_heard or heard.seen is Seen.RESTARTED
        if news and isinstance(self.ownership, LegacyOwnership):
            # It knows nothing of us yet. Whatever we say next may make it active, and an original that has not seen
            # us active by then takes its groups without asking.
            effects += self._send(self._status_message(now), now)
        if was_dead or not self.ownership.peer_alive:
            # It became active without us: each of us thought the other dead. (One that restarts begins with init.)
            alone = message.text("st") == NodeState.ACTIVE.value
            healed = was_dead and alone and self.status is NodeState.ACTIVE
            if healed:
                text = f"node {peer.name}: returning after partition; Deadtime value may be too small"
                effects.append(Note(Level.WARNING, text))
            gave_way = hello is not None and not hello.holds.local
            effects += self._perform(self.ownership.peer_returned(healed, now, gave_way=gave_way), now)
        effects += self._kin(peer, hello, now)
        return effects + self._join(now)

    def _kin(self, peer: Peer, hello: Hello | None, now: float) -> list[Effect]:
        """What a peer of our kind says beside the protocol."""
        will = self.last_will.settle(heir=hello is not None)
        if hello is None:
            self.kin.gone()
            self.agreement.forget()
            self.cabling.peer_gone()
            self.sight.peer_gone()
            return [*will, *self._perform(self.connections.peer_gone(now), now)]
        said = self.kin.said(hello, self.settings.timing.keepalive, now)
        said += [*self.cabling.peer_says(hello.lost, now), *self.sight.peer_says(hello.views, now)]
        said += self.connections.peer_says(hello.life, hello.sync, now)
        return [*will, *self.agreement.compare(peer.name, hello.files), *self._perform(said, now)]

    def _dispatch(self, peer: Peer, type_: str, message: Message, now: float) -> list[Effect]:
        match type_:
            case "reqnodes":
                names = "".join(f"{name} " for name in self.settings.nodes)
                return [Say.of("repnodes", peer.name, nodelist=names, delnodelist=" ")]
            case "repnodes":
                return self._repnodes(peer, message, now)
            case "ask_resources":
                self.connectivity.asked(held_in(message), message, now)
            case "shutdone":
                self.connectivity.peer_gone()
                self.cabling.peer_gone()
                self.sight.peer_gone()
                return [*self.connections.peer_gone(now), *obey_peer(type_, message, self.ownership, now)]
            case last_will.TYPE:
                return self._died_alone(peer, now)
            case "hb_takeover":
                self.connections.hurry(now)
            case "query-cstatus":
                return self.connectivity.client_status(message)
            case client_message if client_message in MESSAGES:
                return self.connectivity.message(client_message, message, now)
        return obey_peer(type_, message, self.ownership, now)

    def _died_alone(self, peer: Peer, now: float) -> list[Effect]:
        """The peer's keeper says that the daemon has died. It has removed the addresses; whether all of them are gone
        is asked of the network."""
        if not self.custody.can_judge:
            text = f"the daemon of {peer.name} has died; other resources may run on there, so deadtime is waited for"
            return [Note(Level.WARNING, text)]
        self.custody.distrust()
        return [
            peer.give_up("its daemon has died, its keeper says", now),
            *self.ownership.expect(now),
            *self._peer_died(now),
        ]

    def _repnodes(self, peer: Peer, message: Message, now: float) -> list[Effect]:
        theirs = {name.lower() for name in message.text("nodelist").split()}
        effects: list[Effect] = []
        if theirs != set(self.settings.nodes):
            text = f"{peer.name} has other nodes in its ha.cf: {' '.join(sorted(theirs))}"
            effects.append(Note(Level.WARNING, f"{text}; ours: {' '.join(sorted(self.settings.nodes))}"))
        return effects + self._activate(now)
