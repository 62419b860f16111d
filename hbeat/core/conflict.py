"""Another machine claims an address that is ours.

If we hold the group in the place of a dead peer, the peer is not dead: it keeps its groups, we give them up, the
addresses at once, and ask on; they are not taken again before nobody answers, also from an original. Everybody else
stays, and says so to the network again. So of two nodes with the same address that hear only each other's ARP the one
that haresources names keeps it. Where both are alive and their haresources disagree, the one whose name comes first
keeps it until they do not.
"""

from __future__ import annotations

from collections.abc import Callable

from hbeat.core.events import Announce, Drop, Effect, Level, Note
from hbeat.core.guard import Guard
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.lost import Lost
from hbeat.core.membership import Peer
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.ownership import Ownership

CONFLICT_PAUSE = 2.0


class Conflicts:
    """proven: the peer, dead for us, has claimed what it was to have left. files_differ: it has another haresources, as
    it says."""

    def __init__(
        self,
        ownership: Ownership | LegacyOwnership,
        peer: Peer | None,
        guard: Guard,
        lost: Lost,
        files_differ: Callable[[], bool],
    ) -> None:
        self.proven = False
        self._ownership, self._peer, self._guard, self._lost = ownership, peer, guard, lost
        self._files_differ = files_differ
        self._next_at: dict[Resource, float] = {}

    def claimed(self, address: Resource, holder: str, now: float) -> list[Effect]:
        """Another machine says that it has this address, for which we do not ask. now: monotonic seconds."""
        owned = self._ownership
        group = next((group for group in owned.mine() if address in group.resources), None)
        if group is None or not owned.stable or owned.standby.under_way:
            return []
        if not owned.jobs.idle and (owned.peer_alive or address in owned.jobs.coming()):
            return []
        if now < self._next_at.get(address, float("-inf")):
            return []
        self._next_at[address] = now + CONFLICT_PAUSE
        return self._settle(address, group, holder, now)

    def _settle(self, address: Resource, group: ResourceGroup, holder: str, now: float) -> list[Effect]:
        owned = self._ownership
        what = f"{address.text} is claimed by {holder}, too"
        if isinstance(owned, Ownership) and group.node != owned.me and not owned.peer_alive and self._guard.enabled:
            self.proven = True
            text = f"{what}: {group.node} is not dead, giving its groups up; check the heartbeat links"
            return [Note(Level.CRITICAL, text), *owned.step_back([group], now)]
        if address not in owned.standing():
            return []
        if self._peer is not None and self._peer.alive and self._files_differ() and owned.me > self._peer.name:
            why = f"haresources of {self._peer.name} gives it to that node, ours to this one; make the files the same"
            return [Drop(address), *self._lost.lose([address], why)]
        return [Note(Level.CRITICAL, f"{what}: two machines have it; it stays here, find the other"), Announce(address)]
