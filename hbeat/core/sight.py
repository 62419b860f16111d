"""Which node sees real servers? One whose checks reach none would serve an empty farm.

Every director says of itself whether it is blind: it checks servers, and every one of them is down for it. What that
means depends on the other node. Servers that are down for both are down. Where they are down for one node and not for
the other, it is that node's network, and groups do not go home to it: not after its return, not when its cable is back,
for as long as it lasts. Serving the farm badly is better than not at all, so nothing else follows: a blind node takes
the groups of one that has died, and gets them when an administrator says so.

A director that becomes active while it is blind checks every server at once (`ldirector.core.director`).
"""

from __future__ import annotations

from hbeat.core.events import Effect, Level, Note
from hbeat.core.model import Resource
from hbeat.core.ownership import Ownership

NAME = "sight"


class Sight:
    """ownership: None where no group goes home by itself (legacy, one node)."""

    def __init__(self, ownership: Ownership | None) -> None:
        self.blind: set[Resource] = set()
        """Directors of this node that see no server."""
        self._ownership = ownership
        self._peer_blind = 0

    def seen(self, director: Resource, blind: bool) -> list[Effect]:
        """What this node's director sees now."""
        if blind is (director in self.blind):
            return []
        (self.blind.add if blind else self.blind.discard)(director)
        self._weigh()
        if blind:
            return [Note(Level.WARNING, f"{director.text} sees no real server from here")]
        return [Note(Level.INFO, f"{director.text} sees real servers again")]

    def peer_says(self, blind: int) -> list[Effect]:
        """How many directors of the peer see no server, by its newest word."""
        self._peer_blind = blind
        owned = self._ownership
        was_held = owned is not None and owned.handover.is_held_back_by(NAME)
        self._weigh()
        if owned is None or was_held or not owned.handover.is_held_back_by(NAME) or not owned.held.foreign:
            return []
        text = f"{owned.peer} sees no real server: its groups stay here until it does"
        return [Note(Level.WARNING, text)]

    def peer_gone(self) -> None:
        """It died, stopped, or is an original, which says nothing of that."""
        self._peer_blind = 0
        self._weigh()

    def _weigh(self) -> None:
        if self._ownership is not None:
            self._ownership.handover.hold_back(NAME, self._peer_blind > len(self.blind))
