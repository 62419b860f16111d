"""Do both nodes know the connections of the clients? Asked all the time, and waited for before groups go home.

The kernel's synchronisation tells the other node of a connection when packets of it pass, and never of all of them. So
a node that holds groups looks at its connections when it hears that the other one listens, then every EVERY seconds,
and before it gives anything away, and tells the other node's kernel of all of them (`sync_message`): also of those that
are quiet, and anew before the copies there expire. From each look a few names go into its hello; the other one looks
them up and says how many it found. That is the self-test: if it has them all, its table is level with ours, and the
way from kernel to kernel works.

A node that comes back gets its groups when its table is level, or after failback_limit. That wait is here, on the side
that gives; the other side's is `phase` (SETTLING).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hbeat.core.builtin import ADDRESSES, address_of
from hbeat.core.events import ConnectionsRead, Effect, Level, Note, ReadConnections
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.model import SyncPlan
from hbeat.core.ownership import Ownership
from hbeat.core.sync_news import SyncNews

EVERY = 30.0
"""Between looks while nothing happens: the shortest life of a copy is minutes (ipvsadm --set)."""
SHARE = 20
"""A look at very many connections costs seconds of a processor: then the next one is this many times later. Not while
somebody waits for it."""
AGAIN = 0.5
"""Between looks while the other node's table is awaited."""
ARRIVAL = 0.05
"""From telling to asking whether it has come: the kernel there takes its messages one after the other."""
FIRST_LIMIT = 0.5
"""Seconds that giving away waits for a last look."""
NAME = "connections"

PATIENCE = 3
"""Looks in a row that find something missing until it is told: a message may get lost."""

Begin = Callable[[float], list[Effect]]


