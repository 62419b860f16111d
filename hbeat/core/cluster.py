"""The one object the daemon talks to: datagrams, timers and requests in, effects out.

It walks a datagram through the parts: signature and fields (`auth`, `wire`), who sent it, is it new (`seqno`),
which link did it prove and is the node alive (`membership`), and what it says about resources (`ownership`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from hbeat.core.agreement import HARESOURCES, Agreement
from hbeat.core.auth import Keyring
from hbeat.core.badpackets import BadPackets, Reason
from hbeat.core.beat import Beat
from hbeat.core.cabling import Cabling
from hbeat.core.connection_sync import ConnectionSync
from hbeat.core.connectivity import MESSAGES, Connectivity
from hbeat.core.custody import Custody
from hbeat.core.events import ConnectionsRead, Effect, Level, Note, Outcome, RunHook, Say
from hbeat.core.hello import Files, Hello
from hbeat.core.hooks import Circumstances, Hooks
from hbeat.core.ipfail import Ipfail
from hbeat.core.joining import Joining, Step
from hbeat.core.kin import Kin
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.lives import Lives
from hbeat.core.membership import OVERDUE, Peer
from hbeat.core.model import Failback, Held, LinkName, NodeName, NodeState, PeerRecord, Resource
from hbeat.core.outbox import Outbox, WireStamp
from hbeat.core.ownership import Ownership
from hbeat.core.peer_messages import held_in, obey_peer
from hbeat.core.ping import PingNodes
from hbeat.core.reception import Heard, Reception
from hbeat.core.script_messages import Fields
from hbeat.core.script_requests import obey
from hbeat.core.seqno import Seen
from hbeat.core.settings import Settings
from hbeat.core.sight import Sight
from hbeat.core.wire import Message

HOLDING_NEWS = frozenset({"starting", "resource"})
"""Messages that say what the sender holds now; only the newest is true."""


class Cluster:
    """One node's view of the pair. Times are monotonic seconds; `random` spreads retransmission requests.

    floor: what this node kept of its peer at its last Remember, for that peer.
    """

    def __init__(
        self,
        settings: Settings,
        keys: Keyring,
        stamp: WireStamp,
        random: Random,
        now: float,
        floor: PeerRecord | None = None,
    ) -> None:
        others = [node for node in settings.nodes if node != settings.me.name]
        if len(others) > 1:
            raise ValueError(f"{len(settings.nodes)} nodes: haresources clusters have one or two")
        self.settings = settings
        self.peer = Peer(others[0], settings.links, settings.timing, now) if others else None
        self.outbox = Outbox(settings.me, keys, stamp, inner=settings.inner_signature)
        self.ownership = _ownership(settings, others[0] if others else None)
        self.hooks = Hooks(settings.hooks)
        pings = PingNodes(settings.pings, settings.timing, now)
        self.connectivity = Connectivity(pings, _ipfail(settings, self.ownership), self.peer)
        self.status = NodeState.INIT
        self.bad = BadPackets(settings.log_badpack)
        self.reception = Reception(
            settings.nodes, self.peer, self.outbox, self.bad, settings.rexmit_delay, random, floor
        )
        self.lives = Lives(others[0] if others else "")
        self.kin = Kin(self.ownership if isinstance(self.ownership, Ownership) else None)
        self.cabling = _cabling(settings, self.ownership)
        self.sight = Sight(self.ownership if isinstance(self.ownership, Ownership) else None)
        sessions = settings.sessions
        self.ownership.ready_limit = sessions.failback_limit
        self.connections = ConnectionSync(self.ownership, sessions.connection_sync, sessions.failback_limit)
        self.agreement = Agreement(settings.files)
        self._newest_holding = 0
        self.beat = Beat(
            settings.timing,
            settings.files,
            self.ownership,
            self.peer,
            self.kin,
            self.reception.proof,
            self.cabling,
            self.sight,
            self.connections,
            now,
        )
        self._now = now
        self.joining = Joining()
        tracker = self.reception.tracker
        self.custody = Custody(
            settings.safety,
            settings.timing,
            self.ownership,
            self.peer,
            peer_is_ours=lambda: tracker.ours or self.reception.has_namesake(self._now),
            files_differ=lambda: HARESOURCES in self.agreement.differing,
        )

    # --- time -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> list[Effect]:
        """The first breath: status init, status up, and the resources made ready."""
        begun = self.ownership.begin(now)
        effects = self._say_status(now)
        self.status = NodeState.UP
        effects += self._say_status(now)
        self.beat.started(now)
        return [*effects, *self._perform(begun, now), *self._join(now)]

    def next_deadline(self) -> float:
        """When handle_timer wants to be called next."""
        timers = [
            self.beat.next_deadline(self._now),
            self.joining.ask_at,
            self.reception.next_deadline(),
            self.ownership.next_deadline(),
            self.peer.next_deadline() if self.peer else None,
            self.connectivity.next_deadline(),
            self.cabling.next_deadline(),
            self.connections.next_deadline(),
            self.custody.next_deadline(self._now),
            self.kin.next_deadline(),
        ]
        return min(at for at in timers if at is not None)

    def is_silence_due(self, now: float) -> bool:
        """handle_timer would declare the peer or one of its links dead, if nothing of it waits in a socket."""
        at = None if self.peer is None else self.peer.next_deadline()
        return at is not None and at <= now

    def handle_timer(self, now: float, late: float = 0.0) -> list[Effect]:
        """All that has become due. Feed every datagram that waits in a socket first: silence must be real.

        late: seconds by which this call comes after next_deadline(). A node that overslept by more than a keepalive
        does not trust its own view: whoever shares its processor was not punctual either.
        """
        effects: list[Effect] = []
        self._now = now
        if late > (OVERDUE - 1) * self.settings.timing.keepalive:
            self.kin.doubt(now)
        if late > self.settings.timing.keepalive and self.peer is not None and self.peer.alive:
            self.peer.doubt(now)
            self.connectivity.pings.doubt(now)
            effects.append(Note(Level.WARNING, f"our own loop was {round(late * 1000)} ms late"))
        if self.beat.is_due(now):
            effects += self._say_status(now)
            self.beat.beaten(now)
        effects += self.custody.look(now)
        if self.peer is not None:
            before = self.peer.links_up
            died, notes = self.peer.check(now)
            if not died and self.custody.left_orphans(now):
                died, notes = True, [*notes, self.peer.give_up("its machine answers, but not for its addresses", now)]
            effects += [*notes, *self.hooks.links(self.peer, self._circumstances())]
            if died:
                effects += self._peer_died(now)
            elif self.peer.links_up < before:
                effects += self._perform(self.connectivity.link_died(), now)
            effects += self.reception.handle_timer(now)
            self._hold_back(self.peer, now)
        effects += self._perform(self.connectivity.handle_timer(now), now)
        effects += self._perform(self.cabling.handle_timer(now), now)
        effects += self._perform(self.connections.handle_timer(now), now)
        effects += [*self.hooks.pings(self.connectivity.pings, self._circumstances()), *self._join(now)]
        effects += self._perform([*self.kin.handle_timer(now), *self.custody.handle_timer(now)], now)
        return effects + self._perform(self.ownership.handle_timer(now), now)

    def _hold_back(self, peer: Peer, now: float) -> None:
        if isinstance(self.ownership, Ownership):
            self.ownership.handover.hold_back("links", now < peer.restless_until)

    def _say_status(self, now: float) -> list[Effect]:
        """A status message, and an echo request to each ping node beside it."""
        return [*self._send(self._status_message(now), now), *self.connectivity.pings.requests(self.outbox, now)]

    def _status_message(self, now: float) -> Say:
        self.reception.answer_wanted = False
        return self.beat.status(self.status, now)

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

    def _told(self, message: Message, *, ours: bool) -> list[RunHook]:
        return self.hooks.news(message, self._circumstances(), ours=ours)

    def _circumstances(self) -> Circumstances:
        return Circumstances(self.status.value, alone=not self.ownership.peer_alive)

    # --- joining ----------------------------------------------------------------------------------------------

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

    # --- receiving --------------------------------------------------------------------------------------------

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

    def echoed(self, data: bytes, now: float) -> list[Effect]:
        """The payload of an echo reply: a ping node answers."""
        try:
            effects = self._perform(self.connectivity.echoed(data, now), now)
        except LookupError as error:
            return self.bad.note("icmp", Reason.ECHO, str(error), now)
        return [*effects, *self.hooks.pings(self.connectivity.pings, self._circumstances()), *self._join(now)]

    def _heard(self, peer: Peer, heard: Heard, now: float) -> list[Effect]:
        """A message that counts, and is for us."""
        message, type_ = heard.message, heard.message.text("t")
        if heard.seen is Seen.RESTARTED:
            self._newest_holding = 0
        effects: list[Effect] = [*self._told(message, ours=False)]
        if type_ == "status":
            return effects + self._status(peer, heard, now)
        if type_ in HOLDING_NEWS:
            if heard.sequence < self._newest_holding:
                return effects  # sent again after it was lost: what came later is newer
            self._newest_holding = heard.sequence
        return effects + self._perform(self._dispatch(peer, type_, message, now), now)

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
        if hello is None:
            self.kin.gone()
            self.agreement.forget()
            self.cabling.peer_gone()
            self.sight.peer_gone()
            return self._perform(self.connections.peer_gone(now), now)
        said = self.kin.said(hello, self.settings.timing.keepalive, now)
        said += [*self.cabling.peer_says(hello.lost, now), *self.sight.peer_says(hello.blind)]
        said += self.connections.peer_says(hello.life, hello.sync, now)
        return [*self.agreement.compare(peer.name, hello.files), *self._perform(said, now)]

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
            case "hb_takeover":
                self.connections.hurry(now)
            case "query-cstatus":
                return self.connectivity.client_status(message)
            case client_message if client_message in MESSAGES:
                return self.connectivity.message(client_message, message, now)
        return obey_peer(type_, message, self.ownership, now)

    def _repnodes(self, peer: Peer, message: Message, now: float) -> list[Effect]:
        theirs = {name.lower() for name in message.text("nodelist").split()}
        effects: list[Effect] = []
        if theirs != set(self.settings.nodes):
            text = f"{peer.name} has other nodes in its ha.cf: {' '.join(sorted(theirs))}"
            effects.append(Note(Level.WARNING, f"{text}; ours: {' '.join(sorted(self.settings.nodes))}"))
        return effects + self._activate(now)

    def carrier(self, lost: Iterable[LinkName], severed: Iterable[Resource], now: float) -> list[Effect]:
        """All interfaces of our groups that have no carrier now, and the addresses that belong there."""
        lost = frozenset(lost)
        if lost > self.cabling.lost:
            self.connections.hurry(now)
        self.custody.carrier(severed, lost >= set(self.settings.links), now)
        return self._perform(self.cabling.seen(lost, now), now)

    # --- requests ---------------------------------------------------------------------------------------------

    def finished(self, op_id: int, outcome: Outcome, now: float) -> list[Effect]:
        """A resource action has ended."""
        return self._perform(self.ownership.finished(op_id, outcome, now), now)

    def prepared(self, resource: Resource, ready: bool, now: float) -> list[Effect]:
        """A warm resource became ready, or stopped being so."""
        return self._perform(self.ownership.prepared(resource, ready, now), now)

    def connections_read(self, found: ConnectionsRead, now: float) -> list[Effect]:
        """A look at the IPVS connections is over."""
        return self._perform(self.connections.read(found, now), now)

    def connections_listen(self, on: bool, now: float) -> list[Effect]:
        """The kernel's synchronisation daemons run on this node, or do not."""
        return self._perform(self.connections.listens(on, now), now)

    def sighted(self, director: Resource, blind: bool, now: float) -> list[Effect]:
        """Whether a director of this node sees no server at all. The peer knows before anything that follows."""
        seen = self.sight.seen(director, blind)
        return [*seen, *self._say_status(now)] if seen and self.status is NodeState.ACTIVE else seen

    def address_seen(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine, by its hardware address, says that it has a virtual address."""
        return self._perform(self.custody.seen(address, holder, now), now)

    def machine_seen(self, address: Resource, now: float) -> list[Effect]:
        """The silent peer's machine answers for its own address on the interface where this one belongs."""
        self.custody.machine_seen(address)
        return []

    def address_wanted(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine asks the network for a virtual address."""
        return self._perform(self.custody.wanted_by_other(address, holder, now), now)

    def addresses_lost(self, addresses: Iterable[Resource], why: str, now: float) -> list[Effect]:
        """Virtual addresses of this node are not there any more."""
        return self._perform(self.custody.lost(addresses, why, now), now)

    def stalled(self, late: float, now: float) -> list[Effect]:
        """The loop came late by so much that what this node knows is stale. What waits in the sockets comes after."""
        self.kin.doubt(now)
        if self.peer is not None and self.peer.alive:
            self.peer.doubt(now)
        return self._perform(self.custody.stalled(late, now), now)

    def give(self, scope: Held, now: float) -> list[Effect]:
        """hb_standby."""

        def begin(at: float) -> list[Effect]:
            return self.ownership.give(scope, "hb_standby", at)

        can = isinstance(self.ownership, Ownership) and not self.ownership.handover.obstacle()
        return self._perform(self.connections.first(begin, now) if can else begin(now), now)

    def ask_takeover(self, word: str, now: float) -> list[Effect]:
        """hb_takeover: the peer is asked to give; word is one of TAKEOVER_WORDS. Refused with a note without a peer."""
        if not self.ownership.peer_alive:
            text = f"takeover of {word} resources (hb_takeover) refused: there is no live peer"
            return [Note(Level.WARNING, text)]
        return self._send(Say.of("hb_takeover", rsc_hold=word), now)

    def script_message(self, fields: Fields, now: float) -> list[Effect]:
        """A message that a script wrote to the FIFO."""
        return self._perform(obey(fields, self.ownership, now), now)

    def group_by_hand(self, key: str, start: bool, now: float) -> list[Effect]:
        """`hbeat resource takegroup` and `givegroup`. Raises LookupError with what speaks against it."""
        return self._perform(self.ownership.by_hand(key, start, now), now)

    def shutdown(self, now: float) -> list[Effect]:
        """Release everything, tell the peer, end with Exit."""

        def begin(at: float) -> list[Effect]:
            return [*self.connectivity.stopping(), *self.ownership.shutdown(at)]

        return self._perform(self.connections.first(begin, now), now)

    def files_changed(self, files: Files, now: float) -> list[Effect]:
        """What both nodes should have the same of is another on this one; the peer is told with the next status."""
        self._now = now
        self.settings = replace(self.settings, files=files)
        self.agreement.ours = self.beat.files = files
        if self.peer is None or self.kin.hello is None:
            return []
        return [*self.agreement.compare(self.peer.name, self.kin.hello.files)]

    def reload(self, settings: Settings, keys: Keyring, now: float) -> list[Effect]:
        """All that may change while it runs; who the nodes are, legacy or not, and ipfail stay until a restart."""
        kept = self.settings
        self.settings = replace(settings, me=kept.me, nodes=kept.nodes, ipfail=kept.ipfail)
        self.outbox.keys, self.outbox.inner = keys, settings.inner_signature
        self.reception.tracker.rexmit_delay = settings.rexmit_delay
        if isinstance(self.ownership, Ownership) and settings.failback is not Failback.LEGACY:
            self.ownership.handover.failback = settings.failback
        effects = self.files_changed(settings.files, now)
        self.hooks.installed = settings.hooks
        self.bad.enabled = settings.log_badpack
        if self.peer is not None:
            self.peer.timing = settings.timing
            self.peer.relink(settings.links)
        self.connectivity.pings.renew(settings.pings, settings.timing, now)
        if (ipfail := self.connectivity.ipfail) is not None:
            ipfail.keepalive, ipfail.gives_back = settings.timing.keepalive, settings.failback is not Failback.OFF
        self.cabling.hold_down, self.cabling.gives_back = (
            settings.safety.link_hold_down,
            settings.failback is not Failback.OFF,
        )
        self.beat.renew(settings.timing, now)
        sessions = settings.sessions
        self.ownership.ready_limit = sessions.failback_limit
        effects += self._perform(self.connections.renew(sessions.connection_sync, sessions.failback_limit, now), now)
        self.custody.renew(settings.safety, settings.timing)
        guarded = settings.safety.arp_guard and self.peer is not None
        before = [resource for group in self.ownership.mine() for resource in group.resources]
        effects += self._perform(self.ownership.regroup(settings.groups, now, guarded=guarded), now)
        if guarded:
            self.custody.came(before)
        return effects


def _ownership(settings: Settings, peer: NodeName | None) -> Ownership | LegacyOwnership:
    if settings.failback is Failback.LEGACY:
        return LegacyOwnership(settings.me.name, peer, settings.groups)
    return Ownership(settings.me.name, peer, settings.groups, settings.failback)


def _cabling(settings: Settings, ownership: Ownership | LegacyOwnership) -> Cabling:
    moves = ownership if isinstance(ownership, Ownership) and ownership.peer is not None else None
    return Cabling(moves, settings.safety.link_hold_down, settings.failback is not Failback.OFF)


def _ipfail(settings: Settings, ownership: Ownership | LegacyOwnership) -> tuple[Ipfail, Ownership] | None:
    """ipfail and what it moves; it needs a peer, and the standby handshake that legacy does not have."""
    if not settings.ipfail or ownership.peer is None or not isinstance(ownership, Ownership):
        return None
    gives_back = settings.failback is not Failback.OFF
    return Ipfail(settings.me.name, ownership.peer, settings.timing.keepalive, gives_back), ownership
