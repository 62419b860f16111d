"""Asks the network for virtual addresses, and hears who else claims one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from hbeat.adapters.ipaddr import AddressError
from hbeat.adapters.ipaddr6 import Address6Error
from hbeat.adapters.neighbours import Neighbours
from hbeat.agents.address import AddressAgent
from hbeat.core.builtin import ADDRESSES
from hbeat.core.events import Asked
from hbeat.core.model import LinkName, Resource, ResourceGroup
from hbeat.core.probes import Claim, probe

PLACE_KEPT = 5.0
"""Seconds for which it is not looked up again where an address belongs."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an address belongs, and the frame that asks for it there. mac: our own. until: when to look again."""

    interface: str
    mac: bytes
    frame: bytes
    until: float


class Claims:
    """groups: those of haresources, whose addresses are of interest. report: takes problems, each once."""

    def __init__(self, groups: Iterable[ResourceGroup], agent: AddressAgent, report: Callable[[str], None]) -> None:
        self._agent, self._report = agent, report
        self._resources = _by_address(groups)
        self._places: dict[Resource, _Place] = {}
        self._told: dict[Resource, str] = {}
        self._machines: dict[bytes, set[Resource]] = {}  # what was asked beside which machine
        self._machines_heard: set[Resource] = set()
        self._unfiltered = ""
        self._neighbours = Neighbours(self._resources)
        self._tell_if_unfiltered()

    @property
    def sockets(self) -> list[socket.socket]:
        return self._neighbours.sockets

    def heed(self, groups: Iterable[ResourceGroup]) -> None:
        """haresources was changed."""
        self._resources = _by_address(groups)
        self._places.clear()
        self._machines.clear()
        self._heed_all()

    def ask(
        self, resources: Iterable[Resource], machines: Mapping[LinkName, str], now: float
    ) -> list[tuple[Resource, Asked]]:
        """Sends a probe for each, and one for the machine of each interface that they are asked for on, if it is of the
        same family. Returns what became of them."""
        done = []
        beside: dict[tuple[str, bytes], list[Resource]] = {}
        for resource in resources:
            asked, place = self._ask(resource, now)
            done.append((resource, asked))
            if place is not None and place.interface in machines:
                beside.setdefault((place.interface, place.mac), []).append(resource)
        for (interface, mac), asked_there in beside.items():
            self._ask_machine(asked_there, machines[interface], interface, mac)
        return done

    def _ask(self, resource: Resource, now: float) -> tuple[Asked, _Place | None]:
        """What became of the probe; where it went to, if it did."""
        place = self._places.get(resource)
        if place is None or now >= place.until:
            try:
                address, interface, mac = self._agent.locate(resource)
            except (AddressError, Address6Error) as error:
                self._tell(resource, f"who has it cannot be asked: {error}")
                return Asked.NOWHERE, None
            place = self._places[resource] = _Place(interface, mac, probe(mac, address), now + PLACE_KEPT)
        asked, problem = self._neighbours.ask(place.frame, place.interface)
        self._tell(resource, f"who has it cannot be asked on {place.interface}: {problem}" if problem else "")
        return asked, place if asked is Asked.SENT else None

    def _ask_machine(self, beside: Iterable[Resource], machine: str, interface: str, mac: bytes) -> None:
        packed = ip_address(machine).packed
        of_family = {resource for resource in beside if len(_packed(resource)) == len(packed)}
        if packed in self._resources or not of_family:
            return
        if packed not in self._machines:
            self._machines[packed] = set()
            self._heed_all()
        self._machines[packed] |= of_family
        self._neighbours.ask(probe(mac, machine), interface)

    def _heed_all(self) -> None:
        self._neighbours.heed([*self._resources, *self._machines])
        self._tell_if_unfiltered()

    def _tell_if_unfiltered(self) -> None:
        before, self._unfiltered = self._unfiltered, self._neighbours.unfiltered
        if self._unfiltered and not before:
            text = f"the kernel does not pick the ARP frames that matter: {self._unfiltered}; all are read here"
            self._report(f"{text} (net.core.optmem_max may be too small)")

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


def _by_address(groups: Iterable[ResourceGroup]) -> dict[bytes, Resource]:
    found = (r for group in groups for r in group.resources if r.script in ADDRESSES)
    return {_packed(r): r for r in found}


def _packed(resource: Resource) -> bytes:
    return ip_address(resource.arguments[0].partition("/")[0]).packed