class Agreed(Enum):
    """Whether the other node knows our connections."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class _First:
    """What begins when a look that begins later is over, or at its deadline."""

    begin: Begin
    deadline: float
    looking: bool = False


@dataclass(slots=True)
class _Other:
    """The other node while it listens to the same syncid. life: of its nonce. judged: number of our last sample that it
    has answered. missed: so many of them in a row were not all there. awaited_until: its groups stay here until then,
    or until its table is level."""

    life: str
    news: SyncNews
    level: Agreed = Agreed.UNKNOWN
    judged: int = 0
    missed: int = 0
    awaited_until: float | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """One that is under way. tells: the other node of our connections; asked: number of its sample that is looked for,
    0 for none."""

    tells: bool
    asked: int


class ConnectionSync:
    """plan: None where it is off. limit: failback_limit. Times are monotonic seconds."""

    def __init__(self, ownership: Ownership | LegacyOwnership, plan: SyncPlan | None, limit: float) -> None:
        self.plan, self.limit = plan, limit
        self.listening = False
        """The kernel's daemons run."""
        self.count = 0
        """Connections of this node at the last look."""
        self._ownership = ownership
        self._other: _Other | None = None
        self._number = 0  # of our last sample
        self._sample: tuple[str, ...] = ()
        self._answered: tuple[int, int] | None = None  # number of its last sample that was looked for, and found
        self._tried = 0  # number of its last sample that a look was begun for
        self._looking: _Look | None = None
        self._tell_at: float | None = None
        self._answer_at: float | None = None
        self._first: list[_First] = []
        self._problem = ""

    # --- what can be asked ------------------------------------------------------------------------------------

    @property
    def news(self) -> SyncNews | None:
        """Our word of the hello; None while this node listens to nobody."""
        if self.plan is None or not self.listening:
            return None
        number, found = self._answered or (0, None)
        return SyncNews(self.plan.syncid, self.count, self._number, self._sample, number, found)

    @property
    def agreed(self) -> tuple[Agreed, str]:
        """Whether the node that serves nobody knows the connections of the other one, and how that is known."""
        other = self._other
        if other is None:
            return Agreed.UNKNOWN, "the other node does not listen to this syncid"
        sample = self._sample if self._serves else other.news.sample
        if not sample:
            return Agreed.UNKNOWN, "there was no open connection to compare"
        number, found = (other.news.its_number, other.news.found) if self._serves else self._answered or (0, None)
        if found is None or number != (self._number if self._serves else other.news.number):
            return other.level, "a look is under way"
        where = "there" if self._serves else "here"
        level = Agreed.YES if found >= len(sample) else Agreed.NO
        return level, f"of {len(sample)} connections that were looked for {where}, {found} were found"

    @property
    def peer_count(self) -> int | None:
        """Connections of the other node, as it said last."""
        return self._other.news.count if self._other else None

    @property
    def awaits(self) -> bool:
        """Groups wait here for the other node's table."""
        return self._is_awaited and isinstance(self._ownership, Ownership) and self._ownership.handover.wants_failback

    @property
    def _is_awaited(self) -> bool:
        return self._other is not None and self._other.awaited_until is not None

    @property
    def _serves(self) -> bool:
        return bool(self._ownership.mine())

    def next_deadline(self) -> float | None:
        times = [first.deadline for first in self._first]
        if self._other is not None:
            looks = () if self._looking else (self._tell_at, self._answer_at)
            times += [at for at in (*looks, self._other.awaited_until) if at is not None]
        return min(times, default=None)

    # --- what happens -----------------------------------------------------------------------------------------

    def renew(self, plan: SyncPlan | None, limit: float, now: float) -> list[Effect]:
        """hbeat.yaml was changed."""
        before, self.plan, self.limit = self.plan, plan, limit
        if plan == before:
            return []
        self._looking = None  # who looked is gone
        return self.peer_gone(now)

    def listens(self, on: bool, now: float) -> list[Effect]:
        """The kernel's daemons run on this node, or do not."""
        self.listening = on
        return [] if on else self.peer_gone(now)

    def peer_says(self, life: str, news: SyncNews | None, now: float) -> list[Effect]:
        """The newest word of a peer of our kind; life: of its nonce."""
        if news is None or self.plan is None or not self.listening or news.syncid != self.plan.syncid:
            return self.peer_gone(now)
        if self._other is None or self._other.life != life:
            self._other_came(life, news, now)
        assert self._other is not None
        self._other.news = news
        if news.sample and news.number != self._tried and self._answer_at is None:
            self._answer_at = now + ARRIVAL
        return self._compare(self._other, now)

    def _other_came(self, life: str, news: SyncNews, now: float) -> None:
        self._other = _Other(life, news)
        self._answered, self._tried = None, 0
        self._number += 1  # whatever it says of the sample before was of another life
        self._sample = ()
        self._tell_at = now
        if isinstance(self._ownership, Ownership):
            self._other.awaited_until = now + self.limit
            self._ownership.handover.hold_back(NAME, True)

    def peer_gone(self, now: float) -> list[Effect]:
        """It died, stopped, or listens to nobody: nobody is waited for."""
        self._other = self._tell_at = self._answer_at = None
        if isinstance(self._ownership, Ownership):
            self._ownership.handover.hold_back(NAME, False)
        return self._begin(self._first, now)

    def handle_timer(self, now: float) -> list[Effect]:
        effects = self._begin([first for first in self._first if first.deadline <= now], now)
        other = self._other
        if other is None:
            return effects
        if other.awaited_until is not None and now >= other.awaited_until:
            if self.awaits and other.level is not Agreed.YES:
                text = f"{self._ownership.peer} does not have the connections of this node after {self.limit:g} s"
                why = f"{self.agreed[0].value}: {self.agreed[1]}"
                effects.append(Note(Level.WARNING, f"{text} ({why}); its resources go home all the same"))
            effects += self._release(now)
        if self._looking is None and any(at is not None and at <= now for at in (self._tell_at, self._answer_at)):
            effects.append(self._begin_look(other, now))
        return effects

    def read(self, found: ConnectionsRead, now: float) -> list[Effect]:
        """A look is over."""
        look, self._looking = self._looking, None
        ready = [first for first in self._first if first.looking]
        if look is None or self._other is None:
            return self._begin(ready, now)
        self.count = found.count
        if look.asked and not found.problem:
            self._answered = look.asked, found.present
        effects: list[Effect] = []
        if look.tells:
            self._tell_at = now + (AGAIN if self._is_awaited else max(EVERY, SHARE * found.seconds))
            self._number, self._sample = self._number + 1, found.sample
            if not (found.sample or found.problem) and self._is_awaited and not ready:
                effects += self._release(now)  # there is nothing that it would have to know
        if found.problem and found.problem != self._problem:
            effects.append(Note(Level.WARNING, f"connection sync: {found.problem}"))
        self._problem = found.problem
        effects += self._begin(ready, now)
        if self._first:
            self._tell_at = now
        return effects

    def first(self, begin: Begin, now: float) -> list[Effect]:
        """Tells the other node of all connections, and then begins; at once when there is nobody to tell."""
        if self._other is None or not self._serves:
            return begin(now)
        self._first.append(_First(begin, now + FIRST_LIMIT))
        self._tell_at = now
        return []

    @property
    def waits(self) -> bool:
        """Something is to begin when the other node knows our connections."""
        return bool(self._first)

    def hurry(self, now: float) -> None:
        """Groups may be given away in a moment, and nothing must wait."""
        if self._other is not None and self._serves:
            self._tell_at = now

    # --- the parts --------------------------------------------------------------------------------------------

    def _begin_look(self, other: _Other, now: float) -> Effect:
        tells = self._serves and self._tell_at is not None and self._tell_at <= now
        if self._tell_at is not None and self._tell_at <= now:
            self._tell_at = None if tells else now + (AGAIN if self._is_awaited else EVERY)
        self._answer_at, self._tried = None, other.news.number
        for first in self._first:
            first.looking = first.looking or tells
        self._looking = _Look(tells, other.news.number if other.news.sample else 0)
        return ReadConnections(self._virtuals() if tells else (), other.news.sample)

    def _virtuals(self) -> tuple[str, ...] | None:
        """The addresses whose connections are ours to tell of; None: all connections are."""
        mine = self._ownership.mine()
        if len(mine) == len(self._ownership.groups):
            return None
        return tuple(address_of(r) for group in mine for r in group.resources if r.script in ADDRESSES)

    def _compare(self, other: _Other, now: float) -> list[Effect]:
        """What the other node's answer to our sample tells."""
        news = other.news
        if not self._sample or news.its_number != self._number or other.judged == self._number or news.found is None:
            return []
        other.judged = self._number
        if news.found < len(self._sample):
            other.missed += 1
            if other.missed < PATIENCE:
                self._tell_at = min(self._tell_at or now + AGAIN, now + AGAIN)
            elif other.level is not Agreed.NO:
                other.level = Agreed.NO
                text = f"connection sync: {self._ownership.peer} does not know all connections of this node"
                return [Note(Level.WARNING, f"{text}: {self.agreed[1]}")]
            return []
        before, other.level, other.missed = other.level, Agreed.YES, 0
        if before is Agreed.YES:
            return []
        note = Note(Level.INFO, f"connection sync: {self._ownership.peer} knows the connections of this node")
        # those that came meanwhile, too
        return [note, *(self.first(self._release, now) if self._is_awaited else [])]

    def _release(self, now: float) -> list[Effect]:
        """Groups may go home."""
        if self._other is not None:
            self._other.awaited_until = None
        if not isinstance(self._ownership, Ownership):
            return []
        self._ownership.handover.hold_back(NAME, False)
        return self._ownership.handover.maybe_failback(now)

    def _begin(self, ready: list[_First], now: float) -> list[Effect]:
        begun = tuple(ready)
        self._first = [first for first in self._first if first not in begun]
        return [effect for first in begun for effect in first.begin(now)]
