"""The cables of virtual addresses and heartbeats, in the loop: the cluster gets the sum of what the kernel tells."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable

from hbeat.adapters.carrier import Carrier
from hbeat.adapters.ipaddr import AddressError
from hbeat.adapters.ipaddr6 import Address6Error
from hbeat.agents.address import AddressAgent
from hbeat.core.builtin import ADDRESSES
from hbeat.core.cluster import Cluster
from hbeat.core.events import Effect
from hbeat.core.model import Resource, ResourceGroup


class CableWatch:
    """perform: does effects. Raises OSError when a socket cannot be opened."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        agent: AddressAgent,
        cluster: Cluster,
        perform: Callable[[Iterable[Effect]], None],
    ) -> None:
        self._selector, self._agent, self._cluster, self._perform = selector, agent, cluster, perform
        self._carrier = Carrier()
        self._places: dict[Resource, str | None] = {}  # the interface where it belongs, None: not known yet
        self._told: tuple[frozenset[str], frozenset[Resource], bool] = (frozenset(), frozenset(), False)

    def watch(self, groups: Iterable[ResourceGroup]) -> None:
        """From now on the loop is told what can be read."""
        self._selector.register(self._carrier, selectors.EVENT_READ, ("cables", None))
        self.heed(groups)

    def heed(self, groups: Iterable[ResourceGroup]) -> None:
        """haresources was changed."""
        addresses = [r for group in groups for r in group.resources if r.script in ADDRESSES]
        self._places = {resource: self._places.get(resource) for resource in addresses}
        self._look()

    def read(self) -> None:
        """There is news of some link."""
        self._carrier.drain()
        self._look()

    def _look(self) -> None:
        for resource in [r for r, place in self._places.items() if place is None]:
            self._places[resource] = self._place(resource)
        places = {place for place in self._places.values() if place}
        links = frozenset(self._cluster.settings.links)
        out = self._carrier.lost(places | links)
        lost, isolated = out & places, links <= out
        severed = frozenset(resource for resource, place in self._places.items() if place in lost)
        if (lost, severed, isolated) != self._told:
            self._told = lost, severed, isolated
            self._perform(self._cluster.carrier(lost, severed, isolated, time.monotonic()))

    def _place(self, resource: Resource) -> str | None:
        try:
            return self._agent.locate(resource)[1]
        except (AddressError, Address6Error):
            return None  # its interface is not there yet; the kernel tells when it comes
