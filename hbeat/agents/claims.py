"""Asks the network for virtual addresses, and hears who else claims one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address

from hbeat.adapters.ipaddr import AddressError
from hbeat.adapters.ipaddr6 import Address6Error
from hbeat.adapters.neighbours import Neighbours
from hbeat.agents.address import AddressAgent
from hbeat.core.builtin import ADDRESSES
from hbeat.core.model import LinkName, Resource, ResourceGroup
from hbeat.core.probes import Claim, probe

PLACE_KEPT = 5.0
"""Seconds for which it is not looked up again where an address belongs."""


class Claims:
    """groups: those of haresources, whose addresses are of interest. report: takes problems, each once."""

    def __init__(self, groups: Iterable[ResourceGroup], agent: AddressAgent, report: Callable[[str], None]) -> None:
        self._agent, self._report = agent, report
        self._resources = _by_address(groups)
        self._places: dict[Resource, tuple[str, bytes, bytes, float]] = {}  # interface, frame, own MAC, until when
        self._told: dict[Resource, str] = {}
        self._machines: dict[bytes, set[Resource]] = {}  # what was asked beside which machine
        self._machines_heard: set[Resource] = set()
        self._neighbours = Neighbours(self._resources)

    @property
    def sockets(self) -> list[socket.socket]:
        return self._neighbours.sockets

    def heed(self, groups: Iterable[ResourceGroup]) -> None:
        """haresources was changed."""
        self._resources = _by_address(groups)
        self._places.clear()
        self._machines.clear()
        self._neighbours.heed(self._resources)

    def ask(self, resource: Resource, machines: Mapping[LinkName, str], now: float) -> None:
        """Sends one probe, and one for the machine of that interface, if it is of the same family."""
        place = self._places.get(resource)
        if place is None or now >= place[3]:
            try:
                address, interface, mac = self._agent.locate(resource)
            except (AddressError, Address6Error) as error:
                self._tell(resource, f"who has it cannot be asked: {error}")
                return
            place = self._places[resource] = (interface, probe(mac, address), mac, now + PLACE_KEPT)
        problem = self._neighbours.ask(place[1], place[0])
        self._tell(resource, f"who has it cannot be asked on {place[0]}: {problem}" if problem else "")
        if machine := machines.get(place[0]):
            self._ask_machine(resource, machine, place[0], place[2])

    def _ask_machine(self, resource: Resource, machine: str, interface: str, mac: bytes) -> None:
        packed = ip_address(machine).packed
        if packed in self._resources or len(packed) != len(_packed(resource)):
            return
        if packed not in self._machines:
            self._machines[packed] = set()
            self._neighbours.heed([*self._resources, *self._machines])
        self._machines[packed].add(resource)
        self._neighbours.ask(probe(mac, machine), interface)

    def heard(self) -> list[tuple[Resource, Claim]]:
        """What others have said of the addresses."""
        claims = self._neighbours.claims()
        for claim in claims:
            if claim.has:
                self._machines_heard |= self._machines.get(claim.address, set())
        return [(self._resources[claim.address], claim) for claim in claims if claim.address in self._resources]

    def machines_heard(self) -> set[Resource]:
        """Addresses beside which their machine has answered for itself, as `heard` last read."""
        heard, self._machines_heard = self._machines_heard, set()
        return heard

    def _tell(self, resource: Resource, problem: str) -> None:
        if problem and self._told.get(resource) != problem:
            self._report(f"{resource.text}: {problem}")
        self._told[resource] = problem

    def close(self) -> None:
        self._neighbours.close()


def _by_address(groups: Iterable[ResourceGroup]) -> dict[bytes, Resource]:
    found = (r for group in groups for r in group.resources if r.script in ADDRESSES)
    return {_packed(r): r for r in found}


def _packed(resource: Resource) -> bytes:
    return ip_address(resource.arguments[0].partition("/")[0]).packed
