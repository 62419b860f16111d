"""From a datagram to a message that counts: signature, sender, is it of now, is it new, what its sender is owed.

A datagram that fails on the way is counted by reason and changes nothing. What passes has proved its link and, when it
is new, is handed to the cluster. Acknowledgements and retransmission happen here (reference sections 3.3 and 3.4): the
parts behind see numbered messages once, and almost always in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from hbeat.core import last_will
from hbeat.core.auth import AuthError, UnknownKey, WeakKey, unpack
from hbeat.core.badpackets import BadPackets, Reason
from hbeat.core.events import Effect, Level, Note, Remember, Say
from hbeat.core.hello import Hello, hello_in
from hbeat.core.membership import Peer
from hbeat.core.model import LinkName, NodeName, PeerRecord
from hbeat.core.outbox import Outbox
from hbeat.core.proof import ANSWER_TIME, Proof
from hbeat.core.seqno import Seen, Tracker
from hbeat.core.wire import Message, WireError

NAMESAKE_KEPT = 60.0
"""Seconds for which a machine with our name, once heard, is counted on."""
REMEMBER_PAUSE = 1.0
"""Seconds between two records of the peer's sequence number; a new life is recorded at once."""

_REASONS = {
    Seen.OLD_GENERATION: Reason.STALE,
    Seen.UNPROVEN: Reason.STALE,
    Seen.OLD_SEQUENCE: Reason.REPLAY,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the peer that counts. for_us: it is not meant for another node. hello: of a status of our kind."""

    message: Message
    seen: Seen
    sequence: int
    for_us: bool
    hello: Hello | None


class Reception:
    """The receiving side of one node. nodes: those of ha.cf; floor: what is known of the peer from before."""

    def __init__(
        self,
        nodes: Iterable[NodeName],
        peer: Peer | None,
        outbox: Outbox,
        bad: BadPackets,
        rexmit_delay: float,
        random: Random,
        floor: PeerRecord | None,
    ) -> None:
        self.tracker = Tracker(rexmit_delay, random, floor)
        self.proof = Proof(random)
        self.answer_wanted = False
        """The peer waits for a status that repeats its nonce; set by `take`, whoever answers clears it."""
        self.returned: dict[LinkName, float] = {}
        """When what this node sent came back to it last, over each link where it does (a broadcast, our own ucast)."""
        self._nodes = frozenset(nodes)
        self._peer, self._outbox, self._bad = peer, outbox, bad
        self._ack_digit = random.randrange(10)
        self._acked = 0
        self._remember_at = float("-inf")
        self._namesake_at: float | None = None

    def next_deadline(self) -> float | None:
        return self.tracker.next_deadline()

    def handle_timer(self, now: float) -> list[Effect]:
        """Asks for what is missing."""
        if self._peer is None:
            return []
        effects: list[Effect] = []
        for number in self.tracker.due(now):
            wanted = {"firstseq": str(number), "lastseq": str(number)}  # decimal, unlike all else (3.4)
            effects.append(self._send("NS_rexmit", now, **wanted))
        return effects

    def forget(self) -> None:
        """The peer is dead: only a proof, or higher numbers of an original, will open its life again."""
        self.tracker.forget()
        self.proof.renew()

    def take(self, link: LinkName, data: bytes, now: float, sender: str = "") -> tuple[Heard | None, list[Effect]]:
        """One datagram: the message if there is a new one in it, and what follows from its arrival."""
        try:
            message = unpack(data, self._outbox.keys)
        except WireError as error:
            return None, self._bad.note(link, Reason.MALFORMED, str(error), now)
        except UnknownKey as error:
            return None, self._bad.note(link, Reason.UNKNOWN_KEY, str(error), now)
        except WeakKey as error:
            return None, self._bad.note(link, Reason.WEAK_KEY, str(error), now)
        except AuthError as error:
            return None, self._bad.note(link, Reason.BAD_SIGNATURE, str(error), now)
        if (problem := _lacking(message)) is not None:
            return None, self._bad.note(link, Reason.MALFORMED, problem, now)
        source = message.text("src").lower()
        if source not in self._nodes:
            return None, self._bad.note(link, Reason.UNKNOWN_NODE, f"node {source!r} is not in ha.cf", now)
        if self._peer is None or source != self._peer.name:
            return None, self._by_our_name(link, message, now) if source == self._outbox.me.name else []
        if message.text("t").startswith("NS_"):
            return None, self._transport(self._peer, link, message, now)
        return self._numbered(self._peer, link, message, now, sender)

    def has_namesake(self, now: float) -> bool:
        """Another machine has used the name of this node lately: whoever answers for addresses may be alive."""
        return self._namesake_at is not None and now - self._namesake_at < NAMESAKE_KEPT

    def _by_our_name(self, link: LinkName, message: Message, now: float) -> list[Effect]:
        """What we sent ourselves comes back, or another machine has our name. A recording of an earlier life of ours
        has our uuid and an older generation: that is nothing to complain of."""
        me, generation = self._outbox.me, message.number("hg") or 0
        if message.raw("srcuuid") in (None, me.uuid) and generation <= me.generation:
            if generation == me.generation:
                self.returned[link] = now
            return []
        self._namesake_at = now
        what = f"another machine is {me.name}, too; give each node a name of its own (uname -n, /etc/ha.d/nodeinfo)"
        return self._bad.note(link, Reason.NAMESAKE, what, now)

    def _numbered(
        self, peer: Peer, link: LinkName, message: Message, now: float, sender: str
    ) -> tuple[Heard | None, list[Effect]]:
        type_, generation = message.text("t"), message.number("hg") or 0
        sequence = message.number("seq") or 0
        is_status = type_ == "status"
        hello = hello_in(message) if is_status else None
        proven = hello is not None and self.proof.given_by(hello)
        seen = self.tracker.observe(
            generation, sequence, is_status, link, now, life=hello.life if hello else "", proven=proven
        )
        if seen in _REASONS:
            return None, self._refused(link, seen, message, hello, now)
        effects: list[Effect] = [*peer.heard_on(link, now, sender)]
        if seen is Seen.DUPLICATE:
            return None, effects
        if hello is not None:
            self.proof.hear(hello, now)
        if self.tracker.opened and hello is not None:
            self.proof.renew()
            self.answer_wanted = True
        if self.tracker.gap and type_ != last_will.TYPE:
            effects.append(Note(Level.WARNING, f"{self.tracker.gap} lost packet(s) for {peer.name}"))
        if (uuid := message.raw("srcuuid")) is not None:
            self._outbox.peer_uuids[peer.name] = uuid
        if seen is not Seen.LATE and self.tracker.complete and sequence % 10 == self._ack_digit:
            effects.append(self._send("NS_ackmsg", now, ackseq=f"{sequence:x}"))
        if self.tracker.opened or (is_status and now >= self._remember_at):
            self._remember_at = now + REMEMBER_PAUSE
            effects.append(Remember(self.tracker.record(peer.name)))
        return Heard(message, seen, sequence, self._is_for_us(message), hello), effects

    def _refused(self, link: LinkName, seen: Seen, message: Message, hello: Hello | None, now: float) -> list[Effect]:
        """A recording, or the first words of a peer that cannot have heard us yet."""
        if hello is not None and seen is not Seen.OLD_SEQUENCE:
            since = self.proof.hear(hello, now)
            self.answer_wanted = self.answer_wanted or self.proof.may_hurry(now)
            if seen is Seen.UNPROVEN and now - since < ANSWER_TIME:
                return []
        if seen is Seen.OLD_SEQUENCE:  # what is sent again after a loss comes over every link
            self._bad.count(link, Reason.REPLAY)
            return []
        what = f"{message.text('t')} {message.text('seq')} of {message.text('src').lower()}"
        return self._bad.note(link, _REASONS[seen], f"{seen.value} ({what})", now)

    def _transport(self, peer: Peer, link: LinkName, message: Message, now: float) -> list[Effect]:
        """Acknowledgements and requests for lost messages, when they are for us and of the open life."""
        generation, type_ = message.number("hg") or 0, message.text("t")
        if generation < self.tracker.generation:
            return self._bad.note(link, Reason.STALE, Seen.OLD_GENERATION.value, now)
        hello = hello_in(message)
        of_now = not self.tracker.ours or (hello is not None and self.proof.is_of_this_life(hello))
        if not self.tracker.is_open(generation) or not of_now:
            return []
        effects: list[Effect] = [*peer.heard_on(link, now)]
        if not self._is_for_us(message):
            return effects
        first = message.number("firstseq", 10 if type_ == "NS_rexmit" else 16)
        match type_:
            case "NS_ackmsg":
                acked = message.number("ackseq") or 0
                self._acked = max(self._acked, acked) if acked <= self._outbox.sequence else self._acked
            case "NS_rexmit" if first is not None:
                last = message.number("lastseq", 10)
                first = max(first, self._acked + 1)
                self._greet()
                effects += self._outbox.resend(peer.name, first, first if last is None else last, now)
            case "NS_nak_rexmit" if first is not None and self.tracker.give_up(first):
                effects.append(Note(Level.WARNING, f"Irretrievably lost packet {first} of {peer.name}"))
        return effects

    def _is_for_us(self, message: Message) -> bool:
        me = self._outbox.me.name
        return message.text("dest", me).lower() == me

    def _send(self, type_: str, now: float, **own: str) -> Effect:
        assert self._peer is not None
        self._greet()
        return self._outbox.send(Say.of(type_, self._peer.name, **own), now)

    def _greet(self) -> None:
        self._outbox.greeting = Hello(self.proof.nonce, self.proof.echoes).brief() if self.tracker.ours else ""


def _lacking(message: Message) -> str | None:
    """What every message has and this one has not (section 3.2 rule 1)."""
    for name in ("t", "src"):
        if not message.raw(name):
            return f"no field {name}"
    if not message.number("ts"):
        return "no field ts, or it is zero"
    if message.number("hg") is None:
        return "no field hg"
    if message.number("seq") is None and not message.text("t").startswith("NS_"):
        return "no field seq"
    return None
