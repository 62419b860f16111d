"""Asks the network for virtual addresses, and hears who else claims one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from hbeat.adapters.ipaddr import AddressError
from hbeat.adapters.ipaddr6 import Address6Error
from hbeat.adapters.neighbours import Neighbours
from hbeat.agents.address import AddressAgent
from hbeat.core.builtin import ADDRESSES
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.probes import Claim, probe

PLACE_KEPT = 5.0
"""Seconds for which it is not looked up again where an address belongs."""


class Claims:
    """groups: those of haresources, whose addresses are of interest. report: takes problems, each once."""

    def __init__(self, groups: Iterable[ResourceGroup], agent: AddressAgent, report: Callable[[str], None]) -> None:
        self._agent, self._report = agent, report
        self._resources = _by_address(groups)
        self._places: dict[Resource, tuple[str, bytes, float]] = {}  # interface, frame, until when
        self._told: dict[Resource, str] = {}
        self._neighbours = Neighbours(self._resources)

    @property
    def sockets(self) -> list[socket.socket]:
        return self._neighbours.sockets

    def heed(self, groups: Iterable[ResourceGroup]) -> None:
        """haresources was changed."""
        self._resources = _by_address(groups)
        self._places.clear()
        self._neighbours.heed(self._resources)

    def ask(self, resource: Resource, now: float) -> None:
        """Sends one probe."""
        place = self._places.get(resource)
        if place is None or now >= place[2]:
            try:
                address, interface, mac = self._agent.locate(resource)
            except (AddressError, Address6Error) as error:
                self._tell(resource, f"who has it cannot be asked: {error}")
                return
            place = self._places[resource] = (interface, probe(mac, address), now + PLACE_KEPT)
        problem = self._neighbours.ask(place[1], place[0])
        self._tell(resource, f"who has it cannot be asked on {place[0]}: {problem}" if problem else "")

    def heard(self) -> list[tuple[Resource, Claim]]:
        """What others have said of the addresses."""
        return [(self._resources[claim.address], claim) for claim in self._neighbours.claims()]

    def _tell(self, resource: Resource, problem: str) -> None:
        if problem and self._told.get(resource) != problem:
            self._report(f"{resource.text}: {problem}")
        self._told[resource] = problem

    def close(self) -> None:
        self._neighbours.close()


def _by_address(groups: Iterable[ResourceGroup]) -> dict[bytes, Resource]:
    found = (r for group in groups for r in group.resources if r.script in ADDRESSES)
    return {ip_address(r.arguments[0].partition("/")[0]).packed: r for r in found}
