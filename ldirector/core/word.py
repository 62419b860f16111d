"""The other node's word: what a director does that comes to serve and sees no real server.

Servers that are down for both nodes are down. Those that are down for this node alone are most likely out of its
checks' reach (a firewall that lets only the other node's checks through) and may well be within reach of what it
forwards; to write weight 0 for all of them would refuse every client, for good. So hbeat, which knows what both nodes
see, says with the role whether the other node's director saw servers while this one saw none (`hbeat.core.sight`).
Then the rule is:

    until a check here is good       every server that is checked and not in maintenance serves with its configured
                                     weight, and checks go on. Fallbacks do not serve.
    from the first good check on     this node's own view counts. Every other server keeps its weight until its own
                                     next check, which is made at once: one server that is seen must not empty the
                                     virtuals of those that have not been looked at again.
    standby, or the word withdrawn   this node's own view, at once. It is withdrawn when the other one sees none either.

A director that sees a server does without the word: what is down for it is down. So does one whose node stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from ldirector.core.events import Level, Note
from ldirector.core.farm import Farm
from ldirector.core.model import Member
from ldirector.core.transcript import Transition

BELIEVED = (
    "No real server is seen from here, but the other node saw some: {} of them get their configured weights on its "
    "word, until a check made here is good. Find out why checks fail from this node"
)
SEEN = "A real server is seen from here: this node's own checks count again"
WITHDRAWN = "the other node sees no real server either"


class Word:
    """Whether it counts, for one farm."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._stands = False

    @property
    def counts(self) -> bool:
        """Servers serve on it."""
        return bool(self._farm.vouched)

    @property
    def matters(self) -> bool:
        """It counts, or may come to count."""
        return self._stands or self.counts

    def given(self, ready: bool) -> list[Note]:
        """hbeat says it with the role. ready: every server has a verdict; before that, it may be needed yet."""
        self._stands = self._farm.sees_nothing() or not ready
        return self.look()

    def look(self) -> list[Note]:
        """Begins to count where it stands and no server is seen; then the whole table is to be written."""
        if not self._stands or self.counts or not self._farm.sees_nothing():
            return []
        return [Note(Level.WARNING, BELIEVED.format(self._farm.vouch()))]

    def judged(self, members: Iterable[Member], passed: bool, why: str) -> tuple[list[Note], list[Transition]]:
        """A check of these servers has ended. A line if the word has lost its weight, and those that serve no more."""
        notes = []
        if passed and self._stands:
            self._stands = False
            notes = [Note(Level.WARNING, SEEN)] if self.counts else []
        if self._stands or not self.counts:
            return notes, []
        if passed:
            members = [member for member in members if self._farm.is_up(member)]
        return notes, self._farm.release(members, why)

    def withdrawn(self) -> list[Transition]:
        """The other node sees none either; the servers that serve no more."""
        self._stands = False
        return self._farm.release(self._farm.reals, WITHDRAWN)

    def forgotten(self) -> None:
        """Another role: nothing is written because of it."""
        self._stands = False
        self._farm.vouched.clear()
