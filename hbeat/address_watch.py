"""The virtual addresses in the loop: leases are renewed in time, losses and rivals are told to the cluster."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable

from hbeat.agents.claims import Claims
from hbeat.agents.roster import Agents
from hbeat.agents.vips import Vips
from hbeat.core.cluster import Cluster
from hbeat.core.events import Action, Effect, Outcome
from hbeat.core.model import LinkName, Resource, ResourceGroup
from hbeat.core.sending import Target

REMOVED = "somebody removed it, or its lease ran out"
TOO_LATE = "its lease was not renewed in time, because this node was too slow"
AGAIN = 1.0
"""Seconds until the next attempt to remove an address."""


class AddressWatch:
    """perform: does effects. report: takes problems. Raises OSError when a socket cannot be opened."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        agents: Agents,
        vips: Vips,
        cluster: Cluster,
        perform: Callable[[Iterable[Effect]], None],
        report: Callable[[str], None],
    ) -> None:
        self._selector, self._agents, self._vips = selector, agents, vips
        self._cluster, self._perform = cluster, perform
        self._claims = Claims(cluster.ownership.groups, agents.addresses, report)
        self._watched: set[int] = set()
        self._report = report
        self._keeper_due = False
        self._again_at: float | None = None

    def watch(self) -> None:
        """From now on the loop is told what can be read."""
        self._selector.register(self._vips, selectors.EVENT_READ, ("addresses", None))
        self._watch_keeper()
        self._watch_claims()

    def heed(self, groups: Iterable[ResourceGroup]) -> None:
        """haresources was changed."""
        self._claims.heed(groups)
        self._watch_claims()

    def _watch_keeper(self) -> None:
        keeper = self._vips.keeper
        if keeper is not None and keeper.fileno() >= 0:
            self._selector.register(keeper, selectors.EVENT_READ, ("keeper", None))

    def bequeath(self, targets: Iterable[Target], data: bytes) -> None:
        """What the keeper is to send, and where, when this process has died."""
        if (keeper := self._vips.keeper) is not None:
            keeper.bequeath(targets, data)

    def keeper_died(self) -> None:
        """Its pipe has nobody at the other end."""
        if (keeper := self._vips.keeper) is not None:
            self._selector.unregister(keeper)
            keeper.has_died()
            self._report("the keeper has died; starting another")
            self._keeper_due = True
            self._respawn()

    def _respawn(self) -> None:
        keeper = self._vips.keeper
        if not self._keeper_due or keeper is None:
            return
        try:
            if not keeper.respawn(time.monotonic()):
                return
            self._watch_keeper()
        except OSError as error:
            self._report(f"no keeper can be started: {error.strerror}; the leases are still there")
            return
        self._keeper_due = False

    def _watch_claims(self) -> None:
        for sock in self._claims.sockets:
            if sock.fileno() not in self._watched:
                self._watched.add(sock.fileno())
                self._selector.register(sock, selectors.EVENT_READ, ("claims", None))

    def ask(self, resources: Iterable[Resource], machines: Iterable[tuple[LinkName, str]]) -> None:
        """Sends a round of questions to the network."""
        now = time.monotonic()
        for resource, asked in self._claims.ask(resources, dict(machines), now):
            self._perform(self._cluster.address_asked(resource, asked, now))

    def read_claims(self) -> None:
        """What others have said of addresses of this cluster."""
        for resource, claim in self._claims.heard():
            told = self._cluster.address_seen if claim.has else self._cluster.address_wanted
            self._perform(told(resource, claim.mac.hex(":"), time.monotonic()))
        for resource in self._claims.machines_heard():
            self._perform(self._cluster.machine_seen(resource, time.monotonic()))

    def read_losses(self) -> None:
        self._lost(self._vips.missing(), REMOVED)

    def next_deadline(self) -> float | None:
        return min((at for at in (self._vips.next_deadline(), self._again_at) if at is not None), default=None)

    def handle_timer(self) -> None:
        """Renews what is due. What it is too late for goes at once; what would not go is tried again."""
        self._lost(self._vips.renew(), TOO_LATE)
        self._respawn()
        if self._again_at is not None and time.monotonic() >= self._again_at:
            self._again_at = None
            for resource in self._vips.going:
                self.drop(resource)

    def drop(self, resource: Resource) -> None:
        """Off the interface, now; if that fails, every second until it is."""
        now = time.monotonic()
        outcome = self._agents.run(resource, Action.STOP, now)
        if isinstance(outcome, Outcome) and not outcome.ok:
            self._report(f"{resource.text} is not removed: {outcome.detail}; again in {AGAIN:g} s")
            self._again_at = now + AGAIN

    def _lost(self, resources: list[Resource], why: str) -> None:
        for resource in resources:
            self.drop(resource)
        if resources:
            self._perform(self._cluster.addresses_lost(resources, why, time.monotonic()))
