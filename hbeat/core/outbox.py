"""What this node sends: numbering, the common fields, signatures, and the history for retransmission.

Reference sections 2.1 (common fields and their order), 3.1 (one counter from 1 in each generation), 3.3 and 3.4.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from hbeat.core.auth import Keyring, pack
from hbeat.core.events import Level as L
from hbeat.core.events import Note, Say, SendDatagram
from hbeat.core.hello import FIELD
from hbeat.core.wire import Message

HISTORY = 500
RESEND_PAUSE = 0.240
MAX_RESENT = 50

WireStamp = Callable[[], tuple[int, str]]
"""Gives the fields `ts` (seconds since 1970) and `ld` (text of /proc/loadavg): for the wire, never for a decision."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are on the wire: lower-case name, 16 bytes of uuid, generation of this start, ttl for serial rings."""

    name: str
    uuid: bytes
    generation: int
    ttl: int


@dataclass(slots=True)
class _Sent:
    data: bytes
    last_sent: float


class Outbox:
    """Turns `Say` into signed datagrams and answers requests for old ones."""

    def __init__(self, me: Identity, keys: Keyring, stamp: WireStamp, *, inner: bool = True) -> None:
        self.keys = keys
        self.me = me
        self._stamp = stamp
        self.inner = inner
        self.sequence = 0
        self._history: OrderedDict[int, _Sent] = OrderedDict()
        self.peer_uuids: dict[str, bytes] = {}
        self.greeting = ""
        """What messages without a number say to a peer of our kind (`hello`); empty for an original."""
        self.last = Message(())
        """What was sent last, complete, as everybody sees it."""

    def send(self, say: Say, now: float) -> SendDatagram:
        """The datagram for a message; types beginning NS_ carry no number and are never sent again."""
        numbered = not say.fields[0][1].startswith("NS_")
        if numbered:
            self.sequence += 1
        message = self._complete(say, self.sequence if numbered else None)
        self.last = message
        data = pack(message, self.keys, inner=self.inner)
        if numbered:
            self._history[self.sequence] = _Sent(data, now)
            if len(self._history) > HISTORY:
                self._history.popitem(last=False)
        return SendDatagram(data)

    def sealed(self, say: Say, number: int) -> bytes:
        """The datagram for a message that is not sent now, under a number of its own."""
        return pack(self._complete(say, number), self.keys, inner=self.inner)

    def _complete(self, say: Say, number: int | None) -> Message:
        seconds, load = self._stamp()
        pairs: list[tuple[str, str | bytes]] = list(say.fields)
        if say.dest:
            if "dest" not in dict(say.fields):
                pairs.insert(1, ("dest", say.dest))
            if say.dest in self.peer_uuids:
                pairs.append(("destuuid", self.peer_uuids[say.dest]))
        if self.greeting and number is None:
            pairs.append((FIELD, self.greeting))
        if "src" not in dict(say.fields):  # a client's message has it in the middle
            pairs.append(("src", self.me.name))
        pairs.append(("srcuuid", self.me.uuid))
        if number is not None:
            pairs.append(("seq", f"{number:x}"))
        pairs += [("hg", f"{self.me.generation:x}"), ("ts", f"{seconds:x}")]
        if number is not None:
            pairs.append(("ld", load))
        pairs.append(("ttl", str(self.me.ttl)))
        return Message.of(pairs)

    def unnumbered(self, fields: list[tuple[str, str | bytes]]) -> bytes:
        """A signed message with a time and none of the other fields: what ping nodes are sent to echo."""
        seconds, _ = self._stamp()
        return pack(Message.of([*fields, ("ts", f"{seconds:x}")]), self.keys, inner=self.inner)

    def resend(self, asker: str, first: int, last: int, now: float) -> list[SendDatagram | Note]:
        """Answers NS_rexmit for first..last: the original datagrams, or a nak for what is gone (section 3.4)."""
        answer: list[SendDatagram | Note] = []
        oldest = next(iter(self._history), self.sequence + 1)
        for number in range(max(first, 1), min(last, self.sequence, first + MAX_RESENT - 1) + 1):
            sent = self._history.get(number)
            if sent is None:
                nak = Say(
                    (
                        ("t", "NS_nak_rexmit"),
                        ("firstseq", f"{number:x}"),
                        ("dest", asker),
                        ("info", "seqno too low" if number < oldest else "seqno not found"),
                    ),
                    asker,
                )
                answer.append(Note(L.INFO, f"{asker} asked for message {number}, which is no longer kept"))
                answer.append(self.send(nak, now))
            elif now - sent.last_sent >= RESEND_PAUSE:
                sent.last_sent = now
                answer.append(SendDatagram(sent.data))
        return answer
