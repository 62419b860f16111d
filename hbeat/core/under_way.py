"""Addresses that are being started here while the other node may be starting them, too.

Between the decision to take addresses and the moment in which they stand lie the starts of what is before them in
haresources, and the stops that they wait behind: the network is asked on for as long (`guard`). That tells the other
node, if it lives, that they are about to be taken, and it is asked likewise: of two that start the same group unheard,
the one that haresources does not name steps back at the first question of the other. So does whoever finds that
somebody has the address after all. While the other node is late and not dead nothing is given up: what is answered for
waits, and is started when nobody answers any more.
"""

from __future__ import annotations

from collections.abc import Collection

from hbeat.core.builtin import ADDRESSES
from hbeat.core.events import Effect, Level, Note
from hbeat.core.guard import Guard
from hbeat.core.holder import keys_of
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.lost import Lost
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.ownership import Ownership
from hbeat.core.takeover import JobKind


class UnderWay:
    """overridden: what is under way was taken from an original that still answers; nobody is asked."""

    def __init__(self, ownership: Ownership | LegacyOwnership, guard: Guard, lost: Lost) -> None:
        self.overridden = False
        self._ownership, self._guard, self._lost = ownership, guard, lost

    def addresses(self, silent: bool) -> dict[Resource, JobKind]:
        """Those that are being started, or wait for it, and have to be asked for: all while the peer is silent, else
        those that were lost a moment ago."""
        owned = self._ownership
        if owned.jobs.idle or not owned.stable or self.overridden or not self._guard.enabled:
            return {}
        coming = {r: kind for r, kind in owned.jobs.coming().items() if r.script in ADDRESSES}
        return coming if silent else {r: kind for r, kind in coming.items() if kind is JobKind.RESTORE}

    def step_back(self, silent: bool, now: float) -> list[Effect]:
        """Somebody else answers for what is under way, or is about to take it. What was lost is asked for again; so is
        what was being taken while the peer is silent and not dead yet: it may be the peer that took it."""
        owned, holders = self._ownership, self._guard.holders()
        held = {r: kind for r, kind in self.addresses(silent).items() if r in holders}
        waits = (JobKind.RESTORE, JobKind.OWN, JobKind.TAKE_OVER) if owned.peer_alive else (JobKind.RESTORE,)
        again = {r: kind for r, kind in held.items() if kind in waits}
        effects = self._put_off(again)
        groups = self._groups_of(held.keys() - again.keys())
        if owned.peer_alive or not groups:
            return effects
        names = ", ".join(f"{r.text} by {holders[r]}" for r in held)
        text = f"answered for, or asked for, while it was being started here: {names}; giving up {keys_of(groups)}"
        return [*effects, Note(Level.CRITICAL, text), *owned.step_back(groups, now)]

    def _put_off(self, answered: dict[Resource, JobKind]) -> list[Effect]:
        """This waits until nobody answers for it any more."""
        if answered:
            self._ownership.jobs.abandon(self._groups_of(answered))
        self._lost.addresses |= answered.keys()
        news = [r for r, kind in answered.items() if kind is not JobKind.RESTORE]  # what was lost was told of then
        holders = self._guard.holders()
        names = ", ".join(f"{r.text} by {holders[r]}" for r in news)
        text = f"answered for while it was being started here: {names}; it is started when nobody answers any more"
        return [Note(Level.ERROR, text)] if news else []

    def _groups_of(self, addresses: Collection[Resource]) -> list[ResourceGroup]:
        """Those of ours that have one of these."""
        return [group for group in self._ownership.mine() if not set(addresses).isdisjoint(group.resources)]
