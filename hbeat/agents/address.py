"""IPaddr, IPaddr2, IPv6addr, SendArp and IPsrcaddr: addresses and what goes with them, at once, through netlink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hbeat.adapters.clocks import read_clocks
from hbeat.adapters.default_route import FILE as ROUTE_FILE
from hbeat.adapters.default_route import DefaultRoute, RouteError
from hbeat.adapters.garp import Announcer
from hbeat.adapters.ipaddr import AddressError, Addresses
from hbeat.adapters.ipaddr6 import Address6Error, Addresses6
from hbeat.agents.vips import Vips
from hbeat.core.builtin import parse_ipaddr, parse_ipsrcaddr, parse_ipv6addr, parse_sendarp
from hbeat.core.events import Action, Outcome
from hbeat.core.lease import Clocks, Standing
from hbeat.core.model import Resource


class AddressAgent:
    """Puts addresses on interfaces and announces them. report: where problems which are no failures go.

    vips: where what stands is written down, and its lease; None = nobody is there to renew one. route_file: where the
    default route is kept whose source IPsrcaddr has set.
    """

    def __init__(self, report: Callable[[str], None], vips: Vips | None = None, route_file: Path = ROUTE_FILE) -> None:
        self._report = report
        self._vips = vips
        self._addresses = Addresses()
        self._addresses6: Addresses6 | None = None
        self._route: DefaultRoute | None = None
        self._route_file = route_file
        self.announcer = Announcer()

    def run(self, resource: Resource, action: Action, now: float) -> Outcome:
        does = {"IPv6addr": self._ipv6addr, "SendArp": self._sendarp, "IPsrcaddr": self._ipsrcaddr}
        try:
            return does.get(resource.script, self._ipaddr)(resource, action, now)
        except (AddressError, Address6Error, RouteError) as error:
            return Outcome(False, str(error))

    def locate(self, resource: Resource) -> tuple[str, str, bytes]:
        """The address, the interface where it belongs, and that one's hardware address.

        Raises AddressError or Address6Error.
        """
        if resource.script == "IPv6addr":
            spec6 = parse_ipv6addr(resource.arguments)
            if self._addresses6 is None:
                self._addresses6 = Addresses6()
            _, _, interface, mac = self._addresses6.locate(spec6)
            return spec6.address, interface, mac
        spec = parse_ipaddr(resource.arguments)
        placed = self._addresses.locate(spec)
        return spec.address, placed.interface, placed.mac

    def announce_again(self, resource: Resource, now: float) -> None:
        """The frames of a new address, once more."""
        try:
            address, interface, mac = self.locate(resource)
            self._announce(address, interface, mac, now)
        except (AddressError, Address6Error) as error:
            self._report(f"{resource.text} cannot be announced: {error}")

    def _ipaddr(self, resource: Resource, action: Action, now: float) -> Outcome:
        spec = parse_ipaddr(resource.arguments)
        match action:
            case Action.START:
                asked = read_clocks()
                placed = self._addresses.add(spec, aliased=resource.script == "IPaddr", lease=self._lease)
                self._stands(resource, placed.standing, asked)
                self._announce(spec.address, placed.interface, placed.mac, read_clocks().monotonic)
                return Outcome(True, f"on {placed.interface}", running=True)
            case Action.STOP:
                self._goes(resource, spec.address)
                removed = self._addresses.remove(spec)
                self._is_gone(resource)
                self._keep_route(spec.address)
                return Outcome(True, ", ".join(removed))
            case Action.STATUS:
                return Outcome(True, running=self._addresses.present(spec))

    def _ipv6addr(self, resource: Resource, action: Action, now: float) -> Outcome:
        spec = parse_ipv6addr(resource.arguments)
        if self._addresses6 is None:
            self._addresses6 = Addresses6()
        match action:
            case Action.START:
                asked = read_clocks()
                interface, mac, standing = self._addresses6.add(spec, lease=self._lease)
                self._stands(resource, standing, asked)
                self._announce(spec.address, interface, mac, read_clocks().monotonic)
                return Outcome(True, f"on {interface}", running=True)
            case Action.STOP:
                self._goes(resource, spec.address)
                removed = self._addresses6.remove(spec)
                self._is_gone(resource)
                return Outcome(True, ", ".join(removed))
            case Action.STATUS:
                return Outcome(True, running=self._addresses6.present(spec))

    def _sendarp(self, resource: Resource, action: Action, now: float) -> Outcome:
        """Frames only: the address itself is somebody else's business, such as a script's."""
        spec = parse_sendarp(resource.arguments)
        match action:
            case Action.START:
                self._announce(spec.address, spec.interface, self._addresses.mac_of(spec.interface), now)
            case Action.STOP:
                self.announcer.silence(spec.address)
        return Outcome(True, running=self.announcer.announces(spec.address))

    def _ipsrcaddr(self, resource: Resource, action: Action, now: float) -> Outcome:
        """A stop that fails holds nothing up: the source goes with its address, which is stopped next."""
        address = parse_ipsrcaddr(resource.arguments)
        if self._route is None:
            self._route = DefaultRoute(self._route_file)
        detail, running = "", False
        match action:
            case Action.START:
                self._route.lend(address)
                running = True
            case Action.STOP:
                try:
                    self._route.give_back(address)
                except RouteError as error:
                    detail = str(error)
            case Action.STATUS:
                running = self._route.source() == address
        self._route_changed(self._route)
        return Outcome(True, detail, running=running)

    def _keep_route(self, address: str) -> None:
        """A default route that the kernel has removed with this address is put back."""
        try:
            if self._route is not None:
                self._route.address_gone(address)
        except RouteError as error:
            self._report(str(error))

    def _route_changed(self, route: DefaultRoute) -> None:
        if self._vips is not None:
            self._vips.route(route.again)
        if route.problem:
            self._report(route.problem)
            route.problem = ""

    @property
    def _lease(self) -> int | None:
        return None if self._vips is None else self._vips.lease

    def _stands(self, resource: Resource, standing: Standing, asked: Clocks) -> None:
        if self._vips is not None:
            self._vips.stands(resource, standing, asked)

    def _goes(self, resource: Resource, address: str) -> None:
        self.announcer.silence(address)
        if self._vips is not None:
            self._vips.goes(resource)

    def _is_gone(self, resource: Resource) -> None:
        if self._vips is not None:
            self._vips.gone(resource)

    def _announce(self, address: str, interface: str, mac: bytes, now: float) -> None:
        for problem in self.announcer.announce(address, interface, mac, now):
            self._report(problem)

    def release(self) -> None:
        """All addresses that come together are there: they are announced."""
        for problem in self.announcer.release():
            self._report(problem)

    def release_what_waited(self, now: float) -> None:
        """Those that have waited for others long enough are announced."""
        for problem in self.announcer.release_what_waited(now):
            self._report(problem)

    def close(self) -> None:
        for adapter in (self._addresses, self._addresses6, self._route, self.announcer):
            if adapter is not None:
                adapter.close()
