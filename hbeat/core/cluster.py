"""The one object the daemon talks to: datagrams, timers and requests in, effects out.

It walks a datagram through the parts: signature and fields (`auth`, `wire`), who sent it, is it new (`seqno`),
which link did it prove and is the node alive (`membership`), and what it says about resources (`ownership`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from hbeat.core.auth import AuthError, Keyring, unpack
from hbeat.core.badpackets import BadPackets
from hbeat.core.connectivity import MESSAGES, Connectivity
from hbeat.core.events import Effect, Level, Note, Outcome, RunHook, Say
from hbeat.core.hooks import Circumstances, Hooks
from hbeat.core.ipfail import Ipfail
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.membership import Peer
from hbeat.core.model import Failback, Held, LinkName, NodeName, NodeState, Resource
from hbeat.core.outbox import Outbox, WireStamp
from hbeat.core.ownership import Ownership
from hbeat.core.peer_messages import held_in, obey_peer, stranger
from hbeat.core.ping import PingNodes
from hbeat.core.script_messages import Fields
from hbeat.core.script_requests import obey
from hbeat.core.seqno import Seen, Tracker
from hbeat.core.settings import Settings
from hbeat.core.wire import Message, WireError

PROTOCOL = "1"
START_GRACE = 2.0
"""Added to the dt we announce during the first START_GRACE_FOR seconds (reference section 4.1)."""
START_GRACE_FOR = 5.0
REQNODES_PAUSE = 1.0

HOLDING_NEWS = frozenset({"starting", "resource"})
"""Messages that say what the sender holds now; only the newest is true."""


class Cluster:
    """One node's view of the pair. Times are monotonic seconds; `random` spreads retransmission requests."""

    def __init__(self, settings: Settings, keys: Keyring, stamp: WireStamp, random: Random, now: float) -> None:
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
        self._tracker = Tracker(settings.rexmit_delay, random)
        self._ack_digit = random.randrange(10)
        self._acked = 0
        self._newest_holding = 0
        self._began = now
        self._next_beat = now
        self._announced_dt = 0.0
        self._reqnodes_at: float | None = None
        self._reqnodes_since: float | None = None

    # --- time -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> list[Effect]:
        """The first breath: status init, status up, and the resources made ready."""
        effects = self._say_status(now)
        self.status = NodeState.UP
        effects += self._say_status(now)
        self._next_beat = now + self.settings.timing.keepalive
        effects += self._perform(self.ownership.begin(now), now)
        return effects + self._join(now)

    def next_deadline(self) -> float:
        """When handle_timer wants to be called next."""
        timers = [
            self._next_beat,
            self._reqnodes_at,
            self._tracker.next_deadline(),
            self.ownership.next_deadline(),
            self.peer.next_deadline() if self.peer else None,
            self.connectivity.next_deadline(),
        ]
        if self._announced_dt > self.settings.timing.deadtime:
            timers.append(self._began + START_GRACE_FOR)
        return min(at for at in timers if at is not None)

    def handle_timer(self, now: float, late: float = 0.0) -> list[Effect]:
        """All that has become due. Feed every datagram that waits in a socket first: silence must be real.

        late: seconds by which this call comes after next_deadline(). A node that overslept by more than a keepalive
        does not trust its own view: whoever shares its processor was not punctual either.
        """
        effects: list[Effect] = []
        if late > self.settings.timing.keepalive and self.peer is not None and self.peer.alive:
            self.peer.doubt(now)
            self.connectivity.pings.doubt(now)
            effects.append(Note(Level.WARNING, f"our own loop was {round(late * 1000)} ms late"))
        if now >= self._next_beat or self._dt(now) != self._announced_dt:
            effects += self._say_status(now)
            if now >= self._next_beat:
                keepalive = self.settings.timing.keepalive
                self._next_beat = max(self._next_beat + keepalive, now + keepalive / 2)
        if self.peer is not None:
            before = self.peer.links_up
            died, notes = self.peer.check(now)
            effects += [*notes, *self.hooks.links(self.peer, self._circumstances())]
            if died:
                effects += self._peer_died(now)
            elif self.peer.links_up < before:
                effects += self._perform(self.connectivity.link_died(), now)
            for number in self._tracker.due(now):
                wanted = {"firstseq": str(number), "lastseq": str(number)}  # decimal, unlike all else (3.4)
                effects.append(self.outbox.send(Say.of("NS_rexmit", self.peer.name, **wanted), now))
        effects += self._perform(self.connectivity.handle_timer(now), now)
        effects += [*self.hooks.pings(self.connectivity.pings, self._circumstances()), *self._join(now)]
        if self._reqnodes_at is not None and now >= self._reqnodes_at:
            effects += self._ask_nodes(now)
        return effects + self._perform(self.ownership.handle_timer(now), now)

    def _dt(self, now: float) -> float:
        grace = START_GRACE if now < self._began + START_GRACE_FOR else 0.0
        return self.settings.timing.deadtime + grace

    def _say_status(self, now: float) -> list[Effect]:
        """A status message, and an echo request to each ping node beside it."""
        return [*self._send(self._status_message(now), now), *self.connectivity.pings.requests(self.outbox, now)]

    def _status_message(self, now: float) -> Say:
        self._announced_dt = self._dt(now)
        return Say.of("status", st=self.status.value, dt=f"{round(self._announced_dt * 1000):x}", protocol=PROTOCOL)

    def _perform(self, effects: Iterable[Effect], now: float) -> list[Effect]:
        """Turns what is to be said into datagrams; everything else passes."""
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
        """As soon as everybody was heard or given up: ask the peer for its node list, or become active."""
        if self.status is not NodeState.UP or not self.connectivity.pings.decided:
            return []
        if self.peer is not None and not self.peer.decided:
            return []
        if self.peer is not None and self.peer.alive and self.peer.protocol:
            if self._reqnodes_at is None:
                self._reqnodes_since = now
                return self._ask_nodes(now)
            return []
        return self._activate(now)

    def _ask_nodes(self, now: float) -> list[Effect]:
        assert self.peer is not None
        if self._reqnodes_since is not None and now - self._reqnodes_since > self.settings.timing.deadtime:
            text = f"{self.peer.name} does not answer reqnodes; going on without its node list"
            return [Note(Level.WARNING, text), *self._activate(now)]
        self._reqnodes_at = now + REQNODES_PAUSE
        return [self.outbox.send(Say.of("reqnodes", self.peer.name), now)]

    def _activate(self, now: float) -> list[Effect]:
        self._reqnodes_at = self._reqnodes_since = None
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
        self._tracker.forget()
        active = self.status is NodeState.ACTIVE
        released = self.peer.heard_at is not None and self.ownership.peer_held is Held.NONE
        result = "unneeded" if released else "n_stnth"
        effects: list[Effect] = [*self.hooks.death(self.peer, self._circumstances())]
        if active:
            effects += self._send(Say.of("stonith", node=self.peer.name, result=result), now)
        self.connectivity.peer_gone()
        effects += self._perform(self.ownership.peer_gone("dead", now), now)
        return effects + self._join(now)

    # --- receiving --------------------------------------------------------------------------------------------

    def receive(self, link: LinkName, data: bytes, now: float) -> list[Effect]:
        """One datagram from a link. Bad ones are counted, noted at a bounded rate, and change nothing."""
        try:
            message = unpack(data, self.outbox.keys)
            problem = stranger(message, self.settings.nodes)
        except (WireError, AuthError) as error:
            problem = str(error)
        if problem is not None:
            return self.bad.note(link, problem, now)
        if self.peer is None or message.text("src").lower() == self.settings.me.name:
            return []
        return self._from_peer(self.peer, link, message, now)

    def echoed(self, data: bytes, now: float) -> list[Effect]:
        """The payload of an echo reply: a ping node answers."""
        try:
            effects = self._perform(self.connectivity.echoed(data, now), now)
        except LookupError as error:
            return self.bad.note("icmp", str(error), now)
        return [*effects, *self.hooks.pings(self.connectivity.pings, self._circumstances()), *self._join(now)]

    def _from_peer(self, peer: Peer, link: LinkName, message: Message, now: float) -> list[Effect]:
        type_, generation = message.text("t"), message.number("hg") or 0
        if type_.startswith("NS_"):
            if generation < self._tracker.generation:
                return self.bad.note(link, Seen.OLD_GENERATION.value, now)
            return [*peer.heard_on(link, now), *self._transport(type_, message, now)]
        sequence = message.number("seq") or 0
        seen = self._tracker.observe(generation, sequence, type_ == "status", link, now)
        if seen is Seen.OLD_GENERATION:
            return self.bad.note(link, f"{seen.value} ({type_} {sequence} of {peer.name})", now)
        if seen is Seen.OLD_SEQUENCE:
            self.bad.total[link] += 1  # dropped without a word: resent messages come over every link
            return []
        effects: list[Effect] = [*peer.heard_on(link, now), *self.hooks.links(peer, self._circumstances())]
        if seen is Seen.DUPLICATE:
            return effects
        if seen is Seen.RESTARTED:
            self._newest_holding = 0
        if self._tracker.gap:
            effects.append(Note(Level.WARNING, f"{self._tracker.gap} lost packet(s) for {peer.name}"))
        if (uuid := message.raw("srcuuid")) is not None:
            self.outbox.peer_uuids[peer.name] = uuid
        if seen is not Seen.LATE and self._tracker.complete and sequence % 10 == self._ack_digit:
            ack = Say.of("NS_ackmsg", peer.name, ackseq=f"{sequence:x}")
            effects.append(self.outbox.send(ack, now))
        if message.text("dest", self.settings.me.name).lower() != self.settings.me.name:
            return effects
        effects += self._told(message, ours=False)
        if type_ == "status":
            return effects + self._status(peer, message, seen, now)
        if type_ in HOLDING_NEWS:
            if sequence < self._newest_holding:
                return effects  # sent again after it was lost: what came later is newer
            self._newest_holding = sequence
        return effects + self._perform(self._dispatch(peer, type_, message, now), now)

    def _status(self, peer: Peer, message: Message, seen: Seen, now: float) -> list[Effect]:
        if seen is Seen.LATE:
            return []  # news of the past
        was_dead, was_heard = peer.status == NodeState.DEAD.value, peer.heard_at is not None
        dt = message.number("dt")
        peer.protocol = message.raw("protocol") is not None
        effects: list[Effect] = [
            *peer.status_heard(message.text("st"), None if dt is None else dt / 1000, now),
        ]
        if seen is Seen.RESTARTED:
            effects.append(Note(Level.INFO, f"node {peer.name}: restarted (generation {self._tracker.generation})"))
        news = was_dead or not was_heard or seen is Seen.RESTARTED
        if news and isinstance(self.ownership, LegacyOwnership):
            # It knows nothing of us yet. Whatever we say next may make it active, and an original that has not seen
            # us active by then takes its groups without asking.
            effects += self._send(self._status_message(now), now)
        if was_dead or not self.ownership.peer_alive:
            # It became active without us: each of us thought the other dead. (One that restarts begins with init.)
            alone = message.text("st") == NodeState.ACTIVE.value
            healed = was_dead and alone and self.status is NodeState.ACTIVE
            if healed:
                text = f"node {peer.name}: returning after partition; deadtime value may be too small"
                effects.append(Note(Level.WARNING, text))
            effects += self._perform(self.ownership.peer_returned(healed, now), now)
        return effects + self._join(now)

    def _transport(self, type_: str, message: Message, now: float) -> list[Effect]:
        """Acknowledgements and retransmission (sections 3.3, 3.4), when they are for us."""
        assert self.peer is not None
        if message.text("dest").lower() != self.settings.me.name:
            return []
        first = message.number("firstseq", 10 if type_ == "NS_rexmit" else 16)
        match type_:
            case "NS_ackmsg":
                acked = message.number("ackseq") or 0
                self._acked = max(self._acked, acked) if acked <= self.outbox.sequence else self._acked
                return []
            case "NS_rexmit" if first is not None:
                last = message.number("lastseq", 10)
                first = max(first, self._acked + 1)
                return [*self.outbox.resend(self.peer.name, first, first if last is None else last, now)]
            case "NS_nak_rexmit" if first is not None and self._tracker.give_up(first):
                return [Note(Level.WARNING, f"Irretrievably lost packet {first} of {self.peer.name}")]
        return []

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

    # --- requests ---------------------------------------------------------------------------------------------

    def finished(self, op_id: int, outcome: Outcome, now: float) -> list[Effect]:
        """A resource action has ended."""
        return self._perform(self.ownership.finished(op_id, outcome, now), now)

    def prepared(self, resource: Resource, ready: bool, now: float) -> list[Effect]:
        """A warm resource became ready, or stopped being so."""
        return self._perform(self.ownership.prepared(resource, ready, now), now)

    def give(self, scope: Held, now: float) -> list[Effect]:
        """hb_standby."""
        return self._perform(self.ownership.give(scope, "hb_standby", now), now)

    def ask_takeover(self, word: str, now: float) -> list[Effect]:
        """hb_takeover: the peer is asked to give; word is one of TAKEOVER_WORDS."""
        return self._send(Say.of("hb_takeover", rsc_hold=word), now)

    def script_message(self, fields: Fields, now: float) -> list[Effect]:
        """A message that a script wrote to the FIFO."""
        return self._perform(obey(fields, self.ownership, now), now)

    def group_by_hand(self, key: str, start: bool, now: float) -> list[Effect]:
        """`hbeat resource takegroup` and `givegroup`. Raises LookupError with what speaks against it."""
        return self._perform(self.ownership.by_hand(key, start, now), now)

    def shutdown(self, now: float) -> list[Effect]:
        """Release everything, tell the peer, end with Exit."""
        return self._perform([*self.connectivity.stopping(), *self.ownership.shutdown(now)], now)

    def reload(self, settings: Settings, keys: Keyring, now: float) -> list[Effect]:
        """New keys, timers, failback and groups; nodes, links, ping nodes and ipfail stay until a restart."""
        kept = self.settings
        settings = replace(settings, pings=kept.pings, ipfail=kept.ipfail)
        self.settings = replace(settings, me=kept.me, nodes=kept.nodes, links=kept.links)
        self.outbox.keys = keys
        effects: list[Effect] = []
        if isinstance(self.ownership, LegacyOwnership) is not (settings.failback is Failback.LEGACY):
            text = "ha.cf: a change of auto_failback from or to legacy is taken up by a restart only, on both nodes"
            effects.append(Note(Level.WARNING, text))
        elif isinstance(self.ownership, Ownership):
            self.ownership.handover.failback = settings.failback
        self.hooks.installed = settings.hooks
        self.bad.enabled = settings.log_badpack
        if self.peer is not None:
            self.peer.timing = settings.timing
        self.connectivity.pings.retime(settings.timing)
        if (ipfail := self.connectivity.ipfail) is not None:
            ipfail.keepalive, ipfail.gives_back = settings.timing.keepalive, settings.failback is not Failback.OFF
        self._next_beat = min(self._next_beat, now + settings.timing.keepalive)
        return effects + self._perform(self.ownership.regroup(settings.groups, now), now)


def _ownership(settings: Settings, peer: NodeName | None) -> Ownership | LegacyOwnership:
    if settings.failback is Failback.LEGACY:
        return LegacyOwnership(settings.me.name, peer, settings.groups)
    return Ownership(settings.me.name, peer, settings.groups, settings.failback)


def _ipfail(settings: Settings, ownership: Ownership | LegacyOwnership) -> tuple[Ipfail, Ownership] | None:
    """ipfail and what it moves; it needs a peer, and the standby handshake that legacy does not have."""
    if not settings.ipfail or ownership.peer is None or not isinstance(ownership, Ownership):
        return None
    gives_back = settings.failback is not Failback.OFF
    return Ipfail(settings.me.name, ownership.peer, settings.timing.keepalive, gives_back), ownership
