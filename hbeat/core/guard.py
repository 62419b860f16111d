"""Does anybody answer for these addresses? Asked of the network before a silent node's addresses are taken.

A node that is dead answers nothing. One whose daemon hangs, or whose heartbeats do not get through, does: its kernel
answers ARP requests and neighbour solicitations by itself. Questions go out every `pause`; an address is free when
`window` has passed since the first question that nobody answered, and at least three were asked. Both follow from
deadtime, so that whoever asks from half of deadtime on knows the answer when it is over.

A question counts once it is sent. One for which the machine had no room, or whose interface was going, proves nothing,
and nothing is taken because of it, for however long that lasts: who cannot send a frame on an interface serves nobody
there. An interface that has gone, is down or has no carrier is not asked on (`custody`), and the addresses on others
are judged without it. An address that has no place on this node (no such interface, no route) cannot be asked for at
all, nor be put on anything: it is free after as long a time, so that nobody waits for ever for what cannot come, and
the start of its group tells what is missing. As soon as it has a place that is void, and the questions begin anew.

An address that was answered for since the question came up is another matter: its owner lived a moment ago, and a
network or a processor that is short of time loses answers for as long as a window. It has to be silent for `CERTAIN`.

An address that is answered for all the time is asked for more rarely by and by, until one question stays open. That
begins when the address of a daemon that was killed would have gone with its lease: its end has to be noticed fast.

All questions that are due at about the same time are one round, and in a round a machine is asked for itself once.

Where the silent machine itself still answers for an address of its own, on the interface where the virtual one belongs,
there is proof: the way to it is good, it is there, and it does not have the virtual address. Such an address is an
orphan after so many questions in a row that lost packets cannot explain it, and nobody has to wait for deadtime.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.events import Asked
from hbeat.core.model import Resource

SHORTEST_PAUSE, LONGEST_PAUSE, LONGEST_WINDOW = 0.0025, 0.01, 0.3
ENOUGH = 3
"""So many questions in a row without an answer, at least."""
CERTAIN = 0.5
"""Seconds without an answer, after there were some."""
ORPHANED = 8
"""So many in a row which the machine answered for itself and not for the address. With every second packet lost, more
than forced by any network that still carries heartbeats, that happens by chance once in fifty thousand times."""
PER_SECOND = 10_000
"""Questions, of all addresses together."""
PATIENCE = ((5.0, 0.25), (3.0, 0.05))
"""Seconds of answers without a gap, and the pause between questions from then on."""


@dataclass(slots=True)
class _Inquiry:
    next_at: float
    open_since: float | None = None  # when the first of the questions that stay open was asked
    open: int = 0
    answered_since: float | None = None  # no question has stayed open since then
    holder: str = ""
    nowhere_since: float | None = None  # it has no place on this node
    sent: bool = False  # the last question
    held: bool = False  # since the last question somebody answered
    there: bool = False  # since the last question the machine answered for itself
    orphaned: int = 0  # questions in a row

    def is_held_for(self, seconds: float, now: float) -> bool:
        return self.answered_since is not None and now - self.answered_since >= seconds


class Guard:
    """The questions about some addresses. Times are monotonic seconds; holders are hardware addresses as text.

    enabled: else nothing is asked, and everything is free.
    """

    def __init__(self, deadtime: float) -> None:
        self.enabled = True
        self._inquiries: dict[Resource, _Inquiry] = {}
        self.tune(deadtime)

    def tune(self, deadtime: float) -> None:
        """Another deadtime is in force."""
        self.pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, deadtime / 16))
        self.window = max(ENOUGH * self.pause, min(LONGEST_WINDOW, deadtime / 4))

    def watch(self, addresses: Iterable[Resource], now: float) -> None:
        """Ask about these, and about no others; what is asked already goes on."""
        self._inquiries = {each: self._inquiries.get(each) or _Inquiry(now) for each in addresses}

    def forget(self) -> None:
        """Ask about nothing."""
        self._inquiries = {}

    def watches(self, address: Resource) -> bool:
        return address in self._inquiries

    def next_deadline(self) -> float | None:
        """When the next question is due."""
        return min((inquiry.next_at for inquiry in self._inquiries.values()), default=None)

    def due(self, now: float) -> list[Resource]:
        """What is to be asked for now, one round: with what is due goes what would be half a pause later. Tell `asked`
        of each."""
        if not any(inquiry.next_at <= now for inquiry in self._inquiries.values()):
            return []
        pause = max(self.pause, len(self._inquiries) / PER_SECOND)
        due = [item for item in self._inquiries.items() if item[1].next_at <= now + pause / 2]
        for _, inquiry in due:
            if inquiry.open:
                inquiry.answered_since = None
            is_orphan = inquiry.sent and inquiry.there and not inquiry.held
            inquiry.orphaned = inquiry.orphaned + 1 if is_orphan else 0
            inquiry.sent = inquiry.there = inquiry.held = False
            calm = next((slow for seconds, slow in PATIENCE if inquiry.is_held_for(seconds, now)), 0.0)
            inquiry.next_at = now + max(pause, calm)
        return [address for address, _ in due]

    def asked(self, address: Resource, asked: Asked, now: float) -> None:
        """What became of the question."""
        inquiry = self._inquiries.get(address)
        if inquiry is None:
            return
        if asked is Asked.NOWHERE:
            inquiry.nowhere_since = now if inquiry.nowhere_since is None else inquiry.nowhere_since
            return
        if inquiry.nowhere_since is not None:
            inquiry.nowhere_since = inquiry.open_since = None
            inquiry.open = 0
        if asked is Asked.SENT:
            inquiry.sent = True
            inquiry.open_since = now if inquiry.open_since is None else inquiry.open_since
            inquiry.open += 1

    def answered(self, address: Resource, holder: str, now: float) -> None:
        """Somebody else has it."""
        inquiry = self._inquiries.get(address)
        if inquiry is not None:
            inquiry.open_since = inquiry.nowhere_since = None
            inquiry.open = 0
            inquiry.held = True
            inquiry.answered_since = now if inquiry.answered_since is None else inquiry.answered_since
            inquiry.holder = holder

    def machine_answered(self, address: Resource) -> None:
        """The machine whose silence is the reason for the question answers for its own address beside this one."""
        if (inquiry := self._inquiries.get(address)) is not None:
            inquiry.there = True

    def are_orphans(self, addresses: Iterable[Resource]) -> bool:
        """That machine does not have these, and there is at least one."""
        found = [self._inquiries.get(address) for address in addresses]
        return bool(found) and all(inquiry is not None and inquiry.orphaned >= ORPHANED for inquiry in found)

    def is_free(self, addresses: Iterable[Resource], now: float) -> bool:
        """Nobody answers for any of these, and whoever is there has had the time to."""
        return not self.enabled or all(self._is_free(self._inquiries.get(address), now) for address in addresses)

    def _is_free(self, inquiry: _Inquiry | None, now: float) -> bool:
        if inquiry is None:
            return False
        window = max(self.window, CERTAIN) if inquiry.holder else self.window
        if inquiry.nowhere_since is not None:
            return now - inquiry.nowhere_since >= window
        return inquiry.open >= ENOUGH and inquiry.open_since is not None and now - inquiry.open_since >= window

    def holders(self) -> dict[Resource, str]:
        """Who has answered since, by address."""
        return {
            address: inquiry.holder
            for address, inquiry in self._inquiries.items()
            if inquiry.answered_since is not None
        }
