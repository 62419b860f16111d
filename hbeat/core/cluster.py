"""The one object the daemon talks to: datagrams, timers and requests in, effects out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hbeat.core.auth import Keyring
from hbeat.core.badpackets import Reason
from hbeat.core.conversation import Conversation
from hbeat.core.events import Asked, ConnectionsRead, Effect, Level, Note, Outcome, Say
from hbeat.core.hello import Files
from hbeat.core.membership import OVERDUE
from hbeat.core.model import Failback, Held, LinkName, NodeState, Resource
from hbeat.core.ownership import Ownership
from hbeat.core.script_messages import Fields
from hbeat.core.script_requests import obey
from hbeat.core.settings import Settings


class Cluster(Conversation):
    """One node's view of the pair. Times are monotonic seconds; `random` spreads retransmission requests."""

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

    def stalled(self, late: float, now: float) -> list[Effect]:
        """The loop came late by so much that what this node knows is stale. What waits in the sockets comes after."""
        self.kin.doubt(now)
        if self.peer is not None and self.peer.alive:
            self.peer.doubt(now)
        return self._perform(self.custody.stalled(late, now), now)

    # --- what is seen ----------------------------------------------------------------------------------------------

    def carrier(
        self, lost: Iterable[LinkName], severed: Iterable[Resource], isolated: bool, now: float
    ) -> list[Effect]:
        """All interfaces of our groups that have no carrier now, and the addresses that belong there.

        isolated: nor has any interface that carries heartbeats.
        """
        lost = frozenset(lost)
        if lost > self.cabling.lost:
            self.connections.hurry(now)
        self.custody.cut_off.carrier(severed, isolated, now)
        return self._perform(self.cabling.seen(lost, now), now)

    def echoed(self, data: bytes, now: float) -> list[Effect]:
        """The payload of an echo reply: a ping node answers."""
        try:
            effects = self._perform(self.connectivity.echoed(data, now), now)
        except LookupError as error:
            return self.bad.note("icmp", Reason.ECHO, str(error), now)
        return [*effects, *self.hooks.pings(self.connectivity.pings, self._circumstances()), *self._join(now)]

    def finished(self, op_id: int, outcome: Outcome, now: float) -> list[Effect]:
        """A resource action has ended."""
        return self._perform(self.ownership.finished(op_id, outcome, now), now)

    def prepared(self, resource: Resource, ready: bool, now: float) -> list[Effect]:
        """A warm resource became ready, or stopped being so."""
        return self._perform(self.ownership.prepared(resource, ready, now), now)

    def sighted(self, director: Resource, blind: bool | None, now: float) -> list[Effect]:
        """Whether a director of this node sees no server at all; None: not known. The peer is told first."""
        seen = self.sight.seen(director, blind, now)
        return [*seen, *self._say_status(now)] if seen and self.status is NodeState.ACTIVE else seen

    def connections_read(self, found: ConnectionsRead, now: float) -> list[Effect]:
        """A look at the IPVS connections is over."""
        return self._perform(self.connections.read(found, now), now)

    def connections_listen(self, on: bool, now: float) -> list[Effect]:
        """The kernel's synchronisation daemons run on this node, or do not."""
        return self._perform(self.connections.listens(on, now), now)

    def address_seen(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine, by its hardware address, says that it has a virtual address."""
        return self._perform(self.custody.seen(address, holder, now), now)

    def address_asked(self, address: Resource, asked: Asked, now: float) -> list[Effect]:
        """What became of a question about this address."""
        self.custody.guard.asked(address, asked, now)
        return []

    def machine_seen(self, address: Resource, now: float) -> list[Effect]:
        """The silent peer's machine answers for its own address on the interface where this one belongs."""
        self.custody.guard.machine_answered(address)
        return []

    def address_wanted(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine asks the network for a virtual address."""
        return self._perform(self.custody.wanted_by_other(address, holder, now), now)

    def addresses_lost(self, addresses: Iterable[Resource], why: str, now: float) -> list[Effect]:
        """Virtual addresses of this node are not there any more."""
        return self._perform(self.custody.lost.lose(addresses, why), now)

    # --- requests --------------------------------------------------------------------------------------------------

    @property
    def resource_status(self) -> str:
        """`Ownership.status`; an order that waits until the other node knows our connections is under way, too."""
        return "transition" if self.connections.waits else self.ownership.status

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
        effects = [*self.last_will.renew(), *self.files_changed(settings.files, now)]
        self.hooks.installed = settings.hooks
        self.bad.enabled = settings.log_badpack
        if self.peer is not None:
            self.peer.timing = settings.timing
            self.peer.relink(settings.links)
        self.connectivity.pings.renew(settings.pings, settings.timing, now)
        if (ipfail := self.connectivity.ipfail) is not None:
            ipfail.keepalive, ipfail.gives_back = settings.timing.keepalive, settings.failback is not Failback.OFF
        self.cabling.renew(settings.timing, settings.safety.link_hold_down, settings.failback is not Failback.OFF)
        self.beat.renew(settings.timing, now)
        sessions = settings.sessions
        self.ownership.ready_limit = sessions.failback_limit
        effects += self._perform(self.connections.renew(sessions.connection_sync, sessions.failback_limit, now), now)
        self.custody.renew(settings.safety, settings.timing)
        guarded = settings.safety.arp_guard and self.peer is not None
        before = [resource for group in self.ownership.mine() for resource in group.resources]
        effects += self._perform(self.ownership.regroup(settings.groups, now, guarded=guarded), now)
        if guarded:
            self.custody.lost.came(before)
        return effects
