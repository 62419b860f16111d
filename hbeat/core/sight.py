"""Which node sees real servers? One whose checks reach none would serve an empty farm.

Every node says of each of its directors whether it sees servers or is blind: it checks servers, and every one of them
is down for it. What that means depends on the other node. Servers that are down for both are down. Where they are down
for one node and not for the other, it is that node's network, and two things follow:

Groups do not go home to the blind node: not after its return, not when its cable is back, for as long as it lasts.
Nothing else is moved by it, because serving the farm badly is better than not at all: a blind node takes the groups of
one that has died, and gets them when an administrator says so.

Its view must not empty the farm then. Checks can be out of reach where clients are not: a firewall of the real servers
may let the checks of one node through and not those of the other. So while one director is blind and the same director
of the other node sees servers, for SETTLED seconds together, that one's word stands for the servers, and the director
is told of it when it has to serve: it serves all of them with their configured weights until a check of its own is good
(`ldirector.core.word`). The word outlives the node that gave it; that is what it is for. It is withdrawn when this
director sees a server, and when the other one says that it is blind, too. A director whose servers went down together
with the other node, or later, has no such word: what is down is down, and fallbacks serve. So has a node that stands
alone, and one beside an original, which says nothing of that. A node that cannot reach its servers at all, as with its
cable out, serves them in vain for as long; its clients wait, where a fallback might have told them why.

A director that becomes active while it is blind checks every server at once (`ldirector.core.director`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from hbeat.core.events import Effect, Level, Note, Vouch
from hbeat.core.hello import Views
from hbeat.core.model import Resource
from hbeat.core.ownership import Ownership

NAME = "sight"
SETTLED = 10.0
"""Seconds for which the two have to disagree: the default of checkinterval, because two directors do not notice the
death of all their servers in the same moment."""


class Sight:
    """ownership: None where no group goes home by itself (legacy, one node)."""

    def __init__(self, ownership: Ownership | None) -> None:
        self.views: Views = ()
        """What the directors of this node see, for the peer."""
        self.vouched: set[Resource] = set()
        """Directors for whose servers the other node's word stands."""
        self._ownership = ownership
        self._seeing: set[Resource] = set()
        self._blind_since: dict[Resource, float] = {}
        self._theirs: dict[str, bool] = {}

    def seen(self, director: Resource, blind: bool | None, now: float) -> list[Effect]:
        """What this node's director sees now; None: that is not known."""
        since = self._blind_since.pop(director, None)
        self._seeing.discard(director)
        said: list[Effect] = []
        if blind is True:
            self._blind_since[director] = now if since is None else since
            if since is None:
                said.append(Note(Level.WARNING, f"{director.text} sees no real server from here"))
        elif blind is False:
            self._seeing.add(director)
            if since is not None:
                said.append(Note(Level.INFO, f"{director.text} sees real servers again"))
            if director in self.vouched:
                said += self._withdraw(director)
        self.views = self._views()
        self._weigh()
        return said

    def peer_says(self, views: Views, now: float) -> list[Effect]:
        """What the peer's directors see, by its newest word."""
        self._theirs = dict(views)
        owned = self._ownership
        was_held = owned is not None and owned.handover.is_held_back_by(NAME)
        self._weigh()
        said = self._compare(now)
        if owned is None or was_held or not owned.handover.is_held_back_by(NAME) or not owned.held.foreign:
            return said
        text = f"{owned.peer} sees no real server: its groups stay here until it does"
        return [*said, Note(Level.WARNING, text)]

    def peer_gone(self) -> None:
        """It died, stopped, or is an original, which says nothing of that. What it has vouched for, it has."""
        self._theirs = {}
        self._weigh()

    def _compare(self, now: float) -> list[Effect]:
        """For whom the peer's word stands. Only when it speaks: its silence may be that of its death."""
        said: list[Effect] = []
        for director, since in self._blind_since.items():
            sees = self._theirs.get(mark(director)) is False
            if sees and director not in self.vouched and now - since >= SETTLED:
                self.vouched.add(director)
                text = f"{director.text} sees no real server from here, the other node does: its word stands for them"
                said += [Vouch(director, True), Note(Level.WARNING, text)]
        for director in sorted(self.vouched, key=lambda each: each.text):
            if self._theirs.get(mark(director)):
                text = f"{director.text} sees no real server on the other node either: they are down"
                said += [*self._withdraw(director), Note(Level.WARNING, text)]
        return said

    def _withdraw(self, director: Resource) -> list[Effect]:
        self.vouched.discard(director)
        return [Vouch(director, False)]

    def _views(self) -> Views:
        known = [(mark(director), True) for director in self._blind_since]
        return tuple(sorted([*known, *((mark(director), False) for director in self._seeing)]))

    def _weigh(self) -> None:
        if self._ownership is not None:
            self._ownership.handover.hold_back(NAME, _blind(self._theirs.items()) > len(self._blind_since))


def mark(director: Resource) -> str:
    """What both nodes call it in a hello."""
    return f"{zlib.crc32(director.text.encode('utf-8', 'surrogateescape')):08x}"


def _blind(views: Iterable[tuple[str, bool]]) -> int:
    return sum(blind for _, blind in views)
